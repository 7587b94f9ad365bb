"""Replaying many nodes, each with two edges, into another store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lineage
from lineage import Artifact, ArtifactType, Event, EventType, Execution, ExecutionType, ValueType

TYPES = [
    ArtifactType(name="Model", properties={"version": ValueType.INT, "accuracy": ValueType.DOUBLE}),
    ExecutionType(name="Trainer", properties={"learning_rate": ValueType.DOUBLE}),
]


def write(store: lineage.Store, nodes: int) -> None:
    """Write artifacts and executions in turn, a chain in which each node has two edges on average."""
    half = nodes // 2
    with store.transaction():
        artifacts = store.put(
            Artifact(
                type="Model", uri=f"s3://models/{n}", properties={"version": n, "accuracy": 0.5}
            )
            for n in range(half)
        )
        executions = store.put(
            Execution(type="Trainer", properties={"learning_rate": 0.1}) for _ in range(half)
        )
        events = []
        for n, (artifact, execution) in enumerate(zip(artifacts, executions, strict=True)):
            events.append(
                Event(artifact=artifact.key, execution=execution.key, type=EventType.OUTPUT)
            )
            for back in range(1, 4):
                earlier = artifacts[n - back].key
                events.append(
                    Event(artifact=earlier, execution=execution.key, type=EventType.INPUT)
                )
        store.put(events)


@pytest.mark.parametrize("backend", ["memory", "file"])
def bench_replay(benchmark: Any, tmp_path: Path, bulk: int, backend: str) -> None:
    """Every digest is verified on the way in."""
    source = lineage.connect(tmp_path / "source.db")
    source.put(TYPES)
    write(source, bulk)
    commits = list(source.backend.changes())
    targets: list[lineage.Store] = []

    def setup() -> tuple[tuple[lineage.Store], dict[str, object]]:
        url = "memory:" if backend == "memory" else str(tmp_path / f"{len(targets)}.db")
        targets.append(lineage.connect(url))
        return (targets[-1],), {}

    benchmark.pedantic(lambda target: target.backend.replay(commits), setup=setup, rounds=3)
    if benchmark.stats is not None:
        benchmark.extra_info["nodes_per_second"] = round(bulk / benchmark.stats.stats.median)
    for target in targets:
        assert target.log() == source.log()
        assert target.check() == []
        target.close()
    source.close()
