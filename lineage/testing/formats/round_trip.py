"""What a format that loses nothing has to do: write any graph, and read the same one again."""

from __future__ import annotations

import io
from contextlib import suppress
from itertools import pairwise
from typing import Protocol

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.contract.format import Dumper, Loader
from lineage.errors import Invalid
from lineage.model.rows import Batch
from lineage.testing.formats.dumping import written
from lineage.testing.formats.graphs import Graph, graphs, whole

__all__ = [
    "test_beginning_of_a_file_is_invalid_at_worst",
    "test_noise_is_invalid_at_worst",
    "test_round_trip",
    "test_types_come_before_nodes_before_edges",
    "written_and_read",
]


class Format(Dumper, Loader, Protocol):
    """A format that is written and read."""


def written_and_read(format: Format, graph: Graph) -> Graph:
    """Return what a format reads of a graph that it wrote."""
    text, losses = written(format, graph.batches())
    assert losses == []
    return whole(format.load(io.BytesIO(text)))


def read_at_worst_invalid(format: Loader, text: bytes) -> None:
    """Read a file that may be malformed, which no other error than `Invalid` may say."""
    with suppress(Invalid):
        whole(format.load(io.BytesIO(text)))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs())
def test_round_trip(format: Format, graph: Graph) -> None:
    assert written_and_read(format, graph) == tuple(map(list, graph))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs())
def test_types_come_before_nodes_before_edges(format: Format, graph: Graph) -> None:
    text, _ = written(format, graph.batches())
    parts = [part for batch in format.load(io.BytesIO(text)) for part in parts_of(batch)]
    assert all(one <= following for one, following in pairwise(parts))


def parts_of(batch: Batch) -> list[str]:
    """Return which parts a batch has, under names that sort as the parts must come."""
    assert not batch.updates
    parts = [("1 types", batch.types), ("2 nodes", batch.nodes), ("3 edges", batch.edges)]
    return [name for name, rows in parts if rows]


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs(), part=st.floats(0, 1))
def test_beginning_of_a_file_is_invalid_at_worst(format: Format, graph: Graph, part: float) -> None:
    text, _ = written(format, graph.batches())
    read_at_worst_invalid(format, text[: int(len(text) * part)])


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(noise=st.binary(max_size=100))
def test_noise_is_invalid_at_worst(format: Loader, noise: bytes) -> None:
    read_at_worst_invalid(format, noise)
