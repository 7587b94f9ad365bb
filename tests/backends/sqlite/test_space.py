"""Room on the disk: a full one, a log that grows, and what a purge leaves in the files."""

import contextlib
import logging
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lineage
from lineage import Artifact, ArtifactType, BackendError, Dataset, Store, ValueType
from lineage.model.rows import Batch
from tests.actors import Actor, pair
from tests.backends.files import change, door, in_thread, inside, made, models

# A database that may not grow


def fill(store: Store) -> None:
    """Write until there is no more room."""
    for turn in range(10_000):
        store.put([Dataset(name=f"{turn}/{each}", uri="x" * 1000) for each in range(20)])
    raise AssertionError("the disk is larger than expected")


def assert_whole(store: Store, filler: int = 20) -> None:
    """Every transaction is there as a whole, and nothing else."""
    assert store.check() == []
    assert len(store.find(Dataset)) % filler == 0
    assert [entry.number for entry in store.log()] == list(range(len(store.log()), 0, -1))


@pytest.mark.soak
def test_database_that_may_not_grow(tmp_path: Path) -> None:
    with lineage.connect(tmp_path / "a.db") as store:
        pair(store, "first")
        (pages,) = inside(store).execute("PRAGMA page_count").fetchone()
        inside(store).execute(f"PRAGMA max_page_count = {pages + 40}")
        with pytest.raises(BackendError, match="disk is full") as refused:
            fill(store)
        assert type(refused.value) is BackendError
        assert refused.value.__cause__ is not None
        assert_whole(store)
        written = len(store.find(Dataset))
        assert written
        with pytest.raises(BackendError, match="disk is full"):
            store.put([Dataset(uri="x" * 100_000)])
        inside(store).execute("PRAGMA max_page_count = 1000000")
        pair(store, "second")
        assert models(store) == ["first", "second"]
        assert len(store.find(Dataset)) == written
        assert_whole(store)


def test_error_that_is_caught_inside_a_transaction(tmp_path: Path) -> None:
    """SQLite may undo the whole transaction; what follows must not be committed bit by bit."""
    with lineage.connect(tmp_path / "a.db") as store:
        pair(store, "first")
        (pages,) = inside(store).execute("PRAGMA page_count").fetchone()
        inside(store).execute(f"PRAGMA max_page_count = {pages + 20}")

        def go_on_after_an_error() -> None:
            with store.transaction():
                pair(store, "second")
                with contextlib.suppress(BackendError):
                    store.put([Dataset(uri="x" * 1000) for _ in range(1000)])
                inside(store).execute("PRAGMA max_page_count = 1000000")
                pair(store, "third")

        with pytest.raises(lineage.Invalid):
            go_on_after_an_error()
        assert models(store) == ["first"]
        assert_whole(store)


def test_statement_outside_of_a_transaction_is_refused(tmp_path: Path) -> None:
    with lineage.connect(tmp_path / "a.db") as store:
        backend = store.backend

        def go_on_without() -> None:
            with store.transaction():
                pair(store, "lost")
                inside(store).execute("ROLLBACK")
                pair(store, "alone")

        for verb in (
            go_on_without,
            lambda: backend.write(1, Batch()),
            lambda: backend.end(1, []),
            lambda: backend.delete(1, []),
            lambda: backend.purge(1, []),
            lambda: backend.purge_heads(1, []),
            lambda: backend.append(lineage.contract.backend.EMPTY),
            backend.commit,
        ):
            with pytest.raises(lineage.Invalid, match="transaction is gone"):
                verb()
        assert store.log() == []
        assert_whole(store)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path | None]:
    """A folder on a file system of 1 MB; None where this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder]
    try:
        mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    yield folder if mounted else None
    if mounted:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.soak
@pytest.mark.parametrize("form", ["{}", "sqlite:{}?journal=rollback"])
def test_full_disk(form: str, small_disk: Path | None, tmp_path: Path) -> None:
    """A real one where that can be had; else a limit of SQLite's own, as above."""
    path = (small_disk or tmp_path) / "a.db"
    with lineage.connect(form.format(path)) as store:
        pair(store, "first")
        if small_disk is None:
            inside(store).execute("PRAGMA max_page_count = 250")
        else:
            (small_disk / "ballast").write_bytes(bytes(100_000))
        with pytest.raises(BackendError):
            fill(store)
        assert_whole(store)
        if small_disk is None:
            inside(store).execute("PRAGMA max_page_count = 1000000")
        else:
            (small_disk / "ballast").unlink()
        pair(store, "second")
        assert models(store) == ["first", "second"]
    with lineage.connect(path) as store:
        assert models(store) == ["first", "second"]
        assert_whole(store)


# The write-ahead log


def log_size(path: Path) -> int:
    return path.with_name(path.name + "-wal").stat().st_size


def test_log_is_emptied_once_no_reader_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with lineage.connect(path) as store:
        backend: Any = store.backend
        backend.large_log = 400_000
        pair(store, "first")
        with door(path) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM txn").fetchone() == (1,)
            sizes = []
            for turn in range(60):
                pair(store, f"turn {turn}")
                sizes.append(log_size(path))
            assert sizes == sorted(sizes)
            assert sizes[-1] > backend.large_log
            assert reader.execute("SELECT count(*) FROM txn").fetchone() == (1,)
        pair(store, "last")
        assert log_size(path) == 0
        pair(store, "after")
        assert 0 < log_size(path) < backend.large_log
        assert len(store.log()) == 63
        assert store.check() == []


def test_failure_to_tidy_up_is_no_failure_to_write(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who is told that a durable transaction failed would write it once more."""
    path = tmp_path / "a.db"
    with lineage.connect(path) as store:
        pair(store, "first")
        backend: Any = store.backend
        backend.large_log = 0
        inside(store).set_authorizer(deny_checkpoints)
        pair(store, "second")
        pair(store, "third")
        inside(store).set_authorizer(None)
        assert [each.levelno for each in caplog.records] == [logging.WARNING]
        pair(store, "fourth")
        assert log_size(path) == 0
        assert models(store) == ["first", "second", "third", "fourth"]


def deny_checkpoints(action: int, argument: str | None, *_: object) -> int:
    return 1 if argument == "wal_checkpoint" else 0


# Purged content

TEXTS = {"name": "<name>", "uri": "<uri>", "external_id": "<external id>"}
PROPERTIES = {"note": "<note>" * 10, "long": "<long>" * 3000}
MARKS = [b"<name>", b"<uri>", b"<external id>", b"<note>", b"<long>", b"<old note>", b"<old name>"]


def in_files(folder: Path) -> list[bytes]:
    """Return which of the purged texts are in any file of a folder; read by another process."""
    files = [each for each in folder.iterdir() if each.is_file()]
    content = subprocess.run(["cat", *files], check=True, capture_output=True).stdout
    return [mark for mark in MARKS if mark in content]


def put_note(store: Store) -> Artifact:
    """Write a node of two versions, both of whose contents are in the files."""
    store.put(
        ArtifactType(
            name="Note",
            properties={"note": ValueType.STRING, "long": ValueType.STRING},
            indexed=["note"],
        )
    )
    old = store.put(
        Artifact(
            type="Note",
            name="<old name>",
            properties={"note": "<old note>"},
            custom_properties=PROPERTIES,
        )
    )
    return store.update(old.model_copy(update={**TEXTS, "properties": PROPERTIES}))


def purge_live(store: Store, note: Artifact) -> None:
    store.purge(note, reason="a request")


def purge_deleted(store: Store, note: Artifact) -> None:
    store.delete(note)
    pair(store, "between")
    store.purge(note, reason="a request")


def purge_at_once(store: Store, note: Artifact) -> None:
    with store.transaction():
        store.update(note.model_copy(update={"name": "<name> again"}))
        store.purge(note, reason="a request")


@pytest.mark.parametrize("form", ["{}", "sqlite:{}?journal=rollback"])
@pytest.mark.parametrize("purge", [purge_live, purge_deleted, purge_at_once])
def test_purged_content_is_in_no_file(
    purge: Callable[[Store, Artifact], None], form: str, tmp_path: Path
) -> None:
    with lineage.connect(form.format(tmp_path / "a.db")) as store:
        note = put_note(store)
        assert in_files(tmp_path) == MARKS
        purge(store, note)
        assert in_files(tmp_path) == []
        assert store.check() == []
    assert in_files(tmp_path) == []


@pytest.mark.parametrize("form", ["{}", "sqlite:{}?journal=rollback"])
def test_purged_actor_is_in_no_file(form: str, tmp_path: Path) -> None:
    with lineage.connect(form.format(tmp_path / "a.db"), actor="<name>") as store:
        store.put(Dataset(uri="s3://a"), message="<note>" * 1000)
        pair(store, "between")
        with store.transaction(message="<long>"):
            pair(store, "last")
        assert in_files(tmp_path) == [b"<name>", b"<note>", b"<long>"]
        with store.backend.transaction(actor="dpo") as own:
            own.purge_heads([1, 2, 3])
        assert in_files(tmp_path) == []
        assert store.check() == []
    assert in_files(tmp_path) == []


def test_purge_of_an_actor_that_is_undone_leaves_it(tmp_path: Path) -> None:
    with lineage.connect(tmp_path / "a.db", actor="<name>") as store:
        store.put(Dataset(uri="s3://a"), message="<note>")
        with contextlib.suppress(ZeroDivisionError), store.backend.transaction() as own:
            own.purge_heads([1])
            raise ZeroDivisionError
        (entry,) = store.log()
        assert (entry.actor, entry.message) == ("<name>", "<note>")
        pair(store, "next")
        assert in_files(tmp_path) == [b"<name>", b"<note>"]


def test_purged_content_is_not_in_the_gaps_of_pages(tmp_path: Path) -> None:
    """Where SQLite splits a page, the old one keeps a copy of what moved away."""
    with lineage.connect(tmp_path / "a.db") as store:
        nodes = []
        for turn in range(40):
            names = [f"<{turn}-{each:03}>" for each in range(10 + turn * 7 % 23)]
            nodes += store.put(
                [
                    Dataset(
                        name=name, uri=name * 3, custom_properties={"long": name * (turn % 9 * 40)}
                    )
                    for name in names
                ]
            )
        for place in range(0, len(nodes), 3):
            renamed = nodes[place].model_copy(update={"uri": f"{nodes[place].name}!" * 40})
            nodes[place] = store.update(renamed)
        store.purge(*nodes[::5], reason="a request")
        files = [each for each in tmp_path.iterdir() if each.is_file()]
        content = subprocess.run(["cat", *files], check=True, capture_output=True).stdout
        assert [each.name for each in nodes[::5] if f"{each.name}".encode() in content] == []
        assert store.check() == []


def test_purge_waits_for_a_reader_that_soon_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.db"
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with contextlib.closing(reader), lineage.connect(path) as store:
        note = put_note(store)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM node").fetchone() == (1,)
        end = threading.Timer(0.3, reader.execute, ["COMMIT"])

        def end_soon_after_the_first_try(statement: str) -> None:
            if "wal_checkpoint" in statement:
                end.start()

        inside(store).set_trace_callback(end_soon_after_the_first_try)
        store.purge(note, reason="a request")
        end.join()
        assert caplog.records == []
        assert in_files(tmp_path) == []


def test_reader_keeps_purged_content_for_a_while(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.db"
    with lineage.connect(path) as store:
        note = put_note(store)
        with door(path) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM node").fetchone() == (1,)
            store.purge(note, reason="a request")
            (warning,) = caplog.records
            assert "later transaction" in warning.getMessage()
            assert in_files(tmp_path)
            statements: list[str] = []
            inside(store).set_trace_callback(statements.append)
            pair(store, "meanwhile")
            assert statements[-3] == "PRAGMA busy_timeout = 0", "only the first try waits"
            assert "VACUUM" not in statements
            assert in_files(tmp_path)
            assert len(caplog.records) == 1
        pair(store, "last")
        assert in_files(tmp_path) == []
        assert store.check() == []


def test_each_purge_rewrites_the_file_with_a_warning_of_its_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.db"
    with lineage.connect(path) as store:
        for turn, note in enumerate([put_note(store), store.put(Dataset(name="second"))]):
            statements: list[str] = []
            inside(store).set_trace_callback(statements.append)
            with door(path) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM node").fetchone()
                store.purge(note, reason="a request")
            pair(store, f"after {turn}")
            assert statements.count("VACUUM") == 1
            assert len(caplog.records) == turn + 1
        assert in_files(tmp_path) == []


def test_purge_that_was_cut_short_is_finished_by_the_next_writer(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with lineage.connect(path) as store:
        note = put_note(store)
    with Actor("purge", path, note.key) as actor:
        actor.rest()
    assert in_files(tmp_path)
    with lineage.connect(path) as store:
        assert store.find(Artifact).items == ()
        assert store.log()[0].message == "a request"
        pair(store, "next")
        assert in_files(tmp_path) == []
        assert store.check() == []


@pytest.mark.soak
def test_purge_without_room_to_tidy_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = made(tmp_path / "a.db")
    with lineage.connect(path) as store:
        note = put_note(store)
        inside(store).set_authorizer(deny_checkpoints)
        store.purge(note, reason="a request")
        inside(store).set_authorizer(None)
        assert "later transaction" in caplog.text
        assert in_thread(lambda: store.find(Artifact, "type = 'Note'").items) == ()
        pair(store, "next")
        assert in_files(tmp_path) == []


def test_purge_that_is_undone_leaves_the_content(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with lineage.connect(path) as store:
        note = put_note(store)
        with contextlib.suppress(ZeroDivisionError), store.transaction():
            store.purge(note, reason="a request")
            raise ZeroDivisionError
        pair(store, "next")
        assert store.get(note) == note
        change(path, "PRAGMA wal_checkpoint(TRUNCATE)")
        assert in_files(tmp_path) == MARKS
