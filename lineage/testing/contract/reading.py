"""Nodes, edges, types and look-ups: what comes back, whole and in which order."""

import math
from collections.abc import Collection

import pytest

from lineage.contract.backend import Backend, External, Named, Reference
from lineage.contract.walking import Direction
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EVENT_KINDS, EdgeKey, EdgeKind, NodeRow, TypeRow
from lineage.model.schema import AnyType, ArtifactType, ContextType, ExecutionType, Schema
from lineage.model.system import SYSTEM_TYPES
from lineage.model.times import to_time
from lineage.model.values import ProtoAny, ValueType
from lineage.testing.builders import DATASET, MODEL, TRAIN, chain, elsewhere, eventful, writing

ODD_VALUES = {
    "int": 2**63 - 1,
    "least": -(2**63),
    "float": 0.1,
    "huge": 1.7976931348623157e308,
    "tiny": 5e-324,
    "minus zero": -0.0,
    "whole float": 1.0,
    "infinite": math.inf,
    "negative": -math.inf,
    "nan": math.nan,
    "true": True,
    "text": "ä\U0001f600\x00\x01\x02\ufeff\u2028\\\"'",
    "looks like a tag": '{"float":"nan"}',
    "struct": {"b": [1, None, {"a": "\x00"}], "": {}},
    "list": [],
    "any": ProtoAny("type.googleapis.com/x", b"\x00\xff"),
    "": "no name",
    "\x00\x01": "control characters",
    'quo"te': 1,
    "a.b[0]": 2,
    "$": 3,
}


# Nodes


def test_row_comes_back_as_it_was_written(backend: Backend) -> None:
    with writing(backend) as new:
        rows = [
            new.row(
                Kind.ARTIFACT,
                name="n\x00",
                external_id="'\"",
                uri="s3://ä?\n",
                state=6,
                properties=ODD_VALUES,
                custom=ODD_VALUES,
                created=-1,
                updated=2**62,
            ),
            new.row(Kind.EXECUTION, state=0),
            new.row(Kind.CONTEXT, name="c"),
        ]
        new.write(nodes=rows)
        assert backend.nodes([row.key for row in rows]) == {row.key: row for row in rows}
    assert backend.nodes([row.key for row in rows]) == {row.key: row for row in rows}
    assert backend.find(Kind.ARTIFACT) == rows[:1]
    assert backend.versions(rows[0].key) == rows[:1]


def test_rows_are_of_the_contracts_types(backend: Backend) -> None:
    eventful(backend)
    keys = [NodeKey(kind, 1) for kind in Kind]
    for row in backend.nodes(keys).values():
        assert type(row) is NodeRow
        assert type(row.key) is NodeKey
        assert type(row.key.kind) is Kind
        assert type(row.gone) is bool
    for edge in backend.edges(keys):
        assert type(edge.kind) is EdgeKind
        assert type(edge.source.kind) is type(edge.target.kind) is Kind
    for found in backend.types():
        assert type(found) is TypeRow


def test_nodes_that_do_not_exist_are_left_out(backend: Backend) -> None:
    data, run = chain(backend, 2)
    asked = [NodeKey(Kind.CONTEXT, 1), run, NodeKey(Kind.ARTIFACT, 2), data, run]
    assert backend.nodes(asked).keys() == {data, run}
    assert backend.nodes(frozenset(asked)).keys() == {data, run}
    assert backend.nodes([]) == {}
    assert backend.nodes([NodeKey(Kind.ARTIFACT, 2**60 - 1)]) == {}


def test_ids_of_kinds_are_kept_apart(backend: Backend) -> None:
    with writing(backend) as new:
        keys = [new.artifact(name="a"), new.execution(name="e"), new.context(name="c")]
    assert {key.id for key in keys} == {1}
    assert [backend.nodes([key])[key].name for key in keys] == ["a", "e", "c"]


# Edges


def test_edges_go_by_source_target_and_kind(backend: Backend) -> None:
    with writing(backend) as new:
        new.context(name="parent")
        data = [new.artifact() for _ in range(11)]
        runs = [new.execution() for _ in range(11)]
        contexts = [new.context(name=str(number)) for number in range(3)]
        for run in reversed(runs):
            new.edge(run, data[3])
            new.edge(data[10], run, time=4, path='["x",1]')
            new.edge(data[10], run, EdgeKind.DECLARED_INPUT)
        new.edge(contexts[2], contexts[0])
        new.edge(contexts[1], contexts[2])
        new.edge(contexts[1], runs[10])
        new.edge(contexts[1], data[3])
    everyone = [*contexts, *runs, *data]
    edges = backend.edges(everyone)
    assert len(edges) == 37
    assert edges == sorted(edges)
    assert [edge[:3] for edge in edges] == sorted({edge[:3] for edge in edges})
    assert backend.edges(everyone[::-1]) == edges
    assert [str(edge.target) for edge in backend.edges([contexts[1]])] == [
        "artifact:4",
        "context:4",
        "execution:11",
    ]


def test_edges_by_direction(backend: Backend) -> None:
    first, run, second = chain(backend, 3)
    into, out = backend.edges([run])
    assert backend.edges([run], Direction.UPSTREAM) == [into]
    assert backend.edges([run], Direction.DOWNSTREAM) == [out]
    assert backend.edges([run], Direction.BOTH) == [into, out]
    assert backend.edges([first], Direction.UPSTREAM) == []
    assert backend.edges([second, second], Direction.UPSTREAM) == [out]
    assert backend.edges([first, run, second], Direction.BOTH) == [into, out]
    assert backend.edges([NodeKey(Kind.ARTIFACT, 99)]) == []


@pytest.mark.parametrize("direction", Direction)
def test_edge_from_a_node_to_itself_is_met_once(direction: Direction, backend: Backend) -> None:
    """The rules of writing refuse a circle of contexts; a storage has to bear one all the same."""
    with writing(backend) as new:
        own = new.context(name="own")
        loop = new.edge(own, own, EdgeKind.PARENT)
    assert [row.key for row in backend.edges([own], direction)] == [loop]
    assert [row.key for row in backend.edges([own], direction, as_of=backend.now())] == [loop]


@pytest.mark.parametrize(
    "kinds",
    [
        None,
        EVENT_KINDS,
        [EdgeKind.PARENT],
        {EdgeKind.ASSOCIATION, EdgeKind.INPUT},
        [],
        list(EdgeKind),
    ],
)
def test_edges_by_kind(kinds: Collection[EdgeKind] | None, backend: Backend) -> None:
    with writing(backend) as new:
        data, run, part = new.artifact(), new.execution(), new.context()
        new.edge(data, run)
        new.edge(run, data)
        new.edge(part, data)
        new.edge(part, run)
        new.edge(new.context(), part)
    keys = [data, run, part]
    expected = [edge for edge in backend.edges(keys) if kinds is None or edge.kind in kinds]
    assert backend.edges(keys, kinds=kinds) == expected


def test_edge_content_comes_back(backend: Backend) -> None:
    path = '["a",0,-9223372036854775808,"","\\u0000ä"]'
    with writing(backend) as new:
        rows = [
            new.joined(new.artifact(), new.execution(), time=time, path=path)
            for time in (None, 0, -(2**62), 2**62)
        ]
        new.write(edges=rows)
    assert backend.edges([row.target for row in rows]) == rows


def test_edges_that_exist_among_some(backend: Backend) -> None:
    first, run, second = chain(backend, 3)
    with writing(backend) as new:
        part = new.context()
        new.edge(part, run)
        new.end(new.edge(run, first), new.joined(run, second).key)
    there = [EdgeKey(first, run, EdgeKind.INPUT), EdgeKey(part, run, EdgeKind.ASSOCIATION)]
    absent = [
        EdgeKey(run, second, EdgeKind.OUTPUT),
        EdgeKey(run, first, EdgeKind.OUTPUT),
        EdgeKey(first, run, EdgeKind.DECLARED_INPUT),
        EdgeKey(NodeKey(Kind.ARTIFACT, 99), run, EdgeKind.INPUT),
    ]
    for asked in ([*there, *absent], there, absent, []):
        expected = {key for key in asked if key in there}
        assert backend.existing_edges(asked) == expected
        assert Backend.existing_edges(backend, asked) == expected
    with writing(backend) as new:
        new.end(there[0])
        new.edge(run, second)
        assert backend.existing_edges([*there, *absent]) == {there[1], absent[0]}
        assert elsewhere(lambda: backend.existing_edges([*there, *absent])) == set(there)


def test_many_edges_that_exist_among_some(backend: Backend) -> None:
    with writing(backend) as new:
        data = [new.artifact() for _ in range(6)]
        runs = [new.execution() for _ in range(6)]
        for one in data:
            for run in runs[:3]:
                new.edge(one, run)
    asked = [EdgeKey(one, run, EdgeKind.INPUT) for one in data for run in runs]
    expected = {key for key in asked if key.target in runs[:3]}
    assert backend.existing_edges(asked) == expected


def test_live_nodes_among_some(backend: Backend) -> None:
    first, run, second = chain(backend, 3)
    with writing(backend) as new:
        new.delete(second)
    asked = [first, run, second, NodeKey(Kind.CONTEXT, 99)]
    assert backend.live(asked) == Backend.live(backend, asked) == {first, run}
    assert backend.live([]) == set()
    with writing(backend) as new:
        third = new.artifact()
        new.delete(first)
        assert backend.live([*asked, third]) == {run, third}
        assert elsewhere(lambda: backend.live([*asked, third])) == {first, run}


# Types


def test_system_types_come_first(backend: Backend) -> None:
    assert [row.type for row in backend.types()] == list(SYSTEM_TYPES)
    assert [row.type.id for row in backend.types()] == list(range(1, 10))
    assert {(row.since, row.until) for row in backend.types()} == {(0, None)}


def test_types_are_one_object_while_none_changes(backend: Backend) -> None:
    types = backend.types()
    chain(backend, 3)
    assert backend.types() is types
    with writing(backend) as new:
        new.artifact()
        assert backend.types() is types
        new.type(Kind.CONTEXT, "Experiment")
        assert backend.types() is not types
        assert elsewhere(backend.types) is types
    assert backend.types() is not types
    assert len(backend.types()) == 10
    assert backend.types() is elsewhere(backend.types)
    assert len(types) == 9


def test_types_come_back_whole(backend: Backend) -> None:
    structure = {"any": [1.5, None, {"b": True, "a": ""}], "none": None, "big": 2**63 - 1}
    types: list[AnyType] = [
        ArtifactType(
            id=10,
            name="A\x00",
            version="ä",
            description="",
            external_id="'",
            properties=Schema(a=ValueType.INT, **{"": ValueType.PROTO, "\x00": ValueType.STRUCT}),
            base="lineage.Model",
            indexed=("", "a"),
            create_time=to_time("2026-03-01T00:00:00.000001Z"),
            update_time=to_time("0001-01-01T00:00:00Z"),
        ),
        ExecutionType(id=11, name="A\x00", input_type=structure, output_type=[None]),
        ExecutionType(id=12, name="A\x00", version="2", input_type="text", output_type=0),
        ContextType(id=2**40, name="Kept"),
    ]
    with writing(backend) as new:
        new.write(types=[TypeRow(each, new.number) for each in types])
        assert [row.type for row in backend.types()[9:]] == types
    assert [row.type for row in backend.types()[9:]] == types
    assert [row.type.kind for row in backend.types()[9:]] == [each.kind for each in types]
    assert list(backend.types()) == list(backend.types(as_of=1))


def test_changed_type_replaces_its_row(backend: Backend) -> None:
    with writing(backend) as new:
        new.type(Kind.CONTEXT, "A")
        new.type(Kind.CONTEXT, "B")
    with writing(backend) as new:
        new.type(Kind.CONTEXT, "A", id=10, description="lost")
        new.type(Kind.CONTEXT, "A", id=10, description="changed")
    with writing(backend) as new:
        new.type(Kind.ARTIFACT, "lineage.Dataset", id=1, properties={"day": "INT"})
    rows = backend.types()
    assert [row.type.id for row in rows] == list(range(1, 12))
    assert [row.since for row in rows] == [3, *[0] * 8, 2, 1]
    assert rows[9].type.description == "changed"
    assert [row.type.description for row in backend.types(as_of=1)[9:]] == [None, None]
    assert backend.types(as_of=2)[0].type == SYSTEM_TYPES[0]
    assert len(backend.types(as_of=0)) == 9
    assert {row.until for number in range(4) for row in backend.types(as_of=number)} == {None}
    assert [head.schema for head in backend.log()] == [3, 2, 1]


# Look-ups


def looked_up(backend: Backend, *references: Reference) -> dict[Reference, list[NodeRow]]:
    """Ask a backend, which must agree with the contract's own way."""
    answer = backend.lookup(references)
    assert answer == Backend.lookup(backend, references)
    return answer


def test_lookup_by_name_and_external_id(backend: Backend) -> None:
    with writing(backend) as new:
        data = new.artifact(name="a", external_id="x")
        run = new.execution(name="a", external_id="x")
        other = new.artifact(MODEL, name="", external_id="")
        part = new.context(name="a", external_id="x")
        new.delete(new.artifact(name="gone", external_id="gone"))
        type_id = backend.nodes([part])[part].type_id
    found: dict[Reference, NodeKey | None] = {
        Named(DATASET, "a"): data,
        Named(MODEL, "a"): None,
        Named(MODEL, ""): other,
        Named(TRAIN, "a"): run,
        Named(type_id, "a"): part,
        Named(99, "a"): None,
        Named(DATASET, "gone"): None,
        Named(DATASET, "A"): None,
        External(Kind.ARTIFACT, "x"): data,
        External(Kind.EXECUTION, "x"): run,
        External(Kind.CONTEXT, "x"): part,
        External(Kind.ARTIFACT, ""): other,
        External(Kind.CONTEXT, ""): None,
        External(Kind.ARTIFACT, "gone"): None,
    }
    answer = looked_up(backend, *found)
    assert list(answer) == list(found)
    assert {reference: [row.key for row in rows] for reference, rows in answer.items()} == {
        reference: [] if key is None else [key] for reference, key in found.items()
    }
    assert answer[Named(DATASET, "a")] == [backend.nodes([data])[data]]


def test_lookup_sees_own_writes(backend: Backend) -> None:
    reference = Named(DATASET, "a")
    with writing(backend) as new:
        key = new.artifact(name="a")
        assert [row.key for row in looked_up(backend, reference)[reference]] == [key]
        assert elsewhere(lambda: looked_up(backend, reference)) == {reference: []}
        new.update(key, name="b")
        assert looked_up(backend, reference) == {reference: []}
    assert looked_up(backend, reference) == {reference: []}


def test_lookup_of_many(backend: Backend) -> None:
    with writing(backend) as new:
        rows = [
            new.row(Kind.ARTIFACT, name=str(each), external_id=str(each), uri=str(each))
            for each in range(1200)
        ]
        new.write(nodes=rows)
    references: list[Reference] = []
    for row in rows:
        assert row.name is not None
        references += [Named(DATASET, row.name), External(Kind.ARTIFACT, row.name)]
    answer = backend.lookup(references)
    assert len(answer) == 2400
    assert {len(found) for found in answer.values()} == {1}
    assert all(answer[Named(DATASET, str(row.name))] == [row] for row in rows)
