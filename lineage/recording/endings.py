"""How runs end: the state in which an exception leaves one, and which state goes before another."""

from __future__ import annotations

import sys

from lineage.model.entities import ExecutionState
from lineage.model.rows import STATE_NUMBERS
from lineage.model.system import WHY

__all__ = ["ending_of", "further"]

LONGEST_MESSAGE = 10_000
"""How many characters of an exception's message are kept."""
_RANKS = {
    STATE_NUMBERS[state]: rank
    for rank, states in enumerate(
        (
            (ExecutionState.UNKNOWN,),
            (ExecutionState.NEW,),
            (ExecutionState.RUNNING,),
            (ExecutionState.FAILED, ExecutionState.CANCELED),
            (ExecutionState.COMPLETE, ExecutionState.CACHED),
        )
    )
    for state in states
}


def further(stored: int | None, reported: int) -> int:
    """Return the state of a run that several report about, of which `reported` is the latest: it only moves up.

    >>> failed, complete = (
    ...     STATE_NUMBERS[each] for each in (ExecutionState.FAILED, ExecutionState.COMPLETE)
    ... )
    >>> further(failed, complete) == further(complete, failed) == complete
    True
    """
    if stored is None:
        return reported
    return reported if _RANKS.get(reported, 0) >= _RANKS.get(stored, 0) else stored


def ending_of(error: BaseException | None) -> tuple[ExecutionState, dict[str, str]]:
    """Return the state in which an exception leaves a run, and what is kept of the exception."""
    if error is None or (isinstance(error, SystemExit) and _is_success(error.code)):
        return ExecutionState.COMPLETE, {}
    kind = type(error)
    name = (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    why = dict(zip(WHY, (_storable(name), _storable(_message(error))), strict=True))
    return (ExecutionState.CANCELED if _interrupts(error) else ExecutionState.FAILED), why


def _is_success(code: object) -> bool:
    # Any object may be a code, and may compare as it likes.
    return code is None or (isinstance(code, int) and code == 0)


def _interrupts(error: BaseException) -> bool:
    # Who could be cancelled by asyncio has imported it, which takes longer than all of this library.
    asyncio = sys.modules.get("asyncio")
    cancelled = (asyncio.CancelledError,) if asyncio else ()
    return isinstance(error, (KeyboardInterrupt, GeneratorExit, *cancelled))


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001  # an exception's own method may do anything
        return f"(its message cannot be read: {type(failure).__name__})"


def _storable(text: str) -> str:
    """Return a text that is not too long and that every storage keeps."""
    kept = text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}…"
    return kept.encode(errors="backslashreplace").decode()
