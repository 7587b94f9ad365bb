"""The log: transactions, newest first, and what one of them wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from lineage.answers.log import PURGED, Change, LogEntry
from lineage.model.entities import Edge, Node
from lineage.model.keys import NodeKey
from lineage.model.rows import edge_key
from lineage.model.times import first_instant
from lineage.server.web import history
from lineage.server.web.arguments import Asked
from lineage.server.web.call import Call, Reply
from lineage.server.web.history import LoggedOfAll
from lineage.server.web.pages.document import page
from lineage.server.web.pages.frame import Frame
from lineage.server.web.pages.markup import Html, element, joined
from lineage.server.web.pages.parts import (
    field,
    form,
    hidden,
    key_link,
    node_link,
    section,
    several,
    table,
    time,
    value,
)
from lineage.server.web.pages.types import type_link

__all__ = ["log", "log_table", "transaction"]

NEWEST: Final = 5
"""How many of the nodes that came are named, of each type."""
MOST: Final = 500
"""How many nodes, or edges, of one transaction its page has of a sort."""


def log(call: Call, asked: LoggedOfAll) -> Reply:
    """List the transactions, newest first."""
    frame = Frame(call, "/log", asked)
    found = history.transactions(call, asked)
    older = Html()
    if len(found) == asked.limit and found[-1].number > 1:
        link = frame.here(before=found[-1].number)
        older = element("p", element("a", "Older ones", href=link, rel="next"))
    newest = Html()
    if asked.before is not None:
        newest = element("p", element("a", "The newest", href=frame.here(before=None)))
    said = "Transactions, newest first" if found else "No transaction is so"
    listed = log_table(frame, said, found)
    return page(frame, "Log", _form(frame, asked), _came(frame, asked), newest, listed, older)


def _came(frame: Frame, asked: LoggedOfAll) -> Html:
    """Return of which types there are more nodes, or fewer, than before the day that the list begins with."""
    if not asked.since or asked.before:
        return Html()
    store = frame.call.store
    before = store.backend.number_at(first_instant(asked.since) - 1)
    if before >= frame.call.number:
        return Html()
    then = {
        (each.kind, each.type): each.count for each in store.at(before).overview(newest=1).types
    }
    now = {(each.kind, each.type): each for each in store.overview(newest=NEWEST).types}
    rows = []
    for kind, name in (*now, *(each for each in then if each not in now)):
        there = then.get((kind, name), 0)
        holding = now.get((kind, name))
        count, newest = (holding.count, holding.newest) if holding else (0, ())
        if there != count:
            came = newest[: max(count - there, 0)]
            rows.append(
                [
                    element("a", element("bdi", name), href=type_link(frame, name, kind)),
                    f"{there:,}",
                    f"{count:,}",
                    joined((node_link(frame, node, is_typed=False) for node in came), ", "),
                ]
            )
    if not rows:
        return element("p", "There are as many nodes of each type as before.")
    caption = f"How many nodes there were after transaction {before:,}, and are now"
    return table(caption, ("Type", "Then", "Now", "The newest of those that came"), rows)


def _form(frame: Frame, asked: LoggedOfAll) -> Html:
    fields = (
        ("By", "actor", asked.actor, ""),
        ("About", "text", asked.text, "a word of the message"),
        ("Wrote nodes of the type", "type", asked.type, "Model"),
        ("Since", "since", asked.since, "2026-03-01"),
        ("Until", "until", asked.until, "2026-03-31"),
    )
    return form(
        "/log",
        hidden(frame.kept("actor", "text", "type", "since", "until", "before")),
        *(
            field(title, name, said, id_=f"log-{name}", placeholder=hint)
            for title, name, said, hint in fields
        ),
        called="Which transactions",
        submit="Filter",
    )


def log_table(frame: Frame, caption: str, entries: Iterable[LogEntry]) -> Html:
    """Return transactions as a table."""
    rows = [
        [
            element("a", str(each.number), href=frame.link(f"/log/{each.number}")),
            time(each.time),
            element("bdi", PURGED if each.purged else each.actor),
            f"{each.records:,}",
            element("bdi", each.message or each.summary),
        ]
        for each in entries
    ]
    return table(caption, ("Transaction", "When", "By", "Records", "What"), rows)


def transaction(call: Call, asked: Asked) -> Reply:
    """Tell what one transaction wrote."""
    change = history.transaction(call, asked)
    entry = change.entry
    frame = Frame(call, f"/log/{entry.number}", asked)
    said = [
        time(entry.time),
        " by ",
        element("bdi", PURGED if entry.purged else entry.actor),
        f" · {several(entry.records, 'record')}",
    ]
    message = element("p", value(entry.message)) if entry.message else Html()
    return page(
        frame,
        f"Transaction {entry.number}",
        element("p", joined(said), class_="kind"),
        message,
        element("p", joined(_ways(frame, entry.number), " · ")),
        *_written(frame, change),
        element("p", "Digest ", element("code", f"{entry.number}:{entry.digest}"), class_="muted"),
    )


def _ways(frame: Frame, number: int) -> Iterator[Html]:
    if number > 1:
        yield element("a", "the one before", href=frame.link(f"/log/{number - 1}"), rel="prev")
    if number < frame.call.number:
        yield element("a", "the one after", href=frame.link(f"/log/{number + 1}"), rel="next")
    yield element("a", "the store as it was then", href=frame.link("/", as_of=number))


def _written(frame: Frame, change: Change) -> Iterator[Html]:
    types = [f"{each.kind} type {each.type_name}" for each in change.types]
    yield _listed("Types", "types", [element("bdi", each) for each in types])
    for title, id_, nodes in (
        ("New", "new", change.created),
        ("Changed", "changed", change.updated),
    ):
        yield _listed(title, id_, [_node(frame, node) for node in nodes[:MOST]], len(nodes))
    for title, id_, keys in (
        ("Deleted", "deleted", change.deleted),
        ("Purged", "purged", change.purged),
    ):
        yield _listed(title, id_, [key_link(frame, key) for key in keys[:MOST]], len(keys))
    for title, id_, edges in (
        ("New edges", "edges", change.edges),
        ("Changed edges", "edge-updates", change.edge_updates),
        ("Ended edges", "ended", change.ended),
    ):
        yield _listed(title, id_, [_edge(frame, each) for each in edges[:MOST]], len(edges))
    heads = [f"actor and message of transaction {number}" for number in change.purged_heads]
    yield _listed("Erased", "erased", [element("bdi", each) for each in heads])


def _listed(title: str, id_: str, lines: Sequence[Html], count: int | None = None) -> Html:
    items = [element("li", each) for each in lines]
    if count is not None and count > len(lines):
        items.append(element("li", f"and {count - len(lines):,} more; the API has all"))
    return section(title, element("ul", *items) if items else None, id_=id_)


def _node(frame: Frame, node: Node) -> Html:
    fields = frame.details(node.key) + "#fields"
    return joined([node_link(frame, node), " ", element("a", "who said what", href=fields)])


def _edge(frame: Frame, edge: Edge) -> Html:
    source, target, kind = edge_key(edge)
    ends: list[NodeKey] = [source, target]
    links = joined((key_link(frame, key) for key in ends), " → ")
    return joined([links, element("small", f" {kind.name}")])
