"""What look-ups name nodes by, and what pages of nodes are sorted by."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from lineage.filters.tree import Field
from lineage.model.keys import Kind
from lineage.model.rows import NodeRow

__all__ = ["External", "Named", "Order", "Reference"]


class Named(NamedTuple):
    """The node of this type and name."""

    type_id: int
    name: str


class External(NamedTuple):
    """The node of this kind and external id."""

    kind: Kind
    external_id: str


Reference: TypeAlias = Named | External


class Order(NamedTuple):
    """How `find` sorts: by id, create time or update time; ties go by id in the same direction."""

    field: Field = Field.ID
    descending: bool = False

    def value(self, row: NodeRow) -> int:
        """Return what a row is sorted by."""
        if self.field is Field.ID:
            return row.key.id
        return row.created if self.field is Field.CREATED else row.updated
