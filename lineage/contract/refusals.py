"""What every backend refuses in the same words; the caller raises what these return."""

from __future__ import annotations

from lineage.errors import Invalid, NotFound
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeKey

__all__ = ["lost_transaction", "no_edge", "no_live_node", "not_gone"]


def no_edge(key: EdgeKey) -> NotFound:
    """Return the error for an edge that is to end or to change and does not exist."""
    return NotFound(f"there is no {key.kind.name} edge from {key.source} to {key.target}")


def no_live_node(key: NodeKey, purpose: str) -> NotFound:
    """Return the error for a node that does not exist, or no longer, and is to change."""
    return NotFound(f"there is no live {key} to {purpose}")


def not_gone(key: NodeKey) -> Invalid:
    """Return the error for a node that is to be purged before it is deleted."""
    return Invalid(f"{key} is not deleted; only what is gone can be purged")


def lost_transaction() -> Invalid:
    """Return the error for a write without an open transaction of the storage."""
    return Invalid(
        "the transaction is gone: an error undid it, or it is another process's that this one was forked from"
    )
