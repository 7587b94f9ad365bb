"""How the data of each library is read, slice by slice, into columns: by its own protocol, and none is imported here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any

from lineage.digests.arrow import Array, Field, arrays_of
from lineage.digests.columns import SLICE, Column, numpy
from lineage.digests.decoding import Part, add_arrow, column_of
from lineage.digests.values import add_array, add_objects, as_array, zone_text
from lineage.errors import Invalid, excerpt

__all__ = ["Table", "is_known", "table_of"]

CELLS = 2**18
"""How many values a slice of a table has, at least where it has few columns."""
FEWEST_ROWS = 2**12
ITEMS = 32
"""How many items of a data set are asked for at once: each may be an image."""
FIRST_ROWS = 1_000
SLICE_BYTES = 2**24
"""How large a slice of a data set on the disk is, about; the first has `FIRST_ROWS`."""
HINTS = {
    "LazyFrame": "collect() it first",
    "DatasetDict": "take one of its splits",
    "IterableDatasetDict": "take one of its splits, and load it without streaming",
    "IterableDataset": "load it without streaming",
    "RecordBatchReader": "read_all() it first",
    "DuckDBPyConnection": "take its relation, from `connection.sql(…)`",
}


@dataclass
class Table:
    """Data that is being read: `parts` adds slices to `columns`, and yields how many rows there were so far.

    `heading` says what it is. Names are empty where columns have none; `total` is None where
    nobody knows how many rows there are.
    """

    heading: str
    names: list[str]
    columns: list[Column]
    total: int | None
    parts: Iterator[int] = field(default_factory=lambda: iter(()))


def is_known(obj: object) -> bool:
    """Whether an object is of a class that is data to everybody, and that `table_of` reads."""
    if _class_of(obj, "torch.utils.data", "Dataset"):
        return hasattr(obj, "__len__")
    return _reader(obj) is not None


def table_of(obj: Any) -> Table:
    """Return data as a table that is still to be read; Invalid for what is none, or can be read but once."""
    read = _reader(obj)
    if read is not None:
        return read(obj)
    name = type(obj).__name__
    if name in HINTS:
        raise Invalid(f"a {name} is not read: {HINTS[name]}")
    if isinstance(obj, Iterator):
        raise Invalid(f"{excerpt(obj)} can be read but once; give what it is made from")
    plain = (str, bytes, bytearray, memoryview, list, tuple, range, type, Mapping)
    if isinstance(obj, plain) or not (hasattr(obj, "__len__") and hasattr(obj, "__getitem__")):
        raise Invalid(
            f"{excerpt(obj)} is no frame: give one of pandas, polars, Arrow or NumPy, or a data set with a length"
        )
    return _of_items(obj)


def _reader(obj: Any) -> Callable[[Any], Table] | None:
    """Return what reads an object of a class that is known, or of a protocol for data."""
    np = numpy()
    if isinstance(obj, type | Iterator):
        return None
    for module, cls, read in _READERS:
        if _class_of(obj, module, cls):
            return read
    if np is not None and isinstance(obj, np.generic):
        return None
    if _class_of(obj, "scipy.sparse", "sparray") or _class_of(obj, "scipy.sparse", "spmatrix"):
        return _of_sparse
    if hasattr(obj, "__arrow_c_stream__") or hasattr(obj, "__arrow_c_array__"):
        return _of_arrow
    return _of_tensor if hasattr(obj, "__array__") and hasattr(obj, "shape") else None


def _class_of(obj: object, module: str, cls: str) -> bool:
    """Whether an object is of a class of a module, if this process has imported that."""
    home = getattr(sys.modules.get(module), cls, None)
    return isinstance(home, type) and isinstance(obj, home)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Say of which column is spoken where something in it is refused."""
    try:
        yield
    except Invalid as error:
        raise Invalid(f"column {excerpt(name)}: {error}") from error


def _slices(rows: int, width: int) -> Iterator[tuple[int, int]]:
    """Yield beginning and end of slices, of which an empty table has one."""
    size = min(SLICE, max(FEWEST_ROWS, CELLS // max(width, 1)))
    for start in range(0, max(rows, 1), size):
        yield start, min(start + size, rows)


Adder = Callable[[Column, int, int], object]
"""Adds what is from one row to another to a column."""


def _by_rows(
    names: Sequence[str], adders: Sequence[Adder], rows: int, heading: str = "table"
) -> Table:
    """Return a table of which each column has a function that adds a slice of it."""
    columns = [Column() for _ in adders]

    def parts() -> Iterator[int]:
        for start, end in _slices(rows, len(columns)):
            for name, column, add in zip(names, columns, adders, strict=True):
                with _naming(name):
                    add(column, start, end)
            yield end

    return Table(heading, list(names), columns, rows, parts())


# pandas


def _of_pandas(frame: Any) -> Table:
    names = list(map(str, frame.columns))
    adders = []
    for at, name in enumerate(names):
        with _naming(name):
            adders.append(_adder_of(frame.iloc[:, at].array))
    return _by_rows(names, adders, len(frame))


def _of_pandas_series(series: Any) -> Table:
    name = "" if series.name is None else str(series.name)
    return _by_rows([name], [_adder_of(series.array)], len(series), "series")


def _of_pandas_array(array: Any) -> Table:
    return _by_rows([""], [_adder_of(array)], len(array), "series")


def _of_multi_index(index: Any) -> Table:
    return _of_pandas(index.to_frame(index=False, allow_duplicates=True))


def _adder_of(array: Any) -> Adder:
    """Return what adds slices of an array of pandas."""
    dtype, np = array.dtype, numpy()
    if isinstance(dtype, np.dtype):
        add: Callable[[Column, Any], object] | None = _add_numpy
    elif getattr(dtype, "storage", None) == "python":
        add = _add_object_texts
    elif isinstance(getattr(dtype, "numpy_dtype", None), np.dtype) and hasattr(array, "isna"):
        add = _ADD_PANDAS.get(type(dtype).__name__, _add_masked)
    else:
        add = _ADD_PANDAS.get(type(dtype).__name__)
    if add is None:
        raise Invalid(
            f"pandas' type {array.dtype} has no digest; make it texts with `.astype(str)`, or leave the column out"
        )
    return lambda column, start, end: add(column, array[start:end])


def _add_numpy(column: Column, part: Any) -> None:
    add_array(column, numpy().asarray(part))


def _add_object_texts(column: Column, part: Any) -> None:
    column.become("text")
    add_array(column, numpy().asarray(part, object))


def _add_masked(column: Column, part: Any) -> None:
    dtype, missing = part.dtype.numpy_dtype, part.isna()
    add_array(column, part.to_numpy(dtype, na_value=0), missing if missing.any() else None)


def _add_of_arrow(column: Column, part: Any) -> None:
    arrow_field, arrays = arrays_of(part.__arrow_array__())
    model = column_of(arrow_field)
    if column.rows == 0:
        column.become_like(model)
    for array in arrays:
        add_arrow(column, Part(arrow_field, array, 0, array.length, {}))


def _add_categories(column: Column, part: Any) -> None:
    codes = numpy().asarray(part.codes)
    _adder_of(part.categories.array)(column, 0, 0)  # their type, where all are missing
    if len(part.categories) == 0:
        return column.add_missing(len(part))
    missing = codes < 0
    taken = part.categories.take(numpy().where(missing, 0, codes))
    if not missing.any():
        _adder_of(taken.array)(column, 0, len(taken))
    else:
        add_objects(
            column,
            [
                None if code < 0 else value
                for code, value in zip(codes.tolist(), taken, strict=True)
            ],
        )
    return None


def _add_zoned(column: Column, part: Any) -> None:
    ticks = numpy().asarray(part, f"M8[{part.dtype.unit}]")
    add_array(column, ticks, zone=zone_text(part.dtype.tz))


_ADD_PANDAS: dict[str, Callable[[Column, Any], object]] = {
    "ArrowDtype": _add_of_arrow,
    "StringDtype": _add_of_arrow,
    "CategoricalDtype": _add_categories,
    "DatetimeTZDtype": _add_zoned,
    "SparseDtype": _add_numpy,
    "NumpyEADtype": _add_numpy,
}


# NumPy, and what becomes one of its arrays


def _of_numpy(array: Any) -> Table:
    if array.dtype.names is not None:
        if array.ndim != 1:
            raise Invalid("records are read from arrays of one dimension; reshape it")
        parts = [array[name] for name in array.dtype.names]
        return _by_rows(array.dtype.names, [_adder_of_numpy(part) for part in parts], len(array))
    if array.ndim == 1:
        return _by_rows([""], [_adder_of_numpy(array)], len(array), "series")
    column = Column()
    heading = " ".join(map(str, ("array", *array.shape)))
    rows = array.shape[0] if array.ndim else 1
    return Table(heading, [], [column], rows, _array_parts(array, column))


def _of_tensor(tensor: Any) -> Table:
    return _of_numpy(as_array(tensor))


def _adder_of_numpy(array: Any) -> Adder:
    def add(column: Column, start: int, end: int) -> None:
        part = array[start:end]
        if part.ndim > 1:  # a field of records may be an array itself
            add_objects(column, list(part))
        else:
            _add_flat(column, part)

    return add


def _array_parts(array: Any, column: Column) -> Iterator[int]:
    """Add an array of any shape in the order of its indices, the last one fastest."""
    rows = array.shape[0] if array.ndim else 1
    if array.ndim == 0 or array.size == 0:
        _add_flat(column, array)
        yield rows
        return
    size = max(1, CELLS // prod(array.shape[1:]))
    for start in range(0, rows, size):
        _add_flat(column, array[start : start + size])
        yield min(start + size, rows)


def _add_flat(column: Column, array: Any) -> None:
    np = numpy()
    is_masked = np.ma.isMaskedArray(array)
    missing = np.ma.getmaskarray(array).reshape(-1) if is_masked else None
    add_array(column, np.asarray(array).reshape(-1), missing)


def _of_sparse(matrix: Any) -> Table:
    """Read a sparse matrix row by row: the places and values of what is not zero."""
    if matrix.ndim != 2:
        raise Invalid("sparse arrays are read where they have two dimensions; reshape it")
    rows = matrix.tocsr(copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    column = Column("list")
    places, values = Column(), Column()
    column.children[0].become("struct", names=("index", "value"))
    column.children[0].children = [places, values]

    def parts() -> Iterator[int]:
        column.add_lists(numpy().diff(rows.indptr), ())
        column.children[0].add_structs(rows.nnz, ())
        add_array(places, rows.indices)
        add_array(values, rows.data)
        yield matrix.shape[0]

    heading = f"sparse {matrix.shape[0]} {matrix.shape[1]}"
    return Table(heading, [], [column], matrix.shape[0], parts())


# Arrow's streams


def _of_arrow(source: Any) -> Table:
    whole, arrays = arrays_of(source)
    is_series = whole.format != "+s" or any(
        _class_of(source, module, cls) for module, cls in _SERIES
    )
    fields = (whole,) if is_series else whole.children
    columns = []
    for each, is_object in zip(fields, _are_objects(source, len(fields)), strict=True):
        with _naming(each.name):
            if is_object:
                raise Invalid(
                    "it holds Python objects, which have no digest; make them numbers or texts, or leave the column out"
                )
            columns.append(column_of(each))
    total = len(source) if any(_class_of(source, *known) for known in _COUNTED) else None
    parts = _arrow_parts(whole, arrays, columns, is_series=is_series)
    heading = "series" if is_series else "table"
    return Table(heading, [each.name for each in fields], columns, total, parts)


def _are_objects(source: Any, count: int) -> list[bool]:
    """Return which columns are objects of Python in polars, which gives their addresses as if they were data."""
    if _class_of(source, "polars", "DataFrame"):
        return [str(dtype) == "Object" for dtype in source.dtypes]
    return [_class_of(source, "polars", "Series") and str(source.dtype) == "Object"] * count


def _arrow_parts(
    whole: Field, arrays: Iterable[Array], columns: Sequence[Column], *, is_series: bool
) -> Iterator[int]:
    done = 0
    for array in arrays:
        chunk = Part(whole, array, 0, array.length, {})
        for start, end in _slices(array.length, len(columns)):
            part = chunk.cut(start, end - start)
            if is_series:
                add_arrow(columns[0], part)
            else:
                _add_rows(columns, part)
            yield done + end
        done += array.length


def _add_rows(columns: Sequence[Column], part: Part) -> None:
    for at, (column, each) in enumerate(zip(columns, part.field.children, strict=True)):
        with _naming(each.name):
            add_arrow(column, part.child(at, part.at, part.size))


_SERIES = (("polars", "Series"), ("pyarrow", "Array"), ("pyarrow", "ChunkedArray"))
_COUNTED = (*_SERIES, ("polars", "DataFrame"), ("pyarrow", "Table"), ("pyarrow", "RecordBatch"))
"""Classes whose length is a number of rows, and is known."""


def _of_hugging_face(data: Any) -> Table:
    """Read a `datasets.Dataset` as its user sees it: selected, in its order, as Arrow has it."""
    view = data.with_format("arrow")
    first = _of_arrow(view[0 : min(FIRST_ROWS, len(data))])

    def parts() -> Iterator[int]:
        done, size = 0, FIRST_ROWS
        while True:
            chunk = view[done : min(done + size, len(data))]
            arrow_field, arrays = arrays_of(chunk)
            for _ in _arrow_parts(arrow_field, arrays, first.columns, is_series=False):
                pass
            done += len(chunk)
            yield done
            if done >= len(data) or not len(chunk):
                return
            size = max(1, min(SLICE, size * SLICE_BYTES // max(chunk.nbytes, 1)))

    return Table("table", first.names, first.columns, len(data), parts())


# Data sets of items


def _of_items(data: Any) -> Table:
    """Read what has a length and items: a table where they are tuples or dicts, else a series."""
    total = len(data)
    first = data[0] if total else None
    if isinstance(first, Mapping):
        keys: list[Any] = list(first)
    elif isinstance(first, tuple):
        keys = list(range(len(first)))
    else:
        keys = []
    names = [str(key) for key in getattr(first, "_fields", keys)]
    columns = [Column() for _ in keys or [None]]

    def parts() -> Iterator[int]:
        for start in range(0, max(total, 1), ITEMS):
            end = min(start + ITEMS, total)
            items = [data[at] for at in range(start, end)]
            if not keys:
                add_objects(columns[0], items)
            elif any(
                not isinstance(item, tuple | Mapping) or len(item) != len(keys) for item in items
            ):
                raise Invalid(
                    f"not all items are like the first one, which has {len(keys)} parts; give all the same"
                )
            for key, name, column in zip(keys, names, columns, strict=False):
                with _naming(name):
                    add_objects(column, [_part(item, key) for item in items])
            yield end

    return Table("table" if keys else "series", names or [""], columns, total, parts())


def _part(item: Any, key: Any) -> Any:
    try:
        return item[key]
    except LookupError:
        raise Invalid(f"an item has no part {excerpt(key)}, which the first one has") from None


_READERS: tuple[tuple[str, str, Callable[[Any], Table]], ...] = (
    ("pandas", "DataFrame", _of_pandas),
    ("pandas", "Series", _of_pandas_series),
    ("pandas", "MultiIndex", _of_multi_index),
    ("pandas", "Index", _of_pandas_series),
    ("pandas.api.extensions", "ExtensionArray", _of_pandas_array),
    ("numpy", "ndarray", _of_numpy),
    ("datasets", "Dataset", _of_hugging_face),
)
"""Classes by their modules, the narrower first."""
