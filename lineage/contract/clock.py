"""The times of transactions: each is later than the one before, and none is out of this world.

A clock that jumped far ahead for a moment leaves a transaction behind whose time all later ones have to exceed.
Nothing can take it back, since its digest covers the time; so it is told, and far times are not written unasked.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from lineage.errors import Invalid, excerpt
from lineage.model.rows import Head
from lineage.model.times import from_micros, to_micros

__all__ = ["FAR_FUTURE", "Timekeeper"]

logger = logging.getLogger("lineage")

FAR_FUTURE: Final = "LINEAGE_FAR_FUTURE"
"""The environment variable that allows, as 1, times that are more than a year ahead of the machine's."""
YEAR: Final = 365 * 86_400_000_000
BEHIND: Final = 120_000_000
"""How many microseconds the present may be behind the last transaction without a word; clocks of two machines differ."""
EARLIEST: Final = to_micros(datetime.min.replace(tzinfo=UTC))
LATEST: Final = to_micros(datetime.max.replace(tzinfo=UTC))


def machine_clock() -> int:
    """Return the time of this machine in microseconds since 1970."""
    return time.time_ns() // 1000


class Timekeeper:
    """A backend's clock: gives microseconds since 1970, as another one tells them or else the machine."""

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        self._clock = clock or machine_clock
        self._is_behind = False
        self.far_future = os.environ.get(FAR_FUTURE) == "1"
        """Whether times more than a year ahead of the machine's are written."""

    def __call__(self) -> int:
        """Return the present; `Invalid` where the clock gives no time of the years 1 to 9999."""
        now = self._clock()
        if type(now) is not int or not EARLIEST <= now <= LATEST:
            raise Invalid(
                f"the clock says {excerpt(now)}; it must give microseconds since 1970, an int within the years 1 to 9999"
            )
        return now

    def next_time(self, last: Head) -> int:
        """Return the time of the transaction after `last`: the present, or else a microsecond after that one's.

        A present that is minutes behind is logged as a warning, once until it has caught up. A time more
        than a year ahead of the machine's own clock is `Invalid`, unless `far_future` allows it.
        """
        now = self()
        self._tell_behind(now, last)
        moment = max(now, last.time + 1)
        if moment > LATEST:
            raise Invalid(
                f"transaction {last.number} has the last time that there is, so that none can follow it; {_COPY}"
            )
        if moment > machine_clock() + YEAR and not self.far_future:
            whose = "the clock" if moment == now else f"transaction {last.number}, the last one,"
            raise Invalid(
                f"{whose} is at {from_micros(max(now, last.time))}, more than a year ahead of this machine, and what is "
                f"written now would be as well; set the clock right. If it jumped, {_COPY}, or accept such times with "
                f"connect(…, far_future=True) or {FAR_FUTURE}=1"
            )
        return moment

    def _tell_behind(self, now: int, last: Head) -> None:
        behind = last.number > 0 and now < last.time - BEHIND
        if behind and not self._is_behind:
            logger.warning(
                "the present, %s, is behind the last transaction, %d of %s: until it has caught up, transactions get "
                "times just after that one's; set the clock right, or if it had jumped ahead, %s",
                from_micros(now),
                last.number,
                from_micros(last.time),
                _COPY,
            )
        self._is_behind = behind


_COPY = "go on in a copy of what came before: lineage copy STORE NEW --as-of NUMBER"
