"""What the store holds and how it came to: types, log, check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Annotated

import typer

from lineage.answers.labels import printable
from lineage.answers.log import LogEntry
from lineage.cli import output
from lineage.cli.options import HERE, AsJson, AsOf, StoreUrl, named, open_to_read
from lineage.cli.tables import table, time_text
from lineage.contract.registry import registry
from lineage.model.canonical import same
from lineage.model.entities import Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.progress import terminal_line
from lineage.model.rows import entity_of
from lineage.model.schema import AnyType
from lineage.store import Store

__all__ = ["check", "log", "types"]

ENTRIES = 20


@dataclass(frozen=True, slots=True)
class Types:
    """The types of a store as of transaction `number`."""

    types: Sequence[AnyType]
    number: int


@dataclass(frozen=True, slots=True)
class Log:
    """Transactions, newest first; `before` asks for the older ones, and is None where there are none."""

    entries: Sequence[LogEntry]
    before: int | None


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """A transaction that wrote a node, and what it changed: fields, or `created`, `deleted`."""

    number: int
    time: datetime
    actor: str
    message: str
    records: int
    changed: Sequence[str]


@dataclass(frozen=True, slots=True)
class Faults:
    """What a check found: a sentence for each thing that is not as it was written."""

    faults: Sequence[str]


def types(
    kind: Annotated[
        Kind | None,
        typer.Argument(metavar="KIND", help="artifact, execution or context; left out, all."),
    ] = None,
    *,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """List the types of the store and their properties."""
    with open_to_read(store, as_of) as opened:
        answer = Types(opened.types(kind), opened.as_of or 0)
    output.deliver(answer, _types, as_json=as_json)


def _types(answer: Types) -> Iterator[str]:
    rows = [
        [
            each.kind.value,
            printable(str(each.type_name), limit=60),
            printable(each.base or "", limit=60),
            printable(", ".join(_properties(each)), limit=200),
        ]
        for each in answer.types
    ]
    yield from table(("KIND", "TYPE", "BASE", "PROPERTIES"), rows)


def _properties(node_type: AnyType) -> Iterator[str]:
    for name, value_type in node_type.properties.items():
        index = ", indexed" if name in node_type.indexed else ""
        yield f"{name[:60]} ({value_type}{index})"


def log(
    node: Annotated[
        str | None, typer.Argument(metavar="NODE", help="Show the history of this node alone.")
    ] = None,
    *,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, show_default=True, help="Show this many.")
    ] = ENTRIES,
    before: Annotated[
        int | None,
        typer.Option(
            "--before", metavar="NUMBER", min=1, help="Show transactions before this one."
        ),
    ] = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """List the transactions, newest first: when, who and why.

    Of a node those that wrote or deleted it, and what each of them changed.
    """
    with open_to_read(store, as_of) as opened:
        key = None if node is None else named(opened, node)
        entries: Sequence[LogEntry | NodeEntry] = opened.log(key, limit=limit + 1, before=before)
        if key is not None:
            entries = _with_changes(opened, key, entries)  # type: ignore[arg-type]
    more = len(entries) > limit
    entries = entries[:limit]
    oldest = entries[-1].number if more else None
    if more and not as_json:
        output.note(f"there are more: add --before {oldest}")
    output.deliver(Log(entries, oldest), _log, as_json=as_json)  # type: ignore[arg-type]


def _log(answer: Log) -> Iterator[str]:
    if not answer.entries:
        yield "No transactions."
        return
    header = ["NUMBER", "TIME", "ACTOR", "RECORDS", "MESSAGE"]
    rows = [
        [
            str(each.number),
            time_text(each.time),
            printable(each.actor, limit=30),
            str(each.records),
            printable(each.message, limit=80),
        ]
        for each in answer.entries
    ]
    if isinstance(answer.entries[0], NodeEntry):
        header.append("CHANGED")
        for row, each in zip(rows, answer.entries, strict=True):
            row.append(printable(", ".join(each.changed), limit=80))
    yield from table(header, rows)


def _with_changes(store: Store, key: NodeKey, entries: Sequence[LogEntry]) -> list[NodeEntry]:
    changes = _changes(store, key)
    return [
        NodeEntry(
            each.number,
            each.time,
            each.actor,
            each.message,
            each.records,
            changes.get(each.number, ()),
        )
        for each in entries
    ]


def _changes(store: Store, key: NodeKey) -> dict[int, list[str]]:
    """Return what each transaction changed of a node."""
    rows = store.backend.versions(key, as_of=store.as_of)
    known = registry(store.backend, store.as_of).by_id
    nodes = [entity_of(row, known) for row in rows]
    changes = {rows[0].since: ["created"]}
    for (_, old), (row, new) in pairwise(zip(rows, nodes, strict=True)):
        changes[row.since] = list(_changed_fields(old, new))
    last = rows[-1]
    if last.gone and last.until is not None:
        changes.setdefault(last.until, []).append("deleted")
    return changes


def _changed_fields(old: Node, new: Node) -> Iterator[str]:
    for name in ("name", "external_id", "uri", "state"):
        if getattr(old, name, None) != getattr(new, name, None):
            yield name
    for name in ("properties", "custom_properties"):
        before, after = getattr(old, name), getattr(new, name)
        for each in sorted({*before, *after}):
            if each not in before or each not in after or not same(before[each], after[each]):
                yield f"{name}.{each[:60]}"


def check(*, store: StoreUrl = HERE, as_json: AsJson = False) -> int:
    """Read everything; list what is not as it was written.

    Ends with 1 where there is any.
    """
    with open_to_read(store) as opened, terminal_line("checking…", quiet=as_json):
        answer = Faults(opened.check())
    output.deliver(answer, _faults, as_json=as_json)
    return 1 if answer.faults else 0


def _faults(answer: Faults) -> Iterator[str]:
    for fault in answer.faults:
        yield printable(fault, limit=500)
    if not answer.faults:
        yield "All is as it was written."
