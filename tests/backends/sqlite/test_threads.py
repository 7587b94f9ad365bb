"""Threads and forks: a connection for each thread, closed with it; a child harms no parent."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

import lineage
from lineage import Conflict, Dataset, Execution, Invalid, Store
from lineage.backends.sqlite import connections as sqlite_file
from tests.actors import DEADLINE, Actor, pair
from tests.backends.files import in_thread, made, models

pytestmark = pytest.mark.soak


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


# Threads


def test_connections_go_with_their_threads(tmp_path: Path) -> None:
    with lineage.connect(tmp_path / "a.db") as store:
        pair(store, "first")
        before = open_files()
        for turn in range(50):
            in_thread(lambda turn=turn: pair(store, f"{turn}"))  # type: ignore[misc]
        # SQLite keeps a file or two open for the next connection, lest it lose this one's locks.
        assert open_files() <= before + 2
        assert len(models(store)) == 51
    assert open_files() < before


def test_threads_with_a_rollback_journal(tmp_path: Path) -> None:
    """Readers wait while a transaction commits, and it waits for them."""
    with lineage.connect(f"sqlite:{tmp_path / 'a.db'}?journal=rollback") as store:

        def write(name: str) -> None:
            for turn in range(10):
                pair(store, f"{name}{turn}")

        def read(name: str) -> None:
            for _ in range(30):
                assert len(models(store)) in range(31)
                for node in store.find(Execution):
                    assert len(store.downstream(node).nodes) == 2

        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda name: (read if name in "xy" else write)(name), "axbyc"))
        assert len(models(store)) == 30
        assert store.check() == []


def test_thread_does_not_wait_for_itself(tmp_path: Path) -> None:
    """With a second connection, by whatever name; another thread's wait may be worth its while."""
    path = tmp_path / "a.db"
    (tmp_path / "link.db").symlink_to(path)
    with lineage.connect(path) as store, lineage.connect(tmp_path / "link.db") as other:
        with store.transaction():
            pair(store, "first")
            with pytest.raises(Conflict, match="another connection") as refused:
                pair(other, "refused")
            assert not refused.value.retryable
            other.backend.lock_timeout = 0.01
            with pytest.raises(Conflict) as refused:
                in_thread(lambda: pair(other, "refused"))
            assert refused.value.retryable
        pair(other, "second")
        assert models(store) == ["first", "second"]


def test_lock_goes_with_its_thread(tmp_path: Path) -> None:
    """A generator that nobody finishes keeps a transaction open, but not longer than its thread."""
    with lineage.connect(tmp_path / "a.db") as store:
        kept: list[Iterator[None]] = []

        def write() -> Iterator[None]:
            with store.transaction():
                pair(store, "lost")
                yield

        def leave() -> None:
            kept.append(write())
            next(kept[0])

        thread = threading.Thread(target=leave)
        thread.start()
        thread.join()
        backend: Any = store.backend
        backend.lock_timeout = 1
        pair(store, "second")
        assert models(store) == ["second"]


def test_closing_closes_the_connections_of_all_threads(tmp_path: Path) -> None:
    before = open_files()
    store = lineage.connect(tmp_path / "a.db")
    with ThreadPoolExecutor(4) as pool:
        barrier = threading.Barrier(4)

        def use(turn: int) -> None:
            pair(store, f"{turn}")
            barrier.wait(DEADLINE)

        list(pool.map(use, range(4)))
        assert open_files() > before
        store.close()
        assert open_files() == before
        with pytest.raises(Invalid, match="closed"):
            list(pool.map(use, range(4)))
    assert open_files() == before
    store.close()


def test_closing_while_others_are_at_it(tmp_path: Path) -> None:
    """SQLite's driver crashes if a connection is closed in the middle of a statement."""
    path = made(tmp_path / "a.db")
    with lineage.connect(path) as store:
        store.put([Dataset(uri="x" * 100) for _ in range(3000)])
    for _ in range(5):
        store = lineage.connect(path)
        begun = threading.Barrier(5)

        def read(store: Store = store, begun: threading.Barrier = begun) -> None:
            begun.wait(DEADLINE)
            while True:
                store.find(Dataset, "uri LIKE '%y%'")

        def write(store: Store = store, begun: threading.Barrier = begun) -> None:
            begun.wait(DEADLINE)
            while True:
                pair(store, token_hex())

        with ThreadPoolExecutor(4) as pool:
            futures = [pool.submit(each) for each in (read, read, write, write)]
            begun.wait(DEADLINE)
            assert len(store.find(Dataset, "uri LIKE '%x%'")) == 3000
            store.close()
            for future in futures:
                with pytest.raises(Invalid, match="closed"):
                    future.result(DEADLINE)
    with lineage.connect(path) as store:
        assert store.check() == []


def test_closing_inside_a_transaction_undoes_it(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    store = lineage.connect(path)

    def write_and_close() -> None:
        with store.transaction():
            pair(store, "lost")
            in_thread(store.close)
            pair(store, "refused")

    with pytest.raises(Invalid, match="closed"):
        write_and_close()
    with lineage.connect(path) as again:
        pair(again, "second")
        assert models(again) == ["first", "second"]


# Forks


def test_child_of_an_idle_parent(tmp_path: Path) -> None:
    """What the child commits stays, even if the parent, closing, would tidy the log away."""
    with Actor("fork_idle", tmp_path / "a.db") as actor:
        assert actor.said() == "child wrote"
        actor.tell()
        assert actor.rest() == ["child wrote again", "0"]
    with lineage.connect(tmp_path / "a.db") as store:
        assert models(store) == ["before", "child", "parent", "child again"]
        assert store.check() == []


def test_children_beside_their_parent(tmp_path: Path) -> None:
    with Actor("fork_pool", tmp_path / "a.db", 4, 15) as actor:
        assert actor.rest() == ["[0, 0, 0, 0]"]
    with lineage.connect(tmp_path / "a.db") as store:
        assert len(set(models(store))) == len(store.log()) == 1 + 5 * 15
        assert store.check() == []


def test_child_of_a_transaction(tmp_path: Path) -> None:
    """It can do nothing to the file, not even by its end, and says why."""
    with Actor("fork_inside", tmp_path / "a.db") as actor:
        said = actor.rest()
    assert all("forked" in line for line in said[:-2])
    assert [line.partition(":")[0] for line in said] == ["Invalid"] * 4 + ["0", "5000"]
    with lineage.connect(tmp_path / "a.db") as store:
        assert models(store) == ["parent"]
        assert len(store.log()) == 1
        assert store.check() == []


def test_child_of_another_thread_transaction(tmp_path: Path) -> None:
    """The writers' lock does not stay with the child, which got a copy of it."""
    with Actor("fork_beside", tmp_path / "a.db") as actor:
        assert actor.rest() == ["written", "0"]
    with lineage.connect(tmp_path / "a.db") as store:
        assert models(store) == ["thread", "parent"]
        assert store.check() == []


def test_forks_while_threads_read_and_write(tmp_path: Path) -> None:
    with Actor("fork_while_others_read", tmp_path / "a.db") as actor:
        assert actor.rest() == [str([0] * 4)]
    with lineage.connect(tmp_path / "a.db") as store:
        assert store.check() == []
        assert len(set(models(store))) == len(store.log())


def test_forks_while_a_thread_builds_a_validator(tmp_path: Path) -> None:
    with Actor("fork_while_another_builds", tmp_path / "a.db") as actor:
        assert actor.rest() == ["[0]"]


def test_connections_go_with_the_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its end the names of a module may be gone before the objects that use them."""
    with lineage.connect(tmp_path / "a.db") as store:
        pair(store, "a")
        backend: Any = store.backend
        slot = backend._file.slot
        monkeypatch.setattr(sqlite_file, "os", None)
        slot.__del__()
        assert slot.sql is None
