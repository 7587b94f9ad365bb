"""Digests of arrays, tensors, sparse matrices and data sets of items, and what has none."""

import array
import importlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from lineage.digests.columns import SLICE
from lineage.digests.frames import describe, is_frame
from lineage.errors import Invalid

sparse: Any = importlib.import_module("scipy.sparse")  # it ships no types


class Items:
    """A data set as those of torch are: a length and items."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, at: int) -> Any:
        return self.items[at]


class Tensor:
    """What becomes an array when it is asked, as torch's tensors do."""

    def __init__(self, values: Any, device: str = "cpu") -> None:
        self.values = np.asarray(values)
        self.shape = self.values.shape
        self.device = device

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self.device != "cpu":
            raise TypeError(f"can't convert {self.device} device type tensor to numpy")
        return self.values


# Arrays


def test_arrays_have_a_shape_and_an_order() -> None:
    whole = np.arange(24.0).reshape(2, 3, 4)
    described = describe(whole)
    assert (described.rows, described.columns, described.types) == (2, (), ("float",))
    same = [np.asfortranarray(whole), whole.astype("f4"), whole.astype(">f8"), Tensor(whole)]
    same += [np.ma.masked_array(whole), np.repeat(whole, 2, axis=1)[:, ::2]]
    assert {describe(each) for each in same} == {described}
    others = [
        whole.reshape(3, 2, 4),
        whole.reshape(24),
        whole.transpose(0, 2, 1),
        whole.astype(int),
        whole[:1],
    ]
    assert len({describe(each).digest for each in (whole, *others)}) == 6


def test_arrays_of_one_dimension_are_series() -> None:
    every = [
        np.array([1, 2]),
        pd.Series([1, 2], name="n"),
        pl.Series("m", [1, 2]),
        pa.array([1, 2]),
    ]
    assert {describe(each).digest for each in (*every, Tensor([1, 2]))} == {
        describe(every[0]).digest
    }
    assert [describe(each).columns for each in every] == [("",), ("n",), ("m",), ("",)]
    assert describe(pd.DataFrame({"n": [1, 2]})).digest != describe(every[1]).digest


def test_arrays_without_dimensions_or_values() -> None:
    described = {describe(np.zeros(shape)) for shape in [(), (1, 1), (0, 3), (3, 0)]}
    assert len({each.digest for each in described}) == 4
    assert sorted(each.rows for each in described) == [0, 1, 1, 3]


def test_large_arrays_are_read_in_slices() -> None:
    wide = np.arange(2.0**19).reshape(2, 512, 512)
    assert describe(np.asfortranarray(wide)) == describe(wide)
    assert describe(np.broadcast_to(np.int8(1), (3, 2**18))) == describe(np.ones((3, 2**18), int))


def test_records_are_tables() -> None:
    records = np.array([(1, 0.5, b"x"), (2, np.nan, b"")], [("a", "i2"), ("b", "f4"), ("c", "S3")])
    frame = pl.DataFrame({"a": [1, 2], "b": [0.5, None], "c": [b"x", b""]})
    assert describe(records) == describe(records.view(np.recarray)) == describe(frame)
    pairs = np.array([([1, 2],), ([3, 4],)], [("p", "i4", 2)])
    assert describe(pairs) == describe(pl.DataFrame({"p": [[1, 2], [3, 4]]}))


def test_masked_values_are_missing() -> None:
    masked = np.ma.masked_array([[1, 2], [3, 4]], [[False, True], [False, False]])
    other = np.ma.masked_array([[1, 9], [3, 4]], [[False, True], [False, False]])
    assert describe(masked) == describe(other) != describe(masked.data)


def test_complex_numbers() -> None:
    numbers = np.array([1 + 2j, complex(np.nan, 1), 0])
    assert describe(numbers).types == ("complex",)
    assert (
        describe(numbers)
        == describe(pd.Series(numbers, dtype=object))
        == describe(numbers.astype("c8"))
    )
    assert describe(numbers) != describe(numbers.conj())


def test_texts_of_numpy() -> None:
    texts = ["a", "", "longer é"]
    every = [np.array(texts), np.array(texts, object), np.array(texts, np.dtypes.StringDType())]
    assert {describe(each) for each in every} == {describe(pa.array(texts))}
    assert describe(np.array([b"a", b"b"])) == describe(pa.array([b"a", b"b"]))


# Sparse matrices


def test_sparse_matrices_are_what_is_not_zero() -> None:
    dense = np.array([[0, 1.5, 0], [0, 0, 0], [2, 0, 3]])
    first = sparse.csr_array(dense)
    every = [cls(dense) for cls in (sparse.csc_matrix, sparse.coo_array, sparse.lil_matrix)]
    with_zero = sparse.coo_array(([1, 0.5, 2, 3, 0], ([0, 0, 2, 2, 1], [1, 1, 0, 2, 1])))
    before = with_zero.copy()
    assert {describe(each) for each in (*every, with_zero, first)} == {describe(first)}
    assert (with_zero.data == before.data).all()
    assert is_frame(first)
    assert describe(first).rows == 3
    changed = [
        first * 2,
        first.T,
        sparse.csr_array(dense[:2]),
        sparse.csr_array(dense[::-1]),
    ]
    digests = [describe(each).digest for each in (first, *changed, dense)]
    assert len(set(digests)) == 6


# Data sets of items


def test_items_that_are_tuples_or_dicts_make_tables() -> None:
    class Pair(NamedTuple):
        image: Any
        label: int

    images = [np.arange(6, dtype="u1").reshape(2, 3) + at for at in range(40)]
    labels = list(range(40))
    pairs = Items(*zip(images, labels, strict=True))
    described = describe(pairs)
    assert (described.rows, described.columns) == (40, ("0", "1"))
    assert described.types == ("list<list<integer>>", "integer")
    arrow = {"0": [image.tolist() for image in images], "1": labels}
    assert described == describe(pa.table(arrow)) == describe(pl.DataFrame(arrow))
    tensors = Items(
        *((Tensor(image), Tensor(label)) for image, label in zip(images, labels, strict=True))
    )
    assert describe(tensors) == described
    named = describe(Items(*map(Pair, images, labels)))
    dicts = Items(
        *({"image": image, "label": label} for image, label in zip(images, labels, strict=True))
    )
    assert named == describe(dicts)
    assert named.columns == ("image", "label")
    assert describe(Items(*pairs.items[::-1])) != described


def test_items_that_are_values_make_series() -> None:
    assert describe(Items(1, 2, None)) == describe(pa.array([1, 2, None]))
    assert describe(Items("a", "b")) == describe(pa.array(["a", "b"]))
    assert describe(Items(b"a", bytearray(b"b"))) == describe(pa.array([b"a", b"b"]))
    assert describe(Items(np.float32(0.5), Tensor(1.5))) == describe(pa.array([0.5, 1.5]))
    assert describe(Items(array.array("d", [1, 2]), [3.0])) == describe(
        pa.array([[1.0, 2.0], [3.0]])
    )
    assert describe(Items()).rows == 0
    nested = Items(
        {"boxes": np.ones((2, 4)), "meta": {"id": 1}}, {"boxes": np.ones((1, 4)), "meta": {"id": 2}}
    )
    assert describe(nested).types == ("list<list<float>>", 'struct<"id": integer>')


def test_arrays_of_several_widths_are_one_list() -> None:
    """NumPy would make floats of the largest numbers beside negative ones."""
    items = Items(np.array([2**64 - 1], "u8"), np.array([-1], "i8"))
    assert describe(items) == describe(Items([2**64 - 1], [-1]))


# What has no digest


class Thing:
    def __repr__(self) -> str:
        return "thing"


class Endless:
    def __iter__(self) -> Iterator[int]:
        return iter(int, 1)


REFUSED: dict[str, tuple[Any, str]] = {
    "objects": (
        pd.DataFrame({"ok": [1], "x": [Thing()]}),
        "column 'x': thing is of type Thing, which has no digest; make it",
    ),
    "mixed": (
        pd.DataFrame({"x": [1, "a"]}, dtype=object),
        "column 'x': there are values of the types integer, text; make them",
    ),
    "mixed numbers": (pd.Series([1, 2.5], dtype=object), "types float, integer"),
    "mixed later": (
        pd.Series([*range(2**16), "a"], dtype=object),
        "of type integer and of type text",
    ),
    "long": (
        pd.DataFrame({"x": [2**64]}, dtype=object),
        "column 'x': there are whole numbers of more than 64 bits; make them texts",
    ),
    "deep": (pd.Series([-(2**63) - 1], dtype=object), "more than 64 bits"),
    "surrogates": (pd.Series(["\ud800"], dtype=object), "lone surrogates"),
    "periods": (
        pd.DataFrame({"x": pd.period_range("2020", periods=2, freq="D")}),
        r"column 'x': pandas' type period\[D\] has no digest; make it texts",
    ),
    "intervals": (pd.Series(pd.interval_range(0, 2)), "pandas' type interval"),
    "polars' objects": (
        pl.DataFrame({"ok": [1], "x": [Thing()]}),
        "column 'x': it holds Python objects",
    ),
    "unions": (
        pa.table({"x": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])}),
        "column 'x': Arrow's format '\\+us:0' has no digest; cast",
    ),
    "intervals of Arrow": (
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
        "'tin' has no digest",
    ),
    "zones": (
        pd.Series([pd.Timestamp(0, tz="UTC"), pd.Timestamp(0, tz="Asia/Tokyo")], dtype=object),
        "several zones",
    ),
    "dicts": (pd.Series([{"a": 1}, {"b": 1}]), "other keys"),
    "long doubles": (np.zeros(2, np.longdouble), "float128"),
    "picoseconds": (np.array([1], "m8[ps]"), "nanoseconds or longer units"),
    "records": (np.zeros((2, 2), [("a", int)]), "one dimension; reshape it"),
    "graphics cards": (
        Items(Tensor(1, "cuda")),
        "a Tensor cannot be read as an array .can't convert cuda.*; give it as",
    ),
    "uneven": (Items((1, 2), (1,)), "not all items are like the first one, which has 2 parts"),
    "other dicts": (Items({"a": 1}, {"b": 1}), "an item has no part 'a'"),
    "iterators": (iter([1]), "can be read but once; give what it is made from"),
    "readers": (
        pa.table({"a": [1]}).to_reader(),
        r"a RecordBatchReader is not read: read_all\(\) it first",
    ),
    "lazy": (pl.LazyFrame({"a": [1]}), r"a LazyFrame is not read: collect\(\) it first"),
    "lists": ([1, 2], "is no frame: give one of pandas"),
    "dicts of lists": ({"a": [1]}, "is no frame"),
    "texts": ("a,b", "is no frame"),
    "none": (None, "None is no frame"),
    "classes": (pd.DataFrame, "is no frame"),
    "without a length": (Endless(), "is no frame"),
    "scalars": (np.float64(1), "is no frame"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_digest_is_refused(case: str) -> None:
    data, message = REFUSED[case]
    with pytest.raises(Invalid, match=message):
        describe(data)


def test_what_looks_bad_has_a_digest() -> None:
    """Categories, nested lists, NaT among texts and missing values of all kinds."""
    nested = pd.Series([[[1], []], None, [[2, None]]])
    assert describe(nested) == describe(pa.array([[[1], []], None, [[2, None]]]))
    gaps = pd.Series(["a", None, pd.NA, pd.NaT, float("nan")], dtype=object)
    assert describe(gaps) == describe(pa.array(["a", None, None, None, None]))
    moments = pd.Series([pd.Timestamp("2020-01-01 00:00:00.000000001"), pd.NaT], dtype=object)
    assert describe(moments) == describe(moments.astype("datetime64[ns]"))
    numbers = pd.Series(pd.Categorical([3, None, 1]))
    assert describe(numbers) == describe(pa.array([3, None, 1]))
    assert describe(pd.Series(pd.Categorical([None], categories=["a"]))).types == ("text",)
    thin = pd.Series(pd.arrays.SparseArray([0.0, 0.0, 1.5]))
    assert describe(thin) == describe(pa.array([0.0, 0.0, 1.5]))
    pairs = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", None])
    assert describe(pairs).columns == ("k", "1")
    assert describe(pd.Index([1, 2])) == describe(pa.array([1, 2]))


def test_objects_may_show_their_type_late() -> None:
    """The first slice has nothing but NaN, and the keys of dicts come in another order."""
    gaps: list[Any] = [float("nan")] * (SLICE + 1)
    texts = pd.Series([*gaps, "a", *gaps, None], dtype=object)
    values = [None if value != value else value for value in texts]  # noqa: PLR0124  # NaN
    assert describe(texts) == describe(pa.array(values))
    dicts = [{"a": 1, "b": 2}] * SLICE + [{"b": 2, "a": 1}]
    assert describe(pd.Series(dicts)) == describe(pa.array(dicts))
    labels = Items(np.array(3), Tensor(4), np.int8(5), 6)
    assert describe(labels) == describe(pa.array([3, 4, 5, 6]))


def test_what_raises_while_it_is_read_says_so() -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1]})
        raise OSError("the disk is gone")

    class Stream:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            schema = pa.schema([("a", pa.int64())])
            return pa.RecordBatchReader.from_batches(schema, batches()).__arrow_c_stream__()

    with pytest.raises(Invalid, match=r"the frame cannot be read: .*the disk is gone"):
        describe(Stream())
