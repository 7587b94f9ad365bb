"""Opening a SQLite store: making a new one, telling ours from all other files, and keeping its indexes."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from lineage.backends.sqlite.connections import SqliteFile
from lineage.backends.sqlite.indexes import index_changes
from lineage.backends.sqlite.location import beside, open_sqlite
from lineage.backends.sqlite.rows import INDEXES, TABLES
from lineage.errors import Corrupt

__all__ = ["APPLICATION_ID", "FORMAT", "open_store"]

APPLICATION_ID = 0x6C696E65  # "line"
FORMAT = 3
SMALLEST_PAGE = 512  # https://sqlite.org/fileformat.html, 1.3.2


def open_store(file: SqliteFile, *, lock_timeout: float) -> None:
    """Make a store in an empty file; raise for a file that is neither empty nor a whole store."""
    _refuse_orphan(file.path)
    file.refuse_foreign_log(lock_timeout=lock_timeout)
    _refuse_foreign(file.path)
    sql = file.connection
    if _identify(file, sql):
        if file.journal == "rollback" and not file.readonly:
            _leave_shared_memory(file, sql, lock_timeout)
        if not file.readonly and not file.slot.life.is_linked:
            _keep_indexes(file, sql, lock_timeout)
    elif file.readonly:
        raise Corrupt(f"{file.path} is empty; connect without readonly=True to make a store there")
    else:
        with _locked(file, lock_timeout):
            _make(file, sql)


def _refuse_orphan(path: Path) -> None:
    """Raise where a store's file is gone and its log is not: SQLite would delete what was committed there."""
    # In this order, for who makes a store makes the file first.
    for log, least in ((beside(path, "-wal"), 1), (beside(path, "-journal"), 0)):
        if _size(log) > 0 and _size(path) < least:
            raise Corrupt(
                f"{path} is missing, while beside it {log} holds what was committed to it last; put the file back, or "
                f"delete {log} to make a new store there"
            )


def _size(path: Path) -> int:
    """Return how many bytes a file has; -1 where there is none."""
    try:
        return path.stat().st_size
    except OSError:  # of any other kind of trouble the opening tells
        return -1


def _refuse_foreign(path: Path) -> None:
    """Raise for a file that SQLite would change on opening it, or takes for an empty one."""
    size = path.stat().st_size if path.exists() else 0
    if 0 < size < SMALLEST_PAGE:
        raise Corrupt(f"{path} has {size} bytes, too few for a store; give another path")
    # Only through SQLite: to close a file of one's own drops all locks that the process has on it.
    if not (beside(path, "-wal").exists() or beside(path, "-journal").exists()):
        return
    try:
        with contextlib.closing(open_sqlite(path, "mode=ro")) as sql:
            application, tables = _content(sql)
    except sqlite3.Error:
        return  # what it takes to read the file, and what to say of it, is known on opening
    if application != APPLICATION_ID:
        _check_content(path, application, tables)


def _content(sql: sqlite3.Connection) -> tuple[int, set[str]]:
    """Return a file's application and its tables."""
    with _one_moment(sql):
        (application,) = sql.execute("PRAGMA application_id").fetchone()
        return application, {name for (name,) in sql.execute("SELECT name FROM sqlite_schema")}


@contextlib.contextmanager
def _one_moment(sql: sqlite3.Connection) -> Iterator[None]:
    """Let all statements of a block read the same moment, whatever others write or move about."""
    if sql.in_transaction:
        yield
        return
    sql.execute("BEGIN")
    try:
        yield
    finally:
        if sql.in_transaction:
            sql.execute("ROLLBACK")


def _check_content(path: Path, application: int, tables: set[str]) -> None:
    """Raise for what another application keeps in a SQLite file; nothing is fine."""
    if "MLMDEnv" in tables:
        raise Corrupt(
            f"{path} is an ML Metadata store; bring it in with: lineage import {path} --format mlmd"
        )
    if tables or application:
        raise Corrupt(
            f"{path} belongs to another application; it is left untouched, give another path"
        )


@contextlib.contextmanager
def _locked(file: SqliteFile, timeout: float) -> Iterator[None]:
    file.slot.lock.acquire(timeout)
    try:
        file.check_writable()
        file.bear_witness()
        yield
        file.bear_witness()
    finally:
        file.slot.lock.release()


def _leave_shared_memory(file: SqliteFile, sql: sqlite3.Connection, lock_timeout: float) -> None:
    """Give a file that has a write-ahead log the rollback journal."""
    (journal,) = sql.execute("PRAGMA journal_mode").fetchone()
    if journal == "wal":
        with _locked(file, lock_timeout):
            sql.execute("PRAGMA journal_mode = DELETE")


def _keep_indexes(file: SqliteFile, sql: sqlite3.Connection, lock_timeout: float) -> None:
    """Give a store the indexes of this version; only where it has others, writers are kept out."""
    try:
        with _one_moment(sql):
            if not index_changes(sql):
                return
    except (Corrupt, sqlite3.DatabaseError):
        return  # a damaged store is opened as it is, for a check to tell what is wrong
    with _locked(file, lock_timeout), _writing(sql):
        for statement in index_changes(sql):
            try:
                sql.execute(statement)
            except sqlite3.IntegrityError as error:
                raise Corrupt(
                    f"{file.path} has lost an index, and meanwhile got twice what may be there once ({error}); "
                    f"restore a backup"
                ) from error


@contextlib.contextmanager
def _writing(sql: sqlite3.Connection) -> Iterator[None]:
    """Do all of a block's statements or none of them."""
    sql.execute("BEGIN IMMEDIATE")
    try:
        yield
        sql.execute("COMMIT")
    except BaseException:
        if sql.in_transaction:
            sql.execute("ROLLBACK")
        raise


def _make(file: SqliteFile, sql: sqlite3.Connection) -> None:
    if file.journal == "wal":
        sql.execute("PRAGMA journal_mode = WAL")
        file.bear_witness()
    with _writing(sql):
        if not _identify(file, sql):
            for statement in (*TABLES, *INDEXES.values(), "INSERT INTO swept VALUES (0)"):
                sql.execute(statement)
            sql.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            sql.execute(f"PRAGMA user_version = {FORMAT}")


def _identify(file: SqliteFile, sql: sqlite3.Connection) -> bool:
    """Return whether the file is a store; False for an empty one, an error for anything else."""
    with _one_moment(sql):
        application, tables = _content(sql)
        if application != APPLICATION_ID:
            _check_content(file.path, application, tables)
            return False
        (found,) = sql.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            raise Corrupt(
                f"{file.path} has format {found}, and this version reads {FORMAT}; upgrade lineage-graph"
            )
        if 0 < found < FORMAT:
            raise Corrupt(
                f"{file.path} has format {found}, which was never released; make a new store, or export this one with the "
                f"version that made it and import the file"
            )
        if found < FORMAT:
            raise Corrupt(
                f"{file.path} has format {found}, which there never was; restore a backup"
            )
        _check_length(file, sql)
        _check_tables(file, sql)
        return True


def _check_length(file: SqliteFile, sql: sqlite3.Connection) -> None:
    (pages,) = sql.execute("PRAGMA page_count").fetchone()
    (page_size,) = sql.execute("PRAGMA page_size").fetchone()
    size = file.path.stat().st_size
    if size < pages * page_size and not file.log_size():
        raise Corrupt(
            f"{file.path} was cut off at {size} bytes of {pages * page_size}; restore a backup"
        )


def _check_tables(file: SqliteFile, sql: sqlite3.Connection) -> None:
    found = {text for (text,) in sql.execute("SELECT sql FROM sqlite_schema")}
    if not found.issuperset(TABLES):
        raise Corrupt(f"{file.path} lacks some of a store's tables; restore a backup")
