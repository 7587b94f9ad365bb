"""Fixtures, and the one place where a backend is added to the tests."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from lineage.backend import Backend
from lineage.backends.memory import MemoryBackend
from lineage.backends.sqlite import SqliteBackend
from lineage.store import Store
from tests.builders import Clock

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile("local", deadline=None, suppress_health_check=SLOW)
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")

OpenBackend = Callable[[Path, Callable[[], int]], AbstractContextManager[Backend]]


@contextmanager
def memory_backend(folder: Path, clock: Callable[[], int]) -> Iterator[Backend]:
    with MemoryBackend(clock=clock) as backend:
        yield backend


@contextmanager
def sqlite_backend(folder: Path, clock: Callable[[], int]) -> Iterator[Backend]:
    with SqliteBackend(str(folder / "lineage.db"), clock=clock) as backend:
        yield backend


BACKENDS: dict[str, OpenBackend] = {"memory": memory_backend, "sqlite": sqlite_backend}
"""How to open a backend that keeps what it has to keep in a folder."""

LASTING = {"sqlite"}
"""The backends that hold, opened once more in the same folder, what was written before."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Backend]:
    """An empty backend of each kind."""
    with BACKENDS[request.param](tmp_path, clock) as backend:
        yield backend


@pytest.fixture
def store(backend: Backend) -> Store:
    """An empty store on a backend of each kind; Ann writes."""
    return Store(backend, actor="ann")


@pytest.fixture(scope="module", params=BACKENDS)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A store of each kind for all tests of a module, which only read what a fixture there wrote."""
    with BACKENDS[request.param](tmp_path_factory.mktemp("shared"), Clock()) as backend:
        yield Store(backend, actor="ann")


@pytest.fixture(params=BACKENDS)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """A second empty backend, of each kind for each kind of the first; its clock is of its own."""
    folder = tmp_path / "target"
    folder.mkdir()
    with BACKENDS[request.param](folder, Clock(0)) as backend:
        yield backend


@pytest.fixture(params=BACKENDS)
def opener(request: pytest.FixtureRequest) -> OpenBackend:
    """What opens a backend of each kind, for a test that needs more than one."""
    return BACKENDS[request.param]
