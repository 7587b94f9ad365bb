"""Whether a store's file is still the one that was opened: others delete it, replace it, or give it a second name.

A connection goes on with the file that it has, whatever becomes of the name. What is written to a file without
a name is gone when its last reader is; and SQLite, when it closes the last connection, deletes the log by its
name, though that may be another file's by now. Each hard link has a log of its own, so that what is written by
one name is missing from the other, until one overwrites it.
"""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic

from lineage.errors import BackendError, Invalid

__all__ = ["Life"]

_Mark = tuple[int, int]
SECONDS = 0.01
"""How old what readers know of the file may be: to ask the system at each read would cost them a tenth."""


class Life:
    """The file that is open at a path, and from the first write on its log."""

    __slots__ = ("_checked", "_ended", "_file", "_log", "_path", "_stat")

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._stat = (
            os.stat
        )  # connections are closed at the end of the program, too, when modules may be gone
        self._file: _Mark | None = None
        self._log: _Mark | None = None
        self._checked = 0.0
        self._ended: str | None = None
        """What was wrong when the file was found to be another; it stays so."""

    def begin(self) -> None:
        """Take the file that is there for the one that is open; it was opened just now."""
        self._file = self._mark(self._path)

    def check_for_reading(self) -> None:
        """Raise where the file was not the one that was opened when it was looked at, a moment ago at most."""
        if self._ended is not None or monotonic() - self._checked > SECONDS:
            self.check()

    def check(self) -> os.stat_result:
        """Raise where the file is not the one that was opened; else return its status."""
        if self._ended is not None:
            raise BackendError(self._ended)
        try:
            status = self._stat(self._path)
        except OSError as error:
            self._ended = (
                f"{self._path} was deleted or moved away while the store was open, so that nothing is read from it or "
                f"written to it any more; close the store, put the file back or restore a backup, and connect again"
            )
            raise BackendError(self._ended) from error
        if self._file is not None and (status.st_dev, status.st_ino) != self._file:
            self._ended = (
                f"another file has taken the place of {self._path} while the store was open, so that nothing is read "
                f"or written any more; close the store, and connect again to use the file that is there now"
            )
            raise BackendError(self._ended)
        self._checked = monotonic()
        return status

    def check_writable(self) -> None:
        """Raise where what is written might be lost."""
        if (names := self.check().st_nlink) > 1:
            raise Invalid(
                f"{self._path} is one of {names} names of a file (hard links), and SQLite keeps a log for each, so that "
                f"what is written by one would be lost for the others; delete the others, or write to a copy, made by: "
                f"lineage copy {self._path} TARGET"
            )

    def check_log(self) -> None:
        """Raise where the log is not the one that the first write met, inside a transaction that may write."""
        log = self._mark(self._log_path)
        if self._log is None:
            self._log = log
        elif log != self._log:
            raise BackendError(
                f"{self._log_path} was deleted or replaced while the store was open, and with it, for all others, what "
                f"was committed last; this process still reads it: copy the store from here with store.copy_to, and "
                f"go on with the copy"
            )

    @property
    def is_linked(self) -> bool:
        """Whether the file has several names."""
        return self.check().st_nlink > 1

    @property
    def is_over(self) -> bool:
        """Whether SQLite, if it closed the connection, might delete or overwrite what is another's by now."""
        if self._file is not None and self._mark(self._path) != self._file:
            return True
        log = self._mark(self._log_path)
        return self._log is not None and log is not None and log != self._log

    @property
    def _log_path(self) -> str:
        return f"{self._path}-wal"

    def _mark(self, path: str) -> _Mark | None:
        try:
            status = self._stat(path)
        except OSError:
            return None
        return status.st_dev, status.st_ino
