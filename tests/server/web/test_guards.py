"""What is refused before it is read: foreign hosts, other sites' pages, too much, too often, too slowly."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from io import StringIO

import pytest
from starlette.testclient import TestClient

import lineage
from lineage.errors import Invalid, Unavailable
from lineage.server.callers import Callers
from lineage.server.refusal import Refusal
from lineage.server.web import guards, health
from lineage.server.web.application import Web, application
from lineage.server.web.guards import Buckets, Hosts
from lineage.server.web.operations import OPERATIONS
from lineage.server.web.pool import Pool
from lineage.server.web.requests_log import PICTURE_POLICY, POLICY, Facts
from lineage.server.web.routes import API, ROUTES
from lineage.server.web.watching import Watcher
from lineage.store import Store
from tests.runs import two_runs

STORE = f"{API}/store"


class Service:
    """A service of a store in memory, and its log."""

    def __init__(self, store: Store) -> None:
        self.store, self.log = store, StringIO()

    def client(self, hosts: Hosts | None = None, rate: float = 0.0) -> TestClient:
        web = Web(
            self.store,
            Callers("ann"),
            Pool(),
            Watcher(self.store.backend),
            hosts=hosts or Hosts(),
            rate=rate,
            log=self.log,
        )
        return TestClient(application(web), base_url="http://127.0.0.1", follow_redirects=False)

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@pytest.fixture
def service() -> Iterator[Service]:
    with lineage.connect("memory:") as store:
        yield Service(two_runs(store))


@pytest.mark.parametrize(
    ("host", "on_loopback", "elsewhere"),
    [
        ("127.0.0.1", True, True),
        ("127.0.0.1:8000", True, True),
        ("LocalHost:1", True, True),
        ("localhost.", True, True),
        ("[::1]:8000", True, True),
        ("[::1]", True, True),
        ("Named.Example", True, True),
        ("named.example:443", True, True),
        ("10.1.2.3:80", False, True),
        ("[2001:db8::1]:80", False, True),
        ("evil.example", False, False),
        ("localhost.evil.example", False, False),
        ("127.0.0.1.evil.example", False, False),
        ("evil.example:127.0.0.1", False, False),
        ("named.example@evil.example", False, False),
        ("", False, False),
        (":80", False, False),
        ("[", False, False),
        ("é", False, False),
    ],
)
def test_hosts_that_the_service_goes_by(
    service: Service, host: str, on_loopback: bool, elsewhere: bool
) -> None:
    for is_loopback, is_ours in ((True, on_loopback), (False, elsewhere)):
        client = service.client(Hosts(["named.example"], is_loopback=is_loopback))
        headers = {"Host": host.encode("latin-1")}
        response = client.get(STORE, headers=headers)
        assert response.status_code == (200 if is_ours else 421), is_loopback
        assert client.get("/health/live", headers=headers).status_code == 200
        if not is_ours:
            assert response.json()["type"].endswith("#misdirected-request")
            assert host not in response.text or len(host) < 2


@pytest.mark.parametrize(
    "name", ["", "a.example:8443", "https://a.example", "a.example/", "*", "é"]
)
def test_names_that_no_request_can_be_for(name: str) -> None:
    with pytest.raises(Invalid, match="without scheme and port"):
        Hosts([name])


def test_a_name_may_end_with_a_dot_and_an_address_have_brackets() -> None:
    hosts = Hosts(["A.example.", "[2001:DB8::1]"])
    assert all(host in hosts for host in ("a.example:1", "a.example.", "[2001:db8::1]:80"))


def test_two_hosts_are_none(service: Service) -> None:
    headers = [("Host", "127.0.0.1"), ("Host", "evil.example")]
    assert service.client().get(STORE, headers=headers).status_code == 421


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),
        ({"Origin": "http://127.0.0.1"}, True),
        ({"Origin": "https://127.0.0.1"}, True),
        ({"Origin": "http://127.0.0.1:80", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "null", "Sec-Fetch-Site": "none"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://127.0.0.1:3000"}, False),
        ({"Origin": "http://127.0.0.1.evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Origin": "ftp://127.0.0.1"}, False),
        ({"Origin": "127.0.0.1"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"}, False),
    ],
)
def test_pages_of_other_sites_may_not_write(
    service: Service, headers: dict[str, str], is_ours: bool
) -> None:
    client = service.client()
    assert client.get(STORE, headers=headers).status_code == 200, "which no other page can read"
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        response = client.request(method, STORE, headers=headers)
        assert response.status_code == (405 if is_ours else 403), method
        assert not any(name.startswith("access-control") for name in response.headers)


def test_every_response_tells_browsers_what_it_may_do(service: Service) -> None:
    client = service.client()
    for path, status in ((STORE, 200), ("/nowhere", 404), ("/health/live", 200), ("/metrics", 200)):
        response = client.get(path)
        assert response.status_code == status
        assert response.headers["content-security-policy"] == POLICY
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "same-origin"
        assert response.headers["cross-origin-opener-policy"] == "same-origin"
        assert response.headers["cross-origin-resource-policy"] == "same-origin"
        assert "camera=()" in response.headers["permissions-policy"]
        assert "strict-transport-security" not in response.headers
        assert len(response.headers["x-request-id"]) == 16
    tag = client.get(STORE).headers["etag"]
    unchanged = client.get(STORE, headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.headers["x-content-type-options"]) == (304, "nosniff")
    client.base_url = "https://127.0.0.1"
    assert client.get(STORE).headers["strict-transport-security"] == "max-age=31536000"
    told = client.get("/nowhere")
    assert told.json()["request_id"] == told.headers["x-request-id"]


def test_files_have_their_own_policy_or_are_no_pages(service: Service) -> None:
    client = service.client()
    picture = client.get(f"{API}/export?focus=Model:m2&format=svg")
    assert picture.headers["content-security-policy"] == PICTURE_POLICY
    page = client.get(f"{API}/export?focus=Model:m2&format=html")
    assert page.headers["content-disposition"].startswith("attachment")
    assert page.headers["content-security-policy"] == POLICY


def test_each_caller_has_so_many_requests(service: Service) -> None:
    client = service.client(rate=0.01)
    assert client.get(STORE).status_code == 200
    response = client.get(STORE)
    assert response.status_code == 429
    assert response.json()["retryable"] is True
    assert 90 <= int(response.headers["retry-after"]) <= 100
    assert client.get("/health/ready").status_code == 200


def test_buckets_fill_again_and_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    buckets, scope = Buckets(2.0, 3.0, clock=lambda: now[0]), {"facts": Facts()}

    def taken(key: str) -> int:
        for count in range(100):
            try:
                buckets.take(scope, key)
            except Refusal:
                return count
        raise AssertionError

    assert (taken("a"), taken("a"), taken("b")) == (3, 0, 3)
    assert scope["facts"].headers == {"Retry-After": "1"}
    now[0] = 1.0
    assert taken("a") == 2
    now[0] = 100.0
    assert taken("a") == 3
    monkeypatch.setattr(guards, "KEYS", 2)
    for key in "cd":
        buckets.take(scope, key)
    assert taken("a") == 3, "who was forgotten begins anew"


SECRET = "hunter2"


def test_a_line_tells_how_a_request_went_and_nothing_that_it_said(service: Service) -> None:
    client = service.client()
    headers = dict.fromkeys(("User-Agent", "Referer", "X-Request-Id", "If-None-Match"), SECRET)
    headers["Cookie"] = f"lineage={SECRET}; {SECRET}=1"
    headers["Authorization"] = f"Bearer {SECRET}"
    for route in ROUTES:
        path = re.sub(r"\{\w+\}", SECRET, route.path)
        client.request(route.method, f"{API}{path}?{SECRET}={SECRET}", headers=headers)
        client.request(route.method, f"{API}{path}?focus={SECRET}&q={SECRET}", headers=headers)
        client.request(SECRET.upper(), f"{API}{path}", headers=headers)
    client.get(f"/{SECRET}?{SECRET}", headers=headers)
    client.post("/login", data={"token": SECRET, "next": SECRET})
    client.post(f"{API}/store", content=SECRET)
    assert SECRET not in service.log.getvalue().lower()
    lines = service.lines
    assert len(lines) == 3 * len(ROUTES) + 3
    assert {line["route"] for line in lines} == {f"{API}{route.path}" for route in ROUTES} | {
        "",
        "/login",
    }
    assert SECRET not in client.get("/metrics").text.lower()


def test_what_a_line_has(service: Service) -> None:
    response = service.client().get(f"{API}/nodes/artifact%3A1?as_of=1")
    (line,) = service.lines
    assert list(line) == [
        *("time", "id", "caller", "method", "route", "status", "ms", "as_of", "bytes")
    ]
    assert line["id"] == response.headers["x-request-id"]
    assert (line["caller"], line["method"]) == ("ann", "GET")
    assert (line["route"], line["status"]) == (f"{API}/nodes/{{key}}", 200)
    assert (line["as_of"], line["bytes"]) == (1, len(response.content))


def test_a_check_has_a_line_only_where_it_finds_something(
    service: Service,
) -> None:
    client = service.client()
    for path in ("/health/live", "/health/ready", "/health/nothing"):
        client.get(path)
    assert [line["status"] for line in service.lines] == [404]


def test_a_log_that_cannot_be_written_stops_nobody(service: Service) -> None:
    service.log.close()
    assert service.client().get(STORE).status_code == 200


def test_measures_count_by_route_method_and_status(service: Service) -> None:
    client = service.client()
    for path in (f"{API}/nodes/artifact%3A1", f"{API}/nodes/artifact%3A99", "/a", "/b"):
        client.get(path)
    client.request("BREW", "/a")
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    lines = response.text.splitlines()
    node = f'method="GET",route="{API}/nodes/{{key}}"'
    for line in (
        f'lineage_http_requests_total{{{node},status="200"}} 1.0',
        f'lineage_http_requests_total{{{node},status="404"}} 1.0',
        'lineage_http_requests_total{method="GET",route="",status="404"} 2.0',
        'lineage_http_requests_total{method="other",route="",status="404"} 1.0',
        f"lineage_http_request_seconds_count{{{node}}} 2.0",
        "lineage_http_requests_underway 1.0",
        "lineage_http_requests_waiting 0.0",
        f"lineage_store_transactions {service.store.backend.now()}.0",
    ):
        assert line in lines, response.text


def test_what_is_beside_the_api_is_described(service: Service) -> None:
    client = service.client()
    document = client.get(f"{API}/openapi.json").json()
    for operation in OPERATIONS:
        response = client.get(operation.path)
        answers = document["paths"][operation.path]["get"]["responses"]
        assert set(answers) == set(operation.answers)
        (media,) = answers[str(response.status_code)]["content"]
        assert response.headers["content-type"].partition(";")[0] == media == operation.media


def test_two_services_measure_each_its_own(service: Service) -> None:
    first, second = service.client(), service.client()
    first.get(STORE)
    assert "status=" not in second.get("/metrics").text


def test_health_tells_whether_the_store_answers(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "SECONDS", 0.2)
    client = service.client()
    assert client.get("/health/ready").json() == {"status": "ready"}

    def broken() -> int:
        raise Unavailable("a secret of the house")

    def wait(seconds: float = 0.3) -> None:
        threading.Event().wait(seconds)

    with monkeypatch.context() as patch:
        patch.setattr(service.store.backend, "now", broken)
        wait()
        response = client.get("/health/ready")
        assert response.status_code == 503
        assert "secret" not in response.text
        assert client.get("/health/live").json() == {"status": "live"}
        assert "lineage_store_transactions NaN" in client.get("/metrics").text
    hung, asked = threading.Event(), []

    def hang() -> int:
        asked.append(1)
        hung.wait(30)
        return 1

    with monkeypatch.context() as patch:
        patch.setattr(service.store.backend, "now", hang)
        assert [client.get("/health/ready").status_code for _ in range(3)] == [503] * 3
        assert len(asked) == 1, "no thread more for each who asks"
        hung.set()
    wait()
    assert client.get("/health/ready").status_code == 200
