"""What Arrow's arrays are as values of a column.

Where NumPy is in the process, what is frequent is read by it, without a copy where it can be; everything else, and all where
it is not, as Python's own values, which takes ten times as long.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from lineage.digests.arrow import Array, Field, memory
from lineage.digests.columns import BILLION, SLICE, Column, numpy
from lineage.digests.values import PER_SECOND, decimal_text, zone_text
from lineage.errors import Invalid

__all__ = ["add_arrow", "column_of"]

NUMBERS = {
    "c": "b",
    "C": "B",
    "s": "h",
    "S": "H",
    "i": "i",
    "I": "I",
    "l": "q",
    "L": "Q",
    "e": "e",
    "f": "f",
    "g": "d",
}
"""Arrow's formats of numbers, and those of `struct`."""
DTYPES = {"e": "f2", "f": "f4", "g": "f8"}
UNITS = {"s": "s", "m": "ms", "u": "us", "n": "ns"}
TEXTS = {
    "u": ("text", "i"),
    "U": ("text", "q"),
    "z": ("binary", "i"),
    "Z": ("binary", "q"),
}
VIEWS = {"vu": "text", "vz": "binary"}
SHORTEST_POINTER = 13
"""A view holds texts that are shorter in itself."""


def column_of(field: Field) -> Column:
    """Return an empty column of a field's type; Invalid for types that have no digest."""
    if field.dictionary is not None:
        return column_of(field.dictionary)
    kind, zone = _kind_of(field)
    column = Column(kind, zone)
    if kind == "list":
        column.children = [column_of(field.children[0])]
    elif kind == "struct":
        column.names = tuple(child.name for child in field.children)
        column.children = [column_of(child) for child in field.children]
    return column


def _kind_of(field: Field) -> tuple[str, str | None]:
    code = field.format
    if field.extension and "object" in field.extension.lower():
        raise Invalid(
            "it holds Python objects, which have no digest; make them numbers or texts, or leave the column out"
        )
    if code in NUMBERS:
        return ("float" if code in DTYPES else "integer"), None
    if code in TEXTS:
        return TEXTS[code][0], None
    plain = {"n": "null", "b": "bool", **VIEWS, "+l": "list", "+L": "list", "+s": "struct"}
    plain |= {"+m": "list", "tdD": "date", "tdm": "date"}
    if code in plain:
        return plain[code], None
    for start, kind in (("w:", "binary"), ("d:", "decimal"), ("+w:", "list"), ("tD", "duration")):
        if code.startswith(start):
            return kind, None
    if code.startswith("tt"):
        return "time", None
    if code.startswith("ts"):
        return "timestamp", zone_text(code[4:] or None)
    raise Invalid(
        f"Arrow's format {code!r} has no digest; cast the column to another type, or leave it out"
    )


def add_arrow(
    column: Column, field: Field, array: Array, first: int, count: int, hidden: Any = None
) -> None:
    """Add `count` of an array's values from the one at `first` on; `hidden` ones are missing in any case."""
    for start in range(0, count, SLICE):
        size = min(SLICE, count - start)
        gaps = None if hidden is None else hidden[start : start + size]
        add = _adder(field) if numpy() is not None else None
        if add is None:
            values = plain_values(field, array, first + start, size)
            if gaps is not None:
                values = [None if gap else value for gap, value in zip(gaps, values, strict=True)]
            column.add_plain(values)
        else:
            add(column, field, array, first + start, size, _gaps(array, first + start, size, gaps))


# As Python's values


def plain_values(field: Field, array: Array, first: int, count: int) -> list[Any]:
    """Return values as `Column.add_plain` takes them."""
    at, code = array.offset + first, field.format
    if code == "n":
        return [None] * count
    if field.dictionary is not None:
        values = _decoded(field, array, at, count)
    elif code == "b":
        values = list(_bits(array.buffers[1], at, count))
    elif code in NUMBERS:
        values = _numbers(array, NUMBERS[code], at, count)
    elif code in TEXTS:
        bounds = _numbers(array, TEXTS[code][1], at, count + 1)
        content = bytes(memory(_at(array.buffers[2], bounds[0]), bounds[-1] - bounds[0]))
        values = [content[low - bounds[0] : high - bounds[0]] for low, high in pairwise(bounds)]
    elif code in VIEWS:
        values = _viewed(array, at, count)
    elif code.startswith(("w:", "d:")):
        values = _fixed(code, array, at, count)
    elif code.startswith("t"):
        values = _times(code, array, at, count)
    else:
        values = _nested(field, array, at, count)
    valid = array.buffers[0] if array.n_buffers and array.null_count != 0 else None
    if valid:
        bits = _bits(valid, at, count)
        return [value if bit else None for value, bit in zip(values, bits, strict=True)]
    return values


def _at(address: int | None, distance: int) -> int | None:
    return address + distance if address else None


def _bits(address: int | None, first: int, count: int) -> Iterator[bool]:
    content = memory(_at(address, first // 8), (first % 8 + count + 7) // 8)
    skip = first % 8
    for at in range(skip, skip + count):
        yield bool(content[at >> 3] >> (at & 7) & 1)


def _numbers(array: Array, code: str, first: int, count: int, buffer: int = 1) -> list[Any]:
    size = struct.calcsize(code)
    content = memory(_at(array.buffers[buffer], first * size), count * size)
    return list(struct.unpack(f"={count}{code}", content)) if len(content) else [0] * count


def _decoded(field: Field, array: Array, first: int, count: int) -> list[Any]:
    assert field.dictionary is not None
    entries = array.dictionary.contents
    places = _numbers(array, NUMBERS[field.format], first, count)
    if entries.length > max(count, SLICE):  # a large one is not read whole for each slice
        taken = {
            place: plain_values(field.dictionary, entries, place, 1)[0]
            for place in set(places)
            if 0 <= place < entries.length
        }
        return [taken.get(place) for place in places]
    held = plain_values(field.dictionary, entries, 0, entries.length)
    # What is missing may point anywhere.
    return [held[place] if 0 <= place < len(held) else None for place in places]


def _viewed(array: Array, first: int, count: int) -> list[bytes]:
    content = bytes(memory(_at(array.buffers[1], first * 16), count * 16))
    values = []
    for at, (size, _, buffer, start) in enumerate(struct.iter_unpack("=iiii", content)):
        if size < SHORTEST_POINTER:
            values.append(content[16 * at + 4 : 16 * at + 4 + size])
        else:
            values.append(bytes(memory(_at(array.buffers[2 + buffer], start), size)))
    return values


def _fixed(code: str, array: Array, first: int, count: int) -> list[bytes]:
    """Return binaries of one length, or the texts of decimals."""
    if code.startswith("w:"):
        size = int(code[2:])
    else:
        _, scale, *bits = map(int, code[2:].split(","))
        size = (bits[0] if bits else 128) // 8
    content = bytes(memory(_at(array.buffers[1], first * size), count * size))
    values = [content[at * size : (at + 1) * size] for at in range(count)]
    if code.startswith("w:"):
        return values
    return [decimal_text(int.from_bytes(value, "little", signed=True), -scale) for value in values]


def _times(code: str, array: Array, first: int, count: int) -> list[Any]:
    width = "i" if code in ("tdD", "tts", "ttm") else "q"
    ticks = _numbers(array, width, first, count)
    if code == "tdD":
        return ticks
    if code == "tdm":
        return [tick // 86_400_000 for tick in ticks]
    unit = PER_SECOND[UNITS[code[2]]]
    if code.startswith("tt"):
        return [tick * (BILLION // unit) for tick in ticks]
    return [(tick // unit, tick % unit * (BILLION // unit)) for tick in ticks]


def _nested(field: Field, array: Array, first: int, count: int) -> list[Any]:
    code = field.format
    if code == "+s":
        children = [
            plain_values(child, array.children[at].contents, first, count)
            for at, child in enumerate(field.children)
        ]
        return list(zip(*children, strict=True)) if children else [()] * count
    bounds = _bounds(code, array, first, count)
    inner, items = field.children[0], array.children[0].contents
    values = plain_values(inner, items, bounds[0], bounds[-1] - bounds[0])
    return [values[low - bounds[0] : high - bounds[0]] for low, high in pairwise(bounds)]


def _bounds(code: str, array: Array, first: int, count: int) -> list[int]:
    """Return where each list begins among the items, and where the last one ends."""
    if code.startswith("+w:"):
        size = int(code[3:])
        return [at * size for at in range(first, first + count + 1)]
    return _numbers(array, "q" if code == "+L" else "i", first, count + 1)


# By NumPy


def _adder(field: Field) -> Callable[..., None] | None:
    """Return the function that reads a type by NumPy, if there is one."""
    code = field.format
    if field.dictionary is not None:
        return None
    if code in NUMBERS or code in ("b", "tdD"):
        return _add_numbers
    if code in TEXTS:
        return _add_texts
    if code in VIEWS:
        return _add_views
    if code.startswith(("ts", "tD")):
        return _add_instants
    if code.startswith(("+l", "+L", "+w:", "+m")):
        return _add_lists
    return _add_structs if code == "+s" else None


def _vector(address: int | None, dtype: str, first: int, count: int) -> Any:
    """Return numbers of a buffer as an array, without a copy."""
    np = numpy()
    size = np.dtype(dtype).itemsize
    content = memory(_at(address, first * size), count * size)
    return np.frombuffer(content, dtype) if len(content) else np.zeros(count, dtype)


def _flags(address: int | None, first: int, count: int) -> Any:
    """Return bits as an array of bools."""
    np = numpy()
    content = memory(_at(address, first // 8), (first % 8 + count + 7) // 8)
    octets = np.frombuffer(content, "u1")
    return np.unpackbits(octets, bitorder="little")[first % 8 : first % 8 + count].view(bool)


def _gaps(array: Array, first: int, count: int, hidden: Any) -> Any:
    """Return which values are missing as an array of bools; None where there are none."""
    valid = array.buffers[0] if array.n_buffers and array.null_count != 0 else None
    if not valid or count == 0:
        return hidden
    gaps = ~_flags(valid, array.offset + first, count)
    if hidden is not None:
        gaps |= hidden
    return gaps if gaps.any() else None


def _places(gaps: Any) -> Any:
    return () if gaps is None else numpy().flatnonzero(gaps)


def _add_numbers(
    column: Column, field: Field, array: Array, first: int, count: int, gaps: Any
) -> None:
    at, code = array.offset + first, field.format
    if code == "b":
        values = _flags(array.buffers[1], at, count) if count else numpy().zeros(0, bool)
    else:
        dtype = "i4" if code == "tdD" else numpy().dtype(NUMBERS[code]).str
        values = _vector(array.buffers[1], dtype, at, count)
    column.add_numbers(values, gaps)


def _add_instants(
    column: Column, field: Field, array: Array, first: int, count: int, gaps: Any
) -> None:
    ticks = _vector(array.buffers[1], "i8", array.offset + first, count)
    column.add_instants(ticks, PER_SECOND[UNITS[field.format[2]]], gaps)


def _add_texts(
    column: Column, field: Field, array: Array, first: int, count: int, gaps: Any
) -> None:
    dtype = "i4" if field.format in "uz" else "i8"
    bounds = _vector(array.buffers[1], dtype, array.offset + first, count + 1)
    lengths = numpy().diff(bounds)
    if gaps is not None and lengths[gaps].any():  # bytes that nothing shows
        values = plain_values(field, array, first, count)
        pairs = zip(values, gaps.tolist(), strict=True)
        return column.add_plain([None if gap else value for value, gap in pairs])
    start, end = int(bounds[0]), int(bounds[-1])
    content = memory(_at(array.buffers[2], start), end - start)
    return column.add_texts(lengths, content, _places(gaps))


def _add_views(
    column: Column, field: Field, array: Array, first: int, count: int, gaps: Any
) -> None:
    np = numpy()
    views = _vector(array.buffers[1], "i4", 4 * (array.offset + first), 4 * count).reshape(count, 4)
    lengths = views[:, 0]
    if gaps is not None:
        lengths = np.where(gaps, 0, lengths)
    is_long = lengths >= SHORTEST_POINTER
    inner = np.where(is_long, 0, lengths)
    octets = np.ascontiguousarray(views[:, 1:]).view("u1").reshape(count, 12)
    content = octets[np.arange(12) < inner[:, None]]
    if is_long.any():
        far = np.frombuffer(_pointed_at(array, views[is_long]), "u1")
        is_far = np.repeat(is_long, lengths)
        merged = np.empty(len(is_far), "u1")
        merged[is_far], merged[~is_far] = far, content
        content = merged
    column.add_texts(lengths, memoryview(content), _places(gaps))


def _pointed_at(array: Array, views: Any) -> bytes | memoryview:
    """Return the bytes of views that point at buffers, one after the other."""
    lengths, _, buffers, starts = views.T
    in_order = (buffers[1:] == buffers[:-1]) & (starts[1:] == starts[:-1] + lengths[:-1])
    if in_order.all():
        size = int(starts[-1]) + int(lengths[-1]) - int(starts[0])
        return memory(_at(array.buffers[2 + int(buffers[0])], int(starts[0])), size)
    held = {at: array.buffers[2 + at] for at in set(buffers.tolist())}
    rows = zip(buffers.tolist(), starts.tolist(), lengths.tolist(), strict=True)
    return b"".join([memory(held[at] + start, size) for at, start, size in rows])


def _add_lists(
    column: Column, field: Field, array: Array, first: int, count: int, gaps: Any
) -> None:
    np, at = numpy(), array.offset + first
    if field.format.startswith("+w:"):
        bounds = np.arange(at, at + count + 1) * int(field.format[3:])
    else:
        bounds = _vector(array.buffers[1], "i8" if field.format == "+L" else "i4", at, count + 1)
    lengths = np.diff(bounds)
    runs = [(0, count)]
    if gaps is not None and lengths[gaps].any():
        lengths = np.where(gaps, 0, lengths)
        edges = np.flatnonzero(np.diff(np.concatenate(([True], gaps, [True]))))
        runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    column.add_lists(lengths, _places(gaps))
    items = array.children[0].contents
    for low, high in runs:
        start, end = int(bounds[low]), int(bounds[high])
        add_arrow(column.children[0], field.children[0], items, start, end - start)


def _add_structs(
    column: Column, field: Field, array: Array, first: int, count: int, gaps: Any
) -> None:
    column.add_structs(count, _places(gaps))
    for at, (child, inner) in enumerate(zip(column.children, field.children, strict=True)):
        add_arrow(child, inner, array.children[at].contents, array.offset + first, count, gaps)
