"""What is known of a node: stores made by hand, whose answers are known."""

import pickle
from collections import Counter
from typing import Any, cast

import pytest

import lineage
from lineage.contract.backend import Backend
from lineage.contract.roles import Role
from lineage.contract.walking import Limits
from lineage.errors import Invalid, NotFound
from lineage.model.entities import (
    Artifact,
    Association,
    Context,
    Event,
    EventType,
    Execution,
    ParentContext,
)
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind
from lineage.model.system import Environment
from lineage.queries import summary as asked
from lineage.queries.summary import Summary, summary
from lineage.store import Store
from lineage.testing.builders import MODEL, TRAIN, writing

DATASET_TYPE, METRICS, EVALUATE, TRANSFORM = 1, 3, 8, 6


class Table(lineage.Dataset):
    day: int = 0


class Net(lineage.Model):
    size: float = 0.0
    frozen: bool = True


class Fit(lineage.Train):
    rate: float = 0.0


class Project(lineage.Context):
    pass


def workflow(store: Store) -> Store:
    """Record raw 1 → split 1 → train 2, test 3; train → fit 2 → net 4, metrics 5; net, test → eval 3 → metrics 6."""
    raw = store.put(Table(name="raw", uri="s3://raw"))
    project = Project(name="churn")
    store.record(
        lineage.Transform(name="split"),
        inputs=raw,
        outputs={"train": Table(name="train"), "test": Table(name="test")},
        within=project,
    )
    where = Environment(
        name="sha256:1", python="3.11.2", custom_properties={"numpy": "2.0", "scikit-learn": "1.5"}
    )
    fit = store.record(
        Fit(name="fit", rate=0.1, custom_properties={"tree": {"depth": 3}, "error_type": "none"}),
        inputs={"data": Table(name="train")},
        outputs=[Net(name="net", size=7), lineage.Metrics(custom_properties={"loss": 0.5})],
        within=project,
    )
    put = store.put(where)
    store.put(Association(context=put.key, execution=fit.execution.key))
    store.record(
        lineage.Evaluate(name="eval"),
        inputs=[Net(name="net"), Table(name="test")],
        outputs=lineage.Metrics(custom_properties={"accuracy": 0.9, "auc": 0.8}),
    )
    return store


NET = NodeKey(Kind.ARTIFACT, 4)


def artifact(number: int) -> NodeKey:
    return NodeKey(Kind.ARTIFACT, number)


def execution(number: int) -> NodeKey:
    return NodeKey(Kind.EXECUTION, number)


def show(store: Store, key: NodeKey, **options: Any) -> Summary:
    return summary(store.backend, key, **options)


def measured(answer: Summary) -> list[tuple[str, Any, str | None]]:
    return [(m.name, m.value, None if m.run is None else str(m.run.key)) for m in answer.metrics]


def sources(answer: Summary) -> list[tuple[str | None, int]]:
    return [(source.node.name, source.distance) for source in answer.datasets]


def test_a_model_answers_all_questions(store: Store) -> None:
    answer = show(workflow(store), NET)
    assert (answer.node.name, answer.role) == ("net", Role.MODEL)
    assert sources(answer) == [("train", 2), ("raw", 4)]
    assert answer.parameters == {"rate": 0.1, "tree": {"depth": 3}}
    assert measured(answer) == [
        ("loss", 0.5, "execution:2"),
        ("accuracy", 0.9, "execution:3"),
        ("auc", 0.8, "execution:3"),
        ("size", 7, "execution:2"),
    ]
    assert [run.name for run in answer.runs] == ["fit"]
    assert [run.name for run in answer.readers] == ["eval"]
    assert isinstance(answer.environment, Environment)
    assert answer.environment.python == "3.11.2"
    assert answer.frameworks == {"scikit-learn": "1.5"}
    assert [context.name for context in answer.contexts] == ["churn"]
    assert (answer.inputs, answer.outputs, answer.members) == ((), (), ())
    assert (answer.notes, answer.truncated) == ((), None)
    assert answer.number == store.backend.now()
    assert pickle.loads(pickle.dumps(answer)) == answer


def test_the_single_questions_answer_as_the_summary(store: Store) -> None:
    backend = workflow(store).backend
    for key in (*map(artifact, range(1, 7)), *map(execution, range(1, 4))):
        answer = summary(backend, key)
        assert asked.datasets(backend, key) == (answer.datasets, answer.truncated)
        assert asked.parameters(backend, key) == answer.parameters
        assert asked.metrics(backend, key) == answer.metrics
        assert asked.runs(backend, key) == answer.runs
        assert asked.environment(backend, key) == answer.environment
        assert asked.frameworks(backend, key) == answer.frameworks


def test_an_execution_answers_for_itself(store: Store) -> None:
    answer = show(workflow(store), execution(2))
    assert answer.role is Role.TRAIN
    assert sources(answer) == [("train", 1), ("raw", 3)]
    assert answer.parameters == {"rate": 0.1, "tree": {"depth": 3}}
    assert [(link.node.name, link.event, link.paths) for link in answer.inputs] == [
        ("train", "INPUT", (("data",),))
    ]
    assert [(link.node.id, link.event, link.paths) for link in answer.outputs] == [
        (4, "OUTPUT", ()),
        (5, "OUTPUT", ()),
    ]
    assert measured(answer) == [("loss", 0.5, "execution:2")]
    assert answer.frameworks == {"scikit-learn": "1.5"}
    assert [context.name for context in answer.contexts] == ["churn"]
    assert (answer.runs, answer.readers, answer.notes) == ((), (), ())


def test_a_data_set_has_no_metrics_and_is_not_its_own_source(store: Store) -> None:
    answer = show(workflow(store), artifact(3))
    assert (answer.role, answer.metrics, sources(answer)) == (Role.DATASET, (), [("raw", 2)])
    assert [run.name for run in answer.readers] == ["eval"]
    assert answer.notes == ("the run that wrote artifact:3 recorded no environment",)
    assert show(store, artifact(1)).notes == ("no run is recorded that wrote artifact:1",)


def test_a_context_tells_its_members_parents_and_children(store: Store) -> None:
    workflow(store)
    parent, child = store.put([Project(name="all"), Project(name="part")])
    own = NodeKey(Kind.CONTEXT, 1)
    store.put(
        [ParentContext(child=own, parent=parent.key), ParentContext(child=child.key, parent=own)]
    )
    answer = show(store, own)
    assert [context.name for context in answer.contexts] == ["all", "part"]
    assert [str(node.key) for node in answer.members] == [
        *(f"artifact:{n}" for n in range(1, 6)),
        "execution:1",
        "execution:2",
    ]
    assert answer.notes == ()
    assert sum(answer.member_counts.values()) == 7
    assert [*answer.member_counts.values()] == sorted(answer.member_counts.values(), reverse=True)
    assert answer.more_members is False
    assert show(store, own, limits=Limits(nodes=7)).more_members is False
    few = show(store, own, limits=Limits(nodes=1))
    assert (sum(few.member_counts.values()), few.more_members) == (1, True)
    assert [str(node.key) for node in few.members] == ["artifact:1"]
    assert [context.name for context in few.contexts] == ["all"]
    assert few.notes == (
        "context:1 has more than 1 members; only the first are given and counted",
        "context:1 has 2 contexts; only the first 1 are given",
    )
    assert asked.parameters(store.backend, own) == {}
    assert asked.metrics(store.backend, own) == ()


def test_what_was_not_recorded_is_said(store: Store) -> None:
    alone = store.put(lineage.Model())
    assert show(store, alone.key).notes == (
        "no run is recorded that wrote artifact:1",
        "no data set is recorded upstream of artifact:1",
        "no metrics of artifact:1 are recorded",
    )
    made = store.record(lineage.Train(), outputs=lineage.Model()).outputs[0]
    assert show(store, made.key).notes == (
        "execution:1 recorded no parameters",
        "the run that wrote artifact:2 recorded no environment",
        "no data set is recorded upstream of artifact:2",
        "no metrics of artifact:2 are recorded",
    )


def test_types_without_a_base_go_by_their_names_and_say_so(store: Store) -> None:
    with writing(store.backend) as new:
        examples = new.type(Kind.ARTIFACT, "TrainingDataset")
        model = new.type(Kind.ARTIFACT, "system.Model")
        metrics = new.type(Kind.ARTIFACT, "ClassificationMetrics")
        trainer = new.type(Kind.EXECUTION, "tfx.Trainer")
        data, net = new.artifact(examples), new.artifact(model)
        scores = new.artifact(metrics, custom={"f1": 1})
        run = new.execution(trainer, properties={"rate": 0.1})
        new.path(data, run, net)
        new.edge(run, scores)
    answer = show(store, net)
    assert (answer.role, measured(answer)) == (Role.MODEL, [("f1", 1, "execution:1")])
    assert [source.node.id for source in answer.datasets] == [1]
    assert answer.notes[:3] == (
        "TrainingDataset is taken for a data set by its name",
        "system.Model is taken for a model by its name",
        "ClassificationMetrics is taken for metrics by its name",
    )


def test_of_what_nothing_tells_the_role_no_reader_is_believed(store: Store) -> None:
    store.put([lineage.ArtifactType(name="Thing\x1b[1m"), lineage.ArtifactType(name="Data")])
    thing = Artifact(type="Thing\x1b[1m", name="t", custom_properties={"rows": 5})
    store.record(lineage.Train(), outputs=[thing, lineage.Metrics(custom_properties={"loss": 1.0})])
    store.record(
        lineage.Evaluate(), inputs=thing, outputs=lineage.Metrics(custom_properties={"auc": 0.5})
    )
    answer = show(store, artifact(1))
    assert (answer.role, measured(answer)) == (None, [("loss", 1.0, "execution:1")])
    assert answer.notes[0] == (
        "nothing says what Thing\\x1b[1m is, so that metrics by those who read artifact:1 are not "
        "looked for; give the type a base, such as lineage.Model"
    )


# Which run, which metrics


def test_of_several_runs_the_newest_event_counts(store: Store) -> None:
    with writing(store.backend) as new:
        net = new.artifact(MODEL)
        runs = [new.execution(properties={"n": n}) for n in range(1, 5)]
        for run, time in zip(runs, (50, 70, 70, None), strict=True):
            new.edge(run, net, time=time)
        new.edge(runs[0], net, EdgeKind.DECLARED_OUTPUT, time=60)
        for n, run in enumerate(runs, 1):
            new.edge(run, new.artifact(METRICS, custom={"n": n}), time=1)
    answer = show(store, net)
    # An event without a time counts at its transaction's, which is later than those.
    assert [run.id for run in answer.runs] == [4, 3, 2, 1]
    assert answer.parameters == {"n": 4}
    assert [metric.value for metric in answer.metrics] == [4, 3, 2, 1]
    assert answer.notes[0] == (
        "4 runs wrote artifact:1; the parameters and the environment are those of execution:4, the newest"
    )


def test_a_training_that_reads_the_model_measures_another(store: Store) -> None:
    teacher = store.record(lineage.Train(), outputs=Net(name="teacher", size=1)).outputs[0]
    scores = lineage.Metrics(custom_properties={"loss": 0.1})
    store.record(lineage.Process(), inputs=teacher, outputs=[Net(name="student"), scores])
    store.record(Fit(name="no model came of it"), inputs=teacher, outputs=scores)
    answer = show(store, teacher.key)
    assert measured(answer) == [("size", 1, "execution:1")]
    assert answer.notes[-1] == (
        "the metrics by execution:3, execution:2 are left out: each read artifact:1 to train something else"
    )
    assert measured(show(store, artifact(2)))[0] == ("loss", 0.1, "execution:2")


def test_a_run_that_reads_the_model_it_writes_measures_that_model(store: Store) -> None:
    scores = lineage.Metrics(custom_properties={"loss": 0.1})
    run = store.record(lineage.Train(), outputs=[lineage.Model(), scores])
    net = run.outputs[0].key
    store.put(Event(artifact=net, execution=run.execution.key, type=EventType.INPUT))
    answer = show(store, net)
    assert measured(answer) == [("loss", 0.1, "execution:1")]
    assert not any("left out" in note for note in answer.notes)


def test_evaluators_come_newest_first_and_metrics_once(store: Store) -> None:
    with writing(store.backend) as new:
        net, other = new.artifact(MODEL), new.artifact(MODEL)
        train, *evals = (new.execution(t) for t in (TRAIN, EVALUATE, EVALUATE, EVALUATE))
        new.edge(train, net, time=1)
        for run, time in zip(evals, (5, 9, 7), strict=True):
            new.edge(net, run, time=time)
            new.edge(run, new.artifact(METRICS, custom={"auc": time}))
        both = new.artifact(METRICS, custom={"both": 1})
        new.edge(train, both)
        new.edge(evals[0], both)
        new.edge(other, evals[1])
    answer = show(store, net)
    assert [(m.name, m.value) for m in answer.metrics] == [
        ("both", 1),
        ("auc", 9),
        ("auc", 7),
        ("auc", 5),
    ]
    assert answer.notes[-1] == (
        "execution:3 read 2 models (artifact:1, artifact:2); its metrics may be of another"
    )


def test_a_run_of_several_models_says_that_its_metrics_are_ambiguous(store: Store) -> None:
    scores = lineage.Metrics(custom_properties={"loss": 0.1})
    store.record(lineage.Train(), outputs=[Net(), Net(), scores])
    assert show(store, artifact(1)).notes[-1] == (
        "execution:1 wrote 2 models (artifact:1, artifact:2); its metrics may be of another"
    )
    store.record(lineage.Train(), outputs=[Net(size=1), Net()])
    assert (
        show(store, artifact(4)).notes[-1] == "execution:2 wrote 2 models (artifact:4, artifact:5)"
    )


def test_every_value_of_metrics_counts_and_the_models_own_floats(store: Store) -> None:
    values = {
        "nan": float("nan"),
        "inf": float("inf"),
        "text": "<b>",
        "map": {"a": [1]},
        "no": False,
    }
    own = {"score": 0.5, "version": 7, "good": True, "note": "x"}
    store.record(
        lineage.Train(),
        outputs=[Net(size=3, custom_properties=own), lineage.Metrics(custom_properties=values)],
    )
    found = asked.metrics(store.backend, artifact(1))
    assert [m.name for m in found] == ["inf", "map", "nan", "no", "text", "score", "size"]
    assert [m.value for m in found[-2:]] == [0.5, 3.0]


# Deleted nodes, history, limits


def test_walks_go_through_what_was_deleted(store: Store) -> None:
    workflow(store)
    before = store.backend.now()
    store.delete("Table:train", "Fit:fit", artifact(6))
    answer = show(store, NET)
    assert [(s.node.name, s.node.gone, s.distance) for s in answer.datasets] == [
        ("train", True, 2),
        ("raw", False, 4),
    ]
    assert answer.runs[0].gone
    assert [m.name for m in answer.metrics] == ["loss", "size"]
    assert answer.notes == (
        "execution:2, the run that wrote artifact:4, was deleted",
        "the metrics artifact:6 were deleted, and are left out",
    )
    assert show(store, NET, as_of=before).notes == ()
    store.purge(execution(2), reason="asked to")
    assert show(store, NET).parameters == {}


def test_a_gone_node_shows_what_is_left(store: Store) -> None:
    workflow(store)
    store.delete(NET)
    answer = show(store, NET)
    assert (answer.node.gone, answer.node.name, answer.role) == (True, "net", Role.MODEL)
    assert answer.notes == ("artifact:4 was deleted; this is what it was",)
    store.purge(NET, reason="asked to")
    answer = show(store, NET)
    assert (answer.node.name, sources(answer)) == (None, [("train", 2), ("raw", 4)])
    assert answer.notes[0].startswith("artifact:4 was purged")


def test_history_is_answered_as_it_was(store: Store) -> None:
    workflow(store)
    before = store.backend.now()
    node = store.get(Fit, 2)
    store.update(node.replace(rate=0.9))
    store.record(
        lineage.Evaluate(), inputs=NET, outputs=lineage.Metrics(custom_properties={"x": 1})
    )
    assert asked.parameters(store.backend, NET)["rate"] == 0.9
    then = show(store, NET, as_of=before)
    assert (then.parameters["rate"], len(then.metrics), then.number) == (0.1, 4, before)
    with pytest.raises(NotFound, match="no artifact:4"):
        show(store, NET, as_of=1)


def test_a_cut_search_is_said(store: Store) -> None:
    workflow(store)
    answer = show(store, NET, limits=Limits(hops=2))
    assert sources(answer) == [("train", 2)]
    assert answer.truncated is not None
    assert (answer.truncated.limit, answer.notes) == (
        "hops",
        ("the search for data sets was cut by the limit of hops",),
    )
    assert [run.name for run in show(store, NET, limits=Limits(hops=0)).runs] == ["fit"]
    assert [run.name for run in show(store, NET, limits=Limits(nodes=1)).runs] == ["fit"]
    with pytest.raises(Invalid, match="nodes=0"):
        show(store, NodeKey(Kind.CONTEXT, 1), limits=Limits(nodes=0))


def test_neighbours_beyond_the_limit_are_said(store: Store) -> None:
    with writing(store.backend) as new:
        net = new.artifact(MODEL)
        for _ in range(4):
            run = new.execution(EVALUATE)
            new.path(net, run, new.artifact(METRICS, custom={"a": 1}))
        for _ in range(4):
            new.edge(new.execution(), net, time=1)
    answer = show(store, net, limits=Limits(nodes=3))
    assert [run.id for run in answer.readers] == [1, 2, 3]
    assert [run.id for run in answer.runs] == [7, 6, 5]
    assert len(answer.metrics) == 2
    assert answer.notes[-3:] == (
        "more than 3 nodes lead to artifact:1; only the first are looked at",
        "more than 3 nodes follow artifact:1; only the first are looked at",
        "the runs around artifact:1 wrote more than 3 nodes; only the first are looked at",
    )


def test_a_notebook_shows_a_summary_escaped_and_capped(store: Store) -> None:
    evil = {"<script>": "<b>\x1b[31m", **{str(n): n for n in range(60)}}
    store.record(Fit(name="<i>", custom_properties=evil), outputs=Net(name="<u>"))
    html = show(store, artifact(1))._repr_html_()
    assert not any(bad in html for bad in ("<script>", "<b>", "<i>", "<u>", "\x1b"))
    assert "no data set is recorded upstream of artifact:1" in html
    assert "18 more" in html


def test_cycles_end(store: Store) -> None:
    with writing(store.backend) as new:
        data, net = new.artifact(), new.artifact(MODEL)
        fit, again = new.execution(), new.execution(TRANSFORM)
        new.path(data, fit, net, again, data)
        new.edge(net, fit)
        new.edge(fit, data)
    answer = show(store, net)
    assert [(source.node.id, source.distance) for source in answer.datasets] == [(1, 2)]
    assert [run.id for run in answer.runs] == [1]
    assert sources(show(store, data)) == []


# Environments


def test_without_a_known_framework_all_libraries_are_given(store: Store) -> None:
    run = store.record(lineage.Train(), outputs=lineage.Model())
    libraries = {"numpy": "2.0", "Pandas": "3.0", "count": 3}
    old, new = store.put(
        [Environment(name="a", custom_properties={"torch": "1"}), Environment(name="b")]
    )
    store.put(Association(context=old.key, execution=run.execution.key))
    assert asked.frameworks(store.backend, artifact(1)) == {"torch": "1"}
    store.put(Association(context=new.key, execution=run.execution.key))
    assert asked.frameworks(store.backend, artifact(1)) == {}
    store.update(new.replace(custom_properties=libraries))
    assert asked.frameworks(store.backend, artifact(1)) == {"Pandas": "3.0", "numpy": "2.0"}
    notes = show(store, artifact(1)).notes
    assert "no known framework is among the libraries of context:2" in notes
    assert (
        "execution:1 has several environments (context:2, context:1); the newest is given" in notes
    )


def test_other_contexts_are_no_environment(store: Store) -> None:
    class Machine(Context, type="Environment"):
        pass

    run = store.record(Fit(), outputs=Net(), within=Machine(name="x"))
    assert asked.environment(store.backend, run.execution.key) is None


def test_what_is_not_there_is_not_found(store: Store) -> None:
    for kind in Kind:
        with pytest.raises(NotFound, match=f"there is no {kind}:1"):
            show(store, NodeKey(kind, 1))


def test_an_event_may_be_recorded_by_hand(store: Store) -> None:
    net, run = store.put([Net(), Execution(type="lineage.Train")])
    store.put(
        Event(artifact=net.key, execution=run.key, type=EventType.INTERNAL_OUTPUT, path=("m", 1))
    )
    assert [each.key for each in show(store, net.key).runs] == [run.key]
    assert show(store, run.key).outputs[0].paths == (("m", 1),)


def test_all_paths_of_an_event_are_given(store: Store) -> None:
    lake = store.put(Table(name="lake"))
    with store.run(Fit(), environment=False) as run:
        run.input(lake, use="train", path=0)
        before = store.backend.now()
        run.input(lake, use="eval")
    answer = show(store, run.key)
    assert [link.paths for link in answer.inputs] == [(("train", 0), ("eval",))]
    then = show(store, run.key, as_of=before)
    assert [link.paths for link in then.inputs] == [(("train", 0),)]


class Counted:
    """A backend that counts the calls of its verbs from outside."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.calls: list[str] = []

    def __getattr__(self, verb: str) -> Any:
        self.calls.append(verb)
        return getattr(self.backend, verb)


def test_a_summary_takes_few_calls(store: Store) -> None:
    counted = Counted(workflow(store).backend)
    answer = summary(cast(Backend, counted), NET)
    assert len(answer.metrics) == 4
    calls = {"pin": 1, "types": 1, "nodes": 4, "edges": 1, "walk": 6, "files": 1}
    assert Counter(counted.calls) == calls


@pytest.mark.parametrize(
    ("imports", "expected", "note"),
    [
        (["numpy", "torch"], {"torch": "2"}, ""),
        (["torch", "xgboost"], {"torch": "2", "xgboost": "3"}, ""),
        (["numpy"], {"torch": "2", "xgboost": "3"}, "the run's own code holds no known framework"),
        ([], {"torch": "2", "xgboost": "3"}, "the run's own code holds no known framework"),
        (None, {"torch": "2", "xgboost": "3"}, ""),
    ],
)
def test_frameworks_are_those_that_the_runs_own_code_holds(
    imports: list[str] | None, expected: dict[str, str], note: str, store: Store
) -> None:
    libraries = {"numpy": "1", "torch": "2", "xgboost": "3"}
    where = Environment(name="e", imports=imports, custom_properties=libraries)
    store.record(lineage.Train(), outputs=lineage.Model(name="m"), within=where)
    answer = show(store, artifact(1))
    assert answer.frameworks == expected
    told = [each for each in answer.notes if "own code" in each]
    assert [each[: len(note)] for each in told] == [note] * bool(note)
    assert all(each.endswith("of context:1") for each in told)
    rows = [row.name for row in store.compare(artifact(1)).rows if row.section == "frameworks"]
    assert rows == [*expected]


def test_one_framework_in_use_is_taken_without_a_word(store: Store) -> None:
    where = Environment(name="e", imports=["numpy"], custom_properties={"numpy": "1", "torch": "2"})
    store.record(lineage.Train(), outputs=lineage.Model(name="m"), within=where)
    assert show(store, artifact(1)).frameworks == {"torch": "2"}
    assert not any("own code" in each for each in show(store, artifact(1)).notes)
