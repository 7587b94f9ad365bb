"""Laying out and drawing: processor time, and crossings beside Graphviz's `dot`, on graphs that it can do."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from time import process_time
from typing import Any, NamedTuple, TypeAlias

import pytest

import lineage
from benchmarks.sizes import SMALL
from benchmarks.traces import Trace, write_trace
from lineage.answers.layout import SIZE, layout
from lineage.answers.view import View, view_of
from lineage.interchange.exporting import batches
from lineage.model.rows import EVENT_KINDS

Edges: TypeAlias = list[tuple[int, int]]
Point: TypeAlias = tuple[float, float]


class Line(NamedTuple):
    """An edge as it is drawn: its ends, and the points of its line."""

    ends: tuple[int, int]
    points: Sequence[Point]


def trace_graph(nodes: int) -> tuple[int, Edges]:
    """Return a trace as a graph: a window of spans, read by the next eleven runs, and warm starts."""
    with lineage.connect("memory:") as store:
        write_trace(store, nodes)
        rows = [row for batch in batches(store.backend) for row in batch.edges]
    rows = [row for row in rows if row.kind in EVENT_KINDS]
    keys = dict.fromkeys(key for row in rows for key in (row.source, row.target))
    places = {key: place for place, key in enumerate(keys)}
    return len(keys), list(dict.fromkeys((places[row.source], places[row.target]) for row in rows))


def window_graph(runs: int) -> tuple[int, Edges]:
    """Return the first runs of a warm pipeline: each reads the last eleven spans, and the model before."""
    edges: Edges = []
    for run in range(runs):
        span, train, model, evaluate, metrics = range(5 * run, 5 * run + 5)
        edges += [(5 * before, train) for before in range(max(0, run - 10), run + 1)]
        edges += [(model - 5, train)] if run else []
        edges += [(train, model), (model, evaluate), (span, evaluate), (evaluate, metrics)]
    return 5 * runs, edges


def hub_graph(samples: int) -> tuple[int, Edges]:
    """Return a reference that every step reads, and a merge that reads what every step wrote."""
    edges = []
    for first in range(2, 2 + 3 * samples, 3):
        edges += [(first, first + 1), (0, first + 1), (first + 1, first + 2), (first + 2, 1)]
    return 2 + 3 * samples, edges


def random_graph(seed: int, nodes: int, edges: int, span: int) -> tuple[int, Edges]:
    """Return a graph whose edges are short, of which one in twenty runs back."""
    random = Random(seed)
    made: Edges = []
    for _ in range(edges):
        a = random.randrange(nodes)
        b = min(nodes - 1, a + random.randrange(1, span))
        if a != b:
            made.append((b, a) if random.random() < 0.05 else (a, b))
    return nodes, list(dict.fromkeys(made))


def twenty_graphs() -> Iterator[tuple[int, Edges]]:
    """Yield traces, hubs and random graphs of the sizes that views have."""
    yield from (window_graph(runs) for runs in (4, 8, 12, 20))
    yield from (hub_graph(samples) for samples in (12, 40))
    yield from (random_graph(seed, 60, 70 + 20 * (seed % 3), 12) for seed in range(7))
    yield from (random_graph(seed, 120, 140 + 30 * (seed % 2), 20) for seed in range(4))
    yield from (random_graph(seed, 40, 60, 40) for seed in range(3))


def ours(count: int, edges: Edges) -> list[Line]:
    placed = layout(count, edges)
    lines = []
    for (a, b), bends in zip(edges, placed.bends, strict=True):
        half = SIZE[0] / 2 if placed.x[a] < placed.x[b] else -SIZE[0] / 2
        ends = ((placed.x[a] + half, placed.y[a]), (placed.x[b] - half, placed.y[b]))
        lines.append(Line((a, b), [ends[0], *bends, ends[1]]))
    return lines


def of_dot(count: int, edges: Edges) -> list[Line]:
    """Return the edges as Graphviz draws them, each curve as eight lines."""
    text = (
        'digraph{rankdir=LR;node[shape=box,width=2,height=.4,label="",fixedsize=true];'
        f"{';'.join(map(str, range(count)))};{';'.join(f'{a}->{b}' for a, b in edges)}}}"
    )
    done = subprocess.run(["dot", "-Tjson"], input=text.encode(), capture_output=True, check=True)
    lines = []
    for edge in json.loads(done.stdout)["edges"]:
        for drawn in edge["_draw_"]:
            if drawn["op"] in "bB":
                points = [tuple(point) for point in drawn["points"]]
                lines.append(Line((edge["tail"], edge["head"]), _flat(points)))
    return lines


def _flat(points: Sequence[Point]) -> list[Point]:
    flat = [points[0]]
    for start in range(0, len(points) - 3, 3):
        a, b, c, d = points[start : start + 4]
        for step in range(1, 9):
            part, rest = step / 8, 1 - step / 8
            weights = (rest**3, 3 * rest**2 * part, 3 * rest * part**2, part**3)
            x, y = (
                sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True))
                for axis in (0, 1)
            )
            flat.append((x, y))
    return flat


def crossings(lines: Sequence[Line]) -> int:
    """Count where lines of edges without a common end cross, sweeping from left to right."""
    pieces = sorted(
        (min(p[0], q[0]), max(p[0], q[0]), min(p[1], q[1]), max(p[1], q[1]), p, q, line.ends)
        for line in lines
        for p, q in pairwise(line.points)
    )
    count = 0
    near: list[tuple[Any, ...]] = []
    for piece in pieces:
        left, _, low, high, p, q, ends = piece
        near = [each for each in near if each[1] >= left]
        for _, _, below, above, r, t, others in near:
            if below > high or above < low or not set(ends).isdisjoint(others):
                continue
            count += _turn(p, q, r) != _turn(p, q, t) and _turn(r, t, p) != _turn(r, t, q)
        near.append(piece)
    return count


def _turn(a: Point, b: Point, c: Point) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0])


@pytest.mark.parametrize("shape", ["trace", "hub", "random"])
def bench_layout_of_10_000_marks(benchmark: Any, shape: str) -> None:
    """Under a second of processor time; the longest of a trace's edges have no bends."""
    size = 500 if SMALL else 10_000
    count, edges = {
        "trace": lambda: trace_graph(size),
        "hub": lambda: hub_graph(size // 3),
        "random": lambda: random_graph(1, size, 2 * size, 30),
    }[shape]()
    placed = benchmark.pedantic(lambda: layout(count, edges), rounds=1)
    # The least of three: what else the machine does takes the caches away, and with them processor time.
    times = []
    for _ in range(3):
        began = process_time()
        assert layout(count, edges) == placed
        times.append(process_time() - began)
    seconds = min(times)
    assert SMALL or seconds < 1
    benchmark.extra_info |= {
        "nodes": count,
        "edges": len(edges),
        "processor_ms": round(1000 * seconds),
        "straight": placed.straight,
    }


def bench_crossings_beside_dot(benchmark: Any) -> None:
    """Twenty graphs, each laid out by both; crossings are counted in what they drew."""
    if shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed")
    graphs = list(twenty_graphs())[:: 5 if SMALL else 1]
    counts = [crossings(ours(*graph)) for graph in graphs]
    theirs = [crossings(of_dot(*graph)) for graph in graphs]
    benchmark.pedantic(lambda: [layout(*graph) for graph in graphs], rounds=1)
    ratios = [math.log((a + 1) / (b + 1)) for a, b in zip(counts, theirs, strict=True)]
    mean = math.exp(sum(ratios) / len(ratios))
    benchmark.extra_info |= {
        "graphs": len(graphs),
        "ours": counts,
        "dot": theirs,
        "mean_ratio": round(mean, 2),
    }
    assert mean < 1.5


def bench_picture_of_24_nodes(benchmark: Any, traces: Callable[[str], tuple[Path, Trace]]) -> None:
    """From an answer to its SVG, at most 10 ms of processor time: grouped, laid out and drawn."""
    path, trace = traces("8k")
    with lineage.connect(path, readonly=True) as store:
        graph = store.upstream(trace.last_cold_model).graph()
    rounds = 20
    began = process_time()
    texts = {view_of(graph).to_svg() for _ in range(rounds)}
    each = (process_time() - began) / rounds
    assert texts == {benchmark(lambda: view_of(graph).to_svg())}
    assert SMALL or each < 0.010
    benchmark.extra_info |= {"nodes": len(graph.nodes), "processor_ms": round(1000 * each, 1)}


def bench_picture_of_500_marks(benchmark: Any) -> None:
    """A view of which everything is opened."""
    view = _opened()
    text = benchmark.pedantic(view.to_svg, rounds=1)
    assert text.count('role="img"') == len(view.marks)
    benchmark.extra_info |= {"marks": len(view.marks), "bytes": len(text)}


def _opened() -> View:
    with lineage.connect("memory:") as store:
        trace = write_trace(store, 60 if SMALL else 900)
        return store.downstream(trace.first_span).view().open_whole()
