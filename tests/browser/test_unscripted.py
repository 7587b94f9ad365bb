"""The server's pages in a real browser in which no script runs: pictures, tables and forms are there, and lead on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import lineage
from lineage.server.callers import Callers
from lineage.server.web.serving import serving
from tests.server.web.pages.conftest import project
from tests.server.web.pages.test_pages import ADDRESSES

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SEEN = "marks => marks.filter(mark => mark.getBoundingClientRect().width > 20).length"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the pages of a small project are."""
    with (
        lineage.connect("memory:", actor="ann") as store,
        serving(project(store), "127.0.0.1:0", callers=Callers("ann", None)) as served,
    ):
        yield served.address


@pytest.fixture
def unscripted(chromium: Any) -> Iterator[Any]:
    """A window without scripts; at the end nothing must have been refused or missing."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, java_script_enabled=False
    )
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    context.close()
    assert not wrong


def test_lineage_is_seen_and_opened_as_a_table(unscripted: Any, address: str) -> None:
    unscripted.goto(f"{address}/lineage?focus=Model:m2")
    assert unscripted.locator("a .mark").evaluate_all(SEEN) == 4
    shape = unscripted.locator(".mark.artifact .shape").first
    assert shape.evaluate("each => getComputedStyle(each).fill") == "rgb(226, 240, 251)"
    table = unscripted.get_by_role("region", name="4 marks, nearest first").get_by_role("table")
    assert not table.is_visible()
    unscripted.get_by_text("The same answer as a table").click()
    assert table.is_visible()
    assert table.get_by_role("row").count() == 5
    assert not unscripted.get_by_role("button", name="Copy as command").is_visible()


def test_forms_ask_again(unscripted: Any, address: str) -> None:
    unscripted.goto(f"{address}/lineage?focus=Model:m2")
    unscripted.get_by_label("Which way").select_option("upstream")
    unscripted.get_by_role("button", name="Show", exact=True).click()
    assert "direction=upstream" in unscripted.url
    assert "3 marks of 3 nodes" in unscripted.get_by_role("main").inner_text()
    unscripted.get_by_role("textbox", name="As of", exact=True).fill("9")
    unscripted.get_by_role("button", name="Ask").click()
    assert "as_of=9" in unscripted.url
    assert "direction=upstream" in unscripted.url
    assert "as of transaction 9 of" in unscripted.get_by_role("banner").inner_text()


def test_a_mark_is_followed_by_the_keyboard(unscripted: Any, address: str) -> None:
    unscripted.goto(f"{address}/")
    assert unscripted.evaluate("document.activeElement.name") == "q"
    unscripted.keyboard.type("lake")
    unscripted.keyboard.press("Enter")
    unscripted.wait_for_url("**/lineage?focus=artifact:1")
    unscripted.locator("a", has=unscripted.locator(".mark")).first.focus()
    unscripted.keyboard.press("Enter")
    assert "/lineage?" in unscripted.url


def test_rows_are_ticked_and_compared(unscripted: Any, address: str) -> None:
    unscripted.goto(f"{address}/models")
    for name in ("artifact:2", "artifact:3"):
        unscripted.get_by_role("checkbox", name=f"Compare {name}").check()
    unscripted.get_by_role("button", name="Compare those that are ticked").click()
    assert unscripted.get_by_role("heading", level=1).inner_text() == "Compare 2 models"


@pytest.mark.parametrize("width", [1280, 400])
def test_no_page_is_wider_than_the_window(unscripted: Any, address: str, width: int) -> None:
    unscripted.set_viewport_size({"width": width, "height": 800})
    for each in ADDRESSES:
        unscripted.goto(f"{address}{each}")
        assert unscripted.evaluate(WIDER) <= 0, each
