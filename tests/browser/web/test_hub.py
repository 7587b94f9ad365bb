"""A data set of ten thousand nodes: few marks that say how many, opened by hundreds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lineage
from tests.browser.web.conftest import Open
from tests.browser.web.served import Server, serving

SPOKES = 3_333


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A data set that many trainings read, each of which wrote a model that was evaluated."""
    path = tmp_path_factory.mktemp("hub") / "hub.db"
    write(path)
    with serving(path) as server:
        yield server


def write(path: Path) -> None:
    with lineage.connect(path) as store, store.transaction():
        data = store.put(lineage.Dataset(name="wine"))
        for _ in range(SPOKES):
            run = store.record(lineage.Train(), inputs=[data], outputs=[lineage.Model()])
            store.record(lineage.Evaluate(), inputs=run.outputs)


def processor(page: Any) -> float:
    """The seconds of a processor that a page's own thread has taken."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float({each["name"]: each["value"] for each in metrics}["ThreadTime"])


def test_ten_thousand_nodes_are_few_marks_and_little_work(open_pages: Open, hub: Server) -> None:
    pages = open_pages(hub)
    pages.visit("/lineage?focus=artifact:1", is_mounted=True)
    assert processor(pages.page) <= 1
    assert 3 < pages.marks.count() <= 60
    assert "of 10,000 nodes · whole answer" in pages.text("p.status")
    for name in ("Train", "Model", "Evaluate"):
        group = pages.page.get_by_role("button", name=f"{name}, group of {SPOKES:,}")
        assert f"×{SPOKES:,}" in group.text_content()
    pages.page.get_by_role("button", name=f"Model, group of {SPOKES:,}").locator(".toggle").click()
    rest = pages.page.locator("#lineage g.mark.is-rest")
    rest.wait_for()
    assert rest.get_attribute("aria-label").startswith(f"{SPOKES - 100:,} more, ")
    ids = [mark for mark in pages.places if mark.startswith("artifact:")]
    assert len(ids) == 101  # with the data set
    address, places = pages.page.url, pages.places
    pages.visit("/")
    pages.page.goto(address)
    pages.await_picture()
    assert pages.places == places
