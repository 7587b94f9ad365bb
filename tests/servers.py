"""The Neo4j servers that tests use: containers of our own, or servers that are named.

Neo4j Community has one database a server and a store takes all of it, so that two stores at once
take two servers. A test opens its stores by folder, as if they were files: the pool gives a new
folder an empty server, and a folder that it knows the server with its store.

LINEAGE_TEST_NEO4J names servers instead of containers, by URLs such as
`neo4j://neo4j:password@localhost:7687` with blanks between; what the tests leave in them is
deleted. The word `required` asks for containers, and makes it a failure where none can be had.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

import pytest
from neo4j import Driver, GraphDatabase, Query, Session
from neo4j.exceptions import DriverError, Neo4jError

from lineage.backends.neo4j.opening import SCHEMA
from lineage.backends.neo4j.rows import quoted

if TYPE_CHECKING:
    from testcontainers.community.neo4j import Neo4jContainer

__all__ = [
    "REQUIRED",
    "SERVERS",
    "VARIABLE",
    "Neo4jServer",
    "Servers",
    "Unserved",
    "remove_leftovers",
    "this_run",
]

# Testcontainers reads these when it is imported. Ryuk, which removes what a killed process leaves, is an
# image of its own: only for those who ask for it. A port of this host works wherever the engine's network is.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")

VARIABLE = "LINEAGE_TEST_NEO4J"
REQUIRED = "required"
IMAGE = "neo4j:5.26-community"
LABEL = "lineage.tests"
"""Names, on a container, the run of the tests that it is of."""
RUN = "LINEAGE_TEST_RUN"
BOLT = 7687
MOST = 3
"""How many stores may be open at once: one for a module, one for the test, one for its target."""

CLEAR = "MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS"


class Unserved(Exception):
    """No server can be had; the message says why."""


class Neo4jServer:
    """A server; `url` has the credentials in it."""

    def __init__(self, url: str, container: Neo4jContainer | None = None) -> None:
        self.url = url
        self.container = container
        parts = urlsplit(url)
        self.user = unquote(parts.username or "neo4j")
        self.password = unquote(parts.password or "")
        self.address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        """The URL without the credentials."""
        self.folder: Path | None = None
        self.test = ""
        """The test that used it last."""
        self.users = 0
        self._driver: Driver | None = None

    @property
    def driver(self) -> Driver:
        """A plain driver, for looks behind a store's back."""
        if self._driver is None:
            self._driver = GraphDatabase.driver(
                self.address,
                auth=(self.user, self.password),
                notifications_min_severity="OFF",
                telemetry_disabled=True,
            )
        return self._driver

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a session of the plain driver."""
        with self.driver.session() as session:
            yield session

    def run(self, statement: str, **parameters: Any) -> list[list[Any]]:
        """Return the rows that a statement answers, which commits by itself."""
        with self.session() as session:
            return session.run(Query(statement), parameters).values()

    def clear(self) -> None:
        """Delete all nodes and relationships; constraints and indexes stay, for they take long to make."""
        self.run(CLEAR)

    def drop_schema(self, *, all: bool = False) -> None:
        """Drop what tests have made of constraints and indexes, or all, those of stores too.

        A change of the schema makes the server plan all statements anew.
        """
        kept = () if all else SCHEMA
        for what, names in (
            ("CONSTRAINT", "SHOW CONSTRAINTS YIELD name"),
            ("INDEX", "SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name"),
        ):
            for (name,) in self.run(names):
                if name not in kept:
                    self.run(f"DROP {what} {quoted(name)}")

    def stop(self) -> None:
        """End the server as a power cut would; what it has committed lasts."""
        self._engine_container().stop(timeout=0)

    def start(self) -> None:
        """Start the server that was stopped, at the same port, and wait until it answers."""
        self._engine_container().start()
        wait_for(self.driver)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _engine_container(self) -> Any:
        assert self.container is not None, "a named server is not ours to stop"
        return self.container.get_wrapped_container()

    def close(self) -> None:
        """Close the driver; remove the container."""
        if self._driver is not None:
            self._driver.close()
            self._driver = None
        if self.container is not None:
            self.container.stop()


class Servers:
    """Gives servers to folders, and starts what it needs."""

    def __init__(self, named: Sequence[str] | None = None, java: str = "") -> None:
        self.java = java
        """Options of the Java that runs a container's server."""
        self.named = tuple(named_servers() if named is None else named)
        self.most = len(self.named) or MOST
        self._idle: list[Neo4jServer] = []
        """Those in no use, the one that was longest unused first."""
        self._busy: list[Neo4jServer] = []
        self._starting: list[Future[Neo4jServer]] = []
        self._lost: set[Path] = set()
        self._threads = ThreadPoolExecutor(MOST, thread_name_prefix="neo4j")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def origin(self) -> str:
        """What the servers are, for people."""
        return f"servers of {VARIABLE}" if self.named else f"containers of {IMAGE}"

    def begin(self, count: int) -> None:
        """Have up to `count` servers started side by side; `of` waits for the one that it gives.

        Raises `Unserved` where nothing can start them.
        """
        if not self.named:
            find_engine()
        while self._made < min(count, self.most):
            self._begin_one()

    def wait(self) -> None:
        """Wait until one of the servers that were begun answers.

        Raises `Unserved` where it cannot be had.
        """
        if not self.ready:
            self._idle.append(self._started())

    @property
    def ready(self) -> bool:
        """Whether there is a server that answers."""
        return bool(self._idle or self._busy)

    @property
    def _made(self) -> int:
        return len(self._idle) + len(self._busy) + len(self._starting)

    def _begin_one(self) -> None:
        if self.named:
            self._starting.append(self._threads.submit(named_server, self.named[self._made]))
        else:
            self._starting.append(self._threads.submit(own_server, self.java))

    def _started(self) -> Neo4jServer:
        return self._starting.pop(0).result()

    def empty(self) -> Neo4jServer:
        """Return an empty server, for good: no folder gets it."""
        server = self._unused()
        self._idle.remove(server)
        self._busy.append(server)
        server.clear()
        return server

    @contextmanager
    def of(self, folder: Path) -> Iterator[Neo4jServer]:
        """Occupy the server with the store of a folder: with an empty one, where the folder is new."""
        server = self._known(folder) or self._emptied(folder)
        if not server.users:
            self._idle.remove(server)
            self._busy.append(server)
        server.users += 1
        server.test = current_test()
        try:
            yield server
        finally:
            server.users -= 1
            if not server.users:
                self._busy.remove(server)
                self._idle.append(server)

    def _known(self, folder: Path) -> Neo4jServer | None:
        if folder in self._lost:
            raise AssertionError(
                f"The store of {folder} was cleared away for another one: "
                f"there are {self.most} servers only."
            )
        return next((each for each in self._idle + self._busy if each.folder == folder), None)

    def _emptied(self, folder: Path) -> Neo4jServer:
        server = self._unused()
        if server.folder is not None:
            self._lost.add(server.folder)
        server.folder = folder
        server.clear()
        return server

    def _unused(self) -> Neo4jServer:
        """Return the server that is to be cleared: of those that this test has not used, the last used.

        It has planned the statements that tests run, which takes it longer than to run them.
        """
        others = [each for each in self._idle if each.test != current_test()]
        if others:
            return others[-1]
        if self._made < self.most:
            self._begin_one()
        if self._starting:
            self._idle.append(self._started())
            return self._idle[-1]
        if self._idle:
            return self._idle[0]
        raise AssertionError(
            f"All {self.most} servers hold open stores; {VARIABLE} can name more of them."
        )

    def close(self) -> None:
        """Remove the containers; leave the named servers empty."""
        for future in self._starting:
            if future.exception() is None:
                self._idle.append(future.result())
        self._starting.clear()
        for server in self._idle + self._busy:
            if self.named and server.folder is not None:
                server.clear()
            server.close()
        self._idle.clear()
        self._busy.clear()
        self._threads.shutdown()


def named_server(url: str) -> Neo4jServer:
    """Return a server that somebody has named, which must be empty: the tests delete what is there."""
    server = Neo4jServer(url)
    try:
        ((count,),) = server.run("MATCH (n) RETURN count(n)")
    except (DriverError, Neo4jError) as error:
        server.close()
        raise Unserved(f"{server.address} of {VARIABLE} does not serve: {error}") from error
    if count:
        server.close()
        raise Unserved(
            f"{server.address} of {VARIABLE} holds {count} nodes, which the tests would delete: "
            "name an empty server, or empty it with MATCH (n) DETACH DELETE n"
        )
    return server


def find_engine() -> None:
    """Ask whether a Docker engine answers; raise `Unserved` where none does."""
    try:
        from docker.errors import DockerException
        from testcontainers.core.docker_client import DockerClient
    except ImportError as error:
        raise Unserved(f"testcontainers is not installed: {error}") from error
    # A client that reaches no engine leaves its sockets open, which would be warned of.
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        reason = ""
        try:
            client = DockerClient().client
            client.ping()
            client.close()
        except DockerException as error:
            reason = f"no Docker engine answers: {error}"
        if reason:
            gc.collect()
            raise Unserved(reason)


def own_server(java: str = "") -> Neo4jServer:
    """Start a container, whose Java has these options too, and return its server."""
    from docker.errors import DockerException
    from testcontainers.community.neo4j import Neo4jContainer

    container = None
    try:
        container = Neo4jContainer(IMAGE, username="neo4j", password="password")
        container.with_kwargs(labels={LABEL: this_run()}).with_env("JAVA_TOOL_OPTIONS", java)
        # The port is chosen here, because the engine chooses another one at each start.
        container.with_bind_ports(BOLT, free_port()).start()
        host, port = container.get_container_host_ip(), container.get_exposed_port(BOLT)
        return Neo4jServer(f"neo4j://neo4j:password@{host}:{port}", container)
    except (DockerException, OSError, DriverError, Neo4jError) as error:
        reason = f"no container of {IMAGE} starts: {error}"
    if container is not None:
        container.stop()
    raise Unserved(reason)


@contextmanager
def round_trips(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], int]]:
    """Count how often the driver has waited for an answer since the block began."""
    with caplog.at_level(logging.DEBUG, logger="neo4j.io"):
        caplog.clear()

        def count() -> int:
            """Count the turns from what went out (C) to what came (S)."""
            said = (record.getMessage().partition("]  ")[2][:2] for record in caplog.records)
            return len(
                re.findall("C+S+", "".join(word[0] for word in said if word in ("C:", "S:")))
            )

        yield count


def this_run() -> str:
    """Return the name of this run of the tests, which its workers share with the process that began them."""
    return os.environ.setdefault(RUN, f"{os.getpid()}-{time.time_ns()}")


def remove_leftovers() -> None:
    """Remove the containers of this run that a worker which died has left."""
    from testcontainers.core.docker_client import DockerClient

    client = DockerClient().client
    for container in client.containers.list(all=True, filters={"label": f"{LABEL}={this_run()}"}):
        container.remove(force=True, v=True)
    client.close()


def current_test() -> str:
    """Return the name of the test that runs, which is the same while it is set up and torn down."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").partition(" (")[0]


def free_port() -> int:
    """Return a port that nothing on this host listens at."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(driver: Driver, seconds: float = 120) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            driver.verify_connectivity()
        except (DriverError, Neo4jError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def named_servers() -> list[str]:
    """Return the URLs that LINEAGE_TEST_NEO4J names."""
    return [each for each in os.environ.get(VARIABLE, "").split() if each != REQUIRED]


SERVERS = Servers(java="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
"""The servers of this test session.

Each lives for minutes and plans far more than it runs: Java spent two fifths of its processor time on
compiling that once more, for speed that it never came to. Measurements need servers without these options.
"""
