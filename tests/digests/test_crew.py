"""Threads that share out work: who does it, who is told, and how errors end it."""

import threading
from collections.abc import Callable

import pytest

from lineage.digests import crew
from lineage.digests.crew import Count, share_out, threads_here


def test_everything_is_done_once_and_counted_in_the_callers_thread() -> None:
    done: list[int] = []
    counted: list[int] = []
    tellers: set[int] = set()

    def work(item: int, count: Count) -> None:
        done.append(item)
        count(item)

    def count(size: int) -> None:
        counted.append(size)
        tellers.add(threading.get_ident())

    share_out(work, range(1000), count, threads=4)
    assert sorted(done) == sorted(counted) == list(range(1000))
    assert tellers == {threading.get_ident()}


def together(parties: int) -> Callable[[int, Count], None]:
    """Return work that ends only where so many do it at a time."""
    barrier = threading.Barrier(parties, timeout=10)

    def work(item: int, count: Count) -> None:
        barrier.wait()
        count(1)

    return work


def test_as_many_work_at_a_time_as_there_are_threads() -> None:
    counted: list[int] = []
    share_out(together(3), range(6), counted.append, threads=3)
    assert counted == [1] * 6


def test_one_thread_is_the_callers() -> None:
    workers: list[int] = []
    share_out(
        lambda item, _: workers.append(threading.get_ident()), range(3), workers.append, threads=1
    )
    assert workers == [threading.get_ident()] * 3


def test_nothing_to_do_is_done() -> None:
    counted: list[int] = []
    share_out(lambda item, count: count(1), [], counted.append, threads=4)
    assert counted == []


@pytest.mark.parametrize("threads", [1, 4])
def test_an_error_ends_all_and_is_the_callers(threads: int) -> None:
    begun: list[int] = []

    def work(item: int, count: Count) -> None:
        begun.append(item)
        if item == 5:
            raise ValueError("five")
        count(1)

    before = threading.active_count()
    with pytest.raises(ValueError, match=r"^five$"):
        share_out(work, range(10**6), lambda _: None, threads=threads)
    assert len(begun) < 10**6
    assert threading.active_count() == before


def test_error_of_another_thread_is_raised_here() -> None:
    barrier = threading.Barrier(2, timeout=10)

    def work(item: int, count: Count) -> None:
        barrier.wait()
        if threading.current_thread() is not threading.main_thread():
            raise OSError("elsewhere")

    with pytest.raises(OSError, match=r"^elsewhere$"):
        share_out(work, range(2), lambda _: None, threads=2)


def test_what_counts_may_raise_and_then_nobody_goes_on() -> None:
    def full(_: int) -> None:
        raise OSError("no space")

    def work(item: int, count: Count) -> None:
        while True:  # until somebody stops it
            count(1)

    before = threading.active_count()
    with pytest.raises(OSError, match="no space"):
        share_out(work, range(4), full, threads=4)
    assert threading.active_count() == before


def test_where_no_thread_can_be_had_the_caller_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done: list[int] = []
    share_out(lambda item, _: done.append(item), range(10), done.append, threads=4)
    assert done == list(range(10))


def test_threads_are_those_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(3))
    assert threads_here() == 3
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(64))
    assert threads_here() == crew.MOST_THREADS
