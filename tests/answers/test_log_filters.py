"""The log by actor, day, type and text, beside a plain reading of all transactions."""

from itertools import product
from typing import Any

import pytest

import lineage
from lineage.answers import log_filters
from lineage.answers.log import LogEntry, change_of
from lineage.errors import Invalid, NotFound
from lineage.model.entities import Node
from lineage.model.rows import Head
from lineage.store import Store
from lineage.testing.builders import eventful, writing
from tests.runs import Model, two_runs


@pytest.fixture(scope="module")
def history(shared: Store) -> Store:
    eventful(shared.backend)
    two_runs(shared)
    with writing(shared.backend, actor="bob", message="a run of bob's") as new:
        data = new.artifact()
    with writing(shared.backend) as new:
        new.delete(data)
    return shared


def types_of(store: Store, entry: LogEntry) -> set[str]:
    """Return the types of the nodes that a transaction wrote or took away."""
    (commit,) = store.backend.changes(entry.number - 1, until=entry.number)
    change = change_of(store.backend, commit)
    rows = store.backend.nodes({*change.deleted, *change.purged}).values()
    known = {each.id: each.name for each in store.types()}
    written: list[Node] = [*change.created, *change.updated]
    return {*(node.type for node in written), *(known[row.type_id] for row in rows)}


def test_filters_are_a_plain_reading(history: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_filters, "FIRST_HEADS", 5)
    entries = history.log()
    whole = [(each, types_of(history, each)) for each in entries]
    kinds = (None, "Model", "Step")
    conditions = [
        *product((None, "ann", "an", ""), (None, "run", "Run"), kinds, (None,)),
        *product((None,), ("run",), kinds, (9,)),
    ]
    past = len(entries) - 1
    for actor, text, kind, before in conditions:
        expected = [
            entry
            for entry, types in whole
            if actor in (None, entry.actor)
            and not (actor is not None and entry.purged)
            and (text is None or text in entry.message)
            and (kind is None or kind in types)
            and (before is None or entry.number < before)
        ]
        asked: dict[str, Any] = {"actor": actor, "text": text, "type": kind, "before": before}
        assert history.log(**asked) == expected
        assert history.log(**asked, limit=1) == expected[:1]
        if before is None:
            known = [each for each in expected if each.number <= past]
            assert history.at(past).log(**asked) == known


def test_days_are_whole_and_times_exact(history: Store) -> None:
    entries = history.log()
    numbers = [each.number for each in entries]
    times = {each.number: each.time for each in entries}
    assert [each.number for each in history.log(since="2026-03-01", until="2026-03-01")] == numbers
    assert history.log(since="2026-03-02") == history.log(until="2026-02-28") == []
    between = history.log(since=times[3], until=times[5])
    assert [each.number for each in between] == [5, 4, 3]
    assert [each.number for each in history.log(since=times[3], before=5)] == [4, 3]
    own = [each.number for each in history.log("artifact:1")]
    some = [each.number for each in history.log("artifact:1", until=times[2])]
    assert some == [number for number in own if number <= 2]


def test_types_by_class_kind_base_and_name(history: Store) -> None:
    by_name = history.log(type="Model")
    assert by_name
    assert history.log(type=Model) == by_name
    based = history.log(type="lineage.Model")
    assert {*by_name} < {*based}
    assert history.log(type=lineage.Model) == based
    assert {each.number for each in by_name} < {
        each.number for each in history.log(type="artifact")
    }
    with pytest.raises(NotFound, match="there is no type 'Nothing'"):
        history.log(type="Nothing")
    with pytest.raises(Invalid, match="has one type"):
        history.log("artifact:1", type="Model")
    with pytest.raises(Invalid):
        history.log(type=int)
    with pytest.raises(Invalid):
        history.log(since="soon")
    with pytest.raises(Invalid):
        history.log(actor="\ud800")


def test_an_erased_actor_is_nobodys_and_entries_have_digests() -> None:
    store = lineage.connect("memory:", actor="ann")
    store.put(lineage.Dataset(), message="m")
    Store(store.backend, actor="dpo").purge_actor("ann", reason="law")
    last, first = store.log()
    assert (first.actor, first.message, first.purged, last.purged) == ("", "", True, False)
    assert store.log(actor="") == []
    assert store.log(actor="dpo") == [last]
    for entry in (last, first):
        assert store.check(digest=f"{entry.number}:{entry.digest}") == []
    assert len(store.check(digest=f"1:{last.digest}")) == 1
    assert len(store.check(digest=f"3:{last.digest}")) == 1
    bad: Any
    for bad in ("", 3, "1:ab", f"1;{last.digest}"):
        with pytest.raises(Invalid, match="is no digest to compare with"):
            store.check(digest=bad)


def test_a_page_of_a_long_log_reads_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    store = lineage.connect("memory:", actor="ann")
    for number in range(400):
        store.put(lineage.Dataset(), message=str(number % 100))
    log, asked = store.backend.log, []

    def counted(*, before: int | None = None, limit: int | None = None) -> list[Head]:
        heads = log(before=before, limit=limit)
        asked.append(len(heads))
        return heads

    monkeypatch.setattr(store.backend, "log", counted)
    assert [each.number for each in store.log(limit=3, text="9")] == [400, 399, 398]
    assert sum(asked) <= 50
    asked.clear()
    assert [each.number for each in store.log(limit=2, text="50", type="lineage.Dataset")] == [
        351,
        251,
    ]
    assert sum(asked) <= 350
    asked.clear()
    assert len(store.log(before=20)) == 19
    assert sum(asked) <= 50
