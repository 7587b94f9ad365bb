"""A server process, and a window on its pages: what a person who is sent the address has."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from tests.browser.opened import PLACES, Window
from tests.tree import ROOT

__all__ = ["Pages", "Server", "serving"]

LIT = "marks => marks.flatMap(mark => mark.classList.contains('is-lit') ? [mark.dataset.id] : [])"


class Server(NamedTuple):
    """A process, where it serves, and the file that it logs to."""

    process: subprocess.Popen[str]
    address: str
    log: IO[str]

    @property
    def logged(self) -> str:
        """What it has logged."""
        self.log.seek(0)
        return self.log.read()


@contextmanager
def serving(store: Path, *options: str, port: int = 0) -> Iterator[Server]:
    """Serve a store by the command line until the end."""
    words = ["serve", "--http", f"127.0.0.1:{port}", "--store", str(store), "--json", *options]
    with (
        # A line for each request would fill a pipe that nobody reads, and the server wait.
        tempfile.TemporaryFile("w+", encoding="utf-8") as log,
        subprocess.Popen(
            [sys.executable, "-m", "lineage.cli", *words],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as process,
    ):
        try:
            assert process.stdout is not None
            yield Server(process, json.loads(process.stdout.readline())["http"], log)
        finally:
            process.kill()


class Pages:
    """A window on the pages of a server."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.window = Window(browser, origin=address, **options)
        self.page, self.address = self.window.page, address

    def visit(self, path: str, *, is_mounted: bool = False) -> None:
        """Load a page, and wait until its scripts have done what they do at first."""
        self.page.goto(f"{self.address}{path}")
        if is_mounted:
            self.await_picture()

    def await_picture(self) -> None:
        self.page.wait_for_selector("#lineage[data-ready]")

    @property
    def marks(self) -> Any:
        """What the picture shows that scripts have drawn."""
        return self.page.locator("#lineage g.mark")

    @property
    def places(self) -> dict[str, str]:
        """Where each mark stands in the picture, by its id."""
        return dict(self.marks.evaluate_all(PLACES))

    @property
    def lit(self) -> set[str]:
        return set(self.marks.evaluate_all(LIT))

    def mark(self, name: str) -> Any:
        """The mark of an id."""
        return self.page.locator(f'#lineage g.mark[data-id="{name}"]')

    @property
    def picture(self) -> str:
        """The picture as a document, but for which of its marks is chosen and has the focus."""
        html = str(self.page.locator("#lineage svg.picture").evaluate("each => each.outerHTML"))
        return re.sub(r' (tabindex|aria-pressed)="[^"]*"|( is-selected)', "", html)

    def await_count(self, count: int) -> None:
        """Wait until so many marks are shown."""
        script = "count => document.querySelectorAll('#lineage g.mark').length === count"
        self.page.wait_for_function(script, arg=count)

    def await_marks(self, marks: list[str]) -> None:
        """Wait until these are shown, in this order."""
        shown = "[...document.querySelectorAll('#lineage g.mark')].map(mark => mark.dataset.id)"
        self.page.wait_for_function(f"marks => {shown}.join() === marks.join()", arg=marks)

    def named(self, role: str, name: str) -> Any:
        """What has a role and a name, as a screen reader finds it."""
        return self.page.get_by_role(role, name=name)

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).inner_text())
