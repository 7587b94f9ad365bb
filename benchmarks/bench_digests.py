"""Digests of frames in megabytes a second; joblib's and pandas' own hashes beside them, and SHA-256 of the bare bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from benchmarks.sizes import SMALL
from lineage.digests.frames import describe

ROWS = 10_000 if SMALL else 2_000_000
COLUMNS = 10
NUMBERS = 500
TEXTS = 150
"""The least megabytes a second of numbers, and of the bytes of texts."""
LIBRARIES: dict[str, Callable[[Any], Any]] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "arrow": pa.table,
}


@pytest.fixture(scope="module")
def numbers() -> dict[str, Any]:
    """Floats and integers, half of each, of 64 bits."""
    rng = np.random.default_rng(22)
    floats = {f"f{at}": rng.normal(size=ROWS) for at in range(COLUMNS // 2)}
    return floats | {f"i{at}": rng.integers(-(10**6), 10**6, ROWS) for at in range(COLUMNS // 2)}


@pytest.fixture(scope="module")
def texts() -> dict[str, Any]:
    """Texts of some thirty characters, as names, addresses and the like are."""
    return {"s": [f"customer number {at % 9973} of street {at}" for at in range(ROWS // 2)]}


def measured(benchmark: Any, call: Callable[[], object], size: int, least: int = 0) -> None:
    """Measure what digests some bytes, and say how fast; in a whole run it is to be as fast as it should be."""
    benchmark.pedantic(call, rounds=2 if SMALL else 5, warmup_rounds=1)
    if benchmark.stats is not None:
        speed = size / 1e6 / benchmark.stats.stats.min
        benchmark.extra_info["megabytes_per_second"] = speed
        assert SMALL or speed >= least


@pytest.mark.parametrize("library", LIBRARIES)
def bench_numbers(benchmark: Any, numbers: dict[str, Any], library: str) -> None:
    frame = LIBRARIES[library](numbers)
    measured(benchmark, lambda: describe(frame), 8 * COLUMNS * ROWS, NUMBERS)


@pytest.mark.parametrize("library", LIBRARIES)
def bench_texts(benchmark: Any, texts: dict[str, Any], library: str) -> None:
    frame = LIBRARIES[library](texts)
    measured(benchmark, lambda: describe(frame), sum(map(len, texts["s"])), TEXTS)


PEERS: dict[str, Callable[[Any], object]] = {
    "joblib.hash": joblib.hash,
    "pandas.util.hash_pandas_object": lambda frame: pd.util.hash_pandas_object(frame, index=False),
}


@pytest.mark.parametrize("peer", PEERS)
def bench_numbers_by_others(benchmark: Any, numbers: dict[str, Any], peer: str) -> None:
    frame = pd.DataFrame(numbers)
    measured(benchmark, lambda: PEERS[peer](frame), 8 * COLUMNS * ROWS)


@pytest.mark.parametrize("peer", PEERS)
def bench_texts_by_others(benchmark: Any, texts: dict[str, Any], peer: str) -> None:
    frame = pd.DataFrame(texts)
    measured(benchmark, lambda: PEERS[peer](frame), sum(map(len, texts["s"])))


def bench_bare_bytes(benchmark: Any, numbers: dict[str, Any]) -> None:
    """What no digest by SHA-256 in one thread can be faster than."""
    content = numbers["f0"].tobytes()
    measured(benchmark, lambda: hashlib.sha256(content).hexdigest(), len(content))
