"""How much memory a trace takes, in a process of its own: `python -m benchmarks.footprint WHOSE WARM FILE`.

It prints the bytes that stay allocated, as `tracemalloc` counts them.
"""

from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import networkx

import lineage

COLUMNS = ("type", "name", "uri", "state", "properties", "custom", "created", "updated", "since")


def ours(path: str) -> lineage.Store:
    """Load a file's store into memory."""
    store = lineage.connect("memory:")
    with lineage.connect(path, readonly=True) as file:
        file.copy_to(store)
    return store


def theirs(path: str) -> networkx.MultiDiGraph[int]:
    """Load the same nodes and edges into a graph, each with the columns that it has in the file."""
    graph: networkx.MultiDiGraph[int] = networkx.MultiDiGraph()
    file = sqlite3.connect(path)
    for key, *values in file.execute(f"SELECT key, {', '.join(COLUMNS)} FROM node"):
        graph.add_node(key, **dict(zip(COLUMNS, values, strict=True)))
    for source, target, kind, time, since in file.execute(
        "SELECT src, dst, kind, time, since FROM edge"
    ):
        graph.add_edge(source, target, kind, time=time, since=since)
    file.close()
    return graph


WHOSE = {"ours": ours, "theirs": theirs}


def footprint(whose: str, warm: Path, path: Path) -> int:
    """Return the bytes that a process of its own says a file's store takes."""
    command = [sys.executable, "-m", "benchmarks.footprint", whose, str(warm), str(path)]
    root = Path(__file__).parents[1]
    return int(subprocess.run(command, check=True, capture_output=True, cwd=root).stdout)


def main(whose: str, warm: str, path: str) -> None:
    """Load two stores: the first imports what is imported late, and is thrown away."""
    held: Any = WHOSE[whose](warm)
    del held
    gc.collect()
    tracemalloc.start()
    held = WHOSE[whose](path)
    gc.collect()
    sys.stdout.write(f"{tracemalloc.get_traced_memory()[0]}\n")
    del held


if __name__ == "__main__":
    main(*sys.argv[1:])
