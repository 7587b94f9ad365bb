"""A store in one file of SQLite."""

from lineage.backends.sqlite.backend import SqliteBackend

__all__ = ["SqliteBackend"]
