"""The types of a store, and the nodes of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final
from urllib.parse import quote

from pydantic import Field

from lineage.errors import Invalid
from lineage.model.entities import Node
from lineage.model.keys import Kind
from lineage.model.marks import is_own_property
from lineage.model.schema import AnyType
from lineage.model.texts import shown
from lineage.queries.find import Page
from lineage.server.web.arguments import Paged, Text
from lineage.server.web.call import Call, Reply
from lineage.server.web.pages.document import page
from lineage.server.web.pages.faults import fault_of_filter
from lineage.server.web.pages.frame import Frame
from lineage.server.web.pages.markup import Html, element, joined
from lineage.server.web.pages.parts import (
    field,
    form,
    hidden,
    node_link,
    options,
    several,
    table,
    time,
    value,
)
from lineage.server.web.service import OneKind

__all__ = ["of_type", "type_link", "types"]

PROPERTIES: Final = 6
"""How many properties of a node stand in a row."""


class OfType(Paged):
    """Which nodes of a type."""

    kind: Kind | None = None
    filter: Annotated[Text, Field(description="A condition, in the language of filters.")] = ""
    order: str = "id"
    descending: bool = False


def type_link(frame: Frame, name: str, kind: Kind) -> Html:
    """Return the address of a type's nodes."""
    return frame.link(f"/types/{quote(name, safe='@', errors='replace')}", kind=str(kind))


def types(call: Call, asked: OneKind) -> Reply:
    """List the types of the store and their properties."""
    frame = Frame(call, "/types", asked)
    counts = {(each.kind, each.type): each.count for each in call.store.overview(newest=1).types}
    known = sorted(
        call.store.types(asked.kind),
        key=lambda each: (each.kind, str(each.type_name)) not in counts,
    )
    rows = [_row(frame, each, counts) for each in known]
    header = ("Type", "Kind", "Nodes", "Based on", "Properties")
    return page(frame, "Types", table("Types, those that have nodes first", header, rows))


def _row(frame: Frame, each: AnyType, counts: dict[tuple[Kind, str], int]) -> list[str]:
    name = str(each.type_name)
    properties = (
        joined([element("bdi", name), element("small", f" {str(type_).lower()}")])
        for name, type_ in each.properties.items()
    )
    return [
        element("a", element("bdi", name), href=type_link(frame, name, each.kind)),
        str(each.kind),
        f"{counts.get((each.kind, name), 0):,}",
        element("bdi", each.base or ""),
        joined(properties, ", "),
    ]


def of_type(call: Call, asked: OfType) -> Reply:
    """List the nodes of a type, or those that a filter accepts."""
    name = call.path["name"]
    path = f"/types/{quote(name, safe='@', errors='replace')}"
    frame, status, fault = Frame(call, path, asked), 200, Html()
    found: Page[Node] | None = None
    try:
        found = call.store.find(
            name,
            asked.filter or None,
            kind=asked.kind,
            order_by=asked.order,
            descending=asked.descending,
            limit=asked.limit,
            page=asked.cursor or None,
        )
    except Invalid as error:
        status, fault = 422, fault_of_filter(error, asked.filter)
    return page(
        frame,
        f"Nodes of the type {name}",
        _form(frame, asked),
        fault,
        *(_listed(frame, found) if found is not None else ()),
        status=status,
    )


def _form(frame: Frame, asked: OfType) -> Html:
    orders = (("id", "number"), ("create_time", "creation"), ("update_time", "last change"))
    ways = (("", "lowest first"), ("true", "highest first"))
    return form(
        frame.path,
        hidden(frame.kept("filter", "order", "descending", "cursor")),
        field(
            "Only those where",
            "filter",
            asked.filter,
            id_="filter",
            class_="long",
            placeholder="name LIKE 'churn%' AND properties.rows.int_value > 100",
        ),
        options("Sorted by", "order", asked.order, orders, id_="order"),
        options(
            "Which way", "descending", "true" if asked.descending else "", ways, id_="descending"
        ),
        called="Which nodes",
        submit="Filter",
    )


def _listed(frame: Frame, found: Page[Node]) -> Iterator[Html]:
    rows = [
        [
            node_link(frame, node),
            str(getattr(node, "state", None) or ""),
            time(node.create_time),
            _said(node),
        ]
        for node in found.items
    ]
    yield table(several(len(rows), "node"), ("Node", "State", "Created", "It says"), rows)
    if found.next:
        link = frame.here(cursor=found.next)
        yield element("p", element("a", "The next ones", href=link, rel="next"))


def _said(node: Node) -> Html:
    every = {**node.properties, **node.custom_properties}
    own = [(name, said) for name, said in every.items() if not is_own_property(name)]
    parts = [
        joined([element("bdi", name), "=", value(shown(said, limit=60))])
        for name, said in own[:PROPERTIES]
    ]
    return joined([*parts, *(["…"] if len(own) > PROPERTIES else [])], ", ")
