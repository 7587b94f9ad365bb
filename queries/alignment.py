"""Lines up what several nodes were made from: which thing of one stands where which of another does."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lineage.model.keys import NodeKey
from lineage.model.paths import Path

__all__ = ["SIGNS", "SURE", "Slot", "line_up"]

Sign: TypeAlias = "Callable[[Slot], Iterable[Hashable]]"
SURE: tuple[Sign, ...] = (
    lambda slot: (slot.key,),
    lambda slot: () if slot.asset is None else (slot.asset,),
    lambda slot: filter(None, slot.paths[:1]),
    lambda slot: filter(None, slot.paths),
    lambda slot: ((slot.type, slot.uri),) if slot.uri else (),
    lambda slot: ((slot.type, slot.name),) if slot.name else (),
)
"""What says that two slots are the same thing, the surest first; nothing is no sign."""
SIGNS: tuple[Sign, ...] = (
    *SURE,
    lambda slot: ((slot.type, slot.distance),),
    lambda slot: (slot.type,),
)
"""Those, and what makes two slots alike where all of them are known."""
_Row: TypeAlias = "dict[int, Slot]"


@dataclass(frozen=True, slots=True)
class Slot:
    """A thing that a node was made from: what it is, and where among the node's inputs it stands."""

    key: NodeKey
    type: str
    uri: str | None
    name: str | None
    asset: NodeKey | None
    paths: tuple[Path, ...]
    distance: int


def line_up(
    columns: Sequence[Sequence[Slot]], signs: Sequence[Sign] = SIGNS
) -> list[list[Slot | None]]:
    """Return rows with no more than one slot of each column; every slot is in one of them.

    Slots share a row if they are the same artifact, else have one asset, else one first path, else one
    of several paths, else one type and URI, else one type and name, else one type and distance, else one
    type. Each sign joins all columns, through any of them, before the next is looked at; rows that both
    have a slot of one column are never joined.
    """
    rows: list[_Row] = [{number: slot} for number, column in enumerate(columns) for slot in column]
    for sign_of in signs:
        before = len(rows) + 1
        while 1 < len(rows) < before:  # a row that has two signs may join two others
            before, rows = len(rows), _joined(rows, sign_of)
    return [[row.get(number) for number in range(len(columns))] for row in rows]


def _joined(rows: Iterable[_Row], sign_of: Sign) -> list[_Row]:
    """Return the rows, each joined to the first before it that shares a sign and has none of its columns."""
    kept: list[_Row] = []
    sharing: dict[Hashable, _Sharing] = {}
    for row in rows:
        signs = dict.fromkeys(sign for slot in row.values() for sign in sign_of(slot))
        if not signs:
            kept.append(row)
            continue
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
