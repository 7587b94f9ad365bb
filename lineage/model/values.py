"""Property values: what may be one, and what other objects become.

A value is a bool, a 64-bit int, a float (NaN and infinities included), a str, a struct (any JSON,
held as a dict or list) or a protobuf `Any`. `None` means absent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum, StrEnum
from functools import partial
from typing import Any, NamedTuple, NoReturn, TypeAlias

from pydantic import RootModel
from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python

from lineage.errors import Invalid, excerpt
from lineage.model.scalars import key_text, plain_scalar, refuse_finer, refused

__all__ = [
    "JSON",
    "KINDS",
    "NO_PROPERTIES",
    "Properties",
    "ProtoAny",
    "Struct",
    "Value",
    "ValueType",
    "kind_of",
    "to_properties",
    "to_text",
    "to_value",
]


class ProtoAny(NamedTuple):
    """A protobuf message of any kind: its type's URL and its serialized bytes."""

    type_url: str
    value: bytes


JSON: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None
Value: TypeAlias = bool | int | float | str | ProtoAny | dict[str, Any] | list[Any]


class Struct(NamedTuple):
    """A struct whose content is not a dict or list: what a property declared STRUCT may hold."""

    content: JSON


class ValueType(StrEnum):
    """The types that a declared property can have; MLMD's names."""

    INT = "INT"
    DOUBLE = "DOUBLE"
    STRING = "STRING"
    STRUCT = "STRUCT"
    PROTO = "PROTO"
    BOOLEAN = "BOOLEAN"


class Properties(dict[str, Any]):
    """A map of property values that cannot be changed; `dict(properties)` is a copy that can."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(
            "properties are frozen: make a changed copy of the node with node.replace(...)"
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[Properties], tuple[dict[str, Any]]]:
        return Properties, (dict(self),)


NO_PROPERTIES = Properties()
KINDS: dict[type, ValueType] = {
    bool: ValueType.BOOLEAN,
    int: ValueType.INT,
    float: ValueType.DOUBLE,
    str: ValueType.STRING,
    ProtoAny: ValueType.PROTO,
}
"""The types of values by their classes; every other value is a struct."""


def kind_of(value: Value) -> ValueType:
    """Return the type that a validated value has by itself."""
    return KINDS.get(type(value), ValueType.STRUCT)


def to_text(raw: object) -> str:
    """Return a str that can be stored: every character but lone surrogates."""
    if type(raw) is not str:
        if isinstance(raw, str):
            return to_text(str(raw.value) if isinstance(raw, Enum) else str.__str__(raw))
        raise Invalid(f"{excerpt(raw)} is not a string")
    if not raw.isascii():
        try:
            raw.encode()
        except UnicodeEncodeError:
            raise Invalid(
                f"{excerpt(raw)} holds a lone surrogate, which no storage keeps; replace it"
            ) from None
    return raw


def to_value(raw: object) -> Value:
    """Return `raw` as a value: NumPy scalars, enums, times and models become what they stand for."""
    # Nearly every value is of one of these classes: by the class itself, which a type checker does not
    # follow. Subclasses, such as enums that are strings, go the slow way.
    kind = type(raw)
    if kind is str:
        return to_text(raw)
    if kind is float or kind is bool:
        return raw  # type: ignore[return-value]
    if kind is int:
        if -(2**63) <= raw < 2**63:  # type: ignore[operator]
            return raw  # type: ignore[return-value]
        raise Invalid(f"{_shown(raw)} does not fit in 64 bits; give it as a string")  # type: ignore[arg-type]
    return _to_value_slowly(raw)


DEEPEST = 100
"""How many levels a struct may have."""
_MOST_BITS = 13_000
"""How long a struct's whole numbers may be: Python reads and writes at most 4300 digits."""


def _shown(number: int) -> str:
    return str(number) if number.bit_length() < 256 else f"a number of {number.bit_length()} bits"


def _to_value_slowly(raw: object) -> Value:
    if isinstance(raw, ProtoAny):
        return _to_any(raw)
    struct = _plain(raw, 0)
    if isinstance(struct, dict | list):
        return struct
    if struct is None:
        raise Invalid(f"{excerpt(raw)} is no value: None means that a property is absent")
    return to_value(struct)


def _to_any(raw: ProtoAny) -> ProtoAny:
    if not isinstance(raw.value, bytes):
        raise Invalid(f"{excerpt(raw.value)} is not the bytes of a protobuf message")
    return ProtoAny(to_text(raw.type_url), raw.value)


def _plain(raw: object, depth: int) -> JSON:
    """Return what an object is as JSON, at a depth of a struct; Invalid where something would be lost.

    Sets are sorted lists, since their own order changes from process to process.
    """
    raw = plain_scalar(raw)
    if raw is None or isinstance(raw, str | int | float):
        return _plain_leaf(raw)
    if depth > DEEPEST:
        raise Invalid(
            f"a struct is nested more than {DEEPEST} levels deep; flatten it, or keep it as a string"
        )
    if isinstance(raw, ProtoAny):
        raise refused(raw, "a part of a struct is JSON; make it a property of its own")
    if isinstance(raw, Mapping):
        texts = {to_text(key_text(key)): _plain(item, depth + 1) for key, item in raw.items()}
        if len(texts) < len(raw):
            raise _one_text(raw)
        return texts
    if isinstance(raw, list | tuple | deque):
        return [_plain(item, depth + 1) for item in raw]
    if isinstance(raw, set | frozenset):
        return _sorted([_plain(item, depth + 1) for item in raw])
    if is_dataclass(raw) and not isinstance(raw, type) and not hasattr(raw, _OF_PYDANTIC):
        return {field.name: _plain(getattr(raw, field.name), depth + 1) for field in fields(raw)}
    return _plain_otherwise(raw, depth)


def _plain_leaf(raw: str | float | None) -> JSON:
    if isinstance(raw, str):
        return to_text(raw)
    if isinstance(raw, int) and raw.bit_length() > _MOST_BITS:
        raise Invalid(f"{_shown(raw)} is too long for a struct; give it as a string")
    return raw


_OF_PYDANTIC = "__pydantic_serializer__"


def _plain_otherwise(raw: object, depth: int) -> JSON:
    """Return what Pydantic writes for a model of its own, or for an object that is a text to it."""
    if isinstance(raw, Iterator):
        raise refused(raw, "it can be read but once; give a list")
    try:
        struct = _written(raw)
    except Invalid:
        raise
    except (PydanticSerializationError, ValueError) as error:
        raise Invalid(
            f"an object of type {type(raw).__name__} cannot be a property's value ({error})"
        ) from error
    if hasattr(raw, _OF_PYDANTIC):
        return _plain(_in_order(struct, raw, depth), depth)
    if not isinstance(struct, str):
        raise refused(raw)
    return to_text(struct)


def _written(raw: object) -> Any:
    """Return what Pydantic makes of an object: dicts, lists and scalars of JSON."""
    return to_jsonable_python(raw, inf_nan_mode="constants", fallback=_from_stranger)


def _from_stranger(raw: object) -> object:
    """Return what stands for an object that Pydantic does not know."""
    plain = plain_scalar(raw)
    if plain is raw:
        raise refused(raw)
    return plain


def _in_order(struct: JSON, raw: object, depth: int) -> JSON:
    """Return what Pydantic made of an object, with the sets in there sorted.

    Mappings of which two keys are one text are `Invalid`, and so are times finer than Pydantic
    writes. What a serializer of the object's own made of anything but a set is left as it is.
    """
    if depth > DEEPEST:
        return struct
    if isinstance(raw, RootModel):
        return _in_order(struct, raw.root, depth)
    if isinstance(struct, list):
        is_set = isinstance(raw, set | frozenset)
        if isinstance(raw, list | tuple | deque | set | frozenset) and len(raw) == len(struct):
            # A set that did not change is iterated as it was when it was written.
            pairs = zip(struct, raw, strict=True)
            struct = [_in_order(item, member, depth + 1) for item, member in pairs]
        return _sorted(struct) if is_set else struct
    if isinstance(struct, dict):
        members = _members(raw)
        if isinstance(raw, Mapping) and len(struct) < len(raw) > len(members):
            raise _one_text(raw)
        for name in struct.keys() & members.keys():
            struct[name] = _in_order(struct[name], members[name](), depth + 1)
    elif isinstance(struct, str):
        refuse_finer(raw)
    return struct


def _members(raw: object) -> Mapping[str, Callable[[], object]]:
    """Return what an object holds, by the names that Pydantic writes; computed when it is asked for."""
    if isinstance(raw, Mapping):
        return {_written_key(key): partial(raw.get, key) for key in raw}
    cls = type(raw)
    names: dict[str, str | None] = {}
    if is_dataclass(raw):
        names |= {field.name: None for field in fields(raw)}
    names |= {
        name: field.serialization_alias
        for name, field in getattr(cls, "__pydantic_fields__", {}).items()
    }
    if hasattr(cls, "__pydantic_decorators__"):
        computed = cls.__pydantic_decorators__.computed_fields
        names |= {name: field.info.alias for name, field in computed.items()}
    names |= dict.fromkeys(getattr(raw, "__pydantic_extra__", None) or ())
    return {alias or name: partial(getattr, raw, name) for name, alias in names.items()}


def _one_text(raw: object) -> Invalid:
    return Invalid(f"two keys of {excerpt(raw)} are one text; a struct's keys are texts")


def _written_key(key: object) -> str:
    """Return a mapping's key as Pydantic writes it."""
    return str(next(iter(to_jsonable_python({key: None}, serialize_unknown=True))))


def _sorted(items: list[JSON]) -> list[JSON]:
    """Return the members of a set in an order of their own: of numbers and texts theirs, else that of their JSON."""
    if {type(item) for item in items} in ({int}, {str}):
        return sorted(items)  # type: ignore[type-var]  # all of one type, which has an order
    return sorted(items, key=lambda item: to_json(item, inf_nan_mode="constants"))


def to_properties(raw: object) -> Properties:
    """Return a frozen, validated copy of a mapping; entries that are `None` are left out."""
    if type(raw) is Properties:
        return raw
    if raw is None:
        return NO_PROPERTIES
    if not isinstance(raw, Mapping):
        raise Invalid(f"{excerpt(raw)} is not a mapping of property names to values")
    values = {}
    for name, value in raw.items():
        if value is not None:
            try:
                values[to_text(name)] = to_value(value)
            except Invalid as error:
                raise Invalid(f"{name!r}: {error}") from error
    return Properties(values)
