"""Finding in Neo4j, beside the contract: how a search goes about it, and what Neo4j alone makes hard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lineage.backends.neo4j import lookup, rows
from lineage.backends.neo4j.backend import Neo4jBackend
from lineage.backends.neo4j.beginnings import beginning_with
from lineage.backends.neo4j.find import BATCH_ROWS, find_nodes
from lineage.backends.neo4j.rows import HELD_BYTES, quoted
from lineage.backends.neo4j.writings import writings_at
from lineage.contract.backend import Order
from lineage.contract.beginnings import Beginning
from lineage.contract.writings import AtUri
from lineage.filters.tree import (
    And,
    Column,
    Compare,
    Exists,
    Field,
    Filter,
    In,
    Like,
    Neighbour,
    Not,
    Operator,
    Or,
    Present,
    PropertyColumn,
)
from lineage.model.keys import Kind
from lineage.model.values import ValueType
from lineage.testing.builders import DATASET, writing
from lineage.testing.contract.conditions import check_all
from tests.servers import Neo4jServer

P, NAME, TYPE = PropertyColumn("p"), Column(Field.NAME), Column(Field.TYPE_ID)
MANY = 1_000


@pytest.fixture
def backend(neo4j_server: Neo4jServer) -> Iterator[Neo4jBackend]:
    with Neo4jBackend(neo4j_server.url) as backend:
        yield backend


class Recorder:
    """Runs the statements of a search, and keeps them."""

    def __init__(self, server: Neo4jServer) -> None:
        self.server = server
        self.statements: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, query: str, /, **parameters: Any) -> list[list[Any]]:
        self.statements.append((query, parameters))
        return self.server.run(query, **parameters)

    def hits(self) -> int:
        """Return how many times Neo4j touched its store for the last statement."""
        query, parameters = self.statements[-1]
        with self.server.session() as session:
            profile = session.run(f"PROFILE {query}", parameters).consume().profile
        assert profile is not None
        return _hits(profile)


def _hits(plan: dict[str, Any]) -> int:
    return int(plan["dbHits"]) + sum(map(_hits, plan.get("children", ())))


def searched(
    server: Neo4jServer,
    backend: Neo4jBackend,
    where: Filter | None,
    order: Order = Order(),
    *,
    limit: int | None = None,
    as_of: int | None = None,
) -> tuple[list[int], Recorder]:
    run = Recorder(server)
    rows = find_nodes(
        run,
        backend.now() if as_of is None else as_of,
        Kind.ARTIFACT,
        where,
        order=order,
        after=None,
        limit=limit,
        is_past=True,
        types=[row.type for row in backend.types()],
    )
    return [row.key.id for row in rows], run


def has(column: Column | PropertyColumn, value: bool | float | str) -> Compare:
    return Compare(column, Operator.EQ, value)


# How much is read


def test_searches_go_by_indexes(neo4j_server: Neo4jServer, backend: Neo4jBackend) -> None:
    with writing(backend) as new:
        scored = new.type(
            Kind.ARTIFACT, "Scored", properties={"score": "INT"}, indexed=["score", "`\\u0060"]
        )
        part = new.context(name="part")
        keys = [
            new.artifact(
                scored if number % 3 == 0 else DATASET,
                name=f"n{number}",
                external_id=f"x{number}",
                uri=f"u{number}",
                properties={"score": number, "`\\u0060": number},
                created=MANY - number,
            )
            for number in range(MANY)
        ]
        for key in keys[:5]:
            new.edge(part, key)
    neo4j_server.run("CALL db.awaitIndexes()")
    # Plans go by statistics, which are of an earlier test until Neo4j samples again.
    neo4j_server.run("CALL db.prepareForReplanning()")
    in_part = Exists(Neighbour.CONTEXTS, "c", has(Column(Field.NAME, "c"), "part"))
    of_type = has(TYPE, scored)
    newest = Order(Field.CREATED, descending=True)
    cases: list[tuple[Filter | None, Order, list[int]]] = [
        (None, Order(), list(range(1, 11))),
        (None, Order(descending=True), list(range(MANY, MANY - 10, -1))),
        (None, newest, list(range(1, 11))),
        (of_type, Order(), list(range(1, 31, 3))),
        (In(TYPE, (scored, DATASET)), Order(), list(range(1, 11))),
        (has(Column(Field.ID), 7), Order(), [7]),
        (has(NAME, "n7"), Order(), [8]),
        (Or((has(NAME, "n7"), has(NAME, "n9"))), newest, [8, 10]),
        (has(Column(Field.EXTERNAL_ID), "x7"), Order(), [8]),
        (has(Column(Field.URI), "u7"), Order(), [8]),
        (And((of_type, has(PropertyColumn("score"), 9))), Order(), [10]),
        (And((of_type, has(PropertyColumn("`\\u0060"), 9))), Order(), [10]),
        (And((of_type, Compare(PropertyColumn("score"), Operator.LT, 6))), Order(), [1, 4]),
        (in_part, Order(), [1, 2, 3, 4, 5]),
    ]
    for where, order, expected in cases:
        found, run = searched(neo4j_server, backend, where, order, limit=10)
        assert found == expected, where
        assert len(run.statements) == 1
        assert run.hits() < MANY / 2, (where, run.statements[-1])


def test_look_ups_of_the_past_go_by_indexes(
    neo4j_server: Neo4jServer, backend: Neo4jBackend
) -> None:
    with writing(backend) as new:
        part = new.context(name="part")
        keys = [
            new.artifact(name=f"n{number}", external_id=f"x{number}", uri=f"u{number}")
            for number in range(MANY)
        ]
        new.edge(part, keys[6])
        new.edge(part, keys[7])
    then = backend.now()
    with writing(backend) as new:
        new.write(updates=[new.changed(key, name=None, uri=None) for key in keys[::2]])
        new.delete(*keys[1::2], part)
    with writing(backend) as new:
        new.update(keys[7], name="again")
    neo4j_server.run("CALL db.awaitIndexes()")
    neo4j_server.run("CALL db.prepareForReplanning()")
    in_part = Exists(Neighbour.CONTEXTS, "c", has(Column(Field.NAME, "c"), "part"))
    cases: list[tuple[Filter, list[int]]] = [
        (condition, [number + 1])
        for number in (6, 7, 9)
        for condition in (
            has(NAME, f"n{number}"),
            has(Column(Field.URI), f"u{number}"),
            has(Column(Field.EXTERNAL_ID), f"x{number}"),
            has(Column(Field.ID), number + 1),
            And((has(TYPE, DATASET), has(NAME, f"n{number}"))),
        )
    ]
    cases.append((And((has(NAME, "n6"), in_part)), [7]))
    for where, expected in cases:
        found, run = searched(neo4j_server, backend, where, as_of=then)
        assert found == expected, where
        assert run.hits() < MANY / 10, (where, run.statements[-1])
    for number in (6, 7, 9):
        run = Recorder(neo4j_server)
        at = AtUri(f"u{number}")
        (met,) = writings_at(run, then, at, now=None, limit=None, is_past=True)
        assert met.artifact == keys[number]
        assert run.hits() < MANY / 10


def test_beginnings_are_ranges_of_indexes(neo4j_server: Neo4jServer, backend: Neo4jBackend) -> None:
    with writing(backend) as new:
        keys = [
            new.artifact(name=f"n{number:04}", uri=f"u/{number:04}/l{number:04}")
            for number in range(MANY)
        ]
    then = backend.now()
    with writing(backend) as new:
        new.write(updates=[new.changed(key, name=None, uri=None) for key in keys[::2]])
        new.delete(*keys[1::2])
    neo4j_server.run("CALL db.awaitIndexes()")
    neo4j_server.run("CALL db.prepareForReplanning()")
    for text, limit in (
        ("n", 10),
        ("n12", 50),
        ("u/", 10),
        ("l0007", None),
        (f"u/{MANY - 1:04}/l", 1),
    ):
        for kind in (None, Kind.ARTIFACT):
            run = Recorder(neo4j_server)
            rows = beginning_with(run, then, Beginning(text, kind, limit), is_past=True)
            fitting = [
                key
                for number, key in enumerate(keys)
                if f"n{number:04}".startswith(text)
                or f"u/{number:04}/l".startswith(text)
                or f"l{number:04}".startswith(text)
            ]
            assert [row.key for row in rows] == fitting[:limit]
            assert run.hits() < MANY


def test_filter_too_large_for_neo4j_takes_a_trip_for_each_kind_of_neighbour(
    neo4j_server: Neo4jServer, backend: Neo4jBackend
) -> None:
    with writing(backend) as new:
        parts = [new.context(name=str(number)) for number in range(3)]
        keys = [new.artifact(uri="a") for _ in range(BATCH_ROWS + 5)]
        for number, key in enumerate(keys):
            new.edge(parts[number % 3], key)
    tree: Filter = has(Column(Field.NAME, "c"), "1")
    for level in range(40):
        tree = Not(And((has(P, level), Not(tree))))
    of_uri = has(Column(Field.URI), "a")
    found, run = searched(
        neo4j_server, backend, And((of_uri, Not(Exists(Neighbour.CONTEXTS, "c", Not(tree)))))
    )
    assert found == [key.id for key in keys]
    assert len(run.statements) <= 2 * 3


def test_statement_depends_on_the_shape_alone(
    neo4j_server: Neo4jServer, backend: Neo4jBackend
) -> None:
    def text(where: Filter) -> str:
        return searched(neo4j_server, backend, where)[1].statements[0][0]

    assert text(has(P, 1)) == text(has(P, 2))
    assert text(In(NAME, ("a", "b"))) == text(In(NAME, tuple("abcdefgh")))
    assert text(has(NAME, "a")) == text(has(NAME, "b"))
    assert "secret" not in text(Or((has(P, "secret"), Like(P, "secret%"))))


# What Neo4j cannot decide


def test_strings_too_long_to_be_native(backend: Neo4jBackend) -> None:
    long = "l" * (HELD_BYTES + 1)
    texts = [long, long + "x", long[:-1], "m", "k", ""]
    with writing(backend) as new:
        for value in [*texts, 5, True, {"a": 1}, None]:
            new.artifact(properties={} if value is None else {"p": value})
    tests: list[Filter] = [Compare(P, op, text) for op in Operator for text in texts]
    tests += [In(P, (long, "m")), In(P, ("m", 5)), Like(P, "l%"), Like(P, "%x"), Like(P, "%l_")]
    tests += [
        Present(PropertyColumn("p", kind=kind))
        for kind in (None, ValueType.STRING, ValueType.STRUCT)
    ]
    check_all(backend, [*tests, And((tests[0], Not(tests[1])))], [Kind.ARTIFACT])


def test_strings_sort_by_code_point(backend: Neo4jBackend) -> None:
    texts = [
        "\ud7ff",
        "\ue000",
        "\uffff",
        "\U00010000",
        "\U0001f600",
        "a\uffff",
        "a\U00010000",
        "a",
    ]
    with writing(backend) as new:
        for text in texts:
            key = new.artifact(name=text, properties={"p": text})
            new.edge(new.context(name=text), key)
    columns: list[Column | PropertyColumn] = [NAME, P, Column(Field.NAME, "c")]
    tests: list[Filter] = [
        Compare(each, op, text) for op in Operator for text in texts for each in columns[:2]
    ]
    tests += [
        Exists(Neighbour.CONTEXTS, "c", Compare(columns[2], op, text))
        for op in (Operator.LT, Operator.GE)
        for text in texts
    ]
    check_all(backend, tests, [Kind.ARTIFACT])


def test_numbers_beyond_64_bits_and_zeros(backend: Neo4jBackend) -> None:
    values = [2**63 - 1, -(2**63), float(2**63), float(2**70), 1.7e308, float("inf"), float("nan")]
    values += [0, 0.0, -0.0, -5e-324]
    with writing(backend) as new:
        for value in values:
            new.artifact(properties={"p": value})
    literals = [2**63, 2**70, 2**70 + 1, -(2**70) - 1, 10**400, -(10**400), float("nan"), 0, -0.0]
    kinds = (None, ValueType.INT, ValueType.DOUBLE)
    columns = [PropertyColumn("p", kind=kind) for kind in kinds]
    tests: list[Filter] = [
        Compare(column, op, literal)
        for column in columns
        for op in Operator
        for literal in literals
    ]
    tests += [In(column, tuple(literals)) for column in columns]
    tests += [Compare(Column(Field.ID), op, literal) for op in Operator for literal in literals]
    check_all(backend, tests, [Kind.ARTIFACT])


def test_like_takes_what_regular_expressions_would_not(backend: Neo4jBackend) -> None:
    texts = [r"\E.*", r"\Q", "a.b", "axb", "(", "[a]", "a\\", "\n_", "\x00#", "$^", "\U0001f600x"]
    with writing(backend) as new:
        for text in texts:
            new.artifact(name=text)
    patterns = [
        *texts,
        *(f"_%{text}%_" for text in texts),
        *(f"%{text[1:]}" for text in texts),
        "__",
    ]
    patterns += [text[:1] + "_" + text[2:] for text in texts] + ["%%", "%%a%%%_%%"]
    check_all(backend, [Like(NAME, pattern) for pattern in patterns], [Kind.ARTIFACT])


@pytest.mark.parametrize("name", ["`", "``", "\\", "\\u0060", "\\\\u0060", "a`b\\", "😀", "\n"])
def test_names_are_quoted(name: str, neo4j_server: Neo4jServer) -> None:
    with neo4j_server.session() as session:
        assert list(session.run(f"RETURN 1 AS {quoted(name)}").keys()) == [name]


def test_neighbours_of_the_past_are_judged(
    neo4j_server: Neo4jServer, backend: Neo4jBackend
) -> None:
    with writing(backend) as new:
        key, part = new.artifact(), new.context(name="before")
        new.edge(part, key)
    with writing(backend) as new:
        new.update(part, name="after")
    for name, found in (("before", [key]), ("after", [])):
        where = Exists(Neighbour.CONTEXTS, "c", has(Column(Field.NAME, "c"), name))
        assert [row.key for row in backend.find(Kind.ARTIFACT, where, as_of=1)] == found
        negated = backend.find(Kind.ARTIFACT, Not(where), as_of=1)
        assert [row.key for row in negated] == [each for each in [key] if each not in found]


def test_versions_that_leave_the_present_meanwhile_are_found(
    neo4j_server: Neo4jServer, backend: Neo4jBackend
) -> None:
    with writing(backend) as new:
        keys = [new.artifact(name=name, created=5) for name in "abc"]
    at = backend.now()
    with writing(backend) as new:
        new.update(keys[0], name="z", updated=9)
        new.delete(keys[1])
    for order in (Order(), Order(Field.CREATED), Order(Field.UPDATED, descending=True)):
        rows = backend.find(Kind.ARTIFACT, order=order, as_of=at)
        assert {row.name for row in rows} == set("abc")
        assert not any(row.gone or row.until for row in rows)
    assert [row.key for row in backend.find(Kind.ARTIFACT, has(NAME, "b"), as_of=at)] == [keys[1]]


def test_digests_of_one_hash_do_not_take_each_others_room(
    backend: Neo4jBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (lookup, rows):
        monkeypatch.setattr(module, "digest_number", len)
    with writing(backend) as new:
        keys = [new.artifact(custom={"digest": digest}) for digest in ("a", "b", "a", "b")]
    found = backend.with_digests(["a", "b", "c"], limit=1)
    assert {digest: [row.key for row in some] for digest, some in found.items()} == {
        "a": [keys[0]],
        "b": [keys[1]],
        "c": [],
    }
