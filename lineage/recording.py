"""Recording a run: an execution, what it read and wrote, and what it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar, cast

from lineage.backend import Backend
from lineage.errors import Invalid
from lineage.identity import Settled, Wanted, settle
from lineage.model import (
    Artifact,
    Context,
    Event,
    EventType,
    Execution,
    ExecutionState,
    Kind,
    Node,
    NodeKey,
)
from lineage.rows import Batch, EdgeKind, EdgeRow, NodeRow, entity_of
from lineage.transaction import Transaction
from lineage.writing import Author, edge_row, new_edges

__all__ = ["Artifacts", "Contexts", "Recorded", "record"]

ExecutionT = TypeVar("ExecutionT", bound=Execution)

Artifacts: TypeAlias = Iterable[Artifact | NodeKey] | Mapping[str, Artifact | NodeKey]
"""What a run read or wrote; the keys of a mapping become the paths of the events."""
Contexts: TypeAlias = Context | NodeKey | Iterable[Context | NodeKey]


@dataclass(frozen=True, slots=True)
class Recorded(Generic[ExecutionT]):
    """A run as it was stored: each list in the order it was given."""

    execution: ExecutionT
    inputs: tuple[Artifact, ...]
    outputs: tuple[Artifact, ...]
    contexts: tuple[Context, ...]


def record(
    backend: Backend,
    execution: ExecutionT,
    author: Author,
    *,
    inputs: Artifacts = (),
    outputs: Artifacts = (),
    within: Contexts = (),
) -> Recorded[ExecutionT]:
    """Write a finished run in one transaction; see `identity` for which artifacts are new.

    Every artifact and the execution belong to every context. An execution without a state is
    COMPLETE.
    """
    if execution.id is not None:
        raise Invalid(f"{execution.key} is recorded already; a run is recorded once")
    if execution.state is None:
        execution = execution.replace(state=ExecutionState.COMPLETE)
    paths, wanted = _wanted(execution, inputs, outputs, within)
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        settled = settle(backend, transaction, wanted)
        edges = _edges(transaction, settled, wanted, paths)
        fresh = {row.key for row in settled.new}
        batch = Batch(nodes=settled.new, edges=new_edges(backend, transaction, edges, fresh))
        transaction.write(batch, live={row.key for row in settled.rows})
    return _recorded(settled, wanted)


def _wanted(
    execution: Execution, inputs: Artifacts, outputs: Artifacts, within: Contexts
) -> tuple[list[tuple[str, ...]], list[Wanted]]:
    """Return all nodes that a run names, the execution first, and each one's path."""
    wanted = [Wanted(execution, "execution")]
    paths: list[tuple[str, ...]] = [()]
    for role, given in (("input", inputs), ("output", outputs)):
        named = isinstance(given, Mapping)
        for name, artifact in (
            given.items() if isinstance(given, Mapping) else ((None, item) for item in given)
        ):
            _check_kind(artifact, Kind.ARTIFACT, f"an {role}")
            wanted.append(Wanted(artifact, role))
            paths.append((str(name),) if named else ())
    for context in (within,) if isinstance(within, Context | NodeKey) else within:
        _check_kind(context, Kind.CONTEXT, "what a run is within")
        wanted.append(Wanted(context, "context"))
        paths.append(())
    return paths, wanted


def _check_kind(node: object, kind: Kind, role: str) -> None:
    if not isinstance(node, Node | NodeKey) or node.kind is not kind:
        raise Invalid(
            f"{role} must be {'a context' if kind is Kind.CONTEXT else f'an {kind}'} or its key, not {node!r:.80}"
        )


def _edges(
    transaction: Transaction,
    settled: Settled,
    wanted: Sequence[Wanted],
    paths: Sequence[tuple[str, ...]],
) -> list[EdgeRow]:
    """Return a run's edges, each once."""
    execution = settled.rows[0].key
    number = transaction.number
    edges: dict[tuple[object, ...], EdgeRow] = {}
    contexts = [
        row.key for row, each in zip(settled.rows, wanted, strict=True) if each.role == "context"
    ]
    for row, each, path in zip(settled.rows, wanted, paths, strict=True):
        if each.role in ("input", "output"):
            kind = EventType.INPUT if each.role == "input" else EventType.OUTPUT
            event = edge_row(
                transaction, Event(artifact=row.key, execution=execution, type=kind, path=path)
            )
            if edges.setdefault(event[:3], event).path != event.path:
                raise Invalid(
                    f"{row.key} is {each.role} twice, as {path[0]!r} and under another name; name it once"
                )
        if each.role != "context":
            member = EdgeKind.ASSOCIATION if each.role == "execution" else EdgeKind.ATTRIBUTION
            for context in contexts:
                edge = EdgeRow(context, row.key, member, None, None, number)
                edges[edge[:3]] = edge
    return list(edges.values())


def _recorded(settled: Settled, wanted: Sequence[Wanted]) -> Recorded[ExecutionT]:
    """Return the rows as entities, each of the class that it was given as."""

    def entities(role: str) -> tuple[Node, ...]:
        pairs = zip(settled.rows, wanted, strict=True)
        return tuple(_entity(settled, row, each) for row, each in pairs if each.role == role)

    return Recorded(
        execution=cast(ExecutionT, entities("execution")[0]),
        inputs=cast(tuple[Artifact, ...], entities("input")),
        outputs=cast(tuple[Artifact, ...], entities("output")),
        contexts=cast(tuple[Context, ...], entities("context")),
    )


def _entity(settled: Settled, row: NodeRow, wanted: Wanted) -> Node:
    return entity_of(
        row, settled.types.known.by_id, None if wanted.entity is None else type(wanted.entity)
    )
