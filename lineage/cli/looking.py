"""Looking around: what the store holds, what it is, and who set what a node says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from lineage.answers.labels import label
from lineage.answers.log import PURGED
from lineage.cli import output
from lineage.cli.completion import complete_kinds
from lineage.cli.options import HERE, AsJson, AsOf, NodeText, StoreUrl, named, open_to_read
from lineage.cli.pages import notes
from lineage.cli.tables import fields, headline, node_cells, table, time_text, value_text
from lineage.model.entities import Node
from lineage.model.texts import printable
from lineage.queries.blame import Blame
from lineage.queries.inventory import NEWEST, Info, Overview

__all__ = ["blame", "info", "ls"]

OF_ONE_TYPE = 20
"""How many of the newest nodes of the type that was asked for are listed."""


def ls(
    type_: Annotated[
        str | None,
        typer.Argument(
            metavar="TYPE",
            help="List the newest of this type or kind; left out, a few of each type.",
            autocompletion=complete_kinds,
        ),
    ] = None,
    *,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help="How many of each; 20 of a TYPE, else 3."),
    ] = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """List what is in the store: types, how many nodes, the newest.

    Deleted nodes do not count.
    """
    newest = limit or (NEWEST if type_ is None else OF_ONE_TYPE)
    with open_to_read(store, as_of) as opened:
        answer = opened.overview(type_, newest=newest)
    output.deliver(answer, _overview if type_ is None else _of_type, as_json=as_json)


def _overview(answer: Overview) -> Iterator[str]:
    if not answer.types:
        yield "Nothing yet."
        return
    rows = [
        [
            each.kind.value,
            printable(each.type, limit=60),
            f"{each.count:,}",
            ", ".join(map(_briefly, each.newest)),
        ]
        for each in answer.types
    ]
    yield from table(("KIND", "TYPE", "NODES", "NEWEST"), rows)


def _briefly(node: Node) -> str:
    said = label(node, limit=30)
    return f"{node.key} {said}" if said else str(node.key)


def _of_type(answer: Overview) -> Iterator[str]:
    for each in answer.types:
        count = output.several(each.count, "node")
        shown = (
            "" if each.count <= len(each.newest) else f", of which the newest {len(each.newest)}"
        )
        yield output.bold(f"{printable(each.type, limit=60)} ({each.kind}): {count}{shown}")
        rows = [[*node_cells(node), time_text(node.create_time)] for node in each.newest]
        yield from table(("NODE", "TYPE", "NAME", "STATE", "CREATED"), rows, indent="  ")


def info(*, store: StoreUrl = HERE, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Tell what the store is: counts, size, last moment, digest.

    The digest, kept elsewhere and given to `lineage check --digest` later, shows that history was not cut short.
    """
    with open_to_read(store, as_of) as opened:
        answer = opened.info()
    output.deliver(answer, _info, as_json=as_json)


_WORDS = {"size": "size in bytes", "last": "last written", "edges": "edges ever written"}


def _info(answer: Info) -> Iterator[str]:
    said = {**asdict(answer), "last": time_text(answer.last)}
    yield from fields(
        [(_WORDS.get(name, name), _told(value)) for name, value in said.items()], indent=""
    )


def _told(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return value_text(value or None, limit=200)


def blame(
    node: NodeText, *, store: StoreUrl = HERE, as_of: AsOf = None, as_json: AsJson = False
) -> None:
    """Tell who set what a node says, when and why.

    What was taken away is told as well, with - as its value.
    """
    with open_to_read(store, as_of) as opened:
        answer = opened.blame(named(opened, node))
    output.deliver(answer, _blame, as_json=as_json)


def _blame(answer: Blame) -> Iterator[str]:
    yield output.bold(headline(answer.node))
    rows = [
        [
            printable(each.field, limit=60),
            value_text(each.value, limit=40),
            str(each.number),
            time_text(each.time),
            PURGED if each.purged else printable(each.actor, limit=20),
            printable(each.message or each.summary, limit=60),
        ]
        for each in answer.fields
    ]
    yield from table(("FIELD", "VALUE", "NUMBER", "TIME", "ACTOR", "MESSAGE"), rows, indent="  ")
    yield from notes(answer.notes)
