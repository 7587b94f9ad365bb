"""`lineage serve --mlmd` beside ML Metadata's own store behind a plain gRPC server.

Both are processes of their own, hold the same trace in a SQLite file each, and are asked in turn by
the same client: a round is their call, then ours. Needs the real package (`.ci/mlmd/build.sh`).
"""

from __future__ import annotations

import itertools
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

import lineage
from benchmarks.beside import TABLE, Raced
from benchmarks.sizes import SMALL
from benchmarks.stores import Stores
from benchmarks.traces import NODES_PER_RUN, TYPES, WINDOW, Trace
from lineage.mlmd.messages import SERVICE, Message, message
from tests.mlmd.systems import listening, their_service

ROUNDS = 3 if SMALL else 50


class System:
    """A server that is asked in messages."""

    def __init__(self, address: str) -> None:
        options = [("grpc.max_receive_message_length", -1)]
        self.channel = grpc.insecure_channel(address, options)

    def ask(self, call: str, fields: dict[str, Any]) -> Message:
        request = message(f"{call}Request")(**fields).SerializeToString()
        answer = self.channel.unary_unary(f"/{SERVICE}/{call}")(request)
        return message(f"{call}Response").FromString(answer)


def our_service(path: Path) -> AbstractContextManager[str]:
    command = [sys.executable, "-m", "lineage.cli", "serve", "--mlmd", "127.0.0.1:0"]
    return listening([*command, "--store", str(path)])


class Both:
    """The two systems with one trace."""

    def __init__(self, size: str, trace: Trace, ours: System, theirs: System) -> None:
        self.size = size
        self.trace = trace
        self.ours = ours
        self.theirs = theirs
        self.numbers = itertools.count(1)

    def race(
        self, what: str, call: str, fields: Callable[[], dict[str, Any]]
    ) -> tuple[Message, Message]:
        """Ask both in turn, each round for something of its own; return their last answers."""
        raced = Raced()
        ours = theirs = None
        for number in range(ROUNDS + 1):
            given = fields()
            began = time.perf_counter()
            theirs = self.theirs.ask(call, given)
            between = time.perf_counter()
            ours = self.ours.ask(call, given)
            if number:  # the first is no round
                raced.add(time.perf_counter() - between, between - began)
        TABLE.add(f"service in {self.size}", what, "file", raced, size=self.trace.nodes)
        return ours, theirs


@pytest.fixture(scope="module", params=["8k", "268k"])
def both(
    request: pytest.FixtureRequest, stores: Stores, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Both]:
    path, trace = stores.trace(request.param)
    folder = tmp_path_factory.mktemp("served")
    shutil.copy(stores.of_peer(request.param), folder / "mlmd.db")
    shutil.copy(path, folder / "lineage.db")
    with lineage.connect(folder / "lineage.db") as store:
        store.put(TYPES[1].replace(indexed=["version"]))
    with ExitStack() as stack:
        systems = [
            System(stack.enter_context(service(folder / name)))
            for service, name in ((our_service, "lineage.db"), (their_service, "mlmd.db"))
        ]
        for system in systems:
            stack.enter_context(system.channel)
        yield Both(request.param, trace, *systems)


def numbered(both: Both, call: str) -> dict[str, Any]:
    """Return the request of a call that writes something new."""
    n = next(both.numbers)
    half = both.trace.nodes // NODES_PER_RUN // 2
    first, second = 1 + n % half, half + 1 + n // half % half  # contexts, a pair of them a number
    artifact = {
        "type_id": 11,
        "name": f"model {n}",
        "uri": f"s3://new/{n}",
        "properties": {"version": {"int_value": n}, "accuracy": {"double_value": 0.5}},
        "custom_properties": {"note": {"string_value": f"model {n}"}},
    }
    execution = {"type_id": 15, "name": f"run {n}", "last_known_state": 3}
    context = {"type_id": 18, "name": f"study {n}"}
    return {
        "PutArtifactType": {"artifact_type": {"name": f"type {n}", "properties": {"p": 1}}},
        "PutExecutionType": {"execution_type": {"name": f"type {n}", "properties": {"p": 1}}},
        "PutContextType": {"context_type": {"name": f"type {n}", "properties": {"p": 1}}},
        "PutArtifacts": {"artifacts": [artifact]},
        "PutExecutions": {"executions": [execution]},
        "PutContexts": {"contexts": [context]},
        "PutEvents": {
            "events": [
                {"artifact_id": first, "execution_id": 1 + n % 400, "type": 5 + n // 400 % 2}
            ]
        },
        "PutAttributionsAndAssociations": {
            "attributions": [{"artifact_id": first, "context_id": second}],
            "associations": [{"execution_id": first, "context_id": second}],
        },
        "PutParentContexts": {"parent_contexts": [{"child_id": second, "parent_id": first}]},
        "PutExecution": {
            "execution": execution,
            "artifact_event_pairs": [
                {"event": {"artifact_id": 1, "type": 3}},
                {"artifact": artifact, "event": {"type": 4}},
            ],
            "contexts": [{"type_id": 18, "name": "cold/0"}],
            "options": {"reuse_context_if_already_exist": True},
        },
        "PutLineageSubgraph": {
            "artifacts": [artifact],
            "executions": [execution],
            "contexts": [context],
            "event_edges": [{"execution_index": 0, "artifact_index": 0, "event": {"type": 4}}],
        },
    }[call]


WRITES = [
    "PutArtifactType",
    "PutExecutionType",
    "PutContextType",
    "PutArtifacts",
    "PutExecutions",
    "PutContexts",
    "PutEvents",
    "PutAttributionsAndAssociations",
    "PutParentContexts",
    "PutExecution",
    "PutLineageSubgraph",
]


@pytest.mark.parametrize("call", WRITES)
def bench_write(both: Both, call: str) -> None:
    ours, theirs = both.race(call, call, lambda: numbered(both, call))
    assert held(ours) == held(theirs)


def bench_write_update(both: Both) -> None:
    """One property of one artifact."""

    def fields() -> dict[str, Any]:
        wire = {"id": 2, "properties": {"version": {"int_value": next(both.numbers)}}}
        return {"artifacts": [wire], "update_mask": {"paths": ["properties.version"]}}

    ours, theirs = both.race("update an artifact", "PutArtifacts", fields)
    assert list(ours.artifact_ids) == list(theirs.artifact_ids) == [2]


TWENTY = {"max_result_size": 20}
NEWEST = {"max_result_size": 100, "order_by_field": {"field": 1, "is_asc": False}}
READS: dict[str, tuple[str, dict[str, Any]]] = {
    "artifact type": ("GetArtifactType", {"type_name": "Model"}),
    "execution type": ("GetExecutionType", {"type_name": "Trainer"}),
    "context type": ("GetContextType", {"type_name": "PipelineRun"}),
    "artifact types by id": ("GetArtifactTypesByID", {"type_ids": [10, 11]}),
    "execution types by id": ("GetExecutionTypesByID", {"type_ids": [14, 15]}),
    "context types by id": ("GetContextTypesByID", {"type_ids": [18]}),
    "artifact types": ("GetArtifactTypes", {}),
    "execution types": ("GetExecutionTypes", {}),
    "context types": ("GetContextTypes", {}),
    "artifacts by id": ("GetArtifactsByID", {"artifact_ids": [50]}),
    "100 artifacts by id": ("GetArtifactsByID", {"artifact_ids": range(1, 101)}),
    "executions by id": ("GetExecutionsByID", {"execution_ids": [50]}),
    "contexts by id": ("GetContextsByID", {"context_ids": [5]}),
    "artifacts by URI": ("GetArtifactsByURI", {"uris": ["s3://models/cold/3/0"]}),
    "artifact by name": (
        "GetArtifactByTypeAndName",
        {"type_name": "Model", "artifact_name": "nobody"},
    ),
    "execution by name": (
        "GetExecutionByTypeAndName",
        {"type_name": "Trainer", "execution_name": "nobody"},
    ),
    "context by name": (
        "GetContextByTypeAndName",
        {"type_name": "PipelineRun", "context_name": "cold/3"},
    ),
    "artifacts by type": ("GetArtifactsByType", {"type_name": "Span", "options": TWENTY}),
    "executions by type": ("GetExecutionsByType", {"type_name": "Trainer", "options": TWENTY}),
    "contexts by type": ("GetContextsByType", {"type_name": "PipelineRun", "options": TWENTY}),
    "artifacts": ("GetArtifacts", {"options": NEWEST}),
    "executions": ("GetExecutions", {"options": NEWEST}),
    "contexts": ("GetContexts", {"options": TWENTY}),
    "events by artifacts": ("GetEventsByArtifactIDs", {"artifact_ids": [50]}),
    "events by executions": ("GetEventsByExecutionIDs", {"execution_ids": [50]}),
    "contexts of an artifact": ("GetContextsByArtifact", {"artifact_id": 50}),
    "contexts of an execution": ("GetContextsByExecution", {"execution_id": 50}),
    "artifacts of a context": ("GetArtifactsByContext", {"context_id": 4}),
    "executions of a context": ("GetExecutionsByContext", {"context_id": 4}),
    "parents of a context": ("GetParentContextsByContext", {"context_id": 4}),
    "children of a context": ("GetChildrenContextsByContext", {"context_id": 4}),
    "filter by an indexed property": (
        "GetArtifacts",
        {"options": {**TWENTY, "filter_query": "properties.version.int_value = 7"}},
    ),
    "filter by a context": (
        "GetArtifacts",
        {"options": {**TWENTY, "filter_query": "contexts_a.name = 'cold/3'"}},
    ),
}


@pytest.mark.parametrize("what", READS)
def bench_read(both: Both, what: str) -> None:
    call, fields = READS[what]
    ours, theirs = both.race(what, call, lambda: fields)
    assert held(ours) == held(theirs)


def held(answer: Message) -> dict[str, object]:
    """Return how many items each field of an answer has; what a token says is no one's business."""
    return {
        field.name: len(value) if field.is_repeated else field.name
        for field, value in answer.ListFields()
    }


def bench_lineage(both: Both) -> None:
    """Upstream of the last model of a cold pipeline: its training, eleven spans, their ingestions."""
    options = {
        "starting_artifacts": {"filter_query": f"id = {both.trace.last_cold_model.id}"},
        "direction": 1,
    }
    parts = ["artifacts", "executions", "contexts", "events", "associations", "attributions"]
    fields = {
        "lineage_subgraph_query_options": options,
        "read_mask": {"paths": parts},
    }  # the client's
    for answer in both.race("lineage of 24 nodes", "GetLineageSubgraph", lambda: fields):
        graph = answer.lineage_subgraph
        assert len(graph.artifacts) + len(graph.executions) == 2 * (WINDOW + 1)


def bench_import(benchmark: Any, stores: Stores, tmp_path: Path) -> None:
    """A whole store, from its SQLite file, compared with it in the end."""
    _, trace = stores.trace("80k")
    theirs = stores.of_peer("80k")

    def bring() -> int:
        with lineage.connect(tmp_path / f"{next(numbers)}.db") as store:
            return store.import_from(theirs, format="mlmd").nodes

    numbers = itertools.count()
    assert benchmark.pedantic(bring, rounds=1) == trace.nodes
    if benchmark.stats is not None:
        benchmark.extra_info["nodes_per_second"] = round(trace.nodes / benchmark.stats.stats.min)
