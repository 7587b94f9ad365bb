"""XGBoost: `train`, `cv`, and the estimators' `fit` are runs, each with the curves of its metrics.

What is replaced are these public functions, and the constructors of `DMatrix` and its kin, since a matrix does not keep
what it was made from. The curves of `train` and `cv` come from a callback of ours among `callbacks=`, as they
go on; those of an estimator, whose callbacks are a parameter of its own, from `evals_result()` when its fit is over.
A metric's name is that of the data set, an underscore, and the metric's: `test_logloss`.

A model's digest is that of the file that its `save_model` writes in the format UBJSON (`.ubj`), the default.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lineage.digests.files import digest_of
from lineage.integrations.boosting import (
    Curves,
    add_callback,
    fitting_classes,
    given_params,
    read_evaluations,
    read_named,
)
from lineage.integrations.calls import Call
from lineage.integrations.hooks import Hook, recording
from lineage.integrations.sources import Sources
from lineage.model.system import Evaluate, Model, Train

__all__ = ["BoosterModel", "CrossValidation", "Training", "hooks"]

NAME = "xgboost"
MATRICES = ("DMatrix", "QuantileDMatrix", "ExtMemQuantileDMatrix")
SOURCES = Sources(
    (
        "data",
        "label",
        "weight",
        "base_margin",
        "group",
        "qid",
        "label_lower_bound",
        "label_upper_bound",
    )
)
OF_TRAINING = ("num_boost_round", "early_stopping_rounds", "maximize", "obj", "custom_metric")
OF_VALIDATION = (*OF_TRAINING, "nfold", "stratified", "folds", "metrics", "seed", "shuffle")
OF_FIT = ("X", "y", "sample_weight", "base_margin", "group", "qid")


class Training(Train, type="xgboost.Train"):
    """Training a model of XGBoost; the estimator is "Booster" where it was `xgboost.train`."""

    estimator: str


class CrossValidation(Evaluate, type="xgboost.CrossValidation"):
    """Training and evaluating by folds with `xgboost.cv`, which leaves no model."""


class BoosterModel(Model, type="xgboost.Model"):
    """A trained booster or estimator; the digest is that of the `.ubj` file that its `save_model` writes."""

    estimator: str


def hooks() -> Iterator[Hook]:
    """Return the hooks of the functions, of the estimators, and of the matrices."""
    xgboost = sys.modules[NAME]
    yield Hook(xgboost, "train", recording(NAME, _train))
    yield Hook(xgboost, "cv", recording(NAME, _cv))
    for cls in fitting_classes(xgboost, xgboost.XGBModel):
        yield Hook(cls, "fit", recording(NAME, _fit))
    for name in MATRICES:
        if hasattr(xgboost, name):
            yield Hook(getattr(xgboost, name), "__init__", recording(NAME, SOURCES.made))


def _train(call: Call) -> Generator[None, None, None]:
    arguments = call.arguments
    params = call.attempt("parameters", given_params, call, OF_TRAINING)
    call.begin(Training(estimator="Booster"), params=params, name="train")
    SOURCES.read(call, arguments.get("dtrain"), "train")
    for matrix, name in arguments.get("evals") or ():
        if matrix is not arguments.get("dtrain"):
            SOURCES.read(call, matrix, name)
    _read_model(call)
    add_callback(call, _callback(call))
    yield
    _wrote(call, call.result, "Booster")


def _cv(call: Call) -> Generator[None, None, None]:
    params = call.attempt("parameters", given_params, call, OF_VALIDATION)
    call.begin(CrossValidation(), params=params, name="cv")
    SOURCES.read(call, call.arguments.get("dtrain"), "train")
    add_callback(call, _callback(call))
    yield


def _fit(call: Call) -> Generator[None, None, None]:
    estimator: Any = call.args[0]
    name = type(estimator).__name__
    call.forget(estimator)
    params = call.attempt("parameters", estimator.get_params)
    call.begin(Training(estimator=name), params=params, name=name)
    read_named(call, "train", OF_FIT)
    pairs = call.arguments.get("eval_set") or ()
    read_evaluations(call, pairs, (f"validation_{number}" for number in range(len(pairs))))
    _read_model(call)
    yield
    _wrote(call, estimator, name)
    curves: Curves = estimator.evals_result() if pairs else {}
    for number in range(
        max((len(each) for of in curves.values() for each in of.values()), default=0)
    ):
        call.log_metrics(_values(curves, number), step=number)


def _read_model(call: Call) -> None:
    """Record the model with which the training goes on, if it goes on with one."""
    model = call.arguments.get("xgb_model")
    if isinstance(model, str | Path):
        call.input(
            call.attempt("its model", BoosterModel.from_path, model, estimator="Booster"),
            path="base",
        )
    elif hasattr(model, "save_model"):
        call.uses(model, lambda: _described(call, model, type(model).__name__), path="base")


def _wrote(call: Call, model: Any, name: str) -> None:
    call.model(model, _described(call, model, name))
    booster = model if name == "Booster" else model.get_booster()
    attributes = booster.attributes()
    best = {
        each: float(attributes[each])
        for each in ("best_iteration", "best_score")
        if each in attributes
    }
    call.log_metrics(best, of=model)


def _described(call: Call, model: object, name: str) -> BoosterModel:
    return BoosterModel(
        estimator=name, digest=call.attempt("the digest of the model", _digest, model)
    )


def _digest(model: Any) -> str:
    """Return the digest of the file that a model would be saved as."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "model.ubj")
        model.save_model(file)
        return digest_of(file)


def _callback(call: Call) -> object:
    """Return a callback that logs each round's values, and leaves the training alone."""
    base: type = sys.modules[NAME].callback.TrainingCallback

    def after_iteration(_: object, __: object, epoch: int, evals_log: Curves) -> bool:
        call.log_metrics(call.attempt("a point", _values, evals_log, -1) or {}, step=epoch)
        return False

    return type("Recording", (base,), {"after_iteration": after_iteration})()


def _values(curves: Mapping[str, Mapping[str, Any]], number: int) -> dict[str, float]:
    """Return the values of one round by name; those of folds are pairs of a mean and a deviation."""
    values: dict[str, float] = {}
    for data, metrics in curves.items():
        for metric, points in metrics.items():
            name, point = f"{data}_{metric}", points[number]
            if isinstance(point, tuple):
                values |= {f"{name}_mean": float(point[0]), f"{name}_std": float(point[1])}
            else:
                values[name] = float(point)
    return values
