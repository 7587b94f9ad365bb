"""Answers in NetworkX, pandas and Arrow hold what the answer holds, whatever that is."""

import json
import math
import pickle
import sys
from datetime import UTC, datetime

import networkx
import pandas
import pyarrow
import pytest

import lineage
from lineage.answers.conversions import Frames, Tables, to_arrow, to_networkx, to_pandas
from lineage.answers.subgraph import Subgraph
from lineage.contract.backend import Backend
from lineage.errors import MissingExtra
from lineage.model.entities import Artifact
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeKind
from lineage.model.times import from_micros, to_micros
from lineage.model.values import ProtoAny
from lineage.queries.provenance import downstream, upstream
from lineage.store import Store
from lineage.testing.builders import writing

FIXED = [
    *("key", "kind", "id", "type", "type_version", "name", "external_id", "uri", "state", "gone"),
    *("create_time", "update_time", "distance"),
]
EDGES = ["source", "target", "kind", "path", "paths", "time"]
HOSTILE = "<script>'\"\n\x1b[2J\x00\u202e"
LARGE = "ü" * 10_000_000
MESSAGE = ProtoAny("type.googleapis.com/a.B", b"\x00\xff")


def tables_of(*customs: dict[str, object]) -> tuple[Frames, Tables]:
    nodes = [
        Artifact(id=number, type="T", custom_properties=custom)
        for number, custom in enumerate(customs, start=1)
    ]
    distances = {node.key: 0 for node in nodes}
    return to_pandas(nodes, (), distances), to_arrow(nodes, (), distances)


@pytest.fixture
def answer(backend: Backend) -> Subgraph:
    """Upstream of a model: two data sets with everything a row can say, one of them deleted."""
    with writing(backend) as new:
        lake = new.artifact(
            name=HOSTILE,
            uri="s3://lake",
            external_id="e",
            state=2,
            properties={"day": 1, "name": "not the name", "kind": True},
            custom={"day": "first", "rate": math.nan},
            created=-1,
        )
        second = new.artifact(properties={"day": 2}, custom={"rate": -math.inf, "": 2**63 - 1})
        run, model = new.execution(state=3), new.artifact(2)
        new.edge(lake, run, time=7, path='[["in",0],["eval"]]')
        new.edge(lake, run, EdgeKind.DECLARED_INPUT)
        new.path(second, run, model)
    with writing(backend) as new:
        new.delete(second)
    return upstream(backend, [model])


def test_networkx_graph_has_nodes_and_edges(answer: Subgraph) -> None:
    graph = answer.to_networkx()
    assert isinstance(graph, networkx.MultiDiGraph)
    assert list(graph) == ["artifact:3", "execution:1", "artifact:1", "artifact:2"]
    assert dict(graph.nodes["artifact:2"]) == {
        "kind": "artifact",
        "id": 2,
        "type": "lineage.Dataset",
        "gone": True,
        "create_time": answer.nodes[3].create_time,
        "update_time": answer.nodes[3].update_time,
        "distance": 2,
        "properties.day": 2,
        "custom_properties.rate": -math.inf,
        "custom_properties.": 2**63 - 1,
    }
    lake = graph.nodes["artifact:1"]
    assert (lake["name"], lake["properties.name"], lake["properties.day"]) == (
        *(HOSTILE, "not the name"),
        1,
    )
    assert (type(lake["kind"]), type(lake["state"]), lake["state"]) == (str, str, "LIVE")
    assert lake["create_time"] == from_micros(-1)
    assert {
        (source, target, key): data for source, target, key, data in graph.edges.data(keys=True)
    } == {
        ("artifact:1", "execution:1", "INPUT"): {
            "path": ("in", 0),
            "paths": (("in", 0), ("eval",)),
            "time": from_micros(7),
        },
        ("artifact:1", "execution:1", "DECLARED_INPUT"): {},
        ("artifact:2", "execution:1", "INPUT"): {},
        ("execution:1", "artifact:3", "OUTPUT"): {},
    }
    assert networkx.shortest_path_length(graph, "artifact:1", "artifact:3") == 2
    pickle.dumps(graph)


def test_frames_and_tables_say_the_same(answer: Subgraph) -> None:
    frames, tables = answer.to_pandas(), answer.to_arrow()
    own = ["properties.day", "properties.kind", "properties.name"]
    custom = ["custom_properties.", "custom_properties.day", "custom_properties.rate"]
    assert list(frames.nodes.columns) == tables.nodes.column_names == [*FIXED, *own, *custom]
    assert list(frames.edges.columns) == tables.edges.column_names == EDGES
    for frame, table in zip(frames, tables, strict=True):
        for name in frame.columns.drop([each for each in ("path", "paths") if each in frame]):
            plain = [None if pandas.isna(value) else value for value in frame[name]]
            values = table.column(name).to_pylist()
            assert [None if pandas.isna(value) else value for value in values] == plain
    assert list(frames.nodes["key"]) == [str(key) for key in answer.keys]
    assert list(frames.nodes["distance"]) == [0, 1, 2, 2]
    assert list(frames.nodes["gone"]) == [False, False, False, True]
    assert frames.nodes["name"][2] == HOSTILE
    assert frames.edges["path"][1] == ("in", 0)
    assert frames.edges["paths"][1] == (("in", 0), ("eval",))
    assert tables.edges.column("path").to_pylist() == [None, '["in",0]', None, None]
    assert tables.edges.column("paths").to_pylist() == [None, '[["in",0],["eval"]]', None, None]
    assert frames.edges["kind"].tolist() == ["DECLARED_INPUT", "INPUT", "INPUT", "OUTPUT"]


def test_types_of_columns_are_of_the_column(answer: Subgraph) -> None:
    frame, table = answer.to_pandas().nodes, answer.to_arrow().nodes
    assert {name: str(kind) for name, kind in frame.dtypes.items() if name not in FIXED} == {
        "properties.day": "Int64",
        "properties.kind": "boolean",
        "properties.name": "string",
        "custom_properties.": "Int64",
        "custom_properties.day": "string",
        "custom_properties.rate": "float64",
    }
    for name in ("create_time", "update_time"):
        assert str(frame[name].dtype) == "datetime64[us, UTC]"
        assert str(table.schema.field(name).type) == "timestamp[us, tz=UTC]"
        assert [to_micros(time.to_pydatetime()) for time in frame[name]] == [
            to_micros(getattr(node, name)) for node in answer.nodes
        ]
    rate = table.column("custom_properties.rate").to_pylist()
    assert math.isnan(rate[2])
    assert (rate[0], rate[1], rate[3]) == (None, None, -math.inf)


@pytest.mark.parametrize(
    ("values", "frame", "table", "texts"),
    [
        ([1, 2.5], "float64", "double", None),
        ([1, None, 2**63 - 1], "Int64", "int64", None),
        ([2**53, 0.5, -(2**53)], "float64", "double", None),
        ([2**53 + 1, 0.5], "object", "string", ["9007199254740993", "0.5"]),
        ([-(2**53) - 1, 0.5], "object", "string", ["-9007199254740993", "0.5"]),
        ([True, 1], "object", "string", ["true", "1"]),
        ([1, "1"], "object", "string", ["1", '"1"']),
        (["a", {"b": [1, None]}], "object", "string", ['"a"', '{"b":[1,null]}']),
        ([{}, []], "object", "string", ["{}", "[]"]),
        ([math.nan, "x"], "object", "string", ["NaN", '"x"']),
        (
            [MESSAGE],
            "object",
            "string",
            ['{"type_url":"type.googleapis.com/a.B","value":"AP8="}'],
        ),
    ],
)
def test_column_is_the_narrowest_that_holds_all(
    values: list[object], frame: str, table: str, texts: list[str] | None
) -> None:
    frames, tables = tables_of(*({"x": value} for value in values), {})
    column, array = frames.nodes["custom_properties.x"], tables.nodes.column("custom_properties.x")
    assert (str(column.dtype), str(array.type)) == (frame, table)
    assert [None if value is None else value for value in array.to_pylist()] == [
        *(values if texts is None else texts),
        None,
    ]
    if frame == "object":
        assert [*column[:-1]] == values or math.isnan(values[0])
        assert [type(value) for value in column[:-1]] == [type(value) for value in values]


def test_no_property_collides() -> None:
    names = ["key", "gone", "distance", "properties.key", "", ".", "a\x00", "custom_properties.key"]
    frames, tables = tables_of(dict.fromkeys(names, 1), dict.fromkeys(names, 2))
    expected = [*FIXED, *sorted(f"custom_properties.{name}" for name in names)]
    assert list(frames.nodes.columns) == tables.nodes.column_names == expected
    given = Artifact(id=1, type="T", properties={"x": 2}, custom_properties={"properties.x": 1})
    content = to_networkx([given], (), {given.key: 0}).nodes["artifact:1"]
    assert content["properties.x"] == 2
    assert content["custom_properties.properties.x"] == 1


def test_large_values_are_kept() -> None:
    frames, tables = tables_of({"x": LARGE, "y": [LARGE]})
    assert frames.nodes["custom_properties.x"][0] == LARGE
    assert json.loads(tables.nodes.column("custom_properties.y")[0].as_py()) == [LARGE]


def test_any_time_is_kept() -> None:
    times = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)]
    nodes = [Artifact(id=n, type="T", create_time=time) for n, time in enumerate(times, start=1)]
    distances = {node.key: 0 for node in nodes}
    assert to_arrow(nodes, (), distances).nodes.column("create_time").to_pylist() == times
    frame = to_pandas(nodes, (), distances).nodes
    assert [time.to_pydatetime() for time in frame["create_time"]] == times
    assert frame["update_time"].isna().all()


def test_empty_answers_have_the_same_columns(answer: Subgraph) -> None:
    empty, full = to_pandas((), (), {}), answer.to_pandas()
    assert [len(frame) for frame in empty] == [0, 0]
    for bare, filled in zip(empty, full, strict=True):
        fixed = filled[list(bare.columns)]
        assert bare.dtypes.to_dict() == fixed.dtypes.to_dict()
    tables = to_arrow((), (), {})
    for nothing, something in zip(tables, answer.to_arrow(), strict=True):
        assert nothing.num_rows == 0
        assert nothing.schema.equals(something.select(nothing.column_names).schema)
    assert len(to_networkx((), (), {})) == 0


def test_edges_of_contexts_are_edges_too(store: Store) -> None:
    class Experiment(lineage.Context):
        pass

    parent = store.put(Experiment(name="all"))
    recorded = store.record(lineage.Train(), outputs=[lineage.Model()], within=[parent])
    edges = [
        lineage.Attribution(context=parent.key, artifact=recorded.outputs[0].key),
        lineage.Association(context=parent.key, execution=recorded.execution.key),
    ]
    kinds = {key for *_, key in to_networkx((), edges, {}).edges(keys=True)}
    assert kinds == {"ATTRIBUTION", "ASSOCIATION"}
    assert to_arrow((), edges, {}).edges.column("time").null_count == 2
    assert to_pandas((), edges, {}).edges["source"].tolist() == ["context:1", "context:1"]


def test_cycles_and_purged_nodes_convert(store: Store) -> None:
    data = lineage.Dataset(name="grown in place", custom_properties={"secret": 1})
    for _ in range(2):
        store.record(lineage.Train(), inputs=[data], outputs=[data])
    store.delete("artifact:1")
    store.purge("artifact:1", reason="law")
    answer = downstream(store.backend, [NodeKey.parse("artifact:1")])
    assert networkx.number_of_selfloops(answer.to_networkx()) == 0
    assert len(answer.to_networkx().edges) == 4
    assert answer.to_pandas().nodes["gone"].tolist() == [True, False, False]
    assert answer.to_arrow().nodes.column_names == FIXED


@pytest.mark.parametrize(
    ("library", "extra", "convert"),
    [("pandas", "pandas", to_pandas), ("pyarrow", "arrow", to_arrow)],
)
def test_missing_library_is_told_with_the_command(
    library: str, extra: str, convert: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'lineage-graph\[{extra}\]'"):
        convert((), (), {})  # type: ignore[operator]


def test_tables_of_arrow_are_arrow(answer: Subgraph) -> None:
    assert all(isinstance(table, pyarrow.Table) for table in answer.to_arrow())
    assert all(isinstance(frame, pandas.DataFrame) for frame in answer.to_pandas())
