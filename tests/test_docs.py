"""Every Python block of the README and of docs/ runs, and every console block answers as it says.

The blocks of one file are one program, in an empty folder: a later block may use what an
earlier one made. A block that is no program of its own is fenced as another language. In a console block
each line after `$ ` is a command of ours; below it stands what it prints, where `…` stands for any text, and on a
line of its own for any lines.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lineage.cli import main
from tests.tree import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VARIABLES = ("LINEAGE_STORE", "LINEAGE_ACTOR", "LINEAGE_DEBUG", "NO_COLOR")


class Block(NamedTuple):
    """A block of a page, and how many lines come before it there."""

    language: str
    text: str
    before: int


def blocks(page: str) -> Iterator[Block]:
    for found in BLOCK.finditer(page):
        yield Block(found[1], found[2], page.count("\n", 0, found.start(2)))


def run(block: Block, name: str, variables: dict[str, Any]) -> None:
    """Run a Python block, whose faults are on the lines of the page."""
    lines = "\n" * block.before + block.text
    exec(compile(lines, name, "exec", dont_inherit=True), variables)


def commands(block: Block) -> Iterator[tuple[list[str], str]]:
    """Yield the arguments of each command of ours in a console block, and what it is to print."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, printed = part.partition("\n")
        program, *arguments = shlex.split(line)
        assert program == "lineage", f"{program} is no command of ours: fence it as `sh`"
        yield arguments, printed


def matches(printed: str, output: str) -> bool:
    """Return whether a command's output is what a page says, but for what stands for any text."""
    lines = printed.strip("\n").splitlines()
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else f"{re.escape(line).replace('…', '.*')} *\n"
        for line in lines
    )
    text = output.strip("\n")
    return re.fullmatch(pattern, f"{text}\n" if text else "") is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_of_page(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    variables: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page.read_text()):
        if block.language == "python":
            run(block, str(page), variables)
            continue
        for arguments, printed in commands(block):
            capsys.readouterr()
            code = main(arguments)
            output = capsys.readouterr()
            assert code == 0, (arguments, output.err)
            assert matches(printed, output.out), f"{arguments} prints\n{output.out}"


def test_faults_are_reported_on_the_line_of_the_page() -> None:
    page = "# Title\n\n```python\na = 1\n```\n\n```sh\nno python\n```\n\n```python\na / 0\n```\n"
    first, last = blocks(page)
    variables: dict[str, Any] = {}
    run(first, "page", variables)
    with pytest.raises(ZeroDivisionError) as caught:
        run(last, "page", variables)
    assert caught.traceback[-1].lineno + 1 == 12


def test_output_is_compared_line_by_line() -> None:
    (block,) = blocks("```console\n$ lineage show 'a b'\na …, c\n…\nz\n$ lineage log\n```\n")
    [(arguments, printed), (_, nothing)] = commands(block)
    assert arguments == ["show", "a b"]
    assert matches(printed, "a b, c\nmore\nz\n")
    assert matches(printed, "a , c\nz\n")
    assert not matches(printed, "a b, d\nz\n")
    assert not matches(printed, "a b, c\nmore\n")
    assert not matches(nothing, "something\n")
