"""Decorated generators: what each yields is recorded as it is yielded, and the run ends as the generator does.

The run begins at the first `next`. It goes on in the generator's own code alone, so that what the consumer does
between two values is no part of it. A consumer that wants no more has what it wanted: that run is COMPLETE, too.
What the consumer sends and throws, and what the generator returns and raises, is as it is without us.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any

from lineage.recording.functions.calls import Call
from lineage.recording.functions.planned import Planned

__all__ = ["async_generator", "generator"]

_RETURNED = ("return",)
"""The path of what a generator returns, among what it yields."""


def generator(function: Callable[..., Any], planned: Planned) -> Callable[..., Any]:
    """Return a generator function that does what another does, and records each call."""

    def called(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        call = planned.call(args, kwargs)
        if call is None:
            return (yield from function(*args, **kwargs))
        return (yield from _driven(call, function(*call.args, **call.kwargs), planned))

    return called


def _driven(
    call: Call, inner: Generator[Any, Any, Any], planned: Planned
) -> Generator[Any, Any, Any]:
    resume: Callable[[Any], Any] = inner.send
    given: Any = None
    with call:
        call.pause()
        while True:
            try:
                with call.going_on():
                    item = resume(given)
            except StopIteration as end:
                return call.returned(end.value, planned.plan.returned, _RETURNED)
            item = call.yielded(item, planned.plan.yielded)
            try:
                resume, given = inner.send, (yield item)
            except GeneratorExit:
                with call.going_on():
                    inner.close()
                call.abandoned()
                raise
            except BaseException as error:  # noqa: BLE001  # it is the generator's, which may go on after it
                resume, given = inner.throw, error


def async_generator(function: Callable[..., Any], planned: Planned) -> Callable[..., Any]:
    """Return an asynchronous generator function that does what another does, and records each call."""

    async def called(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        call = planned.call(args, kwargs)
        if call is None:
            async for item in function(*args, **kwargs):
                yield item
            return
        inner = function(*call.args, **call.kwargs)
        resume: Callable[[Any], Awaitable[Any]] = inner.asend
        given: Any = None
        with call:
            call.pause()
            while True:
                try:
                    with call.going_on():
                        item = await resume(given)
                except StopAsyncIteration:
                    call.returned(None, None)
                    return
                item = call.yielded(item, planned.plan.yielded)
                try:
                    resume, given = inner.asend, (yield item)
                except GeneratorExit:
                    with call.going_on():
                        await inner.aclose()
                    call.abandoned()
                    raise
                except BaseException as error:  # noqa: BLE001  # the same
                    resume, given = inner.athrow, error

    return called
