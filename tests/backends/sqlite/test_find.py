"""Pages by a time of nodes of some types, which are looked for in a window of the time's index first."""

import sqlite3
from itertools import product
from pathlib import Path

import pytest

from lineage.backends.sqlite import find
from lineage.backends.sqlite.backend import SqliteBackend
from lineage.contract.backend import Order
from lineage.errors import Corrupt
from lineage.filters.tree import Column, Compare, Field, In, Operator, PropertyColumn, all_of
from lineage.model.keys import Kind
from lineage.testing.builders import DATASET, MODEL, TRAIN, writing


@pytest.mark.parametrize(("entries", "nodes"), [(3, 2), (6, 2), (6, 6), (100, 3), (1, 1)])
def test_pages_are_the_same_whatever_the_window_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entries: int, nodes: int
) -> None:
    monkeypatch.setattr(find, "WINDOW_ENTRIES", entries)
    monkeypatch.setattr(find, "WINDOW", nodes)
    with SqliteBackend(tmp_path / "store.db") as backend:
        with writing(backend) as new:
            for number in range(12):
                # Models are old, and others made at the same time as data.
                new.artifact(MODEL, created=number % 3, updated=20 - number)
                new.execution(TRAIN, created=5)
                new.artifact(DATASET, created=5 + number // 4, updated=number, state=number % 2)
        for ids, field, descending, limit in product(
            ((MODEL,), (DATASET,), (MODEL, DATASET)),
            (Field.CREATED, Field.UPDATED),
            (False, True),
            (1, 2, 5),
        ):
            order = Order(field, descending)
            for more in (None, Compare(Column(Field.STATE), Operator.EQ, 1)):
                where = all_of(In(Column(Field.TYPE_ID), ids), more)
                whole = backend.find(Kind.ARTIFACT, where, order=order)
                pages, after = [], None
                while page := backend.find(
                    Kind.ARTIFACT, where, order=order, after=after, limit=limit
                ):
                    pages += page
                    after = (order.value(page[-1]), page[-1].key.id)
                assert pages == whole
                assert whole == sorted(
                    whole, key=lambda row: (order.value(row), row.key.id), reverse=descending
                )


def test_values_of_damaged_properties_are_a_fault(tmp_path: Path) -> None:
    with SqliteBackend(tmp_path / "store.db") as backend:
        with writing(backend) as new:
            new.artifact(MODEL, custom={"a": 1})
        column = PropertyColumn("a", custom=True)
        for damaged in ("{", "[1]", '{"a":{"of":1}}'):
            with sqlite3.connect(tmp_path / "store.db") as sql:
                sql.execute("UPDATE node SET custom = ?", (damaged,))
            sql.close()
            with pytest.raises(Corrupt, match="run a check of the store"):
                backend.values(Kind.ARTIFACT, [column])
