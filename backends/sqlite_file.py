"""One SQLite file: opening and refusing it, a connection per thread, the writers' lock, errors.

Writers queue at a lock on a side file before BEGIN IMMEDIATE: SQLite's own waiting lets one
writer starve the others. Write-ahead logging with full synchronisation keeps readers and the
writer out of each other's way and every acknowledged transaction on the disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import sqlite3
import threading
import urllib.parse
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

from lineage.errors import (
    AlreadyExists,
    BackendError,
    Conflict,
    Corrupt,
    Invalid,
    NotFound,
    Unavailable,
)
from lineage.filters import like_pattern
from lineage.values import unescape

__all__ = ["APPLICATION_ID", "FORMAT", "Journal", "SqliteFile", "split_url", "translated"]

Journal = Literal["wal", "rollback"]
APPLICATION_ID = 0x6C696E65  # "line"
FORMAT = 1
LARGE_LOG = 64 * 2**20
"""A write-ahead log past this many bytes is emptied; readers keep SQLite from doing so itself."""
NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
    }
    | {"lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb3", "smbfs"}
)

P = ParamSpec("P")
R = TypeVar("R")


def split_url(url: str) -> tuple[Path, Journal]:
    """Return the file and the journal that a path or `sqlite:PATH[?journal=rollback]` names."""
    if not url.startswith("sqlite:"):
        return Path(url), "wal"
    path, _, query = url.removeprefix("sqlite:").partition("?")
    options = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    journal = options.pop("journal", "wal")
    if options or journal not in ("wal", "rollback") or not path:
        raise Invalid(
            f"{url!r} is not a store's URL; write sqlite:PATH or sqlite:PATH?journal=rollback"
        )
    return Path(path), journal  # type: ignore[return-value]


_BY_CODE: dict[int, tuple[type[BackendError | Conflict], str]] = {
    sqlite3.SQLITE_BUSY: (Conflict, "another program holds a lock on the file; try again"),
    sqlite3.SQLITE_LOCKED: (Conflict, "another connection holds a lock on the file; try again"),
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
}


def translate(error: sqlite3.Error) -> Exception:
    """Return our error for one of SQLite's."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        if "closed" in str(error):
            return Invalid("the store is closed")
        return BackendError(f"SQLite: {error}")
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return AlreadyExists(f"a key is taken: {error}")
    if primary == sqlite3.SQLITE_TOOBIG:
        return Invalid(f"a value is larger than SQLite holds: {error}")
    cls, advice = _BY_CODE.get(primary, (BackendError, "this is not expected; please report it"))
    return cls(f"SQLite: {error}: {advice}")


def translated(function: Callable[P, R]) -> Callable[P, R]:
    """Make a method raise our errors in place of SQLite's."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except sqlite3.Error as error:
            raise translate(error) from error

    return wrapper


class _Connection:
    """A thread's connection, closed when its thread ends."""

    __slots__ = ("__weakref__", "sql")

    def __init__(self, sql: sqlite3.Connection) -> None:
        self.sql = sql

    def __del__(self) -> None:
        self.sql.close()


class _Lock:
    """The writers' lock: held from `acquire` to `release`, by one thread of one process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: int | None = None

    def acquire(self, timeout: float) -> None:
        """Wait for the lock in the kernel's queue, which is fair; raise `Conflict` in the end."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise Unavailable(
                f"the lock file {self._path} cannot be opened: {error.strerror}"
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _Waiter(handle).wait(timeout)
        except BaseException:
            os.close(handle)
            raise
        self._held = handle

    def release(self) -> None:
        """Let the next writer go on."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


class _Waiter:
    """Waits for a file lock in a thread of its own, since that wait has no time limit."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._guard = threading.Lock()
        self._given_up = False
        self._got = threading.Event()

    def wait(self, timeout: float) -> None:
        threading.Thread(target=self._run, name="lineage-lock", daemon=True).start()
        try:
            in_time = self._got.wait(timeout)
        except BaseException:
            self._give_up()
            raise
        if not in_time and self._give_up():
            raise Conflict(f"other writers kept the store locked for {timeout:g} s; try again")

    def _run(self) -> None:
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        with self._guard:
            if self._given_up:
                os.close(self._handle)
            else:
                self._got.set()

    def _give_up(self) -> bool:
        """Leave the queue; return False where the lock came at the last moment."""
        with self._guard:
            self._given_up = not self._got.is_set()
            return self._given_up


_ABANDONED: list[object] = []
"""Connections that a fork copied: SQLite forbids the child to use them, closing included."""
_FILES: weakref.WeakSet[SqliteFile] = weakref.WeakSet()


def _after_fork() -> None:
    for file in _FILES:
        file.forget_connections()


os.register_at_fork(after_in_child=_after_fork)


class SqliteFile:
    """A store's file, with a connection for each thread that asks for one."""

    def __init__(self, path: Path, *, journal: Journal, readonly: bool) -> None:
        self.path = path
        self.journal = journal
        self.readonly = readonly
        self._closed = False
        self._own = threading.local()
        self._all: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._check_place()
        _FILES.add(self)

    def _check_place(self) -> None:
        if self.path.is_dir():
            raise Invalid(f"{self.path} is a folder; give the path of a file")
        if self.readonly and not self.path.exists():
            raise NotFound(f"there is no store at {self.path}, and reading does not make one")
        if not self.path.parent.is_dir():
            raise NotFound(f"there is no folder {self.path.parent} for the store; make it first")
        system = file_system(self.path)
        if self.journal == "wal" and system in NETWORK_FILE_SYSTEMS:
            raise Invalid(
                f"{self.path} is on a network file system ({system}), where SQLite's shared log does not work; keep the "
                f"store on a local disk, or see to it that one process writes and open sqlite:{self.path}?journal=rollback"
            )

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        try:
            return self._own.connection.sql  # type: ignore[no-any-return]
        except AttributeError:
            return self._connect()

    @property
    def lock(self) -> _Lock:
        """This thread's hold on the writers' lock."""
        try:
            return self._own.lock  # type: ignore[no-any-return]
        except AttributeError:
            self._own.lock = _Lock(self.path.with_name(self.path.name + "-lock"))
            return self._own.lock  # type: ignore[no-any-return]

    def _connect(self) -> sqlite3.Connection:
        if self._closed:
            raise Invalid("the store is closed")
        sql = self._open()
        sql.create_function("lineage_like", 2, _like, deterministic=True)
        sql.create_function("lineage_like_value", 2, _like_value, deterministic=True)
        for pragma in (
            "busy_timeout = 30000",
            "cache_size = -16384",
            "secure_delete = ON",
            "synchronous = FULL",
        ):
            sql.execute(f"PRAGMA {pragma}")
        if self.journal == "rollback":
            sql.execute("PRAGMA cache_spill = OFF")
        own = _Connection(sql)
        self._own.connection = own
        self._all.add(own)
        return sql

    def _open(self) -> sqlite3.Connection:
        name = f"file:{urllib.parse.quote(str(self.path.absolute()))}"
        if not self.readonly:
            return _open_uri(f"{name}?mode=rwc")
        sql = _open_uri(f"{name}?mode=ro")
        try:
            sql.execute("PRAGMA schema_version")
        except sqlite3.OperationalError:
            sql.close()
            if os.access(self.path.parent, os.W_OK) or self.log_size():
                raise
            # Without a log there is nothing that others could be writing into a folder like this.
            return _open_uri(f"{name}?immutable=1")
        return sql

    def log_size(self) -> int:
        """Return the size of the write-ahead log in bytes."""
        with contextlib.suppress(FileNotFoundError):
            return self.path.with_name(self.path.name + "-wal").stat().st_size
        return 0

    def empty_log(self, *, wait: bool) -> bool:
        """Move the write-ahead log into the file and truncate it; return whether readers let it."""
        sql = self.connection
        sql.execute(f"PRAGMA busy_timeout = {2000 if wait else 0}")
        try:
            (blocked, _, _) = sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            sql.execute("PRAGMA busy_timeout = 30000")
        return not blocked

    def forget_connections(self) -> None:
        """Start anew in a child process, which must not touch its parent's connections."""
        _ABANDONED.extend(self._all)
        held = getattr(self._own, "lock", None)
        if held is not None:
            held.release()
        self._own = threading.local()
        self._all = weakref.WeakSet()

    def close(self) -> None:
        """Close every thread's connection."""
        self._closed = True
        for own in list(self._all):
            own.sql.close()
        self._own = threading.local()


def _open_uri(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
        timeout=30,
    )


def _like(value: object, pattern: str) -> bool:
    return isinstance(value, str) and _pattern(pattern).fullmatch(value) is not None


def _like_value(value: object, pattern: str) -> bool:
    return isinstance(value, str) and _pattern(pattern).fullmatch(unescape(value)) is not None


_pattern = functools.lru_cache(like_pattern)


def file_system(path: Path) -> str:
    """Return the type of the file system that a path is on, as Linux names it; "" if unknown."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    place = path.parent.resolve()
    best, answer = -1, ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        point = Path(left.split()[4].encode().decode("unicode_escape"))
        if place.is_relative_to(point) and len(point.parts) >= best:
            best, answer = len(point.parts), right.split()[0]
    return answer
