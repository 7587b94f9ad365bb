"""ML Metadata's databases: read from a SQLite file or from a running service, written as a file.

`docs/mlmd.md` says what is kept, and what MLMD cannot hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from typing import IO

from lineage.contract.format import Database
from lineage.formats.mlmd.dumping import dump_file
from lineage.model.rows import Batch

__all__ = ["connect", "dump"]

_SCHEMES = ("grpc://", "grpcs://")


def connect(location: str) -> AbstractContextManager[Database]:
    """Open the SQLite file at a path, or the service at `grpc://HOST:PORT` (`grpcs://` with TLS).

    NotFound where there is no such file, Invalid for one that is not MLMD's or is newer than
    what is known here, Unavailable where no service answers.
    """
    if location.startswith(_SCHEMES):
        from lineage.formats.mlmd.service import open_service

        return open_service(location)
    from lineage.formats.mlmd.file import open_file

    return open_file(location)


def dump(batches: Iterable[Batch], target: IO[bytes]) -> Collection[str]:
    """Write a graph as an MLMD SQLite file, schema version 10; return what MLMD cannot hold."""
    return dump_file(batches, target)
