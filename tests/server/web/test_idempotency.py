"""Requests that are made again with their key: what they wrote is written once, and told again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from lineage.backends.memory.backend import MemoryBackend
from lineage.backends.sqlite.backend import SqliteBackend
from lineage.errors import Unavailable
from lineage.interchange.copying import copy
from lineage.server.callers import Callers, Tokens
from lineage.server.web import idempotency, writing
from lineage.server.web.routes import API
from lineage.store import Store
from tests.runs import two_runs
from tests.server.web.conftest import client_of


def put(
    client: TestClient, key: str, name: str = "x", path: str = "/nodes:put", **headers: str
) -> Response:
    body = {"nodes": [{"type": "T", "name": name}]}
    return client.post(f"{API}{path}", json=body, headers={"Idempotency-Key": key, **headers})


def test_a_request_that_is_made_again_writes_nothing(client: TestClient, store: Store) -> None:
    first, again = put(client, "k"), put(client, "k")
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["location"] == first.headers["location"]
    assert store.backend.now() == 1
    assert put(client, "other").status_code == 409  # by its name
    assert put(client, "other", "y").json()["number"] == 2
    assert put(client, "k").json() == first.json()


def test_another_body_is_another_request(client: TestClient, store: Store) -> None:
    put(client, "k")
    refused = put(client, "k", "y")
    assert (refused.status_code, refused.json()["type"]) == (422, f"{API}/errors#invalid")
    body = {"nodes": ["T:x"], "message": ""}
    other = client.post(f"{API}/nodes:delete", json=body, headers={"Idempotency-Key": "k"})
    assert other.json()["number"] == 2  # for at another address a key is another
    same = client.post(
        f"{API}/nodes:delete", json={"nodes": ["T:x"]}, headers={"Idempotency-Key": "k"}
    )
    assert same.json() == other.json()
    assert store.backend.now() == 2


def test_what_failed_is_tried_again(client: TestClient, store: Store) -> None:
    run = {"execution": "Fit", "inputs": ["T:x"]}
    headers = {"Idempotency-Key": "k"}
    assert client.post(f"{API}/runs", json=run, headers=headers).status_code == 404
    put(client, "data")
    assert client.post(f"{API}/runs", json=run, headers=headers).json()["number"] == 2


def test_each_caller_has_keys_of_their_own(embedded: Store, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("walt w writer\nwilma v writer\n")
    with client_of(embedded, Callers("ann", Tokens(path))) as client:
        first = put(client, "k", "x", Authorization="Bearer w")
        second = put(client, "k", "y", Authorization="Bearer v")
    assert (first.json()["number"], second.json()["number"]) == (1, 2)


@pytest.mark.parametrize("key", ["", "é".encode().decode("latin-1"), "x" * 256, "a\tb"])
def test_what_is_no_key_is_refused(client: TestClient, key: str) -> None:
    body = {"nodes": [{"type": "T"}]}
    headers = [(b"idempotency-key", key.encode("latin-1"))]
    response = client.post(f"{API}/nodes:put", json=body, headers=headers)
    assert (response.status_code, response.json()["field"]) == (400, "Idempotency-Key")


REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "record": (
        "POST",
        "/runs",
        {
            "execution": "Fit",
            "inputs": {"train": "Dataset:lake", "test": {"type": "New", "name": "n"}},
            "outputs": [{"type": "New", "name": "m"}, "Model:m1"],
            "within": [{"kind": "context", "type": "C", "name": "c"}],
        },
    ),
    "extend": ("PATCH", "/runs/execution%3A1", {"outputs": [{"type": "New", "name": "m"}]}),
    "put": ("POST", "/nodes:put", {"nodes": [{"type": "New"}, {"type": "New", "kind": "artifact"}]}),
    "update": ("PATCH", "/nodes/Model%3Am1", {"name": "renamed"}),
    "tag": ("POST", "/nodes/Model%3Am1/tags", {"add": ["t"]}),
    "note": ("PUT", "/nodes/Model%3Am1/note", {"note": "n"}),
    "alias": ("PUT", "/aliases/churn/live", {"node": "Model:m1"}),
    "delete": ("POST", "/nodes:delete", {"nodes": ["Model:m1"]}),
    "unlink": ("POST", "/edges:unlink", {"source": "artifact:1", "target": "execution:1"}),
    "purge": ("POST", "/nodes:purge", {"nodes": ["Model:m1"], "reason": "theirs"}),
}  # fmt: skip


def ask(client: TestClient, case: str) -> Any:
    method, path, body = REQUESTS[case]
    headers = {"Idempotency-Key": "k", "If-Match": "*"}
    response = client.request(method, f"{API}{path}", json=body, headers=headers)
    assert response.status_code in (200, 201), response.text
    return response.json()


@pytest.mark.parametrize("case", REQUESTS)
def test_another_server_tells_what_was_written(store: Store, case: str) -> None:
    """One that has the store after the first was killed, or beside it: notes alone are known to the first."""
    two_runs(store)
    with client_of(store) as first, client_of(store) as second:
        written = ask(first, case)
        assert ask(second, case) == {**written, "notes": []}
        assert store.backend.now() == written["number"] == 3


def test_a_key_outlives_the_process(tmp_path: Path) -> None:
    answers = []
    for _ in range(2):
        with SqliteBackend(str(tmp_path / "lineage.db")) as backend:
            with client_of(Store(backend)) as client:
                answers.append(put(client, "k").json())
                refused = put(client, "k", "y")
            assert refused.status_code == 422
            assert backend.now() == 1
    assert answers[0] == answers[1]


def test_who_was_not_answered_asks_again(embedded: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store has it, and the server fails before it tells."""
    with client_of(embedded) as client:
        with monkeypatch.context() as patch:

            def fail(*_: object) -> None:
                raise Unavailable("gone")

            patch.setattr(writing, "written_in", fail)
            assert put(client, "k").status_code == 503
        assert embedded.backend.now() == 1
        assert put(client, "k").json()["created"] == ["artifact:1"]
        assert embedded.backend.now() == 1


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """What is set when a put of nodes has begun, and what lets it go on."""
    begun, go_on = threading.Event(), threading.Event()
    real: Callable[..., Any] = Store.put

    def slow(*given: Any, **options: Any) -> Any:
        begun.set()
        assert go_on.wait(20)
        return real(*given, **options)

    monkeypatch.setattr(Store, "put", slow)
    yield begun, go_on
    go_on.set()


def test_a_request_that_is_under_way_is_not_begun_again(
    client: TestClient, store: Store, held: tuple[threading.Event, threading.Event]
) -> None:
    begun, go_on = held
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(put, client, "k")
        assert begun.wait(20)
        second = put(client, "k")
        go_on.set()
        assert first.result().status_code == 201
    assert (second.status_code, second.json()["retryable"]) == (409, True)
    assert second.headers["retry-after"] == "1"
    assert put(client, "k").json() == first.result().json()
    assert store.backend.now() == 1


def test_two_servers_write_it_once(store: Store) -> None:
    """Who waits for the lock meanwhile finds that it is written."""
    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        clients = [stack.enter_context(client_of(store)) for _ in range(4)]
        answers = [each.json() for each in pool.map(lambda each: put(each, "k"), clients)]
    assert answers == [answers[0]] * 4
    assert store.backend.now() == 1


def test_a_key_is_known_among_the_last_transactions(
    embedded: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "HELD", 3)
    monkeypatch.setattr(idempotency, "KEPT", 1)
    with client_of(embedded) as client:
        first = put(client, "k").json()
        for number in range(2):
            put(client, str(number), str(number))
        assert put(client, "k").json() == first
        put(client, "2", "2")
        put(client, "3", "3")
        assert put(client, "k").status_code == 409  # by its name: it is a new request
    assert embedded.backend.now() == 5


def test_a_key_is_in_the_store_as_a_digest_alone_and_goes_with_copies(embedded: Store) -> None:
    with client_of(embedded) as client:
        first = put(client, "hunter2").json()
    (head,) = embedded.backend.log()
    assert head.mark.startswith("http ")
    assert "hunter2" not in repr(head)
    assert embedded.check() == []
    with MemoryBackend() as other, client_of(Store(other)) as client:
        copy(embedded.backend, other)
        assert put(client, "hunter2").json() == first
        assert other.now() == 1
