"""A Neo4j server as seen from a store: URLs, connections that break, locks, interrupts and forks."""

import gc
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from lineage.backends.neo4j.connections import Server, Work, _Pool
from lineage.errors import AlreadyExists, BackendError, Conflict, Invalid, LineageError, Unavailable
from tests.servers import Neo4jServer, round_trips

LOCK = "MATCH (s:Store) SET s.lock = $token RETURN s.lock"
SECRET = "s3same/@:%ä"
ENCODED = "s3same%2F%40%3A%25%C3%A4"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NEO4J_USERNAME", "NEO4J_PASSWORD", "NEO4J_DATABASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(neo4j_server: Neo4jServer) -> Iterator[Server]:
    with opened(neo4j_server.url) as server:
        server.write("CREATE (:Store)")
        yield server


@contextmanager
def opened(url: str) -> Iterator[Server]:
    server = Server(url)
    try:
        yield server
    finally:
        server.close()


def begun(server: Server, seconds: float = 5, token: object = "t") -> Work:
    work, rows = server.begin(first=LOCK, seconds=seconds, token=token)
    assert rows == [[token]]
    return work


def count(server: Server) -> int:
    ((number,),) = server.read("MATCH (n:Item) RETURN count(n)")
    return int(number)


@contextmanager
def quickly(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


# Statements


def test_statement_by_itself(server: Server) -> None:
    assert server.write("CREATE (n:Item {a: $a}) RETURN n.a, 1", a=[1, 2]) == [[[1, 2], 1]]
    assert server.read("UNWIND range(1, 5000) AS i RETURN i, $query", query="q")[-1] == [5000, "q"]
    assert count(server) == 1


def test_read_sees_what_was_just_written_and_may_not_write(server: Server) -> None:
    for number in range(20):
        server.write("CREATE (:Item)")
        assert count(server) == number + 1
    with pytest.raises(BackendError):
        server.read("CREATE (:Item)")


@pytest.mark.parametrize("value", [2**63, "\ud800", object(), [1, {2}]])
def test_value_that_does_not_travel(server: Server, value: Any) -> None:
    with pytest.raises(Invalid):
        server.read("RETURN $value", value=value)
    with pytest.raises(Invalid):
        server.begin(first=LOCK, seconds=1, token=value)
    work = begun(server)
    with pytest.raises(Invalid):
        work.run("RETURN $value", value=value)
    assert not work.is_open
    begun(server, 1).rollback()


def test_constraint(server: Server) -> None:
    server.write("CREATE CONSTRAINT once IF NOT EXISTS FOR (n:Item) REQUIRE n.a IS UNIQUE")
    server.write("CREATE (:Item {a: 1})")
    with pytest.raises(AlreadyExists, match="already exists"):
        server.write("CREATE (:Item {a: 1})")


def test_one_round_trip_each(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    begun(server).rollback()
    steps: list[Callable[[], object]] = [
        lambda: server.read("UNWIND range(1, 3000) AS i RETURN i"),
        lambda: server.write("CREATE (:Item)"),
    ]
    for step in steps:
        with round_trips(caplog) as trips:
            step()
        assert trips() == 1
    with round_trips(caplog) as trips:
        work = begun(server)
        assert trips() == 1
        work.run("CREATE (:Item)")
        assert trips() == 2
        work.commit()
        assert trips() == 3


class Apart:
    """In place of the driver's switch, one that cannot be turned on."""

    def __bool__(self) -> bool:
        return False

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def test_driver_that_does_not_send_both_at_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = _Pool.session

    def session(self: _Pool, database: str | None, access: str) -> Any:
        made: Any = plain(self, database, access)
        made._pipelined_begin = Apart()
        return made

    monkeypatch.setattr(_Pool, "session", session)
    work = begun(server)
    work.run("CREATE (:Item)")
    work.commit()
    assert count(server) == 1


# Transactions


def test_transaction_is_all_or_nothing(server: Server) -> None:
    work = begun(server)
    assert work.is_open
    work.run("CREATE (:Item)")
    assert work.run("MATCH (n:Item) RETURN count(n)") == [[1]]
    assert count(server) == 0
    work.rollback()
    assert not work.is_open
    assert count(server) == 0
    work = begun(server)
    work.run("CREATE (:Item)")
    work.commit()
    assert not work.is_open
    assert count(server) == 1


def test_error_ends_the_transaction(server: Server) -> None:
    work = begun(server)
    work.run("CREATE (:Item)")
    with pytest.raises(BackendError):
        work.run("RETURN 1 / 0")
    assert not work.is_open
    with pytest.raises(Invalid, match="over"):
        work.run("RETURN 1")
    with pytest.raises(Invalid, match="over"):
        work.commit()
    work.rollback()
    begun(server, 1).rollback()
    assert count(server) == 0


@pytest.mark.parametrize("seconds", [0.05, 0.5])
def test_lock_that_does_not_come_in_time(server: Server, seconds: float) -> None:
    holder = begun(server)
    with quickly(3), pytest.raises(Conflict, match=f"locked for {seconds:g} s; try again"):
        begun(server, seconds)
    assert holder.is_open
    holder.run("CREATE (:Item)")
    holder.commit()
    assert count(server) == 1


def test_free_lock_needs_no_time(server: Server) -> None:
    for _ in range(20):
        begun(server, 0).rollback()


def test_lock_that_comes_in_time(server: Server) -> None:
    holder = begun(server)
    timer = threading.Timer(0.5, holder.rollback)
    timer.start()
    begun(server, 20).rollback()
    timer.join()


def test_writers_of_many_threads(server: Server) -> None:
    def write() -> None:
        for _ in range(10):
            work, ((number,),) = server.begin(
                first="MATCH (s:Store) SET s.number = coalesce(s.number, 0) + 1 RETURN s.number",
                seconds=30,
            )
            work.run("CREATE (:Item {number: $number})", number=number)
            work.commit()
            count(server)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = server.read("MATCH (n:Item) RETURN n.number ORDER BY n.number")
    assert numbers == [[number] for number in range(1, 81)]


def test_thread_that_ends_inside_a_transaction_lets_go(server: Server) -> None:
    thread = threading.Thread(target=begun, args=(server,))
    thread.start()
    thread.join()
    gc.collect()
    begun(server).rollback()


def test_nothing_leaks(server: Server) -> None:
    for number in range(300):
        work = begun(server)
        if number % 3 == 1:
            with pytest.raises(BackendError):
                work.run("RETURN 1 / 0")
        if number % 3 == 2:
            with pytest.raises(Invalid):
                server.read("RETURN $a", a=2**64)
        work.rollback()
    pool = server._opened().driver._pool
    assert sum(map(pool.in_use_connection_count, pool.connections)) == 0
    # Two were in use at once; where the routes name another address, one more has asked for them.
    assert sum(map(len, pool.connections.values())) <= len(pool.connections) + 1


# Interrupts


class Interrupting:
    """Raises KeyboardInterrupt at the nth line that runs in our modules or the driver's session.

    In a thread of its own: a thread has one tracer, and the main one's measures coverage.
    """

    FILES = ("neo4j/connections.py", "session.py", "transaction.py", "result.py")

    def __init__(self, line: int, reached: set[str]) -> None:
        self.left = line
        self._reached = reached
        """The files of which a line ran."""

    def __enter__(self) -> None:
        sys.settrace(self._trace)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.endswith(self.FILES):
            return None
        if frame.f_code.co_name in {"__del__", "_run"} and event == "call":
            return None
        if event == "line":
            self._reached.update(filter(frame.f_code.co_filename.endswith, self.FILES))
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self._trace


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_interrupt_at_any_line_leaves_no_lock(server: Server) -> None:
    reached: set[str] = set()

    def interrupted(line: int) -> bool:
        work = None
        try:
            with Interrupting(line, reached):
                work = begun(server)
                work.run("CREATE (:Item)")
                work.rollback()
        except KeyboardInterrupt:
            if work is not None:
                work.rollback()
            return True
        return False

    def interrupt_everywhere() -> int:
        cut = 0
        while interrupted(3 * cut + 3):  # each third line: each costs a connection
            cut += 1
        return cut

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(interrupt_everywhere).result() > 50
    assert reached == {*Interrupting.FILES}, "a file that was moved is not interrupted"
    begun(server, 5).rollback()
    assert count(server) == 0


def test_interrupt_while_waiting_for_an_answer(server: Server) -> None:
    work = begun(server)
    watch = threading.Timer(0.3, lambda: os.kill(os.getpid(), 2))
    watch.start()
    with pytest.raises(KeyboardInterrupt):
        work.run("UNWIND range(1, 1000000000) AS i RETURN sum(i)")
    assert not work.is_open
    work.rollback()
    begun(server, 5).rollback()
    watch.join()


# Connections that break


def test_refused_port() -> None:
    with (
        opened("neo4j://neo4j:s3same@127.0.0.1:1") as away,
        pytest.raises(Unavailable, match=r"neo4j://127\.0\.0\.1:1: .*see that the server runs"),
    ):
        away.read("RETURN 1")


@pytest.mark.parametrize("scheme", ["neo4j", "bolt"])
def test_host_that_never_answers(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineage.backends.neo4j.connections.ACQUIRE_SECONDS", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        with opened(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}") as away:
            for action in (lambda: away.read("RETURN 1"), lambda: begun(away, 30)):
                with quickly(12), pytest.raises(Unavailable):
                    action()


def test_host_without_an_address() -> None:
    with opened("bolt://no-such-host.invalid") as away, pytest.raises(Unavailable):
        away.write("RETURN 1")


def test_server_of_another_kind(neo4j_server: Neo4jServer) -> None:
    with (
        opened(neo4j_server.url.replace("neo4j://", "neo4j+s://")) as encrypted,
        pytest.raises(Unavailable, match="encryption"),
    ):
        encrypted.read("RETURN 1")


@pytest.mark.parametrize("credentials", ["neo4j:s3same@", ""])
def test_wrong_password(neo4j_server: Neo4jServer, credentials: str) -> None:
    url = neo4j_server.address.replace("://", f"://{credentials}")
    with opened(url) as server, pytest.raises(BackendError, match="NEO4J_PASSWORD") as refused:
        server.read("RETURN 1")
    assert not refused.value.retryable
    assert_kept(refused.value, "s3same")


def assert_kept(error: BaseException | None, secret: str) -> None:
    while error is not None:
        assert secret not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__


def test_wrong_database(neo4j_server: Neo4jServer) -> None:
    with opened(f"{neo4j_server.url}/nowhere") as server:
        with pytest.raises(BackendError, match=r"/nowhere: .*NEO4J_DATABASE") as refused:
            server.read("RETURN 1")
        assert not refused.value.retryable
        with pytest.raises(BackendError, match="NEO4J_DATABASE"):
            begun(server)


def test_password_of_odd_characters(
    neo4j_container: Neo4jServer, caplog: pytest.LogCaptureFixture
) -> None:
    neo4j_container.run(f"CREATE USER ann SET PASSWORD '{SECRET}' CHANGE NOT REQUIRED")
    caplog.set_level(logging.DEBUG)
    try:
        url = neo4j_container.address.replace("://", f"://ann:{ENCODED}@")
        with opened(url) as server:
            assert server.read("RETURN 1") == [[1]]
            assert SECRET not in f"{server.place} {server!r} {vars(server)}"
    finally:
        neo4j_container.run("DROP USER ann")
    assert SECRET not in caplog.text
    assert ENCODED not in caplog.text


def test_server_that_was_restarted(neo4j_container: Neo4jServer) -> None:
    with opened(neo4j_container.url) as server:
        server.write("CREATE (:Store)")
        work = begun(server)
        neo4j_container.stop()
        with pytest.raises(Unavailable):
            work.run("CREATE (:Item)")
        assert not work.is_open
        work.rollback()
        with quickly(12), pytest.raises(Unavailable):
            server.read("RETURN 1")
        neo4j_container.start()
        assert count(server) == 0
        neo4j_container.restart()
        begun(server, 1).rollback()
        neo4j_container.restart()
        server.write("CREATE (:Item)")
        assert count(server) == 1


def test_commit_on_a_broken_connection(neo4j_container: Neo4jServer) -> None:
    with opened(neo4j_container.url) as server:
        server.write("CREATE (:Store)")
        work = begun(server)
        left = begun_beside(server)
        neo4j_container.stop()
        with pytest.raises(Unavailable):
            work.commit()
        assert not work.is_open
        left.rollback()
        neo4j_container.start()
        assert server.read("MATCH (s:Store) RETURN s.lock") == [[None]]


def begun_beside(server: Server) -> Work:
    work, _ = server.begin(first="CREATE (:Item)", seconds=1)
    return work


# Closing


def test_closed_server(neo4j_server: Neo4jServer) -> None:
    with opened(neo4j_server.url) as server:
        work = begun_beside(server)
        server.close()
        assert not work.is_open
        for action in (lambda: server.read("RETURN 1"), lambda: begun(server)):
            with pytest.raises(Invalid, match="the store is closed"):
                action()
        with pytest.raises(Invalid):
            work.commit()
        work.rollback()
        server.close()


def test_closing_ends_what_other_threads_wait_for(server: Server) -> None:
    errors: list[LineageError] = []

    def wait() -> None:
        try:
            server.read("UNWIND range(1, 1000000000) AS i RETURN sum(i)")
        except LineageError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.5)
    server.close()
    thread.join(5)
    assert not thread.is_alive()
    assert [str(error) for error in errors] == ["the store is closed"]


PROGRAM = """
import sys
from lineage.backends.neo4j.connections import Server
server = Server(sys.argv[1])
server.read("RETURN 1")
work, _ = server.begin(first="CREATE (:Item)", seconds=1)
"""


def test_program_that_ends_without_closing_is_quiet(neo4j_server: Neo4jServer) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM, neo4j_server.url],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_driver_is_imported_only_for_a_server() -> None:
    program = "import sys, lineage.backends.neo4j.connections; print('neo4j' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"False\n"


# Forks

FORKING = """
import os, sys, gc
from lineage.backends.neo4j.connections import Server
from lineage.errors import Invalid
url, way = sys.argv[1:]
server = Server(url)
server.write("CREATE (:Item)")
work, _ = server.begin(first="CREATE (:Item)", seconds=1)
child = os.fork()
if child == 0:
    assert not work.is_open
    try:
        work.run("RETURN 1")
    except Invalid:
        pass
    work.rollback()
    del work
    gc.collect()
    if way == "use":
        assert server.read("MATCH (n:Item) RETURN count(n)") == [[1]]
        server.write("CREATE (:Item)")
        server.close()
    if way == "drop":
        del server
        gc.collect()
    sys.exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
work.run("CREATE (:Item)")
work.commit()
print(server.read("MATCH (n:Item) RETURN count(n)"))
server.close()
"""


@pytest.mark.parametrize(("way", "items"), [("use", 4), ("drop", 3), ("end", 3)])
def test_forked_child_leaves_its_parent_alone(
    neo4j_server: Neo4jServer, way: str, items: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", FORKING, neo4j_server.url, way],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == f"[[{items}]]\n"
