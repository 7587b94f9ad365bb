"""What a store's file was seen to be last, lest its log be applied to another that took its place.

A writer that was killed leaves a log, which SQLite applies to whatever file lies beside it: a backup that was
copied over the file is mixed with what it was to replace. Neither the log nor the file names the other. But the
file changes only where the log is moved into it. So each writer leaves the file's number, size and time of change in
the lock file, under the lock; and where a log is found beside a file with others, it is compared, page by page, with
what moving the log would have left (https://sqlite.org/fileformat.html, 4: "The Write-Ahead Log").
"""

from __future__ import annotations

import os
from pathlib import Path
from struct import Struct

from lineage.backends.sqlite.location import beside
from lineage.backends.sqlite.lock import WritersLock
from lineage.errors import Corrupt

__all__ = ["Witness"]

_Seen = tuple[int, int, int]
"""A file's number, its size in bytes and the time of its last change in nanoseconds."""
_LOG_HEADER = Struct(">4I8s2I")
"""Magic number, version, page size, sequence of checkpoints, salts, checksums."""
_FRAME_HEADER = Struct(">2I8s2I")
"""Number of the page, pages of the file after a commit or 0, salts, checksums."""


class Witness:
    """Compares a store's file with what its last writer saw."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._log = str(beside(path, "-wal"))
        self._lock = str(beside(path, "-lock"))
        self._seen: _Seen | None = None

    def bear(self, lock: WritersLock) -> None:
        """Leave in the lock file, whose lock is held, what the file is now.

        It never raises: a transaction may be durable already. What became of a file that is gone, the next one tells.
        """
        try:
            status = os.stat(self._path)  # noqa: PTH116  # each transaction asks twice
        except OSError:
            return
        seen = _seen(status)
        if seen != self._seen:
            lock.note(lambda own: _line(own, seen))
            self._seen = seen

    def agrees(self) -> bool:
        """Whether the file is as it was seen last, or there is nothing to tell: no log, or no witness."""
        try:
            if not os.stat(self._log).st_size:  # noqa: PTH116  # the path is text, as SQLite takes it
                return True
            said = Path(self._lock).read_bytes()
            lock, status = Path(self._lock).stat(), Path(self._path).stat()
        except (FileNotFoundError, PermissionError):
            return True
        # A lock file that was copied along with the others is no witness of the copies.
        mine = said.startswith(_line(lock, None))
        return not mine or said == _line(lock, _seen(status))

    def refuse_foreign(self) -> None:
        """Raise `Corrupt` where the log is not this file's; to be called under the lock.

        This process may have no connection to the file: to close what is read here drops all locks on it.
        """
        if not self.agrees() and not self._is_moved():
            raise Corrupt(
                f"{self._path} was restored or replaced, while beside it {self._log} is the log of the file that was "
                f"there before, and SQLite would mix the two. To go on with what was restored, see that no process has "
                f"the store open, delete {self._log} and {self._path}-shm, and connect again. Where the log does "
                f"belong to the file, since both were restored or nothing was, delete {self._lock} instead, in which the "
                f"last writer noted what the file was"
            )

    def _is_moved(self) -> bool:
        """Whether the file is what moving the log into it would make of it, up to the end or up to a kill on the way.

        Pages are moved in the order of their numbers, each as the log has it last. One that was not moved yet is
        older than the log. It may be what the log has first or even last, as SQLite writes some pages that it did
        not change; but few are, and none is what the log has in between, as in a backup made meanwhile.
        """
        pages = self._pages()
        if not pages:
            return True
        moved: list[bool] = []
        with Path(self._path).open("rb") as file:
            for number in sorted(pages):
                *before, last = pages[number]
                file.seek((number - 1) * len(last))
                found = file.read(len(last))
                moved.append(found == last)
                if not moved[-1] and found in before and found != before[0]:
                    return False
        rest = moved[moved.index(False) :] if False in moved else []
        return moved[0] and 2 * sum(rest) <= len(rest)

    def _pages(self) -> dict[int, list[bytes]]:
        """Return what the committed part of the log has of each page, in order."""
        committed: dict[int, list[bytes]] = {}
        open_pages: list[tuple[int, bytes]] = []
        with Path(self._log).open("rb") as log:
            header = log.read(_LOG_HEADER.size)
            if len(header) < _LOG_HEADER.size:
                return committed
            _, _, size, _, salts, *_ = _LOG_HEADER.unpack(header)
            while len(frame := log.read(_FRAME_HEADER.size + size)) == _FRAME_HEADER.size + size:
                number, is_commit, own_salts, *_ = _FRAME_HEADER.unpack_from(frame)
                if own_salts != salts:  # what an earlier round has left
                    break
                open_pages.append((number, frame[_FRAME_HEADER.size :]))
                if is_commit:
                    for each, page in open_pages:
                        committed.setdefault(each, []).append(page)
                    open_pages.clear()
        return committed


def _seen(status: os.stat_result) -> _Seen:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _line(lock: os.stat_result, seen: _Seen | None) -> bytes:
    """Return what the lock file says: which file it is itself, and what is `_Seen` of the store's."""
    own = f"lineage {lock.st_dev} {lock.st_ino} "
    return f"{own}{'' if seen is None else ' '.join(f'{each:20d}' for each in seen)}".encode()
