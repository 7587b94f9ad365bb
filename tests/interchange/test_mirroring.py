"""Databases that are followed: what is new there comes, and nothing of another database.

The database is a file that we wrote ourselves; `tests/mlmd` follows those of the real package.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NoReturn, cast

import pytest

import lineage
from lineage.contract.backend import Backend
from lineage.contract.format import Database
from lineage.contract.transaction import Author
from lineage.errors import Conflict, Invalid
from lineage.formats.mlmd import connect
from lineage.interchange import mirroring
from lineage.interchange.importing import Imported
from lineage.interchange.mirroring import follow
from lineage.model.keys import Kind, NodeKey
from lineage.progress import Progress
from lineage.store import Store
from lineage.testing.builders import Clock

ANN = Author("ann", "moved")
MODEL = NodeKey(Kind.ARTIFACT, 2)


class Net(lineage.Model):
    depth: int = 0


@pytest.fixture
def source() -> Iterator[Store]:
    """A store with a run, which is written as the database."""
    with lineage.connect("memory:", clock=Clock()) as store:
        store.record(lineage.Train(), inputs=lineage.Dataset(name="lake"), outputs=Net(name="net"))
        yield store


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "mlmd.db"


def brought(backend: Backend, source: Store, place: Path) -> Imported:
    """Write a store as the database as it is now, and bring in what is new."""
    source.export_to(place, format="mlmd")
    with connect(str(place)) as database:
        return follow(backend, database, "mlmd", ANN)


def test_what_is_new_and_what_changed_comes(backend: Backend, source: Store, place: Path) -> None:
    done = brought(backend, source, place)
    assert (done.nodes, done.edges, done.updates, done.losses) == (3, 2, 0, ())
    assert done.verified == done.types + done.nodes + done.edges + 9
    assert done.transactions == tuple(range(1, backend.now() + 1))
    again = brought(backend, source, place)
    assert again == Imported(0, 0, 0, (), verified=done.verified)
    source.update(source.get(Net, "net").replace(uri="s3://net"))
    source.record(lineage.Evaluate(), inputs=[MODEL])
    more = brought(backend, source, place)
    assert (more.types, more.nodes, more.updates, more.edges) == (0, 1, 1, 1)
    assert more.verified == done.verified + 2
    assert [row.uri for row in backend.versions(MODEL)] == [None, "s3://net"]
    (last,) = backend.log(limit=1)
    assert last.mark == f"mlmd, transaction {last.number}"
    assert (last.actor, last.message) == ("ann", "moved")
    assert backend.check() == []


def test_parts_write_each_record_once(
    backend: Backend, source: Store, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "BATCH_RECORDS", 1)
    done = brought(backend, source, place)
    assert (done.nodes, done.edges) == (3, 2)
    assert len(done.transactions) > 3
    assert sum(head.records for head in backend.log()) == done.types + done.nodes + done.edges
    assert brought(backend, source, place).transactions == ()


def test_store_with_anything_else_is_refused(backend: Backend, source: Store, place: Path) -> None:
    brought(backend, source, place)
    Store(backend).put(lineage.Dataset(name="other"))
    with pytest.raises(Invalid, match="the last of which is another"):
        brought(backend, source, place)


def test_message_alone_makes_no_part(backend: Backend, source: Store, place: Path) -> None:
    Store(backend).put(lineage.Dataset(name="other"))
    Store(backend).put(lineage.Dataset(), message="import of mlmd, transaction 2")
    with pytest.raises(Invalid, match="this one has 2 transactions"):
        brought(backend, source, place)
    assert backend.now() == 2


def test_part_of_another_format_is_refused(backend: Backend, source: Store, place: Path) -> None:
    brought(backend, source, place)
    with (
        connect(str(place)) as database,
        pytest.raises(Invalid, match="the last of which is another"),
    ):
        follow(backend, database, "other", ANN)


def test_database_whose_newest_nodes_were_made_at_other_times_is_another(
    backend: Backend, source: Store, place: Path
) -> None:
    brought(backend, source, place)
    before = backend.now()
    with lineage.connect("memory:") as other:
        other.record(lineage.Train(), inputs=lineage.Dataset(name="lake"), outputs=Net(name="net"))
        with pytest.raises(Invalid, match=r"artifact:2, made at 2026-.* is another node there"):
            brought(backend, other, place)
    assert backend.now() == before


def test_database_with_another_edge_is_another(
    backend: Backend, source: Store, place: Path
) -> None:
    brought(backend, source, place)
    event = lineage.Event(artifact=MODEL, execution="execution:1", type="OUTPUT", path=["late"])
    with lineage.connect("memory:", clock=Clock()) as other:
        with other.transaction():
            kept = other.put([lineage.Dataset(name="lake"), Net(name="net"), lineage.Train()])
            other.put(lineage.Event(artifact=kept[0].key, execution=kept[2].key, type="INPUT"))
            other.put(event)
        with pytest.raises(Invalid, match="the edge OUTPUT from execution:1 to artifact:2"):
            brought(backend, other, place)


def change(place: Path, *statements: str) -> None:
    """Change a file by hand."""
    with closing(sqlite3.connect(place)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_database_of_which_no_newest_node_is_there_is_another(
    backend: Backend, source: Store, place: Path
) -> None:
    brought(backend, source, place)
    change(place, "DELETE FROM Artifact", "DELETE FROM Event")
    with (
        connect(str(place)) as database,
        pytest.raises(Invalid, match=r"newest artifacts, artifact:2 among them, none is there"),
    ):
        follow(backend, database, "mlmd", ANN)


def test_circle_of_parents_is_refused(backend: Backend, source: Store, place: Path) -> None:
    source.put(lineage.ContextType(name="Group"))
    one, other = source.put([lineage.Context(type="Group", name=name) for name in "ab"])
    source.put(lineage.ParentContext(parent=one.key, child=other.key))
    source.export_to(place, format="mlmd")
    change(place, "INSERT INTO ParentContext (parent_context_id, context_id) VALUES (2, 1)")
    with connect(str(place)) as database, pytest.raises(Invalid, match="its ancestor or itself"):
        follow(backend, database, "mlmd", ANN)
    assert backend.check() == []


class Untouched:
    """A database of which nothing may be asked."""

    def __getattr__(self, name: str) -> NoReturn:
        pytest.fail(f"{name} was asked for")


def test_store_that_cannot_be_written_is_refused_before_anything_is_read(backend: Backend) -> None:
    database = cast(Database, Untouched())
    with backend.transaction(), pytest.raises(Invalid, match="outside of one"):
        follow(backend, database, "mlmd", ANN)
    backend.readonly = True
    with pytest.raises(Invalid, match="read-only"):
        follow(backend, database, "mlmd", ANN)


def test_database_is_named_and_keeps_its_ids(store: Store, source: Store, place: Path) -> None:
    source.export_to(place, format="mlmd")
    with pytest.raises(Invalid, match="keeps its ids"):
        store.import_from(place, format="mlmd", new_ids=True)
    with place.open("rb") as file, pytest.raises(Invalid, match="named by its path or URL"):
        store.import_from(file, format="mlmd")
    assert store.import_from(place, format="mlmd").nodes == 3
    (last,) = store.log(limit=1)
    assert last.message == f"import of mlmd, transaction {last.number}"


def test_another_writer_meanwhile_is_a_conflict(
    backend: Backend, source: Store, place: Path
) -> None:
    def meddle(_: Progress) -> None:
        Store(backend).put(lineage.Dataset())

    source.export_to(place, format="mlmd")
    with connect(str(place)) as database, pytest.raises(Conflict, match="by another meanwhile"):
        follow(backend, database, "mlmd", ANN, progress=meddle)
