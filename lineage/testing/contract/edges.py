"""Versions of edges: their order, further paths, and the uses that walks may leave out."""

# ruff: noqa: PT012 - a transaction that fails is a block

from functools import partial
from operator import attrgetter

import pytest

from lineage.contract.backend import Backend
from lineage.contract.walking import Cut, Direction
from lineage.errors import Invalid, NotFound
from lineage.model.keys import Kind, NodeKey
from lineage.model.purposes import Purpose
from lineage.model.rows import EVENT_KINDS, Batch, EdgeKey, EdgeKind, EdgeRow
from lineage.testing.builders import Writer, all_keys, everything, writing
from lineage.testing.contract.walks import walked

DATA, RUN = NodeKey(Kind.ARTIFACT, 1), NodeKey(Kind.EXECUTION, 1)
READ = EdgeKey(DATA, RUN, EdgeKind.INPUT)
BOTH = '[["train"],["eval"]]'
TRAIN, TEST, BASE = (purpose.bit for purpose in Purpose)


def row_of(backend: Backend, key: EdgeKey = READ, as_of: int | None = None) -> EdgeRow:
    (row,) = [row for row in backend.edges([key.source], as_of=as_of) if row.key == key]
    return row


def in_order(backend: Backend) -> list[EdgeRow]:
    return sorted(backend.edges(all_keys(backend)), key=attrgetter("order"))


@pytest.fixture
def used(backend: Backend) -> Backend:
    """A store with one event, which got a further path later."""
    with writing(backend) as new:
        new.edge(new.artifact(), new.execution(), time=5, path='["train"]')
    with writing(backend) as new:
        new.edge_update(READ, BOTH)
    return backend


# Order


def test_edges_are_numbered_as_they_are_written(backend: Backend) -> None:
    with writing(backend) as new:
        run, data = new.execution(), [new.artifact() for _ in range(3)]
        part, child = new.context(), new.context()
        for key in reversed(data):
            new.edge(key, run)
        new.edge(part, child)
    with writing(backend) as new:
        new.edge(run, data[0])
        new.edge(part, run)
    rows = in_order(backend)
    assert [row.order for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row.source for row in rows] == [*reversed(data), part, run, part]
    assert [row.first for row in rows] == [row.since for row in rows] == [1, 1, 1, 1, 2, 2]
    assert [head.edges for head in backend.log()] == [6, 4]


def test_orders_of_a_failed_transaction_are_given_again(backend: Backend) -> None:
    with pytest.raises(ZeroDivisionError), writing(backend) as new:
        new.edge(new.artifact(), new.execution())
        raise ZeroDivisionError
    with writing(backend) as new:
        new.edge(new.artifact(), new.execution())
    assert (row_of(backend).order, backend.log()[0].edges) == (1, 1)


def test_edge_that_ended_is_another_when_it_is_written_again(used: Backend) -> None:
    with writing(used) as new:
        new.end(READ)
        new.edge(DATA, RUN, time=9)
    row = row_of(used)
    assert (row.since, row.order, row.first, row.paths) == (3, 2, 3, None)
    (commit,) = used.changes(after=2)
    assert (commit.batch.edges, commit.batch.edge_updates, commit.ended) == ([row], [], [READ])


# Updates


def test_update_is_a_version_of_the_edge(used: Backend) -> None:
    first = EdgeRow(*READ, 5, '["train"]', since=1, order=1, first=1)
    second = EdgeRow(*READ, 5, BOTH, since=2, order=1, first=1)
    assert used.edges([DATA]) == used.edges([RUN], as_of=2) == [second]
    assert used.edges([DATA], as_of=1) == [first]
    assert used.existing_edges([READ]) == {READ}
    for direction, start in ((Direction.DOWNSTREAM, DATA), (Direction.UPSTREAM, RUN)):
        assert walked(used, [start], direction).edges == [second]
        assert walked(used, [start], direction, as_of=1).edges == [first]
    assert used.check() == []


def test_changes_tell_an_update_apart(used: Backend) -> None:
    one, two = used.changes()
    assert one.batch.edges == [row_of(used, as_of=1)]
    assert two.batch.edge_updates == [row_of(used)]
    assert [*one.batch.edge_updates, *one.ended, *two.batch.edges, *two.ended] == []
    assert (one.head.records, two.head.records) == (3, 1)


def test_last_of_several_updates_stays(used: Backend) -> None:
    with writing(used) as new:
        new.edge_update(READ, '["a"]')
        new.edge_update(READ, '["b"]')
    (commit,) = used.changes(after=2)
    assert [row.paths for row in commit.batch.edge_updates] == ['["b"]']
    assert commit.head.records == 1
    assert row_of(used, as_of=2).paths == BOTH
    assert used.check() == []


def test_update_of_a_new_edge_is_part_of_it(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.edge(new.artifact(), new.execution(), path='["a"]')
        new.edge_update(key, '["b"]')
        assert row_of(backend).paths == '["b"]'
    (commit,) = backend.changes()
    assert [row.paths for row in commit.batch.edges] == ['["b"]']
    assert (commit.batch.edge_updates, commit.head.records) == ([], 3)
    assert backend.check() == []


def test_edge_that_is_updated_and_ended_at_once_ends(used: Backend) -> None:
    with writing(used) as new:
        new.edge_update(READ, '["a"]')
        new.end(READ)
        assert used.edges([DATA]) == []
    (commit,) = used.changes(after=2)
    assert (commit.batch.edge_updates, commit.ended, commit.head.records) == ([], [READ], 1)
    assert row_of(used, as_of=2).paths == BOTH
    assert used.edges([DATA], as_of=3) == []
    assert used.check() == []


def test_edge_that_is_updated_ended_and_written_at_once(used: Backend) -> None:
    with writing(used) as new:
        new.edge_update(READ, '["a"]')
        new.end(READ)
        new.edge(*READ, path='["b"]')
        new.edge_update(READ, '["c"]')
    (commit,) = used.changes(after=2)
    assert [row.paths for row in commit.batch.edges] == ['["c"]']
    assert (commit.batch.edge_updates, commit.ended) == ([], [READ])
    assert used.check() == []


def test_new_edge_that_is_updated_and_ended_at_once_never_was(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.edge(new.artifact(), new.execution())
        new.edge_update(key, '["a"]')
        new.end(key)
    (commit,) = backend.changes()
    assert (commit.batch.edges, commit.batch.edge_updates, commit.ended) == ([], [], [])
    assert backend.check() == []


@pytest.mark.parametrize("ended", [False, True])
def test_what_is_not_there_cannot_be_updated(ended: bool, used: Backend) -> None:
    row, key = row_of(used), READ
    if ended:
        with writing(used) as new:
            new.end(READ)
    else:
        key = EdgeKey(DATA, RUN, EdgeKind.DECLARED_INPUT)
    before = everything(used)
    with writing(used) as new:
        added = new.row(Kind.ARTIFACT)
        update = row._replace(kind=key.kind, since=new.number)
        with pytest.raises(NotFound, match=f"no {key.kind.name} edge from {DATA} to {RUN}"):
            new.write(nodes=[added], edge_updates=[update])
    assert everything(used) == before


def test_update_that_is_undone_leaves_no_trace(used: Backend) -> None:
    before = everything(used)
    for finish in (Writer.edge_update, lambda new, *_: new.end(READ)):
        with pytest.raises(ZeroDivisionError), writing(used) as new:
            new.edge_update(READ, '["a"]')
            finish(new, READ, '["b"]')
            raise ZeroDivisionError
        assert everything(used) == before
    assert used.check() == []


def test_edges_of_gone_nodes_can_be_updated(used: Backend) -> None:
    with writing(used) as new:
        new.delete(DATA)
        new.edge_update(READ, '["a"]')
    assert row_of(used).paths == '["a"]'
    assert used.check() == []


def test_many_updates_at_once(backend: Backend) -> None:
    with writing(backend) as new:
        run, data = new.execution(), [new.artifact() for _ in range(300)]
        new.write(edges=[new.joined(key, run, path='["train"]') for key in data])
    rows = backend.edges([run])
    with writing(backend) as new:
        updates = [row._replace(paths=BOTH, since=new.number) for row in rows]
        new.transaction.write(Batch(edge_updates=updates))
    assert backend.edges([run]) == updates
    assert backend.edges([run], as_of=1) == rows
    (commit,) = backend.changes(after=1)
    assert commit.batch.edge_updates == updates
    assert backend.check() == []


def test_copy_has_every_version_of_an_edge(used: Backend, target: Backend) -> None:
    with writing(used) as new:
        new.edge_update(READ, '["a"]')
        new.end(READ)
    target.replay(list(used.changes())[:2])
    target.replay(used.changes(after=2))
    assert everything(target) == everything(used)
    assert target.check() == []


# Uses


@pytest.fixture
def purposes(backend: Backend) -> Backend:
    """A chain of three trainings, and beside it what was read for something else."""
    with writing(backend) as new:
        data = [new.artifact() for _ in range(8)]
        runs = [new.execution() for _ in range(3)]
        for run, read, written in zip(runs, data, data[1:], strict=False):
            new.edge(read, run, path='["train",0]')
            new.edge(run, written, path='["test"]')
        new.edge(data[4], runs[0], path='["test"]')
        new.edge(data[5], runs[1], path='["base_model"]')
        new.edge(data[6], runs[2], path=BOTH)
        new.edge(data[7], runs[2])
        new.edge(data[0], runs[2], path='["eval"]')
        new.edge(data[0], runs[2], EdgeKind.DECLARED_INPUT, path='["train"]')
    return backend


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("without", range(8))
def test_walks_leave_out_what_was_for_other_uses(
    direction: Direction, without: int, purposes: Backend
) -> None:
    data, *_, last = keys = all_keys(purposes)
    check = partial(walked, purposes, without=without, everyone=purposes.edges(keys))
    for start in (data, NodeKey(Kind.ARTIFACT, 4), last):
        check([start], direction)
        for limit in (1, 3, 5):
            check([start], direction, nodes=limit)
        check([start], direction, hops=1)


def test_uses_that_are_left_out(purposes: Backend) -> None:
    model = NodeKey(Kind.ARTIFACT, 4)

    def sources(without: int) -> set[int]:
        walk = walked(purposes, [model], Direction.UPSTREAM, without=without)
        return {key.id for key in walk.keys if key.kind is Kind.ARTIFACT}

    assert sources(0) == {1, 2, 3, 4, 5, 6, 7, 8}
    assert sources(TEST) == {1, 2, 3, 4, 6, 7, 8}
    assert sources(BASE) == {1, 2, 3, 4, 5, 7, 8}
    assert sources(TRAIN) == {1, 4, 7, 8}
    assert sources(TRAIN | TEST) == {4, 8}


@pytest.mark.parametrize("kind", sorted(EVENT_KINDS))
def test_paths_of_outputs_say_nothing_of_a_use(kind: EdgeKind, backend: Backend) -> None:
    with writing(backend) as new:
        source, target = new.artifact(), new.execution()
        if not kind.name.endswith("INPUT"):
            source, target = target, source
        key = new.edge(source, target, kind, path='["train"]')
    with writing(backend) as new:
        new.edge_update(key, '["test"]')
    reached = 1 if kind.name.endswith("INPUT") else 2
    for as_of, without in ((1, TRAIN), (None, TEST)):
        walk = walked(backend, [source], Direction.DOWNSTREAM, as_of=as_of, without=without)
        assert len(walk.keys) == reached
    assert backend.check() == []


def test_uses_are_those_of_the_moment(used: Backend) -> None:
    for as_of, without, count in ((None, TRAIN, 2), (1, TRAIN, 1), (1, TEST, 2), (2, TRAIN, 2)):
        for direction, start in ((Direction.DOWNSTREAM, DATA), (Direction.UPSTREAM, RUN)):
            walk = walked(used, [start], direction, as_of=as_of, without=without)
            assert len(walk.keys) == count
    assert len(walked(used, [RUN], Direction.BOTH, without=TRAIN | TEST).keys) == 1


def test_own_writes_have_uses(used: Backend) -> None:
    with writing(used) as new:
        new.edge_update(READ, '["test"]')
        new.edge(new.artifact(), RUN, path='["valid"]')
        assert len(used.walk([RUN], Direction.UPSTREAM, without=TEST).keys) == 1
        assert len(used.walk([RUN], Direction.UPSTREAM, without=TRAIN).keys) == 3


@pytest.mark.parametrize("direction", Direction)
def test_hub_of_what_is_left_out_is_passed_over(direction: Direction, backend: Backend) -> None:
    with writing(backend) as new:
        hub, runs = new.artifact(), [new.row(Kind.EXECUTION) for _ in range(1500)]
        edges = [new.joined(hub, row.key, path='["test"]') for row in runs[:-5]]
        edges += [new.joined(hub, row.key) for row in runs[-5:]]
        new.write(nodes=runs, edges=edges)
    for nodes in (2, 3, 6, 7, None):
        walk = walked(backend, [hub], direction, nodes=nodes, without=TEST)
        reached = 1 if direction is Direction.UPSTREAM else min(6, nodes or 6)
        assert len(walk.keys) == reached
        assert (walk.cut is None) == (direction is Direction.UPSTREAM or (nodes or 6) >= 6)
    with writing(backend) as new:
        new.end(*(edge.key for edge in edges[::2]))
    walked(backend, [hub], direction, nodes=3, without=TEST, as_of=1)
    walked(backend, [hub], direction, nodes=3, without=TEST)


def test_frontier_leads_on_by_what_counts(backend: Backend) -> None:
    with writing(backend) as new:
        data, (one, two) = new.artifact(), [new.execution() for _ in range(2)]
        new.edge(data, one, path='["test"]')
        new.edge(data, two)
    walk = walked(backend, [data], Direction.DOWNSTREAM, hops=0, without=TEST)
    assert walk.cut == Cut("hops", (data,))
    with writing(backend) as new:
        new.end(EdgeKey(data, two, EdgeKind.INPUT))
    assert walked(backend, [data], Direction.DOWNSTREAM, hops=0, without=TEST).cut is None


@pytest.mark.parametrize("without", [-1, 8, 1.0, True, None, "training"])
def test_mask_that_is_none(without: int, used: Backend) -> None:
    with pytest.raises(Invalid, match="without="):
        used.walk([DATA], Direction.DOWNSTREAM, without=without)
