"""How values show themselves in a notebook: HTML that is escaped, capped and never fails."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from lineage.model.texts import printable, shown

__all__ = [
    "CELL",
    "DIGEST_SHOWN",
    "ROWS",
    "Shown",
    "escaped",
    "html_answer",
    "html_table",
    "safely",
]

ROWS = 50
"""How many rows a table shows at most."""
OPEN = 20
"""How many rows of an answer are seen before one opens the fold with the others."""
NOTES = 3
"""How many notes are seen before one opens the fold with the others."""
CELL = 120
"""How many characters of a text are shown at most."""
DIGEST_SHOWN = 12
"""How many of a digest's digits a table shows, which tell contents apart."""
FLOAT_SHOWN = 10
"""How many characters of a float are shown as they are; of a longer one six digits are."""
_DIGEST = re.compile(
    # Not in a URI or a path, which would lead nowhere without its end.
    rf"(?<![\w/.:@-])((?:[A-Za-z][\w+.-]{{0,20}}:)?[0-9a-fA-F]{{{DIGEST_SHOWN}}})[0-9a-fA-F]{{20,116}}(?![\w/.])"
)
# The standard library's `html` takes milliseconds to import, for its table of entities.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


class Shown:
    """What a notebook shows as the HTML that `_html` returns, or as one line where that fails."""

    __slots__ = ()

    @abstractmethod
    def _html(self) -> str:
        """Return what a notebook shows, every text escaped."""

    def _repr_html_(self) -> str:
        return safely(self._html, type(self).__name__)


def html_answer(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    more: int = 0,
    notes: Sequence[str] = (),
) -> str:
    """Return a table of which the first 20 rows are seen, and below it the first 3 notes; the rest folds.

    `more` counts the rows that were left out. At most 50 rows and 50 notes are there, and what is not is counted.
    Digests are cut to 12 digits, times to seconds, and floats of many digits to six.
    """
    short = [[_shortened(cell) for cell in row] for row in rows[:ROWS]]
    left_out = more + len(rows) - len(short)
    if len(short) > OPEN:
        beyond = len(short) - OPEN
        folded = html_table("", header, short[OPEN:], more=left_out)
        parts = [
            html_table(caption, header, short[:OPEN]),
            _fold(f"{beyond + left_out:,} more rows", folded),
        ]
    else:
        parts = [html_table(caption, header, short, more=left_out)]
    parts += map(_note, notes[:NOTES])
    if len(notes) > NOTES:
        lines = [_note(note) for note in notes[NOTES:ROWS]]
        lines += [f"<p>… and {len(notes) - ROWS:,} more</p>"] * (len(notes) > ROWS)
        parts.append(_fold(f"{len(notes) - NOTES:,} more notes", "\n".join(lines)))
    return "\n".join(parts)


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


def _fold(title: str, content: str) -> str:
    return f"<details><summary>{escaped(title)}</summary>\n{content}\n</details>"


def _note(text: str) -> str:
    return f"<p>{escaped(printable(text, limit=4 * CELL))}</p>"


def _shortened(cell: object) -> object:
    """Return a cell in which digests, with or without their algorithms, times and floats are cut to what people read."""
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    if isinstance(cell, float):
        text = str(cell)
        return text if len(text) <= FLOAT_SHOWN else f"{cell:.6g}"
    if not isinstance(cell, str) or len(cell) > 8 * CELL:
        return cell
    return _DIGEST.sub(r"\1…", cell)


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
    except Exception as error:  # noqa: BLE001  # an error here would hide the answer, which is still in the variable
        return f"<pre>{escaped(printable(subject, limit=CELL))}: {escaped(_broken(error))}</pre>"
