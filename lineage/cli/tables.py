"""Plain tables and texts in columns, which fit a terminal and are whole in a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from unicodedata import combining, east_asian_width

from lineage.answers.labels import label
from lineage.cli import output
from lineage.model.entities import Node
from lineage.model.texts import printable, shown

__all__ = [
    "GAP",
    "columns_of",
    "fields",
    "headline",
    "node_cells",
    "state_of",
    "table",
    "time_text",
    "type_of",
    "value_text",
]

CELL = 80
"""No cell is longer than this, however long the text; `--json` has all of it."""
NARROWEST = 8
SHORT = 20
"""Columns no wider than this, such as those of keys and of times, give way only after all others have."""
GAP = "  "


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, indent: str = ""
) -> Iterator[str]:
    """Yield lines in columns; on a terminal the widest columns are cut until the lines fit."""
    if not rows:
        return
    cells = [list(header), *rows] if any(header) else list(rows)
    widths = [max(map(columns_of, column)) for column in zip(*cells, strict=True)]
    _shrink(widths, output.width(), len(indent))
    for position, row in enumerate(cells):
        padded = [_fit(text, size) for text, size in zip(row, widths, strict=True)]
        line = indent + GAP.join(padded).rstrip()
        yield output.bold(line) if any(header) and position == 0 else line


def fields(pairs: Sequence[tuple[str, str]], *, indent: str = "  ") -> Iterator[str]:
    """Yield names and values in two columns; a long value goes on in the terminal's next line."""
    size = max((columns_of(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        yield f"{indent}{_fit(name, size)}{GAP}{value}".rstrip()


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def _shrink(widths: list[int], room: int | None, indent: int) -> None:
    if room is None:
        return
    spare = room - indent - len(GAP) * (len(widths) - 1)
    long = [at for at, width in enumerate(widths) if width > SHORT]
    for giving in (long, range(len(widths))):
        while sum(widths) > spare and any(widths[at] > NARROWEST for at in giving):
            widths[max(giving, key=widths.__getitem__)] -= 1


def _fit(text: str, size: int) -> str:
    taken = columns_of(text)
    if taken <= size:
        return text + " " * (size - taken)
    # The middle goes: ends of paths and digests tell them apart.
    head, tail = text[: size // 3], text[size // 3 :]
    while columns_of(head) + columns_of(tail) > size - 1:
        head, tail = (head, tail[1:]) if tail else (head[:-1], "")
    return f"{head}…{tail}" + " " * (size - 1 - columns_of(head) - columns_of(tail))


def value_text(value: object, *, limit: int = CELL) -> str:
    """Return a property's value in one harmless line; `-` where there is none."""
    if value is None:
        return "-"
    return shown(value, limit=limit)


def time_text(time: datetime | None) -> str:
    """Return a time to the second."""
    return "-" if time is None else f"{time.replace(tzinfo=None).isoformat(' ', 'seconds')}Z"


def type_of(node: Node) -> str:
    """Return a node's type, with its version where there is one."""
    version = "" if node.type_version is None else f"@{node.type_version}"
    return printable(f"{node.type}{version}", limit=CELL)


def state_of(node: Node) -> str:
    """Return a node's state, or that it is gone."""
    if node.gone:
        return "gone"
    state = getattr(node, "state", None)
    return "" if state is None else str(state)


def node_cells(node: Node) -> list[str]:
    """Return a node's key, type, label and state."""
    return [str(node.key), type_of(node), label(node), state_of(node)]


def headline(node: Node) -> str:
    """Return a node in one line."""
    return GAP.join(text for text in node_cells(node) if text)
