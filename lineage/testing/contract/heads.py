"""Heads: their marks and salts, the tree over them, and what a purge of one leaves."""

import pytest

from lineage.contract.backend import Backend
from lineage.contract.proof import author_digest, seal
from lineage.contract.tree import NO_TREE
from lineage.errors import LineageError, NotFound
from lineage.model.rows import Head
from lineage.testing.builders import chain, elsewhere, everything, writing
from lineage.testing.oracle import blank_head, completed


def whispered(backend: Backend) -> Head:
    """Write a transaction whose actor and message are to be purged, and another; return the first's row."""
    with writing(backend, actor="secret", message="a secret", mark="part 1") as new:
        new.artifact()
    chain(backend, 1)
    return backend.log()[-1]


def test_mark_is_any_text(backend: Backend) -> None:
    for mark in ("", "file, part 1 of 2", "\x00ä\U0001f600\n"):
        with writing(backend, mark=mark) as new:
            new.artifact()
        assert backend.log(limit=1)[0].mark == mark
    assert backend.check() == []


def test_mark_is_that_of_the_outermost_block(backend: Backend) -> None:
    with (
        backend.transaction(actor="ann", mark="outer"),
        writing(backend, actor="bob", mark="inner") as new,
    ):
        new.artifact()
    (head,) = backend.log()
    assert (head.actor, head.message, head.mark) == ("ann", "", "outer")


def test_each_head_has_a_salt_of_its_own(backend: Backend) -> None:
    for _ in range(3):
        chain(backend, 1)
    heads = backend.log()
    assert {len(head.salt or b"") for head in heads} == {16}
    assert len({head.salt for head in heads}) == len({author_digest(head) for head in heads}) == 3
    assert {head.author for head in heads} == {None}


def test_head_completes_a_node_for_each_zero_its_number_ends_in(backend: Backend) -> None:
    digests = []
    for number in range(1, 18):
        chain(backend, 1)
        (head,) = backend.log(limit=1)
        digests.append(head.digest)
        assert head.nodes == completed(digests)
        assert len(head.nodes) == 32 * (len(bin(number)) - len(bin(number).rstrip("0")))


def test_tree_is_read_where_it_was_not_kept(backend: Backend) -> None:
    tree = NO_TREE
    for _ in range(13):
        backend._tree = NO_TREE
        chain(backend, 1)
        (head,) = backend.log(limit=1)
        tree, nodes = tree.grown(head.digest)
        assert head.nodes == nodes
        assert backend.head_tree(head) == tree
    backend._tree = NO_TREE
    for head, before in zip(backend.log(), backend.log()[1:], strict=False):
        assert backend.head_tree(before).grown(head.digest)[1] == head.nodes
    assert backend.check() == []


def test_tree_of_a_transaction_that_was_undone_is_forgotten(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    chain(backend, 1)
    with monkeypatch.context() as patch:
        patch.setattr(backend, "commit", fail)
        with pytest.raises(ZeroDivisionError):
            chain(backend, 1)
    for _ in range(3):
        chain(backend, 1)
    assert backend.now() == 4
    assert backend.check() == []


# Purging


def test_purge_takes_actor_message_and_salt(backend: Backend) -> None:
    before = whispered(backend)
    with writing(backend, actor="dpo", message="request 17") as new:
        new.purge_heads(1)
    *_, after = backend.log()
    assert after == blank_head(before)
    assert (after.actor, after.message, after.salt) == ("", "", None)
    assert (after.author, after.mark) == (author_digest(before), "part 1")
    assert "secret" not in repr(everything(backend))
    assert backend.log(limit=1)[0][2:4] == ("dpo", "request 17")
    assert backend.check() == []


def test_purge_of_a_head_is_a_record(backend: Backend) -> None:
    whispered(backend)
    with writing(backend) as new:
        new.purge_heads(2, 1)
        new.artifact()
    (commit,) = backend.changes(2)
    assert (commit.purged_heads, commit.head.records) == ([1, 2], 3)
    assert [commit.purged_heads for commit in backend.changes()][:2] == [[], []]


def test_purging_a_head_again_changes_nothing_of_it(backend: Backend) -> None:
    whispered(backend)
    with writing(backend) as new:
        new.purge_heads(1, 1)
        new.purge_heads(1)
    (before,) = backend.log()[-1:]
    with writing(backend) as new:
        new.purge_heads(1)
    assert backend.log()[-1] == before
    assert [(each.purged_heads, each.head.records) for each in backend.changes(2)] == [([1], 1)] * 2
    assert backend.check() == []


@pytest.mark.parametrize("number", [0, -1, 3, 4, 2**63, True, "1", None])
def test_head_that_does_not_come_before_is_not_found(number: int, backend: Backend) -> None:
    """The third is the transaction's own."""
    whispered(backend)
    with writing(backend) as new:
        new.artifact()
        with pytest.raises(NotFound, match="before this one, which is 3"):
            new.purge_heads(1, number)
    assert [head.actor for head in backend.log()] == ["", "", "secret"]
    (commit,) = backend.changes(2)
    assert (commit.purged_heads, commit.head.records) == ([], 1)
    assert backend.check() == []


def test_others_see_a_head_until_its_purge_is_committed(backend: Backend) -> None:
    before = whispered(backend)
    with writing(backend) as new:
        new.purge_heads(1)
        assert backend.log()[-1] == blank_head(before)
        assert elsewhere(lambda: backend.log()[-1]) == before
        assert elsewhere(lambda: next(backend.changes()).head) == before
        assert elsewhere(backend.check) == []
    assert elsewhere(lambda: backend.log()[-1]) == blank_head(before)


def purge_and_fail(backend: Backend) -> None:
    with writing(backend) as new:
        new.purge_heads(1)
        new.purge_heads(1, 2)
        raise ZeroDivisionError


def test_purge_of_a_head_is_undone(backend: Backend) -> None:
    whispered(backend)
    before = everything(backend)
    with pytest.raises(ZeroDivisionError):
        purge_and_fail(backend)
    assert everything(backend) == before
    assert backend.check() == []


def test_transaction_that_purges_a_head_may_be_purged(backend: Backend) -> None:
    whispered(backend)
    for number in (1, 3, 4):
        with writing(backend, actor="secret") as new:
            new.purge_heads(number)
    assert [head.actor for head in backend.log()] == ["secret", "", "", "", ""]
    assert backend.check() == []


# Copies


def test_purge_of_a_head_travels(backend: Backend, target: Backend) -> None:
    whispered(backend)
    target.replay(backend.changes())
    with writing(backend) as new:
        new.purge_heads(1)
    chain(backend, 1)
    target.replay(backend.changes(after=target.now()))
    assert "secret" not in repr(everything(target))
    assert everything(target) == everything(backend)
    assert target.check() == []


def test_head_is_written_and_purged_in_one_replay(backend: Backend, target: Backend) -> None:
    whispered(backend)
    commits = list(backend.changes())
    with writing(backend) as new:
        new.purge_heads(1)
    target.replay([*commits, *backend.changes(2)])
    assert everything(target) == everything(backend)
    assert target.check() == []


def test_purged_head_comes_purged(backend: Backend, target: Backend) -> None:
    whispered(backend)
    with writing(backend) as new:
        new.purge_heads(1)
    target.replay(backend.changes())
    assert everything(target) == everything(backend)
    with writing(target) as new:
        new.purge_heads(1, 2)
    assert target.check() == []


@pytest.mark.parametrize("number", [0, 2, 3])
def test_replay_refuses_the_purge_of_a_head_to_come(
    number: int, backend: Backend, target: Backend
) -> None:
    whispered(backend)
    first, second = backend.changes()
    forged = second._replace(
        head=second.head._replace(records=second.head.records + 1), purged_heads=[number]
    )
    tree = NO_TREE.grown(first.head.digest)[0]
    digest = seal(tree.root, forged)
    nodes = tree.grown(digest)[1]
    forged = forged._replace(head=forged.head._replace(digest=digest, nodes=nodes))
    with pytest.raises(LineageError):
        target.replay([first, forged])
    assert target.now() == 0
    target.replay([first, second])
    assert everything(target) == everything(backend)
