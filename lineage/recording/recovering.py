"""Stores points that runs left in their spools when their processes died."""

from __future__ import annotations

import logging
from pathlib import Path
from time import monotonic

from lineage.answers.series import bytes_stored
from lineage.contract.backend import Backend
from lineage.contract.spool import Spooled, folder_of, read_spool, run_of
from lineage.contract.transaction import Author
from lineage.errors import LineageError
from lineage.model.keys import NodeKey
from lineage.recording.extension import Extension
from lineage.recording.pending import Pending, lock_spool, remove_spool

__all__ = ["Recovery"]

_LOGGER = logging.getLogger("lineage")


SECONDS_BETWEEN = 0.1
"""How long after one look for what processes left no write looks again: there may be a thousand that go on."""


class Recovery:
    """Has the next writer store what runs whose processes are gone left in their spools."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._folder = None if backend.readonly else folder_of(backend)
        self._next = 0.0

    def before_writing(self, author: Author) -> None:
        """Store what is left, before anything else is written; inside a transaction nothing is done."""
        if self._folder is None or monotonic() < self._next or self._backend.in_transaction:
            return
        self._next = monotonic() + SECONDS_BETWEEN
        _recover_points(self._backend, self._folder, author)


def _recover_points(backend: Backend, folder: Path, author: Author) -> None:
    """Store the points of each spool that nobody writes any more; what cannot be stored stays for the next writer.

    A spool of a run that is not there is removed: the run was rolled back or deleted, or the file is another.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError:  # there is none, which is the rule
        return
    for path in paths:
        let_go = lock_spool(path)
        if let_go is None:
            continue
        try:
            _recover(backend, path, author)
        except LineageError as error:
            # The write that brought us here is not about these points, and does not fail for them.
            _LOGGER.warning("points in %s could not be stored: %s", path, error)
        finally:
            let_go()


def _recover(backend: Backend, path: Path, author: Author) -> None:
    run = run_of(path)
    if run is None or not _is_there(backend, *run):
        _LOGGER.warning("points in %s are of no run that is there; they are removed", path)
    else:
        # What is stored of it stays so: it is locked, and who has the lock stores it. So it is read before others wait.
        spooled = read_spool(path, after=bytes_stored(backend, run.key).get(path.name, 0))
        if spooled is not None and spooled.points:
            _store(backend, path.name, spooled, author)
    remove_spool(path)


def _is_there(backend: Backend, key: NodeKey, created: int) -> bool:
    row = backend.nodes([key]).get(key)
    return row is not None and not row.gone and row.created == created


def _store(backend: Backend, name: str, spooled: Spooled, author: Author) -> None:
    run = spooled.run.key
    said = Author(author.actor, f"points of {run}, whose process did not end it")
    pending = Pending()
    pending.points, pending.newest = spooled.points, spooled.newest
    with backend.transaction(actor=said.actor, message=said.message) as transaction:
        transaction.lock()
        extension = Extension(backend, run, said, ends=False)
        extension.store_left(transaction, pending, {name: spooled.size})
