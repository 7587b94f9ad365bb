"""The tables of MLMD's SQLite files, as facts: names, columns and keys of schema version 10.

Versions 0 to 9 have fewer of them; `mlmd_file` reads what is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lineage.model.keys import Kind

__all__ = [
    "KIND_NUMBERS",
    "NODE_COLUMNS",
    "STRUCT",
    "VALUE_COLUMNS",
    "VERSION",
    "schema",
]

VERSION: Final = 10
"""The newest schema version, that of MLMD 1.17.1."""

KIND_NUMBERS: Final = {0: Kind.EXECUTION, 1: Kind.ARTIFACT, 2: Kind.CONTEXT}
"""What `Type.type_kind` means; versions 0 and 1 call it `is_artifact_type`."""

STRUCT: Final = "mlmd-struct::"
"""What a text begins with that is a struct: the base64 of its message follows."""

VALUE_COLUMNS: Final = (
    "int_value",
    "double_value",
    "string_value",
    "proto_value",
    "bool_value",
)
"""The columns of a property's value, one of which is not NULL."""

_TIMES = ("create_time_since_epoch", "last_update_time_since_epoch")
NODE_COLUMNS: Final = {
    Kind.ARTIFACT: ("id", "type_id", "name", "external_id", "uri", "state", *_TIMES),
    Kind.EXECUTION: ("id", "type_id", "name", "external_id", "NULL", "last_known_state", *_TIMES),
    Kind.CONTEXT: ("id", "type_id", "name", "external_id", "NULL", "NULL", *_TIMES),
}
"""The columns of each kind's table, in one order: those that a kind lacks are NULL."""

_DECLARATIONS = {
    "id": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "type_id": "INT NOT NULL",
    "uri": "TEXT",
    "state": "INT",
    "last_known_state": "INT",
    "external_id": "VARCHAR(255) UNIQUE",
    **dict.fromkeys(_TIMES, "INT NOT NULL DEFAULT 0"),
}
_TABLES: Final = {
    "Type": "id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(255) NOT NULL, version VARCHAR(255), "
    "type_kind TINYINT(1) NOT NULL, description TEXT, input_type TEXT, output_type TEXT, "
    "external_id VARCHAR(255) UNIQUE",
    "TypeProperty": "type_id INT NOT NULL, name VARCHAR(255) NOT NULL, data_type INT, "
    "PRIMARY KEY (type_id, name)",
    "ParentType": "type_id INT NOT NULL, parent_type_id INT NOT NULL, "
    "PRIMARY KEY (type_id, parent_type_id)",
    "Event": "id INTEGER PRIMARY KEY AUTOINCREMENT, artifact_id INT NOT NULL, "
    "execution_id INT NOT NULL, type INT NOT NULL, milliseconds_since_epoch INT, "
    "UNIQUE (artifact_id, execution_id, type)",
    "EventPath": "event_id INT NOT NULL, is_index_step TINYINT(1) NOT NULL, step_index INT, step_key TEXT",
    "Attribution": "id INTEGER PRIMARY KEY AUTOINCREMENT, context_id INT NOT NULL, "
    "artifact_id INT NOT NULL, UNIQUE (context_id, artifact_id)",
    "Association": "id INTEGER PRIMARY KEY AUTOINCREMENT, context_id INT NOT NULL, "
    "execution_id INT NOT NULL, UNIQUE (context_id, execution_id)",
    "ParentContext": "context_id INT NOT NULL, parent_context_id INT NOT NULL, "
    "PRIMARY KEY (context_id, parent_context_id)",
    "MLMDEnv": "schema_version INTEGER PRIMARY KEY",
}
_INDEXES = {
    "Type": ("name", "external_id"),
    "Artifact": ("uri", "external_id", *_TIMES),
    "Execution": ("external_id", *_TIMES),
    "Context": ("external_id", *_TIMES),
    "Event": ("execution_id",),
    "EventPath": ("event_id",),
    "ParentContext": ("parent_context_id",),
}


def schema() -> Iterator[str]:
    """Yield the statements that make an empty file, but for its rows."""
    for kind in Kind:
        name = kind.capitalize()
        named = "VARCHAR(255) NOT NULL" if kind is Kind.CONTEXT else "VARCHAR(255)"
        declared = {**_DECLARATIONS, "name": named}
        columns = [f"{each} {declared[each]}" for each in NODE_COLUMNS[kind] if each != "NULL"]
        yield f"CREATE TABLE {name} ({', '.join(columns)}, UNIQUE (type_id, name))"
        yield (
            f"CREATE TABLE {name}Property ({kind}_id INT NOT NULL, name VARCHAR(255) NOT NULL, "
            "is_custom_property TINYINT(1) NOT NULL, int_value INT, double_value DOUBLE, "
            "string_value TEXT, byte_value BLOB, proto_value BLOB, bool_value BOOLEAN, "
            f"PRIMARY KEY ({kind}_id, name, is_custom_property))"
        )
        for column in ("int", "double", "string"):
            yield (
                f"CREATE INDEX idx_{kind}_property_{column} ON {name}Property "
                f"(name, is_custom_property, {column}_value) WHERE {column}_value IS NOT NULL"
            )
    for name, declaration in _TABLES.items():
        yield f"CREATE TABLE {name} ({declaration})"
    for name, indexed in _INDEXES.items():
        for column in indexed:
            yield f"CREATE INDEX idx_{name.lower()}_{column} ON {name} ({column})"
