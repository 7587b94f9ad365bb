"""Decorated functions: what `@store.step` adds to a call in a file, which is to be at most 2 ms."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest

import lineage

FACTOR = 2


class Table(lineage.Dataset):
    rows: int = 0


class Clean(lineage.Transform):
    threshold: float


def scaled(values: list[float], factor: int = FACTOR) -> list[float]:
    """Return values, each times a factor: the work, which takes nothing."""
    return [value * factor for value in values]


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[lineage.Store]:
    with lineage.connect(tmp_path / "lineage.db") as store:
        yield store


def _note(benchmark: Any) -> None:
    if benchmark.stats is not None:
        benchmark.extra_info["milliseconds_per_call"] = 1e3 * benchmark.stats.stats.min


def bench_call_with_parameters(benchmark: Any, file_store: lineage.Store) -> None:
    """Two plain arguments, and a result that is none."""
    step = file_store.step(scaled)
    assert benchmark(step, [1.0, 2.0]) == [2.0, 4.0]
    _note(benchmark)
    assert file_store.find(lineage.Execution)[0].state == "COMPLETE"


def bench_call_of_artifacts(benchmark: Any, file_store: lineage.Store) -> None:
    """A stored artifact and a number in, a new artifact out."""
    numbers = itertools.count()
    raw = file_store.put(Table(uri="s3://lake/raw"))

    @file_store.step(Clean)
    def clean(table: Table, threshold: float) -> Table:
        return Table(uri=f"s3://lake/clean/{next(numbers)}")

    out = benchmark(clean, raw, 0.5)
    _note(benchmark)
    assert [each.node.key for each in file_store.show(out).datasets] == [raw.key]


def bench_call_of_files(benchmark: Any, file_store: lineage.Store, tmp_path: Path) -> None:
    """A small file in, and another one out, both declared: their digests included."""
    source, target = tmp_path / "raw.csv", tmp_path / "clean.csv"
    source.write_text("id,age\n1,30\n")

    @file_store.step(Clean)
    def clean(raw: Annotated[Path, Table], threshold: float) -> Annotated[Path, Table]:
        target.write_text("id,age\n")
        return target

    benchmark(clean, source, 0.5)
    _note(benchmark)
    assert len(file_store.find(Table)) == 2


def bench_step_of_a_run(benchmark: Any, file_store: lineage.Store) -> None:
    """A call inside another run, whose step it is."""
    step = file_store.step(scaled)
    with file_store.run("Nightly") as run:
        benchmark(step, [1.0])
    _note(benchmark)
    assert file_store.show(run.key).steps


def bench_call_that_is_given_back(benchmark: Any, file_store: lineage.Store) -> None:
    """A call that was made before: looked up, and recorded as CACHED."""
    step = file_store.step(cache=True)(scaled)
    step([1.0])
    assert benchmark(step, [1.0]) == [2.0]
    _note(benchmark)
    assert file_store.find(lineage.Execution)[-1].state == "CACHED"
