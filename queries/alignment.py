"""Lines up the data sets of several models: which of one stands where which of another does."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from lineage.model.keys import NodeKey

__all__ = ["Place", "line_up"]

_IDENTITIES: tuple[Callable[[Place], Hashable], ...] = (
    lambda place: place.path or None,
    lambda place: place.asset,
    lambda place: place.key,
    lambda place: (place.type, place.uri) if place.uri else None,
    lambda place: (place.type, place.distance),
    lambda place: place.type,
)
"""What makes two data sets the same one's place, the surest first; None is no sign."""


@dataclass(frozen=True, slots=True)
class Place:
    """A data set of a model: what it is, and where among the model's inputs it stands."""

    key: NodeKey
    type: str
    uri: str | None
    asset: NodeKey | None
    path: str
    distance: int


def line_up(columns: Sequence[Sequence[Place]]) -> list[list[Place | None]]:
    """Return rows with no more than one place of each column; every place is in one of them.

    Places of several columns share a row if their events have one path, else one asset, else if
    they are the same artifact, else have one type and URI, else one type and distance, else one
    type; in the order in which they come.
    """
    left = [list(column) for column in columns]
    rows = [row for identity in _IDENTITIES for row in _take_shared(left, identity)]
    alone = [
        [place if number == own else None for number in range(len(left))]
        for own, column in enumerate(left)
        for place in column
    ]
    return rows + alone


def _take_shared(
    left: Sequence[list[Place]], identity: Callable[[Place], Hashable]
) -> list[list[Place | None]]:
    """Take out what at least two columns have; of each sign the first with the first, and so on."""
    queues: dict[Hashable, list[list[Place]]] = {}
    for number, column in enumerate(left):
        for place in column:
            sign = identity(place)
            if sign is not None:
                queues.setdefault(sign, [[] for _ in left])[number].append(place)
    rows = [row for each in queues.values() for row in zip_longest(*each) if _is_shared(row)]
    for number, column in enumerate(left):
        taken = {place.key for place in (row[number] for row in rows) if place is not None}
        column[:] = [place for place in column if place.key not in taken]
    return [list(row) for row in rows]


def _is_shared(row: Sequence[Place | None]) -> bool:
    return sum(place is not None for place in row) > 1
