"""Tables of runs and models, as answers: a row for each, with columns named as in filters."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, overload

from typing_extensions import override

from lineage.answers.conversions import frame_of, json_of, table_of
from lineage.answers.labels import listed
from lineage.answers.notebook import fields_html
from lineage.contract.projection import projected
from lineage.contract.registry import Registry
from lineage.filters.table_columns import FAMILIES, column_name
from lineage.filters.tree import AnyColumn, Column, Field, PropertyColumn, TableColumn
from lineage.model.canonical import decode
from lineage.model.entities import Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.marks import NOTE, TAGS
from lineage.model.notebook import ROWS, Shown, html_answer
from lineage.model.rows import NodeRow
from lineage.model.values import ProtoAny, Value, kind_of
from lineage.queries.reader import Reader
from lineage.queries.tables.around import SomeRuns
from lineage.queries.tables.columns import (
    ModelFacts,
    TableColumns,
    is_measured,
    is_parameter,
    measured_of,
)
from lineage.queries.tables.sieve import SortKey

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["Asked", "Cell", "ShownPage", "Table", "TableRow", "names_of", "rows_of"]

Cell: TypeAlias = Value | datetime | tuple[str, ...] | None
"""What stands in a row: a value, a time, what things are called, or nothing."""
_BEFORE = {
    Kind.EXECUTION: ("id", "type", "name", "state", "create_time", "duration"),
    Kind.ARTIFACT: ("id", "type", "name", "uri", "create_time", "asset", "run"),
}
_AFTER = {
    Kind.EXECUTION: ("data", "model", "tags", "note"),
    Kind.ARTIFACT: ("data", "tags", "note"),
}
"""The columns where none are asked for, before and after the metrics and parameters of the page."""
_FIELDS = {
    Field.ID: "id",
    Field.TYPE: "type",
    Field.NAME: "name",
    Field.EXTERNAL_ID: "external_id",
    Field.URI: "uri",
    Field.CREATED: "create_time",
    Field.UPDATED: "update_time",
    Field.GONE: "gone",
}
"""The attributes of nodes for built-in columns."""
_MARKS = {"tags": TAGS, "note": NOTE}
_ALWAYS = frozenset({"id", "type", "name", "state", "create_time", "run"})
"""The columns that are there, where none are asked for, even if no row has a value."""


class Asked(NamedTuple):
    """What a table is of, how it is sorted, and the columns that were asked for; None for those that there are.

    `mentioned` are the columns that its condition is about.
    """

    kind: Kind
    types: Registry
    type_ids: tuple[int, ...]
    order: Sequence[SortKey]
    columns: Sequence[SortKey] | None
    mentioned: Sequence[AnyColumn]


@dataclass(frozen=True, slots=True)
class TableRow(Shown, Mapping[str, Cell]):
    """A run or a model: the node, and its values by the names of the table's columns, None where there is none."""

    node: Node
    cells: Mapping[str, Cell]

    @property
    def key(self) -> NodeKey:
        """The node's key."""
        return self.node.key

    def __getitem__(self, name: str) -> Cell:
        return self.cells[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    @override
    def _html(self) -> str:
        return fields_html(str(self.key), self.cells.items())


@dataclass(frozen=True, slots=True)
class Table(Shown, Sequence[TableRow]):
    """A page of runs or models, a row each; `next` asks for the page after it, and is None on the last.

    `columns` are named as in filters: `id`, `state`, `parameters.depth`, `metrics.auc`, `metrics.auc@test`, `data`. Where
    none were asked for they are those that the rows of this page have, and those that condition and order are about. Times are aware, durations in seconds; `data`, `model`,
    `run` and `asset` are names, else URIs, else keys. `notes` say what to know about the answer, `number`
    is the transaction that it is as of.
    """

    kind: Kind
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...]
    next: str | None
    number: int

    @overload
    def __getitem__(self, index: int) -> TableRow: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[TableRow]: ...
    def __getitem__(self, index: int | slice) -> TableRow | Sequence[TableRow]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> list[Cell]:
        """Return one column, from the first row to the last; `KeyError` for one that there is not."""
        return [row[name] for row in self.rows]

    def to_pandas(self) -> pandas.DataFrame:
        """Return one frame, a row for each and a column for each, with the types of `Subgraph.to_pandas`.

        A column whose values are of several types holds the objects. `MissingExtra` without pandas.
        """
        return frame_of(self._columns(), len(self.rows))

    def to_arrow(self) -> pyarrow.Table:
        """Return one Arrow table, with the types of `Subgraph.to_arrow`. `MissingExtra` without pyarrow."""
        return table_of(self._columns())

    def _columns(self) -> dict[str, list[Any]]:
        return {name: [_flat(cell) for cell in self.column(name)] for name in self.columns}

    def to_csv(self, target: str | Path | None = None) -> str:
        """Return the table as CSV (RFC 4180), and write it to a file where one is named, in UTF-8.

        Times are RFC 3339, flags `true` and `false`, structs JSON, several names are joined by `; `; a number is written so that it reads
        back as the same. What is absent is empty.
        """
        lines = StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(
            [_csv_text(_flat(row[name])) for name in self.columns] for row in self.rows
        )
        text = lines.getvalue()
        if target is not None:
            Path(target).write_text(text, encoding="utf-8", newline="")
        return text

    @override
    def _html(self) -> str:
        word = "runs" if self.kind is Kind.EXECUTION else "models"
        caption = f"{len(self.rows)} {word} as of transaction {self.number}"
        cells = [
            ["–" if row[name] is None else row[name] for name in self.columns]
            for row in self.rows[:ROWS]
        ]
        left_out = len(self.rows) - len(cells)
        return html_answer(caption, self.columns, cells, more=left_out, notes=self.notes)


def _flat(cell: Cell) -> Value | datetime | None:
    """Return a cell as one value: what things are called, joined, so that frames can be grouped by it."""
    # A protobuf message is a tuple, too, and one value.
    if isinstance(cell, tuple) and not isinstance(cell, ProtoAny):
        return "; ".join(cell)
    return cell


class ShownPage(NamedTuple):
    """The columns and rows of a page."""

    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...]


def rows_of(
    reader: Reader,
    table: TableColumns,
    asked: Asked,
    keys: Sequence[NodeKey],
    around: SomeRuns,
) -> ShownPage:
    """Return the rows of some nodes, in their order, from what is around them."""
    page = _Page(reader, table, asked, keys, around)
    wanted = page.offered() if asked.columns is None else asked.columns
    cells = {each.name: page.cells(each) for each in wanted}
    names = [
        name
        for name, by_id in cells.items()
        if asked.columns is not None or name in _ALWAYS or by_id
    ]
    rows = tuple(
        TableRow(page.node(key), {name: cells[name].get(key.id) for name in names}) for key in keys
    )
    return ShownPage(tuple(names), rows, tuple(page.notes()))


class _Page:
    """The nodes of a page, with what each column says of them."""

    def __init__(
        self,
        reader: Reader,
        table: TableColumns,
        asked: Asked,
        keys: Sequence[NodeKey],
        around: SomeRuns,
    ) -> None:
        self._reader = reader
        self._table = table
        self._asked = asked
        self._around = around
        self._rows = reader.rows(keys)
        self._nodes = {row.key: reader.node(row.key) for row in self._rows}
        self._run_of = (
            {key.id: key.id for key in keys}
            if asked.kind is Kind.EXECUTION
            else ModelFacts(around).run_of
        )
        self._known_parameters: dict[int, dict[str, Value]] | None = None
        self._known_metrics: dict[str | None, dict[int, dict[str, Value]]] = {}

    def node(self, key: NodeKey) -> Node:
        """Return a node of the page, or a run that made one."""
        return self._nodes.get(key) or self._reader.node(key)

    def offered(self) -> Iterator[SortKey]:
        """Yield the columns where none are asked for: those that the nodes have."""
        kind = self._asked.kind
        several = len({row.type_id for row in self._rows}) > 1
        for name in _BEFORE[kind]:
            if name != "type" or several:
                yield _alone(name)
        asked_about = [*(key.column for key in self._asked.order), *self._asked.mentioned]
        metrics = {name: None for of in self.metrics(None).values() for name in of}
        yield from (
            _of_family(*each)
            for each in dict.fromkeys(
                [
                    *(
                        (column.family, column.name, column.use)
                        for column in asked_about
                        if isinstance(column, TableColumn) and column.family == "metrics"
                    ),
                    *(("metrics", name, None) for name in sorted(metrics)),
                ]
            )
        )
        named = {name for of in self.parameters().values() for name in of}
        yield from (_of_family("parameters", name) for name in sorted(named))
        yield from map(_alone, _AFTER[kind])

    def cells(self, asked: SortKey) -> Mapping[int, Cell]:
        """Return what a column says of the nodes, by id, of those of which it says something."""
        column = asked.column
        if isinstance(column, TableColumn):
            return self._of_table(column)
        cells = ((row.key.id, self._of_node(column, row)) for row in self._rows)
        return {number: cell for number, cell in cells if cell is not None}

    def _of_table(self, column: TableColumn) -> Mapping[int, Cell]:
        if column.family in FAMILIES:
            by_name = (
                self.parameters() if column.family == "parameters" else self.metrics(column.use)
            )
            return {number: of[column.name] for number, of in by_name.items() if column.name in of}
        own = {each[0]: each[1:] for each in projected(self._table.plain(column), self._rows)}
        found = self._table.values(column, lambda: self._around, own)
        return {row.key.id: found[row.key.id] for row in self._rows if row.key.id in found}  # type: ignore[misc]  # what such a column says is a cell

    def _of_node(self, column: AnyColumn, row: NodeRow) -> Cell:
        node = self._nodes[row.key]
        if isinstance(column, PropertyColumn):
            value = (node.custom_properties if column.custom else node.properties).get(column.name)
            is_asked = value is None or column.kind in (None, kind_of(value))
            return value if is_asked else None
        if column.field is Field.STATE:
            state = getattr(node, "state", None)
            return None if state is None else str(state)
        if column.field is Field.TYPE_ID:
            return row.type_id
        cell: Cell = getattr(node, _FIELDS[column.field], None)
        return cell

    def parameters(self) -> dict[int, dict[str, Value]]:
        """Return the parameters of the run that each node is, or was made by."""
        if self._known_parameters is None:
            self._known_parameters = {
                number: self._parameters_of(NodeKey(Kind.EXECUTION, run))
                for number, run in self._run_of.items()
            }
        return self._known_parameters

    def _parameters_of(self, run: NodeKey) -> dict[str, Value]:
        node, declared = self.node(run), self._reader.type(run).properties
        free = {
            name: value
            for name, value in node.custom_properties.items()
            if is_parameter(name) and name not in declared
        }
        return {**free, **node.properties}

    def metrics(self, use: str | None) -> dict[int, dict[str, Value]]:
        """Return the newest value of each metric of each node, measured on data of a use where one is given."""
        if use not in self._known_metrics:
            measured = [
                (self._reader.row(NodeKey(Kind.ARTIFACT, artifact)), number)
                for number, run, artifact in measured_of(self._asked.kind, self._around)
                if self._around.is_measured_on(run, artifact, use)
            ]
            measured.sort(key=lambda each: (each[0].updated, each[0].key.id))
            found = self._own_floats() if use is None else {}
            for row, number in measured:
                values = {**decode(row.custom), **decode(row.properties)}
                found.setdefault(number, {}).update(
                    (name, value) for name, value in values.items() if is_measured(name)
                )
            self._known_metrics[use] = found
        return self._known_metrics[use]

    def _own_floats(self) -> dict[int, dict[str, Value]]:
        """Return what models say of themselves."""
        if self._asked.kind is Kind.EXECUTION:
            return {}
        found: dict[int, dict[str, Value]] = {}
        for row in self._rows:
            values = {**decode(row.custom), **decode(row.properties)}
            found[row.key.id] = {
                name: value
                for name, value in values.items()
                if type(value) is float and is_measured(name)
            }
        return found

    def notes(self) -> Iterator[str]:
        """Yield what to know of the rows."""
        gone = self._around.gone_data()
        if gone:
            are = "is" if len(gone) == 1 else "are"
            yield f"{listed(sorted(gone))} {are} deleted, and in no column"


def names_of(
    reader: Reader,
    table: TableColumns,
    asked: Asked,
    keys: Sequence[NodeKey],
    around: SomeRuns,
) -> Mapping[str, Collection[str]]:
    """Return the names of the metrics and of the parameters that some nodes have, by their families."""
    page = _Page(reader, table, asked, keys, around)
    by_family = {"metrics": page.metrics(None), "parameters": page.parameters()}
    return {
        family: {name for values in by_node.values() for name in values}
        for family, by_node in by_family.items()
    }


def _alone(name: str) -> SortKey:
    """Return a column that has one name."""
    if name in _MARKS:
        return SortKey(name, PropertyColumn(_MARKS[name], custom=True))
    fields = {attribute: field for field, attribute in _FIELDS.items()} | {"state": Field.STATE}
    return SortKey(name, Column(fields[name]) if name in fields else TableColumn("", family=name))


def _of_family(family: str, name: str, use: str | None = None) -> SortKey:
    column = TableColumn(name, family=family, use=use)
    return SortKey(column_name(family, name, use), column)


def _csv_text(cell: Value | datetime | None) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat()
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, str | int | float):
        return str(cell)
    return json_of(cell) or ""
