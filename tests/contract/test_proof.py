"""The chain of digests: whatever is changed afterwards, it shows."""

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import pytest

from lineage.backends.memory.backend import MemoryBackend
from lineage.contract.backend import Backend
from lineage.contract.proof import (
    Chain,
    author_digest,
    content_digest,
    faults,
    purged,
    purged_head,
    seal,
)
from lineage.contract.tree import NO_TREE, HeadTree
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Commit, EdgeKey, EdgeKind, NodeRow, TypeRow
from lineage.testing.builders import Clock, eventful, writing
from lineage.testing.oracle import tree_hash

KEY = NodeKey(Kind.ARTIFACT, 1)
ROW = NodeRow(KEY, 1, "name", "external", "uri", 2, '{"a":1}', '{"b":1}', 5, 6, 1, bytes(16))


# Content


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"name": None},
        {"name": ""},
        {"external_id": None},
        {"uri": None},
        {"state": 3},
        {"state": None},
        {"properties": '{"a":1.0}'},
        {"properties": '{"b":1}', "custom": '{"a":1}'},
        {"custom": "{}"},
        {"name": "nam", "external_id": "eexternal"},
        {"salt": b"\1" + bytes(15)},
    ],
    ids=str,
)
def test_digest_of_content_covers_all_of_it_and_the_salt(change: dict[str, Any]) -> None:
    assert content_digest(ROW._replace(**change)) != content_digest(ROW)


def test_digest_of_content_covers_nothing_else() -> None:
    moved = ROW._replace(
        key=NodeKey(Kind.CONTEXT, 9), type_id=9, created=9, updated=9, since=9, until=9, gone=True
    )
    assert content_digest(moved) == content_digest(ROW)


def test_purged_row_keeps_its_digest_and_nothing_of_its_content() -> None:
    erased = purged(ROW)
    assert content_digest(erased) == content_digest(ROW)
    assert purged(erased) == erased
    assert (erased.key, erased.type_id, erased.created, erased.updated) == (KEY, 1, 5, 6)
    for secret in ("name", "external", "uri", '{"a":1}', '{"b":1}', bytes(16)):
        assert secret not in erased


# The chain


@pytest.fixture(scope="module")
def history() -> tuple[Commit, ...]:
    """The transactions of a history with every kind of record."""
    with MemoryBackend(clock=Clock()) as backend:
        eventful(backend)
        return tuple(backend.changes())


@pytest.fixture
def commits(history: tuple[Commit, ...]) -> list[Commit]:
    return list(history)


def test_whole_history_has_no_faults(backend: Backend) -> None:
    eventful(backend)
    commits = list(backend.changes())
    assert list(faults(commits)) == []
    tree = NO_TREE
    for commit in commits:
        assert seal(tree.root, commit) == commit.head.digest
        tree, _ = tree.grown(commit.head.digest)


def tree_of(commits: list[Commit]) -> HeadTree:
    """Return the tree over the heads of a history from its beginning."""
    tree = NO_TREE
    for commit in commits:
        tree, _ = tree.grown(commit.head.digest)
    return tree


@pytest.mark.parametrize("number", range(9))
def test_rest_of_a_history_is_judged_by_what_it_follows(number: int, commits: list[Commit]) -> None:
    last, rest = tree_of(commits[:number]), commits[number:]
    assert list(faults(rest, after=last)) == []
    other = last._replace(roots=tuple(bytes(32) for _ in last.roots) or (bytes(32),))
    assert bool(list(faults(rest, after=other))) is bool(rest)


@pytest.mark.parametrize("change", [{"time": 0}, {"digest": bytes(32)}], ids=str)
@pytest.mark.parametrize("number", range(1, 8))
def test_transactions_after_a_changed_one_are_not_blamed(
    number: int, change: dict[str, Any], commits: list[Commit]
) -> None:
    commits[number - 1] = head(**change)(commits[number - 1])
    (sentence,) = faults(commits)
    assert sentence.startswith(f"transaction {number}: its own row or one of its records")


def line(*items: object) -> bytes:
    return json.dumps(items, ensure_ascii=False, separators=(",", ":")).encode()


def lines_of(commit: Commit) -> Iterator[bytes]:
    """Yield the lines of a transaction's records, as the module's docstring has them."""
    batch = commit.batch
    for each in batch.types:
        yield line("type", each.type.kind, each.type.model_dump(mode="json"))
    yield from (line("ended", *map(str, key[:2]), int(key[2])) for key in commit.ended)
    for name, nodes in (("node", batch.nodes), ("update", batch.updates)):
        for row in nodes:
            content = (row.digest or sha256((row.salt or b"") + line(*row[2:8])).digest()).hex()
            yield line(name, str(row.key), row.type_id, row.created, row.updated, content)
    for name, edges in (("edge", batch.edges), ("edge update", batch.edge_updates)):
        for edge in edges:
            paths = None if edge.paths is None else json.loads(edge.paths)
            ends = str(edge.source), str(edge.target), int(edge.kind)
            yield line(name, *ends, edge.time, paths, edge.order, edge.first)
    yield from (line("deleted", str(key)) for key in commit.deleted)
    yield from (line("purged", str(key)) for key in commit.purged)
    yield from (line("purged head", number) for number in commit.purged_heads)


def test_digest_is_what_the_documentation_says(commits: list[Commit]) -> None:
    """A second implementation, by the docstring alone."""
    digests: list[bytes] = []
    for commit in commits:
        head = commit.head
        author = head.author or sha256((head.salt or b"") + line(head.actor, head.message)).digest()
        numbers = (head.number, head.time, head.records, head.schema)
        counters = (head.types, head.artifacts, head.executions, head.contexts, head.edges)
        own = line("transaction", *numbers, *counters, head.mark)
        root = tree_hash(list(lines_of(commit)))
        history = tree_hash(digests)
        assert sha256(history + author + root + own).digest() == head.digest
        digests.append(head.digest)


def test_text_is_escaped_as_the_documentation_says() -> None:
    text = "".join(map(chr, [*range(0x180), 0x2028, 0xFFFF, 0x1F600]))
    row = ROW._replace(name=text)
    assert content_digest(row) == sha256(bytes(16) + line(*row[2:8])).digest()


def head(**changes: Any) -> Callable[[Commit], Commit]:
    return lambda it: it._replace(head=it.head._replace(**changes))


def batch(name: str, change: Callable[[Any], Any], place: int = 0) -> Callable[[Commit], Commit]:
    """Change one record of the batch."""

    def changed(it: Commit) -> Commit:
        records = list(getattr(it.batch, name))
        records[place] = change(records[place])
        return it._replace(batch=it.batch._replace(**{name: records}))

    return changed


def type_(**changes: Any) -> Callable[[TypeRow], TypeRow]:
    return lambda it: it._replace(type=it.type.replace(**changes))


CHANGES: dict[str, tuple[int, Callable[[Commit], Commit]]] = {
    "time": (1, head(time=0)),
    "actor": (1, head(actor="eve")),
    "message": (1, head(message="")),
    "mark": (6, head(mark="another")),
    "salt": (1, head(salt=bytes(16))),
    "digest of a purged actor": (4, head(author=bytes(32))),
    "number of the last types": (3, head(schema=1)),
    "highest type": (1, head(types=99)),
    "highest artifact": (1, head(artifacts=99)),
    "highest execution": (1, head(executions=99)),
    "highest context": (1, head(contexts=99)),
    "own digest": (1, head(digest=bytes(32))),
    "name of a type": (1, batch("types", type_(name="Stop"))),
    "id of a type": (1, batch("types", type_(id=99))),
    "properties of a type": (2, batch("types", type_(properties={"k": "DOUBLE"}))),
    "description of a type": (2, batch("types", type_(description="another"))),
    "signature of a type": (1, batch("types", type_(input_type=None))),
    "key of a node": (1, batch("nodes", lambda it: it._replace(key=NodeKey(Kind.ARTIFACT, 9)))),
    "type of a node": (1, batch("nodes", lambda it: it._replace(type_id=2))),
    "name of a node": (4, batch("nodes", lambda it: it._replace(name="other"))),
    "salt of a node": (4, batch("nodes", lambda it: it._replace(salt=bytes(16)))),
    "digest of a purged node": (1, batch("nodes", lambda it: it._replace(digest=bytes(32)))),
    "create time of a node": (1, batch("nodes", lambda it: it._replace(created=0))),
    "update time of a node": (1, batch("nodes", lambda it: it._replace(updated=0))),
    "content of an update": (2, batch("updates", lambda it: it._replace(state=1), place=-1)),
    "an update that was new": (
        4,
        lambda it: it._replace(
            batch=it.batch._replace(nodes=[*it.batch.nodes, *it.batch.updates], updates=())
        ),
    ),
    "source of an edge": (
        1,
        batch("edges", lambda it: it._replace(source=it.source._replace(id=9))),
    ),
    "target of an edge": (
        1,
        batch("edges", lambda it: it._replace(target=it.target._replace(id=9))),
    ),
    "kind of an edge": (2, batch("edges", lambda it: it._replace(kind=EdgeKind.INPUT))),
    "time of an edge": (2, batch("edges", lambda it: it._replace(time=0))),
    "path of an edge": (2, batch("edges", lambda it: it._replace(paths='["in"]'))),
    "an ended edge": (
        2,
        lambda it: it._replace(ended=[EdgeKey(KEY, *it.ended[0][1:])]),
    ),
    "a deleted node": (3, lambda it: it._replace(deleted=[KEY, NodeKey(Kind.CONTEXT, 1)])),
    "a purged node": (3, lambda it: it._replace(purged=[KEY])),
    "a purged head": (8, lambda it: it._replace(purged_heads=[3])),
    "deleted as purged": (3, lambda it: it._replace(deleted=it.purged, purged=it.deleted)),
    "order of nodes": (
        1,
        lambda it: it._replace(batch=it.batch._replace(nodes=it.batch.nodes[::-1])),
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_change_of_anything_shows_where_it_was_made(case: str, commits: list[Commit]) -> None:
    number, change = CHANGES[case]
    commits[number - 1] = change(commits[number - 1])
    sentences = list(faults(commits))
    assert sentences[0].startswith(f"transaction {number}")
    assert "changed" in sentences[0]


REMOVALS: dict[str, tuple[int, Callable[[Commit], Commit]]] = {
    "a node": (1, lambda it: it._replace(batch=it.batch._replace(nodes=it.batch.nodes[1:]))),
    "an edge": (1, lambda it: it._replace(batch=it.batch._replace(edges=it.batch.edges[1:]))),
    "an ended edge": (2, lambda it: it._replace(ended=())),
    "a deletion": (3, lambda it: it._replace(deleted=it.deleted[1:])),
    "a purge of a head": (8, lambda it: it._replace(purged_heads=())),
}


@pytest.mark.parametrize("case", REMOVALS)
def test_lost_record_shows(case: str, commits: list[Commit]) -> None:
    number, change = REMOVALS[case]
    records = commits[number - 1].head.records
    commits[number - 1] = change(commits[number - 1])
    count, *_ = faults(commits)
    assert count == f"transaction {number} wrote {records} records, but {records - 1} are there"
    commits[number - 1] = head(records=records - 1)(commits[number - 1])
    seal_, *_ = faults(commits)
    assert "changed" in seal_


ERASED = NodeKey(Kind.ARTIFACT, 4)


def test_digest_in_the_place_of_content_needs_a_purge(commits: list[Commit]) -> None:
    """The digest is the right one, and so the chain of digests alone has nothing to say."""
    number = next(
        at for at, it in enumerate(commits) for row in it.batch.nodes if row.key == ERASED
    )
    commits[number] = batch("nodes", purged)(commits[number])
    assert seal(tree_of(commits[:number]).root, commits[number]) == commits[number].head.digest
    assert list(faults(commits)) == [
        f"{ERASED}, as transaction {number + 1} wrote it, has lost its content, and no transaction up to 8 purged it"
    ]


FORGED: dict[str, Callable[[NodeRow], NodeRow]] = {
    "properties": lambda it: it._replace(properties='{"accuracy":0.999}'),
    "custom properties": lambda it: it._replace(custom='{"a":1}'),
    "name": lambda it: it._replace(name="forged"),
    "state": lambda it: it._replace(state=0),
    "salt": lambda it: it._replace(salt=bytes(16)),
}


@pytest.mark.parametrize("case", FORGED)
@pytest.mark.parametrize("kept", ["content", "nothing"])
def test_digest_is_no_cover_for_content_beside_it(
    case: str, kept: str, commits: list[Commit]
) -> None:
    """The real digest is kept in the row, of content that is another."""

    def forge(row: NodeRow) -> NodeRow:
        cover = content_digest(row)
        return FORGED[case](row if kept == "content" else purged(row))._replace(digest=cover)

    commits[3] = batch("nodes", forge)(commits[3])
    assert seal(tree_of(commits[:3]).root, commits[3]) == commits[3].head.digest
    sentences = list(faults(commits))
    assert len(sentences) == 1
    assert sentences[0].startswith("transaction 4: ")
    assert Chain(tree_of(commits[:3])).follow(commits[3]) == sentences


@pytest.mark.parametrize(
    "change",
    [{"time": "-1"}, {"order": "6"}, {"first": "1"}, {"paths": ""}, {"paths": "null"}],
    ids=str,
)
def test_text_that_looks_like_a_value_is_none(
    change: dict[str, Any], commits: list[Commit]
) -> None:
    """What is digested has the same letters, and yet answers another thing."""
    own = next(row for row in commits[1].batch.edges if row.kind is EdgeKind.DECLARED_INPUT)
    place = commits[1].batch.edges.index(own)
    plain = own._replace(paths=None, order=6, first=1)
    commits[1] = batch("edges", lambda _: plain, place)(commits[1])
    commits = sealed(commits)
    assert not list(faults(commits))
    commits[1] = batch("edges", lambda it: it._replace(**change), place)(commits[1])
    assert seal(tree_of(commits[:1]).root, commits[1]) == commits[1].head.digest
    (sentence,) = faults(commits)
    assert (
        sentence == f"transaction 2: the row of the edge from {own.source} to {own.target} is none"
    )


@pytest.mark.parametrize("number", [1, 3])
def test_lost_transaction_shows(number: int, commits: list[Commit]) -> None:
    del commits[number - 1]
    sentences = list(faults(commits))
    assert sentences == [f"transaction {number} is missing, so that nothing proves those after it"]


def test_history_that_was_sealed_anew_has_another_last_digest(commits: list[Commit]) -> None:
    last = commits[-1].head.digest
    forged = sealed([head(actor="eve")(commits[0]), *commits[1:]])
    assert list(faults(forged)) == []
    assert forged[-1].head.digest != last


def sealed(commits: list[Commit]) -> list[Commit]:
    """Return a history with the digests and the inner nodes that it would have."""
    tree, forged = NO_TREE, []
    for commit in commits:
        digest = seal(tree.root, commit)
        tree, nodes = tree.grown(digest)
        forged.append(head(digest=digest, nodes=nodes)(commit))
    return forged


# Heads


def test_purged_head_keeps_its_digest_and_nothing_of_who_wrote_it(commits: list[Commit]) -> None:
    own = commits[0].head
    erased = purged_head(own)
    assert (erased.actor, erased.message, erased.salt) == ("", "", None)
    assert erased.author == author_digest(own) == author_digest(erased)
    assert purged_head(erased) == erased
    assert erased._replace(actor=own.actor, message=own.message, salt=own.salt, author=None) == own
    commits[0] = head(**erased._asdict())(commits[0])
    assert list(faults(commits)) == [
        "transaction 1 has lost who wrote it, and no transaction up to 8 purged that"
    ]
    commits[7] = commits[7]._replace(purged_heads=[1, 4])
    assert (
        list(faults(sealed([*commits[:7], head(records=commits[7].head.records + 1)(commits[7])])))
        == []
    )


@pytest.mark.parametrize(
    ("number", "changes", "says"),
    [
        (1, {"salt": None}, "transaction 1 has lost its salt, so that nothing proves who wrote it"),
        (1, {"author": bytes(32)}, "transaction 1 says who wrote it, but that was purged"),
        (4, {"actor": "eve"}, "transaction 4 says who wrote it, but that was purged"),
        (4, {"message": "again"}, "transaction 4 says who wrote it, but that was purged"),
        (4, {"salt": bytes(16)}, "transaction 4 says who wrote it, but that was purged"),
        (2, {"nodes": b""}, "transaction 2 has other inner nodes of the tree over heads"),
        (3, {"nodes": bytes(32)}, "transaction 3 has other inner nodes of the tree over heads"),
        (8, {"nodes": bytes(96)}, "transaction 8 has other inner nodes of the tree over heads"),
    ],
)
def test_damage_of_a_head_is_named(
    number: int, changes: dict[str, Any], says: str, commits: list[Commit]
) -> None:
    commits[number - 1] = head(**changes)(commits[number - 1])
    (sentence,) = faults(commits)
    assert sentence.startswith(says)


def test_kept_digest_is_no_cover_for_another_actor(commits: list[Commit]) -> None:
    """What is there must have the digest; a kept one stands for nothing beside it."""
    own = commits[0].head
    commits[0] = head(actor="eve", author=author_digest(own))(commits[0])
    assert len(list(faults(commits))) == 1
    assert Chain().follow(commits[0]) == ["transaction 1 says who wrote it, but that was purged"]


def test_purge_of_a_head_that_still_says_who_wrote_it_shows(commits: list[Commit]) -> None:
    commits[7] = commits[7]._replace(purged_heads=[3])
    assert list(faults(sealed(commits))) == [
        "transaction 8 purged transaction 3, which still says who wrote it",
        "transaction 4 has lost who wrote it, and no transaction up to 8 purged that",
    ]
    assert list(faults(sealed(commits)[4:], after=tree_of(commits[:4]))) == []


@pytest.mark.parametrize("number", [0, 8, 9])
def test_purge_of_a_head_that_does_not_come_before_shows(
    number: int, commits: list[Commit]
) -> None:
    commits[7] = commits[7]._replace(purged_heads=[number])
    assert next(faults(sealed(commits))) == (
        f"transaction 8 purged transaction {number}, which does not come before it"
    )


def test_equal_content_has_digests_that_nobody_can_compare(backend: Backend) -> None:
    with writing(backend) as new:
        keys = [new.artifact(uri="secret") for _ in range(2)]
    first, second = backend.nodes(keys).values()
    assert first.salt != second.salt
    assert content_digest(first) != content_digest(second)
