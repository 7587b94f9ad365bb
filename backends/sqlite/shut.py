"""Reading a file in a folder that one may not write: SQLite shares nothing with writers there, and notices none.

Opened as immutable, SQLite looks at the file alone: not at its log, and not whether it has changed since. So that is
looked at here, before and after each read.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from lineage.backends.sqlite.location import beside
from lineage.errors import Unavailable

__all__ = ["ShutFile"]

SETTLED = 1_000_000_000
"""After so many nanoseconds a file that is written once more has another time; file systems count in steps."""


class ShutFile:
    """What a file was when an immutable connection to it was opened."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._companions = (str(beside(path, "-wal")), str(beside(path, "-journal")))
        self._refuse_writers()
        self._opened = time.time_ns()
        self._found = self._look()

    def is_current(self) -> bool:
        """Whether what the connection remembers of the file holds; `Unavailable` where somebody writes."""
        self._refuse_writers()
        *_, changed = self._found
        return self._opened - changed > SETTLED and self.is_unchanged()

    def is_unchanged(self) -> bool:
        """Whether nobody has written the file since."""
        return self._look() == self._found

    def busy(self) -> Unavailable:
        """Return the error for a file that cannot be read, for what is committed may be in the log."""
        folder = Path(self._path).parent
        return Unavailable(
            f"{self._path} is being written, and without the right to write in {folder} it cannot be seen what; read "
            f"it once its writers have closed it, get that right, or read a copy: lineage copy {self._path} TARGET"
        )

    def _look(self) -> tuple[int, ...]:
        status = os.stat(self._path)  # noqa: PTH116  # each read asks twice
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    def _refuse_writers(self) -> None:
        for companion in self._companions:
            try:
                size = os.stat(companion).st_size  # noqa: PTH116  # each read asks
            except FileNotFoundError:
                continue
            if size:
                raise self.busy()
