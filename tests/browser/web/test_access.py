"""Pages for who has no mouse, does not see, or sees little: keys, names, roles, headings and contrasts."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Literal

import pytest

from lineage.cli.demo import Told
from tests.browser.web.served import Pages

SCHEMES: tuple[Literal["light", "dark"], ...] = ("dark", "light")
NAMELESS = """() => {
    const text = (each) => [...each.querySelectorAll("img[alt], svg[aria-label]")].map(
        (image) => image.getAttribute("alt") ?? image.getAttribute("aria-label")).join("") + each.textContent;
    const named = (each) => each.getAttribute("aria-label")?.trim()
        || document.getElementById(each.getAttribute("aria-labelledby"))?.textContent.trim()
        || [...(each.labels ?? [])].map((label) => label.textContent).join("").trim()
        || (each.matches("input, select, textarea") ? "" : text(each).trim());
    return [...document.querySelectorAll(
        "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=option]")]
        .filter((each) => !named(each)).map((each) => each.outerHTML.slice(0, 200));
}"""
HEADINGS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
    .filter((each) => each.checkVisibility()).map((each) => Number(each.tagName[1]))"""
REGIONS = """() => [...document.querySelectorAll("form, section[aria-label], section[aria-labelledby], nav, aside")]
    .map((each) => each.tagName + " " + (each.getAttribute("aria-label")
        ?? document.getElementById(each.getAttribute("aria-labelledby"))?.textContent ?? each.getAttribute("role") ?? ""))"""
FAINT = """() => {
    const parsed = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const luminance = (colour) => {
        const parts = colour.slice(0, 3).map((part) => part / 255)
            .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    const over = (top, below) => top.length < 4 ? top
        : [0, 1, 2].map((part) => top[part] * top[3] + below[part] * (1 - top[3]));
    const ground = (each) => {
        if (!each) return [255, 255, 255];
        const colour = parsed(getComputedStyle(each).backgroundColor);
        return colour.length < 4 || colour[3] === 1 ? colour : over(colour, ground(each.parentElement));
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const faint = new Set();
    let count = 0;
    while (walker.nextNode()) {
        const each = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !each.checkVisibility({visibilityProperty: true})) continue;
        if (each.closest("svg, :disabled, option, script, .skip:not(:focus)")) continue;
        const below = ground(each);
        const [one, other] = [luminance(over(parsed(getComputedStyle(each).color), below)), luminance(below)];
        const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        count += 1;
        if (contrast < 4.5) faint.add(`${contrast.toFixed(2)} ${each.tagName}.${each.className} ${walker.currentNode.data.trim().slice(0, 40)}`);
    }
    return [count, [...faint]];
}"""
FOCUSED = """() => {
    const each = document.activeElement;
    const style = getComputedStyle(each);
    const box = each.getBoundingClientRect();
    const shape = each.querySelector(".shape");
    return {
        what: each.id || each.dataset.id || each.textContent.trim().slice(0, 40) || each.tagName,
        seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
            || shape !== null && parseFloat(getComputedStyle(shape).strokeWidth) >= 3,
        inside: box.bottom > 0 && box.top < innerHeight,
    };
}"""


def addresses(told: Told) -> dict[str, str]:
    deployed, newest = told.deployed.key, told.newest.key
    return {
        "start": "/",
        "search": "/search?q=logistic",
        "lineage": f"/lineage?focus={told.data}&since={told.before}",
        "node": f"/nodes/{deployed}",
        "impact": f"/impact?of={told.data}",
        "compare": f"/compare?ids={deployed}&ids={newest}",
        "diff": f"/diff?left={deployed}&right={newest}",
        "moments": f"/diff?focus={newest}&since={told.before}",
        "runs": "/runs?order=metrics.accuracy+desc",
        "models": "/models",
        "types": "/types",
        "type": "/types/Model",
        "log": "/log",
        "transaction": f"/log/{told.before}",
        "fault": "/runs?filter=state+%3D",
        "nothing": "/nodes/artifact:999",
    }


def test_pages_can_be_heard_and_read(pages: Pages, told: Told) -> None:
    for name, address in addresses(told).items():
        pages.visit(address, is_mounted=name == "lineage")
        pages.page.wait_for_selector("html.scripted")
        assert pages.page.evaluate(NAMELESS) == [], name
        levels = pages.page.evaluate(HEADINGS)
        assert levels[0] == levels.count(1) == 1, name
        assert all(other <= one + 1 for one, other in pairwise(levels)), (name, levels)
        for role in ("banner", "main"):
            assert pages.page.get_by_role(role).count() == 1, (name, role)
        regions = pages.page.evaluate(REGIONS)
        assert all(each.partition(" ")[2].strip() for each in regions), (name, regions)
        for scheme in SCHEMES:
            pages.page.emulate_media(color_scheme=scheme)
            count, faint = pages.page.evaluate(FAINT)
            assert count > 5, name
            assert faint == [], (name, scheme)
        assert pages.page.title().endswith("lineage"), name
    failed = "Failed to load resource: the server responded with a status of 4"  # of the last two
    pages.window.wrong = [each for each in pages.window.wrong if not each.startswith(failed)]


def test_all_is_done_by_keys_and_the_focus_is_seen(pages: Pages, told: Told) -> None:
    pages.visit("/")
    keys = pages.page.keyboard
    keys.type("models/logistic.p")
    option = pages.page.get_by_role("option").filter(has_text=str(told.deployed.key))
    option.wait_for()
    for _ in range(3):
        keys.press("ArrowDown")
        if option.get_attribute("aria-selected") == "true":
            break
    keys.press("Enter")
    pages.await_picture()
    keys.press("Tab")
    skip = pages.page.evaluate(FOCUSED)
    assert (skip["what"], skip["seen"]) == ("Skip to the content", True)
    keys.press("Enter")
    seen: list[str] = []
    for _ in range(30):
        keys.press("Tab")
        focused = pages.page.evaluate(FOCUSED)
        assert focused["seen"], focused
        assert focused["inside"], focused
        seen.append(focused["what"])
        if focused["what"] == str(told.deployed.key):
            break
    assert seen[0] == "direction"  # of the form, and no more of the bar
    assert seen[-1] == str(told.deployed.key)
    keys.press("ArrowLeft")
    assert pages.page.evaluate(FOCUSED)["seen"]
    assert pages.page.evaluate("document.activeElement.dataset.id").startswith("execution:")
    keys.press("Enter")
    heading = pages.page.evaluate("document.activeElement.textContent")
    assert "LogisticRegression" in heading
    keys.press("u")
    assert pages.lit
    keys.press("Escape")
    keys.press("Escape")
    assert pages.page.evaluate("document.activeElement.dataset.id").startswith("execution:")
    pages.page.go_back()  # to before the content was skipped to
    pages.page.go_back()
    pages.page.get_by_role("heading", name="What would you like to know?").wait_for()


def test_a_group_is_opened_by_keys(pages: Pages, told: Told) -> None:
    pages.visit(f"/lineage?focus={told.data}", is_mounted=True)
    before = pages.places
    keys = pages.page.keyboard
    pages.mark(str(told.data)).focus()
    at = ""
    for key in ["ArrowRight", "ArrowUp"] * 8:
        keys.press(key)
        at = pages.page.evaluate("document.activeElement.getAttribute('aria-label')")
        if "group of" in at:
            break
    keys.press("e")
    pages.await_count(len(before) + int(re.findall(r"group of (\d+)", at)[0]) - 1)
    keys.press("c")
    pages.await_count(len(before))
    assert pages.places == before
    assert "group of" in pages.page.evaluate("document.activeElement.getAttribute('aria-label')")


@pytest.mark.parametrize("name", ["lineage", "impact", "runs"])
def test_on_paper_there_is_the_answer_and_nothing_to_press(
    pages: Pages, told: Told, name: str
) -> None:
    pages.visit(addresses(told)[name], is_mounted=name == "lineage")
    pages.page.emulate_media(media="print")
    for role in ("textbox", "searchbox", "combobox", "slider", "navigation"):
        assert pages.page.get_by_role(role).count() == 0, role
    submits = pages.page.locator("form button")
    assert not any(each.is_visible() for each in submits.all())
    assert pages.page.locator("svg, table").locator("visible=true").count() > 0
    scrolled = "all => all.filter(each => each.scrollHeight > each.clientHeight + 1).length"
    assert pages.page.locator("#lineage, .wide, .drawn").evaluate_all(scrolled) == 0
