"""Columns as they are hashed: what is kept of a value, whichever library holds it.

A column's digest is the SHA-256 of the SHA-256 of each of its streams, one after the other, and of the digests of its children.
All whole numbers are of eight bytes, signed and little-endian, unless another length is given. The first stream of each
column is the positions of missing values, in order and from 0 on; where a value is missing, the others hold a
zero or nothing. By the type these follow:

    null                  nothing
    bool                  a byte each, 0 or 1
    integer               the numbers, modulo 2**64; the positions of those of 2**63 and more
    float                 64-bit IEEE 754 each; missing ones and every NaN are 7ff8000000000000, and not in the first stream
    complex               the same of both parts, the real one first
    text, binary          how many bytes each has (of UTF-8); the bytes
    decimal               as a text: the digits without ending zeros, `e` and the exponent, such as `-15e-1`; `0e0`
    date                  days since 1970-01-01
    time                  nanoseconds since midnight
    timestamp, duration   whole seconds (since 1970-01-01, in UTC where there is a zone), rounded down; the nanoseconds left,
                          of four bytes each
    list                  how many items each has; a child: all items
    struct                a child for each field, in which what is in a missing struct is missing

So it depends neither on the widths of numbers nor on how values are packed, shared out or pointed to.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from collections.abc import Iterable, Sequence
from itertools import chain
from math import nan
from typing import Any, TypeAlias

from lineage.errors import Invalid

__all__ = ["SLICE", "Bytes", "Column", "numpy"]

SLICE = 2**16
"""How many values are hashed at once, at most: what is made of them stays in the processor's cache."""
STREAMS = {
    "null": 0,
    "bool": 1,
    "integer": 2,
    "float": 1,
    "complex": 1,
    "text": 2,
    "binary": 2,
    "decimal": 2,
    "date": 1,
    "time": 1,
    "timestamp": 2,
    "duration": 2,
    "list": 1,
    "struct": 0,
}
"""How many streams a type has beside the positions of missing values."""
BILLION = 10**9
Bytes: TypeAlias = bytes | memoryview


def numpy() -> Any:
    """Return NumPy if this process has imported it, else None: it is never imported for the sake of a digest."""
    return sys.modules.get("numpy")


class Column:
    """The streams of one column, to which values are added in slices of any size.

    Values are added in one of two ways: as arrays of NumPy, or by `add_plain` as Python's own, which
    needs nothing else. Its type may be left open until the first value is there.
    """

    def __init__(self, kind: str = "null", zone: str | None = None) -> None:
        self.kind = kind
        self.zone = zone
        self.rows = 0
        self.names: tuple[str, ...] = ()
        self.children: list[Column] = [Column()] if kind == "list" else []
        self._missing = hashlib.sha256()
        self._streams = [hashlib.sha256() for _ in range(STREAMS[kind])]

    @property
    def type(self) -> str:
        """The type in words, such as `integer`, `timestamp[UTC]`, `list<float>` or `struct<"a": text>`."""
        if self.kind == "list":
            return f"list<{self.children[0].type}>"
        if self.kind == "struct":
            fields = zip(self.names, self.children, strict=True)
            return f"struct<{', '.join(f'{json.dumps(name)}: {child.type}' for name, child in fields)}>"
        return f"{self.kind}[{self.zone}]" if self.zone else self.kind

    def digest(self) -> bytes:
        """Return the 32 bytes that stand for all values so far."""
        whole = hashlib.sha256(self._missing.digest())
        for stream in self._streams:
            whole.update(stream.digest())
        for child in self.children:
            whole.update(child.digest())
        return whole.digest()

    def become(self, kind: str, zone: str | None = None, names: tuple[str, ...] = ()) -> None:
        """Take a type that values have; Invalid where there are values of another one."""
        if kind == "null" or (self.kind, self.zone, self.names) == (kind, zone, names):
            return
        if self.kind != "null":
            other = Column(kind, zone)
            if kind == "struct":
                other.names, other.children = names, [Column() for _ in names]
            raise Invalid(
                f"there are values of type {self.type} and of type {other.type}; make them of one type"
            )
        before = self.rows
        Column.__init__(self, kind, zone)
        if kind == "struct":
            self.names, self.children = names, [Column() for _ in names]
        self.add_missing(before)

    def become_like(self, other: Column) -> None:
        """Take the type of another column, its children's included, before there are values."""
        Column.__init__(self, other.kind, other.zone)
        self.names = other.names
        self.children = [Column() for _ in other.children]
        for child, model in zip(self.children, other.children, strict=True):
            child.become_like(model)

    def add_missing(self, count: int) -> None:
        """Add a number of values that are missing."""
        for first in range(0, count, SLICE):
            self.add_plain([None] * min(SLICE, count - first))

    def add_plain(self, values: Sequence[Any]) -> None:
        """Add Python's own values, None for missing ones.

        They are numbers, or bytes for texts (UTF-8) and decimals, days, nanoseconds, pairs of seconds and nanoseconds, lists of such values,
        and for structs a sequence of the fields' values.
        """
        kind, count = self.kind, len(values)
        if kind in ("float", "complex"):
            parts = values if kind == "float" else list(chain.from_iterable(map(_parts, values)))
            self._streams[0].update(_floats(parts))
            self.rows += count
            return
        gaps = [at for at, value in enumerate(values) if value is None]
        self._mark(gaps)
        match kind:
            case "bool":
                self._streams[0].update(bytes(map(bool, values)))
            case "integer":
                self._add_integers([value or 0 for value in values])
            case "text" | "binary" | "decimal":
                filled = [value or b"" for value in values] if gaps else values
                self._add_lengths(list(map(len, filled)))
                self._streams[1].update(b"".join(filled))
            case "date" | "time":
                self._streams[0].update(_wholes([value or 0 for value in values]))
            case "timestamp" | "duration":
                filled = [value or (0, 0) for value in values]
                self._streams[0].update(_wholes([seconds for seconds, _ in filled]))
                self._streams[1].update(struct.pack(f"<{count}i", *(rest for _, rest in filled)))
            case "list":
                self._add_lengths([0 if value is None else len(value) for value in values])
                self.children[0].add_plain(list(chain.from_iterable(filter(None, values))))
            case "struct":
                for at, child in enumerate(self.children):
                    child.add_plain([None if value is None else value[at] for value in values])
        self.rows += count

    def add_texts(self, lengths: Sequence[int], content: Bytes, gaps: Sequence[int]) -> None:
        """Add texts or binaries whose bytes are in one piece; `gaps` are where they are missing."""
        self._mark(gaps)
        self._add_lengths(lengths)
        self._streams[1].update(content)
        self.rows += len(lengths)

    def add_lists(self, lengths: Sequence[int], gaps: Sequence[int]) -> None:
        """Add lists of these lengths, whose items the caller adds to the child."""
        self._mark(gaps)
        self._add_lengths(lengths)
        self.rows += len(lengths)

    def add_structs(self, count: int, gaps: Sequence[int]) -> None:
        """Add structs, or values of no type, whose fields the caller adds to the children."""
        self._mark(gaps)
        self.rows += count

    def add_numbers(self, values: Any, missing: Any = None) -> None:
        """Add an array of numbers of the column's class: bool, integer, float, complex, date or time.

        `missing` is an array of as many bools, or None.
        """
        for first in range(0, len(values), SLICE):
            part = slice(first, first + SLICE)
            self._add_numbers(values[part], None if missing is None else missing[part])

    def add_instants(self, ticks: Any, per_second: int, missing: Any = None) -> None:
        """Add an array of times or spans, as whole numbers of 1/`per_second` seconds."""
        np = numpy()
        for first in range(0, len(ticks), SLICE):
            part = ticks[first : first + SLICE]
            if missing is not None:
                gaps = missing[first : first + SLICE]
                part = np.where(gaps, 0, part)
                self._mark(np.flatnonzero(gaps))
            seconds = part // per_second
            rests = (part - seconds * per_second) * (BILLION // per_second)
            self._streams[0].update(_whole_array(seconds))
            self._streams[1].update(np.ascontiguousarray(rests, "<i4"))
            self.rows += len(part)

    def _add_numbers(self, values: Any, missing: Any) -> None:
        np = numpy()
        if self.kind in ("float", "complex"):
            wide = np.ascontiguousarray(values, "<f8" if self.kind == "float" else "<c16").view(
                "<f8"
            )
            gone = np.isnan(wide)
            if missing is not None:
                gone |= missing if self.kind == "float" else np.repeat(missing, 2)
            if gone.any():
                wide = np.where(gone, np.nan, wide)  # each NaN is the one NaN now
            self._streams[0].update(wide)
        else:
            if missing is not None:
                values = np.where(missing, np.zeros(1, values.dtype), values)
                self._mark(np.flatnonzero(missing))
            if self.kind == "bool":
                self._streams[0].update(np.ascontiguousarray(values, bool))
            else:
                self._streams[0].update(_whole_array(values))
            if self.kind == "integer" and values.dtype.kind == "u" and values.dtype.itemsize == 8:
                self._streams[1].update(self._positions(np.flatnonzero(values >= 2**63)))
        self.rows += len(values)

    def _add_integers(self, values: list[int]) -> None:
        high = [at for at, value in enumerate(values) if value >= 2**63]
        for at in high:
            if values[at] >= 2**64:
                raise _too_long()
            values[at] -= 2**64
        self._streams[0].update(_wholes(values))
        self._streams[1].update(self._positions(high))

    def _add_lengths(self, lengths: Sequence[int]) -> None:
        np = numpy()
        is_array = np is not None and isinstance(lengths, np.ndarray)
        self._streams[0].update(_whole_array(lengths) if is_array else _wholes(lengths))

    def _mark(self, gaps: Sequence[int]) -> None:
        if len(gaps):
            self._missing.update(self._positions(gaps))

    def _positions(self, places: Iterable[int]) -> Bytes:
        """Return places in the slice that is being added as positions in the column."""
        np = numpy()
        if np is not None and isinstance(places, np.ndarray):
            return _whole_array(places + self.rows)
        return _wholes([place + self.rows for place in places])


def _wholes(values: Sequence[int]) -> bytes:
    try:
        return struct.pack(f"<{len(values)}q", *values)
    except struct.error:
        raise _too_long() from None


def _too_long() -> Invalid:
    return Invalid("there are whole numbers of more than 64 bits; make them texts")


def _parts(value: complex | None) -> tuple[float | None, float | None]:
    return (None, None) if value is None else (value.real, value.imag)


def _floats(values: Iterable[float | None]) -> bytes:
    plain = [nan if value is None or value != value else value for value in values]  # noqa: PLR0124  # NaN alone differs from itself
    return struct.pack(f"<{len(plain)}d", *plain)


def _whole_array(values: Any) -> memoryview:
    return memoryview(numpy().ascontiguousarray(values).astype("<i8", copy=False))
