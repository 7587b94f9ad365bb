"""Every error of SQLite and of its driver as one of ours."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

import lineage
from lineage import (
    AlreadyExists,
    BackendError,
    Conflict,
    Corrupt,
    Invalid,
    LineageError,
    Unavailable,
)
from lineage.backends.sqlite.errors import translate
from lineage.backends.sqlite.location import check_version
from tests.backends.files import inside

PATH = Path("a.db")
CODES = {
    name: code
    for name, code in vars(sqlite3).items()
    if name.startswith("SQLITE_")
    and isinstance(code, int)
    and not name.startswith(("SQLITE_LIMIT_", "SQLITE_DBCONFIG_"))
}
PRIMARY = {
    **dict.fromkeys(["BUSY", "LOCKED", "PROTOCOL"], Conflict),
    **dict.fromkeys(["CORRUPT", "NOTADB"], Corrupt),
    **dict.fromkeys(["CANTOPEN", "PERM", "AUTH", "READONLY", "NOMEM"], Unavailable),
    **dict.fromkeys(["FULL", "IOERR", "NOLFS", "ERROR", "INTERNAL", "MISUSE"], BackendError),
    "TOOBIG": Invalid,
    "CONSTRAINT_UNIQUE": AlreadyExists,
    "CONSTRAINT_PRIMARYKEY": AlreadyExists,
    "CONSTRAINT_NOTNULL": BackendError,
    "CONSTRAINT_CHECK": BackendError,
    "CORRUPT_INDEX": Corrupt,
    "IOERR_READ": BackendError,
    "BUSY_SNAPSHOT": Conflict,
    "CANTOPEN_ISDIR": Unavailable,
    "READONLY_DBMOVED": Unavailable,
}


def classes(cls: type[Exception]) -> list[type[Exception]]:
    return [cls, *(each for sub in cls.__subclasses__() for each in classes(sub))]


def error_of(code: int, cls: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    error: Any = cls("what SQLite said")
    error.sqlite_errorcode = code
    return error  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", CODES)
def test_every_code(name: str) -> None:
    translated = translate(error_of(CODES[name]), PATH)
    assert isinstance(translated, LineageError)
    assert "a.db" in str(translated)
    assert "what SQLite said" in str(translated)


@pytest.mark.parametrize("name", PRIMARY)
def test_code_of_a_kind(name: str) -> None:
    assert type(translate(error_of(CODES[f"SQLITE_{name}"]), PATH)) is PRIMARY[name]


@pytest.mark.parametrize("cls", classes(sqlite3.Error))
def test_every_class_of_the_driver(cls: type[sqlite3.Error]) -> None:
    assert isinstance(translate(cls("what the driver said"), PATH), BackendError)
    assert isinstance(translate(error_of(sqlite3.SQLITE_FULL, cls), PATH), BackendError)


def test_closed_connection(tmp_path: Path) -> None:
    with lineage.connect(tmp_path / "a.db") as store:
        inside(store).close()
        with pytest.raises(Invalid, match="closed"):
            store.log()


def test_error_keeps_its_cause(tmp_path: Path) -> None:
    with lineage.connect(tmp_path / "a.db") as store:
        inside(store).execute("DROP TABLE txn")
        with pytest.raises(Corrupt, match="no such table: txn") as refused:
            store.log()
        assert type(refused.value.__cause__) is sqlite3.OperationalError


def test_statement_that_fails_within_a_function(tmp_path: Path) -> None:
    with lineage.connect(tmp_path / "a.db") as store:
        store.put(lineage.Dataset(name="a\0b"))  # SQLite's own matching ends at a NUL
        inside(store).create_function("lineage_like", 2, lambda *_: 1 / 0, deterministic=True)
        with pytest.raises(BackendError):
            store.find(lineage.Dataset, "name LIKE 'a%'")
        assert len(store.find(lineage.Dataset)) == 1


def test_old_library_is_refused() -> None:
    with pytest.raises(BackendError, match=r"SQLite 3\.37\.2 is too old; lineage needs 3\.38"):
        check_version((3, 37, 2))
    check_version((3, 38, 0))
    check_version()
