"""Who may look: a token is exchanged for a session, and a reader's session writes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

import lineage
from tests.browser.web.conftest import Open
from tests.browser.web.served import Server, serving
from tests.runs import two_runs


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that knows a reader and a writer by their tokens."""
    folder = tmp_path_factory.mktemp("guarded")
    with lineage.connect(folder / "runs.db") as store:
        two_runs(store)
    (folder / "tokens").write_text("ben t-reader reader\nann t-writer writer\n", encoding="utf-8")
    (folder / "tokens").chmod(0o600)
    with serving(folder / "runs.db", "--tokens", str(folder / "tokens")) as server:
        yield server


def test_a_token_opens_the_page_that_was_asked_for(open_pages: Open, guarded: Server) -> None:
    pages = open_pages(guarded)
    pages.visit("/lineage?focus=Dataset:lake")
    pages.page.wait_for_url("**/login?next=*")
    field = pages.page.get_by_label("Token")
    field.fill("t-wrong")
    pages.page.get_by_role("button", name="Log in").click()
    pages.page.get_by_role("alert").wait_for()
    assert "t-wrong" not in pages.page.content()
    pages.page.get_by_label("Token").fill("t-reader")
    pages.page.get_by_role("button", name="Log in").click()
    pages.page.wait_for_url("**/lineage?focus=Dataset:lake*")
    pages.await_picture()
    assert pages.marks.count() == 3  # the runs are alike, and the models
    assert "you are ben, a reader" in pages.text("footer")
    (cookie,) = pages.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    written = pages.page.evaluate(
        "fetch('/api/v1/nodes:put', {method: 'POST', headers: {'X-Lineage': '1', 'Content-Type': 'application/json'},"
        " body: '{\"nodes\": []}'}).then(answer => answer.status)"
    )
    assert written == 403
    pages.page.get_by_role("button", name="Log out").click()
    pages.page.wait_for_url("**/login*")
    pages.visit("/runs")
    pages.page.wait_for_url("**/login?next=*")
    expected = (
        "401",
        "403",
        "[DOM]",
    )  # what a browser says of these answers, and of fields for passwords
    pages.window.wrong = [
        each for each in pages.window.wrong if not any(word in each for word in expected)
    ]


def test_strangers_are_refused_by_a_process_as_it_is_run(guarded: Server) -> None:
    store = f"{guarded.address}/api/v1/store"
    reader = {"Authorization": "Bearer t-reader"}
    writer = {"Authorization": "Bearer t-writer"}
    put = f"{guarded.address}/api/v1/nodes:put"
    assert httpx2.get(store).status_code == 401
    assert httpx2.get(store, headers=reader).status_code == 200
    assert httpx2.get(store, headers={**reader, "Host": "evil.example"}).status_code == 421
    assert httpx2.post(put, headers=reader, json={}).status_code == 403
    foreign = {**writer, "Origin": "https://evil.example"}
    assert httpx2.post(put, headers=foreign, json={}).status_code == 403
