"""Transactions: numbers, times, nesting, failure, isolation and the write lock."""

# ruff: noqa: PT012 - a transaction that fails is a block

import threading

import pytest

from lineage.contract.backend import Backend, External, Named, Reference
from lineage.contract.walking import Direction
from lineage.contract.writings import AtUri
from lineage.errors import AlreadyExists, Conflict, Invalid, NotFound
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow
from lineage.testing.builders import (
    DATASET,
    Clock,
    Writer,
    all_keys,
    chain,
    elsewhere,
    everything,
    moment_of,
    writing,
)


class Broken(Exception):
    """What a caller's own code raises."""


def names(backend: Backend) -> list[str | None]:
    return [row.name for row in backend.find(Kind.ARTIFACT)]


def rename_elsewhere(backend: Backend, key: NodeKey, name: str) -> None:
    def rename() -> NodeRow:
        with writing(backend) as new:
            return new.update(key, name=name)

    elsewhere(rename)


# Numbers, times and the log


def test_log_tells_of_each_transaction(backend: Backend, clock: Clock) -> None:
    with writing(backend, actor="ann", message="one") as new:
        new.type(Kind.CONTEXT, "Experiment")
        new.context(name="c")
        new.edge(new.artifact(), new.execution())
    started = clock.micros
    with writing(backend, actor="bob", message="two") as new:
        new.artifact()
        new.transaction.next_id(Kind.EXECUTION)
    second, first = backend.log()
    assert first[:4] == (1, started, "ann", "one")
    assert second[:4] == (2, clock.micros, "bob", "two")
    assert (first[5:13], second[5:13]) == ((5, 1, 10, 1, 1, 1, 1, ""), (1, 1, 10, 2, 2, 1, 1, ""))
    assert len({first.digest, second.digest, bytes(32)}) == 3
    assert {len(first.digest), len(second.digest)} == {32}
    assert second.time > first.time


def test_log_goes_back_in_pages(backend: Backend) -> None:
    for _ in range(5):
        chain(backend, 1)
    whole = backend.log()
    assert [head.number for head in whole] == [5, 4, 3, 2, 1]
    assert backend.log(limit=2) == whole[:2]
    assert backend.log(before=4) == whole[2:]
    assert backend.log(before=4, limit=2) == whole[2:4]
    assert backend.log(before=1) == []
    assert backend.log(before=0) == []
    assert backend.log(before=99, limit=1) == whole[:1]
    assert backend.log(limit=0) == []


def test_numbers_are_gapless_whatever_fails(backend: Backend) -> None:
    keys = chain(backend, 1)
    with pytest.raises(Broken), writing(backend) as new:
        new.artifact()
        raise Broken
    with pytest.raises(NotFound), writing(backend) as new:
        new.edge(keys[0], NodeKey(Kind.EXECUTION, 99))
    with writing(backend) as new:
        assert new.number == 2
        new.artifact()
    assert [head.number for head in backend.log()] == [2, 1]
    assert backend.now() == 2


def test_time_goes_on_even_if_the_clock_does_not(backend: Backend, clock: Clock) -> None:
    clock.step = 0
    start = clock.micros
    chain(backend, 1)
    chain(backend, 1)
    clock.micros -= 10**9
    chain(backend, 1)
    clock.micros = start + 50
    chain(backend, 1)
    assert [head.time for head in backend.log()] == [start + 50, start + 2, start + 1, start]


def test_row_times_are_the_writers_own(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(created=-5, updated=2**60)
    assert backend.nodes([key])[key][8:11] == (-5, 2**60, 1)


def test_moment_of_a_time(backend: Backend, clock: Clock) -> None:
    for _ in range(7):
        chain(backend, 1)
    times = {head.number: head.time for head in backend.log()}
    assert backend.number_at(times[1] - 1) == 0
    assert backend.number_at(-(2**60)) == 0
    for number, time in times.items():
        assert backend.number_at(time) == number
        assert backend.number_at(time + 1) == number
    assert backend.number_at(2**62) == 7


def test_reading_leaves_no_trace(backend: Backend) -> None:
    keys = chain(backend, 3)
    before = everything(backend)
    with backend.transaction(actor="ann", message="only looks"):
        backend.nodes(keys)
    with backend.transaction() as own:
        own.lock()
        own.next_id(Kind.ARTIFACT)
    assert everything(backend) == before
    assert chain(backend, 1) == [NodeKey(Kind.ARTIFACT, 3)]


def test_what_cancels_out_leaves_no_trace(backend: Backend) -> None:
    keys = chain(backend, 3)
    before = everything(backend)
    with writing(backend) as new:
        new.end(new.edge(keys[2], keys[1]))
    assert everything(backend) == before
    assert backend.now() == 1


def test_actor_and_message_hold_any_text(backend: Backend) -> None:
    with writing(backend, actor="zoë\x00\n", message="'; DROP TABLE txn; --\U0001f600\x01") as new:
        new.artifact()
    (head,) = backend.log()
    assert head.actor == "zoë\x00\n"
    assert head.message == "'; DROP TABLE txn; --\U0001f600\x01"
    assert backend.check() == []


# Ids


def test_ids_are_given_by_kind(backend: Backend) -> None:
    with writing(backend) as new:
        new.type(Kind.CONTEXT, "Experiment")
        keys = [new.artifact(), new.execution(), new.artifact(), new.context()]
    assert [str(key) for key in keys] == ["artifact:1", "execution:1", "artifact:2", "context:1"]
    with writing(backend) as new:
        assert new.type(Kind.ARTIFACT, "Other") == 11
        assert new.artifact() == NodeKey(Kind.ARTIFACT, 3)


def test_kept_ids_are_not_given_again(backend: Backend) -> None:
    highest = NodeKey(Kind.EXECUTION, 2**60 - 2)
    with writing(backend) as new:
        new.put(Kind.ARTIFACT, key=NodeKey(Kind.ARTIFACT, 40))
        new.put(Kind.ARTIFACT, key=NodeKey(Kind.ARTIFACT, 7))
        new.put(Kind.EXECUTION, key=highest)
        assert new.artifact() == NodeKey(Kind.ARTIFACT, 41)
    with writing(backend) as new:
        new.edge(new.artifact(), highest)
        assert new.type(Kind.CONTEXT, "Kept", id=500) == 500
        assert new.type(Kind.CONTEXT, "Given") == 501
    assert [row.key.id for row in backend.find(Kind.ARTIFACT)] == [7, 40, 41, 42]
    assert backend.nodes([highest])[highest].key == highest
    assert [edge.target for edge in backend.edges([highest])] == [highest]


def test_ids_of_a_failed_transaction_are_free_again(backend: Backend) -> None:
    with pytest.raises(Broken), writing(backend) as new:
        new.put(Kind.ARTIFACT, key=NodeKey(Kind.ARTIFACT, 1000))
        new.type(Kind.CONTEXT, "Experiment", id=1000)
        raise Broken
    with writing(backend) as new:
        assert new.artifact() == NodeKey(Kind.ARTIFACT, 1)
        assert new.type(Kind.CONTEXT, "Experiment") == 10
    assert len(backend.types()) == 10


def test_salts_differ(backend: Backend) -> None:
    with writing(backend) as new:
        salts = [new.transaction.salt() for _ in range(100)]
    assert len(set(salts)) == 100
    assert min(map(len, salts)) >= 16


# Nesting and failure


def test_inner_transaction_joins_the_outer(backend: Backend) -> None:
    with writing(backend, actor="ann", message="outer") as outer:
        outer.artifact(name="a")
        with writing(backend, actor="bob", message="inner") as inner:
            assert inner.transaction is outer.transaction
            inner.artifact(name="b")
        assert elsewhere(lambda: names(backend)) == []
    assert [head[2:4] for head in backend.log()] == [("ann", "outer")]
    assert names(backend) == ["a", "b"]


def test_failure_undoes_everything(backend: Backend) -> None:
    keys = chain(backend, 5)
    edge = backend.edges(keys)[0].key
    with writing(backend) as new:
        new.delete(keys[4])
    before = everything(backend)
    types = backend.types()
    with pytest.raises(Broken), writing(backend) as new:
        own_type = new.type(Kind.CONTEXT, "Experiment", properties={"a": "INT"})
        context = new.context(own_type, name="c")
        new.edge(context, keys[0])
        new.update(keys[0], name="changed", external_id="e")
        new.update(keys[0], name="changed twice")
        new.end(edge)
        new.edge(keys[0], keys[1])
        new.purge(keys[4])
        new.delete(keys[2])
        new.purge(keys[2])
        raise Broken
    assert everything(backend) == before
    assert backend.types() is types
    assert backend.check() == []
    with writing(backend) as new:
        new.artifact(name="changed", external_id="e")
    assert backend.now() == 3


def test_failed_inner_block_dooms_the_outer(backend: Backend) -> None:
    chain(backend, 1)
    before = everything(backend)
    with pytest.raises(Invalid, match="roll back"), writing(backend) as outer:
        outer.artifact(name="a")
        with pytest.raises(Broken), writing(backend) as inner:
            inner.artifact(name="b")
            raise Broken
        assert outer.transaction.locked
        with pytest.raises(Invalid, match="Broken"):
            outer.artifact(name="c")
        with pytest.raises(Invalid, match="Broken"), writing(backend):
            pytest.fail("a doomed transaction was joined")
    assert everything(backend) == before
    chain(backend, 1)


def test_failed_inner_block_of_a_reader_dooms_it_too(backend: Backend) -> None:
    doomed = pytest.raises(Invalid, match="roll back")
    with doomed, backend.transaction(), pytest.raises(Broken), backend.transaction():
        raise Broken
    assert backend.now() == 0


def test_failed_write_leaves_the_transaction_usable(backend: Backend) -> None:
    with writing(backend) as new:
        kept = new.artifact(name="a", external_id="x")
    with writing(backend) as new:
        new.artifact(name="b")
        before = [backend.find(kind) for kind in Kind], backend.edges(all_keys(backend))
        rows = [new.row(Kind.ARTIFACT, name="c"), new.row(Kind.ARTIFACT, name="a")]
        with pytest.raises(AlreadyExists):
            new.write(nodes=rows, updates=[new.changed(kept, state=3)])
        lost = new.joined(kept, NodeKey(Kind.EXECUTION, 99))
        with pytest.raises(NotFound):
            new.write(nodes=[new.row(Kind.EXECUTION, name="e")], edges=[lost])
        assert ([backend.find(kind) for kind in Kind], backend.edges(all_keys(backend))) == before
        new.artifact(name="c")
    assert names(backend) == ["a", "b", "c"]
    assert backend.log(limit=1)[0].records == 2
    assert backend.check() == []


def test_transaction_of_failed_writes_alone_leaves_no_trace(backend: Backend) -> None:
    (key,) = chain(backend, 1)
    before = everything(backend)
    with writing(backend) as new, pytest.raises(NotFound):
        new.edge(key, NodeKey(Kind.EXECUTION, 99))
    assert everything(backend) == before


# Isolation


def test_own_writes_are_seen_inside_alone(backend: Backend) -> None:
    first, run, second = chain(backend, 3)
    before = elsewhere(lambda: everything(backend))
    with writing(backend) as new:
        new.type(Kind.CONTEXT, "Experiment")
        added = new.artifact(name="new")
        new.update(first, name="changed")
        new.edge(added, run)
        new.end(new.joined(run, second).key)
        assert names(backend) == ["changed", None, "new"]
        assert backend.nodes([first])[first].name == "changed"
        assert [edge[:2] for edge in backend.edges([run])] == [(first, run), (added, run)]
        assert [row.since for row in backend.versions(first)] == [1, 2]
        assert len(backend.types()) == 10
        assert backend.now() == 1
        assert len(backend.log()) == 1
        assert len(list(backend.changes())) == 1
        new.delete(second)
        assert backend.nodes([second])[second].gone
        new.purge(second)
        assert elsewhere(lambda: everything(backend)) == before
    assert elsewhere(lambda: names(backend)) == ["changed", "new"]


def test_past_is_read_inside_a_writing_transaction(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(uri="u")
    with writing(backend) as new:
        new.update(key, name="changed", uri="v")
        assert backend.nodes([key], as_of=1)[key].name is None
        assert backend.nodes([key], as_of=0) == {}
        assert [row.name for row in backend.find(Kind.ARTIFACT, as_of=1)] == [None]
        assert [row.name for row in backend.find(Kind.ARTIFACT)] == ["changed"]
        for uri, as_of, count in (("u", 1, 1), ("v", 1, 0), ("u", None, 0), ("v", None, 1)):
            assert len(list(backend.writings(AtUri(uri), as_of=as_of))) == count


def test_reading_transaction_stays_at_its_first_read(backend: Backend) -> None:
    with writing(backend) as new:
        key, run = new.artifact(name="a", external_id="x", uri="u"), new.execution()
        new.edge(key, run)

    def answers() -> dict[str, object]:
        references: list[Reference] = [
            Named(DATASET, "a"),
            External(Kind.ARTIFACT, "x"),
            Named(DATASET, "late"),
        ]
        walk = backend.walk([key], Direction.BOTH)
        return {
            **moment_of(backend),
            "lookup": backend.lookup(references),
            "writings": list(backend.writings(AtUri("u"))),
            "walk": (list(map(list, walk.levels)), list(walk.edges), walk.cut),
            "log": backend.log(),
            "last of log": backend.log(limit=1),
            "existing": backend.existing_edges([row.key for row in backend.edges([key])]),
            "pin": backend.pin(),
        }

    def write() -> None:
        with writing(backend) as new:
            new.update(key, name="late", external_id="late", uri=None)
            new.end(new.joined(key, run).key)
            new.edge(run, key)
            new.type(Kind.CONTEXT, "Late")
        with writing(backend) as new:
            new.delete(run)
            new.purge(run)
            new.artifact(name="a", external_id="x", uri="u")

    with backend.transaction():
        before = answers()
        elsewhere(write)
        after = answers()
    # Only what was purged meanwhile is gone from this moment as from every other.
    for name in ("nodes", "live", "versions"):
        assert "late" not in repr(after.pop(name))
        before.pop(name)
    assert after == before
    assert names(backend) == ["late", "a"]


def test_reading_transaction_starts_at_its_first_read(backend: Backend) -> None:
    (key,) = chain(backend, 1)
    with backend.transaction():
        rename_elsewhere(backend, key, "early")
        assert names(backend) == ["early"]


def test_backend_knows_of_this_threads_transaction(backend: Backend) -> None:
    assert not backend.in_transaction
    with backend.transaction() as own:
        assert backend.in_transaction
        assert not elsewhere(lambda: backend.in_transaction)
        assert not own.locked
        own.lock()
        assert own.locked
        with backend.transaction():
            assert backend.in_transaction
    assert not backend.in_transaction


def test_pin_is_none_once_written(backend: Backend) -> None:
    chain(backend, 1)
    assert backend.pin() == 1
    assert backend.pin(0) == 0
    with writing(backend) as new:
        new.artifact()
        assert backend.pin() is None
        assert backend.pin(1) == 1


def test_write_after_an_outdated_read_is_a_conflict(backend: Backend) -> None:
    (key,) = chain(backend, 1)
    with pytest.raises(Conflict), writing(backend) as new:
        assert names(backend) == [None]
        rename_elsewhere(backend, key, "theirs")
        new.artifact(name="ours")
    assert names(backend) == ["theirs"]
    rename_elsewhere(backend, key, "the lock is free")


def test_conflict_dooms_its_transaction(backend: Backend) -> None:
    (key,) = chain(backend, 1)
    with pytest.raises(Invalid, match="roll back"), writing(backend) as new:
        backend.nodes([key])
        rename_elsewhere(backend, key, "theirs")
        with pytest.raises(Conflict):
            new.transaction.lock()
        rename_elsewhere(backend, key, "the lock is free")
        with pytest.raises(Invalid, match="Conflict"):
            new.artifact(name="ours")
        assert names(backend) == [None]
    assert names(backend) == ["the lock is free"]
    assert backend.now() == 3


def test_write_after_a_current_read_is_none(backend: Backend) -> None:
    (key,) = chain(backend, 1)
    rename_elsewhere(backend, key, "theirs")
    with writing(backend) as new:
        assert names(backend) == ["theirs"]
        new.artifact(name="ours")
    assert names(backend) == ["theirs", "ours"]


def test_write_without_a_read_is_none(backend: Backend) -> None:
    (key,) = chain(backend, 1)
    with writing(backend) as new:
        rename_elsewhere(backend, key, "theirs")
        new.artifact(name="ours")
    assert names(backend) == ["theirs", "ours"]


# Threads and the lock


def test_transaction_belongs_to_its_thread(backend: Backend) -> None:
    (key,) = chain(backend, 1)
    with writing(backend) as new:
        row = new.row(Kind.ARTIFACT, name="stolen")
        new.artifact(name="own")
        for use in (
            lambda: new.write(nodes=[row]),
            lambda: new.delete(key),
            lambda: new.number,
            new.transaction.lock,
            new.transaction.snapshot,
            new.transaction.commit,
        ):
            with pytest.raises(Invalid, match="thread"):
                elsewhere(use)
    assert names(backend) == [None, "own"]


def test_unused_transaction_belongs_to_its_thread_too(backend: Backend) -> None:
    with backend.transaction() as own:
        for use in (own.lock, own.snapshot):
            with pytest.raises(Invalid, match="thread"):
                elsewhere(use)
    assert backend.now() == 0


def test_second_writer_gives_up_in_the_end(backend: Backend) -> None:
    backend.lock_timeout = 0.01

    def write() -> None:
        with writing(backend) as other:
            other.artifact(name="theirs")

    with writing(backend) as new:
        new.artifact(name="ours")
        with pytest.raises(Conflict):
            elsewhere(write)
    elsewhere(write)
    assert names(backend) == ["ours", "theirs"]
    assert backend.now() == 2


def test_replay_waits_for_the_lock_too(backend: Backend, target: Backend) -> None:
    target.lock_timeout = 0.01
    chain(backend, 3)
    with writing(target) as new:
        new.transaction.lock()
        with pytest.raises(Conflict):
            elsewhere(lambda: target.replay(backend.changes()))
    assert target.replay(backend.changes()) == 1


def test_second_writer_follows_when_the_first_is_done(backend: Backend) -> None:
    at_it = threading.Event()

    def write(new: Writer) -> int:
        at_it.set()
        new.artifact(name="second")
        return new.number

    def in_turn() -> int:
        with writing(backend) as new:
            return write(new)

    numbers: list[int] = []
    other = threading.Thread(target=lambda: numbers.append(in_turn()))
    with writing(backend) as new:
        new.artifact(name="first")
        other.start()
        assert at_it.wait(60)
        assert names(backend) == ["first"]
    other.join(60)
    assert numbers == [2]
    assert names(backend) == ["first", "second"]


def test_lock_is_free_after_every_ending(backend: Backend) -> None:
    backend.lock_timeout = 0.5
    (key,) = chain(backend, 1)
    with pytest.raises(Broken), writing(backend) as new:
        new.transaction.lock()
        raise Broken
    rename_elsewhere(backend, key, "after a failure")
    with pytest.raises(KeyboardInterrupt), writing(backend) as new:
        new.artifact()
        raise KeyboardInterrupt
    rename_elsewhere(backend, key, "after an interrupt")
    with backend.transaction() as own:
        own.lock()
    rename_elsewhere(backend, key, "after nothing")
    with pytest.raises(NotFound), writing(backend) as new:
        new.edge(key, NodeKey(Kind.EXECUTION, 99))
    rename_elsewhere(backend, key, "after a refusal")
    assert names(backend) == ["after a refusal"]


def test_failed_commit_is_undone(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    (key,) = chain(backend, 1)
    before = everything(backend)

    def fail(*_: object) -> None:
        raise Broken

    with monkeypatch.context() as patched, pytest.raises(Broken), writing(backend) as new:
        new.update(key, name="lost")
        patched.setattr(backend, "append", fail)
    assert everything(backend) == before
    rename_elsewhere(backend, key, "the lock is free")


def test_number_of_the_open_transaction_is_not_reached_yet(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact()
        with pytest.raises(NotFound, match="there is no transaction 1 yet; the last one is 0"):
            backend.nodes([key], as_of=new.number)
    assert backend.nodes([key], as_of=1)


def test_log_ends_at_the_moment_that_a_transaction_first_read(backend: Backend) -> None:
    chain(backend, 1)
    with backend.transaction():
        backend.types()
        elsewhere(lambda: chain(backend, 1))
        assert [head.number for head in backend.log(before=100)] == [1]
    assert [head.number for head in backend.log(before=100)] == [2, 1]
