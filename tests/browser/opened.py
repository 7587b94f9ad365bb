"""A page that is open in a browser: what it shows, as people see and hear it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

WATCH = """
window.refused = [];
addEventListener("securitypolicyviolation", (event) => refused.push(event.violatedDirective + " " + event.blockedURI));
"""
PLACES = (
    """marks => Object.fromEntries(marks.map(mark => [mark.dataset.id, mark.style.transform]))"""
)


class Window:
    """A window of a browser without a network, or with an `origin` alone, which notes what goes wrong in it."""

    def __init__(self, browser: Any, *, origin: str = "file:", **options: Any) -> None:
        self.origin = origin
        settings: dict[str, Any] = {
            "viewport": {"width": 1280, "height": 800},
            "reduced_motion": "reduce",
            "offline": origin == "file:",
        }
        self.page = browser.new_context(**settings | options).new_page()
        self.page.set_default_timeout(10_000)
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: self.wrong.append(f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.add_init_script(WATCH)

    def _asked(self, url: str) -> None:
        if not url.startswith(self.origin):
            self.wrong.append(f"asked for {url}")

    def check(self) -> None:
        """Fail if anything went wrong since the last check."""
        wrong, self.wrong = self.wrong + self.page.evaluate("window.refused"), []
        assert not wrong, wrong


class Opened:
    """A page from a file in a window."""

    def __init__(self, window: Window, file: Path, fragment: str = "") -> None:
        self.page = window.page
        self.file = file
        self.visit(fragment)

    def visit(self, fragment: str = "") -> None:
        """Load the page anew, at a place in it."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.file.as_uri()}{fragment}")
        self.page.wait_for_selector("[data-ready]")

    @property
    def fragment(self) -> str:
        return str(self.page.evaluate("location.hash"))

    @property
    def marks(self) -> list[str]:
        """The ids of the marks, in the order of reading."""
        return [*self.places]

    @property
    def places(self) -> dict[str, tuple[float, float]]:
        """Where the centre of each mark stands in the picture, whatever part of it is seen."""
        found = self.page.locator("g.mark").evaluate_all(PLACES)
        return {mark: _point(text) for mark, text in found.items()}

    def on_screen(self, mark: str) -> tuple[float, float]:
        """Where the middle of a mark's shape is in the window."""
        box = self.mark(mark).locator(".shape").last.bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def mark(self, name: str) -> Any:
        """The mark of an id."""
        return self.page.locator(f'g.mark[data-id="{name}"]')

    def named(self, name: str) -> Any:
        """The mark that is so called, as a screen reader finds it."""
        return self.page.get_by_role("button", name=re.compile(f"^{re.escape(name)}"))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name)

    @property
    def lit(self) -> set[str]:
        """The keys of what is listed as lit."""
        listed = self.page.locator(".lit [data-key]")
        return set(listed.evaluate_all("items => items.map(item => item.dataset.key)"))

    @property
    def details(self) -> str:
        return str(self.page.locator(".beside").inner_text())

    @property
    def status(self) -> str:
        return str(self.page.locator(".below").inner_text())

    @property
    def focused(self) -> str:
        """The mark, or what else, that has the keyboard's focus."""
        return str(
            self.page.evaluate(
                "document.activeElement.dataset.id || document.activeElement.id || document.activeElement.tagName"
            )
        )


def _point(text: str) -> tuple[float, float]:
    x, y = re.findall(r"-?[\d.]+(?:e-?\d+)?(?=px)", text)
    return float(x), float(y)
