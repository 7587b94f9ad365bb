"""Changes as they come: events and lists, resumption, many readers, and an end with readers there."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from lineage.backends.sqlite.backend import SqliteBackend
from lineage.errors import Unavailable
from lineage.model.system import Dataset
from lineage.server.callers import Callers, Tokens
from lineage.server.web import changes as module
from lineage.server.web import watching
from lineage.server.web.serving import GRACE, Serving, serving
from lineage.store import Store
from tests.tree import ROOT

SOON = 20.0
"""How many seconds a test waits for what comes at once, on a machine that does much else."""


@pytest.fixture
def served(store: Store) -> Iterator[Serving]:
    with serving(store, "127.0.0.1:0", callers=Callers("ann", None)) as server:
        yield server


def put(store: Store, *names: str, message: str = "") -> None:
    for name in names:
        store.put(Dataset(name=name), message=message)


def connection(server: Serving) -> HTTPConnection:
    parts = urlsplit(server.address)
    assert parts.hostname is not None
    return HTTPConnection(parts.hostname, parts.port, timeout=SOON)


@contextmanager
def events(server: Serving, query: str = "", **headers: str) -> Iterator[Iterator[dict[str, Any]]]:
    """Open a stream, and give its events."""
    line = connection(server)
    accept = {"Accept": "text/event-stream"}
    line.request("GET", f"/api/v1/changes{query}", headers=headers | accept)
    response = line.getresponse()
    assert response.status == 200, response.read()
    assert response.headers["content-type"].startswith("text/event-stream")
    try:
        yield parsed(response)
    finally:
        response.close()
        line.close()


def parsed(response: HTTPResponse) -> Iterator[dict[str, Any]]:
    """Yield events by the rules of EventSource: their data, the number being also the event's id."""
    fields: dict[str, str] = {}
    for raw in response:
        line = raw.decode().rstrip("\n")
        name, _, value = line.partition(": ")
        if name:
            fields[name] = value
        elif not line:
            if "data" in fields:
                data = json.loads(fields["data"])
                assert fields["event"] == "transaction"
                assert fields["id"] == str(data["number"])
                yield data
            fields = {}


def asked(server: Serving, query: str, **headers: str) -> tuple[int, Any]:
    line = connection(server)
    line.request("GET", f"/api/v1/changes{query}", headers=headers)
    response = line.getresponse()
    try:
        return response.status, json.loads(response.read())
    finally:
        line.close()


def test_a_transaction_is_an_event(store: Store, served: Serving) -> None:
    put(store, "old")
    with events(served) as stream:
        put(store, "people", message="first of all")
        put(store, "places")
        first, second = next(stream), next(stream)
    assert (first["number"], first["actor"], first["message"]) == (2, "ann", "first of all")
    assert first["records"] == 1
    assert first["transactions"] == 1
    assert first["time"].endswith("Z")
    assert "places" in second["message"]


def test_a_reader_goes_on_after_a_number(store: Store, served: Serving) -> None:
    put(store, "a", "b", "c")
    with events(served, "?after=1") as stream:
        assert [next(stream)["number"] for _ in range(2)] == [2, 3]
    with events(served, **{"Last-Event-ID": "2"}) as stream:
        assert next(stream)["number"] == 3
    with events(served, "?after=0") as stream:
        assert [next(stream)["number"] for _ in range(3)] == [1, 2, 3]
    with events(served, "?after=0", **{"Last-Event-ID": "2"}) as stream:
        assert next(stream)["number"] == 3


def test_a_number_of_another_store_means_from_now_on(store: Store, served: Serving) -> None:
    put(store, "a")
    with events(served, "?after=700") as stream:
        put(store, "b")
        assert next(stream)["number"] == 2


def test_many_at_once_are_told_as_one(store: Store, served: Serving) -> None:
    number = watching.APART + 3
    put(store, *map(str, range(number)))
    with events(served, "?after=2") as stream:
        told = next(stream)
        assert (told["number"], told["transactions"]) == (number, number - 2)
        put(store, "one more")
        assert next(stream)["transactions"] == 1
    with events(served, "?after=4") as stream:
        assert next(stream)["number"] == 5


def test_who_asks_for_a_list_waits_for_something_to_be_in_it(store: Store, served: Serving) -> None:
    put(store, "a")
    status, items = asked(served, "?after=0&wait=0")
    assert status == 200
    assert [each["number"] for each in items] == [1]
    assert asked(served, "?after=1&wait=0") == (200, [])
    assert asked(served, "?after=1&wait=0.2") == (200, [])
    late = threading.Timer(0.3, put, (store, "b"))
    late.start()
    status, items = asked(served, "?after=1&wait=20")
    late.join()
    assert [each["number"] for each in items] == [2]


@pytest.mark.parametrize(
    ("query", "header", "field"),
    [
        ("?after=-1", "", "after"),
        ("?after=1e3", "", "after"),
        (f"?after={10**30}", "", "after"),
        ("?wait=61", "", "wait"),
        ("?wait=nan", "", "wait"),
        ("?from=3", "", "from"),
        ("", "two", "Last-Event-ID"),
        ("", "9" * 40, "Last-Event-ID"),
    ],
)
def test_what_is_no_number_is_refused(embedded: Store, query: str, header: str, field: str) -> None:
    with serving(embedded, "127.0.0.1:0", callers=Callers("ann", None)) as server:
        status, problem = asked(server, query, **({"Last-Event-ID": header} if header else {}))
    assert status == 400
    assert problem["field"] == field


def test_another_process_is_heard_within_two_seconds(tmp_path: Path) -> None:
    path = tmp_path / "lineage.db"
    code = (
        "import sys, lineage, time\n"
        f"store = lineage.connect({str(path)!r}, actor='bob')\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "store.put(lineage.Dataset(name='theirs')); print(time.time(), flush=True)\n"
    )
    with (
        SqliteBackend(str(path)) as backend,
        serving(Store(backend, actor="ann"), "127.0.0.1:0", callers=Callers("ann", None)) as server,
        events(server) as stream,
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other,
    ):
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("\n")
        other.stdin.flush()
        heard = next(stream)
        late = time.time() - float(other.stdout.readline())
    assert heard["actor"] == "bob"
    assert late < 2


def test_a_reader_goes_on_with_another_server(store: Store) -> None:
    with (
        serving(store, "127.0.0.1:0", callers=Callers("ann", None)) as server,
        events(server) as stream,
    ):
        put(store, "a")
        last = next(stream)["number"]
    put(store, "b")
    with (
        serving(store, "127.0.0.1:0", callers=Callers("ann", None)) as server,
        events(server, **{"Last-Event-ID": str(last)}) as stream,
    ):
        put(store, "c")
        assert [next(stream)["number"] for _ in range(2)] == [2, 3]


def test_a_hundred_readers_hold_no_thread_and_end_with_the_server(embedded: Store) -> None:
    with (
        serving(embedded, "127.0.0.1:0", callers=Callers("ann", None)) as server,
        ExitStack() as readers,
    ):
        streams = [readers.enter_context(events(server)) for _ in range(100)]
        before = threading.active_count()
        put(embedded, "news")
        assert [next(each)["number"] for each in streams] == [1] * 100
        assert threading.active_count() <= before + watching.THREADS
        began = time.monotonic()
        assert server.stop()
        assert time.monotonic() - began < GRACE
        assert [list(each) for each in streams] == [[]] * 100


def test_who_has_gone_is_no_reader(embedded: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "READERS", 1)
    with serving(embedded, "127.0.0.1:0", callers=Callers("ann", None)) as server:
        with events(server):
            status, problem = asked(server, "?wait=0")
            assert (status, problem["retryable"]) == (503, True)
        deadline = time.monotonic() + SOON
        while asked(server, "?wait=0")[0] != 200:
            assert time.monotonic() < deadline


def test_a_quiet_stream_says_that_it_is_there(
    embedded: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_SECONDS", 0.05)
    with serving(embedded, "127.0.0.1:0", callers=Callers("ann", None)) as server:
        line = connection(server)
        line.request("GET", "/api/v1/changes", headers={"Accept": "text/event-stream"})
        response = line.getresponse()
        lines = [response.readline() for _ in range(5)]
        line.close()
    assert lines == [b"retry: 1000\n", b"id: 0\n", b"\n", b": still here\n", b"\n"]


def test_a_stream_ends_after_an_hour(embedded: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_SECONDS", 0.05)
    monkeypatch.setattr(module, "PING_SECONDS", 0.05)
    with (
        serving(embedded, "127.0.0.1:0", callers=Callers("ann", None)) as server,
        events(server) as stream,
    ):
        assert list(stream) == []


def test_who_may_not_read_any_more_is_told_nothing_more(embedded: Store, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("ann t-ann reader\nben t-ben reader\n")
    file.chmod(0o600)
    seconds = itertools.count(0, 1_000_000)  # so that each look at the file is a second later
    callers = Callers("", Tokens(file, clock=lambda: next(seconds)))
    with (
        serving(embedded, "127.0.0.1:0", callers=callers) as server,
        events(server, Authorization="Bearer t-ann") as stream,
    ):
        put(embedded, "before")
        assert next(stream)["number"] == 1
        file.write_text("ben t-ben reader\n")
        put(embedded, "after")
        assert list(stream) == []
        status, _ = asked(server, "?after=1", Authorization="Bearer t-ann")
        assert status == 401
        status, found = asked(server, "?after=1", Authorization="Bearer t-ben")
        assert (status, [each["number"] for each in found]) == (200, [2])


def test_the_head_of_a_stream_is_all_that_is_asked_for(embedded: Store) -> None:
    with serving(embedded, "127.0.0.1:0", callers=Callers("ann", None)) as server:
        line = connection(server)
        line.request("HEAD", "/api/v1/changes", headers={"Accept": "text/event-stream"})
        response = line.getresponse()
        assert (response.status, response.read()) == (200, b"")
        line.request("GET", "/health/live")
        assert json.loads(line.getresponse().read()) == {"status": "live"}
        line.close()


def test_who_reads_nothing_is_dropped(embedded: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_SECONDS", 0.0)
    monkeypatch.setattr(module, "PING", b": %b\n\n" % (b"." * 100_000))
    monkeypatch.setattr(module, "SEND_SECONDS", 0.2)
    monkeypatch.setattr(watching, "READERS", 1)
    with serving(embedded, "127.0.0.1:0", callers=Callers("ann", None)) as server:
        parts = urlsplit(server.address)
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            slow.connect((parts.hostname, parts.port))
            slow.sendall(
                b"GET /api/v1/changes HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
            )
            assert slow.recv(1)
            deadline = time.monotonic() + SOON
            while asked(server, "?wait=0")[0] != 200:
                assert time.monotonic() < deadline
                time.sleep(0.1)


def test_a_store_that_is_away_is_asked_again(
    embedded: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        serving(embedded, "127.0.0.1:0", callers=Callers("ann", None)) as server,
        events(server) as stream,
    ):
        real, away = embedded.backend.now, threading.Event()

        def now() -> int:
            away.set()
            raise Unavailable("away")

        with monkeypatch.context() as patch:
            patch.setattr(embedded.backend, "now", now)
            assert away.wait(SOON)
        assert embedded.backend.now() == real()
        put(embedded, "back")
        assert next(stream)["number"] == 1
    assert "cannot be asked for changes" in caplog.text
