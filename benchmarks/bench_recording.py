"""Recording one run as it goes on."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lineage


class Dataset(lineage.Dataset):
    day: int
    split: str


class Model(lineage.Model):
    version: int


class Trainer(lineage.Train):
    learning_rate: float


class Experiment(lineage.Context):
    note: str = ""


def bench_run_as_it_goes_on(benchmark: Callable[..., Any], store: lineage.Store) -> None:
    """Two inputs, two outputs, metrics, and the environment, which was captured before."""
    numbers = itertools.count()

    def run() -> Model:
        number = next(numbers)
        with store.run(Trainer(learning_rate=1e-3), within=Experiment(name="churn")) as handle:
            for split in ("train", "test"):
                uri = f"s3://lake/{number % 100}/{split}"
                handle.input(Dataset(uri=uri, day=number % 100, split=split))
            model = handle.output(Model(uri=f"s3://models/{number}", version=number))
            handle.output(Model(uri=f"s3://models/{number}/small", version=number))
            handle.log_metrics(accuracy=0.93, loss=0.1)
        return model

    model = benchmark(run)
    assert len(store.upstream(model, type=Dataset).matches) == 2
    assert store.show(model).runs[0].state == "COMPLETE"
    assert len(store.find(lineage.Environment)) == 1
    assert len(store.find(lineage.Metrics)) == next(numbers)


STEPS = 1_000


def bench_steps_of_metrics(benchmark: Any, tmp_path: Path) -> None:
    """A run of a thousand steps in a file, its beginning and its end included: a step is to take at most 20 µs."""
    store = lineage.connect(tmp_path / "lineage.db")

    def train() -> lineage.NodeKey:
        with store.run(Trainer(learning_rate=1e-3), environment=False) as handle:
            for step in range(STEPS):
                handle.log_metrics(loss=1 / (step + 1), step=step)
        return handle.key

    key = benchmark(train)
    assert len(store.series(key, "loss")) == STEPS
    if benchmark.stats is not None:
        benchmark.extra_info["microseconds_per_step"] = 1e6 * benchmark.stats.stats.min / STEPS
    store.close()
