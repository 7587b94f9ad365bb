"""Cuts what goes to a storage, or comes from another system, into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

__all__ = ["batched"]

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of a size; the last may be shorter.

    `itertools.batched` is of Python 3.12.
    """
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
