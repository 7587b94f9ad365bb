"""The writers' lock: a lock on a side file, in whose queue threads and processes wait alike.

SQLite's own waiting lets one writer starve the others; the kernel's queue for a lock does not.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path
from threading import get_ident

from lineage.contract.owner import Owner, current_owner
from lineage.contract.refusals import deadlock
from lineage.contract.stopping import waited
from lineage.errors import Conflict, Unavailable

__all__ = ["WritersLock", "let_go_after_fork"]

_HANDLES: set[int] = set()
"""The open lock files of this process, which a forked child gets too and must let go of."""
_OWNERS: dict[str, Owner] = {}
"""Who in this process holds which lock file: a thread that waited for itself would do so for nothing."""


class WritersLock:
    """Held from `acquire` to `release`, by one thread of one process, and one task of it."""

    __slots__ = ("_held", "_path", "owner")

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._held: int | None = None
        self.owner: Owner | None = None
        """Who holds it; None where it is free."""

    @property
    def held(self) -> bool:
        """Whether the lock is this thread's."""
        return self._held is not None

    def acquire(self, timeout: float) -> None:
        """Wait for the lock; raise `Conflict` if it does not come in time."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise Unavailable(
                f"the lock file {self._path} cannot be opened ({error.strerror}); look at its permissions"
            ) from error
        _HANDLES.add(handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._refuse_deadlock(handle)
            _Waiter(handle).wait(timeout)
        except OSError as error:
            _close(handle)
            raise Unavailable(
                f"{self._path} cannot be locked ({error.strerror}); keep the store on a file system with locks"
            ) from error
        self._held, self.owner = handle, current_owner()
        _OWNERS[self._path] = self.owner

    def _refuse_deadlock(self, handle: int) -> None:
        holder = _OWNERS.get(self._path)
        if holder is not None and holder.thread == get_ident():
            _close(handle)
            raise deadlock(
                f"this thread holds {self._path} already, by another connection to the store; end that transaction "
                f"first, or write with one connection"
            )

    def note(self, line_of: Callable[[os.stat_result], bytes]) -> None:
        """Write a line, made of the lock file's status, into it, in place of the one before; the lock is held.

        Where there is no room for it, none is left there.
        """
        assert self._held is not None
        status = os.fstat(self._held)
        line = line_of(status)
        try:
            whole = os.pwrite(self._held, line, 0) == len(line)
        except OSError:
            whole = False
        if not whole or status.st_size > len(line):
            os.ftruncate(self._held, len(line) if whole else 0)

    def release(self) -> None:
        """Let the next writer go on."""
        if self._held is not None:
            handle, self._held, self.owner = self._held, None, None
            _OWNERS.pop(self._path, None)  # before the next of this process may enter itself
            _let_go(handle)


def _let_go(handle: int) -> None:
    # Closing alone would leave the lock with a child that was forked meanwhile.
    fcntl.flock(handle, fcntl.LOCK_UN)
    _close(handle)


def _close(handle: int) -> None:
    _HANDLES.discard(handle)
    os.close(handle)


def let_go_after_fork() -> None:
    """Close what a fork copied, in the child; the locks stay with the parent."""
    for handle in _HANDLES:
        os.close(handle)
    _HANDLES.clear()
    _OWNERS.clear()


class _Waiter:
    """Waits for a file lock in a thread of its own, since that wait has no time limit."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._guard = threading.Lock()
        self._given_up = False
        self._got = threading.Event()

    def wait(self, timeout: float) -> None:
        try:
            threading.Thread(target=self._run, name="lineage-lock", daemon=True).start()
        except RuntimeError as error:
            _close(self._handle)
            raise Unavailable(
                f"the store is locked, and there is no thread to wait with: {error}"
            ) from error
        try:
            in_time = waited(self._got.wait, timeout)
        except BaseException:
            # Interrupted: the waiting thread would take the lock for nobody, or has it already.
            if not self._give_up():
                _let_go(self._handle)
            raise
        if not in_time and self._give_up():
            raise Conflict(f"other writers kept the store locked for {timeout:g} s; try again")

    def _run(self) -> None:
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        with self._guard:
            if self._given_up:
                _let_go(self._handle)
            else:
                self._got.set()

    def _give_up(self) -> bool:
        """Leave the queue; return False where the lock came at the last moment."""
        with self._guard:
            self._given_up = not self._got.is_set()
            return self._given_up
