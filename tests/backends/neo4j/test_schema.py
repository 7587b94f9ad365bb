"""Constraints and indexes are no part of the format: what is missing is made, strangers of ours go."""

import pytest

import lineage
from lineage import Model
from lineage.backends.neo4j.opening import SCHEMA
from tests.servers import Neo4jServer

DIGEST = "sha256:" + "0a" * 32
INDEXES = (
    "SHOW INDEXES YIELD name, labelsOrTypes, properties, type WHERE type <> 'LOOKUP' "
    "RETURN name, labelsOrTypes, properties ORDER BY name"
)
CHANGES = {
    "missing indexes": [
        "DROP INDEX lineage_content",
        "DROP INDEX lineage_past_content",
        "DROP INDEX lineage_uri",
        "DROP INDEX lineage_past_key",
        "DROP INDEX lineage_last_start",
        "DROP INDEX lineage_was_name",
        "DROP INDEX lineage_past_uri",
    ],
    "missing constraint": ["DROP CONSTRAINT lineage_name"],
    "unknown index": [
        "CREATE INDEX lineage_state FOR (n:LineageNode) ON (n.state)",
        "CREATE INDEX lineage_input_time FOR ()-[n:INPUT]-() ON (n.lineage_time)",
        "CREATE CONSTRAINT lineage_mark FOR (n:LineageType) REQUIRE n.mark IS UNIQUE",
    ],
    "older index": [
        "DROP INDEX lineage_content",
        "CREATE INDEX lineage_content FOR (n:LineageNode) ON (n.digest)",
    ],
}


def assert_answers(store: lineage.Store) -> None:
    for moment in (store, store.at(1)):
        assert [each.name for each in moment.find(Model, "name = 'm'")] == ["m"]
        assert [each.name for each in moment.find(Model, "uri = 'a/u'")] == ["m"]
        for text in ("m", "a/u", "u"):
            rows = moment.backend.beginning_with(text, as_of=moment.as_of)
            assert [row.name for row in rows] == ["m"]
        found = moment.backend.with_digests([DIGEST], as_of=moment.as_of)
        assert [row.name for row in found[DIGEST]] == ["m"]
        assert moment.upstream("artifact:1", through_copies=True).keys == [moment.key_of("a/u")]


@pytest.mark.parametrize("change", CHANGES)
def test_store_opened_for_writing_gets_its_indexes(change: str, neo4j_server: Neo4jServer) -> None:
    with lineage.connect(neo4j_server.url) as store:
        store.put(Model(name="m", uri="a/u", custom_properties={"digest": DIGEST}))
        store.put(Model(name="n"))
    before = neo4j_server.run(INDEXES)
    assert {name for name, *_ in before} == set(SCHEMA)
    for statement in (*CHANGES[change], "CALL db.awaitIndexes()"):
        neo4j_server.run(statement)
    changed = neo4j_server.run(INDEXES)
    assert changed != before
    with lineage.connect(neo4j_server.url, readonly=True) as store:
        assert_answers(store)
    assert neo4j_server.run(INDEXES) == changed
    with lineage.connect(neo4j_server.url) as store:
        assert neo4j_server.run(INDEXES) == before
        assert_answers(store)
        assert store.check() == []


def test_index_of_a_property_that_no_type_declares_is_dropped(neo4j_server: Neo4jServer) -> None:
    def opened(*, readonly: bool = False) -> list[str]:
        with lineage.connect(neo4j_server.url, readonly=readonly) as store:
            found = store.find("artifact", "type = 'T' and properties.`a b` = 1")
            assert [each.id for each in found] == [1]
        names = (name for name, *_ in neo4j_server.run(INDEXES))
        return [name for name in names if name.startswith("lineage property ")]

    with lineage.connect(neo4j_server.url) as store:
        indexed = {"a b": "INT", "c": "INT"}
        store.put(lineage.ArtifactType(name="T", properties=indexed, indexed=[*indexed]))
        store.put(lineage.Artifact(type="T", properties={"a b": 1}))
    first, second = "lineage property T.a b", "lineage property T.c"
    assert opened() == [first, second]
    for statement in (
        "CREATE INDEX `lineage property T.x` FOR (n:T) ON (n.x)",
        f"DROP INDEX `{second}`",
        f"CREATE INDEX `{second}` FOR (n:T) ON (n.d)",
        "CREATE CONSTRAINT `lineage property mine` FOR (n:Mine) REQUIRE n.x IS UNIQUE",
        "CALL db.awaitIndexes()",
    ):
        neo4j_server.run(statement)
    mine = "lineage property mine"
    assert opened(readonly=True) == [first, second, f"{first[:-3]}x", mine]
    assert opened() == [first, second, mine]
    assert [second, ["T"], ["c"]] in neo4j_server.run(INDEXES)


def test_index_that_somebody_else_named_stays(neo4j_server: Neo4jServer) -> None:
    with lineage.connect(neo4j_server.url):
        pass
    neo4j_server.run("CREATE INDEX mine FOR (n:Artifact) ON (n.name)")
    neo4j_server.run("CREATE INDEX lineage_own FOR (n:Person) ON (n.name)")
    before = neo4j_server.run(INDEXES)
    with lineage.connect(neo4j_server.url):
        assert neo4j_server.run(INDEXES) == before
