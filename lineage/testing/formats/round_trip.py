"""What a format that loses nothing has to do: write any graph, and read the same one again."""

from __future__ import annotations

import io
from typing import Protocol

from hypothesis import HealthCheck, given, settings

from lineage.contract.format import Dumper, Loader
from lineage.testing.formats.graphs import Graph, graphs, whole

__all__ = ["Format", "test_round_trip", "written_and_read"]


class Format(Dumper, Loader, Protocol):
    """A format that is written and read."""


def written_and_read(format: Format, graph: Graph) -> Graph:
    """Return what a format reads of a graph that it wrote."""
    target = io.BytesIO()
    losses = format.dump(graph.batches(), target)
    assert list(losses) == []
    return whole(format.load(io.BytesIO(target.getvalue())))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs())
def test_round_trip(format: Format, graph: Graph) -> None:
    assert written_and_read(format, graph) == tuple(map(list, graph))
