"""CSV as Python's reader and pandas read it, cell by cell."""

import csv
import io
import math
import tracemalloc
from collections.abc import Collection, Iterable, Iterator
from typing import IO, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lineage
from lineage.contract.format import Dumper
from lineage.formats import csv_pair, streams
from lineage.formats.flat import edge_fields, node_fields
from lineage.interchange.exporting import batches
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, NodeRow, TypeRow
from lineage.model.system import SYSTEM_TYPES
from lineage.testing.builders import eventful
from lineage.testing.formats.dumping import *  # noqa: F403
from lineage.testing.formats.graphs import HOSTILE, Graph, graphs


class _OneAfterTheOther:
    """Both files in one, as the tests of all formats want it."""

    def dump(self, batches: Iterable[Batch], target: IO[bytes]) -> Collection[str]:
        parts = [io.BytesIO() for _ in csv_pair.PARTS]
        losses = csv_pair.dump_parts(batches, parts)
        target.write(b"".join(part.getvalue() for part in parts))
        return losses


@pytest.fixture
def format() -> Dumper:  # noqa: A001 - the fixture's name
    return _OneAfterTheOther()


def written(stream: Iterable[Batch]) -> tuple[bytes, bytes, Collection[str]]:
    nodes, edges = io.BytesIO(), io.BytesIO()
    losses = csv_pair.dump_parts(stream, [nodes, edges])
    return nodes.getvalue(), edges.getvalue(), losses


def rows_of(text: bytes) -> list[dict[str, str]]:
    """Return the rows of a file, all of which have every column."""
    header, *rows = csv.reader(io.StringIO(text.decode(), newline=""), strict=True)
    assert len({*header}) == len(header)
    return [dict(zip(header, row, strict=True)) for row in rows]


def spelled(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return str(value).replace("\0", "\ufffd")


@settings(max_examples=100)
@given(graphs())
def test_every_field_is_a_cell(graph: Graph) -> None:
    nodes, edges, losses = written(graph.batches())
    types = {row.type.id or 0: row.type for row in graph.types}
    for row, cells in zip(graph.nodes, rows_of(nodes), strict=True):
        fields = node_fields(row, types[row.type_id])
        expected = {"id": str(row.key), "gone": "false", "purged": "false"}
        expected |= {each.title: spelled(each.value) for each in fields if "\0" not in each.title}
        assert expected.items() <= cells.items()
        if not losses:
            absent = cells.keys() - expected.keys() - {"label"}
            assert not any(cells[name] for name in absent)
    for edge, cells in zip(graph.edges, rows_of(edges), strict=True):
        ends = {"source": str(edge.source), "target": str(edge.target)}
        expected = ends | {each.title: spelled(each.value) for each in edge_fields(edge)}
        assert {name: cell for name, cell in cells.items() if cell} == expected


@given(st.sampled_from(HOSTILE), st.sampled_from(HOSTILE))
@settings(max_examples=60)
def test_hostile_texts_come_back(name: str, key: str) -> None:
    with lineage.connect("memory:") as store:
        store.put(lineage.Model(name=name, custom_properties={key: name}))
        nodes, _, losses = written(batches(store.backend))
    (cells,) = rows_of(nodes)
    assert cells["name"] == spelled(name)
    assert cells[f"custom_properties.{spelled(key)}"] == spelled(name)
    assert bool(losses) is ("\0" in name or "\0" in key)


def test_pandas_reads_types(store: lineage.Store) -> None:
    store.put(
        lineage.Dataset(uri="a, b\r\nc", custom_properties={"n": 1, "r": 0.5, "t": "x", "b": True})
    )
    store.put(
        lineage.Dataset(uri='"q"', custom_properties={"n": 2, "r": -math.inf, "t": "", "b": False})
    )
    nodes, edges, losses = written(batches(store.backend))
    assert losses == ()
    frame: Any = pd.read_csv(io.BytesIO(nodes), keep_default_na=False)
    assert list(frame["uri"]) == ["a, b\r\nc", '"q"']
    assert list(frame["custom_properties.n"]) == [1, 2]
    assert list(frame["custom_properties.r"]) == [0.5, -math.inf]
    assert list(frame["custom_properties.b"]) == [True, False]
    assert list(frame["custom_properties.t"]) == ["x", ""]
    assert pd.to_datetime(frame["create_time"]).dt.tz is not None
    assert len(pd.read_csv(io.BytesIO(edges))) == 0


def test_of_a_store_with_a_past(store: lineage.Store) -> None:
    eventful(store.backend)
    nodes, edges, _ = written(batches(store.backend))
    by_id = {cells["id"]: cells for cells in rows_of(nodes)}
    assert (by_id["artifact:1"]["purged"], by_id["artifact:3"]["gone"]) == ("true", "true")
    assert {cells[end] for cells in rows_of(edges) for end in ("source", "target")} <= by_id.keys()


def test_an_empty_text_is_not_nothing(store: lineage.Store) -> None:
    store.put([lineage.Dataset(uri=""), lineage.Dataset()])
    nodes, _, _ = written(batches(store.backend))
    lines = nodes.decode().splitlines()[1:]
    place = nodes.decode().splitlines()[0].split(",").index("uri")
    assert [line.split(",")[place] for line in lines] == ['""', ""]


def test_what_a_spreadsheet_takes_for_a_formula_stays_as_it_is(store: lineage.Store) -> None:
    texts = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"]
    store.put([lineage.Dataset(name=text) for text in texts])
    nodes, _, _ = written(batches(store.backend))
    assert [cells["name"] for cells in rows_of(nodes)] == texts


def test_columns_that_nul_made_the_same_are_told_apart(store: lineage.Store) -> None:
    store.put(lineage.Dataset(custom_properties={"a\0": 1, "a\ufffd": 2}))
    nodes, _, losses = written(batches(store.backend))
    (cells,) = rows_of(nodes)
    assert sorted(cells[name] for name in cells if name.startswith("custom_properties.a")) == [
        "1",
        "2",
    ]
    assert len(losses) == 1


def test_memory_does_not_grow_with_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "IN_MEMORY", 100_000)
    node = NodeRow(
        NodeKey(Kind.ARTIFACT, 1), 1, "x" * 100, None, None, None, "{}", "{}", 7, 7, 1, b""
    )

    def stream(count: int) -> Iterator[Batch]:
        yield Batch(types=[TypeRow(each, 0) for each in SYSTEM_TYPES])
        for start in range(1, count, 100):
            keys = [NodeKey(Kind.ARTIFACT, n) for n in range(start, start + 100)]
            yield Batch(nodes=[node._replace(key=key) for key in keys])

    class Nowhere(io.RawIOBase):
        def write(self, text: object) -> int:
            return 0

    csv_pair.dump_parts(stream(100), [Nowhere(), Nowhere()])
    peaks = []
    for count in (4_000, 8_000):  # more than what waits in memory
        tracemalloc.start()
        csv_pair.dump_parts(stream(count), [Nowhere(), Nowhere()])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 100_000
