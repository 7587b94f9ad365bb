"""Names that move: `lineage alias` gives them, takes them away and tells what they hold and held."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from lineage.answers.log import PURGED
from lineage.cli import output
from lineage.cli.options import (
    HERE,
    NODE,
    Actor,
    AsJson,
    AsOf,
    Message,
    StoreUrl,
    named,
    open_to_read,
    open_to_write,
    usage,
)
from lineage.cli.tables import node_cells, table, time_text
from lineage.model.texts import printable
from lineage.queries.aliases import Held, Tenure
from lineage.store import Store

__all__ = ["Aliases", "alias"]

NAME = 60
"""No more of an alias's name is shown in a table."""


@dataclass(frozen=True, slots=True)
class Aliases:
    """What aliases hold as of transaction `number`; of the one that was named also what it held, newest first."""

    aliases: tuple[Held, ...]
    history: tuple[Tenure, ...]
    number: int


def alias(
    asset: Annotated[
        str | None, typer.Argument(metavar="ASSET", help="The asset; left out, list all aliases.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Argument(metavar="ALIAS", help="Its alias, such as production; left out, list all."),
    ] = None,
    node: Annotated[
        str | None,
        typer.Argument(metavar="NODE", help=f"What it is to hold. {NODE} Left out, its history."),
    ] = None,
    *,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take the alias away, so that it holds nothing.")
    ] = False,
    deployed: Annotated[
        bool | None,
        typer.Option(
            "--deployed/--not-deployed",
            help="Whether what it holds is in use; left out, as it was, or as its name says.",
        ),
    ] = None,
    message: Message = "",
    actor: Actor = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Give an alias to a version of an asset, or list aliases.

    It holds one artifact at a time, which is then named ASSET@ALIAS, and keeps its history. What production,
    champion, live and aliases that are --deployed hold comes first in impact and peers.
    """
    if remove and (node is not None or deployed is not None or name is None):
        raise usage("--remove takes an ASSET and an ALIAS, and nothing else")
    writes = remove or node is not None
    if deployed is not None and not writes:
        raise usage("--deployed and --not-deployed are said of a NODE; give the alias to one")
    if not writes:
        with open_to_read(store, as_of) as opened:
            answer = _told(opened, asset, name)
        output.deliver(answer, _history if name is not None else _aliases, as_json=as_json)
        return
    if as_of is not None:
        raise usage("--as-of asks what was, and nothing is written then; leave it out")
    assert asset is not None  # the arguments come in this order
    assert name is not None
    with open_to_write(store, actor) as opened:
        key = None if node is None else named(opened, node)
        opened.alias(asset, name, key, deployed=deployed, message=message)
        answer = _told(opened, asset, name)
    said = "is taken away" if key is None else f"is {key}"
    line = f"{printable(f'{asset}@{name}', limit=NAME)} {said}"
    output.deliver(answer, lambda _: [line], as_json=as_json)


def _told(store: Store, asset: str | None, name: str | None) -> Aliases:
    number = store.backend.now() if store.as_of is None else store.as_of
    held = [each for each in store.aliases(asset) if name in (None, each.alias)]
    if asset is None or name is None:
        if not held and asset is not None and "@" in asset:
            output.note(f"of {asset} there is none; the asset and the alias are two words here")
        return Aliases(tuple(held), (), number)
    return Aliases(tuple(held), store.alias_history(asset, name), number)


def _aliases(answer: Aliases) -> Iterator[str]:
    if not answer.aliases:
        yield "No aliases."
        return
    rows = [
        [
            printable(each.name, limit=NAME),
            *node_cells(each.node),
            time_text(each.since),
            "deployed" if each.deployed else "",
        ]
        for each in answer.aliases
    ]
    yield from table(("ALIAS", "NODE", "TYPE", "NAME", "STATE", "SINCE", ""), rows)


def _history(answer: Aliases) -> Iterator[str]:
    rows = [
        [
            str(each.node.key),
            *node_cells(each.node)[2:],
            time_text(each.since),
            "now" if each.until is None else time_text(each.until),
            printable(each.actor, limit=20) or PURGED,
            printable(each.message, limit=80),
        ]
        for each in answer.history
    ]
    yield from table(("NODE", "NAME", "STATE", "SINCE", "UNTIL", "ACTOR", "MESSAGE"), rows)
