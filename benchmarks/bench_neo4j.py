"""A store in Neo4j, beside the Cypher that somebody would write first for the same question.

The naive statements ask less: ids alone, as of no moment, with no limits and in no order. They get
`PATIENCE` seconds; where that is not enough, their row says so and not how long they take. It needs
the Neo4j that the tests use (`LINEAGE_TEST_NEO4J`, or a container).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from neo4j import Query
from neo4j.exceptions import Neo4jError

import lineage
from benchmarks.bench_replay import TYPES, write
from benchmarks.sizes import BULK, SMALL, TRACES
from benchmarks.traces import WINDOW, Trace, write_trace
from lineage import Artifact, Execution, NodeKey
from lineage.backends.neo4j.rows import number_of
from tests.servers import Neo4jServer, Servers

PATIENCE = 30.0
CLOSURE = 100 if SMALL else 20_000

_NAIVE = {
    "upstream": "MATCH (:LineageNode {lineage_key: $key})<-[:INPUT|OUTPUT*]-(m) RETURN DISTINCT m.lineage_key",
    "downstream": "MATCH (:LineageNode {lineage_key: $key})-[:INPUT|OUTPUT*]->(m) RETURN DISTINCT m.lineage_key",
}

Filled = tuple[lineage.Store, Trace, Neo4jServer]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with Servers() as servers:
        yield servers


@pytest.fixture(scope="module", params=["8k", "268k"])
def filled(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Filled]:
    """A Neo4j with a trace in it, copied from a file."""
    with (
        servers.of(request.config.rootpath / request.param) as server,
        lineage.connect("memory:") as made,
        lineage.connect(server.url) as store,
    ):
        trace = write_trace(made, TRACES[request.param])
        made.copy_to(store)
        yield store, trace, server


def ask(server: Neo4jServer, question: str, key: NodeKey) -> list[list[Any]] | None:
    """Return what a naive statement answers; None where it did not in time."""
    with server.session() as session:
        try:
            query = Query(_NAIVE[question], timeout=PATIENCE)
            return session.run(query, key=number_of(key)).values()
        except Neo4jError as error:
            if error.code != "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration":
                raise
            return None


@pytest.mark.benchmark(warmup=True, warmup_iterations=300)  # Java compiles what runs often
def bench_upstream_of_a_model(benchmark: Any, filled: Filled) -> None:
    """The model, its training, eleven spans and their ingestions: 24 nodes."""
    store, trace, _ = filled
    answer = benchmark(store.upstream, trace.last_cold_model, type="Span")
    assert len(answer) == 24
    assert len(answer.matches) == WINDOW
    assert answer.truncated is None


def bench_naive_upstream(benchmark: Any, filled: Filled) -> None:
    _, trace, server = filled
    found = benchmark.pedantic(
        ask, (server, "upstream", trace.last_cold_model), rounds=3, warmup_rounds=1
    )
    assert found is None or len(found) == 23
    benchmark.extra_info["came back"] = found is not None


def bench_closure(benchmark: Any, filled: Filled) -> None:
    """As many nodes as the limit, with all edges among them."""
    store, trace, _ = filled
    limits = lineage.Limits(nodes=min(CLOSURE, trace.closure - 1))
    answer = benchmark.pedantic(
        store.downstream, (trace.first_span,), {"limits": limits}, rounds=3, warmup_rounds=1
    )
    assert len(answer) == limits.nodes
    assert answer.truncated.limit == "nodes"


def bench_naive_closure(benchmark: Any, filled: Filled) -> None:
    _, trace, server = filled
    found = benchmark.pedantic(ask, (server, "downstream", trace.first_span), rounds=1)
    assert found is None or len(found) == trace.closure - 1
    benchmark.extra_info["came back"] = found is not None


def bench_bulk_write(benchmark: Any, servers: Servers, tmp_path: Path) -> None:
    """Entities are made, validated, digested, written and committed; two edges a node."""
    with servers.of(tmp_path) as server, lineage.connect(server.url) as store:
        store.put(TYPES)
        write(store, BULK)
        benchmark.pedantic(write, (store, BULK), rounds=3)
        if benchmark.stats is not None:
            benchmark.extra_info["nodes_per_second"] = round(BULK / benchmark.stats.stats.median)
        assert len(store.find(Artifact)) % (BULK // 2) == 0
        assert len(store.backend.edges([e.key for e in store.find(Execution, limit=50)])) == 200


@pytest.mark.benchmark(warmup=True, warmup_iterations=100)
def bench_record(benchmark: Any, servers: Servers, tmp_path: Path) -> None:
    """One finished run: two inputs that are there, two outputs, an experiment."""
    with servers.of(tmp_path) as server, lineage.connect(server.url) as store:
        store.put(TYPES)
        store.put(lineage.ContextType(name="Experiment"))
        benchmark(record, store)
        assert len(store.find(Execution)) >= 1


def record(store: lineage.Store) -> None:
    """Record a run that reads what every run reads."""
    store.record(
        Execution(type="Trainer", properties={"learning_rate": 0.1}),
        inputs=[Artifact(type="Model", uri=f"s3://models/{n}") for n in (1, 2)],
        outputs=[Artifact(type="Model", uri="s3://models/new") for _ in range(2)],
        within=[lineage.Context(type="Experiment", name="churn")],
    )
