"""Makes a view's groups: which nodes of a graph are one mark, and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Sequence
from functools import cached_property
from typing import NamedTuple

from lineage.answers.grouping import Links, distances, refined
from lineage.answers.marks import Graph
from lineage.answers.names import state_of
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow

__all__ = ["Group", "Indexed", "groups_of"]

LEAST_SHARE = 0.02
"""What share of its type a group must have to be told apart, where the budget ended the search for differences."""
LEAST_COUNT = 3
"""How many members such a group must have in any case."""
NEAR = 2
"""How many edges from the focus nodes stay apart however rare they are: what was made by what, of what."""


class Indexed:
    """A graph by places: its nodes nearest to the focus first, then by key, whatever order they came in."""

    def __init__(self, graph: Graph) -> None:
        rows = sorted({row.key: row for row in graph.nodes}.items())
        place = {key: number for number, (key, _) in enumerate(rows)}
        ends = [
            (source, target, int(row.kind))
            for row in graph.edges
            if (source := place.get(row.source)) is not None
            and (target := place.get(row.target)) is not None
        ]
        links = Links.of(len(rows), [end[0] for end in ends], [end[1] for end in ends])
        starts = [place[key] for key in graph.focus if key in place]
        far = distances(links, starts)
        order = sorted(range(len(rows)), key=far.__getitem__)
        moved = [0] * len(rows)
        for number, old in enumerate(order):
            moved[old] = number
        self.graph = graph
        self.focus = frozenset(graph.focus)
        self.beyond = frozenset(key for cut in graph.cuts for key in cut.frontier)
        self.keys: list[NodeKey] = [rows[old][0] for old in order]
        self.rows: list[NodeRow] = [rows[old][1] for old in order]
        self.far = [far[old] for old in order]
        self.sources = [moved[source] for source, _, _ in ends]
        self.targets = [moved[target] for _, target, _ in ends]
        self.kinds = [kind for _, _, kind in ends]

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def place(self) -> dict[NodeKey, int]:
        """The place of each node."""
        return {key: number for number, key in enumerate(self.keys)}

    @cached_property
    def links(self) -> Links:
        """The neighbours of each node."""
        return Links.of(len(self), self.sources, self.targets)

    @cached_property
    def looks(self) -> list[Look]:
        """What tells nodes apart before their neighbours do."""
        types, roles = self.graph.types, self.graph.roles
        names = {number: each.name for number, each in types.items()}
        made: dict[tuple[object, ...], Look] = {}  # few looks, and many nodes
        looks = []
        for row in self.rows:
            role = roles.get(row.key, "") if roles else ""
            seen = (row[0][0], row[1], row[5], row[11] is None, row[14], role)
            look = made.get(seen)
            if look is None:
                look = Look(row.key.kind, names.get(row.type_id, ""), state_of(row), role)
                look = made.setdefault(seen, look)
            looks.append(look)
        return looks


class Look(NamedTuple):
    """What a node looks like by itself."""

    kind: Kind
    type: str
    state: str
    role: str


class Group(NamedTuple):
    """The places of some nodes that are one mark, in order, and the rule that made it one."""

    members: Sequence[int]
    rule: str


def groups_of(graph: Indexed, singles: Sequence[int], budget: int) -> tuple[list[Group], bool]:
    """Return the groups of a graph, no more than the budget, and whether all single nodes are single.

    Where there are too many kinds of look, states are no reason to tell nodes apart, then rare types are none,
    then types are none. Where there are too many singles, half of the budget is theirs.
    """
    colours, whole = _colours(graph, singles, budget)
    first = colours_numbered(colours)
    found = refined(first, graph.links, budget)
    members: dict[int, list[int]] = defaultdict(list)
    for place, group in enumerate(found.groups):
        members[group].append(place)
    if found.is_exact:
        return [Group(some, "exact" if len(some) > 1 else "") for some in members.values()], whole
    return _with_others(graph, list(members.values()), colours), whole


def colours_numbered(colours: Sequence[Hashable]) -> list[int]:
    """Return colours as numbers from 0, in the order in which they are met."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(colour, len(numbers)) for colour in colours]


def _colours(graph: Indexed, singles: Sequence[int], budget: int) -> tuple[list[Hashable], bool]:
    """Return the finest colours that are no more than the budget, and whether all singles have their own."""
    looks = graph.looks
    every: list[list[Hashable]] = [
        list(looks),
        [(look.kind, look.type, look.role) for look in looks],
    ]
    if len(set(every[-1])) + len(singles) > budget:
        kept = min(len(singles), budget // 2)
        common = Counter(every[-1]).most_common(budget - kept - len({look[::3] for look in looks}))
        told = {colour for colour, _ in common}
        every.append(
            [
                colour if colour in told else (look.kind, look.role)
                for colour, look in zip(every[-1], looks, strict=True)
            ]
        )
        every.append([look.kind for look in looks])
    for colours in every:
        if len(set(colours)) + len(singles) <= budget:
            return _apart(colours, singles), True
    few = singles[: budget // 2]
    for colours in every:
        if len(set(colours)) + len(few) <= budget:
            break
    return _apart(colours, few), False


def _apart(colours: list[Hashable], singles: Collection[int]) -> list[Hashable]:
    coloured = list(colours)
    for place in singles:
        coloured[place] = ("single", place)
    return coloured


def _with_others(
    graph: Indexed, found: Sequence[Sequence[int]], colours: Sequence[Hashable]
) -> list[Group]:
    """Return groups of which those that are rare in their colour, and not near the focus, are one."""
    totals = Counter(colours)
    groups, others = [], defaultdict(list)
    parts = Counter(colours[some[0]] for some in found)
    for some in found:
        colour = colours[some[0]]
        is_rare = len(some) < max(LEAST_SHARE * totals[colour], LEAST_COUNT)
        if parts[colour] == 1:
            groups.append(Group(some, "type" if len(some) > 1 else ""))
        elif is_rare and not 0 <= graph.far[some[0]] <= NEAR:
            others[colour].append(some)
        else:
            groups.append(Group(some, "alike" if len(some) > 1 else ""))
    for colour, rare in others.items():
        if len(rare) == 1:
            groups.append(Group(rare[0], "alike" if len(rare[0]) > 1 else ""))
        else:
            members = sorted(place for some in rare for place in some)
            rule = "type" if len(rare) == parts[colour] else "others"
            groups.append(Group(members, rule))
    return groups
