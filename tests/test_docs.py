"""Every Python block of the README and of docs/ runs.

The blocks of one file are one program, in an empty folder: a later block may use what an
earlier one made. A block that is no program of its own is fenced as another language.
"""

import re
from pathlib import Path

import pytest

from tests.tree import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def program(text: str) -> str:
    """Return the Python blocks of `text`, each on the lines where it stands on the page."""
    lines = ["\n"] * text.count("\n")
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        rows = block[1].splitlines(keepends=True)
        lines[first : first + len(rows)] = rows
    return "".join(lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_of_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = compile(program(page.read_text()), str(page), "exec", dont_inherit=True)
    exec(code, {"__name__": "__main__"})


def test_faults_are_reported_on_the_line_of_the_page() -> None:
    page = "# Title\n\n```python\na = 1\n```\n\n```sh\nno python\n```\n\n```python\na / 0\n```\n"
    with pytest.raises(ZeroDivisionError) as caught:
        exec(compile(program(page), "page", "exec"), {})
    assert caught.traceback[-1].lineno + 1 == 12
