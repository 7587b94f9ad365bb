"""Lines up the data sets of several models: which of one stands where which of another does."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from lineage.model.keys import NodeKey

__all__ = ["Slot", "line_up"]

_SIGNS: tuple[Callable[[Slot], Hashable], ...] = (
    lambda slot: slot.key,
    lambda slot: slot.asset,
    lambda slot: slot.path or None,
    lambda slot: (slot.type, slot.uri) if slot.uri else None,
    lambda slot: (slot.type, slot.distance),
    lambda slot: slot.type,
)
"""What says that two data sets are the same thing to their models, the surest first; None is no sign."""
_Row = dict[int, "Slot"]


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
    """Return rows with no more than one slot of each column; every slot is in one of them.

    Slots share a row if they are the same artifact, else have one asset, else one path, else one type
    and URI, else one type and distance, else one type. Each sign joins all columns, through any of
    them, before the next is looked at; rows that both have a slot of one column are never joined.
    """
    rows: list[_Row] = [{number: slot} for number, column in enumerate(columns) for slot in column]
    for sign_of in _SIGNS:
        joined = _joined(rows, sign_of)
        while len(joined) < len(rows):  # a row that has two signs may join two others
            rows, joined = joined, _joined(joined, sign_of)
        rows = joined
    return [[row.get(number) for number in range(len(columns))] for row in rows]


def _joined(rows: Iterable[_Row], sign_of: Callable[[Slot], Hashable]) -> list[_Row]:
    """Return the rows, each joined to the first before it that shares a sign and has none of its columns."""
    kept: list[_Row] = []
    sharing: dict[Hashable, _Sharing] = {}
    for row in rows:
        signs = dict.fromkeys(map(sign_of, row.values()))
        signs.pop(None, None)
        places = (sharing[sign].place_for(row) for sign in signs if sign in sharing)
        target = next((place for place in places if place is not None), None)
        if target is None:
            target = dict(row)
            kept.append(target)
        else:
            target.update(row)
        for sign in signs:
            sharing.setdefault(sign, _Sharing()).add(target)
    return kept


class _Sharing:
    """The rows that share a sign, in order; looking for room among thousands stays linear."""

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._there: set[int] = set()
        self._full: dict[int, int] = {}
        """Up to which row each column is in all of them."""

    def add(self, row: _Row) -> None:
        if id(row) not in self._there:
            self._there.add(id(row))
            self._rows.append(row)

    def place_for(self, row: _Row) -> _Row | None:
        """Return the first row that has none of the columns of this one."""
        first = max(map(self._first_without, row))
        places = (self._rows[place] for place in range(first, len(self._rows)))
        return next((each for each in places if each.keys().isdisjoint(row)), None)

    def _first_without(self, column: int) -> int:
        place = self._full.get(column, 0)
        while place < len(self._rows) and column in self._rows[place]:
            place += 1
        self._full[column] = place
        return place
