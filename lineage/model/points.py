"""The points of a curve: steps, values and times, packed for the store as base64 of deflated numbers."""

from __future__ import annotations

import sys
import zlib
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from itertools import accumulate, chain
from operator import sub
from typing import Any, Final

from lineage.errors import Corrupt, excerpt

__all__ = ["LATEST", "MOST_POINTS", "Points"]

MOST_POINTS: Final = 2**20
"""How many points of one name a run keeps: packed, a million random values are about 10 MB, smooth ones fewer."""
LATEST: Final = 253_402_300_799_999
"""The last millisecond of the year 9999 since 1970: no time of a point is later."""
_LEVEL = 1
"""zlib's quickest: values are close to random, and steps and times, as differences, shrink by any."""
_COLUMNS = {"steps": "q", "values": "d", "times": "q"}
_FAULTS = (AssertionError, KeyError, OverflowError, TypeError, ValueError, zlib.error)


class Points:
    """Points in the order in which they were logged: steps, values and milliseconds since 1970.

    >>> points = Points()
    >>> points.append(0, 0.5, 1_700_000_000_000)
    >>> list(Points.unpacked(points.packed()))
    [(0, 0.5, 1700000000000)]
    """

    __slots__ = ("steps", "times", "values")

    def __init__(self) -> None:
        self.steps = array("q")
        self.values = array("d")
        self.times = array("q")

    def append(self, step: int, value: float, time: int) -> None:
        """Add a point."""
        self.steps.append(step)
        self.values.append(value)
        self.times.append(time)

    def extend(self, other: Points) -> int:
        """Add another's points after these, as far as `MOST_POINTS` allow; return how many there was no room for."""
        room = max(0, MOST_POINTS - len(self))
        self.steps += other.steps[:room]
        self.values += other.values[:room]
        self.times += other.times[:room]
        return max(0, len(other) - room)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[tuple[int, float, int]]:
        return zip(self.steps, self.values, self.times, strict=True)

    def packed(self) -> dict[str, Any]:
        """Return the points as a struct: each column's numbers of 8 bytes, the lowest first, deflated, as base64.

        Of steps and times they are the differences from one to the next.
        """
        columns: list[array[Any]] = [
            _differences(self.steps),
            self.values,
            _differences(self.times),
        ]
        return dict(zip(_COLUMNS, map(_packed, columns), strict=True))

    @classmethod
    def unpacked(cls, struct: object) -> Points:
        """Return the points that a struct holds; `Corrupt` for what is none."""
        points = cls()
        try:
            assert isinstance(struct, Mapping)
            steps, points.values, times = (
                _unpacked(struct[name], code) for name, code in _COLUMNS.items()
            )
            points.steps, points.times = _sums(steps), _sums(times)
        except _FAULTS as error:
            raise Corrupt(
                f"{excerpt(struct)} holds no points of a series: {type(error).__name__}: {error}"
            ) from error
        if not len(points.steps) == len(points.values) == len(points.times):
            raise Corrupt(f"{excerpt(struct)} holds no points of a series: not all have a value")
        if len(points) and not (
            min(points.steps) >= 0 and 0 <= min(points.times) <= max(points.times) <= LATEST
        ):
            raise Corrupt(
                f"{excerpt(struct)} holds no points of a series: a step is below 0, or a time not in the years 1970 to 9999"
            )
        return points


def _differences(numbers: array[int]) -> array[int]:
    # Neither steps, which are not negative, nor times are so far apart that a difference is more than 64 bits.
    before = chain((0,), numbers)
    return array("q", map(sub, numbers, before))


def _sums(numbers: array[int]) -> array[int]:
    return array("q", accumulate(numbers))


def _packed(numbers: array[Any]) -> str:
    return b64encode(zlib.compress(_little(numbers).tobytes(), _LEVEL)).decode()


def _unpacked(text: str, code: str) -> array[Any]:
    # What strangers wrote may inflate to anything: no more is read than the points that there may be.
    inflater = zlib.decompressobj()
    raw = inflater.decompress(b64decode(text, validate=True), 8 * MOST_POINTS + 1)
    if len(raw) > 8 * MOST_POINTS:
        raise ValueError(f"more than {MOST_POINTS:,} points")
    numbers = array(code)
    numbers.frombytes(raw)
    return _little(numbers)


def _little(numbers: array[Any]) -> array[Any]:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers
