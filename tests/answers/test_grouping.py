"""Colour refinement, and counted edges between groups, against references of a few lines."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from lineage.answers.grouping import Bundles, Links, circles, distances, has_circle, refined

Edges = list[tuple[int, int]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[int], Edges]:
    """Draw the colours of nodes, and edges among them: cycles, loops, double ones."""
    count = draw(st.integers(1, 14))
    colours = draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    nodes = st.integers(0, count - 1)
    return _numbered(colours), draw(st.lists(st.tuples(nodes, nodes), max_size=3 * count))


def _numbered(colours: list[int]) -> list[int]:
    numbers: dict[int, int] = {}
    return [numbers.setdefault(colour, len(numbers)) for colour in colours]


def links_of(count: int, edges: Edges) -> Links:
    return Links.of(count, (edge[0] for edge in edges), (edge[1] for edge in edges))


def rounds_of(colours: list[int], edges: Edges) -> list[set[frozenset[int]]]:
    """Return the partitions of all rounds, until nothing splits any more."""
    found = [_parts(colours)]
    while True:
        seen = [
            (
                colour,
                frozenset(colours[b] for a, b in edges if a == node),
                frozenset(colours[a] for a, b in edges if b == node),
            )
            for node, colour in enumerate(colours)
        ]
        numbers = {look: number for number, look in enumerate(dict.fromkeys(seen))}
        colours = [numbers[look] for look in seen]
        if _parts(colours) == found[-1]:
            return found
        found.append(_parts(colours))


def _parts(groups: list[int]) -> set[frozenset[int]]:
    parts: dict[int, set[int]] = defaultdict(set)
    for node, group in enumerate(groups):
        parts[group].add(node)
    return {frozenset(part) for part in parts.values()}


def reachable(after: dict[int, set[int]], start: int) -> set[int]:
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        for following in after[waiting.pop()] - seen:
            seen.add(following)
            waiting.append(following)
    return seen


@given(graphs(), st.integers(1, 16))
def test_the_groups_are_those_of_the_last_round_within_the_budget(
    graph: tuple[list[int], Edges], budget: int
) -> None:
    colours, edges = graph
    found = refined(colours, links_of(len(colours), edges), budget)
    rounds = rounds_of(colours, edges)
    within = [parts for parts in rounds if len(parts) <= budget]
    assert _parts(found.groups) == (within or rounds)[-1 if within else 0]
    assert found.is_exact == (_parts(found.groups) == rounds[-1])


@given(graphs())
def test_of_exact_groups_every_member_reaches_what_the_group_does(
    graph: tuple[list[int], Edges],
) -> None:
    colours, edges = graph
    groups = refined(colours, links_of(len(colours), edges), len(colours)).groups
    among_nodes: dict[int, set[int]] = defaultdict(set)
    among_groups: dict[int, set[int]] = defaultdict(set)
    for source, target in edges:
        among_nodes[source].add(target)
        among_groups[groups[source]].add(groups[target])
    for node, group in enumerate(groups):
        reached = {groups[each] for each in reachable(among_nodes, node)}
        assert reached == reachable(among_groups, group)


@given(graphs(), st.integers(1, 8))
def test_edges_between_groups_are_counted(graph: tuple[list[int], Edges], budget: int) -> None:
    colours, edges = graph
    groups = refined(colours, links_of(len(colours), edges), budget).groups
    counted = Bundles(groups)
    counted.add((source, target, source % 3) for source, target in edges)
    for bundle in counted:
        between = [
            (a, b) for a, b in edges if (groups[a], groups[b]) == (bundle.source, bundle.target)
        ]
        assert bundle.edges == len(between)
        assert bundle.sources == len({a for a, _ in between})
        assert bundle.targets == len({b for _, b in between})
        assert {bit for bit in range(3) if bundle.kinds >> bit & 1} == {a % 3 for a, _ in between}
    assert sum(bundle.edges for bundle in counted) == len(edges)


@given(graphs())
def test_hidden_nodes_join_what_is_before_them_to_what_is_after(
    graph: tuple[list[int], Edges],
) -> None:
    colours, edges = graph
    groups = [number if colours[number] else -1 for number in range(len(colours))]
    links = links_of(len(colours), edges)
    counted = Bundles(groups)
    for node, group in enumerate(groups):
        if group < 0:
            counted.join(node, links.before[node], links.after[node], 1)
    expected = [
        (a, b, node)
        for a, node in edges
        for other, b in edges
        if node == other and groups[node] < 0 <= min(groups[a], groups[b])
    ]
    assert {(each.source, each.target): each.edges for each in counted} == {
        (a, b): sum(each[:2] == (a, b) for each in expected) for a, b, _ in expected
    }
    assert {(each.source, each.target): set(each.through) for each in counted} == {
        (a, b): {n for *ends, n in expected if ends == [a, b]} for a, b, _ in expected
    }


@given(graphs())
def test_circles_are_what_leads_back_to_itself(graph: tuple[list[int], Edges]) -> None:
    colours, edges = graph
    after: dict[int, set[int]] = defaultdict(set)
    for source, target in edges:
        after[source].add(target)
    reached = {node: reachable(after, node) for node in range(len(colours))}
    expected = {
        frozenset(other for other in reached[node] if node in reached[other])
        for node in reached
        if node in reached[node]
    }
    links = links_of(len(colours), edges)
    assert {frozenset(each) for each in circles(links.after)} == expected
    assert has_circle(links, range(len(colours))) == bool(expected)


def test_distances_go_both_ways_and_say_what_is_apart() -> None:
    links = links_of(5, [(0, 1), (2, 1), (3, 3)])
    assert distances(links, [0]) == [0, 1, 2, 5, 5]
    assert distances(links, []) == [5] * 5


def test_long_chains_take_no_recursion_and_no_square() -> None:
    count = 20_000
    links = links_of(count, [(node, node + 1) for node in range(count - 1)])
    assert circles(links.after) == []
    colours = [0, *[1] * (count - 1)]
    found = refined(colours, links, 200)
    assert len(set(found.groups)) in (199, 200)
    assert not found.is_exact
