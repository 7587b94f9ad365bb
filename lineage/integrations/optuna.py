"""Optuna: each call of `Study.optimize` is a run, and each of its trials a step of it, while it goes on.

What is replaced is `Study.optimize`, which gets the caller's objective within one of ours, and `Trial.report`, whose
values are a curve of the trial's step. What is called inside the objective is recorded as steps of the trial, also in
the threads of `n_jobs`. A pruned trial is CANCELED, one that failed FAILED, and its `outcome` says so in Optuna's word.

Trials that others run on the same study, in other processes or before, are not of the call: they are counted alone.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any
from weakref import WeakKeyDictionary

from lineage.integrations.calls import Call
from lineage.integrations.hooks import Hook, recording
from lineage.model.entities import ExecutionState
from lineage.model.system import Train

__all__ = ["Study", "Trial", "hooks"]

NAME = "optuna"
OF_OPTIMIZE = ("n_trials", "timeout", "n_jobs", "catch")


class Study(Train, type="optuna.Study"):
    """Optimizing an objective with Optuna; the study's name tells it from others, not from its other calls."""

    study: str
    directions: list[str]
    sampler: str
    pruner: str


class Trial(Train, type="optuna.Trial"):
    """One evaluation of an objective; its number counts from 0 in its study. The outcome is "complete", "pruned" or "failed"."""

    study: str
    number: int
    outcome: str | None = None


_STEPS: WeakKeyDictionary[object, Call] = WeakKeyDictionary()
"""The steps of the trials that go on."""


def hooks() -> Iterator[Hook]:
    """Return the hooks of a study's main loop, and of what its trials report."""
    optuna = sys.modules[NAME]
    yield Hook(optuna.study.Study, "optimize", recording(NAME, _optimize))
    yield Hook(optuna.trial.Trial, "report", _reporting)


def _optimize(call: Call) -> Generator[None, None, None]:
    study: Any = call.args[0]
    described = Study(
        study=study.study_name,
        directions=_directions(study),
        sampler=type(study.sampler).__name__,
        pruner=type(study.pruner).__name__,
    )
    given = {name: call.arguments.get(name) for name in OF_OPTIMIZE}
    before = len(study.get_trials(deepcopy=False))
    call.begin(described, params={**given, "trials_before": before}, name="optimize")
    _replace_objective(call, study)
    yield
    _say_best(call, study)


def _directions(study: Any) -> list[str]:
    return [each.name.lower() for each in study.directions]


def _replace_objective(call: Call, study: Any) -> None:
    """Put ours around the caller's objective, which is called once for each call of ours, with the same trial."""
    objective: Callable[[Any], object] = call.arguments["func"]

    @functools.wraps(objective)
    def recorded(trial: Any) -> object:
        with ExitStack() as ending:
            step = call.attempt("a trial", _begun, call, study, trial, ending)
            if step is None:
                return objective(trial)
            try:
                value = objective(trial)
            except BaseException as error:
                step.attempt("how a trial ended", _raised, step, trial, error)
                raise
            step.attempt("what a trial returned", _returned, step, study, trial, value)
            return value

    if "func" in call.kwargs:
        call.kwargs["func"] = recorded
    else:
        call.args = (call.args[0], recorded, *call.args[2:])


def _begun(call: Call, study: Any, trial: Any, ending: ExitStack) -> Call:
    described = Trial(study=study.study_name, number=trial.number)
    step = ending.enter_context(call.step(described, name="trial"))
    _STEPS[trial] = step
    return step


def _raised(step: Call, trial: Any, error: BaseException) -> None:
    pruned = isinstance(error, sys.modules[NAME].TrialPruned)
    _say_params(step, trial, "pruned" if pruned else "failed")
    if pruned:
        step.state(ExecutionState.CANCELED)


def _returned(step: Call, study: Any, trial: Any, value: object) -> None:
    """Say what a trial is worth; a value that Optuna does not accept makes it fail."""
    values = _accepted(value, len(study.directions))
    _say_params(step, trial, "failed" if values is None else "complete")
    if values is None:
        step.state(ExecutionState.FAILED)
    else:
        step.log_metrics(_named(study, "value", values))


def _say_params(step: Call, trial: Any, outcome: str) -> None:
    declared = Trial.model_fields
    params = {f"{name}_" if name in declared else name: each for name, each in trial.params.items()}
    attributes = {f"user_attrs_{name}": each for name, each in trial.user_attrs.items()}
    step.log_params({**params, **attributes, "outcome": outcome})


def _accepted(value: Any, wanted: int) -> list[float] | None:
    """Return an objective's values as numbers; None where there are not as many, or one is none, or is NaN."""
    values = value if isinstance(value, Sequence) else [value]
    try:
        numbers = [float(each) for each in values]
    except (TypeError, ValueError):
        return None
    return None if len(numbers) != wanted or any(map(math.isnan, numbers)) else numbers


def _named(study: Any, stem: str, values: Sequence[float]) -> Mapping[str, float]:
    """Return values by name: that of the study's metric, or else the stem, with a number where there are several."""
    names = study.metric_names or (
        [stem] if len(values) == 1 else [f"{stem}_{number}" for number in range(len(values))]
    )
    return dict(zip(names, values, strict=True))


def _say_best(call: Call, study: Any) -> None:
    """Say which trial of the whole study is the best so far; with several objectives none is."""
    if len(study.directions) > 1:
        return
    done = [each for each in study.get_trials(deepcopy=False) if each.state.name == "COMPLETE"]
    if done:
        best = study.best_trial
        call.log_params(
            {
                "best_trial": best.number,
                **{f"best_{name}": each for name, each in best.params.items()},
            }
        )
        call.log_metrics({"best_value": best.value})


def _reporting(report: Callable[..., object]) -> Callable[..., object]:
    """Return `Trial.report` with a point of the trial's curve for each call."""

    @functools.wraps(report)
    def recorded(trial: Any, *args: Any, **kwargs: Any) -> object:
        result = report(trial, *args, **kwargs)
        step = _STEPS.get(trial)
        if step is not None:
            step.attempt("a report", _report, step, *args, **kwargs)
        return result

    return recorded


def _report(trial: Call, value: Any, step: int) -> None:
    trial.log_metrics({"reported": float(value)}, step=int(step))
