"""How tests are dealt to workers: by file, those of Neo4j apart, what takes longest first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

__all__ = ["Dealer"]

SERVERS_OF_A_WORKER = 3 * 2**30
"""The memory, in bytes, for the three servers of a worker: each was seen to take up to 0.7 GB."""

SECONDS: dict[str, float] = {
    "tests/backends/test_find.py (Neo4j)": 300,
    "tests/backends/test_histories.py (Neo4j)": 140,
    "tests/interchange/test_copying.py (Neo4j)": 120,
    "tests/backends/test_walks.py (Neo4j)": 90,
    "tests/backends/test_threads.py (Neo4j)": 90,
    "tests/backends/neo4j/test_store.py (Neo4j)": 85,
    "tests/backends/neo4j/test_server.py (Neo4j)": 85,
    "tests/cli/test_examples.py": 85,
    "tests/backends/neo4j/test_find.py (Neo4j)": 75,
    "tests/mlmd/test_moving.py": 60,
    "tests/mlmd/test_differential.py (Neo4j)": 50,
    "tests/testing/test_strangers.py": 50,
    "tests/backends/test_histories.py": 45,
    "tests/backends/test_bounds.py (Neo4j)": 40,
    "tests/backends/test_hubs.py (Neo4j)": 40,
    "tests/backends/test_threads.py": 35,
    "tests/mlmd/test_moving.py (Neo4j)": 35,
    "tests/tamper/test_tamper.py (Neo4j)": 20,
    "tests/backends/test_walks.py": 30,
    "tests/backends/test_replay.py (Neo4j)": 30,
    "tests/backends/neo4j/test_schema.py (Neo4j)": 30,
    "tests/mlmd/test_differential.py": 25,
    "tests/test_store_reading.py (Neo4j)": 25,
}
"""About how long the files take that take longest; of the others, each test counts as little."""


class Dealer(LoadScopeScheduling):  # type: ignore[misc]
    """Deals a file, or its tests of Neo4j, to one worker, for they share what the module makes.

    A server plans each statement at its first use, which takes it far longer than to run it. So one
    worker begins with the tests of Neo4j, the others with the rest, and who has no more of the one
    helps with the other: on servers of its own, where there is memory for them.
    """

    def __init__(self, config: pytest.Config, log: Producer | None, most: int = 0) -> None:
        super().__init__(config, log)
        self.most = most or max(1, free_memory() // SERVERS_OF_A_WORKER)
        """How many workers may have servers."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return f"{file} (Neo4j)" if "neo4j" in nodeid else file

    def _assign_work_unit(self, node: WorkerController) -> None:
        scope = self._next(node)
        assert scope is not None
        self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        if self.workqueue and self._next(node) is None:
            node.shutdown()
        else:
            super()._reschedule(node)

    def _next(self, node: WorkerController) -> str | None:
        """Return what to deal to a worker."""
        working = [each for each in self.nodes if not each.shutting_down]
        place = working.index(node) if node in working else len(working)
        served = [scope for scope in self.workqueue if scope.endswith("(Neo4j)")]
        others = [scope for scope in self.workqueue if not scope.endswith("(Neo4j)")]
        if place >= self.most:
            served = []
        first, second = (served, others) if place == 0 else (others, served)
        return max(first or second, key=self._weight, default=None)

    def _weight(self, scope: str) -> float:
        return SECONDS.get(scope, len(self.workqueue[scope]) / 1000)


def free_memory() -> int:
    """Return how many bytes programs may still take."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except FileNotFoundError:  # not Linux
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return int(kilobytes) * 1024
