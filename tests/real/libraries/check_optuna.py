"""Optuna as it is recorded by itself; `test_boosting_and_trials.py` runs it in an environment that has it."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

import lineage
from lineage.store import Store

optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return lineage.connect(tmp_path / "lineage.db")


def study_of(name: str = "toy", **options: Any) -> Any:
    sampler = optuna.samplers.RandomSampler(seed=1)
    return optuna.create_study(study_name=name, sampler=sampler, **options)


def trials(store: Store, autolog: Any) -> list[Any]:
    """Return what is known of the trials of the only call that was recorded, by their numbers."""
    assert autolog.notes == ()
    found = store.find(lineage.Execution, "type = 'optuna.Trial'")
    return sorted((store.show(each) for each in found), key=lambda each: each.parameters["number"])


def fated(trial: Any) -> float:
    """Return the parameter, unless the trial's number says otherwise."""
    x: float = trial.suggest_float("x", 0, 1)
    trial.set_user_attr("why", "test")
    for step in range(3):
        trial.report(x + step, step)
        if trial.number == 1 and step == 1:
            raise optuna.TrialPruned
    if trial.number == 2:
        return float("nan")
    if trial.number == 3:
        raise ValueError("no")
    return x


def test_trials_are_steps_of_their_study(store: Store) -> None:
    study = study_of()
    with lineage.autolog(store) as autolog:
        study.optimize(fated, n_trials=5, catch=ValueError)
    ((run, model, name),) = [each for each in autolog.recorded if each.estimator == "optimize"]
    shown: Any = store.show(run)
    assert (model, name, shown.node.type, shown.node.state) == (
        None,
        "optimize",
        "optuna.Study",
        "COMPLETE",
    )
    assert {**shown.parameters} | {
        "study": "toy",
        "directions": ["minimize"],
        "sampler": "RandomSampler",
        "pruner": "MedianPruner",
        "n_trials": 5,
        "catch": "ValueError",
        "trials_before": 0,
        "best_trial": study.best_trial.number,
        "best_x": study.best_params["x"],
    } == shown.parameters
    assert {each.name: each.value for each in shown.metrics} == {"best_value": study.best_value}
    assert len(shown.steps) == 5
    for step, trial in zip(trials(store, autolog), study.trials, strict=True):
        params = {"study": "toy", "number": trial.number, "user_attrs_why": "test"}
        outcome = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}[trial.state.name]
        assert step.parameters == {**params, **trial.params, "outcome": outcome}
        reported = [point.value for point in store.series(step.node.key, "reported")]
        assert reported == [*trial.intermediate_values.values()]
        values = [each.value for each in step.metrics if each.name == "value"]
        assert values == ([trial.value] if outcome == "complete" else [])
    states = [step.node.state for step in trials(store, autolog)]
    assert states == ["COMPLETE", "CANCELED", "FAILED", "FAILED", "COMPLETE"]


def test_same_trials_as_without(store: Store) -> None:
    alone, recorded = study_of(), study_of()
    alone.optimize(fated, n_trials=5, catch=ValueError)
    with lineage.autolog(store):
        recorded.optimize(func=fated, n_trials=5, catch=ValueError)
    assert [(each.params, each.state, each.values) for each in alone.trials] == [
        (each.params, each.state, each.values) for each in recorded.trials
    ]


def test_error_that_nobody_catches_goes_to_the_caller(store: Store) -> None:
    study, error = study_of(), ValueError("no")

    def objective(trial: Any) -> float:
        raise error

    with lineage.autolog(store) as autolog, pytest.raises(ValueError, match="no") as raised:
        study.optimize(objective, n_trials=3)
    assert raised.value is error
    (trial,) = trials(store, autolog)
    assert (trial.node.state, trial.parameters["outcome"]) == ("FAILED", "failed")
    states = {each.state for each in store.find(lineage.Execution)}
    assert states == {"FAILED"}


def test_fits_in_parallel_trials_are_steps_of_them(store: Store) -> None:
    data, label = load_iris(return_X_y=True, as_frame=True)

    def objective(trial: Any) -> float:
        depth = trial.suggest_int("depth", 1, 4)
        tree = DecisionTreeClassifier(max_depth=depth).fit(data, label)
        return float(tree.score(data, label))

    with lineage.autolog(store) as autolog:
        study = study_of(direction="maximize")
        study.optimize(objective, n_trials=6, n_jobs=2)
    found = trials(store, autolog)
    assert [each.parameters["number"] for each in found] == [0, 1, 2, 3, 4, 5]
    for each in found:
        assert [step.type for step in each.steps] == ["sklearn.Fit", "sklearn.Score"]
        fitted = store.show(each.steps[0].key)
        assert fitted.parameters["max_depth"] == each.parameters["depth"]
    (shown,) = store.find(lineage.Execution, "type = 'optuna.Study'")
    assert {step.type for step in store.show(shown).steps} == {"optuna.Trial"}


def test_study_that_is_taken_up_again(store: Store, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"
    with lineage.autolog(store) as autolog:
        study = study_of("again", storage=storage)
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
        study = study_of("again", storage=storage, load_if_exists=True)
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    assert [each.parameters["number"] for each in trials(store, autolog)] == [0, 1, 2, 3]
    one, other = (store.show(each.run) for each in autolog.recorded if each.estimator == "optimize")
    assert (one.parameters["trials_before"], other.parameters["trials_before"]) == (0, 2)
    assert (one.parameters["study"], other.parameters["study"]) == ("again", "again")
    assert other.parameters["best_trial"] == study.best_trial.number


@pytest.mark.filterwarnings("ignore")  # the names of metrics are an experiment of the library
def test_several_objectives(store: Store) -> None:
    with lineage.autolog(store) as autolog:
        study = study_of(directions=["minimize", "maximize"])
        study.optimize(lambda trial: (trial.suggest_int("number", 0, 3), 2.0), n_trials=2)
        study.set_metric_names(["size", "worth"])
        study.optimize(lambda trial: (trial.suggest_int("number", 0, 3), 2.0), n_trials=1)
    first, _, last = trials(store, autolog)
    assert [each.name for each in first.metrics] == ["value_0", "value_1"]
    assert [each.name for each in last.metrics] == ["size", "worth"]
    assert last.parameters["number_"] == study.trials[2].params["number"]


def test_values_that_the_library_refuses_are_failures(store: Store) -> None:
    values: list[Any] = ["two", None, (1.0, 2.0), True]
    with lineage.autolog(store) as autolog:
        study = study_of()
        study.optimize(lambda trial: values[trial.number], n_trials=4)
    theirs = [each.state.name for each in study.trials]
    ours = [each.node.state for each in trials(store, autolog)]
    assert ours == [{"FAIL": "FAILED"}.get(state, state) for state in theirs]


def test_study_within_a_run_of_the_caller(store: Store) -> None:
    with store.run("Experiment") as run, lineage.autolog(store):
        study_of().optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    assert [each.type for each in store.show(run.key).steps] == ["optuna.Study"]


def test_hooks_are_taken_out(store: Store) -> None:
    before = optuna.Study.optimize, optuna.Trial.report
    with lineage.autolog(store):
        assert optuna.Study.optimize is not before[0]
    assert before == (optuna.Study.optimize, optuna.Trial.report)


def test_hook_that_has_moved_is_one_note(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for cls in (optuna.Trial, optuna.trial.BaseTrial):
        monkeypatch.delattr(cls, "report")
    with lineage.autolog(store) as autolog:
        study_of().optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    (note,) = autolog.notes
    assert note.startswith(f"optuna {optuna.__version__} has not all the functions")
    assert {each.estimator for each in autolog.recorded} == {"optimize", "trial"}
