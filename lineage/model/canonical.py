"""The canonical JSON text that a map of values is stored as, and the way back.

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
from typing import Any

from pydantic_core import from_json, to_json

from lineage.errors import Corrupt
from lineage.model.values import JSON, NO_PROPERTIES, Properties, ProtoAny, Struct, Value

__all__ = ["decode", "encode", "escape", "same", "stored_values", "unescape"]


def escape(text: str) -> str:
    """Write a raw string as it stands at rest, without U+0000 and in the same order."""
    if "\x00" in text or "\x01" in text:
        return text.replace("\x01", "\x01\x02").replace("\x00", "\x01\x01")
    return text


def unescape(text: str) -> str:
    """Undo `escape`."""
    return text.replace("\x01\x01", "\x00").replace("\x01\x02", "\x01") if "\x01" in text else text


def _at_rest(value: Value | Struct) -> JSON:
    # By the class itself, which is several times as fast as `isinstance` and tells a bool from an int;
    # a type checker does not follow it, hence what it is told to ignore here and below.
    kind = type(value)
    if kind is str:
        return escape(value)  # type: ignore[arg-type]
    if kind is int or kind is bool:
        return value  # type: ignore[return-value]
    if kind is float:
        # NaN alone differs from itself.
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
    """Return what `encode` was given; `Corrupt` for what it never returned, which somebody else stored.

    >>> decode('{"b":1.0}')
    {'b': 1.0}
    """
    if text == "{}":
        return NO_PROPERTIES
    try:
        values = from_json(text)
        if ":{" in text or "\\u0001" in text:
            return Properties({unescape(name): _from_rest(value) for name, value in values.items()})
        return Properties(values)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise Corrupt(
            "the properties of a node cannot be read; run a check of the store"
        ) from error


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
