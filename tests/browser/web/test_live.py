"""What others record while a page is looked at, and a server that ends and comes back."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

import lineage
from tests.browser.web.conftest import Open
from tests.browser.web.served import serving

STOPPING_SECONDS = 3.0


def record(path: Path, number: int) -> None:
    """Record a run, which is a transaction, from a process that is not the server's."""
    with lineage.connect(path) as store:
        data = store.get("artifact:1")
        store.record(lineage.Train(), inputs=[data], outputs=[lineage.Model(name=f"m{number}")])


def test_news_are_told_before_and_after_a_restart_and_move_nothing(
    open_pages: Open, tmp_path: Path
) -> None:
    path = tmp_path / "live.db"
    with lineage.connect(path) as store:
        store.put(lineage.Dataset(name="wine"))
    record(path, 1)
    with serving(path) as server:
        pages = open_pages(server)
        pages.visit("/lineage?focus=artifact:1", is_mounted=True)
        places = pages.places
        record(path, 2)
        pages.named("link", "1 new ▸").wait_for()
        assert pages.places == places
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0
        assert time.monotonic() - began < STOPPING_SECONDS
        assert "Traceback" not in server.logged
    record(path, 3)
    with serving(path, port=urlsplit(server.address).port or 0) as again:
        assert again.address == server.address
        pages.named("link", "2 new ▸").wait_for()
        assert pages.places == places
        pages.page.locator("#news a").click()
        with lineage.connect(path) as store:
            pages.await_marks([mark.id for mark in store.view("artifact:1").marks])
        assert not pages.page.locator("#news").is_visible()
        record(path, 4)
        pages.named("link", "1 new ▸").wait_for()
        pages.page.goto("about:blank")
    lost = "net::ERR_"  # what a browser says of a server that has gone
    pages.window.wrong = [each for each in pages.window.wrong if lost not in each]
