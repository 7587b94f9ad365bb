"""Where a SQLite store may be: URLs, paths, links and file systems."""

import os
import shutil
from pathlib import Path

import pytest

import lineage
from lineage import Conflict, Invalid, LineageError, NotFound, Unavailable
from lineage.backends.sqlite.location import NETWORK_FILE_SYSTEMS, check_place, file_system
from tests.actors import pair
from tests.backends.files import door, in_thread, made, models


def journal_of(path: Path) -> str:
    with door(path) as own:
        return str(own.execute("PRAGMA journal_mode").fetchone()[0])


# URLs


@pytest.mark.parametrize(
    ("form", "journal"),
    [
        ("{}", "wal"),
        ("sqlite:{}", "wal"),
        ("SQLite:{}", "wal"),
        ("sqlite:{}?", "wal"),
        ("sqlite:{}?journal=wal", "wal"),
        ("sqlite:{}?journal=rollback", "delete"),
    ],
)
def test_a_file_has_several_urls(form: str, journal: str, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with lineage.connect(form.format(path)) as store:
        pair(store, "first")
    assert {each.name for each in tmp_path.iterdir()} == {"a.db", "a.db-lock"}
    assert journal_of(path) == journal
    for again in ("{}", form):
        with lineage.connect(again.format(path)) as store:
            assert models(store) == ["first"]
            assert store.check() == []
    assert journal_of(path) == journal


@pytest.mark.parametrize(
    "name",
    ["a b?c#d%20e&f.db", "ü-😀.db", "a:b.db", "'quoted\".db", "new\nline.db", "%00.db", "~.db"],
)
def test_file_has_the_name_it_is_given(name: str, tmp_path: Path) -> None:
    made(tmp_path / name)
    assert {each.name for each in tmp_path.iterdir()} == {name, f"{name}-lock"}


def test_relative_path_is_of_the_folder_at_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with lineage.connect("a.db") as store:
        monkeypatch.chdir("elsewhere")
        pair(store, "first")
        assert in_thread(lambda: models(store)) == ["first"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:",
        "sqlite:?journal=rollback",
        "sqlite:{}?journal=",
        "sqlite:{}?journal=memory",
        "sqlite:{}?journal=WAL",
        "sqlite:{}?journal",
        "sqlite:{}?mode=ro",
        "sqlite:{}?journal=wal&cache=shared",
    ],
)
def test_bad_url_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"sqlite:PATH\?journal=rollback"):
        lineage.connect(url.format(tmp_path / "a.db"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", [":memory:", "sqlite::memory:"])
def test_sqlite_name_for_memory_is_refused(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Invalid, match="'memory:'"):
        lineage.connect(url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("sqlite://", "sqlite:PATH"),
        ("sqlite:///runs.db", "sqlite:runs.db"),
        ("sqlite:////data/runs.db", "sqlite:/data/runs.db"),
        ("sqlite://runs.db", "sqlite:runs.db"),
        ("SQLITE://runs.db", "sqlite:runs.db"),
    ],
)
def test_slashes_of_other_libraries_are_refused(
    url: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Invalid) as refused:
        lineage.connect(url)
    assert "sqlite:PATH" in str(refused.value)
    assert meant in str(refused.value)
    assert list(tmp_path.iterdir()) == []


# Places


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="is a folder"):
        lineage.connect(tmp_path)


@pytest.mark.parametrize("readonly", [True, False])
def test_missing_folder_is_not_made(tmp_path: Path, *, readonly: bool) -> None:
    with pytest.raises(NotFound):
        lineage.connect(tmp_path / "missing" / "a.db", readonly=readonly)
    assert list(tmp_path.iterdir()) == []


def test_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(NotFound, match="no folder"):
        lineage.connect(tmp_path / "file" / "a.db")


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000])
def test_path_that_the_system_refuses(name: str, tmp_path: Path) -> None:
    with pytest.raises((Invalid, NotFound)):
        lineage.connect(tmp_path / name)


@pytest.mark.parametrize("letter", ["x", "ü"])
def test_names_near_the_limit_of_the_system(letter: str, tmp_path: Path) -> None:
    """What is made has all its companions, and what would lack one is not made at all."""
    size = len(letter.encode())
    longest = made(tmp_path / (letter * (247 // size)))
    assert {each.name for each in tmp_path.iterdir()} == {longest.name, f"{longest.name}-lock"}
    for length in range(248, 256 + size, size):
        name = letter * (length // size + 1)
        for url in (tmp_path / name, f"sqlite:{tmp_path / name}?journal=rollback"):
            with pytest.raises(Invalid, match=r"too long|cannot be a file's path"):
                lineage.connect(url)
    assert len(list(tmp_path.iterdir())) == 2


def test_paths_near_the_limit_of_sqlite(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    while len(str(folder)) < 400:
        folder /= "f" * 60
    folder.mkdir(parents=True)
    name = "x" * (504 - len(str(folder)) - 1)
    made(folder / name)
    for more in (1, 5, 8, 9):
        for readonly in (True, False):
            with pytest.raises(Invalid, match="too long for a store"):
                lineage.connect(folder / f"{name}{'y' * more}", readonly=readonly)
    assert len(list(folder.iterdir())) == 2


def test_nul_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        lineage.connect(f"{tmp_path}/a\0b.db")
    assert list(tmp_path.iterdir()) == []


def test_circle_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").symlink_to(tmp_path / "b.db")
    (tmp_path / "b.db").symlink_to(tmp_path / "a.db")
    with pytest.raises(LineageError):
        lineage.connect(tmp_path / "a.db")


def test_something_else_than_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LineageError):
        lineage.connect(tmp_path / "pipe")
    with pytest.raises(LineageError):
        lineage.connect("/dev/null/a.db")


def test_link_leads_to_the_same_store_and_the_same_lock(tmp_path: Path) -> None:
    """SQLite names its own side files after the target, while a log lies there too."""
    (tmp_path / "real").mkdir()
    path = tmp_path / "real" / "a.db"
    link = tmp_path / "link.db"
    link.symlink_to(path)
    with lineage.connect(path) as store, lineage.connect(link) as linked:
        pair(store, "first")
        pair(linked, "second")
        with lineage.connect(link, readonly=True) as third:
            assert models(third) == models(store) == ["first", "second"]
        linked.backend.lock_timeout = 0.01
        with store.transaction():
            pair(store, "third")
            with pytest.raises(Conflict):
                in_thread(lambda: pair(linked, "refused"))
    assert {each.name for each in tmp_path.iterdir()} == {"real", "link.db"}
    assert {each.name for each in path.parent.iterdir()} == {"a.db", "a.db-lock"}


def test_link_to_nowhere_makes_its_target(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "a.db")
    made(tmp_path / "link.db")
    assert (tmp_path / "a.db").is_file()


def test_lock_file_that_cannot_be_made(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    (tmp_path / "a.db-lock").unlink()
    (tmp_path / "a.db-lock").mkdir()
    with lineage.connect(path) as store:
        assert models(store) == ["first"]
        with pytest.raises(Unavailable, match=r"a\.db-lock"):
            pair(store, "refused")
        (tmp_path / "a.db-lock").rmdir()
        pair(store, "second")


def test_folder_that_vanishes(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with lineage.connect(folder / "a.db") as store:
        shutil.rmtree(folder)
        with pytest.raises(LineageError):
            in_thread(lambda: pair(store, "lost"))
    assert not folder.exists()


def test_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    with lineage.connect(made(tmp_path / "a.db")) as store:
        assert models(store) == ["first"]


# Network file systems

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /home rw - nfs4 server:/home rw,vers=4.2
31 30 0:27 / /home/ann/local\040disk rw - xfs /dev/sdb1 rw
32 22 0:28 / /mnt/größe rw - fuse.sshfs ann@host: rw
33 22 8:2 / /data rw - ext4 /dev/sdc1 rw
34 22 0:29 / /data rw shared:7 master:2 - cifs //server/data rw
35 22 0:30 /runs.db /container/runs.db rw - nfs server:/x rw
""".lstrip()


@pytest.mark.parametrize(
    ("path", "system"),
    [
        ("/srv/a.db", "ext4"),
        ("/a.db", "ext4"),
        ("/home/a.db", "nfs4"),
        ("/home/ann/a.db", "nfs4"),
        ("/home/ann/local disk/a.db", "xfs"),
        ("/homes/a.db", "ext4"),
        ("/mnt/größe/a.db", "fuse.sshfs"),
        ("/data/a.db", "cifs"),
        ("/container/runs.db", "nfs"),
        ("/container/other.db", "ext4"),
    ],
)
def test_file_system_of_a_path(path: str, system: str) -> None:
    assert file_system(Path(path), MOUNTS) == system


def test_file_system_of_a_real_path(tmp_path: Path) -> None:
    system = file_system(tmp_path.resolve())
    assert system
    assert system not in NETWORK_FILE_SYSTEMS
    assert file_system(tmp_path, "") == ""


@pytest.mark.parametrize("system", sorted(NETWORK_FILE_SYSTEMS))
def test_network_file_system_is_refused_with_the_way_out(system: str, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    mounts = f"1 1 0:1 / / rw - {system} server: rw\n"
    with pytest.raises(Invalid, match=r"one process.*sqlite:.*a\.db\?journal=rollback") as refused:
        check_place(path, "wal", readonly=False, mounts=mounts)
    assert f"({system})" in str(refused.value)
    check_place(path, "rollback", readonly=False, mounts=mounts)


def test_store_that_moves_to_a_network_leaves_the_log(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    with lineage.connect(f"sqlite:{path}?journal=rollback") as store:
        pair(store, "second")
        assert {each.name for each in tmp_path.iterdir()} == {"a.db", "a.db-lock"}
        assert models(store) == ["first", "second"]
    assert journal_of(path) == "delete"


def test_store_in_use_keeps_the_log(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    with lineage.connect(path) as store:
        assert models(store) == ["first"]
        with pytest.raises(Conflict):
            lineage.connect(f"sqlite:{path}?journal=rollback")
    assert journal_of(path) == "wal"
