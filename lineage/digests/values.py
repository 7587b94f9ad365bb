"""What Python objects and arrays of NumPy are as values of a column."""

from __future__ import annotations

from array import array as array_of_python
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from itertools import chain
from typing import Any

from lineage.digests.columns import BILLION, SLICE, Column, numpy
from lineage.errors import Invalid, excerpt

__all__ = ["PER_SECOND", "add_array", "add_objects", "as_array", "decimal_text", "zone_text"]

SECONDS = timedelta(seconds=1)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # for times without a zone
EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY = EPOCH.toordinal()
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
UTC_NAMES = {"UTC", "Etc/UTC", "Z", "+00:00"}
MISSING = ("NoneType", "NAType", "NaTType")
KINDS: tuple[tuple[Any, str], ...] = (
    (bool, "bool"),
    (int, "integer"),
    (float, "float"),
    (complex, "complex"),
    (str, "text"),
    (bytes | bytearray | memoryview, "binary"),
    (Decimal, "decimal"),
    (datetime, "timestamp"),
    (date, "date"),
    (time, "time"),
    (timedelta, "duration"),
    (Mapping, "struct"),
    (list | tuple, "list"),
)
"""The types of values by their classes, the narrower class first."""


def zone_text(zone: tzinfo | str | None) -> str | None:
    """Return a time zone's name, or the offset of one that has no name: `UTC`, `Europe/Berlin`, `+05:30`."""
    if zone is None or isinstance(zone, str):
        return "UTC" if zone in UTC_NAMES else zone
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    if name:
        return zone_text(str(name))
    offset = zone.utcoffset(None)
    if offset is None:
        return str(zone)
    minutes, sign = offset // timedelta(minutes=1), "-" if offset < timedelta(0) else "+"
    return zone_text(f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}")


def decimal_text(digits: int, exponent: int) -> bytes:
    """Return the text that a decimal is hashed as, the same for each way to write its value."""
    if digits == 0:
        return b"0e0"
    text = str(digits)
    short = text.rstrip("0")
    return f"{short}e{exponent + len(text) - len(short)}".encode()


# Python objects


def add_objects(column: Column, values: Sequence[Any]) -> None:
    """Add Python objects to a column; Invalid where they are of several types, or of one that has no digest.

    Missing are None, NaN, and what pandas has for them. Scalars of NumPy count as Python's, tensors as arrays, and
    arrays and tuples as lists.
    """
    for first in range(0, len(values), SLICE):
        _add_slice(column, values[first : first + SLICE])


def _add_slice(column: Column, values: Sequence[Any]) -> None:
    kinds = {cls: _kind_of(cls) for cls in set(map(type, values))}
    if "other" in kinds.values() or any(cls.__name__ == "ndarray" for cls in kinds):
        values = [_unpacked(value) for value in values]
        kinds = {cls: _kind_of(cls) for cls in set(map(type, values))}
    distinct = set(kinds.values()) - {"null"}
    gone = {cls for cls, kind in kinds.items() if kind == "null"}
    floats = {cls for cls, kind in kinds.items() if kind == "float"}
    if floats and all(value != value for value in values if type(value) in floats):  # noqa: PLR0124  # NaN alone differs from itself
        distinct.remove("float")
        gone |= floats
    if not distinct:
        return column.add_missing(len(values))
    if len(distinct) > 1:
        raise Invalid(
            f"there are values of the types {', '.join(sorted(distinct))}; make them of one type"
        )
    if gone:
        values = [None if type(value) in gone else value for value in values]
    (kind,) = distinct
    _ADD.get(kind, _add_converted)(column, kind, values)
    return None


def _kind_of(cls: type) -> str:
    if cls.__name__ in MISSING:
        return "null"
    if cls.__module__ == "numpy" and cls.__name__ != "ndarray":
        return "other"  # np.float64 is a float; made Python's own all the same
    for base, kind in KINDS:
        if issubclass(cls, base):
            return kind
    return "list" if cls.__name__ == "ndarray" else "other"


def _unpacked(value: Any) -> Any:
    """Return what an object of another library holds: a scalar, an array or a list."""
    if _kind_of(type(value)) != "other":
        return value.item() if getattr(value, "ndim", None) == 0 else value
    np = numpy()
    if np is not None and isinstance(value, np.datetime64 | np.timedelta64):
        if np.isnat(value):
            return None
        raise Invalid(f"{excerpt(value)} is a time of NumPy as an object; make an array of them")
    if np is not None and isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
        array = as_array(value)
        return array.item() if array.ndim == 0 else array
    if isinstance(value, array_of_python):
        return value.tolist()
    raise Invalid(
        f"{excerpt(value)} is of type {type(value).__name__}, which has no digest; make it a number, a text, bytes or a "
        "list of them, or leave it out"
    )


def as_array(value: Any) -> Any:
    """Return what holds an array, such as a tensor, as one of NumPy; Invalid where it cannot be had."""
    try:
        array = value.__array__() if hasattr(value, "__array__") else value
        return numpy().asarray(array)
    except Exception as error:
        raise Invalid(
            f"a {type(value).__name__} cannot be read as an array ({error}); give it as one of NumPy"
        ) from error


def _add_converted(column: Column, kind: str, values: Sequence[Any]) -> None:
    zone = None
    if kind == "timestamp":
        zones = {value.tzinfo for value in values if value is not None}
        texts = set(map(zone_text, zones))
        if len(texts) > 1:
            raise Invalid("there are times of several zones; bring them into one")
        zone = texts.pop()
    column.become(kind, zone)
    convert = _CONVERT.get(kind)
    if convert is not None:
        values = [None if value is None else convert(value) for value in values]
    column.add_plain(values)


def _decimal(value: Decimal) -> bytes | None:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        if value.is_nan():
            return None
        raise Invalid(f"{value} is a decimal without an end; make the column floats")
    number = int("".join(map(str, digits)) or "0")
    return decimal_text(-number if sign else number, exponent)


def _instant(value: datetime) -> tuple[int, int]:
    return _span(value - (EPOCH if value.tzinfo is None else EPOCH_UTC))


def _span(value: timedelta) -> tuple[int, int]:
    rest = value.microseconds * 1000 + getattr(value, "nanoseconds", 0)  # pandas has them
    return value.days * 86_400 + value.seconds, rest


def _of_day(value: time) -> int:
    if value.tzinfo is not None:
        raise Invalid("there are times of day with a zone; leave the zone out")
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return seconds * BILLION + value.microsecond * 1000


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "binary": bytes,
    "decimal": _decimal,
    "date": lambda value: value.toordinal() - FIRST_DAY,
    "time": _of_day,
    "timestamp": _instant,
    "duration": _span,
}


def _add_texts(column: Column, kind: str, values: Sequence[str | None]) -> None:
    column.become(kind)
    gaps = [at for at, value in enumerate(values) if value is None] if None in values else []
    texts = [value or "" for value in values] if gaps else values
    try:
        content = "".join(texts).encode()  # type: ignore[arg-type]  # no None is left
        lengths = [len(text) for text in texts if text is not None]
        if sum(lengths) != len(content):
            lengths = [len(text.encode()) for text in texts if text is not None]
    except UnicodeEncodeError:
        raise Invalid(
            "there are texts with lone surrogates, which are no characters; replace them"
        ) from None
    column.add_texts(lengths, content, gaps)


def _add_lists(column: Column, kind: str, values: Sequence[Any]) -> None:
    column.become(kind)
    gaps = [at for at, value in enumerate(values) if value is None]
    column.add_lists([0 if value is None else len(value) for value in values], gaps)
    lists = [value for value in values if value is not None]
    arrays = [value for value in lists if hasattr(value, "dtype")]
    if len(arrays) < len(lists):
        return add_objects(column.children[0], list(chain.from_iterable(lists)))
    if any(array.ndim > 1 for array in arrays):
        return _add_lists(column.children[0], kind, list(chain.from_iterable(arrays)))
    if len({array.dtype for array in arrays}) == 1:  # else they would all be of the widest type
        arrays = [numpy().concatenate(arrays)]
    for array in arrays:
        add_array(column.children[0], array)
    return None


def _add_structs(column: Column, kind: str, values: Sequence[Any]) -> None:
    gaps = [at for at, value in enumerate(values) if value is None]
    by_name = {str(key): key for key in next(value for value in values if value is not None)}
    if by_name.keys() == set(column.names):  # in the order of the first one of all
        by_name = {name: by_name[name] for name in column.names}
    column.become(kind, names=tuple(by_name))
    keys = list(by_name.values())
    expected = set(keys)
    if any(value is not None and value.keys() != expected for value in values):
        raise Invalid("there are dicts with other keys than the first one has; give all the same")
    column.add_structs(len(values), gaps)
    for key, child in zip(keys, column.children, strict=True):
        add_objects(child, [None if value is None else value[key] for value in values])


_ADD: dict[str, Callable[[Column, str, Sequence[Any]], None]] = {
    "text": _add_texts,
    "list": _add_lists,
    "struct": _add_structs,
}


# Arrays


def add_array(column: Column, array: Any, missing: Any = None, zone: str | None = None) -> None:
    """Add an array of NumPy of one dimension; `missing` is an array of bools, or None; `zone`, that of times in UTC.

    Invalid for numbers of more than 64 bits, records, and times finer than nanoseconds.
    """
    kind, dtype = array.dtype.kind, array.dtype
    if kind in _OF_NUMBERS:
        if dtype.itemsize > (16 if kind == "c" else 8):
            raise Invalid(f"the array is of {dtype}, which has no digest; make it 64 bits wide")
        column.become(_OF_NUMBERS[kind])
        return column.add_numbers(array, missing)
    if kind in "Mm":
        return _add_times(column, array, missing, zone)
    if kind in "OUST":
        kinds = {"U": "text", "T": "text", "S": "binary"}
        column.become(kinds.get(kind, "null"))
        for first in range(0, len(array), SLICE):
            part = slice(first, first + SLICE)
            objects = array[part].tolist()
            if missing is not None:
                objects = [
                    None if gone else each
                    for each, gone in zip(objects, missing[part].tolist(), strict=True)
                ]
            add_objects(column, objects)
        return None
    raise Invalid(f"the array is of {dtype}, which has no digest; make a frame of it")


_OF_NUMBERS = {"b": "bool", "i": "integer", "u": "integer", "f": "float", "c": "complex"}


def _add_times(column: Column, array: Any, missing: Any, zone: str | None) -> None:
    np = numpy()
    gone = np.isnat(array)
    if missing is not None:
        gone = gone | missing
    missing = gone if gone.any() else None
    is_span = array.dtype.kind == "m"
    unit = np.datetime_data(array.dtype)[0]
    if unit == "generic" and len(array) == 0:
        unit = "s"
    if unit in ("h", "m") or (is_span and unit in ("D", "W")):
        unit = "s"
    elif unit in ("Y", "M", "W", "D") and not is_span:
        column.become("date")
        return column.add_numbers(array.astype("M8[D]").view("i8"), missing)
    if unit not in PER_SECOND:
        raise Invalid(
            f"the array is of {array.dtype}, which has no digest; make it of nanoseconds or longer units"
        )
    column.become("duration" if is_span else "timestamp", zone)
    ticks = array.astype(f"{array.dtype.kind}8[{unit}]").view("i8")
    return column.add_instants(ticks, PER_SECOND[unit], missing)
