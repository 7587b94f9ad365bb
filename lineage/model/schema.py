"""Types: what the nodes of each kind may declare, and how a type evolves.

A type is named by a name and a version within its kind, and may be based on a system type, which
says what it is (a data set, a model, training …).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Annotated, Any, ClassVar, Self, TypeAlias, cast

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import from_json
from typing_extensions import override

from lineage.errors import AlreadyExists, Invalid, excerpt
from lineage.model.canonical import encode
from lineage.model.entities import Entity, Id, Text, Time, Version
from lineage.model.fields import inner_metadata
from lineage.model.keys import Kind, TypeName
from lineage.model.notebook import html_answer
from lineage.model.values import JSON, KINDS, Struct, Value, ValueType, kind_of, to_text, to_value

__all__ = [
    "TYPE_CLASSES",
    "AnyType",
    "ArtifactType",
    "ContextType",
    "ExecutionType",
    "Indexed",
    "NodeType",
    "Schema",
    "conform",
    "evolve",
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
        raise Invalid(f"{excerpt(raw)} is not a mapping of property names to value types")
    schema = {to_text(name): _to_value_type(name, given) for name, given in raw.items()}
    return Schema(sorted(schema.items()))


def _to_value_type(name: str, raw: Any) -> ValueType:
    try:
        return ValueType(raw)
    except ValueError:
        known = ", ".join(ValueType)
        raise Invalid(f"{name!r}: {excerpt(raw)} is not a value type; there are {known}") from None


def _to_json(raw: object) -> JSON:
    value = None if raw is None else to_value(raw)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise Invalid(f"{excerpt(raw)} is not JSON") from None
    return cast(JSON, value)


def _to_names(raw: object) -> tuple[str, ...]:
    if not isinstance(raw, list | tuple | set | frozenset):
        raise Invalid(f"{excerpt(raw)} is not a collection of property names")
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
            raise Invalid(f"{excerpt(text)} is not a type")
        if unknown := content.keys() - cls.model_fields.keys():
            raise Invalid(f"{cls.__name__}: {min(unknown)!r} is not a field")
        given = {name: value for name, value in content.items() if value is not None}
        return cls.stored({name: _reader(cls.model_fields[name])(given[name]) for name in given})

    @property
    def type_name(self) -> TypeName:
        """The name and version."""
        return TypeName(self.name, self.version)

    @override
    def _html(self) -> str:
        base = f", based on {self.base}" if self.base else ""
        rows = [
            (name, value_type.value, "indexed" if name in self.indexed else "")
            for name, value_type in self.properties.items()
        ]
        caption = f"{self.kind} type {self.type_name}{base}"
        return html_answer(caption, ("property", "values", "index"), rows)


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
                f"property {name!r} of type {node_type.type_name} is {wanted}, not {given}: {excerpt(value)}"
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
