"""Exporting: a whole store, as of one moment, as a stream of batches."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import IO, NamedTuple

from lineage.contract.backend import EMPTY, Backend
from lineage.contract.files import refuse_one_of
from lineage.contract.format import Batches, dumper, format_of_suffix, parts_dumper
from lineage.contract.walking import Direction
from lineage.errors import Invalid, LineageError
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, Head

__all__ = [
    "batches",
    "export_file",
    "file_names",
    "replacing",
    "replacing_all",
    "writable",
    "write_file",
]

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


def export_file(
    target: str | Path | IO[bytes],
    format: str | None,
    stream: Callable[[], Iterable[Batch]],
    *,
    apart_from: Collection[Path] = (),
) -> tuple[str, ...]:
    """Write a stream as `write_file` does; a format of several files takes their places only when all are whole.

    Those of `graph.csv` are `graph.nodes.csv` and `graph.edges.csv`; `file_names` returns them.
    """
    name = format or (
        None if not isinstance(target, str | os.PathLike) else format_of_suffix(str(target))
    )
    parts = None if name is None else parts_dumper(name)
    if parts is None or not isinstance(target, str | os.PathLike):
        return write_file(
            target,
            name,
            lambda file, name: dumper(name).dump(stream(), file),
            apart_from=apart_from,
        )
    places = file_names(target, name or "")
    for place in (Path(target), *places):
        refuse_one_of(place, apart_from, "written over")
        if place.exists() and not place.is_file():
            raise Invalid(f"{place!s:.200} is no file, but {name} is {len(places)} files; name one")
    with replacing_all(places) as files:
        return tuple(parts.dump_parts(stream(), files))


def file_names(target: str | Path, format: str) -> list[Path]:
    """Return the names of the files that a format writes for a name: this one, or one for each part.

    >>> [str(path) for path in file_names("runs/graph.csv", "csv")]
    ['runs/graph.nodes.csv', 'runs/graph.edges.csv']
    """
    path, parts = Path(target), parts_dumper(format)
    if parts is None:
        return [path]
    return [path.with_name(f"{path.stem}.{part}{path.suffix}") for part in parts.PARTS]


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
        made = _beside(place)
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
def replacing_all(targets: Sequence[Path]) -> Iterator[Sequence[IO[bytes]]]:
    """Open a new file beside each target; at the end all take their places, and on an error none does."""
    with writable(targets[0]):
        places = [target.resolve() for target in targets]
        made = {place: _beside(place) for place in places}
        try:
            with ExitStack() as stack:
                files = [stack.enter_context(new.open("xb")) for new in made.values()]
                yield files
                for file in files:
                    file.flush()
                    os.fsync(file.fileno())
            for place, new in made.items():
                if place.exists():
                    new.chmod(place.stat().st_mode & 0o7777)
            _exchange(made)
        except BaseException:  # an interrupt, too, leaves no half of any file
            for new in made.values():
                new.unlink(missing_ok=True)
            raise


def _exchange(made: Mapping[Path, Path]) -> None:
    """Put new files in the place of old ones, which come back where one of them cannot."""
    spares = {place: _beside(place) for place in made}
    begun: list[Path] = []
    try:
        for place, new in made.items():
            begun.append(place)
            if place.exists():
                place.replace(spares[place])
            new.replace(place)
    except (
        BaseException
    ):  # an interrupt between two files, too, would leave a new one beside an old one
        for place in begun:
            if spares[place].exists():
                spares[place].replace(place)
            elif not made[place].exists():
                place.unlink(missing_ok=True)
        raise
    for spare in spares.values():
        spare.unlink(missing_ok=True)


def _beside(place: Path) -> Path:
    return place.with_name(f".lineage-{os.urandom(8).hex()}")


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
