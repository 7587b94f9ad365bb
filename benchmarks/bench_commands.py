"""The command line, from shell to shell, in a store of two million nodes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.traces import WINDOW, Trace


@pytest.mark.parametrize("command", ["show", "upstream"])
@pytest.mark.parametrize("size", ["8k", "2M"])
def bench_command(
    benchmark: Any,
    traces: Callable[[str], tuple[Path, Trace]],
    environment: dict[str, str],
    size: str,
    command: str,
) -> None:
    """The last model of the cold pipeline: 24 nodes upstream, whatever the store's size."""
    path, trace = traces(size)
    model = str(trace.last_cold_model)
    program = [sys.executable, "-m", "lineage.cli", command, model, "--store", str(path)]
    done = benchmark.pedantic(
        subprocess.run,
        (program,),
        {"check": True, "capture_output": True, "text": True, "env": environment},
        rounds=10,
        warmup_rounds=1,
    )
    assert model in done.stdout
    found = json.loads(subprocess.run([*program, "--json"], check=True, capture_output=True).stdout)
    if command == "upstream":
        assert len(found["nodes"]) == 2 + 2 * WINDOW
    else:
        assert found["node"]["id"] == model
