"""What every backend refuses in the same words; the caller raises what these return."""

from __future__ import annotations

from lineage.errors import Conflict, Corrupt, Invalid, NotFound, excerpt
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeKey, NodeRow

__all__ = [
    "deadlock",
    "lost_transaction",
    "missing_head",
    "no_earlier_head",
    "no_edge",
    "no_live_node",
    "no_return",
    "not_gone",
]


def deadlock(reason: str) -> Conflict:
    """Return the error for a write that would wait for its own thread: a `Conflict` that trying again does not help."""
    error = Conflict(reason)
    error.retryable = False
    return error


def no_edge(key: EdgeKey) -> NotFound:
    """Return the error for an edge that is to end or to change and does not exist."""
    return NotFound(f"there is no {key.kind.name} edge from {key.source} to {key.target}")


def no_live_node(key: NodeKey, purpose: str) -> NotFound:
    """Return the error for a node that does not exist, or no longer, and is to change."""
    return NotFound(f"there is no live {key} to {purpose}")


def no_return(row: NodeRow, *, deleted: int | None, erased: bool) -> Invalid | None:
    """Return the error for a gone node that cannot live again with a new version; None where it can.

    `deleted` is the transaction that deleted it, `erased` whether its last version has no content.
    """
    # A row without content is of a replay, and its node was purged later: then no version has any.
    if erased and row.digest is None:
        return Invalid(
            f"{row.key} was purged, and what is purged is gone for good; write a new node"
        )
    if deleted == row.since:
        return Invalid(
            f"{row.key} was deleted by this same transaction; let it live again in one of its own"
        )
    return None


def not_gone(key: NodeKey) -> Invalid:
    """Return the error for a node that is to be purged before it is deleted."""
    return Invalid(f"{key} is not deleted; only what is gone can be purged")


def no_earlier_head(head: object, number: int) -> NotFound:
    """Return the error for a head that is to be purged by a transaction and does not come before it."""
    return NotFound(
        f"there is no transaction {excerpt(head)} before this one, which is {number}; only what is committed can be purged"
    )


def missing_head(number: int) -> Corrupt:
    """Return the error for a committed transaction whose own row is not there."""
    return Corrupt(f"transaction {number} is missing; run a check of the store")


def lost_transaction() -> Invalid:
    """Return the error for a write without an open transaction of the storage."""
    return Invalid(
        "the transaction is gone: an error undid it, or it is another process's that this one was forked from"
    )
