"""What takes things away: delete, purge."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lineage.cli import output
from lineage.cli.options import (
    HERE,
    Actor,
    AsJson,
    Message,
    NodeTexts,
    StoreUrl,
    Yes,
    named,
    open_to_write,
    usage,
)
from lineage.cli.tables import headline
from lineage.contract.registry import registry
from lineage.errors import NotFound
from lineage.model.keys import NodeKey
from lineage.model.progress import on_terminal
from lineage.model.rows import entity_of
from lineage.store import Store

__all__ = ["delete", "purge"]

NOT_CONFIRMED = 1
"""How the command ends where the answer was no."""


def delete(
    nodes: NodeTexts,
    *,
    message: Message = "",
    actor: Actor = None,
    yes: Yes = False,
    store: StoreUrl = HERE,
    as_json: AsJson = False,
) -> None:
    """End nodes; their past and their edges stay.

    Walks go on through them, and their names are free again.
    """
    with open_to_write(store, actor) as opened:
        keys = _confirmed(opened, nodes, "Delete", yes=yes)
        opened.delete(*keys, message=message)
    _deliver("deleted", keys, as_json=as_json)


def purge(
    nodes: NodeTexts,
    *,
    reason: Annotated[
        str,
        typer.Option(
            "--reason", metavar="TEXT", help="Why, which the log keeps.", show_default=False
        ),
    ],
    actor: Actor = None,
    yes: Yes = False,
    store: StoreUrl = HERE,
    as_json: AsJson = False,
) -> None:
    """Erase nodes' content for good, in every version.

    Key, type, times and edges stay, and so does the reason.
    """
    with open_to_write(store, actor) as opened:
        keys = _confirmed(opened, nodes, "Erase for good", yes=yes)
        opened.purge(*keys, reason=reason)
    _deliver("purged", keys, as_json=as_json)


def _confirmed(store: Store, texts: list[str], what: str, *, yes: bool) -> list[NodeKey]:
    """Return the nodes that texts name, once somebody said yes to what is done to them."""
    keys = list(dict.fromkeys(named(store, each) for each in texts))
    if yes:
        return keys
    if not on_terminal(sys.stdin):
        raise usage("there is no terminal to ask on: add --yes")
    rows = store.backend.nodes(keys)
    known = registry(store.backend).by_id
    for key in keys:
        if key not in rows:
            raise NotFound(f"there is no {key}")
        sys.stderr.write(f"{headline(entity_of(rows[key], known))}\n")
    if not typer.confirm(f"{what}?", err=True):
        raise typer.Exit(NOT_CONFIRMED)
    return keys


def _deliver(done: str, keys: list[NodeKey], *, as_json: bool) -> None:
    output.deliver(
        {done: keys}, lambda answer: (f"{done} {key}" for key in answer[done]), as_json=as_json
    )
