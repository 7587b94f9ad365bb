"""LightGBM as it is recorded by itself; `test_boosting_and_trials.py` runs it in an environment that has it."""

from pathlib import Path
from typing import Any

import lightgbm
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, train_test_split

import lineage
from lineage.store import Store

PARAMS = {"objective": "binary", "num_leaves": 4, "verbosity": -1}
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X.columns = [name.replace(" ", "_") for name in X.columns]
X_TRAIN, X_TEST, Y_TRAIN, Y_TEST = train_test_split(X, y, random_state=0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return lineage.connect(tmp_path / "lineage.db")


def sets() -> tuple[Any, Any]:
    train = lightgbm.Dataset(X_TRAIN, label=Y_TRAIN)
    return train, lightgbm.Dataset(X_TEST, label=Y_TEST, reference=train)


def only_run(store: Store, autolog: Any) -> Any:
    """Return what is known of the only call that was recorded, of which nothing is missing."""
    assert autolog.notes == ()
    (recorded,) = autolog.recorded
    return store.show(recorded.run)


def digests(run: Any) -> dict[tuple[str, ...], str]:
    return {path: each.node.properties["digest"] for each in run.inputs for path in each.paths}


def curve(store: Store, run: Any, name: str) -> list[float]:
    return [point.value for point in store.series(run.node.key, name)]


def test_train(store: Store, tmp_path: Path) -> None:
    results: dict[str, Any] = {}
    callbacks = [lightgbm.record_evaluation(results)]
    with lineage.autolog(store) as autolog:
        train, test = sets()
        options = {"valid_sets": [train, test], "valid_names": ["train", "test"]}
        booster = lightgbm.train(PARAMS, train, 12, callbacks=callbacks, **options)
    booster.save_model(tmp_path / "model.txt")
    run = only_run(store, autolog)
    assert len(callbacks) == 1
    assert (run.node.type, run.node.state) == ("lightgbm.Train", "COMPLETE")
    assert run.parameters == {**PARAMS, "num_boost_round": 12, "estimator": "Booster"}
    assert digests(run) == {
        ("train", "data"): lineage.Dataset.from_frame(X_TRAIN).digest,
        ("train", "label"): lineage.Dataset.from_frame(Y_TRAIN).digest,
        ("test", "data"): lineage.Dataset.from_frame(X_TEST).digest,
        ("test", "label"): lineage.Dataset.from_frame(Y_TEST).digest,
    }
    for data in ("train", "test"):
        assert curve(store, run, f"{data}_binary_logloss") == results[data]["binary_logloss"]
    assert autolog.model(booster).properties == {
        "digest": lineage.Model.from_path(tmp_path / "model.txt").digest,
        "estimator": "Booster",
    }


def test_same_model_as_without(store: Store) -> None:
    alone = lightgbm.train(PARAMS, sets()[0], 5)
    with lineage.autolog(store):
        recorded = lightgbm.train(PARAMS, sets()[0], 5)
    assert recorded.model_to_string() == alone.model_to_string()


def test_early_stop_by_a_callback_of_the_caller(store: Store, tmp_path: Path) -> None:
    results: dict[str, Any] = {}
    callbacks = [
        lightgbm.record_evaluation(results),
        lightgbm.early_stopping(2, verbose=False),
    ]
    with lineage.autolog(store) as autolog:
        train, test = sets()
        options = {"valid_sets": test, "callbacks": callbacks}
        booster = lightgbm.train({**PARAMS, "learning_rate": 0.9}, train, 500, **options)
    booster.save_model(tmp_path / "model.txt")
    run = only_run(store, autolog)
    points = curve(store, run, "valid_0_binary_logloss")
    assert points == results["valid_0"]["binary_logloss"]
    assert len(points) < 500
    metrics = {each.name: each.value for each in run.metrics}
    assert metrics["best_iteration"] == booster.best_iteration
    assert metrics["best_valid_0_binary_logloss"] == min(points)
    digest = lineage.Model.from_path(tmp_path / "model.txt").digest
    assert autolog.model(booster).properties["digest"] == digest


def test_data_set_that_let_go_of_its_data_is_remembered(store: Store) -> None:
    with lineage.autolog(store) as autolog:
        train, _ = sets()
        first = lightgbm.train(PARAMS, train, 2)
        assert train.data is None
        lightgbm.train(PARAMS, train, 2)
        lightgbm.train(PARAMS, sets()[0], 2, init_model=first)
    assert autolog.notes == ()
    one, other, last = (digests(store.show(each.run)) for each in autolog.recorded)
    assert last.pop(("base",)) == autolog.model(first).properties["digest"]
    assert one == other == last


def test_data_set_of_before_that_is_not_constructed_yet(store: Store) -> None:
    train, _ = sets()
    with lineage.autolog(store) as autolog:
        lightgbm.train(PARAMS, train, 2)
    read = digests(only_run(store, autolog))
    assert read["train", "data"] == lineage.Dataset.from_frame(X_TRAIN).digest


def test_data_set_of_before_that_is_constructed_is_said_to_be_unknown(store: Store) -> None:
    train, _ = sets()
    train.construct()
    with lineage.autolog(store) as autolog:
        lightgbm.train(PARAMS, train, 2)
    (note,) = autolog.notes
    assert note.startswith("lightgbm: what a Dataset was made from is not known")
    ((run, _, _),) = autolog.recorded
    assert store.show(run).inputs == ()


@pytest.mark.parametrize("cls", [lightgbm.LGBMClassifier, lightgbm.LGBMRegressor])
def test_fit_of_an_estimator(cls: Any, store: Store, tmp_path: Path) -> None:
    estimator = cls(n_estimators=6, num_leaves=4, verbosity=-1)
    with lineage.autolog(store) as autolog:
        estimator.fit(X_TRAIN, Y_TRAIN, eval_X=X_TEST, eval_y=Y_TEST, eval_names=["test"])
    estimator.booster_.save_model(tmp_path / "model.txt")
    run = only_run(store, autolog)
    assert run.node.type == "lightgbm.Train"
    assert run.parameters["estimator"] == cls.__name__
    assert (run.parameters["n_estimators"], run.parameters["num_leaves"]) == (6, 4)
    assert digests(run) == {
        ("train", "X"): lineage.Dataset.from_frame(X_TRAIN).digest,
        ("train", "y"): lineage.Dataset.from_frame(Y_TRAIN).digest,
        ("test", "X"): lineage.Dataset.from_frame(X_TEST).digest,
        ("test", "y"): lineage.Dataset.from_frame(Y_TEST).digest,
    }
    ((metric, points),) = estimator.evals_result_["test"].items()
    assert curve(store, run, f"test_{metric}") == points
    digest = lineage.Model.from_path(tmp_path / "model.txt").digest
    assert autolog.model(estimator).properties["digest"] == digest


def test_search_is_one_run_with_its_trials(store: Store) -> None:
    with lineage.autolog(store) as autolog:
        estimator = lightgbm.LGBMClassifier(n_estimators=2, verbosity=-1)
        GridSearchCV(estimator, {"num_leaves": [2, 3]}, cv=2).fit(X_TRAIN, Y_TRAIN)
    run = only_run(store, autolog)
    assert {each.type for each in store.find(lineage.Execution)} == {
        "sklearn.Search",
        "sklearn.Trial",
    }
    assert len(run.steps) == 2


def test_cross_validation(store: Store) -> None:
    options = {"num_boost_round": 4, "nfold": 3, "seed": 1}
    alone = lightgbm.cv(PARAMS, sets()[0], **options)
    with lineage.autolog(store) as autolog:
        result = lightgbm.cv(PARAMS, sets()[0], **options)
    run = only_run(store, autolog)
    assert result == alone
    assert (run.node.type, run.parameters["nfold"]) == ("lightgbm.CrossValidation", 3)
    assert curve(store, run, "valid_binary_logloss_mean") == result["valid binary_logloss-mean"]
    assert curve(store, run, "valid_binary_logloss_std") == result["valid binary_logloss-stdv"]
    assert autolog.recorded[0].model is None


def test_errors_of_the_library_go_to_the_caller(store: Store) -> None:
    with lineage.autolog(store) as autolog:
        train, _ = sets()
        with pytest.raises(lightgbm.basic.LightGBMError, match="nothing"):
            lightgbm.train({**PARAMS, "objective": "nothing"}, train, 2)
        with pytest.raises(TypeError, match="train_set"):
            lightgbm.train(PARAMS, X_TRAIN, 2)
    states = [store.get(lineage.Execution, each.run).state for each in autolog.recorded]
    assert states == ["FAILED", "FAILED"]


def test_hooks_are_taken_out(store: Store) -> None:
    before = lightgbm.train, lightgbm.cv, lightgbm.LGBMModel.fit, lightgbm.Dataset.__init__
    with lineage.autolog(store):
        assert lightgbm.train is not before[0]
    assert before == (
        lightgbm.train,
        lightgbm.cv,
        lightgbm.LGBMModel.fit,
        lightgbm.Dataset.__init__,
    )


def test_hook_that_has_moved_is_one_note(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(lightgbm, "cv")
    with lineage.autolog(store) as autolog:
        lightgbm.train(PARAMS, sets()[0], 2)
    (note,) = autolog.notes
    assert note.startswith(f"lightgbm {lightgbm.__version__} has not all the functions")
    assert len(autolog.recorded) == 1
