"""Getting started: importing the library and opening a file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lineage
from benchmarks.traces import Trace


@pytest.mark.parametrize("size", ["8k", "268k"])
def bench_open(benchmark: Any, traces: Callable[[str], tuple[Path, Trace]], size: str) -> None:
    path, trace = traces(size)

    def open_and_look() -> int:
        with lineage.connect(path) as store:
            return store.backend.now()

    assert benchmark(open_and_look) > 0
    assert trace.nodes > 0


@pytest.mark.parametrize("program", ["pass", "import lineage"])
def bench_python_process(benchmark: Any, program: str, environment: dict[str, str]) -> None:
    """A whole process; the difference of the two is what importing costs."""
    benchmark.pedantic(
        subprocess.run,
        ([sys.executable, "-c", program],),
        {"check": True, "env": environment},
        rounds=10,
        warmup_rounds=1,
    )
