"""Streams of batches, as formats see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import IO, TypeVar, cast

from lineage.answers.marks import Graph
from lineage.contract.format import Batches
from lineage.model.rows import Batch, EdgeRow, NodeRow
from lineage.model.schema import AnyType

__all__ = ["graph_of", "types_first", "waiting"]

T = TypeVar("T")
IN_MEMORY = 8_000_000
"""How many bytes wait in memory."""


def waiting() -> IO[bytes]:
    """Return a file for what is written later: in memory while it is small, gone when it is closed."""
    return cast(IO[bytes], SpooledTemporaryFile(IN_MEMORY))


def types_first(batches: Iterable[Batch]) -> tuple[dict[int, AnyType], Iterator[Batch]]:
    """Return a stream's types by id, and the stream from its first nodes or edges on."""
    stream = iter(batches)
    types: dict[int, AnyType] = {}
    for batch in stream:
        types |= {row.type.id: row.type for row in batch.types if row.type.id is not None}
        if batch.nodes or batch.edges:
            return types, chain([batch], stream)
    return types, stream


def graph_of(batches: Iterable[Batch]) -> Graph:
    """Read a whole stream into what a view is made of, with what the stream says that it was asked for."""
    types, rest = types_first(batches)
    nodes: list[NodeRow] = []
    edges: list[EdgeRow] = []
    for batch in rest:
        nodes += batch.nodes
        edges += batch.edges
    if not isinstance(batches, Batches):
        return Graph(nodes, edges, types)
    return Graph(nodes, edges, types, number=batches.number, focus=batches.focus, cuts=batches.cuts)
