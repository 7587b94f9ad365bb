"""Views as trees: view."""

from __future__ import annotations

from collections.abc import Iterator

from lineage.answers.view import BUDGET, View
from lineage.cli import output, pages
from lineage.cli.options import (
    HERE,
    MOST_NODES,
    AsJson,
    AsOf,
    Budget,
    By,
    HappenedBy,
    Hops,
    Inputs,
    Nodes,
    NodeTexts,
    NoGone,
    OfDownstream,
    OfUpstream,
    OpenGroups,
    Seconds,
    Show,
    Shown,
    StoreUrl,
    direction,
    limits,
    named,
    open_to_read,
)
from lineage.cli.output import several
from lineage.cli.trees import tree

__all__ = ["view"]


def view(
    nodes_asked: NodeTexts,
    *,
    upstream: OfUpstream = False,
    downstream: OfDownstream = False,
    budget: Budget = BUDGET,
    show: Show = Shown.ALL,
    by: By = "",
    open_: OpenGroups = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    happened_by: HappenedBy = None,
    as_json: AsJson = False,
    hops: Hops = None,
    nodes: Nodes = MOST_NODES,
    seconds: Seconds = None,
    inputs: Inputs = False,
    no_gone: NoGone = False,
) -> None:
    """Show what nodes came from and led to, in few marks.

    Alike nodes are one mark. A group tells how many nodes it stands for, and "5 of 12" how many of
    them an edge is of. Limits are of either direction.
    """
    bounds = limits(hops, nodes, seconds)
    with open_to_read(store, as_of) as opened:
        answer = opened.view(
            *(named(opened, each, happened_by) for each in nodes_asked),
            direction=direction(upstream=upstream, downstream=downstream),
            limits=bounds,
            budget=budget,
            show=show.value,
            by=by,
            opened=open_ or (),
            inputs=inputs,
            gone=not no_gone,
            happened_by=happened_by,
        )
    for cut in answer.truncated:
        output.note_cut(cut)
    output.deliver(answer, _page, as_json=as_json)


def _page(answer: View) -> Iterator[str]:
    yield from tree(answer, output.width() or pages.PAGE)
    stand = sum(mark.count for mark in answer.marks)
    yield ""
    yield (
        f"{several(len(answer.marks), 'mark')} of {several(stand, 'node')}, "
        f"as of transaction {answer.number}."
    )
    first = next((mark.id for mark in answer.marks if mark.rule), None)
    if first is not None:
        yield f"Open a group by its id, as with --open {first}"
    yield from pages.notes(answer.notes)
