"""What writes refuse, and that names, external ids and edges are unique while they live."""

from collections.abc import Callable
from typing import Any

import pytest

from lineage.contract.backend import Backend, External, Named
from lineage.errors import AlreadyExists, LineageError, NotFound
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKey, EdgeKind
from lineage.testing.builders import DATASET, MODEL, TRAIN, Writer, chain, everything, writing

NOBODY = NodeKey(Kind.EXECUTION, 99)


@pytest.fixture
def stocked(backend: Backend) -> Backend:
    """A store with artifact:1 (name a, external id x), execution:1 and an edge between them."""
    with writing(backend) as new:
        new.edge(new.artifact(name="a", external_id="x"), new.execution(name="a", external_id="x"))
        new.delete(new.artifact())
    return backend


DATA, RUN, GONE = NodeKey(Kind.ARTIFACT, 1), NodeKey(Kind.EXECUTION, 1), NodeKey(Kind.ARTIFACT, 2)


REFUSED: dict[str, tuple[type[LineageError], Callable[[Writer], object]]] = {
    "update of a stranger": (
        NotFound,
        lambda new: new.write(updates=[new.row(Kind.EXECUTION, key=NOBODY)]),
    ),
    "update of a gone node to a taken name": (
        AlreadyExists,
        lambda new: new.update(GONE, name="a"),
    ),
    "new node with a stored key": (AlreadyExists, lambda new: new.put(Kind.ARTIFACT, key=DATA)),
    "new node with a gone key": (AlreadyExists, lambda new: new.put(Kind.ARTIFACT, key=GONE)),
    "new node with a taken name": (AlreadyExists, lambda new: new.artifact(name="a")),
    "new node with a taken external id": (
        AlreadyExists,
        lambda new: new.artifact(MODEL, external_id="x"),
    ),
    "update to a taken name": (
        AlreadyExists,
        lambda new: new.update(new.artifact(name="b"), name="a"),
    ),
    "update to a taken external id": (
        AlreadyExists,
        lambda new: new.update(new.artifact(external_id="y"), external_id="x"),
    ),
    "edge from nowhere": (NotFound, lambda new: new.edge(NodeKey(Kind.ARTIFACT, 99), RUN)),
    "edge to nowhere": (NotFound, lambda new: new.edge(DATA, NOBODY)),
    "edge to a gone node": (NotFound, lambda new: new.edge(RUN, GONE)),
    "edge from a node deleted just now": (
        NotFound,
        lambda new: new.edge(new.deleted(DATA), RUN, EdgeKind.DECLARED_INPUT),
    ),
    "edge that is there": (AlreadyExists, lambda new: new.edge(DATA, RUN, time=5, path='["b"]')),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_write_changes_nothing(case: str, stocked: Backend) -> None:
    error, write = REFUSED[case]
    before = everything(stocked)
    with pytest.raises(error), writing(stocked) as new:
        write(new)
    assert everything(stocked) == before
    chain(stocked, 1)
    assert stocked.now() == 2
    assert stocked.check() == []


TWINS: dict[str, Callable[[Writer], dict[str, Any]]] = {
    "a name": lambda new: {"nodes": [new.row(Kind.ARTIFACT, name="n") for _ in "12"]},
    "an external id": lambda new: {
        "nodes": [new.row(Kind.ARTIFACT, each, external_id="n") for each in (DATASET, MODEL)]
    },
    "a key": lambda new: {"nodes": [new.row(Kind.ARTIFACT, key=NodeKey(Kind.ARTIFACT, 9))] * 2},
    "an edge": lambda new: {"edges": [new.joined(RUN, DATA), new.joined(RUN, DATA, time=5)]},
    "a name with an update": lambda new: {
        "nodes": [new.row(Kind.ARTIFACT, name="n")],
        "updates": [new.changed(DATA, name="n")],
    },
}


@pytest.mark.parametrize("case", TWINS)
def test_one_batch_cannot_hold_it_twice(case: str, stocked: Backend) -> None:
    before = everything(stocked)
    with pytest.raises(AlreadyExists), writing(stocked) as new:
        new.write(**TWINS[case](new))
    assert everything(stocked) == before


@pytest.mark.parametrize("kept", ["first", "last"])
def test_batch_is_written_wholly_or_not_at_all(kept: str, stocked: Backend) -> None:
    with writing(stocked) as new:
        seen = [stocked.find(kind) for kind in Kind], stocked.edges([DATA, RUN]), stocked.types()
        rows = [new.row(Kind.ARTIFACT, name="b"), new.row(Kind.ARTIFACT, name="a")]
        with pytest.raises(AlreadyExists):
            new.write(
                nodes=rows if kept == "first" else rows[::-1],
                updates=[new.changed(RUN, name="other", state=3)],
                edges=[new.joined(rows[0].key, RUN)],
            )
        with pytest.raises(NotFound):
            new.write(
                nodes=rows[:1],
                updates=[new.changed(RUN, state=3)],
                edges=[new.joined(rows[0].key, RUN), new.joined(DATA, NOBODY)],
            )
        again = [stocked.find(kind) for kind in Kind], stocked.edges([DATA, RUN]), stocked.types()
        assert again == seen
    assert stocked.now() == 1


def test_what_one_batch_makes_it_may_join(backend: Backend) -> None:
    with writing(backend) as new:
        data, run = new.row(Kind.ARTIFACT), new.row(Kind.EXECUTION)
        new.write(nodes=[run, data], edges=[new.joined(data.key, run.key)])
    assert backend.edges([data.key])[0].key == EdgeKey(data.key, run.key, EdgeKind.INPUT)


# Names and external ids


def test_name_is_unique_within_its_type(stocked: Backend) -> None:
    with writing(stocked) as new:
        new.artifact(MODEL, name="a")
        new.execution(TRAIN + 1, name="a")
    with pytest.raises(AlreadyExists), writing(stocked) as new:
        new.execution(TRAIN, name="a")


def test_external_id_is_unique_within_its_kind(stocked: Backend) -> None:
    with writing(stocked) as new:
        new.context(external_id="x")
    for kind in Kind:
        with pytest.raises(AlreadyExists), writing(stocked) as new:
            new.put(kind, external_id="x")


def test_nodes_without_a_name_are_many(backend: Backend) -> None:
    with writing(backend) as new:
        for _ in range(3):
            new.artifact()
    assert len(backend.find(Kind.ARTIFACT)) == 3


@pytest.mark.parametrize("field", ["name", "external_id"])
def test_empty_text_is_a_value(field: str, backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(**{field: ""})
        new.artifact()
    assert getattr(backend.nodes([key])[key], field) == ""
    with pytest.raises(AlreadyExists), writing(backend) as new:
        new.artifact(**{field: ""})


@pytest.mark.parametrize("field", ["name", "external_id"])
@pytest.mark.parametrize(
    "pair", [("a", "A"), ("a", "a "), ("ä", "a\u0308"), ("a\x00", "a"), ("a\x00b", "a\x00c")]
)
def test_texts_are_equal_only_by_every_character(
    field: str, pair: tuple[str, str], backend: Backend
) -> None:
    with writing(backend) as new:
        keys = [new.artifact(**{field: text}) for text in pair]
    rows = backend.nodes(keys)
    assert tuple(getattr(rows[key], field) for key in keys) == pair
    with pytest.raises(AlreadyExists), writing(backend) as new:
        new.artifact(**{field: pair[0]})


@pytest.mark.parametrize("field", ["name", "external_id"])
def test_node_keeps_its_own_name(field: str, backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(**{field: "a"})
    with writing(backend) as new:
        new.update(key, state=2)
        new.update(key, state=3)
    assert getattr(backend.nodes([key])[key], field) == "a"


@pytest.mark.parametrize("field", ["name", "external_id"])
def test_name_that_was_looked_for_in_vain_is_taken_once(field: str, backend: Backend) -> None:
    with writing(backend) as new:
        row = new.row(Kind.ARTIFACT, **{field: "a"})
        asked: Named | External = External(Kind.ARTIFACT, "a")
        if field == "name":
            asked = Named(row.type_id, "a")
        assert backend.lookup([asked]) == {asked: []}
        new.write(nodes=[row])
        with pytest.raises(AlreadyExists):
            new.artifact(**{field: "a"})
        assert backend.lookup([asked]) == {asked: [row]}
        new.artifact(**{field: "b"})
    assert [getattr(each, field) for each in backend.find(Kind.ARTIFACT)] == ["a", "b"]


def test_updates_of_one_transaction_leave_the_last(backend: Backend) -> None:
    """Nothing is read between them, and nothing that is unique has to be looked for."""
    with writing(backend) as new:
        row = new.row(Kind.ARTIFACT, uri="a")
        new.write(nodes=[row])
        for uri in ("b", "c"):
            new.write(updates=[row._replace(uri=uri)])
    assert [each.uri for each in backend.versions(row.key)] == ["c"]
    assert [each.uri for each in backend.find(Kind.ARTIFACT)] == ["c"]


@pytest.mark.parametrize("field", ["name", "external_id"])
def test_given_up_name_is_free(field: str, backend: Backend) -> None:
    with writing(backend) as new:
        first = new.artifact(**{field: "a"})
    with writing(backend) as new:
        new.update(first, **{field: None})
    with writing(backend) as new:
        second = new.artifact(**{field: "a"})
        new.delete(second)
    with writing(backend) as new:
        new.update(first, **{field: "a"})
    assert getattr(backend.nodes([first])[first], field) == "a"


@pytest.mark.parametrize("field", ["name", "external_id"])
def test_name_is_free_in_the_transaction_that_gave_it_up(field: str, backend: Backend) -> None:
    with writing(backend) as new:
        renamed, deleted = new.artifact(**{field: "a"}), new.artifact(**{field: "b"})
    with writing(backend) as new:
        new.update(renamed, **{field: "c"})
        heir = new.artifact(**{field: "a"})
        new.delete(deleted)
        new.update(heir, **{field: "b"})
        new.artifact(**{field: "a"})
    assert [getattr(row, field) for row in backend.find(Kind.ARTIFACT)] == ["c", "b", "a"]


@pytest.mark.parametrize("field", ["name", "external_id"])
def test_names_change_hands_in_one_batch(field: str, backend: Backend) -> None:
    with writing(backend) as new:
        one, two = new.artifact(**{field: "a"}), new.artifact(**{field: "b"})
    with writing(backend) as new:
        new.write(
            nodes=[new.row(Kind.ARTIFACT, **{field: "b"})],
            updates=[new.changed(one, **{field: None}), new.changed(two, **{field: "a"})],
        )
    assert [getattr(row, field) for row in backend.find(Kind.ARTIFACT)] == [None, "a", "b"]
    with writing(backend) as new:
        three = NodeKey(Kind.ARTIFACT, 3)
        new.write(updates=[new.changed(two, **{field: "b"}), new.changed(three, **{field: "a"})])
    assert [getattr(row, field) for row in backend.find(Kind.ARTIFACT)] == [None, "b", "a"]


# Edges


def test_kinds_of_event_join_the_same_nodes_side_by_side(backend: Backend) -> None:
    data, run = chain(backend, 2)
    into = [EdgeKind.DECLARED_INPUT, EdgeKind.INTERNAL_INPUT]
    out = [
        EdgeKind.DECLARED_OUTPUT,
        EdgeKind.OUTPUT,
        EdgeKind.INTERNAL_OUTPUT,
        EdgeKind.PENDING_OUTPUT,
    ]
    with writing(backend) as new:
        for kind in into:
            new.edge(data, run, kind)
        for kind in out:
            new.edge(run, data, kind)
    assert [edge.kind for edge in backend.edges([data])] == [2, 3, 5, 1, 4, 6, 7]


def test_ended_edge_may_be_written_again(stocked: Backend) -> None:
    edge = EdgeKey(DATA, RUN, EdgeKind.INPUT)
    with writing(stocked) as new:
        new.end(edge)
    assert stocked.edges([DATA]) == []
    with writing(stocked) as new:
        new.edge(DATA, RUN, time=1)
    with writing(stocked) as new:
        new.end(edge)
        new.edge(DATA, RUN, time=2)
        new.end(edge)
        new.edge(DATA, RUN, time=3)
    assert [(row.time, row.since) for row in stocked.edges([DATA])] == [(3, 4)]
    moments = [stocked.edges([DATA], as_of=number) for number in range(5)]
    assert [[row.time for row in rows] for rows in moments] == [[], [None], [], [1], [3]]
    assert [row.until for rows in moments for row in rows] == [None] * 3
    assert stocked.check() == []


def test_edge_of_a_new_node_is_written_once_until_it_ends(stocked: Backend) -> None:
    with writing(stocked) as new:
        run = new.execution(name="b")
        edge = new.edge(DATA, run)
        assert stocked.lookup([External(Kind.ARTIFACT, "x")])
        with pytest.raises(AlreadyExists):
            new.edge(DATA, run)
        assert stocked.existing_edges([edge, EdgeKey(DATA, RUN, EdgeKind.INPUT)]) == {
            edge,
            EdgeKey(DATA, RUN, EdgeKind.INPUT),
        }
        new.end(edge)
        assert stocked.existing_edges([edge]) == set()
        new.edge(DATA, run, time=7)
        with pytest.raises(AlreadyExists):
            new.edge(DATA, run)
    assert [row.time for row in stocked.edges([run])] == [7]
    assert stocked.check() == []


def test_edge_written_and_ended_at_once_never_was(stocked: Backend) -> None:
    with writing(stocked) as new:
        new.end(new.edge(RUN, DATA))
        new.artifact()
    assert [edge.kind for edge in stocked.edges([DATA], as_of=2)] == [EdgeKind.INPUT]
    (commit,) = stocked.changes(1)
    assert (commit.batch.edges, commit.ended, commit.head.records) == ([], [], 1)


def test_node_that_is_written_as_gone_holds_no_unique_key(backend: Backend) -> None:
    unique = {"name": "n", "external_id": "x"}
    with writing(backend) as new:
        key = new.artifact(**unique)
        gone = new.row(Kind.ARTIFACT, **unique, until=new.number, gone=True)
        new.write(nodes=[gone])
    assert backend.find(Kind.ARTIFACT) == [backend.nodes([key])[key]]
    assert backend.nodes([gone.key]) == {gone.key: gone}
    assert backend.check() == []


def test_what_is_not_there_cannot_end(stocked: Backend) -> None:
    before = everything(stocked)
    uses: list[Callable[[Writer], object]] = [
        lambda new: new.end(EdgeKey(RUN, DATA, EdgeKind.OUTPUT)),
        lambda new: new.end(
            EdgeKey(DATA, RUN, EdgeKind.INPUT), EdgeKey(DATA, NOBODY, EdgeKind.INPUT)
        ),
        lambda new: new.delete(NOBODY),
        lambda new: new.delete(DATA, GONE),
        lambda new: new.purge(NOBODY),
    ]
    for use in uses:
        with pytest.raises(LineageError), writing(stocked) as new:
            use(new)
        assert everything(stocked) == before


def test_large_batches_are_written_and_read_whole(backend: Backend) -> None:
    many = 3000
    with writing(backend) as new:
        hub = new.execution()
        rows = [new.row(Kind.ARTIFACT, name=str(number)) for number in range(many)]
        new.write(nodes=rows, edges=[new.joined(row.key, hub) for row in rows])
    keys = [row.key for row in rows]
    assert backend.nodes(keys) == {row.key: row for row in rows}
    assert backend.find(Kind.ARTIFACT) == rows
    assert len(backend.edges(keys)) == many
    with writing(backend) as new:
        new.write(updates=[new.changed(row.key, state=2) for row in rows[:1500]])
        new.end(*(edge.key for edge in backend.edges([hub])[:1200]))
        new.delete(*keys[:1100])
        new.purge(*keys[:1050])
    assert len(backend.find(Kind.ARTIFACT)) == many - 1100
    assert len(backend.edges([hub])) == many - 1200
    assert len(backend.nodes(keys, as_of=1)) == many
    assert len(backend.edges(keys, as_of=1)) == many
    assert backend.log(limit=1)[0].records == 1500 + 1200 + 1100 + 1050
