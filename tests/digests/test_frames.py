"""Digests of frames: what counts, what does not, and that every library's frame of the same data has the same one."""

import hashlib
import json
import struct
import subprocess
import sys
import tracemalloc
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.digests import columns
from lineage.digests.frames import Frame, describe, is_frame
from lineage.progress import Progress

BERLIN = ZoneInfo("Europe/Berlin")


class Kind(NamedTuple):
    """A type of values: in Arrow, in polars and, where it has one that takes missing values, in pandas."""

    word: str
    values: st.SearchStrategy[Any]
    arrow: pa.DataType
    polars: Any
    pandas: str = "object"


NAIVE = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001  # without a zone
KINDS = [
    Kind("integer", st.integers(-(2**63), 2**63 - 1), pa.int64(), pl.Int64, "Int64"),
    Kind("integer", st.integers(0, 2**64 - 1), pa.uint64(), pl.UInt64, "UInt64"),
    Kind("integer", st.integers(-128, 127), pa.int8(), pl.Int8, "Int8"),
    Kind("float", st.floats(), pa.float64(), pl.Float64, "float64"),
    Kind("float", st.floats(width=32), pa.float32(), pl.Float32, "Float32"),
    Kind("bool", st.booleans(), pa.bool_(), pl.Boolean, "boolean"),
    Kind("text", st.text(st.characters(codec="utf-8"), max_size=30), pa.string(), pl.String, "str"),
    Kind("text", st.text("aé", max_size=20), pa.large_string(), pl.Categorical, "category"),
    Kind("binary", st.binary(max_size=20), pa.binary(), pl.Binary),
    Kind("date", st.dates(), pa.date32(), pl.Date),
    Kind("time", st.times(), pa.time64("us"), pl.Time),
    Kind("timestamp", NAIVE, pa.timestamp("us"), pl.Datetime("us"), "datetime64[us]"),
    Kind(
        "duration",
        st.timedeltas(timedelta(-9999), timedelta(9999)),
        pa.duration("us"),
        pl.Duration("us"),
    ),
    Kind(
        "timestamp[Europe/Berlin]",
        NAIVE.map(lambda moment: moment.replace(tzinfo=UTC).astimezone(BERLIN)),
        pa.timestamp("us", "Europe/Berlin"),
        pl.Datetime("us", "Europe/Berlin"),
        "datetime64[us, Europe/Berlin]",
    ),
    Kind(
        "decimal",
        st.decimals(-(10**6), 10**6, places=3),
        pa.decimal128(20, 5),
        pl.Decimal(20, 5),
    ),
    Kind(
        "list<integer>",
        st.lists(st.integers(0, 9) | st.none(), max_size=4),
        pa.list_(pa.int16()),
        pl.List(pl.Int32),
    ),
    Kind(
        'struct<"a": integer, "b": text>',
        st.tuples(st.integers(0, 9) | st.none(), st.text("xyz")).map(
            lambda pair: dict(zip("ab", pair, strict=True))
        ),
        pa.struct([("a", pa.int32()), ("b", pa.string())]),
        pl.Struct({"a": pl.Int64, "b": pl.String}),
    ),
]


def shows_its_type(value: Any) -> bool:
    if isinstance(value, list):
        return any(item is not None for item in value)
    if isinstance(value, dict):
        return value["a"] is not None
    return bool(value == value)  # noqa: PLR0124  # NaN alone differs from itself


def in_all(kind: Kind, values: list[Any]) -> list[Any]:
    """Return a table with one column of values, in every library and in several of their types."""
    arrow = pa.table({"x": pa.array(values, kind.arrow)})
    halves = len(values) // 2
    pieces = pa.concat_tables([arrow.slice(0, halves), arrow.slice(halves)])
    frame = pl.DataFrame({"x": pl.Series(values, dtype=kind.polars)})
    return [
        arrow,
        pieces,
        pa.concat_tables([pa.table(frame)]),
        frame,
        pl.concat([frame[:halves], frame[halves:]], rechunk=False),
        pieces.to_pandas(types_mapper=pd.ArrowDtype),
        pd.DataFrame({"x": pd.Series(values, dtype=kind.pandas)}),
        pd.DataFrame({"x": pd.Series([*values, None], dtype=object)[:-1]}),
    ]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.arrow))
@given(data=st.data())
def test_same_data_has_the_same_digest_in_every_library(kind: Kind, data: st.DataObject) -> None:
    # One that shows its type: None, NaN and an empty list have none as Python's objects.
    values = data.draw(st.lists(kind.values | st.none(), max_size=12))
    at = data.draw(st.integers(0, len(values)))
    values.insert(at, data.draw(kind.values.filter(shows_its_type)))
    described = [describe(frame) for frame in in_all(kind, values)]
    assert described == [Frame(described[0].digest, len(values), ("x",), (kind.word,))] * 8


def wholes(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}q", *numbers)


def column(*streams: bytes) -> str:
    """Return a column's digest by the rule, of its streams."""
    return hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in streams)).hexdigest()


def test_digest_is_what_the_rule_says() -> None:
    frame = pd.DataFrame(
        {
            "n": [1, -2, 3],
            "é": pd.Series(["a", None, "bé"]),
            "f": [0.5, None, -0.0],
            "t": pd.Series(["1969-12-31 23:59:59.25", "2000-01-01", None], dtype="datetime64[ms]"),
            "l": [[1], None, [2, 3]],
        }
    )
    nan = bytes.fromhex("000000000000f87f")
    items = hashlib.sha256(
        hashlib.sha256().digest()
        + hashlib.sha256(wholes(1, 2, 3)).digest()
        + hashlib.sha256().digest()
    )
    lists = hashlib.sha256(
        hashlib.sha256(wholes(1)).digest()
        + hashlib.sha256(wholes(1, 0, 2)).digest()
        + items.digest()
    )
    lines = [
        "table 3",
        f'"n" integer {column(b"", wholes(1, -2, 3), b"")}',
        rf'"\u00e9" text {column(wholes(1), wholes(1, 0, 3), "abé".encode())}',
        f'"f" float {column(b"", struct.pack("<d", 0.5) + nan + struct.pack("<d", -0.0))}',
        f'"t" timestamp {column(wholes(2), wholes(-1, 946684800, 0), struct.pack("<3i", 250_000_000, 0, 0))}',
        f'"l" list<integer> {lists.hexdigest()}',
    ]
    whole = "".join(f"{line}\n" for line in lines)
    assert describe(frame).digest == f"frame:{hashlib.sha256(whole.encode()).hexdigest()}"


def test_digest_stays_what_it_was_in_earlier_versions() -> None:
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "a longer text"], "c": [True, None]})
    assert describe(frame).digest == EARLIER


EARLIER = "frame:d1f3ae8305648db4e5a15fd7cd92e36e9b4052160d84ebe7ffd290c2d711de92"


TABLE: dict[str, list[Any]] = {"a": [1, 2, 3], "b": [0.5, None, 2.0], "c": ["x", "y", None]}


@pytest.mark.parametrize(
    "changed",
    [
        {**TABLE, "a": [1, 2, 4]},
        {**TABLE, "a": [1, 3, 2]},
        {**TABLE, "b": [0.5, 0.0, 2.0]},
        {**TABLE, "b": [None, 0.5, 2.0]},
        {**TABLE, "c": ["x", "y", ""]},
        {**TABLE, "c": ["xy", "", None]},
        {**TABLE, "a": [1.0, 2.0, 3.0]},
        {"b": TABLE["b"], "a": TABLE["a"], "c": TABLE["c"]},
        {"A": TABLE["a"], "b": TABLE["b"], "c": TABLE["c"]},
        {name: values[:2] for name, values in TABLE.items()},
        {name: values[::-1] for name, values in TABLE.items()},
        {"a": TABLE["a"], "b": TABLE["b"]},
    ],
)
@pytest.mark.parametrize(
    "library", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "arrow"]
)
def test_values_names_types_and_order_count(changed: Any, library: Any) -> None:
    assert describe(library(changed)).digest != describe(library(TABLE)).digest


@given(
    values=st.lists(st.integers().filter(lambda value: abs(value) < 2**62), min_size=1),
    data=st.data(),
)
def test_any_changed_value_changes_the_digest(values: list[int], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(values) - 1))
    other = data.draw(st.integers(-(2**62), 2**62).filter(lambda value: value != values[at]))
    changed = [*values[:at], other, *values[at + 1 :]]
    assert describe(pl.Series(values)) != describe(pl.Series(changed))


# What does not count


def test_row_labels_and_what_is_beside_the_data_do_not_count() -> None:
    frame = pd.DataFrame(TABLE)
    labelled = frame.set_axis(["p", "q", "r"]).rename_axis("key")
    labelled.attrs["source"] = "here"
    assert describe(labelled) == describe(frame)
    assert describe(labelled.reset_index()).columns == ("key", "a", "b", "c")
    table = pa.table(TABLE)
    assert describe(table.replace_schema_metadata({"a": "b"})) == describe(table)


def test_widths_encodings_and_layout_do_not_count() -> None:
    texts = ["b", "a longer text than a view holds", None, "b", ""] * 3
    arrow = [
        pa.array(texts, type_)
        for type_ in (
            pa.string(),
            pa.large_string(),
            pa.string_view(),
            pa.dictionary(pa.int8(), pa.string()),
            pa.dictionary(pa.uint32(), pa.large_string(), ordered=True),
        )
    ]
    frames = [
        pd.Series(texts, dtype=dtype)
        for dtype in ("object", "str", "string", "category", "string[python]")
    ]
    polars = [
        pl.Series(texts, dtype=dtype)
        for dtype in (pl.String, pl.Categorical, pl.Enum(sorted(set(texts) - {None})))
    ]
    every = [
        *arrow,
        pa.chunked_array([arrow[0][:3], arrow[0][3:]]),
        *frames,
        *polars,
        pd.Index(frames[0]),
    ]
    every.append(np.array(texts, object))
    assert {describe(each).digest for each in every} == {
        describe(pa.array([*texts, None])[:-1]).digest
    }
    numbers = [np.arange(5).astype(code) for code in ("i1", "u1", "<i2", ">i4", "u8")]
    assert len({describe(each).digest for each in numbers}) == 1
    floats = [np.array([0.5, np.nan, 2]).astype(code) for code in ("f2", ">f4", "f8")]
    assert len({describe(each).digest for each in floats}) == 1


def test_missing_values_and_every_nan_are_one_among_floats() -> None:
    payload = np.array([0x7FF8000000000001, 0xFFF8000000000000], "u8").view("f8")
    every = [
        pa.array([None, None, 1.0]),
        pa.array([float("nan"), None, 1.0]),
        np.append(payload, 1.0),
        np.ma.masked_array([7.0, 8.0, 1.0], [True, True, False]),
        pd.Series([None, None, 1.0]),
        pd.Series([pd.NA, None, 1.0], dtype="Float64"),
        pd.Series([None, float("nan"), 1.0], dtype=object),
        pl.Series([None, float("nan"), 1.0]),
    ]
    assert len({describe(each).digest for each in every}) == 1
    assert describe(pl.Series([1, None])).digest != describe(pl.Series([1, 0])).digest
    assert describe(np.array([0.0])).digest != describe(np.array([-0.0])).digest


def test_units_of_time_do_not_count() -> None:
    moments = [datetime(2020, 5, 17, 1, 2, 3), None, datetime(1910, 1, 1)]  # noqa: DTZ001
    every: list[Any] = [pa.array(moments, pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")]
    every += [pl.Series(moments, dtype=pl.Datetime(unit)) for unit in ("ms", "us", "ns")]
    every += [np.array(moments, f"M8[{unit}]") for unit in ("s", "ms", "us", "ns")]
    every += [pd.Series(moments), pd.Series(moments, dtype=object), pd.Index(moments)]
    assert {describe(each).types for each in every} == {("timestamp",)}
    assert len({describe(each).digest for each in every}) == 1
    days = [date(2020, 5, 17), None]
    every = [pa.array(days, pa.date64()), pa.array(days), np.array(days, "M8[D]"), pl.Series(days)]
    assert len({describe(each).digest for each in every}) == 1
    spans = [timedelta(1, 2, 3000), None]
    every = [
        pa.array(spans, pa.duration("ms")),
        pl.Series(spans),
        np.array(spans, "m8[ns]"),
        pd.Series(spans),
    ]
    assert len({describe(each).digest for each in every}) == 1
    noon = [time(12, 0, 1), None]
    every = [pa.array(noon, pa.time32("s")), pa.array(noon, pa.time64("ns")), pl.Series(noon)]
    assert len({describe(each).digest for each in every}) == 1


def test_zones_count() -> None:
    moment = datetime(2020, 5, 17, tzinfo=UTC)
    zoned = [moment.astimezone(zone) for zone in (BERLIN, timezone(timedelta(hours=-5.5)))]
    types = [
        describe(pd.Series([each], dtype=dtype)).types
        for each in (moment, *zoned)
        for dtype in (None, object)
    ]
    assert [each[0] for each in types[::2]] == [
        "timestamp[UTC]",
        "timestamp[Europe/Berlin]",
        "timestamp[-05:30]",
    ]
    assert types[::2] == types[1::2]
    other = pa.array([moment], pa.timestamp("ns", "+00:00"))
    assert describe(other) == describe(pd.Series([moment], name=""))
    assert len({describe(pd.Series([each])).digest for each in (moment, *zoned)}) == 3


def test_ways_to_write_a_decimal_do_not_count() -> None:
    every = [
        pa.array([Decimal("1.50"), Decimal(-200), Decimal(0)], pa.decimal128(9, 2)),
        pa.array([Decimal("1.50"), Decimal(-200), Decimal(0)], pa.decimal256(50, 7)),
        pd.Series([Decimal("1.5"), Decimal("-2E+2"), Decimal("0.000")]),
    ]
    assert len({describe(each).digest for each in every}) == 1


def test_what_hidden_slots_hold_does_not_count() -> None:
    """A missing value's place in a buffer may hold anything."""
    valid = pa.py_buffer(b"\x05")  # the second of three is missing
    numbers = pa.Array.from_buffers(pa.int64(), 3, [valid, pa.py_buffer(wholes(1, 99, 3))])
    assert describe(numbers) == describe(pa.array([1, None, 3]))
    offsets = pa.py_buffer(struct.pack("<4i", 0, 1, 3, 4))
    texts = pa.Array.from_buffers(pa.string(), 3, [valid, offsets, pa.py_buffer(b"a__b")])
    assert describe(texts) == describe(pa.array(["a", None, "b"]))
    items = pa.array([1, 7, 7, 2])
    lists = pa.ListArray.from_buffers(pa.list_(pa.int64()), 3, [valid, offsets], children=[items])
    assert describe(lists) == describe(pa.array([[1], None, [2]]))
    fixed = pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2))
    assert describe(fixed) == describe(pa.array([[1, 2], None, [3, 4]]))
    inner = [pa.array([1, 99, 3]), pa.array(["a", "b", "c"])]
    structs = pa.StructArray.from_buffers(
        pa.struct([("n", pa.int64()), ("s", pa.string())]), 3, [valid], children=inner
    )
    assert describe(structs) == describe(pa.array([{"n": 1, "s": "a"}, None, {"n": 3, "s": "c"}]))
    assert describe(structs[1:]) == describe(pa.array([None, {"n": 3, "s": "c"}]))


@pytest.mark.parametrize(
    "size", [1, columns.SLICE - 1, columns.SLICE, columns.SLICE + 1, 3 * columns.SLICE + 7]
)
def test_slices_do_not_count(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = np.arange(size)
    words = [None if number % 7 == 0 else f"number {number}" for number in range(size)]
    table = {
        "n": numbers,
        "h": numbers / 2,
        "s": words,
        "l": [[number] * (number % 3) for number in range(size)],
    }
    arrow = pa.table(table)
    described = {
        describe(frame).digest
        for frame in (
            arrow,
            pl.DataFrame(arrow),
            pd.DataFrame(table),
            arrow.to_pandas(types_mapper=pd.ArrowDtype),
        )
    }
    assert len(described) == 1
    batches = pa.Table.from_batches(arrow.to_batches(max_chunksize=1000))
    assert {describe(batches).digest} == described


# Without NumPy


def test_digest_without_numpy_is_the_same_and_nothing_is_imported() -> None:
    program = """
import sys
from datetime import date, datetime, time, timedelta
import polars as pl
from lineage.digests.frames import describe
lists = {"l": [[1, None], [], None], "e": [{"a": 1.5}, None, {"a": None}]}
frame = pl.DataFrame({
    "n": [1, None, 3], "u": pl.Series([2**64 - 1, 0, None], dtype=pl.UInt64), "f": [0.5, float("nan"), None],
    "b": [True, None, False], "s": ["a", "a longer text than a view holds", None], "z": [b"1", None, b""],
    "m": [datetime(1900, 1, 1, 1, 1, 1, 1), None, None], "y": [date(2000, 1, 1), None, None],
    "t": [time(1, 2, 3), None, None], "p": [timedelta(-1, 3), None, None],
    "c": pl.Series(["x", None, "y"], dtype=pl.Categorical), "nothing": [None] * 3,
    "d": pl.Series(["1.5", None, "-20"]).cast(pl.Decimal(10, 2)),
    "array": pl.Series([[1.0, 2.0], None, [3.0, 4.0]], dtype=pl.Array(pl.Float32, 2)), **lists,
})
print(describe(frame).digest)
assert not {"numpy", "pandas", "pyarrow"} & sys.modules.keys()
import numpy
print(describe(frame).digest)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    without, beside = done.stdout.split()
    assert without == beside


# Progress and memory


def test_progress_is_told_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Progress] = []
    rows = 2 * columns.SLICE + 1
    describe(pl.DataFrame({"a": range(rows)}), progress=told.append)
    assert told == [
        Progress("digesting", done, rows) for done in (columns.SLICE, 2 * columns.SLICE, rows)
    ]
    told.clear()
    describe(pd.DataFrame({"a": []}), progress=told.append)
    assert told == [Progress("digesting", 0, 0)]


def test_ten_million_rows_take_the_memory_of_a_slice() -> None:
    rows = np.broadcast_to(np.float64(0.5), 10_000_000)
    tracemalloc.start()
    try:
        assert describe(rows).rows == 10_000_000
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


# What is a frame


class Items:
    def __init__(self, *items: Any) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, at: int) -> Any:
        return self.items[at]


def test_what_is_a_frame() -> None:
    frame = pd.DataFrame(TABLE)
    data = [frame, frame["a"], frame.index, pl.DataFrame(TABLE), pl.Series([1]), pa.table(TABLE)]
    data += [
        pa.array([1]),
        pa.chunked_array([[1]]),
        np.zeros(3),
        np.zeros((2, 2)),
        frame["a"].array,
    ]
    assert all(map(is_frame, data))
    others = [
        None,
        1,
        "text",
        [1],
        (1,),
        {"a": 1},
        b"x",
        np.float64(1),
        pd.DataFrame,
        Items(1),
        iter([1]),
    ]
    others += [pa.table(TABLE).to_reader(), pl.LazyFrame(TABLE), Decimal(1), pd.Timestamp(0)]
    assert not any(map(is_frame, others))


def test_names_are_texts() -> None:
    frame = pd.DataFrame([[1, 2, 3, 4]], columns=[0, ("a", "b"), None, "0"])
    described = describe(frame)
    assert described.columns == ("0", "('a', 'b')", "None", "0")
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    assert describe(twice).columns == ("a", "a")
    assert describe(twice).digest == describe(pd.DataFrame([[1, 2]], columns=["a", "a"])).digest
    assert json.loads(json.dumps(described.columns))


def test_empty_frames_have_digests() -> None:
    assert describe(pd.DataFrame()) == describe(pl.DataFrame()) == describe(pa.table({}))
    schema = {"a": pl.Int64, "b": pl.String}
    empty = pl.DataFrame(schema=schema)
    assert (
        describe(empty)
        == describe(pa.table(empty))
        == describe(pd.DataFrame({"a": pd.Series(dtype=int), "b": pd.Series(dtype=str)}))
    )
    assert describe(empty) != describe(pl.DataFrame(schema={**schema, "b": pl.Int64}))
    assert describe(empty).types == ("integer", "text")
    assert describe(pd.DataFrame({"a": [None, None]})).types == ("null",)
    assert describe(pd.DataFrame({"a": [None]})) == describe(pl.DataFrame({"a": [None]}))
