"""One node's edges by pages, in the order of `edges`, and how many there are of each kind."""

from collections.abc import Collection

import pytest

from lineage.contract.backend import Backend
from lineage.contract.paging import MOST_COUNTED, EdgeCount, Page
from lineage.contract.walking import Direction
from lineage.errors import Invalid
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EVENT_KINDS, EdgeKey, EdgeKind, EdgeRow
from lineage.testing.builders import all_keys, elsewhere, writing

UP, DOWN, BOTH = Direction
DATA, RUN, PART = (NodeKey(kind, 2) for kind in (Kind.ARTIFACT, Kind.EXECUTION, Kind.CONTEXT))


@pytest.fixture
def dense(backend: Backend) -> Backend:
    """Every node of a small graph joined with nearly every other, written in no order; some of it ended later."""
    with writing(backend) as new:
        data, runs, parts = (
            [new.put(kind) for _ in range(4)]
            for kind in (Kind.ARTIFACT, Kind.EXECUTION, Kind.CONTEXT)
        )
        for run in reversed(runs):
            for key in data:
                for kind in (3, 2) if key.id != run.id else ():
                    new.edge(key, run, EdgeKind(kind))
                new.edge(run, key)
        for part in parts[1:]:
            for key in (*runs, *reversed(data), parts[0]):
                new.edge(part, key)
        new.edge(parts[0], parts[0])
    with writing(backend) as new:
        rows = backend.edges([DATA, RUN, PART])
        new.end(*(row.key for row in rows[::3]))
        new.edge_update(next(row.key for row in rows[1::3] if row.kind in EVENT_KINDS), '["a"]')
        new.delete(data[0], runs[3])
    return backend


def paged(
    backend: Backend,
    key: NodeKey,
    direction: Direction,
    *,
    size: int,
    kinds: Collection[EdgeKind] | None = None,
    as_of: int | None = None,
) -> list[EdgeRow]:
    """Read all pages, each of which must be what the contract's own is."""
    rows: list[EdgeRow] = []
    after = None
    while page := backend.edge_page(
        key, direction, kinds=kinds, after=after, limit=size, as_of=as_of
    ):
        assert page == Backend._edge_page(backend, Page(key, direction, kinds, after, size), as_of)
        assert len(page) <= size
        rows += page
        after = page[-1].key
    return rows


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize(
    "kinds", [None, EVENT_KINDS, [EdgeKind.PARENT, EdgeKind.INPUT, EdgeKind.INPUT], []]
)
def test_pages_are_the_edges_in_order(
    direction: Direction, kinds: Collection[EdgeKind] | None, dense: Backend
) -> None:
    for as_of in (None, 1):
        for key in (DATA, RUN, PART, NodeKey(Kind.CONTEXT, 1)):
            whole = dense.edges([key], direction, kinds=kinds, as_of=as_of)
            assert dense.edge_page(key, direction, kinds=kinds, as_of=as_of) == whole
            for size in (3, 100):
                assert paged(dense, key, direction, size=size, kinds=kinds, as_of=as_of) == whole


@pytest.mark.parametrize("direction", Direction)
def test_page_begins_after_any_place(direction: Direction, dense: Backend) -> None:
    everything = dense.edges(all_keys(dense))
    asked = [row.key for row in everything[::7]]
    asked += [row.key._replace(kind=EdgeKind.PENDING_OUTPUT) for row in everything[3::11]]
    asked += [EdgeKey(PART, NodeKey(Kind.ARTIFACT, 2**60 - 1), EdgeKind.ATTRIBUTION)]
    for key in (DATA, RUN, PART):
        whole = dense.edges([key], direction)
        for after in asked:
            rest = [row for row in whole if row.key > after]
            assert dense.edge_page(key, direction, after=after, limit=2) == rest[:2]


def test_pages_of_one_moment_are_whole(dense: Backend) -> None:
    whole, number = dense.edges([DATA]), dense.now()
    first = dense.edge_page(DATA, limit=4, as_of=number)
    with writing(dense) as new:
        new.end(*(row.key for row in whole[2::2]))
        new.edge(DATA, new.execution())
        assert paged(dense, DATA, BOTH, size=5) == dense.edges([DATA])
        assert elsewhere(lambda: dense.edge_page(DATA)) == whole
    rest = dense.edge_page(DATA, after=first[-1].key, as_of=number)
    assert [*first, *rest] == whole


def test_node_that_never_was_has_no_edges(dense: Backend) -> None:
    nobody = NodeKey(Kind.EXECUTION, 99)
    assert dense.edge_page(nobody, limit=5) == []
    assert dense.edge_counts(nobody) == {}


def test_hub_by_pages(backend: Backend) -> None:
    with writing(backend) as new:
        part, data = new.context(), new.artifact()
        rows = [new.row(Kind.EXECUTION) for _ in range(1100)]
        edges = [new.joined(part, row.key) for row in reversed(rows)]
        edges += [new.joined(data, row.key) for row in rows]
        new.write(nodes=rows, edges=[*edges, new.joined(part, data)])
    for key in (part, data):
        whole = backend.edges([key])
        assert backend.edge_page(key, limit=2) == whole[:2]
        assert backend.edge_page(key, after=whole[900].key, limit=3) == whole[901:904]
        assert backend.edge_page(key, after=whole[-2].key, limit=3) == whole[-1:]


@pytest.mark.parametrize("limit", [0, -1, True, 2.0, "5", 2**60])
def test_limit_that_makes_no_sense(limit: int, dense: Backend) -> None:
    with pytest.raises(Invalid, match="limit="):
        dense.edge_page(DATA, limit=limit)


@pytest.mark.parametrize(
    "after",
    [
        DATA,
        "artifact:1",
        (DATA, RUN, EdgeKind.INPUT),
        EdgeKey._make((DATA, RUN, 3)),
        EdgeKey(DATA, NodeKey(Kind.EXECUTION, 2**70), EdgeKind.INPUT),
        EdgeKey._make((DATA, "execution:2", EdgeKind.INPUT)),
    ],
)
def test_place_that_is_no_edge(after: EdgeKey, dense: Backend) -> None:
    with pytest.raises(Invalid, match="after="):
        dense.edge_page(DATA, after=after)


# Counts


def test_counts_are_by_kind_and_side(dense: Backend) -> None:
    for as_of in (None, 1):
        for key in (DATA, RUN, PART, NodeKey(Kind.CONTEXT, 1)):
            counts = dense.edge_counts(key, as_of=as_of)
            assert counts == Backend.edge_counts(dense, key, as_of=as_of)
            for side in (UP, DOWN):
                for kind in EdgeKind:
                    number = len(dense.edges([key], side, kinds=[kind], as_of=as_of))
                    assert counts.get((side, kind), EdgeCount(0)) == EdgeCount(number)
                    assert ((side, kind) in counts) == (number > 0)


def test_counts_stop_at_a_thousand(backend: Backend) -> None:
    with writing(backend) as new:
        data = new.artifact()
        rows = [new.row(Kind.EXECUTION) for _ in range(MOST_COUNTED)]
        edges = [new.joined(data, row.key) for row in rows]
        edges += [new.joined(row.key, data) for row in rows[:3]]
        new.write(nodes=rows, edges=edges)
    written = {(UP, EdgeKind.OUTPUT): EdgeCount(3)}
    exact = {**written, (DOWN, EdgeKind.INPUT): EdgeCount(1000)}
    assert backend.edge_counts(data) == exact
    with writing(backend) as new:
        new.edge(data, new.execution())
        more = {**written, (DOWN, EdgeKind.INPUT): EdgeCount(1000, is_capped=True)}
        assert backend.edge_counts(data) == more
        assert elsewhere(lambda: backend.edge_counts(data)) == exact
    assert backend.edge_counts(data) == more
    assert backend.edge_counts(data, as_of=1) == exact
