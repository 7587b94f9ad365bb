"""Types: what the nodes of each kind may declare, how types evolve, and classes as types.

A type is named by a name and a version within its kind. The nine system types have the ids 1 to
9, in MLMD's order; every other type may be based on one of them, which says what it is (a data
set, a model, training …). Names that begin with `lineage.` or `mlmd.` are reserved.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeAlias, cast

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import from_json

from lineage.errors import AlreadyExists, Invalid
from lineage.model.digest import Progress, digest_of
from lineage.model.entities import (
    Artifact,
    Context,
    Entity,
    Execution,
    Id,
    Kind,
    Node,
    Text,
    Time,
    TypeName,
    Version,
    property_fields,
)
from lineage.model.values import (
    JSON,
    KINDS,
    Struct,
    Value,
    ValueType,
    encode,
    inner_metadata,
    kind_of,
    to_text,
    to_value,
    type_of_annotation,
)

__all__ = [
    "OWN_CLASSES",
    "SYSTEM_NAMES",
    "SYSTEM_TYPES",
    "TYPE_CLASSES",
    "AnyType",
    "ArtifactType",
    "Asset",
    "ContextType",
    "Dataset",
    "Deploy",
    "Environment",
    "Evaluate",
    "ExecutionType",
    "Indexed",
    "Metrics",
    "Model",
    "NodeType",
    "Process",
    "Schema",
    "Statistics",
    "Train",
    "Transform",
    "conform",
    "evolve",
    "is_reserved",
    "type_of",
]


class Indexed:
    """Marks a class's field whose values a backend should index: `Annotated[float, Indexed()]`."""


class Schema(dict[str, ValueType]):
    """The declared properties of a type, by name; it cannot be changed."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> None:
        raise TypeError("a type's properties are frozen: put a changed copy of the type")

    __setitem__ = __delitem__ = __ior__ = _refuse  # type: ignore[assignment]
    clear = pop = popitem = setdefault = update = _refuse  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[Schema], tuple[dict[str, ValueType]]]:
        return Schema, (dict(self),)


def _to_schema(raw: object) -> Schema:
    if not isinstance(raw, dict):
        raise Invalid(f"{raw!r:.80} is not a mapping of property names to value types")
    schema = {to_text(name): _to_value_type(name, given) for name, given in raw.items()}
    return Schema(sorted(schema.items()))


def _to_value_type(name: str, raw: Any) -> ValueType:
    try:
        return ValueType(raw)
    except ValueError:
        known = ", ".join(ValueType)
        raise Invalid(f"{name!r}: {raw!r:.80} is not a value type; there are {known}") from None


def _to_json(raw: object) -> JSON:
    value = None if raw is None else to_value(raw)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise Invalid(f"{raw!r:.80} is not JSON") from None
    return cast(JSON, value)


def _to_names(raw: object) -> tuple[str, ...]:
    if not isinstance(raw, list | tuple | set | frozenset):
        raise Invalid(f"{raw!r:.80} is not a collection of property names")
    return tuple(sorted({to_text(name) for name in raw}))


class NodeType(Entity):
    """What the three kinds of type share.

    `properties` are the declared ones; `base` names the system type that says what this one is;
    `indexed` lists the properties whose values a backend indexes. `id`, `create_time` and
    `update_time` are the store's to set.
    """

    kind: ClassVar[Kind]

    id: Id | None = None
    name: Text
    version: Version = None
    description: Text | None = None
    external_id: Text | None = None
    properties: Annotated[
        Mapping[str, ValueType], PlainValidator(_to_schema), PlainSerializer(dict)
    ] = Schema()
    base: Text | None = None
    indexed: Annotated[Collection[str], PlainValidator(_to_names)] = ()
    create_time: Time | None = None
    update_time: Time | None = None

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not name:
            raise Invalid("a type needs a name")
        return name

    @classmethod
    def stored(cls, fields: dict[str, Any]) -> Self:
        """Build a type whose fields are valid already, which takes no validator to be built first."""
        defaults = {name: info.default for name, info in cls.model_fields.items()}
        return cls.of_valid(defaults | fields, set(fields))

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the type that `model_dump_json` wrote; ValueError for anything else.

        It checks what `model_validate_json` does, but needs no validator to be built first, which
        takes longer than all else that a short look at a store does.
        """
        content = from_json(text)
        if not isinstance(content, dict) or not content.get("name"):
            raise Invalid(f"{text!r:.80} is not a type")
        if unknown := content.keys() - cls.model_fields.keys():
            raise Invalid(f"{cls.__name__}: {min(unknown)!r} is not a field")
        given = {name: value for name, value in content.items() if value is not None}
        return cls.stored({name: _reader(cls.model_fields[name])(given[name]) for name in given})

    @property
    def type_name(self) -> TypeName:
        """The name and version."""
        return TypeName(self.name, self.version)


def _reader(field: FieldInfo) -> Callable[[Any], object]:
    """Return the function that a field's annotation names to check values."""
    for mark in (*field.metadata, *inner_metadata(field.annotation)):
        if isinstance(mark, PlainValidator | BeforeValidator):
            return cast(Callable[[Any], object], mark.func)
    raise TypeError(field)


class ArtifactType(NodeType):
    """A type of artifacts."""

    kind = Kind.ARTIFACT


class ExecutionType(NodeType):
    """A type of executions; MLMD's experimental input and output types are kept as opaque JSON."""

    kind = Kind.EXECUTION
    input_type: Annotated[JSON, PlainValidator(_to_json)] = None
    output_type: Annotated[JSON, PlainValidator(_to_json)] = None


class ContextType(NodeType):
    """A type of contexts."""

    kind = Kind.CONTEXT


AnyType: TypeAlias = ArtifactType | ExecutionType | ContextType
TYPE_CLASSES: dict[Kind, type[AnyType]] = {
    cls.kind: cls for cls in (ArtifactType, ExecutionType, ContextType)
}


class _FromPath:
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
        progress: Progress | None = None,
        **fields: Any,
    ) -> Self:
        """Describe a file or a folder: its digest (see `digest_of`), and where it is as the URI.

        Without `uri` that is a `file:` URI, absolute, of what links lead to. Big content shows its
        progress on a terminal; `progress(done, total)` is called with bytes instead, where it is
        given. The other arguments are fields. NotFound and Invalid as for `digest_of`.
        """
        if "digest" in fields:
            raise Invalid(
                f"{cls.__name__}: {fields['digest']!r:.80}: the digest is that of what is at the path; leave it out"
            )
        digest = digest_of(path, progress=progress)
        return cls(uri=uri or Path(path).resolve().as_uri(), digest=digest, **fields)


class Dataset(_FromPath, Artifact, type="lineage.Dataset", base="lineage.Dataset"):
    """A data set. `digest` says which content: inputs of one URI and digest are one artifact."""

    digest: str | None = None


class Model(_FromPath, Artifact, type="lineage.Model", base="lineage.Model"):
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


class Environment(Context, type="lineage.Environment"):
    """Where executions ran, named by the digest of what it says.

    Its custom properties are the versions of the libraries in use, by the names of their
    distributions. `git_clean` says that every tracked file was as committed, and that no other
    Python file or notebook was beside them; files that git ignores do not count.
    """

    python: str | None = None
    implementation: str | None = None
    platform: str | None = None
    machine: str | None = None
    git_commit: str | None = None
    git_clean: bool | None = None


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


OWN_CLASSES: dict[str, type[Node]] = {"lineage.Asset": Asset, "lineage.Environment": Environment}
"""The types with reserved names that a store gets when it needs them, and nobody may change."""


def is_reserved(name: str) -> bool:
    """Whether a type's name is kept for this library's and MLMD's own."""
    return name.startswith(("lineage.", "mlmd."))


def conform(node_type: AnyType, properties: Mapping[str, Value]) -> str:
    """Check declared properties against their type and return them as they are stored."""
    declared = node_type.properties
    for name, value in properties.items():
        if declared.get(name) is not KINDS.get(type(value), ValueType.STRUCT):
            break
    else:
        return encode(properties)
    values: dict[str, Value | Struct] = {}
    for name, value in properties.items():
        wanted = declared.get(name)
        given = kind_of(value)
        if wanted is given:
            values[name] = value
        elif wanted is ValueType.DOUBLE and given is ValueType.INT:
            values[name] = float(value)  # type: ignore[arg-type]
        elif wanted is ValueType.STRUCT and given is not ValueType.PROTO:
            values[name] = Struct(value)  # type: ignore[arg-type]
        elif wanted is None:
            raise Invalid(
                f"type {node_type.type_name} declares no property {name!r}; add it to the type, or give it as a custom "
                f"property (declared: {', '.join(declared) or 'none'})"
            )
        else:
            raise Invalid(
                f"property {name!r} of type {node_type.type_name} is {wanted}, not {given}: {value!r:.80}"
            )
    return encode(values)


def evolve(
    stored: AnyType, given: AnyType, *, can_add: bool = False, can_omit: bool = False
) -> AnyType:
    """Return what the stored type becomes when `given` is put again; `stored` itself if nothing changes.

    A changed value type, a new property without `can_add`, a missing one without `can_omit`:
    `AlreadyExists`, as in MLMD. Left-out properties stay; a left-out base stays, another is
    `Invalid`. A given description, external id and ExecutionType input or output replace.
    """
    for name, value_type in given.properties.items():
        known = stored.properties.get(name)
        if known is None and not can_add:
            raise AlreadyExists(
                f"type {stored.type_name} has no property {name!r}; to add it, allow can_add"
            )
        if known not in (None, value_type):
            raise AlreadyExists(
                f"type {stored.type_name}: property {name!r} is {known} and cannot become {value_type}; "
                f"give the property another name, or the type another version"
            )
    missing = stored.properties.keys() - given.properties.keys()
    if missing and not can_omit:
        raise AlreadyExists(
            f"type {stored.type_name} has {', '.join(sorted(missing))}, which is left out here; allow can_omit"
        )
    if stored.base is not None and given.base not in (None, stored.base):
        raise Invalid(
            f"type {stored.type_name} is based on {stored.base}, which cannot become {given.base}"
        )
    changes: dict[str, Any] = {
        name: getattr(given, name)
        for name in ("base", "description", "external_id", "input_type", "output_type")
        if getattr(given, name, None) is not None
    }
    changes["properties"] = {**stored.properties, **given.properties}
    changes["indexed"] = {*stored.indexed, *given.indexed}
    evolved = stored.replace(**changes)
    return stored if evolved == stored else evolved


def _build_validators() -> None:
    """Build what Pydantic puts off until an entity is first made.

    It does so under a lock, and if one thread forks while another holds it, the child waits for it for
    ever. So no fork finds anything left to build.
    """
    waiting: list[type[Entity]] = [Entity]
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        with suppress(Exception):  # who makes an entity of a faulty class is told so then
            cls.model_rebuild()


os.register_at_fork(before=_build_validators)
