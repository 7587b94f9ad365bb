"""Scalars: what those of Python, NumPy and pandas are as numbers and texts, with nothing lost.

A time is RFC 3339 text in UTC and a span of time ISO 8601 text, to the nanosecond where there are
any. What has no such form is refused, with what to give instead: times without a time zone, bytes,
numbers beyond Python's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from types import UnionType
from typing import Any, Final
from uuid import UUID

from lineage.errors import Invalid, excerpt
from lineage.model.times import to_time

__all__ = ["is_scalar", "key_text", "plain_scalar", "refuse_finer", "refused"]

_SECOND: Final = 10**9
_NANOSECONDS: Final = {
    "W": 7 * 86_400 * _SECOND,
    "D": 86_400 * _SECOND,
    "h": 3_600 * _SECOND,
    "m": 60 * _SECOND,
    "s": _SECOND,
    "ms": 10**6,
    "us": 10**3,
    "ns": 1,
}
"""The units of NumPy's spans of time that have one length; https://numpy.org/doc/stable/reference/arrays.datetime.html."""


def _shown(raw: object) -> str:
    try:
        return str(raw)
    except ValueError as error:
        raise Invalid(
            f"a {type(raw).__name__} has too many digits to be a text ({error})"
        ) from None


def is_scalar(raw: object) -> bool:
    """Whether this is a scalar of NumPy, or of a library like it, for which `item()` stands."""
    sized = hasattr(raw, "dtype") and callable(getattr(raw, "item", None))
    return sized and not getattr(raw, "ndim", 0)


def refused(raw: object, advice: str = "give plain Python values") -> Invalid:
    """Return the error for an object that cannot be a value or a part of one."""
    return Invalid(f"an object of type {type(raw).__name__} cannot be a property's value; {advice}")


def plain_scalar(raw: object) -> object:
    """Return the number, text, bool or None that a scalar stands for; itself where it is none of these."""
    while isinstance(raw, Enum):
        raw = raw.value
    if raw is None or type(raw) in (str, int, float, bool):
        return raw
    for base, plainly in _BASES:
        if isinstance(raw, base):
            return plainly(raw)
    if isinstance(raw, bytes | bytearray | memoryview):
        raise refused(
            raw, "give text, such as base64, or ProtoAny where they are a protobuf message"
        )
    return plain_scalar(_of_library(raw)) if is_scalar(raw) else raw


def key_text(raw: object) -> str:
    """Return the text that the key of a mapping is, of which a struct has no other."""
    plain = plain_scalar(raw)
    if isinstance(plain, bool):
        return str(plain).lower()
    if plain is None or isinstance(plain, str | int | float):
        return _shown(plain)
    raise Invalid(
        f"{excerpt(raw)}, of type {type(raw).__name__}, cannot be a key of a struct; give a text"
    )


def refuse_finer(raw: object) -> None:
    """Raise Invalid where something in there is finer than Python's times, which a class's field holds."""
    if isinstance(raw, Mapping):
        raw = [*raw.keys(), *raw.values()]
    if isinstance(raw, list | tuple | set | frozenset):
        for item in raw:
            refuse_finer(item)
    # Of a Timestamp and a Timedelta of pandas.
    elif getattr(raw, "nanosecond", 0) or getattr(raw, "nanoseconds", 0) or _is_finer_span(raw):
        raise Invalid(
            f"{excerpt(raw)} has nanoseconds, which a field that is a Python time cannot hold; round it to microseconds"
        )


def _is_finer_span(raw: object) -> bool:
    return _time_kind(raw) == "m" and not _is_none(raw) and _span(raw) % 1000 != 0


def _is_none(raw: object) -> bool:
    """Whether a time is NaT, of NumPy or of pandas, which alone differs from itself."""
    return bool(raw != raw)  # noqa: PLR0124  # what is not a number equals nothing, itself included


def _time_text(raw: date | time | timedelta) -> str:
    if isinstance(raw, datetime):
        if _is_none(raw):  # of pandas, where it is a datetime
            raise _no_time(raw)
        return to_time(raw).isoformat().replace("+00:00", "Z")
    if isinstance(raw, timedelta):
        seconds = raw.days * 86_400 + raw.seconds
        # Of a Timedelta of pandas, whose other parts leave them out.
        rest = getattr(raw, "nanoseconds", 0)
        return _duration(seconds * _SECOND + raw.microseconds * 1_000 + rest)
    return raw.isoformat().replace("+00:00", "Z")


def _no_time(raw: object) -> Invalid:
    return Invalid(f"{excerpt(raw)} is no time; leave the property out where there is none")


def _duration(nanoseconds: int) -> str:
    """Return a span of time in ISO 8601, in days and less, whose lengths never change."""
    days, rest = divmod(abs(nanoseconds), 86_400 * _SECOND)
    hours, rest = divmod(rest, 3_600 * _SECOND)
    minutes, rest = divmod(rest, 60 * _SECOND)
    seconds, fraction = divmod(rest, _SECOND)
    text = f"{seconds}.{fraction:09}".rstrip("0").rstrip(".")
    parts = [(hours, f"{hours}H"), (minutes, f"{minutes}M"), (rest or not nanoseconds, f"{text}S")]
    clock = "".join(part for there, part in parts if there)
    day = f"{days}D" if days else ""
    return f"{'-' if nanoseconds < 0 else ''}P{day}{'T' if clock else ''}{clock}"


def _of_library(raw: Any) -> object:
    """Return the Python object that a scalar of NumPy, or of a library like it, stands for."""
    kind = _time_kind(raw)
    if kind:
        return _of_numpy_time(raw, kind)
    if getattr(raw.dtype, "kind", "") in ("S", "V"):
        raise refused(raw, "give text or plain Python values, since its item() is bytes or a tuple")
    plain: object = raw.item()
    if type(plain) is type(raw):
        raise refused(raw, "make it a float, which has fewer digits, or a text")
    return plain


def _time_kind(raw: Any) -> str:
    """Return "M" for a time of NumPy, "m" for a span of time, and "" for all else."""
    kind = getattr(getattr(raw, "dtype", None), "kind", "") if is_scalar(raw) else ""
    return kind if kind in ("M", "m") else ""


def _of_numpy_time(raw: Any, kind: str) -> object:
    if _is_none(raw):
        raise _no_time(raw)
    if kind == "m":
        return _duration(_span(raw))
    _, unit = _unit(raw)
    if unit not in ("Y", "M", "W", "D"):
        raise Invalid(
            f"{excerpt(raw)} has no time zone; give pandas.Timestamp(value, tz='UTC') or an aware datetime"
        )
    if not isinstance(raw.item(), date):
        raise Invalid(f"{excerpt(raw)} is outside the years 1 to 9999")
    return str(raw)


def _unit(raw: Any) -> tuple[int, str]:
    """Return how many of which unit a NumPy time counts in; no unit is ""."""
    found = re.search(r"\[(\d*)(\w+)\]", raw.dtype.str)
    return (int(found[1] or 1), found[2]) if found else (1, "")


def _span(raw: Any) -> int:
    """Return a NumPy span of time in nanoseconds; Invalid where it is not a whole number of them."""
    count, unit = _unit(raw)
    if unit not in _NANOSECONDS:
        raise Invalid(
            f"{excerpt(raw)} has no whole number of nanoseconds; give it in another unit, or as a number"
        )
    return int(raw.astype("int64")) * count * _NANOSECONDS[unit]


_BASES: Final[tuple[tuple[type | UnionType, Callable[[Any], object]], ...]] = (
    # Their own methods, which a subclass does not override.
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (Decimal | Fraction | UUID | PurePath, _shown),
    (date | time | timedelta, _time_text),
)
