"""Digests that are remembered: what is not read again, what is, and a memory that is of no use."""

import hashlib
import logging
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import lineage
from lineage.digests import counting, files, remembered
from lineage.digests.files import digest_of
from lineage.digests.remembered import Identity, Remembered
from lineage.progress import Progress
from tests.tree import ROOT

DIGEST = "0a" * 32


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what is remembered; what was just written counts as settled."""
    monkeypatch.setenv("LINEAGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(remembered, "RECENT", -(10**12))
    return tmp_path / "cache"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read."""
    names: list[str] = []
    digest = files._digest

    def noted(file: files._File, count: Callable[[int], None]) -> str:
        names.append(Path(file.path).name)
        return digest(file, count)

    monkeypatch.setattr(files, "_digest", noted)
    return names


def written(path: Path, content: bytes = b"1") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def test_file_that_did_not_change_is_read_once(tmp_path: Path, read: list[str]) -> None:
    path = written(tmp_path / "a", b"12")
    assert digest_of(path, remember=True) == digest_of(path, remember=True) == digest_of(path)
    assert read == ["a", "a"]  # the last time nobody asked to remember


def test_of_a_folder_only_what_changed_is_read(tmp_path: Path, read: list[str]) -> None:
    for name in "abc":
        written(tmp_path / "data" / name, name.encode())
    digest_of(tmp_path / "data", remember=True)
    written(tmp_path / "data" / "b", b"other")
    written(tmp_path / "data" / "d", b"new")
    (tmp_path / "data" / "c").unlink()
    read.clear()
    assert digest_of(tmp_path / "data", remember=True) == digest_of(tmp_path / "data")
    assert sorted(read[:2]) == ["b", "d"]
    assert sorted(read[2:]) == ["a", "b", "d"]


def set_back(path: Path) -> None:
    """Change the content, keep the size, and set the time back, as copying with times does."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path: Path) -> None:
    new = written(path.with_name("new"), b"2")
    os.utime(new, ns=(0, path.stat().st_mtime_ns))
    new.rename(path)


def grown(path: Path) -> None:
    before = path.stat().st_mtime_ns
    path.write_bytes(b"22")
    os.utime(path, ns=(0, before))


@pytest.mark.parametrize("change", [set_back, replaced, grown])
def test_changed_content_is_noticed(change: Callable[[Path], None], tmp_path: Path) -> None:
    path = written(tmp_path / "a")
    digest_of(path, remember=True)
    change(path)
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest_of(path, remember=True) == f"sha256:{expected}"


def test_file_that_changed_just_now_is_not_remembered(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setattr(remembered, "RECENT", 2 * 10**9)
    path = written(tmp_path / "a")
    for _ in range(2):
        digest_of(path, remember=True)
    assert read == ["a", "a"]
    assert not cache.exists()


@pytest.mark.parametrize("field", ["modified", "touched"])
def test_two_seconds_are_counted_to_when_it_was_asked_for(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "RECENT", 2 * 10**9)
    now = 10**18
    for age, kept in ((2 * 10**9, None), (2 * 10**9 + 1, DIGEST), (-5, None)):
        file = Identity(1, 5, 1, 1, 5)._replace(**{field: now - age})
        memory = Remembered(clock=lambda: now)
        memory.keep([(file, DIGEST)])
        assert memory.digests([file]) == [kept], age


def test_numbers_of_any_size_are_kept(cache: Path) -> None:
    file = Identity(2**63, -1, 2**64 - 1, 2**64 - 1, 0)
    memory = Remembered()
    memory.keep([(file, DIGEST)])
    assert memory.digests([file, file._replace(inode=7), file]) == [DIGEST, None, DIGEST]


def test_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 3)
    many = [Identity(1, 1, 1, number, 1) for number in range(5)]
    Remembered().keep((file, DIGEST) for file in many)
    assert Remembered().digests(many) == [None, None, DIGEST, DIGEST, DIGEST]
    Remembered().keep([(many[2], DIGEST), (many[0], DIGEST)])
    assert Remembered().digests(many) == [DIGEST, None, DIGEST, None, DIGEST]


def test_file_has_one_digest(cache: Path) -> None:
    file = Identity(1, 1, 1, 1, 1)
    Remembered().keep([(file, DIGEST)])
    Remembered().keep([(file._replace(size=2), "0b" * 32)])
    assert Remembered().digests([file, file._replace(size=2)]) == [None, "0b" * 32]


def test_what_was_read_is_remembered_though_it_was_stopped(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "threads_here", lambda: 1)
    monkeypatch.setattr(counting, "STEP", 2**20)
    for name in "ab":
        written(tmp_path / "data" / name, bytes(2**24))

    def stop(progress: Progress) -> None:
        if progress.done > 2**24:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        digest_of(tmp_path / "data", remember=True, progress=stop)
    read.clear()
    digest_of(tmp_path / "data", remember=True)
    assert read == ["b"]


def test_progress_counts_what_is_not_read_again(tmp_path: Path) -> None:
    path = written(tmp_path / "a", b"123")
    told: list[Progress] = []
    for _ in range(2):
        digest_of(path, remember=True, progress=told.append)
    assert told == [Progress("digesting", 3, 3)] * 2


# Where it is


def test_it_is_in_the_folder_of_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAGE_CACHE", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    path = written(tmp_path / "a")
    digest_of(path, remember=True)
    assert (tmp_path / "home/.cache/lineage/digests.db").is_file()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    digest_of(path, remember=True)
    assert (tmp_path / "caches/lineage/digests.db").is_file()
    assert stat.S_IMODE((tmp_path / "caches/lineage").stat().st_mode) == 0o700


def test_no_name_and_no_content_is_in_it(tmp_path: Path, cache: Path) -> None:
    digest_of(written(tmp_path / "secret name", b"secret content"), remember=True)
    assert b"secret" not in (cache / "digests.db").read_bytes()


def test_nobody_is_remembered_unasked(tmp_path: Path, cache: Path) -> None:
    digest_of(written(tmp_path / "a"))
    lineage.Dataset.from_path(tmp_path / "a")
    assert not cache.exists()


def test_from_path_remembers(tmp_path: Path, read: list[str]) -> None:
    path = written(tmp_path / "a")
    one, other = (lineage.Dataset.from_path(path, remember=True) for _ in range(2))
    assert one.digest == other.digest == digest_of(path)
    assert read == ["a", "a"]


# A memory that is of no use


def a_folder(cache: Path) -> None:
    (cache / "digests.db").mkdir(parents=True)


def a_file_in_its_way(cache: Path) -> None:
    cache.write_bytes(b"")


def no_database(cache: Path) -> None:
    written(cache / "digests.db", b"no database" * 1000)


def cut_short(cache: Path) -> None:
    cache.mkdir()
    many = ((Identity(1, 1, 1, number, 1), DIGEST) for number in range(1000))
    Remembered().keep(many)
    os.truncate(cache / "digests.db", 8192)


def another_table(cache: Path) -> None:
    cache.mkdir()
    with sqlite3.connect(cache / "digests.db") as database:
        database.execute("CREATE TABLE digests (of_mine TEXT)")
    database.close()


@pytest.mark.parametrize(
    "spoil", [a_folder, a_file_in_its_way, no_database, cut_short, another_table]
)
def test_memory_that_is_of_no_use_is_no_error(
    spoil: Callable[[Path], None], tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(cache)
    path = written(tmp_path / "a")
    with caplog.at_level(logging.WARNING, "lineage"):
        for _ in range(2):
            assert digest_of(path, remember=True) == digest_of(path)
    assert "LINEAGE_CACHE" in caplog.text


def test_no_home_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINEAGE_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    path = written(tmp_path / "a")
    assert digest_of(path, remember=True) == digest_of(path)


def test_what_is_no_digest_is_not_given_back(tmp_path: Path, cache: Path) -> None:
    path = written(tmp_path / "a")
    digest = digest_of(path, remember=True)
    for wrong in ("x", b"0" * 64, 7):
        with sqlite3.connect(cache / "digests.db") as database:
            database.execute("UPDATE digests SET digest = ?", (wrong,))
        database.close()
        assert digest_of(path, remember=True) == digest


def test_somebody_who_writes_for_long_is_not_waited_for(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, read: list[str]
) -> None:
    monkeypatch.setattr(remembered, "PATIENCE", 0.05)
    digest_of(written(tmp_path / "a"), remember=True)
    database = sqlite3.connect(cache / "digests.db", isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    assert digest_of(tmp_path / "a", remember=True) == digest_of(tmp_path / "a")
    assert time.monotonic() - began < 2
    database.close()
    digest_of(tmp_path / "a", remember=True)
    assert read == ["a"] * 3


# Others at the same time


def test_threads_share_it() -> None:
    many = [Identity(1, 1, 1, number, 1) for number in range(200)]

    def remember(part: int) -> None:
        for file in many[part::4]:
            Remembered().keep([(file, DIGEST)])
            assert Remembered().digests([file]) == [DIGEST]

    threads = [threading.Thread(target=remember, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Remembered().digests(many) == [DIGEST] * len(many)


def test_processes_share_it(cache: Path) -> None:
    program = (
        "import sys; from lineage.digests.remembered import Identity, Remembered\n"
        "for number in range(50):\n"
        f"    Remembered().keep([(Identity(1, 1, 1, int(sys.argv[1]) * 100 + number, 1), {DIGEST!r})])"
    )
    command = [sys.executable, "-c", program]
    started = [subprocess.Popen([*command, str(part)], cwd=ROOT) for part in range(3)]
    assert [each.wait(60) for each in started] == [0, 0, 0]
    many = [Identity(1, 1, 1, part * 100 + number, 1) for part in range(3) for number in range(50)]
    assert Remembered().digests(many) == [DIGEST] * len(many)
