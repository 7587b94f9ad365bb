"""What transactions leave behind in a SQLite store: a long log, and bytes of what was purged.

SQLite zeroes what it deletes (`secure_delete`), but where it has split a page, it leaves what
moved away in the gap. So a purge rewrites the file, and the table `swept` says up to which purge
that is done: a process that was killed in between, or that had no room, leaves it to a later one.
"""

from __future__ import annotations

import logging
import sqlite3

from lineage.backends.sqlite.connections import SqliteFile

__all__ = ["Tidying"]

logger = logging.getLogger("lineage")

_LAST_PURGE = "SELECT max(ifnull((SELECT max(number) FROM purge), 0), ifnull((SELECT max(number) FROM purge_head), 0))"
_DUE = f"SELECT ({_LAST_PURGE}) > (SELECT number FROM swept)"
PATIENCE = 2.0
"""How many seconds a purge waits for readers who keep its content in the log."""


class Tidying:
    """Tidies up after transactions, under the writers' lock."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._may_be_due = True
        self._rewritten = False
        self._warned = False

    def note_purge(self) -> None:
        """Take note that the transaction purges something."""
        self._may_be_due = True
        self._rewritten = False

    def after_commit(self, large_log: int) -> None:
        """Erase what was purged from the files, and empty a log of more bytes than this."""
        try:
            if self._may_be_due:
                self._may_be_due = self._sweep()
                self._warned = self._warned and self._may_be_due
            elif self._file.log_size() > large_log:
                self._file.empty_log(seconds=0)
        except sqlite3.Error as error:
            # The transaction is durable: nobody may be told that it failed.
            self._warn(f"tidying up failed ({error})")

    def _sweep(self) -> bool:
        """Erase from the files what was purged; return whether some of it is still there."""
        sql = self._file.connection
        if not sql.execute(_DUE).fetchone()[0]:
            return False
        # Only the first try waits, lest a reader hold up every transaction.
        seconds = 0.0 if self._warned else PATIENCE
        if not self._rewritten:
            with self._file.waiting(seconds):
                sql.execute("VACUUM")
            self._rewritten = True
        if not self._file.empty_log(seconds=seconds):
            self._warn("readers keep purged content in the log")
            return True
        self._file.bear_witness()
        sql.execute(f"UPDATE swept SET number = ({_LAST_PURGE})")
        return False

    def _warn(self, said: str) -> None:
        if not self._warned:
            logger.warning("%s; it goes with a later transaction", said)
        self._warned = True
