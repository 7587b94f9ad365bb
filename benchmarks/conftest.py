"""Sizes, stores and traces for the benchmarks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import lineage
from benchmarks.traces import Trace, write_trace

SMALL = os.environ.get("LINEAGE_BENCH_SIZE", "full") == "small"
TRACES = (
    {"8k": 600, "268k": 1_200, "1M": 1_200}
    if SMALL
    else {"8k": 8_000, "268k": 268_000, "1M": 1_000_000}
)
BULK = 200 if SMALL else 20_000


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The variables for a program that is measured: it finds its modules compiled, as installed ones are."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@pytest.fixture
def bulk() -> int:
    """How many nodes a bulk benchmark writes."""
    return BULK


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[lineage.Store]:
    """An empty store."""
    with lineage.connect(
        "memory:" if request.param == "memory" else tmp_path / "store.db"
    ) as store:
        yield store


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Trace]]:
    """Files with a trace in them, each written once, by size."""
    made: dict[str, tuple[Path, Trace]] = {}
    folder = tmp_path_factory.mktemp("traces")

    def trace(size: str) -> tuple[Path, Trace]:
        if size not in made:
            path = folder / f"{size}.db"
            with lineage.connect(path) as store:
                made[size] = (path, write_trace(store, TRACES[size]))
        return made[size]

    return trace


class Compared:
    """What was measured of us and of a peer in one run, to be shown side by side."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, float, float]] = []

    def add(self, name: str, ours: float, theirs: float) -> None:
        """Keep medians, in seconds."""
        self.rows.append((name, ours, theirs))


COMPARED = Compared()


@pytest.fixture
def compared() -> Compared:
    return COMPARED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not COMPARED.rows:
        return
    terminalreporter.section("beside ML Metadata, medians in ms")
    for name, ours, theirs in COMPARED.rows:
        ratio = theirs / ours
        terminalreporter.write_line(
            f"{name:60} {ours * 1e3:9.3f} {theirs * 1e3:9.3f} {ratio:7.2f} {'' if ratio >= 1 else 'slower'}"
        )
