"""Stores points that runs left in their spools when their processes died."""

from __future__ import annotations

import logging
from pathlib import Path

from lineage.answers.series import bytes_stored
from lineage.contract.backend import Backend
from lineage.contract.spool import folder_of, read_spool
from lineage.contract.transaction import Author, Transaction
from lineage.errors import LineageError
from lineage.model.keys import NodeKey
from lineage.recording.extension import Extension
from lineage.recording.pending import Pending, lock_spool, remove_spool

__all__ = ["recover_points"]

_LOGGER = logging.getLogger("lineage")


def recover_points(backend: Backend, author: Author) -> None:
    """Store the points of each spool that nobody writes any more; what cannot be stored stays for the next writer.

    A spool of a run that is not there is removed: the run was rolled back or deleted, or the file is another.
    """
    folder = folder_of(backend)
    try:
        paths = [] if folder is None else sorted(folder.iterdir())
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
