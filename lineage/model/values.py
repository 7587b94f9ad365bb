"""Property values: what may be one, and how one is kept at rest.

A value is a bool, a 64-bit int, a float (NaN and infinities included), a str, a struct (any JSON,
held as a dict or list) or a protobuf `Any`. `None` means absent.

At rest a map of values is one canonical JSON object: keys in code-point order, no white space,
UTF-8. Plain values stand raw (infinities as `1e999`); the rest are objects with one key:
`{"float":"nan"}`, `{"struct":"<JSON text>"}`, `{"any":["type URL","base64"]}`. In raw strings
U+0000 and U+0001 are written as U+0001 U+0001 and U+0001 U+0002, which keeps their order: SQLite
cuts strings at NUL. The canonical text is what digests are made of.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum, StrEnum
from functools import lru_cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NoReturn,
    TypeAlias,
    Union,
    get_args,
    get_origin,
)

from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

from lineage.errors import Invalid

__all__ = [
    "JSON",
    "KINDS",
    "NO_PROPERTIES",
    "Properties",
    "ProtoAny",
    "Struct",
    "Value",
    "ValueType",
    "decode",
    "encode",
    "escape",
    "from_micros",
    "inner_metadata",
    "is_scalar",
    "kind_of",
    "same",
    "stored_values",
    "to_micros",
    "to_properties",
    "to_text",
    "to_time",
    "to_value",
    "type_of_annotation",
    "unescape",
    "unwrap_optional",
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


def unwrap_optional(annotation: Any) -> Any:
    """Return what `X | None` or `Annotated[X, ...]` says beside that."""
    if get_origin(annotation) is Annotated:
        return unwrap_optional(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        members = [
            unwrap_optional(member) for member in get_args(annotation) if member is not NoneType
        ]
        if len(members) == 1:
            return members[0]
    return annotation


def inner_metadata(annotation: Any) -> tuple[Any, ...]:
    """Return what `Annotated` says of the members of a union, as in `Annotated[X, ...] | None`."""
    if get_origin(annotation) not in (Union, UnionType):
        return ()
    marked = [member for member in get_args(annotation) if get_origin(member) is Annotated]
    return tuple(item for member in marked for item in get_args(member)[1:])


def type_of_annotation(annotation: Any) -> ValueType:
    """Return the type of the property that a class's field of this annotation declares."""
    inner = unwrap_optional(annotation)
    if inner in KINDS:
        return KINDS[inner]
    if get_origin(inner) is Literal:
        return _common(
            [kind_of(to_value(choice)) for choice in get_args(inner) if choice is not None]
        )
    if isinstance(inner, type) and issubclass(inner, Enum):
        return _common([kind_of(to_value(member)) for member in inner])
    if isinstance(inner, type) and issubclass(inner, date):
        return ValueType.STRING
    if get_origin(inner) in (Union, UnionType):
        members = [member for member in get_args(inner) if member is not NoneType]
        return _common([type_of_annotation(member) for member in members])
    return ValueType.STRUCT


def _common(kinds: list[ValueType]) -> ValueType:
    """Return the one type that holds values of all these: int and float meet in DOUBLE."""
    distinct = set(kinds)
    if distinct == {ValueType.INT, ValueType.DOUBLE}:
        return ValueType.DOUBLE
    return distinct.pop() if len(distinct) == 1 else ValueType.STRUCT


def to_text(raw: object) -> str:
    """Return a str that can be stored: every character but lone surrogates."""
    if type(raw) is not str:
        if isinstance(raw, str):
            return to_text(str(raw.value) if isinstance(raw, Enum) else str.__str__(raw))
        raise Invalid(f"{raw!r:.80} is not a string")
    if not raw.isascii():
        try:
            raw.encode()
        except UnicodeEncodeError:
            raise Invalid(
                f"{raw!r:.80} holds a lone surrogate, which no storage keeps; replace it"
            ) from None
    return raw


def to_time(raw: object) -> datetime:
    """Return an aware UTC datetime from one, or from RFC 3339 text; a naive one is `Invalid`."""
    moment = raw
    if isinstance(raw, str):
        try:
            moment = datetime.fromisoformat(raw)
        except ValueError:
            raise Invalid(
                f"{raw!r:.80} is not a time; write it like 2026-03-01T12:00:00Z"
            ) from None
    if not isinstance(moment, datetime):
        raise Invalid(f"{raw!r:.80} is not a time; give an aware datetime or RFC 3339 text")
    if moment.tzinfo is None:
        raise Invalid(f"{raw!r:.80} has no time zone; add one, such as datetime.UTC or a final Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid(f"{raw!r:.80} is outside the years 1 to 9999 in UTC") from None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(moment: datetime) -> int:
    """Return an aware datetime as whole microseconds since 1970, exactly."""
    span = moment - _EPOCH
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


@lru_cache(maxsize=1024)  # many rows are of one transaction
def from_micros(micros: int) -> datetime:
    """Return microseconds since 1970 as a UTC datetime, exactly; raise `Invalid` out of its range."""
    seconds, rest = divmod(micros, 1_000_000)
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
    except (ValueError, OverflowError, OSError):
        raise Invalid(f"{micros} microseconds since 1970 is outside the years 1 to 9999") from None


def to_value(raw: object) -> Value:
    """Return `raw` as a value: NumPy scalars, enums, times and models become what they stand for."""
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


_MOST_BITS = 13_000
"""How long a struct's whole numbers may be: Python reads and writes at most 4300 digits."""


def _shown(number: int) -> str:
    return str(number) if number.bit_length() < 256 else f"a number of {number.bit_length()} bits"


def is_scalar(raw: object) -> bool:
    """Whether this is a scalar of NumPy, or of a library like it, for which `item()` stands."""
    sized = hasattr(raw, "dtype") and callable(getattr(raw, "item", None))
    return sized and not getattr(raw, "ndim", 0)


def _from_scalar(raw: Any) -> object:
    if is_scalar(raw):
        plain = raw.item()
        if type(plain) is not type(raw):
            return plain
    raise Invalid(
        f"an object of type {type(raw).__name__} cannot be a property's value; give plain Python values"
    )


def _to_value_slowly(raw: object) -> Value:
    if isinstance(raw, ProtoAny):
        return _to_any(raw)
    plain = _plain(raw)
    if plain is not raw:
        return to_value(plain)
    try:
        struct = to_jsonable_python(raw, inf_nan_mode="constants", fallback=_from_scalar)
    except Invalid:
        raise
    except (PydanticSerializationError, ValueError) as error:
        raise Invalid(
            f"an object of type {type(raw).__name__} cannot be a property's value ({error})"
        ) from error
    if struct is None:
        raise Invalid(f"{raw!r:.80} is no value: None means that a property is absent")
    if isinstance(struct, dict | list):
        _check_struct(struct, 0)
        return struct
    return to_value(struct)


def _to_any(raw: ProtoAny) -> ProtoAny:
    if not isinstance(raw.value, bytes):
        raise Invalid(f"{raw.value!r:.80} is not the bytes of a protobuf message")
    return ProtoAny(to_text(raw.type_url), raw.value)


def _plain(raw: object) -> object:
    """Return the simpler value that one stands for; itself where there is none."""
    if isinstance(raw, Enum):
        return raw.value
    if isinstance(raw, datetime):
        return to_time(raw).isoformat().replace("+00:00", "Z")
    if isinstance(raw, date):
        return raw.isoformat()
    if isinstance(raw, str):
        return to_text(raw)
    for number in (int, float):
        if isinstance(raw, number):
            return number(raw)
    return _from_scalar(raw) if is_scalar(raw) else raw


def _check_struct(node: JSON, depth: int) -> None:
    if depth > 100:
        raise Invalid(
            "a struct is nested more than 100 levels deep; flatten it, or keep it as a string"
        )
    if isinstance(node, dict):
        for key, item in node.items():
            to_text(key)
            _check_struct(item, depth + 1)
    elif isinstance(node, list):
        for item in node:
            _check_struct(item, depth + 1)
    elif isinstance(node, str):
        to_text(node)
    elif isinstance(node, int) and node.bit_length() > _MOST_BITS:
        raise Invalid(f"{_shown(node)} is too long for a struct; give it as a string")


def to_properties(raw: object) -> Properties:
    """Return a frozen, validated copy of a mapping; entries that are `None` are left out."""
    if type(raw) is Properties:
        return raw
    if raw is None:
        return NO_PROPERTIES
    if not isinstance(raw, Mapping):
        raise Invalid(f"{raw!r:.80} is not a mapping of property names to values")
    values = {}
    for name, value in raw.items():
        if value is not None:
            try:
                values[to_text(name)] = to_value(value)
            except Invalid as error:
                raise Invalid(f"{name!r}: {error}") from error
    return Properties(values)


def escape(text: str) -> str:
    """Write a raw string as it stands at rest, without U+0000 and in the same order."""
    if "\x00" in text or "\x01" in text:
        return text.replace("\x01", "\x01\x02").replace("\x00", "\x01\x01")
    return text


def unescape(text: str) -> str:
    """Undo `escape`."""
    return text.replace("\x01\x01", "\x00").replace("\x01\x02", "\x01") if "\x01" in text else text


def _at_rest(value: Value | Struct) -> JSON:
    kind = type(value)
    if kind is str:
        return escape(value)  # type: ignore[arg-type]
    if kind is int or kind is bool:
        return value  # type: ignore[return-value]
    if kind is float:
        return {"float": "nan"} if value != value else value  # type: ignore[return-value]  # noqa: PLR0124
    if kind is ProtoAny:
        return {"any": [value.type_url, base64.b64encode(value.value).decode()]}  # type: ignore[union-attr]
    return {"struct": _struct_text(value.content if isinstance(value, Struct) else value)}  # type: ignore[arg-type]


def _struct_text(content: JSON) -> str:
    return to_json(_ordered(content), inf_nan_mode="constants").decode()


def _ordered(node: JSON) -> JSON:
    """Sort the keys at every level, so that equal structs have one text."""
    if isinstance(node, dict):
        return {key: _ordered(node[key]) for key in sorted(node)}
    if isinstance(node, list):
        return [_ordered(item) for item in node]
    return node


def same(one: Value, other: Value) -> bool:
    """Whether two values are one and the same: of one type, and NaN is equal to itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict | list):
        return encode({"": one}) == encode({"": other})
    return one == other or (one != one and other != other)  # noqa: PLR0124  # NaN alone differs from itself


def encode(values: Mapping[str, Value | Struct]) -> str:
    """Return the canonical JSON text of validated values.

    >>> encode({"b": 1.0, "a": float("nan")})
    '{"a":{"float":"nan"},"b":1.0}'
    """
    if not values:
        return "{}"
    if _are_plain(values):
        text = to_json({name: values[name] for name in sorted(values)}).decode()
        if "\\u0000" not in text and "\\u0001" not in text:
            return text
    rest = {escape(name): _at_rest(values[name]) for name in sorted(values)}
    if any(type(value) is float and math.isinf(value) for value in rest.values()):
        items = (f"{_json(name)}:{_json_or_infinity(value)}" for name, value in rest.items())
        return f"{{{','.join(items)}}}"
    return to_json(rest).decode()


def _are_plain(values: Mapping[str, Value | Struct]) -> bool:
    """Whether all values stand at rest as they are, but for what text needs to be escaped."""
    for value in values.values():
        kind = type(value)
        if kind is float:
            if not -math.inf < value < math.inf:  # type: ignore[operator]
                return False
        elif kind is not str and kind is not int and kind is not bool:
            return False
    return True


_INFINITIES: dict[float, str] = {math.inf: "1e999", -math.inf: "-1e999"}
"""JSON has no infinity, but every reader takes these for it, SQLite's included."""


def _json_or_infinity(value: JSON) -> str:
    return _INFINITIES[value] if isinstance(value, float) and math.isinf(value) else _json(value)


def _json(value: JSON) -> str:
    return to_json(value).decode()


def _from_rest(value: Any) -> Any:
    if type(value) is str:
        return unescape(value)
    if type(value) is dict:
        (tag, content), *_ = value.items()
        if tag == "float":
            return float(content)
        if tag == "any":
            return ProtoAny(content[0], base64.b64decode(content[1]))
        return from_json(content)
    return value


def decode(text: str) -> Properties:
    """Return what `encode` was given.

    >>> decode('{"b":1.0}')
    {'b': 1.0}
    """
    if text == "{}":
        return NO_PROPERTIES
    values = from_json(text)
    if ":{" in text or "\\u0001" in text:
        return Properties({unescape(name): _from_rest(value) for name, value in values.items()})
    return Properties(values)


def stored_values(text: str) -> dict[str, Value | Struct]:
    """Return what `encode` was given, also where `decode` does not tell a struct from a plain value.

    >>> stored_values('{"a":{"struct":"1"},"b":1}')
    {'a': Struct(content=1), 'b': 1}
    """
    values: dict[str, Value | Struct] = dict(decode(text))
    if '{"struct":' in text:
        for name, value in from_json(text).items():
            if isinstance(value, dict) and "struct" in value:
                content = from_json(value["struct"])
                values[unescape(name)] = (
                    content if isinstance(content, dict | list) else Struct(content)
                )
    return values
