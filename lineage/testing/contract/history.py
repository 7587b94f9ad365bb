"""Nothing is forgotten: every earlier moment answers as it did then, but for what was purged."""

from collections.abc import Callable
from typing import Any

import pytest

from lineage.contract.backend import Backend
from lineage.contract.walking import Direction
from lineage.errors import Invalid, LineageError
from lineage.filters.tree import Column, Compare, Field, Like, Operator, Present, PropertyColumn
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKey, EdgeKind
from lineage.testing.builders import (
    DATASET,
    Writer,
    all_keys,
    chain,
    elsewhere,
    everything,
    moment_of,
    writing,
)
from lineage.testing.oracle import blank

DATA = NodeKey(Kind.ARTIFACT, 1)


def test_past_answers_as_it_did(backend: Backend) -> None:
    with writing(backend) as new:
        everyone = [new.artifact(name="a"), new.execution(), new.artifact(), new.context(name="c")]
    data, run, model, part = everyone
    moments = []

    def remember() -> None:
        walks = [backend.walk([key], Direction.BOTH) for key in (data, run, model)]
        answers = moment_of(backend), [(w.levels, w.edges) for w in walks]
        assert answers[0] == moment_of(backend, backend.now())
        moments.append(answers)

    remember()
    steps: list[Callable[[Writer], object]] = [
        lambda new: new.path(data, run, model),
        lambda new: new.edge(part, data),
        lambda new: new.update(data, name="b", properties={"p": 1}),
        lambda new: new.end(EdgeKey(data, run, EdgeKind.INPUT)),
        lambda new: new.update(data, name="c"),
        lambda new: new.delete(data),
        lambda new: new.artifact(name="c"),
        lambda new: new.type(Kind.ARTIFACT, "Other"),
        lambda new: new.delete(part),
        lambda new: new.execution(name="last"),
    ]
    for step in steps:
        with writing(backend) as new:
            step(new)
        remember()
    keys = all_keys(backend)
    for number, (then, walks) in enumerate(moments, start=1):
        assert moment_of(backend, number) == then
        again = [backend.walk([key], Direction.BOTH, as_of=number) for key in (data, run, model)]
        assert [(w.levels, w.edges) for w in again] == walks
    assert backend.nodes(keys, as_of=0) == {}
    assert backend.edges(keys, as_of=0) == []


# Versions


def test_versions_are_oldest_first(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(name="a")
    chain(backend, 1)
    with writing(backend) as new:
        new.update(key, name="b")
    with writing(backend) as new:
        new.update(key, name="c")
    with writing(backend) as new:
        new.delete(key)
    rows = backend.versions(key)
    assert [(row.name, row.since, row.until, row.gone) for row in rows] == [
        ("a", 1, 3, False),
        ("b", 3, 4, False),
        ("c", 4, 5, True),
    ]
    assert rows[-1] == backend.nodes([key])[key]
    assert backend.versions(key, as_of=4) == [*rows[:2], rows[2]._replace(until=None, gone=False)]
    assert backend.versions(key, as_of=3) == [rows[0], rows[1]._replace(until=None)]
    assert backend.versions(key, as_of=2) == [rows[0]._replace(until=None)]
    assert backend.versions(key, as_of=0) == []
    assert backend.versions(NodeKey(Kind.CONTEXT, 1)) == []


def test_one_transaction_leaves_one_version(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(name="a")
        new.update(key, name="b")
        assert [row.name for row in backend.versions(key)] == ["b"]
    with writing(backend) as new:
        new.update(key, name="c")
        new.update(key, name="d")
        last = new.update(key, name="e")
    assert [(row.name, row.since, row.until) for row in backend.versions(key)] == [
        ("b", 1, 2),
        ("e", 2, None),
    ]
    assert backend.nodes([key])[key] == last
    first, second = backend.changes()
    assert [row.name for row in first.batch.nodes] == ["b"]
    assert [row.name for row in second.batch.updates] == ["e"]
    assert (first.head.records, second.head.records) == (1, 1)


# Deletion


def test_deleted_node_is_gone_with_its_last_content(backend: Backend) -> None:
    with writing(backend) as new:
        row = new.row(Kind.ARTIFACT, name="a", external_id="x", properties={"p": 1})
        new.write(nodes=[row])
        run = new.execution()
        link = new.edge(row.key, run)
    with writing(backend) as new:
        new.delete(row.key)
        assert backend.nodes([row.key])[row.key] == row._replace(until=2, gone=True)
        assert backend.find(Kind.ARTIFACT) == []
    chain(backend, 1)
    gone = row._replace(until=2, gone=True)
    assert backend.nodes([row.key]) == {row.key: gone}
    assert backend.nodes([row.key], as_of=2) == {row.key: gone}
    assert backend.nodes([row.key], as_of=1) == {row.key: row}
    assert [edge.key for edge in backend.edges([row.key])] == [link]
    assert backend.find(Kind.ARTIFACT, as_of=1) == [row]
    assert row.key not in {each.key for each in backend.find(Kind.ARTIFACT, as_of=2)}


def test_node_updated_and_deleted_at_once(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(name="a")
    with writing(backend) as new:
        new.update(key, name="b")
        new.delete(key)
    rows = backend.versions(key)
    assert [(row.name, row.since, row.until, row.gone) for row in rows] == [
        ("a", 1, 2, False),
        ("b", 2, 2, True),
    ]
    assert backend.nodes([key])[key] == rows[1]
    assert backend.nodes([key], as_of=1)[key].name == "a"
    assert [len(backend.find(Kind.ARTIFACT, as_of=number)) for number in range(3)] == [0, 1, 0]
    (commit,) = backend.changes(1)
    assert [row.name for row in commit.batch.updates] == ["b"]
    assert commit.deleted == [key]


def test_node_created_and_deleted_at_once_was_never_seen(backend: Backend) -> None:
    run = chain(backend, 2)[1]
    with writing(backend) as new:
        key = new.artifact(name="a")
        new.edge(key, run)
        new.delete(key)
    chain(backend, 1)
    for number in range(4):
        assert key not in {row.key for row in backend.find(Kind.ARTIFACT, as_of=number)}
    assert backend.nodes([key], as_of=1) == {}
    (row,) = backend.versions(key)
    assert (row.name, row.since, row.until, row.gone) == ("a", 2, 2, True)
    assert backend.nodes([key]) == backend.nodes([key], as_of=2) == {key: row}
    assert backend.versions(key, as_of=1) == []
    assert len(backend.edges([key])) == 1
    with writing(backend) as new:
        new.artifact(name="a")


def test_contents_time_is_not_when_it_was_deleted(backend: Backend) -> None:
    (key,) = chain(backend, 1)
    before = backend.nodes([key])[key]
    with writing(backend) as new:
        new.delete(key)
    after = backend.nodes([key])[key]
    assert (after.created, after.updated, after.since) == before[8:11]
    assert (after.salt, after.digest) == (before.salt, None)


# Purging


def secretive(backend: Backend) -> NodeKey:
    """Write a node in two versions, with an edge, and delete it."""
    with writing(backend) as new:
        key = new.artifact(
            name="secret", external_id="secret", uri="secret", properties={"p": "secret"}
        )
        new.edge(key, new.execution())
    with writing(backend) as new:
        new.update(key, name="secret 2", state=3, custom={"secret": 1})
    with writing(backend) as new:
        new.delete(key)
    return key


def test_purged_content_is_gone_from_every_moment(backend: Backend) -> None:
    key = secretive(backend)
    before = [backend.nodes([key], as_of=number) for number in range(4)]
    versions, edges = backend.versions(key), backend.edges([key])
    with writing(backend) as new:
        new.purge(key)
        assert backend.versions(key) == list(map(blank, versions))
    for number, then in enumerate(before):
        assert backend.nodes([key], as_of=number) == {
            each: blank(row) for each, row in then.items()
        }
    assert backend.nodes([key]) == {key: blank(before[3][key])}
    assert backend.versions(key) == list(map(blank, versions))
    assert backend.versions(key, as_of=1) == [blank(before[1][key])]
    assert backend.edges([key]) == edges
    for row in backend.versions(key):
        assert "secret" not in repr(row)
        assert (row.type_id, row.salt, len(row.digest or b"")) == (DATASET, None, 32)
    assert "secret" not in repr(everything(backend))
    assert backend.check() == []


def test_purged_node_is_found_without_content_while_it_lived(backend: Backend) -> None:
    key = secretive(backend)
    with writing(backend) as new:
        new.purge(key)
    name = Column(Field.NAME)
    for number in (1, 2):
        (row,) = backend.find(Kind.ARTIFACT, as_of=number)
        assert row == blank(backend.versions(key)[number - 1])._replace(until=None, gone=False)
        assert backend.find(Kind.ARTIFACT, Like(name, "%"), as_of=number) == []
        assert backend.find(Kind.ARTIFACT, Present(Column(Field.URI)), as_of=number) == []
        assert backend.find(Kind.ARTIFACT, Present(Column(Field.STATE)), as_of=number) == []
        assert backend.find(Kind.ARTIFACT, Present(PropertyColumn("p")), as_of=number) == []
        by_id = Compare(Column(Field.ID), Operator.EQ, key.id)
        assert backend.find(Kind.ARTIFACT, by_id, as_of=number) == [row]
    assert backend.find(Kind.ARTIFACT, as_of=3) == []


def test_node_made_deleted_and_purged_at_once(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(name="secret")
        new.update(key, name="secret 2")
        new.delete(key)
        new.purge(key)
    (row,) = backend.versions(key)
    assert (row.name, row.salt, row.since, row.until, row.gone) == (None, None, 1, 1, True)
    assert "secret" not in repr(everything(backend))
    (commit,) = backend.changes()
    assert (commit.deleted, commit.purged, commit.head.records) == ([key], [key], 3)
    assert commit.batch.nodes == [row._replace(until=None, gone=False)]
    assert backend.check() == []


def test_purging_again_changes_no_content(backend: Backend) -> None:
    key = secretive(backend)
    with writing(backend) as new:
        new.purge(key)
    before = backend.versions(key)
    with writing(backend) as new:
        new.purge(key)
    assert backend.versions(key) == before
    assert [commit.purged for commit in backend.changes(3)] == [[key], [key]]
    assert backend.check() == []


def test_purging_twice_in_a_transaction_is_one_purge(backend: Backend) -> None:
    key = secretive(backend)
    before = backend.versions(key)
    with writing(backend) as new:
        new.purge(key)
        new.purge(key)
        assert elsewhere(lambda: backend.versions(key)) == before
    (commit,) = backend.changes(3)
    assert (commit.purged, commit.head.records) == ([key], 1)
    assert backend.check() == []


def test_live_node_cannot_be_purged(backend: Backend) -> None:
    (key,) = chain(backend, 1)
    before = everything(backend)
    with pytest.raises(LineageError), writing(backend) as new:
        new.purge(key)
    assert everything(backend) == before


def test_who_purged_what_stays_known(backend: Backend) -> None:
    key = secretive(backend)
    with writing(backend, actor="dpo", message="request 17") as new:
        new.purge(key)
    assert backend.log(limit=1)[0][2:4] == ("dpo", "request 17")
    (commit,) = backend.changes(3)
    assert commit.purged == [key]


# Changes


def test_changes_tell_each_transaction_in_key_order(backend: Backend) -> None:
    def mixed(new: Writer) -> None:
        data = [new.artifact() for _ in range(3)]
        run, part = new.execution(), new.context(name="c")
        for key in reversed(data):
            new.edge(key, run)
        new.edge(part, data[1])
        new.delete(data[2], data[0])
        new.purge(data[2], data[0])

    with writing(backend) as new:
        mixed(new)
    with writing(backend) as new:
        new.update(NodeKey(Kind.EXECUTION, 1), state=3)
        new.update(NodeKey(Kind.ARTIFACT, 2), state=3)
        new.end(*(edge.key for edge in reversed(backend.edges([NodeKey(Kind.EXECUTION, 1)]))))
        new.type(Kind.CONTEXT, "Late")
        new.type(Kind.ARTIFACT, "lineage.Dataset", id=1)
    first, second = backend.changes()
    assert [str(row.key) for row in first.batch.nodes] == [
        "artifact:1",
        "artifact:2",
        "artifact:3",
        "context:1",
        "execution:1",
    ]
    assert first.batch.edges == sorted(first.batch.edges)
    assert len(first.batch.edges) == 4
    assert first.deleted == first.purged == [NodeKey(Kind.ARTIFACT, 1), NodeKey(Kind.ARTIFACT, 3)]
    assert [str(row.key) for row in second.batch.updates] == ["artifact:2", "execution:1"]
    assert [str(key.source) for key in second.ended] == ["artifact:1", "artifact:2", "artifact:3"]
    assert [row.type.id for row in second.batch.types] == [1, 11]
    assert [first.head, second.head] == backend.log()[::-1]
    assert {(row.until, row.gone) for row in first.batch.nodes} == {(None, False)}
    assert {row.until for commit in (first, second) for row in commit.batch.edges} == {None}


def test_changes_after_a_number(backend: Backend) -> None:
    for _ in range(4):
        chain(backend, 1)
    assert [commit.head.number for commit in backend.changes()] == [1, 2, 3, 4]
    assert [commit.head.number for commit in backend.changes(2)] == [3, 4]
    assert list(backend.changes(4)) == []
    assert [commit.head.number for commit in backend.changes(1, until=3)] == [2, 3]
    assert [commit.head.number for commit in backend.changes(3, until=9)] == [4]
    assert list(backend.changes(3, until=2)) == []
    bad: Any
    for bad in (-1, True, "2"):
        with pytest.raises(Invalid, match="is not a transaction's number"):
            backend.changes(1, until=bad)


def test_changes_end_at_the_last_one_at_the_call(backend: Backend) -> None:
    chain(backend, 1)
    chain(backend, 1)
    stream = backend.changes()
    chain(backend, 1)
    first = next(stream)
    chain(backend, 1)
    assert [first.head.number, *(commit.head.number for commit in stream)] == [1, 2]


def test_changes_let_others_write_meanwhile(backend: Backend) -> None:
    for _ in range(3):
        chain(backend, 3)
    numbers = []
    for commit in backend.changes():
        numbers.append(commit.head.number)
        with writing(backend) as new:
            new.update(DATA, name=str(commit.head.number))
    assert numbers == [1, 2, 3]
    assert backend.now() == 6


def test_stream_that_is_left_halfway_holds_nothing(backend: Backend) -> None:
    for _ in range(3):
        chain(backend, 3)
    stream = backend.changes()
    next(stream)
    chain(backend, 1)
    del stream
    chain(backend, 1)
    assert backend.now() == 5
