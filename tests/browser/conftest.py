"""A real browser for the tests of pages: Debian's `chromium`, driven by Playwright, which brings none of its own.

Where there is none they are skipped, unless LINEAGE_TEST_BROWSER=required says that it has to be there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.opened import Opened, Window

REQUIRED = os.environ.get("LINEAGE_TEST_BROWSER") == "required"
# The tests run as root in containers, where no sandbox can be made; the pages that they open are their own.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser, once for the tests of a module: beyond them its event loop would be in the way of others."""
    place = shutil.which("chromium")
    if place is None:
        if REQUIRED:
            pytest.fail("chromium is not installed, and LINEAGE_TEST_BROWSER asks for it")
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=place, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def window(chromium: Any) -> Window:
    """The window that most tests of a module look at, one after another: to open one takes a second."""
    return Window(chromium)


@pytest.fixture
def show(chromium: Any, window: Window) -> Iterator[Callable[..., Opened]]:
    """What opens a page's file; at the end the page must have had no error, and have asked for nothing."""
    used: list[Window] = []

    def opened(page: Path, fragment: str = "", **options: Any) -> Opened:
        used.append(Window(chromium, **options) if options else window)
        return Opened(used[-1], page, fragment)

    yield opened
    for each in used:
        each.check()
