"""Models side by side on a page of 80 characters: a column for each, or a row where there are too many."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lineage.answers.labels import label
from lineage.cli import output, pages
from lineage.cli.grids import LINE, GridColumn, grid, rounded, shortened
from lineage.cli.output import bold, several
from lineage.cli.tables import GAP, columns_of, fields, table
from lineage.model.texts import printable
from lineage.model.values import Value
from lineage.queries.comparison import Comparison, Row

__all__ = ["comparison", "told_apart"]

NARROWEST = 12
"""A column for a model is not narrower than this: with less room there is a row for each."""
LONGEST_NAMES = (28, 20)
"""To what names of rows are cut: where it must be for the models' sake, to less."""
NAME, TITLE = 24, 20
"""To what the names of models and of columns are cut where there is a row for each model."""
SHARED = 4
"""Of how many characters at least a beginning or an end that names share is cut."""
DIGITS = 12
_DIGEST = re.compile(r"([A-Za-z0-9_-]+:)?[0-9a-f]{32,}")


def comparison(answer: Comparison) -> Iterator[str]:
    """Yield a table of models; what differs is marked, or stands before what does not, but for formal rows."""
    for longest in LONGEST_NAMES:
        width = _width(answer, longest)
        if width >= NARROWEST:
            yield from _beside(answer, width, longest)
            break
    else:
        yield from _turned(answer)
    yield from pages.notes(answer.notes)


def _width(answer: Comparison, longest: int) -> int:
    """Return how wide a column for a model may be beside names of rows that are cut so."""
    room = (output.width() or LINE) - len(GAP) * (len(answer.models) + 2) - 1
    leading = max((len(row.section) for row in answer.rows), default=0) + max(
        (min(longest, columns_of(row.name)) for row in answer.rows), default=0
    )
    return (room - leading) // len(answer.models)


def _beside(answer: Comparison, width: int, longest: int) -> Iterator[str]:
    names = _names(answer, width, always=False)
    rows = [["", "", "name", *names]] if any(names) else []
    rows += [
        [
            "*" if row.differs and not row.formal else "",
            row.section,
            shortened(printable(row.name), longest),
            *_cells(row, width, absent="-"),
        ]
        for row in answer.rows
    ]
    yield from table(("", "", "", *(str(each.key) for each in answer.models)), rows)
    count = sum(row.differs and not row.formal for row in answer.rows)
    yield ""
    yield f"* {several(count, 'row differs', 'rows differ')}; - was not recorded"


def _turned(answer: Comparison) -> Iterator[str]:
    """Yield a row for each model, with what differs; then what all have in common."""
    differing = sorted((row for row in answer.rows if row.differs and not row.formal), key=_worth)
    names = _names(answer, NAME, always=True)
    columns = [GridColumn("MODEL", [str(each.key) for each in answer.models], 0)]
    columns += [GridColumn("NAME", names, 1)] if any(names) else []
    columns += [
        GridColumn(
            shortened(printable(row.name), TITLE),
            _cells(row, NAME, absent="-"),
            rank,
            row.section,
        )
        for rank, row in enumerate(differing, start=2)
    ]
    lines, left_out = grid(columns)
    yield from lines
    if left_out:
        yield ""
        yield f"Without {', '.join(left_out)}; --json has all."
    alike = [row for row in answer.rows if not row.differs]
    if alike:
        yield ""
        yield bold("The same in all")
        names = [printable(f"{row.section} {row.name}", limit=NAME) for row in alike]
        cells = [_cells(row, LINE // 2, absent="-")[0] for row in alike]
        yield from fields([*zip(names, cells, strict=True)])


def _worth(row: Row) -> int:
    """Return how early a row becomes a column: metrics and parameters go before the rest."""
    order = ("metrics", "parameters", "data", "frameworks", "properties", "run")
    return order.index(row.section)


def _names(answer: Comparison, width: int, *, always: bool) -> list[str]:
    """Return what the models are called, cut where they do not differ: always, or where they are too wide."""
    names = [label(each) for each in answer.models]
    if always or max(map(columns_of, names)) > width:
        names = told_apart(names)
    return [shortened(each, width) for each in names]


def _cells(row: Row, width: int, *, absent: str) -> list[str]:
    """Return the values of a row: numbers rounded, digests short, texts cut where they do not differ."""
    texts = [absent if value is None else _text(value) for value in row.values]
    if row.differs and max(map(columns_of, texts)) > width:
        given = [at for at, value in enumerate(row.values) if value is not None]
        for at, text in zip(given, told_apart([texts[at] for at in given]), strict=True):
            texts[at] = text
    return [shortened(text, width) for text in texts]


def _text(value: Value) -> str:
    text = rounded(value, limit=200)
    digest = _DIGEST.fullmatch(text)
    if digest is None:
        return text
    algorithm = digest[1] or ""
    return f"{algorithm}{text[len(algorithm) :][:DIGITS]}"


def _shared(texts: Sequence[str]) -> int:
    """Return how many characters all of some texts, which differ, begin with."""
    columns = enumerate(zip(*texts, strict=False))
    differing = (at for at, chars in columns if len(set(chars)) > 1)
    return next(differing, min(map(len, texts)))


def told_apart(texts: Sequence[str]) -> list[str]:
    """Return texts without the beginning and the end that all of them share, where these are long enough.

    >>> told_apart(["s3://models/churn/7.onnx", "s3://models/churn/12.onnx"])
    ['…7…', '…12…']
    >>> told_apart(["one", "one"])
    ['one', 'one']
    """
    if len(set(texts)) < 2:
        return [*texts]
    head = _shared(texts)
    tail = min(_shared([text[::-1] for text in texts]), min(map(len, texts)) - head)
    head, tail = (0 if shared <= SHARED else shared for shared in (head, tail))
    # What is cut off ends where a word does, so that numbers and names stay whole.
    while head and texts[0][head - 1].isalnum():
        head -= 1
    while tail and texts[0][len(texts[0]) - tail].isalnum():
        tail -= 1
    starts, ends = "…" if head else "", "…" if tail else ""
    return [f"{starts}{text[head : len(text) - tail]}{ends}" for text in texts]
