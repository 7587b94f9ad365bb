"""Metrics and what they were measured of and on: recorded, told, compared."""

from contextlib import suppress

import pytest

import lineage
from lineage.errors import Invalid, NotFound
from lineage.model.entities import Artifact, Attribution, Execution
from lineage.model.keys import Kind, NodeKey
from lineage.recording.run import Run
from lineage.store import Store


class Net(lineage.Model):
    """A model."""


class Table(lineage.Dataset):
    """Data."""


class Fit(lineage.Train):
    """A training."""


class Score(lineage.Evaluate):
    """An evaluation."""


def run(store: Store, execution: Execution) -> Run[Execution]:
    return store.run(execution, environment=False)


def trained(store: Store, name: str) -> Net:
    with run(store, Fit()) as fit:
        fit.input(Table(name="train"), use="train")
        return fit.output(Net(name=name))


def told(store: Store, node: str) -> list[tuple[object, ...]]:
    """Return the metrics of a node: name, value, and the names of the model and of the data."""
    return [
        (each.name, each.value, *(part and part.name for part in (each.of, each.on)))
        for each in store.show(node).metrics
    ]


def rows(store: Store, *models: str) -> dict[str, tuple[object, ...]]:
    return {row.name: row.values for row in store.compare(*models).rows if row.section == "metrics"}


# What is recorded


def test_what_is_not_said_is_the_only_model_and_the_only_evaluation_data(store: Store) -> None:
    with run(store, Score()) as scoring:
        scoring.input(trained(store, "m"))
        scoring.input(Table(name="held out"))  # which an evaluation reads to evaluate
        scoring.log_metrics(accuracy=0.9)
    assert told(store, "Net:m") == [("accuracy", 0.9, "m", "held out")]
    with run(store, Fit()) as fit:
        fit.log_metrics(loss=0.1)  # before there is a model
        fit.input(Table(name="train"), use="train")
        fit.input(Table(name="val"), use="val")
        fit.output(Net(name="n"))
        fit.log_metrics(loss=0.05)
    assert told(store, "Net:n") == [("loss", 0.05, "n", "val")]
    assert store.show("Net:n").contexts == ()
    assert store.check() == []


@pytest.mark.parametrize("second", ["model", "data", "none"])
def test_where_it_cannot_be_told_nothing_is_claimed(store: Store, second: str) -> None:
    with run(store, Score()) as scoring:
        scoring.input(trained(store, "m"))
        if second != "none":
            scoring.input(Table(name="test"))
        if second == "model":
            scoring.input(trained(store, "n"))
        if second == "data":
            scoring.input(Table(name="test 2"))
        scoring.log_metrics(accuracy=0.9)
    assert told(store, "Net:m") == [("accuracy", 0.9, None, None)]
    assert store.find(lineage.Measurement).items == ()


def test_each_model_and_data_set_has_an_artifact_of_its_own(store: Store) -> None:
    models = [trained(store, name) for name in "mn"]
    with run(store, Score()) as scoring:
        tests = [scoring.input(Table(name=name)) for name in ("a", "b")]
        for model in models:
            scoring.input(model)
            for test in tests:
                first = scoring.log_metrics(auc=0.5, of=model, on=test)
                again = scoring.log_metrics({"f1": 0.4}, of=model.key, on=test.key)
                assert again.key == first.key
    for name in "mn":
        assert told(store, f"Net:{name}") == [
            (metric, value, name, data)
            for data in "ab"
            for metric, value in (("auc", 0.5), ("f1", 0.4))
        ]
    assert not any("may be of another" in note for note in store.show("Net:m").notes)
    assert len(store.find(lineage.Measurement)) == 4
    assert len(store.find(lineage.Metrics)) == 4
    assert store.check() == []


def test_it_is_said_at_once_and_what_was_left_out_at_the_end(store: Store) -> None:
    model = trained(store, "m")
    with run(store, Score()) as scoring:
        scoring.input(model)
        test = scoring.input(Table(name="test"))
        scoring.log_metrics(auc=0.5, on=test)
        assert told(store, "Net:m") == [("auc", 0.5, None, "test")]
        number = store.backend.now()
    assert told(store, "Net:m") == [("auc", 0.5, "m", "test")]
    assert told(store.at(number), "Net:m") == [("auc", 0.5, None, "test")]
    assert len(store.find(lineage.Measurement)) == 1


def test_of_two_models_the_one_that_was_meant_alone_has_them(store: Store) -> None:
    with run(store, Fit()) as fit:
        one, two = (fit.output(Net(name=name)) for name in ("one", "two"))
        fit.log_metrics(loss=0.1, of=one)
        fit.log_metrics(loss=0.2, of=two)
    assert told(store, "Net:one") == [("loss", 0.1, "one", None)]
    assert told(store, "Net:two") == [("loss", 0.2, "two", None)]
    assert rows(store, "Net:one", "Net:two") == {"loss (training)": (0.1, 0.2)}
    assert "execution:1 wrote 2 models (artifact:1, artifact:2)" in store.show("Net:one").notes


def test_data_and_models_that_the_run_did_not_touch_may_be_measured(store: Store) -> None:
    model, test = trained(store, "m"), store.put(Table(name="test"))
    with run(store, Score()) as scoring:
        scoring.log_metrics(auc=0.5, of=model, on=test)
    assert told(store, "Net:m") == [("auc", 0.5, "m", "test")]
    written_by = store.show("Net:m").metrics[0].run
    assert written_by is not None
    assert written_by.key == scoring.key


def test_metrics_by_hand_count_as_well(store: Store) -> None:
    model = trained(store, "m")
    metrics = store.put(lineage.Metrics(custom_properties={"auc": 0.5}))
    context = store.put(lineage.Measurement(name="by hand"))
    store.put([Attribution(context=context.key, artifact=key) for key in (model.key, metrics.key)])
    assert told(store, "Net:m") == [("auc", 0.5, "m", None)]
    assert store.show("Net:m").metrics[0].run is None
    store.delete(context)
    assert told(store, "Net:m") == []


def test_a_step_of_a_rolled_back_block_is_measured_anew(store: Store) -> None:
    model = trained(store, "m")
    with run(store, Score()) as scoring:
        scoring.input(model)
        with suppress(ZeroDivisionError), store.transaction():
            scoring.log_metrics(auc=0.5, of=model)
            _ = 1 / 0
        scoring.log_metrics(auc=0.6, of=model)
    assert told(store, "Net:m") == [("auc", 0.6, "m", None)]
    assert store.check() == []


def test_a_run_ends_well_whatever_became_of_what_was_measured(store: Store) -> None:
    model = trained(store, "m")
    with run(store, Score()) as scoring:
        scoring.input(model)
        test = scoring.input(Table(name="test"))
        scoring.log_metrics(auc=0.5, on=test)
        scoring.log_metrics(loss=0.5)
        store.delete(model, test)
    assert scoring.execution.state == "COMPLETE"
    assert [name for name, *_ in told(store, str(scoring.key))] == ["auc", "loss"]
    assert store.check() == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"of": "data"}, "of=artifact:1: nothing says that this is a model"),
        ({"on": "model"}, "on=artifact:2: nothing says that this is a data set"),
        (
            {"on": "plain"},
            "on=artifact:3: nothing says that this is a data set; give its type the base",
        ),
        ({"of": "new"}, "is not stored yet"),
        ({"of": "run"}, "must be an artifact"),
        ({"on": "text"}, "must be an artifact"),
    ],
)
def test_what_is_no_model_or_data_is_refused_before_anything_is_written(
    store: Store, given: dict[str, str], says: str
) -> None:
    model = trained(store, "m")
    store.put(lineage.ArtifactType(name="Thing", properties={}))
    nodes: dict[str, object] = {
        "data": NodeKey(Kind.ARTIFACT, 1),
        "model": model,
        "plain": store.put(Artifact(type="Thing")),
        "new": Net(name="new"),
        "run": NodeKey(Kind.EXECUTION, 1),
        "text": "Net:m",
    }
    with run(store, Score()) as scoring:
        before = store.backend.now()
        options = {name: nodes[which] for name, which in given.items()}
        with pytest.raises(Invalid, match=says):
            scoring.log_metrics({"auc": 0.5}, **options)
        store.delete(model)
        with pytest.raises(NotFound, match="artifact:2 was deleted"):
            scoring.log_metrics(auc=0.5, of=model)
        assert store.backend.now() == before + 1
    assert store.find(lineage.Metrics).items == ()


# How they compare


def test_values_on_different_data_never_share_a_row(store: Store) -> None:
    tests = [store.put(Table(name=name)) for name in ("a", "b")]
    for name, test, value in (("m", 0, 0.9), ("n", 1, 0.8), ("o", 0, 0.7)):
        model = trained(store, name)
        with run(store, Score()) as scoring:
            scoring.input(model)
            scoring.input(tests[test])
            scoring.log_metrics(auc=value)
    assert rows(store, "Net:m", "Net:n", "Net:o") == {
        "auc on a (Score)": (0.9, None, 0.7),
        "auc on b (Score)": (None, 0.8, None),
    }


def test_data_of_one_name_is_told_apart_by_key(store: Store) -> None:
    model = trained(store, "m")
    with run(store, Score()) as scoring:
        scoring.input(model)
        for digest in "ab":
            test = scoring.input(Table(uri="test.csv", digest=digest))
            scoring.log_metrics(auc=0.5, of=model, on=test)
    assert set(rows(store, "Net:m")) == {
        "auc on test.csv (artifact:3) (Score)",
        "auc on test.csv (artifact:5) (Score)",
    }


def test_of_several_on_the_same_data_the_newest_counts_and_the_others_are_listed(
    store: Store,
) -> None:
    model, test = trained(store, "m"), store.put(Table(name="test"))
    for value in (0.5, 0.6):
        with run(store, Score()) as scoring:
            scoring.input(model)
            scoring.input(test)
            scoring.log_metrics(auc=value)
    answer = store.compare("Net:m")
    assert rows(store, "Net:m") == {"auc on test (Score)": (0.6,)}
    (note,) = (note for note in answer.notes if "2 values" in note)
    assert "and not 0.5 in artifact:4" in note
    with run(store, Score()) as scoring:
        scoring.input(model)
        scoring.input(Table(name="other"))
        scoring.log_metrics(auc=0.7)
    assert rows(store, "Net:m") == {"auc on test (Score)": (0.6,), "auc on other (Score)": (0.7,)}


def test_the_newest_counts_whoever_read_what(store: Store) -> None:
    model, test = trained(store, "m"), store.put(Table(name="test"))
    for value in (0.5, 0.7):  # by runs that only say what they measured
        with run(store, Score()) as scoring:
            scoring.log_metrics(auc=value, of=model, on=test)
    assert rows(store, "Net:m") == {"auc on test (Score)": (0.7,)}
    with run(store, Score()) as scoring:
        scoring.input(model)
        scoring.input(test)
        scoring.log_metrics(auc=0.8)
    assert rows(store, "Net:m") == {"auc on test (Score)": (0.8,)}
    with run(store, Score()) as scoring:
        scoring.log_metrics(auc=0.9, of=model, on=test)
    assert rows(store, "Net:m") == {"auc on test (Score)": (0.9,)}
