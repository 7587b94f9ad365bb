"""Stores that are open for reading only: nothing is made, changed or left behind."""

import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import lineage
from lineage import Corrupt, Invalid, Model, NotFound
from tests.actors import Actor, pair
from tests.backends.files import around, in_thread, made, models


def test_reading_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"a\.db"):
        lineage.connect(tmp_path / "a.db", readonly=True)
    (tmp_path / "empty.db").touch()
    with pytest.raises(Corrupt, match="empty"):
        lineage.connect(tmp_path / "empty.db", readonly=True)
    assert around(tmp_path / "a.db") == {"empty.db": b""}


@pytest.mark.parametrize("form", ["{}", "sqlite:{}?journal=rollback"])
def test_reading_leaves_the_folder_as_it_is(form: str, tmp_path: Path) -> None:
    path = made(form.format(tmp_path / "a.db"))
    (tmp_path / "a.db-lock").unlink()
    before = around(path)
    with lineage.connect(form.format(path), readonly=True) as store:
        assert models(store) == in_thread(lambda: models(store)) == ["first"]
        assert store.check() == []
    assert around(path) == before


def test_nothing_is_written_to_what_is_open_for_reading(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    (tmp_path / "a.db-lock").unlink()
    before = around(path)
    with lineage.connect("memory:") as other, lineage.connect(path, readonly=True) as store:
        pair(other, "other")
        (model,) = store.find(Model)
        backend = store.backend
        for write in (
            lambda: pair(store, "refused"),
            lambda: store.update(model),
            lambda: store.delete(model),
            lambda: store.purge(model, reason="refused"),
            lambda: backend.replay(other.backend.changes()),
            backend.begin,
        ):
            with pytest.raises(Invalid, match="read-only"):
                write()
        assert models(store) == ["first"]
    assert around(path) == before


def test_reader_sees_what_others_write(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    with lineage.connect(path, readonly=True) as reader:
        assert models(reader) == ["first"]
        with lineage.connect(path) as store:
            pair(store, "second")
            assert models(reader) == ["first", "second"]
        with Actor("create", "third") as actor:
            assert actor.said() == "ready"
            actor.tell(str(path))
            assert actor.said() == "3"
        assert models(reader) == ["first", "second", "third"]


def test_reading_recovers_what_a_crash_left(tmp_path: Path) -> None:
    with Actor("stream", tmp_path / "a.db", "a") as actor:
        actor.said()
        actor.kill()
        actor.rest()
    assert (tmp_path / "a.db-wal").stat().st_size
    with lineage.connect(tmp_path / "a.db", readonly=True) as store:
        assert models(store)[0] == "a/0"
        assert store.check() == []


@pytest.fixture
def shut(tmp_path: Path) -> Iterator[Path]:
    """A folder that everybody may reach, in contrast to pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_reading_without_the_right_to_write(shut: Path) -> None:
    """Neither folder nor file may be written: no log can be made, so there is no writer to miss."""
    path = made(shut / "a.db")
    path.chmod(0o444)
    shut.chmod(0o555)
    before = around(path)
    with Actor("read_shut", path) as actor:
        assert actor.said() == "['first']"
        assert actor.rest() == ["Invalid", "Unavailable"]
    assert around(path) == before


def test_reading_without_the_right_to_write_notices_changes(shut: Path) -> None:
    """Of a file that is opened as immutable SQLite itself sees what it has kept, or halves of what is there."""
    path = made(shut / "a.db")
    path.chmod(0o444)
    with Actor("read_shut_again", path) as actor:
        assert actor.said() == "['first']"
        with lineage.connect(path) as store:
            for each in range(40):
                pair(store, f"model {each} {'x' * 1000}")
            actor.tell()
            assert actor.said().startswith(f"Unavailable {path} is being written")
        for _ in range(2):
            actor.tell()
            assert actor.said() == "[41, 41, []]"
        with lineage.connect(path) as store:
            pair(store, "last")
        actor.tell()
        assert actor.said() == "[42, 42, []]"
        made(shut / "other.db").replace(path)
        actor.tell()
        assert actor.said().startswith("BackendError another file has taken the place")
        actor.tell("")
        assert actor.rest() == []


def test_file_without_the_right_to_read(shut: Path) -> None:
    path = made(shut / "a.db")
    path.chmod(0)
    with Actor("read_unreadable", path) as actor:
        assert actor.rest() == ["Unavailable", "Unavailable"]
    shut.chmod(0)
    with Actor("read_unreadable", path) as actor:
        assert actor.rest() == ["Unavailable", "Unavailable"]
    shut.chmod(0o755)
    path.chmod(stat.S_IRUSR)
