"""scikit-learn: each fit is a run, a search has its trials as steps, and a score is an evaluation.

What is replaced are the public methods `fit`, `fit_transform`, `fit_predict`, `score` and `partial_fit` of every class
below `sklearn.base.BaseEstimator`, of others' packages and the user's own as well, and of their mixins; classes that
are made later get them as they are made. `sklearn.callback`, which came with 1.9, is no hook for that: few
estimators support it, and it tells nothing of the rest. Classes of libraries that have an integration of their own
are left to that.

A model's digest is that of its pickle, in the default protocol: of the bytes that `pickle.dump(model, file)` writes.
`partial_fit` is no run, as there may be thousands; the model is another after it.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from lineage.digests.frames import is_frame
from lineage.errors import Invalid, excerpt
from lineage.integrations.calls import Call, Description
from lineage.integrations.hooks import Hook, add, is_of_another, recording
from lineage.model.system import Evaluate, Model, Train

__all__ = ["Fit", "FittedModel", "Score", "Search", "Trial", "hooks"]

NAME = "sklearn"
MOST_TRIALS = 1_000
"""How many trials of a search are recorded as steps."""
SERIES = {
    "loss_curve_": "loss",
    "train_score_": "train_score",
    "validation_score_": "validation_score",
    "validation_scores_": "validation_score",
}
"""Which public attributes of fitted estimators have a value for each iteration, and what the series are called."""
METRICS = {"oob_score_": "oob_score"}


class Fit(Train, type="sklearn.Fit"):
    """Fitting an estimator of scikit-learn."""

    estimator: str


class Search(Train, type="sklearn.Search"):
    """Searching the parameters of an estimator of scikit-learn."""

    estimator: str


class Trial(Train, type="sklearn.Trial"):
    """One candidate of a search of scikit-learn, fitted and scored on each fold."""

    estimator: str


class Score(Evaluate, type="sklearn.Score"):
    """Scoring an estimator of scikit-learn."""

    estimator: str


class FittedModel(Model, type="sklearn.Model"):
    """A fitted estimator of scikit-learn; the digest is that of its pickle."""

    estimator: str


def hooks() -> Iterator[Hook]:
    """Return the hooks of every class of estimators that there is, and the one for classes to come."""
    base = sys.modules["sklearn.base"].BaseEstimator
    yield Hook(base, "__init_subclass__", lambda original: _subclassed(base, original))
    for cls in _below(base):
        yield from _of_class(cls)


def _below(base: type) -> Iterator[type]:
    """Yield a class and all that are based on it."""
    waiting, seen = [base], {base}
    while waiting:
        cls = waiting.pop()
        yield cls
        below: list[type] = type.__subclasses__(cls)
        for each in below:
            if each not in seen:
                seen.add(each)
                waiting.append(each)


def _subclassed(base: Any, original: Any) -> Any:
    """Return an `__init_subclass__` that hooks the class, after all that the library does with it."""
    own = "__init_subclass__" in vars(base)

    def hooked(cls: type, /, **options: Any) -> None:
        inherited: Any = original.__get__(None, cls) if own else super(base, cls).__init_subclass__
        inherited(**options)
        add(NAME, _of_class(cls))

    return classmethod(hooked)


def _of_class(cls: type) -> list[Hook]:
    """Return the hooks of a class and of what it inherits from, which may be mixins of any kind."""
    return [
        Hook(each, name, recording(NAME, describe))
        for each in cls.__mro__[:-1]
        if not is_of_another(NAME, each)
        for name, describe in _DESCRIBED.items()
        if name in vars(each)
    ]


def _fit(call: Call) -> Generator[None, None, None]:
    estimator = call.args[0]
    if is_of_another(NAME, type(estimator)):
        return
    name, searches = type(estimator).__name__, _searches(estimator)
    call.forget(estimator)
    params = call.attempt("parameters", _params, estimator)
    call.begin((Search if searches else Fit)(estimator=name), params=params, name=name)
    _read(call, "train")
    yield
    if searches:
        _found(call, estimator)
    else:
        call.model(estimator, _described(call, estimator))
        _measured(call, estimator)
    if call.name != "fit":
        call.output(_data(call.result), path=call.name)


def _score(call: Call) -> Generator[None, None, None]:
    estimator: Any = call.args[0]
    name = type(estimator).__name__
    call.begin(Score(estimator=name), name=name)
    call.uses(estimator, lambda: _described(call, estimator), path="model")
    data = _read(call, "test")
    yield
    score = call.attempt("the score", float, call.result)  # type: ignore[arg-type]  # what is no number is refused
    if score is not None:
        call.log_metrics({"score": score}, of=estimator, on=data[0] if data else None)


def _changed(call: Call) -> Generator[None, None, None]:
    call.forget(call.args[0])
    yield


_DESCRIBED: Mapping[str, Description] = {
    "fit": _fit,
    "fit_predict": _fit,
    "fit_transform": _fit,
    "partial_fit": _changed,
    "score": _score,
}


def _params(estimator: Any) -> Mapping[str, object]:
    params: Mapping[str, object] = estimator.get_params()
    return params


def _read(call: Call, use: str) -> list[object]:
    """Record every argument that is data under its name; return those.

    The first one after the estimator is data for sure; of the others, what is neither data nor a list is none.
    """
    read: list[object] = []
    for number, (name, value) in enumerate([*call.arguments.items()][1:]):
        data = call.attempt(f"the data {use}/{name}", _data, value, must=number == 0)
        if data is not None:
            call.input(data, use=use, path=name)
            read.append(data)
    return read


def _data(value: Any, *, must: bool = False) -> object:
    """Return data that have a digest: of a list the array that the library makes of it; None for what is none."""
    if is_frame(value) or hasattr(value, "tocsr"):
        data: object = value
        return data
    if isinstance(value, list | tuple) and value:
        array: object = sys.modules["numpy"].asarray(value)
        return array
    if must and value is not None:
        raise Invalid(f"{excerpt(value)} has no digest; give an array or a frame")
    return None


def _described(call: Call, estimator: object) -> FittedModel:
    digest = call.attempt("the digest of the model", _pickled, estimator)
    return FittedModel(estimator=type(estimator).__name__, digest=digest)


class _Hash:
    """A file that keeps nothing but the hash of what is written into it."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.hash.update(data)
        return len(data)


def _pickled(estimator: object) -> str:
    """Return the digest of an object's pickle, which is never whole in memory."""
    file = _Hash()
    pickle.Pickler(file).dump(estimator)
    return f"sha256:{file.hash.hexdigest()}"


def _searches(estimator: object) -> bool:
    # The class has no public name, and searches of other packages are based on it, too.
    return any(cls.__name__ == "BaseSearchCV" for cls in type(estimator).__mro__)


def _found(call: Call, search: Any) -> None:
    """Record what a search has found: the best model, and each candidate."""
    best = getattr(search, "best_estimator_", None)
    if best is not None:
        call.model(best, _described(call, best), path="best", also=[search])
    if hasattr(search, "best_score_"):
        call.log_metrics({"best_score": float(search.best_score_)}, of=best)
    results = search.cv_results_
    candidates: Sequence[Mapping[str, object]] = results["params"]
    index = getattr(search, "best_index_", None)
    kept = [*range(min(len(candidates), MOST_TRIALS))]
    if index is not None and index not in kept:
        kept[-1] = int(index)
    if len(kept) < len(candidates):
        call.note(
            f"{NAME}: of {len(candidates):,} trials of a search the first {len(kept):,} are recorded"
        )
    measured = [each for each in results if each.startswith(("mean_", "std_", "rank_"))]
    resources = [each for each in ("iter", "n_resources") if each in results]
    name = type(search.estimator).__name__
    for number in kept:
        call.finished(
            Trial(estimator=name),
            params={**candidates[number], **{each: results[each][number] for each in resources}},
            metrics={each: results[each][number].item() for each in measured},
            tags=["best"] if number == index else [],
        )


def _measured(call: Call, estimator: Any) -> None:
    """Record what an estimator says of its own training."""
    for attribute, name in METRICS.items():
        value = call.attempt(attribute, getattr, estimator, attribute, None)
        if isinstance(value, float):
            call.log_metrics({name: float(value)}, of=estimator)
    for attribute, name in SERIES.items():
        values = call.attempt(attribute, getattr, estimator, attribute, None)
        numbers = call.attempt(attribute, _numbers, values)
        for step, number in enumerate(numbers or ()):
            call.log_metrics({name: number}, step=step)


def _numbers(values: Iterable[Any] | None) -> list[float]:
    return [] if values is None else [float(each) for each in values]
