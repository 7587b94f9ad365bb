"""Calls under way: they are counted, stopped, and share the processors when they compute for long."""

import threading
import time
from collections.abc import Callable

import pytest

from lineage.contract.stopping import current, go_on, is_to_stop
from lineage.errors import (
    AlreadyExists,
    BackendError,
    Conflict,
    Corrupt,
    Invalid,
    LineageError,
    MissingExtra,
    NotFound,
    Stale,
    Unavailable,
)
from lineage.server import underway as module
from lineage.server.refusal import Refusal, refusal_of
from lineage.server.underway import Turns, Underway


class Context:
    """A call that is over when the test says so."""

    def __init__(self, *, is_over: bool = False) -> None:
        self.is_over = is_over
        self.end: Callable[[], None] = lambda: None

    def add_callback(self, callback: Callable[[], None]) -> bool:
        self.end = callback
        return not self.is_over


def test_a_call_stops_when_its_client_has_gone() -> None:
    underway, context = Underway(), Context()
    with underway.call(context):
        go_on()
        context.end()
        with pytest.raises(Refusal) as caught:
            go_on()
    assert caught.value.status == "CANCELLED"
    assert current() is None
    with underway.call(Context(is_over=True)):
        assert is_to_stop()
    assert underway.wait(0)


def test_all_calls_are_stopped_and_waited_for() -> None:
    underway, entered = Underway(), threading.Barrier(3, timeout=30)
    ends: list[str] = []

    def work() -> None:
        try:
            with underway.call(Context()):
                entered.wait()
                while True:
                    go_on()
        except Refusal as refusal:
            ends.append(refusal.status)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    entered.wait()
    assert not underway.wait(0)
    underway.stop()
    assert underway.wait(30)
    for thread in threads:
        thread.join()
    assert ends == ["UNAVAILABLE"] * 2


def test_calls_that_compute_for_long_share_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {"monotonic": 0.0, "thread_time": 0.0}
    slept: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: clocks["monotonic"])
    monkeypatch.setattr(time, "thread_time", lambda: clocks["thread_time"])
    monkeypatch.setattr(time, "sleep", slept.append)

    def pass_by(seconds: float, *, computing: float) -> None:
        clocks["monotonic"] += seconds
        clocks["thread_time"] += computing

    underway = Underway()
    turns = [Turns(underway) for _ in range(3 * module.PROCESSORS)]
    for each in turns:
        each.rest()
    pass_by(10, computing=0)  # they waited, say for the lock
    for each in turns:
        each.rest()
    assert not underway.long
    pass_by(10, computing=module.SHORT_SECONDS)
    for each in turns[: module.PROCESSORS]:
        each.rest()
    assert slept == []  # so many may compute at a time
    for each in turns[module.PROCESSORS :]:
        each.rest()
    slept.clear()
    pass_by(10, computing=0.5)
    turns[0].rest()
    turns[0].rest()  # at once again: its turn has only begun
    assert slept == [0.5 * 2]


SECRET = "/srv/secret/lineage.db"
BY_STORAGE = OSError(13, "denied", SECRET)


@pytest.mark.parametrize("cls", [BackendError, Unavailable, Corrupt, MissingExtra])
def test_faults_of_the_store_are_for_the_log(
    cls: type[LineageError], caplog: pytest.LogCaptureFixture
) -> None:
    refusal = refusal_of(cls(f"{SECRET}: permission denied at db.internal"), "GetTypes", SECRET)
    assert "secret" not in str(refusal)
    assert "internal" not in str(refusal)
    assert "the server's log says why" in str(refusal)
    assert f"GetTypes failed: {SECRET}: permission denied" in caplog.text


@pytest.mark.parametrize("cls", [AlreadyExists, Conflict, Invalid, NotFound, Stale])
def test_where_the_store_is_no_client_is_told(cls: type[LineageError]) -> None:
    error = cls(f"{SECRET}: a key is taken; give another")
    error.__cause__ = BY_STORAGE
    assert str(refusal_of(error, "PutArtifacts", SECRET)) == "a key is taken; give another"


def test_what_a_client_said_itself_is_told_as_it_is() -> None:
    said = f"no artifact has the URI {SECRET}: look again"
    assert str(refusal_of(NotFound(said), "GetArtifacts", SECRET)) == said
    assert str(refusal_of(Invalid("no"), "GetArtifacts", "")) == "no"
