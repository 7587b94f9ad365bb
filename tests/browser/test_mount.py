"""`mount` in pages of others: several in one document, another page in place of one, and nothing left when it goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from lineage.answers.marks import Graph
from lineage.answers.view import View, view_of
from lineage.formats.embedding import content_of
from tests.browser.graphs import artifact, edge, execution, graph, hub, node
from tests.browser.opened import PLACES, Window
from tests.tree import ROOT

HOST = """<!DOCTYPE html><html lang="en"><head><title>host</title><link rel="stylesheet" href="/static/page.css">
<link rel="stylesheet" href="/host.css">
</head><body><main><h1>Host</h1><input id="field"><div id="one"></div><div id="two"></div></main></body></html>"""
ORIGIN = "http://host.test"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"
BUILT = ROOT / "lineage" / "web"
FILES = {
    "/host": ("text/html", HOST),
    "/host.css": ("text/css", ".lineage { height: 600px }"),
    "/static/page.js": ("text/javascript", (BUILT / "page.js").read_text("utf-8")),
    "/static/page.css": ("text/css", (BUILT / "page.css").read_text("utf-8")),
    "/favicon.ico": ("image/x-icon", ""),
}
WATCH = """
window.kept = new Set();
for (const [name, target] of Object.entries({window, document, media: MediaQueryList.prototype})) {
  const add = target.addEventListener;
  target.addEventListener = function (type, listener, options) {
    kept.add(name + " " + type);
    options?.signal?.addEventListener("abort", () => kept.delete(name + " " + type));
    return add.call(this, type, listener, options);
  };
}
const Real = ResizeObserver;
window.ResizeObserver = class extends Real {
  observe(element) { kept.add("observer"); super.observe(element); }
  disconnect() { kept.delete("observer"); super.disconnect(); }
};
"""
MOUNT = """async ([place, page, options, opens]) => {
  const { mount } = await import("/static/page.js");
  const element = document.getElementById(place);
  window.asked = [];
  window.failing = false;
  const unpacked = (page) => {
    for (const column of [page.nodes.id, page.nodes.created, page.nodes.updated, page.edges.source])
      for (let i = 1; i < column.length; i++) column[i] += column[i - 1];
    return page;
  };
  const source = {
    opens: Boolean(opens),
    page: async (open = []) => {
      asked.push(open);
      if (failing) throw new Error("Away: the server is not there");
      return unpacked(structuredClone(opens?.[open.join()] ?? page));
    },
    details: async (page, node) => {
      if (failing) throw new Error("Away: the server is not there");
      return { properties: [["size", "of " + node]] };
    },
  };
  window.mounts ??= {};
  mounts[place] = await mount(element, source, options);
  window.unpacked = unpacked;
}"""


def content(view: View | Graph) -> dict[str, Any]:
    whole = view if isinstance(view, View) else view_of(view)
    return content_of(whole, "Lineage", is_served=True)[0]


class Host:
    """A page of somebody else with two places, under a policy as strict as that of our own pages."""

    def __init__(self, window: Window) -> None:
        self.window, self.page = window, window.page
        self.page.route("**/*", answer)
        self.page.goto(f"{ORIGIN}/host")

    def mount(
        self,
        view: View | Graph,
        place: str = "one",
        opens: dict[str, View] | None = None,
        **options: bool,
    ) -> None:
        pages = {ids: content(each) for ids, each in (opens or {}).items()}
        self.page.evaluate(MOUNT, [place, content(view), options, pages or None])

    def show(self, view: View | Graph, link: str | None = None, place: str = "one") -> None:
        script = "([place, page, link]) => mounts[place].show(unpacked(page), link ?? undefined)"
        self.page.evaluate(script, [place, content(view), link])

    def state(self, place: str = "one") -> str:
        return str(self.page.evaluate("place => mounts[place].state", place))

    def unmount(self, place: str = "one") -> None:
        self.page.evaluate("place => mounts[place].unmount()", place)

    def marks(self, place: str = "one") -> list[str]:
        return [*self.page.locator(f"#{place} g.mark").evaluate_all(PLACES)]

    def mark(self, id: str, place: str = "one") -> Any:
        return self.page.locator(f'#{place} g.mark[data-id="{id}"]')

    def text(self, place: str = "one") -> str:
        return str(self.page.locator(f"#{place}").inner_text())


def answer(route: Any) -> None:
    """Answer a request of the browser with one of the files."""
    kind, text = FILES[urlsplit(route.request.url).path]
    route.fulfill(body=text, headers={"Content-Type": kind, "Content-Security-Policy": POLICY})


@pytest.fixture
def host(chromium: Any) -> Iterator[Host]:
    window = Window(chromium, origin=ORIGIN)
    window.page.add_init_script(WATCH)
    yield Host(window)
    window.check()
    window.page.context.close()


def later(source: Graph) -> Graph:
    """The same at the next transaction, which all groups are named after, with one data set more."""
    number = source.number + 1
    more = node(artifact(9_000 + number), 1, "newer")
    return source._replace(nodes=[*source.nodes, more], number=number)


def group(view: View, type: str) -> str:
    return next(mark.id for mark in view.marks if mark.rule and mark.type == type)


def test_two_in_one_document_have_names_and_keys_of_their_own(host: Host) -> None:
    host.mount(hub(3), "one")
    host.mount(hub(3), "two")
    ids = host.page.locator("[id]").evaluate_all("all => all.map(each => each.id)")
    assert len(ids) == len(set(ids))
    arrows = host.page.locator("#two path.line").first.get_attribute("marker-end")
    assert host.page.locator("#two marker").first.get_attribute("id") in arrows
    host.mark("artifact:1", "two").focus()
    host.page.keyboard.press("d")
    assert host.page.locator("#two .is-lit").count() > 1
    assert host.page.locator("#one .is-lit").count() == 0
    host.page.keyboard.press("/")
    assert host.page.evaluate("document.activeElement.closest('#two') !== null")


def test_keys_and_the_address_are_the_hosts(host: Host) -> None:
    host.mount(hub(3))
    host.mark("artifact:1").focus()
    host.page.keyboard.press("d")
    assert host.page.evaluate("location.hash") == ""
    assert "light=down" in host.state()
    host.page.evaluate("document.activeElement.blur()")
    host.page.keyboard.press("u")
    assert "light=down" in host.state()
    host.page.evaluate("location.hash = '#at=artifact:2'")
    assert "light=down" in host.state()
    host.page.evaluate("document.body.focus()")
    host.page.keyboard.press("?")
    assert host.page.get_by_role("dialog").count() == 0


def test_one_main_and_one_banner(host: Host) -> None:
    host.mount(hub(3))
    assert host.page.get_by_role("main").count() == 1
    assert host.page.locator("header, footer, aside").count() == 0
    assert host.page.get_by_role("region", name="Details").count() == 1


@pytest.mark.parametrize("options", [{}, {"address": True}, {"address": True, "alone": True}])
def test_nothing_is_left_when_it_goes(host: Host, options: dict[str, bool]) -> None:
    before = set(host.page.evaluate("[...kept]"))
    host.mount(hub(3), **options)
    during = set(host.page.evaluate("[...kept]"))
    assert ("document keydown" in during) is ("alone" in options)
    assert ("window hashchange" in during) is ("address" in options)
    assert "observer" in during
    host.unmount()
    assert set(host.page.evaluate("[...kept]")) == before
    assert host.page.locator("#one").inner_html() == ""
    assert host.page.locator("#one").get_attribute("class") == ""
    address = host.page.url
    host.page.keyboard.press("d")
    assert host.page.url == address


def test_another_moment_keeps_what_is_open_chosen_and_left_out(host: Host) -> None:
    source = hub(5)
    first, second = view_of(source), view_of(later(source))
    assert group(first, "lineage.Model") != group(second, "lineage.Model")
    host.mount(first)
    host.mark(group(first, "lineage.Model")).locator(".toggle").click()
    host.mark("artifact:3").click()
    host.page.keyboard.press("u")
    host.page.locator(".menu summary", has_text="Filter").click()
    host.page.get_by_label("lineage.Evaluate (execution, 5)").uncheck()
    before, at = host.marks(), host.mark("artifact:3").bounding_box()
    host.show(second)
    opened = second.open(group(second, "lineage.Model"))
    left = [mark.id for mark in opened.marks if mark.type != "lineage.Evaluate"]
    assert host.marks() == left
    assert host.mark("artifact:3").get_attribute("aria-pressed") == "true"
    assert host.mark("artifact:3").bounding_box() == pytest.approx(at, abs=1)
    assert "as of transaction 8" in host.text()
    assert host.page.locator(".lit [data-key]").count() == 2
    host.show(first)
    assert host.marks() == before
    host.page.keyboard.press("z")
    assert len(host.marks()) == len(before) + 1  # what was left out is back


def test_what_is_chosen_comes_back_with_a_moment_that_has_it(host: Host) -> None:
    source = hub(5)
    earlier = graph(source.nodes[:1], [])._replace(number=6)
    host.mount(source)
    host.mark(group(view_of(source), "lineage.Model")).locator(".toggle").click()
    host.mark("artifact:4").click()
    marks = host.marks()
    host.show(earlier)
    assert host.marks() == ["artifact:1"]
    assert "at=" in host.state()
    assert "artifact:4" not in host.state()
    host.show(source)
    assert host.marks() == marks
    assert host.mark("artifact:4").get_attribute("aria-pressed") == "true"


def test_what_is_chosen_is_seen_where_a_moment_has_it_in_a_group(host: Host) -> None:
    nodes = [node(artifact(1), 1, "data"), node(execution(1), 3), node(artifact(2), 2, "m")]
    few = graph(nodes, [edge(artifact(1), execution(1)), edge(execution(1), artifact(2))])
    host.mount(few)
    host.mark("artifact:2").click()
    host.show(hub(40)._replace(number=8))
    assert host.mark("artifact:2").get_attribute("aria-pressed") == "true"
    assert host.page.locator(".is-rest").count() == 1


def test_a_link_says_what_another_page_shows(host: Host) -> None:
    source = hub(3)
    view = view_of(source)
    host.mount(source)
    link = f"open=3*{group(view, 'lineage.Train')}&at=execution:2"
    host.show(source, link)
    assert len(host.marks()) == 6
    assert host.state() == link.replace(":", "%3A")
    host.show(source, "")
    assert len(host.marks()) == 4


def test_a_page_without_nodes_says_so_and_goes_again(host: Host) -> None:
    host.mount(hub(3))
    host.show(graph([], [], focus=None))
    assert "This answer is empty" in host.text()
    assert host.marks() == []
    host.show(hub(3))
    assert "This answer is empty" not in host.text()
    assert len(host.marks()) == 4


def test_details_are_asked_for_and_what_fails_is_tried_again(host: Host) -> None:
    host.mount(hub(3))
    host.page.locator("td", has_text="of 0").wait_for()
    host.page.evaluate("failing = true")
    host.mark(group(view_of(hub(3)), "lineage.Model")).locator(".toggle").click()
    host.mark("artifact:2").click()
    alert = host.page.get_by_role("alert")
    alert.wait_for()
    assert "Away: the server is not there" in alert.inner_text()
    host.page.evaluate("failing = false")
    alert.get_by_role("button", name="Try again").click()
    host.page.locator(".facts td", has_text="of ").wait_for()
    assert alert.count() == 0


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> View:
    """A view of more than a page holds."""
    monkeypatch.setattr("lineage.formats.embedding.MOST_NODES", 100)
    return view_of(hub(250))


def test_of_more_than_a_page_holds_groups_are_asked_for(host: Host, large: View) -> None:
    models = group(large, "lineage.Model")
    once = large.open(models)
    rest = next(mark.id for mark in once.marks if mark.rule == "rest")
    twice = once.open(rest)
    last = next(mark.id for mark in twice.marks if mark.rule == "rest")
    pages = {models: once, f"{models},{rest}": twice, f"{models},{rest},{last}": twice.open(last)}
    host.mount(large, opens=pages)
    assert host.marks() == [mark.id for mark in large.marks]
    host.mark(models).locator(".toggle").click()
    host.mark("artifact:2").wait_for()
    assert host.marks() == [mark.id for mark in once.marks]
    assert "150 more" in host.text()
    host.mark("artifact:2").dispatch_event("click")
    host.page.get_by_role("button", name="Open 100 of 150 more").click()
    host.mark(last).wait_for()
    assert host.marks() == [mark.id for mark in twice.marks]
    host.page.keyboard.press("z")
    host.mark(rest).wait_for()
    assert host.marks() == [mark.id for mark in once.marks]
    host.page.keyboard.press("y")
    host.mark(last).wait_for()
    host.mark("artifact:2").dispatch_event("click")
    host.mark("artifact:2").focus()
    host.page.keyboard.press("c")  # and what was opened inside
    host.mark(models).wait_for()
    assert host.marks() == [mark.id for mark in large.marks]
    assert host.page.evaluate("asked.at(-1)") == []


def test_a_group_that_cannot_be_fetched_is_tried_again(host: Host, large: View) -> None:
    models = group(large, "lineage.Model")
    host.mount(large, opens={models: large.open(models)})
    host.page.evaluate("failing = true")
    host.mark(models).locator(".toggle").click()
    host.page.get_by_role("alert").wait_for()
    assert host.marks() == [mark.id for mark in large.marks]
    host.mark("artifact:1").click()  # the rest of the picture works on
    assert host.mark("artifact:1").get_attribute("aria-pressed") == "true"
    host.page.evaluate("failing = false")
    host.page.get_by_role("button", name="Try again").click()
    host.mark("artifact:2").wait_for()
    assert len(host.marks()) == len(large.open(models).marks)
