"""What a backend answers at a moment, against what the snapshot of that moment says."""

from __future__ import annotations

from collections.abc import Collection
from itertools import product

from lineage.contract.backend import Backend
from lineage.contract.paging import EdgeCount
from lineage.contract.walking import Direction
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind, EdgeRow
from lineage.testing.oracle import Snapshot

__all__ = ["agree", "page_agrees"]


def agree(backend: Backend, snapshot: Snapshot, as_of: int | None, *, few: bool = False) -> None:
    """Compare everything that a backend holds at a moment with its snapshot; with `few` few nodes' versions."""
    keys = [*snapshot.nodes, NodeKey(Kind.ARTIFACT, 99)]
    assert list(backend.types(as_of=as_of)) == [row for _, row in sorted(snapshot.types.items())]
    assert backend.nodes(keys, as_of=as_of) == snapshot.present()
    for kind in Kind:
        assert backend.find(kind, as_of=as_of) == snapshot.found(kind)
    assert backend.edges(keys, as_of=as_of) == sorted(snapshot.edges.values())
    for key in keys[-2:] if few else keys:
        assert backend.versions(key, as_of=as_of) == list(snapshot.nodes.get(key, ()))


def page_agrees(
    backend: Backend,
    as_of: int | None,
    snapshot: Snapshot,
    direction: Direction,
    *,
    kinds: Collection[EdgeKind],
    after: EdgeRow,
    size: int,
) -> None:
    """Compare a page of the edges, and their counts, of each node that an edge joins."""
    for key in after[:2]:
        whole = snapshot.joined([key], direction, kinds)
        page = backend.edge_page(
            key, direction, kinds=kinds, after=after.key, limit=size, as_of=as_of
        )
        assert page == [row for row in whole if row.key > after.key][:size]
        expected = {
            (side, kind): EdgeCount(len(rows))
            for side, kind in product((Direction.UPSTREAM, Direction.DOWNSTREAM), EdgeKind)
            if (rows := snapshot.joined([key], side, [kind]))
        }
        assert backend.edge_counts(key, as_of=as_of) == expected
