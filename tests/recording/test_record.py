"""Recording a run: what is written, in which state, with which edges and paths."""

from collections.abc import Callable
from typing import Any

import pytest

import lineage
from lineage.contract.walking import Direction
from lineage.errors import AlreadyExists, Invalid, LineageError
from lineage.model.entities import (
    Artifact,
    Association,
    Attribution,
    Context,
    Edge,
    Event,
    EventType,
    Execution,
    ExecutionState,
)
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import edge_of
from lineage.model.schema import ArtifactType
from lineage.store import Store
from lineage.testing.builders import everything


class Dataset(lineage.Dataset):
    day: int = 0


class Model(lineage.Model):
    accuracy: float = 0.0


class Train(lineage.Train):
    rate: float = 0.1


class Experiment(Context):
    note: str = ""


def edges(store: Store, *keys: NodeKey) -> list[Edge]:
    return [edge_of(row) for row in store.backend.edges(keys, Direction.BOTH)]


def events(store: Store, run: Execution) -> list[Event]:
    return [each for each in edges(store, run.key) if isinstance(each, Event)]


def test_run_is_one_transaction_with_all_its_edges(store: Store) -> None:
    done = store.record(
        Train(rate=0.5, name="run"),
        inputs=[Dataset(uri="in", day=1)],
        outputs=[Model(uri="out"), Artifact(type="lineage.Metrics")],
        within=Experiment(name="churn"),
        message="the first run",
    )
    assert [entry.message for entry in store.log()] == ["the first run"]
    run, (data,), (model, metrics), (churn,) = (
        done.execution,
        done.inputs,
        done.outputs,
        done.contexts,
    )
    now = store.log(limit=1)[0].time
    assert edges(store, run.key, churn.key) == [
        Event(artifact=data.key, execution=run.key, type="INPUT", time=now),
        *(
            Attribution(context=churn.key, artifact=artifact.key)
            for artifact in (data, model, metrics)
        ),
        Association(context=churn.key, execution=run.key),
        *(
            Event(artifact=artifact.key, execution=run.key, type="OUTPUT", time=now)
            for artifact in (model, metrics)
        ),
    ]
    assert store.check() == []


def test_what_is_returned_is_what_is_stored_in_the_order_and_classes_given(store: Store) -> None:
    class Grown(Dataset, type="Dataset"):
        note: str | None = None

    old = store.put(Dataset(uri="old", day=1))
    done = store.record(
        Train(),
        inputs=[Grown(uri="old", day=1), Dataset(uri="new"), old.key],
        outputs=[Model(accuracy=0.9)],
        within=[Experiment(name="b"), Experiment(name="a")],
    )
    assert [type(each) for each in done.inputs] == [Grown, Dataset, Artifact]
    assert [each.id for each in done.inputs] == [1, 2, 1]
    assert [each.name for each in done.contexts] == ["b", "a"]
    assert done.execution == store.get(Train, done.execution.key)
    assert done.outputs == (store.get(Model, done.outputs[0].key),)
    assert done.inputs[0] == store.get(Grown, 1)
    assert repr(done).startswith("Recorded(execution=Train(id=1, state=")


def test_run_may_be_all_there_is(store: Store) -> None:
    done = store.record(Execution(type="lineage.Process"))
    assert (done.inputs, done.outputs, done.contexts) == ((), (), ())
    assert store.log(limit=1)[0].records == 1


@pytest.mark.parametrize("state", [None, *ExecutionState])
def test_run_without_a_state_is_complete(state: ExecutionState | None, store: Store) -> None:
    stored = store.record(Train(state=state)).execution
    assert stored.state is (state or ExecutionState.COMPLETE)
    assert store.get(stored.key) == Execution(**stored.model_dump(exclude={"rate"}))


def test_one_node_or_many_are_given_alike(store: Store) -> None:
    data, model, churn = Dataset(name="d"), Model(name="m"), Experiment(name="c")
    forms: list[Callable[[Any], Any]] = [
        lambda each: each,
        lambda each: [each],
        lambda each: (each,),
        lambda each: iter([each]),
        lambda each: {"a name": each}.values(),
    ]
    for form in forms:
        done = store.record(Train(), inputs=form(data), outputs=form(model), within=form(churn))
        assert [each.id for each in (*done.inputs, *done.outputs, *done.contexts)] == [1, 2, 1]
    done = store.record(Train(), inputs=done.inputs[0].key, within=done.contexts[0].key)
    assert [each.id for each in (*done.inputs, *done.contexts)] == [1, 1]


def test_names_of_a_mapping_are_paths(store: Store) -> None:
    done = store.record(
        Train(),
        inputs={"train": Dataset(name="a"), "held out": Dataset(name="b")},
        outputs={0: Model(name="m"), 1: Model(name="n")},
    )
    assert [(each.type, each.path) for each in events(store, done.execution)] == [
        (EventType.INPUT, ("train",)),
        (EventType.INPUT, ("held out",)),
        (EventType.OUTPUT, (0,)),
        (EventType.OUTPUT, (1,)),
    ]


def test_same_input_twice_is_one_event(store: Store) -> None:
    data = Dataset(uri="u")
    done = store.record(Train(), inputs=[data, data, data.replace()], within=Experiment(name="c"))
    assert [each.id for each in done.inputs] == [1, 1, 1]
    assert len(events(store, done.execution)) == 1
    written = [
        "three types",
        "",
        "",
        "run",
        "data",
        "context",
        "event",
        "association",
        "attribution",
    ]
    assert store.log(limit=1)[0].records == len(written)


def test_artifact_may_be_read_and_written(store: Store) -> None:
    done = store.record(Train(), inputs=[Dataset(name="d")], outputs={"out": Dataset(name="d")})
    assert [(each.type, each.path) for each in events(store, done.execution)] == [
        (EventType.INPUT, ()),
        (EventType.OUTPUT, ("out",)),
    ]


def test_memberships_that_are_there_already_stay(store: Store) -> None:
    churn = Experiment(name="churn")
    data = store.record(Train(), inputs=[Dataset(name="d")], within=churn).inputs[0]
    for _ in range(2):
        store.record(Train(), inputs=[data], outputs=[data], within=[churn, churn])
    assert sorted(type(each).__name__ for each in edges(store, NodeKey.parse("context:1"))) == [
        "Association",
        "Association",
        "Association",
        "Attribution",
    ]
    assert store.log(limit=1)[0].records == len(["run", "input", "output", "association"])
    store.delete(Attribution(context="context:1", artifact=data.key))
    store.record(Train(), inputs=[data], within=churn)
    assert Attribution(context="context:1", artifact=data.key) in edges(store, data.key)
    assert store.check() == []


def test_every_artifact_and_the_run_belong_to_every_context(store: Store) -> None:
    done = store.record(
        Train(),
        inputs=[Dataset()],
        outputs=[Model()],
        within=[Experiment(name="a"), Experiment(name="b")],
    )
    members = {
        (each.context, each.execution if isinstance(each, Association) else each.artifact)
        for each in edges(store, *(each.key for each in done.contexts))
        if isinstance(each, Association | Attribution)
    }
    nodes = [*done.inputs, *done.outputs, done.execution]
    assert members == {(context.key, node.key) for context in done.contexts for node in nodes}


def test_runs_of_one_transaction_see_each_other(store: Store) -> None:
    with store.transaction(message="two runs"):
        first = store.record(Train(), outputs=[Dataset(uri="u", digest="d")])
        second = store.record(Train(), inputs=[Dataset(uri="u", digest="d")], outputs=[Model()])
    assert second.inputs == first.outputs
    assert store.upstream(second.outputs[0]).keys[-1] == first.execution.key
    assert store.backend.now() == 1


def test_classes_are_registered_in_the_same_transaction(store: Store) -> None:
    store.record(Train(), inputs=[Dataset()], outputs=[Model()], within=Experiment(name="c"))
    (change,) = store.changes()
    assert [each.name for each in change.types] == ["Train", "Dataset", "Model", "Experiment"]
    assert len(change.created) == 4


def test_what_is_returned_outlives_later_writes_and_the_store(store: Store) -> None:
    done = store.record(Train(), inputs=[Dataset(uri="u", day=1)])
    store.update(store.get(Dataset, 1).replace(day=2))
    store.put(
        ArtifactType(name="Dataset", properties={"novel": "INT"}), can_add=True, can_omit=True
    )
    store.delete("artifact:1")
    store.close()
    assert [each.day for each in done.inputs if isinstance(each, Dataset)] == [1]
    assert done.execution.rate == 0.1


DATA, MODEL, CHURN = Dataset(uri="in"), Model(uri="out"), Experiment(name="churn")

REFUSED: dict[str, tuple[type[LineageError], str, Callable[[Store], object]]] = {
    "a recorded run": (
        Invalid,
        "execution:1 is recorded already",
        lambda it: it.record(it.record(Train()).execution),
    ),
    "an artifact": (
        Invalid,
        "Dataset.* cannot be recorded; give an execution",
        lambda it: it.record(DATA),
    ),
    "a key": (
        Invalid,
        "'execution:1' is no name of a type",
        lambda it: it.record("execution:1"),
    ),
    "a context read": (
        Invalid,
        "each input must be an artifact or its key, not Experiment",
        lambda it: it.record(Train(), inputs=[DATA, CHURN]),
    ),
    "a run written": (
        Invalid,
        "each output must be an artifact or its key, not Train",
        lambda it: it.record(Train(), outputs=[Train()]),
    ),
    "a key of a run, read": (
        Invalid,
        "each input must be an artifact",
        lambda it: it.record(Train(), inputs={"in": NodeKey.parse("execution:1")}),
    ),
    "an artifact around": (
        Invalid,
        "each context must be a context or its key, not Dataset",
        lambda it: it.record(Train(), within=DATA),
    ),
    "a text": (
        Invalid,
        "each input must be an artifact or its key, not 'artifact:1'",
        lambda it: it.record(Train(), inputs="artifact:1"),
    ),
    "a number": (
        Invalid,
        "each context must be a context or its key, not 5",
        lambda it: it.record(Train(), within=5),
    ),
    "nothing": (
        Invalid,
        "each output must be an artifact or its key, not None",
        lambda it: it.record(Train(), outputs=[MODEL, None]),
    ),
    "a path that is none": (
        Invalid,
        "None is neither an index",
        lambda it: it.record(Train(), inputs={None: DATA}),
    ),
    "a path that cannot be kept": (
        Invalid,
        "surrogate",
        lambda it: it.record(Train(), inputs={"\ud800": DATA}),
    ),
    "an ill property, the last of all": (
        Invalid,
        "declares no property",
        lambda it: it.record(
            Train(),
            inputs=[DATA],
            outputs=[Artifact(type="lineage.Metrics", properties={"novel": 1})],
            within=CHURN,
        ),
    ),
    "a taken name of an execution": (
        AlreadyExists,
        "execution:1 has the name 'run' already",
        lambda it: [it.record(Train(name="run"), outputs=[MODEL]) for _ in range(2)],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_run_leaves_no_trace(case: str, store: Store) -> None:
    error, says, attempt = REFUSED[case]
    store.put([Dataset(uri="other"), Experiment(name="other")])
    before = everything(store.backend)
    with pytest.raises(error, match=says), store.transaction():
        attempt(store)
    assert everything(store.backend) == before


def test_one_artifact_under_several_names(store: Store) -> None:
    data = store.put(Dataset(uri="1"))
    run = store.record(Train(), inputs={"train": data, "a": Dataset(uri="2"), "eval": data.key})
    found = {each.artifact: each.paths for each in events(store, run.execution)}
    assert found[data.key] == (("train",), ("eval",))
    assert list(found.values())[1] == (("a",),)
    model = store.put(Model(uri="m"))
    outputs = store.record(Train(), outputs={"best": model, 0: model.key})
    (event,) = events(store, outputs.execution)
    assert (event.paths, event.path) == ((("best",), (0,)), ("best",))
    assert store.check() == []


def test_edges_of_a_run_are_ordered_as_they_were_given(store: Store) -> None:
    run = store.record(
        Train(),
        inputs=[Dataset(uri=uri) for uri in "cab"],
        outputs=Model(uri="m"),
        within=[Experiment(name="b"), Experiment(name="a")],
    )
    rows = store.backend.edges([each.key for each in (run.execution, *run.inputs, *run.outputs)])
    assert sorted(row.order for row in rows) == sorted({row.order for row in rows})
    by_order = sorted(rows, key=lambda row: row.order)
    read = [row.source for row in by_order if row.target == run.execution.key]
    assert [key for key in read if key.kind is Kind.ARTIFACT] == [each.key for each in run.inputs]
