"""Which runs go on in this context: what decorated functions and autolog ask, and nothing else does.

A context is that of `contextvars`: of a thread, or of a task of asyncio. A new thread begins with an
empty one, a new task and a forked process with a copy.
"""

from __future__ import annotations

from contextvars import ContextVar

from lineage.contract.backend import Backend
from lineage.recording.handle import Handle

__all__ = ["current", "entered", "left"]

_RUNS: ContextVar[tuple[Handle, ...]] = ContextVar("lineage_runs", default=())
"""The runs whose blocks were entered in this context, the innermost last."""


def entered(run: Handle) -> None:
    """Let a run go on in this context."""
    _RUNS.set((*_open(), run))


def left(run: Handle) -> None:
    """Let a run go on no longer.

    A token of the variable would not do: a generator's block may be left in another context than it was entered in.
    """
    _RUNS.set(tuple(each for each in _open() if each is not run))


def current(backend: Backend) -> Handle | None:
    """Return the innermost run of a store that goes on in this context; None where none does."""
    return next((run for run in reversed(_open()) if run.is_of(backend)), None)


def _open() -> list[Handle]:
    """Return the runs that have not ended, perhaps in another context, meanwhile."""
    return [run for run in _RUNS.get() if not run.has_ended]
