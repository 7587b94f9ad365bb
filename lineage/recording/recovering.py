"""Stores points that runs left in their spools when their processes died."""

from __future__ import annotations

import logging
from pathlib import Path
from time import monotonic

from lineage.answers.series import bytes_stored
from lineage.contract.backend import Backend
from lineage.contract.spool import Spooled, folder_of, is_unbegun, read_spool, run_of
from lineage.contract.transaction import Author
from lineage.errors import LineageError
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
        self._left: set[Path] = set()
        """What is of no run here, and said to be."""

    def before_writing(self, author: Author) -> None:
        """Store what is left, before anything else is written; inside a transaction nothing is done."""
        if self._folder is None or monotonic() < self._next or self._backend.in_transaction:
            return
        self._next = monotonic() + SECONDS_BETWEEN
        _recover_points(self._backend, self._folder, author, self._left)


def _recover_points(backend: Backend, folder: Path, author: Author, left: set[Path]) -> None:
    """Store the points of each spool that nobody writes any more; what cannot be stored stays for the next writer.

    What is of no run of this file is added to what is left where it is.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError:  # there is none, which is the rule
        return
    for path in paths:
        let_go = None if path in left else lock_spool(path)
        if let_go is None:
            continue
        try:
            if not _recover(backend, path, author):
                left.add(path)
        except LineageError as error:
            # The write that brought us here is not about these points, and does not fail for them.
            _LOGGER.warning("points in %s could not be stored: %s", path, error)
        finally:
            let_go()


def _recover(backend: Backend, path: Path, author: Author) -> bool:
    """Store and remove a spool; False for one that is left.

    That is what is none of this file's, which a backup put in its place may have left, and what is damaged.
    """
    run = run_of(path)
    row = None if run is None else backend.nodes([run.key]).get(run.key)
    if run is None or row is None or row.created != run.created:
        if run is None and is_unbegun(path):
            remove_spool(path)
            return True
        _LOGGER.warning("%s holds no points of a run that is there; it is left as it is", path)
        return False
    if row.gone:
        _LOGGER.warning(
            "points in %s are of %s, which was deleted; they are removed", path, run.key
        )
    else:
        # What is stored of it stays so: it is locked, and who has the lock stores it. So it is read before others wait.
        spooled = read_spool(path, after=bytes_stored(backend, run.key).get(path.name, 0))
        if spooled is not None and spooled.points:
            _store(backend, path.name, spooled, author)
        if spooled is not None and not spooled.is_whole:
            _LOGGER.warning(
                "%s is damaged: points of %s up to a line are stored; the file is left for who can read the rest",
                *(path, run.key),
            )
            return False
    remove_spool(path)
    return True


def _store(backend: Backend, name: str, spooled: Spooled, author: Author) -> None:
    run = spooled.run.key
    said = Author(author.actor, f"points of {run}, whose process did not end it")
    pending = Pending()
    pending.points, pending.newest = spooled.points, spooled.newest
    with backend.transaction(actor=said.actor, message=said.message) as transaction:
        transaction.lock()
        extension = Extension(backend, run, said, ends=False)
        extension.store_left(transaction, pending, {name: spooled.size})
