"""What formats of graph tools do with stores of any size and texts of any length."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import networkx as nx
import pytest

import lineage
from lineage.contract.format import dumper
from lineage.interchange.exporting import batches
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, EdgeKind, EdgeRow, NodeRow, TypeRow
from lineage.model.system import SYSTEM_TYPES

STREAMING = ["cytoscape", "gexf", "graphml"]
RUN = NodeKey(Kind.EXECUTION, 1)


def stream(count: int) -> Iterator[Batch]:
    """Yield one execution that read many artifacts."""
    node = NodeRow(RUN, 5, "x" * 100, None, None, None, "{}", "{}", 7, 7, 1, b"")
    yield Batch(types=[TypeRow(each, 0) for each in SYSTEM_TYPES])
    parts = [range(first, first + 100) for first in range(1, count, 100)]
    keys = ([NodeKey(Kind.ARTIFACT, number) for number in part] for part in parts)
    yield from (Batch(nodes=[node._replace(key=key, type_id=1) for key in some]) for some in keys)
    yield Batch(nodes=[node])
    for part in parts:
        ends = [NodeKey(Kind.ARTIFACT, number) for number in part]
        yield Batch(edges=[EdgeRow(key, RUN, EdgeKind.INPUT, 7, None, 1, 1, 1) for key in ends])


class _Nowhere(io.RawIOBase):
    def write(self, text: Any) -> int:
        return len(text)


@pytest.mark.parametrize("format", STREAMING)
def test_memory_does_not_grow_with_the_graph(
    format: str,  # as the options are called
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lineage.formats.streams.IN_MEMORY", 100_000)
    dumper(format).dump(stream(100), _Nowhere())
    peaks = []
    for count in (1_000, 6_000):
        tracemalloc.start()
        dumper(format).dump(stream(count), _Nowhere())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 100_000


@pytest.mark.parametrize("format", STREAMING)
def test_three_million_characters_come_back(format: str) -> None:
    text = "x</script>]]>\U0001f600" * 200_000
    with lineage.connect("memory:") as store:
        store.put(lineage.Dataset(uri=text))
        target = io.BytesIO()
        assert dumper(format).dump(batches(store.backend), target) == ()
    target.seek(0)
    if format == "cytoscape":
        data = json.load(target)["elements"]["nodes"][0]["data"]
    else:
        read: Any = nx.read_gexf if format == "gexf" else nx.read_graphml
        data = read(target).nodes["artifact:1"]
    assert data["uri"] == text
    assert len(data.get("label", "")) <= 60
