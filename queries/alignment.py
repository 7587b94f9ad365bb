"""Lines up the data sets of several models: which of one stands where which of another does."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from lineage.model.keys import NodeKey

__all__ = ["Slot", "line_up"]

_IDENTITIES: tuple[Callable[[Slot], Hashable], ...] = (
    lambda slot: slot.path or None,
    lambda slot: slot.asset,
    lambda slot: slot.key,
    lambda slot: (slot.type, slot.uri) if slot.uri else None,
    lambda slot: (slot.type, slot.distance),
    lambda slot: slot.type,
)
"""What makes two data sets the same one's place, the surest first; None is no sign."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A data set of a model: what it is, and where among the model's inputs it stands."""

    key: NodeKey
    type: str
    uri: str | None
    asset: NodeKey | None
    path: str
    distance: int


def line_up(columns: Sequence[Sequence[Slot]]) -> list[list[Slot | None]]:
    """Return rows with no more than one place of each column; every place is in one of them.

    Places of several columns share a row if their events have one path, else one asset, else if
    they are the same artifact, else have one type and URI, else one type and distance, else one
    type; in the order in which they come.
    """
    left = [list(column) for column in columns]
    rows = [row for identity in _IDENTITIES for row in _take_shared(left, identity)]
    alone = [
        [slot if number == own else None for number in range(len(left))]
        for own, column in enumerate(left)
        for slot in column
    ]
    return rows + alone


def _take_shared(
    left: Sequence[list[Slot]], identity: Callable[[Slot], Hashable]
) -> list[list[Slot | None]]:
    """Take out what at least two columns have; of each sign the first with the first, and so on."""
    queues: dict[Hashable, list[list[Slot]]] = {}
    for number, column in enumerate(left):
        for slot in column:
            sign = identity(slot)
            if sign is not None:
                queues.setdefault(sign, [[] for _ in left])[number].append(slot)
    rows = [row for each in queues.values() for row in zip_longest(*each) if _is_shared(row)]
    for number, column in enumerate(left):
        taken = {slot.key for slot in (row[number] for row in rows) if slot is not None}
        column[:] = [slot for slot in column if slot.key not in taken]
    return [list(row) for row in rows]


def _is_shared(row: Sequence[Slot | None]) -> bool:
    return sum(slot is not None for slot in row) > 1
