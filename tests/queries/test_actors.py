"""An actor and their messages are taken out of the log, provably and for good."""

from pathlib import Path

import pytest

import lineage
from lineage.errors import Invalid, NotFound
from lineage.store import Store
from lineage.testing.builders import everything

SECRET = "Maximiliane Mustermann"


def written(store: Store) -> Store:
    """Three transactions of one actor and two of others, one of whom names the first."""
    other = Store(store.backend, actor="bob")
    own = Store(store.backend, actor=SECRET)
    own.put(lineage.Dataset(name="a"), message=f"first, by {SECRET}")
    other.put(lineage.Dataset(name="b"), message=f"for {SECRET}")
    own.put(lineage.Dataset(name="c"))
    own.put(lineage.Dataset(name="d"), message="private matters")
    other.put(lineage.Dataset(name="e"), message="unrelated")
    return other


def test_all_transactions_of_an_actor_lose_name_and_message(store: Store) -> None:
    other = written(store)
    digests = {each.number: each.digest for each in other.log()}
    done = other.purge_actor(SECRET, reason="erasure request 9")
    assert (done.actor, done.transactions) == (SECRET, (1, 3, 4))
    assert done.notes[0] == "other actors' messages hold the name and stay: transactions 2"
    assert "what nodes say" in done.notes[-1]
    entries = {each.number: each for each in other.log()}
    assert [number for number, each in entries.items() if each.purged] == [4, 3, 1]
    assert {each.actor for each in entries.values()} == {"", "bob"}
    assert (entries[6].actor, entries[6].message) == ("bob", "erasure request 9")
    assert {number: entries[number].digest for number in digests} == digests
    assert other.check(digest=f"5:{digests[5]}") == []
    assert next(other.changes(5)).purged_heads == (1, 3, 4)
    with pytest.raises(NotFound, match="no transaction names"):
        other.purge_actor(SECRET, reason="again")
    assert other.backend.now() == 6


def test_copies_lose_the_name_when_they_are_copied_to_again() -> None:
    store = lineage.connect("memory:")
    other = written(store)
    with lineage.connect("memory:") as copy:
        other.copy_to(copy)
        assert copy.log(actor=SECRET)
        other.purge_actor(SECRET, reason="law")
        other.copy_to(copy)
        assert everything(copy.backend) == everything(store.backend)
        assert copy.log(actor=SECRET) == []


def test_what_cannot_be_purged_leaves_all_as_it_was(store: Store) -> None:
    other = written(store)
    before = everything(store.backend)
    for actor, error in (
        ("", Invalid),
        ("bob", Invalid),
        ("nobody", NotFound),
        (SECRET[:9], NotFound),
    ):
        with pytest.raises(error):
            other.purge_actor(actor, reason="law")
    with pytest.raises(Invalid, match="needs a reason"):
        other.purge_actor(SECRET, reason=" ")
    with pytest.raises(Invalid, match="cannot be changed"):
        other.at(2).purge_actor(SECRET, reason="law")
    assert everything(store.backend) == before


def test_reason_that_holds_the_name_is_said() -> None:
    store = lineage.connect("memory:")
    done = written(store).purge_actor(SECRET, reason=f"request of {SECRET}")
    assert "the reason holds the name, and the log keeps the reason" in done.notes


def test_a_purge_inside_a_transaction_reaches_what_came_before_it() -> None:
    store = lineage.connect("memory:")
    other = written(store)
    with other.transaction():
        other.put(lineage.Dataset())
        other.purge_actor(SECRET, reason="law")
    assert other.check() == []
    assert other.log(actor=SECRET) == []


def test_a_file_and_its_log_hold_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "lineage.db"
    with lineage.connect(path) as store, lineage.connect(path, readonly=True) as reader:
        written(store)
        assert reader.log(actor=SECRET)
        Store(store.backend, actor="dpo").purge_actor("bob", reason="law")
        Store(store.backend, actor="dpo").purge_actor(SECRET, reason="law")
        assert store.check() == []
        for each in tmp_path.iterdir():
            content = each.read_bytes()
            for text in (SECRET, "private matters", "unrelated", "bob"):
                assert text.encode() not in content, each
    assert SECRET.encode() not in path.read_bytes()
