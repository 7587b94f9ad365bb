"""Views: of the closure of most of a trace, of a hub, of a long chain, and of a small answer; processor time and counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import lineage
from benchmarks.sizes import SMALL
from benchmarks.traces import CLOSURE_PER_RUN, TYPES, WINDOW, Trace, run_piece
from lineage import Artifact, Kind, Limits, NodeKey
from lineage.answers.marks import Graph
from lineage.answers.view import View, view_of
from lineage.model.rows import EDGE_KINDS, EdgeKind, EdgeRow, NodeRow
from lineage.model.schema import AnyType

CLOSURE = 1_200 if SMALL else 188_000
"""How many nodes the closure of the first span of a trace has, about."""
SECONDS = 8.0
"""How long a view of the large closure may take, of processor time."""
MILLISECONDS = 3.0
"""How long a view of a small answer may take."""
GROWTH = 3.0
"""How much longer one may take that is twice as large; twice as long would be linear."""
KNOWN: dict[int, AnyType] = {
    number: each.model_copy(update={"id": number}) for number, each in enumerate(TYPES, start=10)
}
IDS = {each.name: number for number, each in KNOWN.items()}


def row(key: NodeKey, type_name: str, uri: str | None = None) -> NodeRow:
    return NodeRow(key, IDS[type_name], None, None, uri, None, "{}", "{}", 1, 1, 1, b"")


def edge(source: NodeKey, target: NodeKey) -> EdgeRow:
    kind = EdgeKind.INPUT if source.kind is Kind.ARTIFACT else EdgeKind.OUTPUT
    return EdgeRow(source, target, kind, None, None, 1, 1, 1)


def graph(nodes: Iterable[NodeRow], edges: Iterable[EdgeRow], focus: NodeKey) -> Graph:
    return Graph([*nodes], [*edges], KNOWN, 1, (focus,))


def trace(count: int) -> Graph:
    """Return what is downstream of the first span of a warm pipeline, with how the spans came in."""
    rows: list[NodeRow] = []
    edges: list[EdgeRow] = []
    given = dict.fromkeys(Kind, 0)
    spans: list[NodeKey] = []
    warm: NodeKey | None = None
    for number in range(count // (CLOSURE_PER_RUN + 2)):
        piece = run_piece("warm", number, spans[-(WINDOW - 1) :], warm)
        keys: list[NodeKey] = []
        for each in piece.nodes[:-1]:
            given[each.kind] += 1
            keys.append(NodeKey(each.kind, given[each.kind]))
            uri = each.uri if isinstance(each, Artifact) else None
            rows.append(row(keys[-1], each.type, uri))
        for artifact, execution, event in piece.events:
            ends = keys[artifact] if isinstance(artifact, int) else artifact, keys[execution]
            is_output = EDGE_KINDS[event] is EdgeKind.OUTPUT
            edges.append(edge(*(ends[::-1] if is_output else ends)))
        spans = [*spans[-WINDOW:], keys[1]]
        warm = keys[3]
    return graph(rows, edges, rows[1].key)


def hub(count: int) -> Graph:
    """Return a span that half as many trainings read, each with a model that it wrote."""
    span = NodeKey(Kind.ARTIFACT, 1)
    rows, edges = [row(span, "Span")], []
    for number in range(2, count // 2 + 2):
        run, model = NodeKey(Kind.EXECUTION, number), NodeKey(Kind.ARTIFACT, number)
        rows += [row(run, "Trainer"), row(model, "Model")]
        edges += [edge(span, run), edge(run, model)]
    return graph(rows, edges, span)


def chain(count: int) -> Graph:
    """Return spans of which each was made of the one before; the one in the middle is asked about."""
    keys = [
        NodeKey(Kind.EXECUTION if number % 2 else Kind.ARTIFACT, number // 2 + 1)
        for number in range(count)
    ]
    rows = [row(key, "Span" if key.kind is Kind.ARTIFACT else "Ingest") for key in keys]
    return graph(rows, map(edge, keys, keys[1:]), keys[count // 4 * 2])


def seconds(make: Callable[[], View], rounds: int = 1) -> tuple[float, View]:
    """Return the processor time of the fastest of some rounds, and what was made."""
    best: tuple[float, View] | None = None
    for _ in range(rounds):
        begin = time.process_time()
        made = make()
        taken = time.process_time() - begin
        if best is None or taken < best[0]:
            best = taken, made
    assert best is not None
    return best


@pytest.mark.parametrize("shape", [trace, hub, chain], ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("options", [{}, {"show": "artifacts"}], ids=["all", "artifacts"])
def bench_view_of_a_closure(
    benchmark: Any, shape: Callable[[int], Graph], options: dict[str, Any]
) -> None:
    """Two sizes, of which one is twice the other: the time grows with nodes and edges."""
    half, whole = shape(CLOSURE // 2), shape(CLOSURE)
    # The least of three: a collection of all garbage falls into one of them, and takes as long as a view.
    shorter, _ = seconds(lambda: view_of(half, **options), 3)
    longer, view = benchmark.pedantic(
        lambda: seconds(lambda: view_of(whole, **options), 3), rounds=1
    )
    hidden = 0 if not options else sum(each.key.kind is Kind.EXECUTION for each in whole.nodes)
    assert sum(mark.count for mark in view.marks) == len(whole.nodes) - hidden
    assert len(view.marks) <= view.budget
    if not options:
        assert sum(each.count for each in view.edges) == len(whole.edges)
    benchmark.extra_info |= {
        "nodes": len(whole.nodes),
        "edges": len(whole.edges),
        "marks": len(view.marks),
        "processor_seconds": round(longer, 2),
        "times_half": round(longer / shorter, 2),
    }
    if not SMALL:
        assert longer <= SECONDS
        assert longer <= GROWTH * shorter


def bench_view_of_a_store(benchmark: Any, traces: Callable[[str], tuple[Path, Trace]]) -> None:
    """The same closure read from a file: the walk, its rows, and what came before."""
    path, trace = traces("268k")
    with lineage.connect(path, readonly=True) as store:

        def ask() -> View:
            return store.view(trace.first_span, limits=Limits(nodes=None))

        taken, view = benchmark.pedantic(lambda: seconds(ask), rounds=1)
    assert sum(mark.count for mark in view.marks) == trace.closure + 1
    assert len(view.marks) <= view.budget
    benchmark.extra_info["processor_seconds"] = round(taken, 2)
    if not SMALL:
        assert taken <= SECONDS


def bench_view_of_a_small_answer(benchmark: Any) -> None:
    """24 nodes, as upstream of a model: no more than a few milliseconds."""
    small = trace(28)
    taken, view = benchmark.pedantic(lambda: seconds(lambda: view_of(small), 20), rounds=1)
    assert sum(mark.count for mark in view.marks) == len(small.nodes) == 28
    benchmark.extra_info["processor_milliseconds"] = round(taken * 1e3, 2)
    if not SMALL:
        assert taken * 1e3 <= MILLISECONDS
