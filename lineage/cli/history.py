"""What the store holds and how it came to: types, log, check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer

from lineage.answers.log import PURGED, LogEntry, NodeEntry
from lineage.cli import output
from lineage.cli.completion import complete_kinds
from lineage.cli.options import HERE, AsJson, AsOf, StoreUrl, named, open_to_read
from lineage.cli.tables import table, time_text
from lineage.contract.kept import kept_at, records_up_to
from lineage.model.keys import Kind
from lineage.model.notebook import DIGEST_SHOWN
from lineage.model.schema import AnyType
from lineage.model.texts import printable
from lineage.progress import terminal_line
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
class Faults:
    """What a check found: a sentence for each thing that is not as it was written.

    Where there is none, it read that many `transactions` with their `records`, and `digest` is the last
    one's, with its number, to be kept elsewhere.
    """

    faults: Sequence[str]
    transactions: int | None = None
    records: int | None = None
    digest: str | None = None


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
        answer = Types(opened.types(kind).items, opened.as_of or 0)
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
    written_by: Annotated[
        str | None, typer.Option("--actor", metavar="NAME", help="Show what this actor wrote.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="MOMENT", help="Show what is not older: a day, or an RFC 3339 time."
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="MOMENT", help="Show what is not newer: a day, or an RFC 3339 time."
        ),
    ] = None,
    type_: Annotated[
        str | None,
        typer.Option(
            "--type",
            metavar="TYPE",
            help="Show what wrote or took away nodes of this type or kind.",
            autocompletion=complete_kinds,
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option("--text", metavar="TEXT", help="Show messages that hold this text."),
    ] = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """List the transactions, newest first: when, who and why.

    Where nobody said why, the message is what was written. All conditions that are given hold. Of a node those that wrote or deleted it, what each of them changed, and whether it lives again.
    """
    with open_to_read(store, as_of) as opened:
        ask = partial(
            opened.log,
            limit=limit + 1,
            before=before,
            actor=written_by,
            since=since,
            until=until,
            type=type_,
            text=text,
        )
        entries: Sequence[LogEntry] = (ask() if node is None else ask(named(opened, node))).items
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
    header = ["NUMBER", "TIME", "ACTOR", "RECORDS", "DIGEST", "MESSAGE"]
    rows = [
        [
            str(each.number),
            time_text(each.time),
            PURGED if each.purged else printable(each.actor, limit=30),
            str(each.records),
            f"{each.digest[:DIGEST_SHOWN]}…",
            printable(each.message or each.summary, limit=80),
        ]
        for each in answer.entries
    ]
    told = [each for each in answer.entries if isinstance(each, NodeEntry)]
    if told:
        header.append("CHANGED")
        for row, each in zip(rows, told, strict=True):
            row.append(printable(", ".join(name[:80] for name in each.changed), limit=80))
    yield from table(header, rows)


def check(
    *,
    digest: Annotated[
        str | None,
        typer.Option(
            "--digest",
            metavar="N:HEX",
            help="The digest of transaction N as you kept it: is its history still this one?",
        ),
    ] = None,
    store: StoreUrl = HERE,
    as_json: AsJson = False,
) -> int:
    """Read everything; list what is not as it was written.

    Ends with 1 where there is any. Where there is none, it prints the last digest: kept elsewhere and given
    with `--digest` later, it shows that history was not cut short or written anew.
    """
    with open_to_read(store) as opened, terminal_line("checking…", quiet=as_json):
        answer = _checked(opened, digest)
    output.deliver(answer, _faults, as_json=as_json)
    return 1 if answer.faults else 0


def _checked(store: Store, digest: str | None) -> Faults:
    last, faults = store.as_of or 0, store.check(digest=digest)
    if faults:
        return Faults(faults)
    kept = str(kept_at(store.backend, last))
    return Faults((), last, records_up_to(store.backend, last), kept)


def _faults(answer: Faults) -> Iterator[str]:
    for fault in answer.faults:
        yield printable(fault, limit=500)
    if not answer.faults:
        yield "All is as it was written."
        transactions = output.several(answer.transactions or 0, "transaction")
        records = output.several(answer.records or 0, "record")
        yield f"Read {transactions} with {records}. Keep the last digest elsewhere: {answer.digest}"
