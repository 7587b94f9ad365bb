"""Reads MLMD's SQLite files, of every schema version from 0 to 10.

A file is copied first, in one moment, and the copy is read: MLMD's writers wait no longer than that.
Columns and tables that an older version lacks are read as NULL and as empty.
"""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

from lineage.contract.batches import batched
from lineage.errors import Corrupt, Invalid, NotFound, Unavailable, excerpt
from lineage.formats.losses import Losses
from lineage.formats.mlmd.nodes import Found, own_type, row_of
from lineage.formats.mlmd.tables import KIND_NUMBERS, NODE_COLUMNS, STRUCT, VALUE_COLUMNS, VERSION
from lineage.mlmd.conversion import own_name, state_numbers, struct_of, to_micros, type_of
from lineage.mlmd.messages import (
    AnyMessage,
    DecodeError,
    ParseDict,
    ParseError,
    StructMessage,
    type_class,
)
from lineage.mlmd.missing import missing_node, missing_types
from lineage.model.keys import LARGEST_ID, Kind, NodeKey
from lineage.model.paths import path_text
from lineage.model.rows import (
    EDGE_ENDS,
    EVENT_KINDS,
    Batch,
    EdgeKind,
    EdgeRow,
    NodeRow,
    TypeRow,
)
from lineage.model.schema import AnyType
from lineage.model.system import SYSTEM_NAMES
from lineage.model.values import ProtoAny, Value

__all__ = ["open_file"]

T = TypeVar("T")

PATIENCE: Final = 10
"""How many seconds a locked file is waited for."""
BATCH_ROWS: Final = 2_000
"""How many rows a batch has at most."""
_EVENTS = {int(kind): (kind, EDGE_ENDS[kind][0] is Kind.EXECUTION) for kind in EVENT_KINDS}
"""The kinds of event, and whether each is an output."""
_MEMBERS = {
    "Attribution": (EdgeKind.ATTRIBUTION, Kind.ARTIFACT),
    "Association": (EdgeKind.ASSOCIATION, Kind.EXECUTION),
}
_ENDS = (
    ("Event", "artifact_id", Kind.ARTIFACT),
    ("Event", "execution_id", Kind.EXECUTION),
    ("Attribution", "artifact_id", Kind.ARTIFACT),
    ("Attribution", "context_id", Kind.CONTEXT),
    ("Association", "execution_id", Kind.EXECUTION),
    ("Association", "context_id", Kind.CONTEXT),
    ("ParentContext", "context_id", Kind.CONTEXT),
    ("ParentContext", "parent_context_id", Kind.CONTEXT),
)
"""The columns that name nodes, which MLMD does not check."""


@contextmanager
def open_file(location: str) -> Iterator[_File]:
    """Give an MLMD SQLite file as it is now; see `mlmd.connect` for the errors."""
    path = Path(location)
    if path.is_dir():
        raise Invalid(f"{location} is a folder; name the SQLite file")
    if not path.exists():
        raise NotFound(f"there is no file {location}; a service is grpc://HOST:PORT")
    with TemporaryDirectory(prefix="lineage-") as folder:
        copy = Path(folder) / "mlmd.db"
        try:
            _copy(path, copy)
            with closing(sqlite3.connect(copy)) as connection:
                yield _File(connection, location)
        except sqlite3.DatabaseError as error:
            raise _translated(error, location) from error


def _copy(source: Path, target: Path) -> None:
    uri = f"{source.resolve().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:d}")
        # A copy waits for a locked file without end; once a reader has it, nobody locks it.
        old.execute("BEGIN")
        old.execute("SELECT count(*) FROM sqlite_master").fetchone()
        old.backup(new)


def _translated(error: sqlite3.DatabaseError, location: str) -> Invalid | Unavailable | Corrupt:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return Invalid(f"{location} is not an ML Metadata store: it is no SQLite file")
    if code == sqlite3.SQLITE_CORRUPT:
        return Corrupt(f"{location} is damaged: {error}; try SQLite's `.recover` on a copy of it")
    if code == sqlite3.SQLITE_READONLY:
        return Unavailable(
            f"{location} was left in the middle of a write; let MLMD or sqlite3 open it once, which repairs it"
        )
    return Unavailable(f"{location} cannot be read now: {error}")


class _File:
    """A private copy of an MLMD file."""

    def __init__(self, connection: sqlite3.Connection, location: str) -> None:
        self._connection = connection
        self._location = location
        self._losses = Losses()
        self._columns = {
            name: {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if name.isidentifier()
        }
        self._version = self._checked_version()
        self._types: dict[int, AnyType] = {}
        connection.text_factory = self._text

    def _checked_version(self) -> int:
        """Return the schema version; files before the first that had one are of version 0."""
        if not {"Type", "TypeProperty", "Artifact", "Execution", "Event"} <= self._columns.keys():
            raise Invalid(f"{self._location} is not an ML Metadata store: it lacks its tables")
        if "MLMDEnv" not in self._columns:
            return 0
        versions = [row[0] for row in self._connection.execute("SELECT * FROM MLMDEnv")]
        if len(versions) != 1 or not isinstance(versions[0], int) or versions[0] < 0:
            raise Invalid(
                f"{self._location} is not an ML Metadata store: its version is {versions}"
            )
        if versions[0] > VERSION:
            raise Invalid(
                f"{self._location} has the schema version {versions[0]}, and {VERSION} is the newest that is known "
                "here; import from its running service, or update lineage-graph"
            )
        found: int = versions[0]
        return found

    def _text(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self._losses.note("a text that is not UTF-8 got U+FFFD", repr(raw[:40]))
            return raw.decode("utf-8", "replace")

    @property
    def total(self) -> int:
        """How many types, nodes and edges there are."""
        tables = ("Type", "Artifact", "Execution", "Context", "Event", *_MEMBERS, "ParentContext")
        return sum(
            self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in tables
            if table in self._columns
        )

    def created(self, key: NodeKey) -> int | None:
        """Return when a node was made."""
        if key.kind.capitalize() not in self._columns:
            return None
        for row in self._select(
            key.kind.capitalize(), ("create_time_since_epoch",), f"id = {key.id}"
        ):
            return to_micros(row[0] or 0)
        return None

    def losses(self) -> Collection[str]:
        """Return what of the last stream could not be kept."""
        return self._losses.sentences()

    def batches(self) -> Iterator[Batch]:
        """Yield types, nodes by kind and id, those that only edges name, and edges."""
        self._losses = Losses()
        self._types = self._read_types()
        lost = self._lost()
        types = [TypeRow(each, 0) for each in self._types.values()]
        yield Batch(types=[*types, *missing_types(key.kind for key in lost)])
        for kind in Kind:
            yield from (Batch(nodes=piece) for piece in batched(self._nodes(kind), BATCH_ROWS))
        yield from (Batch(nodes=piece) for piece in batched(map(missing_node, lost), BATCH_ROWS))
        for edges in (self._events(), self._members(), self._parents()):
            yield from (Batch(edges=piece) for piece in batched(edges, BATCH_ROWS))

    def _select(
        self, table: str, columns: Iterable[str], where: str = "1", order: str = ""
    ) -> Iterator[tuple[Any, ...]]:
        """Yield a table's rows; no rows where there is no such table, NULL for columns it lacks."""
        there = self._columns.get(table)
        if there is None:
            return iter(())
        chosen = ", ".join(each if each in there else "NULL" for each in columns)
        ordered = f" ORDER BY {order}" if order else ""
        return self._connection.execute(f"SELECT {chosen} FROM {table} WHERE {where}{ordered}")

    def _read_types(self) -> dict[int, AnyType]:
        number = "type_kind" if self._version >= 2 else "is_artifact_type"
        properties: dict[int, list[tuple[str, int]]] = {}
        for owner, name, value_type in self._select(
            "TypeProperty", ("type_id", "name", "data_type")
        ):
            properties.setdefault(owner, []).append((name, value_type))
        parents = dict(self._select("ParentType", ("type_id", "parent_type_id")))
        columns = ("id", "name", number, "version", "description", "external_id")
        rows = list(self._select("Type", (*columns, "input_type", "output_type"), order="id"))
        names = {row[0]: row[1] for row in rows}
        return {
            row[0]: self._type(row, properties.get(row[0], ()), names.get(parents.get(row[0])))
            for row in rows
        }

    def _type(
        self, row: tuple[Any, ...], properties: Iterable[tuple[str, int]], parent: str | None
    ) -> AnyType:
        number, name, kind_number = row[:3]
        place = f"type {excerpt(name)}"
        if kind_number not in KIND_NUMBERS:
            raise Invalid(f"{self._location}: {place} is of the kind {kind_number!r}")
        kind = KIND_NUMBERS[kind_number]
        try:
            wire = type_class(kind)(name=name)
            for field, value in zip(
                ("version", "description", "external_id"), row[3:6], strict=True
            ):
                if value is not None:
                    setattr(wire, field, value)
            wire.properties.update(dict(properties))
            if parent is not None:
                wire.base_type = SYSTEM_NAMES[kind].index(own_name(parent)) + 1
            for field, text in zip(("input_type", "output_type"), row[6:8], strict=True):
                if text and kind is Kind.EXECUTION:
                    ParseDict(json.loads(text), getattr(wire, field), ignore_unknown_fields=True)
            return own_type(type_of(wire, kind)).replace(id=number)
        except (Invalid, ParseError, TypeError, ValueError) as error:
            raise Invalid(f"{self._location}: {place} cannot be read: {error}") from error

    def _nodes(self, kind: Kind) -> Iterator[NodeRow]:
        """Yield the nodes of a kind by id; their properties are read beside them, in the same order."""
        table = kind.capitalize()
        owned = self._select(
            f"{table}Property",
            (f"{kind}_id", "name", "is_custom_property", *VALUE_COLUMNS),
            f"typeof({kind}_id) = 'integer'",
            f"{kind}_id",
        )
        groups = groupby(owned, itemgetter(0))
        owner, properties = next(groups, (None, iter(())))
        for row in self._select(table, NODE_COLUMNS[kind], order="id"):
            while owner is not None and owner < row[0]:  # of a node that is not there
                owner, properties = next(groups, (None, iter(())))
            yield self._node(kind, row, properties if owner == row[0] else ())

    def _node(
        self, kind: Kind, row: tuple[Any, ...], properties: Iterable[tuple[Any, ...]]
    ) -> NodeRow:
        number, type_id = row[:2]
        place = f"{kind}:{number}"
        node_type = self._types.get(type_id)
        if node_type is None or node_type.kind is not kind:
            raise Invalid(
                f"{self._location}: {place} is of the type {type_id!r}, and there is none of this id"
            )
        declared: dict[str, Value] = {}
        custom: dict[str, Value] = {}
        try:
            for _, name, is_custom, *values in properties:
                value = self._value(values, place)
                if value is None:
                    self._losses.note("a property without a value was left out", place)
                else:
                    (custom if is_custom else declared)[name] = value
            found = Found(
                _text(row[2]),
                _text(row[3]),
                _text(row[4]),
                _state(kind, row[5]),
                declared,
                custom,
                row[6] or 0,
                row[7] or 0,
            )
            return row_of(NodeKey(kind, _id(row[0])), node_type, found, self._losses)
        except Invalid as error:
            raise Invalid(f"{self._location}: {place}: {error}") from error

    def _value(self, values: Sequence[Any], place: str) -> Value | None:
        """Return what a property's columns hold; None where all are NULL."""
        whole, double, text, message, boolean = values
        if whole is not None:
            return _of(int, whole)
        if double is not None:
            return float(_of((int, float), double))
        if text is not None:
            return self._struct_or_text(_of(str, text), place)
        if message is not None:
            return _any(message)
        return None if boolean is None else bool(_of(int, boolean))

    def _struct_or_text(self, text: str, place: str) -> Value:
        """Return a struct, or a text that only begins like one, which MLMD itself cannot read."""
        if not text.startswith(STRUCT):
            return text
        try:
            wire = StructMessage.FromString(base64.b64decode(text[len(STRUCT) :], validate=True))
        except (binascii.Error, DecodeError, ValueError):
            self._losses.note("a struct that cannot be read is the text that it is kept as", place)
            return text
        return struct_of(wire)

    def _lost(self) -> list[NodeKey]:
        """Return the nodes that edges name and that are not there."""
        lost: set[NodeKey] = set()
        for table, column, kind in _ENDS:
            there = kind.capitalize()
            where = f"{column} NOT IN (SELECT id FROM {there})" if there in self._columns else "1"
            ids = {row[0] for row in self._select(table, (column,), where)}
            lost.update(NodeKey(kind, number) for number in ids if _is_id(number))
        for key in sorted(lost):
            self._losses.note("an edge's node does not exist and came as gone", str(key))
        return sorted(lost)

    def _usable(self, table: str, *columns: str) -> str:
        """Return the condition that edges' ends can be nodes; MLMD has written some to the artifact -1."""
        condition = " AND ".join(
            f"typeof({name}) = 'integer' AND {name} BETWEEN 1 AND {LARGEST_ID - 1}"
            for name in columns
        )
        for ends in self._select(table, columns, f"NOT ({condition})"):
            place = ", ".join(
                f"{name} {excerpt(end, 40)}" for name, end in zip(columns, ends, strict=True)
            )
            self._losses.note(
                "an edge to an id that no node can have was left out", f"{table} of {place}"
            )
        return condition

    def _events(self) -> Iterator[EdgeRow]:
        """Yield the events, each of which is there once since version 7."""
        usable = self._usable("Event", "artifact_id", "execution_id")
        if self._version < 7:
            keys = "artifact_id, execution_id, type"
            usable = f"{usable} AND id IN (SELECT min(id) FROM Event GROUP BY {keys})"
        columns = ("id", "artifact_id", "execution_id", "type", "milliseconds_since_epoch")
        steps = ("event_id", "is_index_step", "step_index", "step_key")
        paths = groupby(
            self._select("EventPath", steps, "typeof(event_id) = 'integer'", "event_id, rowid"),
            itemgetter(0),
        )
        owner, path = next(paths, (None, iter(())))
        for number, artifact, execution, kind, millis in self._select(
            "Event", columns, usable, "id"
        ):
            while owner is not None and owner < number:
                owner, path = next(paths, (None, iter(())))
            one, other = NodeKey(Kind.ARTIFACT, artifact), NodeKey(Kind.EXECUTION, execution)
            try:
                edge, is_output = _EVENTS[kind]
                text = path_text([_step(step) for step in path]) if owner == number else None
                time = to_micros(millis or 0)
            except (Invalid, LookupError, TypeError) as error:
                raise Invalid(
                    f"{self._location}: the event between {one} and {other} cannot be read: {error}"
                ) from error
            yield EdgeRow(*((other, one) if is_output else (one, other)), edge, time, text, 0, 0, 0)

    def _members(self) -> Iterator[EdgeRow]:
        for table, (edge, kind) in _MEMBERS.items():
            columns = ("context_id", f"{kind}_id")
            usable = self._usable(table, *columns)
            for context, member in self._select(table, columns, usable, "id"):
                ends = NodeKey(Kind.CONTEXT, context), NodeKey(kind, member)
                yield EdgeRow(*ends, edge, None, None, 0, 0, 0)

    def _parents(self) -> Iterator[EdgeRow]:
        columns = ("parent_context_id", "context_id")
        usable = self._usable("ParentContext", *columns)
        for parent, child in self._select("ParentContext", columns, usable):
            ends = NodeKey(Kind.CONTEXT, parent), NodeKey(Kind.CONTEXT, child)
            yield EdgeRow(*ends, EdgeKind.PARENT, None, None, 0, 0, 0)


def _is_id(number: object) -> bool:
    return isinstance(number, int) and 0 < number < LARGEST_ID


def _id(number: object) -> int:
    if not isinstance(number, int) or not _is_id(number):
        raise Invalid(f"{excerpt(number)} is no id")
    return number


def _text(raw: object) -> str | None:
    if raw is not None and not isinstance(raw, str):
        raise Invalid(f"{excerpt(raw)} is no text")
    return raw


def _state(kind: Kind, number: Any) -> int | None:
    if number is not None and number not in state_numbers(kind):
        raise Invalid(f"{excerpt(number)} is no state")
    state: int | None = number
    return state


def _step(row: tuple[Any, ...]) -> int | str:
    _, is_index, index, key = row
    step: int | str = (index or 0) if is_index else (key or "")
    return step


def _of(types: type[T] | tuple[type[T], ...], raw: object) -> T:
    """Return a column's value, which SQLite lets be of any type."""
    if not isinstance(raw, types):
        raise Invalid(f"{excerpt(raw)} is not of its column's type")
    return raw


def _any(raw: object) -> ProtoAny:
    try:
        wire = AnyMessage.FromString(base64.b64decode(raw, validate=True))  # type: ignore[arg-type]
    except (binascii.Error, DecodeError, TypeError, ValueError) as error:
        raise Invalid(f"{excerpt(raw)} is no protobuf message: {error}") from error
    return ProtoAny(wire.type_url, wire.value)
