"""The page on what records itself: its two programs tell the same, and the second has a third fewer lines at least.

That both stores answer alike is asserted on the page, whose blocks `test_docs` runs.
"""

import re

from tests.test_docs import blocks
from tests.tree import ROOT

PAGE = (ROOT / "docs" / "hands-free.md").read_text()


def lines_below(title: str) -> int:
    """Return how many lines of Python that are not empty stand in a section of the page."""
    part = re.split(r"^## ", PAGE.split(f"\n## {title}\n")[1], flags=re.MULTILINE)[0]
    return sum(bool(line.strip()) for block in blocks(part) for line in block.text.splitlines())


def test_what_records_itself_has_a_third_fewer_lines() -> None:
    assert 0 < lines_below("Hands free") <= lines_below("By hand") * 2 / 3


def test_page_compares_what_both_stores_answer() -> None:
    assert 'assert answers(by_hand, "Trial") == answers(store, "sklearn.Trial")' in PAGE
