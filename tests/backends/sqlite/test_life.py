"""Files that are deleted, replaced or linked while a store is open: nothing is acknowledged into nowhere."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import lineage
from lineage import BackendError, Corrupt, Invalid, Model, Store
from tests.actors import Actor, pair
from tests.backends.files import in_thread, made, models

FORMS = ["{}", "sqlite:{}?journal=rollback"]


def delete(path: Path) -> None:
    path.unlink()


def move_away(path: Path) -> None:
    path.rename(path.parent / "moved.db")


def replace(path: Path) -> None:
    made(path.parent / "other.db").replace(path)


def replace_folder(path: Path) -> None:
    path.parent.rename(path.parent.parent / "old")
    path.parent.mkdir()
    made(path)


CHANGES: dict[Callable[[Path], None], str] = {
    delete: "was deleted or moved away",
    move_away: "was deleted or moved away",
    replace: "another file has taken the place",
    replace_folder: "another file has taken the place",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("change", CHANGES)
def test_file_that_is_not_there_any_more(
    change: Callable[[Path], None], form: str, tmp_path: Path
) -> None:
    path = tmp_path / "folder" / "a.db"
    path.parent.mkdir()
    store = lineage.connect(form.format(path))
    pair(store, "lost")
    in_thread(lambda: models(store))
    change(path)
    there = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    for act in (
        lambda: pair(store, "refused"),
        lambda: store.transact(lambda own: pair(own, "refused")),
        lambda: models(store),
        lambda: in_thread(lambda: pair(store, "refused")),
        store.check,
    ):
        with pytest.raises(BackendError, match=f"{CHANGES[change]}.*connect again") as refused:
            act()
        assert not refused.value.retryable
    store.close()
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == {
        "a.db-lock": b"",
        **there,
    }
    if change is not replace_folder and (path.parent / "a.db-wal").exists():
        # The log stayed; what came in the file's place has none of its own.
        says = r"and .*a\.db-shm, and connect again" if change is replace else "to make a new store"
        with pytest.raises(Corrupt, match=rf"delete .*a\.db-wal {says}"):
            lineage.connect(form.format(path))
        for end in ("-wal", "-shm"):
            Path(f"{path}{end}").unlink()
    with lineage.connect(form.format(path)) as again:
        expected = ["first"] if change in (replace, replace_folder) else []
        assert models(again) == expected
        pair(again, "second")
        assert again.check() == []


@pytest.mark.parametrize("change", CHANGES)
def test_transaction_that_loses_its_file_is_not_committed(
    change: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "folder" / "a.db"
    path.parent.mkdir()
    with lineage.connect(path) as store:

        def lose() -> None:
            with store.transaction():
                pair(store, "lost")
                change(path)

        with pytest.raises(BackendError, match=CHANGES[change]):
            lose()
        with suppress(BackendError):
            assert models(store) == []


def test_log_of_the_file_that_came_is_left_alone(tmp_path: Path) -> None:
    """SQLite deletes the log by its name, when it closes what it takes for the last connection."""
    path = tmp_path / "a.db"
    old = lineage.connect(path)
    pair(old, "old")
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink()
    with lineage.connect(path) as new:
        pair(new, "new")
        old.close()
        pair(new, "newer")
        with Actor("create", "another") as actor:
            assert actor.said() == "ready"
            actor.tell(str(path))
            assert actor.said() == "3"
        assert models(new) == ["new", "newer", "another"]
        assert new.check() == []


def test_log_that_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with lineage.connect(path) as store:
        pair(store, "first")
        Path(f"{path}-wal").unlink()
        with pytest.raises(BackendError, match=r"a\.db-wal was deleted.*copy_to"):
            pair(store, "refused")
        assert models(store) == ["first"]
        with lineage.connect(tmp_path / "copy.db") as copy:
            store.copy_to(copy)
            assert models(copy) == ["first"]
            assert copy.check() == []


# A second name


def only_read(store: Store, *, names: list[str]) -> None:
    with pytest.raises(Invalid, match=r"2 names of a file \(hard links\).*lineage copy"):
        pair(store, "refused")
    assert models(store) == names
    (model,) = store.find(Model)
    assert store.upstream(model).matches
    assert store.check() == []


@pytest.mark.parametrize("form", FORMS)
def test_file_with_two_names_is_only_read(form: str, tmp_path: Path) -> None:
    path, other = tmp_path / "a.db", tmp_path / "b.db"
    with lineage.connect(form.format(path)) as store:
        pair(store, "first")
    with lineage.connect(form.format(path)) as store:
        other.hardlink_to(path)
        only_read(store, names=["first"])
        with lineage.connect(form.format(other)) as second:
            only_read(second, names=["first"])
            with lineage.connect(tmp_path / "copy.db") as copy:
                second.copy_to(copy)
                pair(copy, "copied")
        path.unlink()
        with lineage.connect(form.format(other)) as second:
            pair(second, "second")
            assert models(second) == ["first", "second"]


def test_empty_file_with_two_names_becomes_no_store(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    os.link(tmp_path / "a.db", tmp_path / "b.db")
    with pytest.raises(Invalid, match="hard links"):
        lineage.connect(tmp_path / "a.db")
    assert (tmp_path / "b.db").stat().st_size == 0


def test_restored_over_the_open_file(tmp_path: Path) -> None:
    """What is copied into the file keeps its name and number, but not its last transaction."""
    path, backup = tmp_path / "a.db", tmp_path / "backup.db"
    with lineage.connect(f"sqlite:{path}?journal=rollback") as store:
        pair(store, "first")
        with lineage.connect(f"sqlite:{backup}?journal=rollback") as copy:
            store.copy_to(copy)
        pair(store, "second")
        in_thread(lambda: shutil.copyfile(backup, path))
        with pytest.raises(BackendError, match=r"another history.*connect again"):
            pair(store, "refused")
