"""How answers show themselves in a notebook: HTML that is escaped, capped and never fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from lineage.answers.labels import label, printable, shown
from lineage.model.entities import Node

__all__ = ["CELL", "ROWS", "escaped", "html_table", "node_cells", "safely"]

ROWS = 50
"""How many rows a table shows at most."""
CELL = 120
"""How many characters of a text are shown at most."""
# The standard library's `html` takes milliseconds to import, for its table of entities.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


def html_table(
    caption: str, header: Sequence[str], rows: Sequence[Sequence[object]], *, more: int = 0
) -> str:
    """Return a table; `more` counts the rows that were left out, which its last line says.

    At most 50 rows are shown; those beyond count as left out. A cell that cannot be shown says so.
    """
    left_out = more + max(0, len(rows) - ROWS)
    lines = [
        "<table>",
        f"<caption>{escaped(printable(caption, limit=2 * CELL))}</caption>",
        f"<thead>{_row('th', header)}</thead>",
        "<tbody>",
        *(_row("td", row) for row in rows[:ROWS]),
    ]
    if left_out:
        lines.append(f'<tr><td colspan="{max(1, len(header))}">… and {left_out:,} more</td></tr>')
    return "\n".join([*lines, "</tbody>", "</table>"])


def escaped(text: str) -> str:
    """Return a text as HTML that shows it."""
    return text.translate(_ESCAPES)


def _row(tag: str, cells: Iterable[object]) -> str:
    try:
        return f"<tr>{''.join(f'<{tag}>{escaped(_text(cell))}</{tag}>' for cell in cells)}</tr>"
    except Exception as error:  # noqa: BLE001  # a row may be anything, and one must not hide the rest
        return f"<tr><{tag}>{escaped(_broken(error))}</{tag}></tr>"


def _text(cell: object) -> str:
    try:
        return shown(cell, limit=CELL)
    except Exception as error:  # noqa: BLE001  # `str` of a stranger's object may raise anything
        return _broken(error)


def _broken(error: Exception) -> str:
    """Say that something cannot be shown, without the error's own text, which may fail as well."""
    return f"cannot be shown ({type(error).__name__})"


def safely(build: Callable[[], str], subject: str) -> str:
    """Return the HTML that `build` returns or, where it fails, one escaped line about the subject.

    A notebook calls this behind the user's back: an error here would hide the answer itself.
    """
    try:
        return build()
    except Exception as error:  # noqa: BLE001  # whatever it is, the answer is still in the variable
        return f"<pre>{escaped(printable(subject, limit=CELL))}: {escaped(_broken(error))}</pre>"


def node_cells(node: Node) -> tuple[str, str, str]:
    """Return what tables show of any node: its key, its type and its label, or that it is gone."""
    called = label(node, limit=CELL)
    if node.gone:
        called = f"{called} (gone)" if called else "(gone)"
    return str(node.key), shown(node.type, limit=CELL), called
