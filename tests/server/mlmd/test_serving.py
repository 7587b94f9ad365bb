"""The server itself: who may call, what is no request, how it ends."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

import lineage
from lineage.backends.memory.backend import MemoryBackend
from lineage.backends.sqlite.backend import SqliteBackend
from lineage.contract.backend import Backend
from lineage.errors import Invalid, NotFound, Unavailable
from lineage.mlmd.messages import METHODS, SERVICE, Message, message
from lineage.model.keys import Kind, NodeKey
from lineage.server.addresses import Certificate
from lineage.server.callers import Callers, Tokens
from lineage.server.mlmd import calls as mlmd
from lineage.server.mlmd.serving import Serving, serving
from tests.tree import ROOT

BIG = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def send(channel: grpc.Channel, call: str, request: bytes, **options: object) -> bytes:
    answer: bytes = channel.unary_unary(f"/{SERVICE}/{call}")(request, timeout=30, **options)
    return answer


def put_type(channel: grpc.Channel, name: str = "T", **options: object) -> int:
    request = message("PutArtifactTypeRequest")(artifact_type={"name": name})
    answer = send(channel, "PutArtifactType", request.SerializeToString(), **options)
    number: int = message("PutArtifactTypeResponse").FromString(answer).type_id
    return number


@pytest.fixture
def memory() -> Iterator[MemoryBackend]:
    """Who may call, and how, is asked before any backend is: one kind shows it."""
    with MemoryBackend() as backend:
        yield backend


@contextmanager
def server_of(backend: Backend, **options: object) -> Iterator[Serving]:
    with serving(backend, "127.0.0.1:0", callers=Callers("ann"), **options) as server:
        yield server


def ending(call: str, request: bytes, channel: grpc.Channel, **options: object) -> str:
    try:
        send(channel, call, request, **options)
    except grpc.RpcError as error:
        name: str = error.code().name
        return name
    return "OK"


def test_every_call_of_the_service_is_answered() -> None:
    assert sorted(mlmd.CALLS) == sorted(METHODS)
    assert len(METHODS) == 52


# Who may call


def test_callers_are_known_by_their_tokens(memory: MemoryBackend, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("# who  what\n\nci secret-1 writer\nzoë geheim reader\n", encoding="utf-8")
    with (
        serving(memory, "127.0.0.1:0", callers=Callers("", Tokens(path))) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        for header in (None, "", "Bearer", "Bearer wrong", "Basic secret-1", "secret-1"):
            metadata = [] if header is None else [("authorization", header)]
            with pytest.raises(grpc.RpcError) as caught:
                put_type(channel, metadata=metadata)
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert memory.log() == []
        for header in ("Bearer secret-1", "bearer  secret-1", "BEARER secret-1"):
            put_type(channel, metadata=[("authorization", header)])
        health = HealthStub(channel).Check(HealthCheckRequest(service=SERVICE))  # type: ignore[attr-defined]
        assert health.status == health.SERVING
    (entry,) = memory.log()
    assert (entry.actor, entry.message) == ("ci", "PutArtifactType")


def test_each_call_takes_its_role(memory: MemoryBackend, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("ben secret-1 reader\nann secret-2 writer\n", encoding="utf-8")
    reader, writer = ([("authorization", f"Bearer secret-{number}")] for number in (1, 2))
    assert sorted(mlmd.ROLES) == sorted(mlmd.CALLS)
    with (
        serving(memory, "127.0.0.1:0", callers=Callers("", Tokens(path))) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        for call in mlmd.CALLS:
            refused = ending(call, b"", channel, metadata=reader) == "PERMISSION_DENIED"
            assert refused is call.startswith("Put"), call
            assert ending(call, b"", channel, metadata=writer) != "PERMISSION_DENIED", call
            assert ending(call, b"", channel) == "UNAUTHENTICATED", call
    assert {entry.actor for entry in memory.log()} <= {"ann"}


def test_encryption_and_clients_certificates(memory: MemoryBackend, certificates: Path) -> None:
    pem = {path.name: path.read_bytes() for path in certificates.iterdir()}
    anybody = grpc.ssl_channel_credentials(pem["ca.pem"])
    known = grpc.ssl_channel_credentials(pem["ca.pem"], pem["client.key"], pem["client.pem"])
    pair = Certificate(certificates / "server.pem", certificates / "server.key")
    with server_of(memory, certificate=pair) as server:
        with grpc.secure_channel(server.address, anybody) as channel:
            assert put_type(channel) == 10
        with grpc.insecure_channel(server.address) as channel:
            assert ending("GetArtifacts", b"", channel) == "UNAVAILABLE"
    with server_of(memory, certificate=pair._replace(clients=certificates / "ca.pem")) as server:
        with grpc.secure_channel(server.address, known) as channel:
            assert put_type(channel, "U") == 11
        with grpc.secure_channel(server.address, anybody) as channel:
            assert ending("GetArtifacts", b"", channel) == "UNAVAILABLE"


def test_certificates_that_are_none(memory: MemoryBackend, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    with (
        pytest.raises(Unavailable, match="certificate"),
        server_of(memory, certificate=Certificate(wrong, wrong)),
    ):
        pass
    with (
        pytest.raises(NotFound, match="nowhere"),
        server_of(memory, certificate=Certificate(wrong, tmp_path / "nowhere")),
    ):
        pass


@pytest.mark.parametrize("address", ["", "localhost", "127.0.0.1:x", ":80", "127.0.0.1:65536"])
def test_addresses_that_are_none(address: str, memory: MemoryBackend) -> None:
    with (
        pytest.raises(Invalid, match="HOST:PORT"),
        serving(memory, address, callers=Callers("ann")),
    ):
        pass


def test_a_port_that_is_taken(memory: MemoryBackend) -> None:
    with (
        server_of(memory) as server,
        pytest.raises(Unavailable, match="taken"),
        serving(memory, server.address, callers=Callers("ann")),
    ):
        pass


# What is no request


def test_requests_that_are_none(backend: Backend) -> None:
    draw = random.Random(7)
    with server_of(backend) as server, grpc.insecure_channel(server.address) as channel:
        put_type(channel)
        for call in METHODS:
            for _ in range(4):
                request = draw.randbytes(draw.randrange(1, 40))
                assert ending(call, request, channel) != "INTERNAL", (call, request)
        assert backend.check() == []
        assert put_type(channel, "V") > 10


def valid_requests() -> list[tuple[str, Message]]:
    """Requests of which pieces may be taken."""
    artifact = {
        "type_id": 10,
        "uri": "s3://bucket",
        "name": "n",
        "custom_properties": {
            "a": {"struct_value": {"x": [1, {"y": None}]}},
            "b": {"proto_value": {"type_url": "t", "value": b"v"}},
            "c": {"double_value": float("nan")},
        },
    }
    event = {"type": 3, "path": {"steps": [{"index": 1}, {"key": "k"}]}}
    run = {
        "execution": {"type_id": 11},
        "artifact_event_pairs": [{"artifact": artifact, "event": event}],
    }
    return [
        ("PutArtifacts", message("PutArtifactsRequest")(artifacts=[artifact])),
        ("PutExecution", message("PutExecutionRequest")(**run)),
        ("GetArtifacts", message("GetArtifactsRequest")(options={"filter_query": "id > 1"})),
    ]


def test_requests_with_flipped_bits_and_missing_ends(memory: MemoryBackend) -> None:
    draw = random.Random(11)
    with server_of(memory) as server, grpc.insecure_channel(server.address) as channel:
        put_type(channel)
        request = message("PutExecutionTypeRequest")(execution_type={"name": "E"})
        send(channel, "PutExecutionType", request.SerializeToString())
        for call, whole in valid_requests():
            text = whole.SerializeToString()
            for _ in range(300):
                piece = bytearray(text[: draw.randrange(len(text) + 1)])
                if piece and draw.random() < 0.8:
                    piece[draw.randrange(len(piece))] ^= 1 << draw.randrange(8)
                assert ending(call, bytes(piece), channel) != "INTERNAL", (call, bytes(piece))
        assert memory.check() == []


def test_a_struct_that_is_too_deep_is_refused(memory: MemoryBackend) -> None:
    value = message("Value")()
    inner = value.struct_value
    for _ in range(90):
        inner = inner.fields["a"].struct_value
    request = message("PutArtifactsRequest")(artifacts=[{"type_id": 10}])
    request.artifacts[0].custom_properties["deep"].CopyFrom(value)
    with server_of(memory) as server, grpc.insecure_channel(server.address) as channel:
        put_type(channel)
        assert ending("PutArtifacts", request.SerializeToString(), channel) in (
            "INVALID_ARGUMENT",
            "OK",
        )
        assert ending("GetArtifacts", b"", channel) == "OK"


def test_events_come_in_the_order_that_clients_rely_on(backend: Backend) -> None:
    """A pipeline registers its outputs, and publishes them later, in another order."""
    data, model = 1, 2
    output, pending = 4, 7
    written = [(model, pending), (data, pending), (data, output), (model, output)]
    with server_of(backend) as server, grpc.insecure_channel(server.address) as channel:
        put_type(channel)
        put = message("PutExecutionTypeRequest")(execution_type={"name": "Step"})
        send(channel, "PutExecutionType", put.SerializeToString())
        for call, fields in {
            "PutArtifacts": {"artifacts": [{"type_id": 10}, {"type_id": 10}]},
            "PutExecutions": {"executions": [{"type_id": 11}, {"type_id": 11}]},
        }.items():
            send(channel, call, message(f"{call}Request")(**fields).SerializeToString())
        for artifact, kind in written:
            event = {"artifact_id": artifact, "execution_id": 1, "type": kind}
            request = message("PutEventsRequest")(events=[event])
            send(channel, "PutEvents", request.SerializeToString())
        late = {"artifact_id": model, "execution_id": 2, "type": 3}
        request = message("PutEventsRequest")(events=[late])
        send(channel, "PutEvents", request.SerializeToString())

        def events(by: str, *ids: int) -> list[tuple[int, int, int]]:
            asked = message(f"GetEventsBy{by.capitalize()}IDsRequest")(**{f"{by}_ids": ids})
            answer = send(channel, f"GetEventsBy{by.capitalize()}IDs", asked.SerializeToString())
            found = message(f"GetEventsBy{by.capitalize()}IDsResponse").FromString(answer).events
            return [(each.artifact_id, each.execution_id, each.type) for each in found]

        assert events("execution", 1) == [(artifact, 1, kind) for artifact, kind in written]
        assert events("execution", 2, 1)[-1] == (model, 2, 3)
        assert events("artifact", model, data) == [
            (data, 1, output),
            (data, 1, pending),
            (model, 1, output),
            (model, 1, pending),
            (model, 2, 3),
        ]


def test_ids_beyond_what_a_store_can_have(backend: Backend) -> None:
    with server_of(backend) as server, grpc.insecure_channel(server.address) as channel:
        put_type(channel)
        for number in (-1, 0, 2**60, 2**63 - 1, -(2**63)):
            for call, fields in {
                "GetArtifactsByID": {"artifact_ids": [number]},
                "GetEventsByArtifactIDs": {"artifact_ids": [number]},
                "GetArtifactsByContext": {"context_id": number},
                "GetParentContextsByContext": {"context_id": number},
                "GetArtifactTypesByID": {"type_ids": [number]},
                "GetArtifacts": {"options": {"filter_query": f"id = {number}"}},
            }.items():
                request = message(f"{call}Request")(**fields)
                found = send(channel, call, request.SerializeToString())
                answer = message(f"{call}Response").FromString(found)
                listed = [field for field, _ in answer.ListFields() if field.is_repeated]
                assert not listed, (call, number)
            for call, fields in {
                "GetContextsByArtifact": {"artifact_id": number},
                "PutArtifacts": {"artifacts": [{"id": number, "type_id": 10}]},
                "PutEvents": {"events": [{"artifact_id": number, "execution_id": 1, "type": 3}]},
            }.items():
                request = message(f"{call}Request")(**fields)
                code = ending(call, request.SerializeToString(), channel)
                assert code == ("NOT_FOUND" if call.startswith("Get") else "INVALID_ARGUMENT")


def test_messages_of_many_megabytes(memory: MemoryBackend) -> None:
    request = message("PutArtifactsRequest")(
        artifacts=[
            {"type_id": 10, "custom_properties": {"text": {"string_value": "x" * 2**20}}}
            for _ in range(20)
        ]
    )
    with server_of(memory) as server, grpc.insecure_channel(server.address, BIG) as channel:
        put_type(channel)
        assert ending("PutArtifacts", request.SerializeToString(), channel) == "OK"
        assert len(send(channel, "GetArtifacts", b"")) > 20 * 2**20
        assert ending("PutArtifacts", b"\0" * (101 * 2**20), channel) == "RESOURCE_EXHAUSTED"


# How it ends


def test_an_unexpected_fault_is_logged_and_tells_nothing(
    memory: MemoryBackend, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> bytes:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr(mlmd, "answer", failing)
    with (
        server_of(memory) as server,
        grpc.insecure_channel(server.address) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        send(channel, "GetArtifacts", b"")
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in (caught.value.details() or "")
    assert "a secret of the house" in caplog.text


def test_calls_under_way_are_answered_before_the_end(
    memory: MemoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on = threading.Event(), threading.Event()
    real = mlmd.answer

    def slow(session: object, request: bytes) -> bytes:
        entered.set()
        assert go_on.wait(30)
        return real(session, request)

    monkeypatch.setattr(mlmd, "answer", slow)
    with (
        ThreadPoolExecutor(2) as pool,
        server_of(memory) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        call = pool.submit(put_type, channel)
        assert entered.wait(30)
        stopping = pool.submit(server.stop)
        while is_healthy(server.address):
            pass
        go_on.set()
        assert call.result(30) == 10
        stopping.result(30)


def is_healthy(address: str) -> bool:
    """Whether a new caller is served."""
    with grpc.insecure_channel(address) as channel:
        try:
            HealthStub(channel).Check(HealthCheckRequest(), timeout=30)  # type: ignore[attr-defined]
        except grpc.RpcError:
            return False
    return True


# As a process

COMMAND = [sys.executable, "-m", "lineage.cli", "serve", "--mlmd", "127.0.0.1:0", "--store"]


@contextmanager
def process(url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command, and give its process and address."""
    with subprocess.Popen(
        [*COMMAND, url],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as running:
        try:
            assert running.stdout is not None
            words = running.stdout.readline().split()
            assert words[:3] == ["mlmd", "listening", "on"]
            yield running, words[3]
        finally:
            running.kill()


def test_the_command_serves_until_it_is_terminated(tmp_path: Path) -> None:
    path = tmp_path / "served.db"
    with process(str(path)) as (running, address):
        with grpc.insecure_channel(address) as channel:
            assert put_type(channel) == 10
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    with lineage.connect(path) as store:
        assert [each.name for each in store.types() if each.name == "T"] == ["T"]


WRITERS, ENOUGH = 8, 200


def test_a_server_that_is_killed_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "served.db"
    acknowledged: list[int] = []
    ends: list[grpc.StatusCode] = []
    enough = threading.Event()

    def write(address: str, writer: int) -> None:
        with grpc.insecure_channel(address) as channel:
            for number in itertools.count():
                name = f"{writer}-{number}"
                request = message("PutArtifactsRequest")(artifacts=[{"type_id": 10, "name": name}])
                try:
                    answer = send(channel, "PutArtifacts", request.SerializeToString())
                except grpc.RpcError as error:
                    ends.append(error.code())
                    return
                acknowledged.extend(message("PutArtifactsResponse").FromString(answer).artifact_ids)
                if len(acknowledged) >= ENOUGH:
                    enough.set()

    with process(str(path)) as (running, address), ThreadPoolExecutor(WRITERS) as pool:
        with grpc.insecure_channel(address) as channel:
            put_type(channel)
        writers = [pool.submit(write, address, number) for number in range(WRITERS)]
        assert enough.wait(60)
        running.kill()
        for writer in writers:
            writer.result(60)
    assert ends == [grpc.StatusCode.UNAVAILABLE] * WRITERS
    with SqliteBackend(str(path)) as backend:
        assert len(set(acknowledged)) == len(acknowledged) >= ENOUGH
        keys = [NodeKey(Kind.ARTIFACT, number) for number in acknowledged]
        assert set(backend.nodes(keys)) == set(keys)
        assert backend.check() == []
