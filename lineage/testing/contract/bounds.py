"""Walks that are bounded by the times of events, to the microsecond."""

from functools import partial

import pytest

from lineage.contract.backend import Backend
from lineage.contract.walking import LATEST, Cut, Direction
from lineage.errors import Invalid
from lineage.model.keys import Kind, NodeKey
from lineage.model.purposes import EVERY_USE, Purpose
from lineage.model.rows import EdgeKey, EdgeKind
from lineage.testing.builders import all_keys, elsewhere, writing
from lineage.testing.contract.walks import walked

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM
DATA, RUN = NodeKey(Kind.ARTIFACT, 1), NodeKey(Kind.EXECUTION, 1)
READ = EdgeKey(DATA, RUN, EdgeKind.INPUT)
TEST = Purpose.EVALUATION.bit


@pytest.fixture
def timed(backend: Backend) -> Backend:
    """One data set, which one run read at each of some times, and one in each of two transactions without a time."""
    with writing(backend) as new:
        data = new.artifact()
        for time in (-7, 0, 7, None, LATEST):
            new.edge(data, new.execution(), time=time)
    with writing(backend) as new:
        new.edge(data, new.execution())
    return backend


def readers(backend: Backend, happened_by: int, *, as_of: int | None = None) -> list[int]:
    """Return the ids of the runs that had read the data by a time."""
    walk = walked(backend, [DATA], DOWN, happened_by=happened_by, as_of=as_of)
    return [key.id for key in walk.keys[1:]]


def test_bound_is_included(timed: Backend) -> None:
    by_time = {-8: [], -7: [1], -6: [1], -1: [1], 0: [1, 2], 6: [1, 2], 7: [1, 2, 3]}
    assert {time: readers(timed, time) for time in by_time} == by_time
    assert readers(timed, -(2**63)) == []
    assert readers(timed, LATEST - 1) == [1, 2, 3, 4, 6]
    assert readers(timed, LATEST) == [1, 2, 3, 4, 5, 6]


def test_event_without_a_time_happened_with_its_transaction(timed: Backend) -> None:
    first, second = map(timed.time_of, (1, 2))
    assert first < second
    for time, ids in (
        (first - 1, [1, 2, 3]),
        (first, [1, 2, 3, 4]),
        (second - 1, [1, 2, 3, 4]),
        (second, [1, 2, 3, 4, 6]),
    ):
        assert readers(timed, time) == ids
        assert readers(timed, time, as_of=2) == ids
        assert readers(timed, time, as_of=1) == ids[:4]


def test_later_version_of_an_event_keeps_when_it_happened(backend: Backend) -> None:
    with writing(backend) as new:
        new.edge(new.artifact(), new.execution(), path='["train"]')
    with writing(backend) as new:
        new.edge_update(READ, '[["train"],["eval"]]')
    with writing(backend) as new:
        new.end(READ)
    with writing(backend) as new:
        new.edge(*READ)
    times = {number: backend.time_of(number) for number in range(1, 5)}
    for as_of in (1, 2):
        assert readers(backend, times[1] - 1, as_of=as_of) == []
        assert readers(backend, times[1], as_of=as_of) == [1]
    assert readers(backend, LATEST, as_of=3) == []
    assert readers(backend, times[3]) == readers(backend, times[3], as_of=4) == []
    assert readers(backend, times[4]) == [1]


def test_own_writes_happen_at_the_open_transactions_time(timed: Backend) -> None:
    with writing(timed) as new:
        new.edge(DATA, new.execution())
        new.edge(DATA, new.execution(), time=8)
        own = new.transaction.time
        for time, ids in ((own - 1, [1, 2, 3, 4, 6, 8]), (own, [1, 2, 3, 4, 6, 7, 8])):
            walk = timed.walk([DATA], DOWN, happened_by=time)
            assert [key.id for key in walk.keys[1:]] == ids
        assert len(timed.walk([DATA], DOWN, happened_by=own, as_of=2).keys) == 6


def test_bounded_walk_is_of_one_moment(timed: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    number_at = timed.number_at

    def write() -> None:
        with writing(timed) as new:
            new.edge(DATA, new.execution())
            new.edge(DATA, new.execution(), time=8)

    def outrun(micros: int) -> int:
        """Look a number up, and write before the walk begins."""
        number = number_at(micros)
        elsewhere(write)
        return number

    monkeypatch.setattr(timed, "number_at", outrun)
    walk = timed.walk([DATA], DOWN, happened_by=LATEST)
    assert [key.id for key in walk.keys[1:]] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("without", [0, TEST, EVERY_USE])
def test_bounds_and_uses_together(direction: Direction, without: int, backend: Backend) -> None:
    with writing(backend) as new:
        data = [new.artifact() for _ in range(5)]
        runs = [new.execution() for _ in range(4)]
        for place, run in enumerate(runs):
            new.edge(data[place], run, time=place, path='["train"]')
            new.edge(run, data[place + 1], time=4 - place)
            new.edge(data[0], run, EdgeKind.DECLARED_INPUT, time=place * 2, path='["test"]')
        new.edge(data[4], runs[0], time=9, path='[["test"],["train"]]')
    keys = all_keys(backend)
    check = partial(walked, backend, direction=direction, everyone=backend.edges(keys))
    for time in (0, 2, 3, 8, 9):
        for start in (data[0], data[4], runs[1]):
            for nodes in (1, 3, 6, None):
                check([start], nodes=nodes, without=without, happened_by=time)
            check([start], hops=1, without=without, happened_by=time)


def test_frontier_leads_on_by_what_had_happened(backend: Backend) -> None:
    with writing(backend) as new:
        data, (one, two) = new.artifact(), [new.execution() for _ in range(2)]
        new.edge(data, one, time=5)
        new.edge(data, two, time=9)
    assert walked(backend, [data], DOWN, hops=0, happened_by=4).cut is None
    assert walked(backend, [data], DOWN, hops=0, happened_by=5).cut == Cut("hops", (data,))
    assert walked(backend, [data], DOWN, nodes=2, happened_by=8).cut is None
    assert walked(backend, [data], DOWN, nodes=2, happened_by=9).cut == Cut("nodes", (data,))


@pytest.mark.parametrize("direction", Direction)
def test_hub_of_what_was_later_is_passed_over(direction: Direction, backend: Backend) -> None:
    with writing(backend) as new:
        hub, runs = new.artifact(), [new.row(Kind.EXECUTION) for _ in range(1500)]
        edges = [new.joined(hub, row.key, time=9) for row in runs[:-5]]
        edges += [new.joined(hub, row.key, time=5) for row in runs[-5:]]
        new.write(nodes=runs, edges=edges)
    with writing(backend) as new:
        new.end(*(edge.key for edge in edges[::2]))
    for as_of, early in ((1, 5), (None, 3)):
        everyone = backend.edges([hub], as_of=as_of)
        for nodes in (2, 3, None):
            walk = walked(
                *(backend, [hub], direction),
                nodes=nodes,
                happened_by=8,
                as_of=as_of,
                everyone=everyone,
            )
            reached = 1 if direction is UP else min(1 + early, nodes or 1 + early)
            assert len(walk.keys) == reached


@pytest.mark.parametrize("happened_by", [True, 1.0, "2024-01-01", 2**63, -(2**63) - 1, b"", ()])
def test_bound_that_is_no_time(happened_by: int, timed: Backend) -> None:
    with pytest.raises(Invalid, match="happened_by="):
        timed.walk([DATA], DOWN, happened_by=happened_by)
