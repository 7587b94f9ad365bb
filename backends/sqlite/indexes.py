"""The indexes of a SQLite store, which are no part of its format.

Other versions of this library may have others. At an opening for writing those that are missing are made, and
those that are ours by their names, but not of this version, are dropped. A store that is only read answers right
without them and stays as it is, and indexes that somebody else named stay, too.
"""

from __future__ import annotations

import sqlite3

from lineage.backends.sqlite.properties import index_name, property_index
from lineage.backends.sqlite.rows import INDEXES, TABLE_NAMES, type_row

__all__ = ["index_changes"]

_PROPERTY = "property."
_DECLARED = "SELECT kind, body, since FROM type WHERE until IS NULL AND instr(body, '\"indexed\"')"
_THERE = "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL"


def index_changes(sql: sqlite3.Connection) -> list[str]:
    """Return the statements that give a store the indexes of this version; none where it has them."""
    wanted = _wanted(sql)
    kept, changes = set(), []
    for name, table, statement in sql.execute(_THERE):
        # SQLite tells names of indexes apart without case, and properties have any.
        if statement in wanted.get(name.lower(), ()):
            kept.add(name.lower())
        elif table in TABLE_NAMES and name.startswith((f"{table}_", _PROPERTY)):
            changes.append(f'DROP INDEX "{name.replace(chr(34), chr(34) * 2)}"')
    return changes + [each[0] for name, each in wanted.items() if name not in kept]


def _wanted(sql: sqlite3.Connection) -> dict[str, list[str]]:
    """Return the statements of this version's indexes by their names in small letters.

    There are several for a name where a property happens to be called as another one's index is; one serves.
    """
    wanted = {name: [statement] for name, statement in INDEXES.items()}
    for kind, body, since in sql.execute(_DECLARED):
        for name in type_row(kind, body, since, None).type.indexed:
            statement = property_index(name)
            if statement is not None:
                stored = statement.replace(" IF NOT EXISTS", "", 1)
                wanted.setdefault(index_name(name).lower(), []).append(stored)
    return wanted
