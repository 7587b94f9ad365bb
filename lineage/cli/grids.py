"""Tables of many columns, of which those are printed that fit a line of 80 characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lineage.cli import output
from lineage.cli.tables import GAP, columns_of, table, value_text
from lineage.model.texts import printable

__all__ = ["LINE", "GridColumn", "cell_text", "grid", "rounded", "seconds_text", "shortened"]

LINE = 80
"""How many characters a line has where the reader is no terminal."""
WIDEST = 32
"""A column wider than this gives way before another is left out."""
DIGITS = 4
"""To how many digits numbers are rounded; `--json` and `--csv` have all."""
_LONG = 120


@dataclass(frozen=True, slots=True)
class GridColumn:
    """A column: what is above it, in one line or two, its cells, and the place at which it is chosen.

    The lowest `rank` is chosen first; columns are printed in the order in which they are given.
    """

    title: str
    cells: Sequence[str]
    rank: int
    family: str = ""

    @property
    def name(self) -> str:
        """The name with its family, as filters have it."""
        return f"{self.family}.{self.title}" if self.family else self.title

    @property
    def width(self) -> int:
        """How many characters of a line it takes, at most."""
        return min(WIDEST, max(map(columns_of, (self.title, self.family, *self.cells))))


def grid(columns: Sequence[GridColumn], *, whole: bool = False) -> tuple[list[str], list[str]]:
    """Return the lines of a table, and the names of the columns for which there was no room.

    The `whole` has room for all, where a terminal cuts the widest cells.
    """
    kept = columns if whole else _fitting(columns)
    left_out = [column.name for column in columns if column not in kept]
    rows = [list(row) for row in zip(*(_cut(column, whole=whole) for column in kept), strict=True)]
    titles = [printable(column.title, limit=WIDEST) for column in kept]
    if not any(column.family for column in kept):
        return [*table(titles, rows)], left_out
    families = [column.family for column in kept]
    above = [
        "" if at and family == families[at - 1] else family for at, family in enumerate(families)
    ]
    return [*table(above, [titles, *rows])], left_out


def _cut(column: GridColumn, *, whole: bool) -> Sequence[str]:
    if whole:
        return column.cells
    return [cell if columns_of(cell) <= WIDEST else shortened(cell) for cell in column.cells]


def shortened(text: str, size: int = WIDEST) -> str:
    """Return a text without its middle: the ends of paths and digests tell them apart."""
    return text if len(text) <= size else f"{text[: size // 3]}…{text[-(size - size // 3 - 1) :]}"


def _fitting(columns: Sequence[GridColumn]) -> list[GridColumn]:
    room = output.width() or LINE
    kept: list[GridColumn] = []
    for column in sorted(columns, key=lambda each: each.rank):
        taken = sum(each.width + len(GAP) for each in kept) + column.width
        if taken <= room or not kept:
            kept.append(column)
    return [column for column in columns if column in kept]


def cell_text(value: object) -> str:
    """Return what stands in a cell: numbers rounded, times to the minute, names one after the other."""
    if isinstance(value, datetime):
        return f"{value.replace(tzinfo=None).isoformat(' ', 'minutes')}Z"
    if type(value) is tuple:
        return ", ".join(printable(each, limit=WIDEST * 2) for each in value)
    return rounded(value)


def rounded(value: object, *, limit: int = 60) -> str:
    """Return a value in one harmless line, a float with four digits.

    >>> rounded(0.123456), rounded(1.0), rounded(True), rounded(None)
    ('0.1235', '1.0', 'true', '')
    """
    if value is None:
        return ""
    if isinstance(value, float):
        whole = repr(value)
        return whole if len(whole) <= DIGITS + len("0.") else f"{value:.{DIGITS}g}"
    return value_text(value, limit=limit)


def seconds_text(seconds: float) -> str:
    """Return a duration.

    >>> seconds_text(0.01234), seconds_text(4000.0)
    ('0.0123 s', '1:06:40')
    """
    if seconds < _LONG:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
