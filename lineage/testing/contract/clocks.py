"""Clocks that say what is no time, jump far ahead, or fall behind."""

import logging
import time

import pytest

from lineage.contract.backend import Backend
from lineage.contract.clock import Timekeeper
from lineage.errors import Invalid
from lineage.testing.builders import Clock, writing

YEAR = 365 * 86_400_000_000
LATEST = 253_402_300_799_999_999  # the last microsecond of the year 9999


def write(backend: Backend, name: str) -> int:
    """Write an artifact, and return the time of its transaction."""
    with writing(backend) as new:
        new.artifact(name=name)
    return backend.log(limit=1)[0].time


def test_what_is_no_time_is_refused(backend: Backend) -> None:
    """And so is what follows in the same transaction, though the refusal was swallowed."""
    right = backend.clock
    backend.clock = Timekeeper(lambda: 2**62)

    def go_on() -> None:
        with backend.transaction() as own:
            with pytest.raises(Invalid, match="the clock says"):
                own.lock()
            backend.clock = right
            own.lock()

    with pytest.raises(Invalid, match="only roll back"):
        go_on()
    write(backend, "first")
    assert backend.now() == 1


def test_clock_that_is_far_ahead_is_refused(backend: Backend, clock: Clock) -> None:
    clock.step, present = 0, time.time_ns() // 1000
    clock.micros = present + YEAR + 10**9
    with pytest.raises(Invalid, match=r"more than a year ahead.*LINEAGE_FAR_FUTURE"):
        write(backend, "refused")
    clock.micros = present + YEAR - 10**9
    assert write(backend, "first") == clock.micros


def test_jump_is_told_until_it_is_allowed(backend: Backend, clock: Clock) -> None:
    """However far it was, what came before it can be copied, and writing goes on once that is allowed."""
    clock.step = 0
    first, jumped = write(backend, "first"), LATEST - 3
    clock.micros, backend.clock.far_future = jumped, True
    assert write(backend, "jumped") == jumped
    clock.micros, backend.clock.far_future = first + 1, False
    with pytest.raises(Invalid, match=r"transaction 2, the last one, is at 9999.*--as-of NUMBER"):
        write(backend, "refused")
    backend.clock.far_future = True
    assert [write(backend, name) for name in "abc"] == [jumped + 1, jumped + 2, jumped + 3]
    with pytest.raises(Invalid, match="none can follow it; go on in a copy"):
        write(backend, "refused")
    assert backend.now() == 5
    assert backend.check() == []


def test_clock_that_falls_behind_is_told_once(
    backend: Backend, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.step = 0
    first = write(backend, "first")

    def told(micros: int) -> int:
        caplog.clear()
        clock.micros = micros
        with caplog.at_level(logging.WARNING, logger="lineage"):
            write(backend, str(micros + len(backend.log())))
        return sum("is behind the last transaction" in each.message for each in caplog.records)

    behind = first - 150_000_000
    assert [told(micros) for micros in (first - 60_000_000, behind, behind)] == [0, 1, 0]
    assert backend.log(limit=1)[0].time == first + 3
    assert [told(micros) for micros in (first + 10**9, behind)] == [0, 1]
