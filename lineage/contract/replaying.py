"""Writing a transaction again that another store wrote, in the order that its records allow."""

from __future__ import annotations

from lineage.contract.proof import Chain
from lineage.contract.transaction import Storage
from lineage.errors import Invalid
from lineage.model.rows import Batch, Commit

__all__ = ["follow"]


def follow(storage: Storage, last: int, commit: Commit, chain: Chain) -> None:
    """Write a transaction after the one numbered `last`, which it must follow by its number and its digest; else `Invalid`."""
    number = commit.head.number
    if number != last + 1:
        raise Invalid(f"transaction {number} does not follow {last}; give changes(after={last})")
    if fault := "; ".join(chain.follow(commit)):
        raise Invalid(
            f"transaction {number} does not follow from this store's history, which its digest tells: {fault}"
        )
    _write_again(storage, commit)


def _write_again(storage: Storage, commit: Commit) -> None:
    """Write the records of a transaction and its own row, under the write lock."""
    number = commit.head.number
    if commit.ended:
        storage.end(number, commit.ended)
    # What a deletion frees may be taken by the same transaction: those it did not write go first,
    # those it wrote are written as gone.
    written = {row.key for rows in commit.batch[1:3] for row in rows}
    freed = [key for key in commit.deleted if key not in written]
    if freed:
        storage.delete(number, freed)
    storage.write(number, _with_deletions(commit))
    if commit.purged:
        storage.purge(number, commit.purged)
    if commit.purged_heads:
        storage.purge_heads(number, commit.purged_heads)
    storage.append(commit.head)


def _with_deletions(commit: Commit) -> Batch:
    """Return a transaction's batch with the nodes that it deleted marked as gone."""
    gone, batch = set(commit.deleted), commit.batch
    if not gone:
        return batch
    nodes, updates = (
        [row._replace(until=row.since, gone=True) if row.key in gone else row for row in rows]
        for rows in (batch.nodes, batch.updates)
    )
    return batch._replace(nodes=nodes, updates=updates)
