"""A gone node lives again with a new version: from then on, and at no moment before."""

# ruff: noqa: PT012 - a transaction that fails is a block

from collections.abc import Callable
from typing import Any

import pytest

from lineage.contract.backend import Backend, External, Named, Order
from lineage.contract.walking import Direction
from lineage.contract.writings import AtUri
from lineage.errors import AlreadyExists, Invalid, LineageError
from lineage.filters.tree import Column, Compare, Exists, Field, Filter, Neighbour, Not, Operator
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind
from lineage.testing.builders import (
    DATASET,
    Writer,
    chain,
    elsewhere,
    everything,
    moment_of,
    writing,
)
from lineage.testing.oracle import blank

DATA, RUN = NodeKey(Kind.ARTIFACT, 1), NodeKey(Kind.EXECUTION, 1)
PART = NodeKey(Kind.CONTEXT, 1)
CONTENT: dict[str, Any] = {"name": "a", "external_id": "x", "uri": "s3://a", "properties": {"p": 1}}


@pytest.fixture
def buried(backend: Backend) -> Backend:
    """A store whose artifact:1, written in transaction 1 with edges, was deleted in transaction 2."""
    with writing(backend) as new:
        data, run, part = new.artifact(**CONTENT), new.execution(state=3), new.context(name="c")
        new.edge(run, data)
        new.edge(part, data)
    with writing(backend) as new:
        new.delete(data)
    chain(backend, 1)
    return backend


def lived(backend: Backend, key: NodeKey = DATA) -> list[tuple[object, ...]]:
    """Return of each version of a node its name, its beginning, its end and whether it went."""
    return [(row.name, row.since, row.until, row.gone) for row in backend.versions(key)]


def is_equal(field: Field, value: Any, alias: str = "") -> Filter:
    return Compare(Column(field, alias), Operator.EQ, value)


def test_gone_node_lives_again_with_its_new_version(buried: Backend) -> None:
    with writing(buried) as new:
        row = new.update(DATA, name="b", properties={"p": 2})
        assert buried.nodes([DATA]) == {DATA: row}
        assert buried.live([DATA]) == {DATA}
    assert (row.since, row.external_id, row.created) == (4, "x", buried.versions(DATA)[0].created)
    assert buried.nodes([DATA]) == {DATA: row}
    assert buried.live([DATA, RUN]) == {DATA, RUN}
    assert buried.find(Kind.ARTIFACT, is_equal(Field.NAME, "b")) == [row]
    assert buried.lookup(
        [Named(DATASET, "b"), Named(DATASET, "a"), External(Kind.ARTIFACT, "x")]
    ) == {
        Named(DATASET, "b"): [row],
        Named(DATASET, "a"): [],
        External(Kind.ARTIFACT, "x"): [row],
    }
    assert [edge.source for edge in buried.edges([DATA])] == [PART, RUN]
    assert lived(buried) == [("a", 1, 2, True), ("b", 4, None, False)]
    assert buried.check() == []


def test_in_between_it_stays_gone(buried: Backend) -> None:
    wheres: list[Filter] = [
        is_equal(Field.ID, 1),
        is_equal(Field.TYPE_ID, DATASET),
        is_equal(Field.NAME, "a"),
        is_equal(Field.EXTERNAL_ID, "x"),
        is_equal(Field.URI, "s3://a"),
        Exists(Neighbour.CONTEXTS, "c", is_equal(Field.NAME, "c", "c")),
    ]
    asked: list[tuple[Filter | None, Order]] = [(where, Order()) for where in wheres]
    asked += [(None, Order(Field.CREATED)), (None, Order(Field.UPDATED, descending=True))]
    with writing(buried) as new:
        new.update(DATA)
    for number, is_live in enumerate([False, True, False, False, True]):
        then = buried.nodes([DATA], as_of=number)
        assert [row.gone for row in then.values()] == [not is_live] * (number > 0)
        for where, order in asked:
            rows = buried.find(Kind.ARTIFACT, where, order=order, as_of=number)
            assert [row for row in rows if row.key == DATA] == list(then.values()) * is_live
        near = Exists(Neighbour.ARTIFACTS, "a", is_equal(Field.URI, "s3://a", "a"))
        for where, expected in ((near, is_live), (Not(near), not is_live)):
            found = buried.find(Kind.CONTEXT, where, as_of=number)
            assert [row.key for row in found] == [PART] * (expected and number > 0)
        at_uri = buried.writings(AtUri("s3://a"), as_of=number)
        assert [each.execution for each in at_uri] == [RUN] * is_live
    assert buried.versions(DATA, as_of=3) == buried.versions(DATA)[:1]
    assert buried.versions(DATA, as_of=1) == [buried.versions(DATA)[0].open()]


def test_every_moment_of_many_lives_answers_as_it_did(backend: Backend) -> None:
    with writing(backend) as new:
        data, run, part = new.artifact(**CONTENT), new.execution(state=3), new.context(name="c")
        new.edge(run, data)
        new.edge(part, data)
    moments: list[tuple[object, ...]] = []

    def answers(number: int | None) -> tuple[object, ...]:
        walks = [backend.walk([key], Direction.BOTH, as_of=number) for key in (data, run)]
        written = [list(backend.writings(of, as_of=number)) for of in ([data], AtUri("s3://a"))]
        found = [
            backend.find(Kind.ARTIFACT, is_equal(Field.NAME, name), as_of=number) for name in "abc"
        ]
        shown = [(walk.levels, walk.edges) for walk in walks]
        return moment_of(backend, number), shown, found, written

    steps: list[Callable[[Writer], object]] = [
        lambda new: new.delete(data),
        lambda new: new.update(data, name="b", uri=None),
        lambda new: new.update(data, name="c", uri="s3://a"),
        lambda new: new.delete(data, run),
        lambda new: new.artifact(name="c"),
        lambda new: new.update(data, name="a"),
        lambda new: new.delete(data),
        lambda new: new.update(data, name="b"),
        lambda new: new.update(run, state=None),
        lambda new: new.delete(part),
        lambda new: new.delete(data),
        lambda new: new.update(part),
    ]
    moments.append(answers(None))
    for step in steps:
        with writing(backend) as new:
            step(new)
        moments.append(answers(None))
    for number, then in enumerate(moments, start=1):
        assert answers(number) == then
    assert lived(backend) == [
        ("a", 1, 2, True),
        ("b", 3, 4, False),
        ("c", 4, 5, True),
        ("a", 7, 8, True),
        ("b", 9, 12, True),
    ]
    assert backend.check() == []


def write_as_gone_and_revive(new: Writer) -> None:
    row = new.row(Kind.ARTIFACT, until=new.number, gone=True)
    new.write(nodes=[row])
    new.write(updates=[row.open()])


def purge_and_revive(new: Writer) -> None:
    new.purge(DATA)
    new.update(DATA, digest=None)


REFUSED: dict[str, tuple[type[LineageError], str | None, Callable[[Writer], object]]] = {
    "taken name": (
        AlreadyExists,
        None,
        lambda new: (new.artifact(name="a"), new.update(DATA, external_id=None)),
    ),
    "taken external id": (
        AlreadyExists,
        None,
        lambda new: (new.artifact(external_id="x"), new.update(DATA, name=None)),
    ),
    "deleted just now": (
        Invalid,
        "execution:1 was deleted by this same transaction",
        lambda new: new.update(new.deleted(RUN)),
    ),
    "lived again and deleted just now": (
        Invalid,
        "artifact:1 was deleted by this same transaction",
        lambda new: (new.update(DATA), new.update(new.deleted(DATA))),
    ),
    "written as gone just now": (
        Invalid,
        "was deleted by this same transaction",
        write_as_gone_and_revive,
    ),
    "purged just now": (
        Invalid,
        "artifact:1 was purged",
        purge_and_revive,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_who_may_not_live_again(case: str, buried: Backend) -> None:
    error, says, write = REFUSED[case]
    before = everything(buried)
    with pytest.raises(error, match=says), writing(buried) as new:
        write(new)
    assert everything(buried) == before
    assert buried.check() == []


def test_purged_node_is_gone_for_good(buried: Backend) -> None:
    with writing(buried) as new:
        new.purge(DATA)
    before = everything(buried)
    with writing(buried) as new:
        rows = [new.changed(DATA, digest=None, name="b"), new.changed(RUN, name="other")]
        for batch in (rows[:1], rows, rows[::-1]):
            with pytest.raises(Invalid, match="artifact:1 was purged"):
                new.write(updates=batch)
    assert everything(buried) == before


def test_refused_batch_leaves_it_gone(buried: Backend) -> None:
    with writing(buried) as new:
        new.artifact(name="taken")
        seen = moment_of(buried)
        for rows in (
            [new.changed(DATA, name="taken")],
            [new.changed(RUN, name="r"), new.changed(DATA, name="taken")],
        ):
            with pytest.raises(AlreadyExists):
                new.write(updates=rows)
            assert moment_of(buried) == seen
        row = new.update(DATA)
    assert buried.nodes([DATA]) == {DATA: row}
    assert lived(buried) == [("a", 1, 2, True), ("a", 4, None, False)]
    assert buried.check() == []


def test_names_change_hands_with_a_new_life(buried: Backend) -> None:
    with writing(buried) as new:
        heir = new.artifact(name="a", external_id="x")
    with writing(buried) as new:
        passed = new.changed(heir, name="b", external_id=None)
        new.write(updates=[new.changed(DATA), passed])
    assert [row.name for row in buried.find(Kind.ARTIFACT) if row.name] == ["a", "b"]
    with writing(buried) as new:
        new.delete(DATA)
        new.update(heir, name="a", external_id="x")
    with pytest.raises(AlreadyExists), writing(buried) as new:
        new.update(DATA)
    assert buried.check() == []


def test_who_lives_again_may_be_joined_at_once(buried: Backend) -> None:
    with writing(buried) as new:
        read = new.joined(DATA, RUN)
        new.write(updates=[new.changed(DATA)], edges=[read])
        written = new.edge(RUN, DATA, EdgeKind.DECLARED_OUTPUT)
        new.update(DATA, name="b")
    assert {edge.key for edge in buried.edges([DATA, RUN])} >= {read.key, written}
    assert lived(buried) == [("a", 1, 2, True), ("b", 4, None, False)]
    assert buried.check() == []


def test_stream_has_an_update_and_the_deletion_stays(buried: Backend) -> None:
    with writing(buried) as new:
        row = new.update(DATA, name="b")
    with writing(buried) as new:
        again = new.update(DATA, name="c")
        new.delete(DATA)
    first, second, _, fourth, fifth = buried.changes()
    assert [each.key for each in first.batch.nodes] == [DATA, PART, RUN]
    assert second.deleted == [DATA]
    assert (fourth.batch.nodes, fourth.batch.updates, fourth.deleted) == ([], [row], [])
    assert (fifth.batch.nodes, fifth.batch.updates, fifth.deleted) == ([], [again], [DATA])
    assert [head.records for head in buried.log()[:2]] == [2, 1]


def test_living_again_and_deleted_at_once_is_seen_at_no_moment(buried: Backend) -> None:
    with writing(buried) as new:
        new.update(DATA, name="b")
        new.delete(DATA)
    assert lived(buried) == [("a", 1, 2, True), ("b", 4, 4, True)]
    assert buried.nodes([DATA], as_of=3)[DATA].name == "a"
    assert buried.nodes([DATA])[DATA] == buried.versions(DATA)[-1]
    with writing(buried) as new:
        new.update(DATA, name="c")
    assert [buried.nodes([DATA], as_of=each)[DATA].name for each in range(1, 6)] == [*"aaabc"]
    assert [buried.nodes([DATA], as_of=each)[DATA].gone for each in range(1, 6)] == [
        *(False, True, True, True, False)
    ]
    assert buried.check() == []


def test_purge_erases_every_life(buried: Backend) -> None:
    with writing(buried) as new:
        new.update(DATA, name="b")
    with writing(buried) as new:
        new.update(DATA, name="c")
    with pytest.raises(Invalid, match="not deleted"), writing(buried) as new:
        new.purge(DATA)
    with writing(buried) as new:
        new.delete(DATA)
    rows = buried.versions(DATA)
    with writing(buried) as new:
        new.purge(DATA)
    assert buried.versions(DATA) == list(map(blank, rows))
    gone = [buried.nodes([DATA], as_of=number)[DATA].gone for number in range(1, 8)]
    assert gone == [False, True, True, False, False, True, True]
    assert buried.check() == []


def test_copies_follow_every_life(buried: Backend, target: Backend) -> None:
    steps: list[Callable[[Writer], object]] = [
        lambda new: new.update(DATA, name="b"),
        lambda new: (new.update(DATA, name="c"), new.deleted(DATA)),
        lambda new: (new.update(DATA, name="d"), new.edge(DATA, RUN)),
        lambda new: new.delete(DATA),
        lambda new: new.update(DATA),
    ]
    for step in steps:
        with writing(buried) as new:
            step(new)
    commits = list(buried.changes())
    for commit in commits[:4]:
        target.replay([commit])
    target.replay(commits[4:])
    assert everything(target) == everything(buried)
    assert target.check() == []


@pytest.mark.parametrize("before", range(8))
def test_copies_follow_lives_that_were_purged(
    before: int, buried: Backend, target: Backend
) -> None:
    """However much of them was copied before the purge, with content."""
    with writing(buried) as new:
        new.update(DATA, name="b")
    with writing(buried) as new:
        new.delete(DATA)
    with writing(buried) as new:
        new.update(DATA)
        new.delete(DATA)
    target.replay(list(buried.changes())[:before])
    with writing(buried) as new:
        new.purge(DATA)
    target.replay(buried.changes(after=target.now()))
    assert everything(target) == everything(buried)
    assert target.check() == []


def test_undone_block_leaves_it_gone(buried: Backend) -> None:
    before = everything(buried)
    with pytest.raises(ZeroDivisionError), writing(buried) as new:
        new.update(DATA, name="b")
        new.delete(DATA)
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), writing(buried) as new:
        new.execution()
        with writing(buried) as inner:
            inner.update(DATA, name="b")
            inner.update(DATA, name="c")
            raise ZeroDivisionError
    assert everything(buried) == before
    assert buried.check() == []
    with writing(buried) as new:
        new.artifact(name="a", external_id="x")
    assert buried.check() == []


def test_others_see_it_gone_until_the_commit(buried: Backend) -> None:
    before = moment_of(buried)
    with writing(buried):
        with writing(buried) as inner:
            row = inner.update(DATA, name="b")
        assert elsewhere(lambda: moment_of(buried)) == before
        assert buried.nodes([DATA], as_of=3)[DATA].gone
        assert buried.find(Kind.ARTIFACT, is_equal(Field.NAME, "a"), as_of=3) == []
        assert buried.find(Kind.ARTIFACT, is_equal(Field.NAME, "b")) == [row]
    assert elsewhere(lambda: buried.nodes([DATA])) == {DATA: row}


def test_states_are_those_of_the_life_asked_about(buried: Backend) -> None:
    with writing(buried) as new:
        new.update(DATA)
        new.delete(RUN)
    with writing(buried) as new:
        new.update(RUN, state=None)
    with writing(buried) as new:
        new.delete(RUN)
    with writing(buried) as new:
        new.update(RUN, state=5)
    for of in (AtUri("s3://a"), [DATA]):
        states = [
            [each.state for each in buried.writings(of, as_of=number)] for number in range(4, 8)
        ]
        assert states == [[3], [None], [None], [5]]
    assert [each.artifact_state for each in buried.writings([DATA], as_of=3)] == [None]


def test_many_nodes_live_again_at_once(backend: Backend) -> None:
    with writing(backend) as new:
        rows = [new.row(Kind.ARTIFACT, name=f"n{place}") for place in range(1_200)]
        new.write(nodes=rows)
    keys = [row.key for row in rows]
    with writing(backend) as new:
        new.delete(*keys)
    with writing(backend) as new:
        again = [new.changed(key) for key in keys[1:]]
        new.write(updates=again)
    assert dict(backend.nodes(keys)) == {row.key: row for row in again} | {
        keys[0]: rows[0]._replace(until=2, gone=True)
    }
    assert all(row.gone for row in backend.nodes(keys, as_of=2).values())
    assert backend.find(Kind.ARTIFACT, as_of=1) == rows
    assert backend.check() == []
