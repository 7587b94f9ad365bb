"""Transactions put together from the records that a storage finds by their numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from lineage.contract.proof import Chain
from lineage.contract.transaction import Transaction
from lineage.errors import LineageError
from lineage.model.keys import NodeKey
from lineage.model.rows import Batch, Commit, EdgeKey, EdgeRow, Head, NodeRow, TypeRow

__all__ = ["RecordsByNumber", "chain_faults", "head_batches"]

T = TypeVar("T")
BATCH_RECORDS = 10_000
"""How many records are read at a time."""


def _by_number() -> defaultdict[int, list[T]]:
    return defaultdict(list)


@dataclass(slots=True)
class RecordsByNumber:
    """What a range of transactions wrote, each list by number and in any order."""

    types: dict[int, list[TypeRow]] = field(default_factory=_by_number)
    nodes: dict[int, list[NodeRow]] = field(default_factory=_by_number)
    updates: dict[int, list[NodeRow]] = field(default_factory=_by_number)
    edges: dict[int, list[EdgeRow]] = field(default_factory=_by_number)
    edge_updates: dict[int, list[EdgeRow]] = field(default_factory=_by_number)
    ended: dict[int, list[EdgeKey]] = field(default_factory=_by_number)
    deleted: dict[int, list[NodeKey]] = field(default_factory=_by_number)
    purged: dict[int, list[NodeKey]] = field(default_factory=_by_number)
    purged_heads: dict[int, list[int]] = field(default_factory=_by_number)

    def add_edge(self, row: EdgeRow) -> None:
        """Take a version of an edge, as it was written: the first is a new edge, a later one an update."""
        records = self.edges if row.first == row.since else self.edge_updates
        records[row.since].append(row)

    def commits(self, heads: Iterable[Head]) -> list[Commit]:
        """Return the transactions with everything in the order of a `Commit`; types by id."""
        return [
            Commit(
                head,
                Batch(
                    types=sorted(self.types[head.number], key=lambda row: row.type.id or 0),
                    nodes=sorted(self.nodes[head.number]),
                    updates=sorted(self.updates[head.number]),
                    edges=sorted(self.edges[head.number]),
                    edge_updates=sorted(self.edge_updates[head.number]),
                ),
                ended=sorted(self.ended[head.number]),
                deleted=sorted(self.deleted[head.number]),
                purged=sorted(self.purged[head.number]),
                purged_heads=sorted(self.purged_heads[head.number]),
            )
            for head in heads
        ]


def head_batches(heads: Iterable[Head]) -> Iterator[list[Head]]:
    """Cut a stream of heads into runs of about `BATCH_RECORDS` records."""
    batch: list[Head] = []
    records = 0
    for head in heads:
        batch.append(head)
        records += head.records
        if records >= BATCH_RECORDS:
            yield batch
            batch, records = [], 0
    if batch:
        yield batch


def chain_faults(
    changes: Callable[[int], Iterator[Commit]], own: Transaction | None = None
) -> Iterator[str]:
    """Yield what the digest chain finds changed in all that `Backend.changes` gives; what cannot be read ends the search.

    `own` is the transaction that this thread has open, whose purges it sees already.
    """
    chain = Chain()
    try:
        for commit in changes(0):
            yield from chain.audit(commit)
        # What others purge meanwhile is recorded later than the history began to be read.
        while chain.erased or chain.erased_heads:
            number = chain.number
            for commit in changes(number):
                yield from chain.audit(commit)
            if chain.number == number:
                break
    except (LineageError, ValueError, TypeError, LookupError, AttributeError) as error:
        yield f"a record cannot be read: {error}"
        return
    if own is not None:
        chain.note_purges(own.purged, own.purged_heads)
    yield from chain.unexplained()
