"""Nodes by the beginning of their name, their URI, or the last part of the URI: what a search box asks."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from lineage.answers.sequences import NodeItems
from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.model.entities import Node
from lineage.model.keys import Kind
from lineage.model.rows import entities_of

__all__ = ["Hits", "search"]


@dataclass(frozen=True, slots=True, eq=False)
class Hits(NodeItems[Node]):
    """The nodes that a search met, in the order of their texts; `truncated` where there are more."""

    items: tuple[Node, ...]
    truncated: bool

    @override
    def _caption(self) -> str:
        return f"{len(self.items):,} nodes{'; there are more' if self.truncated else ''}"


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
