"""Upstream and downstream against a ten-line reference, and the answers they give."""

import pickle
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lineage
from lineage.backends.memory.backend import MemoryBackend
from lineage.contract.backend import Backend
from lineage.contract.walking import Direction, Limits
from lineage.errors import NotFound
from lineage.model.entities import Artifact, Event, Execution
from lineage.model.keys import NodeKey
from lineage.model.rows import EVENT_KINDS
from lineage.queries.provenance import downstream, subgraph, upstream
from lineage.store import Store
from lineage.testing.builders import all_keys, chain, writing


class Dataset(lineage.Dataset):
    day: int = 0


class Model(lineage.Model):
    depth: int = 0


class Train(lineage.Train):
    pass


class Experiment(lineage.Context):
    pass


def reference(backend: Backend, starts: list[NodeKey], direction: Direction) -> dict[NodeKey, int]:
    """Return every node's distance from the starts, as slowly and plainly as can be."""
    pairs = {
        (row.source, row.target)
        for row in backend.edges(all_keys(backend))
        if row.kind in EVENT_KINDS
    }
    if direction is Direction.UPSTREAM:
        pairs = {(target, source) for source, target in pairs}
    elif direction is Direction.BOTH:
        pairs |= {(target, source) for source, target in pairs}
    distances = dict.fromkeys(starts, 0)
    while more := {b: distances[a] + 1 for a, b in pairs if a in distances and b not in distances}:
        nearest = min(more.values())
        distances |= {key: hops for key, hops in more.items() if hops == nearest}
    return distances


ends = st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans())


@settings(max_examples=60, suppress_health_check=[*HealthCheck])
@given(st.lists(ends, max_size=14), st.sampled_from(Direction), st.integers(0, 9))
def test_any_graph_is_walked_as_the_reference_walks_it(
    events: list[tuple[int, int, bool]], direction: Direction, start: int
) -> None:
    with MemoryBackend() as backend:
        with writing(backend) as new:
            artifacts = [new.artifact() for _ in range(5)]
            executions = [new.execution() for _ in range(5)]
            for a, e, out in dict.fromkeys(events):
                pair = (artifacts[a], executions[e])
                new.edge(*(pair[::-1] if out else pair))
        starts = [[*artifacts, *executions][start]]
        answer = subgraph(backend, starts, direction)
        expected = reference(backend, starts, direction)
        assert answer.distances == expected
        assert answer.keys == sorted(expected, key=lambda key: (expected[key], key))
        assert answer.truncated is None


def fork(store: Store) -> Store:
    """Record lake 1, lake 2 → train 1 → model 3; lake 1 → train 2 → model 4, metrics 5; all in a context."""
    lake, second = Dataset(name="lake", day=1), Dataset(name="second", day=2)
    within = Experiment(name="churn")
    store.record(Train(name="t1"), inputs=[lake, second], outputs=[Model(name="m3")], within=within)
    store.record(
        Train(name="t2"),
        inputs=[lake],
        outputs=[Model(name="m4"), Artifact(type="lineage.Metrics", name="n5")],
        within=within,
    )
    return store


@pytest.fixture(scope="module")
def forked(shared: Store) -> Store:
    return fork(shared)


@pytest.fixture
def changing(store: Store) -> Store:
    return fork(store)


def names(nodes: Any) -> list[str]:
    return [node.name for node in nodes]


def test_upstream_goes_against_the_flow(forked: Store) -> None:
    answer = forked.upstream("Model:m3")
    assert names(answer.nodes) == ["m3", "t1", "lake", "second"]
    assert list(answer.distances.values()) == [0, 1, 2, 2]
    assert [(each.artifact.id, each.type) for each in answer.edges if isinstance(each, Event)] == [
        (1, "INPUT"),
        (2, "INPUT"),
        (3, "OUTPUT"),
    ]


def test_downstream_goes_along_it(forked: Store) -> None:
    assert names(forked.downstream("Dataset:lake").nodes) == ["lake", "t1", "t2", "m3", "m4", "n5"]
    assert names(forked.downstream("Dataset:second").nodes) == ["second", "t1", "m3"]
    assert names(forked.downstream("Model:m3").nodes) == ["m3"]
    assert names(forked.downstream("execution:2").nodes) == ["t2", "m4", "n5"]


def test_both_ways_are_walked_at_once(forked: Store) -> None:
    key = forked.key_of("Model:m3")
    assert len(subgraph(forked.backend, [key], Direction.BOTH)) == 7


def test_several_starts_are_one_answer(forked: Store) -> None:
    answer = forked.upstream("Model:m4", "Model:m3", "Model:m3")
    assert names(answer.nodes) == ["m3", "m4", "t1", "t2", "lake", "second"]
    assert list(answer.distances.values()) == [0, 0, 1, 1, 2, 2]
    assert names(answer.matches) == ["t1", "t2", "lake", "second"]


def test_no_start_is_an_empty_answer(forked: Store) -> None:
    answer = forked.upstream()
    assert (len(answer), answer.nodes, answer.edges, answer.matches) == (0, (), (), ())
    assert answer.truncated is None


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (None, ["t1", "lake", "second"]),
        (Dataset, ["lake", "second"]),
        (lineage.Dataset, ["lake", "second"]),
        ("Dataset", ["lake", "second"]),
        ("lineage.Dataset", ["lake", "second"]),
        (Model, []),
        (Train, ["t1"]),
        (Execution, ["t1"]),
        (Artifact, ["lake", "second"]),
    ],
)
def test_type_marks_matches_and_disconnects_nothing(
    forked: Store, wanted: Any, matches: list[str]
) -> None:
    answer = forked.upstream("Model:m3", type=wanted)
    assert names(answer.nodes) == ["m3", "t1", "lake", "second"]
    assert len(answer.edges) == 3
    assert names(answer.matches) == matches
    if isinstance(wanted, type):
        assert {type(each) for each in answer.matches} <= {wanted}


def test_a_type_that_is_not_there_is_no_empty_answer(forked: Store) -> None:
    with pytest.raises(NotFound, match=r"no type 'Modle'; there are .*Model"):
        forked.upstream("Model:m3", type="Modle")


def test_start_is_not_a_match(forked: Store) -> None:
    assert forked.upstream("Model:m3", type=Model).matches == ()


def test_cycles_are_walked_once(store: Store) -> None:
    data = Dataset(name="grown in place")
    for _ in range(2):
        store.record(Train(), inputs=[data], outputs=[data])
    for answer in (store.upstream("artifact:1"), store.downstream("artifact:1")):
        assert [str(key) for key in answer.keys] == ["artifact:1", "execution:1", "execution:2"]
        assert len(answer.edges) == 4


@pytest.mark.parametrize("kind", lineage.EventType)
def test_every_type_of_event_is_walked_in_its_direction(
    kind: lineage.EventType, store: Store
) -> None:
    data, run = store.put(Dataset()), store.put(Train())
    event = store.put(Event(artifact=data.key, execution=run.key, type=kind))
    forwards, backwards = store.downstream(run), store.upstream(run)
    ahead, behind = (forwards, backwards) if kind.is_output else (backwards, forwards)
    assert (ahead.keys, ahead.edges) == ([run.key, data.key], (event,))
    assert (behind.keys, behind.edges) == ([run.key], ())
    store.delete(event)
    assert store.downstream(run).keys == store.upstream(run).keys == [run.key]


# Limits


@pytest.mark.parametrize(
    ("limits", "ids", "limit", "frontier"),
    [
        (Limits(hops=0), ["artifact:3"], "hops", ["artifact:3"]),
        (Limits(hops=1), ["artifact:3", "execution:2"], "hops", ["execution:2"]),
        (Limits(hops=4), None, None, []),
        (Limits(hops=3), None, "hops", ["execution:1"]),
        (Limits(nodes=1), ["artifact:3"], "nodes", ["artifact:3"]),
        (Limits(nodes=4), None, "nodes", ["execution:1"]),
        (Limits(nodes=5), None, None, []),
        (Limits(hops=None, nodes=None, seconds=None), None, None, []),
        (Limits(seconds=0), ["artifact:3"], "seconds", ["artifact:3"]),
        (Limits(seconds=3600), None, None, []),
    ],
)
def test_cut_answer_says_why_and_where(
    backend: Backend, limits: Limits, ids: list[str] | None, limit: str | None, frontier: list[str]
) -> None:
    keys = chain(backend, 5)
    answer = upstream(backend, [keys[-1]], limits=limits)
    if ids is not None:
        assert [str(key) for key in answer.keys] == ids
    if limit is None:
        assert answer.truncated is None
        assert answer.keys == keys[::-1]
    else:
        assert answer.truncated is not None
        assert answer.truncated.limit == limit
        assert [str(key) for key in answer.truncated.frontier] == frontier
        assert f"cut by {limit}" in repr(answer)


def test_answer_may_be_continued_at_its_frontier(backend: Backend) -> None:
    keys = chain(backend, 9)
    start, found = [keys[0]], set()
    while start:
        answer = downstream(backend, start, limits=Limits(hops=2))
        found.update(answer.keys)
        start = list(answer.truncated.frontier) if answer.truncated else []
    assert found == set(keys)


# The answer


def test_subgraph_is_a_value(changing: Store) -> None:
    answer = changing.upstream("Model:m3", type=Dataset)
    assert repr(answer) == "<Subgraph: 4 nodes, 3 edges as of 2>"
    assert answer.keys[0] in answer
    assert NodeKey.parse("artifact:4") not in answer
    assert "artifact:3" not in answer
    again = pickle.loads(pickle.dumps(answer))
    changing.update(changing.get(Dataset, 1).replace(name="renamed"))
    changing.delete("artifact:2")
    changing.close()
    for each in (answer, again):
        assert names(each.nodes) == ["m3", "t1", "lake", "second"]
        assert [(match.day, match.gone) for match in each.matches] == [(1, False), (2, False)]
        assert len(each.edges) == 3
        assert each.number == 2


def test_deleted_node_is_passed_and_shown_as_gone(changing: Store) -> None:
    changing.delete("execution:1")
    changing.purge("artifact:2", reason="law")
    answer = changing.upstream("Model:m3", type=Dataset)
    assert [(node.name, node.gone) for node in answer.nodes] == [
        ("m3", False),
        ("t1", True),
        ("lake", False),
        (None, True),
    ]
    assert [node.type for node in answer.nodes] == ["Model", "Train", "Dataset", "Dataset"]
    assert [(match.name, match.day) for match in answer.matches] == [("lake", 1), (None, None)]
    assert names(changing.downstream(NodeKey.parse("artifact:2")).nodes) == [None, "t1", "m3"]


def test_answer_is_of_one_moment(changing: Store) -> None:
    changing.record(Train(name="t3"), inputs=[NodeKey.parse("artifact:3")])
    assert len(changing.downstream("Model:m3")) == 2
    assert len(changing.at(2).downstream("Model:m3")) == 1
    assert names(changing.at(1).downstream("Dataset:lake").nodes) == ["lake", "t1", "m3"]
    assert changing.at(1).downstream("Dataset:lake").number == 1
    with changing.transaction():
        changing.record(Train(name="t4"), inputs=[NodeKey.parse("artifact:3")])
        assert names(changing.downstream("Model:m3").nodes) == ["m3", "t3", "t4"]


@pytest.mark.parametrize(
    ("start", "error", "says"),
    [
        ("artifact:99", NotFound, "there is no artifact:99"),
        (NodeKey.parse("execution:99"), NotFound, "there is no execution:99"),
        ("Model:m9", NotFound, "nothing is named 'Model:m9'"),
    ],
)
def test_walk_starts_at_what_there_is(
    forked: Store, start: Any, error: type[Exception], says: str
) -> None:
    for walk in (forked.upstream, forked.downstream):
        with pytest.raises(error, match=says):
            walk(start)
        with pytest.raises(error, match=says):
            walk("Model:m3", start)


def test_start_that_came_later_is_not_there_yet(forked: Store) -> None:
    with pytest.raises(NotFound, match="there is no artifact:4"):
        forked.at(1).upstream(NodeKey.parse("artifact:4"))
