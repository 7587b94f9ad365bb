"""A leaderboard over a hundred thousand runs: the first page by columns with an index, and by all others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

import lineage
from benchmarks.sizes import SMALL
from benchmarks.stores import BATCH_ROWS
from lineage import Artifact, Event, EventType, Execution

RUNS = 300 if SMALL else 100_000
PAGE = 20
INDEXED, ANY = 0.02, 1.0
"""How many seconds the first page may take at full size."""
ROUNDS = 3
INDEXED_ORDERS = ["id desc", "create_time desc", "update_time"]
OTHERS = {
    "a metric": {"order": "metrics.auc desc"},
    "a metric, filtered by another and a parameter": {
        "where": "metrics.loss < 0.5 and parameters.depth < 6",
        "order": "metrics.auc desc",
    },
    "a parameter": {"order": "parameters.depth"},
    "the duration": {"order": "duration desc"},
    "the data": {"where": "data like '%7'", "order": "id desc"},
}


class Fit(lineage.Train):
    depth: int


class Data(lineage.Dataset):
    pass


class Model(lineage.Model):
    pass


def write(store: lineage.Store) -> None:
    """Write runs, each of which reads one of a hundred data sets and writes a model and its metrics."""
    data = store.put([Data(uri=f"s3://lake/{number}") for number in range(100)])
    for start in range(0, RUNS, BATCH_ROWS):
        numbers = range(start, min(start + BATCH_ROWS, RUNS))
        with store.transaction():
            runs = store.put([run(number) for number in numbers])
            models = store.put([Model(uri=f"s3://models/{number}") for number in numbers])
            metrics = store.put([measured(number) for number in numbers])
            store.put(
                [
                    Event(artifact=artifact.key, execution=each.key, type=kind, path=path)
                    for number, each, *made in zip(numbers, runs, models, metrics, strict=True)
                    for artifact, kind, path in (
                        (data[number % 100], EventType.INPUT, ("train",)),
                        *((one, EventType.OUTPUT, ()) for one in made),
                    )
                ]
            )


def run(number: int) -> Execution:
    return Fit(depth=number % 12, name=f"fit {number}", state="COMPLETE")


def measured(number: int) -> Artifact:
    values = {"auc": number * 7_919 % RUNS / RUNS, "loss": 1 - number / RUNS}
    return lineage.Metrics(custom_properties=values)


@pytest.fixture(scope="module", params=["memory", "file"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[lineage.Store]:
    path: Path | str = "memory:"
    if request.param == "file":
        path = tmp_path_factory.mktemp("runs") / "runs.db"
    with lineage.connect(path) as store:
        write(store)
        yield store


def quickest(store: lineage.Store, **asked: Any) -> tuple[float, Any]:
    """Return how long the quickest of a few pages took, and its answer."""
    took = []
    for _ in range(ROUNDS):
        began = perf_counter()
        page = store.runs(Fit, limit=PAGE, **asked)
        took.append(perf_counter() - began)
    return min(took), page


@pytest.mark.parametrize("order", INDEXED_ORDERS)
def bench_page_by_an_indexed_column(store: lineage.Store, order: str) -> None:
    took, page = quickest(store, order=order)
    assert len(page) == PAGE
    assert SMALL or took <= INDEXED


@pytest.mark.parametrize("name", OTHERS)
def bench_page_by_any_column(store: lineage.Store, name: str) -> None:
    took, page = quickest(store, **OTHERS[name])
    assert len(page) == PAGE
    if OTHERS[name].get("order") == "metrics.auc desc":
        assert page.column("metrics.auc") == sorted(page.column("metrics.auc"), reverse=True)
    assert SMALL or took <= ANY
