"""Whose a transaction is: a thread's, and in it the task's of an event loop.

One thread runs many tasks in turns, each until it waits for something. What is kept by thread alone would be
shared by all of them; and what is kept in a context variable is inherited by the tasks that one starts, and by
the threads of `asyncio.to_thread`. The task itself is neither shared nor inherited.
"""

from __future__ import annotations

import sys
import threading
from typing import NamedTuple

__all__ = ["Owner", "current_owner"]


class Owner(NamedTuple):
    """A thread, and what runs in it: a task, a callback of an event loop, or None for all else."""

    thread: int
    task: object = None

    @property
    def is_over(self) -> bool:
        """Whether it is a task that has ended, as far as tasks tell: it can end no transaction any more."""
        done = getattr(self.task, "done", None)
        return callable(done) and bool(done())


class _Thread(threading.local):
    def __init__(self) -> None:
        self.owner = Owner(threading.get_ident())


_THREAD = _Thread()
_MODULES = sys.modules


def current_owner() -> Owner:
    """Return what runs now.

    >>> import asyncio
    >>> async def two() -> list[Owner]:
    ...     async def one() -> Owner:
    ...         return current_owner()
    ...
    ...     return await asyncio.gather(one(), one())
    >>> first, second = asyncio.run(two())
    >>> first == second, first.thread == second.thread == current_owner().thread
    (False, True)
    """
    # Asked dozens of times for each transaction, of a memory store, too: 0.1 µs without a loop. Neither library is
    # imported here: asyncio takes longer than all of lineage, and where nobody has imported one it has no tasks.
    task = None
    if "asyncio" in _MODULES:
        task = _asyncio_task()
    if task is None and "trio.lowlevel" in _MODULES:
        task = _trio_task()
    return _THREAD.owner if task is None else Owner(_THREAD.owner.thread, task)


def _asyncio_task() -> object:
    """Return the task of asyncio, or its loop where that runs a callback."""
    try:
        loop = _MODULES["asyncio"]._get_running_loop()  # noqa: SLF001  # documented for event loops; None, not an error
    except AttributeError:  # another thread is importing it
        return None
    return loop and (_MODULES["asyncio"].current_task(loop) or loop)


def _trio_task() -> object:
    try:
        return _MODULES["trio.lowlevel"].current_task()
    except (AttributeError, RuntimeError):  # being imported; or no loop of trio runs in this thread
        return None
