"""Filters that mention whether a node is gone: what is deleted is found beside what lives."""

import pytest

from lineage.contract.backend import Backend, Order
from lineage.filters.tree import (
    And,
    Column,
    Compare,
    CompareColumns,
    Exists,
    Field,
    Filter,
    In,
    Neighbour,
    Not,
    Operator,
    Or,
    Present,
    PropertyColumn,
)
from lineage.model.keys import Kind
from lineage.testing.builders import DATASET, writing
from lineage.testing.contract.conditions import found

GONE = Column(Field.GONE)
IS_GONE = Compare(GONE, Operator.EQ, value=True)


def is_equal(field: Field, value: int | str, of: str = "") -> Filter:
    return Compare(Column(field, of), Operator.EQ, value)


@pytest.fixture
def graveyard(backend: Backend) -> Backend:
    """Artifacts 1 to 5: the second deleted by transaction 2, the third by 2 and alive again from 3, the fourth purged by 4."""
    with writing(backend) as new:
        data = [
            new.artifact(name=f"n{number}", uri="s3://a", external_id=f"x{number}")
            for number in range(1, 6)
        ]
        run, part = new.execution(state=3), new.context(name="c")
        for each in data:
            new.edge(each, run, time=each.id)
            new.edge(part, each)
    with writing(backend) as new:
        new.delete(*data[1:4])
    with writing(backend) as new:
        new.update(data[2], name="n3")
    with writing(backend) as new:
        new.purge(data[3])
        new.delete(part)
    return backend


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (IS_GONE, [2, 4]),
        (Not(IS_GONE), [1, 3, 5]),
        (Compare(GONE, Operator.NE, value=False), [2, 4]),
        (In(GONE, (True, False)), [1, 2, 3, 4, 5]),
        (In(GONE, (1, "TRUE")), []),
        (Present(GONE), [1, 2, 3, 4, 5]),
        (Not(Present(GONE)), []),
        (CompareColumns(GONE, Operator.EQ, GONE), [1, 2, 3, 4, 5]),
        (CompareColumns(GONE, Operator.EQ, PropertyColumn("p")), []),
        (Or((IS_GONE, is_equal(Field.ID, 1))), [1, 2, 4]),
        (And((IS_GONE, is_equal(Field.ID, 1))), []),
        (And((IS_GONE, is_equal(Field.ID, 2))), [2]),
        (And((IS_GONE, In(Column(Field.ID), (1, 2, 3, 4)))), [2, 4]),
        (And((IS_GONE, is_equal(Field.NAME, "n2"))), [2]),
        (And((IS_GONE, is_equal(Field.TYPE_ID, DATASET))), [2, 4]),
        (And((IS_GONE, is_equal(Field.EXTERNAL_ID, "x2"))), [2]),
        (And((IS_GONE, is_equal(Field.EXTERNAL_ID, "x3"))), []),
        (And((Present(GONE), is_equal(Field.URI, "s3://a"))), [1, 2, 3, 5]),
        (And((IS_GONE, Exists(Neighbour.CONTEXTS, "c", is_equal(Field.NAME, "c", "c")))), []),
        (
            And(
                (Present(GONE), Exists(Neighbour.EVENTS, "e", is_equal(Field.EXECUTION_ID, 1, "e")))
            ),
            [1, 2, 3, 4, 5],
        ),
        (Exists(Neighbour.EVENTS, "e", And((IS_GONE, is_equal(Field.EVENT_TIME, 2, "e")))), [2]),
        (And((IS_GONE, *[Not(is_equal(Field.ID, number)) for number in range(9, 600)])), [2, 4]),
    ],
)
def test_deleted_nodes_are_found_where_they_are_asked_for(
    where: Filter, expected: list[int], graveyard: Backend
) -> None:
    assert found(graveyard, where) == expected
    rows = graveyard.find(Kind.ARTIFACT, where)
    assert [row.gone for row in rows] == [number in (2, 4) for number in expected]
    assert {row.key: row for row in rows} == graveyard.nodes([row.key for row in rows])


@pytest.mark.parametrize(
    ("number", "gone"), [(0, []), (1, []), (2, [2, 3, 4]), (3, [2, 4]), (4, [2, 4])]
)
def test_what_was_gone_at_a_moment_is_found(
    number: int, gone: list[int], graveyard: Backend
) -> None:
    for where in (IS_GONE, And((IS_GONE, is_equal(Field.TYPE_ID, DATASET)))):
        rows = graveyard.find(Kind.ARTIFACT, where, as_of=number)
        assert [row.key.id for row in rows] == gone
        keys = [row.key for row in rows]
        assert {row.key: row for row in rows} == graveyard.nodes(keys, as_of=number)
    named = And((IS_GONE, is_equal(Field.NAME, "n3")))
    assert [row.key.id for row in graveyard.find(Kind.ARTIFACT, named, as_of=number)] == (
        [3] if 3 in gone else []
    )
    near = And((IS_GONE, Exists(Neighbour.CONTEXTS, "c", is_equal(Field.NAME, "c", "c"))))
    rows = graveyard.find(Kind.ARTIFACT, near, as_of=number)
    assert [row.key.id for row in rows] == (gone if number < 4 else [])


@pytest.mark.parametrize("field", [Field.ID, Field.CREATED, Field.UPDATED])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_go_on_over_the_living_and_the_deleted(
    field: Field, descending: bool, graveyard: Backend
) -> None:
    order = Order(field, descending)
    whole = graveyard.find(Kind.ARTIFACT, Present(GONE), order=order)
    assert sorted(row.key.id for row in whole) == [1, 2, 3, 4, 5]
    after, paged = None, []
    while rows := graveyard.find(Kind.ARTIFACT, Present(GONE), order=order, after=after, limit=2):
        paged += rows
        after = (order.value(rows[-1]), rows[-1].key.id)
    assert paged == whole


def test_a_transaction_sees_what_it_deletes_and_revives(graveyard: Backend) -> None:
    one, two = (
        graveyard.find(Kind.ARTIFACT, is_equal(Field.ID, 1))[0].key,
        graveyard.find(Kind.ARTIFACT, And((IS_GONE, is_equal(Field.ID, 2))))[0].key,
    )
    with writing(graveyard) as new:
        new.delete(one)
        new.update(two, name="n2")
        assert found(graveyard, IS_GONE) == [1, 4]
        assert [row.key.id for row in graveyard.find(Kind.ARTIFACT, IS_GONE, as_of=4)] == [2, 4]
    assert found(graveyard, IS_GONE) == [1, 4]
