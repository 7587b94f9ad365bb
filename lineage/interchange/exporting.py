"""Exporting: a whole store, as of one moment, as a stream of batches."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import IO, NamedTuple

from lineage.contract.backend import EMPTY, Backend
from lineage.contract.files import refuse_one_of
from lineage.contract.format import Batches, dumper, format_of_suffix
from lineage.contract.walking import Direction
from lineage.errors import Invalid, LineageError
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, Head

__all__ = ["batches", "export", "replacing", "writable", "write_file"]

BATCH_IDS = 128
"""How many ids are read at a time: what lives briefly is cheap to collect, so more is slower."""


def batches(backend: Backend, *, as_of: int | None = None) -> Batches:
    """Yield all types, then all nodes by kind and id, deleted ones included as gone, then all edges.

    All is of one moment; memory does not grow with the store. Inside a transaction that has
    written it is `Invalid`: what is not committed is of no moment yet.
    """
    number = backend.pin(as_of)
    if number is None:
        raise Invalid("this transaction has written; export before it, or after its end")
    types = backend.types(as_of=number)
    heads = backend.log(before=number + 1, limit=1)
    head = heads[0] if heads else EMPTY
    stream = _Scan(backend, head).batches()
    return Batches(_chained(Batch(types=types), stream), number=number)


def _chained(first: Batch, rest: Iterator[Batch]) -> Iterator[Batch]:
    yield first
    yield from rest


class _Span(NamedTuple):
    """A range of ids, both ends included."""

    kind: Kind
    first: int
    last: int

    def keys(self) -> list[NodeKey]:
        return list(map(NodeKey, repeat(self.kind), range(self.first, self.last + 1)))


class _Scan:
    """Reads a store's nodes by ranges of ids, then the edges that end there."""

    def __init__(self, backend: Backend, head: Head) -> None:
        self._backend = backend
        self._head = head
        self._gone = cache(self._gone_ids)

    def batches(self) -> Iterator[Batch]:
        highest = {
            Kind.ARTIFACT: self._head.artifacts,
            Kind.CONTEXT: self._head.contexts,
            Kind.EXECUTION: self._head.executions,
        }
        spans: list[_Span] = []
        for kind, top in highest.items():  # in the order of keys
            for span, batch in self._nodes(kind, top):
                spans.append(span)
                yield batch
        for span in spans:
            edges = self._backend.edges(span.keys(), Direction.UPSTREAM, as_of=self._head.number)
            if edges:
                yield Batch(edges=edges)

    def _nodes(self, kind: Kind, top: int) -> Iterator[tuple[_Span, Batch]]:
        first: int | None = 1
        while first is not None and first <= top:
            span = _Span(kind, first, min(first + BATCH_IDS - 1, top))
            keys = span.keys()
            rows = self._backend.nodes(keys, as_of=self._head.number)
            if rows:
                yield span, Batch(nodes=[rows[key] for key in keys if key in rows])
                first = span.last + 1
            else:
                first = self._next(kind, span.last)

    def _next(self, kind: Kind, last: int) -> int | None:
        """Return the first id beyond a gap, which may be wide where ids came from a file."""
        live = self._backend.find(kind, after=(last, last), limit=1, as_of=self._head.number)
        gone = self._gone()[kind]
        place = bisect_right(gone, last)
        return min([*(row.key.id for row in live), *gone[place : place + 1]], default=None)

    def _gone_ids(self) -> dict[Kind, list[int]]:
        """Return the ids of all deleted nodes; only history has them where ids are far apart."""
        found: dict[Kind, set[int]] = {kind: set() for kind in Kind}
        for commit in self._backend.changes():
            if commit.head.number <= self._head.number:
                for key in commit.deleted:
                    found[key.kind].add(key.id)
        return {kind: sorted(ids) for kind, ids in found.items()}


def export(
    backend: Backend, target: IO[bytes], format: str, *, as_of: int | None = None
) -> Collection[str]:
    """Write a store to a file in a format; return a sentence for each thing that it could not hold."""
    return dumper(format).dump(batches(backend, as_of=as_of), target)


def write_file(
    target: str | Path | IO[bytes],
    format: str | None,
    write: Callable[[IO[bytes], str], Collection[str]],
    *,
    apart_from: Collection[Path] = (),
) -> tuple[str, ...]:
    """Call `write(file, format)` on a file that takes its name's place only when it is whole.

    Without a format it is that of the suffix. An open file is written as it is and needs a format.
    A file that cannot be made, or not wholly written, is `Invalid`; and so is one of those that it is to
    stay `apart_from`, by whatever name.
    """
    refuse_one_of(target, apart_from, "written over")
    if not isinstance(target, str | os.PathLike):
        if format is None:
            raise Invalid("an open file has no suffix that tells the format; name the format")
        return tuple(write(target, format))
    name = format or format_of_suffix(str(target))
    dumper(name)
    with replacing(Path(target)) as file:
        return tuple(write(file, name))


@contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """Open a new file beside the target, which it replaces at the end, or disappears on an error."""
    with writable(target):
        place = target.resolve()  # a link stays a link
        if place.exists() and not place.is_file():
            with place.open("wb") as file:  # a pipe or a device
                yield file
            return
        made = place.with_name(f".lineage-{os.urandom(8).hex()}")
        try:
            with made.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if place.exists():
                made.chmod(place.stat().st_mode & 0o7777)
            made.replace(place)
        except BaseException:  # an interrupt, too, leaves no half of a file
            made.unlink(missing_ok=True)
            raise


@contextmanager
def writable(place: object) -> Iterator[None]:
    """Let a block write to a place; where that fails it is `Invalid`, but a reader that left is itself."""
    try:
        yield
    except (LineageError, BrokenPipeError):
        raise
    except OSError as error:
        raise Invalid(
            f"{place!s:.200} cannot be written: {error.strerror or error}; choose another place"
        ) from error
    except RuntimeError as error:  # pathlib's error for links that lead in a circle
        if "Symlink loop" not in str(error):
            raise
        raise Invalid(
            f"{place!s:.200} cannot be written: its links lead in a circle; choose another place"
        ) from error
