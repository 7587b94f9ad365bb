"""A dataset that fifty thousand runs read, beside the same in ML Metadata."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import lineage
from benchmarks.beside import TABLE, Peer, Raced, Side, asked, measured, race, timed
from benchmarks.plain import plain, wire_values
from benchmarks.sizes import SMALL
from benchmarks.stores import BATCH_ROWS, kept
from benchmarks.traces import TYPES
from lineage import Artifact, Event, EventType, Execution, Kind, Limits, NodeKey
from lineage.contract.walking import Direction

RUNS = 300 if SMALL else 50_000
DATASET = NodeKey(Kind.ARTIFACT, 1)
MODEL, TRAINER = 11, 15
"""The ids of the trace's types, which follow those of the system."""


def write(store: lineage.Store) -> None:
    """Write a dataset, and runs that read it, each with a model that it writes."""
    store.put(TYPES)
    dataset = store.put(Artifact(type="Span", uri="s3://lake/all", properties={"day": 0}))
    for start in range(0, RUNS, BATCH_ROWS):
        numbers = range(start, min(start + BATCH_ROWS, RUNS))
        with store.transaction():
            runs = store.put([run() for _ in numbers])
            models = store.put([model(n) for n in numbers])
            store.put(
                [
                    Event(artifact=artifact.key, execution=each.key, type=kind)
                    for each, made in zip(runs, models, strict=True)
                    for artifact, kind in ((dataset, EventType.INPUT), (made, EventType.OUTPUT))
                ]
            )


def run() -> Execution:
    return Execution(type="Trainer", properties={"learning_rate": 0.1}, state="COMPLETE")


def model(number: int) -> Artifact:
    properties = {"version": number, "accuracy": 0.5}
    return Artifact(type="Model", uri=f"s3://models/{number}", properties=properties)


@dataclass
class Hub:
    """The two stores; the peer's is always a file."""

    backend: str
    store: lineage.Store
    peer: Peer

    def race(self, workload: str, ours: Side, theirs: Side) -> tuple[Any, Any]:
        """Let both do the same, keep what it took and return the last answers."""
        raced = race(ours, theirs)
        beside = "ML Metadata" if self.backend == "file" else "ML Metadata, file"
        TABLE.add("a hub", workload, self.backend, raced, peer=beside, size=1 + 2 * RUNS)
        return raced.answers


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hub") / "lineage.db"
    with lineage.connect(path) as store:
        write(store)
    return path


@pytest.fixture(scope="module", params=["file", "memory"])
def hub(
    request: pytest.FixtureRequest,
    written: Path,
    peer: Peer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("copies")
    shutil.copy(kept(f"hub-{RUNS}", Path(__file__), written), folder / "mlmd.db")
    shutil.copy(written, folder / "lineage.db")
    peer.open(folder / "mlmd.db")
    with lineage.connect(folder / "lineage.db") as file:
        if request.param == "file":
            yield Hub("file", file, peer)
        else:
            with lineage.connect("memory:") as store:
                file.copy_to(store)
                yield Hub("memory", store, peer)


def bench_some_of_what_it_led_to(hub: Hub) -> None:
    """A hundred nodes and the dataset; ML Metadata can be told no such limit for one direction."""
    limits = Limits(nodes=101)
    times, answer = measured(lambda: hub.store.downstream(DATASET, limits=limits), rounds=50)
    assert len(answer) == 101
    assert answer.truncated is not None
    more = {"size": 1 + 2 * RUNS, "answer": 101}
    TABLE.add("a hub", "100 nodes downstream", hub.backend, Raced(times), **more)


def bench_impact(hub: Hub) -> None:
    """What would be affected, within the default limit: half of its room are runs, the other half what they wrote."""
    times, answer = measured(lambda: hub.store.impact(DATASET), rounds=3)
    assert len(answer.affected) == min(RUNS, 4_999)
    assert (answer.truncated is None) == SMALL
    more = {"size": 1 + 2 * RUNS, "answer": len(answer.affected)}
    TABLE.add("a hub", "impact, at the default limit", hub.backend, Raced(times), **more)


def bench_first_readers(hub: Hub) -> None:
    text = f"events_e.artifact_id = {DATASET.id}"
    options = {"max_result_size": 20, "filter_query": text}
    ours, theirs = hub.race(
        "20 of the runs that read it, by a filter",
        timed(lambda _: text, lambda text: hub.store.find(Execution, text, limit=20)),
        asked(hub.peer, "GetExecutions", lambda _: {"options": options}),
    )
    assert plain(ours) == plain(theirs)
    assert len(ours) == 20


def bench_upstream_of_an_output(hub: Hub) -> None:
    """The model, its run and the dataset, whose other readers are not looked at."""

    def request(n: int) -> dict[str, Any]:
        start = {"filter_query": f"id = {2 + n % RUNS}"}
        question = {"starting_artifacts": start, "direction": 1}
        mask = {"paths": ["artifacts", "executions"]}
        return {"lineage_subgraph_query_options": question, "read_mask": mask}

    walk = hub.store.backend.walk
    ours, theirs = hub.race(
        "upstream of one run's model, ids only",
        timed(
            lambda n: [NodeKey(Kind.ARTIFACT, 2 + n % RUNS)],
            lambda starts: walk(starts, Direction.UPSTREAM, edges=False),
        ),
        asked(hub.peer, "GetLineageSubgraph", request),
    )
    graph = theirs.lineage_subgraph
    found = {(Kind.ARTIFACT, each.id) for each in graph.artifacts}
    found |= {(Kind.EXECUTION, each.id) for each in graph.executions}
    assert found == {(key.kind, key.id) for key in ours.keys}
    assert len(found) == 3


def bench_one_more_reader(hub: Hub) -> None:
    """A run that reads the dataset and writes a model, in one call."""

    def request(n: int) -> dict[str, Any]:
        execution, made = run(), model(RUNS + n)
        artifact = {
            "type_id": MODEL,
            "uri": made.uri,
            "properties": wire_values(made.properties),
        }
        return {
            "execution": {
                "type_id": TRAINER,
                "last_known_state": 3,
                "properties": wire_values(execution.properties),
            },
            "artifact_event_pairs": [
                {"event": {"artifact_id": DATASET.id, "type": 3}},
                {"artifact": artifact, "event": {"type": 4}},
            ],
        }

    ours, theirs = hub.race(
        "recording one more run that reads it",
        timed(
            lambda n: (run(), model(RUNS + n)),
            lambda given: hub.store.record(given[0], inputs=[DATASET], outputs=[given[1]]),
        ),
        asked(hub.peer, "PutExecution", request),
    )
    assert ours.execution.id == theirs.execution_id
    assert [DATASET.id, ours.outputs[0].id] == list(theirs.artifact_ids)
