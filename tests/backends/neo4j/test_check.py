"""What only a graph that anybody may edit can suffer, and `check` must tell."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lineage.backends.neo4j.backend import Neo4jBackend
from lineage.backends.neo4j.rows import node_values
from lineage.contract.proof import content_digest, purged
from lineage.errors import Corrupt
from lineage.model.keys import Kind
from lineage.model.system import SYSTEM_TYPES
from lineage.testing.builders import eventful, writing
from tests.servers import Neo4jServer

pytestmark = pytest.mark.neo4j


@pytest.fixture
def backend(neo4j_server: Neo4jServer) -> Iterator[Neo4jBackend]:
    with Neo4jBackend(neo4j_server.url) as backend:
        eventful(backend)
        yield backend


AGAIN = "MATCH (n:LineageNode {name: 'data'})"
OUT = "MATCH ()-[r:INTERNAL_OUTPUT]->()"
CHANGES = {
    "native property": ("MATCH (n:Context {name: 'churn'}) SET n.note = 'other'", "note"),
    "native property lost": ("MATCH (n:Context {name: 'churn'}) REMOVE n.note", "note"),
    "native property of another type": (
        "MATCH (n:Step) SET n.`custom.rate` = '0.5'",
        "custom.rate",
    ),
    "property added": (f"{AGAIN} SET n.comment = 'mine'", "comment"),
    "digest of a name": (f"{AGAIN} SET n.lineage_name = 'x'", "lineage_name"),
    "start of a name": (f"{AGAIN} SET n.lineage_name_start = 'x'", "lineage_name_start"),
    "digest of a former external id": (
        "MATCH (n:LineagePast {external_id: 'run-1'}) REMOVE n.lineage_was_external",
        "lineage_was_external",
    ),
    "type's name": (f"{AGAIN} SET n.type = 'x'", "type"),
    "shown time": (f"{AGAIN} SET n.create_time = datetime()", "times"),
    "label removed": (f"{AGAIN} REMOVE n:Artifact", "labels"),
    "label added": (f"{AGAIN} SET n:Nice", "Nice"),
    "gone by the label alone": (f"{AGAIN} SET n:LineageGone", "label"),
    "content after a purge": ("MATCH (n:LineageGone {id: 2}) SET n.uri = 'x'", "purged"),
    "salt lost": (f"{AGAIN} REMOVE n.lineage_salt", "salt"),
    "row that cannot be read": (f"{AGAIN} SET n.lineage_values = 7", "cannot be read"),
    "state that is none": (f"{AGAIN} SET n.state = 'x'", "cannot be read"),
    "key lost": (f"{AGAIN} REMOVE n.lineage_key", "keys"),
    "version of no node": ("CREATE (:LineagePast {lineage_key: 77})", "artifact:77"),
    "node of no transaction": (
        "CREATE (:LineageNode:Artifact {lineage_key: 99, lineage_type: 1, lineage_created: 0, "
        "lineage_updated: 0, lineage_since: 0})",
        "artifact:99",
    ),
    "edge's shown time": (f"{OUT} SET r.time = datetime()", "another time"),
    "edge's property": (f"{OUT} SET r.weight = 1", "properties"),
    "edge written twice": (
        "MATCH (a)-[r:INTERNAL_OUTPUT]->(b) CREATE (a)-[q:INTERNAL_OUTPUT]->(b) SET q = properties(r)",
        "records",
    ),
    "edge of no transaction": (
        "MATCH (a:Execution), (b:Artifact) WITH a, b LIMIT 1 CREATE (a)-[:OUTPUT {lineage_since: 0}]->(b)",
        "no transaction",
    ),
    "edge the wrong way": (
        "MATCH (a:Execution), (b:Artifact) WITH a, b LIMIT 1 CREATE (b)-[:OUTPUT {lineage_since: 1}]->(a)",
        "joins",
    ),
    "edge from another graph": (
        f"{AGAIN} CREATE (:Person)-[:INPUT {{lineage_since: 1}}]->(n)",
        "Person",
    ),
    "relationship of another kind": (f"{AGAIN} CREATE (n)-[:LIKES]->(n)", "LIKES"),
    "node of another graph": ("CREATE (:Person {name: 'x'})", "Person"),
    "node without a label": ("CREATE ()", "not the store's"),
    "end of a type": ("MATCH (y:LineageType {id: 10, since: 1}) SET y.until = 4", "type 10"),
    "name of a type": ("MATCH (y:LineageType {id: 11}) SET y.name = 'x'", "type 11"),
    "type that cannot be read": ("MATCH (y:LineageType {id: 11}) SET y.body = '{'", "type 11"),
    "schema number": ("MATCH (t:LineageTransaction {number: 4}) SET t.schema = 1", "types"),
    "mark that is no text": (
        "MATCH (t:LineageTransaction {number: 4}) SET t.mark = 7",
        "cannot be read",
    ),
    "salt that is no salt": (
        "MATCH (t:LineageTransaction {number: 4}) SET t.salt = 'x'",
        "cannot be read",
    ),
    "inner nodes that are none": (
        "MATCH (t:LineageTransaction {number: 4}) REMOVE t.nodes",
        "cannot be read",
    ),
    "head that was not purged": (
        "MATCH (t:LineageTransaction {number: 8}) SET t.purged_heads = [3]",
        "transaction 8 purged transaction 3, which still says who wrote it",
    ),
    "transaction without a number": (
        "CREATE (:LineageTransaction {actor: 'x'})",
        "transaction None",
    ),
    "transaction beyond the last": ("CREATE (:LineageTransaction {number: 99})", "transaction 99"),
    "store's number": ("MATCH (s:LineageStore) SET s.number = 5", "the last one is 5"),
    "number for readers": ("MATCH (g:LineageGate) SET g.number = 5", "readers are told"),
    "store's highest id": ("MATCH (s:LineageStore) SET s.artifacts = 77", "77"),
    "second store": ("CREATE (:LineageStore {name: 'other', number: 0})", "2 nodes"),
    "index": ("DROP INDEX lineage_past_key", "lineage_past_key"),
    "node of a later transaction": (
        f"{AGAIN} CREATE (m:LineageNode:Artifact) SET m = n {{.*, lineage_key: 99, lineage_name: null, lineage_external: null, "
        "lineage_since: 99}",
        "artifact:99 names a transaction 99, which does not exist",
    ),
    "node that ends later": (
        f"{AGAIN} SET n.lineage_until = 99",
        "artifact:4 names a transaction 99, which does not exist",
    ),
    "edge of a later transaction": (
        "MATCH (a:Execution), (b:Artifact) WITH a, b LIMIT 1 CREATE (a)-[:OUTPUT {lineage_since: 99, lineage_order: 9}]->(b)",
        "from execution:1 to artifact:4 names a transaction 99, which does not exist",
    ),
    "edge that is hidden as replaced": (
        "MATCH (a)-[r:INTERNAL_OUTPUT]->(b) CREATE (a)-[p:LINEAGE_PAST]->(b) SET p = properties(r), "
        "p.lineage_kind = type(r), p.lineage_until = 8, p.lineage_replaced = true DELETE r",
        "from execution:1 to artifact:4, as transaction 7 wrote it, ended at another time than it did",
    ),
    "order of an edge that is a text": (
        f"{OUT} SET r.lineage_order = toString(r.lineage_order)",
        "transaction 7: the row of the edge from execution:1 to artifact:4 is none",
    ),
    "first write of an edge that is none": (
        "MATCH ()-[r:PARENT]->() SET r.lineage_first = 0",
        "first written at another time",
    ),
    "id of a type that is a list": ("MATCH (y:LineageType {id: 11}) SET y.id = [11]", "type [11]"),
    "type of no transaction": (
        "MATCH (y:LineageType {id: 11}) SET y.since = 0",
        "a type names a transaction 0, which does not exist",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_in_the_browser_is_told(
    change: str, backend: Neo4jBackend, neo4j_server: Neo4jServer
) -> None:
    statement, word = CHANGES[change]
    neo4j_server.run(statement)
    found = backend.check()
    assert any(word in sentence for sentence in found), found


def test_digest_is_no_cover_for_other_content_nor_for_none(
    backend: Neo4jBackend, neo4j_server: Neo4jServer
) -> None:
    """Whoever knows the format keeps the real digest."""
    (row,) = backend.find(Kind.ARTIFACT)
    neo4j_server.run(
        f"{AGAIN} SET n.lineage_digest = $digest, n.uri = 'x'", digest=content_digest(row)
    )
    covered = backend.check()
    assert any("has content beside the digest that stands for it" in each for each in covered)
    blank = node_values(purged(row), SYSTEM_TYPES[0])
    neo4j_server.run(
        f"{AGAIN} WITH n, n.create_time AS created, n.update_time AS updated "
        "SET n = $blank SET n.create_time = created, n.update_time = updated",
        blank=blank,
    )
    assert backend.check() == [
        "artifact:4, as transaction 4 wrote it, has lost its content, and no transaction up to 8 purged it"
    ]


def test_purged_content_that_came_back_is_told(
    backend: Neo4jBackend, neo4j_server: Neo4jServer
) -> None:
    neo4j_server.run(
        "MATCH (n:LineageGone {id: 2}) SET n.lineage_salt = $salt REMOVE n.lineage_digest",
        salt=bytes(16),
    )
    assert "artifact:2 has content, but was purged" in backend.check()


def test_check_names_what_cannot_be_read_and_goes_on(
    backend: Neo4jBackend, neo4j_server: Neo4jServer
) -> None:
    neo4j_server.run(f"{AGAIN} SET n.lineage_created = 'yesterday'")
    neo4j_server.run("MATCH (n:Context {name: 'child'}) SET n:Nice")
    found = backend.check()
    assert any("artifact:4 cannot be read" in sentence for sentence in found)
    assert any("Nice" in sentence for sentence in found)


def test_pages_are_checked_to_the_end(backend: Neo4jBackend, neo4j_server: Neo4jServer) -> None:
    with writing(backend) as new:
        new.write(nodes=[new.row(Kind.ARTIFACT) for _ in range(2_100)])
    assert backend.check() == []
    neo4j_server.run("MATCH (n:Artifact {id: 2000}) SET n.id = 7")
    assert any("artifact:2000" in sentence for sentence in backend.check())


def test_purge_of_a_row_without_salt_is_refused(
    backend: Neo4jBackend, neo4j_server: Neo4jServer
) -> None:
    with writing(backend) as new:
        key = new.deleted(new.artifact(name="x"))
    neo4j_server.run("MATCH (n:LineageGone {name: 'x'}) REMOVE n.lineage_salt")
    with pytest.raises(Corrupt, match="salt"), writing(backend) as new:
        new.purge(key)


@pytest.mark.parametrize("value", ["'x'", "1.5", "true"])
def test_last_number_that_is_none_is_told(
    value: str, backend: Neo4jBackend, neo4j_server: Neo4jServer
) -> None:
    neo4j_server.run(f"MATCH (g:LineageGate) SET g.number = {value}")
    with pytest.raises(Corrupt, match="its last transaction is"):
        backend.check()
