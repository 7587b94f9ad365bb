"""What is kept in files is not exported over, imported into itself or copied onto, by whatever name."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import lineage
from lineage import Dataset, Invalid, Store
from lineage.contract.files import is_one_of
from lineage.testing.builders import everything
from tests.backends.files import in_thread


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store whose name has the suffix of a format, with a log that holds its last transactions."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with lineage.connect(folder / "store.json") as store:
        store.put(Dataset(uri="a"))
        yield store


def linked(link: Callable[[str, Path], None]) -> Callable[[Path], str]:
    def name(path: Path) -> str:
        link(str(path), path.parent.parent / "link.json")
        return str(path.parent.parent / "link.json")

    return name


def through_a_folder(path: Path) -> str:
    (path.parent.parent / "other").symlink_to(path.parent)
    return str(path.parent.parent / "other" / path.name)


def by_number(path: Path) -> str:
    for number in Path("/proc/self/fd").iterdir():
        if os.path.realpath(number) == str(path):
            return str(number)
    raise AssertionError("the store has no file open")


NAMES: dict[str, Callable[[Path], str]] = {
    "itself": str,
    "a dot": lambda path: f"{path.parent}/./{path.name}",
    "the folder above": lambda path: f"{path.parent}/../folder/{path.name}",
    "a link": linked(os.symlink),
    "a hard link": linked(os.link),
    "a link to its folder": through_a_folder,
    "an open file": by_number,
    **{
        f"the {end}": lambda path, end=end: f"{path}{end}"  # type: ignore[misc]
        for end in ("-wal", "-shm", "-lock", "-journal", "-WAL")
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_store_is_left_as_it_is(name: str, store: Store, tmp_path: Path) -> None:
    before = everything(store.backend)
    target = NAMES[name](store.backend.files[0])
    names = {each.name for each in (tmp_path / "folder").iterdir()}
    for act in (
        lambda: store.export_to(target, format="node-link"),
        lambda: store.export_to(Path(target), format="mlmd"),
        lambda: store.import_from(target, format="node-link"),
        lambda: store.import_from(target, format="mlmd"),
    ):
        with pytest.raises(Invalid, match="is the store itself, or one of the files beside it"):
            act()
    assert {each.name for each in (tmp_path / "folder").iterdir()} == names
    # Another connection reads what is in the files; it would not, had one of them been opened and closed.
    assert in_thread(lambda: everything(store.backend)) == before
    (tmp_path / "link.json").unlink(missing_ok=True)
    store.put(Dataset(uri="b"))
    assert store.check() == []


def test_open_file_is_not_the_store(store: Store, tmp_path: Path) -> None:
    for end in ("-lock", "-wal"):
        with (
            Path(f"{store.backend.files[0]}{end}").open("r+b") as file,
            pytest.raises(Invalid, match=end),
        ):
            store.export_to(file, format="node-link")
    with (tmp_path / "other.json").open("wb") as file:
        assert store.export_to(file, format="node-link") == ()


def test_other_files_beside_the_store_are_written(store: Store) -> None:
    folder = store.backend.files[0].parent
    for name in ("store.json.json", "store.json-wal.json", "Store.jso"):
        store.export_to(folder / name, format="node-link")
        assert (folder / name).read_bytes().startswith(b"{")
    assert store.check() == []


def test_store_is_not_copied_onto_itself(store: Store, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(store.backend.files[0])
    with (
        lineage.connect(tmp_path / "link.db") as other,
        pytest.raises(Invalid, match="the same store"),
    ):
        store.copy_to(other)


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal", "-lock"])
def test_no_store_is_where_another_keeps_its_files(end: str, store: Store, tmp_path: Path) -> None:
    path = store.backend.files[0]
    (tmp_path / "link.db").symlink_to(f"{path}{end}")
    before = everything(store.backend)
    for name in (f"{path}{end}", tmp_path / "link.db", f"sqlite:{path}{end}"):
        for readonly in (True, False):
            with pytest.raises(Invalid, match="another store"):
                lineage.connect(name, readonly=readonly)
    assert everything(store.backend) == before


def test_folders_tell_files_apart_that_are_not_there(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    assert is_one_of(tmp_path / "one" / "a.db", [tmp_path / "two" / ".." / "one" / "a.db"])
    assert not is_one_of(tmp_path / "two" / "a.db", [tmp_path / "one" / "a.db"])
    assert not is_one_of("no\0path", [tmp_path / "one" / "a.db"])
