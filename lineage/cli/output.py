"""What the command writes: answers on stdout, remarks on stderr, nothing that a terminal acts on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TextIO, TypeVar

from lineage.contract.walking import Cut
from lineage.formats.documents import json_text, plain
from lineage.model.texts import printable
from lineage.progress import on_terminal

__all__ = [
    "bold",
    "deliver",
    "note",
    "note_cut",
    "print_json",
    "say",
    "several",
    "width",
]

T = TypeVar("T")
MESSAGE = 2_000
"""A remark is cut beyond this many characters; a name in it may have millions."""
INDENT = 2


def width() -> int | None:
    """Return how many columns a line may have; None where the reader is no terminal."""
    if not on_terminal(sys.stdout):
        return None
    import shutil

    return shutil.get_terminal_size().columns


def bold(text: str) -> str:
    """Return a text that stands out on a terminal that can do so."""
    plain_terminal = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if plain_terminal or not on_terminal(sys.stdout):
        return text
    return f"\x1b[1m{text}\x1b[0m"


def several(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def say(lines: Iterable[str]) -> None:
    """Write lines to stdout, which are printable already."""
    for line in lines:
        sys.stdout.write(f"{line.rstrip()}\n")


def note(text: str) -> None:
    """Write a remark to stderr, in one harmless line."""
    sys.stderr.write(f"lineage: {printable(text, limit=MESSAGE)}\n")


def note_cut(cut: Cut | None, *, of: str = "the answer") -> None:
    """Say which limit cut an answer, where one did, and how to get more."""
    if cut is None:
        return
    raised = {
        "hops": "raise --hops, or leave it out",
        "nodes": "raise --nodes; 0 is no limit",
        "seconds": "raise --seconds, or leave it out",
    }[cut.limit]
    ends = len(cut.frontier)
    leads = f"; {ends} of its nodes lead{'s' if ends == 1 else ''} further" if ends else ""
    note(f"{of} is not whole, the limit of {cut.limit} cut it{leads} ({raised})")


def print_json(answer: object, *, stream: TextIO | None = None) -> None:
    """Write an answer as one JSON document: indented for a person, in one line for a program."""
    target = sys.stdout if stream is None else stream
    indent = INDENT if on_terminal(target) else None
    target.write(f"{json_text(plain(answer), indent=indent)}\n")


def deliver(answer: T, page: Callable[[T], Iterable[str]], *, as_json: bool) -> None:
    """Write an answer in the way that was asked for."""
    if as_json:
        print_json(answer)
    else:
        say(page(answer))
