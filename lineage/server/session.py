"""What every call of a server has at hand: the store, and who calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from lineage.contract.backend import Backend
from lineage.contract.registry import Registry, registry
from lineage.contract.transaction import Transaction
from lineage.mlmd.missing import MISSING
from lineage.model.keys import LARGEST_ID, Kind, NodeKey
from lineage.model.rows import NodeRow
from lineage.model.schema import AnyType

__all__ = ["Session"]


class Session(NamedTuple):
    """One call: what it may read and write, and in whose name."""

    backend: Backend
    actor: str
    call: str
    """Which call it is; the log says so."""

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Make what the call writes one transaction, whose lock is taken."""
        with self.backend.transaction(actor=self.actor, message=self.call) as transaction:
            transaction.lock()
            yield transaction

    @property
    def types(self) -> Registry:
        """The types there are."""
        return registry(self.backend)

    @property
    def types_by_id(self) -> Mapping[int, AnyType]:
        """The types that a call may see, by id: all but those of nodes that never were there."""
        known = self.types.by_id
        lost = [number for number, each in known.items() if each.name == MISSING]
        return {n: each for n, each in known.items() if n not in lost} if lost else known

    def live(self, kind: Kind, ids: list[int]) -> dict[int, NodeRow]:
        """Return those of some nodes that exist and were not deleted, by id."""
        keys = [NodeKey(kind, number) for number in dict.fromkeys(ids) if 0 < number < LARGEST_ID]
        rows = self.backend.nodes(keys)
        return {key.id: rows[key] for key in keys if key in rows and not rows[key].gone}
