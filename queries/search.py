"""Nodes by what is written in a search box: what it names, and what has a name or a URI that begins so."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from lineage.answers.sequences import NodeItems
from lineage.contract.backend import Backend
from lineage.contract.beginnings import Beginning
from lineage.contract.registry import registry
from lineage.model.entities import Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow, entities_of
from lineage.queries.naming import pointed_at

__all__ = ["Hits", "search"]

_RANKS = (Kind.CONTEXT, Kind.ARTIFACT, Kind.EXECUTION)
"""The kinds in the order in which people look for them."""


@dataclass(frozen=True, slots=True, eq=False)
class Hits(NodeItems[Node]):
    """The nodes that a search met, the likeliest first; `truncated` where there are more.

    `texts` says of each for which of its texts it was found: its name, its URI or the last part of that, or what names it.
    """

    items: tuple[Node, ...]
    truncated: bool
    texts: tuple[str, ...] = ()

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
    """Return the live nodes, of a kind or of all, that a text names, or that have a text which begins so.

    First comes what it names: a key, `Type:name` or an alias. Then what has this very text comes before what goes on, and
    contexts come before artifacts and these before executions, which are many; the rest is by text and key. `Invalid`
    for an empty text.

    >>> import lineage
    >>> store = lineage.connect("memory:")
    >>> _ = store.put(
    ...     [
    ...         lineage.Train(name="churn 1"),
    ...         lineage.Dataset(uri="s3://lake/churn.csv"),
    ...         lineage.Model(name="churn"),
    ...         lineage.Model(name="old churn"),
    ...     ]
    ... )
    >>> hits = search(store.backend, "churn")
    >>> [(str(node.key), text) for node, text in zip(hits, hits.texts)]
    [('artifact:2', 'churn'), ('artifact:1', 'churn.csv'), ('execution:1', 'churn 1')]
    >>> search(store.backend, "churn", limit=1).truncated
    True
    >>> [str(node.key) for node in search(store.backend, "artifact:3")]
    ['artifact:3']
    """
    number = backend.pin(as_of)
    more = None if limit is None else limit + 1
    beginning = Beginning(text, kind, more)
    found: dict[NodeKey, tuple[NodeRow, str]] = {}
    for each in _RANKS:
        if each in beginning.kinds:
            # The first of all kinds are among the first of each.
            rows = backend.beginning_with(text, kind=each, limit=more, as_of=number)
            found |= {row.key: (row, _text(beginning, row)) for row in rows}
    ranked = sorted(found.values(), key=lambda hit: hit[1] != text)
    named = {row.key: row for row in _named(backend, text, beginning, number)}
    ranked = [
        *((row, text) for row in named.values()),
        *(hit for hit in ranked if hit[0].key not in named),
    ]
    hits = ranked[:limit]
    types = registry(backend, number).by_id
    return Hits(
        tuple(entities_of([row for row, _ in hits], types)),
        truncated=len(ranked) > len(hits),
        texts=tuple(each for _, each in hits),
    )


def _text(beginning: Beginning, row: NodeRow) -> str:
    place = beginning.place(row)
    assert place is not None  # it was found for it
    return place[0]


def _named(backend: Backend, text: str, beginning: Beginning, as_of: int | None) -> list[NodeRow]:
    """Return the live nodes that a text names by key, by type and name, or by an alias."""
    keys = [key for key in pointed_at(backend, text, as_of) if key.kind in beginning.kinds]
    rows = backend.nodes(keys, as_of=as_of) if keys else {}
    return [rows[key] for key in keys if key in rows and not rows[key].gone]
