"""Where in a filter a neighbour has to exist.

The text of a filter mentions neighbours by alias and does not say where they begin to exist. Here
each gets its `Exists`, at the smallest `And`, `Or` or `Not` that holds all its mentions; chains of
`And`, or of `Or`, must be flat, so that neither order nor parentheses in a chain matter.

Of an `And`, the items that mention the neighbour go inside its `Exists`, and the others stay
beside it. Where neighbours share items, one `Exists` is inside another. Of an `Or`, the items that
mention the same neighbours have an `Exists` of their own: "some neighbour makes one of these true"
is "for one of these some neighbour makes it true", and thus none of them fails for want of a
neighbour that only another mentions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from lineage.filters.tokens import fault
from lineage.filters.tree import (
    And,
    Column,
    Exists,
    Filter,
    Neighbour,
    Not,
    Or,
    columns_of,
    walk_filter,
)

__all__ = ["MOST_NESTED", "NeighbourMention", "scoped"]

MOST_NESTED = 8
"""How deep neighbours may be nested: each level multiplies what a backend may have to try."""


class NeighbourMention(NamedTuple):
    """What kind of neighbour an alias stands for, and where the text has it first."""

    neighbour: Neighbour
    at: int


def scoped(tree: Filter, neighbours: Mapping[str, NeighbourMention]) -> Filter:
    """Return the tree with an `Exists` for every alias.

    Raises `Invalid` where too many neighbours depend on one another.
    """
    return _Scopes(tree, neighbours).of(tree).tree


class _Part(NamedTuple):
    """A tree, the mentions in it of neighbours whose `Exists` is further out, and its nesting."""

    tree: Filter
    mentions: dict[str, int]
    nesting: int


class _Scopes:
    """Puts the `Exists` of every neighbour where all its mentions are inside."""

    def __init__(self, tree: Filter, neighbours: Mapping[str, NeighbourMention]) -> None:
        self._neighbours = neighbours
        self._totals = Counter(alias for each in walk_filter(tree) for alias in _aliases(each))

    def of(self, tree: Filter) -> _Part:
        if isinstance(tree, And):
            return self._all_of([self.of(item) for item in tree.items])
        if isinstance(tree, Or):
            return self._any_of([self.of(item) for item in tree.items])
        if isinstance(tree, Not):
            part = self.of(tree.item)
            return part._replace(tree=Not(part.tree))
        part = _Part(tree, dict(Counter(_aliases(tree))), 0)
        for alias in self._complete(part.mentions):
            part = self._exists(alias, part)
        return part

    def _complete(self, mentions: dict[str, int]) -> list[str]:
        """Return the aliases all of whose mentions are among these, in the order of the text."""
        return [alias for alias, count in mentions.items() if count == self._totals[alias]]

    def _all_of(self, parts: Sequence[_Part]) -> _Part:
        kept = dict(enumerate(parts))
        whole = _joined(And, parts)
        where: dict[str, set[int]] = {alias: set() for alias in whole.mentions}
        for number, part in kept.items():
            for alias in part.mentions:
                where[alias].add(number)
        for alias in self._complete(whole.mentions):
            first, *others = sorted(where[alias])
            together = _joined(And, [kept[first], *(kept.pop(number) for number in others)])
            kept[first] = self._exists(alias, together)
            for other in kept[first].mentions:
                where[other].difference_update(others)
                where[other].add(first)
        return _joined(And, list(kept.values()))

    def _any_of(self, parts: Sequence[_Part]) -> _Part:
        complete = self._complete(_joined(Or, parts).mentions)
        rank = {alias: number for number, alias in enumerate(complete)}
        groups: dict[tuple[int, ...], list[_Part]] = {}
        for number, part in enumerate(parts):
            ranks = sorted(rank[alias] for alias in part.mentions if alias in rank)
            groups.setdefault(tuple(ranks) or (-1, number), []).append(part)
        items = []
        for key, group in groups.items():
            item = _joined(Or, group)
            for number in key if key[0] >= 0 else ():
                item = self._exists(complete[number], item)
            items.append(item)
        return _joined(Or, items)

    def _exists(self, alias: str, part: _Part) -> _Part:
        neighbour, at = self._neighbours[alias]
        if part.nesting == MOST_NESTED:
            raise fault(
                at,
                f"more than {MOST_NESTED} neighbours depend on one another; ask in several parts",
            )
        others = {other: count for other, count in part.mentions.items() if other != alias}
        return _Part(Exists(neighbour, alias, part.tree), others, part.nesting + 1)


def _aliases(tree: Filter) -> Iterator[str]:
    """Yield the aliases that a condition mentions by itself, one for each mention."""
    for column in columns_of(tree):
        if isinstance(column, Column) and column.of:
            yield column.of


def _joined(join: type[And | Or], parts: Sequence[_Part]) -> _Part:
    if len(parts) == 1:
        return parts[0]
    mentions: Counter[str] = Counter()
    for part in parts:
        mentions.update(part.mentions)
    nesting = max((part.nesting for part in parts), default=0)
    return _Part(join(tuple(part.tree for part in parts)), mentions, nesting)
