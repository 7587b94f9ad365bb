"""Recording one run: one input, one output, one context."""

from __future__ import annotations

import itertools
from collections.abc import Callable
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


def bench_record_one_run(benchmark: Callable[..., Any], store: lineage.Store) -> None:
    numbers = itertools.count()

    def record() -> Any:
        number = next(numbers)
        return store.record(
            Trainer(learning_rate=1e-3),
            inputs=[Dataset(uri=f"s3://lake/{number % 100}", day=number % 100, split="train")],
            outputs=[Model(uri=f"s3://models/{number}", version=number)],
            within=Experiment(name="churn"),
        )

    recorded = benchmark(record)
    assert recorded.contexts[0].id == 1
    assert store.upstream(recorded.outputs[0], type=Dataset).matches == recorded.inputs
    runs = next(numbers)
    assert len(store.log()) == runs
    assert len(store.find(Dataset)) == min(runs, 100)
