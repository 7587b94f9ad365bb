"""Statements in Neo4j whose call is to stop are cut off, and leave nothing behind."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from lineage.backends.neo4j.connections import Server
from lineage.contract.stopping import Stop, stopping
from tests.servers import Neo4jServer

ENDLESS = "UNWIND range(1, 1000000) AS x UNWIND range(1, 1000000) AS y RETURN count(x + y)"
RUNNING = (
    "SHOW TRANSACTIONS YIELD currentQuery WHERE currentQuery CONTAINS 'range(1, 1000000)' RETURN 1"
)


class GoneError(Exception):
    pass


@pytest.fixture
def server(neo4j_server: Neo4jServer) -> Iterator[Server]:
    server = Server(neo4j_server.url)
    server.write("CREATE (:Store)")
    yield server
    server.close()


def running(server: Server) -> int:
    return len(server.read(RUNNING)) - 1  # this statement finds itself


def stopped(server: Server, work: Callable[[], object]) -> None:
    """Let work in another thread end with an error of its call once it runs in Neo4j."""
    stop, ends = Stop(), []

    def call() -> None:
        with stopping(stop):
            try:
                work()
            except GoneError as error:
                ends.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    while not running(server):
        time.sleep(0.05)
    stop.ask(GoneError())
    thread.join(60)
    assert ends == [stop.error]
    while running(server):
        time.sleep(0.05)


def test_statements_are_cut_off(server: Server) -> None:
    def in_transaction() -> None:
        work, _ = server.begin(first="MATCH (s:Store) SET s.lock = 1 RETURN 1", seconds=5)
        work.run("CREATE (:Item)")
        work.run(ENDLESS)

    stopped(server, lambda: server.read(ENDLESS))
    stopped(server, in_transaction)
    assert server.read("MATCH (n:Item) RETURN n") == []
    server.begin(first="MATCH (s:Store) SET s.lock = 1 RETURN 1", seconds=5)[0].rollback()
