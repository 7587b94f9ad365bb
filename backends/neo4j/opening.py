"""Making a store in an empty Neo4j database, knowing one again, and refusing everything else.

Constraints and indexes are no part of the format: other versions of this library may have others. Whoever opens a
store for writing makes what is missing, and drops what is ours by its name and not of this version; a store that
is only read answers right without them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from lineage.backends.neo4j.connections import Server
from lineage.backends.neo4j.rows import KIND_LABELS, PAST, native_name, quoted, type_label
from lineage.errors import Conflict, Corrupt, NotFound
from lineage.model.rows import EdgeKind
from lineage.model.schema import AnyType
from lineage.model.system import SYSTEM_TYPES

__all__ = ["index_properties", "keep_property_indexes", "open_store"]

FORMAT: Final = 3
"""What `LineageStore.format` says of the layout that `rows` describes."""
_UNRELEASED: Final = range(1, FORMAT)


def _schema() -> dict[str, str]:
    """Return the statements that make each constraint and index, by its name."""
    unique = {
        "lineage_store": "(n:LineageStore) REQUIRE n.name",
        "lineage_gate": "(n:LineageGate) REQUIRE n.name",
        "lineage_key": "(n:LineageNode) REQUIRE n.lineage_key",
        "lineage_name": "(n:LineageNode) REQUIRE n.lineage_name",
        "lineage_external": "(n:LineageNode) REQUIRE n.lineage_external",
        "lineage_transaction": "(n:LineageTransaction) REQUIRE n.number",
    }
    indexes = {
        "lineage_uri": "(n:LineageNode) ON (n.lineage_uri, n.lineage_key)",
        "lineage_was_name": "(n:LineageNode) ON (n.lineage_was_name)",
        "lineage_was_external": "(n:LineageNode) ON (n.lineage_was_external)",
        "lineage_past_name": "(n:LineagePast) ON (n.lineage_was_name)",
        "lineage_past_external": "(n:LineagePast) ON (n.lineage_was_external)",
        "lineage_past_uri": "(n:LineagePast) ON (n.lineage_uri, n.lineage_key)",
        "lineage_content": "(n:LineageNode) ON (n.lineage_content)",
        "lineage_past_content": "(n:LineagePast) ON (n.lineage_content)",
        "lineage_of_type": "(n:LineageNode) ON (n.lineage_type, n.lineage_key)",
        "lineage_since": "(n:LineageNode) ON (n.lineage_since)",
        "lineage_until": "(n:LineageNode) ON (n.lineage_until)",
        "lineage_past_key": "(n:LineagePast) ON (n.lineage_key)",
        "lineage_past_since": "(n:LineagePast) ON (n.lineage_since)",
        "lineage_past_version_until": "(n:LineagePast) ON (n.lineage_until)",
        "lineage_past_revived": "(n:LineagePast) ON (n.lineage_revived)",
        "lineage_type": "(n:LineageType) ON (n.id)",
        f"{PAST.lower()}_until": f"()-[n:{PAST}]-() ON (n.lineage_until)",
    }
    for text in ("name", "uri", "last"):
        indexes[f"lineage_{text}_start"] = f"(n:LineageNode) ON (n.lineage_{text}_start)"
        indexes[f"lineage_past_{text}_start"] = f"(n:LineagePast) ON (n.lineage_{text}_start)"
    for label in KIND_LABELS.values():
        for field in ("created", "updated"):
            indexes[f"lineage_{label.lower()}_{field}"] = f"(n:{label}) ON (n.lineage_{field})"
    for kind in (*(each.name for each in EdgeKind), PAST):
        indexes[f"lineage_{kind.lower()}_since"] = f"()-[n:{kind}]-() ON (n.lineage_since)"
    return {
        name: f"CREATE CONSTRAINT {name} IF NOT EXISTS FOR {what} IS UNIQUE"
        for name, what in unique.items()
    } | {name: f"CREATE INDEX {name} IF NOT EXISTS FOR {what}" for name, what in indexes.items()}


SCHEMA: Final = _schema()
_OURS = re.compile(
    "|".join(["Lineage.*", *KIND_LABELS.values(), *(kind.name for kind in EdgeKind), PAST])
)
"""The labels and types of relationships that indexes of ours are on."""


class _Shape(NamedTuple):
    """What an index is on; `is_unique` says that it belongs to a constraint."""

    label: str
    properties: tuple[str, ...]
    is_unique: bool


def _shape(statement: str) -> _Shape:
    """Return what a statement of the schema makes."""
    (label,) = re.findall(r"n:(\w+)[)\]]", statement)
    names = re.findall(r"\bn\.(\w+)", statement)
    return _Shape(label, tuple(names), statement.startswith("CREATE CONSTRAINT"))


BUILDING: Final = 60.0
"""How many seconds to try for, while others make the same constraints and indexes."""
PAUSE: Final = 0.2

_STORE = "OPTIONAL MATCH (s:LineageStore) RETURN s.name, s.format"
_HOLDS = "MATCH (n) RETURN labels(n) LIMIT 1"
_INDEXES = "SHOW INDEXES YIELD name RETURN name"
_SHAPES = """
SHOW INDEXES YIELD name, labelsOrTypes, properties, owningConstraint
WHERE name STARTS WITH 'lineage_' RETURN name, labelsOrTypes, properties, owningConstraint IS NOT NULL
"""
_PROPERTY_INDEXES = """
SHOW INDEXES YIELD name, labelsOrTypes, properties, owningConstraint
WHERE name STARTS WITH 'lineage property ' AND owningConstraint IS NULL RETURN name, labelsOrTypes, properties
"""
_MAKE = """
MERGE (s:LineageStore {name: 'lineage'})
ON CREATE SET s.format = $format, s.number = 0, s.schema = 0, s.types = $types, s.artifacts = 0,
  s.executions = 0, s.contexts = 0, s.edges = 0
MERGE (g:LineageGate {name: 'lineage'})
ON CREATE SET g.held = true, g.number = 0, g.schema = 0
"""


def open_store(server: Server, *, readonly: bool) -> None:
    """Make sure that the database is a store; one that is empty becomes one, unless for reading."""
    if not _identify(server):
        if readonly:
            raise NotFound(f"{server.place} holds no store; connect without readonly to make one")
        _build(server)
        # Last, so that whatever finds the store finds its indexes too.
        server.write(_MAKE, format=FORMAT, types=len(SYSTEM_TYPES))
    elif not readonly:
        _keep_schema(server)


def _identify(server: Server) -> bool:
    """Return whether the database is a store; False for an empty one, an error for anything else."""
    rows = server.read(_STORE)
    if len(rows) > 1:
        raise Corrupt(f"{server.place} holds {len(rows)} stores in one database; restore a backup")
    name, found = rows[0]
    if name is None:
        held = server.read(_HOLDS)
        if held:
            labels = ", ".join(held[0][0]) or "nodes without a label"
            raise Corrupt(
                f"{server.place} holds another graph ({labels:.200}); it is left untouched, give another database"
            )
        return False
    if found in _UNRELEASED:
        raise Corrupt(
            f"{server.place} has format {found}, which was never released; make a new store in another database, or export "
            f"this one with the version that made it and import the file"
        )
    if found != FORMAT:
        raise Corrupt(
            f"{server.place} has format {found}, and this version reads {FORMAT}; upgrade lineage-graph"
        )
    return True


def _keep_schema(server: Server) -> None:
    """Drop the constraints and indexes of other versions, and make those of this one that are missing."""
    there = {
        name: _Shape(labels[0], tuple(properties), unique)
        for name, labels, properties, unique in server.read(_SHAPES)
        if len(labels or ()) == 1 and _OURS.fullmatch(labels[0])
    }
    strange = [
        name for name, shape in there.items() if name not in SCHEMA or shape != _shape(SCHEMA[name])
    ]
    deadline = time.monotonic() + BUILDING
    for name in strange:
        what = "CONSTRAINT" if there[name].is_unique else "INDEX"
        _change(server, f"DROP {what} {quoted(name)} IF EXISTS", deadline)
    if SCHEMA.keys() - (there.keys() - set(strange)):
        _build(server)


def _build(server: Server) -> None:
    """Make the constraints and indexes that are missing, beside others who may be doing so too."""
    there = {name for (name,) in server.read(_INDEXES)}
    deadline = time.monotonic() + BUILDING
    for name, statement in SCHEMA.items():
        if name not in there:
            _change(server, statement, deadline)
    server.write("CALL db.awaitIndexes()")


def _change(server: Server, statement: str, deadline: float) -> None:
    """Run a statement that changes the schema, again while others change it."""
    while True:
        try:
            server.write(statement)
        except Conflict:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)
        else:
            return


class _PropertyIndex(NamedTuple):
    """The index of a property that a type declares `Indexed`, on the type's label."""

    name: str
    label: str
    property: str


def keep_property_indexes(server: Server, types: Callable[[], Iterable[AnyType]]) -> None:
    """Drop the indexes of properties that no type declares `Indexed`, and make those that are missing.

    The types are read after the indexes: whoever writes a type makes its indexes once it is committed.
    """
    there = server.read(_PROPERTY_INDEXES)
    declared = [*types()]
    wanted = {(name, (label,), (native,)) for name, label, native in _declared(declared)}
    deadline = time.monotonic() + BUILDING
    for name, labels, properties in there:
        if (name, tuple(labels or ()), tuple(properties or ())) not in wanted:
            _change(server, f"DROP INDEX {quoted(name)} IF EXISTS", deadline)
    index_properties(server, declared)


def index_properties(server: Server, types: Iterable[AnyType]) -> None:
    """Make the indexes of properties that types declare `Indexed`, those that are missing."""
    wanted = {each.name: each for each in _declared(types)}
    if not wanted:
        return
    there = {name for (name,) in server.read(_INDEXES)}
    for name, label, native in wanted.values():
        if name not in there:
            server.write(
                f"CREATE INDEX {quoted(name)} IF NOT EXISTS FOR (n:{quoted(label)}) ON (n.{quoted(native)})"
            )


def _declared(types: Iterable[AnyType]) -> Iterator[_PropertyIndex]:
    for each in types:
        label = type_label(each)
        for name in each.indexed:
            native = native_name(name, custom=False)
            if label is not None and native is not None:
                yield _PropertyIndex(f"lineage property {label}.{native}", label, native)
