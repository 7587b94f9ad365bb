"""A store in Neo4j beside the Cypher that somebody would write first for the same question.

The naive statements ask the same graph for less: the ids alone, with no limits, no history and no
order. Where one does not come back in `PATIENCE` seconds, the table says so.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import lineage
from benchmarks.bench_bulk import TYPES, write
from benchmarks.conftest import BULK, TRACES
from benchmarks.traces import WINDOW, Trace, write_trace
from lineage import Artifact, Context, Execution
from lineage.graph import Direction
from tests.servers import Neo4jServer, Servers

PATIENCE = 20.0
CLOSURE = 20_000

_NAIVE_UPSTREAM = "MATCH (:LineageNode {lineage_key: $start})<-[:INPUT|OUTPUT*]-(m) RETURN DISTINCT m.lineage_key"
_NAIVE_DOWNSTREAM = "MATCH (:LineageNode {lineage_key: $start})-[:INPUT|OUTPUT*]->(m) RETURN DISTINCT m.lineage_key"


@pytest.fixture(scope="module")
def server() -> Iterator[Neo4jServer]:
    with Servers() as servers:
        yield servers.empty()
