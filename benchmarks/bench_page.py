"""A page's first picture in a real browser: processor time of the page's main thread, never the clock's; and its size."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lineage
from benchmarks.sizes import SMALL
from benchmarks.traces import write_trace

NODES = 400 if SMALL else 2_000
MOST = 0.15
"""Seconds of the main thread until the first picture of 2,000 nodes is there."""
ROUNDS = 1 if SMALL else 5


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of a store that holds a trace, whatever is in it."""
    file = tmp_path_factory.mktemp("pages") / "trace.html"
    with lineage.connect("memory:") as store:
        write_trace(store, NODES)
        assert store.export_to(file) == ()
    return file


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    place = shutil.which("chromium")
    if place is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=place, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def bench_first_picture(benchmark: Any, browser: Any, page: Path, tmp_path: Path) -> None:
    """From the page's address to its marks; what the same takes for an empty page is taken off."""
    empty = tmp_path / "empty.html"
    empty.write_text("<!DOCTYPE html><p data-ready>no lineage</p>")
    spent = benchmark.pedantic(lambda: _spent(browser, page), rounds=ROUNDS)
    own = min(spent, *(_spent(browser, page) for _ in range(ROUNDS)))
    own -= min(_spent(browser, empty) for _ in range(ROUNDS))
    benchmark.extra_info |= {"main_thread_ms": round(1000 * own), "bytes": page.stat().st_size}
    assert own <= MOST or SMALL, f"{1000 * own:.0f} ms of the main thread"


def _spent(browser: Any, page: Path) -> float:
    """Return the processor time of the main thread for a page, in seconds."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    window = context.new_page()
    session = context.new_cdp_session(window)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    window.goto(page.as_uri())
    window.wait_for_selector("[data-ready]")
    window.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    metrics = session.send("Performance.getMetrics")["metrics"]
    assert page.name == "empty.html" or window.locator("g.mark").count() > 20
    context.close()
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))
