"""What stands on the sides of a comparison: constants, columns, members of lists, and parentheses."""

import pytest

from lineage.errors import Invalid
from lineage.filters.parsing import parse
from lineage.filters.tree import (
    And,
    Column,
    Compare,
    CompareColumns,
    Contains,
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

A = Kind.ARTIFACT
EQ, NE, LT, LE, GT, GE = Operator


def col(field: Field, of: str = "") -> Column:
    return Column(field, of)


def prop(name: str, kind: ValueType | None = None, *, custom: bool = False) -> PropertyColumn:
    return PropertyColumn(name, custom, kind)


def context(alias: str, condition: Filter) -> Exists:
    return Exists(Neighbour.CONTEXTS, f"contexts_{alias}", condition)


ONE = Compare(Column(Field.ID), EQ, 1)
NAME, URI, P = col(Field.NAME), col(Field.URI), prop("p")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("TRUE", And(())),
        ("FALSE", Or(())),
        ("NOT FALSE", Not(Or(()))),
        ("TRUE AND id = 1", ONE),
        ("(true) AND id = 1 AND ((TRUE))", ONE),
        ("1 = 1 AND id = 1", ONE),
        ("1 > 1.0 OR id = 1", ONE),
        ("'a' < 'b' AND id = 1", ONE),
        ("TRUE <> FALSE AND id = 1", ONE),
        ("FALSE OR id = 1", ONE),
        ("1 IN (2, 1) AND id = 1", ONE),
        ("1 NOT IN (2, 3) AND id = 1", And((Not(Or(())), ONE))),
        ("(1) IN (1, id)", Or((And(()), ONE))),
        ("2 IN (id, 3)", Compare(col(Field.ID), EQ, 2)),
        (
            "id IN (type_id, 3)",
            Or(
                (
                    CompareColumns(col(Field.ID), EQ, col(Field.TYPE_ID)),
                    Compare(col(Field.ID), EQ, 3),
                )
            ),
        ),
        ("name NOT IN (uri)", Not(CompareColumns(NAME, EQ, URI))),
        ("1 BETWEEN 0 AND 2 AND id = 1", ONE),
        ("2 NOT BETWEEN id AND 3", Not(Compare(col(Field.ID), LE, 2))),
        ("'ab' LIKE 'a_' AND 'a' NOT LIKE 'a_' AND id = 1", And((Not(Or(())), ONE))),
        ("1 IS NULL OR id = 1", ONE),
        ("'a' IS NOT NULL AND id = 1", ONE),
        ("(id = 1) IS TRUE", ONE),
        ("(id = 1) IS NOT FALSE", ONE),
        ("(id = 1) IS FALSE", Not(ONE)),
        ("(id = 1) IS NOT TRUE", Not(ONE)),
        ("(id = 1) IS NULL", Or(())),
        ("TRUE IS TRUE AND id = 1", ONE),
        ("properties.p.bool_value IS TRUE", Compare(prop("p", ValueType.BOOLEAN), EQ, value=True)),
        ("gone IS NOT FALSE", Not(Compare(col(Field.GONE), EQ, value=False))),
        ("FALSE AND id = 1", And((Or(()), ONE))),
        ("TRUE OR id = 1", Or((And(()), ONE))),
        ("id = (1)", ONE),
        ("id = (((1)))", ONE),
        ("(id) = 1", ONE),
        ("((1)) = (id)", ONE),
        ("((id)) IN ((1), (2))", In(col(Field.ID), (1, 2))),
        ("(id) IS NOT NULL", Present(col(Field.ID))),
        ("name LIKE ('a%')", Like(NAME, "a%")),
        ("(id = 1) = TRUE", ONE),
        ("(id = 1) != FALSE", ONE),
        ("(id = 1) = FALSE", Not(ONE)),
        ("((id = 1) <> (TRUE))", Not(ONE)),
        ("name = uri", CompareColumns(NAME, EQ, URI)),
        ("name <> (URI)", CompareColumns(NAME, NE, URI)),
        ("id < type_id", CompareColumns(col(Field.ID), LT, col(Field.TYPE_ID))),
        ("name >= `uri`", CompareColumns(NAME, GE, URI)),
        ("properties.p = name", CompareColumns(P, EQ, NAME)),
        ("name = properties.p", CompareColumns(NAME, EQ, P)),
        (
            "properties.p.int_value > custom_properties.q",
            CompareColumns(prop("p", ValueType.INT), GT, prop("q", custom=True)),
        ),
        (
            "create_time_since_epoch = last_update_time_since_epoch",
            CompareColumns(col(Field.CREATED), EQ, col(Field.UPDATED)),
        ),
        (
            "id BETWEEN type_id AND 9",
            And(
                (
                    CompareColumns(col(Field.ID), GE, col(Field.TYPE_ID)),
                    Compare(col(Field.ID), LE, 9),
                )
            ),
        ),
        (
            "name = contexts_a.name",
            context("a", CompareColumns(NAME, EQ, col(Field.NAME, "contexts_a"))),
        ),
        (
            "contexts_a.id < contexts_b.id",
            context(
                "b",
                context(
                    "a",
                    CompareColumns(col(Field.ID, "contexts_a"), LT, col(Field.ID, "contexts_b")),
                ),
            ),
        ),
        (
            "contexts_a.name = contexts_a.type AND contexts_a.id = 1",
            context(
                "a",
                And(
                    (
                        CompareColumns(
                            col(Field.NAME, "contexts_a"), EQ, col(Field.TYPE, "contexts_a")
                        ),
                        Compare(col(Field.ID, "contexts_a"), EQ, 1),
                    )
                ),
            ),
        ),
        ("'x' IN properties.tags", Contains(prop("tags"), "x")),
        ("('x') NOT IN properties.tags", Not(Contains(prop("tags"), "x"))),
        ("1 IN custom_properties.sizes", Contains(prop("sizes", custom=True), 1)),
        ("TRUE in properties.p OR id = 1", Or((Contains(P, True), ONE))),
    ],
)
def test_constants_columns_and_members(text: str, tree: Filter) -> None:
    assert parse(text, A) == tree


def test_parentheses_that_change_nothing_do_not_count() -> None:
    both = "(" * 1_000 + "id = 1" + ")" * 1_000
    assert parse(both, A) == ONE
    assert parse("(" * 30_000 + "id = 1" + ")" * 30_000, A) == ONE
    assert parse("id = " + "(" * 30_000 + "1" + ")" * 30_000, A) == ONE
    chain = "(" * 2_000 + "id = 1" + " AND id = 1)" * 2_000
    assert parse(chain, A) == And((ONE,) * 2_001)
    apart = "id = 1" + " AND (id = 1" * 2_000 + ")" * 2_000
    assert parse(apart, A) == And((ONE,) * 2_001)
    deepest = "(" * 64 + "id = 1" + " AND id = 2 OR id = 3)" * 64
    assert parse(f"(({deepest}))", A) == parse(deepest, A)
    with pytest.raises(Invalid, match="more than 64 deep"):
        parse(f"({deepest} AND id = 4 OR id = 5) AND id = 6", A)
