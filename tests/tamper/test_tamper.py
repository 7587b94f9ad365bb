"""Whatever of a store is changed, added, moved or removed: it is noticed, or no answer differs."""

import random
from contextlib import closing
from pathlib import Path

import pytest

from lineage.backends.memory.backend import MemoryBackend
from lineage.backends.sqlite.backend import SqliteBackend
from tests.conftest import SEED
from tests.servers import Neo4jServer
from tests.tamper.driver import Kit, Unnoticed, fuzz
from tests.tamper.memory import MemoryKit
from tests.tamper.neo4j import Neo4jKit
from tests.tamper.sqlite import SqliteKit

ROUNDS = 4 if SEED else 1
"""How often each target is tampered with: once in all runs but those of `make soak`."""


FEW = 12
"""With how many things a graph is tampered where time is short: each check is some twenty round trips."""


def kit_of(name: str, folder: Path) -> Kit:
    return MemoryKit(quick=not SEED) if name == "memory" else SqliteKit(folder, quick=not SEED)


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.parametrize("name", ["memory", "sqlite"])
def test_no_tampering_changes_an_answer_unnoticed(name: str, tmp_path: Path) -> None:
    kit = kit_of(name, tmp_path)
    tally = fuzz(kit, random.Random(7 + SEED), rounds=ROUNDS)
    assert tally.tried == ROUNDS * len(kit.targets)


@pytest.mark.soak
@pytest.mark.neo4j
def test_no_tampering_with_a_graph_changes_an_answer_unnoticed(neo4j_server: Neo4jServer) -> None:
    """All of the catalogue in `make soak`; in other runs a part of it."""
    draw = random.Random(7 + SEED)
    with closing(Neo4jKit(neo4j_server.url, quick=not SEED)) as kit:
        targets = None if SEED else draw.sample(kit.targets, FEW)
        tally = fuzz(kit, draw, rounds=ROUNDS, targets=targets)
        assert tally.tried == ROUNDS * len(kit.targets if targets is None else targets)


@pytest.mark.soak
@pytest.mark.neo4j
def test_no_answer_needs_an_index_of_a_graph(neo4j_server: Neo4jServer) -> None:
    """Of each index and constraint in `make soak`; in other runs of one."""
    with closing(Neo4jKit(neo4j_server.url, quick=True)) as kit:
        with kit.copy() as copy, copy.opened(random.Random(1)) as backend:
            expected = kit.answers(backend)
        whole = kit.schema
        names = sorted(whole)
        for name in names if SEED else random.Random(7).sample(names, 1):
            with kit.without(name) as backend:
                assert all(f" {name} is missing" in fault for fault in backend.check())
                assert kit.answers(backend) == expected, name
            assert kit.schema == whole


def test_fuzzer_finds_what_a_check_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the comparison beside the chain there are gaps, as there were before it was written."""
    monkeypatch.setattr(SqliteBackend, "check", lambda _: [])
    monkeypatch.setattr(MemoryBackend, "check", lambda _: [])
    for name, target in (("sqlite", "node.name"), ("memory", "graph._node[*][row].name")):
        kit = kit_of(name, tmp_path)
        with pytest.raises(Unnoticed, match="other answers are"):
            fuzz(kit, random.Random(1), rounds=20, targets=[target])


def test_catalogue_is_the_storage_own(tmp_path: Path) -> None:
    """A sample of what nobody listed by hand: were it missing, the walk through the catalogue would be broken."""
    of_file = SqliteKit(tmp_path, quick=True).targets
    assert {"edge_past.replaced", "swept.number", "index property.score: entry lost"} <= {*of_file}
    assert {"graph.jumbled[upstream]", "graph.live[artifact]._ids[digest]", "_log[].salt"} <= {
        *MemoryKit(quick=True).targets
    }
