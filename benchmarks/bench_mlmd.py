"""`lineage serve --mlmd` beside ML Metadata's own store behind a plain gRPC server.

Both are processes of their own on a SQLite file, hold the same runs, and are asked by the same
client over one channel. Needs the real package (`.ci/mlmd/build.sh`).
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

import lineage
from benchmarks.conftest import SMALL
from lineage.mlmd.messages import SERVICE, Message, message
from tests.mlmd.systems import interpreter

RUNS = 60 if SMALL else 10_000
BATCH = 50
HERE = Path(__file__).parent


class System:
    """A server, and what was put there."""

    def __init__(self, name: str, channel: grpc.Channel) -> None:
        self.name = name
        self._channel = channel
        self.numbers = itertools.count()

    def ask(self, call: str, **fields: Any) -> Message:
        request = message(f"{call}Request")(**fields)
        answer = self._channel.unary_unary(f"/{SERVICE}/{call}")(request.SerializeToString())
        return message(f"{call}Response").FromString(answer)

    def fill(self) -> None:
        """Write runs, each of which reads what the one before made."""
        for kind in ("artifact", "execution", "context"):
            wire = {"name": kind, "properties": {"step": 1}}
            self.ask(f"Put{kind.capitalize()}Type", **{f"{kind}_type": wire})
        for first in range(0, RUNS, BATCH):
            numbers = range(first, min(first + BATCH, RUNS))
            self.ask(
                "PutLineageSubgraph",
                artifacts=[artifact(number) for number in numbers],
                executions=[{"type_id": 11, "name": f"run{number}"} for number in numbers],
                contexts=[{"type_id": 12, "name": f"batch{first}"}],
                event_edges=[edge for place in range(len(numbers)) for edge in edges(place)],
            )


def artifact(number: int) -> dict[str, Any]:
    return {
        "type_id": 10,
        "name": f"model{number}",
        "uri": f"s3://models/{number}",
        "properties": {"step": {"int_value": number}},
        "custom_properties": {"note": {"string_value": f"the model {number}"}},
    }


def edges(place: int) -> Iterator[dict[str, Any]]:
    yield {"execution_index": place, "artifact_index": place, "event": {"type": 4}}
    if place:
        yield {"execution_index": place, "artifact_index": place - 1, "event": {"type": 3}}


@pytest.fixture(scope="module", params=["lineage", "mlmd"])
def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    path = tmp_path_factory.mktemp("served") / "store.db"
    if request.param == "lineage":
        with lineage.connect(path) as store:  # where filters may use a property, it is indexed
            store.put(
                lineage.ArtifactType(name="artifact", properties={"step": "INT"}, indexed=["step"])
            )
    commands = {
        "lineage": [
            sys.executable,
            "-m",
            "lineage.cli",
            "serve",
            "--mlmd",
            "127.0.0.1:0",
            "--store",
        ],
        "mlmd": [str(interpreter()), str(HERE / "forwarder.py")],
    }
    with subprocess.Popen(
        [*commands[request.param], str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1]
            with grpc.insecure_channel(address) as channel:
                system = System(request.param, channel)
                system.fill()
                yield system
        finally:
            process.kill()


def bench_put_artifacts(benchmark: Any, system: System) -> None:
    """One new artifact."""

    def put() -> Message:
        wire = {**artifact(next(system.numbers)), "name": f"new{next(system.numbers)}"}
        return system.ask("PutArtifacts", artifacts=[wire])

    assert len(benchmark(put).artifact_ids) == 1


def bench_put_artifacts_update(benchmark: Any, system: System) -> None:
    """One property of one artifact."""

    def put() -> Message:
        wire = {"id": 1, "properties": {"step": {"int_value": next(system.numbers)}}}
        paths = {"paths": ["properties.step"]}
        return system.ask("PutArtifacts", artifacts=[wire], update_mask=paths)

    assert list(benchmark(put).artifact_ids) == [1]


def bench_put_execution(benchmark: Any, system: System) -> None:
    """A run that reads an artifact that is there, makes a new one, and is in a context."""

    def put() -> Message:
        number = next(system.numbers)
        return system.ask(
            "PutExecution",
            execution={"type_id": 11, "name": f"another{number}"},
            artifact_event_pairs=[
                {"event": {"artifact_id": 1, "type": 3}},
                {"artifact": {**artifact(number), "name": f"made{number}"}, "event": {"type": 4}},
            ],
            contexts=[{"type_id": 12, "name": "batch0"}],
            options={"reuse_context_if_already_exist": True},
        )

    assert len(benchmark(put).artifact_ids) == 2


READS: dict[str, dict[str, Any]] = {
    "GetArtifactsByID": {"artifact_ids": [RUNS // 2]},
    "GetArtifactByTypeAndName": {"type_name": "artifact", "artifact_name": f"model{RUNS // 2}"},
    "GetArtifactsByURI": {"uris": [f"s3://models/{RUNS // 2}"]},
    "GetArtifactType": {"type_name": "artifact"},
    "GetEventsByExecutionIDs": {"execution_ids": [RUNS // 2]},
    "GetContextsByArtifact": {"artifact_id": RUNS // 2},
    "GetArtifactsByContext": {"context_id": 1, "options": {"max_result_size": 20}},
    "GetArtifacts": {
        "options": {"max_result_size": 100, "order_by_field": {"field": 1, "is_asc": False}}
    },
}


@pytest.mark.parametrize("call", READS)
def bench_read(benchmark: Any, system: System, call: str) -> None:
    assert benchmark(system.ask, call, **READS[call]).ListFields()


def bench_filter_by_property(benchmark: Any, system: System) -> None:
    options = {"filter_query": f"properties.step.int_value = {RUNS // 2}"}
    assert benchmark(system.ask, "GetArtifacts", options=options).artifacts


def bench_lineage(benchmark: Any, system: System) -> None:
    """Upstream of the last model of a batch: 24 nodes."""
    options = {
        "starting_artifacts": {"filter_query": f"uri = 's3://models/{BATCH - 1}'"},
        "direction": 1,
        "max_num_hops": 23,
    }
    graph = benchmark(
        system.ask, "GetLineageSubgraph", lineage_subgraph_query_options=options
    ).lineage_subgraph
    assert len(graph.artifacts) + len(graph.executions) == 24
