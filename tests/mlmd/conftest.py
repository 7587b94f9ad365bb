"""Our server on each backend, and the real ML Metadata beside it."""

from collections.abc import Iterator

import pytest

from lineage.contract.backend import Backend
from lineage.testing.builders import Clock
from tests.mlmd.systems import Ours, Theirs, our_server, their_process


@pytest.fixture
def ours(backend: Backend, clock: Clock) -> Iterator[Ours]:
    """A client of our server, whose store is an empty one of each kind."""
    with our_server(backend, clock) as client:
        yield client


@pytest.fixture(scope="session")
def their_mlmd() -> Iterator[Theirs]:
    with their_process() as process:
        yield process


@pytest.fixture
def theirs(their_mlmd: Theirs) -> Theirs:
    """The real MLMD, with an empty store."""
    their_mlmd.new()
    return their_mlmd
