"""Indexes in a SQLite store: those of properties by whatever name, and that questions go by indexes."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from math import isnan
from pathlib import Path
from typing import Any

import pytest

import lineage
from lineage import Artifact, ArtifactType, Execution, Model, Store, Train, ValueType
from lineage.contract.backend import Named
from lineage.contract.writings import AtUri
from lineage.filters.tree import (
    And,
    Compare,
    Filter,
    In,
    Like,
    Not,
    Operator,
    Or,
    Present,
    PropertyColumn,
)
from lineage.model.keys import Kind, NodeKey
from lineage.testing.builders import elsewhere, writing
from tests.backends.files import door, inside

ORDINARY = [
    "day",
    "a b",
    "it's",
    "größe",
    "a.b",
    "$",
    "[0]",
    "",
    "#",
    "-- x",
    "select",
    "?1",
    "%00",
    "😀",
]
NO_PATH = ['dou"ble', "back\\slash", "new\nline", "nul\0"]
"""Names that a JSON path cannot hold: no index, but the same answers."""

VALUES: dict[ValueType, list[Any]] = {
    ValueType.STRING: ["", "a", "A", "b", "ä", "a\0b", "a\\b", "3", "x" * 2000],
    ValueType.INT: [0, -1, 3, 2**53 + 1, 2**63 - 1, -(2**63)],
    ValueType.DOUBLE: [0.0, -0.5, 3.0, 1e300, float("inf"), float("-inf"), float("nan"), 5e-324],
    ValueType.BOOLEAN: [True, False],
}


def filters(column: PropertyColumn, values: list[Any]) -> Iterator[Filter]:
    yield Present(column)
    yield Not(Present(column))
    literals = tuple(value for value in values if not (isinstance(value, float) and isnan(value)))
    for value in literals:
        for operator in Operator:
            yield Compare(column, operator, value)
        if isinstance(value, str):
            yield Like(column, value + "%")
    yield In(column, literals)
    yield Not(In(column, literals[:2]))
    first, second = (Compare(column, Operator.EQ, value) for value in literals[:2])
    yield Or((first, second))
    yield And((Not(first), Present(column)))


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Store]]:
    """Two stores of the same content, without and with indexes."""
    names = [*ORDINARY, *NO_PATH]
    folder = tmp_path_factory.mktemp("twins")
    with lineage.connect(folder / "plain.db") as plain, lineage.connect(folder / "a.db") as indexed:
        for store in (plain, indexed):
            for value_type, values in VALUES.items():
                store.put(
                    ArtifactType(
                        name=value_type,
                        properties=dict.fromkeys(names, value_type),
                        indexed=names if store is indexed else [],
                    )
                )
                store.put(
                    [
                        Artifact(type=value_type, properties=dict.fromkeys(names, value))
                        for value in values
                    ]
                )
        yield plain, indexed


@pytest.mark.parametrize("value_type", VALUES)
@pytest.mark.parametrize("name", [*ORDINARY, *NO_PATH])
def test_index_changes_no_answer(
    name: str, value_type: ValueType, twins: tuple[Store, Store]
) -> None:
    for where in filters(PropertyColumn(name), VALUES[value_type]):
        plain, indexed = ([each.id for each in store.find(Artifact, where)] for store in twins)
        assert plain == indexed, where


def test_properties_have_an_index_where_a_path_can_name_them(twins: tuple[Store, Store]) -> None:
    plain, indexed = twins
    assert property_indexes(plain) == set()
    assert property_indexes(indexed) == {f"property.{name}" for name in ORDINARY}
    assert plain.check() == indexed.check() == []


def test_properties_that_differ_by_case_have_an_index_each(tmp_path: Path) -> None:
    names = ["accuracy", "Accuracy", "ACCURACY", "accuracy#41"]
    with lineage.connect(tmp_path / "cases.db") as store:
        store.put(ArtifactType(name="C", properties=dict.fromkeys(names, "INT"), indexed=names))
        assert len(property_indexes(store)) == len(names)
        for name in names:
            with plans(store) as gathered:
                assert not store.find(Artifact, f"properties.`{name}` = 1").items
            assert any("USING INDEX property." in plan for plan in gathered), name
    with lineage.connect(tmp_path / "cases.db") as store:
        assert len(property_indexes(store)) == len(names)


def property_indexes(store: Store) -> set[str]:
    found = inside(store).execute("SELECT name FROM sqlite_schema WHERE name LIKE 'property.%'")
    return {name for (name,) in found}


# Plans


@contextmanager
def plans(store: Store) -> Iterator[list[str]]:
    """Gather SQLite's plan of each question that a block asks of a store's nodes or edges."""
    gathered: list[str] = []
    asked: list[str] = []
    inside(store).set_trace_callback(asked.append)
    yield gathered
    inside(store).set_trace_callback(None)
    with door(Path(store.backend._file.path)) as own:  # type: ignore[attr-defined]
        for name in ("lineage_like", "lineage_like_value"):
            own.create_function(name, 2, lambda *_: None, deterministic=True)
        for text in asked:
            if text.startswith(("SELECT", "WITH")) and (" node" in text or " edge" in text):
                steps = own.execute(f"EXPLAIN QUERY PLAN {text}").fetchall()
                gathered.append("; ".join(step[3] for step in steps))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with lineage.connect(tmp_path / "a.db") as store:
        types = {"day": ValueType.INT, "it's": ValueType.STRING, "free": ValueType.INT}
        store.put(ArtifactType(name="T", properties=types, indexed=["day", "it's"]))
        store.put(
            [
                Artifact(
                    type="T",
                    name=f"{turn}",
                    uri=f"s3://{turn}",
                    external_id=f"{turn}",
                    properties={"day": turn % 50, "it's": f"{turn}", "free": turn},
                )
                for turn in range(300)
            ]
        )
        store.record(Train(), inputs=[store.get("artifact:1")], outputs=[Model()])
        yield store


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("properties.day = 7", "property.day"),
        ("type = 'T' AND properties.day = 7", "property.day"),
        ("properties.day > 48 AND properties.day < 50", "property.day"),
        ("properties.day IN (1, 2)", "property.day"),
        ("properties.`it's` = '7'", "property.it's"),
        ("name = '7'", "node_name"),
        ("type = 'T' AND name = '7'", "node_name"),
        ("uri = 's3://7'", "node_uri"),
        ("type = 'T' AND uri = 's3://7'", "node_uri"),
        ("external_id = '7'", "node_external_id"),
        ("type = 'T' AND external_id = '7'", "node_external_id"),
        ("type = 'lineage.Model'", "node_type"),
        ("id = 7", "INTEGER PRIMARY KEY"),
        ("events_a.execution_id = 1", "INTEGER PRIMARY KEY"),
    ],
)
def test_question_goes_by_an_index(where: str, index: str, store: Store) -> None:
    with plans(store) as gathered:
        found = store.find(Artifact, where)
    assert found
    (plan,) = gathered
    assert index in plan
    assert "SCAN n" not in plan


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("name = '7'", "node_past_name"),
        ("uri = 's3://7'", "node_past_uri"),
        ("external_id = '7'", "node_past_external_id"),
    ],
)
def test_question_about_the_past_goes_by_an_index(where: str, index: str, store: Store) -> None:
    number = store.backend.now()
    for each in store.find(Artifact, "type = 'T'"):
        store.update(each.replace(name=None, uri=None, external_id=None))
    with plans(store) as gathered:
        (found,) = store.at(number).find(Artifact, where)
    assert found.name == "7"
    assert any(index in plan for plan in gathered)
    assert not any("SCAN n" in plan for plan in gathered)


def test_question_without_an_index_still_has_its_answer(store: Store) -> None:
    with plans(store) as gathered:
        (found,) = store.find(Artifact, "properties.free = 7")
    assert found.name == "7"
    assert gathered
    assert "property" not in gathered[0]


def test_recording_looks_up_by_uri_and_not_through_the_type(store: Store) -> None:
    (known,) = store.find(Artifact, "uri = 's3://7'")
    with plans(store) as gathered, store.run(Train(), environment=False) as run:
        assert run.input(Artifact(type="T", uri="s3://7")) == known
    assert any("node_uri" in plan for plan in gathered)
    assert not any("node_type" in plan for plan in gathered)


def test_orders_go_by_indexes(store: Store) -> None:
    for order, index in (("create_time", "node_created"), ("update_time", "node_updated")):
        with plans(store) as gathered:
            store.find(Execution, order_by=order, limit=1)
            store.find(Artifact, order_by=order, limit=10, descending=True)
        assert all(index in plan and "TEMP B-TREE" not in plan for plan in gathered), gathered


def test_walks_go_by_indexes(store: Store) -> None:
    with plans(store) as gathered:
        assert len(store.upstream("artifact:301").nodes) == 3
        assert len(store.downstream("artifact:1").nodes) == 3
    assert gathered
    for plan in gathered:
        assert "SCAN n" not in plan
        assert "SCAN e" not in plan


def test_type_that_gets_an_index_later(store: Store) -> None:
    store.put(
        ArtifactType(name="T", properties={"free": ValueType.INT}, indexed=["free"]), can_omit=True
    )
    with plans(store) as gathered:
        assert [each.name for each in store.find(Artifact, "properties.free = 7")] == ["7"]
    assert "property.free" in gathered[0]
    assert store.check() == []


def test_digests_are_looked_up_by_indexes_now_and_in_the_past(store: Store) -> None:
    digests = [f"sha256:{turn:064x}" for turn in range(50)]
    store.put([Artifact(type="T", custom_properties={"digest": each}) for each in digests])
    number = store.backend.now()
    for each in store.find(Artifact, "custom_properties.digest LIKE 'sha256:%'"):
        store.update(each.replace(custom_properties={}))
    for as_of, indexes in ((None, ["node_digest"]), (number, ["node_digest", "node_past_digest"])):
        with plans(store) as gathered:
            found = store.backend.with_digests([digests[7]], as_of=as_of)
        assert len(found[digests[7]]) == len(indexes) - 1
        assert all(any(index in plan for plan in gathered) for index in indexes)
        assert not any("SCAN n" in plan for plan in gathered)


def test_look_ups_of_the_past_go_by_indexes(store: Store) -> None:
    number, backend = store.backend.now(), store.backend
    named = Named(store.types(name="T")[0].id or 0, "7")
    with backend.transaction():
        assert backend.pin() == number
        elsewhere(lambda: rename(store, "7"))
        with plans(store) as gathered:
            (row,) = backend.lookup([named])[named]
            (writing,) = backend.writings(AtUri("s3://7"))
    assert row.key == writing.artifact
    assert any("node_past_name" in plan for plan in gathered)
    assert any("node_past_uri" in plan for plan in gathered)
    assert not any("SCAN n" in plan or "SCAN e" in plan for plan in gathered)


def rename(store: Store, name: str) -> None:
    (node,) = store.find(Artifact, f"name = '{name}'")
    store.update(node.replace(name="other", uri="other"))


@pytest.mark.parametrize(
    ("text", "index"), [("7", "name"), ("s3://7", "uri"), ("7.csv", "last_part")]
)
def test_beginnings_are_ranges_of_indexes_now_and_in_the_past(
    text: str, index: str, store: Store
) -> None:
    store.update(store.get("artifact:8").replace(uri="s3://7/7.csv/"))
    number = store.backend.now()
    rename(store, "7")
    for as_of, tables in ((None, ["node"]), (number, ["node", "node_past"])):
        with plans(store) as gathered:
            found = store.backend.beginning_with(text, as_of=as_of, limit=100)
        assert (NodeKey(Kind.ARTIFACT, 8) in {row.key for row in found}) == (as_of is not None)
        for table in tables:
            assert any(f"INDEX {table}_{index} (" in plan for plan in gathered)
        assert not any("SCAN n" in plan or "TEMP B-TREE" in plan for plan in gathered)


def test_pages_of_edges_come_in_the_order_of_an_index(store: Store) -> None:
    with writing(store.backend) as new:
        part, data, run = new.context(), new.artifact(), new.execution()
        keys = [new.edge(part, data), new.edge(part, run), new.edge(data, run)]
    for as_of in (None, store.backend.now()):
        with plans(store) as gathered:
            for node, after in product((part, data, run), (None, *keys)):
                store.backend.edge_page(node, after=after, limit=5, as_of=as_of)
        assert gathered
        assert not any("SCAN" in plan or "TEMP B-TREE" in plan for plan in gathered)
        assert any("edge_src (src=? AND <expr>=? AND (dst,kind)>" in plan for plan in gathered)
