"""The server on its socket: slow and vanishing clients, many at once, TLS, and stores that are away for a while."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

import lineage
from lineage.contract.stopping import go_on
from lineage.errors import Invalid, NotFound, Unavailable
from lineage.server.addresses import Certificate
from lineage.server.callers import CallerRole, Callers
from lineage.server.refusal import Refusal
from lineage.server.web import connections, pool, receiving
from lineage.server.web.routes import API
from lineage.server.web.serving import Serving, serving
from lineage.store import Store
from tests.runs import two_runs

STORE = f"{API}/store"


@pytest.fixture
def memory() -> Iterator[Store]:
    with lineage.connect("memory:") as store:
        yield two_runs(store)


@contextmanager
def served(store: Store, **options: Any) -> Iterator[Serving]:
    with serving(store, "127.0.0.1:0", callers=Callers("ann"), **options) as server:
        yield server


@contextmanager
def connected(server: Serving) -> Iterator[socket.socket]:
    place = urlsplit(server.address)
    assert place.hostname
    assert place.port
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        yield connection


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def ended(connection: socket.socket) -> bytes:
    """Return what comes until the server ends the connection."""
    came = b""
    try:
        while piece := connection.recv(65_536):
            came += piece
    except ConnectionResetError:
        pass
    return came


# Slow clients


@pytest.mark.parametrize(
    "begun", [b"", b"GET / HT", head("GET", STORE)[:-2], head("GET", STORE) + b"GET /api"]
)
def test_who_does_not_say_what_they_want_is_cut(
    memory: Store, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    with served(memory) as server, connected(server) as connection:
        connection.sendall(begun)
        assert ended(connection).startswith(b"HTTP/1.1 200" if b"\r\n\r\n" in begun else b"")


def test_a_head_that_trickles_is_cut(memory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    with served(memory) as server, connected(server) as connection:
        began = time.monotonic()
        with suppress(OSError):
            for letter in b"GET /" + b"x" * 300:
                connection.sendall(bytes([letter]))
                time.sleep(0.02)
        assert time.monotonic() - began < 5
        assert ended(connection) == b""


def test_a_body_that_trickles_is_refused(memory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "SECONDS", 0.3)
    with served(memory) as server, connected(server) as connection:
        said = ("Content-Type: application/json", "Content-Length: 1000")
        connection.sendall(head("POST", f"{API}/nodes:delete", *said) + b'{"')
        answer = ended(connection)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"connection: close" in answer.lower()
        assert httpx2.get(server.address + STORE).status_code == 200


def test_who_does_not_take_the_answer_is_cut(
    memory: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "READING_SECONDS", 0.3)
    monkeypatch.setattr(Store, "search", lambda *_, **__: ["x" * 1_000] * 40_000)
    with served(memory) as server, connected(server) as connection:
        connection.sendall(head("GET", f"{API}/search?q=a"))
        deadline = time.monotonic() + 30
        while "underway 1.0" not in (text := httpx2.get(f"{server.address}/metrics").text):
            assert time.monotonic() < deadline, text
            time.sleep(0.05)
        assert len(ended(connection)) < 40_000_000


# Too much


def test_heads_that_are_too_long(memory: Store) -> None:
    with served(memory) as server:
        long = (head("GET", f"{API}/search?q={'x' * size}") for size in (70_000, 200_000))
        for said in (*long, head("GET", STORE, f"X-Long: {'x' * 200_000}")):
            with connected(server) as connection:
                with suppress(OSError):
                    connection.sendall(said)
                    connection.shutdown(socket.SHUT_WR)
                assert ended(connection)[:12] in (b"HTTP/1.1 400", b"")
        assert httpx2.get(server.address + STORE).status_code == 200


def test_bodies_that_are_too_large_are_not_waited_for(memory: Store) -> None:
    with served(memory) as server:
        path, megabyte = f"{API}/nodes:delete", 2**20
        with connected(server) as connection:
            connection.sendall(head("POST", path, f"Content-Length: {11 * megabyte}"))
            assert ended(connection).startswith(b"HTTP/1.1 413")
        with connected(server) as connection:
            connection.sendall(head("POST", path, "Transfer-Encoding: chunked"))
            with suppress(OSError):
                for _ in range(11):
                    connection.sendall(b"100000\r\n" + b"x" * megabyte + b"\r\n")
            assert ended(connection)[:12] in (b"HTTP/1.1 413", b"")
        assert httpx2.get(server.address + STORE).status_code == 200


def test_large_bodies_have_their_turns(memory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "LARGE", 1_000)
    monkeypatch.setattr(receiving, "TURN_SECONDS", 0.2)
    said = json.dumps({"nodes": [{"type": "T", "name": "x" * 2_000}]}).encode()
    lines = "Content-Type: application/json", f"Content-Length: {len(said)}", "Connection: close"
    beginning = head("POST", f"{API}/nodes:put", *lines) + said[:-1]
    with served(memory) as server, connected(server) as first:
        first.sendall(beginning)
        with connected(server) as second:
            second.sendall(beginning)
            come = ended(second)
            assert come.startswith(b"HTTP/1.1 503")
            assert b"retry-after: 1\r\n" in come
        small = {"nodes": [{"type": "T", "name": "y"}]}
        assert httpx2.post(f"{server.address}{API}/nodes:put", json=small).status_code == 201
        first.sendall(said[-1:])
        assert ended(first).startswith(b"HTTP/1.1 201")
        with connected(server) as third:
            third.sendall(beginning + said[-1:])
            assert ended(third).startswith(b"HTTP/1.1 409"), "its turn came; the name is taken"


def test_what_a_reader_may_not_send_is_not_waited_for(memory: Store) -> None:
    callers = Callers("ann", role=CallerRole.READER)
    with serving(memory, "127.0.0.1:0", callers=callers) as server, connected(server) as connection:
        connection.sendall(head("POST", f"{API}/nodes:put", f"Content-Length: {2**20}"))
        assert connection.recv(12) == b"HTTP/1.1 403"


def test_there_are_so_many_connections(memory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST", 3)
    with served(memory) as server, ExitStack() as held:
        several = [held.enter_context(connected(server)) for _ in range(4)]
        assert ended(several[3]) == b""
        several[0].close()
        deadline = time.monotonic() + 10
        while True:  # until the server has seen that one has gone
            with suppress(httpx2.HTTPError):
                assert httpx2.get(server.address + STORE).status_code == 200
                return
            assert time.monotonic() < deadline


def test_what_is_no_http(memory: Store, capfd: pytest.CaptureFixture[str]) -> None:
    with served(memory) as server:
        for said in (b"\x16\x03\x01\x02\0", b"GET\r\n\r\n", b"\r\n" * 100, b"\0" * 10_000):
            with connected(server) as connection:
                connection.sendall(said)
                connection.shutdown(socket.SHUT_WR)
                assert ended(connection)[:12] in (b"HTTP/1.1 400", b"")
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
        assert httpx2.get(server.address + STORE, headers=upgrade).status_code == 200
    assert capfd.readouterr().err == ""


# Clients that go, and answers that do not come


class Walk:
    """A question that takes as long as somebody waits for the answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, looks: bool = True) -> None:
        self.begun, self.over = threading.Semaphore(0), threading.Event()
        self.ends: list[Refusal] = []
        self._looks, self._all = looks, threading.Semaphore(0)
        monkeypatch.setattr(Store, "search", self._search)

    def _search(self, *_: object, **__: object) -> list[str]:
        self.begun.release()
        try:
            while not self.over.wait(0.01):
                if self._looks:
                    go_on()
        except Refusal as refusal:
            self.ends.append(refusal)
            self._all.release()
            raise
        return []

    def ended(self) -> bool:
        """Wait until one has ended because it was to."""
        return self._all.acquire(timeout=30)


SEARCH = f"{API}/search?q=a"


def test_a_walk_stops_when_its_client_has_gone(
    memory: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = Walk(monkeypatch)
    with served(memory) as server:
        for _ in range(20):  # which is more than there are threads
            with connected(server) as connection:
                connection.sendall(head("GET", SEARCH))
                assert walk.begun.acquire(timeout=30)
            assert walk.ended()
        assert {refusal.status for refusal in walk.ends} == {"CANCELLED"}
        assert httpx2.get(server.address + STORE).status_code == 200


@pytest.mark.parametrize("looks", [True, False])
def test_an_answer_has_a_deadline(
    memory: Store, monkeypatch: pytest.MonkeyPatch, looks: bool
) -> None:
    walk = Walk(monkeypatch, looks=looks)
    with served(memory) as server:
        with monkeypatch.context() as patch:
            patch.setattr(pool, "SECONDS", 0.2)
            patch.setattr(pool, "LEAVING", 0.2)
            answer = httpx2.get(server.address + SEARCH, timeout=30)
        assert answer.status_code == 504
        assert answer.json()["type"].endswith("#deadline-exceeded")
        assert len(walk.ends) == looks
        walk.over.set()
        assert httpx2.get(server.address + SEARCH).status_code == 200


def test_so_many_wait_and_the_next_is_told_to_come_again(
    memory: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "THREADS", 2)
    monkeypatch.setattr(pool, "WAITING", 3)
    walk = Walk(monkeypatch)
    with served(memory) as server, ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(httpx2.get, server.address + SEARCH, timeout=30) for _ in range(6)]
        answers = [next(as_completed(asked)).result()]
        assert (answers[0].status_code, answers[0].headers["retry-after"]) == (503, "1")
        assert httpx2.get(f"{server.address}/health/ready").status_code == 200
        measured = httpx2.get(f"{server.address}/metrics")
        assert "lineage_http_requests_waiting 3.0" in measured.text.splitlines()
        walk.over.set()
        assert sorted(each.result().status_code for each in asked) == [200] * 5 + [503]


def test_sixty_four_clients_beside_four_pages(memory: Store) -> None:
    """What pages listen to stays open meanwhile, and they hear of what is written then."""
    paths = (STORE, f"{API}/nodes/artifact%3A1", f"{API}/nodes/artifact%3A1/downstream", "/metrics")

    def ask(number: int) -> list[int]:
        with httpx2.Client(base_url=server.address, timeout=60) as client:
            return [client.get(paths[(number + each) % 4]).status_code for each in range(4)]

    with served(memory) as server, ThreadPoolExecutor(64) as threads, ExitStack() as held:
        pages = [held.enter_context(connected(server)) for _ in range(4)]
        for each in pages:
            each.sendall(head("GET", f"{API}/changes", "Accept: text/event-stream"))
            assert each.recv(100).startswith(b"HTTP/1.1 200")
        assert [*threads.map(ask, range(64))] == [[200] * 4] * 64
        memory.put(lineage.Dataset(name="heard"), message="of by all")
        for each in pages:
            said = b""
            while b"of by all" not in said:
                more = each.recv(4_096)
                assert more, said
                said += more


def test_a_server_ends_whatever_it_is_at(memory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = Walk(monkeypatch)
    with served(memory) as server, ThreadPoolExecutor(2) as threads, ExitStack() as held:
        asked = threads.submit(httpx2.get, server.address + SEARCH, timeout=30)
        assert walk.begun.acquire(timeout=30)
        streams = [held.enter_context(connected(server)) for _ in range(3)]
        for stream in streams:
            stream.sendall(head("GET", f"{API}/changes", "Accept: text/event-stream"))
            assert stream.recv(100).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        assert server.stop()
        assert time.monotonic() - began < 3
        assert asked.result().status_code == 503
        assert all(ended(stream) for stream in streams)
        with pytest.raises(httpx2.HTTPError):
            httpx2.get(server.address + STORE)


# TLS


def test_encryption_and_clients_certificates(memory: Store, certificates: Path) -> None:
    pair = Certificate(certificates / "server.pem", certificates / "server.key")
    anybody = ssl.create_default_context(cafile=certificates / "ca.pem")
    known = ssl.create_default_context(cafile=certificates / "ca.pem")
    known.load_cert_chain(certificates / "client.pem", certificates / "client.key")
    with served(memory, certificate=pair) as server:
        assert server.address.startswith("https://127.0.0.1:")
        answer = httpx2.get(server.address + STORE, verify=anybody)
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        with pytest.raises(httpx2.HTTPError):
            httpx2.get(server.address.replace("https", "http") + STORE)
    with served(memory, certificate=pair._replace(clients=certificates / "ca.pem")) as server:
        assert httpx2.get(server.address + STORE, verify=known).status_code == 200
        with pytest.raises(httpx2.HTTPError):
            httpx2.get(server.address + STORE, verify=anybody)


def test_addresses_and_certificates_that_are_none(memory: Store, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    for certificate, error in (
        (Certificate(wrong, wrong), Invalid),
        (Certificate(wrong, tmp_path / "nowhere"), NotFound),
    ):
        with pytest.raises(error), served(memory, certificate=certificate):
            pass
    with pytest.raises(Invalid, match="HOST:PORT"), serving(memory, "x", callers=Callers("ann")):
        pass
    with (
        served(memory) as server,
        pytest.raises(Unavailable, match="taken"),
        serving(memory, urlsplit(server.address).netloc, callers=Callers("ann")),
    ):
        pass


# Stores that are away


def test_a_store_that_is_damaged_or_away_is_told_and_the_server_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "private" / "served.db"
    path.parent.mkdir()
    with lineage.connect(path) as store:
        two_runs(store)
    whole, elsewhere = path.read_bytes(), path.with_name("elsewhere")
    with lineage.connect(path) as store, served(store) as server, ExitStack() as held:
        walk = Walk(monkeypatch)

        def occupy() -> None:
            """Keep a thread of the server, so that the next request gets one that has not opened the store."""
            held.enter_context(connected(server)).sendall(head("GET", SEARCH))
            assert walk.begun.acquire(timeout=30)

        def ask() -> httpx2.Response:
            answer = httpx2.get(f"{server.address}{API}/nodes/artifact%3A1", timeout=60)
            assert "private" not in answer.text
            if answer.status_code != 200:
                assert answer.headers["content-type"] == "application/problem+json"
            return answer

        occupy()
        path.write_bytes(b"x" * len(whole))
        assert (ask().status_code, ask().json()["type"][15:]) == (500, "corrupt")
        assert httpx2.get(f"{server.address}/health/live").status_code == 200
        path.write_bytes(whole)
        assert ask().status_code == 200
        occupy()
        path.rename(elsewhere)
        assert ask().status_code == 500
        assert not path.exists(), "none is made in its place"
        assert httpx2.get(f"{server.address}/health/live").status_code == 200
    elsewhere.rename(path)
    with lineage.connect(path) as store, served(store) as server:
        assert ask().status_code == 200


def test_a_store_that_somebody_else_writes_to_is_read_and_soon_refuses_to_write(
    tmp_path: Path,
) -> None:
    path = tmp_path / "served.db"
    with lineage.connect(path) as store, lineage.connect(path) as other, served(store) as server:
        two_runs(store)
        store.backend.lock_timeout = 0.2
        put = {"nodes": [{"type": "Plain"}]}
        with other.backend.transaction() as transaction:
            transaction.lock()
            assert httpx2.get(server.address + STORE).status_code == 200
            answer = httpx2.post(f"{server.address}{API}/nodes:put", json=put)
            assert (answer.status_code, answer.headers["retry-after"]) == (409, "1")
            assert answer.json()["retryable"] is True
        assert httpx2.post(f"{server.address}{API}/nodes:put", json=put).status_code == 201


def test_small_parts_are_sent_at_once(memory: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the body of each answer to a connection that stays open came 40 ms after its head."""
    made, seen = connections.Connection.connection_made, []

    def noted(self: connections.Connection, transport: Any) -> None:
        own = transport.get_extra_info("socket")
        seen.append(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0)
        made(self, transport)

    monkeypatch.setattr(connections.Connection, "connection_made", noted)
    with served(memory) as server:
        assert httpx2.get(f"{server.address}{STORE}").status_code == 200
    assert seen == [True]
