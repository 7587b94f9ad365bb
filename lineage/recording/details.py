"""What a run keeps of how it was started, where that is asked for: command, host, seeds and uncommitted changes.

Unlike the environment it is the run's own, and it may hold what is nobody else's business: so it is kept only with
`details=True`, as custom properties of the execution under `lineage.`, which a purge of that erases.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any

from lineage.contract.plugins import shown_url
from lineage.model.marks import DETAILS_PREFIX
from lineage.recording.environment import PATIENCE, Git, folder_of_code, is_filtered

__all__ = ["details", "masked", "names_secret"]

MOST_WORDS, LONGEST_WORD = 200, 1_000
"""How many words of a command are kept, and how many characters of each."""
LONGEST_DIFF = 100_000
MOST_NAMES = 100
"""How many files that git does not know are named."""
_HIDDEN = "***"
_NAME = (
    r"(?:[\w.-]*(?:passw|secret|credential|(?:api|access|private)[-_.]?key|signature)[\w.-]*"
    r"|(?:[\w.-]*[-_.])?(?:auth|authorization|pass|passphrase|pwd|sig)|[\w.-]*token)"
)
_NAMES_SECRET = re.compile(f"-{{0,2}}{_NAME}", re.IGNORECASE)
_ASSIGNED = re.compile(r"(-{0,2}[\w.-]+)=(.+)", re.DOTALL)
# A word may be a line of a shell, a program, a header or a URL, with names and values in it.
_WITHIN = re.compile(
    rf"""(?<![\w.-])(-{{0,2}}{_NAME}['"\]]{{0,2}}\s*[:=]\s*(?:(?:bearer|basic)\s+)?|-{{1,2}}{_NAME}\s+(?!-))"""
    r"""("[^"]*"?|'[^']*'?|[^\s&;|'"]+)""",
    re.IGNORECASE,
)


def details() -> dict[str, Any]:
    """Return the custom properties that say how this process was started; what cannot be found out is left out."""
    found = {
        "command": [*masked(sys.orig_argv)],
        "host": socket.gethostname(),
        "seeds": _seeds(),
        **_changes(),
    }
    return {f"{DETAILS_PREFIX}{name}": value for name, value in found.items() if value}


def masked(words: Sequence[str]) -> Iterator[str]:
    """Yield the words of a command without what looks like a secret: the values of what is named so, passwords in URLs.

    So are those within a word, which may be a line of a shell.
    """
    hides = False
    for word in words[:MOST_WORDS]:
        assigned = _ASSIGNED.fullmatch(word)
        if hides and not word.startswith("-"):
            shown = _HIDDEN
        elif assigned and names_secret(assigned[1]):
            shown = f"{assigned[1]}={_HIDDEN}"
        else:
            shown = shown_url(word)
        hides = word.startswith("-") and not assigned and names_secret(word)
        text = shown if len(shown) <= LONGEST_WORD else f"{shown[:LONGEST_WORD]}…"
        text = _WITHIN.sub(rf"\1{_HIDDEN}", text)
        yield text.encode(errors="backslashreplace").decode()
    if len(words) > MOST_WORDS:
        yield "…"


def names_secret(text: str) -> bool:
    """Whether a text is a name of a secret; a long one is none, and matching takes the square of its length."""
    return len(text) <= LONGEST_WORD and _NAMES_SECRET.fullmatch(text) is not None


def _seeds() -> dict[str, str | int]:
    """Return the seeds that are to be had: Python's of hashes, and PyTorch's; random and NumPy keep none."""
    seeds: dict[str, str | int] = {}
    if (hashing := os.environ.get("PYTHONHASHSEED")) is not None:
        seeds["PYTHONHASHSEED"] = hashing.encode(errors="backslashreplace").decode()
    initial = getattr(sys.modules.get("torch"), "initial_seed", None)
    if callable(initial):
        seeds["torch"] = str(initial())  # it may be of more than 63 bits
    return seeds


def _changes() -> dict[str, Any]:
    """Return how the code that runs differs from its commit, cut where it is long, and the files that git does not know."""
    try:
        git = Git(folder_of_code(), monotonic() + PATIENCE)
    except (OSError, ValueError, RuntimeError):  # also a name that is no path, or a circle of links
        return {}
    if is_filtered(git):
        return {}
    options = ("--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=dirty")
    diff = git("diff", "HEAD", *options) or b""
    names = git("ls-files", "--others", "--exclude-standard", "-z") or b""
    untracked = [name.decode(errors="backslashreplace") for name in names.split(b"\0") if name]
    text = diff[: 4 * LONGEST_DIFF].decode(errors="replace")
    return {
        "git_diff": text[:LONGEST_DIFF],
        "git_diff_cut": len(text) > LONGEST_DIFF,
        "git_untracked": untracked[:MOST_NAMES],
    }
