"""How many bytes of content have been read: told in steps, or shown on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lineage.progress import Progress, Report, terminal_line

__all__ = ["LARGE", "STEP", "counting"]

STEP = 2**24
"""How many bytes lie between two reports of progress, at least."""
LARGE = 2**28
"""From how many bytes on a terminal shows how far it is."""
MIB = 2**20


@contextmanager
def counting(
    name: str, total: int | None, report: Report | None
) -> Iterator[Callable[[int], None]]:
    """Yield what counts bytes of content of a name, and reports them in steps and once at the end.

    `total` is None where nobody knows it; then a terminal shows nothing.
    """
    with _reporting(name, total, report) as tell:
        done = reported = 0

        def count(size: int) -> None:
            nonlocal done, reported
            done += size
            if done - reported >= STEP and (total is None or done < total):
                reported = done
                tell(Progress("digesting", done, total))

        yield count
        tell(Progress("digesting", done, total))


@contextmanager
def _reporting(name: str, total: int | None, report: Report | None) -> Iterator[Report]:
    """Yield what is told of progress: the caller's function, or the line of a terminal for much content."""
    if report is not None:
        yield report
        return
    size = total or 0
    shown = ascii(name)[1:-1]
    with terminal_line(f"digesting {shown}…", quiet=size < LARGE) as line:

        def tell(progress: Progress) -> None:
            text = f"digesting {shown}… {progress.done / MIB:,.0f} of {size / MIB:,.0f} MiB"
            (line.say if progress.done == total else line.may_say)(text)

        yield tell
