"""A page as a browser and a screen reader take it, and what is wrong with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser

from lineage.model.texts import UNSAFE

EMPTY = {"br", "hr", "input", "link", "meta"}
FIELDS = {"input", "select", "textarea"}
ONCE = {"main", "header", "footer", "title"}

Attributes = dict[str, str]


class Checked(HTMLParser):
    """Reads a page and gathers what is wrong with it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.tags: list[tuple[str, Attributes]] = []
        self.text = ""
        self.rows: list[list[str]] = []
        """The texts of the cells of all tables, row by row."""
        self._open: list[str] = []
        assert html.startswith("<!doctype html>\n")
        self.feed(html)
        self.close()
        self.faults += [f"{tag} is not closed" for tag in self._open]
        self.faults += self._wrong()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = Counter(name for name, _ in attrs)
        self.faults += [f"{tag} has {name} twice" for name, count in names.items() if count > 1]
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in EMPTY:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.rows and {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data
        if "code" not in self._open and re.search(UNSAFE, data.replace("\n", " ")):
            self.faults.append(f"a text acts: {data[:80]!r}")

    def all(self, *tags: str) -> list[Attributes]:
        """Return the attributes of all elements of some names, in order."""
        return [attributes for tag, attributes in self.tags if tag in tags]

    @property
    def links(self) -> list[str]:
        """The addresses that the page leads to."""
        return [each["href"] for each in self.all("a") if "href" in each]

    def _wrong(self) -> Iterator[str]:
        yield from self._ids()
        yield from self._fields()
        yield from self._headings()
        counts = Counter(tag for tag, _ in self.tags)
        if counts["caption"] != counts["table"]:
            yield "a table has no caption"
        if counts["main"] != 1 or counts["h1"] != 1:
            yield f"{counts['main']} main, {counts['h1']} h1"
        if counts["style"]:
            yield "there is a style"
        for tag, attributes in self.tags:
            acting = [name for name in attributes if name == "style" or name.startswith("on")]
            yield from (f"{tag} has {name}" for name in acting)
            if tag == "script" and not attributes.get("src", "").startswith("/static/"):
                yield "there is a script"
            if tag == "form" and not attributes.get("aria-label", attributes.get("role")):
                yield "a form has no name"
            href = attributes.get("href", "/")
            if tag == "a" and not re.match(r"/|#|https?://", href):
                yield f"{tag} leads to {href[:80]}"
            if re.match("https?:", href) and attributes.get("rel") != "noopener noreferrer":
                yield f"{tag} leads out"

    def _ids(self) -> Iterator[str]:
        ids = Counter(attributes["id"] for _, attributes in self.tags if "id" in attributes)
        yield from (f"id {name} is there twice" for name, count in ids.items() if count > 1)
        for tag, attributes in self.tags:
            named = [*attributes.get("aria-labelledby", "").split(), attributes.get("for", "")]
            for name in filter(None, named):
                if name not in ids:
                    yield f"{tag} names {name}, which is not there"
            if attributes.get("href", "") == "#main" and "main" not in ids:
                yield "the skip link leads nowhere"

    def _fields(self) -> Iterator[str]:
        labelled = {each["for"] for each in self.all("label")}
        for each in self.all(*FIELDS):
            is_named = each.get("id") in labelled or each.get("aria-label")
            if each.get("type") != "hidden" and not is_named:
                yield f"the field {each.get('name')} has no label"

    def _headings(self) -> Iterator[str]:
        levels = [int(tag[1]) for tag, _ in self.tags if re.fullmatch("h[1-6]", tag)]
        last = 0
        for level in levels:
            if level > last + 1:
                yield f"h{level} follows h{last}"
            last = level
