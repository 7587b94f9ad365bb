"""Ways into each backend's storage behind its back, to change what `check` must then find."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from lineage.backends.memory.backend import MemoryBackend
from lineage.contract.backend import Backend
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind
from lineage.model.schema import ContextType, ExecutionType
from lineage.testing.builders import writing
from tests.servers import SERVERS

BackDoor = Callable[[Backend, Path], None]

DATA, AGAIN = NodeKey(Kind.ARTIFACT, 1), NodeKey(Kind.ARTIFACT, 4)
RUN, CHURN = NodeKey(Kind.EXECUTION, 1), NodeKey(Kind.CONTEXT, 1)
OUT = (RUN, AGAIN, EdgeKind.INTERNAL_OUTPUT)


def of_memory(change: Callable[[MemoryBackend], Any]) -> BackDoor:
    def open_and_change(backend: Backend, folder: Path) -> None:
        assert isinstance(backend, MemoryBackend)
        change(backend)

    return open_and_change


def node(**changes: Any) -> BackDoor:
    def change(backend: MemoryBackend) -> None:
        held = backend.graph.nodes[changes.get("key", AGAIN)]
        held["row"] = held["row"]._replace(**changes)

    return of_memory(change)


def past_node(**changes: Any) -> BackDoor:
    def change(backend: MemoryBackend) -> None:
        rows = backend.graph.past[RUN]
        rows[0] = rows[0]._replace(**changes)

    return of_memory(change)


def edge(**changes: Any) -> BackDoor:
    def change(backend: MemoryBackend) -> None:
        held = backend.graph.edges[OUT]
        held["row"] = held["row"]._replace(**changes)

    return of_memory(change)


def past_edge(**changes: Any) -> BackDoor:
    def change(backend: MemoryBackend) -> None:
        for rows in backend.graph.ended.values():
            rows[:] = [row._replace(**changes) if row[:3] == OUT else row for row in rows]

    return of_memory(change)


def head(number: int, **changes: Any) -> BackDoor:
    def change(backend: MemoryBackend) -> None:
        backend._log[number - 1] = backend._log[number - 1]._replace(**changes)

    return of_memory(change)


def records(number: int, **changes: Any) -> BackDoor:
    def change(backend: MemoryBackend) -> None:
        backend._records[number - 1] = backend._records[number - 1]._replace(**changes)

    return of_memory(change)


def sql(statement: str) -> BackDoor:
    """Run a statement in a connection of its own; it must change something."""

    def change(backend: Backend, folder: Path) -> None:
        with closing(sqlite3.connect(folder / "lineage.db")) as own:
            assert own.execute(statement).rowcount > 0
            own.commit()

    return change


def cypher(statement: str) -> BackDoor:
    """Run a statement as anybody with a driver can; it must change something."""

    def change(backend: Backend, folder: Path) -> None:
        with SERVERS.of(folder) as server, server.session() as session:
            values = {"secret": [SECRET, "{}"], "custom": ["{}", SECRET], "zeros": bytes(16)}
            summary = session.run(statement, values).consume()
            assert summary.counters.contains_updates

    return change


def lose_node(backend: MemoryBackend) -> None:
    backend.graph.remove_node(AGAIN)


def lose_edge(backend: MemoryBackend) -> None:
    backend.graph.remove_edge(RUN, AGAIN, EdgeKind.INTERNAL_OUTPUT)


def lose_version(backend: MemoryBackend) -> None:
    del backend.graph.past[RUN][0]


def change_type(backend: MemoryBackend) -> None:
    row = backend._types._versions[11][0]
    given = ContextType(id=11, name="Changed")
    backend._types._versions[11][0] = row._replace(type=given)


def change_past_type(backend: MemoryBackend) -> None:
    row = backend._types._versions[10][0]
    given = ExecutionType(id=10, name="Changed")
    backend._types._versions[10][0] = row._replace(type=given)


AGAIN_NODE = "MATCH (n:LineageNode {name: 'data'})"
PAST_RUN = "MATCH (n:LineagePast {external_id: 'run-1'})"
OUT_EDGE = "MATCH ()-[r:INTERNAL_OUTPUT]->()"
PAST_OUT_EDGE = "MATCH ()-[r:LINEAGE_PAST {lineage_kind: 'INTERNAL_OUTPUT'}]->()"
SECRET = '{"secret":1}'
BACK_DOORS: dict[str, dict[str, BackDoor]] = {
    "memory": {
        "properties": node(properties=SECRET),
        "custom properties": node(custom=SECRET),
        "name": node(name="other"),
        "type of a node": node(type_id=2),
        "create time": node(created=1),
        "salt": node(salt=bytes(16)),
        "past name": past_node(name="other"),
        "past state": past_node(state=5),
        "lost node": of_memory(lose_node),
        "lost version": of_memory(lose_version),
        "edge's time": edge(time=1),
        "edge's path": edge(paths='["x"]'),
        "edge's order": edge(order=1),
        "edge's first write": edge(first=1),
        "past edge's time": past_edge(time=1),
        "lost edge": of_memory(lose_edge),
        "actor": head(1, actor="mallory"),
        "message": head(2, message=""),
        "time": head(3, time=1),
        "digest": head(6, digest=bytes(32)),
        "number of records": head(2, records=6),
        "highest id": head(4, artifacts=9),
        "type": of_memory(change_type),
        "past type": of_memory(change_past_type),
        "lost deletion": records(3, deleted=()),
        "lost purge": records(5, purged=()),
        "mark": head(3, mark="mlmd, transaction 3"),
        "lost mark": head(6, mark=""),
        "salt of a head": head(1, salt=bytes(16)),
        "lost salt of a head": head(1, salt=None),
        "kept digest of a head": head(4, author=bytes(32)),
        "kept digest beside the actor": head(1, author=bytes(32)),
        "actor after a purge": head(4, actor="mallory"),
        "inner nodes": head(6, nodes=bytes(32)),
        "lost inner nodes": head(8, nodes=bytes(64)),
        "lost purge of a head": records(8, purged_heads=()),
        "lost ending": records(2, ended=()),
    },
    "sqlite": {
        "properties": sql(f"UPDATE node SET properties = '{SECRET}' WHERE name = 'data'"),
        "custom properties": sql(f"UPDATE node SET custom = '{SECRET}' WHERE name = 'data'"),
        "name": sql("UPDATE node SET name = 'other' WHERE name = 'data'"),
        "type of a node": sql("UPDATE node SET type = 2 WHERE name = 'data'"),
        "create time": sql("UPDATE node SET created = 1 WHERE name = 'data'"),
        "salt": sql("UPDATE node SET salt = zeroblob(16) WHERE name = 'data'"),
        "past name": sql("UPDATE node_past SET name = 'other' WHERE external_id = 'run-1'"),
        "past state": sql("UPDATE node_past SET state = 5 WHERE external_id = 'run-1'"),
        "lost node": sql("DELETE FROM node WHERE name = 'data'"),
        "lost version": sql("DELETE FROM node_past WHERE external_id = 'run-1'"),
        "edge's time": sql("UPDATE edge SET time = 1 WHERE kind = 6"),
        "edge's path": sql("""UPDATE edge SET paths = '["x"]' WHERE kind = 6"""),
        "edge's order": sql("UPDATE edge SET place = 1 WHERE kind = 6"),
        "edge's first write": sql("UPDATE edge SET first = 1 WHERE kind = 6"),
        "past edge's time": sql("UPDATE edge_past SET time = 1 WHERE kind = 6"),
        "lost edge": sql("DELETE FROM edge WHERE kind = 6"),
        "actor": sql("UPDATE txn SET actor = 'mallory' WHERE number = 1"),
        "message": sql("UPDATE txn SET message = '' WHERE number = 2"),
        "time": sql("UPDATE txn SET time = 1 WHERE number = 3"),
        "digest": sql("UPDATE txn SET digest = zeroblob(32) WHERE number = 6"),
        "number of records": sql("UPDATE txn SET records = 6 WHERE number = 2"),
        "highest id": sql("UPDATE txn SET artifacts = 9 WHERE number = 4"),
        "type": sql("UPDATE type SET body = replace(body, 'Exper', 'Other') WHERE id = 11"),
        "past type": sql("UPDATE type SET body = replace(body, 'Step', 'Other') WHERE since = 1"),
        "lost deletion": sql("UPDATE node_past SET gone = 0 WHERE until = 3 AND gone"),
        "lost purge": sql("DELETE FROM purge WHERE number = 5"),
        "mark": sql("UPDATE txn SET mark = 'mlmd, transaction 3' WHERE number = 3"),
        "lost mark": sql("UPDATE txn SET mark = '' WHERE number = 6"),
        "salt of a head": sql("UPDATE txn SET salt = zeroblob(16) WHERE number = 1"),
        "lost salt of a head": sql("UPDATE txn SET salt = NULL WHERE number = 1"),
        "kept digest of a head": sql("UPDATE txn SET author = zeroblob(32) WHERE number = 4"),
        "kept digest beside the actor": sql(
            "UPDATE txn SET author = zeroblob(32) WHERE number = 1"
        ),
        "actor after a purge": sql("UPDATE txn SET actor = 'mallory' WHERE number = 4"),
        "inner nodes": sql("UPDATE txn SET nodes = zeroblob(32) WHERE number = 6"),
        "lost inner nodes": sql("UPDATE txn SET nodes = zeroblob(64) WHERE number = 8"),
        "lost purge of a head": sql("DELETE FROM purge_head"),
        "lost ending": sql("UPDATE edge_past SET until = 3 WHERE until = 2"),
    },
    "neo4j": {
        "properties": cypher(f"{AGAIN_NODE} SET n.lineage_values = $secret"),
        "custom properties": cypher(f"{AGAIN_NODE} SET n.lineage_values = $custom"),
        "name": cypher(f"{AGAIN_NODE} SET n.name = 'other'"),
        "type of a node": cypher(f"{AGAIN_NODE} SET n.lineage_type = 2"),
        "create time": cypher(f"{AGAIN_NODE} SET n.lineage_created = 1"),
        "salt": cypher(f"{AGAIN_NODE} SET n.lineage_salt = $zeros"),
        "past name": cypher(f"{PAST_RUN} SET n.name = 'other'"),
        "past state": cypher(f"{PAST_RUN} SET n.state = 'CANCELED'"),
        "lost node": cypher(f"{AGAIN_NODE} DETACH DELETE n"),
        "lost version": cypher(f"{PAST_RUN} DELETE n"),
        "edge's time": cypher(f"{OUT_EDGE} SET r.lineage_time = 1"),
        "edge's path": cypher(f"{OUT_EDGE} SET r.paths = '[\"x\"]'"),
        "edge's order": cypher(f"{OUT_EDGE} SET r.lineage_order = 1"),
        "edge's first write": cypher(f"{OUT_EDGE} SET r.lineage_first = 1"),
        "past edge's time": cypher(f"{PAST_OUT_EDGE} SET r.lineage_time = 1"),
        "lost edge": cypher(f"{OUT_EDGE} DELETE r"),
        "actor": cypher("MATCH (t:LineageTransaction {number: 1}) SET t.actor = 'mallory'"),
        "message": cypher("MATCH (t:LineageTransaction {number: 2}) SET t.message = ''"),
        "time": cypher("MATCH (t:LineageTransaction {number: 3}) SET t.time = 1"),
        "digest": cypher("MATCH (t:LineageTransaction {number: 6}) SET t.digest = $zeros"),
        "number of records": cypher("MATCH (t:LineageTransaction {number: 2}) SET t.records = 6"),
        "highest id": cypher("MATCH (t:LineageTransaction {number: 4}) SET t.artifacts = 9"),
        "type": cypher(
            "MATCH (y:LineageType {id: 11}) SET y.body = replace(y.body, 'Exper', 'Other')"
        ),
        "past type": cypher(
            "MATCH (y:LineageType {id: 10, since: 1}) SET y.body = replace(y.body, 'Step', 'Other')"
        ),
        "lost deletion": cypher(
            "MATCH (n:LineageGone {lineage_until: 3}) REMOVE n.lineage_until, n:LineageGone"
        ),
        "lost purge": cypher("MATCH (t:LineageTransaction {number: 5}) REMOVE t.purged"),
        "mark": cypher(
            "MATCH (t:LineageTransaction {number: 3}) SET t.mark = 'mlmd, transaction 3'"
        ),
        "lost mark": cypher("MATCH (t:LineageTransaction {number: 6}) SET t.mark = ''"),
        "salt of a head": cypher("MATCH (t:LineageTransaction {number: 1}) SET t.salt = $zeros"),
        "lost salt of a head": cypher("MATCH (t:LineageTransaction {number: 1}) REMOVE t.salt"),
        "kept digest of a head": cypher(
            "MATCH (t:LineageTransaction {number: 4}) SET t.author = $zeros"
        ),
        "kept digest beside the actor": cypher(
            "MATCH (t:LineageTransaction {number: 1}) SET t.author = $zeros"
        ),
        "actor after a purge": cypher(
            "MATCH (t:LineageTransaction {number: 4}) SET t.actor = 'mallory'"
        ),
        "inner nodes": cypher("MATCH (t:LineageTransaction {number: 6}) SET t.nodes = $zeros"),
        "lost inner nodes": cypher("MATCH (t:LineageTransaction {number: 8}) SET t.nodes = $zeros"),
        "lost purge of a head": cypher(
            "MATCH (t:LineageTransaction {number: 8}) REMOVE t.purged_heads"
        ),
        "lost ending": cypher(
            "MATCH ()-[r:LINEAGE_PAST {lineage_until: 2}]->() SET r.lineage_until = 3"
        ),
    },
}
"""For each backend the same ways to change what `builders.eventful` wrote."""

BESIDE_EDGES: dict[str, dict[str, BackDoor]] = {
    "sqlite": {
        "edge's uses": sql("UPDATE edge SET uses = 1 WHERE kind = 6"),
        "past edge's uses": sql("UPDATE edge_past SET uses = 4 WHERE kind = 6"),
        "replaced edge": sql("UPDATE edge_past SET replaced = 0 WHERE until = 7"),
        "ended edge": sql("UPDATE edge_past SET replaced = 1 WHERE until = 2"),
    },
    "neo4j": {
        "edge's uses": cypher(f"{OUT_EDGE} SET r.lineage_uses = 1"),
        "past edge's uses": cypher(f"{PAST_OUT_EDGE} SET r.lineage_uses = 4"),
        "replaced edge": cypher(
            "MATCH ()-[r:LINEAGE_PAST {lineage_until: 7}]->() REMOVE r.lineage_replaced"
        ),
        "ended edge": cypher(
            "MATCH ()-[r:LINEAGE_PAST {lineage_until: 2}]->() SET r.lineage_replaced = true"
        ),
    },
}
"""Ways to change what is stored beside an edge and follows from its row in memory."""


def former(place: int, **changes: Any) -> BackDoor:
    """Change a former version of the node that lives again."""

    def change(backend: MemoryBackend) -> None:
        rows = backend.graph.past[DATA]
        rows[place] = rows[place]._replace(**changes)

    return of_memory(change)


SECOND_LIFE = "MATCH (n:LineagePast {name: 'b'})"
BETWEEN_LIVES: dict[str, dict[str, BackDoor]] = {
    "memory": {
        "lives again later": former(1, until=5),
        "was not gone": former(1, gone=False),
        "ended without a next version": former(0, until=7),
        "went before it was replaced": former(0, gone=True),
        "lives again too early": former(1, until=2),
        "is still gone": node(key=DATA, gone=True, until=7),
    },
    "sqlite": {
        "lives again later": sql("UPDATE node_past SET revived = 5 WHERE name = 'b'"),
        "was not gone": sql("UPDATE node_past SET gone = 0 WHERE name = 'b'"),
        "ended without a next version": sql("UPDATE node_past SET revived = 6 WHERE name = 'd'"),
        "went before it was replaced": sql("UPDATE node_past SET gone = 1 WHERE name = 'a'"),
        "lives again too early": sql("UPDATE node_past SET revived = 2 WHERE name = 'a'"),
        "is still gone": sql("UPDATE node_past SET revived = NULL WHERE name = 'b'"),
    },
    "neo4j": {
        "lives again later": cypher(f"{SECOND_LIFE} SET n.lineage_revived = 5"),
        "was not gone": cypher(f"{SECOND_LIFE} SET n.lineage_until = 4 REMOVE n.lineage_revived"),
        "ended without a next version": cypher(
            "MATCH (n:LineageGone {name: 'd'}) SET n.lineage_revived = 6"
        ),
        "went before it was replaced": cypher(
            "MATCH (n:LineagePast {name: 'a'}) SET n.lineage_revived = 2"
        ),
        "lives again too early": cypher(
            "MATCH (n:LineageNode {name: 'c'}) SET n.lineage_revived = 2"
        ),
        "is still gone": cypher(f"{SECOND_LIFE} REMOVE n.lineage_revived"),
    },
}
"""Ways to change when a node was gone, of what `two_lives` wrote."""


def two_lives(backend: Backend) -> None:
    """Write a node that lives again in transaction 4, and one that does not."""
    with writing(backend) as new:
        data = new.artifact(name="a")
        other = new.artifact(name="d")
    with writing(backend) as new:
        new.update(data, name="b")
    with writing(backend) as new:
        new.delete(data)
    with writing(backend) as new:
        new.update(data, name="c")
    with writing(backend) as new:
        new.delete(other)
    with writing(backend) as new:
        new.artifact()
