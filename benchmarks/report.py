"""`docs/performance.md` and its pictures, made of a table: `python -m benchmarks.report` makes them anew."""

from __future__ import annotations

import math
import os
import platform
import sqlite3
import statistics
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from benchmarks.beside import EIGHT, Row, Table
from benchmarks.pictures import draw

ROOT = Path(__file__).parents[1]
SAVED = ROOT / ".benchmarks" / "table.json"
TEMPLATE = Path(__file__).with_name("performance.template.md")
PAGE = ROOT / "docs" / "performance.md"
LINEAGE = "upstream of the last model"
CLOSURE = "everything downstream of the first span"
FIRST = [*EIGHT, "bulk ingest", LINEAGE, CLOSURE]
NEEDED = {*FIRST, "filters", "a hub", "service in 268k"}
"""The groups without which there is no report."""


class Target(NamedTuple):
    """What the table should say at least, or at most where `most`."""

    what: str
    value: float
    aim: float
    most: bool = False

    @property
    def verdict(self) -> str:
        """Say whether it is met, and by what factor it is not."""
        missed = self.value / self.aim if self.most else self.aim / self.value
        return "met" if missed <= 1 else f"missed by a factor of {missed:.2f}"


def is_whole(table: Table) -> bool:
    """Return whether a run measured all that a report is made of."""
    return {row.group for row in table.rows} >= NEEDED


def describe(peer: str) -> dict[str, str]:
    """Return what is measured on, and the versions of what is measured."""
    return {
        "Processors": str(os.cpu_count()),
        "System": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "ML Metadata": peer,
        "NetworkX": version("networkx"),
        "rustworkx": version("rustworkx"),
        "SciPy": version("scipy"),
    }


def save(table: Table) -> None:
    """Keep a table, from which the page can be made without measuring."""
    SAVED.parent.mkdir(exist_ok=True)
    SAVED.write_text(table.as_json())


def write(table: Table, page: Path = PAGE) -> None:
    """Write the page, and its pictures into a folder beside it."""
    pictures = page.with_suffix("")
    pictures.mkdir(parents=True, exist_ok=True)
    draw(table, pictures)
    text = TEMPLATE.read_text()
    for name, lines in (
        ("about", _about(table)),
        ("targets", _targets(table)),
        ("tables", _tables(table)),
    ):
        text = text.replace(f"<!-- {name} -->", "\n".join(lines))
    page.write_text(text.rstrip() + "\n")


def targets(table: Table) -> Iterator[Target]:
    """Return every target with what was measured."""
    for backend in ("memory", "file"):
        means = table.group_means(backend)
        mean = statistics.geometric_mean(means.values())
        yield Target(f"the eight and recording, {backend}: geometric mean", mean, 4)
        slowest = table.slowest(backend)
        what = f"the eight and recording, {backend}: slowest, which is “{slowest.workload}”"
        yield Target(what, slowest.ratio or 0, 1.5)
    ingest = _row(table, "bulk ingest", "a trace of 80k, in calls of a thousand", "file")
    yield Target("bulk ingest of a trace into a file", ingest.ratio or 0, 6)
    for what in ("whole, with contexts", "whole", "ids only"):
        small, large = (
            _row(table, LINEAGE, f"{what}, in {size}", "file") for size in ("8k", "268k")
        )
        yield Target(f"24 nodes upstream in 268,000, file, {what}", large.ratio or 0, 100)
        yield Target("… times what it takes in 8,000", large.ours / small.ours, 1.5, most=True)
    for backend in ("file", "memory"):
        for what in ("whole", "ids only"):
            row = _row(table, CLOSURE, what, backend)
            yield Target(f"closure of 188,000 nodes, {backend}, {what}", row.ratio or 0, 4)
    memory = table.facts["memory per node, times NetworkX's"]
    yield Target("memory per node, times NetworkX's", memory, 2, most=True)
    fact = "bytes per node in a file of 268k: "
    ratio = table.facts[f"{fact}ours"] / table.facts[f"{fact}ML Metadata's"]
    yield Target("size of a file per node, times ML Metadata's", ratio, 1, most=True)


def _row(table: Table, group: str, workload: str, backend: str) -> Row:
    wanted = (group, workload, backend)
    return next(row for row in table.rows if (row.group, row.workload, row.backend) == wanted)


def _about(table: Table) -> Iterator[str]:
    yield "| | |"
    yield "|---|---|"
    for name, value in table.about.items():
        yield f"| {name} | {value} |"


def _targets(table: Table) -> Iterator[str]:
    yield "| workload | measured | target | |"
    yield "|---|--:|--:|---|"
    for each in targets(table):
        bound = f"{'≤' if each.most else '≥'} {each.aim:g}"
        yield f"| {each.what} | {each.value:.2f} | {bound} | {each.verdict} |"


def _tables(table: Table) -> Iterator[str]:
    groups = dict.fromkeys(row.group for row in table.rows)
    for group in sorted(
        groups, key=lambda each: FIRST.index(each) if each in FIRST else len(FIRST)
    ):
        yield f"### {group[0].upper()}{group[1:]}"
        yield ""
        rows = [row for row in table.rows if row.group == group]
        beside = any(row.theirs is not None for row in rows)
        yield from _lines(rows) if beside else _alone(rows)
        yield ""
    yield "### Sizes, and building graphs of ids"
    yield ""
    yield "| | |"
    yield "|---|--:|"
    for name, value in table.facts.items():
        yield f"| {name} | {value:,.{2 if value < 10 else 0}f} |"


def _lines(rows: list[Row]) -> Iterator[str]:
    yield "| workload | backend | ours, ms | theirs, ms | ratio | quartiles | beside |"
    yield "|---|---|--:|--:|--:|--:|---|"
    for row in rows:
        start = f"| {row.workload} | {row.backend} | {millis(row.ours)} |"
        if row.theirs is None or row.ratio is None:
            yield f"{start} | | | |"
            continue
        spread = "" if row.low is None else f"{row.low:.2f} – {row.high:.2f}"
        yield f"{start} {millis(row.theirs)} | {row.ratio:.2f} | {spread} | {row.peer} |"


def _alone(rows: list[Row]) -> Iterator[str]:
    yield "| workload | backend | ms |"
    yield "|---|---|--:|"
    for row in rows:
        yield f"| {row.workload} | {row.backend} | {millis(row.ours)} |"


def millis(seconds: float) -> str:
    """Return a time in milliseconds, with three digits that count."""
    value = seconds * 1e3
    digits = max(0, 2 - math.floor(math.log10(value)))
    return f"{value:,.{digits}f}"


if __name__ == "__main__":
    write(Table.from_json(SAVED.read_text()))
