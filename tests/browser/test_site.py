"""What scripts add to the server's pages: the picture, moments without loading, news, copying, choosing, suggestions, keys."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

import lineage
from lineage.model.texts import printable
from lineage.server.callers import Callers
from lineage.server.web.serving import Serving, serving
from lineage.store import Store
from tests.browser.opened import PLACES, Window

MOMENTS = 5
HOSTILE = "<img src=x onerror=alert(1)>\u202e\x1b[31m\nend"
OF_THE_PAGE = "**/api/v1/view/page?*"


class Site:
    """A window on the pages of a store."""

    def __init__(self, window: Window, store: Store, address: str) -> None:
        self.window, self.page, self.store, self.address = window, window.page, store, address

    def visit(self, path: str, *, is_mounted: bool = True) -> None:
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}{path}")
        self.page.wait_for_selector("html.scripted")
        if is_mounted:
            self.page.wait_for_selector("[data-ready]")
        self.page.evaluate("window.same = true")

    @property
    def is_same(self) -> bool:
        """Whether the document was not loaded anew since the visit."""
        return bool(self.page.evaluate("window.same === true"))

    @property
    def places(self) -> dict[str, Any]:
        return dict(self.page.locator("#lineage g.mark").evaluate_all(PLACES))

    @property
    def marks(self) -> list[str]:
        return [*self.places]

    def view(self, focus: str, as_of: int | None = None) -> list[str]:
        store = self.store if as_of is None else self.store.at(as_of)
        return [mark.id for mark in store.view(focus).marks]

    def await_marks(self, marks: list[str]) -> None:
        self.page.wait_for_function(
            "marks => [...document.querySelectorAll('g.mark')].map(mark => mark.dataset.id).join() === marks.join()",
            arg=marks,
        )

    def slide(self, number: int) -> None:
        slide = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', {bubbles: true})); }"
        self.slider.evaluate(slide, str(number))

    def let_go(self) -> None:
        self.slider.evaluate("each => each.dispatchEvent(new Event('change', {bubbles: true}))")

    @property
    def slider(self) -> Any:
        return self.page.locator("#moment")

    @property
    def query(self) -> str:
        return str(self.page.evaluate("location.search"))

    @property
    def sizes(self) -> list[tuple[str, int]]:
        """The path of each answer, and how many bytes came: of one that was the same as before 300."""
        script = "performance.getEntriesByType('resource').map(each => [new URL(each.name).pathname, each.transferSize])"
        return [(path, size) for path, size in self.page.evaluate(script)]

    def asked(self, path: str) -> list[str]:
        """The addresses of this path that are asked for from now on, as they come."""
        found: list[str] = []
        self.page.on("request", lambda each: found.append(each.url) if path in each.url else None)
        return found

    def fails(self, address: str, title: str, detail: str) -> Callable[[], None]:
        """Let answers of an address be a problem, until what is returned is called."""
        body = json.dumps({"title": title, "detail": detail, "status": 503})
        self.page.route(
            address,
            lambda route: route.fulfill(
                status=503, body=body, content_type="application/problem+json"
            ),
        )

        def heal() -> None:
            self.page.unroute(address)
            self.expected("503")

        return heal

    def expected(self, word: str) -> None:
        """Pass over what a browser says of answers that the test made fail."""
        self.window.wrong = [each for each in self.window.wrong if word not in each]


@pytest.fixture
def store() -> Iterator[Store]:
    """A data set, and runs that train models on it: one transaction each."""
    with lineage.connect("memory:") as store:
        data = store.put(lineage.Dataset(name="wine", uri="s3://lake/wine.csv"))
        for number in range(1, MOMENTS):
            store.record(
                lineage.Train(name=f"fit {number}"),
                inputs=[data],
                outputs=[lineage.Model(name=f"model {number}")],
            )
        yield store


def served(store: Store, port: int = 0) -> AbstractContextManager[Serving]:
    return serving(store, f"127.0.0.1:{port}", callers=Callers("ann", None))


@pytest.fixture
def open_site(chromium: Any, store: Store) -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []
    with served(store) as server:

        def opened(**options: Any) -> Site:
            window = Window(chromium, origin=server.address, **options)
            sites.append(Site(window, store, server.address))
            return sites[-1]

        yield opened
        for site in sites:
            site.window.check()
            site.page.context.close()


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    return open_site()


def test_the_picture_takes_the_place_of_the_servers(site: Site) -> None:
    site.visit("/lineage?focus=artifact:1")
    assert site.marks == site.view("artifact:1")
    assert site.page.locator("#lineage figure").count() == 0
    assert site.page.get_by_role("main").count() == 1
    ids = site.page.locator("[id]").evaluate_all("all => all.map(each => each.id)")
    assert len(ids) == len(set(ids))


def test_on_a_narrow_screen_there_is_a_picture(open_site: Callable[..., Site]) -> None:
    site = open_site(viewport={"width": 390, "height": 800})
    site.visit("/lineage?focus=artifact:1")
    stage = site.page.locator(".stage").bounding_box()
    assert stage["height"] >= 400
    assert site.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_wheel_scrolls_the_page_until_the_picture_is_used(site: Site) -> None:
    site.visit("/lineage?focus=artifact:1")
    root = site.page.locator("#lineage g.root")
    shown = root.get_attribute("transform")
    site.page.mouse.move(600, 500)
    site.page.mouse.wheel(0, 40)
    site.page.wait_for_function("() => scrollY === 40")
    assert root.get_attribute("transform") == shown
    site.page.locator('g.mark[data-id="artifact:1"]').click()
    site.page.mouse.wheel(0, 40)
    site.page.wait_for_function(
        "shown => document.querySelector('#lineage g.root').getAttribute('transform') !== shown",
        arg=shown,
    )
    assert site.page.evaluate("scrollY") == 40


def test_details_are_the_apis(site: Site) -> None:
    values = {
        "rate": 1.0,
        "large": 2**62 + 1,
        "layers": [64, {"a": None}],
        "infinite": float("-inf"),
        "none": float("nan"),
        HOSTILE: HOSTILE,
        "flag": True,
    }
    node = site.store.put(lineage.Dataset(name="thing", custom_properties=values))
    asked = site.asked("/api/v1/nodes/")
    site.visit(f"/lineage?focus={node.key}")
    site.page.locator("#lineage .facts th", has_text="infinite").wait_for()
    facts = site.page.locator("#lineage .facts").last
    rows = dict(
        facts.locator("tr").evaluate_all(
            "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"
        )
    )
    assert rows == {
        "rate": "1.0",
        "large": str(2**62 + 1),
        "layers": '[64, {"a": null}]',
        "infinite": "-inf",
        "none": "nan",
        printable(HOSTILE): printable(HOSTILE),
        "flag": "true",
    }
    assert site.page.locator("img").count() == 0
    link = site.page.locator("#lineage").get_by_role("link", name="All that is known of it")
    assert link.get_attribute("href") == f"{site.address}/nodes/{node.key}"
    assert asked == [f"{site.address}/api/v1/nodes/{node.key}?as_of={MOMENTS + 1}"]


def test_the_date_is_told_while_it_slides(site: Site) -> None:
    site.visit("/lineage?focus=artifact:1")
    site.page.locator(".ticks rect").first.wait_for(state="attached")
    site.slide(2)
    when = site.store.log()[-2].time
    assert site.page.locator("output.date").inner_text().startswith("2 · ")
    assert f"{when:%Y-%m-%d}" in site.page.locator("output.date").inner_text()
    assert "transaction 2, " in (site.slider.get_attribute("aria-valuetext") or "")
    assert site.marks == site.view("artifact:1")  # until it is let go
    assert site.query == "?focus=artifact:1"


def test_another_moment_comes_without_loading(site: Site) -> None:
    site.visit("/lineage?focus=artifact:1")
    now = site.marks
    site.slider.focus()
    site.slide(3)
    site.let_go()
    site.await_marks(site.view("artifact:1", 3))
    assert site.query == "?focus=artifact:1&as_of=3"
    assert "as of transaction 3 of 5" in site.page.locator(".moments").inner_text()
    assert site.page.get_by_role("link", name="now", exact=True).count() == 1
    copied = site.page.get_by_role("button", name="Copy as command").get_attribute("data-copy")
    assert copied == "lineage view artifact:1 --as-of 3"
    assert site.page.evaluate("document.activeElement.id") == "moment"
    site.slide(MOMENTS)
    site.let_go()
    site.await_marks(now)
    assert site.query == "?focus=artifact:1"
    assert site.page.get_by_role("link", name="now", exact=True).count() == 0
    site.page.go_back()
    site.await_marks(site.view("artifact:1", 3))
    assert site.slider.input_value() == "3"
    site.page.go_forward()
    site.await_marks(now)
    assert site.is_same
    sizes = [size for path, size in site.sizes if path == "/api/v1/view/page"]
    assert [size == 300 for size in sizes[:3]] == [False, False, True]


def test_brackets_go_one_transaction_back_and_on(site: Site) -> None:
    site.visit("/lineage?focus=artifact:1")
    site.page.keyboard.press("[")
    site.await_marks(site.view("artifact:1", 4))
    site.page.keyboard.press("[")
    site.await_marks(site.view("artifact:1", 3))
    site.page.locator("g.mark").first.focus()
    site.page.keyboard.press("]")  # in the picture, too
    site.await_marks(site.view("artifact:1", 4))
    site.page.keyboard.press("]")
    site.await_marks(site.view("artifact:1"))
    site.page.keyboard.press("]")  # there is none after the last
    site.page.locator("header input[name=q]").focus()
    site.page.keyboard.press("[")
    assert site.page.locator("header input[name=q]").input_value() == "["
    assert site.query == "?focus=artifact:1"
    assert site.is_same


def test_time_plays_until_the_present(site: Site) -> None:
    site.visit("/lineage?focus=artifact:1")
    length = site.page.evaluate("history.length")
    site.page.get_by_role("button", name="Play").click()
    site.await_marks(site.view("artifact:1", 1))
    site.page.get_by_role("button", name="Pause").wait_for()
    site.page.locator("header input[name=q]").focus()
    site.page.keyboard.type("w")
    site.await_marks(site.view("artifact:1", 2))
    site.await_marks(site.view("artifact:1"))
    site.page.get_by_role("button", name="Play").wait_for()
    assert site.query == "?focus=artifact:1"
    assert site.page.evaluate("history.length") == length + 1
    assert (
        site.page.locator("header input[name=q]").input_value() == "w"
    )  # nothing that is written is lost


def test_a_moment_without_the_node_is_said_in_words(site: Site) -> None:
    site.visit("/lineage?focus=artifact:2")
    before = site.marks
    site.slide(1)
    site.let_go()
    alert = site.page.get_by_role("alert").filter(has_text="Not found: ")
    alert.wait_for()
    assert site.marks == before
    assert "focus=artifact:2" in site.query
    site.slide(3)
    site.let_go()
    alert.wait_for(state="hidden")
    assert site.marks == site.view("artifact:2", 3)
    site.expected("404")


def test_what_does_not_come_is_tried_again(site: Site) -> None:
    heal = site.fails(OF_THE_PAGE, "Unavailable", "the store is locked; try again")
    site.visit("/lineage?focus=artifact:1", is_mounted=False)
    alert = site.page.get_by_role("alert")
    alert.filter(has_text="Unavailable: the store is locked; try again").wait_for()
    assert site.page.locator("#lineage figure svg").is_visible()
    heal()
    alert.get_by_role("button", name="Try again").click()
    site.await_marks(site.view("artifact:1"))
    assert not alert.is_visible()


def test_a_link_holds_the_whole_state(site: Site) -> None:
    site.visit("/lineage?focus=artifact:1&as_of=4")
    site.page.get_by_role("button", name="Model, group of 3").locator(".toggle").click()
    site.page.locator('g.mark[data-id="artifact:2"]').click()
    site.page.keyboard.press("u")
    places, lit = site.places, site.page.locator("g.mark.is-lit").count()
    assert lit == 3
    address = site.page.url
    assert "as_of=4#" in address
    site.page.goto("about:blank")
    site.page.goto(address)
    site.page.wait_for_selector("[data-ready]")
    assert site.places == places
    assert site.page.locator("g.mark.is-lit").count() == lit
    assert site.page.url == address


def test_files_are_of_what_is_open(site: Site) -> None:
    site.visit("/lineage?focus=artifact:1")
    view = site.store.view("artifact:1")
    group = next(mark.id for mark in view.marks if mark.type == "lineage.Model")
    site.page.locator(f'g.mark[data-id="{group}"] .toggle').click()
    with site.page.expect_download() as download:
        site.page.get_by_role("link", name="svg").click()
    assert download.value.path().read_text("utf-8") == view.open(group).to_svg()
    assert f"open={group}=4" in download.value.url.replace("%3D", "=")


def test_groups_of_more_than_a_page_holds_are_opened_by_the_server(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineage.formats.embedding.MOST_NODES", 3)
    site.visit("/lineage?focus=artifact:1")
    assert site.marks == site.view("artifact:1")
    group = next(mark.id for mark in site.store.view("artifact:1").marks if mark.rule)
    site.page.locator(f'g.mark[data-id="{group}"] .toggle').click()
    opened = [mark.id for mark in site.store.view("artifact:1").open(group).marks]
    site.await_marks(opened)
    places, address = site.places, site.page.url
    site.page.goto("about:blank")
    site.page.goto(address)
    site.page.wait_for_selector("[data-ready]")
    assert site.places == places
    site.page.goto("about:blank")
    site.page.goto(re.sub("g%3A[a-z0-9]*", "g%3Anothing", address))
    site.page.wait_for_selector("[data-ready]")
    assert site.marks == site.view("artifact:1")  # a link that makes no sense is passed over
    site.expected("404")


def happen(site: Site) -> None:
    """Record a training on the data set: one transaction more."""
    data = site.store.get("artifact:1")
    site.store.record(lineage.Train(), inputs=[data], outputs=[lineage.Model()])


def news(site: Site, count: int) -> Any:
    return site.page.get_by_role("link", name=f"{count} new ▸")


def test_news_are_told_and_nothing_moves_until_asked(site: Site) -> None:
    site.visit("/lineage?focus=artifact:1")
    before = site.marks
    happen(site)
    news(site, 1).wait_for()
    assert site.marks == before
    happen(site)
    news(site, 2).wait_for()
    assert site.marks == before
    news(site, 2).click()
    site.await_marks(site.view("artifact:1"))
    assert site.page.locator("body").get_attribute("data-number") == str(MOMENTS + 2)
    assert not site.page.locator("#news").is_visible()
    assert site.slider.get_attribute("max") == str(MOMENTS + 2)
    assert site.is_same


def test_news_go_on_when_the_server_comes_back(chromium: Any, store: Store) -> None:
    with served(store) as first:
        window = Window(chromium, origin=first.address)
        site = Site(window, store, first.address)
        site.visit("/lineage?focus=artifact:1")
        happen(site)
        news(site, 1).wait_for()
    happen(site)
    with served(store, int(first.address.rpartition(":")[2])):
        news(site, 2).wait_for(timeout=20_000)
        happen(site)
        news(site, 3).wait_for()
        site.expected("ERR_")
        window.check()
        window.page.context.close()


def test_news_that_were_refused_are_asked_for_again(site: Site) -> None:
    heal = site.fails("**/api/v1/changes?*", "Unavailable", "too many listen")
    site.visit("/", is_mounted=False)
    site.page.wait_for_timeout(300)
    heal()
    happen(site)
    news(site, 1).wait_for()
    assert news(site, 1).get_attribute("href") == f"{site.address}/"


def test_news_wait_while_nobody_sees_the_page(site: Site) -> None:
    turn = """hidden => {
        Object.defineProperty(document, "hidden", {get: () => hidden, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    site.visit("/lineage?focus=artifact:1")
    happen(site)
    news(site, 1).wait_for()
    site.page.evaluate(turn, True)
    asked = site.asked("/api/v1/changes")
    happen(site)
    site.page.wait_for_timeout(900)
    assert asked == []
    assert news(site, 1).is_visible()
    site.page.evaluate(turn, False)
    news(site, 2).wait_for()
    assert asked == [f"{site.address}/api/v1/changes?after={MOMENTS + 1}"]


def test_pages_of_the_past_have_no_news(site: Site) -> None:
    asked = site.asked("/api/v1/changes")
    site.visit("/lineage?focus=artifact:1&as_of=3")
    site.page.wait_for_timeout(300)
    assert asked == []
    site.slide(MOMENTS)
    site.let_go()
    site.await_marks(site.view("artifact:1"))
    happen(site)
    news(site, 1).wait_for()


def test_a_button_copies_its_text(open_site: Callable[..., Site]) -> None:
    site = open_site(permissions=["clipboard-read", "clipboard-write"])
    site.visit("/lineage?focus=artifact:1")
    site.page.get_by_role("button", name="Copy as command").click()
    site.page.get_by_role("button", name="Copied").wait_for()
    assert site.page.evaluate("navigator.clipboard.readText()") == (
        f"lineage view artifact:1 --as-of {MOMENTS}"
    )
    site.page.get_by_role("button", name="Copy as command").wait_for()


def test_a_button_copies_without_a_clipboard_for_scripts(site: Site) -> None:
    site.page.add_init_script(
        "Object.defineProperty(navigator, 'clipboard', {value: undefined})"
        "; document.addEventListener('copy', () => { window.copied = String(document.getSelection()"
        " || document.activeElement.value); })"
    )
    site.visit("/lineage?focus=artifact:1")
    site.page.get_by_role("button", name="Copy as command").click()
    site.page.get_by_role("button", name="Copied").wait_for()
    assert site.page.evaluate("window.copied") == f"lineage view artifact:1 --as-of {MOMENTS}"
    assert site.page.locator("textarea").count() == 0


def test_two_to_twenty_rows_are_compared(site: Site) -> None:
    for _ in range(19):
        happen(site)
    site.visit("/runs", is_mounted=False)
    submit = site.page.get_by_role("button", name="Compare")
    boxes = site.page.locator("input[name=ids]")
    assert submit.is_disabled()
    boxes.nth(0).check()
    assert submit.is_disabled()
    assert "1 ticked; tick one more" in site.page.locator("form.choose").inner_text()
    boxes.nth(1).check()
    assert submit.is_enabled()
    for place in range(2, 21):
        boxes.nth(place).check()
    assert submit.is_disabled()
    assert "21 ticked; at most 20" in site.page.locator("form.choose").inner_text()
    boxes.nth(0).uncheck()
    assert submit.is_enabled()
    with site.page.expect_navigation():
        submit.click()
    assert site.query.count("ids=") == 20


def test_a_page_without_a_picture_is_loaded_for_another_moment(site: Site) -> None:
    site.visit("/", is_mounted=False)
    site.slide(2)
    with site.page.expect_navigation():
        site.let_go()
    assert site.query == "?as_of=2"
    assert site.page.get_by_role("button", name="Play").count() == 0


def test_suggestions_are_a_list_box(site: Site) -> None:
    site.visit("/lineage", is_mounted=False)
    site.page.keyboard.press("/")
    field = site.page.get_by_role("combobox")
    assert field.evaluate("each => each === document.activeElement")
    site.page.keyboard.type("mod")
    options = site.page.get_by_role("option")
    options.first.wait_for()
    assert options.count() == MOMENTS - 1
    assert field.get_attribute("aria-expanded") == "true"
    assert field.get_attribute("aria-activedescendant") is None
    site.page.keyboard.press("ArrowDown")
    site.page.keyboard.press("ArrowDown")
    active = site.page.locator(f"#{field.get_attribute('aria-activedescendant')}")
    assert active.get_attribute("aria-selected") == "true"
    assert "model 2" in active.inner_text()
    site.page.keyboard.press("ArrowUp")
    site.page.keyboard.press("ArrowUp")
    assert field.get_attribute("aria-activedescendant") is None
    site.page.keyboard.press("Escape")
    assert options.count() == 0 or not options.first.is_visible()
    assert field.input_value() == "mod"
    site.page.keyboard.type("el 3")
    site.page.wait_for_function("() => document.querySelectorAll('[role=option]').length === 1")
    site.page.keyboard.press("ArrowDown")
    with site.page.expect_navigation():
        site.page.keyboard.press("Enter")
    site.page.wait_for_selector("[data-ready]")
    assert site.query == "?focus=artifact:4"
    assert site.page.locator("g.is-focus").get_attribute("data-id") == "artifact:4"


def test_suggestions_are_of_what_was_typed_last(site: Site) -> None:
    late: list[Any] = []
    asked = site.asked("/api/v1/search")

    def hold(route: Any) -> None:
        late.append(route)

    site.page.route("**/api/v1/search?q=mod&*", hold)
    site.visit("/", is_mounted=False)
    field = site.page.locator("header input[name=q]")
    field.focus()
    site.page.keyboard.type("mod")
    site.page.wait_for_timeout(400)
    assert len(late) == 1
    field.fill("")
    site.page.keyboard.type("wine")
    site.page.get_by_role("option").filter(has_text="wine").wait_for()
    late[0].continue_()
    site.page.wait_for_timeout(300)
    assert site.page.get_by_role("option").count() == 1
    typed = [re.findall("q=([^&]*)", each)[0] for each in asked]
    assert typed == ["mod", "wine"]  # they are asked for when the keys rest


def test_suggestions_are_text_and_say_what_is_wrong(site: Site) -> None:
    site.store.put(lineage.Dataset(name=HOSTILE))
    site.visit("/?as_of=6", is_mounted=False)
    field = site.page.locator("header input[name=q]")
    field.fill("<img")
    option = site.page.get_by_role("option")
    option.wait_for()
    assert printable(HOSTILE) in option.inner_text()
    assert site.page.locator("img").count() == 0
    field.fill("zzz")
    site.page.get_by_text("Nothing begins like this.").wait_for()
    heal = site.fails("**/api/v1/search?*", "Unavailable", "try again")
    field.fill("zz")
    site.page.get_by_text("Unavailable: try again").wait_for()
    heal()


def test_a_suggestion_is_opened_with_the_mouse_at_the_moment_of_the_page(site: Site) -> None:
    site.visit("/?as_of=4", is_mounted=False)
    site.page.locator("header input[name=q]").fill("wine")
    with site.page.expect_navigation():
        site.page.get_by_role("option").click()
    assert site.query == "?focus=artifact:1&as_of=4"
    site.page.wait_for_selector("[data-ready]")


def test_keys_are_listed(site: Site) -> None:
    site.visit("/lineage?focus=artifact:1")
    site.page.keyboard.press("?")
    dialog = site.page.get_by_role("dialog", name="Keys")
    dialog.wait_for()
    assert "one transaction back, one on" in dialog.inner_text()
    site.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    site.page.locator("g.mark").first.focus()
    site.page.keyboard.press("?")  # the picture's own
    assert "light what fed it" in site.page.get_by_role("dialog").inner_text()
    site.page.keyboard.press("Escape")
    site.page.keyboard.press("/")
    assert site.page.evaluate("document.activeElement.closest('#lineage') !== null")


def test_without_scripts_nothing_is_shown_that_needs_them(open_site: Callable[..., Site]) -> None:
    site = open_site(java_script_enabled=False)
    site.page.goto(f"{site.address}/lineage?focus=artifact:1")
    assert site.page.locator("#lineage figure svg").is_visible()
    assert site.page.locator("button.copy").count() > 0
    assert not site.page.locator("button.copy").first.is_visible()
    assert site.page.get_by_role("button", name="Go").is_visible()
