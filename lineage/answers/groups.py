"""Makes a view's groups: which nodes of a graph are one mark, and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from lineage.answers.grouping import Links, refined
from lineage.answers.indexed import Indexed, Look
from lineage.model.keys import Kind

__all__ = ["COARSE", "Group", "Grouped", "groups_of"]

LEAST_SHARE = 0.02
"""What share of its type a group must have to be told apart, where the budget ended the search for differences."""
LEAST_COUNT = 3
"""How many members such a group must have in any case."""
NEAR, FEW = 2, 12
"""Up to how many edges from the focus nodes stay apart however rare they are, if they are few: what was made by what,
of what. More like nodes than these are a hub's, which are counted."""
COARSE = ("alike", "type", "others")
"""The rules of groups whose members are not alike in every way, because more marks would be needed."""


class Group(NamedTuple):
    """The places of some nodes that are one mark, in order, and the rule that made it one.

    `parts` are the groups that it is made of, where it is not made of single nodes; `name` is what it is called
    where that is more than its type.
    """

    members: Sequence[int]
    rule: str
    look: Look
    name: str = ""
    parts: tuple[Group, ...] = ()

    @property
    def is_chosen(self) -> bool:
        """Whether a choice of the user put the nodes together."""
        return bool(self.name) and self.rule != "rest"


class Grouped(NamedTuple):
    """The groups of a graph, and whether all nodes that were to be single are so."""

    groups: list[Group]
    keeps_singles: bool


class _Items(NamedTuple):
    """What is grouped: nodes, or what a choice has put together; how far away each is, and which are single."""

    looks: Sequence[Look]
    look: Sequence[int]
    links: Links
    far: Sequence[int]
    singles: Sequence[int]
    hidden: frozenset[Kind]

    def colours(self, of: Mapping[Look, Hashable], singles: Collection[int]) -> list[Hashable]:
        """Return a colour for each item: by its look, but for single ones, which have their own."""
        by_number = [of[look] for look in self.looks]
        colours = [by_number[number] for number in self.look]
        for item in singles:
            colours[item] = ("single", item)
        return colours


def groups_of(
    graph: Indexed,
    singles: Sequence[int],
    budget: int,
    *,
    hidden: Iterable[Kind] = (),
    chosen: Sequence[Group] = (),
) -> Grouped:
    """Return the groups of a graph, no more than the budget, but for those of `hidden` kinds.

    `chosen` are groups that stay together, and may be grouped further. Where there are too many looks, states are
    no reason to tell nodes apart, then rare types are none, then types are none. Where there are too many singles,
    half of the budget is theirs.
    """
    if chosen:
        return _groups_of_chosen(graph, singles, budget, frozenset(hidden), chosen)
    items = _Items(graph.looks, graph.look, graph.links, graph.far, singles, frozenset(hidden))
    found, keeps_singles = _partition(items, budget)
    groups = [Group(each, rule, graph.common_look(each)) for each, rule in found]
    return Grouped(groups, keeps_singles)


def _groups_of_chosen(
    graph: Indexed,
    singles: Sequence[int],
    budget: int,
    hidden: frozenset[Kind],
    chosen: Sequence[Group],
) -> Grouped:
    """Group what a choice has put together as if each was a node."""
    taken = {place for group in chosen for place in group.members}
    alone = [
        Group([place], "", graph.looks[graph.look[place]])
        for place in range(len(graph))
        if place not in taken
    ]
    parts = sorted([*chosen, *alone], key=lambda each: each.members[0])
    item_of = [0] * len(graph)
    for number, part in enumerate(parts):
        for place in part.members:
            item_of[place] = number
    # A group that was chosen is never of the look of a node.
    looks = {(part.look, part.rule): 0 for part in parts}
    numbers = {look: number for number, look in enumerate(looks)}
    items = _Items(
        looks=[
            look._replace(type=f"{rule}\0{look.type}" if rule else look.type)
            for look, rule in looks
        ],
        look=[numbers[part.look, part.rule] for part in parts],
        links=_links_between(graph, item_of, len(parts)),
        far=[graph.far[part.members[0]] for part in parts],
        singles=[item_of[place] for place in singles],
        hidden=hidden,
    )
    found, keeps_singles = _partition(items, budget)
    return Grouped(
        [_joined([parts[each] for each in some], rule) for some, rule in found], keeps_singles
    )


def _links_between(graph: Indexed, item_of: Sequence[int], count: int) -> Links:
    """Return the links between items that nodes are in, each once; what goes on inside one is none."""
    pairs = zip(graph.sources, graph.targets, strict=True)
    ends = {(item_of[source], item_of[target]) for source, target in pairs}
    ends = {(source, target) for source, target in ends if source != target}
    return Links.of(count, (end[0] for end in ends), (end[1] for end in ends))


def _joined(parts: Sequence[Group], rule: str) -> Group:
    """Return a group of groups; one alone is itself. Between them nothing holds for every node."""
    if len(parts) == 1:
        return parts[0]
    members = sorted(place for part in parts for place in part.members)
    look = Look.common([*{part.look for part in parts}])
    are_nodes = not any(part.rule for part in parts)
    return Group(
        members, "alike" if rule == "exact" else rule, look, parts=() if are_nodes else tuple(parts)
    )


_Found = list[tuple[list[int], str]]


def _partition(items: _Items, budget: int) -> tuple[_Found, bool]:
    """Return the groups of items, each with its rule, and whether all singles are single."""
    colours, keeps_singles = _first_colours(items, budget)
    numbers: dict[Hashable, int] = {}
    first = [numbers.setdefault(colour, len(numbers)) for colour in colours]
    singles = frozenset(items.singles)
    uncounted = {
        first[item]
        for item, number in enumerate(items.look)
        if items.looks[number].kind in items.hidden and item not in singles
    }
    found = refined(first, items.links, budget, uncounted)
    members: dict[int, list[int]] = defaultdict(list)
    for item, group in enumerate(found.groups):
        members[group].append(item)
    if found.is_exact:
        ruled = [(each, "exact") for each in members.values()]
    else:
        ruled = _with_others(items, list(members.values()), first)
    return [(each, _rule(items, each, rule)) for each, rule in ruled], keeps_singles


def _rule(items: _Items, members: Sequence[int], rule: str) -> str:
    """Return the rule of a group: none of a single item, and a coarser one where not even the looks are alike."""
    if len(members) == 1:
        return ""
    looks = [items.looks[number] for number in {items.look[each] for each in members}]
    if len({(look.kind, look.type) for look in looks}) > 1:
        return "others"
    return "alike" if len(looks) > 1 and rule == "exact" else rule


def _first_colours(items: _Items, budget: int) -> tuple[list[Hashable], bool]:
    """Return the finest colours that are within the budget, and whether all singles have one of their own."""
    seen = [look for look in items.looks if look.kind not in items.hidden]
    ways: list[dict[Look, Hashable]] = [
        {look: look for look in items.looks},
        {look: (look.kind, look.type, look.role) for look in items.looks},
    ]
    kept = min(len(items.singles), budget // 2)
    ends = {(look.kind, look.role) for look in seen}
    counts: Counter[Hashable] = Counter(ways[1][items.looks[number]] for number in items.look)
    told = {colour for colour, _ in counts.most_common(max(0, budget - kept - len(ends)))}
    ways.append(
        {
            look: colour if colour in told else (look.kind, look.role)
            for look, colour in ways[1].items()
        }
    )
    ways.append({look: look.kind for look in items.looks})
    tried = [(items.singles, way) for way in ways[:2]]
    tried += [(items.singles[:kept], way) for way in ways]
    singles, way = next(
        (some, way)
        for some, way in tried
        if len({way[look] for look in seen}) + len(some) <= budget
    )
    return items.colours(way, singles), len(singles) == len(items.singles)


def _with_others(items: _Items, found: Sequence[list[int]], colours: Sequence[int]) -> _Found:
    """Return groups of which those that are rare in their colour, and not near the focus, are one."""
    totals = Counter(colours)
    parts = Counter(colours[some[0]] for some in found)
    near = Counter(colour for colour, far in zip(colours, items.far, strict=True) if far <= NEAR)
    groups: _Found = []
    others: dict[int, list[list[int]]] = defaultdict(list)
    for some in found:
        colour = colours[some[0]]
        is_rare = len(some) < max(LEAST_SHARE * totals[colour], LEAST_COUNT)
        is_near = items.far[some[0]] <= NEAR and near[colour] <= FEW
        if is_rare and parts[colour] > 1 and not is_near:
            others[colour].append(some)
        else:
            groups.append((some, "type" if parts[colour] == 1 else "alike"))
    for colour, rare in others.items():
        members = sorted(item for some in rare for item in some)
        rule = "type" if len(rare) == parts[colour] else "others" if len(rare) > 1 else "alike"
        groups.append((members, rule))
    return groups
