"""The check of a SQLite store beside its digest chain: whatever an answer is made of, and no digest covers.

Records are found by the numbers of their transactions, so one whose number is of none would be in no digest,
and be answered with. What ended, and what is derived for speed, follows from the records: it is compared with them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from lineage.backends.sqlite.rows import TABLE_NAMES, TABLES, key_of, type_row
from lineage.errors import LineageError, excerpt
from lineage.model.rows import uses_of

__all__ = ["structural_faults"]

MOST: Final = 20
"""How many faults of one kind are told."""
_OF_SQLITE = frozenset({"sqlite_stat1", "sqlite_stat4"})
"""What `ANALYZE` keeps: it decides how answers are found, never what they are."""

_NUMBERS = {
    "type": ("id", {"since": "was written", "until": "ended"}),
    "node": ("key", {"since": "was written"}),
    "node_past": ("key", {"since": "was written", "until": "ended"}),
    "edge": ("src, dst", {"since": "was written"}),
    "edge_past": ("src, dst", {"since": "was written", "until": "ended"}),
    "purge": ("key", {"number": "was purged"}),
    "purge_head": ("head", {"number": "was purged"}),
}
"""The columns that hold transactions' numbers, and what names a row of each table."""
_NO_HEADS = f"SELECT number FROM txn WHERE number < 1 LIMIT {MOST}"

_OTHER_SCHEMA = f"""
SELECT number FROM txn AS t WHERE schema <> iif(
    number IN (SELECT since FROM type), number,
    coalesce((SELECT schema FROM txn WHERE number = t.number - 1), 0)
) LIMIT {MOST}
"""
_OTHER_TYPE_END = f"""
SELECT id, since FROM type AS t
WHERE until IS NOT (SELECT min(since) FROM type WHERE id = t.id AND since > t.since) LIMIT {MOST}
"""
_NEXT_VERSION = """
(SELECT min(since) FROM (
    SELECT since FROM node_past WHERE key = n.key UNION ALL SELECT since FROM node WHERE key = n.key
) WHERE since > n.since)
"""
_OTHER_END = f"""
SELECT key, since FROM (SELECT n.*, {_NEXT_VERSION} AS following FROM node_past AS n)
WHERE gone NOT IN (0, 1) OR iif(
    gone, until < since OR until >= following OR revived IS NOT following, until IS NOT following OR revived NOT NULL
) LIMIT {MOST}
"""
"""A version that was replaced ended with it; one that was deleted, before the node lives again, if it does."""
_LATER_PAST = f"""
SELECT p.key, p.since FROM node_past AS p CROSS JOIN node AS n ON n.key = p.key WHERE p.since >= n.since LIMIT {MOST}
"""
_NEXT_EDGE = """
(SELECT min(since) FROM (
    SELECT since FROM edge_past WHERE dst = e.dst AND src = e.src AND kind = e.kind AND since > e.since UNION ALL
    SELECT since FROM edge WHERE dst = e.dst AND src = e.src AND kind = e.kind AND since > e.since
))
"""
_OTHER_EDGE_END = f"""
SELECT src, dst, since FROM (SELECT e.*, {_NEXT_EDGE} AS following FROM edge_past AS e)
WHERE replaced NOT IN (0, 1) OR until <= since OR until > following OR (replaced AND until IS NOT following) LIMIT {MOST}
"""
_LATER_PAST_EDGE = f"""
SELECT p.src, p.dst, p.since FROM edge_past AS p
CROSS JOIN edge AS e ON e.dst = p.dst AND e.src = p.src AND e.kind = p.kind WHERE p.until > e.since LIMIT {MOST}
"""
_OTHER_FIRST = f"""
SELECT src, dst, since FROM edge WHERE first NOT NULL AND NOT (0 < first AND first < since) UNION ALL
SELECT src, dst, since FROM edge_past WHERE first NOT NULL AND NOT (0 < first AND first < since) LIMIT {MOST}
"""
_KEPT = f"""
SELECT n.key, n.since FROM purge AS p CROSS JOIN node_past AS n ON n.key = p.key WHERE n.digest IS NULL UNION ALL
SELECT n.key, n.since FROM purge AS p CROSS JOIN node AS n ON n.key = p.key LIMIT {MOST}
"""
_SWEPT = """
SELECT count(*) = 1 AND min(number) IN (
    SELECT 0 UNION ALL SELECT number FROM purge UNION ALL SELECT number FROM purge_head
) FROM swept
"""


def structural_faults(sql: sqlite3.Connection, last: int) -> Iterator[str]:
    """Yield what SQLite itself finds wrong, and what the digests of transactions up to the last do not cover."""
    # Entries of indexes, too: a search would miss, or find, what the table does not say.
    for (said,) in sql.execute(f"PRAGMA integrity_check({MOST})"):
        if said != "ok":
            yield f"SQLite's integrity check: {said}"
    yield from _foreign(sql)
    yield from _beyond(sql, last)
    yield from _lost_ends(sql)
    yield from islice(_type_faults(sql), MOST)
    yield from _mask_faults(sql)
    yield from _node_faults(sql)
    yield from _edge_faults(sql)
    for (number,) in sql.execute(_OTHER_SCHEMA):
        yield f"transaction {number} is not of the types that were there"
    if not sql.execute(_SWEPT).fetchone()[0]:
        yield "it is not known up to which purge the file was rewritten; the table swept has another row than it had"


def _foreign(sql: sqlite3.Connection) -> Iterator[str]:
    """Yield what is in the file and not of a store; others' indexes of its tables do no harm."""
    for kind, name, table, statement in sql.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema"
    ):
        is_table = kind == "table" and (statement in TABLES or name in _OF_SQLITE)
        is_index = kind == "index" and (table in TABLE_NAMES or table in _OF_SQLITE)
        if not (is_table or is_index):
            yield f"the {kind} {excerpt(name)} is not the store's"


def _beyond(sql: sqlite3.Connection, last: int) -> Iterator[str]:
    """Yield the rows that name a transaction which does not exist, and so are in no digest."""
    for (number,) in sql.execute(_NO_HEADS):
        yield f"there is a transaction {number}, and the first one is 1"
    for table, (columns, numbers) in _NUMBERS.items():
        for column, what in numbers.items():
            outside = f"{column} < 1 OR {column} > ?"
            query = f"SELECT {columns}, {column} FROM {table} WHERE {outside} LIMIT {MOST}"
            for *key, number in sql.execute(query, (last,)):
                yield f"{_name(table, key)} {what} in transaction {number}, which does not exist"


def _name(table: str, key: list[Any]) -> str:
    if table == "type":
        return f"type {key[0]}"
    if table == "purge_head":
        return f"the actor of transaction {key[0]}"
    names = [_key_name(number) for number in key]
    return names[0] if len(names) == 1 else f"an edge from {names[0]} to {names[1]}"


def _key_name(number: int) -> str:
    try:
        return str(key_of(number))
    except LineageError:
        return f"the key {excerpt(number)}"


def _lost_ends(sql: sqlite3.Connection) -> Iterator[str]:
    for end in ("src", "dst"):
        missing = sql.execute(
            f"SELECT DISTINCT {end} FROM edge WHERE NOT EXISTS (SELECT 1 FROM node WHERE key = {end}) "
            f"AND NOT EXISTS (SELECT 1 FROM node_past WHERE key = {end}) LIMIT {MOST}"
        )
        for (number,) in missing:
            yield f"an edge leads to {_key_name(number)}, which does not exist"


def _type_faults(sql: sqlite3.Connection) -> Iterator[str]:
    """Yield the types whose ids are not those of their bodies, which are digested; what cannot be read the chain meets."""
    for number, kind, body, since in sql.execute("SELECT id, kind, body, since FROM type"):
        try:
            row = type_row(kind, body, since, None)
        except LineageError:
            continue
        if row.type.id != number:
            yield f"transaction {since} wrote a type {number}, whose body says that it is {row.type.id}"
    for number, since in sql.execute(_OTHER_TYPE_END):
        yield f"transaction {since} wrote a version of type {number} that ends at another time than it did"


def _mask_faults(sql: sqlite3.Connection) -> Iterator[str]:
    """Yield the edges whose masks are not what their kinds and paths say; masks are in no digest."""
    for table in ("edge", "edge_past"):
        rows = sql.execute(
            f"SELECT src, dst, since, kind, uses, paths FROM {table} WHERE paths NOT NULL OR uses <> 0"
        )
        wrong = (values for values in rows if not _says(*values[3:]))
        for source, target, since, kind, *_ in islice(wrong, MOST):
            yield (
                f"the edge of kind {kind} from {_key_name(source)} to {_key_name(target)}, as transaction {since} wrote "
                f"it, has another mask of uses than its kind and paths say"
            )


def _says(kind: int, uses: object, paths: str | None) -> bool:
    """Whether an edge's kind and paths say a mask; ones that cannot be read say nothing, and the digests prove those wrong."""
    try:
        return uses_of(kind, paths) == uses
    except ValueError:
        return False


def _node_faults(sql: sqlite3.Connection) -> Iterator[str]:
    for number, since in sql.execute(_OTHER_END):
        yield f"{_key_name(number)}: the version of transaction {since} ended at another time than it did, or lives again so"
    for number, since in sql.execute(_LATER_PAST):
        yield f"{_key_name(number)}: the version of transaction {since} is past, and no later one is there"
    for number, since in sql.execute(_KEPT):
        yield f"{_key_name(number)}, as transaction {since} wrote it, has content, but was purged"


def _edge_faults(sql: sqlite3.Connection) -> Iterator[str]:
    for query, what in (
        (_OTHER_EDGE_END, "ended at another time than it did"),
        (_LATER_PAST_EDGE, "is past, and no later one is there"),
        (_OTHER_FIRST, "was first written at another time than it was"),
    ):
        for source, target, since in sql.execute(query):
            ends = f"from {_key_name(source)} to {_key_name(target)}"
            yield f"an edge {ends}, as transaction {since} wrote it, {what}"
