"""What history looks like to people: the log's entries and the feed of changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime

from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.errors import NotFound
from lineage.model.entities import Edge, Node
from lineage.model.keys import NodeKey
from lineage.model.rows import Commit, EdgeRow, Head, NodeRow, edge_of, entity_of
from lineage.model.schema import AnyType
from lineage.model.times import from_micros, to_micros, to_time

__all__ = ["Change", "LogEntry", "change_of", "entries_of", "entry_of", "transaction_at"]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One transaction: when the store knew it, who wrote it and why, and how many records."""

    number: int
    time: datetime
    actor: str
    message: str
    records: int


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction wrote, each list in key order."""

    entry: LogEntry
    types: tuple[AnyType, ...]
    created: tuple[Node, ...]
    updated: tuple[Node, ...]
    edges: tuple[Edge, ...]
    """New edges."""
    edge_updates: tuple[Edge, ...]
    """Events as they became when they got a further path."""
    ended: tuple[Edge, ...]
    """Edges that were taken away; an event's path and time are not repeated."""
    deleted: tuple[NodeKey, ...]
    purged: tuple[NodeKey, ...]
    purged_heads: tuple[int, ...]
    """The numbers of transactions whose actor and message were erased."""


def entry_of(head: Head) -> LogEntry:
    """Turn a transaction's row into an entry of the log."""
    return LogEntry(head.number, from_micros(head.time), head.actor, head.message, head.records)


def entries_of(backend: Backend, key: NodeKey, *, as_of: int | None = None) -> Iterator[LogEntry]:
    """Yield the transactions that wrote or deleted a node, newest first."""
    versions = backend.versions(key, as_of=as_of)
    if not versions:
        raise NotFound(f"there is no {key}")
    numbers = {row.since for row in versions} | {
        row.until for row in versions if row.until is not None
    }
    for number in sorted(numbers, reverse=True):
        yield from map(entry_of, backend.log(before=number + 1, limit=1))


def change_of(backend: Backend, commit: Commit) -> Change:
    """Turn a transaction into what people read."""
    types = registry(backend).by_id  # types keep id and name, which is all that nodes need

    def entities(rows: Sequence[NodeRow]) -> tuple[Node, ...]:
        return tuple(entity_of(row, types) for row in rows)

    return Change(
        entry=entry_of(commit.head),
        types=tuple(row.type for row in commit.batch.types),
        created=entities(commit.batch.nodes),
        updated=entities(commit.batch.updates),
        edges=tuple(map(edge_of, commit.batch.edges)),
        edge_updates=tuple(map(edge_of, commit.batch.edge_updates)),
        ended=tuple(edge_of(EdgeRow(*key, None, None, 0, 0, 0)) for key in commit.ended),
        deleted=tuple(commit.deleted),
        purged=tuple(commit.purged),
        purged_heads=tuple(commit.purged_heads),
    )


def transaction_at(backend: Backend, moment: datetime | date | str | int) -> int:
    """Return the last transaction at or before a moment: a number, a time, or a day's first instant (UTC)."""
    if isinstance(moment, int):
        return moment
    if isinstance(moment, str):
        with suppress(ValueError):
            moment = date.fromisoformat(moment)
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return backend.number_at(to_micros(to_time(moment)))
