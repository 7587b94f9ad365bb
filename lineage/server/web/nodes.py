"""Nodes: one, some that a filter accepts, and those that begin with what somebody types."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from lineage.answers.sequences import Events
from lineage.contract.registry import registry
from lineage.contract.walking import Direction
from lineage.model.entities import Node
from lineage.model.keys import Kind
from lineage.model.rows import EdgeKind, entity_of
from lineage.queries.find import Page
from lineage.queries.search import Hits
from lineage.server.web.arguments import MOST, Asked, Paged, Text
from lineage.server.web.call import Call

__all__ = ["MOST", "Found", "events", "find", "node", "search"]


HOLDS = frozenset({EdgeKind.ATTRIBUTION, EdgeKind.ASSOCIATION, EdgeKind.PARENT})
"""The edges from a context to what is in it."""
MOST_CONTEXTS = 100


class Filtered(Paged):
    """Which nodes."""

    type: Annotated[
        Text,
        Field(description="artifact, execution, context, or a type's name, such as `Model@2`."),
    ] = "artifact"
    kind: Kind | None = None
    filter: Annotated[Text, Field(description="A condition, in the language of filters.")] = ""
    order: Literal["id", "create_time", "update_time"] = "id"
    descending: bool = False
    nested: Annotated[
        bool, Field(description="What is in a context within another is in that one, too.")
    ] = False


class Typed(Asked):
    """What somebody types into a search box."""

    q: Annotated[
        Text, Field(min_length=1, description="The beginning of a name, a URI or its last part.")
    ]
    kind: Kind | None = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50


@dataclass(frozen=True, slots=True)
class Found:
    """A node, the live contexts that it is in, and how many edges lead to it (`up`) and from it (`down`).

    At most 1,000 edges of a kind are counted, and 100 contexts are there. `since` is the transaction that wrote the node as it
    is: what `If-Match` says to a change.
    """

    node: Node
    since: int
    contexts: tuple[Node, ...]
    up: int
    down: int
    number: int


def find(call: Call, asked: Filtered) -> Page[Node]:
    """List the nodes of a kind or a type that a filter accepts, page by page."""
    return call.store.find(
        asked.type,
        asked.filter or None,
        kind=asked.kind,
        order_by=asked.order,
        descending=asked.descending,
        limit=asked.limit,
        page=asked.cursor or None,
        nested=asked.nested,
    )


def search(call: Call, asked: Typed) -> Hits:
    """List the nodes whose name, URI or last part of the URI begins with a text."""
    return call.store.search(asked.q, kind=asked.kind, limit=asked.limit)


def node(call: Call, _asked: Asked) -> Found:
    """Return a node, also one that was deleted."""
    backend, number = call.store.backend, call.number
    key = call.store.key_of(call.node)
    types = registry(backend, number).by_id
    row = backend.nodes([key], as_of=number)[key]
    held = backend.edges([key], Direction.UPSTREAM, kinds=HOLDS, as_of=number)[:MOST_CONTEXTS]
    around = backend.nodes([edge.source for edge in held], as_of=number)
    sides = Counter[Direction]()
    for (side, _), counted in backend.edge_counts(key, as_of=number).items():
        sides[side] += counted[0]
    return Found(
        entity_of(row, types),
        row.since,
        tuple(entity_of(each, types) for each in around.values() if not each.gone),
        sides[Direction.UPSTREAM],
        sides[Direction.DOWNSTREAM],
        number,
    )


def events(call: Call, _asked: Asked) -> Events:
    """List what an execution read and wrote, or who read and wrote an artifact."""
    return call.store.events(call.node)
