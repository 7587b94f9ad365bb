"""Writes MLMD's SQLite files, which the real package opens."""

from __future__ import annotations

import base64
import json
import math
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import IO, Any, Final

from lineage.errors import excerpt
from lineage.formats.losses import Losses
from lineage.formats.mlmd.tables import KIND_NUMBERS, NODE_COLUMNS, STRUCT, VERSION, schema
from lineage.mlmd.conversion import (
    DEEPEST,
    NONE,
    fill_value,
    is_deep,
    property_numbers,
    structure_of,
    text_or_none,
    to_millis,
    type_message,
)
from lineage.mlmd.messages import AnyMessage, Message, message
from lineage.mlmd.missing import MISSING
from lineage.model.canonical import stored_values
from lineage.model.keys import Kind, NodeKey
from lineage.model.paths import paths_of
from lineage.model.rows import EDGE_ENDS, EVENT_KINDS, Batch, EdgeKind, EdgeRow, NodeRow
from lineage.model.schema import AnyType
from lineage.model.system import SYSTEM_TYPES
from lineage.model.values import Struct, Value

__all__ = ["dump_file"]

_TABLES: Final = {
    EdgeKind.ATTRIBUTION: "INSERT INTO Attribution (context_id, artifact_id) VALUES (?, ?)",
    EdgeKind.ASSOCIATION: "INSERT INTO Association (context_id, execution_id) VALUES (?, ?)",
    EdgeKind.PARENT: "INSERT INTO ParentContext (parent_context_id, context_id) VALUES (?, ?)",
}
_KIND_NUMBERS = {kind: number for number, kind in KIND_NUMBERS.items()}


def dump_file(batches: Iterable[Batch], target: IO[bytes]) -> Collection[str]:
    """Write a graph as a file; return what the file could not hold."""
    with TemporaryDirectory(prefix="lineage-") as folder:
        path = Path(folder) / "mlmd.db"
        # Nobody else sees the file before it is whole, and nobody needs it after a crash.
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN")
            writing = _Writing(connection)
            writing.begin()
            for batch in batches:
                writing.add(batch)
            writing.end()
            connection.execute("COMMIT")
        with path.open("rb") as file:
            copyfileobj(file, target)
    return writing.losses.sentences()


class _Writing:
    """Rows on their way into tables."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._highest: dict[str, int] = {}
        """By table, the highest id that was ever given, which nobody may give again."""
        self._missing: dict[int | None, AnyType] = {}
        """The types of nodes that MLMD did not have either; one is written once a node is of it."""
        self._undeclared: dict[int | None, AnyType] = {each.id: each for each in SYSTEM_TYPES}
        """The system types, which declare nothing in MLMD; one declares its properties once they are used."""
        self._gone: set[NodeKey] = set()
        self._events = 0
        self.losses = Losses()

    def begin(self) -> None:
        """Make the tables, and the nine types that every store of MLMD has."""
        for statement in schema():
            self._connection.execute(statement)
        self._connection.execute("INSERT INTO MLMDEnv VALUES (?)", (VERSION,))
        for each in SYSTEM_TYPES:
            self._add_type(each)

    def add(self, batch: Batch) -> None:
        """Write a batch."""
        for row in batch.types:
            if row.type.name == MISSING:
                self._missing[row.type.id] = row.type
            elif (row.type.id or 0) > len(SYSTEM_TYPES):
                self._add_type(row.type)
        for kind in Kind:
            self._add_nodes(kind, [row for row in batch.nodes if row.key.kind is kind])
        for edge in batch.edges:
            self._add_edge(edge)

    def end(self) -> None:
        """Let no id be given again, also none of a node that is gone."""
        for table, highest in self._highest.items():
            self._connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            self._connection.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, highest))

    def _add_type(self, each: AnyType) -> None:
        wire = type_message(each)
        place = f"type {excerpt(each.name)}"
        given = (text_or_none(wire, name) for name in ("version", "description", "external_id"))
        plain = (None if text is None else self._without_nul(text, place) for text in given)
        ways = (self._structure(each, wire, f"{way}_type") for way in ("input", "output"))
        self._connection.execute(
            "INSERT INTO Type (id, name, type_kind, version, description, external_id, input_type, output_type) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (each.id, self._without_nul(wire.name, place), _KIND_NUMBERS[each.kind], *plain, *ways),
        )
        if wire.properties:
            self._declare(each)
        if wire.base_type:
            parents = [base.id for base in SYSTEM_TYPES if base.name == each.base]
            self._connection.execute("INSERT INTO ParentType VALUES (?, ?)", (each.id, *parents))

    def _declare(self, each: AnyType) -> None:
        self._undeclared.pop(each.id, None)
        self._connection.executemany(
            "INSERT INTO TypeProperty (type_id, name, data_type) VALUES (?, ?, ?)",
            [
                (each.id, self._without_nul(name, f"type {excerpt(each.name)}"), number)
                for name, number in property_numbers(each).items()
            ],
        )

    def _structure(self, each: AnyType, wire: Message, field: str) -> str | None:
        if getattr(each, field, None) is None:
            return None
        if not wire.HasField(field):
            self.losses.note(
                f"an {field} that is none of MLMD's was left out", f"type {excerpt(each.name)}"
            )
            return None
        return json.dumps(structure_of(getattr(wire, field)))

    def _add_nodes(self, kind: Kind, rows: Collection[NodeRow]) -> None:
        columns = NODE_COLUMNS[kind]
        names = ", ".join(name for name in columns if name != "NULL")
        kept = [row for row in rows if self._is_kept(row)]
        values = [
            tuple(
                value
                for value, name in zip(self._plain(row), columns, strict=True)
                if name != "NULL"
            )
            for row in kept
        ]
        if values:
            marks = ", ".join("?" * len(values[0]))
            table = kind.capitalize()
            self._connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)
            self._connection.executemany(
                f"INSERT INTO {table}Property ({kind}_id, name, is_custom_property, int_value, double_value, "
                "string_value, proto_value, bool_value) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (each for row in kept for each in self._properties(row)),
            )

    def _is_kept(self, row: NodeRow) -> bool:
        """Whether a node is written, with what its type declares; note the ids of all."""
        table = row.key.kind.capitalize()
        self._highest[table] = max(self._highest.get(table, 0), row.key.id)
        if row.gone or row.salt is None:
            self._gone.add(row.key)
            if row.type_id not in self._missing:
                self.losses.note("a deleted node was left out", str(row.key))
            return False
        if row.type_id in self._missing:
            self._add_type(self._missing.pop(row.type_id))
        if row.type_id in self._undeclared and row.properties != NONE:
            self._declare(self._undeclared[row.type_id])
        return True

    def _plain(self, row: NodeRow) -> tuple[Any, ...]:
        """Return a node's columns in the order of `NODE_COLUMNS`."""
        return (
            row.key.id,
            row.type_id,
            self._own_text(row.name, row.key),
            self._own_text(row.external_id, row.key),
            self._without_nul(row.uri or "", f"the URI of {row.key}"),
            row.state,
            to_millis(row.created),
            to_millis(row.updated),
        )

    def _own_text(self, text: str | None, key: NodeKey) -> str | None:
        """Return a name or an external id, which no other node has."""
        if text is None or "\0" not in text:
            return text
        return f"{self._without_nul(text, f'{excerpt(text)} of {key}')} ({key.id})"

    def _without_nul(self, text: str, place: str) -> str:
        if "\0" not in text:
            return text
        self.losses.note("a NUL in a text became U+FFFD", place)
        return text.replace("\0", "\ufffd")

    def _properties(self, row: NodeRow) -> Iterator[tuple[Any, ...]]:
        for is_custom, text in enumerate((row.properties, row.custom)):
            for name, value in stored_values(text).items():
                place = f"{excerpt(name)} of {row.key}"
                if isinstance(value, float) and math.isnan(value):
                    self.losses.note("a NaN, which SQLite does not have, was left out", place)
                else:
                    named = self._without_nul(name, place)
                    yield row.key.id, named, is_custom, *self._columns(value, place)

    def _columns(self, value: Value | Struct, place: str) -> tuple[Any, ...]:
        """Return a value's columns, all but one of them NULL."""
        if isinstance(value, bool):
            return None, None, None, None, value
        if isinstance(value, int):
            return value, None, None, None, None
        if isinstance(value, float):
            return None, value, None, None, None
        if isinstance(value, str):
            return None, None, self._readable(value, place), None, None
        return self._message(value, place)

    def _readable(self, text: str, place: str) -> str:
        """Return a text as MLMD can read it."""
        if text.startswith(STRUCT):
            self.losses.note(f"a blank was put before a text that begins with {STRUCT}", place)
            text = f" {text}"
        return self._without_nul(text, place)

    def _message(self, value: Value | Struct, place: str) -> tuple[Any, ...]:
        wire = message("Value")()
        fill_value(wire, value)
        if wire.WhichOneof("value") == "proto_value":
            packed = AnyMessage(type_url=wire.proto_value.type_url, value=wire.proto_value.value)
            if not packed.type_url:
                self.losses.note("a message without a type got the type `unknown`", place)
                packed.type_url = "unknown"
            return None, None, None, base64.b64encode(packed.SerializeToString()), None
        if is_deep(value.content if isinstance(value, Struct) else value):
            self.losses.note(f"a struct of more than {DEEPEST} levels is JSON text below", place)
        if not isinstance(value, dict):
            self.losses.note("a struct that is no object became one with the field `value`", place)
        packed_struct = base64.b64encode(wire.struct_value.SerializeToString()).decode()
        return None, None, f"{STRUCT}{packed_struct}", None, None

    def _add_edge(self, row: EdgeRow) -> None:
        if row.kind in EVENT_KINDS:
            self._add_event(row)  # also one of a deleted node, which its readers can bear
        elif self._gone.isdisjoint((row.source, row.target)):
            self._connection.execute(_TABLES[row.kind], (row.source.id, row.target.id))

    def _add_event(self, row: EdgeRow) -> None:
        self._events += 1
        artifact, execution = row.source.id, row.target.id
        if EDGE_ENDS[row.kind][0] is Kind.EXECUTION:
            artifact, execution = execution, artifact
        self._connection.execute(
            "INSERT INTO Event VALUES (?, ?, ?, ?, ?)",
            (self._events, artifact, execution, int(row.kind), to_millis(row.time or 0)),
        )
        first, *others = paths_of(row.paths) or ((),)
        if others:
            self.losses.note(
                "an event kept the first of its paths alone", f"{row.source} to {row.target}"
            )
        for step in first:
            is_index = isinstance(step, int)
            self._connection.execute(
                "INSERT INTO EventPath VALUES (?, ?, ?, ?)",
                (self._events, is_index, *self._step(step, row)),
            )

    def _step(self, step: int | str, row: EdgeRow) -> tuple[int | None, str | None]:
        if isinstance(step, int):
            return step, None
        return None, self._without_nul(step, f"the path from {row.source} to {row.target}")
