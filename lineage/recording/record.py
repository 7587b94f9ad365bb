"""Recording a run: an execution, what it read and wrote, and what it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Generic, NamedTuple, TypeAlias, TypeVar, cast

from typing_extensions import override

from lineage.answers.notebook import node_cells
from lineage.contract.backend import Backend
from lineage.contract.registry import Registry
from lineage.contract.transaction import Author, Transaction
from lineage.errors import Invalid, excerpt
from lineage.model.entities import Artifact, Context, Execution, ExecutionState, Node
from lineage.model.keys import Kind, NodeKey, to_key, to_step
from lineage.model.marks import UNMARKED, Marks
from lineage.model.notebook import Shown, html_answer
from lineage.model.paths import Path, path_text, with_path
from lineage.model.rows import (
    STATE_NUMBERS,
    Batch,
    EdgeKey,
    EdgeKind,
    EdgeRow,
    NodeRow,
    entity_of,
)
from lineage.model.system import Alias, Environment, RunContext
from lineage.model.times import to_micros, to_time
from lineage.model.values import NO_PROPERTIES, Properties
from lineage.recording.edges import new_edges, stamp_edge
from lineage.recording.identity import Settled, Wanted, settle, warn_of
from lineage.recording.marking import marked
from lineage.recording.named import check_type_name, with_values

__all__ = [
    "Artifacts",
    "Contexts",
    "ExecutionT",
    "Placed",
    "Recorded",
    "event_edge",
    "event_key",
    "given_nodes",
    "member_edge",
    "moment",
    "node_of_kind",
    "of_runs_alone",
    "record",
    "to_execution",
]

ExecutionT = TypeVar("ExecutionT", bound=Execution)
ExecutionT_co = TypeVar("ExecutionT_co", bound=Execution, covariant=True)

Artifacts: TypeAlias = (
    Artifact
    | NodeKey
    | Iterable[Artifact | NodeKey]
    | Mapping[str, Artifact | NodeKey]
    | Mapping[int, Artifact | NodeKey]
)
"""What a run read or wrote; the keys of a mapping become the paths of the events."""
Contexts: TypeAlias = Context | NodeKey | Iterable[Context | NodeKey]


class Placed(NamedTuple):
    """An artifact, or its key, and the path of the event by which a run reads or writes it."""

    path: Path
    node: Artifact | NodeKey


class Recorded(Shown, Generic[ExecutionT_co]):
    """A run as it was stored: each part in the order it was given, of the classes it was given in.

    `notes` say in sentences what was recorded otherwise than it might seem.
    """

    def __init__(self, settled: Settled, wanted: Sequence[Wanted]) -> None:
        self.notes = settled.notes
        self._types = settled.types.known.by_id
        self._environments = settled.types.known.ids(Environment)
        self._of_runs = of_runs_alone(settled.types.known)
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

    @property
    def shared_contexts(self) -> tuple[NodeKey, ...]:
        """The keys of what its artifacts belong to as well: all contexts but those of runs alone."""
        return tuple(row.key for row in self._contexts if row.type_id not in self._of_runs)

    @property
    def environments(self) -> tuple[NodeKey, ...]:
        """The keys of the environments it is associated with, in the order given."""
        return tuple(row.key for row in self._contexts if row.type_id in self._environments)

    @property
    def _contexts(self) -> list[NodeRow]:
        return [row for role, row, _ in self._nodes if role == "context"]

    def _of(self, role: str) -> tuple[Node, ...]:
        return tuple(
            entity_of(row, self._types, cls) for each, row, cls in self._nodes if each == role
        )

    @override
    def _html(self) -> str:
        parts: dict[str, tuple[Node, ...]] = {
            "execution": (self.execution,),
            "input": self.inputs,
            "output": self.outputs,
            "context": self.contexts,
        }
        rows = [(part, *node_cells(node)) for part, nodes in parts.items() for node in nodes]
        header = ("what", "key", "type", "label")
        return html_answer(f"Recorded {self.execution.key}", header, rows, notes=self.notes)

    def __repr__(self) -> str:
        parts = ("execution", "inputs", "outputs", "contexts")
        return f"Recorded({', '.join(f'{part}={getattr(self, part)!r}' for part in parts)})"


def record(
    backend: Backend,
    execution: ExecutionT | str,
    author: Author,
    *,
    params: Properties = NO_PROPERTIES,
    inputs: Artifacts | Sequence[Placed] = (),
    outputs: Artifacts | Sequence[Placed] = (),
    within: Contexts = (),
    started: datetime | str | None = None,
    ended: datetime | str | None = None,
    state: ExecutionState = ExecutionState.COMPLETE,
    marks: Marks = UNMARKED,
) -> Recorded[ExecutionT]:
    """Write a run in one transaction; see `identity` for which artifacts are new.

    Every artifact and the execution belong to every context, but an `Environment` is the
    execution's alone, as is a `RunContext`. Inputs were read when it `started`, outputs written when it
    `ended`; without these times it is now, but nothing is read after it ended or written before it started. `state` is that of an execution which has none.
    A text is the name of the execution's type, which is made where there is none. `params` are properties of the
    execution as far as its type declares them, else custom properties.
    """
    named = isinstance(execution, str)
    begun = to_execution(execution)
    if begun.id is not None:
        raise Invalid(f"{begun.key} is recorded already; a run is recorded once")
    first, last = moment(started, "started"), moment(ended, "ended")
    if first is not None and last is not None and last < first:
        raise Invalid(f"ended={ended!s:.80} is before started={started!s:.80}")
    paths, wanted = _wanted(marked(begun, marks), inputs, outputs, within)
    wanted[0].named = named
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        now = transaction.time
        read = min(now, now if last is None else last) if first is None else first
        times = {"input": read, "output": max(now, read) if last is None else last}
        settled = settle(backend, transaction, wanted)
        row = settled.rows[0]
        changed = with_values(settled.types.known.by_id[row.type_id], row, params)
        if begun.state is None:
            changed = changed._replace(state=STATE_NUMBERS[state])
        if changed is not row:
            settled.replace(row, changed)
        edges = _edges(transaction, settled, wanted, paths, times)
        fresh = {row.key for row in settled.new}
        batch = Batch(nodes=settled.new, edges=new_edges(backend, transaction, edges, fresh))
        transaction.write(batch, live={row.key for row in settled.rows})
    warn_of(settled.notes)
    return Recorded(settled, wanted)


def to_execution(execution: object) -> Execution:
    """Return the execution that is to be recorded, which may be given by the name of its type; else `Invalid`."""
    if isinstance(execution, str):
        return Execution(type=check_type_name(execution, "store.run('Fit', params={'depth': 3})"))
    if not isinstance(execution, Execution):
        raise Invalid(
            f"{excerpt(execution)} cannot be recorded; give an execution, or the name of its type"
        )
    return execution


def _wanted(
    execution: Execution,
    inputs: Artifacts | Sequence[Placed],
    outputs: Artifacts | Sequence[Placed],
    within: Contexts,
) -> tuple[list[Path], list[Wanted]]:
    """Return all nodes that a run names, the execution first, and each one's path."""
    wanted = [Wanted(execution, "execution")]
    paths: list[Path] = [()]
    for role, kind, given in (
        ("input", Kind.ARTIFACT, inputs),
        ("output", Kind.ARTIFACT, outputs),
        ("context", Kind.CONTEXT, within),
    ):
        for path, node in given_nodes(given):
            wanted.append(Wanted(node_of_kind(node, kind, role), role))
            paths.append(path)
    return paths, wanted


def given_nodes(given: object) -> Iterator[tuple[Path, object]]:
    """Yield what is given as one node, as several or by name, and the path of each."""
    if isinstance(given, Mapping):
        for name, node in given.items():
            yield (to_step(name),), node
    elif isinstance(given, Node | NodeKey | str) or not isinstance(given, Iterable):
        yield (), given
    else:
        for node in given:
            yield node if isinstance(node, Placed) else ((), node)


def node_of_kind(node: object, kind: Kind, role: str) -> Node | NodeKey:
    """Return a node or a key of a kind; raise `Invalid` for anything else."""
    checked = to_key(node) if isinstance(node, NodeKey) else node
    if not isinstance(checked, Node | NodeKey) or checked.kind is not kind:
        article = "a" if kind is Kind.CONTEXT else "an"
        raise Invalid(f"each {role} must be {article} {kind} or its key, not {excerpt(node)}")
    return checked


def event_key(role: str, execution: NodeKey, artifact: NodeKey) -> EdgeKey:
    """Return the key of the event of an execution that reads (role "input") or writes an artifact."""
    if role == "output":
        return EdgeKey(execution, artifact, EdgeKind.OUTPUT)
    return EdgeKey(artifact, execution, EdgeKind.INPUT)


def event_edge(
    transaction: Transaction, key: EdgeKey, path: Path, time: int | None = None
) -> EdgeRow:
    """Return an event of an execution that reads or writes an artifact, at a time or now."""
    happened = transaction.time if time is None else time
    return stamp_edge(transaction, key, happened, path_text(path))


def moment(given: datetime | str | None, name: str) -> int | None:
    """Return a time in microseconds since 1970; `Invalid`, with the argument's name, for what is none."""
    if given is None:
        return None
    try:
        return to_micros(to_time(given))
    except Invalid as error:
        raise Invalid(f"{name}: {error}") from error


def member_edge(transaction: Transaction, context: NodeKey, node: NodeKey) -> EdgeRow:
    """Return the edge that says that an artifact or an execution belongs to a context."""
    kind = EdgeKind.ASSOCIATION if node.kind is Kind.EXECUTION else EdgeKind.ATTRIBUTION
    return stamp_edge(transaction, EdgeKey(context, node, kind))


def _edges(
    transaction: Transaction,
    settled: Settled,
    wanted: Sequence[Wanted],
    paths: Sequence[Path],
    times: Mapping[str, int],
) -> list[EdgeRow]:
    """Return a run's edges, each once; what is read or written in several ways has all paths."""
    execution = settled.rows[0].key
    edges: dict[tuple[object, ...], EdgeRow] = {}
    contexts = _contexts(settled, wanted)
    for row, each, path in zip(settled.rows, wanted, paths, strict=True):
        if each.role in ("input", "output"):
            key = event_key(each.role, execution, row.key)
            event = event_edge(transaction, key, path, times[each.role])
            known = edges.setdefault(event[:3], event)
            if known is not event:
                edges[event[:3]] = known._replace(paths=with_path(known.paths, path))
        if each.role != "context":
            for context, execution_alone in contexts:
                if each.role == "execution" or not execution_alone:
                    edge = member_edge(transaction, context, row.key)
                    edges.setdefault(edge[:3], edge)
    return list(edges.values())


def _contexts(settled: Settled, wanted: Sequence[Wanted]) -> list[tuple[NodeKey, bool]]:
    """Return the contexts' keys, and whether only the execution belongs to them."""
    of_runs = of_runs_alone(settled.types.known)
    return [
        (row.key, row.type_id in of_runs)
        for row, each in zip(settled.rows, wanted, strict=True)
        if each.role == "context"
    ]


def of_runs_alone(known: Registry) -> frozenset[int]:
    """Return the ids of the types of contexts to which what a run reads and writes does not belong.

    An alias holds what it was given to, and a run that is within it moves no name.
    """
    return known.ids(Environment) | known.ids(RunContext) | known.ids(Alias)
