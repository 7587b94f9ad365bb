"""Nodes by the beginning of their name, their URI, or the last part of the URI: what a search box asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.model.entities import Node
from lineage.model.keys import Kind
from lineage.model.rows import entities_of

__all__ = ["Hits", "search"]


@dataclass(frozen=True, slots=True)
class Hits(Sequence[Node]):
    """The nodes that a search met, in the order of their texts; `truncated` where there are more."""

    items: tuple[Node, ...]
    truncated: bool

    @overload
    def __getitem__(self, index: int) -> Node: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Node]: ...
    def __getitem__(self, index: int | slice) -> Node | Sequence[Node]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)


def search(
    backend: Backend,
    text: str,
    *,
    kind: Kind | None = None,
    limit: int | None = None,
    as_of: int | None = None,
) -> Hits:
    """Return the live nodes, of a kind or of all, that have a text which begins so.

    `Invalid` for an empty text.

    >>> import lineage
    >>> store = lineage.connect("memory:")
    >>> _ = store.put(
    ...     [
    ...         lineage.Dataset(uri="s3://lake/churn.csv"),
    ...         lineage.Model(name="churn"),
    ...         lineage.Model(name="old churn"),
    ...     ]
    ... )
    >>> [str(node.key) for node in search(store.backend, "churn")]
    ['artifact:2', 'artifact:1']
    >>> search(store.backend, "churn", limit=1).truncated
    True
    """
    number = backend.pin(as_of)
    more = None if limit is None else limit + 1
    rows = backend.beginning_with(text, kind=kind, limit=more, as_of=number)
    types = registry(backend, number).by_id
    return Hits(tuple(entities_of(rows[:limit], types)), truncated=len(rows) != len(rows[:limit]))
