"""Digests of files: of a folder in threads, one that is remembered, and of many small files; sha256sum beside them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.sizes import SMALL
from lineage.digests import remembered
from lineage.digests.files import digest_of

FEW = (4, 2**20) if SMALL else (64, 2**23)
MANY = (50, 2**10) if SMALL else (10_000, 2**12)
"""How many files, and how many bytes each has."""


@pytest.fixture(params=[FEW, MANY], ids=["few large files", "many small files"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    number, size = request.param
    root = tmp_path / "data"
    for each in range(number):
        path = root / f"{each // 100}" / f"{each}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
    return root


def measured(benchmark: Any, digest: Callable[[], object], folder: Path) -> None:
    """Measure what reads a folder that is in memory, and say how fast."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    benchmark.pedantic(digest, rounds=5, warmup_rounds=1)
    if benchmark.stats is not None:
        benchmark.extra_info["megabytes_per_second"] = size / 1e6 / benchmark.stats.stats.min


def bench_folder(benchmark: Any, folder: Path) -> None:
    measured(benchmark, lambda: digest_of(folder), folder)


def bench_folder_by_one_thread(
    benchmark: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = digest_of(folder)
    monkeypatch.setattr("lineage.digests.files.threads_here", lambda: 1)
    measured(benchmark, lambda: digest_of(folder), folder)
    assert digest_of(folder) == expected


def bench_folder_that_is_remembered(
    benchmark: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(remembered.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(remembered, "RECENT", -(10**12))  # what was just written counts as settled
    expected = digest_of(folder, remember=True)
    assert (tmp_path / "cache" / "digests.db").is_file()
    measured(benchmark, lambda: digest_of(folder, remember=True), folder)
    assert digest_of(folder, remember=True) == expected


def bench_sha256sum(benchmark: Any, folder: Path) -> None:
    """Read by as many processes as there are processors."""
    command = f"find {folder} -type f -print0 | xargs -0 -n 16 -P {os.cpu_count()} sha256sum"
    measured(
        benchmark,
        lambda: subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL),
        folder,
    )
