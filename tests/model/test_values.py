"""Values: what may be one, and that what is at rest is what was given."""

import enum
import math
import struct
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, RootModel

from lineage.errors import Invalid
from lineage.model.canonical import decode, encode, escape, same, stored_values, unescape
from lineage.model.fields import type_of_annotation
from lineage.model.times import from_micros, to_micros, to_time
from lineage.model.values import (
    NO_PROPERTIES,
    Properties,
    ProtoAny,
    Struct,
    ValueType,
    kind_of,
    to_properties,
    to_text,
    to_value,
)

ints = st.integers(-(2**63), 2**63 - 1)
texts = st.text() | st.text(alphabet='\x00\x01\x02"\\{:u10\U0001f600')
anys = st.builds(ProtoAny, texts, st.binary())
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
trees = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=10
)
structs = trees.filter(lambda tree: isinstance(tree, dict | list))
values = st.booleans() | ints | st.floats() | texts | anys | structs
maps = st.dictionaries(texts, values, max_size=5)

SURROGATE = "\ud800"


def alike(one: Any, other: Any) -> bool:
    """Whether two values cannot be told apart, bit by bit; the order of keys says nothing."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float):
        return math.isnan(one) == math.isnan(other) and (
            math.isnan(one) or struct.pack("d", one) == struct.pack("d", other)
        )
    return bool(one == other)


# At rest


@given(maps)
def test_what_is_at_rest_is_what_was_given(given: dict[str, Any]) -> None:
    assert alike(dict(decode(encode(to_properties(given)))), given)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        -0.0,
        5e-324,
        1.7976931348623157e308,
        0.1,
        1e16,
        1e-7,
        2**63 - 1,
        -(2**63),
        "",
        "\x00",
        "\x01\x02\x00\x01",
        '":{',
        "\\u0001",
        "NaN",
        "\U0010ffff",
        [],
        {},
        {"": [{"\x00": [math.nan, -math.inf]}]},
        [[1, 1.0, True, "1", None]],
        ProtoAny("", b""),
    ],
)
def test_hard_value_is_read_back(value: Any) -> None:
    assert alike(decode(encode({"\x00v": value}))["\x00v"], value)


@given(maps, st.randoms())
def test_text_does_not_depend_on_the_order_of_keys(given: dict[str, Any], random: Any) -> None:
    def shuffled(tree: Any) -> Any:
        if isinstance(tree, dict):
            keys = random.sample(list(tree), len(tree))
            return {key: shuffled(tree[key]) for key in keys}
        return [shuffled(item) for item in tree] if isinstance(tree, list) else tree

    assert encode(shuffled(given)) == encode(given)


LOOKALIKES = [
    1,
    1.0,
    True,
    "1",
    [1],
    [1.0],
    {"1": 1},
    0.0,
    -0.0,
    0,
    False,
    "",
    [],
    {},
    math.nan,
    [math.nan],
    "nan",
    {"float": "nan"},
    {"struct": "[]"},
    ProtoAny("1", b"1"),
    {"any": ["1", "MQ=="]},
    math.inf,
    "\x01\x01",
    "\x00",
]


@pytest.mark.parametrize("one", LOOKALIKES, ids=repr)
def test_values_that_differ_have_texts_that_differ(one: Any) -> None:
    for other in LOOKALIKES:
        assert (encode({"v": one}) == encode({"v": other})) is alike(one, other)


@given(values, values)
def test_same_tells_what_texts_tell_but_for_the_sign_of_zero(one: Any, other: Any) -> None:
    assert same(one, one)
    if same(one, other) and not isinstance(one, float):
        assert encode({"v": one}) == encode({"v": other})


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (True, 1), (math.nan, 1.0), (1.0, math.nan), ([1], [True])]
)
def test_what_is_not_the_same(one: Any, other: Any) -> None:
    assert not same(one, other)


def test_keys_stand_in_code_point_order() -> None:
    assert encode({"ä": 1, "b": {"z": 1, "a": 2}, "\U0001f600": 3, "￿": 4, "\x00": 5}) == (
        '{"\\u0001\\u0001":5,"b":{"struct":"{\\"a\\":2,\\"z\\":1}"},"ä":1,"￿":4,"\U0001f600":3}'
    )


@given(texts, texts)
def test_escape_keeps_the_order_of_code_points(one: str, other: str) -> None:
    assert unescape(escape(one)) == one
    assert "\x00" not in escape(one)
    assert (escape(one) < escape(other)) is (one < other)


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_exact_to_the_microsecond(moment: datetime) -> None:
    assert from_micros(to_micros(moment)) == moment
    assert from_micros(to_micros(moment)).tzinfo is UTC


@pytest.mark.parametrize("micros", [2**63 - 1, -(2**63), 253_402_300_800_000_000])
def test_microseconds_beyond_the_calendar_are_refused(micros: int) -> None:
    with pytest.raises(Invalid, match=f"{micros} microseconds"):
        from_micros(micros)


@pytest.mark.parametrize("name", ["plain", "", "a\x00b", "\x01", '{"struct":'])
def test_structs_are_told_from_plain_values(name: str) -> None:
    for value in (Struct(1), Struct("x"), Struct(None), {"struct": "1"}, [1], 1):
        values = {name: value, "other": 1}
        assert stored_values(encode(values)) == values


def test_scalar_in_a_struct_property_is_tagged() -> None:
    assert encode({"v": Struct(5)}) == '{"v":{"struct":"5"}}'
    assert decode('{"v":{"struct":"5"}}') == {"v": 5}


# What becomes a value


class Colour(enum.Enum):
    RED = "red"
    NONE = None


class Level(enum.IntEnum):
    LOW = 1


class Config(BaseModel):
    depth: int = 3
    item: str = "a field, not NumPy's method"
    dtype: str = "float32"


class Nothing(RootModel[None]):
    root: None = None


CEST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (np.int64(5), 5),
        (np.uint8(255), 255),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), math.nan),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.array(5), 5),
        (np.datetime64("2026-03-01"), "2026-03-01"),
        ({"a": np.int64(3), "b": [np.float32(0.5), np.bool_(False)]}, {"a": 3, "b": [0.5, False]}),
        (Colour.RED, "red"),
        (Level.LOW, 1),
        (datetime(2026, 3, 1, 12, tzinfo=UTC), "2026-03-01T12:00:00Z"),
        (datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=CEST), "2026-03-01T10:00:00.000001Z"),
        (date(2026, 3, 1), "2026-03-01"),
        (Config(), {"depth": 3, "item": "a field, not NumPy's method", "dtype": "float32"}),
        ({2, 1}, [1, 2]),
        (frozenset(), []),
        ((1, "a"), [1, "a"]),
        ({1: "int", None: "none"}, {"1": "int", "None": "none"}),
        ([2**64], [2**64]),
        (Path("/data"), "/data"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Decimal("1.50"), "1.50"),
    ],
    ids=repr,
)
def test_what_stands_for_a_value(raw: object, value: object) -> None:
    assert alike(to_value(raw), value)


def deep(levels: int) -> list[Any]:
    tree: list[Any] = []
    for _ in range(levels):
        tree = [tree]
    return tree


def test_structs_are_a_hundred_levels_deep_at_most() -> None:
    assert to_value(deep(100)) == deep(100)
    for levels in (101, 100_000):
        with pytest.raises(Invalid, match=r"deep|depth"):
            to_value(deep(levels))


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (2**63, "9223372036854775808 does not fit in 64 bits"),
        (-(2**63) - 1, "-9223372036854775809 does not fit in 64 bits"),
        pytest.param(10**5000, "a number of 16610 bits does not fit in 64 bits", id="huge"),
        (np.uint64(2**64 - 1), "18446744073709551615 does not fit"),
        ([10**5000], "too long for a struct"),
        (None, "None is no value"),
        (Colour.NONE, "Colour.NONE.* is no value"),
        (Nothing(), "Nothing.* is no value"),
        (datetime(2026, 3, 1), r"datetime\(2026, 3, 1, 0, 0\) has no time zone"),  # noqa: DTZ001
        (datetime(1, 1, 1, tzinfo=CEST), "outside the years 1 to 9999"),
        (np.datetime64("2026-03-01T00:00:00"), "has no time zone"),
        (SURROGATE, r"'\\ud800' holds a lone surrogate"),
        ({"a": [{"b": SURROGATE}]}, "surrogate"),
        ({SURROGATE: 1}, "surrogate"),
        (ProtoAny(SURROGATE, b""), "surrogate"),
        (ProtoAny(1, b""), "1 is not a string"),
        (ProtoAny("url", "text"), "'text' is not the bytes"),
        ([ProtoAny("url", b"ok")], "a part of a struct is JSON"),
        (CIRCLE, "100 levels deep"),
        (object(), "of type object cannot be a property's value"),
        ({"a": [object()]}, "of type object cannot be"),
        (np.arange(3), "of type ndarray cannot be"),
        ([np.arange(3)], "of type ndarray cannot be"),
        (np.longdouble(1), "of type longdouble cannot be"),
        (int, "of type type cannot be"),
        (b"\xff", "of type bytes cannot be"),
    ],
)
def test_what_is_no_value(raw: object, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        to_value(raw)
    if raw is not None:
        with pytest.raises(Invalid, match=f"'v': .*{says}"):
            to_properties({"v": raw})


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ({"b", "c", "a"}, ["a", "b", "c"]),
        (frozenset({10, 9, 100}), [9, 10, 100]),
        ({1.5, "a", None}, ["a", 1.5, None]),
        ({"tags": [{"b", "a"}]}, {"tags": [["a", "b"]]}),
        (({3, 1}, "x"), [[1, 3], "x"]),
        ({frozenset({2, 1}), frozenset({0})}, [[0], [1, 2]]),
        (set(), []),
    ],
)
def test_set_is_stored_sorted(raw: object, stored: object) -> None:
    assert to_value(raw) == stored


@pytest.mark.parametrize(
    "raw", [{1: "a", "1": "b"}, {"x": {True: 1, "true": 2}}, [{Colour.RED: 1, "red": 2}]]
)
def test_mapping_whose_keys_are_one_text_is_invalid(raw: object) -> None:
    with pytest.raises(Invalid, match=r"two keys of .* are one text"):
        to_value(raw)
    assert to_value({1: "a", "2": "b"}) == {"1": "a", "2": "b"}


def test_struct_is_a_copy() -> None:
    layers = [1, 2]
    value = to_value({"layers": layers})
    layers.append(3)
    assert value == {"layers": [1, 2]}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "BOOLEAN"),
        (1, "INT"),
        (1.0, "DOUBLE"),
        ("", "STRING"),
        ([], "STRUCT"),
        ({}, "STRUCT"),
        (ProtoAny("", b""), "PROTO"),
    ],
)
def test_kind_of_a_value(value: Any, kind: str) -> None:
    assert kind_of(value) == kind


# Maps of properties


def test_none_is_absent() -> None:
    assert to_properties({"a": None, "b": 0}) == {"b": 0}
    assert to_properties(None) is NO_PROPERTIES


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ([("a", 1)], "is not a mapping"),
        ("a", "'a' is not a mapping"),
        ({1: 1}, "1 is not a string"),
        ({SURROGATE: 1}, "surrogate"),
    ],
)
def test_what_is_no_map_of_properties(raw: object, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        to_properties(raw)


CHANGES: dict[str, Any] = {
    "set": lambda it: it.__setitem__("a", 2),
    "del": lambda it: it.__delitem__("a"),
    "ior": lambda it: it.__ior__({"a": 2}),
    "clear": lambda it: it.clear(),
    "pop": lambda it: it.pop("a"),
    "popitem": lambda it: it.popitem(),
    "setdefault": lambda it: it.setdefault("b", 2),
    "update": lambda it: it.update(a=2),
}


@pytest.mark.parametrize("change", CHANGES)
def test_properties_cannot_be_changed(change: str) -> None:
    properties = Properties(a=1)
    with pytest.raises(TypeError, match=r"node\.replace"):
        CHANGES[change](properties)
    assert properties == {"a": 1}
    assert {**properties, "b": 2} == {"a": 1, "b": 2}
    assert type(properties | {"b": 2}) is dict


# Texts and times


class Name(enum.StrEnum):
    ONE = "one"


def test_text_of_a_subclass_of_str_is_plain() -> None:
    for text in (to_text(np.str_("one")), to_text(Name.ONE)):
        assert text == "one"
        assert type(text) is str


@pytest.mark.parametrize("raw", [None, 1, b"x", SURROGATE, "ok" + SURROGATE])
def test_what_is_no_text(raw: object) -> None:
    with pytest.raises(Invalid, match=r"is not a string|lone surrogate"):
        to_text(raw)


@pytest.mark.parametrize(
    ("raw", "micros"),
    [
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1970-01-01T02:00:00+02:00", 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
    ],
)
def test_time_is_aware_and_in_utc(raw: object, micros: int) -> None:
    assert to_micros(to_time(raw)) == micros


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("yesterday", "'yesterday' is not a time"),
        ("2026-03-01T00:00:00", "'2026-03-01T00:00:00' has no time zone"),
        (5, "5 is not a time"),
        (None, "None is not a time"),
        (date(2026, 3, 1), "is not a time"),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-2))), "outside the years"),
    ],
)
def test_what_is_no_time(raw: object, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        to_time(raw)


# Annotations


@pytest.mark.parametrize(
    ("annotation", "wanted"),
    [
        (int, "INT"),
        (float, "DOUBLE"),
        (str, "STRING"),
        (bool, "BOOLEAN"),
        (ProtoAny, "PROTO"),
        (int | None, "INT"),
        (Annotated[int, "note"] | None, "INT"),
        (Annotated[int | None, "note"], "INT"),
        (int | float, "DOUBLE"),
        (int | float | None, "DOUBLE"),
        (int | str, "STRUCT"),
        (Literal["a", "b"], "STRING"),
        (Literal["a", None], "STRING"),
        (Literal[1, 2.5], "DOUBLE"),
        (Literal[1, "a"], "STRUCT"),
        (Name, "STRING"),
        (Level, "INT"),
        (datetime, "STRING"),
        (date | None, "STRING"),
        (Config, "STRUCT"),
        (list[int], "STRUCT"),
        (Mapping[str, float], "STRUCT"),
        (Any, "STRUCT"),
        (Path, "STRUCT"),
    ],
    ids=str,
)
def test_type_that_an_annotation_declares(annotation: Any, wanted: str) -> None:
    assert type_of_annotation(annotation) == ValueType(wanted)
