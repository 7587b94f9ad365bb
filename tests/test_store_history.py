"""Earlier moments of a store, its log and its feed of changes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from lineage.errors import Invalid, NotFound
from lineage.model.entities import Artifact, Attribution, Context, Execution
from lineage.model.keys import Kind, NodeKey
from lineage.store import Store
from lineage.testing.builders import everything
from tests.runs import Dataset, Model, Train, two_runs


def four_transactions(store: Store) -> Store:
    """Record two runs, rename model 2 and delete dataset 1."""
    two_runs(store)
    store.update(store.get(Model, 2).replace(name="renamed"), message="rename")
    store.delete("Dataset:lake", message="delete")
    return store


@pytest.fixture(scope="module")
def history(shared: Store) -> Store:
    return four_transactions(shared)


@pytest.fixture
def changing(store: Store) -> Store:
    return four_transactions(store)


class Undone(Exception):
    pass


READS: dict[str, Callable[[Store], object]] = {
    "get": lambda it: it.get("artifact:1").name,
    "get by name": lambda it: it.get("Model:m1").id,
    "get by URI": lambda it: it.get("s3://models/churn").id,
    "get of a class": lambda it: it.get(Model, "m1").id,
    "get of a class by id": lambda it: it.get(Model, 2).name,
    "find": lambda it: [each.name for each in it.find(Artifact, "name = 'm1'")],
    "search": lambda it: [each.name for each in it.search("m1")],
    "upstream": lambda it: [each.name for each in it.upstream("artifact:2").nodes],
    "downstream": lambda it: [each.name for each in it.downstream("artifact:1").nodes],
    "types": lambda it: len(it.types()),
    "log": lambda it: [each.number for each in it.log()],
    "log, cut": lambda it: [each.number for each in it.log(limit=1, before=9)],
    "log of a node": lambda it: [each.number for each in it.log("artifact:2")],
    "changes": lambda it: [each.entry.number for each in it.changes(1)],
    "at": lambda it: [each.number for each in it.at(1).log()],
}
AS_OF: dict[str, tuple[Any, Any]] = {
    "get": ("lake", NotFound),
    "get by name": (2, NotFound),
    "get by URI": (2, 3),
    "get of a class": (2, NotFound),
    "get of a class by id": ("m1", "renamed"),
    "find": (["m1"], []),
    "search": (["m1"], []),
    "upstream": (["m1", "run 1", "lake"], ["renamed", "run 1", "lake"]),
    "downstream": (["lake", "run 1", "m1"], ["lake", "run 1", "run 2", "renamed", "m2"]),
    "types": (13, 13),
    "log": ([1], [4, 3, 2, 1]),
    "log, cut": ([1], [4]),
    "log of a node": ([1], [3, 1]),
    "changes": ([], [2, 3, 4]),
    "at": ([1], [1]),
}


@pytest.mark.parametrize("read", READS)
def test_reading_as_of_a_moment(read: str, history: Store) -> None:
    for store, expected in zip((history.at(1), history), AS_OF[read], strict=True):
        if expected is NotFound:
            with pytest.raises(NotFound):
                READS[read](store)
        else:
            assert READS[read](store) == expected


@pytest.mark.parametrize("read", [read for read in READS if AS_OF[read][0] is not NotFound])
def test_reading_as_of_a_moment_inside_a_transaction(read: str, history: Store) -> None:
    def write_and_read() -> None:
        with history.transaction():
            history.put(Dataset())
            assert READS[read](history.at(1)) == AS_OF[read][0]
            raise Undone

    with pytest.raises(Undone):
        write_and_read()


def test_before_the_first_transaction_there_is_nothing(history: Store) -> None:
    empty = history.at(0)
    assert [len(empty.find(cls)) for cls in (Artifact, Execution, Context)] == [0, 0, 0]
    assert len(empty.types()) == 9
    assert empty.log() == []
    assert list(empty.changes()) == []


def test_moments_are_numbers_times_and_days(history: Store) -> None:
    first, second = history.at(1).log()[0].time, history.at(2).log()[0].time
    microsecond = timedelta(microseconds=1)
    moments: list[tuple[datetime | date | str | int, int]] = [
        (2, 2),
        (first, 1),
        (first - microsecond, 0),
        (second, 2),
        (second - microsecond, 1),
        (second.isoformat(), 2),
        (second.isoformat().replace("+00:00", "Z"), 2),
        ("2026-02-28", 0),
        (date(2026, 2, 28), 0),
        ("2026-03-01", 4),
        (date(2026, 3, 1), 4),
        ("20260302", 4),
        ("2026-03-02", 4),
        (date(2026, 3, 2), 4),
        (datetime(9999, 1, 1, tzinfo=UTC), 4),
        ("0001-01-01", 0),
    ]
    for moment, number in moments:
        assert history.at(moment).as_of == number, moment


def test_future_and_forgotten_moments_are_not_found(history: Store) -> None:
    with pytest.raises(NotFound, match="there is no transaction 5 yet; the last one is 4"):
        history.at(5)
    with pytest.raises(NotFound, match="as of transaction 2; it does not know 3"):
        history.at(2).at(3)
    with pytest.raises(NotFound, match="there is no artifact:3"):
        history.at(1).log("artifact:3")


def test_earlier_moment_does_not_change_and_cannot_be_changed(changing: Store) -> None:
    past = changing.at(2)
    model = past.get(Model, 2)
    before = everything(changing.backend)
    writes: list[Callable[[], object]] = [
        lambda: past.put(Dataset()),
        lambda: past.put([]),
        lambda: past.record(Train()),
        lambda: past.update(model),
        lambda: past.delete(model),
        past.delete,
        lambda: past.purge(model, reason="law"),
        lambda: past.transaction().__enter__(),
        lambda: past.transact(lambda it: it.find(Artifact)),
    ]
    for write in writes:
        with pytest.raises(Invalid, match="store as of transaction 2, which cannot be changed"):
            write()
    assert everything(changing.backend) == before
    changing.put(Dataset())
    assert past.get(Model, 2) == model
    past.close()
    assert past.get(Model, 2) == model
    with changing.at(1) as other:
        assert len(other.log()) == 1
    assert len(changing.log()) == 5


# The log and the feed


def test_log_is_newest_first_and_can_be_cut(history: Store) -> None:
    assert [(each.number, each.message, each.actor) for each in history.log()] == [
        (4, "delete", "ann"),
        (3, "rename", "ann"),
        (2, "run 2", "ann"),
        (1, "run 1", "ann"),
    ]
    assert [each.number for each in history.log(limit=2)] == [4, 3]
    assert [each.number for each in history.log(limit=2, before=3)] == [2, 1]
    assert history.log(before=1) == []
    assert len({each.time for each in history.log()}) == 4


def test_log_of_a_node(history: Store) -> None:
    def numbers(*of: Any, **options: Any) -> list[int]:
        return [each.number for each in history.log(*of, **options)]

    assert numbers("artifact:1") == [4, 1]
    assert numbers("Model:renamed") == [3, 1]
    assert numbers(Artifact(type="Model", id=2), limit=1) == [3]
    assert numbers("artifact:2", before=3) == [1]
    assert numbers("execution:2") == [2]
    assert numbers("Experiment:churn") == [1]
    with pytest.raises(NotFound, match="there is no artifact:99"):
        history.log(NodeKey(Kind.ARTIFACT, 99))


def test_changes_tell_what_each_transaction_did(changing: Store) -> None:
    changing.delete(Attribution(context="context:1", artifact="artifact:3"), "artifact:2")
    changing.purge("artifact:2", reason="law")
    first, second, third, fourth, fifth, sixth = changing.changes()
    assert [each.name for each in first.types] == ["Train", "Dataset", "Model", "Experiment"]
    assert [str(each.key) for each in first.created] == [
        "artifact:1",
        "artifact:2",
        "context:1",
        "execution:1",
    ]
    assert len(first.edges) == 5
    assert (second.types, [each.name for each in second.created]) == ((), ["m2", "run 2"])
    assert [(each.id, each.name) for each in third.updated] == [(2, None)]  # purged meanwhile
    assert fourth.deleted == (NodeKey(Kind.ARTIFACT, 1),)
    assert fifth.ended == (Attribution(context="context:1", artifact="artifact:3"),)
    assert fifth.deleted == sixth.purged == (NodeKey(Kind.ARTIFACT, 2),)
    assert [each.entry for each in (sixth, fifth, fourth, third, second, first)] == changing.log()
    assert [each.entry.number for each in changing.changes(4)] == [5, 6]
    assert list(changing.changes(6)) == list(changing.changes(99)) == []


def test_feed_ends_where_it_began_and_is_not_cut_by_writes(changing: Store) -> None:
    feed = changing.changes(2)
    changing.put(Dataset())
    assert [each.entry.number for each in feed] == [3, 4]
    assert [each.entry.number for each in changing.changes(4)] == [5]
