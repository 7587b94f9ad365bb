"""Names that would act on a page, nodes that are gone, and lineage that goes round: all are shown as what they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import lineage
from lineage.model.texts import printable
from tests.browser.web.conftest import Open
from tests.browser.web.served import Pages, Server, serving

ATTACKS = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "\u202eright to left",
    "x" * 10_000,
    "a\0b\x1b[31m",
    "👩🏽‍🔬 🇩🇪 é",
]
FOREIGN = "img, iframe, script:not([src^='/static/']), svg[onload], [onerror], [onclick]"


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A run whose inputs have such names; data that was deleted and purged; a run that reads what it writes."""
    path = tmp_path_factory.mktemp("odd") / "odd.db"
    with lineage.connect(path) as store:
        attacks = [
            lineage.Dataset(name=text, uri=f"javascript:{text}", custom_properties={text: text})
            for text in ATTACKS
        ]
        store.record(
            lineage.Train(name=ATTACKS[0]),
            inputs=attacks,
            outputs=[lineage.Model(name="made of attacks")],
            message=ATTACKS[1],
        )
        ended = store.record(
            lineage.Train(name="went on"),
            inputs=[lineage.Dataset(name="deleted"), lineage.Dataset(name="purged")],
            outputs=[lineage.Model(name="stays")],
        )
        store.delete(ended.inputs[0])
        store.purge(ended.inputs[1], reason="a request")
        loop = store.put(lineage.Dataset(name="itself"))
        store.record(lineage.Transform(name="in place"), inputs=[loop], outputs=[loop])
        one, other = store.put([lineage.Dataset(name="one"), lineage.Dataset(name="other")])
        store.record(lineage.Transform(name="there"), inputs=[one], outputs=[other])
        store.record(lineage.Transform(name="back"), inputs=[other], outputs=[one])
    with serving(path) as server:
        yield server


@pytest.fixture
def strange(open_pages: Open, odd: Server) -> Pages:
    return open_pages(odd)


def test_names_are_text_wherever_they_are_shown(strange: Pages) -> None:
    strange.visit("/lineage?focus=lineage.Model:made+of+attacks", is_mounted=True)
    strange.page.locator("#lineage g.mark:has(.toggle)").first.locator(".toggle").click()
    strange.await_count(len(ATTACKS) + 2)
    for number, text in enumerate(ATTACKS, start=1):
        mark = strange.mark(f"artifact:{number}")
        mark.dispatch_event("click")
        assert mark.locator("title").text_content().startswith(printable(text)[:50])
        strange.page.locator("#lineage .facts td").get_by_text(
            printable(text, limit=1_000), exact=True
        ).first.wait_for()
        heading = strange.page.locator("#lineage .details h2").inner_text()
        assert heading[:20] == printable(text)[:20]
    strange.page.locator("#search").fill("<img")
    strange.page.get_by_role("option").first.wait_for()
    assert strange.page.locator(FOREIGN).count() == 0


@pytest.mark.parametrize("path", ["/", "/lineage", "/nodes/artifact:1", "/runs", "/log", "/search"])
def test_pages_of_such_names_have_nothing_that_acts(strange: Pages, path: str) -> None:
    asked = {"/lineage": "?focus=artifact:1", "/search": "?q=%3Cimg"}
    strange.visit(f"{path}{asked.get(path, '')}", is_mounted=path == "/lineage")
    shown = ATTACKS[1] if path == "/log" else ATTACKS[0]
    assert shown in strange.text("body")
    assert strange.page.locator(FOREIGN).count() == 0
    assert strange.page.evaluate("document.querySelectorAll('a[href^=javascript]').length") == 0


def test_what_is_gone_or_purged_is_said_in_words(strange: Pages) -> None:
    strange.visit("/lineage?focus=lineage.Model:stays", is_mounted=True)
    strange.page.locator("#lineage g.mark.state-gone").click()
    strange.page.get_by_text("Deleted; its history is kept.").wait_for()
    purged = strange.page.locator("#lineage g.mark.state-purged")
    purged.click()
    strange.page.get_by_text("Purged; its content is erased, for good.").wait_for()
    key = purged.get_attribute("data-id")
    strange.visit(f"/nodes/{key}")
    assert "purged" in strange.text("main").lower()


def test_what_reads_what_it_writes_is_drawn(strange: Pages) -> None:
    for name, marks in (("itself", 2), ("one", 4)):
        strange.visit(f"/lineage?focus=lineage.Dataset:{name}", is_mounted=True)
        assert strange.marks.count() == marks
        assert strange.page.locator("#lineage path.line").count() == marks
    strange.visit("/lineage?focus=lineage.Dataset:itself&show=artifacts", is_mounted=True)
    assert strange.marks.count() == 1
