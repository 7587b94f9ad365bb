"""What the store holds and how it came to: types, log, check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from lineage.answers.labels import printable
from lineage.answers.log import LogEntry, NodeEntry
from lineage.cli import output
from lineage.cli.options import HERE, AsJson, AsOf, StoreUrl, named, open_to_read
from lineage.cli.tables import table, time_text
from lineage.model.keys import Kind
from lineage.model.progress import terminal_line
from lineage.model.schema import AnyType

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

    Of a node those that wrote or deleted it, what each of them changed, and whether it lives again.
    """
    with open_to_read(store, as_of) as opened:
        entries: Sequence[LogEntry] = (
            opened.log(limit=limit + 1, before=before)
            if node is None
            else opened.log(named(opened, node), limit=limit + 1, before=before)
        )
    more = len(entries) > limit
    entries = entries[:limit]
    oldest = entries[-1].number if more else None
    if more and not as_json:
        output.note(f"there are more: add --before {oldest}")
    output.deliver(Log(entries, oldest), _log, as_json=as_json)


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
    told = [each for each in answer.entries if isinstance(each, NodeEntry)]
    if told:
        header.append("CHANGED")
        for row, each in zip(rows, told, strict=True):
            row.append(printable(", ".join(name[:80] for name in each.changed), limit=80))
    yield from table(header, rows)


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
