"""Traces in the shape of production pipelines: a rolling window of data spans, warm starts, pushes.

The shape follows Google's published traces (SIGMOD 2021, arXiv:2103.16007): each run of a pipeline
ingests a span of data and trains on the last eleven; each model is evaluated and pushed. In a warm
pipeline every training also starts from the model before, so that one span reaches all later runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lineage import (
    Artifact,
    ArtifactType,
    Association,
    Attribution,
    Context,
    ContextType,
    Event,
    EventType,
    Execution,
    ExecutionType,
    NodeKey,
    Store,
    ValueType,
)

WINDOW = 11
NODES_PER_RUN = 15
CLOSURE_PER_RUN = 12
"""Nodes downstream of the first span of a warm pipeline, for each of its runs."""

TYPES = [
    ArtifactType(name="Span", properties={"day": ValueType.INT, "split": ValueType.STRING}),
    ArtifactType(name="Model", properties={"version": ValueType.INT, "accuracy": ValueType.DOUBLE}),
    ArtifactType(name="Metrics", properties={"auc": ValueType.DOUBLE}),
    ArtifactType(name="PushedModel", properties={"endpoint": ValueType.STRING}),
    ExecutionType(name="Ingest", properties={"source": ValueType.STRING}),
    ExecutionType(name="Trainer", properties={"learning_rate": ValueType.DOUBLE}),
    ExecutionType(name="Evaluator"),
    ExecutionType(name="Pusher"),
    ContextType(name="PipelineRun"),
]


@dataclass
class Piece:
    """Nodes to write, and edges by the nodes' places in that list or keys known already."""

    nodes: list[Artifact | Execution | Context] = field(default_factory=list)
    events: list[tuple[int | NodeKey, int, EventType]] = field(default_factory=list)

    def add(self, node: Artifact | Execution | Context) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1


def run_piece(pipeline: str, number: int, spans: list[NodeKey], warm: NodeKey | None) -> Piece:
    """Return one run: an ingestion, and two trainings with an evaluation and a push each."""
    piece = Piece()
    ingest = piece.add(Execution(type="Ingest", properties={"source": "lake"}))
    span = piece.add(
        Artifact(
            type="Span",
            uri=f"s3://lake/{pipeline}/{number}",
            properties={"day": number, "split": "train"},
        )
    )
    piece.events.append((span, ingest, EventType.OUTPUT))
    for branch in range(2):
        train = piece.add(
            Execution(type="Trainer", properties={"learning_rate": 0.001 * (1 + branch)})
        )
        model = piece.add(
            Artifact(
                type="Model",
                uri=f"s3://models/{pipeline}/{number}/{branch}",
                properties={"version": number, "accuracy": 0.9 + branch / 100},
            )
        )
        evaluator = piece.add(Execution(type="Evaluator"))
        metrics = piece.add(Artifact(type="Metrics", properties={"auc": 0.8}))
        pusher = piece.add(Execution(type="Pusher"))
        pushed = piece.add(Artifact(type="PushedModel", properties={"endpoint": "eu"}))
        piece.events += [(old, train, EventType.INPUT) for old in spans]
        if warm is not None:
            piece.events.append((warm, train, EventType.INPUT))
        piece.events += [
            (span, train, EventType.INPUT),
            (model, train, EventType.OUTPUT),
            (model, evaluator, EventType.INPUT),
            (metrics, evaluator, EventType.OUTPUT),
            (model, pusher, EventType.INPUT),
            (pushed, pusher, EventType.OUTPUT),
        ]
    piece.add(Context(type="PipelineRun", name=f"{pipeline}/{number}"))
    return piece


@dataclass
class Trace:
    """What a written trace is asked about."""

    nodes: int
    first_span: NodeKey
    last_cold_model: NodeKey
    closure: int


def write_trace(store: Store, nodes: int) -> Trace:
    """Write about that many nodes: a warm pipeline of seven eighths of them, and a cold one."""
    runs = max(nodes // NODES_PER_RUN, 2 * (WINDOW + 1))
    cold_runs = max(runs // 8, WINDOW + 1)
    warm_runs = runs - cold_runs
    store.put(TYPES)
    first_span, _ = _write_pipeline(store, "warm", warm_runs, warm=True)
    _, last_model = _write_pipeline(store, "cold", cold_runs, warm=False)
    return Trace(runs * NODES_PER_RUN, first_span, last_model, 1 + warm_runs * CLOSURE_PER_RUN)


def _write_pipeline(store: Store, name: str, runs: int, *, warm: bool) -> tuple[NodeKey, NodeKey]:
    spans: list[NodeKey] = []
    model: NodeKey | None = None
    first: NodeKey | None = None
    for numbers in _chunks(runs, 500):
        with store.transaction(message=f"{name} {numbers[0]}"):
            for number in numbers:
                piece = run_piece(name, number, spans[-(WINDOW - 1) :], model if warm else None)
                keys = _write(store, piece)
                spans = [*spans[-WINDOW:], keys[1]]
                model = keys[3]
                first = first or keys[1]
    assert first is not None
    assert model is not None
    return first, model


def _write(store: Store, piece: Piece) -> list[NodeKey]:
    keys = [node.key for node in store.put(piece.nodes)]
    edges: list[Event | Attribution | Association] = [
        Event(artifact=keys[a] if isinstance(a, int) else a, execution=keys[e], type=kind)
        for a, e, kind in piece.events
    ]
    context = keys[-1]
    for node, key in zip(piece.nodes[:-1], keys[:-1], strict=True):
        if isinstance(node, Artifact):
            edges.append(Attribution(context=context, artifact=key))
        else:
            edges.append(Association(context=context, execution=key))
    store.put(edges)
    return keys


def _chunks(count: int, size: int) -> Iterator[range]:
    for start in range(0, count, size):
        yield range(start, min(start + size, count))
