"""A graph by places, so that hundreds of thousands of nodes are grouped as whole numbers."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from itertools import compress
from typing import NamedTuple

from lineage.answers.grouping import Links, distances
from lineage.answers.marks import Graph
from lineage.answers.names import state_of
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow

__all__ = ["Indexed", "Look"]


class Look(NamedTuple):
    """What a node looks like by itself; "" where the members of a group differ, or nothing is worth a word."""

    kind: Kind
    type: str
    state: str = ""
    role: str = ""

    @classmethod
    def common(cls, looks: Collection[Look]) -> Look:
        """Return what some looks have in common; of several kinds it is the first one's."""
        first = min(looks)
        return cls(
            first.kind,
            *(each[0] if len({*each}) == 1 else "" for each in list(zip(*looks, strict=True))[1:]),
        )


class Indexed:
    """A graph's nodes, nearest to the focus first and then by key, whatever order they came in, and its edges.

    Edges with an end that is not there are left out.
    """

    def __init__(self, graph: Graph) -> None:
        rows = {row.key: row for row in graph.nodes}
        keys = sorted(rows)
        place = {key: number for number, key in enumerate(keys)}
        edges = [row for row in graph.edges if row[0] in place and row[1] in place]
        sources = [place[row[0]] for row in edges]
        targets = [place[row[1]] for row in edges]
        links = Links.of(len(keys), sources, targets)
        far = distances(links, [place[key] for key in graph.focus if key in place])
        order = sorted(range(len(keys)), key=far.__getitem__)
        moved = [0] * len(keys)
        for number, old in enumerate(order):
            moved[old] = number
        self.graph = graph
        self.focus = frozenset(graph.focus)
        self.beyond = frozenset(key for cut in graph.cuts for key in cut.frontier)
        self.keys: list[NodeKey] = [keys[old] for old in order]
        self.rows: list[NodeRow] = [rows[key] for key in self.keys]
        self.far = [far[old] for old in order]
        self.sources = [moved[each] for each in sources]
        self.targets = [moved[each] for each in targets]
        self.kinds = [int(row[2]) for row in edges]
        self.links = links.moved(order, moved)

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def place(self) -> dict[NodeKey, int]:
        """The place of each node."""
        return {key: number for number, key in enumerate(self.keys)}

    @cached_property
    def looks(self) -> list[Look]:
        """The looks that there are, in the order in which they are met."""
        return self._seen[0]

    @cached_property
    def look(self) -> list[int]:
        """Which of them each node has."""
        return self._seen[1]

    @cached_property
    def _seen(self) -> tuple[list[Look], list[int]]:
        roles = self.graph.roles
        names = {number: each.name for number, each in self.graph.types.items()}
        known: dict[tuple[object, ...], int] = {}  # many nodes have few looks
        numbers: dict[Look, int] = {}
        found = []
        for row in self.rows:
            role = roles.get(row[0], "") if roles else ""
            seen = (row[0][0], row[1], row[5], row[11] is None, row[14], role)
            number = known.get(seen)
            if number is None:
                look = Look(row.key.kind, names.get(row.type_id, ""), state_of(row), role)
                number = known[seen] = numbers.setdefault(look, len(numbers))
            found.append(number)
        return [*numbers], found

    def common_look(self, members: Collection[int]) -> Look:
        """Return what some nodes look like all of them."""
        look, looks = self.look, self.looks
        return Look.common([looks[number] for number in {look[each] for each in members}])

    def of_kinds(self, kinds: Collection[Kind]) -> list[int]:
        """Return the nodes of some kinds."""
        wanted = [look.kind in kinds for look in self.looks]
        return list(compress(range(len(self)), map(wanted.__getitem__, self.look)))
