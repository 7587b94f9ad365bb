"""What walks in Neo4j cost: round trips and rows, which the contract does not show."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from lineage.backends.neo4j.backend import Neo4jBackend
from lineage.backends.neo4j.connections import Rows, RunStatement
from lineage.backends.neo4j.walk import walk_graph
from lineage.contract.walking import Direction, Limits, Walk
from lineage.model.keys import Kind, NodeKey
from lineage.testing.builders import Writer, writing
from tests.servers import Neo4jServer

pytestmark = pytest.mark.neo4j


class Counted:
    """Runs statements and counts them, and the edges and keys in their answers."""

    def __init__(self, run: RunStatement) -> None:
        self._run = run
        self.trips = 0
        self.rows = 0

    def __call__(self, query: str, /, **parameters: Any) -> Rows:
        answer = self._run(query, **parameters)
        self.trips += 1
        levels = answer[0][0] if answer and "reduce" in query else [answer]
        self.rows += sum(map(len, levels))
        return answer


@pytest.fixture
def backend(neo4j_server: Neo4jServer) -> Iterator[Neo4jBackend]:
    with Neo4jBackend(neo4j_server.url) as backend:
        yield backend


def walked(
    backend: Neo4jBackend, start: NodeKey, direction: Direction, **limits: Any
) -> tuple[Walk, Counted]:
    """Walk, which must answer as the backend's own walk does, and count."""
    run = Counted(backend._server.read)
    given = Limits(**limits)
    walk = walk_graph(
        run, backend.now(), [start], direction, limits=given, edges=True, omitted=None
    )
    assert walk == backend.walk([start], direction, limits=given)
    return walk, run


def nodes(new: Writer, kind: Kind, count: int) -> list[NodeKey]:
    rows = [new.row(kind) for _ in range(count)]
    new.write(nodes=rows)
    return [row.key for row in rows]


def test_chain_takes_many_levels_a_trip(backend: Neo4jBackend) -> None:
    with writing(backend) as new:
        length = 2_000
        rows = [new.row(Kind.EXECUTION if n % 2 else Kind.ARTIFACT) for n in range(length)]
        new.write(nodes=rows, edges=[new.joined(a.key, b.key) for a, b in pairwise(rows)])
    walk, run = walked(backend, rows[0].key, Direction.DOWNSTREAM)
    assert len(walk.levels) == length
    assert run.trips <= length / 30
    assert run.rows < 1.1 * length


def test_small_answer_is_one_trip(backend: Neo4jBackend) -> None:
    with writing(backend) as new:
        (model,) = nodes(new, Kind.ARTIFACT, 1)
        (train,) = nodes(new, Kind.EXECUTION, 1)
        data, ingests = nodes(new, Kind.ARTIFACT, 11), nodes(new, Kind.EXECUTION, 11)
        new.write(
            edges=[
                new.joined(train, model),
                *(new.joined(each, train) for each in data),
                *map(new.joined, ingests, data),
            ]
        )
    for limits in ({}, {"hops": 2}, {"nodes": 24}):
        _, run = walked(backend, model, Direction.UPSTREAM, **limits)
        assert run.trips == 1


@pytest.mark.parametrize("direction", Direction)
def test_hub_is_not_read_whole(direction: Direction, backend: Neo4jBackend) -> None:
    with writing(backend) as new:
        (hub,) = nodes(new, Kind.EXECUTION, 1)
        first, second = nodes(new, Kind.ARTIFACT, 6_000), nodes(new, Kind.ARTIFACT, 6_000)
        new.write(edges=[new.joined(key, hub) for key in first])
        new.write(edges=[new.joined(hub, key) for key in second])
    walk, run = walked(backend, hub, direction, nodes=100)
    assert len(walk.keys) == 100
    assert len(walk.edges) == 99
    assert walk.cut == ("nodes", (hub,))
    assert run.rows < 4_000
    assert run.trips <= 4


def test_executions_with_their_artifacts_are_read_many_at_once(backend: Neo4jBackend) -> None:
    with writing(backend) as new:
        (hub,) = nodes(new, Kind.ARTIFACT, 1)
        runs, made = nodes(new, Kind.EXECUTION, 6_000), nodes(new, Kind.ARTIFACT, 6_000)
        new.write(edges=[new.joined(hub, each) for each in runs])
        new.write(edges=list(map(new.joined, runs, made)))
    walk, run = walked(backend, hub, Direction.DOWNSTREAM, nodes=4_000)
    assert [len(level) for level in walk.levels] == [1, 2_000, 1_999]
    assert run.trips <= 12
    assert run.rows < 4 * 4_000 + 6_000


@pytest.mark.parametrize("direction", Direction)
def test_what_is_met_at_many_depths_is_read_once(
    direction: Direction, backend: Neo4jBackend
) -> None:
    """Of 40 layers each is joined with the ten before, so that there are 10**20 paths."""
    with writing(backend) as new:
        layers = [
            nodes(new, Kind.EXECUTION if place % 2 else Kind.ARTIFACT, 3) for place in range(40)
        ]
        edges = [
            new.joined(source, target)
            for place, layer in enumerate(layers)
            for back in range(1, 10, 2)
            if place >= back
            for source in layers[place - back]
            for target in layer
        ]
        new.write(edges=edges)
    start = layers[0 if direction is not Direction.UPSTREAM else -1][0]
    walk, run = walked(backend, start, direction)
    assert len(walk.edges) >= len(edges) * 0.9
    sides = 2 if direction is Direction.BOTH else 1
    assert run.rows <= 1.1 * sides * len(edges)


def test_shared_ancestor_of_a_long_chain_is_not_entered_at_each_step(
    backend: Neo4jBackend,
) -> None:
    with writing(backend) as new:
        (base,) = nodes(new, Kind.ARTIFACT, 1)
        (maker,) = nodes(new, Kind.EXECUTION, 1)
        origins = nodes(new, Kind.ARTIFACT, 300)
        rows = [new.row(Kind.EXECUTION if n % 2 else Kind.ARTIFACT) for n in range(1_000)]
        new.write(nodes=rows, edges=[new.joined(a.key, b.key) for a, b in pairwise(rows)])
        new.write(edges=[new.joined(base, row.key) for row in rows[1::2]])
        new.write(edges=[new.joined(maker, base), *(new.joined(each, maker) for each in origins)])
    walk, run = walked(backend, rows[-1].key, Direction.UPSTREAM)
    assert len(walk.keys) == 1_302
    assert run.rows <= 1.1 * len(walk.edges)
