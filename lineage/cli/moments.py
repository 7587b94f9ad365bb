"""What changed since a moment: since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from lineage.cli import output, pages
from lineage.cli.drawings import Picture, check_picture, draw
from lineage.cli.options import (
    HERE,
    MOST_NODES,
    AsJson,
    AsOf,
    Hops,
    Inputs,
    Nodes,
    NodeTexts,
    NoGone,
    OfDownstream,
    OfUpstream,
    Seconds,
    StoreUrl,
    direction,
    limits,
    moment_of,
    named,
    open_to_read,
)
from lineage.cli.output import bold, several
from lineage.cli.tables import headline, node_cells, table, value_text
from lineage.model.rows import edge_key
from lineage.model.texts import printable

if TYPE_CHECKING:  # a command needs the classes of its own answer only
    from lineage.queries.differences import FieldChange
    from lineage.queries.moments import Changed, EdgeChange, NodeChange

__all__ = ["since"]

_TITLES = {
    "new": "New",
    "reached": "Reached now",
    "restored": "Restored",
    "changed": "Changed",
    "deleted": "Deleted",
    "purged": "Purged",
    "unreached": "No longer reached",
}
_EDGE_TITLES = {"new": "New edges", "changed": "Changed edges", "ended": "Ended edges"}


def since(
    nodes_asked: NodeTexts,
    *,
    since_: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="MOMENT",
            help="The earlier moment: a transaction's number, a day, or an RFC 3339 time.",
        ),
    ],
    upstream: OfUpstream = False,
    downstream: OfDownstream = False,
    picture: Picture = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    as_json: AsJson = False,
    hops: Hops = None,
    nodes: Nodes = MOST_NODES,
    seconds: Seconds = None,
    inputs: Inputs = False,
    no_gone: NoGone = False,
) -> None:
    """Tell what changed in the lineage of nodes since a moment.

    Nodes that are new, changed, deleted or no longer reached, with the fields that changed, and edges.
    The later moment is --as-of, or now. Limits are of either direction.
    """
    check_picture(picture)
    bounds = limits(hops, nodes, seconds)
    with open_to_read(store, as_of) as opened:
        answer = opened.since(
            *(named(opened, each) for each in nodes_asked),
            since=moment_of(since_),
            direction=direction(upstream=upstream, downstream=downstream),
            limits=bounds,
            inputs=inputs,
            gone=not no_gone,
        )
        draw(opened, answer, picture)
    for when, cuts in zip(("earlier", "later"), answer.truncated, strict=True):
        for cut in cuts:
            output.note_cut(cut, of=f"the {when} lineage")
    output.deliver(answer, _page, as_json=as_json)


def _page(answer: Changed) -> Iterator[str]:
    for start in answer.starts:
        yield bold(headline(start))
    told = f"{several(len(answer.nodes), 'node')} and {several(len(answer.edges), 'edge')} changed"
    yield f"{told} from transaction {answer.since} to {answer.number}; {several(answer.unchanged, 'node')} did not."
    for what, some in groupby(answer.nodes, lambda each: each.what):
        yield from pages.part(_TITLES[what], _nodes([*some]))
    for kind, edges in groupby(answer.edges, lambda each: each.what):
        yield from pages.part(_EDGE_TITLES[kind], (line for each in edges for line in _edge(each)))
    yield from pages.notes(answer.notes)


def _nodes(changes: Sequence[NodeChange]) -> Iterator[str]:
    """Yield nodes in columns; the fields that changed stand below each."""
    lines = table(("",) * 4, [node_cells(each.node) for each in changes], indent="  ")
    for each, line in zip(changes, lines, strict=True):
        yield line
        yield from _fields(each.changes)


def _edge(each: EdgeChange) -> Iterator[str]:
    key = edge_key(each.edge)
    yield f"  {key.source} → {key.target}  {key.kind.name}"
    yield from _fields(each.changes)


def _fields(changes: tuple[FieldChange, ...]) -> Iterator[str]:
    for change in changes:
        name = printable(change.field, limit=60)
        yield f"    - {name} = {value_text(change.left)}"
        yield f"    + {name} = {value_text(change.right)}"
