"""What a run logged by steps, as a sequence of points and as a line of text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, overload

from typing_extensions import override

from lineage.answers.notebook import Part, fields_html
from lineage.errors import MissingExtra
from lineage.model.notebook import Shown, safely
from lineage.model.points import Points
from lineage.model.times import from_micros

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Curve", "CurveSummary", "Point"]

SPARKLINE = 40
"""How many characters a sparkline has at most."""
_BARS = "▁▂▃▄▅▆▇█"
_UNKNOWN = "·"
"""What stands in a sparkline for values that are no finite number."""


class Point(NamedTuple):
    """A value that was logged at a step, and when, to the millisecond."""

    step: int
    value: float
    time: datetime

    def _repr_html_(self) -> str:
        return safely(lambda: fields_html("Point", self._asdict().items()), "Point")


class Curve(Shown, Sequence[Point]):
    """The points of one metric, in the order in which they were logged; equal by content.

    Steps may repeat and go back, as they do when a run is taken up again from a checkpoint: every point is
    here, and who wants one value for each step takes the last.
    """

    def __init__(self, name: str, points: Points) -> None:
        self.name = name
        self._points = points

    @property
    def steps(self) -> list[int]:
        """The steps alone."""
        return self._points.steps.tolist()

    @property
    def values(self) -> list[float]:
        """The values alone."""
        return self._points.values.tolist()

    @override
    def __len__(self) -> int:
        return len(self._points)

    @overload
    def __getitem__(self, place: int) -> Point: ...
    @overload
    def __getitem__(self, place: slice) -> list[Point]: ...
    @override
    def __getitem__(self, place: int | slice) -> Point | list[Point]:
        if isinstance(place, slice):
            return [self._point(each) for each in range(*place.indices(len(self)))]
        return self._point(range(len(self))[place])

    def _point(self, place: int) -> Point:
        points = self._points
        time = from_micros(1000 * points.times[place])
        return Point(points.steps[place], points.values[place], time)

    @override
    def __iter__(self) -> Iterator[Point]:
        return map(self._point, range(len(self)))

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Curve):
            return NotImplemented
        mine, others = self._points, other._points
        return self.name == other.name and all(
            getattr(mine, part).tobytes() == getattr(others, part).tobytes()
            for part in Points.__slots__
        )

    __hash__ = None  # type: ignore[assignment]  # equal by content, which is large

    @override
    def __repr__(self) -> str:
        return f"Curve({self.name!r}, {len(self):,} points: {self.sparkline()})"

    @override
    def _html(self) -> str:
        last = self._points.values[-1] if len(self) else "none"
        facts = [("points", f"{len(self):,}"), ("last", last), ("curve", self.sparkline())]
        return fields_html(self.name, facts)

    def to_pandas(self) -> pd.DataFrame:
        """Return a frame with the columns `step`, `value` and `time`, a row a point; it needs pandas."""
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtra(
                "a pandas frame needs pandas: pip install 'lineage-graph[pandas]'"
            ) from error
        points = self._points
        return pd.DataFrame(
            {
                "step": pd.Series(points.steps.tolist(), dtype="int64"),
                "value": pd.Series(points.values.tolist(), dtype="float64"),
                "time": pd.to_datetime(pd.Series(points.times.tolist()), unit="ms", utc=True),
            }
        )

    def sparkline(self, *, width: int = SPARKLINE) -> str:
        """Return the curve as a line of bars, each the last value of its part; `·` is no finite number.

        >>> points = Points()
        >>> for step in range(8):
        ...     points.append(step, 1 / (step + 1), 0)
        >>> Curve("loss", points).sparkline()
        '█▄▃▂▂▁▁▁'
        """
        values = self._points.values
        parts = min(width, len(values))
        ends = [values[(place + 1) * len(values) // parts - 1] for place in range(parts)]
        finite = [each for each in ends if math.isfinite(each)]
        low, high = min(finite, default=0.0), max(finite, default=0.0)
        # Halves, because the difference of two numbers may be more than the largest one.
        room = high / 2 - low / 2
        return "".join(
            _BARS[round((each / 2 - low / 2) / room * (len(_BARS) - 1)) if room else 0]
            if math.isfinite(each)
            else _UNKNOWN
            for each in ends
        )

    def summary(self) -> CurveSummary:
        """Return what is told of the curve where it is one among other things; it has a point."""
        finite = [each for each in self._points.values if math.isfinite(each)]
        return CurveSummary(
            self.name,
            points=len(self),
            first_step=self._points.steps[0],
            last_step=self._points.steps[-1],
            lowest=min(finite, default=None),
            highest=max(finite, default=None),
            last=self._points.values[-1],
            sparkline=self.sparkline(),
        )


@dataclass(frozen=True, slots=True)
class CurveSummary(Part):
    """A metric that was logged by steps: how many points, between which steps and values, and how it went.

    `lowest` and `highest` are of the finite values, and None where there is none.
    """

    name: str
    points: int
    first_step: int
    last_step: int
    lowest: float | None
    highest: float | None
    last: float
    sparkline: str
