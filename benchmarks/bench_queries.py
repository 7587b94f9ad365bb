"""Asking a file: small answers in stores of two sizes, and a closure of most of the large one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lineage
from benchmarks.traces import WINDOW, Trace
from lineage.graph import Direction

Traces = Callable[[str], tuple[Path, Trace]]
UNLIMITED = lineage.Limits(nodes=None)


@pytest.mark.parametrize("size", ["8k", "268k"])
def bench_upstream_of_a_model(benchmark: Any, traces: Traces, size: str) -> None:
    """The model, its training, eleven spans and their ingestions: 24 nodes."""
    path, trace = traces(size)
    with lineage.connect(path, readonly=True) as store:
        answer = benchmark(store.upstream, trace.last_cold_model, type="Span")
    assert len(answer) == 24
    assert len(answer.matches) == WINDOW
    assert answer.truncated is None


def bench_closure_ids(benchmark: Any, traces: Traces) -> None:
    path, trace = traces("268k")
    with lineage.connect(path, readonly=True) as store:
        walk = benchmark.pedantic(
            store.backend.walk,
            ([trace.first_span], Direction.DOWNSTREAM),
            {"limits": UNLIMITED, "edges": False},
            rounds=3,
        )
    assert len(walk.keys) == trace.closure


def bench_closure_whole(benchmark: Any, traces: Traces) -> None:
    path, trace = traces("268k")
    with lineage.connect(path, readonly=True) as store:
        answer = benchmark.pedantic(
            store.downstream, (trace.first_span,), {"limits": UNLIMITED}, rounds=3
        )
    assert len(answer) == trace.closure
    assert answer.truncated is None
