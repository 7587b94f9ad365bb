"""The stores that are looked at, and the windows on their pages: real processes serve them, and a real browser asks.

What holds of these pages is listed in the issue of the web; what one test there needs no server for is tested beside
what it is about: what scripts do in tests/browser/test_site.py, the layouts in tests/answers/test_layout.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lineage
from lineage.cli.demo import Laboratory, Told, recall
from tests.browser.web.served import Pages, Server, serving

Open = Callable[..., Pages]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that the demo records."""
    folder = tmp_path_factory.mktemp("demo")
    with lineage.connect(folder / "demo.db", actor="ann") as store:
        Laboratory(store, folder).study()
    return folder / "demo.db"


@pytest.fixture(scope="session")
def told(demo: Path) -> Told:
    """What there is to ask about in the demo's store."""
    with lineage.connect(demo) as store:
        return recall(store)


@pytest.fixture
def store(demo: Path) -> Iterator[lineage.Store]:
    """The demo's store, to ask what the pages must show."""
    with lineage.connect(demo) as store:
        yield store


@pytest.fixture(scope="session")
def server(demo: Path) -> Iterator[Server]:
    """Serves the demo's store to tests that only read."""
    with serving(demo) as server:
        yield server


@pytest.fixture
def open_pages(chromium: Any, server: Server) -> Iterator[Open]:
    """What opens a window on a server's pages; at the end nothing must have gone wrong in it."""
    opened: list[Pages] = []

    def open_pages(at: Server = server, **options: Any) -> Pages:
        opened.append(Pages(chromium, at.address, **options))
        return opened[-1]

    yield open_pages
    for pages in opened:
        pages.window.check()
        pages.page.context.close()


@pytest.fixture
def pages(open_pages: Open) -> Pages:
    return open_pages()
