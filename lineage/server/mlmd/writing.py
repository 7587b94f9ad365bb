"""MLMD's calls that write nodes and edges."""

from __future__ import annotations

from collections.abc import Sequence

from lineage.errors import Invalid
from lineage.mlmd.messages import Message, message
from lineage.model.keys import Kind, NodeKey
from lineage.server.mlmd.settling import Options, Settling
from lineage.server.refusal import Refusal
from lineage.server.session import Session

__all__ = [
    "put_events",
    "put_execution",
    "put_members",
    "put_nodes",
    "put_parents",
    "put_subgraph",
]

NO_ARTIFACT = -1
"""The artifact id of a pair that names none."""


def put_nodes(session: Session, request: Message, kind: Kind) -> Message:
    """Write nodes of a kind: new ones without an id, updates with one."""
    options = Options(
        fields=frozenset(request.update_mask.paths) or None,
        abort_if_changed=kind is Kind.ARTIFACT
        and request.options.abort_if_latest_updated_time_changed,
    )
    with session.transaction() as transaction:
        settling = Settling(session, transaction)
        keys = settling.nodes(kind, getattr(request, f"{kind}s"), options)
        settling.write()
    response = message(f"Put{kind.capitalize()}sResponse")
    return response(**{f"{kind}_ids": [key.id for key in keys]})


def put_events(session: Session, request: Message) -> Message:
    """Write events between nodes that exist."""
    with session.transaction() as transaction:
        settling = Settling(session, transaction)
        for kind in (Kind.ARTIFACT, Kind.EXECUTION):
            settling.see(kind, [getattr(event, f"{kind}_id") for event in request.events])
        for event in request.events:
            artifact = settling.known(Kind.ARTIFACT, _id(event, Kind.ARTIFACT))
            execution = settling.known(Kind.EXECUTION, _id(event, Kind.EXECUTION))
            settling.event(event, artifact, execution)
        settling.write()
    return message("PutEventsResponse")()


def _id(wire: Message, kind: Kind | str) -> int:
    """Return the id that an edge's message holds; INVALID_ARGUMENT where it holds none."""
    field = f"{kind}_id"
    if not wire.HasField(field):
        raise Invalid(f"{kind} id is missing")
    number: int = getattr(wire, field)
    return number


def put_members(session: Session, request: Message) -> Message:
    """Write attributions and associations; those that exist stay as they are."""
    edges = [
        *((wire, Kind.ARTIFACT) for wire in request.attributions),
        *((wire, Kind.EXECUTION) for wire in request.associations),
    ]
    with session.transaction() as transaction:
        settling = Settling(session, transaction)
        settling.see(Kind.CONTEXT, [wire.context_id for wire, _ in edges])
        for kind in (Kind.ARTIFACT, Kind.EXECUTION):
            ids = [getattr(wire, f"{kind}_id") for wire, member in edges if member is kind]
            settling.see(kind, ids)
        for wire, kind in edges:
            context = settling.known(Kind.CONTEXT, _id(wire, Kind.CONTEXT))
            settling.member(context, settling.known(kind, _id(wire, kind)))
        settling.write()
    return message("PutAttributionsAndAssociationsResponse")()


def put_parents(session: Session, request: Message) -> Message:
    """Write which contexts are parts of which; one that exists is ALREADY_EXISTS."""
    with session.transaction() as transaction:
        settling = Settling(session, transaction)
        wires = request.parent_contexts
        settling.see(Kind.CONTEXT, [wire.parent_id for wire in wires])
        settling.see(Kind.CONTEXT, [wire.child_id for wire in wires])
        for wire in wires:
            settling.parent(
                settling.known(Kind.CONTEXT, _id(wire, "parent")),
                settling.known(Kind.CONTEXT, _id(wire, "child")),
            )
        settling.write()
    return message("PutParentContextsResponse")()


def put_execution(session: Session, request: Message) -> Message:
    """Write a run: its artifacts, itself, its events, its contexts, and what belongs to them."""
    if not request.HasField("execution"):
        raise Invalid("the execution is missing")
    given = request.options
    with session.transaction() as transaction:
        settling = Settling(session, transaction)
        artifacts = _artifacts_of_pairs(settling, request)
        options = Options(force_update_time=given.force_update_time)
        (execution,) = settling.nodes(Kind.EXECUTION, [request.execution], options)
        for pair, artifact in zip(request.artifact_event_pairs, artifacts, strict=True):
            if pair.HasField("event"):
                _put_event(settling, pair.event, artifact, execution)
        contexts = settling.nodes(Kind.CONTEXT, request.contexts, _of_contexts(given, request))
        for context in contexts:
            for node in (execution, *(key for key in artifacts if key is not None)):
                settling.member(context, node)
        settling.write()
    return message("PutExecutionResponse")(
        execution_id=execution.id,
        artifact_ids=[NO_ARTIFACT if key is None else key.id for key in artifacts],
        context_ids=[key.id for key in contexts],
    )


def _of_contexts(given: Message, request: Message) -> Options:
    by_id_alone = given.force_reuse_context
    for wire in request.contexts:
        if not wire.HasField("type_id") and not (by_id_alone and wire.HasField("id")):
            raise Invalid("a context needs its type_id")
    return Options(reuse_by_name=given.reuse_context_if_already_exist, by_id_alone=by_id_alone)


def _artifacts_of_pairs(settling: Settling, request: Message) -> list[NodeKey | None]:
    """Settle the artifacts of a run; of a pair that has none, return what its event names."""
    given = request.options
    pairs = request.artifact_event_pairs
    options = Options(
        force_update_time=given.force_update_time,
        reuse_by_external_id=given.reuse_artifact_if_already_exist_by_external_id,
    )
    put = iter(
        settling.nodes(
            Kind.ARTIFACT, [pair.artifact for pair in pairs if pair.HasField("artifact")], options
        )
    )
    settling.see(Kind.ARTIFACT, [pair.event.artifact_id for pair in pairs])
    keys: list[NodeKey | None] = []
    for pair in pairs:
        if pair.HasField("artifact"):
            keys.append(next(put))
        elif pair.HasField("event"):
            keys.append(settling.known(Kind.ARTIFACT, _id(pair.event, Kind.ARTIFACT)))
        else:
            keys.append(None)
    return keys


def _put_event(
    settling: Settling, wire: Message, artifact: NodeKey | None, execution: NodeKey
) -> None:
    """Settle an event whose ends are known; the ids that it gives itself must be theirs."""
    for key in (artifact, execution):
        assert key is not None  # a pair with an event has an artifact
        field = f"{key.kind}_id"
        if wire.HasField(field) and getattr(wire, field) != key.id:
            raise Invalid(f"the event's {field} is {getattr(wire, field)}, and not {key.id}")
    assert artifact is not None
    settling.event(wire, artifact, execution)


def put_subgraph(session: Session, request: Message) -> Message:
    """Write many nodes and the events between them; all contexts hold all of the others."""
    given = request.options
    _check_subgraph(request)
    reuse = Options(
        reuse_by_name=given.reuse_context_if_already_exist,
    )
    by_external_id = Options(
        reuse_by_external_id=given.reuse_artifact_if_already_exist_by_external_id
    )
    with session.transaction() as transaction:
        settling = Settling(session, transaction)
        artifacts = settling.nodes(Kind.ARTIFACT, request.artifacts, by_external_id)
        executions = settling.nodes(Kind.EXECUTION, request.executions)
        contexts = settling.nodes(Kind.CONTEXT, request.contexts, reuse)
        for context in contexts:
            for node in (*executions, *artifacts):
                settling.member(context, node)
        ends = {Kind.ARTIFACT: artifacts, Kind.EXECUTION: executions}
        for edge in request.event_edges:
            if not edge.HasField("event"):
                raise Invalid("an event edge has no event")
            artifact, execution = (_end(settling, edge, kind, keys) for kind, keys in ends.items())
            settling.event(edge.event, artifact, execution)
        settling.write()
    return message("PutLineageSubgraphResponse")(
        execution_ids=[key.id for key in executions],
        artifact_ids=[key.id for key in artifacts],
        context_ids=[key.id for key in contexts],
    )


def _check_subgraph(request: Message) -> None:
    for edge in request.event_edges:
        for kind in (Kind.ARTIFACT, Kind.EXECUTION):
            place, count = getattr(edge, f"{kind}_index"), len(getattr(request, f"{kind}s"))
            if edge.HasField(f"{kind}_index") and not 0 <= place < count:
                raise Refusal("OUT_OF_RANGE", f"{kind}_index {place}: there are {count} {kind}s")
    for kind in Kind:
        for wire in getattr(request, f"{kind}s"):
            if not wire.HasField("type_id"):
                raise Invalid(f"Type id is missing: each {kind} needs one")


def _end(settling: Settling, edge: Message, kind: Kind, keys: Sequence[NodeKey]) -> NodeKey:
    """Return an end of an event edge, which is given by its index, its id or both."""
    index, number = f"{kind}_index", f"{kind}_id"
    if not edge.HasField(index):
        if not edge.event.HasField(number):
            raise Invalid(f"an event edge has neither {index} nor {number}")
        wanted = getattr(edge.event, number)
        settling.see(kind, [wanted])
        return settling.known(kind, wanted)
    place: int = getattr(edge, index)
    if edge.event.HasField(number) and getattr(edge.event, number) != keys[place].id:
        raise Invalid(f"the event's {number} is not that of {index} {place}")
    return keys[place]
