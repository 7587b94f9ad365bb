"""XGBoost as it is recorded by itself; `test_boosting_and_trials.py` runs it in an environment that has it."""

import threading
from pathlib import Path
from typing import Any

import pytest
import xgboost
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, train_test_split

import lineage
from lineage.store import Store

PARAMS = {"objective": "binary:logistic", "max_depth": 2}
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_TRAIN, X_TEST, Y_TRAIN, Y_TEST = train_test_split(X, y, random_state=0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return lineage.connect(tmp_path / "lineage.db")


class Careful(xgboost.XGBClassifier):  # type: ignore[misc]  # the library has no types here
    """An estimator of the caller's, with a `fit` of its own."""

    def fit(self, data: Any, label: Any) -> Any:
        return super().fit(data, label)


def matrices() -> tuple[Any, Any]:
    return xgboost.DMatrix(X_TRAIN, label=Y_TRAIN), xgboost.DMatrix(X_TEST, label=Y_TEST)


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
    with lineage.autolog(store) as autolog:
        train, test = matrices()
        evals = [(train, "train"), (test, "test")]
        options = {"evals": evals, "evals_result": results, "verbose_eval": False}
        booster = xgboost.train(PARAMS, train, 12, **options)
    booster.save_model(tmp_path / "model.ubj")
    run = only_run(store, autolog)
    assert (run.node.type, run.node.state) == ("xgboost.Train", "COMPLETE")
    assert run.parameters == {**PARAMS, "num_boost_round": 12, "estimator": "Booster"}
    assert digests(run) == {
        ("train", "data"): lineage.Dataset.from_frame(X_TRAIN).digest,
        ("train", "label"): lineage.Dataset.from_frame(Y_TRAIN).digest,
        ("test", "data"): lineage.Dataset.from_frame(X_TEST).digest,
        ("test", "label"): lineage.Dataset.from_frame(Y_TEST).digest,
    }
    for data in ("train", "test"):
        assert curve(store, run, f"{data}_logloss") == results[data]["logloss"]
    model = autolog.model(booster)
    assert model.properties == {
        "digest": lineage.Model.from_path(tmp_path / "model.ubj").digest,
        "estimator": "Booster",
    }


def test_same_model_as_without(store: Store) -> None:
    train, _ = matrices()
    alone = xgboost.train(PARAMS, train, 5)
    with lineage.autolog(store):
        train, _ = matrices()
        recorded = xgboost.train(PARAMS, train, 5)
    assert recorded.save_raw() == alone.save_raw()


def test_early_stop_by_a_callback_of_the_caller(store: Store) -> None:
    callbacks = [xgboost.callback.EarlyStopping(rounds=2)]
    results: dict[str, Any] = {}
    with lineage.autolog(store) as autolog:
        train, test = matrices()
        options = {"evals": [(test, "test")], "evals_result": results, "verbose_eval": False}
        booster = xgboost.train({**PARAMS, "eta": 1.0}, train, 500, callbacks=callbacks, **options)
    run = only_run(store, autolog)
    assert len(callbacks) == 1
    assert curve(store, run, "test_logloss") == results["test"]["logloss"]
    assert len(results["test"]["logloss"]) < 500
    metrics = {each.name: each.value for each in run.metrics}
    assert metrics["best_iteration"] == booster.best_iteration
    assert metrics["best_score"] == booster.best_score


def test_training_that_goes_on_with_a_model(store: Store, tmp_path: Path) -> None:
    with lineage.autolog(store) as autolog:
        train, _ = matrices()
        first = xgboost.train(PARAMS, train, 3)
        second = xgboost.train(PARAMS, train, 3, xgb_model=first)
        second.save_model(tmp_path / "second.ubj")
        xgboost.train(PARAMS, train, 3, xgb_model=str(tmp_path / "second.ubj"))
    assert autolog.notes == ()
    _, run, last = (store.show(each.run) for each in autolog.recorded)
    assert base(run) == autolog.model(first).properties["digest"]
    assert base(last) == autolog.model(second).properties["digest"]


def base(run: Any) -> object:
    return digests(run)["base",]


@pytest.mark.parametrize(
    "cls", [xgboost.XGBClassifier, xgboost.XGBRegressor, xgboost.XGBRFClassifier]
)
def test_fit_of_an_estimator(cls: Any, store: Store, tmp_path: Path) -> None:
    estimator = cls(n_estimators=6, max_depth=2)
    with lineage.autolog(store) as autolog:
        estimator.fit(X_TRAIN, Y_TRAIN, eval_set=[(X_TEST, Y_TEST)], verbose=False)
    estimator.save_model(tmp_path / "model.ubj")
    run = only_run(store, autolog)
    assert run.node.type == "xgboost.Train"
    assert run.parameters["estimator"] == cls.__name__
    assert (run.parameters["n_estimators"], run.parameters["max_depth"]) == (6, 2)
    assert digests(run) == {
        ("train", "X"): lineage.Dataset.from_frame(X_TRAIN).digest,
        ("train", "y"): lineage.Dataset.from_frame(Y_TRAIN).digest,
        ("validation_0", "X"): lineage.Dataset.from_frame(X_TEST).digest,
        ("validation_0", "y"): lineage.Dataset.from_frame(Y_TEST).digest,
    }
    (points,) = estimator.evals_result()["validation_0"].items()
    assert curve(store, run, f"validation_0_{points[0]}") == points[1]
    digest = lineage.Model.from_path(tmp_path / "model.ubj").digest
    assert autolog.model(estimator).properties["digest"] == digest


def test_fit_of_the_callers_own_class_is_recorded_once(store: Store) -> None:
    with lineage.autolog(store) as autolog:
        Careful(n_estimators=2).fit(X_TRAIN, Y_TRAIN)
    assert only_run(store, autolog).parameters["estimator"] == "Careful"


def test_search_is_one_run_with_its_trials(store: Store) -> None:
    with lineage.autolog(store) as autolog:
        search = GridSearchCV(xgboost.XGBClassifier(n_estimators=2), {"max_depth": [1, 2]}, cv=2)
        search.fit(X_TRAIN, Y_TRAIN)
    run = only_run(store, autolog)
    assert run.node.type == "sklearn.Search"
    assert {each.type for each in store.find(lineage.Execution)} == {
        "sklearn.Search",
        "sklearn.Trial",
    }
    assert len(run.steps) == 2


def test_score_is_of_the_model_that_was_fitted(store: Store) -> None:
    with lineage.autolog(store) as autolog:
        estimator = xgboost.XGBClassifier(n_estimators=2).fit(X_TRAIN, Y_TRAIN)
        score = estimator.score(X_TEST, Y_TEST)
    _, scored = autolog.recorded
    (metric,) = store.show(scored.run).metrics
    assert metric.of is not None
    assert (metric.value, metric.of.key) == (score, autolog.model(estimator).key)


def test_cross_validation(store: Store) -> None:
    options = {"num_boost_round": 4, "nfold": 3}
    alone = xgboost.cv(PARAMS, matrices()[0], **options)
    with lineage.autolog(store) as autolog:
        result = xgboost.cv(PARAMS, matrices()[0], **options)
    run = only_run(store, autolog)
    assert result.equals(alone)
    assert (run.node.type, run.parameters["nfold"]) == ("xgboost.CrossValidation", 3)
    assert curve(store, run, "test_logloss_mean") == [*result["test-logloss-mean"]]
    assert curve(store, run, "test_logloss_std") == [*result["test-logloss-std"]]
    assert autolog.recorded[0].model is None


def test_matrix_of_before_is_said_to_be_unknown(store: Store) -> None:
    train, _ = matrices()
    with lineage.autolog(store) as autolog:
        xgboost.train(PARAMS, train, 2)
    (note,) = autolog.notes
    assert note.startswith("xgboost: what a DMatrix was made from is not known")
    ((run, _, _),) = autolog.recorded
    assert store.show(run).inputs == ()


@pytest.mark.filterwarnings("ignore")  # the library will not always read files of text
def test_matrix_of_a_file(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "train.txt"
    file.write_text("1 0:1.5 1:2\n0 0:0.5 1:1\n" * 10)
    with lineage.autolog(store) as autolog:
        train = xgboost.DMatrix(f"{file}?format=libsvm")
        xgboost.train(PARAMS, train, 2)
    run = only_run(store, autolog)
    assert digests(run) == {("train", "data"): lineage.Dataset.from_path(file).digest}


def test_every_kind_of_data(store: Store) -> None:
    with lineage.autolog(store) as autolog:
        quantiles = xgboost.QuantileDMatrix(X_TRAIN.to_numpy(), label=[*Y_TRAIN], weight=[*Y_TRAIN])
        xgboost.train(PARAMS, quantiles, 2)
    read = digests(only_run(store, autolog))
    assert [*read] == [("train", "data"), ("train", "label"), ("train", "weight")]
    assert read["train", "data"] == lineage.Dataset.from_frame(X_TRAIN.to_numpy()).digest


def test_batches_are_said_to_have_no_digest(store: Store) -> None:
    class Batches(xgboost.DataIter):  # type: ignore[misc]  # the library has no types here
        def __init__(self) -> None:
            super().__init__()
            self.left = 1

        def next(self, input_data: Any) -> bool:
            self.left -= 1
            if self.left == 0:
                input_data(data=X_TRAIN, label=Y_TRAIN)
            return self.left == 0

        def reset(self) -> None:
            self.left = 1

    with lineage.autolog(store) as autolog:
        booster = xgboost.train(PARAMS, xgboost.QuantileDMatrix(Batches()), 2)
    assert booster.num_boosted_rounds() == 2
    assert any("a Batches has no digest" in note for note in autolog.notes)


def test_errors_of_the_library_go_to_the_caller(store: Store) -> None:
    with lineage.autolog(store) as autolog:
        train, _ = matrices()
        with pytest.raises(xgboost.core.XGBoostError, match="nothing"):
            xgboost.train({"objective": "nothing"}, train, 2)
        with pytest.raises(TypeError):
            xgboost.train(PARAMS, train, 2, evals=[3])
    states = [store.get(lineage.Execution, each.run).state for each in autolog.recorded]
    assert states == ["FAILED", "FAILED"]


def test_other_threads_record_nothing(store: Store) -> None:
    with lineage.autolog(store) as autolog:
        train, _ = matrices()
        thread = threading.Thread(target=xgboost.train, args=(PARAMS, train, 2))
        thread.start()
        thread.join()
    assert autolog.recorded == ()


def test_hooks_are_taken_out(store: Store) -> None:
    before = xgboost.train, xgboost.cv, xgboost.XGBModel.fit, xgboost.DMatrix.__init__
    with lineage.autolog(store):
        assert xgboost.train is not before[0]
    assert before == (xgboost.train, xgboost.cv, xgboost.XGBModel.fit, xgboost.DMatrix.__init__)


def test_hook_that_has_moved_is_one_note(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(xgboost, "cv")
    with lineage.autolog(store) as autolog:
        train, _ = matrices()
        xgboost.train(PARAMS, train, 2)
    (note,) = autolog.notes
    assert note.startswith(f"xgboost {xgboost.__version__} has not all the functions")
    assert len(autolog.recorded) == 1
