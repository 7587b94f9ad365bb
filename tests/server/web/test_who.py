"""Who may do what over HTTP: tokens, roles, and the sessions of browsers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import lineage
from lineage.model.times import last_instant
from lineage.server.callers import CallerRole, Callers, Tokens
from lineage.server.web import sessions as module
from lineage.server.web.application import Web, application
from lineage.server.web.operations import OPERATIONS, Operation
from lineage.server.web.pages import PAGES
from lineage.server.web.pool import Pool
from lineage.server.web.routes import API, ROUTES, Route
from lineage.server.web.sessions import Sessions
from lineage.server.web.watching import Watcher
from lineage.store import Store
from tests.runs import two_runs

TOKENS = "ben t-reader reader\nann t-writer writer\neve t-admin admin\nold t-old admin 2026-02-28\n"
PLACES = {"key": "artifact:1", "number": "1"}
BROWSER = {"Accept": "text/html,*/*", "Sec-Fetch-Site": "same-origin"}


class Clock:
    def __init__(self) -> None:
        self.now = last_instant("2026-03-01")

    def __call__(self) -> int:
        return self.now


class Service:
    """A service of a store in memory whose callers have tokens."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.clock = store, Clock()
        self.file = folder / "tokens"
        self.file.write_text(TOKENS)
        self.file.chmod(0o600)
        callers = Callers("", Tokens(self.file, clock=self.clock))
        self.app = application(Web(store, callers, Pool(), Watcher(store.backend)))
        self.client = self.at("http://127.0.0.1")

    def at(self, url: str) -> TestClient:
        return TestClient(self.app, base_url=url, follow_redirects=False)

    def rewrite(self, text: str) -> None:
        self.file.write_text(text)
        self.clock.now += 1_000_000


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with lineage.connect("memory:") as store:
        yield Service(two_runs(store), tmp_path)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def place(route: Route) -> str:
    return API + re.sub(r"\{(\w+)\}", lambda found: PLACES.get(found[1], "a"), route.path)


def ask(client: TestClient, route: Route, **headers: str) -> int:
    body: dict[str, Any] = {} if route.method == "GET" else {"json": {}}
    status: int = client.request(route.method, place(route), headers=headers, **body).status_code
    return status


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_every_route_takes_a_token_and_its_role(service: Service, route: Route) -> None:
    client, before = service.client, service.store.backend.now()
    for header in ("", "Bearer", "Bearer wrong", "Basic t-admin", "Bearer t-old", "t-admin"):
        assert ask(client, route, Authorization=header) == 401, header
    assert ask(client, route) == 401
    for token, role in (
        ("t-reader", CallerRole.READER),
        ("t-writer", CallerRole.WRITER),
        ("t-admin", CallerRole.ADMIN),
    ):
        status = ask(client, route, **bearer(token))
        assert status not in (401, 500), (token, status)
        assert (status == 403) is (role < route.role), (token, status)
    assert service.store.backend.now() == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.path)
def test_who_runs_a_service_may_ask_how_it_is(service: Service, operation: Operation) -> None:
    status = service.client.get(operation.path).status_code
    assert status == (200 if operation.is_open else 401)
    assert service.client.get(operation.path, headers=bearer("t-reader")).status_code == 200


@pytest.mark.parametrize("path", ["/login", "/static/site.css", "/static/site.js"])
def test_the_login_page_needs_no_token(service: Service, path: str) -> None:
    assert service.client.get(path).status_code == 200


@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_no_page_is_shown_to_nobody(service: Service, path: str) -> None:
    response = service.client.get(path, headers=BROWSER)
    assert response.status_code == 303
    assert response.headers["location"].startswith("/login?next=")


@pytest.mark.parametrize("path", [f"{API}/nowhere", "/nowhere", f"{API}/../store"])
def test_all_else_does_whether_it_is_there_or_not(service: Service, path: str) -> None:
    response = service.client.get(path)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert service.client.get(path, headers=bearer("t-reader")).status_code in (200, 404)


def test_why_a_token_is_not_taken_is_said(service: Service) -> None:
    for token, said in (("wrong", "unknown"), ("t-old", "expired: it was good until 2026-02-28")):
        told = service.client.get(f"{API}/store", headers=bearer(token)).json()
        assert (told["status"], told["type"]) == (401, "/api/v1/errors#unauthenticated")
        assert said in told["detail"]


def test_a_token_that_is_withdrawn_is_taken_no_longer(service: Service) -> None:
    headers = bearer("t-reader")
    assert service.client.get(f"{API}/store", headers=headers).json()["caller"] == "ben"
    service.rewrite(TOKENS.replace("ben t-reader reader\n", ""))
    assert service.client.get(f"{API}/store", headers=headers).status_code == 401


# Browsers


def log_in(client: TestClient, token: str = "t-reader", onward: str = "/") -> Any:
    return client.post("/login", data={"token": token, "next": onward}, headers=BROWSER)


def test_a_page_leads_to_the_login_and_the_login_to_the_page(service: Service) -> None:
    client = service.client
    asked = "/lineage?focus=Model%3Am2&as_of=1"
    response = client.get(asked, headers=BROWSER)
    assert response.status_code == 303
    form = client.get(response.headers["location"])
    assert (form.status_code, form.headers["cache-control"]) == (200, "no-store")
    (onward,) = re.findall(r'name="next" value="([^"]*)"', form.text)
    assert unescape(onward) == asked
    entered = log_in(client, onward=unescape(onward))
    assert (entered.status_code, entered.headers["location"]) == (303, asked)
    assert client.get(f"{API}/store").json()["caller"] == "ben"
    assert client.get("/nowhere", headers=BROWSER).status_code == 404


def test_programs_are_not_led_to_the_login(service: Service) -> None:
    assert service.client.get(f"{API}/store", headers=BROWSER).status_code == 401
    assert service.client.get("/nowhere").status_code == 401
    assert service.client.post("/nowhere", headers=BROWSER).status_code == 401


def test_the_cookie_is_the_browsers_alone(service: Service) -> None:
    plain = log_in(service.client).headers["set-cookie"]
    assert re.match(r"lineage=[\w-]{43};", plain)
    said = {part.strip().lower() for part in plain.split(";")[1:]}
    assert said == {"httponly", "max-age=43200", "path=/", "samesite=lax"}
    over_tls = log_in(service.at("https://127.0.0.1")).headers["set-cookie"]
    assert over_tls.startswith("__Host-lineage=")
    assert {part.strip().lower() for part in over_tls.split(";")[1:]} == {*said, "secure"}
    behind = {**BROWSER, "X-Forwarded-Proto": "https"}
    proxied = service.client.post("/login", data={"token": "t-reader"}, headers=behind)
    assert proxied.headers["set-cookie"].startswith("__Host-lineage=")


@pytest.mark.parametrize(
    "onward",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
     "/\n/evil.example", " //evil.example", "javascript:alert(1)", "evil", "", "/\0", "/é"],
)  # fmt: skip
def test_the_login_leads_nowhere_else(service: Service, onward: str) -> None:
    assert log_in(service.client, onward=onward).headers["location"] == "/"
    page = service.client.get("/login", params={"next": onward})
    assert 'name="next" value="/"' in page.text


def test_a_token_that_is_wrong_is_told_and_not_shown(service: Service) -> None:
    for token, said in (("<b>secret", "unknown"), ("t-old", "expired"), ("", "unknown")):
        response = log_in(service.client, token, '/x?"<i>')
        assert response.status_code == 401
        assert said in response.text
        assert "secret" not in response.text
        assert "<i>" not in response.text
        assert "set-cookie" not in response.headers
    assert service.client.post("/login", headers=BROWSER).status_code == 401
    assert service.client.post("/login", content=b"x" * 10_001).status_code == 413


def test_logins_are_limited(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    statuses = [log_in(service.client, "wrong").status_code for _ in range(module.ATTEMPTS + 1)]
    assert statuses == [401] * module.ATTEMPTS + [429]
    response = log_in(service.client)
    assert response.status_code == 429
    assert 0 < int(response.headers["retry-after"]) <= 10


def test_a_session_ends_with_its_token_with_the_day_and_when_one_logs_out(service: Service) -> None:
    client = service.client
    log_in(client)
    cookie = client.cookies["lineage"]
    assert client.get(f"{API}/store").status_code == 200
    left = client.post("/logout", headers=BROWSER)
    assert (left.status_code, left.headers["location"]) == (303, "/login")
    assert "lineage" not in client.cookies
    again = service.at("http://127.0.0.1")
    again.cookies["lineage"] = cookie
    assert again.get(f"{API}/store").status_code == 401, "who has kept the cookie is out, too"
    log_in(client)
    service.rewrite(TOKENS.replace("ben t-reader reader\n", ""))
    assert client.get(f"{API}/store").status_code == 401
    assert client.post("/logout", headers=BROWSER).status_code == 303


def test_a_session_has_the_role_that_its_token_has_now(service: Service) -> None:
    log_in(service.client)
    assert service.client.get(f"{API}/store").json()["role"] == "reader"
    service.rewrite(TOKENS.replace("ben t-reader reader", "ben t-reader admin"))
    assert service.client.get(f"{API}/store").json()["role"] == "admin"


def test_what_one_was_told_is_not_what_the_next_is(service: Service) -> None:
    """They share a browser, which keeps what it was told, and they have one role."""
    service.rewrite(f"{TOKENS}bob t-other reader\n")
    log_in(service.client)
    for path in (f"{API}/store", "/"):
        tag = service.client.get(path).headers["etag"]
        for token, status in (("t-reader", 304), ("t-other", 200)):
            headers = {**bearer(token), "If-None-Match": tag}
            assert service.client.get(path, headers=headers).status_code == status


def test_a_token_in_a_header_goes_before_a_cookie(service: Service) -> None:
    log_in(service.client)
    facts = service.client.get(f"{API}/store", headers=bearer("t-admin")).json()
    assert facts["caller"] == "eve"
    assert service.client.get(f"{API}/store", headers=bearer("wrong")).status_code == 401


def test_two_tokens_are_none(service: Service) -> None:
    for tokens in (("t-admin", "t-reader"), ("t-reader", "t-reader")):
        headers = [("Authorization", f"Bearer {token}") for token in tokens]
        response = service.client.get(f"{API}/store", headers=headers)
        assert response.status_code == 401
        assert "twice" in response.json()["detail"]


def test_writing_with_a_cookie_takes_what_no_other_site_can_send(service: Service) -> None:
    client = service.client
    log_in(client, "t-admin")
    # The address takes no such method, which is said once the caller is let in.
    for headers, status in (
        ({}, 403),
        ({"X-Lineage": "0"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"X-Lineage": "1"}, 405),
        ({"Sec-Fetch-Site": "same-origin"}, 405),
        ({"Origin": "http://127.0.0.1"}, 405),
    ):
        assert client.post(f"{API}/store", headers=headers).status_code == status, headers
    assert client.post(f"{API}/store", headers=bearer("t-admin")).status_code == 405


def test_cookies_that_are_none(service: Service) -> None:
    for cookie in ("", "x", "é", "a" * 4_000, "\x80"):
        headers = {b"Cookie": f"lineage={cookie}; lineage=x".encode("latin-1")}
        assert service.client.get(f"{API}/store", headers=headers).status_code == 401


def test_without_tokens_there_is_nothing_to_log_in_to() -> None:
    with lineage.connect("memory:") as store:
        app = application(
            Web(store, Callers("ann", role=CallerRole.READER), Pool(), Watcher(store.backend))
        )
        client = TestClient(app, base_url="http://localhost", follow_redirects=False)
        response = client.get("/login?next=/log")
        assert (response.status_code, response.headers["location"]) == (303, "/log")
        assert log_in(client, "anything").status_code == 401


def test_there_are_so_many_sessions_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    sessions = Sessions(clock=lambda: now[0])
    monkeypatch.setattr(module, "SESSIONS", 2)
    names = [sessions.open(bytes([number])) for number in range(3)]
    assert [sessions.token(name) for name in names] == [None, b"\1", b"\2"]
    now[0] = module.HOURS * 3_600 - 1
    assert sessions.token(names[1]) == b"\1"
    now[0] += 1
    assert sessions.token(names[1]) is None
