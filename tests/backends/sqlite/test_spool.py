"""Points beside the file: they outlive their process, are stored once, and never stop a training."""

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

import lineage
from lineage.errors import Invalid, NotFound
from lineage.recording import recovering
from lineage.recording.pending import Spool
from lineage.store import Store

KILLED = """
import os, sys, lineage

store = lineage.connect(sys.argv[1])
with store.run(lineage.Train(external_id="job")) as run:
    data = run.input(lineage.Dataset(uri="d"))
    for step in range(100):
        run.log_metrics(loss=1 / (step + 1), step=step)
        run.log_metrics(loss=step, on=data, step=step)
    run.log_metrics(acc=5, step=0)
    run.log_metrics(acc=6)
    print("logged", flush=True)
    if sys.argv[2] == "wait":
        sys.stdin.read()
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lineage.db"


@pytest.fixture
def store(path: Path) -> Store:
    return lineage.connect(path)


def spools(path: Path) -> list[Path]:
    folder = path.with_name(f"{path.name}-spool")
    return sorted(folder.iterdir()) if folder.exists() else []


def files(path: Path) -> list[Path]:
    """Return the store's file and those beside it, without the folder of spools."""
    return [each for each in path.parent.glob(f"{path.name}*") if each.is_file()]


def killed(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), "go"], check=False)
    assert done.returncode == -signal.SIGKILL


def values(store: Store) -> list[float]:
    return store.series("execution:1", "loss").values


def test_the_next_writer_stores_what_a_killed_run_logged(path: Path) -> None:
    killed(path)
    [spool] = spools(path)
    with spool.open("ab") as file:
        file.write(b"P 100 17000000000")  # the kill came in the middle of a line
    reader = lineage.connect(path, readonly=True)
    assert len(reader.series("execution:1", "loss", on="d")) == 100
    assert spools(path) == [spool]
    assert [each.points for each in reader.show("execution:1").series] == [1, 100, 100]
    reader.close()
    with lineage.connect(path, actor="bob") as store:
        store.put(lineage.Dataset())
        assert spools(path) == []
        assert not spool.parent.exists()
        assert store.series("execution:1", "loss", on="d").values == list(range(100))
        assert store.series("execution:1", "acc").values == [5]
        assert {(each.name, each.value) for each in store.show("execution:1").metrics} == {
            ("loss", 0.01),
            ("loss", 99),
            ("acc", 6),
        }
        entry = store.log(limit=2)[1]
        assert (entry.actor, entry.message) == (
            "bob",
            "points of execution:1, whose process did not end it",
        )
        assert store.get(lineage.Execution, 1).state == "RUNNING"
        assert store.check() == []


def test_extending_a_killed_run_goes_on_with_its_series(path: Path) -> None:
    killed(path)
    with lineage.connect(path) as store, store.extend("job", end=True) as run:
        run.log_metrics(acc=7, step=1)
        assert run.series("acc").values == [5, 7]
    assert spools(path) == []


def test_a_spool_of_a_living_process_is_left_alone(path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(path), "wait"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"logged\n"
        with lineage.connect(path) as store:
            store.put(lineage.Dataset())
            assert len(spools(path)) == 1
            assert len(store.series("execution:1", "loss", on="d")) == 100
        child.communicate(b"")
    with lineage.connect(path) as store:
        store.put(lineage.Dataset())
    assert spools(path) == []


def test_what_was_stored_before_a_crash_is_not_stored_again(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The process dies after the commit and before it removes the spool.
    monkeypatch.setattr(Spool, "close", lambda self, *, remove: self._close())
    with store.run(lineage.Train()) as run:
        for step in range(3):
            run.log_metrics(loss=step, step=step)
    [spool] = spools(path)
    assert values(store) == [0, 1, 2]
    with spool.open("ab") as file:
        file.write(b"P 3 0 0=3\n")
    store.close()
    with lineage.connect(path) as again:
        assert values(again) == [0, 1, 2, 3]
        again.put(lineage.Dataset())
        assert values(again) == [0, 1, 2, 3]
    assert spools(path) == []


def test_points_of_another_file_wait_for_that(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    killed(path)
    [spool] = spools(path)
    away = path.with_name("away")
    away.mkdir()
    for each in files(path):
        each.rename(away / each.name)
    with lineage.connect(path) as store:
        with store.run(lineage.Train()) as run:
            run.log_metrics(acc=1, step=0)
        assert [each.name for each in store.show(run.key).series] == ["acc"]
        time.sleep(2 * recovering.SECONDS_BETWEEN)
        store.put(lineage.Dataset())
    assert spools(path) == [spool]
    assert len([each for each in caplog.messages if "left as it is" in each]) == 1
    for each in files(path):
        each.unlink()
    for each in away.iterdir():
        each.rename(path.with_name(each.name))
    with lineage.connect(path) as store:
        store.put(lineage.Dataset())
        assert store.series("execution:1", "acc").values == [5]
    assert spools(path) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"\xff\xfe\n",
        b"lineage-spool 1 execution:1 x\n",
        b"lineage-spool 2 execution:1 5\n",
        b"P 1 2 0=1\n",
    ],
)
def test_what_is_no_spool_is_left_alone(path: Path, store: Store, content: bytes) -> None:
    folder = path.with_name("lineage.db-spool")
    folder.mkdir()
    (folder / "x").write_bytes(content)
    store.put(lineage.Dataset())
    assert (folder / "x").read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"lineage-spool 1 exec"])
def test_a_spool_that_never_began_is_removed(path: Path, store: Store, content: bytes) -> None:
    folder = path.with_name("lineage.db-spool")
    folder.mkdir()
    (folder / uuid4().hex).write_bytes(content)
    store.put(lineage.Dataset())
    assert not folder.exists()


def test_what_is_no_plain_file_is_neither_waited_for_nor_removed(path: Path, store: Store) -> None:
    with store.run(lineage.Train()) as run:
        run.log_metrics(loss=1, step=0)
        [spool] = spools(path)
        os.mkfifo(spool.with_name("pipe"))
        spool.with_name("link").symlink_to(spool)
        spool.with_name("folder").mkdir()
        with lineage.connect(path) as other:
            other.put(lineage.Dataset())
            assert values(other) == [1]
    assert [each.name for each in spools(path)] == ["folder", "link", "pipe"]


@pytest.mark.parametrize(
    "line",
    [
        b"P 4 0 9=1",
        b"P x 0 0=1",
        b"P 4 0 0=one",
        b"P 4 0",
        b'N 1 7 "a"',
        b"S 1 a b",
        b"P -1 0 0=\xff",
        b"P -1 0 0=1",
        b"P 9223372036854775808 0 0=1",
        b"P 4 253402300800000 0=1",
        b"P 4 0 0=9223372036854775808",
        b"P 4 0 0=" + b"9" * 400,
        b"P 4 0 0=1 0=x",
        b"N 1 0 [1]\nP 4 0 1=1",
        b'N 1 0 "lineage.x"\nP 4 0 1=1',
        b'S 1 execution:1 -\nN 1 1 "loss"\nP 4 0 1=1',
        b"D 9",
    ],
)
def test_points_before_a_damaged_line_are_kept(path: Path, store: Store, line: bytes) -> None:
    with store.run(lineage.Train()) as run:
        run.log_metrics(loss=1, step=0)
        [spool] = spools(path)
        with spool.open("ab") as file:
            file.write(line + b"\nP 5 0 0=5\n")
        with lineage.connect(path, readonly=True) as reader:
            assert values(reader) == [1]


def test_what_comes_after_a_damaged_line_is_not_removed(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    killed(path)
    [spool] = spools(path)
    with spool.open("ab") as file:
        file.write(b"P 100 0 9=1\nP 101 0 0=101\n")
    content = spool.read_bytes()
    for _ in range(2):
        caplog.clear()
        with lineage.connect(path) as store:
            store.put([lineage.Dataset()])
            time.sleep(2 * recovering.SECONDS_BETWEEN)
            store.put([lineage.Dataset()])
            assert store.series("execution:1", "loss", on="d").values == list(range(100))
            assert store.check() == []
        (said,) = (each.message for each in caplog.records if "is damaged" in each.message)
        assert f"{spool} is damaged: points of execution:1 up to a line are stored" in said
    assert spool.read_bytes() == content


def test_a_full_disk_does_not_stop_the_training(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = os.write
    room = 150

    def full(handle: int, data: bytes) -> int:
        nonlocal room
        size = min(room, len(data))
        room -= size
        return written(handle, data[:size])

    with store.run(lineage.Train()) as run:
        monkeypatch.setattr(os, "write", full)
        for step in range(100):
            run.log_metrics(loss=step, step=step)
        monkeypatch.undo()
        assert spools(path) == []
        assert run.series("loss").values == list(range(100))
        [note] = [each for each in run.notes if "spool" in each]
        assert "kept in memory alone" in note
    assert values(store) == list(range(100))


def test_a_folder_that_cannot_be_made_does_not_stop_the_training(path: Path, store: Store) -> None:
    path.with_name("lineage.db-spool").write_text("somebody's")
    with store.run(lineage.Train()) as run:
        for step in range(40):
            run.log_metrics(loss=step, step=step)
    assert values(store) == list(range(40))
    assert "kept in memory alone" in run.notes[0]
    assert path.with_name("lineage.db-spool").read_text() == "somebody's"


def test_a_forked_child_has_none_of_its_parents_points(path: Path, store: Store) -> None:
    def work() -> None:
        other = lineage.connect(path)
        with other.extend("job") as worker:
            worker.log_metrics(loss=100.0, step=9)
            assert len(worker.series("acc")) == 1
        inherited.log_metrics(acc=2.0, step=1)
        os._exit(0)

    with store.run(lineage.Train(external_id="job")) as inherited:
        inherited.log_metrics(acc=1.0, step=0)
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()
        assert child.exitcode == 0
    store.put(lineage.Dataset())
    assert store.series("execution:1", "acc").values[0] == 1.0
    assert len(store.series("execution:1", "acc")) <= 2
    assert values(store) == [100.0]
    with lineage.connect(path) as again:
        again.put(lineage.Dataset())
        assert again.series("execution:1", "acc").values == [1.0, 2.0]
    assert spools(path) == []


def test_a_run_in_an_open_transaction_has_no_spool(path: Path, store: Store) -> None:
    with store.transaction(), store.run(lineage.Train()) as run:
        run.log_metrics(loss=1, step=0)
        assert spools(path) == []
    assert values(store) == [1]


def test_a_deleted_runs_points_go_with_it(path: Path) -> None:
    killed(path)
    with lineage.connect(path, readonly=True) as reader:
        assert len(reader.series("execution:1", "acc")) == 1
    with lineage.connect(path) as store:
        store.delete("execution:1")  # the first write stores them, and a purge would reach them
        assert len(store.find(lineage.Series)) == 2
    assert spools(path) == []


def test_nothing_is_exported_into_the_folder(path: Path, store: Store) -> None:
    with store.run(lineage.Train()) as run:
        run.log_metrics(loss=1, step=0)
        [spool] = spools(path)
        for target in (spool, spool.with_name("new.json"), spool.parent):
            with pytest.raises(Invalid, match="one of the files beside it"):
                store.export_to(target, format="node-link")
    with pytest.raises(Invalid, match="has the name of a file that is kept beside"):
        lineage.connect(path.with_name("other.db-spool"))


def test_a_spool_that_cannot_be_removed_is_stored_once(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path, *, missing_ok: bool = False) -> None:  # as pathlib calls it
        raise PermissionError(13, "not yours")

    monkeypatch.setattr(Path, "unlink", refuse)
    with store.run(lineage.Train()) as run:
        run.log_metrics(loss=1, step=0)
    store.close()
    for _ in range(2):
        with lineage.connect(path) as again:
            again.put(lineage.Dataset())
            assert values(again) == [1]
    monkeypatch.undo()
    with lineage.connect(path) as again:
        again.put(lineage.Dataset())
    assert spools(path) == []


def test_a_copy_has_what_is_stored(path: Path, store: Store) -> None:
    with store.run(lineage.Train()) as run:
        run.log_metrics(loss=1, step=0)
        with lineage.connect("memory:") as copy:
            store.copy_to(copy)
            with pytest.raises(NotFound):
                copy.series(run.key, "loss")
    with lineage.connect("memory:") as copy:
        store.copy_to(copy)
        assert copy.series(run.key, "loss").values == [1]


def test_a_folder_that_is_gone_meanwhile_is_no_fault(path: Path, store: Store) -> None:
    with store.run(lineage.Train()) as run:
        run.log_metrics(loss=1, step=0)
        shutil.rmtree(path.with_name("lineage.db-spool"))
        run.log_metrics(loss=2, step=1)
        assert run.series("loss").values == [1, 2]
    assert values(store) == [1, 2]


@pytest.mark.soak
@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_beginning_of_the_points(path: Path) -> None:
    command = [sys.executable, "-c", KILLED.replace("range(100)", "range(10**7)"), str(path), "go"]
    with subprocess.Popen(command) as child:
        wait_until(lambda: bool(spools(path)))
        time.sleep(random.random() / 2)  # any moment will do
        child.kill()
    with lineage.connect(path) as store:
        store.put(lineage.Dataset())
        curve = store.series("execution:1", "loss", on="d")
        assert curve.values == curve.steps == list(range(len(curve)))
        others = {each.points - len(curve) for each in store.show("execution:1").series}
        assert others <= {0, 1}  # the other one is logged first
        assert store.check() == []
    assert spools(path) == []


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for what another process does; half a minute is more than it takes."""
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)
