"""How far long work is: what callers are told of it, and one line on a terminal that says it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TextIO, TypeAlias

__all__ = ["Line", "Progress", "Report", "on_terminal", "terminal_line"]

PAUSE = 0.25
"""How many seconds lie between two changes of the line, at least."""


class Progress(NamedTuple):
    """How far a piece of long work is.

    `stage` is what is being done: "digesting" counts bytes of files and rows of frames, "writing" and "verifying" count the
    records of an import, "copying" and "verifying" the transactions of a copy. `total` is None
    where nobody knows it.
    """

    stage: str
    done: int
    total: int | None


Report: TypeAlias = Callable[[Progress], object]
"""What is told of progress; where it raises, the work ends with that."""


def on_terminal(stream: TextIO) -> bool:
    """Whether a person reads a stream."""
    return not stream.closed and stream.isatty()


class Line:
    """A line of a terminal; what it says must be printable."""

    def __init__(self) -> None:
        self._shown = ""
        self._changed = 0.0

    def say(self, text: str) -> None:
        """Show a text in the place of the last one."""
        sys.stderr.write(f"\r{text.ljust(len(self._shown))}")
        sys.stderr.flush()
        self._shown = text
        self._changed = time.monotonic()

    def may_say(self, text: str) -> None:
        """Show a text, unless the last one is too new."""
        if time.monotonic() - self._changed >= PAUSE:
            self.say(text)

    def clear(self) -> None:
        """Leave nothing of the line."""
        if self._shown:
            sys.stderr.write(f"\r{' ' * len(self._shown)}\r")
            sys.stderr.flush()
            self._shown = ""


class _Nowhere(Line):
    """What stands for the line where nobody looks."""

    def say(self, text: str) -> None:
        pass


@contextmanager
def terminal_line(text: str, *, quiet: bool = False) -> Iterator[Line]:
    """Show a line while a block runs; nothing where stderr is no terminal, or where it is to be `quiet`."""
    shows = sys.stderr is not None and on_terminal(sys.stderr) and not quiet
    line = Line() if shows else _Nowhere()
    try:
        line.say(text)
        yield line
    finally:
        line.clear()
