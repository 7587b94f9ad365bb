"""What a person meets in Neo4j Browser: labels, relationships and properties as the page says."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from pydantic import Field

import lineage
from lineage import (
    Artifact,
    ArtifactState,
    ArtifactType,
    Event,
    EventType,
    Execution,
    ExecutionType,
    ProtoAny,
    Store,
    ValueType,
)
from lineage.backends.neo4j.rows import HELD_BYTES
from lineage.filters import tree as filters
from tests.servers import Neo4jServer
from tests.tree import ROOT

PAGE = ROOT / "docs" / "neo4j.md"
QUERIES = re.findall(r"```cypher\n(.*?)```", PAGE.read_text(), re.DOTALL)


class Dataset(lineage.Dataset):
    day: int
    split: str = "train"


class Model(lineage.Model):
    version: int
    accuracy: Annotated[float, lineage.Indexed()]


class Trainer(lineage.Train):
    learning_rate: float


class Experiment(lineage.Context):
    note: str = ""


@pytest.fixture
def store(neo4j_server: Neo4jServer) -> Iterator[Store]:
    with lineage.connect(neo4j_server.url, actor="ann") as store:
        yield store


@pytest.fixture
def churn(store: Store) -> Store:
    """Two days of data; each day a training, the second one starting from the first one's model."""
    before: list[Artifact] = []
    for day in (1, 2):
        with store.run(
            Trainer(learning_rate=day / 1000), within=Experiment(name="churn"), message=f"day {day}"
        ) as run:
            for each in (Dataset(uri=f"s3://lake/churn/{day}", day=day), *before):
                run.input(each)
            model = Model(uri=f"s3://models/churn/{day}", version=day, accuracy=0.8 + day / 100)
            before = [run.output(model)]
    return store


def ask(server: Neo4jServer, query: str, **parameters: Any) -> list[list[Any]]:
    with server.session() as session:
        return session.run(query, parameters).values()


# The page's queries


def test_the_page_has_five_queries() -> None:
    assert len(QUERIES) == 5


def test_queries_of_the_page(churn: Store, neo4j_server: Neo4jServer) -> None:
    answers = [ask(neo4j_server, query) for query in QUERIES]
    fed, made, best, environments, log = answers
    assert fed == [
        ["s3://lake/churn/1", 0.001, "s3://models/churn/1"],
        ["s3://lake/churn/2", 0.002, "s3://models/churn/2"],
    ]
    assert made == [["s3://models/churn/1", 1], ["s3://models/churn/2", 2]]
    assert best == [["s3://models/churn/2", 0.8 + 2 / 100, "COMPLETE"]]
    python = platform.python_version()
    assert environments == [[f"s3://models/churn/{day}", python] for day in (1, 2)]
    assert [row[0] for row in log] == [head.number for head in churn.log()[:5]]
    assert {row[2] for row in log} == {"ann"}


def test_query_of_the_page_never_meets_the_past(churn: Store, neo4j_server: Neo4jServer) -> None:
    fed = QUERIES[0]
    before = ask(neo4j_server, fed)
    model = churn.get("s3://models/churn/2")
    churn.update(model.replace(custom_properties={"seen": True}))
    data = churn.get("s3://lake/churn/1")
    churn.delete(data)
    assert ask(neo4j_server, fed) == before[1:]
    assert ask(neo4j_server, "MATCH (m:Model) RETURN count(*)") == [[2]]
    assert ask(neo4j_server, "MATCH (p:LineagePast) WHERE p.type = 'Model' RETURN count(*)") == [
        [1]
    ]
    gone = "MATCH (g:LineageGone)-[:INPUT]->(:Trainer) RETURN g.uri, labels(g)"
    assert ask(neo4j_server, gone) == [["s3://lake/churn/1", ["LineageNode", "LineageGone"]]]
    assert len(churn.upstream("s3://models/churn/1").nodes) == 3


# Labels


def test_label_of_a_type(store: Store, neo4j_server: Neo4jServer) -> None:
    """All types at once: for each change of the indexes the server plans every statement anew."""
    labels = {
        "Model": "Model",
        "a `quoted` type": "a `quoted` type",
        "Execution": "type.Execution",
        "LineageNode": "type.LineageNode",
        "模型": "模型",
        "x" * 300: "x" * 300,
    }
    indexed = {"properties": {"p": ValueType.INT}, "indexed": ["p"]}
    store.put([ArtifactType(name=name, **indexed) for name in labels])
    nodes = store.put([Artifact(type=name, properties={"p": 1}) for name in labels])
    of_ids = "MATCH (n:Artifact) RETURN labels(n) ORDER BY n.id"
    assert ask(neo4j_server, of_ids) == [
        [["LineageNode", "Artifact", label]] for label in labels.values()
    ]
    found = store.find(Artifact, "properties.p = 1")
    assert [each.key for each in found] == [node.key for node in nodes]
    for name, node in zip(labels, nodes, strict=True):
        of_type = store.find(Artifact, f"type = '{name}' AND properties.p = 1")
        assert [each.key for each in of_type] == [node.key]
    assert store.backend.check() == []


def test_type_whose_name_is_no_label(store: Store, neo4j_server: Neo4jServer) -> None:
    store.put(ExecutionType(name="a\0b"))
    node = store.put(Execution(type="a\0b"))
    assert ask(neo4j_server, "MATCH (n:Execution) RETURN labels(n)") == [
        [["LineageNode", "Execution"]]
    ]
    assert store.get(node.key).type == "a\0b"
    assert store.backend.check() == []


# Properties

NAMES = [
    "name",
    "lineage_key",
    "custom.k",
    "properties.x",
    "",
    "a`b c",
    "\0",
    "id",
    "accuracy",
    "ä",
    "p" * 5000,
]
VALUES: list[Any] = [
    1, -(2**63), 0.5, float("inf"), float("nan"), True, "", "a\0b", "\U0001f600", "x" * 100_000,
    {"a": [1, None]}, [1, 1.5, "x", [2]], ProtoAny("t/x", b"\0\1"),
]  # fmt: skip


def test_every_value_comes_back(store: Store) -> None:
    custom = {f"v{place}": value for place, value in enumerate(VALUES)}
    key = store.put(Artifact(type="lineage.Dataset", custom_properties=custom)).key
    found = store.get(key).custom_properties
    assert store.get(key) == store.get(key).replace(custom_properties=custom)
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in custom.items()
    }
    assert store.backend.check() == []


@pytest.mark.parametrize("name", NAMES)
def test_every_property_name_comes_back(name: str, store: Store) -> None:
    store.put(ArtifactType(name="T", properties={name: ValueType.INT}))
    key = store.put(Artifact(type="T", properties={name: 1}, custom_properties={name: 2})).key
    found = store.get(key)
    assert (dict(found.properties), dict(found.custom_properties)) == ({name: 1}, {name: 2})
    assert found.id == 1
    assert store.backend.check() == []


def test_where_a_person_finds_a_property(store: Store, neo4j_server: Neo4jServer) -> None:
    class Named(lineage.Model):
        label: str = Field(alias="name")
        version: int
        note: str = ""
        config: dict[str, int]

    long = "x" * (HELD_BYTES + 1)
    store.put(
        Named(
            name="built-in",
            uri="s3://m",
            state=ArtifactState.LIVE,
            label="own",
            version=3,
            note=long,
            config={"depth": 2},
            custom_properties={"owner": "ann", "version": 4},
        )
    )
    ((found,),) = ask(neo4j_server, "MATCH (n:Named) RETURN properties(n)")
    seen = {name: value for name, value in found.items() if not name.startswith("lineage_")}
    assert {type(seen.pop(name)).__name__ for name in ("create_time", "update_time")} == {
        "DateTime"
    }
    assert seen == {
        "id": 1,
        "type": "Named",
        "name": "built-in",
        "uri": "s3://m",
        "state": "LIVE",
        "properties.name": "own",
        "version": 3,
        "custom.owner": "ann",
        "custom.version": 4,
    }
    assert sorted(found["lineage_other"]) == ["STRING properties.note", "STRUCT properties.config"]


@pytest.mark.parametrize("length", [8_200, 100_000])
def test_names_of_any_length_are_unique_and_found(length: int, store: Store) -> None:
    name = "ä" * length
    key = store.put(Artifact(type="lineage.Dataset", name=name, external_id=name, uri=name)).key
    for clash in ({"name": name}, {"external_id": name}):
        with pytest.raises(lineage.AlreadyExists):
            store.put(Artifact(type="lineage.Dataset", **clash))
    assert store.get(name).key == key
    for column in ("name", "external_id", "uri"):
        found = store.find(
            Artifact,
            filters.Compare(filters.Column(filters.Field(column)), filters.Operator.EQ, name),
        )
        assert [each.key for each in found] == [key]


def test_indexed_property_holds_strings_of_any_length(store: Store) -> None:
    class Document(lineage.Dataset):
        text: Annotated[str, lineage.Indexed()]

    long, short = "y" * 50_000, "y"
    keys = [store.put(Document(text=text)).key for text in (long, short)]
    for text, key in zip((long, short), keys, strict=True):
        assert [each.key for each in store.find(Document, f"properties.text = '{text}'")] == [key]
    assert len(store.find(Document, "properties.text >= 'y'")) == 2


# Relationships


def test_relationships_run_along_the_flow(store: Store, neo4j_server: Neo4jServer) -> None:
    run = store.put(Execution(type="lineage.Train"))
    data = store.put(Artifact(type="lineage.Dataset"))
    for each in EventType:
        store.put(Event(artifact=data.key, execution=run.key, type=each, path=("a", 1)))
    query = "MATCH (a)-[r]->(b) RETURN type(r), a:Artifact, r.paths, r.time IS :: ZONED DATETIME NOT NULL"
    rows = ask(neo4j_server, query)
    assert {row[0]: row[1] for row in rows} == {
        each.name: each.name.endswith("INPUT") for each in EventType
    }
    assert {(row[2], row[3]) for row in rows} == {('["a",1]', True)}


def test_times_that_drivers_can_read_are_shown(store: Store, neo4j_server: Neo4jServer) -> None:
    times = [datetime(year, 1, 1, 0, 0, 0, 7, tzinfo=UTC) for year in (1, 1969, 2026, 9000)]
    run = store.put(Execution(type="lineage.Train"))
    for time in times:
        data = store.put(Artifact(type="lineage.Dataset"))
        store.put(Event(artifact=data.key, execution=run.key, type="INPUT", time=time))
    rows = ask(neo4j_server, "MATCH (n)-[r:INPUT]->() RETURN r.time ORDER BY n.id")
    assert [time.to_native() for (time,) in rows] == times
    assert store.backend.check() == []
