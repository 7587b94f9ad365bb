"""Tampering with a store's graph in Neo4j: every property, label and relationship that the database holds.

Each tampering is made inside one transaction of the database, in which the check and all questions run too, and
which is rolled back: the store itself stays as it is.
"""

from __future__ import annotations

import copy
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lineage.backends.neo4j.backend import Neo4jBackend
from lineage.backends.neo4j.connections import Rows, Work
from lineage.backends.neo4j.opening import open_store
from lineage.backends.neo4j.rows import PAST, quoted
from lineage.contract.backend import PRELOADED, Backend
from lineage.contract.tree import NO_TREE
from lineage.errors import LineageError
from lineage.testing.builders import Clock
from tests.tamper.world import Questions, fill

__all__ = ["Neo4jKit"]

STRANGE: list[Any] = [
    None, 0, 1, 2, 4, 7, -1, 99, 2**40, 0.5, True, "", "x", "{}", "null", '["x"]', "data", [1, 2], ["{}", "{}"], bytes(16), bytes(32),
]  # fmt: skip
_HELD = """
MATCH (n) UNWIND keys(n) AS name RETURN DISTINCT [each IN labels(n) WHERE each STARTS WITH 'Lineage'][0] AS label, name
UNION
MATCH ()-[r]->() UNWIND keys(r) AS name
RETURN DISTINCT CASE type(r) WHEN $past THEN $past ELSE 'EDGE' END AS label, name
"""
_CATALOGUE = "SHOW INDEXES YIELD name, type, owningConstraint WHERE type <> 'LOOKUP' RETURN name, owningConstraint IS NOT NULL"
Tampering = Callable[[Work, random.Random], str | None]


class Neo4jKit:
    """A rich store in a database, and what there is to tamper with in it."""

    def __init__(self, url: str, *, quick: bool) -> None:
        self._url = url
        self._whole = Neo4jBackend(url, clock=Clock())
        fill(self._whole)
        (head,) = self._whole.log(limit=1)
        self.answers = Questions(head, quick=quick, dear=not quick).answers
        self._tamperings = dict(_tamperings(self._whole._run(_HELD, past=PAST)))
        self.targets: Sequence[str] = sorted(self._tamperings)

    def close(self) -> None:
        self._whole.close()

    @property
    def schema(self) -> dict[str, str]:
        """The indexes and constraints of the database's catalogue, each with what it is."""
        return {
            name: "CONSTRAINT" if owned else "INDEX" for name, owned in self._whole._run(_CATALOGUE)
        }

    @contextmanager
    def without(self, name: str) -> Iterator[Backend]:
        """Drop an index or a constraint, which no transaction can that also reads; a writer makes it again."""
        self._whole._server.write(f"DROP {self.schema[name]} {quoted(name)}")
        assert name not in self.schema
        with Neo4jBackend(self._url, clock=Clock(), readonly=True) as backend:
            yield backend
        Neo4jBackend(self._url, clock=Clock()).close()

    @contextmanager
    def copy(self) -> Iterator[Neo4jCopy]:
        work, _ = self._whole._server.begin(first="RETURN 1", seconds=30.0)
        try:
            yield Neo4jCopy(self._whole, work, self._tamperings)
        finally:
            work.rollback()


class Neo4jCopy:
    """The store as one transaction of the database sees it."""

    def __init__(self, whole: Neo4jBackend, work: Work, tamperings: dict[str, Tampering]) -> None:
        self._whole = whole
        self._work = work
        self._tamperings = tamperings

    def tamper(self, target: str, draw: random.Random) -> str | None:
        try:
            return self._tamperings[target](self._work, draw)
        except LineageError:  # a constraint forbids it, and the database's transaction is over
            return None

    @contextmanager
    def opened(self, draw: random.Random) -> Iterator[Backend]:
        server: Any = _InTransaction(self._work)
        open_store(server, readonly=True)
        backend = copy.copy(self._whole)
        backend._server = server
        backend._own = threading.local()
        backend._types = self._whole._types._replace(
            schema=0, rows=tuple(PRELOADED.values()), until=0
        )
        backend._last = backend._newest = 0
        backend._tree = NO_TREE
        yield backend


class _InTransaction:
    """A server of which only one transaction is seen."""

    place = "the database"

    def __init__(self, work: Work) -> None:
        self._work = work

    def read(self, query: str, /, **parameters: Any) -> Rows:
        return self._work.run(query, **parameters)

    write = read

    def begin(self, *, first: str, seconds: float) -> tuple[_InTransaction, Rows]:
        return self, self._work.run(first)

    run = read

    def rollback(self) -> None:
        """Leave what is undone at the end."""


def _tamperings(held: Rows) -> Iterator[tuple[str, Tampering]]:
    """Yield what can be done to each property in the catalogue, and to nodes and relationships as a whole."""
    for label, name in held:
        yield f"{label}.{name}", _value(label, name)
    for label in {label for label, _ in held}:
        yield f"{label}: property added", _property_added(label)
        yield f"{label}: deleted", _deleted(label)
        yield f"{label}: added", _added(label)
        if label in (PAST, "EDGE"):
            yield f"{label}: turned round", _moved(label, turned=True)
            yield f"{label}: moved", _moved(label, turned=False)
            yield f"{label}: of another type", _of_another_type(label)
        else:
            yield f"{label}: label added", _label_added(label)
            yield f"{label}: label removed", _label_removed(label)
    yield "a node of others", _run("CREATE (:Other {name: 'x'})")
    yield "a node without a label", _run("CREATE ()")
    yield (
        "a relationship of others",
        _run(
            "MATCH (a:LineageNode), (b:LineageTransaction) WITH a, b LIMIT 1 CREATE (a)-[:WROTE]->(b)"
        ),
    )


def _match(label: str) -> str:
    """Return what matches a node or a relationship as `n`."""
    if label == PAST:
        return f"()-[n:{PAST}]->()"
    return f"()-[n:!{PAST}]->()" if label == "EDGE" else f"(n:{label})"


def _one(work: Work, draw: random.Random, label: str) -> str:
    """Return the id of one node or relationship, always the same for one draw."""
    rows = work.run(f"MATCH {_match(label)} RETURN elementId(n) AS id ORDER BY id")
    (chosen,) = draw.choice(rows)
    return str(chosen)


def _set(work: Work, label: str, chosen: str, name: str, value: object) -> None:
    work.run(
        f"MATCH {_match(label)} WHERE elementId(n) = $id SET n.{quoted(name)} = $value",
        id=chosen,
        value=value,
    )


def _value(label: str, name: str) -> Tampering:
    """Set a value to another one of the property, or to something strange."""

    def tamper(work: Work, draw: random.Random) -> str | None:
        own = quoted(name)
        rows = work.run(f"MATCH {_match(label)} RETURN elementId(n), n.{own} ORDER BY elementId(n)")
        chosen, old = draw.choice([row for row in rows if row[1] is not None])
        others = [value for _, value in rows if value != old]
        near = [old + step for step in (-1, 1)] if type(old) is int and abs(old) < 2**62 else []
        new = draw.choice(draw.choice([others or STRANGE, STRANGE, near or STRANGE]))
        if type(new) is type(old) and new == old:
            return None
        _set(work, label, chosen, name, new)
        return f"{chosen}: {old!r:.100} is {new!r:.100}"

    return tamper


def _property_added(label: str) -> Tampering:
    def tamper(work: Work, draw: random.Random) -> str | None:
        names = [
            "comment", "name", "uri", "external_id", "state", "lineage_until", "lineage_revived", "lineage_digest",
            "lineage_replaced", "lineage_first", "lineage_kind", "lineage_was_name", "paths", "until", "purged", "author",
        ]  # fmt: skip
        name, value = (
            draw.choice(names),
            draw.choice([each for each in STRANGE if each is not None]),
        )
        chosen = _one(work, draw, label)
        if work.run(
            f"MATCH {_match(label)} WHERE elementId(n) = $id AND n.{name} IS NOT NULL RETURN 1",
            id=chosen,
        ):
            return None
        _set(work, label, chosen, name, value)
        return f"{chosen}: {name} is {value!r}"

    return tamper


def _deleted(label: str) -> Tampering:
    def tamper(work: Work, draw: random.Random) -> str | None:
        chosen = _one(work, draw, label)
        detach = "" if label in (PAST, "EDGE") else "DETACH"
        work.run(f"MATCH {_match(label)} WHERE elementId(n) = $id {detach} DELETE n", id=chosen)
        return chosen

    return tamper


_UNLIKE = {
    "LineageNode": "lineage_key: n.lineage_key + 40, id: n.id + 40, lineage_since: $since, name: null, lineage_name: null, "
    "lineage_name_start: null, external_id: null, lineage_external: null",
    "LineagePast": "lineage_since: $since",
    "LineageTransaction": "number: CASE $since WHEN 3 THEN 14 ELSE $since END",
    "LineageType": "id: n.id + 5, since: $since",
    "LineageStore": "name: 'other'",
    "LineageGate": "name: 'other'",
}
"""In what an added node differs from the one that it is like: in all that is unique."""


def _added(label: str) -> Tampering:
    """Add a node or a relationship like another, of another key or of another transaction."""

    def tamper(work: Work, draw: random.Random) -> str | None:
        chosen = _one(work, draw, label)
        since = draw.choice([0, 3, 99])
        if label in (PAST, "EDGE"):
            work.run(
                "MATCH (a)-[n]->(b) WHERE elementId(n) = $id CREATE (a)-[m:$(type(n))]->(b) "
                "SET m = properties(n), m.lineage_since = $since",
                id=chosen,
                since=since,
            )
        else:
            work.run(
                f"MATCH (n:{label}) WHERE elementId(n) = $id CREATE (m:$(labels(n))) SET m = n {{.*, {_UNLIKE[label]}}}",
                id=chosen,
                since=since,
            )
        return f"like {chosen}, of {since}"

    return tamper


def _moved(label: str, *, turned: bool) -> Tampering:
    """Let a relationship go the other way, or to another node."""

    def tamper(work: Work, draw: random.Random) -> str | None:
        chosen = _one(work, draw, label)
        other = _one(work, draw, "LineageNode")
        ends = "(b)-[m:$(type(n))]->(a)" if turned else "(a)-[m:$(type(n))]->(c)"
        work.run(
            f"MATCH (a)-[n]->(b) WHERE elementId(n) = $id MATCH (c) WHERE elementId(c) = $other "
            f"CREATE {ends} SET m = properties(n) DELETE n",
            id=chosen,
            other=other,
        )
        return f"{chosen} to {other}"

    return tamper


def _of_another_type(label: str) -> Tampering:
    def tamper(work: Work, draw: random.Random) -> str | None:
        chosen = _one(work, draw, label)
        kind = draw.choice([PAST, "INPUT", "OUTPUT", "ATTRIBUTION", "OTHERS"])
        work.run(
            "MATCH (a)-[n]->(b) WHERE elementId(n) = $id AND type(n) <> $kind "
            "CREATE (a)-[m:$($kind)]->(b) SET m = properties(n) DELETE n",
            id=chosen,
            kind=kind,
        )
        return f"{chosen} is {kind}"

    return tamper


def _label_added(label: str) -> Tampering:
    def tamper(work: Work, draw: random.Random) -> str | None:
        chosen = _one(work, draw, label)
        new = draw.choice(
            ["LineageNode", "LineagePast", "LineageGone", "LineageType", "LineageTransaction", "LineageStore",
             "LineageGate", "Artifact", "Execution", "Experiment", "Nice"]
        )  # fmt: skip
        rows = work.run(
            f"MATCH (n:{label}) WHERE elementId(n) = $id AND NOT n:{new} SET n:{new} RETURN 1",
            id=chosen,
        )
        return f"{chosen} is {new}" if rows else None

    return tamper


def _label_removed(label: str) -> Tampering:
    def tamper(work: Work, draw: random.Random) -> str | None:
        chosen = _one(work, draw, label)
        ((labels,),) = work.run(
            f"MATCH (n:{label}) WHERE elementId(n) = $id RETURN labels(n)", id=chosen
        )
        old = draw.choice(sorted(labels))
        work.run(f"MATCH (n:{label}) WHERE elementId(n) = $id REMOVE n:{quoted(old)}", id=chosen)
        return f"{chosen} is no {old}"

    return tamper


def _run(statement: str) -> Tampering:
    def tamper(work: Work, draw: random.Random) -> str | None:
        work.run(statement)
        return statement

    return tamper
