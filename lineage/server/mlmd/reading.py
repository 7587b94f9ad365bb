"""MLMD's calls that read nodes and events, and its lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lineage.contract.backend import Named, Order
from lineage.contract.registry import registry
from lineage.contract.stopping import while_wanted
from lineage.contract.walking import Direction
from lineage.errors import Invalid, NotFound
from lineage.filters.tree import (
    Column,
    Compare,
    Exists,
    Field,
    Filter,
    In,
    Neighbour,
    Not,
    Operator,
    Present,
    all_of,
)
from lineage.mlmd.conversion import fill_event, fill_node, type_message
from lineage.mlmd.messages import Message, UnknownFieldSet, message
from lineage.model.keys import LARGEST_ID, Kind, NodeKey
from lineage.model.rows import EVENT_KINDS, EdgeKind, EdgeRow, NodeRow
from lineage.queries.find import read_token, write_token
from lineage.server.mlmd.filtering import filtered
from lineage.server.mlmd.types import known_type
from lineage.server.session import Session

__all__ = [
    "by_external_ids",
    "by_id",
    "by_type",
    "by_type_and_name",
    "by_uri",
    "contexts_of",
    "events_of",
    "every",
    "in_context",
    "related_contexts",
    "related_to_several",
]

LONGEST_PAGE: Final = 10_000
_FIELDS = {1: Field.CREATED, 2: Field.UPDATED, 3: Field.ID}
_OWN = "-"
"""An alias that no filter can name."""


def by_id(session: Session, request: Message, kind: Kind) -> Message:
    """Return nodes by their ids, in the order of these; those that are not there are left out."""
    response = message(f"Get{kind.capitalize()}sByIDResponse")()
    rows = session.live(kind, sorted(getattr(request, f"{kind}_ids")))
    _add(response, kind, session, rows.values())
    if kind is Kind.ARTIFACT and request.populate_artifact_types:
        used = dict.fromkeys(row.type_id for row in rows.values())
        known = session.types_by_id
        response.artifact_types.extend(type_message(known[number]) for number in used)
    return response


def by_external_ids(session: Session, request: Message, kind: Kind) -> Message:
    """Return the nodes that have these external ids; NOT_FOUND where none has."""
    wanted = tuple(dict.fromkeys(request.external_ids))
    if "" in wanted:
        raise Invalid("an external id is empty")
    rows = session.backend.find(kind, In(Column(Field.EXTERNAL_ID), wanted)) if wanted else []
    if wanted and not rows:
        raise NotFound(f"no {kind} has one of these {len(wanted)} external ids")
    response = message(f"Get{kind.capitalize()}sByExternalIdsResponse")()
    return _add(response, kind, session, rows)


def by_uri(session: Session, request: Message) -> Message:
    """Return the artifacts that have these URIs; the empty one is that of those without any."""
    response = message("GetArtifactsByURIResponse")()
    if not request.uris and UnknownFieldSet(request):
        raise Invalid("the field `uri` is of an older client; give `uris`")
    wanted = tuple(dict.fromkeys(uri for uri in request.uris if uri))
    rows = session.backend.find(Kind.ARTIFACT, In(Column(Field.URI), wanted)) if wanted else []
    _add(response, Kind.ARTIFACT, session, rows)
    if "" in request.uris:
        bare = session.backend.find(Kind.ARTIFACT, Not(Present(Column(Field.URI))))
        _add(response, Kind.ARTIFACT, session, bare)
    return response


def by_type_and_name(session: Session, request: Message, kind: Kind) -> Message:
    """Return the node of a type and name; an empty answer where there is none."""
    response = message(f"Get{kind.capitalize()}ByTypeAndNameResponse")()
    found = known_type(session, request, kind)
    name = getattr(request, f"{kind}_name")
    if found is not None and found.id is not None:
        reference = Named(found.id, name)
        for row in session.backend.lookup([reference])[reference]:
            fill_node(getattr(response, kind), row, session.types_by_id)
    return response


def every(session: Session, request: Message, kind: Kind) -> Message:
    """Return all nodes of a kind, or what the options choose of them."""
    return _listed(session, request, kind, f"Get{kind.capitalize()}sResponse")


def by_type(session: Session, request: Message, kind: Kind) -> Message:
    """Return the nodes of a type; none where there is no such type."""
    name = f"Get{kind.capitalize()}sByTypeResponse"
    found = known_type(session, request, kind)
    if found is None or found.id is None:
        return message(name)()
    own = Compare(Column(Field.TYPE_ID), Operator.EQ, found.id)
    return _listed(session, request, kind, name, own)


def in_context(session: Session, request: Message, kind: Kind) -> Message:
    """Return the nodes of a kind that belong to a context; none where there is no such context."""
    same = Compare(Column(Field.ID, _OWN), Operator.EQ, request.context_id)
    own = Exists(Neighbour.CONTEXTS, _OWN, same)
    return _listed(session, request, kind, f"Get{kind.capitalize()}sByContextResponse", own)


def _listed(
    session: Session, request: Message, kind: Kind, name: str, own: Filter | None = None
) -> Message:
    """Answer with the nodes that are `own`, or with a page of them."""
    response = message(name)()
    if not request.HasField("options"):
        return _add(response, kind, session, session.backend.find(kind, own))
    options = request.options
    size = options.max_result_size
    if size <= 0:
        raise Invalid(f"max_result_size {size}: ask for 1 or more")
    size = min(size, LONGEST_PAGE)
    given = options.order_by_field
    if given.field not in _FIELDS:
        raise Invalid("order_by_field: its field is not specified")
    order = Order(_FIELDS[given.field], descending=not given.is_asc)
    backend = session.backend
    as_of, after = backend.pin(), None
    if options.next_page_token:
        as_of, after = read_token(options.next_page_token, order)
    where = all_of(own, filtered(session, kind, options.filter_query, as_of))
    rows = backend.find(kind, where, order=order, after=after, limit=size + 1, as_of=as_of)
    if len(rows) > size:
        response.next_page_token = write_token(as_of, order, rows[size - 1])
    elif own is not None:
        response.next_page_token = ""
    return _add(response, kind, session, rows[:size], as_of)


def contexts_of(session: Session, request: Message, kind: Kind) -> Message:
    """Return the contexts that a node belongs to; NOT_FOUND where it belongs to none."""
    number = getattr(request, f"{kind}_id")
    edge = EdgeKind.ATTRIBUTION if kind is Kind.ARTIFACT else EdgeKind.ASSOCIATION
    rows = _neighbours(session, [NodeKey(kind, number)], Direction.UPSTREAM, edge).values()
    found = [row for rows_of_one in rows for row in rows_of_one]
    if not found:
        raise NotFound(f"{kind} {number} belongs to no context")
    response = message(f"GetContextsBy{kind.capitalize()}Response")()
    return _add(response, Kind.CONTEXT, session, found)


def related_contexts(session: Session, request: Message, direction: Direction) -> Message:
    """Return the parents (upstream) or children of a context."""
    key = NodeKey(Kind.CONTEXT, request.context_id)
    rows = _neighbours(session, [key], direction, EdgeKind.PARENT)
    whose = "Parent" if direction is Direction.UPSTREAM else "Children"
    response = message(f"Get{whose}ContextsByContextResponse")()
    return _add(response, Kind.CONTEXT, session, rows.get(key, ()))


def related_to_several(session: Session, request: Message, direction: Direction) -> Message:
    """Return the parents (upstream) or children of each of some contexts that has any."""
    if not request.context_ids:
        raise Invalid("the ids of the contexts are missing")
    whose = "parent" if direction is Direction.UPSTREAM else "children"
    response = message(f"Get{whose.capitalize()}ContextsByContextsResponse")()
    keys = [NodeKey(Kind.CONTEXT, number) for number in dict.fromkeys(request.context_ids)]
    for key, rows in _neighbours(session, keys, direction, EdgeKind.PARENT).items():
        target = getattr(response.contexts[key.id], f"{whose}_contexts")
        for row in rows:
            fill_node(target.add(), row, session.types_by_id)
    return response


def _neighbours(
    session: Session, keys: Iterable[NodeKey], direction: Direction, kind: EdgeKind
) -> dict[NodeKey, list[NodeRow]]:
    """Return the live contexts at the other ends of some nodes' edges, by node."""
    possible = [key for key in keys if 0 < key.id < LARGEST_ID]
    backend = session.backend
    as_of = backend.pin()
    upstream = direction is Direction.UPSTREAM
    ends: dict[NodeKey, list[NodeKey]] = {}
    for edge in backend.edges(possible, direction, kinds={kind}, as_of=as_of):
        own, other = (edge.target, edge.source) if upstream else (edge.source, edge.target)
        ends.setdefault(own, []).append(other)
    if not ends:
        return {}
    rows = backend.nodes({key for others in ends.values() for key in others}, as_of=as_of)
    found = {
        own: [rows[key] for key in others if not rows[key].gone] for own, others in ends.items()
    }
    return {own: others for own, others in found.items() if others}


def events_of(session: Session, request: Message, kind: Kind) -> Message:
    """Return the events of some nodes, in MLMD's order.

    By artifact they go by artifact, execution and type; by execution as they were written, for that is
    how clients tell which output was registered first.
    """
    ids = getattr(request, f"{kind}_ids")
    keys = [NodeKey(kind, number) for number in dict.fromkeys(ids) if 0 < number < LARGEST_ID]
    response = message(f"GetEventsBy{kind.capitalize()}IDsResponse")()
    rows = session.backend.edges(keys, kinds=EVENT_KINDS) if keys else []
    for row in while_wanted(
        sorted(rows, key=_by_artifact if kind is Kind.ARTIFACT else _by_execution)
    ):
        fill_event(response.events.add(), row)
    return response


def _by_artifact(row: EdgeRow) -> tuple[NodeKey, NodeKey, EdgeKind]:
    artifact, execution = sorted(row[:2])
    return artifact, execution, row.kind


def _by_execution(row: EdgeRow) -> tuple[NodeKey, int]:
    return max(row[:2]), row.order


def _add(
    response: Message,
    kind: Kind,
    session: Session,
    rows: Iterable[NodeRow],
    as_of: int | None = None,
) -> Message:
    """Put nodes into an answer, and return it."""
    types = registry(session.backend, as_of).by_id
    target = getattr(response, f"{kind}s")
    for row in while_wanted(rows):
        fill_node(target.add(), row, types)
    return response
