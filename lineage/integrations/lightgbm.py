"""LightGBM: `train`, `cv`, and the estimators' `fit` are runs, each with the curves of its metrics.

What is replaced are these public functions, and the constructor of `Dataset`, since a data set lets go of what it
was made from. The curves come from a callback of ours among `callbacks=`, as they go on. A metric's name is that of the
data set, an underscore, and the metric's: `test_auc`.

A model's digest is that of the file that its `save_model` writes, of an estimator that of its `booster_`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lineage.integrations.boosting import (
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

NAME = "lightgbm"
SOURCES = Sources(("data", "label", "weight", "group", "init_score", "position"))
OF_TRAINING = ("num_boost_round", "feval")
OF_VALIDATION = (*OF_TRAINING, "nfold", "stratified", "folds", "metrics", "seed", "shuffle")
OF_FIT = ("X", "y", "sample_weight", "init_score", "group")


class Training(Train, type="lightgbm.Train"):
    """Training a model of LightGBM; the estimator is "Booster" where it was `lightgbm.train`."""

    estimator: str


class CrossValidation(Evaluate, type="lightgbm.CrossValidation"):
    """Training and evaluating by folds with `lightgbm.cv`, which leaves no model unless it is asked to."""


class BoosterModel(Model, type="lightgbm.Model"):
    """A trained booster or estimator; the digest is that of the file that the booster's `save_model` writes."""

    estimator: str


def hooks() -> Iterator[Hook]:
    """Return the hooks of the functions, of the estimators, and of the data sets."""
    lightgbm = sys.modules[NAME]
    yield Hook(lightgbm, "train", recording(NAME, _train))
    yield Hook(lightgbm, "cv", recording(NAME, _cv))
    yield Hook(lightgbm.Dataset, "__init__", recording(NAME, SOURCES.made))
    for cls in (
        fitting_classes(lightgbm, lightgbm.LGBMModel) if hasattr(lightgbm, "LGBMModel") else ()
    ):
        yield Hook(cls, "fit", recording(NAME, _fit))


def _train(call: Call) -> Generator[None, None, None]:
    arguments = call.arguments
    params = call.attempt("parameters", given_params, call, OF_TRAINING)
    call.begin(Training(estimator="Booster"), params=params, name="train")
    train = arguments.get("train_set")
    _read(call, train, "train")
    for matrix, name in _named(arguments.get("valid_sets"), arguments.get("valid_names")):
        if matrix is not train:
            _read(call, matrix, name)
    _read_model(call)
    add_callback(call, _Points(call))
    yield
    _wrote(call, call.result, call.result, "Booster")


def _cv(call: Call) -> Generator[None, None, None]:
    params = call.attempt("parameters", given_params, call, OF_VALIDATION)
    call.begin(CrossValidation(), params=params, name="cv")
    _read(call, call.arguments.get("train_set"), "train")
    _read_model(call)
    add_callback(call, _Points(call))
    yield


def _fit(call: Call) -> Generator[None, None, None]:
    estimator: Any = call.args[0]
    arguments, name = call.arguments, type(estimator).__name__
    call.forget(estimator)
    params = call.attempt("parameters", estimator.get_params)
    call.begin(Training(estimator=name), params=params, name=name)
    read_named(call, "train", OF_FIT)
    pairs = [*_pairs(arguments)]
    names = [each for _, each in _named(pairs, arguments.get("eval_names"))]
    read_evaluations(call, pairs, names)
    _read_model(call)
    add_callback(call, _Points(call))
    yield
    _wrote(call, estimator, estimator.booster_, name)


def _pairs(arguments: dict[str, Any]) -> Iterable[tuple[object, object]]:
    """Return what an estimator is evaluated on, which has had two names."""
    pairs = arguments.get("eval_set") or ()
    if isinstance(pairs, tuple) and len(pairs) == 2 and not isinstance(pairs[0], tuple):
        pairs = [pairs]
    if arguments.get("eval_X") is None:
        return list(pairs)
    data, labels = arguments["eval_X"], arguments["eval_y"]
    return zip(data, labels, strict=True) if isinstance(data, tuple) else [(data, labels)]


def _named(sets: Any, names: Any) -> Iterator[tuple[Any, str]]:
    """Yield data sets with their names, or those that the library gives them; one may stand without a list."""
    sets = [] if sets is None else sets if isinstance(sets, list | tuple) else [sets]
    names = [] if names is None else [names] if isinstance(names, str) else names
    for number, each in enumerate(sets):
        yield each, names[number] if number < len(names) else f"valid_{number}"


def _read(call: Call, matrix: Any, use: str) -> None:
    # What is not constructed yet still holds what it was given.
    holds = getattr(matrix, "data", None) is not None
    SOURCES.read(call, matrix, use, partial(getattr, matrix) if holds else None)


def _read_model(call: Call) -> None:
    """Record the model with which the training goes on, if it goes on with one."""
    model = call.arguments.get("init_model")
    if isinstance(model, str | Path):
        call.input(
            call.attempt("its model", BoosterModel.from_path, model, estimator="Booster"),
            path="base",
        )
    elif model is not None:
        name, booster = type(model).__name__, getattr(model, "booster_", model)
        call.uses(model, lambda: _described(call, booster, name), path="base")


def _wrote(call: Call, model: object, booster: Any, name: str) -> None:
    call.model(model, _described(call, booster, name))
    best = {"best_iteration": booster.best_iteration} if booster.best_iteration > 0 else {}
    if best:
        for data, metrics in booster.best_score.items():
            best |= {f"best_{data}_{metric}": float(each) for metric, each in metrics.items()}
    call.log_metrics(best, of=model)


def _described(call: Call, booster: object, name: str) -> BoosterModel:
    return BoosterModel(
        estimator=name, digest=call.attempt("the digest of the model", _digest, booster)
    )


def _digest(booster: Any) -> str:
    """Return the digest of the file that a booster would be saved as."""
    return f"sha256:{hashlib.sha256(booster.model_to_string().encode()).hexdigest()}"


class _Points:
    """A callback that logs each round's values, and leaves the training alone."""

    before_iteration = False

    def __init__(self, call: Call) -> None:
        self._call = call
        self.order = (
            -1_000_000
        )  # a callback that stops the training ends the round for those behind it

    def __call__(self, env: Any) -> None:
        values = self._call.attempt("a point", _values, env.evaluation_result_list or ())
        self._call.log_metrics(values or {}, step=env.iteration)


def _values(results: Iterable[Sequence[Any]]) -> dict[str, float]:
    """Return a round's values by name; those of folds, of five items, have a deviation as well."""
    values: dict[str, float] = {}
    for result in results:
        data, metric, value, _, *deviation = result
        if data == "cv_agg":  # before 4.7 the metric's name held that of the data
            data, _, metric = metric.partition(" ")
        name = f"{data}_{metric}"
        values |= (
            {f"{name}_mean": float(value), f"{name}_std": float(deviation[0])}
            if deviation
            else {name: float(value)}
        )
    return values
