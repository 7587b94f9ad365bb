"""Finding nodes and walking from them: find, search, upstream, downstream, path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from lineage.answers.subgraph import Subgraph
from lineage.cli import output, pages
from lineage.cli.app import NO_PATH
from lineage.cli.drawings import Picture, check_picture, draw
from lineage.cli.grids import GridColumn, grid, rounded
from lineage.cli.options import (
    HERE,
    MOST_NODES,
    AsJson,
    AsOf,
    HappenedBy,
    Hops,
    Inputs,
    KindOrType,
    Nodes,
    NodeText,
    NodeTexts,
    NoGone,
    Seconds,
    StoreUrl,
    ThroughCopies,
    TypeText,
    limits,
    named,
    open_to_read,
)
from lineage.cli.tables import node_cells, state_of, table, time_text, type_of
from lineage.contract.registry import registry
from lineage.formats.documents import plain
from lineage.model.entities import Node
from lineage.model.keys import Kind
from lineage.model.marks import DETAILS_PREFIX
from lineage.model.texts import printable
from lineage.model.values import Value
from lineage.store import Store

__all__ = ["downstream", "find", "path", "search", "upstream"]

PAGE = 20
HITS = 50


class OrderBy(StrEnum):
    """What `find` sorts by."""

    ID = "id"
    CREATE_TIME = "create_time"
    UPDATE_TIME = "update_time"


FilterText: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="FILTER", help="Such as: properties.accuracy > 0.9", show_default=False),
]
OfKind: TypeAlias = Annotated[
    Kind | None,
    typer.Option("--kind", help="Which type, where several kinds have one of the name."),
]
SortedBy: TypeAlias = Annotated[
    OrderBy, typer.Option("--order-by", show_default=True, help="What to sort by.")
]
Descending: TypeAlias = Annotated[
    bool, typer.Option("--descending", help="Highest or newest first.")
]
PageSize: TypeAlias = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, show_default=True, help="Nodes on a page.")
]
Nested: TypeAlias = Annotated[
    bool,
    typer.Option("--nested", help="What is in a context is in those around that one, too."),
]
PageToken: TypeAlias = Annotated[
    str | None, typer.Option("--page", metavar="TOKEN", help="The page that the one before named.")
]


BeginningText: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="TEXT",
        help="How a name, a URI, or what follows its last / begins.",
        show_default=False,
    ),
]
OnlyKind: TypeAlias = Annotated[
    Kind | None, typer.Option("--kind", help="Only nodes of this kind.")
]
MostHits: TypeAlias = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, show_default=True, help="Nodes at most.")
]


def find(
    kind_or_type: KindOrType,
    filter: FilterText = None,
    *,
    kind: OfKind = None,
    order_by: SortedBy = OrderBy.ID,
    descending: Descending = False,
    limit: PageSize = PAGE,
    page: PageToken = None,
    nested: Nested = False,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """List the nodes of a kind or type that a filter accepts.

    A type of the system, such as lineage.Model, stands for every type based on it. All pages are
    of the moment of the first.
    """
    with open_to_read(store, as_of) as opened:
        answer = _of_page(opened, page, as_of).find(
            kind_or_type,
            filter,
            kind=kind,
            order_by=order_by.value,
            descending=descending,
            limit=limit,
            page=page,
            nested=nested,
        )
    if answer.next is not None and not as_json:
        output.note(f"there are more: add --page {answer.next}")
    output.deliver(answer, _found, as_json=as_json)


def _of_page(store: Store, page: str | None, as_of: str | None) -> Store:
    """Return the store that a page is of: all pages are of the moment of the first."""
    return store if page is None or as_of is not None else Store(store.backend)


def _found(nodes: Sequence[Node]) -> Iterator[str]:
    """Yield a table with a column for each property, of those that fit the line."""
    if not nodes:
        yield "No nodes found."
        return
    lines, left_out = grid([*_columns_of(nodes)])
    yield from lines
    if left_out:
        names = ", ".join(printable(name, limit=40) for name in left_out)
        yield ""
        yield f"Without {names}; --json has all."


def _columns_of(nodes: Sequence[Node]) -> Iterator[GridColumn]:
    """Yield the columns of nodes that have something in them."""
    properties = [_properties(node) for node in nodes]
    counts = Counter(name for values in properties for name in values)
    names = [name for name, _ in counts.most_common()]
    builtin: list[tuple[str, int, Callable[[Node], str]]] = [
        ("NODE", 0, lambda node: str(node.key)),
        ("TYPE", 1, type_of),
        ("NAME", 2, lambda node: printable(node.name or "", limit=60)),
        ("URI", 3, lambda node: printable(getattr(node, "uri", None) or "", limit=60)),
        ("STATE", 4, state_of),
    ]
    for title, rank, text in builtin:
        cells = [text(node) for node in nodes]
        if any(cells):
            yield GridColumn(title, cells, rank)
    for rank, name in enumerate(names, start=6):
        cells = [rounded(values.get(name)) for values in properties]
        yield GridColumn(printable(name, limit=40), cells, rank)
    # When nodes were made goes before the last properties, and not before the first.
    yield GridColumn("CREATED", [time_text(node.create_time) for node in nodes], 5)


def _properties(node: Node) -> dict[str, Value]:
    """Return a node's properties; a declared one hides a custom one of its name."""
    free = {
        name: value
        for name, value in node.custom_properties.items()
        if not name.startswith(DETAILS_PREFIX)
    }
    return {**free, **node.properties}


def search(
    text: BeginningText,
    *,
    kind: OnlyKind = None,
    limit: MostHits = HITS,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """List the nodes whose name or URI begins with a text.

    So may the last part of the URI, such as churn.csv. Capital and small letters differ. First comes what the text
    names by key or alias, then what has this very text; contexts come before artifacts, and these before executions.
    """
    with open_to_read(store, as_of) as opened:
        answer = opened.search(text, kind=kind, limit=limit)
    if answer.truncated:
        output.note(f"there are more than these {limit}: give more of the text, or raise --limit")
    output.deliver(answer, _found, as_json=as_json)


def upstream(
    nodes_asked: NodeTexts,
    *,
    type: TypeText = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    happened_by: HappenedBy = None,
    as_json: AsJson = False,
    hops: Hops = None,
    nodes: Nodes = MOST_NODES,
    seconds: Seconds = None,
    through_copies: ThroughCopies = False,
    inputs: Inputs = False,
    no_gone: NoGone = False,
) -> None:
    """List everything that nodes were made from, nearest first."""
    bounds = limits(hops, nodes, seconds)
    with open_to_read(store, as_of) as opened:
        answer = opened.upstream(
            *(named(opened, each, happened_by) for each in nodes_asked),
            limits=bounds,
            through_copies=through_copies,
            happened_by=happened_by,
            inputs=inputs,
            gone=not no_gone,
        )
        _deliver_walk(opened, answer, type, as_json=as_json)


def downstream(
    nodes_asked: NodeTexts,
    *,
    type: TypeText = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    happened_by: HappenedBy = None,
    as_json: AsJson = False,
    hops: Hops = None,
    nodes: Nodes = MOST_NODES,
    seconds: Seconds = None,
    through_copies: ThroughCopies = False,
    inputs: Inputs = False,
    no_gone: NoGone = False,
) -> None:
    """List everything that was made from nodes, nearest first."""
    bounds = limits(hops, nodes, seconds)
    with open_to_read(store, as_of) as opened:
        answer = opened.downstream(
            *(named(opened, each, happened_by) for each in nodes_asked),
            limits=bounds,
            through_copies=through_copies,
            happened_by=happened_by,
            inputs=inputs,
            gone=not no_gone,
        )
        _deliver_walk(opened, answer, type, as_json=as_json)


def _deliver_walk(store: Store, answer: Subgraph, type: str | None, *, as_json: bool) -> None:
    shown = list(answer.nodes)
    if type is not None:
        known = registry(store.backend, store.as_of)
        ids = known.meant(type)
        names = {
            (each.kind, each.name, each.version) for n, each in known.by_id.items() if n in ids
        }
        shown = [node for node in shown if (node.kind, node.type, node.type_version) in names]
    output.note_cut(answer.truncated)
    if as_json:
        matches = [node.key for node in shown if answer.distances[node.key] > 0]
        output.print_json({**plain(answer), "matches": matches})
        return
    rows = [[str(answer.distances[node.key]), *node_cells(node)] for node in shown]
    output.say(table(("EDGES", *pages.NODE), rows) if rows else ("No nodes found.",))
    output.say(pages.notes(answer.notes))


def path(
    one: NodeText,
    other: NodeText,
    *,
    picture: Picture = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    happened_by: HappenedBy = None,
    as_json: AsJson = False,
    hops: Hops = None,
    nodes: Nodes = MOST_NODES,
    seconds: Seconds = None,
) -> int:
    """Show a shortest way that data took between two nodes.

    It ends with 12 where none was found.
    """
    check_picture(picture)
    bounds = limits(hops, nodes, seconds)
    with open_to_read(store, as_of) as opened:
        answer = opened.paths(
            named(opened, one, happened_by),
            named(opened, other, happened_by),
            limits=bounds,
            happened_by=happened_by,
        )
        draw(opened, answer, picture)
    output.note_cut(answer.subgraph.truncated)
    output.deliver(answer, pages.paths, as_json=as_json)
    return 0 if answer.shortest else NO_PATH
