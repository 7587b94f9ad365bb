"""Everything affected, how far, why and in which order."""

import pickle
from dataclasses import asdict

import networkx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lineage
from lineage.backends.memory.backend import MemoryBackend
from lineage.contract.backend import Backend
from lineage.contract.roles import Role
from lineage.contract.walking import Limits
from lineage.errors import NotFound
from lineage.model.entities import Artifact, Execution
from lineage.model.keys import Kind, NodeKey
from lineage.queries.impact import impact
from lineage.store import Store
from lineage.testing.builders import chain, writing

key = NodeKey.parse


class Features(lineage.Dataset):
    pass


class Model(lineage.Model):
    pass


class Endpoint(lineage.Artifact):
    pass


@pytest.fixture
def shop(store: Store) -> Store:
    """Record lake 1 → features 2 → models 3, 4; model 4 → metrics 5; model 3 → endpoint 6, deployed."""
    lake = lineage.Dataset(name="lake")
    features = Features(name="features")
    made = store.record(lineage.Transform(name="clean"), inputs=[lake], outputs=[features])
    for name in ("churn", "spare"):
        store.record(
            lineage.Train(name=name), inputs=[made.outputs[0].key], outputs=[Model(name=name)]
        )
    store.record(
        lineage.Evaluate(name="test"),
        inputs=[key("artifact:4"), made.inputs[0].key],
        outputs=[lineage.Metrics(name="scores")],
    )
    store.record(
        lineage.Deploy(name="go"), inputs=[key("artifact:3")], outputs=[Endpoint(name="api")]
    )
    return store


def test_deployed_come_first_then_models_then_the_nearest(shop: Store) -> None:
    answer = shop.impact("lineage.Dataset:lake")
    assert [(each.node.name, each.distance, each.role) for each in answer.affected] == [
        ("churn", 4, Role.MODEL),
        ("api", 6, None),
        ("spare", 4, Role.MODEL),
        ("features", 2, Role.DATASET),
        ("scores", 2, Role.METRICS),
    ]
    assert [each.deployments for each in answer.affected[:3]] == [
        (key("execution:5"),),
        (key("execution:5"),),
        (),
    ]
    assert answer.deployments == (key("execution:5"),)
    assert answer.notes == ()
    assert [node.name for node in answer.starts] == ["lake"]
    assert (answer.truncated, answer.number) == (None, 5)


def test_reason_is_a_shortest_path(shop: Store) -> None:
    answer = shop.impact("lineage.Dataset:lake")
    reasons = {each.node.name: " ".join(map(str, each.path)) for each in answer.affected}
    assert reasons == {
        "churn": "artifact:1 execution:1 artifact:2 execution:2 artifact:3",
        "api": "artifact:1 execution:1 artifact:2 execution:2 artifact:3 execution:5 artifact:6",
        "spare": "artifact:1 execution:1 artifact:2 execution:3 artifact:4",
        "features": "artifact:1 execution:1 artifact:2",
        "scores": "artifact:1 execution:4 artifact:5",
    }
    met = {step for each in answer.affected for step in each.path}
    assert met == answer.nodes.keys()
    assert answer.nodes[key("execution:4")].name == "test"


def test_answer_by_type(shop: Store) -> None:
    answer = shop.impact("lineage.Dataset:lake")
    assert {name: [each.node.name for each in found] for name, found in answer.by_type.items()} == {
        "Model": ["churn", "spare"],
        "Endpoint": ["api"],
        "Features": ["features"],
        "lineage.Metrics": ["scores"],
    }
    assert list(answer.by_type) == ["Model", "Endpoint", "Features", "lineage.Metrics"]


def test_deployment_of_the_start_itself_is_told(shop: Store) -> None:
    answer = shop.impact("Model:churn")
    assert answer.deployments == (key("execution:5"),)
    assert [each.node.name for each in answer.affected] == ["api"]
    store = shop
    store.record(lineage.Deploy(name="silent"), inputs=[key("artifact:5")])
    answer = store.impact("lineage.Metrics:scores")
    assert answer.affected == ()
    assert [answer.nodes[each].name for each in answer.deployments] == ["silent"]


def test_several_starts_and_an_execution(shop: Store) -> None:
    answer = shop.impact("lineage.Metrics:scores", "lineage.Train:churn")
    assert [(each.node.name, each.distance) for each in answer.affected] == [
        ("churn", 1),
        ("api", 3),
    ]
    assert [str(each) for each in answer.affected[1].path] == [
        *("execution:2", "artifact:3", "execution:5", "artifact:6")
    ]
    assert impact(shop.backend, []).affected == ()


def test_types_taken_by_name_are_noted(store: Store) -> None:
    for node_type in (
        *(lineage.ArtifactType(name="Raw"), lineage.ArtifactType(name="Churn\x1bModel")),
        *(lineage.ExecutionType(name="Fit"), lineage.ExecutionType(name="Pusher")),
    ):
        store.put(node_type)
    model = Artifact(type="Churn\x1bModel", name="m")
    raw = Artifact(type="Raw", name="raw")
    store.record(Execution(type="Fit"), inputs=[raw], outputs=[model])
    store.record(Execution(type="Pusher"), inputs=[key("artifact:2")])
    answer = store.impact("Raw:raw")
    assert [(each.role, each.deployments) for each in answer.affected] == [
        (Role.MODEL, (key("execution:2"),))
    ]
    assert answer.notes == (
        "Churn\\x1bModel is taken for a model by its name alone",
        "Pusher is taken for a deployment by its name alone",
    )


def test_cut_answer_says_so(shop: Store) -> None:
    answer = shop.impact("lineage.Dataset:lake", limits=Limits(hops=4))
    assert [each.node.name for each in answer.affected] == ["churn", "spare", "features", "scores"]
    assert answer.affected[0].deployments == ()
    assert answer.truncated is not None
    assert answer.truncated.frontier == (key("artifact:3"),)
    assert answer.notes[-1].startswith("the answer was cut by its limit of hops")
    tiny = shop.impact("lineage.Dataset:lake", limits=Limits(nodes=1))
    assert tiny.affected == ()
    assert tiny.truncated is not None


def test_impact_of_a_hub_that_is_cut_has_something_to_tell(store: Store) -> None:
    lake = store.put(lineage.Dataset(name="lake")).key
    for _ in range(6):
        store.record(lineage.Train(), inputs=[lake], outputs=[Model()])
    answer = store.impact(lake, limits=Limits(nodes=8))
    assert [str(each.node.key) for each in answer.affected] == [
        "artifact:2",
        "artifact:3",
        "artifact:4",
    ]
    assert answer.truncated == ("nodes", (lake, key("execution:4")))


def test_starts_are_told_where_nothing_came_of_them(shop: Store) -> None:
    answer = shop.impact("artifact:5", "artifact:1")
    assert [node.key for node in answer.starts] == [key("artifact:1"), key("artifact:5")]
    assert answer.nodes[key("artifact:5")].name == "scores"
    alone = shop.impact("artifact:5")
    assert (alone.affected, [*alone.nodes]) == ((), [key("artifact:5")])


def test_gone_nodes_are_passed_and_shown(shop: Store) -> None:
    for each in ("artifact:2", "execution:2", "execution:5"):
        shop.delete(each)
    shop.purge("artifact:2", reason="law")
    answer = shop.impact("lineage.Dataset:lake")
    assert [(each.node.name, each.node.gone) for each in answer.affected] == [
        ("churn", False),
        ("api", False),
        ("spare", False),
        (None, True),
        ("scores", False),
    ]
    assert answer.nodes[key("execution:2")].gone
    assert not shop.at(5).impact("lineage.Dataset:lake").affected[3].node.gone


def test_answer_is_a_value(shop: Store) -> None:
    answer = shop.impact("lineage.Dataset:lake")
    shop.close()
    again = pickle.loads(pickle.dumps(answer))
    assert again == answer
    way = again.affected[1].path
    assert tuple(way) == answer.affected[1].path
    assert (len(way), way[0], way[-1]) == (7, key("artifact:1"), key("artifact:6"))
    assert (way[:2], hash(way)) == (tuple(way)[:2], hash(tuple(way)))
    assert way != list(way)
    assert [*reversed(way)] == [*way][::-1]


@pytest.mark.parametrize(
    ("start", "error", "says"),
    [
        ("artifact:9", NotFound, "there is no artifact:9"),
        ("context:1", NotFound, "there is no context:1"),
    ],
)
def test_starts_must_be_there(
    start: str, error: type[Exception], says: str, backend: Backend
) -> None:
    with pytest.raises(error, match=says):
        impact(backend, [key(start)])


def test_long_chain_takes_little_room(backend: Backend) -> None:
    keys = chain(backend, 3_001)
    answer = impact(backend, [keys[0]])
    assert len(answer.affected) == 1_500
    assert answer.affected[-1].path == tuple(keys)
    assert len(pickle.dumps(answer)) < 3_000_000
    assert len(asdict(answer)["affected"][-1]["path"]) == 3_001


def test_notebook_shows_it_escaped_and_capped(shop: Store) -> None:
    shop.update(shop.get(Artifact, 6).replace(name="<script>"))
    html = shop.impact("lineage.Dataset:lake")._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "artifact:1 → execution:1 → artifact:2" in html
    models = [Model() for _ in range(60)]
    shop.record(lineage.Train(), inputs=[key("artifact:1")], outputs=models)
    html = shop.impact("lineage.Dataset:lake", limits=Limits(hops=2))._repr_html_()
    assert "62 artifacts, 0 deployed; cut by hops" in html
    assert "and 12 more" in html


ends = st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans())


def test_reason_leads_through_no_failed_run_where_another_does(backend: Backend) -> None:
    """Not among ways of one length, nor though the sound one is longer; where there is none, it does."""
    with writing(backend) as new:
        start, *made = (new.artifact(name=name) for name in ("start", "near", "far", "only"))
        near, far, only = made
        failed, sound, long = (new.execution(state=state) for state in (4, 3, 3))
        new.edge(start, failed)
        for each in made:
            new.edge(failed, each)
        new.path(start, sound, near, long, far)
    number = backend.now()
    with writing(backend) as new:
        new.update(failed, state=3)
    then = impact(backend, [start], as_of=number)
    assert [(each.node.name, each.distance, each.path, each.failed) for each in then.affected] == [
        ("near", 2, (start, sound, near), False),
        ("far", 4, (start, sound, near, long, far), False),
        ("only", 2, (start, failed, only), True),
    ]
    assert {*then.nodes} == {start, near, far, only, failed, sound, long}
    # It counts where it did not fail, and where it was asked about.
    for asked, as_of, path in (
        (start, None, (start, failed, far)),
        (failed, number, (failed, far)),
    ):
        found = {
            each.node.name: each.path for each in impact(backend, [asked], as_of=as_of).affected
        }
        assert found["far"] == path


@settings(max_examples=150, suppress_health_check=[*HealthCheck])
@given(
    st.lists(ends, min_size=10, max_size=30),
    st.integers(0, 9),
    st.sets(st.integers(0, 4), max_size=3),
)
def test_any_graph_is_explained_by_runs_that_did_not_fail(
    events: list[tuple[int, int, bool]], first: int, failing: set[int]
) -> None:
    with MemoryBackend() as backend:
        flow: networkx.DiGraph[NodeKey] = networkx.DiGraph()
        with writing(backend) as new:
            artifacts = [new.artifact() for _ in range(5)]
            executions = [new.execution(state=4 if n in failing else 3) for n in range(5)]
            flow.add_nodes_from([*artifacts, *executions])
            for a, e, out in dict.fromkeys(events):
                pair = (artifacts[a], executions[e])
                new.edge(*(pair[::-1] if out else pair))
                flow.add_edge(*(pair[::-1] if out else pair))
        start = [*artifacts, *executions][first]
        sound = flow.copy()
        sound.remove_nodes_from({executions[n] for n in failing} - {start})
        for each in impact(backend, [start]).affected:
            graph = flow if each.failed else sound
            ways = networkx.all_shortest_paths(graph, start, each.node.key)
            assert each.path == min(map(tuple, ways))
            assert each.distance == len(each.path) - 1


@settings(max_examples=100, suppress_health_check=[*HealthCheck])
@given(
    st.lists(ends, max_size=16),
    st.sets(st.integers(0, 9), min_size=1, max_size=2),
    st.integers(0, 4),
)
def test_any_graph_is_answered_as_networkx_answers(
    events: list[tuple[int, int, bool]], first: set[int], deploying: int
) -> None:
    with MemoryBackend() as backend:
        flow: networkx.DiGraph[NodeKey] = networkx.DiGraph()
        with writing(backend) as new:
            own = new.type(Kind.EXECUTION, "Release", base="lineage.Deploy")
            artifacts = [new.artifact() for _ in range(5)]
            executions = [new.execution(own if n == deploying else None) for n in range(5)]
            flow.add_nodes_from([*artifacts, *executions])
            for a, e, out in dict.fromkeys(events):
                pair = (artifacts[a], executions[e])
                new.edge(*(pair[::-1] if out else pair))
                flow.add_edge(*(pair[::-1] if out else pair))
        starts = [[*artifacts, *executions][place] for place in sorted(first)]
        answer = impact(backend, starts)
        distances = networkx.multi_source_dijkstra_path_length(flow, set(starts))
        expected = {
            each: hops for each, hops in distances.items() if each.kind == "artifact" and hops
        }
        assert {each.node.key: each.distance for each in answer.affected} == expected
        for each in answer.affected:
            ways = [
                tuple(way)
                for start in starts
                if networkx.has_path(flow, start, each.node.key)
                for way in networkx.all_shortest_paths(flow, start, each.node.key)
            ]
            assert each.path == min(way for way in ways if len(way) == each.distance + 1)
            deploy = executions[deploying]
            beside = flow.has_edge(deploy, each.node.key) or flow.has_edge(each.node.key, deploy)
            assert each.deployments == ((deploy,) if beside and deploy in distances else ())
