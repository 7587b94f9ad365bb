"""Walks: exact levels, limits, frontiers and edges, against a walk of the whole graph."""

import random
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from functools import cache, partial
from itertools import pairwise

import pytest

from lineage.contract.backend import Backend
from lineage.contract.walking import Cut, Direction, Limits, Walk, walk_levels
from lineage.errors import Invalid, NotFound
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EVENT_KINDS, EdgeKind, EdgeRow
from lineage.testing.builders import all_keys, chain, writing
from lineage.testing.oracle import allowed, reach

UP, DOWN, BOTH = Direction.UPSTREAM, Direction.DOWNSTREAM, Direction.BOTH
NO_LIMITS = Limits(nodes=None)


def walked(
    backend: Backend,
    starts: Collection[NodeKey],
    direction: Direction,
    *,
    hops: int | None = None,
    nodes: int | None = None,
    as_of: int | None = None,
    without: int = 0,
    happened_by: int | None = None,
    everyone: Sequence[EdgeRow] | None = None,
) -> Walk:
    """Walk, which must agree with the contract's own walk and with the reference over all edges."""
    limits = Limits(hops=hops, nodes=nodes)
    ask = partial(
        backend.walk,
        starts,
        direction,
        limits=limits,
        as_of=as_of,
        without=without,
        happened_by=happened_by,
    )
    answer = ask()
    if everyone is None:
        everyone = backend.edges(all_keys(backend), as_of=as_of)
    reference = walk_levels(
        starts,
        expanding(everyone, direction),
        direction,
        limits=limits,
        edges=True,
        omitted=backend._omitted(without, happened_by),
    )
    assert plain(answer) == plain(reference)
    time_of = cache(backend.time_of)
    counting = allowed(everyone, time_of, without=without, happened_by=happened_by)
    expected = reach(counting, starts, direction, hops=hops, nodes=nodes)
    assert [list(level) for level in answer.levels] == expected.levels
    assert list(answer.edges) == expected.edges
    assert answer.cut == expected.cut
    assert answer.cut is None or type(answer.cut) is Cut
    assert plain(ask(edges=False)) == plain(answer._replace(edges=[]))
    return answer


def expanding(
    everyone: Sequence[EdgeRow], direction: Direction
) -> Callable[[Collection[NodeKey]], list[EdgeRow]]:
    """Return what finds the events at some nodes, of all edges: `Backend.edges` without a backend."""
    at: defaultdict[NodeKey, list[EdgeRow]] = defaultdict(list)
    for edge in everyone:
        if edge.kind in EVENT_KINDS:
            if direction is not UP:
                at[edge.source].append(edge)
            if direction is not DOWN:
                at[edge.target].append(edge)
    return lambda keys: sorted({edge.key: edge for key in keys for edge in at[key]}.values())


def plain(walk: Walk) -> tuple[object, ...]:
    return [list(level) for level in walk.levels], list(walk.edges), walk.cut


def lengths(walk: Walk) -> list[int]:
    return [len(level) for level in walk.levels]


# Directions and shapes


def test_directions(backend: Backend) -> None:
    keys = chain(backend, 7)
    assert walked(backend, [keys[3]], UP).keys == keys[3::-1]
    assert walked(backend, [keys[3]], DOWN).keys == keys[3:]
    assert walked(backend, [keys[3]], BOTH).levels == [
        [keys[3]],
        sorted([keys[2], keys[4]]),
        sorted([keys[1], keys[5]]),
        sorted([keys[0], keys[6]]),
    ]
    assert walked(backend, [keys[0]], UP).levels == [[keys[0]]]
    assert walked(backend, [keys[0]], UP).cut is None


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("direction", Direction)
def test_every_event_leads_on(kind: int, direction: Direction, backend: Backend) -> None:
    with writing(backend) as new:
        ends = [new.artifact(), new.execution()]
        source, target = ends if kind in (2, 3, 5) else ends[::-1]
        new.edge(source, target, EdgeKind(kind), time=5, path='["a"]')
    assert lengths(walked(backend, [source], direction)) == ([1] if direction is UP else [1, 1])
    assert lengths(walked(backend, [target], direction)) == ([1] if direction is DOWN else [1, 1])


@pytest.mark.parametrize("direction", Direction)
def test_contexts_neither_walk_nor_count(direction: Direction, backend: Backend) -> None:
    keys = chain(backend, 3)
    with writing(backend) as new:
        part = new.context(name="c")
        apart = new.artifact()
        for key in (*keys, apart):
            new.edge(part, key)
    walk = walked(backend, [keys[1]], direction, nodes=3)
    assert apart not in walk.keys
    assert walk.cut is None
    assert all(edge.kind <= 7 for edge in walk.edges)


@pytest.mark.parametrize("direction", Direction)
def test_cycles_end(direction: Direction, backend: Backend) -> None:
    keys = chain(backend, 6)
    with writing(backend) as new:
        new.edge(keys[-1], keys[0])
    for start in keys:
        walk = walked(backend, [start], direction)
        assert sorted(walk.keys) == sorted(keys)
        assert len(walk.edges) == 6
        for hops in range(5):
            walked(backend, [start], direction, hops=hops)
        for nodes in range(1, 8):
            walked(backend, [start], direction, nodes=nodes)


@pytest.mark.parametrize("direction", Direction)
def test_execution_that_reads_what_it_writes(direction: Direction, backend: Backend) -> None:
    data, run = chain(backend, 2)
    with writing(backend) as new:
        new.edge(run, data)
        new.edge(run, data, EdgeKind.PENDING_OUTPUT)
    for start in (data, run):
        walk = walked(backend, [start], direction)
        assert lengths(walk) == [1, 1]
        assert [edge.kind for edge in walk.edges] == [3, 4, 7]
        assert walked(backend, [start], direction, hops=0).cut == ("hops", (start,))
        assert walked(backend, [start], direction, nodes=1).cut == ("nodes", (start,))


@pytest.mark.parametrize("direction", Direction)
def test_edges_among_the_kept_close_every_circle(direction: Direction, backend: Backend) -> None:
    with writing(backend) as new:
        data = [new.artifact() for _ in range(4)]
        runs = [new.execution() for _ in range(4)]
        for first in data:
            for run in runs:
                new.edge(first, run)
                if first.id >= run.id:
                    new.edge(run, first)
    for nodes in range(1, 9):
        walked(backend, [runs[1]], direction, nodes=nodes)
        walked(backend, [data[0], runs[3]], direction, nodes=nodes, hops=1)
    assert len(walked(backend, [runs[0]], direction).edges) == 26


def test_levels_are_in_key_order(backend: Backend) -> None:
    with writing(backend) as new:
        run = new.execution()
        data = [new.artifact() for _ in range(25)]
        for key in reversed(data):
            new.edge(run, key)
        other = new.execution()
        new.edge(data[20], other)
        new.edge(new.artifact(), run)
    assert walked(backend, [run], DOWN).levels == [[run], data, [other]]
    assert walked(backend, [run, data[20]], BOTH).levels[1] == [
        *data[:20],
        *data[21:],
        NodeKey(Kind.ARTIFACT, 26),
        other,
    ]


# Limits


@pytest.mark.parametrize("hops", range(7))
def test_hops_are_edges(hops: int, backend: Backend) -> None:
    keys = chain(backend, 6)
    walk = walked(backend, [keys[0]], DOWN, hops=hops)
    assert walk.keys == keys[: hops + 1]
    assert len(walk.edges) == min(hops, 5)
    assert walk.cut == (None if hops >= 5 else Cut("hops", (keys[hops],)))


@pytest.mark.parametrize("nodes", range(1, 10))
def test_node_limit_keeps_the_first_of_a_level(nodes: int, backend: Backend) -> None:
    with writing(backend) as new:
        run = new.execution()
        data = [new.artifact() for _ in range(4)]
        users = [new.execution() for _ in range(3)]
        for key in data:
            new.edge(run, key)
        for key, user in zip(data, users, strict=False):
            new.edge(key, user)
    order = [run, *data, *users]
    walk = walked(backend, [run], DOWN, nodes=nodes)
    assert walk.keys == order[:nodes]
    assert (walk.cut is None) == (nodes >= 8)
    if nodes == 3:
        assert walk.cut == Cut("nodes", (data[0], data[1], run))
    if nodes == 5:
        assert walk.cut == Cut("nodes", (data[0], data[1], data[2]))


def test_limit_that_is_just_met_is_no_cut(backend: Backend) -> None:
    keys = chain(backend, 5)
    assert walked(backend, [keys[0]], DOWN, nodes=5, hops=4).cut is None
    assert walked(backend, [keys[0]], DOWN, nodes=4).cut == Cut("nodes", (keys[3],))
    assert walked(backend, [keys[0]], DOWN, nodes=3, hops=2).cut == Cut("hops", (keys[2],))
    assert walked(backend, [keys[0]], DOWN, nodes=3, hops=3).cut == Cut("nodes", (keys[2],))


def test_default_limits_are_the_contracts(backend: Backend) -> None:
    keys = chain(backend, 5)
    assert plain(backend.walk([keys[0]], DOWN)) == plain(walked(backend, [keys[0]], DOWN))
    assert Limits().nodes == 10_000


def test_no_time_stops_before_the_first_level(backend: Backend) -> None:
    keys = chain(backend, 3)
    for walk in (backend.walk, Backend.walk.__get__(backend)):
        cut = walk([keys[0]], DOWN, limits=Limits(seconds=0))
        assert plain(cut) == ([[keys[0]]], [], Cut("seconds", (keys[0],)))
        assert walk([keys[2]], DOWN, limits=Limits(seconds=0)).cut is None
        whole = walk([keys[0]], DOWN, limits=Limits(seconds=3600))
        assert plain(whole) == plain(walked(backend, [keys[0]], DOWN))
        assert walk([keys[0]], DOWN, limits=Limits(hops=0, seconds=0)).cut == Cut(
            "hops", (keys[0],)
        )


@pytest.mark.parametrize(
    "limits",
    [
        Limits(hops=-1),
        Limits(nodes=0),
        Limits(nodes=-5),
        Limits(nodes=2**63),
        Limits(nodes=10**30),
        Limits(nodes=1.5),  # type: ignore[arg-type]
        Limits(hops=1.5),  # type: ignore[arg-type]
        Limits(seconds=-0.5),
        Limits(seconds=float("nan")),
    ],
)
def test_limits_that_make_no_sense(limits: Limits, backend: Backend) -> None:
    keys = chain(backend, 3)
    with pytest.raises(Invalid):
        backend.walk(keys, DOWN, limits=limits)


# Starts


def test_several_starts_are_the_first_level(backend: Backend) -> None:
    keys = chain(backend, 9)
    starts = [keys[6], keys[1], keys[0], keys[6]]
    walk = walked(backend, starts, DOWN)
    assert walk.levels[0] == sorted({*starts})
    assert sorted(walk.keys) == sorted(keys)
    assert walked(backend, frozenset(starts), UP).levels[0] == walk.levels[0]


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("nodes", range(1, 7))
def test_more_starts_than_the_limit(nodes: int, direction: Direction, backend: Backend) -> None:
    keys = chain(backend, 8)
    with writing(backend) as new:
        alone = new.artifact()
    walk = walked(backend, [keys[7], keys[5], keys[2], keys[4], alone], direction, nodes=nodes)
    assert len(walk.keys) == nodes
    assert (walk.cut is not None) or nodes >= 5


def test_dropped_starts_are_a_cut_even_without_a_frontier(backend: Backend) -> None:
    with writing(backend) as new:
        keys = [new.artifact() for _ in range(3)]
    assert walked(backend, keys, BOTH, nodes=2).cut == Cut("nodes", ())
    assert walked(backend, keys, BOTH, nodes=3).cut is None


@pytest.mark.parametrize("direction", Direction)
def test_starts_must_walk_and_exist(direction: Direction, backend: Backend) -> None:
    with writing(backend) as new:
        data, part = new.artifact(), new.context()
    with pytest.raises(Invalid, match="context:1"):
        backend.walk([data, part], direction)
    with pytest.raises(NotFound, match="execution:7"):
        backend.walk([data, NodeKey(Kind.EXECUTION, 7)], direction)
    with pytest.raises(NotFound):
        backend.walk([data], direction, as_of=0)


# History


@pytest.mark.parametrize("direction", Direction)
def test_gone_nodes_are_walked_through(direction: Direction, backend: Backend) -> None:
    keys = chain(backend, 7)
    before = walked(backend, [keys[3]], direction)
    with writing(backend) as new:
        new.delete(keys[2], keys[4], keys[3])
        new.purge(keys[2])
    after = walked(backend, [keys[3]], direction)
    assert plain(after) == plain(before)
    assert plain(walked(backend, [keys[3]], direction, as_of=1)) == plain(before)


@pytest.mark.parametrize("direction", Direction)
def test_walk_of_an_earlier_moment(direction: Direction, backend: Backend) -> None:
    keys = chain(backend, 6)
    answers = [walked(backend, [keys[2]], direction)]
    links = backend.edges(keys)
    with writing(backend) as new:
        new.end(links[1].key)
    answers.append(walked(backend, [keys[2]], direction))
    with writing(backend) as new:
        new.edge(links[1].source, links[1].target, time=7)
        new.edge(keys[5], keys[0])
        new.end(links[2].key)
    answers.append(walked(backend, [keys[2]], direction))
    chain(backend, 2)
    for number, answer in enumerate(answers, start=1):
        assert plain(walked(backend, [keys[2]], direction, as_of=number)) == plain(answer)
        for nodes in range(1, 6):
            walked(backend, [keys[2]], direction, as_of=number, nodes=nodes)


def test_walk_sees_own_writes(backend: Backend) -> None:
    keys = chain(backend, 3)
    with writing(backend) as new:
        added = new.execution()
        new.edge(keys[2], added)
        new.end(new.joined(keys[0], keys[1]).key)
        assert walked(backend, [keys[1]], BOTH).levels == [[keys[1]], [keys[2]], [added]]
        assert walked(backend, [keys[1]], BOTH, as_of=1).levels == [[keys[1]], [keys[0], keys[2]]]


# Hubs


@pytest.fixture
def hub(backend: Backend) -> tuple[Backend, NodeKey]:
    """An execution that reads 1,500 artifacts, some of them twice, and writes 1,500 others."""
    with writing(backend) as new:
        run = new.execution()
        rows = [new.row(Kind.ARTIFACT) for _ in range(3000)]
        users = [new.row(Kind.EXECUTION) for _ in range(20)]
        keys = [row.key for row in rows]
        edges = [new.joined(key, run) for key in keys[::2]]
        edges += [new.joined(key, run, EdgeKind.DECLARED_INPUT) for key in keys[:800:2]]
        edges += [new.joined(run, key) for key in keys[1::2]]
        edges += [new.joined(key, user.key) for user in users for key in keys[user.key.id :: 100]]
        random.Random(1).shuffle(edges)
        new.write(nodes=[*rows, *users], edges=edges)
    with writing(backend) as new:
        new.end(*(edge.key for edge in edges[:2500:5]))
        new.edge(run, keys[0])
    return backend, run


def test_hub_is_cut_exactly(hub: tuple[Backend, NodeKey]) -> None:
    backend, run = hub
    data, user = NodeKey(Kind.ARTIFACT, 1), NodeKey(Kind.EXECUTION, 2)
    for as_of, sizes in ((None, (1, 2, 50, 1100, 1400, 2999, None)), (1, (2, 1400))):
        everyone = backend.edges(all_keys(backend), as_of=as_of)
        for direction in Direction:
            check = partial(walked, backend, direction=direction, as_of=as_of, everyone=everyone)
            for nodes in sizes:
                check([run], nodes=nodes)
            check([user], nodes=60)
            check([data, run], nodes=30, hops=1)
            check([run], hops=1)


def test_many_edges_among_few_nodes_are_all_kept(backend: Backend) -> None:
    """A level with more edges than a node limit explains, which lead to no more nodes than it allows."""
    with writing(backend) as new:
        data = [new.artifact() for _ in range(60)]
        runs = [new.execution() for _ in range(60)]
        model, training = new.artifact(), new.execution()
        edges = [new.joined(one, run) for one in data for run in runs]
        edges += [new.joined(run, model) for run in runs]
        new.write(edges=[*edges, new.joined(model, training)])
    for direction, start in ((UP, training), (DOWN, data[0]), (Direction.BOTH, runs[0])):
        for nodes in (123, 130, 500):
            walked(backend, [start], direction, nodes=nodes)


@pytest.mark.parametrize("seed", range(6))
def test_random_graphs(seed: int, backend: Backend) -> None:
    draw = random.Random(seed)
    with writing(backend) as new:
        data = [new.artifact() for _ in range(30)]
        runs = [new.execution() for _ in range(30)]
        density = draw.choice([20, 60, 300])
        pairs = {(draw.choice(data), draw.choice(runs)) for _ in range(density)}
        pairs |= {(draw.choice(runs), draw.choice(data)) for _ in range(density)}
        edges = [new.joined(*pair) for pair in sorted(pairs)]
        draw.shuffle(edges)
        new.write(edges=edges)
    everyone = backend.edges(data + runs)
    for turn in range(25):
        starts = draw.sample(data + runs, draw.choice([1, 1, 2, 10]))
        direction = draw.choice(list(Direction))
        hops, nodes = draw.choice([None, 0, 1, 2, 5]), draw.choice([None, 1, 3, 10, 25, 60])
        walk = walked(backend, starts, direction, hops=hops, nodes=nodes, everyone=everyone)
        if turn % 5 == 0:
            own = Backend._walk(
                backend,
                starts,
                direction,
                limits=Limits(hops=hops, nodes=nodes),
                edges=True,
                as_of=None,
                omitted=None,
            )
            assert plain(own) == plain(walk)


def test_long_chains_do_not_recurse(backend: Backend) -> None:
    with writing(backend) as new:
        length = 3000
        rows = [new.row(Kind.EXECUTION if n % 2 else Kind.ARTIFACT) for n in range(length)]
        new.write(nodes=rows, edges=[new.joined(a.key, b.key) for a, b in pairwise(rows)])
    walk = backend.walk([rows[0].key], DOWN, limits=NO_LIMITS)
    assert len(walk.levels) == length
    assert len(walk.edges) == length - 1
