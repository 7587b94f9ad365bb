"""What a run read something for: one event of several paths, whoever records them and when."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import lineage
from lineage.errors import Invalid
from lineage.model.entities import Event
from lineage.model.keys import NodeKey
from lineage.model.purposes import Purpose
from lineage.store import Store


class Dataset(lineage.Dataset):
    day: int = 0


class Model(lineage.Model):
    version: int = 0


class Trainer(lineage.Train):
    rate: float = 0.1


def event_of(store: Store, run: NodeKey) -> Event:
    (event,) = store.events(run)
    return event


def test_two_uses_are_one_event(store: Store) -> None:
    with store.run(Trainer()) as run:
        data = run.input(Dataset(uri="1"), use="train")
        before = store.backend.now()
        first = event_of(store, run.key)
        assert run.input(data, use="eval", path=["fold", 3]) == data
        (change,) = store.changes(after=before)
        for again in ((), ("train",), ("eval", "fold", 3)):
            run.input(data, path=again)
        assert store.backend.now() == before + 1
    event = event_of(store, run.key)
    assert event.paths == (("train",), ("eval", "fold", 3))
    assert (event.path, event.use, event.purpose) == (("train",), "train", Purpose.TRAINING)
    assert event.time == first.time
    assert event_of(store.at(before), run.key) == first
    assert (change.edge_updates, change.edges, change.ended) == ((event,), (), ())
    assert store.check() == []


def test_use_of_what_was_read_without_one(store: Store) -> None:
    with store.run(Trainer()) as run:
        data = run.input(Dataset(uri="1"))
        run.input(data, use="test")
    event = event_of(store, run.key)
    assert (event.path, event.paths, event.use) == ((), ((), ("test",)), None)
    assert event.purpose is Purpose.EVALUATION


def test_output_under_two_paths(store: Store) -> None:
    with store.run(Trainer()) as run:
        model = run.output(Model(uri="m"), path="best")
        assert run.output(model, path=0) == model
    assert event_of(store, run.key).paths == (("best",), (0,))


def test_uses_within_one_transaction_are_one_record(store: Store) -> None:
    with store.transaction(), store.run(Trainer(), environment=False) as run:
        data = run.input(Dataset(uri="1"), use="train")
        run.input(data, use="eval")
    (change,) = store.changes()
    assert [edge.paths for edge in change.edges if isinstance(edge, Event)] == [
        (("train",), ("eval",))
    ]
    assert change.edge_updates == ()
    assert store.check() == []


def test_threads_that_use_one_data_set_keep_all_uses(store: Store) -> None:
    uses = [f"use {number}" for number in range(6)]
    with store.run(Trainer()) as run:
        data = run.input(Dataset(uri="1"), use="train")
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda use: run.input(data, use=use), uses))
    event = event_of(store, run.key)
    assert event.path == ("train",)
    assert sorted(event.paths[1:]) == [(use,) for use in uses]
    assert store.check() == []


@pytest.mark.parametrize("use", ["", 7, ("train",), b"train", True, "\ud800"])
def test_use_is_a_word(use: Any, store: Store) -> None:
    with store.run(Trainer()) as run, pytest.raises(Invalid):
        run.input(Dataset(uri="1"), use=use)
    assert list(store.find(Dataset)) == []


def test_unknown_use_has_no_purpose(store: Store) -> None:
    with store.run(Trainer()) as run:
        run.input(Dataset(uri="1"), use="lookup")
    event = event_of(store, run.key)
    assert (event.use, event.purpose) == ("lookup", None)
