"""Stores points that runs left in their spools when their processes died."""

from __future__ import annotations

import logging
from pathlib import Path
from time import monotonic

from lineage.answers.series import bytes_stored
from lineage.contract.backend import Backend
from lineage.contract.spool import folder_of, read_spool
from lineage.contract.transaction import Author, Transaction
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
    spooled = read_spool(path)
    if spooled is not None:
        said = Author(author.actor, f"points of {spooled.run}, whose process did not end it")
        with backend.transaction(actor=said.actor, message=said.message) as transaction:
            row = backend.nodes([spooled.run]).get(spooled.run)
            if row is None or row.gone or row.created != spooled.created:
                _LOGGER.warning("points in %s are of no run that is there; they are removed", path)
            else:
                transaction.lock()
                _store(backend, transaction, path, said, spooled.run)
    remove_spool(path)


def _store(
    backend: Backend, transaction: Transaction, path: Path, author: Author, run: NodeKey
) -> None:
    """Store what a run's spool holds beyond what is stored of it."""
    spooled = read_spool(path, after=bytes_stored(backend, run).get(path.name, 0))
    if spooled is not None and spooled.points:
        pending = Pending()
        pending.points, pending.newest = spooled.points, spooled.newest
        extension = Extension(backend, run, author, ends=False)
        extension.store_left(transaction, pending, {path.name: spooled.size})
