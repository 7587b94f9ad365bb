"""Writes tags and notes: on nodes that are to be stored, and on those that are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from lineage.contract.backend import Backend
from lineage.contract.transaction import Author, Transaction
from lineage.model.canonical import decode, encode
from lineage.model.entities import Node
from lineage.model.keys import NodeKey
from lineage.model.marks import Marks
from lineage.model.rows import Batch, NodeRow
from lineage.recording.nodes import live_rows, stamp

__all__ = ["change_custom", "marked", "marked_row"]

NodeT = TypeVar("NodeT", bound=Node)
Change = Callable[[Mapping[str, Any]], dict[str, Any]]
"""What turns a node's custom properties into others."""


def marked(node: NodeT, marks: Marks) -> NodeT:
    """Return a node that is to be stored with its marks."""
    if not any(marks):
        return node
    return node.replace(custom_properties=marks.on(node.custom_properties))


def marked_row(transaction: Transaction, row: NodeRow, change: Change) -> NodeRow:
    """Return a row with its custom properties changed, stamped anew; the row itself where nothing changes."""
    custom = encode(change(decode(row.custom)))
    if custom == row.custom:
        return row
    return stamp(transaction, row._replace(custom=custom, updated=transaction.time))


def change_custom(backend: Backend, key: NodeKey, author: Author, change: Change) -> NodeRow:
    """Change the custom properties of a stored node, and return its row; nothing is written where none changes."""
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        stored = live_rows(backend, [key])[key]
        row = marked_row(transaction, stored, change)
        if row is not stored:
            transaction.write(Batch(updates=[row]))
        return row
