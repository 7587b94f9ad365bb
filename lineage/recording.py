"""Recording a run: an execution, what it read and wrote, and what it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Generic, TypeAlias, TypeVar, cast

from lineage.backend import Backend
from lineage.errors import Invalid
from lineage.identity import Settled, Wanted, settle
from lineage.model import (
    Artifact,
    Context,
    Execution,
    ExecutionState,
    Kind,
    Node,
    NodeKey,
)
from lineage.rows import STATE_NUMBERS, Batch, EdgeKind, EdgeRow, entity_of, path_text
from lineage.transaction import Transaction
from lineage.writing import Author, new_edges

__all__ = ["Artifacts", "Contexts", "Recorded", "record"]

ExecutionT = TypeVar("ExecutionT", bound=Execution)
ExecutionT_co = TypeVar("ExecutionT_co", bound=Execution, covariant=True)
COMPLETE = STATE_NUMBERS[ExecutionState.COMPLETE]

Artifacts: TypeAlias = Iterable[Artifact | NodeKey] | Mapping[str, Artifact | NodeKey]
"""What a run read or wrote; the keys of a mapping become the paths of the events."""
Contexts: TypeAlias = Context | NodeKey | Iterable[Context | NodeKey]


class Recorded(Generic[ExecutionT_co]):
    """A run as it was stored: each part in the order it was given, of the classes it was given in."""

    def __init__(self, settled: Settled, wanted: Sequence[Wanted]) -> None:
        self._types = settled.types.known.by_id
        self._nodes = [
            (each.role, row, None if each.entity is None else type(each.entity))
            for row, each in zip(settled.rows, wanted, strict=True)
        ]

    @cached_property
    def execution(self) -> ExecutionT_co:
        """The run itself."""
        return cast(ExecutionT_co, self._of("execution")[0])

    @cached_property
    def inputs(self) -> tuple[Artifact, ...]:
        """What it read."""
        return cast(tuple[Artifact, ...], self._of("input"))

    @cached_property
    def outputs(self) -> tuple[Artifact, ...]:
        """What it wrote."""
        return cast(tuple[Artifact, ...], self._of("output"))

    @cached_property
    def contexts(self) -> tuple[Context, ...]:
        """What it belongs to."""
        return cast(tuple[Context, ...], self._of("context"))

    def _of(self, role: str) -> tuple[Node, ...]:
        return tuple(
            entity_of(row, self._types, cls) for each, row, cls in self._nodes if each == role
        )

    def __repr__(self) -> str:
        parts = ("execution", "inputs", "outputs", "contexts")
        return f"Recorded({', '.join(f'{part}={getattr(self, part)!r}' for part in parts)})"


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
    paths, wanted = _wanted(execution, inputs, outputs, within)
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        settled = settle(backend, transaction, wanted)
        if execution.state is None:
            settled.replace(settled.rows[0], settled.rows[0]._replace(state=COMPLETE))
        edges = _edges(transaction, settled, wanted, paths)
        fresh = {row.key for row in settled.new}
        batch = Batch(nodes=settled.new, edges=new_edges(backend, transaction, edges, fresh))
        transaction.write(batch, live={row.key for row in settled.rows})
    return Recorded(settled, wanted)


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
            if each.role == "input":
                source, target, kind = row.key, execution, EdgeKind.INPUT
            else:
                source, target, kind = execution, row.key, EdgeKind.OUTPUT
            event = EdgeRow(source, target, kind, transaction.time, path_text(path), number)
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
