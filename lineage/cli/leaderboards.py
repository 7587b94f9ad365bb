"""Runs and models as tables: runs, models."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Annotated, TypeAlias

import typer

from lineage.cli import output, pages
from lineage.cli.completion import complete_types
from lineage.cli.grids import GridColumn, cell_text, grid, seconds_text
from lineage.cli.options import HERE, AsJson, AsOf, StoreUrl, open_to_read, usage
from lineage.filters.table_columns import FAMILIES
from lineage.model.keys import Kind
from lineage.model.texts import printable
from lineage.progress import on_terminal
from lineage.queries.tables.table import Cell, Table
from lineage.store import Store

__all__ = ["models", "runs"]

PAGE = 20

RunType: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="TYPE",
        help="Only runs of this type.",
        show_default=False,
        autocompletion=complete_types,
    ),
]
ModelType: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="TYPE",
        help="Only models of this type.",
        show_default=False,
        autocompletion=complete_types,
    ),
]
Where: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="FILTER",
        help="Such as: metrics.auc@test > 0.8 and parameters.depth < 6",
    ),
]
Sorted: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--order",
        metavar="COLUMNS",
        help="Such as: metrics.auc desc. Left out, the newest first.",
    ),
]
Columns: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="COLUMNS",
        help="What to show, with commas between. Left out, what fits a line.",
    ),
]
PageSize: TypeAlias = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, show_default=True, help="Rows on a page.")
]
PageToken: TypeAlias = Annotated[
    str | None, typer.Option("--page", metavar="TOKEN", help="The page that the one before named.")
]
AsCsv: TypeAlias = Annotated[bool, typer.Option("--csv", help="Print CSV, of all columns.")]


def runs(
    type: RunType = None,
    *,
    where: Where = None,
    order: Sorted = None,
    columns: Columns = None,
    limit: PageSize = PAGE,
    page: PageToken = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List runs with their parameters, metrics, data and models.

    metrics.auc is the newest value that a run wrote, metrics.auc@test the newest on data that it read for this
    use. Any column sorts and filters; numbers come before texts, what is absent last.
    """
    _check(as_json=as_json, as_csv=as_csv)
    with open_to_read(store, as_of) as opened:
        answer = _of_page(opened, page, as_of).runs(
            type, where, order=order, columns=_split(columns), limit=limit, page=page
        )
    _deliver(answer, as_json=as_json, as_csv=as_csv, whole=columns is not None)


def models(
    type: ModelType = None,
    *,
    where: Where = None,
    order: Sorted = None,
    columns: Columns = None,
    limit: PageSize = PAGE,
    page: PageToken = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List models with their metrics, parameters, data and runs.

    Parameters and data are those of the newest run that made the model; metrics are claimed for it, or for no other
    model and written by a run that made or read it.
    """
    _check(as_json=as_json, as_csv=as_csv)
    with open_to_read(store, as_of) as opened:
        answer = _of_page(opened, page, as_of).models(
            type, where, order=order, columns=_split(columns), limit=limit, page=page
        )
    _deliver(answer, as_json=as_json, as_csv=as_csv, whole=columns is not None)


def _check(*, as_json: bool, as_csv: bool) -> None:
    if as_json and as_csv:
        raise usage("--json and --csv: give one of them")


def _of_page(store: Store, page: str | None, as_of: str | None) -> Store:
    """Return the store that a page is of: all pages are of the moment of the first."""
    return store if page is None or as_of is not None else Store(store.backend)


def _split(columns: str | None) -> list[str] | None:
    """Return the names of columns, which in backquotes may hold commas."""
    if columns is None:
        return None
    names, quoted = [""], False
    for char in columns:
        quoted ^= char == "`"
        if char == "," and not quoted:
            names.append("")
        else:
            names[-1] += char
    return names


def _deliver(answer: Table, *, as_json: bool, as_csv: bool, whole: bool) -> None:
    if as_csv:
        text = answer.to_csv()
        # A person's terminal would act on what a program has to get as it is.
        lines = map(printable, text.splitlines()) if on_terminal(sys.stdout) else [text[:-1]]
        sys.stdout.writelines(f"{line}\n" for line in lines)
    else:
        output.deliver(answer, lambda table: _page(table, whole=whole), as_json=as_json)
    if answer.next is not None and not as_json:
        output.note(f"there are more: add --page {answer.next}")


def _page(answer: Table, *, whole: bool) -> Iterator[str]:
    word = "run" if answer.kind is Kind.EXECUTION else "model"
    if not answer.rows:
        yield f"No {word}s found."
        yield from pages.notes(answer.notes)
        return
    key = GridColumn(word.upper(), [str(row.key) for row in answer], rank=-1)
    lines, left_out = grid([key, *_columns_of(answer, whole=whole)], whole=whole)
    yield from lines
    if left_out:
        names = ", ".join(printable(name, limit=40) for name in left_out)
        yield ""
        yield f"Without {names}: name what to show with --columns, or take --csv or --json."
    yield from pages.notes(answer.notes)


_RANKS = {
    "type": 1,
    "name": 2,
    "state": 3,
    "uri": 3,
    "metrics": 4,
    "parameters": 5,
    "create_time": 7,
    "data": 9,
    "tags": 11,
    "run": 13,
    "model": 13,
    "duration": 15,
}
"""Which columns are printed rather than others, where not all fit: of a family the first, then every second one."""
_SAME = 100
"""By how much later what is the same in all rows is chosen: it tells no two apart."""


def _columns_of(answer: Table, *, whole: bool) -> Iterator[GridColumn]:
    """Yield the columns; those that are empty only where they were asked for."""
    taken: Counter[tuple[str, bool]] = Counter()
    for name in answer.columns:
        family, _, rest = name.partition(".")
        of_family = family in FAMILIES and rest != ""
        text: Callable[[Cell], str] = _seconds if name == "duration" else cell_text
        cells = [text(row[name]) for row in answer]
        if whole or (name != "id" and any(cells)):
            differs = len({*cells}) > 1 or len(cells) == 1
            rank = _RANKS.get(family, 99) + 2 * taken[family, differs] + (0 if differs else _SAME)
            taken[family, differs] += 1
            yield GridColumn(rest if of_family else name, cells, rank, family if of_family else "")


def _seconds(value: Cell) -> str:
    return seconds_text(value) if isinstance(value, float) else ""
