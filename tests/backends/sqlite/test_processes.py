"""Several processes on one file: none starves, none loses what was acknowledged, whatever is killed."""

from collections import Counter
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import lineage
from lineage import Conflict, Dataset, Model, Store, Train
from tests.actors import Actor, pair
from tests.backends.files import door, in_thread, made, models

pytestmark = pytest.mark.soak

FORMS = ["{}", "sqlite:{}?journal=rollback"]


def assert_whole(store: Store) -> None:
    """Every transaction is numbered in turn, and is a run, its model and the edge between them."""
    assert store.check() == []
    changes = list(store.changes())
    assert [each.entry.number for each in changes] == list(range(1, len(changes) + 1))
    for each in changes:
        run, model = sorted(each.created, key=lambda node: node.key.kind, reverse=True)
        assert run.name == model.name
        assert [(edge.execution, edge.artifact) for edge in each.edges] == [(run.key, model.key)]  # type: ignore[union-attr]


# Writers side by side

WAIT = 200
"""How many transactions others may commit while one process waits for its turn; 30 were seen."""


@pytest.mark.parametrize(
    ("form", "writers", "quota"),
    [("{}", 8, 60), ("sqlite:{}?journal=rollback", 3, 20)],
)
def test_writers_of_one_file(form: str, writers: int, quota: int, tmp_path: Path) -> None:
    url = form.format(tmp_path / "a.db")
    lineage.connect(url).close()
    with ExitStack() as stack:
        actors = [stack.enter_context(Actor("write", url, n, quota)) for n in range(writers)]
        assert {actor.said() for actor in actors} == {"ready"}
        for actor in actors:
            actor.tell()
        assert {actor.said() for actor in actors} == {"done"}
    with lineage.connect(url) as store:
        assert_whole(store)
        log = [entry.actor for entry in reversed(store.log())]
        names = models(store)
    expected = {f"{writer}/{turn}" for writer in range(writers) for turn in range(quota)}
    assert len(names) == len(expected)
    assert set(names) == expected
    assert Counter(log) == {str(writer): quota for writer in range(writers)}
    waits = [longest_wait(log, str(writer)) for writer in range(writers)]
    assert max(waits) <= WAIT, waits


def longest_wait(log: list[str], actor: str) -> int:
    """Return the longest run of others' transactions before one of an actor's own."""
    places = [-1, *(place for place, each in enumerate(log) if each == actor)]
    return max(after - before - 1 for before, after in pairwise(places))


@pytest.mark.parametrize("form", FORMS)
def test_several_make_the_same_file(form: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        actors = [stack.enter_context(Actor("create", name)) for name in "abc"]
        for turn in range(5):
            assert {actor.said() for actor in actors} == {"ready"}
            url = form.format(tmp_path / f"{turn}.db")
            for actor in actors:
                actor.tell(url)
            assert max(int(actor.said()) for actor in actors) == 3
            with lineage.connect(url) as store:
                assert sorted(map(str, models(store))) == ["a", "b", "c"]
                assert_whole(store)


def test_second_opening_keeps_the_locks_of_the_first(tmp_path: Path) -> None:
    """A process that closes a file loses all its locks on it; then another may take the log away."""
    path = tmp_path / "a.db"
    with lineage.connect(path) as store:
        pair(store, "first")
        lineage.connect(path).close()
        lineage.connect(path, readonly=True).close()
        with Actor("create", "other") as actor:
            assert actor.said() == "ready"
            actor.tell(str(path))
            assert actor.said() == "2"
        pair(store, "second")
        with Actor("create", "another") as actor:
            assert actor.said() == "ready"
            actor.tell(str(path))
            assert actor.said() == "4"
        assert models(store) == ["first", "other", "second", "another"]
        assert_whole(store)


# Waiting and giving up


@pytest.mark.parametrize("form", FORMS)
def test_writer_waits_for_another_process(form: str, tmp_path: Path) -> None:
    url = form.format(tmp_path / "a.db")
    with lineage.connect(url) as store, Actor("hold", url) as actor:
        assert actor.said() == "holding"
        backend: Any = store.backend
        backend.lock_timeout = 0.05
        with pytest.raises(Conflict, match="locked"):
            pair(store, "too early")
        assert models(store) == []
        actor.tell()
        assert actor.said() == "done"
        pair(store, "after")
        assert models(store) == ["held", "after"]
        assert_whole(store)


@pytest.mark.parametrize("form", FORMS)
def test_killed_process_keeps_no_lock(form: str, tmp_path: Path) -> None:
    url = form.format(tmp_path / "a.db")
    with lineage.connect(url) as store, Actor("hold", url) as actor:
        assert actor.said() == "holding"
        actor.kill()
        pair(store, "after")
        assert models(store) == ["after"]
        assert_whole(store)


def test_lock_of_another_program(tmp_path: Path) -> None:
    """A program that does not know of the lock file is waited for as long, and no longer."""
    path = made(tmp_path / "a.db")
    with lineage.connect(path) as store, door(path) as other:
        backend: Any = store.backend
        backend.lock_timeout = 0.05
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Conflict, match="another program"):
            pair(store, "refused")
        assert models(store) == ["first"]
        other.execute("ROLLBACK")
        pair(store, "second")
        assert in_thread(lambda: models(store)) == ["first", "second"]


@pytest.mark.parametrize("form", FORMS)
def test_transact_tries_again(form: str, tmp_path: Path) -> None:
    url = form.format(tmp_path / "a.db")
    with lineage.connect(url) as store, lineage.connect(url) as other:
        tries = []

        def count(own: Store) -> None:
            found = len(own.find(Model))
            if not tries:
                in_thread(lambda: pair(other, "meanwhile"))
            tries.append(found)
            own.record(Train(name=f"{found}"), outputs=[Model(name=f"{found}")])

        store.transact(count)
        assert tries == [0, 1]
        assert models(store) == ["meanwhile", "1"]


# Killed writers


@pytest.mark.parametrize("form", FORMS)
def test_writer_is_killed_again_and_again(form: str, tmp_path: Path) -> None:
    url = form.format(tmp_path / "a.db")
    acknowledged: list[str] = []
    for turn in range(4):
        with Actor("stream", url, turn) as actor:
            acknowledged += [actor.said() for _ in range(1 + 12 * turn)]
            actor.kill()
            acknowledged += actor.rest()
        with lineage.connect(url) as store:
            found = models(store)
            assert_whole(store)
        # The last one may be durable without that anybody was told.
        assert len(found) - len(acknowledged) in range(turn + 2)
        assert set(acknowledged) <= set(found)
        pair_after(url, acknowledged)


def pair_after(url: str, acknowledged: list[str]) -> None:
    """Write after a crash, as the process that finds the file does."""
    name = f"after {len(acknowledged)}"
    with lineage.connect(url) as store:
        pair(store, name)
    acknowledged.append(name)


@pytest.mark.parametrize("form", FORMS)
def test_large_transaction_is_killed(form: str, tmp_path: Path) -> None:
    """Most of it is in the log or the file already, as it is larger than SQLite's cache."""
    path = made(form.format(tmp_path / "a.db"))
    with Actor("bulk", form.format(path)) as actor:
        for part in range(6):
            assert actor.said() == str(part)
        actor.kill()
        actor.rest()
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) > (
        10_000_000 if form == "{}" else 0
    )
    with lineage.connect(form.format(path)) as store:
        assert store.find(Dataset).items == ()
        assert models(store) == ["first"]
        pair(store, "second")
        assert_whole(store)


def test_writer_is_killed_while_others_write(tmp_path: Path) -> None:
    url = tmp_path / "a.db"
    with lineage.connect(url) as store, ExitStack() as stack:
        actors = [stack.enter_context(Actor("stream", url, name)) for name in "abc"]
        acknowledged = []
        for actor in actors:
            acknowledged += [actor.said() for _ in range(10)]
            actor.kill()
            acknowledged += actor.rest()
            pair(store, f"beside {actor}")
        assert set(acknowledged) <= set(models(store))
        assert_whole(store)
