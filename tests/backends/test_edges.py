"""Versions of edges: their order, further paths, and the uses that walks may leave out."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from lineage.backends.memory import backend as memory_module
from lineage.backends.memory import graph as graph_module
from lineage.backends.memory.backend import MemoryBackend
from lineage.testing.builders import Writer, everything, writing
from lineage.testing.contract.edges import *  # noqa: F403 - pytest collects them here
from lineage.testing.contract.edges import BOTH, READ, row_of

FILES = {memory_module.__file__, graph_module.__file__}


def interrupted_in_line(number: int, work: Callable[[], object]) -> bool:
    """Do something until the memory backend comes to its nth line; return whether it did.

    The tracer before, which measures coverage, is back afterwards. Not in a thread of its own: an interrupt at
    the line that ends a `with` keeps its lock, which the same thread may take again.
    """
    left, before = number, sys.gettrace()

    def trace(frame: FrameType, event: str, _: object) -> object:
        nonlocal left
        if frame.f_code.co_filename not in FILES:
            return None
        left -= event == "line"
        if event == "line" and left == 0:
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("ends", [False, True])
def test_interrupt_in_any_line_leaves_whole_transactions(ends: bool) -> None:
    def write() -> None:
        with writing(backend) as new:
            change(new)

    def change(new: Writer) -> None:
        new.edge_update(READ, BOTH)
        if ends:
            new.end(READ)

    line, interrupted = 0, True
    while interrupted:
        line += 1
        with MemoryBackend() as backend:
            with writing(backend) as new:
                new.edge(new.artifact(), new.execution(), path='["train"]')
            before = everything(backend)
            interrupted = interrupted_in_line(line, write)
            if backend.now() == 1:
                assert everything(backend) == before
                write()
            assert row_of(backend, as_of=1).paths == '["train"]'
            assert [row.paths for row in backend.edges([READ.source])] == [BOTH] * (not ends)
            assert backend.check() == []
    assert line > 100
