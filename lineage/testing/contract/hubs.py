"""Walks cut where executions and what they lead to do not fit together: each is kept with its own."""

from functools import partial
from typing import Any

import pytest

from lineage.contract.backend import Backend
from lineage.contract.walking import Cut, Direction, Walk
from lineage.model.keys import Kind, NodeKey
from lineage.testing.builders import Writer, writing
from lineage.testing.contract.walks import walked

UP, DOWN, BOTH = Direction.UPSTREAM, Direction.DOWNSTREAM, Direction.BOTH


def joined(new: Writer, direction: Direction, near: NodeKey, far: NodeKey, **more: Any) -> None:
    """Write an edge that a walk goes along from one node to the other."""
    new.edge(*((near, far) if direction is DOWN else (far, near)), **more)


def ids(walk: Walk) -> list[tuple[list[int], ...]]:
    """Return the ids of artifacts and those of executions, level by level."""
    kinds = (Kind.ARTIFACT, Kind.EXECUTION)
    return [
        tuple([key.id for key in level if key.kind is kind] for kind in kinds)
        for level in walk.levels
    ]


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_hub_shows_executions_with_their_artifacts(direction: Direction, backend: Backend) -> None:
    with writing(backend) as new:
        hub = new.artifact()
        for _ in range(6):
            run = new.execution()
            joined(new, direction, hub, run)
            joined(new, direction, run, new.artifact())
    kept = {
        1: [([1], [])],
        2: [([1], []), ([], [1])],
        3: [([1], []), ([], [1]), ([2], [])],
        6: [([1], []), ([], [1, 2, 3]), ([2, 3], [])],
        7: [([1], []), ([], [1, 2, 3]), ([2, 3, 4], [])],
        8: [([1], []), ([], [1, 2, 3, 4]), ([2, 3, 4], [])],
        12: [([1], []), ([], [1, 2, 3, 4, 5, 6]), ([2, 3, 4, 5, 6], [])],
    }
    for nodes, levels in kept.items():
        assert ids(walked(backend, [hub], direction, nodes=nodes)) == levels
    run = NodeKey(Kind.EXECUTION, 3)
    assert walked(backend, [hub], direction, nodes=6).cut == Cut("nodes", (hub, run))
    assert walked(backend, [hub], direction, nodes=7).cut == Cut("nodes", (hub,))
    assert walked(backend, [hub], direction, nodes=13).cut is None
    for hops in (2, 3):
        assert ids(walked(backend, [hub], direction, nodes=7, hops=hops)) == kept[7]


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_executions_at_the_limit_of_hops_are_kept_alone(
    direction: Direction, backend: Backend
) -> None:
    with writing(backend) as new:
        hub = new.artifact()
        for _ in range(6):
            run = new.execution()
            joined(new, direction, hub, run)
            joined(new, direction, run, new.artifact())
    assert ids(walked(backend, [hub], direction, nodes=4, hops=1)) == [([1], []), ([], [1, 2, 3])]
    whole = walked(backend, [hub], direction, nodes=7, hops=1)
    assert whole.cut == Cut("hops", tuple(NodeKey(Kind.EXECUTION, n) for n in range(1, 7)))


def test_neighbours_are_kept_once_and_in_key_order(backend: Backend) -> None:
    with writing(backend) as new:
        hub, runs = new.artifact(), [new.execution() for _ in range(4)]
        made = [new.artifact() for _ in range(6)]
        for run in runs:
            new.edge(hub, run)
            new.edge(run, hub)
        for run, places in zip(runs, ((5, 3), (3, 4), (0, 5), (1, 2)), strict=True):
            for place in places:
                new.edge(run, made[place])
    kept = {
        4: ([1], [5, 7]),
        5: ([1, 2], [5, 7]),
        6: ([1, 2], [5, 6, 7]),
        7: ([1, 2, 3], [5, 6, 7]),
        8: ([1, 2, 3], [2, 5, 6, 7]),
        9: ([1, 2, 3, 4], [2, 5, 6, 7]),
        10: ([1, 2, 3, 4], [2, 3, 5, 6, 7]),
    }
    for nodes, (executions, artifacts) in kept.items():
        walk = walked(backend, [hub], DOWN, nodes=nodes)
        assert ids(walk)[1:] == [([], executions), (artifacts, [])]


def test_what_one_execution_writes_and_another_reads_is_no_neighbour_of_the_reader(
    backend: Backend,
) -> None:
    with writing(backend) as new:
        hub, (one, two) = new.artifact(), [new.execution() for _ in range(2)]
        passed, made, last = [new.artifact() for _ in range(3)]
        for run in (one, two):
            new.edge(hub, run)
        new.edge(one, made)
        new.edge(two, passed)
        new.edge(passed, one)
        new.edge(two, last)
    for nodes, artifacts in ((3, [3]), (4, [3]), (5, [2, 3])):
        assert ids(walked(backend, [hub], DOWN, nodes=nodes))[2] == (artifacts, [])
        walked(backend, [hub], BOTH, nodes=nodes)


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_starts_and_artifacts_beside_executions_go_first(
    direction: Direction, backend: Backend
) -> None:
    """The next level of a data set and an execution has both kinds."""
    with writing(backend) as new:
        hub, start = new.artifact(), new.execution()
        for _ in range(3):
            joined(new, direction, start, new.artifact())
        for _ in range(3):
            run = new.execution()
            joined(new, direction, hub, run)
            joined(new, direction, run, new.artifact())
    starts = ([1], [1])
    kept = {
        2: [starts],
        4: [starts, ([2, 3], [])],
        6: [starts, ([2, 3, 4], [2])],
        8: [starts, ([2, 3, 4], [2, 3]), ([5], [])],
        10: [starts, ([2, 3, 4], [2, 3, 4]), ([5, 6], [])],
    }
    for nodes, levels in kept.items():
        assert ids(walked(backend, [hub, start], direction, nodes=nodes)) == levels
    runs = [NodeKey(Kind.EXECUTION, n) for n in (1, 2, 3, 4)]
    assert ids(walked(backend, runs, direction, nodes=4)) == [([], [1, 2, 3, 4])]


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_what_is_left_out_takes_no_room_beside_executions(
    direction: Direction, backend: Backend
) -> None:
    test = '["test"]' if direction is UP else None
    with writing(backend) as new:
        hub = new.artifact()
        for _ in range(5):
            run = new.execution()
            joined(new, direction, hub, run, time=1)
            joined(new, direction, run, new.artifact(), time=9)
            joined(new, direction, run, new.artifact(), path=test, time=1)
            joined(new, direction, run, new.artifact(), time=1)
    check = partial(walked, backend, [hub], direction, happened_by=8, nodes=7)
    assert ids(check())[1:] == [([], [1, 2]), ([3, 4, 6, 7], [])]
    few = [([], [1, 2, 3]), ([4, 7, 10], [])] if direction is UP else ids(check())[1:]
    assert ids(check(without=2))[1:] == few
    with writing(backend) as new:
        run, made = NodeKey(Kind.EXECUTION, 1), NodeKey(Kind.ARTIFACT, 4)
        new.end(new.joined(*((run, made) if direction is DOWN else (made, run))).key)
    assert ids(check(as_of=1))[1:] == [([], [1, 2]), ([3, 4, 6, 7], [])]
    assert ids(check())[1:] == [([], [1, 2, 3]), ([3, 6, 7], [])]


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_executions_with_many_neighbours_of_their_own(
    direction: Direction, backend: Backend
) -> None:
    with writing(backend) as new:
        hub, runs = new.artifact(), [new.execution() for _ in range(70)]
        rows = [new.row(Kind.ARTIFACT) for _ in range(3000)]
        edges = [(hub, run) for run in runs]
        edges += [(runs[place // 1400], row.key) for place, row in enumerate(rows)]
        if direction is UP:
            edges = [(far, near) for near, far in edges]
        new.write(nodes=rows, edges=[new.joined(*pair) for pair in edges])
    everyone = backend.edges([hub, *runs])
    for nodes in (3, 72, 1401, 1403, 3070):
        walk = walked(backend, [hub], direction, nodes=nodes, everyone=everyone)
        assert len(walk.keys) == nodes
        assert len(walk.levels) == 3
    assert walked(backend, [hub], direction, nodes=3071, everyone=everyone).cut is None
