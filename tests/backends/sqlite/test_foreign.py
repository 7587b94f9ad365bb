"""Files that are no stores of ours, or of another format: refused, and left as they are."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import lineage
from lineage import Corrupt
from tests.backends.files import around, change, door, made


def crashed(path: Path, *statements: str) -> None:
    """Make a foreign file in a process that is killed, so that its log stays."""
    script = (
        "import os, sqlite3, sys\n"
        "door = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for statement in sys.argv[2:]: door.execute(statement)\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, path, *statements], check=False)
    assert done.returncode == -9


TABLE = "CREATE TABLE mine (x)"


def make_text(path: Path) -> None:
    path.write_text("day,split\n1,train\n")


def make_zeros(path: Path) -> None:
    path.write_bytes(bytes(8192))


def make_one_byte(path: Path) -> None:
    path.write_bytes(b"\n")


def make_foreign(path: Path) -> None:
    change(path, TABLE)


def make_foreign_with_log(path: Path) -> None:
    change(path, "PRAGMA journal_mode = WAL", TABLE)


def make_crashed(path: Path) -> None:
    crashed(path, "PRAGMA journal_mode = WAL", TABLE, "INSERT INTO mine VALUES (1)")


def make_crashed_journal(path: Path) -> None:
    crashed(
        path,
        TABLE,
        "PRAGMA cache_size = 1",
        "BEGIN",
        "INSERT INTO mine WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 9999) SELECT x FROM n",
    )


def make_named(path: Path) -> None:
    change(path, "PRAGMA application_id = 252006675")


@pytest.mark.parametrize("readonly", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        make_text,
        make_zeros,
        make_one_byte,
        make_foreign,
        make_foreign_with_log,
        make_crashed,
        make_named,
    ],
)
def test_foreign_file_is_refused_untouched(
    make: Callable[[Path], None], tmp_path: Path, *, readonly: bool
) -> None:
    path = tmp_path / "theirs.db"
    make(path)
    before = around(path)
    with pytest.raises(Corrupt, match=r"theirs\.db"):
        lineage.connect(path, readonly=readonly)
    after = around(path)
    after.pop("theirs.db-shm", None)  # an index of the log, made anew by each first reader
    before.pop("theirs.db-shm", None)
    assert after == before


def test_foreign_file_with_a_transaction_cut_short(tmp_path: Path) -> None:
    """To read it at all, SQLite must undo the transaction; no more than that happens."""
    path = tmp_path / "theirs.db"
    make_crashed_journal(path)
    with pytest.raises(Corrupt, match="another application"):
        lineage.connect(path)
    with door(path) as own:
        assert own.execute("SELECT count(*) FROM mine").fetchone() == (0,)
        assert own.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_mlmd_file_is_shown_the_import(tmp_path: Path) -> None:
    path = tmp_path / "mlmd.db"
    change(path, "CREATE TABLE `MLMDEnv` (`schema_version` INTEGER PRIMARY KEY)", TABLE)
    before = around(path)
    with pytest.raises(Corrupt, match=r"lineage import .*mlmd\.db"):
        lineage.connect(path)
    assert around(path) == before


def test_newer_format_is_refused_untouched(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    change(path, "PRAGMA user_version = 4")
    before = around(path)
    with pytest.raises(Corrupt, match=r"format 4.*upgrade"):
        lineage.connect(path)
    assert around(path) == before


@pytest.mark.parametrize("number", [1, 2])
def test_earlier_format_is_refused_untouched(number: int, tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    change(path, f"PRAGMA user_version = {number}")
    before = around(path)
    with pytest.raises(
        Corrupt, match=rf"format {number}, which was never released; make a new store"
    ):
        lineage.connect(path)
    assert around(path) == before


@pytest.mark.parametrize("statement", ["PRAGMA user_version = 0", "DROP TABLE purge"])
def test_store_that_lacks_something_is_refused(statement: str, tmp_path: Path) -> None:
    path = made(tmp_path / "a.db")
    change(path, statement)
    with pytest.raises(Corrupt, match="restore a backup"):
        lineage.connect(path)
