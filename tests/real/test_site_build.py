"""The site is built without a warning, holds every class of the reference, and fetches nothing when it is viewed."""

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.tree import ROOT

pytestmark = pytest.mark.real
MKDOCS = ROOT / ".venv-site" / "bin" / "mkdocs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [MKDOCS, "build", "--strict", "--site-dir", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


class Loads(HTMLParser):
    """What a browser fetches of its own accord when it shows a page, and the ids on it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        loads = given.get("src") or (given.get("href") if tag == "link" else None)
        self.fetched += [loads] if loads else []


def test_reference_holds_all_that_its_pages_name(site: Path) -> None:
    for page in sorted((ROOT / "docs" / "reference").glob("*.md")):
        ids = Loads((site / "reference" / page.stem / "index.html").read_text()).ids
        named = set(re.findall(r"^::: (\S+)$", page.read_text(), re.MULTILINE))
        assert named
        assert named - ids == set(), page.name


def test_examples_of_docstrings_are_code(site: Path) -> None:
    for page in ("model", "questions"):
        html = (site / "reference" / page / "index.html").read_text()
        assert "<blockquote>" not in html  # which is what Markdown takes `>>>` for
        assert "::\n" not in html
        assert 'class="highlight"' in html


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        fetched = Loads(page.read_text()).fetched
        assert [each for each in fetched if re.match(r"(?:\w+:)?//", each)] == [], page
    for style in site.rglob("*.css"):
        assert "@import" not in style.read_text()
        assert not re.search(r"url\([\"']?(?:https?:)?//", style.read_text())


def test_search_knows_the_methods(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text()
    assert "lineage.Store.impact" in index
    assert "tutorial/" in index
