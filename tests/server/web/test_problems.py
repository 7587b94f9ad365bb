"""What a request is told that is not answered: a problem with its kind, its status and what to do."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

import lineage
from lineage.errors import ENDINGS, LineageError, ending_of
from lineage.server.refusal import REFUSED
from lineage.server.web.problems import KINDS
from lineage.server.web.routes import API, ROUTES, Route
from lineage.store import Store
from tests.conftest import MORE
from tests.runs import two_runs
from tests.server.web.conftest import client_of
from tests.tree import ROOT

READING = [route for route in ROUTES if route.method == "GET"]


@pytest.fixture(scope="module")
def client(shared: Store) -> Iterator[TestClient]:
    """Asks the service of a store with two runs, which nothing here changes."""
    with client_of(two_runs(shared)) as client:
        yield client


BAD: dict[str, tuple[int, str, str]] = {
    "/nodes/artifact%3A99": (404, "not-found", "there is no artifact:99"),
    "/nodes/artifact%3A1?as_of=99": (404, "not-found", "there is no transaction 99 yet"),
    "/nodes/artifact%3A1?as_of=0": (404, "not-found", "artifact:1"),
    "/nodes/artifact%3A1?as_of=yesterday": (422, "invalid", "yesterday"),
    f"/nodes/artifact%3A1?as_of={'9' * 40}": (422, "invalid", "no transaction's number"),
    "/nodes/artifact%3A1?as_of=1&as_of=2": (400, "invalid-argument", "as_of is there twice"),
    "/nodes/artifact%3A1?colour=red": (
        400,
        "invalid-argument",
        "colour: there is no such parameter",
    ),
    "/nodes/%FF": (400, "invalid-argument", "no text in UTF-8"),
    "/nodes?filter=%FF": (400, "invalid-argument", "no text in UTF-8"),
    "/nodes?filter=uri+=": (422, "invalid", "column 6"),
    "/nodes?limit=0": (400, "invalid-argument", "limit"),
    "/nodes?limit=1e9": (400, "invalid-argument", "limit"),
    "/nodes?cursor=x": (422, "invalid", "x"),
    "/nodes?type=Unheard": (404, "not-found", "Unheard"),
    "/search": (400, "invalid-argument", "q: it is missing"),
    "/search?q=": (400, "invalid-argument", "q"),
    "/impact": (400, "invalid-argument", "of: it is missing"),
    f"/impact?{'&'.join(['of=artifact:1'] * 101)}": (400, "invalid-argument", "of"),
    "/view?focus=artifact:1&budget=1": (400, "invalid-argument", "budget"),
    "/view?focus=artifact:1&open=g:x": (404, "not-found", "g:x"),
    "/view?focus=artifact:1&by=Unheard": (404, "not-found", "Unheard"),
    "/export?focus=artifact:1&format=docx": (422, "invalid", "docx"),
    "/export?focus=artifact:1&format=../../etc/passwd": (422, "invalid", "passwd"),
    "/transactions/99": (404, "not-found", "99"),
    "/transactions/x": (404, "not-found", "x"),
    "/diff?left=artifact:1": (400, "invalid-argument", "right: it is missing"),
    "/paths?from_=artifact:1&to=artifact:1": (400, "invalid-argument", "from"),
    "/compare?ids=context:1": (422, "invalid", "context:1"),
    "/nowhere": (404, "not-found", "nothing at this address"),
    "/../../etc/passwd": (404, "not-found", "nothing at this address"),
    "/nodes/../../../etc/passwd": (404, "not-found", "nothing at this address"),
}


@pytest.mark.parametrize("address", BAD)
def test_a_bad_request_is_told_what_is_wrong(client: TestClient, address: str) -> None:
    response = client.get(API + address)
    status, kind, said = BAD[address]
    told = response.json()
    assert (response.status_code, told["type"]) == (status, f"/api/v1/errors#{kind}")
    assert said in told["detail"]
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert ("position" in told) == ("column" in told["detail"])
    assert told.keys() - {"field", "position"} == {
        "type",
        "title",
        "status",
        "detail",
        "retryable",
        "request_id",
    }


def test_another_method_is_refused(client: TestClient) -> None:
    response = client.delete(f"{API}/store")
    assert response.status_code == 405
    assert response.json()["type"].endswith("#method-not-allowed")
    assert response.headers["allow"] == "GET, HEAD"
    assert client.put(f"{API}/nodes/artifact:1").headers["allow"] == "GET, HEAD, PATCH"
    assert "allow" not in client.get(f"{API}/store").headers


@pytest.mark.parametrize("cls", ENDINGS)
def test_every_error_has_its_status(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, cls: type[LineageError]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise cls("said")

    monkeypatch.setattr(Store, "compare", fail)
    response = client.get(f"{API}/compare?ids=artifact:1")
    ending = ending_of(cls("said"))
    assert ending is not None
    told = response.json()
    assert (
        response.status_code
        == told["status"]
        == ending.http
        == KINDS[told["type"].partition("#")[2]]
    )
    assert told["retryable"] is cls.retryable
    assert ("retry-after" in response.headers) is cls.retryable


def test_what_nobody_expected_is_told_in_the_log_alone(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(Store, "compare", fail)
    response = client.get(f"{API}/compare?ids=artifact:1")
    assert response.status_code == 500
    assert "hunter2" not in response.text
    assert response.json()["request_id"] in caplog.text
    assert "hunter2" in caplog.text


def test_every_kind_of_problem_has_a_status() -> None:
    assert set(KINDS.values()) == {each.http for each in ENDINGS.values()} | set(REFUSED.values())


def test_the_documentation_lists_how_every_error_ends() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| `(\w+)` \| (\d+) \|$", page, re.MULTILINE)
    told = {name: (int(code), status, int(http)) for name, code, status, http in rows}
    assert told == {cls.__name__: tuple(ending) for cls, ending in ENDINGS.items()}


texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "\0", "%00", "../" * 30, "artifact:1", "-1", "1e400", "NaN", "null", "[]", "{}", "'", '"',
         "9" * 500, "Model:m1", "s3://models/churn", "\U0001f600" * 200, "\u202e", "<img onerror=x>", "true", "x" * 9_000,
         "2026-13-45", "9999-12-31", "0001-01-01T00:00:00+23:59", "artifact:99999999999999999999", "churn@production"]
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def ready() -> Any:
    """A service of a store in memory, for many requests."""
    with lineage.connect("memory:") as store, client_of(two_runs(store)) as client:
        yield client


@pytest.mark.parametrize("route", READING, ids=str)
def test_whatever_is_asked_the_service_answers_or_says_why(ready: TestClient, route: Route) -> None:
    fields = [info.alias or name for name, info in route.arguments.model_fields.items()]
    known = st.sampled_from([*fields, "other"])

    @given(st.lists(st.tuples(known, texts), max_size=5), st.dictionaries(known, texts), texts)
    def ask(more: list[tuple[str, str]], said: dict[str, str], place: str) -> None:
        # Most have what the route must be told, so that the engine is asked.
        needed = [
            (info.alias or name, "artifact:1")
            for name, info in route.arguments.model_fields.items()
            if info.is_required() and (info.alias or name) not in said
        ]
        path = route.path.replace("{key}", quote(place, safe="")).replace(
            "{number}", quote(place, safe="")
        )
        query = "&".join(
            f"{quote(n)}={quote(v, safe='')}" for n, v in (*needed, *said.items(), *more)
        )
        response = ready.get(f"{API}{path}?{query}")
        assert response.status_code in (200, 400, 404, 409, 422), response.text
        if response.status_code != 200:
            assert response.json()["status"] == response.status_code
            assert len(response.json()["detail"]) < 2_000

    settings(max_examples=25 * MORE)(ask)()
