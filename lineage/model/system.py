"""The nine system types, the library's own types, and the classes that stand for types.

The system types have the ids 1 to 9, in MLMD's order; every other type may be based on one of them.
Names that begin with `lineage.` or `mlmd.` are reserved.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lineage.digests.files import digest_of
from lineage.digests.locations import local_path, without_credentials
from lineage.errors import Invalid, excerpt
from lineage.model.entities import Artifact, Context, Execution, Node, property_fields
from lineage.model.fields import type_of_annotation
from lineage.model.keys import Kind
from lineage.model.schema import TYPE_CLASSES, AnyType, Indexed, Schema
from lineage.model.values import ValueType
from lineage.progress import Report

__all__ = [
    "OWN_CLASSES",
    "RUN_ID",
    "SYSTEM_NAMES",
    "SYSTEM_TYPES",
    "Alias",
    "Asset",
    "Dataset",
    "Deploy",
    "Environment",
    "Evaluate",
    "Measurement",
    "Metrics",
    "Model",
    "Process",
    "RunContext",
    "Series",
    "Statistics",
    "Train",
    "Transform",
    "is_reserved",
    "type_of",
]

MOST_COLUMNS = 1_000
"""How many columns of a frame are named, at most."""


class _Described:
    """What artifacts with a digest have in common."""

    if TYPE_CHECKING:

        def __init__(self, /, **fields: Any) -> None: ...

    @classmethod
    def from_path(
        cls,
        path: str | PathLike[str],
        /,
        *,
        uri: str | None = None,
        progress: Report | None = None,
        remember: bool = False,
        **fields: Any,
    ) -> Self:
        """Describe a file or a folder: its digest (see `digest_of`), and where it is as the URI.

        Without `uri` that is a `file:` URI, absolute, of what links lead to. Big content shows its
        progress on a terminal; `progress` is told of the bytes instead, where it is given. With `remember`, files that
        have not changed since they were last asked for with it are not read again. The other arguments are fields.
        NotFound and Invalid as for `digest_of`.
        """
        cls._refuse_digest(fields)
        digest = digest_of(path, progress=progress, remember=remember)
        return cls(uri=uri or Path(path).resolve().as_uri(), digest=digest, **fields)

    @classmethod
    def from_uri(
        cls,
        location: str | PathLike[str],
        /,
        *,
        read: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        uri: str | None = None,
        progress: Report | None = None,
        **fields: Any,
    ) -> Self:
        """Describe a file or a folder elsewhere, such as `s3://lake/users.csv`, through `fsspec` where it is installed.

        The digest is what the store says of it, a version or an etag (see `lineage.digests.remote`), and nothing is read;
        with `read`, it is the hash of the content, which is all fetched, the same that the file or folder would have
        here. `storage_options` go to fsspec. Without `uri` the URI is the location without credentials. Paths and `file:` URIs
        are described as by `from_path`. The other arguments are fields.

        NotFound, Invalid and Unavailable, which say why it cannot be looked at; MissingExtra names the package that is missing.
        """
        from lineage.digests.remote import digest_at

        path = local_path(location)
        if path is not None:
            return cls.from_path(path, uri=uri, progress=progress, **fields)
        cls._refuse_digest(fields)
        address = str(location)
        digest = digest_at(address, read=read, storage_options=storage_options, progress=progress)
        return cls(uri=uri or without_credentials(address), digest=digest, **fields)

    @classmethod
    def _refuse_digest(cls, fields: Mapping[str, object]) -> None:
        if "digest" in fields:
            raise Invalid(
                f"{cls.__name__}: {excerpt(fields['digest'])}: the digest is that of what is there; leave it out"
            )


class Dataset(_Described, Artifact, type="lineage.Dataset", base="lineage.Dataset"):
    """A data set. `digest` says which content: what has one URI and digest, or one digest and no URI, is one artifact."""

    digest: str | None = None

    @classmethod
    def from_frame(
        cls,
        frame: object,
        /,
        *,
        uri: str | None = None,
        progress: Report | None = None,
        **fields: Any,
    ) -> Self:
        """Describe data in memory: its digest, and its `rows`, `columns` and `types` (see `describe`).

        These three are properties of the class where it declares them (a whole number for `columns` is how many there are), else
        custom ones, unless they are among the other arguments, which are fields; of columns the first 1,000 are named.
        Much data shows its progress on a terminal; `progress` is told of the rows instead, where it is given. Invalid as for `describe`.
        """
        from lineage.digests.frames import describe

        cls._refuse_digest(fields)
        described = describe(frame, progress=progress)
        named = {"columns": described.columns, "types": described.types}
        shown: dict[str, Any] = {"rows": described.rows}
        shown |= {name: list(each[:MOST_COLUMNS]) for name, each in named.items() if any(each)}
        custom = dict(fields.pop("custom_properties", None) or {})
        declared = {field.alias: name for name, field in property_fields(cls).items()}
        for name, value in shown.items():
            if name in declared:
                counted = type_of_annotation(cls.model_fields[declared[name]].annotation)
                is_count = name != "rows" and counted is ValueType.INT
                fields.setdefault(declared[name], len(named[name]) if is_count else value)
            else:
                custom.setdefault(name, value)
        return cls(uri=uri, digest=described.digest, custom_properties=custom, **fields)


class Model(_Described, Artifact, type="lineage.Model", base="lineage.Model"):
    """A trained model. `digest` says which content."""

    digest: str | None = None


class Metrics(Artifact, type="lineage.Metrics", base="lineage.Metrics"):
    """Measurements of a model or of a run."""


class Statistics(Artifact, type="lineage.Statistics", base="lineage.Statistics"):
    """Statistics of a data set."""


class Train(Execution, type="lineage.Train", base="lineage.Train"):
    """Training: data in, a model out."""


class Transform(Execution, type="lineage.Transform", base="lineage.Transform"):
    """Data in, data out."""


class Process(Execution, type="lineage.Process", base="lineage.Process"):
    """Any other processing."""


class Evaluate(Execution, type="lineage.Evaluate", base="lineage.Evaluate"):
    """A model and data in, metrics out."""


class Deploy(Execution, type="lineage.Deploy", base="lineage.Deploy"):
    """A model goes to where it serves."""


class Asset(Context, type="lineage.Asset"):
    """What several artifacts of a type are the versions of; its name is the asset's."""


DEPLOYED_ALIASES = frozenset({"production", "champion", "live"})
"""The aliases that say of themselves that what holds them is deployed, in small letters."""


class Alias(Context, type="lineage.Alias"):
    """A name that moves among the versions of an asset, such as `churn@production`, and holds one at a time.

    What it holds belongs to it by an attribution; of several, which only imports and edges by hand make, the
    one written last counts. `deployed` says whether what holds it is in use; None, that the alias says so itself.
    """

    asset: str | None = None
    alias: str | None = None
    deployed: bool | None = None

    @property
    def is_deployed(self) -> bool:
        """Whether what holds it is deployed: as it was declared, else by `DEPLOYED_ALIASES`."""
        if self.deployed is not None:
            return self.deployed
        return (self.alias or "").casefold() in DEPLOYED_ALIASES


class Environment(Context, type="lineage.Environment"):
    """Where executions ran, named by the digest of what it says.

    Its custom properties are the versions of the libraries in use, by the names of their
    distributions. `imports` are those of them whose modules or classes the run's own code holds in its globals; None where
    that is not known. `git_clean` says that every tracked file was as committed, and that no other
    Python file or notebook was beside them; files that git ignores do not count.
    """

    python: str | None = None
    implementation: str | None = None
    platform: str | None = None
    machine: str | None = None
    imports: list[str] | None = None
    git_commit: str | None = None
    git_clean: bool | None = None


class Measurement(Context, type="lineage.Measurement"):
    """What metrics were measured of and on: it holds them, a model and a data set, told apart by their roles."""


class Series(Artifact, type="lineage.Series"):
    """What a run logged by steps: of each metric all points, packed (`lineage.model.points`), by its name.

    `spools` says how many bytes of which spool are in it, so that none is stored twice.
    """

    curves: dict[str, Any] | None = None
    spools: dict[str, int] | None = None


class RunContext(Context, type="lineage.Run"):
    """A run and its steps, all executions; those of a step are in a child context.

    `parent` is the `lineage.run` (`RUN_ID`) among the custom properties of the one that has the steps, and
    the context's name.
    """

    parent: str | None = None


WHY = ("error_type", "error_message")
"""The custom properties that say why a run did not end well."""
RUN_ID = "lineage.run"
"""The custom property by which an execution that has steps is known to its `RunContext`: a random UUID."""


_SYSTEM_CLASSES: tuple[type[Node], ...] = (
    Dataset,
    Model,
    Metrics,
    Statistics,
    Train,
    Transform,
    Process,
    Evaluate,
    Deploy,
)


def type_of(cls: type[Node]) -> AnyType:
    """Return the type that a subclass of `Artifact`, `Execution` or `Context` stands for."""
    if cls.type_name is None:
        raise Invalid(f"{cls.__name__} is a kind, not a type; name a type, or pass a subclass")
    base = None if cls.base_type == cls.type_name.name else cls.base_type
    if base is not None and base not in SYSTEM_NAMES[cls.kind]:
        known = ", ".join(SYSTEM_NAMES[cls.kind]) or "none"
        raise Invalid(
            f"{cls.__name__}: {base!r} is not a base type of {cls.kind}s; there are: {known}"
        )
    return TYPE_CLASSES[cls.kind](**_declared(cls), base=base)


def _declared(cls: type[Node]) -> dict[str, Any]:
    """Return what a class says of its type, but for the base."""
    assert cls.type_name is not None
    fields = property_fields(cls).values()
    types = {field.alias: type_of_annotation(field.annotation) for field in fields}
    return {
        "name": cls.type_name.name,
        "version": cls.type_name.version,
        "properties": Schema(sorted(types.items())),
        "indexed": tuple(sorted(field.alias for field in fields if field.marked(Indexed))),
        "description": _own_doc(cls),
    }


def _own_doc(cls: type[Node]) -> str | None:
    doc = cls.__dict__.get("__doc__")
    return doc.strip().splitlines()[0] if doc and doc.strip() else None


SYSTEM_NAMES: dict[Kind, tuple[str, ...]] = {
    kind: tuple(cls.type_name.name for cls in _SYSTEM_CLASSES if cls.kind is kind and cls.type_name)
    for kind in Kind
}


SYSTEM_TYPES: tuple[AnyType, ...] = tuple(
    TYPE_CLASSES[cls.kind].stored({**_declared(cls), "id": number})
    for number, cls in enumerate(_SYSTEM_CLASSES, start=1)
)
"""The nine types of every store, with the ids 1 to 9; MLMD has them as `mlmd.Dataset` and so on."""


OWN_CLASSES: dict[str, type[Node]] = {
    "lineage.Alias": Alias,
    "lineage.Asset": Asset,
    "lineage.Environment": Environment,
    "lineage.Measurement": Measurement,
    "lineage.Run": RunContext,
    "lineage.Series": Series,
}
"""The types with reserved names that a store gets when it needs them, and nobody may change."""


def is_reserved(name: str) -> bool:
    """Whether a type's name is kept for this library's and MLMD's own."""
    return name.startswith(("lineage.", "mlmd."))
