"""What `store.step` makes of a function: one that does the same, and whose calls are runs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from lineage.errors import Invalid, excerpt
from lineage.recording.functions.generators import async_generator, generator
from lineage.recording.functions.planned import Options, Planned

__all__ = ["decorated"]


def decorated(function: Any, options: Options) -> Any:
    """Return a function that does what another does, of the same name and signature, and records each call.

    `Invalid` for what is no function, and for one whose annotations declare what cannot be.
    """
    if isinstance(function, staticmethod | classmethod):
        return type(function)(decorated(function.__func__, options))
    if isinstance(function, type) or not callable(function):
        raise Invalid(
            f"{excerpt(function)} is no function; decorate the methods of a class, and the function of a property"
        )
    planned = Planned(function, options)
    return functools.wraps(function)(_kind_of(function)(function, planned))


def _kind_of(function: Callable[..., Any]) -> Callable[..., Callable[..., Any]]:
    """Return what makes a function of the kind that another is of."""
    if inspect.isasyncgenfunction(function):
        return async_generator
    if inspect.isgeneratorfunction(function):
        return generator
    return _coroutine if inspect.iscoroutinefunction(function) else _plain


def _plain(function: Callable[..., Any], planned: Planned) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        call = planned.call(args, kwargs)
        if call is None:
            return function(*args, **kwargs)
        if call.done is not None:
            return call.done.result
        with call:
            return call.returned(function(*call.args, **call.kwargs), planned.plan.returned)

    return called


def _coroutine(function: Callable[..., Any], planned: Planned) -> Callable[..., Any]:
    async def called(*args: Any, **kwargs: Any) -> Any:
        call = planned.call(args, kwargs)
        if call is None:
            return await function(*args, **kwargs)
        if call.done is not None:
            return call.done.result
        with call:
            return call.returned(await function(*call.args, **call.kwargs), planned.plan.returned)

    return called
