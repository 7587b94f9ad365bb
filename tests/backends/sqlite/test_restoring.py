"""Backups that are restored with and without the log of what they replace, and logs that must not be taken for it."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import lineage
from lineage import Corrupt, Dataset
from lineage.backends.sqlite.witness import Witness, _line, _seen
from tests.actors import Actor, pair
from tests.backends.files import change, made, models
from tests.conftest import MORE

WRITE = """
import os, sys, lineage
path, backup, way = sys.argv[1:]
store = lineage.connect(path)
for j in range(6):
    store.put([lineage.Dataset(uri=f"old{j}-{i}") for i in range(60)])
if way == "copy":
    with lineage.connect(backup) as copy:
        store.copy_to(copy)
else:
    sql = store.backend._file.connection
    sql.execute(f"VACUUM INTO '{backup}'")
if way == "closed":
    store.close()
    store = lineage.connect(path)
for key in ("artifact:5", "artifact:90", "artifact:170", "artifact:300"):
    store.update(store.get(key).replace(custom_properties={"x": "y" * 300}))
for j in range(3):
    store.put([lineage.Dataset(uri=f"new{j}-{i}") for i in range(20)])
os.kill(os.getpid(), 9)
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], Path]:
    """What puts into a folder a store, whose writer was killed, and a backup that it had made before in some way."""
    made: dict[str, Path] = {}

    def place(way: str, folder: Path) -> Path:
        if way not in made:
            made[way] = tmp_path_factory.mktemp(way)
            places = (made[way] / "a.db", made[way] / "backup.db")
            command = [sys.executable, "-c", WRITE, *places, way]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            assert run.returncode == -9, run.stderr
        shutil.copytree(made[way], folder, dirs_exist_ok=True)
        path = folder / "a.db"
        assert Path(f"{path}-wal").stat().st_size
        witness(path, made[way] / "a.db")
        return path

    return place


def witness(path: Path, original: Path) -> None:
    """Let the copy of a lock file say of the copy of a store what it said of the original."""
    assert Witness(original).agrees()
    lock = Path(f"{path}-lock")
    lock.write_bytes(_line(lock.stat(), _seen(path.stat())))
    assert Witness(path).agrees()


def copy_over(backup: Path, path: Path) -> None:
    shutil.copyfile(backup, path)


def copy_with_times(backup: Path, path: Path) -> None:
    shutil.copy2(backup, path)


def move_over(backup: Path, path: Path) -> None:
    backup.replace(path)


@pytest.mark.parametrize(
    ("way", "restore"),
    [("copy", copy_over), ("vacuum", copy_with_times), ("closed", move_over)],
)
def test_log_of_another_life_is_told(
    restore: Callable[[Path, Path], None],
    way: str,
    killed: Callable[[str, Path], Path],
    tmp_path: Path,
) -> None:
    path = killed(way, tmp_path)
    restore(tmp_path / "backup.db", path)
    restored = path.read_bytes()
    for readonly in (True, False):
        with pytest.raises(Corrupt, match=r"delete .*a\.db-wal and .*a\.db-shm, and connect again"):
            lineage.connect(path, readonly=readonly)
    assert path.read_bytes() == restored
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").unlink()
    with lineage.connect(path) as store:
        assert (store.backend.now(), len(store.find(Dataset).items)) == (6, 360)
        assert store.check() == []
        pair(store, "after")
    with lineage.connect(path, readonly=True) as store:
        assert models(store) == ["after"]


def nothing(path: Path) -> None:
    pass


def rights(path: Path) -> None:
    path.chmod(0o600)


def copied_with_all(path: Path) -> None:
    """All files go to another place, and come back under other numbers and with other times."""
    for each in list(path.parent.glob("a.db*")):
        shutil.copyfile(each, path.parent / f"new-{each.name}")
        each.unlink()
    for each in list(path.parent.glob("new-*")):
        shutil.copyfile(each, path.parent / each.name.removeprefix("new-"))


def moved_log(path: Path) -> None:
    """Another program has moved the log into the file, as SQLite does from time to time; then it was killed, too."""
    code = "import os, sqlite3, sys; sql = sqlite3.connect(sys.argv[1]); sql.execute('PRAGMA wal_checkpoint'); os._exit(0)"
    subprocess.run([sys.executable, "-c", code, path], check=True)


def half_moved_log(path: Path) -> None:
    """A kill in the middle of that: some pages are moved, by their numbers."""
    whole = path.parent / "whole.db"
    for end in ("", "-wal"):
        shutil.copyfile(f"{path}{end}", f"{whole}{end}")
    change(whole, "PRAGMA wal_checkpoint")
    before, after = path.read_bytes(), whole.read_bytes()
    differ = [
        at for at in range(0, len(before), 4096) if before[at : at + 4096] != after[at : at + 4096]
    ]
    until = differ[len(differ) // 2]
    with path.open("r+b") as file:
        file.write(after[:until])


def lost_witness(path: Path) -> None:
    Path(f"{path}-lock").unlink()
    os.utime(path)


@pytest.mark.parametrize(
    "act", [nothing, rights, copied_with_all, moved_log, half_moved_log, lost_witness]
)
def test_own_log_of_a_killed_writer_is_taken(
    act: Callable[[Path], None], killed: Callable[[str, Path], Path], tmp_path: Path
) -> None:
    path = killed("closed", tmp_path)
    act(path)
    with lineage.connect(path, readonly=True) as reader, lineage.connect(path) as store:
        assert len(reader.find(Dataset, "uri LIKE 'new%'").items) == 60
        pair(store, "after")
        assert store.check() == []


@pytest.mark.soak
def test_writer_killed_at_any_moment_leaves_a_log_that_is_taken(tmp_path: Path) -> None:
    """Also while it moves the log, which happens every dozen transactions."""
    path = tmp_path / "a.db"
    for _ in range(2 * MORE):
        with Actor("fill", path) as actor:
            for _ in range(random.randrange(10, 40)):
                said = int(actor.said())
            actor.kill()
            said = int(([str(said), *actor.rest()])[-1])
        with lineage.connect(path) as store:
            uris = {f"{turn}/59/{'x' * 300}" for turn in range(said + 1)}
            assert uris <= {each.uri for each in store.find(Dataset)}
            assert store.check() == []
            path.with_name("kept.db").unlink(missing_ok=True)
        path.rename(path.with_name("kept.db"))


def test_writers_leave_a_witness_that_agrees(tmp_path: Path) -> None:
    """Whatever moved the log last: a transaction, a purge, the close of another process."""
    path = made(tmp_path / "a.db")
    with lineage.connect(path) as store:
        pair(store, "second")
        with Actor("create", "third") as actor:
            assert actor.said() == "ready"
            actor.tell(str(path))
            assert actor.said() == "3"
        store.put([Dataset(uri=f"{n}" * 500) for n in range(2000)])
        (data, *_) = store.find(Dataset)
        store.delete(data)
        store.purge(data, reason="asked for")
        pair(store, "fourth")
        assert Path(f"{path}-wal").stat().st_size
        witness = store.backend._file._witness  # type: ignore[attr-defined]
        assert witness.agrees()
        said = Path(f"{path}-lock").read_text().split()
        status = path.stat()
        seen = [status.st_ino, status.st_size, status.st_mtime_ns]
        assert [int(each) for each in said[-3:]] == seen


@pytest.mark.parametrize("companion", ["-wal", "-journal"])
@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_log_without_its_file_is_not_deleted(
    companion: str, left: str, killed: Callable[[str, Path], Path], tmp_path: Path
) -> None:
    """SQLite takes it for that of the new file, of which it has to be none."""
    path = killed("closed", tmp_path)
    log = Path(f"{path}{companion}")
    Path(f"{path}-wal").rename(log)
    path.rename(kept := tmp_path / "kept.db")
    if left != "nothing":
        path.touch()
    before = log.read_bytes()
    if (companion, left) == ("-journal", "an empty file"):
        # A writer that was killed while it made a store leaves the same.
        lineage.connect(path).close()
        return
    with pytest.raises(Corrupt, match=rf"is missing, .*{companion} holds what was committed"):
        lineage.connect(path)
    assert log.read_bytes() == before
    path.unlink(missing_ok=True)
    kept.rename(path)
    log.rename(f"{path}-wal")
    with lineage.connect(path) as store:
        assert len(store.find(Dataset, "uri LIKE 'new%'").items) == 60
