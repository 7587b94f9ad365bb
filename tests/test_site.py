"""The pages of the documentation: all in the site's navigation, every link leads somewhere, every class is in the reference.

`make real` builds the site itself.
"""

import inspect
import re
from pathlib import Path

import pytest

import lineage
import lineage.queries
from tests.tree import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return what a link to a heading of a page may name, as Markdown's readers make it of the heading."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {slug(heading) for heading in headings}


def slug(heading: str) -> str:
    kept = re.sub(r"[^\w\s-]", "", heading.replace("`", "")).strip().lower()
    return re.sub(r"\s", "-", kept)


def faults(page: Path, text: str) -> list[str]:
    """Return the links of a page's text that lead nowhere."""
    targets = LINK.findall(re.sub(r"`[^`\n]*`", "", FENCE.sub("", text)))
    return [target for target in targets if not leads_somewhere(page, target)]


def leads_somewhere(page: Path, target: str) -> bool:
    if target.startswith("https://"):
        return True  # pages of others, which no test may need
    name, _, anchor = target.partition("#")
    file = (page.parent / name).resolve() if name else page
    return file.is_file() and (not anchor or anchor in anchors(file))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert faults(page, page.read_text()) == []


def test_link_that_leads_nowhere_is_a_fault() -> None:
    text = "[a](concepts.md#types-are-classes) [b](nowhere.md) [c](concepts.md#none) `[d](e)`"
    assert faults(DOCS / "index.md", text) == ["nowhere.md", "concepts.md#none"]


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text().split("nav:\n")[1].split("\n\n")[0]
    named = re.findall(r": (\S+\.md)$", navigation, re.MULTILINE)
    assert sorted(named) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_every_public_name_is_in_the_reference() -> None:
    pages = "\n".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    described = set(re.findall(r"^::: lineage\.(?:\w+\.)*(\w+)$", pages, re.MULTILINE))
    classes = {
        name for name in lineage.queries.__all__ if inspect.isclass(getattr(lineage.queries, name))
    }
    assert {*lineage.__all__, *classes} - described == set()
