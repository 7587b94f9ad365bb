"""What the line of progress says of a command's work."""

from __future__ import annotations

from collections.abc import Iterator

from lineage.contract.format import Batches
from lineage.model.rows import Batch
from lineage.progress import Line, Progress, Report

__all__ = ["counted", "told"]


def told(line: Line, unit: str) -> Report:
    """Return what says progress on a line, in the plural of what is counted."""

    def tell(progress: Progress) -> None:
        total = "" if progress.total is None else f" of {progress.total:,}"
        line.may_say(f"{progress.stage}… {progress.done:,}{total} {unit}")

    return tell


def counted(batches: Batches, line: Line) -> Batches:
    """Return a stream that says on a line how many nodes and edges went by."""
    return Batches(
        _counted(batches, line), number=batches.number, focus=batches.focus, cuts=batches.cuts
    )


def _counted(batches: Batches, line: Line) -> Iterator[Batch]:
    nodes = edges = 0
    for batch in batches:
        yield batch
        nodes += len(batch.nodes)
        edges += len(batch.edges)
        line.may_say(f"writing… {nodes:,} nodes, {edges:,} edges")
