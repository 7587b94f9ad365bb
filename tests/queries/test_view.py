"""Views of a store: which answer they are of, under every backend, and those of other questions."""

import pickle
from typing import NamedTuple

import pytest

import lineage
from lineage import Limits
from lineage.answers.view import View
from lineage.errors import Invalid, NotFound
from lineage.model.entities import ExecutionState
from lineage.store import Store


class Pipeline(lineage.Context):
    """A run of a pipeline."""


def labels(view: View) -> list[str]:
    return [mark.label for mark in view.marks]


def roles(view: View) -> dict[str, str]:
    return {mark.label: mark.role for mark in view.marks}


class World(NamedTuple):
    """A lake that was ingested, three models of it, one of which is deployed and evaluated."""

    store: Store
    lake: lineage.Dataset
    models: list[lineage.Model]


@pytest.fixture
def world(store: Store) -> World:
    made = store.record(
        lineage.Process(name="ingest"), outputs=[lineage.Dataset(uri="s3://lake/churn.csv")]
    )
    lake = made.outputs[0]
    models = []
    for depth in (3, 4, 5):
        train = lineage.Train(name=f"fit {depth}", custom_properties={"depth": depth})
        trained = store.record(train, inputs=[lake], outputs=[lineage.Model(name=f"m{depth}")])
        models.append(trained.outputs[0])
    store.record(lineage.Deploy(name="release"), inputs=[models[2]])
    return World(store, lake, models)


def test_it_goes_both_ways_from_the_nodes(world: World) -> None:
    store, lake, models = world
    view = store.view(models[0])
    assert labels(view) == ["m3", "fit 3", "churn.csv", "ingest"]
    assert [(edge.source, edge.target) for edge in view.edges] == [
        (view.marks[1].id, view.marks[0].id),
        (view.marks[2].id, view.marks[1].id),
        (view.marks[3].id, view.marks[2].id),
    ]
    assert labels(store.view(lake)) == [
        *("churn.csv", "ingest", "Train ×2", "fit 5", "Model ×2", "m5", "release")
    ]
    assert labels(store.view(lake, direction="upstream")) == ["churn.csv", "ingest"]
    assert "ingest" not in labels(store.view(lake, direction="downstream"))
    assert {"m3", "m4", "churn.csv"} <= set(labels(store.view(*models[:2])))
    assert view.number == store.backend.now()


def test_edges_past_the_nodes_are_there(store: Store) -> None:
    """What lies before the node is read by what lies after it."""
    config = store.put(lineage.Dataset(name="config"))
    made = store.record(
        lineage.Transform(name="clean"),
        inputs=[config],
        outputs=[lineage.Dataset(name="clean data")],
    )
    store.record(lineage.Train(name="fit"), inputs=[config, *made.outputs])
    view = store.view(made.outputs[0])
    by_id = {mark.id: mark.label for mark in view.marks}
    edges = {(by_id[edge.source], by_id[edge.target]) for edge in view.edges}
    assert ("config", "fit") in edges
    assert len(edges) == 4


def test_of_an_earlier_moment(world: World) -> None:
    store, lake, models = world
    past = store.at(2).view(lake)
    assert labels(past) == ["churn.csv", "ingest", "fit 3", "m3"]
    assert past.number == 2
    with pytest.raises(NotFound):
        store.at(2).view(models[2])


def test_the_limits_are_of_each_direction_and_said(world: World) -> None:
    view = world.store.view(world.lake, limits=Limits(hops=1))
    assert labels(view) == ["churn.csv", "ingest", "Train ×3"]
    assert [cut.limit for cut in view.truncated] == ["hops"]
    assert [mark.continues for mark in view.marks] == [False, False, True]
    assert any(
        "cut by its limit of hops; 3 of its nodes lead further" in note for note in view.notes
    )


def test_aliases_are_in_the_labels(world: World) -> None:
    store, lake, models = world
    store.alias("churn", "production", models[1])
    store.alias("churn", "live", models[1])
    view = store.view(lake, pinned=[models[1]])
    assert "m4 @live @production" in labels(view)
    assert "m4" in labels(store.at(4).view(lake, pinned=[models[1]]))


def test_what_failed_is_gone_or_purged_is_marked(world: World) -> None:
    store, lake, models = world
    store.record(
        lineage.Train(name="broken", state=ExecutionState.FAILED),
        inputs=[lake],
        outputs=[lineage.Model()],
    )
    store.delete(models[0].key)
    store.delete(models[1].key)
    store.purge(models[1].key, reason="asked to")
    states = {(mark.label, mark.state) for mark in store.view(lake).marks}
    assert ("broken", "failed") in states
    assert ("m3", "gone") in states
    assert ("Model #3", "purged") in states
    without = store.view(lake, gone=False)
    assert not {"gone", "purged"} & {mark.state for mark in without.marks}
    assert any("deleted" in note for note in without.notes)


def test_a_context_is_beside_its_members(world: World) -> None:
    store, lake, _ = world
    with store.run(lineage.Train(name="nightly"), within=Pipeline(name="p1")) as run:
        run.input(lake)
        run.output(lineage.Model(name="m9"))
    context = store.get("Pipeline:p1")
    view = store.view(context)
    assert view.marks[0].is_focus
    assert view.marks[0].label == "p1"
    assert {"nightly", "m9", "churn.csv", "ingest"} <= set(labels(view))
    assert {"ASSOCIATION"} <= {kind for edge in view.edges for kind in edge.kinds}
    alone = store.put(Pipeline(name="p2"))
    assert labels(store.view(alone)) == ["p2"]


def test_by_what_holds_nodes(world: World) -> None:
    store, lake, _ = world
    for number in range(3):
        pipeline = Pipeline(name=f"night {number}")
        with store.run(lineage.Train(name=f"a{number}"), within=pipeline) as run:
            run.input(lake)
            model = run.output(lineage.Model(name=f"n{number}"), asset="churn")
        with store.run(lineage.Evaluate(name=f"b{number}"), within=pipeline) as run:
            run.input(model)
    view = store.view(lake, by="Pipeline")
    pipelines = next(mark for mark in view.marks if mark.type == "Pipeline")
    assert (pipelines.label, pipelines.count) == ("Pipeline ×3 (9 nodes)", 9)
    opened = view.open(pipelines.id)
    assert [mark.label for mark in opened.marks if mark.within] == [
        *("night 0 ×3", "night 1 ×3", "night 2 ×3")
    ]
    assert "churn, newest n2 ×3" in labels(store.view(lake, by="versions"))
    assert any(
        note.startswith("no two nodes are put together by run")
        for note in store.view(lake, by="run").notes
    )
    with pytest.raises(NotFound, match=r"there are .*Pipeline"):
        store.view(lake, by="Model")


def test_by_runs_and_their_steps(store: Store) -> None:
    lake = store.put(lineage.Dataset(name="lake"))
    with store.run(lineage.Process(name="night")) as run:
        run.input(lake)
        with run.step(lineage.Train(name="fit")) as step:
            model = step.output(lineage.Model(name="m"))
        with run.step(lineage.Evaluate(name="test")) as test:
            test.input(model)
    view = store.view(model.key, by="run")
    assert [(mark.label, mark.rule) for mark in view.marks] == [("m", ""), ("fit ×2", "run")]
    assert view.marks[1].is_false_cycle  # it wrote the model, and read it
    apart = store.view(model.key, by="run", pinned=[test.key])
    assert sorted(labels(apart)) == ["fit", "m", "test"]


def test_events_that_happened_later_are_left_out(store: Store) -> None:
    lake = store.put(lineage.Dataset(name="lake"))
    for day in (1, 9):
        store.record(
            lineage.Train(name=f"day {day}"),
            inputs=[lake],
            started=f"2026-03-0{day}T00:00:00Z",
            ended=f"2026-03-0{day}T01:00:00Z",
        )
    assert labels(store.view(lake, happened_by="2026-03-05")) == ["lake", "day 1"]
    assert labels(store.view(lake)) == ["lake", "Train ×2"]


def test_what_cannot_be_asked_is_said(world: World) -> None:
    with pytest.raises(NotFound, match="artifact:99"):
        world.store.view("artifact:99")
    with pytest.raises(Invalid, match="upstream, downstream, both"):
        world.store.view(world.lake, direction="sideways")
    with pytest.raises(Invalid, match="hops"):
        world.store.view(world.lake, limits=Limits(hops=-1))
    with pytest.raises(NotFound, match="pin a node of it"):
        world.store.view(world.models[0], pinned=[world.models[1]])


def test_a_view_is_a_value(world: World) -> None:
    view = world.store.view(world.lake)
    group = next(mark.id for mark in view.marks if mark.rule)
    opened = pickle.loads(pickle.dumps(view)).open(group)
    world.store.put(lineage.Model(name="later"))
    assert opened.marks == world.store.at(view.number).view(world.lake, opened=[group]).marks


# Other questions


def test_impact_marks_what_is_affected_and_deployed(world: World) -> None:
    store, lake, models = world
    impact = store.impact(lake)
    view = impact.view()
    assert roles(view) == {
        "churn.csv": "",
        "Train ×2": "",
        "fit 5": "",
        "Model ×2": "affected",
        "m5": "deployed",
        "release": "deployed",
    }
    badges = {mark.label: mark.badge for mark in view.marks if mark.badge}
    assert badges == {"m5": "1"}
    assert impact.affected[0].node.name == "m5"
    opened = view.open_type("Model")
    assert {mark.label: mark.badge for mark in opened.marks if mark.badge} == {
        f"{each.node.name}": f"{place}" for place, each in enumerate(impact.affected, start=1)
    }
    store.alias("churn", "champion", models[0])
    assert "m3 @champion" in labels(store.impact(lake).view())
    assert "champion" not in str(labels(view))


def test_impact_keeps_what_it_draws(world: World) -> None:
    impact = world.store.impact(world.lake)
    world.store.record(lineage.Train(), inputs=[world.lake], outputs=[lineage.Model(name="m6")])
    assert pickle.loads(pickle.dumps(impact)).view().marks == impact.view().marks
    assert (
        len(world.store.impact(world.lake).view().graph.nodes) == len(impact.view().graph.nodes) + 2
    )
    cut = world.store.impact(world.lake, limits=Limits(hops=1)).view()
    assert cut.truncated
    assert any(mark.continues for mark in cut.marks)


def test_diff_marks_the_sides_and_the_divergence(world: World) -> None:
    store, lake, models = world
    diff = store.diff(models[0], models[1])
    view = diff.view()
    assert roles(view) == {
        "m3": "left",
        "m4": "right",
        "fit 3": "divergence",
        "fit 4": "divergence",
        "churn.csv": "both",
        "ingest": "both",
    }
    badges = {mark.label: mark.badge for mark in view.marks if mark.badge}
    assert badges == {"m3": "1", "m4": "1", "fit 3": "2", "fit 4": "2"}
    assert store.diff(lake, lake).view().marks[0].role == "both"


def test_comparison_marks_the_sides(world: World) -> None:
    store, _, models = world
    assert roles(store.compare(models[0], models[1]).view()) == {
        "m3": "left",
        "m4": "right",
        "fit 3": "left",
        "fit 4": "right",
        "churn.csv": "both",
        "ingest": "both",
    }
    three = store.compare(*models).view()
    assert roles(three)["churn.csv"] == "both"
    assert {mark.role for mark in three.marks} == {"", "both"}
    assert {mark.role for mark in store.compare(models[0]).view().marks} == {""}


def test_paths_keep_the_shortest_single(world: World) -> None:
    store, lake, models = world
    view = store.paths(lake, models[0]).view()
    assert roles(view) == {"churn.csv": "path", "m3": "path", "fit 3": "path"}
    assert [mark.is_focus for mark in view.marks] == [True, True, False]
    assert not store.paths(models[0], models[1]).view().marks


def test_a_type_of_contexts_may_be_called_as_a_rule_is(store: Store) -> None:
    store.put(lineage.ContextType(name="exact"))
    lake = store.put(lineage.Dataset(name="lake"))
    within = lineage.Context(type="exact", name="nightly")
    store.record(lineage.Train(), inputs=[lake], outputs=[lineage.Model(name="m")], within=within)
    group = store.view(lake, by="exact").marks[1]
    assert (group.label, group.rule, group.count) == ("nightly ×2", "context exact", 2)
    assert "alike in every way" not in " ".join(group.title)
