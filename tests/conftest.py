"""Fixtures, and the one place where a backend is added to the tests."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from lineage.backends.memory.backend import MemoryBackend
from lineage.backends.sqlite.backend import SqliteBackend
from lineage.contract.backend import Backend
from lineage.store import Store
from lineage.testing.builders import Clock
from lineage.testing.fixtures import OpenBackend
from tests.servers import (
    MOST,
    REQUIRED,
    SERVERS,
    VARIABLE,
    Neo4jServer,
    Unserved,
    remove_leftovers,
    this_run,
)

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile("local", deadline=None, suppress_health_check=SLOW)
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None)
settings.register_profile("soak", settings.get_profile("local"), print_blob=True)
SEED = int(os.environ.get("LINEAGE_TEST_SEED", "0"))
"""What `make soak` draws a round from; nothing in all other runs."""
MORE = 5 if SEED else 1
"""How many times as many examples as usual."""
settings.load_profile("soak" if SEED else "ci" if os.environ.get("CI") else "local")


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


@pytest.fixture(params=["memory", "sqlite"])
def embedded(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """An empty store that needs no server, for rules that are above every backend; Ann writes."""
    with BACKENDS[request.param](tmp_path, clock) as backend:
        yield Store(backend, actor="ann")


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
    elif "open_backend" in metafunc.fixturenames:
        metafunc.parametrize("name", EACH_BACKEND)
    elif len(given) == 2:
        every = metafunc.definition.get_closest_marker("pairs")
        pairs = [
            pytest.param(*pair, marks=[pytest.mark.neo4j] * ("neo4j" in pair))
            for pair in (product(BACKENDS, BACKENDS) if every else ROUND)
        ]
        metafunc.parametrize(("backend", "target"), pairs, indirect=True)


# What the fixtures of `lineage.testing` would give a single backend, for each of ours.

HISTORIES = {"memory": 60, "sqlite": 60, "neo4j": 3}
"""How many histories: in Neo4j each of a history's thousands of reads is a round trip, and each filter a plan."""
CONDITIONS = {"memory": 200, "sqlite": 200, "neo4j": 10}
"""About how many questions of one test are asked: of a server few, which takes long to plan each shape."""


@pytest.fixture
def open_backend(name: str) -> OpenBackend:
    """What opens a backend of each kind, for a test that opens it more than once."""
    return BACKENDS[name]


@pytest.fixture
def lasting(name: str) -> bool:
    return name in LASTING


@pytest.fixture
def histories(name: str) -> int:
    return HISTORIES[name] * MORE


@pytest.fixture
def open_targets(name: str) -> Sequence[OpenBackend]:
    return [BACKENDS[each] for each in sorted({"memory", "sqlite", name})]


@pytest.fixture
def most_conditions(request: pytest.FixtureRequest) -> int | None:
    return CONDITIONS.get(request.node.callspec.params["backend"])


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

MANY = 20
"""For more tests than these, all servers are started at once."""
UNSERVED = pytest.StashKey[str]()
"""Why there is no server."""


SLOW_FILES = {
    "backends/test_find.py",
    "backends/test_histories.py",
    "backends/test_threads.py",
    "backends/test_walks.py",
    "backends/sqlite/test_damage.py",
    "backends/sqlite/test_indexes.py",
    "backends/sqlite/test_processes.py",
    "backends/sqlite/test_space.py",
    "backends/sqlite/test_threads.py",
    "browser/test_groups.py",
    "browser/test_page.py",
    "cli/test_examples.py",
    "cli/test_hostile.py",
    "cli/test_processes.py",
    "deploy/test_image.py",
    "mlmd/test_differential.py",
    "mlmd/test_moving.py",
    "recording/test_environment.py",
}
"""The files that take longest without Neo4j, half of the time together: `make check` leaves them out."""


def pytest_itemcollected(item: pytest.Item) -> None:
    if "neo4j_server" in getattr(item, "fixturenames", ()):
        item.add_marker("neo4j")
    if item.nodeid.partition("::")[0].removeprefix("tests/") in SLOW_FILES:
        item.add_marker("slow")
    if is_covered_elsewhere(item):
        item.add_marker("no_cover")
    test = getattr(item, "obj", None)
    chosen = getattr(test, EXAMPLES, None)
    if MORE > 1 and chosen is not None and test not in SOAKED:
        SOAKED.add(test)
        setattr(test, EXAMPLES, settings(chosen, max_examples=chosen.max_examples * MORE))


def is_covered_elsewhere(item: pytest.Item) -> bool:
    """Return whether other tests run every line that this one runs: to measure it takes as long as the test.

    Where a test is not about the backends, the embedded ones have shown what is above them, and `tests/backends`
    what Neo4j's does.
    """
    return item.get_closest_marker("neo4j") is not None and "tests/backends/" not in item.nodeid


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that takes away the thread's tracer: no later test of the process would be measured."""
    tracer = sys.gettrace()
    yield
    assert sys.gettrace() is tracer, f"{item.nodeid} left another tracer behind"


EXAMPLES = "_hypothesis_internal_use_settings"
"""Where Hypothesis keeps the settings of a test; it has no public word for changing them."""
SOAKED: set[object] = set()
"""The tests that draw more examples already: each may be collected with several parameters."""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to start servers, which takes them long enough for a hundred other tests.

    Of the workers, the first is dealt tests of Neo4j before others; these start theirs at need.
    """
    wanting = [item for item in session.items if item.get_closest_marker("neo4j")]
    config = session.config
    if not wanting or config.option.collectonly or worker(config) not in {"", FIRST}:
        return
    show(config, f"Starting {SERVERS.origin}, which {len(wanting)} tests need")
    serve(session, MOST if len(wanting) > MANY else 1)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if not item.get_closest_marker("neo4j"):
        return
    if not SERVERS.ready:
        serve(item.session, 1, wait=True)
    if reason := item.config.stash.get(UNSERVED, ""):
        pytest.skip(reason)  # from one line of code, so that pytest tells all of them in one


def serve(session: pytest.Session, count: int, *, wait: bool = False) -> None:
    """Start servers, or find out that there are none, which ends the run where they are required."""
    if UNSERVED in session.config.stash:
        return
    try:
        SERVERS.begin(count)
        if wait:
            SERVERS.wait()
    except Unserved as error:
        reason = " ".join(f"no Neo4j: {error}".split())
        session.config.stash[UNSERVED] = reason
        if REQUIRED in os.environ.get(VARIABLE, "").split():
            session.shouldfail = f"{VARIABLE} asks for a Neo4j: {reason}"
            if not worker(session.config):
                pytest.exit(session.shouldfail, returncode=1)


def show(config: pytest.Config, line: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    SERVERS.close()
    if config.stash.get(LOST, False):
        remove_leftovers()


# Workers side by side (pytest-xdist): see tests/dealing.py

FIRST = "gw0"
"""The first worker."""
LOST = pytest.StashKey[bool]()
"""Whether a worker died."""


def worker(config: pytest.Config) -> str:
    """Return the name of the worker that this process is; nothing where it is none."""
    return str(getattr(config, "workerinput", {}).get("workerid", ""))


def pytest_configure(config: pytest.Config) -> None:
    """Let an interrupt interrupt: a shell starts jobs in the background, and their children, deaf to it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    this_run()  # named before there are workers, which inherit it


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Deal tests as they are best dealt, unless `--dist` asks for another way."""
    if config.option.dist != "load":
        return None
    from tests.dealing import Dealer

    return Dealer(config, log, most=len(SERVERS.named) and 1)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    if error:
        node.config.stash[LOST] = True
