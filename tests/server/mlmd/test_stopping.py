"""Calls that nobody waits for, servers that end whatever calls do, and health meanwhile."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

from lineage.backends.sqlite.backend import SqliteBackend
from lineage.contract.backend import Backend
from lineage.mlmd.messages import SERVICE, message
from lineage.model.keys import Kind
from lineage.model.rows import EdgeKind
from lineage.server.callers import Callers
from lineage.server.mlmd import calls as mlmd
from lineage.server.mlmd import serving as module
from lineage.server.mlmd.serving import serving
from lineage.testing.builders import writing
from tests.tree import ROOT


class Work(NamedTuple):
    """What is released each time that the work for a call begins and ends, whatever its client knows."""

    begins: threading.Semaphore
    ends: threading.Semaphore


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    real, seen = mlmd.answer, Work(threading.Semaphore(0), threading.Semaphore(0))

    def answer(session: object, request: bytes) -> bytes:
        seen.begins.release()
        try:
            return real(session, request)
        finally:
            seen.ends.release()

    monkeypatch.setattr(mlmd, "answer", answer)
    return seen


def send(channel: grpc.Channel, call: str, *, timeout: float = 60, **fields: object) -> Any:
    """Send a call, and return what becomes of it."""
    request = message(f"{call}Request")(**fields).SerializeToString()
    return channel.unary_unary(f"/{SERVICE}/{call}").future(request, timeout=timeout)


def in_many_contexts(backend: Backend) -> None:
    """Write an artifact in so many contexts that to try every eight of them takes a lifetime."""
    with writing(backend) as new:
        artifact = new.artifact()
        for _ in range(60):
            new.edge(new.context(), artifact, EdgeKind.ATTRIBUTION)


ENDLESS = " AND ".join(
    [*(f"contexts_{n}.id > contexts_{n + 1}.id" for n in range(7)), "contexts_7.id > 1000"]
)


def test_a_call_stops_when_its_deadline_has_passed_or_its_client_has_gone(
    backend: Backend, work: Work
) -> None:
    in_many_contexts(backend)
    asked = {"options": {"filter_query": ENDLESS}}
    with serving(backend, "127.0.0.1:0", callers=Callers("ann")) as server:
        with grpc.insecure_channel(server.address) as channel:
            late = send(channel, "GetArtifacts", timeout=0.5, **asked)
            assert late.exception().code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert work.ends.acquire(timeout=60)
            waits = send(channel, "GetArtifacts", **asked)
            for _ in range(2):
                assert work.begins.acquire(timeout=60)
            assert not waits.done()
        # The channel is closed, and the client gone with it.
        assert work.ends.acquire(timeout=60)
    assert backend.check() == []


def test_waiting_for_the_write_lock_stops_too(backend: Backend, work: Work) -> None:
    with (
        serving(backend, "127.0.0.1:0", callers=Callers("ann")) as server,
        grpc.insecure_channel(server.address) as channel,
        ThreadPoolExecutor(1) as elsewhere,
    ):
        with writing(backend) as new:
            new.artifact()
            put = send(channel, "PutArtifactType", timeout=0.5, artifact_type={"name": "T"})
            assert elsewhere.submit(put.exception).result(60).code().name == "DEADLINE_EXCEEDED"
            assert work.ends.acquire(timeout=60)
        assert send(channel, "PutArtifactType", artifact_type={"name": "U"}).result()
    assert {"T", "U"}.intersection(row.type.name for row in backend.types()) == {"U"}
    assert len(backend.log()) == 2


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Semaphore]]:
    """What lets calls go on that look at nothing, and what is released when one begins."""
    go_on, entered = threading.Event(), threading.Semaphore(0)

    def answer(*_: object) -> bytes:
        entered.release()
        go_on.wait()
        return b""

    monkeypatch.setattr(mlmd, "answer", answer)
    try:
        yield go_on, entered
    finally:
        go_on.set()


@contextmanager
def served(path: Path) -> Iterator[tuple[SqliteBackend, module.Serving, grpc.Channel]]:
    with (
        SqliteBackend(str(path / "s.db")) as backend,
        serving(backend, "127.0.0.1:0", callers=Callers("ann")) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        yield backend, server, channel


def test_health_is_told_while_all_others_are_busy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stuck: tuple[threading.Event, threading.Semaphore],
) -> None:
    monkeypatch.setattr(module, "THREADS", 2)
    go_on, entered = stuck
    with served(tmp_path) as (_, _, channel):
        sent = [send(channel, "GetArtifacts") for _ in range(6)]
        assert entered.acquire(timeout=60)
        assert entered.acquire(timeout=60)
        for _ in range(3):
            answer = HealthStub(channel).Check(HealthCheckRequest(), timeout=60)  # type: ignore[attr-defined]
            assert answer.status == answer.SERVING
        assert not any(each.done() for each in sent)
        go_on.set()
        assert [each.result() for each in sent] == [b""] * 6


def test_a_server_says_whether_all_calls_ended(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stuck: tuple[threading.Event, threading.Semaphore],
) -> None:
    monkeypatch.setattr(module, "GRACE", 0.1)
    monkeypatch.setattr(module, "LEAVING", 0.1)
    go_on, entered = stuck
    with served(tmp_path) as (_, server, channel):
        sent = send(channel, "GetArtifacts")
        assert entered.acquire(timeout=60)
        assert not server.stop()
        assert sent.exception() is not None
        go_on.set()
        monkeypatch.setattr(module, "LEAVING", 60)
        assert server.stop()


def test_a_damaged_store_tells_no_path(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with served(tmp_path) as (backend, _, channel):
        with sqlite3.connect(backend.place) as sql:
            sql.execute("DROP TABLE node")
        error = send(channel, "GetArtifacts").exception()
        assert error.code() is grpc.StatusCode.DATA_LOSS
        assert str(tmp_path) not in error.details()
        assert str(tmp_path) in caplog.text


SERVER = """
import sys, threading
from lineage.cli.app import main
from lineage.server.mlmd import calls, serving

serving.GRACE = serving.LEAVING = 0.2
real = calls.answer

def answer(session, request):
    if session.call == "GetArtifacts":
        threading.Event().wait()
    return real(session, request)

calls.answer = answer
sys.exit(main(["serve", "--mlmd", "127.0.0.1:0", "--store", sys.argv[1]]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_ends_although_a_call_never_does(number: int, tmp_path: Path) -> None:
    path = tmp_path / "served.db"
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as running:
        try:
            assert running.stdout is not None
            address = running.stdout.readline().split()[-1]
            with grpc.insecure_channel(address) as channel:
                stuck = send(channel, "GetArtifacts")
                assert send(channel, "PutArtifactType", artifact_type={"name": "T"}).result()
                running.send_signal(number)
                assert running.wait(60) == 0
                assert stuck.exception() is not None
            assert running.stderr is not None
            assert "some calls did not end in time" in running.stderr.read()
        finally:
            running.kill()
    with SqliteBackend(str(path)) as backend:
        assert [row.type.name for row in backend.types() if row.type.name == "T"] == ["T"]
        assert backend.check() == []
        assert backend.find(Kind.ARTIFACT) == []
