"""The fixtures of the contract suite: what a backend overrides, and what is derived from that.

A backend must say how it is opened, as `open_backend`; there is no such fixture here. It may say
otherwise than `lasting`, `open_target`, `open_targets`, `histories` and `most_conditions` do. A fixture
that is imported into a test module wins over one of the same name in a `conftest.py`: override in the
module that imports these, below the import, or import them in the `conftest.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

import pytest

from lineage.contract.backend import Backend
from lineage.contract.plugins import backend_factory
from lineage.store import Store
from lineage.testing.builders import Clock

__all__ = [
    "OpenBackend",
    "backend",
    "clock",
    "histories",
    "lasting",
    "most_conditions",
    "open_memory",
    "open_target",
    "open_targets",
    "store",
    "target",
]

OpenBackend: TypeAlias = Callable[[Path, Callable[[], int]], AbstractContextManager[Backend]]
"""Opens the store that a folder keeps, an empty one in an empty folder, with a clock that gives microseconds."""


def open_memory(folder: Path, clock: Callable[[], int]) -> AbstractContextManager[Backend]:
    """Open a store in memory, whatever the folder."""
    backend = backend_factory("memory:")("memory:", clock=clock)
    assert isinstance(backend, Backend)
    return backend


@pytest.fixture
def lasting() -> bool:
    """Whether a store that is opened again in the same folder holds what was written before."""
    return True


@pytest.fixture
def histories() -> int:
    """How many random histories are tried; each is a few dozen steps, and reads everything after each."""
    return 80


@pytest.fixture
def most_conditions() -> int | None:
    """About how many of the conditions of one test are asked; None for all, which may be thousands."""
    return None


@pytest.fixture(params=["own", "memory"])
def open_target(request: pytest.FixtureRequest, open_backend: OpenBackend) -> OpenBackend:
    """What opens the target of a test that copies from `backend`: one's own, and a store in memory."""
    return open_backend if request.param == "own" else open_memory


@pytest.fixture
def open_targets(open_backend: OpenBackend) -> Sequence[OpenBackend]:
    """What opens the backends that random histories are copied to."""
    return [open_memory, open_backend]


@pytest.fixture
def clock() -> Clock:
    """The clock of `backend` and `store`, which a test may set."""
    return Clock()


@pytest.fixture
def backend(open_backend: OpenBackend, tmp_path: Path, clock: Clock) -> Iterator[Backend]:
    """An empty backend."""
    with open_backend(tmp_path, clock) as backend:
        yield backend


@pytest.fixture
def store(backend: Backend) -> Store:
    """An empty store; Ann writes."""
    return Store(backend, actor="ann")


@pytest.fixture
def target(open_target: OpenBackend, tmp_path: Path) -> Iterator[Backend]:
    """An empty backend to copy to; its clock is of its own."""
    folder = tmp_path / "target"
    folder.mkdir()
    with open_target(folder, Clock(0)) as backend:
        yield backend
