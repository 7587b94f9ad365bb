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
    "tests/backends/test_find.py (Neo4j)": 170,
    "tests/backends/neo4j/test_find.py (Neo4j)": 110,
    "tests/interchange/test_copying.py (Neo4j)": 120,
    "tests/backends/test_walks.py (Neo4j)": 105,
    "tests/backends/neo4j/test_server.py (Neo4j)": 60,
    "tests/backends/neo4j/test_store.py (Neo4j)": 75,
    "tests/backends/test_threads.py (Neo4j)": 70,
    "tests/testing/test_strangers.py": 65,
    "tests/backends/test_replay.py (Neo4j)": 65,
    "tests/tamper/test_tamper.py": 65,
    "tests/mlmd/test_moving.py": 50,
    "tests/backends/test_bounds.py (Neo4j)": 50,
    "tests/backends/test_histories.py (Neo4j)": 45,
    "tests/backends/neo4j/test_schema.py (Neo4j)": 45,
    "tests/mlmd/test_differential.py (Neo4j)": 40,
    "tests/backends/test_hubs.py (Neo4j)": 35,
    "tests/backends/test_revival.py (Neo4j)": 35,
    "tests/recording/test_put.py (Neo4j)": 35,
    "tests/server/web/test_answers.py (Neo4j)": 35,
    "tests/cli/test_examples.py": 35,
    "tests/browser/test_page.py": 35,
    "tests/backends/neo4j/test_check.py (Neo4j)": 30,
    "tests/filters/test_faults.py": 30,
    "tests/backends/test_edges.py (Neo4j)": 30,
    "tests/backends/neo4j/test_walk.py (Neo4j)": 30,
    "tests/mlmd/test_moving.py (Neo4j)": 25,
    "tests/backends/test_contract.py (Neo4j)": 25,
    "tests/interchange/test_importing.py (Neo4j)": 25,
    "tests/backends/test_histories.py": 25,
    "tests/browser/test_groups.py": 25,
    "tests/browser/test_site.py": 25,
    "tests/server/web/test_writing.py (Neo4j)": 25,
    "tests/deploy/test_image.py": 25,
    "tests/queries/test_provenance.py (Neo4j)": 25,
    "tests/backends/test_check.py (Neo4j)": 25,
    "tests/mlmd/test_differential.py": 25,
    "tests/backends/neo4j/test_graph.py (Neo4j)": 25,
    "tests/backends/sqlite/test_processes.py": 25,
    "tests/queries/test_copies.py (Neo4j)": 20,
    "tests/recording/test_identity.py (Neo4j)": 20,
    "tests/browser/test_unscripted.py": 20,
    "tests/mlmd/test_empty_messages.py": 20,
    "tests/queries/test_moments.py (Neo4j)": 20,
    "tests/queries/test_standing.py (Neo4j)": 20,
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
