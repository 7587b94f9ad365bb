"""Formats: other people's notations for a graph, reached by name.

A format is a module (or any object) with `dump` or `dump_parts`, `load`, `connect` or more than one of them. It sees
batches of rows and never a backend, so that a store of any size streams through it. Over a whole
stream all types come first, then all nodes, then all edges.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import PurePath
from typing import IO, Protocol, cast

from lineage.contract.plugins import format_names, format_object
from lineage.contract.walking import Cut
from lineage.errors import Invalid, excerpt
from lineage.model.keys import NodeKey
from lineage.model.rows import Batch

__all__ = [
    "Batches",
    "Connector",
    "Database",
    "Dumper",
    "Loader",
    "PartsDumper",
    "Reading",
    "connector",
    "draws",
    "dumper",
    "format_of_suffix",
    "loader",
    "parts_dumper",
    "text_of",
]

_SUFFIXES = {
    ".json": "node-link",
    ".csv": "csv",
    ".graphml": "graphml",
    ".gexf": "gexf",
    ".cyjs": "cytoscape",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".svg": "svg",
    ".png": "png",
    ".html": "html",
}


class Batches(Iterator[Batch]):
    """A stream of batches that knows which transaction it is as of, as `number`.

    `focus` are the nodes that it was asked for, and `cuts` the limits that cut it; both are empty for a whole store.
    """

    def __init__(
        self,
        stream: Iterable[Batch],
        *,
        number: int,
        focus: Sequence[NodeKey] = (),
        cuts: Sequence[Cut] = (),
    ) -> None:
        self._stream = iter(stream)
        self.number = number
        self.focus = tuple(focus)
        self.cuts = tuple(cuts)

    def __next__(self) -> Batch:
        return next(self._stream)


class Dumper(Protocol):
    """A format that can be written."""

    def dump(self, batches: Iterable[Batch], target: IO[bytes]) -> Collection[str]:
        """Write a graph; return a sentence for each kind of thing that the notation could not hold."""
        ...


class PartsDumper(Protocol):
    """A format that is several files of one graph, which `PARTS` names: `nodes` is that of `graph.nodes.csv`."""

    @property
    def PARTS(self) -> Sequence[str]:  # noqa: N802  # a constant of a module
        """The names of the files."""
        ...

    def dump_parts(self, batches: Iterable[Batch], targets: Sequence[IO[bytes]]) -> Collection[str]:
        """Write a graph to as many files; return what the notation could not hold, as `Dumper.dump` does."""
        ...


class Reading(Iterator[Batch]):
    """A stream of batches out of a file, with a sentence in `losses` for each kind of thing that was not kept."""

    def __init__(self, stream: Iterable[Batch], losses: Collection[str]) -> None:
        self._stream = iter(stream)
        self.losses = losses

    def __next__(self) -> Batch:
        return next(self._stream)


class Loader(Protocol):
    """A format that can be read."""

    def load(self, source: IO[bytes]) -> Iterator[Batch]:
        """Yield a graph's types, nodes and edges; raise `Invalid`, naming the place, for what is malformed.

        Rows have no `since`; a node that was purged has no salt, every other an empty one. A format that
        leaves something out returns a `Reading`, which says what.
        """
        ...


class Database(Protocol):
    """Another system's database, which may be written meanwhile."""

    @property
    def total(self) -> int | None:
        """About how many types, nodes and edges there are; None where that is not known."""
        ...

    def created(self, key: NodeKey) -> int | None:
        """Return when a node was made, in microseconds; None where there is no such node."""
        ...

    def batches(self) -> Iterator[Batch]:
        """Yield what the database has now, as a `Loader` does, but that nodes may come late.

        Each edge comes after both of its nodes; one that is missing there comes as gone. A type
        may have any id that is not another's.
        """
        ...

    def losses(self) -> Collection[str]:
        """Return a sentence for each kind of thing of the last stream that could not be kept."""
        ...


class Connector(Protocol):
    """A format that is a database, which is not read as one file but followed."""

    def connect(self, location: str) -> AbstractContextManager[Database]:
        """Open the database at a location, as the format writes it."""
        ...


def dumper(name: str) -> Dumper:
    """Return the format of a name; raise `Invalid` where there is none, or where it only reads or is several files."""
    found = format_object(name)
    if (parts := parts_dumper(name)) is not None:
        raise Invalid(
            f"the format {name!r} is several files ({', '.join(parts.PARTS)}), which are no text and go through no pipe "
            f"or open file; export to a file by name"
        )
    if not callable(getattr(found, "dump", None)):
        raise Invalid(f"the format {name!r} can be read but not written; choose another")
    return cast(Dumper, found)


def draws(name: str) -> bool:
    """Whether a format makes pictures, in which alike nodes are one."""
    return callable(getattr(format_object(name), "draw", None))


def text_of(written: bytes, name: str) -> str:
    """Return what a format wrote as text; `Invalid` where it is none."""
    try:
        return written.decode()
    except UnicodeDecodeError as error:
        raise Invalid(
            f"the format {name!r} is no text: write a file, with `lineage export FILE --from NODE`"
        ) from error


def parts_dumper(name: str) -> PartsDumper | None:
    """Return the format of a name if it is several files; raise `Invalid` where there is none at all."""
    found = format_object(name)
    return cast(PartsDumper, found) if callable(getattr(found, "dump_parts", None)) else None


def loader(name: str) -> Loader:
    """Return the format of a name; raise `Invalid` where there is none, or where it reads no file."""
    found = format_object(name)
    if callable(getattr(found, "connect", None)):
        raise Invalid(f"the format {name!r} is a database: name where it is, not an open file")
    if not callable(getattr(found, "load", None)):
        raise Invalid(
            f"the format {name!r} can be written but not read; import from 'node-link', which keeps all"
        )
    return cast(Loader, found)


def connector(name: str) -> Connector | None:
    """Return the format of a name if it is a database; raise `Invalid` where there is none at all."""
    found = format_object(name)
    return cast(Connector, found) if callable(getattr(found, "connect", None)) else None


def format_of_suffix(path: str) -> str:
    """Return the format that a file's suffix stands for; raise `Invalid` with those that do.

    >>> format_of_suffix("lineage.GraphML")
    'graphml'
    """
    suffix = PurePath(path).suffix.lower()
    found = _SUFFIXES.get(suffix)
    if found is None:
        known = ", ".join(_SUFFIXES)
        others = ", ".join(format_names())
        raise Invalid(
            f"{excerpt(path, 200)} does not end in a suffix that stands for a format ({known}); "
            f"name the format: one of {others}"
        )
    return found
