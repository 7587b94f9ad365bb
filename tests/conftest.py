"""Fixtures, and the one place where a backend is added to the tests."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from lineage.backends.memory.backend import MemoryBackend
from lineage.backends.sqlite.backend import SqliteBackend
from lineage.contract.backend import Backend
from lineage.store import Store
from tests.builders import Clock
from tests.servers import MOST, REQUIRED, SERVERS, VARIABLE, Neo4jServer, Unserved

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


@contextmanager
def neo4j_backend(folder: Path, clock: Callable[[], int]) -> Iterator[Backend]:
    from lineage.backends.neo4j.backend import Neo4jBackend

    with SERVERS.of(folder) as server, Neo4jBackend(server.url, clock=clock) as backend:
        yield backend


BACKENDS: dict[str, OpenBackend] = {
    "memory": memory_backend,
    "sqlite": sqlite_backend,
    "neo4j": neo4j_backend,
}
"""How to open a backend that keeps what it has to keep in a folder."""

LASTING = {"sqlite", "neo4j"}
"""The backends that hold, opened once more in the same folder, what was written before."""

EACH_BACKEND = [
    pytest.param(name, marks=[pytest.mark.neo4j] * (name == "neo4j")) for name in BACKENDS
]
"""The names of the backends, as parameters: a test that needs a Neo4j is marked so."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def backend(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Backend]:
    """An empty backend of each kind."""
    with BACKENDS[request.param](tmp_path, clock) as backend:
        yield backend


@pytest.fixture
def store(backend: Backend) -> Store:
    """An empty store on a backend of each kind; Ann writes."""
    return Store(backend, actor="ann")


@pytest.fixture(scope="module", params=EACH_BACKEND)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A store of each kind for all tests of a module, which only read what a fixture there wrote."""
    with BACKENDS[request.param](tmp_path_factory.mktemp("shared"), Clock()) as backend:
        yield Store(backend, actor="ann")


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """A second empty backend, as `ROUND` pairs it; its clock is of its own."""
    folder = tmp_path / "target"
    folder.mkdir()
    with BACKENDS[request.param](folder, Clock(0)) as backend:
        yield backend


ROUND = [("memory", "sqlite"), ("sqlite", "neo4j"), ("neo4j", "memory")]
"""Each backend once before another and once after one."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each backend to a test of one; to a test of two those of `ROUND`, or all if it says so."""
    given = {"backend", "target"}.intersection(metafunc.fixturenames)
    if "neo4j_server" in metafunc.fixturenames:
        return  # whose store the test opens
    if given == {"backend"}:
        metafunc.parametrize("backend", EACH_BACKEND, indirect=True)
    elif len(given) == 2:
        every = metafunc.definition.get_closest_marker("pairs")
        pairs = [
            pytest.param(*pair, marks=[pytest.mark.neo4j] * ("neo4j" in pair))
            for pair in (product(BACKENDS, BACKENDS) if every else ROUND)
        ]
        metafunc.parametrize(("backend", "target"), pairs, indirect=True)


@pytest.fixture(params=EACH_BACKEND)
def opener(request: pytest.FixtureRequest) -> OpenBackend:
    """What opens a backend of each kind, for a test that needs more than one."""
    return BACKENDS[request.param]


@pytest.fixture
def neo4j_server(tmp_path: Path) -> Iterator[Neo4jServer]:
    """An empty Neo4j server for this test alone, which may leave constraints and indexes there."""
    with SERVERS.of(tmp_path / "neo4j") as server:
        yield server
        server.drop_schema()


@pytest.fixture
def neo4j_container(neo4j_server: Neo4jServer) -> Neo4jServer:
    """An empty Neo4j server which a test may stop and start."""
    if neo4j_server.container is None:
        pytest.skip(f"a server of {VARIABLE} is not ours to stop")
    return neo4j_server


# Whether there is a Neo4j is found out once, and only for tests that need one.

UNSERVED = pytest.StashKey[str]()
MANY = 20
"""For more tests than these, all servers are started at once."""


def pytest_itemcollected(item: pytest.Item) -> None:
    if "neo4j_server" in getattr(item, "fixturenames", ()):
        item.add_marker("neo4j")


def pytest_collection_finish(session: pytest.Session) -> None:
    wanting = [item for item in session.items if item.get_closest_marker("neo4j")]
    config = session.config
    if not wanting or config.option.collectonly:
        return
    show(config, f"Waiting for {SERVERS.origin}, which {len(wanting)} tests need")
    try:
        SERVERS.begin(MOST if len(wanting) > MANY else 1)
    except Unserved as error:
        if REQUIRED in os.environ.get(VARIABLE, "").split():
            pytest.exit(f"{VARIABLE} asks for a Neo4j: {error}", returncode=1)
        config.stash[UNSERVED] = f"{len(wanting)} tests of Neo4j did not run: {error}"
        for item in wanting:
            item.add_marker(pytest.mark.skip(reason=f"no Neo4j: {error}"))


def show(config: pytest.Config, line: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(line)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if UNSERVED in config.stash:
        terminalreporter.section("NEO4J WAS NOT TESTED", red=True, bold=True)
        terminalreporter.write_line(config.stash[UNSERVED], red=True)


def pytest_unconfigure() -> None:
    SERVERS.close()
