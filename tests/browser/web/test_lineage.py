"""The lineage of the demo's models, as people look at it in a browser."""

from __future__ import annotations

import re

import lineage
from lineage.cli.demo import Told
from tests.browser.web.served import Pages

CELLS = "rows => rows.map(row => [...row.cells].map(cell => cell.textContent.trim()))"
CLOSES = '.toggle path[d="M-4,0H4"]'
"""A minus, where a group's sign is a plus."""


def shown(store: lineage.Store, *focus: lineage.NodeKey | str, budget: int = 60) -> list[str]:
    """The marks that a picture must show, in the order of reading."""
    return [mark.id for mark in store.view(*focus, budget=budget).marks]


def test_a_search_from_the_first_page_leads_to_a_model(
    pages: Pages, told: Told, store: lineage.Store
) -> None:
    pages.visit("/")
    pages.page.keyboard.type("logistic")  # the field has the focus
    pages.page.keyboard.press("Enter")
    pages.page.wait_for_url("**/search?q=logistic")
    row = pages.page.get_by_role("row").filter(has_text=re.compile(rf"{told.deployed.key}(?!\d)"))
    row.get_by_role("link").first.click()
    pages.await_picture()
    assert f"focus={told.deployed.key}" in pages.page.url
    assert pages.marks.count() == 10
    focus = pages.page.locator("#lineage g.is-focus")
    assert focus.get_attribute("data-id") == str(told.deployed.key)
    assert [*pages.places] == shown(store, told.deployed.key)


def test_a_suggestion_leads_to_a_model_at_once(pages: Pages, told: Told) -> None:
    pages.visit("/")
    pages.page.keyboard.type("models/logistic.pickle")
    option = pages.page.get_by_role("option").filter(has_text=str(told.deployed.key))
    option.click()
    pages.await_picture()
    assert pages.page.locator("#lineage g.is-focus").get_attribute("data-id") == str(
        told.deployed.key
    )


def test_a_group_opens_and_closes_to_what_was(
    pages: Pages, told: Told, store: lineage.Store
) -> None:
    pages.visit(f"/lineage?focus={told.data}", is_mounted=True)
    before, picture = pages.places, pages.picture
    assert [*before] == shown(store, told.data)
    focus = pages.mark(str(told.data))
    stood = focus.bounding_box()
    group = pages.page.get_by_role("button", name=re.compile(r"^Training, group of \d"))
    name = group.get_attribute("aria-label")
    size = int(re.findall(r"group of (\d+)", name)[0])
    group.locator(".toggle").click()
    pages.await_count(len(before) + size - 1)
    moved = focus.bounding_box()
    assert abs(moved["x"] - stood["x"]) < 1
    assert abs(moved["y"] - stood["y"]) < 1
    opened, address = pages.places, pages.page.url
    member = pages.page.locator("#lineage g.mark", has=pages.page.locator(CLOSES)).first
    member.locator(".toggle").click()
    pages.await_count(len(before))
    assert pages.picture == picture
    pages.visit("/")
    pages.page.goto(address)
    pages.await_picture()
    assert pages.places == opened


def test_what_is_lit_is_what_the_store_says(pages: Pages, told: Told, store: lineage.Store) -> None:
    upstream = {str(key) for key in store.upstream(told.newest.key).keys}
    pages.visit(f"/lineage?focus={told.newest.key}", is_mounted=True)
    pages.named("button", "← Made from").click()
    assert pages.lit == upstream
    listed = pages.page.locator("#lineage .lit [data-key]")
    keys = set(listed.evaluate_all("items => items.map(item => item.dataset.key)"))
    assert keys == upstream - {str(told.newest.key)}


def test_time_is_gone_back_in_and_what_was_seen_is_not_sent_again(
    pages: Pages, told: Told, store: lineage.Store
) -> None:
    pages.visit(f"/lineage?focus={told.data}", is_mounted=True)
    now, then = shown(store, told.data), shown(store.at(told.before), told.data)
    assert now != then
    pages.page.get_by_label("Transaction", exact=True).fill(str(told.before))
    pages.await_marks(then)
    assert f"as_of={told.before}" in pages.page.url
    assert f"as of transaction {told.before} of " in pages.text(".moments")
    pages.page.go_back()
    pages.await_marks(now)
    sizes = pages.page.evaluate(
        "performance.getEntriesByType('resource').filter(each => each.name.includes('/view/page'))"
        ".map(each => each.transferSize)"
    )
    assert len(sizes) == 3
    assert sizes[2] == 300 < min(sizes[:2])  # what a browser counts for the headers of a 304


def test_what_differs_first_is_named(pages: Pages, told: Told, store: lineage.Store) -> None:
    ends = (told.deployed.key, told.newest.key)
    differences = store.diff(*ends).differences
    pages.visit("/")
    pages.named("link", "Why do the two newest models differ?").click()
    pages.page.wait_for_url("**/diff?left=*")
    assert pages.page.get_by_role("heading", level=1).inner_text().startswith("Why ")
    pages.visit(f"/diff?left={ends[0]}&right={ends[1]}")
    title = pages.page.get_by_role("heading", level=1).inner_text()
    assert title == f"Why models/logistic.pickle {ends[0]} and {ends[1]} differ"
    rows = pages.page.get_by_role("table").locator("tbody tr").evaluate_all(CELLS)
    assert [row[1] for row in rows] == [" ← ".join(each.place) for each in differences]
    first = differences[1]  # after the two themselves
    (node,) = filter(None, [first.left, first.right])
    said = pages.page.get_by_text("They first differ at").inner_text()
    assert f"at {' ← '.join(first.place)}, " in said
    assert str(node.key) in said


def test_what_is_affected_is_listed_as_the_store_does(
    pages: Pages, told: Told, store: lineage.Store
) -> None:
    impact = store.impact(told.data)
    pages.visit("/")
    pages.named("link", "What breaks if data/wine.csv changes?").click()
    rows = pages.page.locator("table.ranked tbody tr")
    rows.first.wait_for()
    keys = [re.findall(r"\w+:\d+", row[1])[-1] for row in rows.evaluate_all(CELLS)]
    assert keys == [str(each.node.key) for each in impact.affected]
    assert f"{len(keys)} artifacts affected, 2 of them deployed" in pages.text("main")
    rows.nth(1).get_by_role("link", name="as a picture").click()
    pages.page.get_by_role("heading", name="The ways there").wait_for()
    marks = pages.page.locator(".drawn a .mark")
    marks.first.wait_for()
    assert marks.count() == len(store.paths(told.data, impact.affected[1].node.key).view().marks)
