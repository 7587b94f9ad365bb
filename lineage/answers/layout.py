"""Where the marks of a picture stand: layers from left to right along the data, with few crossings.

The steps are Sugiyama's (Sugiyama, Tagawa & Toda 1981): cut cycles, rank by longest path, bend long edges,
order each layer by barycentres and by exchanging neighbours, place by least squares. `web/src/layout.ts`
is the same algorithm: doubles are only added, divided and compared, in one order, so that both agree to
the last bit. `sum` is therefore not used on floats: since Python 3.12 it compensates for rounding.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

__all__ = ["MAX_BENDS", "Layout", "layout"]

MAX_BENDS = 6_000
"""How many layers long edges may bend through in all; the longest beyond it are drawn straight."""
SIZE = (160.0, 34.0)
"""Width and height of a node whose size is not said."""
GAPS = (60.0, 16.0)
"""The space between two layers, and between two nodes of one."""

# The numbers below are what takes 10,000 nodes under a second of processor time, and on the 20 graphs of
# benchmarks/bench_layout.py few more crossings than Graphviz has; work counts visits of edges.
_ROWS, _COLUMNS = 24, 6
_SHORTENED = 200_000
_ORDERED = 120_000
_ROUNDS = 24
_PATIENCE = 10
_STARTED = 1_000
_EXCHANGED = 2_000
_EXCHANGES = 8
_PLACED = 6
_STRAIGHTENED = 2

_Lists: TypeAlias = list[list[int]]


class Layout(NamedTuple):
    """Centres of nodes, by node, and the points that edges pass, by edge, from source to target.

    A long edge passes each layer between its ends at two points of one height, where it enters the layer
    and where it leaves it. One that closes a cycle runs from right to left. `straight` counts the long
    edges that have no bends, because there would be more than the limit.
    """

    x: list[float]
    y: list[float]
    bends: list[list[tuple[float, float]]]
    layers: int
    width: float
    height: float
    straight: int


def layout(
    count: int,
    edges: Sequence[tuple[int, int]],
    *,
    sizes: Sequence[tuple[float, float]] | None = None,
    gaps: tuple[float, float] = GAPS,
    bends: int = MAX_BENDS,
) -> Layout:
    """Place nodes, numbered from 0, and bend edges around them; equal arguments give equal answers.

    Edges may be double, loops or part of cycles. Parts that are not connected stand below one another in
    the order of their first nodes, and nodes without edges in a grid below them all.

    >>> placed = layout(3, [(0, 1), (1, 2), (0, 2)])
    >>> placed.x
    [80.0, 300.0, 520.0]
    >>> [len(each) for each in placed.bends]
    [0, 0, 2]
    """
    sized = list(sizes) if sizes is not None else [SIZE] * count
    arcs = _without_cycles(count, list(dict.fromkeys((a, b) for a, b in edges if a != b)))
    rank = _ranks(count, arcs)
    _split(rank, arcs, bends)
    graph = _bent(arcs, rank, bends)
    y = [0.0] * len(graph.rank)
    # Bends stand half a gap from one another, and three quarters of one from nodes.
    height = [size[1] for size in sized] + [-gaps[1] / 2] * (len(graph.rank) - count)
    top = 0.0
    lonely = []
    for part in _parts(graph.before, graph.after):
        if len(part) == 1:
            lonely.append(part[0])
            continue
        layers = _layers(part, graph.rank)
        _order(layers, graph)
        _place(layers, graph, y, height, gaps[1])
        top = _lowered([v for layer in layers for v in layer], y, height, top) + 2 * gaps[1]
    _grid(lonely, graph.rank, y, height, (top, gaps[1]))
    return _measured(edges, graph, y, sized, gaps)


def _without_cycles(count: int, arcs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Turn the edges around that close cycles of a walk from the nodes that are least written."""
    leaving = _lists(count, ((a, b) for a, b in arcs))
    written = [0] * count
    for _, b in arcs:
        written[b] += 1
    state = [0] * count
    turned = set()
    for root in sorted(range(count), key=lambda v: (written[v], v)):
        if state[root]:
            continue
        state[root] = 1
        stack = [(root, iter(leaving[root]))]
        while stack:
            v, following = stack[-1]
            for u in following:
                if state[u] == 1:
                    turned.add((v, u))
                elif not state[u]:
                    state[u] = 1
                    stack.append((u, iter(leaving[u])))
                    break
            else:
                state[v] = 2
                stack.pop()
    return list(dict.fromkeys((b, a) if (a, b) in turned else (a, b) for a, b in arcs))


def _ranks(count: int, arcs: list[tuple[int, int]]) -> list[int]:
    """Rank by longest path, draw sources up to their first readers, then shorten the edges in all."""
    after = _lists(count, arcs)
    before = _lists(count, ((b, a) for a, b in arcs))
    rank = [0] * count
    missing = [len(each) for each in before]
    order = [v for v in range(count) if not missing[v]]
    for v in order:
        for u in after[v]:
            rank[u] = max(rank[u], rank[v] + 1)
            missing[u] -= 1
            if not missing[u]:
                order.append(u)
    for v in reversed(order):
        if len(after[v]) > len(before[v]):
            rank[v] = min(rank[u] for u in after[v]) - 1
    _shorten(rank, before, after)
    return rank


def _shorten(rank: list[int], before: _Lists, after: _Lists) -> None:
    """Move nodes to the right where edges get shorter in all, as far as the work that this may be.

    A node has as many units to give as more edges leave it than enter it, and gives them along edges of
    length 1 to nodes that more enter. What cannot be given says that all it could go to wants to move.
    This is the primal-dual method for flows of least cost, and any moment's ranks are good ones.
    """
    spare = [len(after[v]) - len(before[v]) for v in range(len(rank))]
    flow: dict[tuple[int, int], int] = {}
    work = _SHORTENED
    for start in sorted((v for v in range(len(rank)) if spare[v] > 0), key=lambda v: (-rank[v], v)):
        while spare[start] > 0 and work > 0:
            came = {start: start}
            stack, end = [start], -1
            while stack and end < 0:
                v = stack.pop()
                work -= len(after[v]) + len(before[v])
                tight = [u for u in after[v] if rank[u] == rank[v] + 1]
                for u in (*tight, *(u for u in before[v] if flow.get((u, v)))):
                    if u not in came:
                        came[u] = v
                        stack.append(u)
                        if spare[u] < 0:
                            end = u
            if end < 0:
                step = min(rank[u] - rank[v] - 1 for v in came for u in after[v] if u not in came)
                for v in came:
                    rank[v] += step
            else:
                spare[start] -= 1
                spare[end] += 1
                _give(came, end, flow, rank)


def _give(
    came: dict[int, int], end: int, flow: dict[tuple[int, int], int], rank: list[int]
) -> None:
    """Give one unit along the way that was found."""
    while came[end] != end:
        v = came[end]
        if rank[v] < rank[end]:
            flow[v, end] = flow.get((v, end), 0) + 1
        else:
            flow[end, v] -= 1
        end = v


def _split(rank: list[int], arcs: list[tuple[int, int]], limit: int) -> None:
    """Begin each part at the first layer, and make several of a layer that would be a long row of nodes.

    Edges bend through the new layers, which is only done where it takes no more than half of the bends.
    """
    count = len(rank)
    limit //= 2
    for part in _parts(_lists(count, ((b, a) for a, b in arcs)), _lists(count, arcs)):
        nodes: dict[int, list[int]] = {}
        for v in sorted(part):
            nodes.setdefault(rank[v], []).append(v)
        columns, bends, most = dict.fromkeys(nodes, 1), limit + 1, _COLUMNS
        while bends > limit:
            columns = {each: min(-(-len(nodes[each]) // _ROWS), most) for each in nodes}
            bends = sum(2 * len(nodes[each]) * (columns[each] - 1) for each in nodes)
            most -= 1
        limit -= bends
        start = 0
        for each in sorted(nodes):
            for i, v in enumerate(nodes[each]):
                rank[v] = start + i * columns[each] // len(nodes[each])
            start += columns[each]


class _Graph(NamedTuple):
    """Nodes, then bends, between neighbouring layers; `chains` are the bends of each long edge."""

    rank: list[int]
    before: _Lists
    after: _Lists
    chains: dict[tuple[int, int], list[int]]
    straight: int


def _bent(arcs: list[tuple[int, int]], rank: list[int], limit: int) -> _Graph:
    """Cut edges at the layers that they pass, shortest edges first, up to the limit."""
    spans: dict[int, int] = {}
    for a, b in arcs:
        spans[rank[b] - rank[a]] = spans.get(rank[b] - rank[a], 0) + 1
    longest = 1
    for span in sorted(spans):
        limit -= (span - 1) * spans[span]
        if limit < 0:
            break
        longest = span
    ranks, chains, segments = list(rank), {}, []
    for a, b in arcs:
        last = a
        if 1 < rank[b] - rank[a] <= longest:
            chains[a, b] = list(range(len(ranks), len(ranks) + rank[b] - rank[a] - 1))
            ranks += range(rank[a] + 1, rank[b])
            for bend in chains[a, b]:
                segments.append((last, bend))
                last = bend
        segments.append((last, b))
    straight = sum(number for span, number in spans.items() if span > longest)
    before = _lists(len(ranks), ((b, a) for a, b in segments))
    return _Graph(ranks, before, _lists(len(ranks), segments), chains, straight)


def _parts(before: _Lists, after: _Lists) -> Iterator[list[int]]:
    """Yield what is connected, depth first from the first node of each part, of neighbours the first one first."""
    done = [False] * len(after)
    for root in range(len(after)):
        part, stack = [], [root]
        while stack:
            v = stack.pop()
            if not done[v]:
                done[v] = True
                part.append(v)
                stack += [u for u in reversed(before[v]) if not done[u]]
                stack += [u for u in reversed(after[v]) if not done[u]]
        if part:
            yield part


def _layers(part: list[int], rank: list[int]) -> _Lists:
    return _lists(max(rank[v] for v in part) + 1, ((rank[v], v) for v in part))


def _order(layers: _Lists, graph: _Graph) -> None:
    """Order every layer so that few edges cross, and leave the best order that was seen."""
    position = [0] * len(graph.rank)
    segments = sum(len(graph.after[v]) for layer in layers for v in layer)
    rounds = max(2, min(_ROUNDS, _ORDERED // (segments + 1)))
    fewest, best = -1, layers
    for start, median in _starts(layers, graph, segments):
        tried, waited = [list(each) for each in start], 0
        for layer in tried:
            _number(layer, position)
        for turn in range(rounds):
            crossings = _crossings(tried, graph, position)
            waited += 1
            if fewest < 0 or crossings < fewest:
                fewest, best, waited = crossings, [list(each) for each in tried], 0
            if not fewest or waited == _PATIENCE:
                break
            _sweep(tried, graph, position, _Turn(turn % 2 == 1, turn % 4 > 1, median))
            if segments <= _EXCHANGED:
                _exchange(tried, graph, position, even=turn % 4 > 1)
    layers[:] = best


def _starts(layers: _Lists, graph: _Graph, segments: int) -> Iterator[tuple[_Lists, bool]]:
    """Yield orders to begin with, and whether by medians: as nodes were reached, breadth first from either end."""
    yield layers, False
    if segments <= _STARTED:
        yield _spread(layers, graph.rank, graph.after), True
        yield _spread(layers[::-1], graph.rank, graph.before), True


def _spread(layers: _Lists, rank: list[int], sides: _Lists) -> _Lists:
    """Order nodes breadth first from those of the outermost layer, then of the next."""
    found: _Lists = [[] for _ in layers]
    seen = set()
    for layer in layers:
        queue = [v for v in layer if v not in seen]
        for v in queue:
            if v not in seen:
                seen.add(v)
                found[rank[v]].append(v)
                queue += [u for u in sides[v] if u not in seen]
    return found


class _Turn(NamedTuple):
    """One way through the layers; of equal nodes the later comes first where it is `late`."""

    backwards: bool
    late: bool
    median: bool


def _sweep(layers: _Lists, graph: _Graph, position: list[int], turn: _Turn) -> None:
    """Sort each layer by the mean, or the median, of the neighbours' positions in the layer before."""
    sides = graph.after if turn.backwards else graph.before
    for layer in reversed(layers) if turn.backwards else layers:
        middle = {}
        for v in layer:
            ends = [position[u] for u in sides[v]]
            if turn.median:
                ends.sort()
                ends = ends[(len(ends) - 1) // 2 : len(ends) // 2 + 1]
            middle[v] = sum(ends) / len(ends) if ends else position[v]
        # Else of two with one middle none would ever pass the other.
        if turn.late:
            layer.reverse()
        layer.sort(key=middle.__getitem__)
        _number(layer, position)


def _exchange(layers: _Lists, graph: _Graph, position: list[int], *, even: bool) -> None:
    """Exchange neighbours as long as that takes a crossing away."""
    improved, rounds = True, 0
    while improved and rounds < _EXCHANGES:
        improved = False
        rounds += 1
        for layer in layers:
            before = {v: sorted(position[u] for u in graph.before[v]) for v in layer}
            after = {v: sorted(position[u] for u in graph.after[v]) for v in layer}
            for i in range(len(layer) - 1):
                v, w = layer[i], layer[i + 1]
                kept = _inverted(before[v], before[w]) + _inverted(after[v], after[w])
                if not kept:
                    continue
                turned = _inverted(before[w], before[v]) + _inverted(after[w], after[v])
                if kept > turned or (even and kept == turned):
                    layer[i], layer[i + 1] = w, v
                    improved = improved or kept > turned
            _number(layer, position)


def _inverted(first: list[int], second: list[int]) -> int:
    """Count the pairs in which a position of the first list is greater than one of the second, both sorted."""
    count = passed = 0
    for a in first:
        while passed < len(second) and second[passed] < a:
            passed += 1
        count += passed
    return count


def _crossings(layers: _Lists, graph: _Graph, position: list[int]) -> int:
    crossings = 0
    for layer in layers:
        ends: list[int] = []
        for v in layer:
            for end in sorted(position[u] for u in graph.after[v]):
                place = bisect_right(ends, end)
                crossings += len(ends) - place
                ends.insert(place, end)
    return crossings


def _place(layers: _Lists, graph: _Graph, y: list[float], height: list[float], gap: float) -> None:
    """Move nodes to the means of their neighbours, to the left and to the right in turn, then make edges straight."""
    for layer in layers:
        down = 0.0
        for v in layer:
            y[v] = down + height[v] / 2
            down += height[v] + gap
        for v in layer:
            y[v] -= down / 2
    for turn in range(_PLACED):
        sides = graph.after if turn % 2 else graph.before
        for layer in reversed(layers) if turn % 2 else layers:
            _settle(layer, [_mean(v, sides[v], y) for v in layer], y, height, gap)
    for _ in range(_STRAIGHTENED):
        for layer in layers:
            _settle(layer, [_straight(v, graph, y, height) for v in layer], y, height, gap)


def _mean(v: int, beside: list[int], y: list[float]) -> float:
    total = 0.0
    for u in beside:
        total += y[u]
    return total / len(beside) if beside else y[v]


def _straight(v: int, graph: _Graph, y: list[float], height: list[float]) -> float:
    """Return the height of where an edge comes from, for a bend, and the median of all neighbours for a node."""
    if height[v] < 0:
        return y[graph.before[v][0]]
    ends = sorted(y[u] for u in (*graph.before[v], *graph.after[v]))
    return (ends[(len(ends) - 1) // 2] + ends[len(ends) // 2]) / 2


def _settle(
    layer: list[int], wishes: list[float], y: list[float], height: list[float], gap: float
) -> None:
    """Place a layer nearest to what its nodes wish, by least squares, in order and apart.

    Pool adjacent violators: nodes that would stand too close become a block, at the mean of their wishes.
    """
    offsets: list[float] = []
    blocks: list[tuple[float, int]] = []
    offset = 0.0
    for i, v in enumerate(layer):
        if i:
            offset += (height[layer[i - 1]] + height[v]) / 2 + gap
        offsets.append(offset)
        total, size = wishes[i] - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / size:
            above, nodes = blocks.pop()
            total += above
            size += nodes
        blocks.append((total, size))
    i = 0
    for total, size in blocks:
        for _ in range(size):
            y[layer[i]] = total / size + offsets[i]
            i += 1


def _lowered(part: list[int], y: list[float], height: list[float], top: float) -> float:
    """Move a part below what stands above it; return where it ends."""
    highest = min(y[v] - max(height[v], 0.0) / 2 for v in part)
    for v in part:
        y[v] += top - highest
    return max(y[v] + max(height[v], 0.0) / 2 for v in part)


def _grid(
    lonely: list[int],
    rank: list[int],
    y: list[float],
    height: list[float],
    space: tuple[float, float],
) -> None:
    """Place nodes without edges in rows, as wide as the layers or about four times as high as wide."""
    top, gap = space
    columns = max(rank, default=0) + 1
    while columns * columns * 4 < len(lonely):
        columns += 1
    for start in range(0, len(lonely), columns):
        row = lonely[start : start + columns]
        tallest = max(height[v] for v in row)
        for column, v in enumerate(row):
            rank[v] = column
            y[v] = top + tallest / 2
        top += tallest + gap


def _measured(
    edges: Sequence[tuple[int, int]],
    graph: _Graph,
    y: list[float],
    sizes: list[tuple[float, float]],
    gaps: tuple[float, float],
) -> Layout:
    """Make columns as wide as their widest nodes, and read off where edges pass."""
    layers = max(graph.rank, default=-1) + 1
    widths = [0.0] * layers
    for v, size in enumerate(sizes):
        widths[graph.rank[v]] = max(widths[graph.rank[v]], size[0])
    starts, right = [], 0.0
    for width in widths:
        starts.append(right)
        right += width + gaps[0]
    bends = []
    for a, b in edges:
        points = _points(graph.chains.get((a, b), []), graph.rank, y, starts, widths)
        if not points and (b, a) in graph.chains:
            points = _points(graph.chains[b, a], graph.rank, y, starts, widths)[::-1]
        bends.append(points)
    centres = [starts[rank] + widths[rank] / 2 for rank in graph.rank[: len(sizes)]]
    bottom = max((y[v] + size[1] / 2 for v, size in enumerate(sizes)), default=0.0)
    bottom = max(bottom, max(y[len(sizes) :], default=0.0))
    width = right - gaps[0] if layers else 0.0
    return Layout(centres, y[: len(sizes)], bends, layers, width, bottom, graph.straight)


def _points(
    chain: list[int], rank: list[int], y: list[float], starts: list[float], widths: list[float]
) -> list[tuple[float, float]]:
    return [(starts[rank[v]] + side, y[v]) for v in chain for side in (0.0, widths[rank[v]])]


def _number(layer: list[int], position: list[int]) -> None:
    for i, v in enumerate(layer):
        position[v] = i


def _lists(count: int, pairs: Iterable[tuple[int, int]]) -> _Lists:
    lists: _Lists = [[] for _ in range(count)]
    for a, b in pairs:
        lists[a].append(b)
    return lists
