"""The pictures of `docs/performance.md`: the same table gives the same files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.beside import EIGHT, Row, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"file": "#1f6f8b", "memory": "#e08e45", "ML Metadata": "#7a7a7a"}
STYLE = {
    "svg.hashsalt": "lineage",
    "font.size": 9,
    "axes.grid": True,
    "axes.grid.which": "major",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "legend.frameon": False,
}


@contextmanager
def _picture(path: Path, width: float, height: float) -> Iterator[Axes]:
    """Give axes to draw on, then write the file."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure.subplots()
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def draw(table: Table, folder: Path) -> None:
    """Draw everything that a table has rows for."""
    with TemporaryDirectory() as unused:  # where matplotlib finds no home it warns
        os.environ.setdefault("MPLCONFIGDIR", unused)
        _store_size(table, folder / "store-size.svg")
        _answer_size(table, folder / "answer-size.svg")
        _eight(table, folder / "eight.svg")


def _curve(
    axes: Axes, rows: list[Row], *, by: str, whose: str, label: str, line: str = "-"
) -> None:
    """Draw what rows took, ours or theirs, in the colour of the label's first part."""
    points = sorted(
        (getattr(row, by), getattr(row, whose) * 1e3)
        for row in rows
        if getattr(row, whose) is not None
    )
    if points:
        colour = COLOURS[label.partition(",")[0]]
        axes.loglog(*zip(*points, strict=True), line, marker="o", color=colour, label=label)


def _store_size(table: Table, path: Path) -> None:
    def rows(workload: str, backend: str) -> list[Row]:
        return [
            row
            for row in table.rows
            if (row.group, row.backend) == ("upstream of the last model", backend)
            and row.workload.rpartition(", in ")[0] == workload
        ]

    with _picture(path, 6.4, 3.8) as axes:
        for workload, more, line in (
            ("whole, with contexts", ", with contexts", "--"),
            ("whole", "", "-"),
        ):
            beside = rows(workload, "file")
            _curve(axes, beside, by="size", whose="theirs", label=f"ML Metadata{more}", line=line)
            for backend in ("file", "memory"):
                mine = rows(workload, backend)
                _curve(axes, mine, by="size", whose="ours", label=f"{backend}{more}", line=line)
        axes.set_xlabel("nodes in the store")
        axes.set_ylabel("ms, 24 nodes upstream, whole")
        axes.legend(ncols=2, loc="upper left", bbox_to_anchor=(0, 1.3))


def _answer_size(table: Table, path: Path) -> None:
    rows = [row for row in table.rows if row.group == "answers of a size"]
    with _picture(path, 6.4, 3.4) as axes:
        _curve(axes, rows, by="answer", whose="ours", label="file")
        axes.set_xlabel("nodes in the answer, of a store of 268,000")
        axes.set_ylabel("ms, downstream, whole")
        axes.legend()


def _eight(table: Table, path: Path) -> None:
    with _picture(path, 6.4, 4.2) as axes:
        for shift, backend in ((0.2, "memory"), (-0.2, "file")):
            means = table.group_means(backend)
            places = [len(EIGHT) - 1 - EIGHT.index(group) + shift for group in means]
            bars = axes.barh(
                places, list(means.values()), height=0.38, color=COLOURS[backend], label=backend
            )
            axes.bar_label(bars, fmt="%.1f", padding=2)
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_yticks(range(len(EIGHT)), reversed(EIGHT))
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("times ML Metadata's speed, geometric mean")
        axes.legend()
