"""What comes back is what went in, or the put was refused: Python's, NumPy's and pandas' values."""

from __future__ import annotations

import collections
import enum
import math
import types
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

import lineage
from lineage.errors import Invalid
from lineage.model.canonical import decode, encode
from lineage.model.values import ProtoAny, to_properties, to_value


class Level(enum.IntEnum):
    LOW = 1


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


class Nested(enum.Enum):
    LOW = Level.LOW


class Pair(NamedTuple):
    first: int
    second: str


@dataclass
class Settings:
    rate: float
    layers: tuple[int, ...]
    since: Any = None


class Odd(float):
    """A number that shows itself as another one."""

    def __float__(self) -> float:
        return 7.0

    def __repr__(self) -> str:
        return "seven"


class Whole(int):
    def __int__(self) -> int:
        return 7

    def __str__(self) -> str:
        return "seven"


class Word(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "another"


CEST = timezone(timedelta(hours=2))
NOON = pd.Timestamp("2026-03-01T12:00:00.123456789Z")

FORMS: list[tuple[object, object]] = [
    # Numbers
    (Odd(0.5), 0.5),
    (Whole(3), 3),
    (Word("a"), "a"),
    ([Odd(0.5), Whole(3), Word("a")], [0.5, 3, "a"]),
    (Level.LOW, 1),
    (Nested.LOW, 1),
    (Mode.READ | Mode.WRITE, 3),
    (Decimal("1.10"), "1.10"),
    (Fraction(1, 3), "1/3"),
    (1 - 2j, "1-2j"),
    (np.int8(-5), -5),
    (np.uint64(2**63 - 1), 2**63 - 1),
    ([np.uint64(2**64 - 1)], [2**64 - 1]),
    (np.float16(0.1), 0.0999755859375),
    (np.float32(0.1), 0.10000000149011612),
    (np.float64(-0.0), -0.0),
    (np.float64("inf"), math.inf),
    (np.bool_(False), False),
    (np.complex64(1j), "1j"),
    (np.str_("x"), "x"),
    (np.array(5), 5),
    (np.array("x"), "x"),
    (np.array(Decimal("1.5"), dtype=object), "1.5"),
    # Times
    (datetime(2026, 3, 1, 14, 0, 0, 1, tzinfo=CEST), "2026-03-01T12:00:00.000001Z"),
    ([datetime(2026, 3, 1, 14, tzinfo=CEST)], ["2026-03-01T12:00:00Z"]),
    (NOON, "2026-03-01T12:00:00.123456789Z"),
    ({"at": [NOON.tz_convert(CEST)]}, {"at": ["2026-03-01T12:00:00.123456789Z"]}),
    (pd.Timestamp("2026-03-01T12:00:00Z"), "2026-03-01T12:00:00Z"),
    (date(2026, 3, 1), "2026-03-01"),
    (time(1, 2, 3, 4), "01:02:03.000004"),
    (time(1, tzinfo=UTC), "01:00:00Z"),
    (np.datetime64("2026-03-01"), "2026-03-01"),
    (np.datetime64("2026-03"), "2026-03"),
    (np.datetime64("2026"), "2026"),
    (timedelta(0), "PT0S"),
    (timedelta(days=400, hours=1, seconds=2, microseconds=3), "P400DT1H2.000003S"),
    (timedelta(minutes=-90), "-PT1H30M"),
    (timedelta.max, "P999999999DT23H59M59.999999S"),
    (pd.Timedelta(1, "ns"), "PT0.000000001S"),
    (pd.Timedelta(-1, "ns"), "-PT0.000000001S"),
    (pd.Timedelta(1, "D").as_unit("s"), "P1D"),
    (np.timedelta64(1, "ns"), "PT0.000000001S"),
    (np.timedelta64(90, "m"), "PT1H30M"),
    (np.timedelta64(2, "W"), "P14D"),
    (np.array(3, "timedelta64[25s]"), "PT1M15S"),
    # Texts
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (PurePosixPath("/data"), "/data"),
    # Containers
    ((1, "a"), [1, "a"]),
    (Pair(1, "a"), [1, "a"]),
    (collections.deque([1, 2]), [1, 2]),
    (collections.defaultdict(int, a=1), {"a": 1}),
    (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    (collections.Counter("aab"), {"a": 2, "b": 1}),
    (collections.ChainMap({"a": 1}, {"a": 2, "b": 3}), {"a": 1, "b": 3}),
    (types.MappingProxyType({"a": (1,)}), {"a": [1]}),
    ({3, 1, 2}, [1, 2, 3]),
    (frozenset({"b", "a"}), ["a", "b"]),
    ({1.5, "a", None, NOON}, ["2026-03-01T12:00:00.123456789Z", "a", 1.5, None]),
    (Settings(0.1, (1, 2)), {"rate": 0.1, "layers": [1, 2], "since": None}),
    (Settings(0.1, (), NOON), {"rate": 0.1, "layers": [], "since": str(to_value(NOON))}),
    # Keys
    ({1: 0, True + 1: 0, None: 0, 0.5: 0}, {"1": 0, "2": 0, "None": 0, "0.5": 0}),
    ({True: 0, Level.LOW + 1: 0}, {"true": 0, "2": 0}),
    ({math.nan: 1}, {"nan": 1}),
    ({date(2026, 3, 1): 1, np.int64(5): 2}, {"2026-03-01": 1, "5": 2}),
    ({timedelta(days=1): 1, Decimal("0.5"): 2}, {"P1D": 1, "0.5": 2}),
]


@pytest.mark.parametrize(("raw", "form"), FORMS, ids=map(str, range(len(FORMS))))
def test_form_of_a_value(raw: object, form: object) -> None:
    value = to_value(raw)
    assert repr(value) == repr(form)  # 1 is 1.0 and True otherwise
    assert repr(to_value(value)) == repr(value)
    assert encode(decode(encode({"v": value}))) == encode({"v": value})


REFUSED: list[tuple[object, str]] = [
    # Mappings of which two keys are one text
    ({1: "a", "1": "b"}, "two keys"),
    ({True: "a", "true": "b"}, "two keys"),
    ({1.0: "a", "1.0": "b"}, "two keys"),
    ({None: "a", "None": "b"}, "two keys"),
    ({math.nan: 1, "nan": 2}, "two keys"),
    ({float("nan"): 1, np.float64("nan"): 2}, "two keys"),
    ({Level.LOW: 1, "1": 2}, "two keys"),
    ({np.int64(1): 1, "1": 2}, "two keys"),
    ({date(2026, 3, 1): 1, "2026-03-01": 2}, "two keys"),
    ([{"x": [{2: 1, "2": 2}]}], "two keys"),
    (types.MappingProxyType({1: 1, "1": 2}), "two keys"),
    (Settings(0.1, (), {1: 1, "1": 2}), "two keys"),
    # Keys that have no text
    ({(1, 2): 3}, "of type tuple, cannot be a key"),
    ({frozenset(): 3}, "of type frozenset, cannot be a key"),
    ({b"a": 1}, "of type bytes"),
    ({datetime(2026, 3, 1): 1}, "no time zone"),  # noqa: DTZ001
    ({10**5000: 1}, "too many digits"),
    ({"\ud800": 1}, "surrogate"),
    # Bytes, however they are wrapped, and whether or not they are text
    *(
        (raw, "cannot be a property's value; give text")
        for raw in (
            b"",
            b"abc",
            b"\xff",
            bytearray(b"abc"),
            memoryview(b"abc"),
            np.bytes_(b"abc"),
            np.void(b"abc"),
            np.array(b"abc"),
            [b"abc"],
            {"a": (b"abc",)},
            Settings(0.1, (), b"abc"),
        )
    ),
    ([ProtoAny("url", b"ok")], "make it a property of its own"),
    # Times without a zone, without an instant, or beyond nanoseconds
    (datetime(2026, 3, 1), "no time zone"),  # noqa: DTZ001
    ([datetime(2026, 3, 1)], "no time zone"),  # noqa: DTZ001
    (pd.Timestamp("2026-03-01T12:00"), "no time zone"),
    (np.datetime64("2026-03-01T12"), "no time zone"),
    (np.datetime64("2026-03-01T12:00:00"), "no time zone"),
    (np.datetime64("2026-03-01T12:00:00", "ns"), "no time zone"),
    (np.array("2026-03-01T12:00:00", "datetime64[ns]"), "no time zone"),
    ([np.datetime64("2026-03-01T12:00:00", "ns")], "no time zone"),
    (np.datetime64("12026-03-01"), "outside the years"),
    (pd.NaT, "no time; leave"),
    (np.datetime64("NaT"), "no time; leave"),
    (np.datetime64("NaT", "ns"), "no time; leave"),
    (np.timedelta64("NaT", "ns"), "no time; leave"),
    ([pd.NaT], "no time; leave"),
    (np.timedelta64(5), "no whole number of nanoseconds"),
    (np.timedelta64(1, "Y"), "no whole number of nanoseconds"),
    (np.timedelta64(1, "ps"), "no whole number of nanoseconds"),
    # Numbers that no value holds
    (2**63, "does not fit in 64 bits"),
    (Whole(2**63), "does not fit in 64 bits"),
    (np.uint64(2**64 - 1), "does not fit in 64 bits"),
    (Fraction(1, 10**5000), "too many digits"),
    (np.longdouble("1.1"), "make it a float"),
    (np.clongdouble(1), "make it a float"),
    ([np.longdouble("1.1")], "make it a float"),
    # What is no scalar, has no value, or can be read but once
    (np.array([1]), "of type ndarray"),
    (np.array([1, 2]), "of type ndarray"),
    (np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")])[0], "of type void"),
    (np.array((1, 2.0), dtype=[("a", "i4"), ("b", "f4")]), "of type ndarray"),
    (pd.NA, "of type NAType"),
    ([pd.NA], "of type NAType"),
    (pd.Series([1]), "of type Series"),
    (pd.Index([1]), "of type Index"),
    (pd.Categorical(["a"]), "of type Categorical"),
    (pd.DataFrame({"a": [1]}), "of type DataFrame"),
    (pd.Period("2026-03"), "of type Period"),
    (pd.Interval(0, 1), "of type Interval"),
    ((each for each in (1, 2)), "read but once"),
    (iter([1, 2]), "read but once"),
    (map(str, [1]), "read but once"),
    ([zip([1], [2], strict=True)], "read but once"),
    (range(3), "of type range"),
    ({"a": 1}.keys(), "of type dict_keys"),
    (Settings, "of type type"),
    (object(), "of type object"),
]


@pytest.mark.parametrize(("raw", "says"), REFUSED, ids=map(str, range(len(REFUSED))))
def test_what_would_not_come_back_is_refused(raw: object, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        to_value(raw)
    with pytest.raises(Invalid, match=f"'b': .*{says}"):
        to_properties({"a": 1, "b": raw})


# Whatever it is


def _timestamps(raw: int) -> pd.Timestamp:
    return pd.Timestamp(raw, unit="ns", tz="UTC")


_ANY_TIME = st.datetimes(timezones=st.sampled_from([UTC, CEST, timezone(timedelta(hours=-11))]))
_NANOSECONDS = st.integers(-(2**62), 2**62)
SCALARS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], object]]] = {
    "bool": (st.booleans(), bool),
    "int": (st.integers(), int),
    "float": (st.floats(), float),
    "text": (st.text(st.characters(codec=None)), str),
    "bytes": (st.binary(), str),
    "complex": (st.complex_numbers(allow_nan=False), TypeAdapter(complex).validate_python),
    "decimal": (st.decimals(allow_nan=False), Decimal),
    "fraction": (st.fractions(), Fraction),
    "uuid": (st.uuids(), UUID),
    "datetime": (_ANY_TIME | st.datetimes(), datetime.fromisoformat),
    "date": (st.dates(), date.fromisoformat),
    "time": (st.times(), time.fromisoformat),
    "timedelta": (st.timedeltas(), TypeAdapter(timedelta).validate_python),
    "level": (st.sampled_from(Level), Level),
    "mode": (st.sampled_from(Mode), Mode),
    "float16": (st.floats(width=16).map(np.float16), np.float16),
    "float32": (st.floats(width=32).map(np.float32), np.float32),
    "float64": (st.floats().map(np.float64), np.float64),
    "longdouble": (st.floats().map(np.longdouble), np.longdouble),
    "int32": (st.integers(-(2**31), 2**31 - 1).map(np.int32), np.int32),
    "uint64": (st.integers(0, 2**64 - 1).map(np.uint64), np.uint64),
    "bool_": (st.booleans().map(np.bool_), np.bool_),
    "str_": (
        st.text(max_size=5).filter(lambda text: not text.endswith("\0")).map(np.str_),
        np.str_,
    ),
    "datetime64": (
        st.builds(
            np.datetime64,
            st.integers(-2000, 2000),
            st.sampled_from(["Y", "M", "W", "D", "h", "s", "ms", "us", "ns"]),
        ),
        np.datetime64,
    ),
    "timedelta64": (
        st.builds(
            np.timedelta64,
            st.integers(-9_999, 9_999),
            st.sampled_from(["Y", "M", "W", "D", "h", "s", "ms", "us", "ns", "ps"]),
        ),
        lambda text: pd.Timedelta(text).to_timedelta64(),
    ),
    "Timestamp": (
        _NANOSECONDS.map(_timestamps) | _NANOSECONDS.map(pd.Timestamp),
        pd.Timestamp,
    ),
    "Timedelta": (_NANOSECONDS.map(pd.Timedelta), pd.Timedelta),
    "none": (st.sampled_from([pd.NaT, pd.NA, np.datetime64("NaT")]), str),
}


@pytest.mark.parametrize("name", SCALARS)
@given(data=st.data())
def test_scalar_comes_back_or_is_refused(name: str, data: st.DataObject) -> None:
    drawn, restored = SCALARS[name]
    raw = data.draw(drawn)
    try:
        value = to_value(raw)
    except Invalid:
        assert name not in ("bool", "float", "decimal", "uuid", "date", "timedelta", "Timedelta")
        return
    assert type(value) in (bool, int, float, str)
    assert name not in ("bytes", "longdouble", "none")
    back = restored(value)
    assert back == raw or (back != back and raw != raw)  # noqa: PLR0124  # NaN
    assert repr(to_value(value)) == repr(value)
    assert repr(decode(encode({"v": value}))["v"]) == repr(value)


_MANY = st.one_of([drawn for drawn, _ in SCALARS.values()])
_HASHABLE = st.one_of([SCALARS[name][0] for name in ("int", "text", "float", "datetime", "level")])
TREES = st.recursive(
    _MANY | st.none(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.lists(inner).map(collections.deque)
        | st.dictionaries(_HASHABLE | st.none() | st.booleans(), inner)
        | st.sets(_HASHABLE)
        | st.builds(Settings, st.floats(), st.just((1,)), inner)
    ),
    max_leaves=8,
)


def _parts(raw: Any) -> int:
    """Return how many scalars and containers there are."""
    if isinstance(raw, Settings):
        raw = vars(raw)
    if isinstance(raw, dict):
        raw = list(raw.values())
    return (
        1 + sum(map(_parts, raw)) if isinstance(raw, list | tuple | set | collections.deque) else 1
    )


@given(TREES)
def test_container_comes_back_whole_or_is_refused(raw: object) -> None:
    try:
        value = to_value(raw)
    except Invalid:
        return
    assert _parts(value) == _parts(raw)
    assert repr(to_value(value)) == repr(value)
    assert encode(decode(encode({"v": value}))) == encode({"v": value})


# Of a class


class Timed(lineage.Dataset):
    at: datetime | None = None
    took: timedelta | None = None
    each: list[datetime] | None = None
    spans: dict[str, timedelta] | None = None
    anything: Any = None


class Inner(BaseModel):
    model_config = {"arbitrary_types_allowed": True}

    at: Any
    size: np.float32 | None = None


@pytest.mark.parametrize(
    "fields",
    [
        {"at": NOON},
        {"took": pd.Timedelta(1, "ns")},
        {"took": np.timedelta64(1, "ns")},
        {"each": [datetime(2026, 3, 1, tzinfo=UTC), NOON]},
        {"spans": {"a": pd.Timedelta(1, "ns")}},
        {"anything": Inner(at=NOON)},
        {"anything": [Inner(at=pd.Timedelta(1, "ns"))]},
    ],
)
def test_nanoseconds_that_a_field_would_lose_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r"has nanoseconds.*round it to microseconds"):
        Timed(**fields)


def test_times_of_a_class_come_back() -> None:
    at = NOON.floor("us")
    took = timedelta(days=800, microseconds=1)
    timed = Timed(at=at, took=took, each=[at], spans={"a": took}, anything={"at": NOON})
    store = lineage.connect("memory:")
    found = store.get(Timed, store.put(timed).key)
    assert (found.at, found.took, found.each, found.spans) == (at, took, [at], {"a": took})
    assert found.anything == {"at": "2026-03-01T12:00:00.123456789Z"}
    assert to_value(Inner(at=1, size=np.float32(0.5))) == {"at": 1, "size": 0.5}
