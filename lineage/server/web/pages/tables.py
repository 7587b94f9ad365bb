"""Tables of runs and models: filtered, sorted, their columns chosen, a few of them ticked to be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from lineage.answers.labels import label
from lineage.contract.registry import registry
from lineage.contract.roles import Role, Roles
from lineage.errors import Invalid, LineageError, NotFound, ending_of
from lineage.model.keys import Kind
from lineage.model.values import ProtoAny
from lineage.queries.tables.table import Cell, Table, TableRow
from lineage.server.web import tables
from lineage.server.web.answers import csv_of
from lineage.server.web.arguments import MOST
from lineage.server.web.call import Call, Reply
from lineage.server.web.pages.document import page
from lineage.server.web.pages.faults import fault_of_filter
from lineage.server.web.pages.frame import Frame, Said
from lineage.server.web.pages.markup import Html, element, exact, joined
from lineage.server.web.pages.parts import field, form, hidden, notes, options, table, value
from lineage.server.web.tables import Tabled

__all__ = ["models", "models_csv", "runs", "runs_csv"]

SAMPLE: Final = 20
"""Of how many rows the columns are offered where some are chosen."""
MOST_TYPES: Final = 100
_UNSORTED = ("data", "model", "run", "asset", "tags", "note")


class _Sort(NamedTuple):
    """By which column a table is sorted, and which way."""

    column: str
    descending: bool


def runs(call: Call, asked: Tabled) -> Reply:
    """List runs: their states, parameters, metrics, data, models and durations."""
    return _page(Frame(call, "/runs", asked), asked, tables.runs, Kind.EXECUTION)


def models(call: Call, asked: Tabled) -> Reply:
    """List models: their metrics, parameters, data and runs."""
    return _page(Frame(call, "/models", asked), asked, tables.models, Kind.ARTIFACT)


def runs_csv(call: Call, asked: Tabled) -> Reply:
    """Return the same runs as a file."""
    return csv_of(tables.runs(call, asked), "runs")


def models_csv(call: Call, asked: Tabled) -> Reply:
    """Return the same models as a file."""
    return csv_of(tables.models(call, asked), "models")


def _page(frame: Frame, asked: Tabled, ask: Callable[[Call, Tabled], Table], kind: Kind) -> Reply:
    title = "Runs" if kind is Kind.EXECUTION else "Models"
    status, fault = 200, Html()
    found: Table | None = None
    try:
        found = ask(frame.call, asked)
    except (Invalid, NotFound) as error:
        status, fault = _status(error), fault_of_filter(error, asked.filter)
    parts = [_form(frame, asked, kind), fault]
    if found is not None:
        offered = found.columns
        if asked.columns:
            plain = asked.model_copy(update={"columns": (), "cursor": "", "limit": SAMPLE})
            offered = (*dict.fromkeys((*found.columns, *ask(frame.call, plain).columns)),)
        parts += [*_listed(frame, asked, found), _chooser(frame, found.columns, offered)]
    return page(frame, title, *parts, status=status, is_wide=True)


def _status(error: LineageError) -> int:
    ending = ending_of(error)
    assert ending is not None
    return ending.http


def _form(frame: Frame, asked: Tabled, kind: Kind) -> Html:
    names = [
        each.type for each in frame.call.store.overview(str(kind), newest=1).types if each.count
    ]
    if kind is Kind.ARTIFACT:
        names = sorted(_model_types(frame, names))
    if asked.type and asked.type not in names:
        names.append(asked.type)
    choices = [("", "all"), *((name, name) for name in names[:MOST_TYPES])]
    return form(
        frame.path,
        hidden(frame.kept("type", "filter", "cursor")),
        options("Type", "type", asked.type, choices, id_="type"),
        field(
            "Only those where",
            "filter",
            asked.filter,
            id_="filter",
            class_="long",
            placeholder="metrics.accuracy > 0.9 AND state = 'COMPLETE'",
        ),
        called="Which rows",
        submit="Filter",
    )


def _model_types(frame: Frame, names: Sequence[str]) -> Iterator[str]:
    types = registry(frame.call.store.backend, frame.call.number)
    are_models = {str(types.by_id[number].type_name) for number in Roles(types).ids(Role.MODEL)}
    return (name for name in names if name in are_models)


def _listed(frame: Frame, asked: Tabled, found: Table) -> Iterator[Html]:
    sort = _sort_of(asked.order)
    header = [
        element("span", "Compare", class_="unseen"),
        *(_header(frame, name, sort) for name in found.columns),
    ]
    way = "descending" if sort is not None and sort.descending else "ascending"
    place = found.columns.index(sort.column) + 1 if sort and sort.column in found.columns else 0
    word = "run" if found.kind is Kind.EXECUTION else "model"
    caption = f"{len(found.rows):,} {word}{'' if len(found.rows) == 1 else 's'}"
    caption += "" if sort is None else f", by {asked.order}"
    rows = [_row(frame, found, row) for row in found.rows]
    listed = table(caption, header, rows, sorted_={place: way} if place else {})
    button = element("button", "Compare those that are ticked", type="submit")
    kept = hidden([("as_of", frame.as_of)] if frame.as_of else [])
    ways = [
        element("a", "as CSV", href=frame.link(f"{frame.path}.csv", **_csv(frame)), download=True)
    ]
    if asked.cursor:
        ways.insert(0, element("a", "the first ones", href=frame.here(cursor=None)))
    if found.next:
        ways.insert(
            0, element("a", "the next ones", href=frame.here(cursor=found.next), rel="next")
        )
    yield element(
        "form",
        kept,
        listed,
        element("p", button),
        action="/compare",
        class_="choose",
        aria_label="Rows to compare, 2 to 20",
    )
    yield element("p", joined(ways, " · "))
    yield notes(found.notes)


def _csv(frame: Frame) -> dict[str, Said]:
    said = {name: each for name, each in frame.parameters.items() if name != "as_of"}
    return {**said, "limit": MOST}


def _sort_of(order: str) -> _Sort | None:
    """Return the column that an order begins with."""
    first = order.partition(",")[0].strip()
    if not first:
        return None
    name, _, way = first.rpartition(" ")
    return (
        _Sort(name, descending=True)
        if way.lower() == "desc" and name
        else _Sort(first, descending=False)
    )


def _header(frame: Frame, name: str, sort: _Sort | None) -> Html:
    if name in _UNSORTED:
        return element("bdi", name)
    is_this = sort is not None and sort.column == name
    goes_down = is_this and sort is not None and not sort.descending
    if not is_this:
        goes_down = name.startswith(("metrics.", "create_time"))
    order = f"{name} desc" if goes_down else name
    arrow = "" if sort is None or not is_this else " ↓" if sort.descending else " ↑"
    return element("a", element("bdi", name), arrow, href=frame.here(order=order, cursor=None))


def _row(frame: Frame, found: Table, row: TableRow) -> list[str]:
    called = label(row.node, limit=60) or str(row.key)
    tick = element(
        "input",
        type="checkbox",
        name="ids",
        value=str(row.key),
        aria_label=f"Compare {row.key} {called}",
    )
    return [tick, *(_cell(frame, row, name) for name in found.columns)]


def _cell(frame: Frame, row: TableRow, name: str) -> Html:
    said: Cell = row[name]
    if name == "id":
        return element("a", str(row.key), href=frame.node(row.key))
    if said is None:
        return Html()
    if isinstance(said, tuple) and not isinstance(said, ProtoAny):
        return joined((value(each) for each in said), "; ")
    return value(said)


def _chooser(frame: Frame, chosen: Sequence[str], offered: Sequence[str]) -> Html:
    """Return the form that chooses columns; the last field takes one that is not offered."""
    boxes = [_box(place, name, is_chosen=name in chosen) for place, name in enumerate(offered)]
    more = field(
        "Another", "columns", "", id_="column", placeholder="metrics.auc@test", class_="column"
    )
    fields = form(
        frame.path,
        hidden(frame.kept("columns", "cursor")),
        element("div", *boxes, class_="columns"),
        more,
        called="Which columns",
        submit="Show these columns",
    )
    return element("details", element("summary", "Choose columns"), fields)


def _box(place: int, name: str, *, is_chosen: bool) -> Html:
    box = element(
        "input",
        type="checkbox",
        id=f"column-{place}",
        name="columns",
        value=exact(name),
        checked=is_chosen,
    )
    return element("span", box, " ", element("label", element("bdi", name), for_=f"column-{place}"))
