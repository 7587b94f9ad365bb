"""The tables of a SQLite store, and rows in and out of them.

Present and past are apart: `node` and `edge` hold what is current, `node_past` and `edge_past`
what has ended. A node's key is one integer, id * 4 + kind, which keeps every index small. Edges
are clustered by target, so that walking upstream reads neighbouring entries; an index turns them
round for walking downstream, with the mask of uses, so that walks pass over what they leave out
without looking at the edge itself. It is by the kind of the target first, so that a page of the
executions of a context does not go through its artifacts. `first` is NULL where it is `since`, which it nearly always is.
A node is gone from the `until` of a version that is `gone`, up to `revived`, the transaction from
which it lives again; NULL where it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lineage.errors import Corrupt, excerpt
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKey, EdgeKind, EdgeRow, Head, NodeRow, TypeRow, uses_of
from lineage.model.schema import TYPE_CLASSES

__all__ = [
    "CONTEXT_EDGES",
    "CURRENT_COLUMNS",
    "DIGEST",
    "DIGEST_END",
    "EDGE_COLUMNS",
    "HAS_DIGEST",
    "HAS_LAST_PART",
    "HEAD_COLUMNS",
    "INDEXES",
    "KIND_NUMBERS",
    "LAST_PART",
    "NODE_COLUMNS",
    "PAST_COLUMNS",
    "TABLES",
    "TABLE_NAMES",
    "current_row",
    "edge_key_values",
    "edge_kind",
    "edge_row",
    "edge_rows",
    "edge_values",
    "head_row",
    "key_of",
    "keys_of",
    "node_row",
    "node_rows",
    "node_values",
    "number_of",
    "past_row",
    "past_values",
    "type_row",
    "type_text",
    "whole_row",
]

DIGEST = "coalesce(json_extract({0}properties, '$.digest'), json_extract({0}custom, '$.digest'))"
"""The digest of a node whose columns are named so."""
DIGEST_END = "substr({}, -16)"
"""What the index holds of a digest: of one in hexadecimal, 64 bits. Other programs that write to the file
must be able to make it, so that it cannot be a hash of ours."""
HAS_DIGEST = (
    "{0}key & 3 = 0 AND (instr({0}properties, '\"digest\":') OR instr({0}custom, '\"digest\":'))"
)
"""Which nodes the index has: all artifacts with a digest, and few others, for which no JSON is read."""
_INDEXED_DIGEST = f"({DIGEST_END.format(DIGEST.format(''))}) WHERE {HAS_DIGEST.format('')}"

_WITHOUT_SLASH = "iif(substr({0}uri, -1) = '/', substr({0}uri, 1, length({0}uri) - 1), {0}uri)"
LAST_PART = f"""json_extract(replace(json_array({_WITHOUT_SLASH}), '/', '","'), '$[#-1]')"""
"""The last part of the URI of a node whose columns are named so (`contract.beginnings.last_part`).

SQLite has nothing that looks for the last of some characters; as items of JSON the parts take time linear in the URI.
"""
HAS_LAST_PART = "instr({0}uri, '/') AND NOT instr({0}uri, char(0))"
"""Which nodes the index of last parts has."""
_INDEXED_LAST_PART = f"({LAST_PART.format('')}) WHERE {HAS_LAST_PART.format('')}"

_SCHEMA = f"""
CREATE TABLE txn (
    number INTEGER PRIMARY KEY, time INTEGER NOT NULL, actor TEXT NOT NULL, message TEXT NOT NULL,
    digest BLOB NOT NULL, records INTEGER NOT NULL, schema INTEGER NOT NULL, types INTEGER NOT NULL,
    artifacts INTEGER NOT NULL, executions INTEGER NOT NULL, contexts INTEGER NOT NULL,
    edges INTEGER NOT NULL, mark TEXT NOT NULL, salt BLOB, author BLOB, nodes BLOB NOT NULL
) STRICT;
CREATE TABLE type (
    id INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER, kind TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (id, since)
) STRICT, WITHOUT ROWID;
CREATE TABLE node (
    key INTEGER PRIMARY KEY, type INTEGER NOT NULL, name TEXT, external_id TEXT, uri TEXT, state INTEGER,
    properties TEXT, custom TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL,
    since INTEGER NOT NULL, salt BLOB, digest BLOB
) STRICT;
CREATE UNIQUE INDEX node_name ON node (type, name) WHERE name IS NOT NULL;
CREATE UNIQUE INDEX node_external_id ON node (external_id, key & 3) WHERE external_id IS NOT NULL;
CREATE INDEX node_uri ON node (uri) WHERE uri IS NOT NULL;
CREATE INDEX node_digest ON node {_INDEXED_DIGEST};
CREATE INDEX node_last_part ON node {_INDEXED_LAST_PART};
CREATE INDEX node_type ON node (type);
CREATE INDEX node_created ON node (created);
CREATE INDEX node_updated ON node (updated);
CREATE INDEX node_since ON node (since);
CREATE TABLE node_past (
    key INTEGER NOT NULL, type INTEGER NOT NULL, name TEXT, external_id TEXT, uri TEXT, state INTEGER,
    properties TEXT, custom TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL,
    since INTEGER NOT NULL, salt BLOB, digest BLOB, until INTEGER NOT NULL, gone INTEGER NOT NULL,
    revived INTEGER, PRIMARY KEY (key, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX node_past_name ON node_past (type, name) WHERE name IS NOT NULL;
CREATE INDEX node_past_external_id ON node_past (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX node_past_uri ON node_past (uri) WHERE uri IS NOT NULL;
CREATE INDEX node_past_digest ON node_past {_INDEXED_DIGEST};
CREATE INDEX node_past_last_part ON node_past {_INDEXED_LAST_PART};
CREATE INDEX node_past_type ON node_past (type);
CREATE INDEX node_past_since ON node_past (since);
CREATE INDEX node_past_until ON node_past (until);
CREATE INDEX node_past_revived ON node_past (revived) WHERE revived IS NOT NULL;
CREATE TABLE edge (
    dst INTEGER NOT NULL, src INTEGER NOT NULL, kind INTEGER NOT NULL, uses INTEGER NOT NULL,
    time INTEGER, paths TEXT, since INTEGER NOT NULL, place INTEGER NOT NULL, first INTEGER,
    PRIMARY KEY (dst, src, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX edge_src ON edge (src, dst & 3, dst, kind, uses);
CREATE INDEX edge_since ON edge (since);
CREATE TABLE edge_past (
    dst INTEGER NOT NULL, src INTEGER NOT NULL, kind INTEGER NOT NULL, uses INTEGER NOT NULL,
    time INTEGER, paths TEXT, since INTEGER NOT NULL, place INTEGER NOT NULL, first INTEGER,
    until INTEGER NOT NULL, replaced INTEGER NOT NULL,
    PRIMARY KEY (dst, src, kind, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX edge_past_src ON edge_past (src, dst, kind);
CREATE INDEX edge_past_since ON edge_past (since);
CREATE INDEX edge_past_until ON edge_past (until);
CREATE TABLE purge (number INTEGER NOT NULL, key INTEGER NOT NULL, PRIMARY KEY (number, key))
STRICT, WITHOUT ROWID;
CREATE TABLE purge_head (number INTEGER NOT NULL, head INTEGER NOT NULL, PRIMARY KEY (number, head))
STRICT, WITHOUT ROWID;
CREATE TABLE swept (number INTEGER NOT NULL) STRICT;
"""
_STATEMENTS = [statement.strip() for statement in _SCHEMA.split(";") if statement.strip()]
TABLES = tuple(each for each in _STATEMENTS if each.startswith("CREATE TABLE"))
"""The statements that make the tables, as SQLite keeps them too."""
TABLE_NAMES = tuple(each.split()[2] for each in TABLES)
INDEXES = {
    each.partition(" INDEX ")[2].split()[0]: each for each in _STATEMENTS if each not in TABLES
}
"""The statements that make the indexes, by their names."""

HEAD_COLUMNS = (
    "number, time, actor, message, digest, records, schema, types, artifacts, executions, contexts, "
    "edges, mark, salt, author, nodes"
)
NODE_COLUMNS = "key, type, name, external_id, uri, state, properties, custom, created, updated, since, salt, digest"
CURRENT_COLUMNS = ", ".join(
    f"ifnull(n.{name}, '{{}}')" if name in ("properties", "custom") else f"n.{name}"
    for name in NODE_COLUMNS.split(", ")
)
"""The columns of the table `n`, a current node's, as `node_rows` reads them."""
PAST_COLUMNS = f"{NODE_COLUMNS}, until, gone"
EDGE_COLUMNS = "src, dst, kind, time, paths, since, place, first"
CONTEXT_EDGES = int(EdgeKind.ATTRIBUTION)
"""Edges of events have kinds below this."""

_KINDS = (Kind.ARTIFACT, Kind.EXECUTION, Kind.CONTEXT)
KIND_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}
_EDGE_KINDS: dict[int, EdgeKind] = {int(kind): kind for kind in EdgeKind}
_HEAD_TYPES = (int, int, str, str, bytes, *(int,) * 7, str)
_new = tuple.__new__
_RECENT = 5
"""How many columns follow the custom properties in a current node's row."""


def number_of(key: NodeKey) -> int:
    """Return the integer that a node's key is in the tables."""
    return key[1] << 2 | KIND_NUMBERS[key[0]]


def key_of(number: int) -> NodeKey:
    """Undo `number_of`."""
    try:
        return _new(NodeKey, (_KINDS[number & 3], number >> 2))
    except (LookupError, TypeError) as error:
        raise _damaged("a node", number) from error


def keys_of(numbers: Iterable[int]) -> list[NodeKey]:
    """Undo `number_of` for many keys, which `key_of` would do more slowly."""
    try:
        return [_new(NodeKey, (_KINDS[number & 3], number >> 2)) for number in numbers]
    except (LookupError, TypeError) as error:
        raise _damaged("the key of a node", numbers) from error


def _damaged(what: str, found: object) -> Corrupt:
    return Corrupt(
        f"the file is damaged: {excerpt(found)} is not {what}; run a check of the store, or restore a backup"
    )


def node_row(values: Sequence[Any]) -> NodeRow:
    """Read the columns `NODE_COLUMNS` of a current node."""
    key, type_id, name, external_id, uri, state, properties, custom, *rest = values
    if len(rest) == _RECENT:
        rest += (None, False)
    content = (name, external_id, uri, state, properties or "{}", custom or "{}")
    return _new(NodeRow, (key_of(key), type_id, *content, *rest))


def current_row(values: Sequence[Any]) -> NodeRow:
    """Read the columns `CURRENT_COLUMNS` of a current node."""
    return node_rows([values])[0]


def node_rows(rows: Iterable[Sequence[Any]]) -> list[NodeRow]:
    """Read the columns `CURRENT_COLUMNS` of many current nodes, which `node_row` would do more slowly."""
    try:
        return [
            _new(NodeRow, (_new(NodeKey, (_KINDS[key & 3], key >> 2)), *rest, None, False))
            for key, *rest in rows
        ]
    except (LookupError, TypeError) as error:
        raise _damaged("a node", rows) from error


def whole_row(row: NodeRow) -> NodeRow:
    """Return a row whose numbers are numbers; in a damaged file they need not be."""
    for value in (row.type_id, row.created, row.updated, row.since):
        if type(value) is not int:
            raise _damaged("a number", value)
    return row


def past_row(values: Sequence[Any]) -> NodeRow:
    """Read the columns `PAST_COLUMNS` of a version that has ended."""
    return node_row(values)._replace(gone=bool(values[-1]))


def node_values(row: NodeRow) -> tuple[Any, ...]:
    """Return the columns `NODE_COLUMNS` of a row."""
    properties = None if row[6] == "{}" else row[6]
    custom = None if row[7] == "{}" else row[7]
    return (number_of(row[0]), *row[1:6], properties, custom, *row[8:13])


def past_values(row: NodeRow) -> tuple[Any, ...]:
    """Return the columns `PAST_COLUMNS` of a row that is gone."""
    return (*node_values(row), row.until, True)


def edge_values(row: EdgeRow) -> tuple[Any, ...]:
    """Return the columns of the table `edge`."""
    source, target, kind, time, paths, since, order, first, _ = row
    uses = 0 if paths is None else uses_of(kind, paths)
    written = None if first == since else first
    ends = number_of(target), number_of(source)
    return *ends, int(kind), uses, time, paths, since, order, written


def edge_key_values(key: EdgeKey) -> tuple[int, int, int]:
    """Return the primary key of an edge's row."""
    return number_of(key[1]), number_of(key[0]), int(key[2])


def edge_kind(number: int) -> EdgeKind:
    """Return the kind of edge that a number in the tables is."""
    try:
        return _EDGE_KINDS[number]
    except KeyError as error:
        raise _damaged("a kind of edge", number) from error


def edge_row(values: Sequence[Any]) -> EdgeRow:
    """Read the columns `EDGE_COLUMNS`."""
    return edge_rows([values])[0]


def edge_rows(rows: Iterable[Sequence[Any]]) -> list[EdgeRow]:
    """Read the columns `EDGE_COLUMNS` of many edges, whose ends are few."""
    keys = _Keys()
    try:
        return [
            _new(
                EdgeRow,
                (
                    keys[source],
                    keys[target],
                    _EDGE_KINDS[kind],
                    time,
                    paths,
                    since,
                    place,
                    first or since,
                    None,
                ),
            )
            for source, target, kind, time, paths, since, place, first in rows
        ]
    except KeyError as error:
        raise _damaged("a kind of edge", error.args[0]) from error


class _Keys(dict[int, NodeKey]):
    """Keys of nodes by their numbers, each made once."""

    def __missing__(self, number: int) -> NodeKey:
        key = self[number] = key_of(number)
        return key


def head_row(values: Sequence[Any]) -> Head:
    """Read the columns `HEAD_COLUMNS`."""
    salt, author, nodes = values[-3:]
    blobs = isinstance(salt, bytes | None) and isinstance(author, bytes | None)
    if not (tuple(map(type, values[:-3])) == _HEAD_TYPES and blobs and type(nodes) is bytes):
        raise _damaged("the row of a transaction", values)
    return Head(*values)


def type_row(kind: str, body: str, since: int, until: int | None) -> TypeRow:
    """Read a version of a type."""
    try:
        return TypeRow(TYPE_CLASSES[Kind(kind)].read(body), since, until)
    except (ValueError, LookupError) as error:
        raise _damaged("a type", body) from error


def type_text(row: TypeRow) -> str:
    """Return a type as its row keeps it."""
    return row.type.model_dump_json(exclude_none=True)
