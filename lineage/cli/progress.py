"""How far long work is: one line on stderr that changes, where a person reads it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lineage.cli import output
from lineage.contract.format import Batches
from lineage.model.rows import Batch

__all__ = ["Line", "counted", "shown"]

PAUSE = 0.25
"""How many seconds lie between two changes of the line, at least."""


class Line:
    """A line of a terminal; what it says must be printable."""

    def __init__(self) -> None:
        self._said = ""
        self._changed = 0.0

    def say(self, text: str) -> None:
        """Show a text in the place of the last one."""
        sys.stderr.write(f"\r{text.ljust(len(self._said))}")
        sys.stderr.flush()
        self._said = text
        self._changed = time.monotonic()

    def may_say(self, text: str) -> None:
        """Show a text, unless the last one is too new."""
        if time.monotonic() - self._changed >= PAUSE:
            self.say(text)

    def clear(self) -> None:
        """Leave nothing of the line."""
        if self._said:
            sys.stderr.write(f"\r{' ' * len(self._said)}\r")
            sys.stderr.flush()
            self._said = ""


class _Nowhere(Line):
    """What stands for the line where nobody looks."""

    def say(self, text: str) -> None:
        pass


@contextmanager
def shown(text: str, *, quiet: bool) -> Iterator[Line]:
    """Show a line while a block runs; nothing where stderr is no terminal, or where it is to be `quiet`."""
    line = Line() if output.on_terminal(sys.stderr) and not quiet else _Nowhere()
    try:
        line.say(text)
        yield line
    finally:
        line.clear()


def counted(batches: Batches, line: Line) -> Batches:
    """Return a stream that says on a line how many nodes and edges went by."""
    return Batches(_counted(batches, line), number=batches.number)


def _counted(batches: Batches, line: Line) -> Iterator[Batch]:
    nodes = edges = 0
    for batch in batches:
        yield batch
        nodes += len(batch.nodes)
        edges += len(batch.edges)
        line.may_say(f"writing… {nodes:,} nodes, {edges:,} edges")
