"""The store: its transactions, who writes, connecting and closing."""

import getpass
import pickle
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lineage.contract.backend import Backend
from lineage.errors import AlreadyExists, Conflict, Invalid, LineageError, Stale, Unavailable
from lineage.model.entities import Artifact, Event
from lineage.model.schema import ArtifactType
from lineage.store import ATTEMPTS, Store, connect
from lineage.testing.builders import Clock, elsewhere, everything
from tests.runs import Dataset, Model, Train, two_runs


@pytest.fixture
def churn(store: Store) -> Store:
    return two_runs(store)


# Transactions


def test_transaction_is_all_or_nothing(store: Store) -> None:
    with store.transaction(message="all") as same:
        assert same is store
        store.put(Dataset(name="a"))
        store.put(Dataset(name="b"), message="a message within counts for nothing")
        assert [each.name for each in store.find(Dataset)] == ["a", "b"]
        assert elsewhere(lambda: len(store.find(Artifact))) == 0
    (entry,) = store.log()
    assert (entry.number, entry.actor, entry.message) == (1, "ann", "all")
    before = everything(store.backend)

    def fail() -> None:
        with store.transaction():
            store.put(Dataset(name="c"))
            store.delete("Dataset:a")
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()
    assert everything(store.backend) == before


def test_transaction_that_writes_nothing_leaves_no_trace(store: Store) -> None:
    with store.transaction(message="nothing"):
        store.find(Artifact)
    assert store.log() == []


def test_inner_transaction_joins_the_outer_one(store: Store) -> None:
    with store.transaction(message="outer"):
        with store.transaction(message="inner"):
            store.put(Dataset())
        store.transact(lambda it: it.put(Dataset()), message="innermost")
    assert [entry.message for entry in store.log()] == ["outer"]


def test_failure_of_an_inner_transaction_is_that_of_the_outer_one(store: Store) -> None:
    def swallow() -> None:
        with store.transaction():
            store.put(Dataset(name="a"))
            with pytest.raises(AlreadyExists):
                store.put(Dataset(name="a"))
            with pytest.raises(Invalid, match=r"AlreadyExists.*only roll back"):
                store.put(Dataset(name="b"))

    with pytest.raises(Invalid, match="only roll back"):
        swallow()
    assert store.log() == []


def test_transaction_that_read_too_early_is_a_conflict(store: Store) -> None:
    def read_then_write() -> None:
        with store.transaction():
            store.find(Artifact)
            elsewhere(lambda: store.put(Dataset(name="other")))
            store.put(Dataset(name="mine"))

    with pytest.raises(Conflict, match=r"committed after this one first read.*transact"):
        read_then_write()
    assert [each.name for each in store.find(Artifact)] == ["other"]


def test_transact_tries_again_after_a_conflict(store: Store) -> None:
    seen = []

    def function(same: Store) -> int:
        assert same is store
        with store.backend.transaction() as own:
            assert own.locked is bool(seen)  # so that it cannot lose a second time
        seen.append(len(store.find(Artifact)))
        if len(seen) == 1:
            elsewhere(lambda: store.put(Dataset(name="other")))
        store.put(Dataset(name="mine"))
        return 42

    assert store.transact(function, message="again") == 42
    assert seen == [0, 1]
    assert [entry.message for entry in store.log()] == ["again", ""]


def test_two_stores_of_one_file_conflict_and_agree(tmp_path: Path) -> None:
    path = tmp_path / "lineage.db"
    with connect(path, actor="ann") as ann, connect(path, actor="bob") as bob:

        def count(store: Store) -> None:
            seen = len(store.find(Dataset))
            if store is ann and seen == 0:
                bob.transact(count)
            store.put(Dataset(name=f"{store.actor} saw {seen}"))

        ann.transact(count)
        assert [each.name for each in bob.find(Dataset)] == ["bob saw 0", "ann saw 1"]
        assert [entry.actor for entry in ann.log()] == ["ann", "bob"]


@pytest.mark.parametrize("error", [Conflict("x"), Unavailable("x")])
def test_transact_gives_up_in_the_end(store: Store, error: LineageError) -> None:
    calls = []

    def function(_: Store) -> None:
        calls.append(1)
        store.put(Dataset())
        raise error

    with pytest.raises(type(error)):
        store.transact(function)
    assert len(calls) == ATTEMPTS
    assert store.log() == []


@pytest.mark.parametrize("error", [Stale("x"), Invalid("x"), KeyError("x"), KeyboardInterrupt()])
def test_transact_does_not_retry_what_cannot_help(store: Store, error: BaseException) -> None:
    calls = []

    def function(_: Store) -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        store.transact(function)
    assert calls == [1]


def test_transact_inside_a_transaction_leaves_the_retry_to_the_outer_one(store: Store) -> None:
    outer, inner = [], []

    def step(_: Store) -> None:
        inner.append(1)
        if len(inner) == 1:
            raise Conflict("lost")
        store.put(Dataset())

    def whole(_: Store) -> None:
        outer.append(1)
        store.transact(step)

    store.transact(whole)
    assert (len(outer), len(inner)) == (2, 2)

    inner.clear()
    with pytest.raises(Conflict, match="lost"), store.transaction():
        store.transact(step)


def test_transactions_of_threads_are_their_own(store: Store) -> None:
    barrier = threading.Barrier(2)

    def work(name: str) -> None:
        def function(_: Store) -> None:
            store.put(Dataset(name=name))

        barrier.wait()
        store.transact(function)

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.name or "" for each in store.find(Dataset)) == ["a", "b"]
    assert store.backend.now() == 2


# Who writes


def test_actor_is_the_argument_else_the_environment_else_the_user(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEAGE_ACTOR", "env")
    Store(backend, actor="ann").put(Dataset())
    Store(backend).put(Dataset())
    monkeypatch.setenv("LINEAGE_ACTOR", "")
    Store(backend).put(Dataset())
    monkeypatch.delenv("LINEAGE_ACTOR")
    Store(backend).put(Dataset())
    actors = [entry.actor for entry in Store(backend).log()]
    assert actors == [getpass.getuser(), getpass.getuser(), "env", "ann"]


def test_user_without_a_name_is_a_number(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.delenv("LINEAGE_ACTOR", raising=False)
    monkeypatch.setattr(getpass, "getuser", nameless)
    assert Store(backend).actor.startswith("uid ")


WRITES: dict[str, Callable[[Store, str], object]] = {
    "put": lambda it, message: it.put(Dataset(), message=message),
    "put a type": lambda it, message: it.put(ArtifactType(name="T"), message=message),
    "record": lambda it, message: it.record(Train(), message=message),
    "update": lambda it, message: it.update(it.get(Dataset, 1).replace(uri="new"), message=message),
    "delete": lambda it, message: it.delete("artifact:1", message=message),
    "purge": lambda it, message: it.purge("artifact:1", reason=message),
    "transact": lambda it, message: it.transact(lambda _: it.put(Dataset()), message=message),
}


@pytest.mark.parametrize("write", WRITES)
def test_log_keeps_messages_as_they_are(write: str, store: Store) -> None:
    store.put(Dataset())
    message = "why: \x00\x01 'quoted' \U0001f600\n"
    WRITES[write](store, message)
    assert store.log(limit=1)[0].message == message
    assert store.check() == []
    for bad in ("\ud800", 5, None):
        with pytest.raises(Invalid, match=r"surrogate|is not a string"):
            WRITES[write](store, bad)
    assert store.backend.now() == 2


# Connecting and closing


@pytest.mark.parametrize("url", ["memory:", "lineage.db", "sqlite:lineage.db", "default"])
def test_connect_opens_a_store(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with connect(url, actor="ann", clock=Clock(0)) if url != "default" else connect() as store:
        assert store.put(Dataset(name="a")).id == 1
    assert (tmp_path / "lineage.db").exists() is (url != "memory:")
    with pytest.raises(Invalid, match="closed"):
        store.find(Dataset)


def test_clock_is_the_callers(tmp_path: Path) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    for url in ("memory:", tmp_path / "lineage.db"):
        with connect(url, clock=lambda: 1_772_323_200_000_000) as store:
            times = [store.put(Dataset()).create_time for _ in range(3)]
        assert times == [moment + timedelta(microseconds=number) for number in range(3)]


def test_read_only_store_reads(tmp_path: Path) -> None:
    path = tmp_path / "lineage.db"
    with connect(path) as store:
        store.put(Dataset(name="a"))
    with connect(path, readonly=True) as store:
        assert store.get("Dataset:a").id == 1
        with pytest.raises(Invalid, match="read-only"):
            store.put(Dataset())
        with store.transaction():
            assert len(store.find(Dataset)) == 1


@pytest.mark.parametrize("call", ["put", "record", "update", "delete", "purge"])
def test_closed_store_refuses(call: str, churn: Store) -> None:
    model = churn.get(Model, 2)
    churn.close()
    churn.close()
    calls: dict[str, Callable[[], object]] = {
        "put": lambda: churn.put(Dataset()),
        "record": lambda: churn.record(Train()),
        "update": lambda: churn.update(model.replace(uri="new")),
        "delete": lambda: churn.delete(model),
        "purge": lambda: churn.purge(model, reason="law"),
    }
    with pytest.raises(Invalid, match="closed"):
        calls[call]()


def test_answers_outlive_the_store_and_later_writes(churn: Store) -> None:
    answers: dict[str, Any] = {
        "up": churn.upstream("Model:m1", type=Dataset),
        "down": churn.downstream("Dataset:lake"),
        "page": churn.find(Model, limit=1),
        "log": churn.log(),
        "changes": list(churn.changes()),
        "types": churn.types(),
        "node": churn.get(Model, 2),
    }
    churn.update(churn.get(Model, 2).replace(accuracy=0.9, name="renamed"))
    churn.put(ArtifactType(name="Dataset", properties={"new": "INT"}), can_add=True, can_omit=True)
    churn.purge("artifact:1", reason="law")
    churn.close()
    up, down = answers["up"], answers["down"]
    assert [(each.name, each.day) for each in up.matches] == [("lake", 1)]
    assert [each.name for each in down.nodes] == ["lake", "run 1", "run 2", "m1", "m2"]
    assert [type(each) for each in down.edges] == [Event] * 4
    assert answers["node"] in answers["page"]
    for answer in answers.values():
        again = pickle.loads(pickle.dumps(answer))
        assert repr(again) == repr(answer)
        if answer in (up, down):
            assert again.nodes == answer.nodes
        else:
            assert again == answer


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (None, "None is not a store's URL"),
        (5, "5 is not a store's URL"),
        (b"x", "b'x' is not a store's URL"),
        ("a\0b", "is not a store's URL"),
        ("\ud800", "surrogate"),
        ("", "the store's URL is empty"),
        ("novel://x", "no backend serves 'novel'"),
    ],
)
def test_url_that_is_none_is_refused(
    url: Any, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Invalid, match=says):
        connect(url)
    assert list(tmp_path.iterdir()) == []
