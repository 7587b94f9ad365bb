"""What every format that can be written has to do, whoever reads it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

from hypothesis import HealthCheck, given, settings

from lineage.contract.format import Dumper
from lineage.model.canonical import encode
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, NodeRow, TypeRow
from lineage.model.system import SYSTEM_TYPES
from lineage.testing.formats.graphs import HOSTILE, Graph, graphs

__all__ = [
    "test_any_graph_is_written",
    "test_batches_may_be_cut_anywhere",
    "test_empty_graph_is_written",
    "test_hostile_texts_are_written",
]


def written(format: Dumper, batches: Iterable[Batch]) -> tuple[bytes, list[str]]:
    """Return what a format writes of a stream, which it can read once, and what it says was lost."""
    target = io.BytesIO()
    losses = list(format.dump(iter(batches), target))
    assert not target.closed, "the target is the caller's to close"
    assert all(type(each) is str and each for each in losses)
    assert len(set(losses)) == len(losses)
    return target.getvalue(), losses


def rows_of(graph: Graph) -> Iterator[Batch]:
    """Yield a graph a row at a time."""
    yield from (Batch(types=[row]) for row in graph.types)
    yield from (Batch(nodes=[row]) for row in graph.nodes)
    yield from (Batch(edges=[row]) for row in graph.edges)


# A fixture is made once for all the examples of a test; a format keeps nothing between two calls,
# and the same graph written twice shows that.
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs())
def test_any_graph_is_written(format: Dumper, graph: Graph) -> None:
    assert written(format, graph.batches()) == written(format, graph.batches())


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs())
def test_batches_may_be_cut_anywhere(format: Dumper, graph: Graph) -> None:
    assert written(format, rows_of(graph)) == written(format, graph.batches())


def test_empty_graph_is_written(format: Dumper) -> None:
    text, losses = written(format, [])
    assert text
    assert losses == []


def test_hostile_texts_are_written(format: Dumper) -> None:
    """Each as a name, a URI and a property; whether it stays where it belongs, only a reader can tell."""
    types = [TypeRow(each, 0) for each in SYSTEM_TYPES]
    nodes = [
        NodeRow(
            key=NodeKey(Kind.ARTIFACT, number),
            type_id=1,
            name=text,
            external_id=text,
            uri=text,
            state=None,
            properties="{}",
            custom=encode({text: text}),
            created=0,
            updated=0,
            since=0,
            salt=b"",
        )
        for number, text in enumerate(HOSTILE, start=1)
    ]
    text, _ = written(format, Graph(types, nodes, []).batches())
    assert text
