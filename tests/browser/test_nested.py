"""Groups of groups in a real browser: the page opens and closes them as `View.open` and `View.close` do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lineage.answers.view import View, view_of
from tests.browser.graphs import runs, written
from tests.browser.opened import Opened

Show = Callable[..., Opened]
CHOICES = ["run", "versions", "folder"]
RUNS = 130


@pytest.fixture(scope="module", params=CHOICES)
def view(request: pytest.FixtureRequest) -> View:
    return view_of(runs(RUNS), by=request.param, budget=20)


@pytest.fixture(scope="module")
def file(view: View, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(view, tmp_path_factory.mktemp("nested") / "runs.html")


def outer(view: View) -> str:
    """Return the group of groups of a view."""
    return next(mark.id for mark in view.marks if mark.id in view.parts())


def agree(page: Opened, view: View) -> None:
    """Fail unless the page shows the marks of the view, in order, and as many edges of as many members."""
    ids = ["rest" if mark.rule == "rest" else mark.id for mark in view.marks]
    assert ["rest" if mark.endswith("+rest") else mark for mark in page.marks] == ids
    counts = [mark.count for mark in view.marks if mark.rule and mark.rule != "rest"]
    assert page.page.locator(".plate-text.count").all_text_contents() == [
        f"×{count:,}" for count in counts
    ]
    rests = [f"{mark.count:,} more" for mark in view.marks if mark.rule == "rest"]
    assert page.page.locator(".is-rest .label").all_text_contents() == rests
    edges = [edge for edge in view.edges if edge.source != edge.target]
    assert page.page.locator("path.line").count() == len(edges)
    said = [edge.text for edge in edges if edge.text and edge.count > 1]
    assert sorted(page.page.locator(".line-text").all_text_contents()) == sorted(said)


def test_a_group_of_groups_opens_as_in_python(show: Show, file: Path, view: View) -> None:
    page = show(file)
    agree(page, view)
    group = outer(view)
    page.mark(group).locator(".toggle").click()
    opened = view.open(group)
    agree(page, opened)
    rest = next(mark.id for mark in opened.marks if mark.rule == "rest")
    page.page.locator(".is-rest .toggle").dispatch_event("click")
    agree(page, opened.open(rest))
    part = next(mark.id for mark in opened.marks if mark.within == group and mark.rule)
    page.mark(part).locator(".toggle").dispatch_event("click")
    agree(page, opened.open(rest, part))
    member = next(mark.id for mark in opened.open(part).marks if mark.within == part)
    page.mark(member).locator(".toggle").dispatch_event("click")
    agree(page, opened.open(rest))
    page.mark(part).dispatch_event("click")
    page.button("Close the group").click()
    agree(page, view)


def test_closing_a_group_closes_what_is_open_inside_it(show: Show, file: Path, view: View) -> None:
    page = show(file)
    group = outer(view)
    page.mark(group).locator(".toggle").click()
    part, other = [mark.id for mark in view.open(group).marks if mark.within == group][:2]
    page.mark(part).locator(".toggle").dispatch_event("click")
    page.mark(other).dispatch_event("click")
    page.press("c")
    agree(page, view)
    page.mark(group).locator(".toggle").click()
    agree(page, view.open(group))


def test_a_page_of_an_open_view_shows_it_open(show: Show, view: View, tmp_path: Path) -> None:
    group = outer(view)
    opened = view.open(group, page=3)
    part = next(mark.id for mark in opened.marks if mark.within == group)
    opened = opened.open(part)
    page = show(written(opened, tmp_path / "open.html"))
    agree(page, opened)
    page.press("Escape")
    page.visit(page.fragment)
    agree(page, opened)


def test_all_open_at_a_cost_that_is_said(show: Show, file: Path, view: View) -> None:
    page = show(file)
    page.page.locator(".menu summary", has_text="Groups").click()
    whole = view.open_whole()
    page.button(f"Open all → {len(whole.marks):,} marks").click()
    assert f"{len(whole.marks):,} marks of {len(view.graph.nodes):,} nodes" in page.status


def test_what_is_searched_is_shown_inside_its_group(show: Show, file: Path) -> None:
    page = show(file)
    page.press("/")
    page.page.keyboard.type("artifact:204")
    page.press("Enter")
    assert page.focused == "artifact:204"
    assert page.page.locator(".is-rest").count() >= 1
