"""Exporting a whole store, from a file, to node-link JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lineage
from benchmarks.traces import Trace


@pytest.mark.parametrize("size", ["8k", "268k"])
def bench_export_node_link(
    benchmark: Any, traces: Callable[[str], tuple[Path, Trace]], tmp_path: Path, size: str
) -> None:
    """Nodes with about three edges each; every one is a line."""
    path, trace = traces(size)
    target = tmp_path / "out.json"
    with lineage.connect(path, readonly=True) as store:
        lost = benchmark.pedantic(lambda: store.export_to(target), rounds=3)
    assert lost == ()
    with target.open() as lines:
        assert sum(line.startswith('{"id":"') for line in lines) == trace.nodes
    if benchmark.stats is not None:
        benchmark.extra_info["nodes_per_second"] = round(trace.nodes / benchmark.stats.stats.median)
