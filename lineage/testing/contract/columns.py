"""Conditions on lists, and on two columns at once: what `find` accepts, against their definitions."""

from dataclasses import replace

import pytest

from lineage.contract.backend import Backend
from lineage.filters.parsing import parse
from lineage.filters.tree import (
    AnyColumn,
    Column,
    Compare,
    CompareColumns,
    Contains,
    Exists,
    Field,
    Filter,
    Like,
    Neighbour,
    Not,
    Operator,
    PropertyColumn,
    bind,
)
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind
from lineage.model.values import ValueType
from lineage.testing.builders import DATASET, MODEL, writing
from lineage.testing.contract.conditions import (
    ID,
    NAME,
    OF_EVENT,
    OWN,
    VALUES,
    P,
    check_all,
    found,
    snapshot_of,
)
from lineage.testing.contract.conditions import joined as _joined

joined = _joined
"""The fixture by the name that tests ask for it, so that this module stands alone."""


def pairs(one: str, other: str) -> list[Filter]:
    """Return each comparison of a column of one alias with one of another, and with a property."""
    columns: list[AnyColumn] = [*(Column(field, other) for field in OWN), P]
    return [
        CompareColumns(Column(field, one), op, column)
        for op in Operator
        for field in OWN
        for column in columns
    ]


def test_a_list_is_asked_for_its_members(backend: Backend) -> None:
    with writing(backend) as new:
        new.artifact(custom={"tags": ["red", "blue"]})
        new.artifact(custom={"tags": "red"})
        new.artifact(custom={"tags": ["redder", ["red"], {"red": "red"}, 1, True]})
        new.artifact(custom={"tags": {"red": "red"}})
        new.artifact(custom={"tags": '{"struct":"[red'})
    tags = PropertyColumn("tags", custom=True)
    assert found(backend, Contains(tags, "red")) == [1]
    assert found(backend, Not(Contains(tags, "red"))) == [2, 3, 4, 5]
    assert found(backend, Contains(tags, 1)) == found(backend, Contains(tags, 1.0)) == [3]
    assert found(backend, Contains(tags, True)) == [3]
    assert found(backend, Like(tags, "re%")) == [1, 2, 3]
    assert found(backend, Like(replace(tags, kind=ValueType.STRING), "re%")) == [2]
    assert found(backend, Compare(tags, Operator.EQ, "red")) == [2]
    assert found(backend, Contains(PropertyColumn("tags"), "red")) == []
    then = backend.now()
    with writing(backend) as new:
        new.delete(NodeKey(Kind.ARTIFACT, 1))
        new.update(NodeKey(Kind.ARTIFACT, 2), custom={"tags": ["red"]})
    assert found(backend, Contains(tags, "red")) == [2]
    assert [
        row.key.id for row in backend.find(Kind.ARTIFACT, Contains(tags, "red"), as_of=then)
    ] == [1]


@pytest.mark.parametrize("kind", [None, *ValueType])
def test_properties_compare_with_one_another(
    kind: ValueType | None, backend: Backend, most_conditions: int | None
) -> None:
    with writing(backend) as new:
        for number, value in enumerate(VALUES):
            for step in (0, 1, number % 7 + 2, len(VALUES) - number):
                given = {"p": value, ODD: VALUES[(number + step) % len(VALUES)]}
                given = {key: each for key, each in given.items() if each is not None}
                new.artifact(properties=given)
    own, other_column = PropertyColumn("p", kind=kind), PropertyColumn(ODD)
    tests: list[Filter] = []
    for op in Operator:
        tests += [CompareColumns(own, op, other_column), CompareColumns(other_column, op, own)]
        tests.append(CompareColumns(own, op, own))
    check_all(backend, tests, [Kind.ARTIFACT], most=most_conditions)


ODD = "it's \x00\""
"""A name that no path of JSON can have."""
TEXT_VALUES = ["", "a", "A", "a\x00", "a\x01", "\uffff", "\U0001f600", "1"]


def test_columns_compare_with_one_another(backend: Backend, most_conditions: int | None) -> None:
    with writing(backend) as new:
        for number, text in enumerate(TEXT_VALUES):
            other = TEXT_VALUES[(number * 3 + 1) % len(TEXT_VALUES)]
            new.artifact(uri=text, name=text, properties={"p": other})
            new.artifact(
                uri=other, name=f"{text}.", external_id=f"{other}{number}", properties={"p": text}
            )
            new.artifact(uri=other, state=number % 5, properties={"p": number * 2 + 1})
            new.artifact(created=number, updated=number % 3, properties={"p": float(number % 5)})
    check_all(backend, pairs("", ""), [Kind.ARTIFACT], most=most_conditions)


@pytest.mark.parametrize("neighbour", [each for each in Neighbour if each is not Neighbour.EVENTS])
def test_columns_compare_with_a_neighbours(
    neighbour: Neighbour, joined: Backend, most_conditions: int | None
) -> None:
    conditions = [*pairs("", "n"), *pairs("n", "n")][list(Neighbour).index(neighbour) :: 5]
    tests = [Exists(neighbour, "n", condition) for condition in conditions]
    fewer = (
        None if most_conditions is None else most_conditions // 4
    )  # each is planned for a second in Neo4j
    check_all(joined, tests, most=fewer)
    then, snapshot = joined.now(), snapshot_of(joined)
    with writing(joined) as new:
        for row in joined.find(Kind.CONTEXT):
            new.update(row.key, name=f"now {row.key.id}")
    check_all(joined, tests[::7], snapshot=snapshot, as_of=then, most=fewer)


def test_columns_of_events_compare(joined: Backend, most_conditions: int | None) -> None:
    tests: list[Filter] = [
        Exists(Neighbour.EVENTS, "e", CompareColumns(Column(field, "e"), op, other))
        for op in Operator
        for field in OF_EVENT
        for other in (ID, Column(Field.CREATED), Column(Field.EXECUTION_ID, "e"), NAME, P)
    ]
    check_all(joined, tests, [Kind.ARTIFACT, Kind.EXECUTION], most=most_conditions)
    two = CompareColumns(Column(Field.EVENT_TIME, "e"), Operator.LT, Column(Field.EVENT_TIME, "f"))
    both = Exists(Neighbour.EVENTS, "e", Exists(Neighbour.EVENTS, "f", two))
    check_all(joined, [both], [Kind.ARTIFACT, Kind.EXECUTION])


def test_type_names_compare_with_columns(backend: Backend) -> None:
    with writing(backend) as new:
        same = new.artifact(DATASET, properties={"p": "lineage.Dataset"})
        new.artifact(MODEL, properties={"p": "lineage.Dataset"})
        new.artifact(DATASET)
    types = [row.type for row in backend.types()]
    name = Column(Field.TYPE)
    assert found(backend, bind(CompareColumns(name, Operator.EQ, P), types)) == [same.id]
    assert found(backend, bind(CompareColumns(P, Operator.LT, name), types)) == [2]
    assert found(backend, bind(CompareColumns(name, Operator.GE, name), types)) == [1, 2, 3]


MANY = 200
SEVERAL = {
    "or": " OR ".join(f"contexts_{n}.name = 'c{n % 3}'" for n in range(MANY)),
    "or of two": " OR ".join(
        f"(contexts_{n}.name = 'c{n % 3}' AND contexts_{n}.id > {n % 2})" for n in range(MANY)
    ),
    "or with own": " OR ".join(f"(contexts_{n}.name = 'c1' AND uri = 'u{n}')" for n in range(MANY)),
    "like": " OR ".join(f"contexts_{n}.name LIKE '{n}%'" for n in range(MANY)),
    "and": " AND ".join(f"contexts_{n}.name = 'c{n % 2}'" for n in range(MANY)),
    "and not": " AND ".join(f"NOT contexts_{n}.name = 'c{n % 2}'" for n in range(MANY)),
}
"""Filters with very many neighbours, each with an alias of its own."""


def test_very_many_aliases_are_answered(backend: Backend) -> None:
    with writing(backend) as new:
        contexts = [new.context(name=f"c{number}") for number in range(4)]
        artifacts = [new.artifact(uri=f"u{number}") for number in range(16)]
        for number, artifact in enumerate(artifacts):
            for bit, context in enumerate(contexts):
                if number >> bit & 1:
                    new.edge(context, artifact, EdgeKind.ATTRIBUTION)
    then = snapshot_of(backend)
    for which, text in SEVERAL.items():
        tree = parse(text, Kind.ARTIFACT)
        assert backend.find(Kind.ARTIFACT, tree) == then.found(Kind.ARTIFACT, tree), which
