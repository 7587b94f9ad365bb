"""Copying by replay: the same history in any other backend, resumed, interrupted or refused."""

from collections.abc import Callable, Iterator

import pytest

from lineage.contract.backend import Backend
from lineage.contract.proof import author_digest, purged_head
from lineage.errors import Invalid
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Commit, EdgeKey, EdgeKind
from lineage.model.schema import ContextType
from lineage.testing.builders import chain, eventful, everything, writing


class Broken(Exception):
    """What a stream raises in the middle."""


def holds_a_beginning_of(target: Backend, source: Backend) -> bool:
    """Whether a store has the first transactions of another, whole, and nothing else."""
    heads = target.log()[::-1]
    streams = zip(target.changes(), source.changes(), strict=False)
    return heads == source.log()[::-1][: len(heads)] and all(
        ours == theirs for ours, theirs in streams
    )


def test_copy_is_equal_at_every_moment(backend: Backend, target: Backend) -> None:
    eventful(backend)
    assert target.replay(backend.changes()) == 8
    assert everything(target) == everything(backend)
    assert target.check() == []
    assert target.replay([]) == 8


def test_copy_goes_on_like_the_original(backend: Backend, target: Backend) -> None:
    eventful(backend)
    target.replay(backend.changes())
    given = []
    for store in (backend, target):
        with writing(store) as new:
            keys = [new.artifact(), new.execution(), new.context()]
            given.append((new.number, keys, new.type(Kind.CONTEXT, "Next")))
    assert given[0] == given[1]


def test_copy_resumes(backend: Backend, target: Backend) -> None:
    eventful(backend)
    commits = list(backend.changes())
    for commit in commits[:2]:
        target.replay([commit])
    assert target.replay(commits[2:4]) == 4
    assert target.replay(backend.changes(after=target.now())) == 8
    chain(backend, 3)
    assert target.replay(backend.changes(after=target.now())) == 9
    assert everything(target) == everything(backend)


def test_copy_resumes_over_a_purge(backend: Backend, target: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(name="secret")
        new.update(key, custom={"secret": True})
    target.replay(backend.changes())
    assert "secret" in repr(everything(target))
    with writing(backend) as new:
        new.update(key, name="secret 2")
    with writing(backend) as new:
        new.delete(key)
        new.purge(key)
    target.replay(backend.changes(after=target.now()))
    assert "secret" not in repr(everything(target))
    assert everything(target) == everything(backend)
    assert target.check() == []


def test_copy_has_every_version_of_a_nameless_node(backend: Backend, target: Backend) -> None:
    """They come one right after the other, and nothing that is unique has to be looked for."""
    with writing(backend) as new:
        key = new.artifact(uri="a")
    for uri in ("b", "c"):
        with writing(backend) as new:
            new.update(key, uri=uri)
    target.replay(backend.changes())
    assert [row.uri for row in target.versions(key)] == ["a", "b", "c"]
    assert everything(target) == everything(backend)


def test_copy_of_a_copy(backend: Backend, target: Backend) -> None:
    eventful(backend)
    target.replay(backend.changes())
    assert list(target.changes()) == list(backend.changes())
    assert [head.digest for head in target.log()] == [head.digest for head in backend.log()]


def test_groups_do_not_change_what_is_copied(
    backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineage.contract.backend.BATCH_RECORDS", 1)
    eventful(backend)
    assert target.replay(backend.changes()) == 8
    assert everything(target) == everything(backend)


def test_names_that_changed_hands_in_one_transaction(backend: Backend, target: Backend) -> None:
    """The records of a transaction stand in another order than they were written in."""
    with writing(backend) as new:
        one, two, three = (new.artifact(name=name, external_id=name) for name in "abc")
    with writing(backend) as new:
        new.delete(one)
        heir = new.artifact(name="a", external_id="a")
        new.update(two, name="d", external_id="d")
        new.artifact(name="b", external_id="b")
        new.update(heir, name="e", external_id="e")
        new.update(two, name="a", external_id="a")
        new.update(three, name="f", external_id="f")
        new.update(three, name="c", external_id="c", custom={"k": 1})
        new.delete(three)
        new.delete(new.artifact(name="c", external_id="c"))
        new.artifact(name="c", external_id="c")
    target.replay(backend.changes())
    assert everything(target) == everything(backend)
    for store in (backend, target):
        assert [row.name for row in store.find(Kind.ARTIFACT)] == ["a", "e", "b", "c"]


def test_edges_of_nodes_deleted_at_once(backend: Backend, target: Backend) -> None:
    first, run = chain(backend, 2)
    with writing(backend) as new:
        passing = new.artifact()
        new.edge(run, passing)
        new.edge(first, run, EdgeKind.DECLARED_INPUT)
        new.end(EdgeKey(first, run, EdgeKind.INPUT))
        new.edge(first, run, time=1)
        new.delete(first, passing, run)
        new.purge(run)
    target.replay(backend.changes())
    assert everything(target) == everything(backend)


def test_replay_belongs_outside_of_a_transaction(backend: Backend, target: Backend) -> None:
    chain(backend, 1)
    with pytest.raises(Invalid), target.transaction():
        target.replay(backend.changes())
    assert target.now() == 0


def test_copying_while_others_write(backend: Backend, target: Backend) -> None:
    def busily(commits: Iterator[Commit]) -> Iterator[Commit]:
        for commit in commits:
            chain(backend, 1)
            yield commit

    for _ in range(3):
        chain(backend, 3)
    assert target.replay(busily(backend.changes())) == 3
    assert target.replay(backend.changes(3)) == 6
    assert everything(target) == everything(backend)


# What is refused


def changed_node(commit: Commit) -> Commit:
    row = commit.batch.nodes[0]._replace(name="changed")
    return commit._replace(batch=commit.batch._replace(nodes=[row, *commit.batch.nodes[1:]]))


def changed_edge(commit: Commit) -> Commit:
    row = commit.batch.edges[0]._replace(time=123)
    return commit._replace(batch=commit.batch._replace(edges=[row, *commit.batch.edges[1:]]))


def changed_type(commit: Commit) -> Commit:
    row = commit.batch.types[0]
    given = ContextType(id=row.type.id, name="Changed")
    return commit._replace(
        batch=commit.batch._replace(types=[row._replace(type=given), *commit.batch.types[1:]])
    )


TAMPERED: dict[str, Callable[[Commit], Commit]] = {
    "time": lambda commit: commit._replace(head=commit.head._replace(time=commit.head.time + 1)),
    "actor": lambda commit: commit._replace(head=commit.head._replace(actor="mallory")),
    "message": lambda commit: commit._replace(head=commit.head._replace(message="?")),
    "mark": lambda commit: commit._replace(head=commit.head._replace(mark="mlmd")),
    "salt": lambda commit: commit._replace(head=commit.head._replace(salt=bytes(16))),
    "lost salt": lambda commit: commit._replace(head=commit.head._replace(salt=None)),
    "kept digest": lambda commit: commit._replace(
        head=commit.head._replace(author=author_digest(commit.head))
    ),
    "erased actor": lambda commit: commit._replace(
        head=purged_head(commit.head._replace(actor="mallory"))
    ),
    "inner nodes": lambda commit: commit._replace(head=commit.head._replace(nodes=bytes(32))),
    "purged head": lambda commit: commit._replace(purged_heads=[1]),
    "digest": lambda commit: commit._replace(head=commit.head._replace(digest=bytes(32))),
    "number": lambda commit: commit._replace(
        head=commit.head._replace(number=commit.head.number + 1)
    ),
    "node": changed_node,
    "edge": changed_edge,
    "type": changed_type,
    "lost edge": lambda commit: commit._replace(
        batch=commit.batch._replace(edges=commit.batch.edges[1:])
    ),
    "lost ending": lambda commit: commit._replace(ended=[]),
    "deletion": lambda commit: commit._replace(deleted=[NodeKey(Kind.ARTIFACT, 1)]),
    "purge": lambda commit: commit._replace(
        deleted=[NodeKey(Kind.ARTIFACT, 1)], purged=[NodeKey(Kind.ARTIFACT, 1)]
    ),
}


@pytest.mark.parametrize("case", TAMPERED)
@pytest.mark.parametrize("group", [1, 20_000])
def test_tampered_transaction_is_refused(
    case: str, group: int, backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineage.contract.backend.BATCH_RECORDS", group)
    with writing(backend) as new:
        data = new.artifact()
    with writing(backend) as new:
        run, part = new.execution(name="r"), new.context(name="c")
        new.edge(data, run)
        passing = new.edge(part, data)
    with writing(backend) as new:
        new.end(passing)
        new.type(Kind.CONTEXT, "Another")
        new.edge(new.context(name="d"), data)
        new.edge(run, new.artifact())
    chain(backend, 1)
    commits = list(backend.changes())
    commits[2] = TAMPERED[case](commits[2])
    with pytest.raises(Invalid):
        target.replay(commits)
    assert target.now() == (2 if group == 1 else 0)
    assert holds_a_beginning_of(target, backend)
    target.replay(backend.changes(after=target.now()))
    assert everything(target) == everything(backend)


@pytest.mark.parametrize("numbers", ["23", "13", "11", "321"])
def test_gap_is_refused(numbers: str, backend: Backend, target: Backend) -> None:
    for _ in range(3):
        chain(backend, 2)
    commits = list(backend.changes())
    with pytest.raises(Invalid, match="changes"):
        target.replay(commits[int(number) - 1] for number in numbers)
    assert target.now() == 0
    assert everything(target)["log"] == []
    target.replay(backend.changes())
    assert everything(target) == everything(backend)


def test_foreign_history_is_refused(backend: Backend, target: Backend) -> None:
    for store in (backend, target):
        chain(store, 3)
    chain(backend, 3)
    before = everything(target)
    with pytest.raises(Invalid, match="digest"):
        target.replay(backend.changes(after=target.now()))
    assert everything(target) == before
    with pytest.raises(Invalid):
        target.replay(backend.changes())
    assert everything(target) == before


@pytest.mark.parametrize("group", [1, 4, 20_000])
def test_interruption_leaves_whole_transactions(
    group: int, backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineage.contract.backend.BATCH_RECORDS", group)

    def interrupted(commits: Iterator[Commit]) -> Iterator[Commit]:
        for commit in commits:
            if commit.head.number == 4:
                raise Broken
            yield commit

    eventful(backend)
    with pytest.raises(Broken):
        target.replay(interrupted(backend.changes()))
    assert target.now() in (0, 2, 3)
    assert target.now() > 0 or group > 4
    assert holds_a_beginning_of(target, backend)
    # What the source purged later is not there, and nothing here says why.
    assert all("has lost its content" in sentence for sentence in target.check())
    target.replay(backend.changes(after=target.now()))
    assert everything(target) == everything(backend)
    assert target.check() == []
