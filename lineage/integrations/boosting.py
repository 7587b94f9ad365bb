"""What the calls of boosting libraries have in common: their callbacks, curves, parameters and estimators."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lineage.integrations.calls import Call
from lineage.integrations.sources import data_of

__all__ = [
    "Curves",
    "add_callback",
    "fitting_classes",
    "given_params",
    "read_evaluations",
    "read_named",
]

Curves = Mapping[str, Mapping[str, Sequence[float]]]
"""Values by iteration, by the name of the data set and of the metric."""


def add_callback(call: Call, callback: object) -> None:
    """Put a callback of ours before those that the caller gave: one of theirs that stops the training ends the round."""
    theirs = call.arguments.get("callbacks")
    callbacks = [callback, *(() if theirs is None else theirs)]
    place = [*inspect.signature(call.function).parameters].index("callbacks")
    if place < len(call.args):
        call.args = (*call.args[:place], callbacks, *call.args[place + 1 :])
    else:
        call.kwargs["callbacks"] = callbacks


def given_params(call: Call, names: Iterable[str]) -> dict[str, object]:
    """Return the parameters of a call of `train` or `cv`: its dictionary, and some of its arguments, also by default."""
    arguments = call.arguments
    declared = inspect.signature(call.function).parameters
    params: dict[str, object] = {
        name: arguments.get(name, declared[name].default) for name in names if name in declared
    }
    return {**params, **dict(arguments.get("params") or {})}


def read_named(call: Call, use: str, names: Iterable[str]) -> None:
    """Record arguments that are data as inputs, each under its name below a use."""
    for name in names:
        value = call.arguments.get(name)
        call.input(call.attempt(f"the data {use}/{name}", data_of, value), use=use, path=name)


def read_evaluations(
    call: Call, pairs: Iterable[tuple[object, object]], uses: Iterable[str]
) -> None:
    """Record pairs of data and labels that an estimator is evaluated on while it is fitted."""
    for (data, label), use in zip(pairs, uses, strict=False):
        for name, value in (("X", data), ("y", label)):
            call.input(call.attempt(f"the data {use}/{name}", data_of, value), use=use, path=name)


def fitting_classes(module: Any, base: type) -> Iterator[type]:
    """Yield the public classes of a module, below a base and with it, that have a `fit` of their own."""
    classes = [each for each in vars(module).values() if isinstance(each, type)]
    for cls in dict.fromkeys([base, *classes]):
        if issubclass(cls, base) and "fit" in vars(cls):
            yield cls
