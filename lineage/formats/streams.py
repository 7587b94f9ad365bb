"""Streams of batches, as formats see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TypeVar

from lineage.model.rows import Batch
from lineage.model.schema import AnyType

__all__ = ["types_first"]

T = TypeVar("T")


def types_first(batches: Iterable[Batch]) -> tuple[dict[int, AnyType], Iterator[Batch]]:
    """Return a stream's types by id, and the stream from its first nodes or edges on."""
    stream = iter(batches)
    types: dict[int, AnyType] = {}
    for batch in stream:
        types |= {row.type.id: row.type for row in batch.types if row.type.id is not None}
        if batch.nodes or batch.edges:
            return types, chain([batch], stream)
    return types, stream
