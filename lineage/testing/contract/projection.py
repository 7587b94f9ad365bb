"""Columns of many nodes, and the edges between nodes of some types: what tables are made of."""

import math
from collections.abc import Sequence

import pytest

from lineage.contract.backend import Backend
from lineage.contract.projection import Join, Link, Projected, Projections
from lineage.errors import Invalid
from lineage.filters.tree import (
    AnyColumn,
    Column,
    Compare,
    Exists,
    Field,
    Filter,
    In,
    Neighbour,
    Operator,
    PropertyColumn,
    TableColumn,
    all_of,
)
from lineage.model.keys import Kind
from lineage.model.rows import INPUT_KINDS, EdgeKind
from lineage.model.values import ValueType
from lineage.testing.builders import DATASET, MODEL, TRAIN, writing

PLAIN = {"a": 3, "b": 0.1, "c": "te\0xt", "d": True, "e": math.inf, "a'b\"": 1, "list": ["x", 2]}
COLUMNS: list[AnyColumn] = [
    PropertyColumn("b", custom=True),
    Column(Field.NAME),
    *map(PropertyColumn, PLAIN),
    PropertyColumn("struct", custom=True),
    PropertyColumn("a", kind=ValueType.DOUBLE),
    Column(Field.UPDATED),
    Column(Field.ID),
]


def both(
    backend: Backend,
    columns: Sequence[AnyColumn],
    where: Filter | None = None,
    *,
    as_of: int | None = None,
) -> list[Projected]:
    """Return values, which do not depend on how a backend reads them."""
    found = backend.values(Kind.ARTIFACT, columns, where, as_of=as_of)
    default = Projections._values(backend, Kind.ARTIFACT, columns, where, as_of)
    assert repr(found) == repr(default)  # NaN equals nothing
    return found


def test_values_are_those_that_filters_compare(backend: Backend) -> None:
    with writing(backend) as new:
        new.type(Kind.ARTIFACT, "Thing")
        one = new.artifact(name="one", properties=PLAIN, custom={"struct": {"k": 1}}, updated=5)
        two = new.artifact(custom={"b": math.nan})
        new.execution(name="no artifact")
    row, other = both(backend, COLUMNS)
    at = [one.id, None, "one", 3, 0.1, "te\0xt", True, math.inf, 1, ("x", 2)]
    assert list(row) == [*at, ValueType.STRUCT, None, 5, one.id]
    assert other[0] == two.id
    assert math.isnan(other[1])
    assert set(other[2:-2]) == {None}
    assert both(backend, []) == [(one.id,), (two.id,)]
    assert both(backend, [Column(Field.NAME)]) == [(one.id, "one"), (two.id, None)]


def test_values_are_of_the_nodes_that_a_filter_accepts(backend: Backend) -> None:
    with writing(backend) as new:
        one, _ = (new.artifact(MODEL, properties={"a": each}) for each in (1, 2))
        run = new.execution()
        data = new.artifact(DATASET, properties={"a": 1})
        new.edge(data, run)
    a = PropertyColumn("a")
    is_one = Compare(a, Operator.EQ, 1)
    of_type = In(Column(Field.TYPE_ID), (MODEL,))
    assert both(backend, [a], is_one) == [(one.id, 1), (data.id, 1)]
    assert both(backend, [a], all_of(is_one, of_type)) == [(one.id, 1)]
    by_run = Compare(Column(Field.EXECUTION_ID, "e"), Operator.EQ, run.id)
    assert both(backend, [a], Exists(Neighbour.EVENTS, "e", by_run)) == [(data.id, 1)]


def test_values_of_a_moment(backend: Backend) -> None:
    a = PropertyColumn("a")
    with writing(backend) as new:
        one, two = (new.artifact(properties={"a": 1}) for _ in range(2))
    with writing(backend) as new:
        new.update(one, properties={"a": 2})
        new.delete(two)
    assert both(backend, [a], as_of=1) == [(one.id, 1), (two.id, 1)]
    assert both(backend, [a]) == [(one.id, 2)]
    gone = Compare(Column(Field.GONE), Operator.EQ, value=True)
    assert both(backend, [a], gone) == [(two.id, 1)]


@pytest.mark.parametrize(
    "column",
    [
        Column(Field.TYPE),
        Column(Field.GONE),
        Column(Field.EVENT_TIME),
        Column(Field.NAME, "contexts_a"),
        TableColumn("auc", family="metrics"),
    ],
)
def test_columns_that_no_node_has_by_itself_are_refused(
    backend: Backend, column: Column | PropertyColumn
) -> None:
    with pytest.raises(Invalid, match="no column whose values"):
        backend.values(Kind.ARTIFACT, [column])


def links(
    backend: Backend, sources: set[int], targets: set[int], as_of: int | None = None
) -> list[Link]:
    """Return inputs, which do not depend on how a backend finds them."""
    found = sorted(backend.joined(sources, targets, INPUT_KINDS, as_of=as_of), key=repr)
    join = Join(frozenset(sources), frozenset(targets), INPUT_KINDS)
    assert found == sorted(Projections._joined(backend, join, as_of), key=repr)
    return found


def test_joined_are_the_edges_between_nodes_of_types(backend: Backend) -> None:
    with writing(backend) as new:
        other = new.type(Kind.EXECUTION, "Other")
        data, model = new.artifact(DATASET), new.artifact(MODEL)
        run, another = new.execution(), new.execution(other)
        new.edge(data, run, path='["train",0]')
        new.edge(data, run, EdgeKind.DECLARED_INPUT)
        new.edge(model, run)
        new.edge(data, another)
        new.edge(run, model, EdgeKind.OUTPUT)
    one = (data.id, run.id, '["train",0]')
    twice = (data.id, run.id, None)
    assert links(backend, {DATASET}, {TRAIN}) == sorted([one, twice], key=repr)
    assert links(backend, {MODEL}, {TRAIN, other}) == [(model.id, run.id, None)]
    assert links(backend, {DATASET}, {other}) == [(data.id, another.id, None)]
    assert links(backend, set(), {TRAIN}) == links(backend, {DATASET}, set()) == []
    assert backend.joined({TRAIN}, {MODEL}, {EdgeKind.OUTPUT}) == [(run.id, model.id, None)]


def test_joined_are_of_a_moment_and_between_live_nodes(backend: Backend) -> None:
    with writing(backend) as new:
        data, late = new.artifact(DATASET), new.artifact(DATASET)
        run, doomed = new.execution(), new.execution()
        edge = new.edge(data, run)
        new.edge(data, doomed)
    with writing(backend) as new:
        new.edge(late, run)
        new.edge_update(edge, '["eval"]')
        new.delete(doomed)
    with writing(backend) as new:
        new.end(edge)
        new.delete(late)
    first = [(data.id, run.id, None), (data.id, doomed.id, None)]
    assert links(backend, {DATASET}, {TRAIN}, as_of=1) == sorted(first, key=repr)
    second = [(data.id, run.id, '["eval"]'), (late.id, run.id, None)]
    assert links(backend, {DATASET}, {TRAIN}, as_of=2) == sorted(second, key=repr)
    assert links(backend, {DATASET}, {TRAIN}) == []


def test_kinds_of_edge_that_join_different_kinds_are_refused(backend: Backend) -> None:
    for kinds in ({EdgeKind.INPUT, EdgeKind.OUTPUT}, set[EdgeKind]()):
        with pytest.raises(Invalid, match="join the same kinds of node"):
            backend.joined({DATASET}, {TRAIN}, kinds)


def test_inside_a_transaction_its_own_writes_count(backend: Backend) -> None:
    with writing(backend) as new:
        data, run = new.artifact(DATASET, name="a"), new.execution()
        new.edge(data, run)
        assert links(backend, {DATASET}, {TRAIN}) == [(data.id, run.id, None)]
        assert both(backend, [Column(Field.NAME)]) == [(data.id, "a")]
