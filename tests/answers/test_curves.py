"""Curves as sequences, frames and lines of text, and their packed form."""

import math
import pickle
import zlib
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.answers.curves import Curve, Point
from lineage.errors import Corrupt
from lineage.model.points import LATEST, MOST_POINTS, Points

rows = st.tuples(st.integers(0, 2**63 - 1), st.floats(), st.integers(0, LATEST))


def points_of(given: list[tuple[int, float, int]]) -> Points:
    points = Points()
    for row in given:
        points.append(*row)
    return points


@settings(max_examples=25)
@given(st.lists(rows, max_size=50))
def test_what_is_packed_is_unpacked(given: list[tuple[int, float, int]]) -> None:
    points = points_of(given)
    again = Points.unpacked(points.packed())
    assert repr(list(again)) == repr(list(points))
    assert Curve("a", again) == Curve("a", points)
    assert Curve("b", again) != Curve("a", points)


def test_a_curve_is_a_sequence() -> None:
    curve = Curve("loss", points_of([(0, 1.0, 0), (2, 0.5, 1_500)]))
    assert curve[1] == Point(2, 0.5, datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC))
    assert (len(curve), next(iter(curve)).step, curve[-2:][1]) == (2, 0, curve[1])
    assert pickle.loads(pickle.dumps(curve)) == curve
    assert repr(curve) == "Curve('loss', 2 points: █▁)"
    with pytest.raises(IndexError):
        curve[2]
    frame = curve.to_pandas()
    assert list(frame.columns) == ["step", "value", "time"]
    assert frame["value"].tolist() == [1.0, 0.5]
    assert str(frame["time"].dtype).startswith("datetime64")


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([7.0], "▁"),
        ([1.0, math.nan, 2.0, math.inf], "▁·█·"),
        ([-1.7e308, 0.0, 1.7e308], "▁▅█"),
        ([float(each) for each in range(80)], "▁▁▁▁▂▂▂▂▂▂▃▃▃▃▃▃▄▄▄▄▅▅▅▅▅▅▆▆▆▆▆▆▇▇▇▇▇███"),
    ],
)
def test_a_sparkline_shows_the_last_of_each_part(values: list[float], line: str) -> None:
    drawn = Curve("a", points_of([(0, value, 0) for value in values])).sparkline()
    assert len(drawn) == min(40, len(values))
    assert drawn[:3] == line[:3]


EMPTY = Points().packed()
ONE = points_of([(1, 1.0, 1)]).packed()


@pytest.mark.parametrize(
    "struct",
    [
        None,
        {},
        {"steps": ONE["steps"]},
        {**EMPTY, "steps": "?"},
        {**EMPTY, "values": 7},
        {**EMPTY, "values": ONE["values"]},
        {**ONE, "times": "AAAA"},
        {**ONE, "values": b64encode(zlib.compress(b"abc")).decode()},
        {**ONE, "values": b64encode(zlib.compress(bytes(8 * MOST_POINTS + 8))).decode()},
    ],
)
def test_what_holds_no_points_is_refused(struct: object) -> None:
    with pytest.raises(Corrupt, match="holds no points of a series"):
        Points.unpacked(struct)


def test_no_more_points_are_kept_than_there_is_room_for() -> None:
    points, more = Points(), points_of([(1, 1.0, 1), (2, 2.0, 2)])
    points.steps.frombytes(bytes(8 * (MOST_POINTS - 1)))
    points.values.frombytes(bytes(8 * (MOST_POINTS - 1)))
    points.times.frombytes(bytes(8 * (MOST_POINTS - 1)))
    assert points.extend(more) == 1
    assert points.extend(more) == 2
    assert len(points) == MOST_POINTS
