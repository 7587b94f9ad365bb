"""Tampering with a store's file in SQLite, by its own catalogue: every column, row, index, and the schema itself."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from lineage.backends.sqlite.backend import SqliteBackend
from lineage.contract.backend import Backend
from lineage.testing.builders import Clock
from tests.tamper.world import Questions, fill

__all__ = ["SqliteKit"]

STRANGE = [
    None,
    0,
    1,
    2,
    3,
    4,
    -1,
    7,
    99,
    2**40,
    0.5,
    "",
    "x",
    "{}",
    "null",
    '["x"]',
    "data",
    b"",
    bytes(16),
    bytes(32),
]
PAIRS = {"node": "node_past", "edge": "edge_past", "node_past": "node", "edge_past": "edge"}

Tampering = Callable[[sqlite3.Connection, random.Random], str | None]


class SqliteKit:
    """A rich store in a file, and what there is to tamper with in it."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self._path = folder / "tampered.db"
        with SqliteBackend(self._path, clock=Clock()) as backend:
            fill(backend)
            (head,) = backend.log(limit=1)
        self.answers = Questions(head, quick=quick).answers
        self._content = self._path.read_bytes()
        with closing(sqlite3.connect(self._path)) as sql:
            self.tamperings = dict(_tamperings(sql))
        self.targets: Sequence[str] = list(self.tamperings)

    @contextmanager
    def copy(self) -> Iterator[SqliteCopy]:
        for each in self._path.parent.glob(f"{self._path.name}*"):
            each.unlink()
        self._path.write_bytes(self._content)
        yield SqliteCopy(self._path, self.tamperings)


class SqliteCopy:
    """A copy of the file."""

    def __init__(self, path: Path, tamperings: dict[str, Tampering]) -> None:
        self._path = path
        self._tamperings = tamperings

    def tamper(self, target: str, draw: random.Random) -> str | None:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as sql:
            sql.execute("PRAGMA synchronous = OFF")
            before = _content(sql)
            try:
                what = self._tamperings[target](sql, draw)
            except (sqlite3.IntegrityError, sqlite3.OperationalError):
                return None
        if what is None:
            return None
        with closing(sqlite3.connect(self._path, isolation_level=None)) as sql:
            try:
                return None if _content(sql) == before else what
            except sqlite3.Error:
                return what

    @contextmanager
    def opened(self, draw: random.Random) -> Iterator[Backend]:
        # Whoever opens it for writing makes its indexes anew, and a reader does not.
        with SqliteBackend(self._path, clock=Clock(), readonly=draw.random() < 0.5) as backend:
            yield backend


def _content(sql: sqlite3.Connection) -> list[object]:
    """Return all that the file holds, to tell whether anything was changed."""
    schema = sql.execute("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema").fetchall()
    tables = [name for kind, name, *_ in schema if kind == "table"]
    rows = [sql.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables]
    numbers = [
        sql.execute(f"PRAGMA {each}").fetchall() for each in ("user_version", "application_id")
    ]
    # What stands in an index by itself is seen by nobody who reads tables.
    check = sql.execute("PRAGMA integrity_check").fetchall()
    return [schema, rows, numbers, check]


def _tamperings(sql: sqlite3.Connection) -> Iterator[tuple[str, Tampering]]:
    """Yield what can be done to each thing in the catalogue."""
    tables = [
        name for (name,) in sql.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    ]
    for table in tables:
        columns = [row[1] for row in sql.execute(f"PRAGMA table_xinfo({table})")]
        for column in columns:
            yield f"{table}.{column}", _value(table, column)
            if sql.execute(f"SELECT count(DISTINCT {column}) > 1 FROM {table}").fetchone()[0]:
                yield f"{table}.{column} swapped", _swapped(table, column)
        yield f"{table}: row deleted", _deleted(table)
        yield f"{table}: row added", _added(table, columns)
        if table in PAIRS:
            yield f"{table}: row moved", _moved(table, PAIRS[table])
    for name, statement in sql.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL"
    ):
        columns = [
            row[2] or f"expression{row[0]}" for row in sql.execute(f'PRAGMA index_xinfo("{name}")')
        ]
        yield f"index {name}: dropped", _run(f'DROP INDEX "{name}"')
        yield f"index {name}: defined otherwise", _redefined(name, statement)
        yield f"index {name}: made otherwise", _remade(name, statement)
        yield f"index {name}: entry lost", _entry_lost(name, columns)
        yield f"index {name}: entry changed", _entry_changed(name, columns)
    yield from _OF_SCHEMA.items()


def _value(table: str, column: str) -> Tampering:
    """Set a value to another one of the column, or to something strange, in one row or in several."""

    def tamper(sql: sqlite3.Connection, draw: random.Random) -> str | None:
        old = _values(sql, table, column)
        if not old:
            return None
        place, one = draw.choice(old)
        others = [value for _, value in old if value != one]
        near = [one + step for step in (-1, 1)] if isinstance(one, int) else []
        new = draw.choice(draw.choice([others or STRANGE, STRANGE, near or STRANGE]))
        _set(sql, table, column, place, new)
        return f"{place}: {one!r} is {new!r}"

    return tamper


def _swapped(table: str, column: str) -> Tampering:
    def tamper(sql: sqlite3.Connection, draw: random.Random) -> str | None:
        old = _values(sql, table, column)
        if len(old) < 2:
            # There is nothing to swap with; a value may still come from the other table's.
            return _value(table, column)(sql, draw)
        (place, one), (other_place, other) = draw.sample(old, 2)
        if one == other:
            return None
        sql.execute("BEGIN")
        try:
            _set(
                sql,
                table,
                column,
                place,
                None if _nullable(sql, table, column) else draw.randrange(2**50, 2**51),
            )
            _set(sql, table, column, other_place, one)
            _set(sql, table, column, place, other)
        except sqlite3.IntegrityError:
            sql.execute("ROLLBACK")
            # In texts and keys nothing can stand between: one takes the other's value alone.
            _set(sql, table, column, place, other)
            return f"{place} has the value of {other_place}"
        sql.execute("COMMIT")
        return f"{place} and {other_place} have each other's values"

    return tamper


def _nullable(sql: sqlite3.Connection, table: str, column: str) -> bool:
    return any(
        row[1] == column and not row[3] and not row[5]
        for row in sql.execute(f"PRAGMA table_xinfo({table})")
    )


def _keys(sql: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns that name a row."""
    rows = sorted((row[5], row[1]) for row in sql.execute(f"PRAGMA table_xinfo({table})") if row[5])
    return [name for _, name in rows] or ["rowid"]


def _values(sql: sqlite3.Connection, table: str, column: str) -> list[tuple[str, Any]]:
    """Return the column's values, each with the condition that names its row."""
    keys = _keys(sql, table)
    rows = sql.execute(f"SELECT {', '.join(keys)}, {column} FROM {table}").fetchall()
    return [
        (" AND ".join(f"{key} = {value!r}" for key, value in zip(keys, row, strict=False)), row[-1])
        for row in rows
    ]


def _set(sql: sqlite3.Connection, table: str, column: str, place: str, value: object) -> None:
    sql.execute(f"UPDATE {table} SET {column} = ? WHERE {place}", (value,))


def _deleted(table: str) -> Tampering:
    def tamper(sql: sqlite3.Connection, draw: random.Random) -> str | None:
        place, _ = draw.choice(_values(sql, table, "1"))
        sql.execute(f"DELETE FROM {table} WHERE {place}")
        return place

    return tamper


def _added(table: str, columns: Sequence[str]) -> Tampering:
    """Add a row like another, with some of its values changed: its numbers, and what is unique."""

    def tamper(sql: sqlite3.Connection, draw: random.Random) -> str | None:
        like, _ = draw.choice(_values(sql, table, "1"))
        row = dict(
            zip(columns, sql.execute(f"SELECT * FROM {table} WHERE {like}").fetchone(), strict=True)
        )
        unique = {"name", "external_id", draw.choice(_keys(sql, table))}.intersection(columns)
        changed = {*draw.sample(columns, draw.randint(1, min(3, len(columns)))), *unique}
        for column in changed:
            near = (
                [row[column] + step for step in (-2, -1, 1, 4, 400)]
                if isinstance(row[column], int)
                else []
            )
            row[column] = draw.choice(draw.choice([near or [None], STRANGE, [None]]))
        sql.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", [*row.values()])
        return f"like {like}: {row}"

    return tamper


def _moved(table: str, other: str) -> Tampering:
    """Move a row from the present to the past, or back."""

    def tamper(sql: sqlite3.Connection, draw: random.Random) -> str | None:
        place, _ = draw.choice(_values(sql, table, "1"))
        own = [row[1] for row in sql.execute(f"PRAGMA table_xinfo({table})")]
        theirs = [row[1] for row in sql.execute(f"PRAGMA table_xinfo({other})")]
        ends = {
            "until": draw.randint(0, 15),
            "gone": draw.randint(0, 1),
            "replaced": draw.randint(0, 1),
        }
        values = ", ".join(name if name in own else str(ends.get(name, "NULL")) for name in theirs)
        sql.execute(f"INSERT INTO {other} SELECT {values} FROM {table} WHERE {place}")
        sql.execute(f"DELETE FROM {table} WHERE {place}")
        return f"{place} to {other} with {ends}"

    return tamper


def _run(*statements: str) -> Tampering:
    def tamper(sql: sqlite3.Connection, draw: random.Random) -> str | None:
        for statement in statements:
            sql.execute(statement)
        return "; ".join(statements)

    return tamper


def _definitions(name: str, statement: str, draw: random.Random) -> str:
    """Return another definition of an index that SQLite takes."""
    table = statement.partition(" ON ")[2].split()[0]
    column = draw.choice(
        [
            "since",
            "key + 1" if table.startswith("node") else "src + 1",
            "salt" if table.startswith("node") else "time",
        ]
    )
    where = draw.choice(["", " WHERE since > 3", " WHERE FALSE"])
    quoted = name.replace('"', '""')
    return f'CREATE INDEX "{quoted}" ON {table} ({column}){where}'


def _redefined(name: str, statement: str) -> Tampering:
    """Change what an index is said to be, and leave its entries."""

    def tamper(sql: sqlite3.Connection, draw: random.Random) -> str | None:
        sql.execute("PRAGMA writable_schema = ON")
        other = _definitions(name, statement, draw)
        sql.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (other, name))
        return other

    return tamper


def _remade(name: str, statement: str) -> Tampering:
    """Make an index of the same name that is another one."""

    def tamper(sql: sqlite3.Connection, draw: random.Random) -> str | None:
        sql.execute(f'DROP INDEX "{name}"')
        other = _definitions(name, statement, draw)
        sql.execute(other)
        return other

    return tamper


@contextmanager
def _as_table(sql: sqlite3.Connection, name: str, columns: Sequence[str]) -> Iterator[list[str]]:
    """Show the entries of an index as the rows of a table, which has the same pages; yield its columns."""
    (root,) = sql.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    names = [f"c{place}" for place in range(len(columns))]
    own = (
        f"CREATE TABLE shadow ({', '.join(names)}, PRIMARY KEY ({', '.join(names)})) WITHOUT ROWID"
    )
    sql.execute("PRAGMA writable_schema = ON")
    sql.execute("INSERT INTO sqlite_schema VALUES ('table', 'shadow', 'shadow', ?, ?)", (root, own))
    sql.execute("PRAGMA writable_schema = RESET")
    yield names
    sql.execute("PRAGMA writable_schema = ON")
    sql.execute("DELETE FROM sqlite_schema WHERE name = 'shadow'")
    sql.execute("PRAGMA writable_schema = RESET")


def _entry_lost(name: str, columns: Sequence[str]) -> Tampering:
    def tamper(sql: sqlite3.Connection, draw: random.Random) -> str | None:
        with _as_table(sql, name, columns) as names:
            rows = sql.execute(f"SELECT {', '.join(names)} FROM shadow").fetchall()
            entry = draw.choice(rows)
            where = " AND ".join(f"{each} IS ?" for each in names)
            sql.execute(f"DELETE FROM shadow WHERE {where}", entry)
        return repr(entry)

    return tamper


def _entry_changed(name: str, columns: Sequence[str]) -> Tampering:
    """Let an entry of an index lead to another row, or be found by another value."""

    def tamper(sql: sqlite3.Connection, draw: random.Random) -> str | None:
        with _as_table(sql, name, columns) as names:
            rows = sql.execute(f"SELECT {', '.join(names)} FROM shadow").fetchall()
            entry = draw.choice(rows)
            new = list(entry)
            place = draw.randrange(len(new))
            new[place] = draw.choice([draw.choice(rows)[place], "x", 4, 99])
            where = " AND ".join(f"{each} IS ?" for each in names)
            sql.execute(f"DELETE FROM shadow WHERE {where}", entry)
            sql.execute(f"INSERT OR IGNORE INTO shadow VALUES ({', '.join('?' * len(new))})", new)
        return f"{entry} is {new}"

    return tamper


def _altered(old: str, new: str) -> Tampering:
    """Change the text of a table's definition behind SQLite's back."""

    def tamper(sql: sqlite3.Connection, draw: random.Random) -> str | None:
        sql.execute("PRAGMA writable_schema = ON")
        found = sql.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND instr(sql, ?)", (old,)
        ).fetchall()
        (name,) = draw.choice(found)
        sql.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = ?", (old, new, name)
        )
        return f"{name}: {new}"

    return tamper


def _roots_swapped(sql: sqlite3.Connection, draw: random.Random) -> str:
    """Let two tables or indexes have each other's pages."""
    sql.execute("PRAGMA writable_schema = ON")
    (one, first), (other, second) = draw.sample(
        sql.execute("SELECT name, rootpage FROM sqlite_schema").fetchall(), 2
    )
    sql.execute("UPDATE sqlite_schema SET rootpage = ? WHERE name = ?", (second, one))
    sql.execute("UPDATE sqlite_schema SET rootpage = ? WHERE name = ?", (first, other))
    return f"{one} and {other}"


_OF_SCHEMA: dict[str, Tampering] = {
    "schema: trigger": _run(
        "CREATE TRIGGER t AFTER INSERT ON node BEGIN UPDATE node SET uri = 's3://evil' WHERE key = new.key; END"
    ),
    "schema: trigger on a view": _run(
        "CREATE VIEW v AS SELECT * FROM node",
        "CREATE TRIGGER t INSTEAD OF INSERT ON v BEGIN DELETE FROM edge; END",
    ),
    "schema: view": _run("CREATE VIEW v AS SELECT * FROM node"),
    "schema: table": _run("CREATE TABLE x (y)"),
    "schema: table like SQLite's own": _run("CREATE TABLE sqlitestat (y)"),
    "schema: virtual table": _run("CREATE VIRTUAL TABLE x USING fts5(y)"),
    "schema: column": _run("ALTER TABLE node ADD COLUMN more TEXT"),
    "schema: generated column": _run("ALTER TABLE node ADD COLUMN more TEXT AS ('x')"),
    "schema: column with a default": _run("ALTER TABLE edge ADD COLUMN more INTEGER DEFAULT 7"),
    "schema: default": _altered("since INTEGER NOT NULL", "since INTEGER NOT NULL DEFAULT 3"),
    "schema: collation": _altered("TEXT,", "TEXT COLLATE NOCASE,"),
    "schema: column renamed": _altered("since INTEGER", "first_since INTEGER"),
    "schema: not strict": _altered("STRICT, WITHOUT ROWID", "WITHOUT ROWID"),
    "schema: roots swapped": _roots_swapped,
    "schema: others' index": _run("CREATE INDEX theirs ON node (salt)"),
    "schema: others' unique index": _run("CREATE UNIQUE INDEX theirs ON txn (digest)"),
    "schema: statistics": _run("ANALYZE", "UPDATE sqlite_stat1 SET stat = '1 1 1'"),
    "schema: user version": _run("PRAGMA user_version = 4"),
    "schema: older user version": _run("PRAGMA user_version = 1"),
    "schema: application id": _run("PRAGMA application_id = 7"),
}
