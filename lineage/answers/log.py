"""What history looks like to people: the log's entries and the feed of changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from typing_extensions import override

from lineage.answers.conversions import ColumnType, records_frame
from lineage.answers.log_filters import EVERYTHING, LogFilter
from lineage.answers.notebook import Part, node_text
from lineage.answers.sequences import Items
from lineage.answers.summaries import summaries
from lineage.contract.backend import Backend
from lineage.contract.refusals import missing_head
from lineage.contract.registry import registry
from lineage.errors import Invalid, NotFound, excerpt
from lineage.model.canonical import same
from lineage.model.entities import Edge, Node
from lineage.model.keys import NodeKey
from lineage.model.notebook import DIGEST_SHOWN, ROWS, Shown, html_answer
from lineage.model.rows import Commit, EdgeRow, Head, NodeRow, edge_key, edge_of, entity_of
from lineage.model.schema import AnyType
from lineage.model.times import Moment, from_micros, last_instant

__all__ = [
    "PURGED",
    "Change",
    "Log",
    "LogEntry",
    "NodeEntry",
    "change_of",
    "changed_fields",
    "entries",
    "entries_of",
    "entry_of",
    "transaction_at",
    "transaction_known_at",
]

if TYPE_CHECKING:
    import pandas

PURGED = "(purged)"
"""What stands for an actor whose name was erased; it is no name that anybody is likely to have."""


@dataclass(frozen=True, slots=True)
class LogEntry(Part):
    """One transaction: when the store knew it, who wrote it and why, how many records, and its digest.

    `digest` is in hexadecimal: with the number before it and a colon between, it is what `Store.check`
    compares. `purged` says that actor and message were erased. Where there is no message, `summary` says in a few
    words what the transaction did: so it is of the thousand newest that were asked for, in no feed of changes, and
    of one that wrote more than a thousand records their number.
    """

    number: int
    time: datetime
    actor: str
    message: str
    records: int
    digest: str
    purged: bool
    summary: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class NodeEntry(LogEntry):
    """A transaction that wrote or deleted a node, and what it changed of that.

    The names of fields, such as `uri` or `properties.rows`, and the words `created`, `deleted`, and `lives
    again` where the node had been deleted before.
    """

    changed: tuple[str, ...] = ()


EntryT_co = TypeVar("EntryT_co", bound=LogEntry, covariant=True)
_COLUMNS: dict[str, ColumnType] = {
    "number": "count",
    "time": "time",
    "actor": "text",
    "message": "text",
    "records": "count",
    "digest": "text",
    "purged": "flag",
    "summary": "text",
}


@dataclass(frozen=True, slots=True, eq=False)
class Log(Items[EntryT_co]):
    """Transactions, newest first: of a store, or of one node, whose entries tell what they changed."""

    items: tuple[EntryT_co, ...]

    @override
    def to_pandas(self) -> pandas.DataFrame:
        """Return a pandas frame with a row for each transaction; `changed` is there where entries tell it."""
        records = [
            {name: getattr(each, name) for name in (*_COLUMNS, *_told(each))} for each in self.items
        ]
        told: dict[str, ColumnType] = {"changed": "any"} if any(map(_told, self.items)) else {}
        return records_frame(records, _COLUMNS | told)

    @override
    def _html(self) -> str:
        first = self.items[:ROWS]
        told = any(map(_told, first))
        rows = [
            (
                each.number,
                f"{each.time:%Y-%m-%d %H:%M:%S}",
                PURGED if each.purged else each.actor,
                each.records,
                f"{each.digest[:DIGEST_SHOWN]}…",
                each.message or each.summary,
                *([", ".join(getattr(each, "changed", ()))] if told else []),
            )
            for each in first
        ]
        header = ["number", "time (UTC)", "actor", "records", "digest", "message"]
        header += ["changed"] * told
        caption = f"{len(self.items):,} transactions, newest first"
        return html_answer(caption, header, rows, more=len(self.items) - len(first))


def _told(entry: LogEntry) -> tuple[str, ...]:
    """Return the columns that an entry of one node has beside the others."""
    return ("changed",) if isinstance(entry, NodeEntry) else ()


@dataclass(frozen=True, slots=True)
class Change(Shown):
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

    @override
    def _html(self) -> str:
        lines = self._lines()
        rows = list(islice(lines, ROWS))
        entry = self.entry
        actor = PURGED if entry.purged else entry.actor
        caption = f"Transaction {entry.number} by {actor}: {entry.message or 'no message'}"
        return html_answer(caption, ("what", "which"), rows, more=sum(1 for _ in lines))

    def _lines(self) -> Iterator[tuple[str, str]]:
        """Yield what a notebook shows, a line each: what was done, and to what."""
        for each in self.types:
            yield "type", f"{each.kind} type {each.type_name}"
        for what, nodes in (("new", self.created), ("changed", self.updated)):
            yield from ((what, node_text(node)) for node in nodes)
        for what, edges in (
            ("new edge", self.edges),
            ("changed edge", self.edge_updates),
            ("ended edge", self.ended),
        ):
            for source, target, kind in map(edge_key, edges):
                yield what, f"{source} → {target} {kind.name}"
        for what, keys in (("deleted", self.deleted), ("purged", self.purged)):
            yield from ((what, str(key)) for key in keys)
        for number in self.purged_heads:
            yield "purged actor and message", f"of transaction {number}"


def entry_of(head: Head) -> LogEntry:
    """Turn a transaction's row into an entry of the log."""
    return LogEntry(*_columns(head))


def _columns(
    head: Head, told: Mapping[int, str] = {}
) -> tuple[int, datetime, str, str, int, str, bool, str]:
    numbers = head.number, from_micros(head.time)
    purged = head.author is not None
    said = told.get(head.number, "")
    return *numbers, head.actor, head.message, head.records, head.digest.hex(), purged, said


def entries(
    backend: Backend,
    wanted: LogFilter = EVERYTHING,
    *,
    limit: int | None,
    before: int | None,
    as_of: int | None,
) -> Log[LogEntry]:
    """Return the transactions before one that a filter accepts, no more than a limit, newest first."""
    heads = [*islice(wanted.heads(backend, before=before, as_of=as_of), limit)]
    told = summaries(backend, heads, as_of=as_of)
    return Log(tuple(LogEntry(*_columns(head, told)) for head in heads))


def entries_of(
    backend: Backend,
    key: NodeKey,
    wanted: LogFilter = EVERYTHING,
    *,
    limit: int | None = None,
    before: int | None = None,
    as_of: int | None = None,
) -> Log[NodeEntry]:
    """Return the transactions that wrote or deleted a node and that a filter accepts, newest first.

    There are no more than a limit, and they come before one, where that is given. `Invalid` for a filter by type: a node has one.
    """
    if wanted.type is not None:
        raise Invalid(f"type={excerpt(wanted.type)}: {key} has one type; leave it out")
    start, end = wanted.bounds(backend, before=before, as_of=as_of)
    versions = backend.versions(key, as_of=as_of)
    if not versions:
        raise NotFound(f"there is no {key}")
    changes = _changes(versions, registry(backend, as_of).by_id)
    numbers = (each for each in sorted(changes, reverse=True) if start < each < end)
    each_head = (_head(backend, number) for number in numbers)
    heads = [*islice(filter(wanted.accepts, each_head), limit)]
    told = summaries(backend, heads, as_of=as_of)
    return Log(
        tuple(
            NodeEntry(*_columns(head, told), changed=tuple(changes[head.number])) for head in heads
        )
    )


def _head(backend: Backend, number: int) -> Head:
    """Return a transaction's row; `Corrupt` where it is lost, though something says that it was written then."""
    for head in backend.log(before=number + 1, limit=1):
        if head.number == number:
            return head
    raise missing_head(number)


def _changes(versions: Sequence[NodeRow], types: Mapping[int, AnyType]) -> dict[int, list[str]]:
    """Return what each transaction changed of a node, by number."""
    nodes = [entity_of(row, types) for row in versions]
    changes = {versions[0].since: ["created"]}
    for index, row in enumerate(versions):
        if index:
            was_gone = versions[index - 1].gone
            fields = changed_fields(nodes[index - 1], nodes[index])
            changes[row.since] = [*["lives again"] * was_gone, *fields]
        if row.gone and row.until is not None:
            changes.setdefault(row.until, []).append("deleted")
    return changes


def changed_fields(old: Node, new: Node) -> Iterator[str]:
    """Yield the names of the fields in which a node differs from what it was, plain ones first."""
    for name in ("name", "external_id", "uri", "state"):
        if getattr(old, name, None) != getattr(new, name, None):
            yield name
    for name in ("properties", "custom_properties"):
        before, after = getattr(old, name), getattr(new, name)
        for each in sorted({*before, *after}):
            if each not in before or each not in after or not same(before[each], after[each]):
                yield f"{name}.{each}"


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


def transaction_at(backend: Backend, moment: Moment | int) -> int:
    """Return the last transaction at or before a moment: a number, a time, or a day, which means its end (UTC)."""
    return moment if isinstance(moment, int) else backend.number_at(last_instant(moment))


def transaction_known_at(backend: Backend, moment: Moment | int, *, as_of: int | None) -> int:
    """Return the last transaction at or before a moment; `NotFound` where it is not there yet, or after `as_of`."""
    number = transaction_at(backend, moment)
    backend.nodes((), as_of=number)
    if as_of is not None and number > as_of:
        raise NotFound(f"this is the store as of transaction {as_of}; it does not know {number}")
    return number
