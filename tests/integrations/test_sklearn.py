"""scikit-learn as people use it: each fit is a run with its data and its model, whatever they fit."""

import hashlib
import inspect
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin, clone
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import lineage
from lineage.store import Store

FEATURES, LABELS = load_wine(return_X_y=True, as_frame=True)
ROWS = numpy.arange(12.0).reshape(6, 2)
CLASSES = numpy.array([0, 1, 0, 1, 0, 1])


def runs(store: Store) -> list[str]:
    return [f"{run.type} {vars(run)['state']}" for run in store.find(lineage.Execution)]


def digest(data: object) -> str | None:
    return lineage.Dataset.from_frame(data).digest


def test_fit_is_a_run_with_its_data_and_its_model(store: Store, tmp_path: Path) -> None:
    with lineage.autolog(store) as autolog:
        tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(FEATURES, LABELS)
    (recorded,) = autolog.recorded
    shown = store.show(recorded.run)
    assert autolog.notes == ()
    assert runs(store) == ["sklearn.Fit COMPLETE"]
    assert recorded.estimator == "DecisionTreeClassifier"
    assert shown.parameters["max_depth"] == 3
    assert shown.parameters["estimator"] == "DecisionTreeClassifier"
    assert "max_features" not in shown.parameters  # None
    assert {each.paths: each.node.properties["digest"] for each in shown.inputs} == {
        (("train", "X"),): digest(FEATURES),
        (("train", "y"),): digest(LABELS),
    }
    with (tmp_path / "tree.pkl").open("wb") as file:
        pickle.dump(tree, file)
    saved = lineage.Model.from_path(tmp_path / "tree.pkl")
    assert autolog.model(tree).digest == saved.digest  # type: ignore[attr-defined]


def test_model_of_large_arrays_has_the_digest_of_its_file(embedded: Store, tmp_path: Path) -> None:
    rows = numpy.random.default_rng(0).normal(size=(300, 200))
    with lineage.autolog(embedded) as autolog:
        scaler = PCA(random_state=0).fit(rows)
    pickled = pickle.dumps(scaler)
    assert len(pickled) > 200_000
    expected = f"sha256:{hashlib.sha256(pickled).hexdigest()}"
    assert autolog.model(scaler).properties["digest"] == expected


def test_equal_fits_make_one_model_of_two_runs(embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        models = [GaussianNB().fit(ROWS, CLASSES) for _ in range(2)]
    assert autolog.model(models[0]).key == autolog.model(models[1]).key
    assert len(embedded.find(lineage.Dataset)) == 2
    assert runs(embedded) == ["sklearn.Fit COMPLETE"] * 2


def test_pipeline_is_one_run(embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        make_pipeline(StandardScaler(), GaussianNB(var_smoothing=0.5)).fit(FEATURES, LABELS)
    ((run, _, name),) = autolog.recorded
    parameters = embedded.show(run).parameters
    assert name == "Pipeline"
    assert parameters["gaussiannb__var_smoothing"] == 0.5
    assert parameters["steps"] == [
        ["standardscaler", "StandardScaler"],
        ["gaussiannb", "GaussianNB"],
    ]


@pytest.mark.parametrize("jobs", [None, 2])
def test_search_has_its_trials_as_steps(embedded: Store, jobs: int | None) -> None:
    with embedded.run("Experiment") as run, run.autolog() as autolog:
        search = GridSearchCV(
            DecisionTreeClassifier(random_state=0), {"max_depth": [1, 3]}, cv=3, n_jobs=jobs
        ).fit(FEATURES, LABELS)
    assert autolog.notes == ()
    (step,) = embedded.show(run.key).steps
    shown = embedded.show(step)
    assert (step.type, shown.parameters["estimator"]) == ("sklearn.Search", "GridSearchCV")
    assert shown.parameters["estimator_"] == "DecisionTreeClassifier"
    assert shown.parameters["param_grid"] == {"max_depth": [1, 3]}
    assert [(each.name, each.value) for each in shown.metrics] == [
        ("best_score", search.best_score_)
    ]
    trials = [embedded.show(each) for each in shown.steps]
    assert [each.parameters for each in trials] == [
        {"estimator": "DecisionTreeClassifier", "max_depth": depth} for depth in (1, 3)
    ]
    means = [
        next(each.value for each in trial.metrics if each.name == "mean_test_score")
        for trial in trials
    ]
    assert means == [*search.cv_results_["mean_test_score"]]
    (best,) = embedded.find(lineage.Execution, "'best' IN tags")
    assert best.custom_properties["max_depth"] == search.best_params_["max_depth"]
    model = autolog.model(search)
    assert model.key == autolog.model(search.best_estimator_).key
    assert model.properties["estimator"] == "DecisionTreeClassifier"
    above = {node.key for node in embedded.upstream(model).nodes}
    assert {each.key for each in embedded.find(lineage.Dataset)} <= above


def test_search_without_a_best_has_no_model(embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        RandomizedSearchCV(
            GaussianNB(), {"var_smoothing": [0.1, 1.0]}, n_iter=2, cv=2, refit=False,
            scoring=["accuracy", "balanced_accuracy"],
        ).fit(ROWS, CLASSES)  # fmt: skip
    ((run, model, _),) = autolog.recorded
    assert (model, autolog.notes) == (None, ())
    trials = embedded.show(run).steps
    assert [each.custom_properties["var_smoothing"] for each in trials] == [0.1, 1.0]
    names = {each.name for each in embedded.show(trials[0]).metrics}
    assert {"mean_test_accuracy", "mean_test_balanced_accuracy"} <= names


def test_halving_search_says_what_each_trial_had(embedded: Store) -> None:
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV

    with lineage.autolog(embedded) as autolog:
        HalvingGridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2, 3, 4]}, cv=2).fit(
            FEATURES, LABELS
        )
    trials = embedded.show(autolog.recorded[0].run).steps
    assert len(trials) > 4
    assert {each.custom_properties["iter"] for each in trials} >= {0, 1}


def test_trials_that_fail_are_there(embedded: Store) -> None:
    search = GridSearchCV(Picky(), {"depth": [0, 1]}, cv=2)
    with lineage.autolog(embedded) as autolog, warnings.catch_warnings(action="ignore"):
        search.fit(ROWS, CLASSES)
    first, second = embedded.show(autolog.recorded[0].run).steps
    values = [
        next(each.value for each in embedded.show(trial).metrics if each.name == "mean_test_score")
        for trial in (first, second)
    ]
    assert numpy.isnan(values[0])
    assert values[1] == 0.5


class Picky(ClassifierMixin, BaseEstimator):
    """An estimator of the user's own, which refuses some parameters."""

    def __init__(self, depth: int = 1) -> None:
        self.depth = depth

    def fit(self, X: Any, y: Any) -> "Picky":  # noqa: N803
        if not self.depth:
            raise ValueError("a depth of 0")
        self.classes_ = numpy.unique(y)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        return numpy.zeros(len(X), dtype=int)


def test_score_is_of_the_model_and_on_the_data(store: Store) -> None:
    with lineage.autolog(store) as autolog:
        model = GaussianNB().fit(FEATURES, LABELS)
        score = model.score(FEATURES[:50], LABELS[:50])
    run = autolog.recorded[1].run
    shown = store.show(run)
    (metric,) = shown.metrics
    assert shown.node.type == "sklearn.Score"
    assert (metric.name, metric.value) == ("score", score)
    assert metric.of is not None
    assert metric.on is not None
    assert metric.of.key == autolog.model(model).key
    assert metric.on.properties["digest"] == digest(FEATURES[:50])
    assert {each.paths for each in shown.inputs} == {
        (("model",),),
        (("test", "X"),),
        (("test", "y"),),
    }


def test_model_is_known_in_a_later_block(embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        model = GaussianNB().fit(FEATURES, LABELS)
    with lineage.autolog(embedded) as later:
        model.score(FEATURES, LABELS)
    (of,) = {each.of.key for each in embedded.show(later.recorded[0].run).metrics if each.of}
    assert of == autolog.model(model).key


def test_model_that_was_not_fitted_here_is_described(embedded: Store) -> None:
    model = GaussianNB().fit(FEATURES, LABELS)
    with lineage.autolog(embedded) as autolog:
        model.score(FEATURES, LABELS)
    (of,) = [each.of for each in embedded.show(autolog.recorded[0].run).metrics if each.of]
    assert of.properties["digest"] == f"sha256:{hashlib.sha256(pickle.dumps(model)).hexdigest()}"


def test_what_is_transformed_leads_to_the_next_fit(embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        scaled = StandardScaler().fit_transform(FEATURES)
        model = GaussianNB().fit(scaled, LABELS)
    assert [each.estimator for each in autolog.recorded] == ["StandardScaler", "GaussianNB"]
    above = embedded.upstream(autolog.model(model)).nodes
    assert digest(FEATURES) in {each.properties.get("digest") for each in above}
    outputs = embedded.show(autolog.recorded[0].run).outputs
    assert {each.paths for each in outputs} == {(), (("fit_transform",),)}


def test_identity_is_no_circle(embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        FunctionTransformer().fit_transform(ROWS)
    assert autolog.notes == ()
    (data,) = embedded.find(lineage.Dataset)
    assert embedded.show(data).runs == ()


def test_series_and_metrics_of_training(embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        network = MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, random_state=0)
        with warnings.catch_warnings(action="ignore"):
            network.fit(ROWS, CLASSES)
        boosted = GradientBoostingClassifier(n_estimators=3).fit(ROWS, CLASSES)
        forest = RandomForestClassifier(50, oob_score=True, random_state=0).fit(FEATURES, LABELS)
    first, second, third = (each.run for each in autolog.recorded)
    assert [each.value for each in embedded.series(first, "loss")] == network.loss_curve_
    assert [each.value for each in embedded.series(second, "train_score")] == [
        *boosted.train_score_
    ]
    assert ("oob_score", forest.oob_score_) in {
        (each.name, each.value) for each in embedded.show(third).metrics
    }
    assert autolog.notes == ()


# Estimators as people write them


def test_estimator_of_a_class_made_inside_is_recorded(embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:

        class Mean(TransformerMixin, BaseEstimator):
            def fit(self, X: Any, y: Any = None) -> "Mean":  # noqa: N803
                self.mean_ = X.mean()
                return self

            def transform(self, X: Any) -> Any:  # noqa: N803
                return X - self.mean_

        made = Mean()
        assert made.fit_transform(ROWS).mean() == 0
        made.fit(ROWS)
    assert [each.estimator for each in autolog.recorded] == ["Mean", "Mean"]
    made.fit(ROWS)
    assert len(autolog.recorded) == 2
    assert "is not recorded" in autolog.notes[0]  # a class in a function cannot be pickled


class Nightly(RegressorMixin, BaseEstimator):
    """An estimator that fits itself again, and another one, and cannot be pickled."""

    def __init__(self, rounds: int = 2) -> None:
        self.rounds = rounds

    def fit(self, X: Any, y: Any) -> "Nightly":  # noqa: N803
        self.inner_ = LinearRegression().fit(X, y)
        self.function_ = lambda: None
        if self.rounds:
            self.rounds -= 1
            return self.fit(X, y)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.inner_.predict(X)


def test_estimator_that_fits_itself_again_is_one_run(embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        model = Nightly().fit(ROWS, CLASSES)
        model.score(ROWS, CLASSES)
    assert runs(embedded) == ["sklearn.Fit COMPLETE", "sklearn.Score COMPLETE"]
    (note,) = autolog.notes
    assert note.startswith("sklearn: the digest of the model of Nightly is not recorded: ")
    assert autolog.model(model).properties == {"estimator": "Nightly"}
    assert [each.of for each in embedded.show(autolog.recorded[1].run).metrics] != [None]


class Secretive(DummyClassifier):
    """An estimator whose parameters and state nobody may see."""

    def get_params(self, deep: bool = True) -> Any:
        if deep:
            raise RuntimeError("no")
        return super().get_params(deep=False)

    @property
    def loss_curve_(self) -> Any:
        raise RuntimeError("nor this")


def test_estimator_that_tells_nothing_is_recorded_without(embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        Secretive().fit(ROWS, CLASSES)
    assert runs(embedded) == ["sklearn.Fit COMPLETE"]
    assert [note.split(" of ")[0] for note in autolog.notes] == [
        "sklearn: parameters",
        "sklearn: loss_curve_",
    ]


def test_failed_fit_is_a_failed_run(embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        model = GaussianNB().fit(ROWS, CLASSES)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            model.fit(ROWS, CLASSES[1:])
        with pytest.raises(lineage.NotFound):
            autolog.model(model)
    assert runs(embedded) == ["sklearn.Fit COMPLETE", "sklearn.Fit FAILED"]


def test_model_is_another_after_partial_fit(embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        model = SGDClassifier(random_state=0).fit(ROWS, CLASSES)
        first = autolog.model(model)
        model.partial_fit(ROWS, CLASSES)
        model.score(ROWS, CLASSES)
        with pytest.raises(lineage.NotFound):
            autolog.model(model)
    (of,) = {each.of.key for each in embedded.show(autolog.recorded[1].run).metrics if each.of}
    assert of != first.key
    assert runs(embedded) == ["sklearn.Fit COMPLETE", "sklearn.Score COMPLETE"]


# Data as they come


@pytest.mark.parametrize(
    "rows",
    [
        ROWS.tolist(),
        tuple(map(tuple, ROWS)),
        pandas.DataFrame(ROWS, columns=[0, 1]),
        pandas.DataFrame({"a": pandas.Series([*"xyxyxy"], dtype="category")}),
        pandas.DataFrame({"a": [None, 1, "x", 2.5, (), b""]}),
        pandas.DataFrame({"a": pandas.to_datetime(["2026-01-01", None] * 3)}),
        [[1], [2, 3], [], [4], [5], [6]],
        [object()] * 6,
        range(6),
    ],
    ids=[
        "list",
        "tuples",
        "numbers",
        "categories",
        "objects",
        "times",
        "ragged",
        "things",
        "range",
    ],
)
def test_whatever_is_fitted_is_fitted(embedded: Store, rows: Any) -> None:
    plain = DummyClassifier()
    with lineage.autolog(embedded) as autolog:
        fitted = clone(plain).fit(rows, CLASSES)
    assert [*fitted.classes_] == [0, 1]
    shown = embedded.show(autolog.recorded[0].run)
    read = {path for each in shown.inputs for path in each.paths}
    assert ("train", "y") in read
    assert (("train", "X") in read) == (not autolog.notes)
    says = "sklearn: the data train/X of DummyClassifier is not recorded: "
    assert all(note.startswith(says) for note in autolog.notes)
    assert len(autolog.notes) <= 1


def test_sparse_data_and_texts_are_recorded_or_said(embedded: Store) -> None:
    texts = ["a b", "b c", "c"]
    with lineage.autolog(embedded) as autolog:
        counts = CountVectorizer(token_pattern=r"\w").fit_transform(texts)
        DummyClassifier().fit(counts, [0, 1, 1])
    assert [each.estimator for each in autolog.recorded] == ["CountVectorizer", "DummyClassifier"]
    shown = embedded.show(autolog.recorded[0].run)
    assert [each.paths for each in shown.inputs] == [(("train", "raw_documents"),)]
    assert all("train/X" in note or "fit_transform" in note for note in autolog.notes)


def test_each_fold_of_a_cross_validation_is_a_fit(embedded: Store) -> None:
    with lineage.autolog(embedded):
        cross_val_score(GaussianNB(), FEATURES, LABELS, cv=3)
    assert sorted(set(runs(embedded))) == ["sklearn.Fit COMPLETE", "sklearn.Score COMPLETE"]
    assert len(runs(embedded)) == 6


# What is left of it


def test_classes_are_as_before(embedded: Store) -> None:
    def methods() -> dict[tuple[type, str], object]:
        return {
            (cls, name): vars(cls)[name]
            for cls in {each for below in BELOW for each in below.__mro__[:-1]}
            for name in ("fit", "fit_transform", "fit_predict", "partial_fit", "score")
            if name in vars(cls)
        }

    before = methods()
    with lineage.autolog(embedded):
        inside = methods()
        assert before.keys() == inside.keys()
        assert all(before[each] is not inside[each] for each in before)
    assert methods() == before
    assert "__init_subclass__" not in vars(BaseEstimator)


BELOW = [GaussianNB, SGDClassifier, PCA, GridSearchCV, CountVectorizer, StandardScaler]


def test_methods_look_as_before(embedded: Store) -> None:
    pipeline = make_pipeline(StandardScaler(), PCA())
    signature, doc = inspect.signature(PCA.fit), PCA.fit.__doc__
    with lineage.autolog(embedded):
        assert (inspect.signature(PCA.fit), PCA.fit.__doc__) == (signature, doc)
        assert inspect.signature(pipeline.fit_transform).parameters.keys() == {"X", "y", "params"}
        assert not hasattr(make_pipeline(StandardScaler()), "score")
        assert hasattr(pipeline, "fit_transform")
        for method in (pipeline.fit_transform, PCA().fit):
            assert pickle.loads(pickle.dumps(method)).__name__ == method.__name__
        shape = pipeline.fit_transform(FEATURES).shape
    assert shape == FEATURES.shape


def test_classes_of_libraries_with_integrations_of_their_own_are_left_alone(
    embedded: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    metadata = tmp_path / "lineage_other-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: lineage_other\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[lineage.integrations]\nother = nowhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(Picky, "__module__", "other.models")
    with lineage.autolog(embedded) as autolog:
        model = Picky().fit(ROWS, CLASSES)
        model.score(ROWS, CLASSES)
    assert runs(embedded) == ["sklearn.Score COMPLETE"]
    assert (len(autolog.recorded), "other" in sys.modules) == (1, False)
