"""What Arrow's arrays are as values of a column.

Where NumPy is in the process, what is frequent is read by it, without a copy where it can be; everything else, and all where
it is not, as Python's own values, which takes ten times as long.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from ctypes import addressof
from itertools import pairwise
from typing import Any, NamedTuple

from lineage.digests.arrow import Array, Field, memory
from lineage.digests.columns import BILLION, SLICE, Column, numpy
from lineage.digests.values import PER_SECOND, decimal_text, zone_text
from lineage.errors import Invalid

__all__ = ["Part", "add_arrow", "column_of"]

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


class Part(NamedTuple):
    """`size` values of an array from the one at `first` on.

    `entries` are those of the dictionaries that were read, by their addresses; all parts of a chunk share it, and no others may.
    """

    field: Field
    array: Array
    first: int
    size: int
    entries: dict[int, list[Any]]

    @property
    def at(self) -> int:
        """The place of the first value in the buffers, and in what a struct holds."""
        return int(self.array.offset) + self.first

    @property
    def valid(self) -> int | None:
        """The address of the bits that say which values are there; None where all are."""
        array = self.array
        return array.buffers[0] if array.n_buffers and array.null_count != 0 else None

    def child(self, place: int, first: int, size: int) -> Part:
        """Return a part of one of the array's children."""
        inner, array = self.field.children[place], self.array.children[place].contents
        return Part(inner, array, first, size, self.entries)

    def cut(self, start: int, size: int) -> Part:
        """Return a part of this part."""
        return self._replace(first=self.first + start, size=size)


def add_arrow(column: Column, part: Part, hidden: Any = None) -> None:
    """Add values to a column of their type; those that are `hidden`, an array of bools, are missing in any case."""
    add = _adder(part.field) if numpy() is not None else None
    for start in range(0, part.size, SLICE):
        cut = part.cut(start, min(SLICE, part.size - start))
        gaps = None if hidden is None else hidden[start : start + cut.size]
        if add is None:
            _add_plain(column, cut, gaps)
        else:
            add(column, cut, _gaps(cut, gaps))


def _add_plain(column: Column, part: Part, gaps: Any) -> None:
    values = _plain(part)
    if gaps is not None:
        pairs = zip(gaps.tolist(), values, strict=True)
        values = [None if gap else value for gap, value in pairs]
    column.add_plain(values)


# As Python's values


def _plain(part: Part) -> list[Any]:
    """Return values as `Column.add_plain` takes them."""
    values = _filled(part)
    if part.valid:
        bits = _bits(part.valid, part.at, part.size)
        return [value if bit else None for value, bit in zip(values, bits, strict=True)]
    return values


def _filled(part: Part) -> list[Any]:
    """Return values with anything where they are missing."""
    code = part.field.format
    if part.field.dictionary is not None:
        return _looked_up(part)
    if code in NUMBERS:
        return _numbers(part, NUMBERS[code])
    for starts, read in _PLAIN:
        if code.startswith(starts):
            return read(part)
    return [None] * part.size


def _at(address: int | None, distance: int) -> int | None:
    return address + distance if address else None


def _bits(address: int | None, first: int, count: int) -> Iterator[bool]:
    content = memory(_at(address, first // 8), (first % 8 + count + 7) // 8)
    skip = first % 8
    for at in range(skip, skip + count):
        yield bool(content[at >> 3] >> (at & 7) & 1)


def _numbers(part: Part, code: str, more: int = 0) -> list[Any]:
    """Return the numbers of a part, and some `more` after them."""
    size, count = struct.calcsize(code), part.size + more
    content = memory(_at(part.array.buffers[1], part.at * size), count * size)
    return list(struct.unpack(f"={count}{code}", content)) if len(content) else [0] * count


def _looked_up(part: Part) -> list[Any]:
    assert part.field.dictionary is not None
    array = part.array.dictionary.contents
    entries = part.entries.get(addressof(array))
    if entries is None:
        entries = _plain(Part(part.field.dictionary, array, 0, array.length, part.entries))
        part.entries[addressof(array)] = entries
    # What is missing may point anywhere.
    places = _numbers(part, NUMBERS[part.field.format])
    return [entries[place] if 0 <= place < len(entries) else None for place in places]


def _viewed(part: Part) -> list[bytes]:
    content = bytes(memory(_at(part.array.buffers[1], part.at * 16), part.size * 16))
    held: dict[int, memoryview] = {}
    values = []
    for at, (size, _, buffer, start) in enumerate(struct.iter_unpack("=iiii", content)):
        if size < SHORTEST_POINTER:
            values.append(content[16 * at + 4 : 16 * at + 4 + size])
        else:
            if buffer not in held:
                held[buffer] = _pointed_at(part.array, buffer)
            values.append(held[buffer][start : start + size].tobytes())
    return values


def _pointed_at(array: Array, buffer: int) -> memoryview:
    """Return a buffer that views point at; the last of all buffers is the sizes of these."""
    sizes = array.buffers[array.n_buffers - 1]
    (size,) = struct.unpack("=q", memory(_at(sizes, buffer * 8), 8))
    return memory(array.buffers[2 + buffer], size)


def _fixed(part: Part) -> list[bytes]:
    """Return binaries of one length, or the texts of decimals."""
    code, scale = part.field.format, 0
    if code.startswith("w:"):
        size = int(code[2:])
    else:
        _, scale, *bits = map(int, code[2:].split(","))
        size = (bits[0] if bits else 128) // 8
    content = bytes(memory(_at(part.array.buffers[1], part.at * size), part.size * size))
    values = [content[at * size : (at + 1) * size] for at in range(part.size)]
    if code.startswith("w:"):
        return values
    return [decimal_text(int.from_bytes(value, "little", signed=True), -scale) for value in values]


def _times(part: Part) -> list[Any]:
    code = part.field.format
    ticks = _numbers(part, "i" if code in ("tdD", "tts", "ttm") else "q")
    if code == "tdD":
        return ticks
    if code == "tdm":
        return [tick // 86_400_000 for tick in ticks]
    unit = PER_SECOND[UNITS[code[2]]]
    if code.startswith("tt"):
        return [tick * (BILLION // unit) for tick in ticks]
    return [(tick // unit, tick % unit * (BILLION // unit)) for tick in ticks]


def _nested(part: Part) -> list[Any]:
    code = part.field.format
    if code == "+s":
        places = range(len(part.field.children))
        children = [_plain(part.child(place, part.at, part.size)) for place in places]
        return list(zip(*children, strict=True)) if children else [()] * part.size
    if code.startswith("+w:"):
        size = int(code[3:])
        bounds = [at * size for at in range(part.at, part.at + part.size + 1)]
    else:
        bounds = _numbers(part, "q" if code == "+L" else "i", 1)
    start, end = bounds[0], bounds[-1]
    values = _plain(part.child(0, start, end - start))
    return [values[low - start : high - start] for low, high in pairwise(bounds)]


def _flag_list(part: Part) -> list[bool]:
    return list(_bits(part.array.buffers[1], part.at, part.size))


def _text_list(part: Part) -> list[bytes]:
    bounds = _numbers(part, TEXTS[part.field.format][1], 1)
    start, end = bounds[0], bounds[-1]
    content = bytes(memory(_at(part.array.buffers[2], start), end - start))
    return [content[low - start : high - start] for low, high in pairwise(bounds)]


_PLAIN: tuple[tuple[str | tuple[str, ...], Callable[[Part], list[Any]]], ...] = (
    ("b", _flag_list),
    (tuple(TEXTS), _text_list),
    (tuple(VIEWS), _viewed),
    (("w:", "d:"), _fixed),
    ("t", _times),
    ("+", _nested),
)
"""What reads a type, by the beginnings of its format."""

# By NumPy


def _adder(field: Field) -> Callable[[Column, Part, Any], object] | None:
    """Return the function that reads a type by NumPy, if there is one."""
    if field.dictionary is not None:
        return None
    if field.format in NUMBERS:
        return _add_numbers
    for starts, add in _ADD:
        if field.format.startswith(starts):
            return add
    return None


def _vector(part: Part, dtype: str, width: int = 1, more: int = 0) -> Any:
    """Return the numbers of a part as an array, `width` for each value and some `more`, without a copy."""
    np = numpy()
    size, count = np.dtype(dtype).itemsize, part.size * width + more
    content = memory(_at(part.array.buffers[1], part.at * width * size), count * size)
    return np.frombuffer(content, dtype) if len(content) else np.zeros(count, dtype)


def _flags(address: int | None, first: int, count: int) -> Any:
    """Return bits as an array of bools."""
    np = numpy()
    content = memory(_at(address, first // 8), (first % 8 + count + 7) // 8)
    octets = np.frombuffer(content, "u1")
    return np.unpackbits(octets, bitorder="little")[first % 8 : first % 8 + count].view(bool)


def _gaps(part: Part, hidden: Any) -> Any:
    """Return which values are missing as an array of bools; None where there are none."""
    if not part.valid:
        return hidden
    gaps = ~_flags(part.valid, part.at, part.size)
    if hidden is not None:
        gaps |= hidden
    return gaps if gaps.any() else None


def _places(gaps: Any) -> Any:
    return () if gaps is None else numpy().flatnonzero(gaps)


def _add_numbers(column: Column, part: Part, gaps: Any) -> None:
    column.add_numbers(_vector(part, f"={NUMBERS[part.field.format]}"), gaps)


def _add_flags(column: Column, part: Part, gaps: Any) -> None:
    column.add_numbers(_flags(part.array.buffers[1], part.at, part.size), gaps)


def _add_days(column: Column, part: Part, gaps: Any) -> None:
    column.add_numbers(_vector(part, "i4"), gaps)


def _add_instants(column: Column, part: Part, gaps: Any) -> None:
    column.add_instants(_vector(part, "i8"), PER_SECOND[UNITS[part.field.format[2]]], gaps)


def _add_texts(column: Column, part: Part, gaps: Any) -> None:
    bounds = _vector(part, "i4" if part.field.format in "uz" else "i8", more=1)
    lengths = numpy().diff(bounds)
    if gaps is not None and lengths[gaps].any():
        return _add_plain(column, part, gaps)  # there are bytes that nothing shows
    start, end = int(bounds[0]), int(bounds[-1])
    content = memory(_at(part.array.buffers[2], start), end - start)
    return column.add_texts(lengths, content, _places(gaps))


def _add_views(column: Column, part: Part, gaps: Any) -> None:
    np = numpy()
    views = _vector(part, "i4", width=4).reshape(part.size, 4)
    lengths = views[:, 0]
    if gaps is not None:
        lengths = np.where(gaps, 0, lengths)
    is_long = lengths >= SHORTEST_POINTER
    inner = np.where(is_long, 0, lengths)
    octets = np.ascontiguousarray(views[:, 1:]).view("u1").reshape(part.size, 12)
    content = octets[np.arange(12) < inner[:, None]]
    if is_long.any():
        far = np.frombuffer(_joined(part.array, views[is_long]), "u1")
        is_far = np.repeat(is_long, lengths)
        merged = np.empty(len(is_far), "u1")
        merged[is_far], merged[~is_far] = far, content
        content = merged
    column.add_texts(lengths, memoryview(content), _places(gaps))


def _joined(array: Array, views: Any) -> bytes:
    """Return the bytes of views that point at buffers, one after the other."""
    np = numpy()
    lengths, _, buffers, starts = views.astype("i8").T
    ends = starts + lengths
    # Texts that were written one after the other are copied as one.
    cuts = np.flatnonzero((buffers[1:] != buffers[:-1]) | (starts[1:] != ends[:-1])) + 1
    first, last = np.concatenate(([0], cuts)), np.concatenate((cuts, [len(views)])) - 1
    held = {at: _pointed_at(array, at) for at in np.unique(buffers).tolist()}
    runs = zip(buffers[first].tolist(), starts[first].tolist(), ends[last].tolist(), strict=True)
    # As bytes: many memoryviews at once keep the garbage collector busy.
    return b"".join([held[at][start:end].tobytes() for at, start, end in runs])


def _add_lists(column: Column, part: Part, gaps: Any) -> None:
    np, code = numpy(), part.field.format
    if code.startswith("+w:"):
        bounds = np.arange(part.at, part.at + part.size + 1) * int(code[3:])
    else:
        bounds = _vector(part, "i8" if code == "+L" else "i4", more=1)
    lengths = np.diff(bounds)
    runs = [(0, part.size)]
    if gaps is not None and lengths[gaps].any():
        lengths = np.where(gaps, 0, lengths)
        edges = np.flatnonzero(np.diff(np.concatenate(([True], gaps, [True]))))
        runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    column.add_lists(lengths, _places(gaps))
    for low, high in runs:
        start, end = int(bounds[low]), int(bounds[high])
        add_arrow(column.children[0], part.child(0, start, end - start))


def _add_structs(column: Column, part: Part, gaps: Any) -> None:
    column.add_structs(part.size, _places(gaps))
    for place, child in enumerate(column.children):
        add_arrow(child, part.child(place, part.at, part.size), gaps)


_ADD: tuple[tuple[str | tuple[str, ...], Callable[[Column, Part, Any], object]], ...] = (
    ("b", _add_flags),
    (tuple(TEXTS), _add_texts),
    (tuple(VIEWS), _add_views),
    ("tdD", _add_days),
    (("ts", "tD"), _add_instants),
    (("+l", "+L", "+w:", "+m"), _add_lists),
    ("+s", _add_structs),
)
"""What reads a type by NumPy, by the beginnings of its format."""
