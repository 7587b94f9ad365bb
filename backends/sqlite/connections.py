"""One SQLite file: a connection for each thread, and what closing and forking must not break.

Write-ahead logging with full synchronisation keeps readers and the writer out of each other's way
and every acknowledged transaction on the disk. Writers queue at the lock of `lock`.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from lineage.backends.sqlite.errors import translate
from lineage.backends.sqlite.life import Life
from lineage.backends.sqlite.location import Journal, beside, check_place, open_sqlite
from lineage.backends.sqlite.lock import WritersLock, let_go_after_fork
from lineage.backends.sqlite.properties import list_of
from lineage.backends.sqlite.shut import ShutFile
from lineage.backends.sqlite.witness import Witness
from lineage.contract.evaluation import holds
from lineage.contract.owner import current_owner
from lineage.contract.stopping import go_on, is_to_stop
from lineage.errors import Corrupt, Invalid
from lineage.filters.like import like
from lineage.filters.tree import Contains, Like, Literal, PropertyColumn
from lineage.model.canonical import decode, escape, unescape

__all__ = ["LARGE_LOG", "SqliteFile", "guarded"]

LARGE_LOG = 64 * 2**20
"""A write-ahead log past this many bytes is emptied; readers keep SQLite from doing so itself."""
TRIES = 5
"""How often a file is read that others change meanwhile, where they cannot be kept from it."""
BUSY_SECONDS = 30.0
"""How long a statement waits for other programs' locks."""
LOOK_STEPS = 10_000
"""After how many of its virtual machine's steps a statement looks whether it is wanted: some 0.1 ms.

A commit has fewer, so that none is broken off.
"""


class OnFile(Protocol):
    """A backend that keeps a store in a SQLite file."""

    _file: SqliteFile


S = TypeVar("S", bound=OnFile)
P = ParamSpec("P")
R = TypeVar("R")


def guarded(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Let no close and no fork cut into a backend's method, and make SQLite's errors ours."""

    @functools.wraps(method)
    def wrapper(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        slot = self._file.slot
        with slot.busy:
            go_on()
            try:
                if slot.shut is not None:
                    return _steadily(self._file, slot, lambda: method(self, *args, **kwargs))
                return method(self, *args, **kwargs)
            except (sqlite3.Error, UnicodeDecodeError) as error:
                go_on()  # it may be this that broke a statement off
                raise translate(error, self._file.path) from error

    return wrapper


def _steadily(file: SqliteFile, slot: _Slot, read: Callable[[], R]) -> R:
    """Return what is read of a file in a folder that may not be written, while nobody changed it."""
    shut = slot.shut
    if slot.reads or shut is None:
        return read()
    slot.reads = True
    try:
        for _ in range(TRIES):
            slot.life.check()
            if not shut.is_current():
                slot.close()
                _ = file.connection  # opened anew, it may share with writers what it reads
                if slot.shut is None:
                    return read()
                shut = slot.shut
            try:
                answer = read()
            except (sqlite3.Error, UnicodeDecodeError, Corrupt):
                if shut.is_unchanged():
                    raise
            else:
                if shut.is_unchanged():
                    return answer
        raise shut.busy()
    finally:
        slot.reads = False


class _Slot:
    """What one thread has at a file; let go of when the thread ends."""

    __slots__ = ("__weakref__", "busy", "life", "lock", "process", "reads", "shut", "sql")

    def __init__(self, path: Path) -> None:
        self.busy = threading.RLock()
        self.lock = WritersLock(beside(path, "-lock"))
        self.life = Life(path)
        """What `sql` has open."""
        self.process = os.getpid()
        self.shut: ShutFile | None = None
        """What was read where the folder may not be written."""
        self.reads = False
        """Whether a method reads it, which calls others."""
        self.sql: sqlite3.Connection | None = None

    def close(self) -> None:
        if self.sql is not None and self.shut is None and self.life.is_over:
            self.abandon()
            return
        sql, self.sql = self.sql, None
        if sql is not None:
            sql.close()

    def abandon(self) -> None:
        """Never close the connection, not even by forgetting it: SQLite would tidy up what is another's."""
        sql, self.sql = self.sql, None
        if sql is not None:
            import ctypes

            ctypes.pythonapi.Py_IncRef(ctypes.py_object(sql))

    def __del__(self, getpid: Callable[[], int] = os.getpid) -> None:
        # At the end of the program the module's own names may be gone before this.
        if self.process == getpid():
            self.close()
            self.lock.release()
        else:
            self.abandon()


class SqliteFile:
    """A store's file, with a connection for each thread that asks for one."""

    def __init__(self, path: Path, *, journal: Journal, readonly: bool) -> None:
        # SQLite's companion files are named after where a link leads, and threads that connect
        # later must not follow a change of the working folder.
        self.path = Path(os.path.realpath(path))
        self._log = str(beside(self.path, "-wal"))
        self.journal = journal
        self.readonly = readonly
        self._closed = False
        self._opened: Life | None = None
        """What the first connection opened, which all others must find."""
        self._own = threading.local()
        self._slots: weakref.WeakSet[_Slot] = weakref.WeakSet()
        self._witness = Witness(self.path)
        check_place(self.path, journal, readonly=readonly)
        _refuse_inherited(self.path)
        with _REGISTER:
            _FILES.add(self)

    @property
    def slot(self) -> _Slot:
        """This thread's own; while another of its tasks writes there, a second one, to read what is committed."""
        slot = self.writers_slot
        if slot.lock.owner is None or slot.lock.owner == current_owner():
            return slot
        return self._slot_named("second")

    @property
    def writers_slot(self) -> _Slot:
        """The one of this thread's that writes, whichever of its tasks does."""
        return self._slot_named("slot")

    def _slot_named(self, name: str) -> _Slot:
        try:
            return getattr(self._own, name)  # type: ignore[no-any-return]  # a thread's own attributes have no types
        except AttributeError:
            slot = _Slot(self.path)
            setattr(self._own, name, slot)
            with _REGISTER:
                self._slots.add(slot)
            return slot

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection; to be used in `guarded` methods only."""
        slot = self.slot
        if slot.sql is None:
            with _OPENING:
                slot.sql = self._connect(slot)
        elif not slot.sql.in_transaction:
            slot.life.check_for_reading()
        return slot.sql

    def check_writable(self) -> None:
        """Raise where what this thread is about to write might be lost; to be called under the lock."""
        life = self.slot.life
        life.check_writable()
        if self.journal == "wal":
            life.check_log()

    def bear_witness(self) -> None:
        """Note what the file is, before a log is written and after it may have been moved; under the lock."""
        if self.journal == "wal":
            self._witness.bear(self.slot.lock)

    def refuse_foreign_log(self, *, lock_timeout: float) -> None:
        """Raise `Corrupt` for a log that a killed writer left beside another file than this."""
        if self._witness.agrees() or self._is_open:
            return
        # While another process commits, the two differ for a moment.
        self.slot.lock.acquire(lock_timeout)
        try:
            with _OPENING:
                if not self._is_open:
                    self._witness.refuse_foreign()
            self._witness.bear(self.slot.lock)
        finally:
            self.slot.lock.release()

    @property
    def slots(self) -> list[_Slot]:
        """Those of all threads."""
        return list(self._slots)

    @property
    def _is_open(self) -> bool:
        """Whether this process has a connection to the file, by any store."""
        with _REGISTER:
            slots = [slot for file in _FILES if file.path == self.path for slot in file.slots]
        return any(slot.sql is not None for slot in slots)

    def check_committable(self) -> None:
        """Raise where what this thread has written would be lost by now."""
        self.slot.life.check_writable()

    def _connect(self, slot: _Slot) -> sqlite3.Connection:
        if self._closed:
            raise Invalid("the store is closed")
        _refuse_inherited(self.path)
        if self._opened is not None:
            self._opened.check()  # or SQLite would make the file anew
        sql = self._open(slot)
        try:
            slot.life = Life(self.path)
            slot.life.begin()
            if self._opened is None:
                self._opened = slot.life
            self._opened.check()
            self._prepare(sql)
        except BaseException:
            sql.close()
            raise
        return sql

    def _prepare(self, sql: sqlite3.Connection) -> None:
        sql.set_progress_handler(is_to_stop, LOOK_STEPS)
        sql.create_function("lineage_like", 2, _like, deterministic=True)
        sql.create_function("lineage_like_value", 2, _like_value, deterministic=True)
        sql.create_function("lineage_like_member", 3, _like_member, deterministic=True)
        sql.create_function("lineage_contains", 3, _contains, deterministic=True)
        sql.create_function("lineage_escape", 1, _escape, deterministic=True)
        pragmas = [
            f"busy_timeout = {BUSY_SECONDS * 1000:.0f}",
            "cache_size = -16384",
            "secure_delete = ON",  # without it, purged text stays in the file's free pages
            "synchronous = FULL",
        ]
        if self.readonly:
            pragmas.append("query_only = ON")
        if self.journal == "rollback":
            pragmas.append("cache_spill = OFF")
        for pragma in pragmas:
            sql.execute(f"PRAGMA {pragma}")

    def _open(self, slot: _Slot) -> sqlite3.Connection:
        slot.shut = None
        if not self.readonly:
            return open_sqlite(self.path, "mode=rwc")
        # Not `mode=ro`, which leaves a log and its index behind, and cannot recover after a crash.
        sql = open_sqlite(self.path, "mode=rw")
        try:
            sql.execute("PRAGMA schema_version")
        except sqlite3.Error as error:
            sql.close()
            shut = isinstance(error, sqlite3.OperationalError) and not os.access(
                self.path.parent, os.W_OK
            )
            if not shut:
                raise
            slot.shut = ShutFile(self.path)
            return open_sqlite(self.path, "immutable=1")
        return sql

    @contextlib.contextmanager
    def waiting(self, seconds: float) -> Iterator[sqlite3.Connection]:
        """Let statements wait this long, and no longer than usual, for other programs' locks."""
        sql = self.connection
        if seconds > BUSY_SECONDS - 1:
            yield sql
            return
        sql.execute(f"PRAGMA busy_timeout = {max(0, seconds) * 1000:.0f}")
        try:
            yield sql
        finally:
            sql.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")

    def log_size(self) -> int:
        """Return the size of the write-ahead log in bytes."""
        try:
            return os.stat(self._log).st_size  # noqa: PTH116  # each commit asks; a Path costs ten times this
        except FileNotFoundError:
            return 0

    def empty_log(self, *, seconds: float) -> bool:
        """Move the write-ahead log into the file and truncate it; return whether readers let it."""
        with self.waiting(seconds) as sql:
            (blocked, _, _) = sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not blocked

    def close(self) -> None:
        """Close every thread's connection, once the method that uses it is through."""
        self._closed = True
        with _REGISTER:
            slots = self.slots
        for slot in slots:
            with slot.busy:
                slot.close()

    def abandon_what_ended(self) -> None:
        """Abandon the connections whose file is another's by now."""
        for slot in self.slots:
            if slot.sql is not None and slot.shut is None and slot.life.is_over:
                slot.abandon()

    # SQLite keeps account of a process's locks in memory. A child that had it copied would take
    # locks that the system knows nothing of, and lose what it commits when others tidy up; and
    # closing its copy of a connection would undo its parent's transaction. So a fork finds all
    # connections closed but those inside a transaction, and a child of such a parent is refused.

    def close_before_fork(self) -> list[_Slot]:
        """Keep all threads out and close what is idle; return the slots, kept from use."""
        slots = self.slots
        for slot in slots:
            slot.busy.acquire()
            if slot.sql is not None and not slot.sql.in_transaction:
                slot.close()
        return slots

    def begin_anew(self, slots: list[_Slot]) -> None:
        """Forget the parent's connections, in the child."""
        if any(slot.sql is not None for slot in slots):
            _INHERITED.add(self.path)
        for slot in slots:
            slot.abandon()
        self._own = threading.local()
        self._slots = weakref.WeakSet()


_FILES: weakref.WeakSet[SqliteFile] = weakref.WeakSet()
_REGISTER = threading.Lock()
"""Held to add to the files and their slots, and throughout a fork."""
_OPENING = threading.Lock()
"""Held while a connection is made, and while a file is read without one."""
_KEPT: list[tuple[SqliteFile, list[_Slot]]] = []
"""What the fork that goes on keeps from use."""
_INHERITED: set[Path] = set()
"""Files that this process must not open, since a fork copied a transaction on them."""


def _refuse_inherited(path: Path) -> None:
    if path in _INHERITED:
        raise Invalid(
            f"this process was forked while its parent had a transaction open on {path}, and SQLite cannot open "
            f"the file here; fork between transactions, or start a new program"
        )


def _before_fork() -> None:
    _REGISTER.acquire()
    _KEPT.extend((file, file.close_before_fork()) for file in _FILES)


def _after_fork_in_parent() -> None:
    for _, slots in _KEPT:
        for slot in slots:
            slot.busy.release()
    _KEPT.clear()
    _REGISTER.release()


def _after_fork_in_child() -> None:
    for file, slots in _KEPT:
        file.begin_anew(slots)
    let_go_after_fork()
    _KEPT.clear()
    _REGISTER.release()


def _at_exit() -> None:
    """Abandon what must not be closed while that is still possible: later nothing can be imported."""
    for file in list(_FILES):
        file.abandon_what_ended()


atexit.register(_at_exit)
os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)


def _like(value: object, pattern: str) -> bool:
    return isinstance(value, str) and _pattern(pattern)(value)


def _like_value(value: object, pattern: str) -> bool:
    return isinstance(value, str) and _pattern(pattern)(unescape(value))


def _like_member(json_type: object, value: object, pattern: str) -> bool:
    return holds(Like(_ANY, pattern))(list_of(json_type, value))


def _contains(json_type: object, value: object, literal: str) -> bool:
    return holds(Contains(_ANY, _literal(literal)))(list_of(json_type, value))


def _escape(value: str | None) -> str | None:
    return None if value is None else escape(value)


def _literal(at_rest: str) -> Literal:
    literal = decode(at_rest)[""]
    assert isinstance(literal, bool | int | float | str)
    return literal


_ANY = PropertyColumn("")
"""Conditions that are applied to a value look at no column."""
_pattern = functools.lru_cache(like)
