"""Where marks stand: in layers along the data, apart from one another, the same in Python and in TypeScript."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.answers.layout import GAPS, SIZE, Layout, layout
from tests.formats.readers import typescript

Edges = list[tuple[int, int]]
Sizes = list[tuple[float, float]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, Edges]:
    count = draw(st.integers(1, 12))
    nodes = st.integers(0, count - 1)
    return count, draw(st.lists(st.tuples(nodes, nodes), max_size=24))


def random_graph(number: int) -> tuple[int, Edges, Sizes]:
    """Return one of many unlike graphs: chains, windows, hubs, cycles, loops, double edges, many parts."""
    random = Random(number)
    count = random.randrange(1, 90)
    span = random.choice([2, 5, count])
    edges = []
    for _ in range(random.randrange(0, 3 * count)):
        a = random.choice([0, random.randrange(count)]) if number % 3 else random.randrange(count)
        b = min(count - 1, a + random.randrange(span + 1))
        edges.append((b, a) if random.random() < 0.1 else (a, b))
    sizes = [(random.uniform(40, 200), random.uniform(20, 60)) for _ in range(count)]
    return count, edges, sizes


def segments_cross(placed: Layout, edges: Edges) -> int:
    """Count the crossings of edges of neighbouring layers, each pair once."""
    lines = [(placed.x[a], placed.y[a], placed.x[b], placed.y[b]) for a, b in set(edges)]
    return sum(
        one[0] == other[0] and one[2] == other[2] and (one[1] - other[1]) * (one[3] - other[3]) < 0
        for i, one in enumerate(lines)
        for other in lines[:i]
    )


def test_nothing_is_placed_nowhere() -> None:
    assert layout(0, []) == Layout([], [], [], 0, 0.0, 0.0, 0)


def test_one_node_stands_in_the_corner() -> None:
    assert layout(1, [(0, 0)]) == Layout([80.0], [17.0], [[]], 1, 160.0, 34.0, 0)


def test_data_flows_to_the_right_past_the_nodes_between() -> None:
    placed = layout(4, [(0, 1), (1, 2), (2, 3), (0, 3)])
    assert placed.x == [80.0, 300.0, 520.0, 740.0]
    assert placed.bends[:3] == [[], [], []]
    first, second, third, fourth = placed.bends[3]
    assert (first[0], second[0], third[0], fourth[0]) == (220.0, 380.0, 440.0, 600.0)
    assert first[1] == second[1]
    assert abs(first[1] - placed.y[1]) > SIZE[1] / 2


def test_a_source_stands_before_its_first_reader() -> None:
    placed = layout(5, [(0, 1), (1, 2), (2, 3), (4, 3)])
    assert placed.x[4] == placed.x[2]
    assert not any(placed.bends)


def test_an_edge_that_closes_a_cycle_runs_back() -> None:
    placed = layout(3, [(0, 1), (1, 2), (2, 0)])
    assert placed.x == sorted(placed.x)
    points = [point[0] for point in placed.bends[2]]
    assert points == sorted(points, reverse=True)
    assert len(points) == 2


def test_two_edges_there_and_back_share_their_bends() -> None:
    placed = layout(3, [(0, 1), (1, 2), (0, 2), (2, 0), (0, 2)])
    assert placed.bends[2] == placed.bends[4] == placed.bends[3][::-1]
    assert len(placed.bends[2]) == 2


def test_parts_stand_below_one_another() -> None:
    placed = layout(7, [(0, 2), (1, 2), (3, 4)])
    assert max(placed.y[:3]) + SIZE[1] < min(placed.y[3:5])
    assert max(placed.y[3:5]) + SIZE[1] < min(placed.y[5:])
    assert placed.y[5] == placed.y[6]


def test_nodes_without_edges_fill_a_grid() -> None:
    placed = layout(100, [])
    assert (placed.layers, len(set(placed.y))) == (5, 20)


def test_columns_are_as_wide_as_their_widest_nodes() -> None:
    placed = layout(3, [(0, 2), (1, 2)], sizes=[(100.0, 20.0), (40.0, 20.0), (60.0, 50.0)])
    assert placed.x == [50.0, 50.0, 100.0 + GAPS[0] + 30.0]
    assert placed.y[1] - placed.y[0] == 20.0 + GAPS[1]
    assert placed.width == 160.0 + GAPS[0]


def test_two_crossed_pairs_are_uncrossed() -> None:
    edges = [(0, 5), (1, 4), (2, 3), (2, 4)]
    assert segments_cross(layout(6, edges), edges) == 0


def test_the_longest_edges_are_straight_beyond_the_limit() -> None:
    edges = [(i, i + 1) for i in range(20)] + [(0, 3), (0, 19)]
    placed = layout(21, edges, bends=10)
    assert (len(placed.bends[20]), len(placed.bends[21]), placed.straight) == (4, 0, 1)


def test_a_long_row_of_nodes_is_several_columns() -> None:
    edges = [edge for v in range(1, 101) for edge in ((0, v), (v, 101))]
    placed = layout(102, edges)
    rows = Counter(placed.x[1:101])
    assert len(rows) == 5
    assert max(rows.values()) == 20
    assert placed.straight == 0
    assert layout(102, edges, bends=100).layers == 3
    assert placed.y[1:21] == sorted(placed.y[1:21])


@settings(max_examples=100)
@given(graphs())
def test_whatever_is_placed_stands_apart(graph: tuple[int, Edges]) -> None:
    count, edges = graph
    placed = layout(count, edges)
    assert placed == layout(count, edges)
    columns: dict[float, list[float]] = {}
    for x, y in zip(placed.x, placed.y, strict=True):
        columns.setdefault(x, []).append(y)
        assert SIZE[0] / 2 <= x <= placed.width - SIZE[0] / 2
        assert SIZE[1] / 2 - 1e-6 <= y <= placed.height - SIZE[1] / 2 + 1e-6
    assert len(columns) <= placed.layers
    for column in columns.values():
        gaps = [below - above for above, below in pairwise(sorted(column))]
        assert all(gap >= SIZE[1] + GAPS[1] - 1e-6 for gap in gaps)
    for (a, b), bends in zip(edges, placed.bends, strict=True):
        xs = [placed.x[a], *(x for x, _ in bends), placed.x[b]]
        assert xs in (sorted(xs), sorted(xs, reverse=True))
        assert a == b or placed.x[a] != placed.x[b]


@settings(max_examples=100)
@given(graphs())
def test_long_edges_pass_beside_nodes(graph: tuple[int, Edges]) -> None:
    count, edges = graph
    placed = layout(count, edges)
    boxes = list(zip(placed.x, placed.y, strict=True))
    for bends in placed.bends:
        for (left, y), (right, other) in zip(bends[::2], bends[1::2], strict=True):
            assert y == other
            middle = (left + right) / 2
            assert all(
                abs(y - at) >= SIZE[1] / 2 + GAPS[1] / 2 for x, at in boxes if abs(x - middle) < 1
            )


@settings(max_examples=50)
@given(graphs())
def test_only_edges_of_cycles_run_back(graph: tuple[int, Edges]) -> None:
    count, edges = graph
    forward = [(a, b) for a, b in edges if a < b]
    placed = layout(count, forward)
    assert all(placed.x[a] < placed.x[b] for a, b in forward)


def test_typescript_agrees_to_the_last_bit() -> None:
    graphs = [random_graph(number) for number in range(200)]
    there = typescript(
        "layout.ts",
        "given.map(([count, edges, sizes, bends]) => it.layout(count, edges, { sizes, bends }))",
        [(*graph, 60 if number % 4 == 0 else 6_000) for number, graph in enumerate(graphs)],
    )
    for number, ((count, edges, sizes), each) in enumerate(zip(graphs, there, strict=True)):
        here = layout(count, edges, sizes=sizes, bends=60 if number % 4 == 0 else 6_000)
        assert as_lists(here._asdict()) == each, number


def as_lists(value: object) -> object:
    """Return a value as JSON has it."""
    if isinstance(value, dict):
        return {name: as_lists(each) for name, each in value.items()}
    if isinstance(value, Sequence):
        return [as_lists(each) for each in value]
    return value
