"""Logging in with a real browser, and what it does not let other sites' pages do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

import lineage
from lineage.server.callers import Callers, Tokens
from lineage.server.web.serving import Serving, serving
from lineage.store import Store
from tests.runs import two_runs


@pytest.fixture
def store() -> Iterator[Store]:
    with lineage.connect("memory:") as store:
        yield two_runs(store)


@pytest.fixture
def log() -> StringIO:
    return StringIO()


@pytest.fixture
def server(store: Store, tmp_path: Path, log: StringIO) -> Iterator[Serving]:
    path = tmp_path / "tokens"
    path.write_text("ann t-admin admin\n")
    path.chmod(0o600)
    with serving(store, "127.0.0.1:0", callers=Callers("", Tokens(path)), log=log) as server:
        yield server


class Tab:
    """A tab of a browser of its own, and what its console said."""

    def __init__(self, chromium: Any) -> None:
        self.context = chromium.new_context()
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))


@pytest.fixture
def tab(chromium: Any) -> Iterator[Tab]:
    tab = Tab(chromium)
    yield tab
    tab.context.close()


def log_in(tab: Tab, server: Serving, path: str = "/") -> None:
    tab.page.goto(server.address + path)
    tab.page.get_by_label("Token").fill("t-admin")
    tab.page.get_by_role("button", name="Log in").click()
    tab.page.wait_for_url(server.address + path)


def test_a_token_opens_the_page_that_was_asked_for(tab: Tab, server: Serving) -> None:
    page, path = tab.page, "/lineage?focus=Model%3Am2&as_of=2"
    page.goto(server.address + path)
    assert page.title() == "Log in · lineage"
    page.get_by_label("Token").fill("wrong")
    page.keyboard.press("Enter")
    assert page.get_by_role("alert").inner_text() == "the token is unknown"
    assert page.get_by_label("Token").input_value() == ""
    page.get_by_label("Token").fill("t-admin")
    page.keyboard.press("Enter")
    page.wait_for_url(server.address + path)
    (cookie,) = tab.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Lax", False)
    assert page.evaluate("document.cookie") == ""
    answer = page.evaluate("fetch('/api/v1/store').then(answer => answer.json())")
    assert answer["caller"] == "ann"
    # Its own wish for a field that nobody has need of, and that one token was wrong.
    told = [each for each in tab.said if "Password forms" not in each]
    assert len(told) == 1
    assert "status of 401" in told[0]


def test_a_page_of_ours_writes_and_logs_out(tab: Tab, server: Serving, store: Store) -> None:
    log_in(tab, server)
    write = (
        "fetch('/api/v1/nodes:put', {method: 'POST', headers: {'Content-Type': 'application/json'}, "
        "body: JSON.stringify({nodes: [{type: 'Plain'}]})}).then(answer => answer.status)"
    )
    before = store.backend.now()
    assert tab.page.evaluate(write) == 201
    assert [entry.actor for entry in store.log(limit=1).items] == ["ann"]
    assert tab.page.evaluate("fetch('/logout', {method: 'POST'}).then(answer => answer.url)") == (
        f"{server.address}/login"
    )
    assert tab.page.evaluate(write) == 401
    assert store.backend.now() == before + 1


@pytest.mark.parametrize("site", ["http://localhost:9", "http://127.0.0.1:9"])
def test_a_page_of_another_site_neither_writes_nor_reads(
    tab: Tab, server: Serving, store: Store, log: StringIO, site: str
) -> None:
    """By its name localhost is another site than 127.0.0.1, and by its port another origin."""
    log_in(tab, server)
    before = store.backend.now()
    form = f'<form method="post" action="{server.address}/logout"><button>Go</button></form>'
    tab.context.route(
        f"{site}/**", lambda route: route.fulfill(content_type="text/html", body=form)
    )
    tab.page.goto(f"{site}/")
    for mode, method, path in (
        ("cors", "POST", "/api/v1/nodes:put"),
        ("no-cors", "POST", "/api/v1/nodes:put"),
        ("cors", "DELETE", "/api/v1/nodes/artifact%3A1"),
        ("cors", "GET", "/api/v1/store"),
        ("no-cors", "GET", "/api/v1/store"),
    ):
        body = "" if method == "GET" else ", body: JSON.stringify({nodes: [{type: 'Plain'}]})"
        asked = f"{{mode: '{mode}', method: '{method}', credentials: 'include'{body}}}"
        sent = (
            f"fetch('{server.address}{path}', {asked}).then(answer => answer.type, () => 'failed')"
        )
        assert tab.page.evaluate(sent) == "failed", (mode, method)
    tab.page.get_by_role("button").click()
    tab.page.wait_for_url(f"{server.address}/logout")
    assert store.backend.now() == before
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    refused = [line["status"] for line in lines if line["method"] not in ("GET", "HEAD")][1:]
    assert refused
    assert set(refused) == {403}
