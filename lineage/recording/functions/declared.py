"""What annotations say of a function's arguments and results: which of them are artifacts, and of which class.

`Annotated[Path, Table]` declares that a path, or a frame, is a `Table`; `Annotated[Path, Table(day=3)]` gives its
fields, too. It is found in `X | None`, lists, tuples, mappings, named tuples and typed dictionaries.
"""

from __future__ import annotations

import os
import re
import sys
import typing
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from inspect import unwrap
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from lineage.digests.files import digest_of
from lineage.errors import Invalid
from lineage.model.entities import Artifact, property_fields
from lineage.model.fields import unwrap_optional

__all__ = [
    "DEEPEST",
    "Declared",
    "declared_by",
    "described",
    "hints_of",
    "is_place",
    "yielded_and_returned",
]

_STREAMS: Final = (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
)
_OF_FRAMES: Final = frozenset({"digest", "rows", "columns", "types"})
"""The fields that a frame itself fills."""
DEEPEST: Final = 8
"""How many containers may lie in one another."""
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class Declared:
    """What an annotation declares of a value: the artifact that it is, or what its parts are."""

    artifact: Artifact | type[Artifact] | None = None
    each: Declared | None = None
    parts: Mapping[int | str, Declared] = field(default_factory=dict)

    def part(self, step: int | str) -> Declared | None:
        """Return what is declared of the value at an index or a key."""
        return self.parts.get(step, self.each)


def hints_of(function: Callable[..., object]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a function's annotations, resolved, and the names of those that cannot be resolved (yet)."""
    inner = unwrap(function)
    resolved: dict[str, Any] = {}
    unresolved: list[str] = []
    for name, annotation in _annotations(inner).items():
        try:
            resolved[name] = _resolved(annotation, inner)
        except Exception:  # noqa: BLE001  # a text may be any expression, and raise anything
            unresolved.append(name)
    return resolved, tuple(unresolved)


def _annotations(function: object) -> Mapping[str, object]:
    if sys.version_info >= (3, 14):
        import annotationlib

        # Where one of them is of a name that is not there yet, the others are wanted all the same.
        try:
            return annotationlib.get_annotations(function)
        except Exception:  # noqa: BLE001  # the same
            form = annotationlib.Format.STRING
            return annotationlib.get_annotations(function, format=form)
    found: Mapping[str, object] = getattr(function, "__annotations__", None) or {}
    return found


def _resolved(annotation: object, function: object) -> object:
    def alone() -> None: ...

    alone.__annotations__ = {"it": annotation}
    hints = typing.get_type_hints(
        alone, _globals(function), _enclosed(function), include_extras=True
    )
    return hints["it"]


def _globals(function: object) -> dict[str, Any]:
    """Return the names that a function, or a class, finds in its module."""
    found: dict[str, Any] | None = getattr(function, "__globals__", None)
    if found is None:
        module = sys.modules.get(getattr(function, "__module__", ""))
        found = {} if module is None else vars(module)
    return found


def _enclosed(function: object) -> dict[str, object]:
    """Return what a function has of the functions around it, by name."""
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    cells = getattr(function, "__closure__", None) or ()
    enclosed = {}
    for name, cell in zip(names, cells, strict=True):
        try:
            enclosed[name] = cell.cell_contents
        except ValueError:  # it is not assigned yet
            continue
    return enclosed


def declared_by(annotation: object, depth: int = 0) -> Declared | None:
    """Return what an annotation declares; None where that is nothing, `Invalid` where it cannot be.

    One that holds itself is followed for a few levels.
    """
    if depth > DEEPEST:
        return None
    annotation = getattr(annotation, "__value__", annotation)  # of `type X = …`
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _annotated(arguments) or declared_by(arguments[0], depth + 1)
    if origin in (Union, UnionType):
        return _one_of(arguments, depth + 1)
    if origin in (typing.Required, typing.NotRequired):
        return declared_by(arguments[0], depth + 1)
    return _of_class(annotation, depth + 1) or _within(origin, arguments, depth + 1)


def _of_class(annotation: object, depth: int) -> Declared | None:
    """Return what the fields of a named tuple, or of a typed dictionary, declare."""
    is_named = isinstance(annotation, type) and hasattr(annotation, "_fields")
    if not is_named and not typing.is_typeddict(annotation):
        return None
    hints, _ = hints_of(typing.cast("type[object]", annotation))
    return _parts({name: declared_by(hint, depth) for name, hint in hints.items()})


def _annotated(arguments: tuple[Any, ...]) -> Declared | None:
    for said in arguments[1:]:
        if isinstance(said, Artifact) or (isinstance(said, type) and issubclass(said, Artifact)):
            _check_fillable(said, arguments[0])
            return Declared(artifact=said)
    return None


def _check_fillable(artifact: Artifact | type[Artifact], annotation: object) -> None:
    """Raise `Invalid` for a class with a field that is required, and that neither a path nor a frame fills."""
    if isinstance(artifact, Artifact):
        if artifact.id is not None:
            raise Invalid(
                f"{artifact.key} is stored, and each call has an artifact of its own: annotate with its class"
            )
        return
    if artifact.type_name is None:
        raise Invalid("Annotated[…, Artifact]: an artifact needs a type; give a subclass of it")
    fields = property_fields(artifact)
    required = {name for name in fields if artifact.model_fields[name].is_required()}
    if left := sorted(required - ({"digest"} if _is_of_path(annotation) else _OF_FRAMES)):
        raise Invalid(
            f"{artifact.__name__}: nothing fills {', '.join(left)}, which it requires; give the values, as in "
            f"Annotated[…, {artifact.__name__}({left[0]}=…)], or defaults to its fields"
        )


def _is_of_path(annotation: object) -> bool:
    """Whether an annotation says that a value is a path, alone or among others."""
    inner = unwrap_optional(annotation)
    if get_origin(inner) in (Union, UnionType):
        return all(_is_of_path(each) for each in get_args(inner) if each is not NoneType)
    kind = get_origin(inner) or inner
    return isinstance(kind, type) and issubclass(kind, str | os.PathLike)


def _one_of(members: Collection[object], depth: int) -> Declared | None:
    all_declared = [declared_by(member, depth) for member in members]
    several = [each for each in all_declared if each is not None]
    if len(several) > 1:
        raise Invalid(
            "an annotation declares several artifacts of one value; declare one, and return others beside it"
        )
    return several[0] if several else None


def _within(origin: object, arguments: tuple[Any, ...], depth: int) -> Declared | None:
    """Return what is declared of the parts of a container."""
    if not isinstance(origin, type):
        return None
    if issubclass(origin, tuple) and not (len(arguments) == 2 and arguments[1] is ...):
        return _parts({index: declared_by(one, depth) for index, one in enumerate(arguments)})
    if issubclass(origin, tuple | Sequence) and arguments:
        each = declared_by(arguments[0], depth)
    elif issubclass(origin, Mapping) and len(arguments) == 2:
        each = declared_by(arguments[1], depth)
    else:
        return None
    return None if each is None else Declared(each=each)


def _parts(parts: Mapping[Any, Declared | None]) -> Declared | None:
    declared = {step: each for step, each in parts.items() if each is not None}
    return Declared(parts=declared) if declared else None


def yielded_and_returned(annotation: object) -> tuple[Declared | None, Declared | None]:
    """Return what a generator's annotation declares of each value that it yields, and of the one that it returns."""
    if get_origin(annotation) not in _STREAMS:
        return None, None
    arguments = get_args(annotation)
    returned = arguments[2] if len(arguments) > 2 else None
    return declared_by(arguments[0]), declared_by(returned)


def is_place(value: object) -> bool:
    """Whether a value is a path or a URI, as far as its class says."""
    return isinstance(value, str | os.PathLike)


def described(value: object, declared: Artifact | type[Artifact]) -> Artifact:
    """Return the artifact that a path, a URI or else a frame is declared to be; `Invalid` and `NotFound` as its class says.

    What a URI leads to is not read, so that it has no digest.
    """
    cls, fields = (declared, {}) if isinstance(declared, type) else _template(declared)
    if isinstance(value, str) and _URI.match(value):
        return cls(**{"uri": value, **fields})
    if is_place(value):
        return _of_path(cls, typing.cast("str | os.PathLike[str]", value), fields)
    from_frame = getattr(cls, "from_frame", None)
    if from_frame is not None:
        artifact: Artifact = from_frame(value, **fields)
        return artifact
    raise Invalid(
        f"a value of type {type(value).__name__} is declared as {cls.__name__}, which can be made of a path; give one, or "
        f"{cls.__name__}(…) itself"
    )


def _template(artifact: Artifact) -> tuple[type[Artifact], dict[str, Any]]:
    cls = type(artifact)
    told = set() if cls.type_name is None else {"type", "type_version", "properties"}
    given = artifact.model_fields_set - told
    return cls, {name: getattr(artifact, name) for name in given}


def _of_path(
    cls: type[Artifact], path: str | os.PathLike[str], fields: Mapping[str, Any]
) -> Artifact:
    from_path = getattr(cls, "from_path", None)
    if from_path is not None:
        artifact: Artifact = from_path(path, **fields)
        return artifact
    from pathlib import Path

    digest = digest_of(path)
    custom = {"digest": digest, **fields.get("custom_properties", {})}
    return cls(**{"uri": Path(path).resolve().as_uri(), **fields, "custom_properties": custom})
