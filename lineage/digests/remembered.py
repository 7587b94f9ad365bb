"""Digests of files that were taken before, so that what has not changed is not read again.

They are in one small file of SQLite, `digests.db`, in the folder that LINEAGE_CACHE names, else in `lineage` inside the
user's folder of caches (XDG_CACHE_HOME, else `~/.cache`). It holds no names and no content: of a file it has device,
inode, size, the time of the last change of its content, that of the last change of anything about it, and the digest. A digest is
given back where all five are what they were. So a file that was changed in place counts as changed even if its time was
set back afterwards; one that was renamed, linked, or given to somebody else is read once more.

File systems keep times in steps of up to two seconds. What changed in the last two seconds before the digest was asked for is
not remembered: another change could have the same time.

Threads and processes may share it. Nothing that is wrong with it is an error: where it cannot be read or written, files are
read as if it were not there, and the logger `lineage` says why. Whoever does not trust it may delete it at any time.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

__all__ = ["VARIABLE", "Identity", "Remembered"]

VARIABLE = "LINEAGE_CACHE"
"""The variable that names the folder."""
RECENT = 2 * 10**9
"""For how many nanoseconds a file that changes again may keep its times."""
MOST = 1_000_000
"""How many digests are remembered; the ones that were remembered first are forgotten first. They take about 150 MB."""
PATIENCE = 2.0
"""How many seconds to wait for others who write."""
HEXADECIMALS = 64

_LOGGER = logging.getLogger("lineage")
_TABLE = """
CREATE TABLE IF NOT EXISTS digests (
    number INTEGER PRIMARY KEY,
    file TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    digest TEXT NOT NULL
)
"""
_FIND = "SELECT digest FROM digests WHERE file = ? AND state = ?"
_KEEP = "INSERT OR REPLACE INTO digests (file, state, digest) VALUES (?, ?, ?)"
_FORGET = "DELETE FROM digests WHERE number <= (SELECT max(number) FROM digests) - ?"


class Identity(NamedTuple):
    """What is different where a file's content is; times are in nanoseconds."""

    size: int
    modified: int
    device: int
    inode: int
    touched: int

    @property
    def file(self) -> str:
        """Which file it is."""
        return f"{self.device}:{self.inode}"

    @property
    def state(self) -> str:
        """Which content it has."""
        return f"{self.size}:{self.modified}:{self.touched}"


class Remembered:
    """What is remembered, for one question; `clock` tells the time in nanoseconds, and files are read after this is made."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._settled = clock() - RECENT

    def digests(self, files: Sequence[Identity]) -> list[str | None]:
        """Return the hash of each file in hexadecimal, None where it is not known."""
        nothing: list[str | None] = [None] * len(files)
        try:
            path = _path()
            if not path.is_file():
                return nothing
            with closing(_opened(path, "ro")) as database:
                return [_found(database, file) for file in files]
        except (OSError, RuntimeError, sqlite3.Error) as error:
            _say("read", error)
            return nothing

    def keep(self, digests: Iterable[tuple[Identity, str]]) -> None:
        """Remember the hashes of files, in hexadecimal, but for files that changed just before this was made."""
        settled = [
            (file.file, file.state, digest)
            for file, digest in digests
            if max(file.modified, file.touched) < self._settled
        ]
        if not settled:
            return
        try:
            path = _path()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with closing(_opened(path, "rwc")) as database, database:
                database.execute("BEGIN IMMEDIATE")
                database.execute(_TABLE)
                database.executemany(_KEEP, settled)
                database.execute(_FORGET, (MOST,))
        except (OSError, RuntimeError, sqlite3.Error) as error:
            _say("written", error)


def _path() -> Path:
    """Return where the file is; RuntimeError where the user has no home."""
    if folder := os.environ.get(VARIABLE):
        return Path(folder) / "digests.db"
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "lineage" / "digests.db"


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None)


def _found(database: sqlite3.Connection, file: Identity) -> str | None:
    """Return what is remembered of a file; what is no hash is not, whoever wrote it."""
    row = database.execute(_FIND, (file.file, file.state)).fetchone()
    digest = row[0] if row else None
    return digest if isinstance(digest, str) and len(digest) == HEXADECIMALS else None


def _say(done: str, error: Exception) -> None:
    _LOGGER.warning(
        "the remembered digests cannot be %s (%s); files are read instead. They are in the folder that %s names, "
        "and may be deleted",
        done,
        error,
        VARIABLE,
    )
