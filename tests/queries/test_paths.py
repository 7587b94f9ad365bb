"""Ways between two nodes, compared with those that NetworkX finds."""

import networkx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lineage
from lineage.backends.memory.backend import MemoryBackend
from lineage.contract.backend import Backend
from lineage.contract.walking import Limits
from lineage.errors import Invalid, NotFound
from lineage.model.keys import NodeKey
from lineage.model.rows import EVENT_KINDS, EdgeKind
from lineage.queries.paths import Paths, paths
from lineage.store import Store
from lineage.testing.builders import all_keys, chain, writing

key = NodeKey.parse


def flow_of(backend: Backend) -> "networkx.DiGraph[NodeKey]":
    graph: networkx.DiGraph[NodeKey] = networkx.DiGraph()
    keys = [each for each in all_keys(backend) if each.kind != "context"]
    graph.add_nodes_from(keys)
    rows = backend.edges(keys)
    graph.add_edges_from((row.source, row.target) for row in rows if row.kind in EVENT_KINDS)
    return graph


def check(backend: Backend, one: NodeKey, other: NodeKey, found: Paths) -> None:
    """Compare a whole answer with what NetworkX says."""
    flow = flow_of(backend)
    source, target = (one, other) if networkx.has_path(flow, one, other) else (other, one)
    if not networkx.has_path(flow, source, target):
        assert (found.source, found.target) == (one, other)
        assert (found.shortest, found.subgraph.keys, found.subgraph.edges) == ((), [], ())
        return
    between = {source, *networkx.descendants(flow, source)}
    between &= {target, *networkx.ancestors(flow, target)}
    if one == other:
        between = {one}
    distances = networkx.single_source_shortest_path_length(flow, source)
    assert (found.source, found.target) == (source, target)
    assert found.shortest == min(map(tuple, networkx.all_shortest_paths(flow, source, target)))
    assert found.subgraph.distances == {each: distances[each] for each in between}
    rows = backend.edges(list(between), kinds=EVENT_KINDS)
    ends = [row for row in rows if between.issuperset((row.source, row.target))]
    assert len(found.subgraph.edges) == len(ends)


ends = st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans())


@settings(max_examples=150, suppress_health_check=[*HealthCheck])
@given(st.lists(ends, max_size=16), st.integers(0, 9), st.integers(0, 9), st.integers(1, 10))
def test_any_graph_is_answered_as_networkx_answers(
    events: list[tuple[int, int, bool]], first: int, second: int, room: int
) -> None:
    with MemoryBackend() as backend:
        with writing(backend) as new:
            artifacts = [new.artifact() for _ in range(5)]
            executions = [new.execution() for _ in range(5)]
            for a, e, out in dict.fromkeys(events):
                pair = (artifacts[a], executions[e])
                new.edge(*(pair[::-1] if out else pair))
        one, other = ([*artifacts, *executions][place] for place in (first, second))
        found = paths(backend, one, other)
        assert found.subgraph.truncated is None
        check(backend, one, other, found)
        for limits in (Limits(nodes=room), Limits(hops=room - 1)):
            cut = paths(backend, one, other, limits=limits)
            if cut.subgraph.truncated is None:
                check(backend, one, other, cut)
            elif cut.shortest:
                flow = flow_of(backend)
                assert networkx.is_path(flow, list(cut.shortest))
                assert (cut.shortest[0], cut.shortest[-1]) == (cut.source, cut.target)
                assert set(cut.shortest) <= set(cut.subgraph.keys)


def test_either_order_finds_the_flow(backend: Backend) -> None:
    keys = chain(backend, 5)
    for one, other in ((keys[0], keys[4]), (keys[4], keys[0])):
        found = paths(backend, one, other)
        assert (found.source, found.target) == (keys[0], keys[4])
        assert found.shortest == tuple(keys)
        assert found.subgraph.keys == keys
        assert len(found.subgraph.edges) == 4


def test_only_ways_are_in_the_answer(store: Store) -> None:
    lake, extra = lineage.Dataset(name="lake"), lineage.Dataset(name="extra")
    clean = store.record(lineage.Transform(), inputs=[lake], outputs=[lineage.Dataset(name="c")])
    for name in ("a", "b"):
        inputs = [clean.outputs[0].key, extra if name == "a" else clean.inputs[0].key]
        store.record(lineage.Train(name=name), inputs=inputs, outputs=[lineage.Model(name=name)])
    found = store.paths("lineage.Dataset:lake", "lineage.Model:a")
    names = [node.name for node in found.subgraph.nodes]
    assert names == ["lake", None, "c", "a", "a"]
    found = store.paths("lineage.Dataset:lake", "lineage.Model:b")
    assert len(found.shortest) == 3
    assert [node.name for node in found.subgraph.nodes] == ["lake", None, "b", "c", "b"]
    assert list(found.subgraph.distances.values()) == [0, 1, 1, 2, 2]


def test_node_to_itself_is_alone(backend: Backend) -> None:
    keys = chain(backend, 3)
    with writing(backend) as new:
        new.edge(keys[1], keys[0])
    found = paths(backend, keys[0], keys[0])
    assert found.shortest == (keys[0],)
    assert found.subgraph.keys == [keys[0]]
    assert found.subgraph.edges == ()


def test_gone_nodes_are_passed_and_shown(backend: Backend) -> None:
    keys = chain(backend, 5)
    with writing(backend) as new:
        new.delete(keys[2], keys[3])
        new.purge(keys[3])
    found = paths(backend, keys[0], keys[4])
    assert found.shortest == tuple(keys)
    assert [node.gone for node in found.subgraph.nodes] == [False, False, True, True, False]


def test_answer_is_of_one_moment(backend: Backend) -> None:
    keys = chain(backend, 3)
    with writing(backend) as new:
        new.end(*(row.key for row in backend.edges([keys[1]])))
    assert paths(backend, keys[0], keys[2]).shortest == ()
    then = paths(backend, keys[0], keys[2], as_of=1)
    assert (then.shortest, then.subgraph.number) == (tuple(keys), 1)


# Limits


def test_walks_from_both_ends_meet(backend: Backend) -> None:
    keys = chain(backend, 9)
    for one, other in ((keys[0], keys[8]), (keys[8], keys[0])):
        found = paths(backend, one, other, limits=Limits(hops=4))
        assert found.shortest == tuple(keys)
        assert found.subgraph.truncated is not None
        assert found.subgraph.truncated.limit == "hops"
    far = paths(backend, keys[0], keys[8], limits=Limits(hops=3))
    assert far.shortest == ()
    assert far.subgraph.truncated is not None
    assert set(far.subgraph.truncated.frontier) == {keys[3], keys[5]}


def test_one_whole_walk_is_enough(backend: Backend) -> None:
    keys = chain(backend, 5)
    with writing(backend) as new:
        for _ in range(30):
            source, target = new.artifact(), new.artifact()
            new.edge(source, keys[3])
            new.edge(keys[1], target)
    upstream = paths(backend, keys[1], keys[4], limits=Limits(nodes=20))
    assert upstream.subgraph.truncated is not None
    assert upstream.shortest == tuple(keys[1:])
    downstream = paths(backend, keys[2], keys[4], limits=Limits(nodes=20))
    assert downstream.subgraph.truncated is None
    assert downstream.subgraph.keys == keys[2:]


def test_nothing_found_in_no_time_is_said(backend: Backend) -> None:
    keys = chain(backend, 5)
    found = paths(backend, keys[0], keys[4], limits=Limits(seconds=0))
    assert found.shortest == ()
    assert found.subgraph.truncated is not None
    assert found.subgraph.truncated.limit == "seconds"


@pytest.mark.parametrize(
    ("one", "other", "error", "says"),
    [
        ("artifact:1", "artifact:9", NotFound, "there is no artifact:9"),
        ("artifact:9", "artifact:9", NotFound, "there is no artifact:9"),
        ("context:1", "artifact:1", Invalid, "does not flow through contexts"),
        ("artifact:1", "context:1", Invalid, "does not flow through contexts"),
    ],
)
def test_ends_must_be_there(
    one: str, other: str, error: type[Exception], says: str, backend: Backend
) -> None:
    chain(backend, 3)
    with pytest.raises(error, match=says):
        paths(backend, key(one), key(other))


def test_limits_that_make_no_sense_are_refused(backend: Backend) -> None:
    keys = chain(backend, 3)
    for other in (keys[0], keys[2]):
        with pytest.raises(Invalid, match="hops=-1"):
            paths(backend, keys[0], other, limits=Limits(hops=-1))


def test_notebook_shows_the_shortest(backend: Backend) -> None:
    keys = chain(backend, 121)
    with writing(backend) as new:
        new.update(keys[0], name="<b>")
        new.edge(keys[0], keys[1], EdgeKind.DECLARED_INPUT)
    html = paths(backend, keys[0], keys[120])._repr_html_()
    assert "&lt;b&gt;" in html
    assert "the shortest has 121 nodes" in html
    assert "and 71 more" in html
    cut = paths(backend, keys[0], keys[8], limits=Limits(hops=4))
    assert "cut by hops" in cut._repr_html_()
    assert (
        "the shortest has 0 nodes"
        in paths(backend, keys[0], keys[9], limits=Limits(hops=1))._repr_html_()
    )
