"""Sizes, stores and traces for the benchmarks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import lineage
from benchmarks import report
from benchmarks.beside import TABLE, Peer, peer_process, table_lines
from benchmarks.sizes import BULK, SMALL
from benchmarks.stores import Stores
from benchmarks.traces import Trace


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
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    """The stores with traces in them."""
    return Stores(tmp_path_factory.mktemp("traces"))


@pytest.fixture(scope="session")
def traces(stores: Stores) -> Callable[[str], tuple[Path, Trace]]:
    """Files with a trace in them, each written once, by size."""
    return stores.trace


@pytest.fixture(scope="session")
def peer() -> Iterator[Peer]:
    """ML Metadata, with an empty store."""
    with peer_process() as peer:
        TABLE.about = report.describe(peer.do("version"))
        yield peer


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in table_lines(TABLE):
        terminalreporter.write_line(line)


def pytest_sessionfinish(exitstatus: int) -> None:
    """Write the page where everything was measured; what small stores gave is no one's to read."""
    if not report.is_whole(TABLE):
        return
    if not SMALL:
        report.save(TABLE)
    if exitstatus == pytest.ExitCode.OK:
        with TemporaryDirectory() as folder:
            report.write(TABLE, Path(folder) / "performance.md" if SMALL else report.PAGE)
