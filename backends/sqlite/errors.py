"""SQLite's errors as ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from lineage.errors import (
    AlreadyExists,
    BackendError,
    Conflict,
    Corrupt,
    Invalid,
    LineageError,
    Unavailable,
)

__all__ = ["translate"]

_BY_CODE: dict[int, tuple[type[LineageError], str]] = {
    sqlite3.SQLITE_BUSY: (Conflict, "another program holds a lock on the file; try again"),
    sqlite3.SQLITE_LOCKED: (Conflict, "another connection holds a lock on the file; try again"),
    sqlite3.SQLITE_PROTOCOL: (Conflict, "others kept the file's locks busy; try again"),
    sqlite3.SQLITE_FULL: (BackendError, "the disk is full; free some space and try again"),
    sqlite3.SQLITE_IOERR: (
        BackendError,
        "the disk failed to read or write; look at the system's log",
    ),
    sqlite3.SQLITE_CORRUPT: (
        Corrupt,
        "the file is damaged; restore a backup, and look at the disk",
    ),
    sqlite3.SQLITE_NOTADB: (Corrupt, "the file is not a lineage store; give another path"),
    sqlite3.SQLITE_CANTOPEN: (
        Unavailable,
        "the file cannot be opened; look at its path and permissions",
    ),
    sqlite3.SQLITE_PERM: (Unavailable, "the file cannot be opened; look at its permissions"),
    sqlite3.SQLITE_AUTH: (Unavailable, "the file cannot be opened; look at its permissions"),
    sqlite3.SQLITE_READONLY: (
        Unavailable,
        "the file or its folder cannot be written; look at their permissions",
    ),
    sqlite3.SQLITE_NOMEM: (Unavailable, "there is not enough memory; free some and try again"),
    sqlite3.SQLITE_NOLFS: (BackendError, "the file system holds no files of this size"),
    sqlite3.SQLITE_TOOBIG: (Invalid, "a value is larger than SQLite holds; keep it elsewhere"),
}
_TAKEN = (
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
)
_DAMAGED = (
    "Could not decode to UTF-8",
    "JSON path error",
    "malformed JSON",
    "no such column",
    "no such table",
)
"""What SQLite and its driver say, without a code for it, where tables or texts are not as written."""


def translate(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> LineageError:
    """Return our error for one of SQLite's, or for its driver's failure to read what SQLite says."""
    said = f"{path}: {error}"
    if isinstance(error, UnicodeDecodeError) or any(words in str(error) for words in _DAMAGED):
        return Corrupt(f"{said}: the file is damaged; restore a backup, and look at the disk")
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        if "closed" in str(error):
            return Invalid("the store is closed")
        return BackendError(said)
    if code in _TAKEN:
        return AlreadyExists(f"{said}: a key is taken; give another, or read what has it")
    cls, advice = _BY_CODE.get(
        code & 0xFF, (BackendError, "this is not expected; please report it")
    )
    return cls(f"{said}: {advice}")
