"""What is found of live nodes, in which order and in pages; and which moment a filter reads."""

import pytest

from lineage.contract.backend import Backend, Order
from lineage.filters.tree import (
    And,
    Column,
    Compare,
    Exists,
    Field,
    Filter,
    Neighbour,
    Not,
    Operator,
)
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow
from lineage.testing.builders import writing
from lineage.testing.contract.conditions import NAME, STATE, P, found


def test_only_live_nodes_are_found(backend: Backend) -> None:
    with writing(backend) as new:
        kept, deleted = new.artifact(name="a"), new.artifact(name="b")
    with writing(backend) as new:
        new.update(kept, name="c")
        new.delete(deleted)
    assert found(backend, None) == [1]
    assert found(backend, Compare(NAME, Operator.EQ, "a")) == []
    assert found(backend, Compare(NAME, Operator.EQ, "b")) == []
    assert [row.name for row in backend.find(Kind.ARTIFACT, as_of=1)] == ["a", "b"]
    past = backend.find(Kind.ARTIFACT, Compare(NAME, Operator.EQ, "a"), as_of=1)
    assert [row.key for row in past] == [kept]


@pytest.mark.parametrize("field", [Field.ID, Field.CREATED, Field.UPDATED])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_pages_make_up_the_whole(
    field: Field, descending: bool, size: int, backend: Backend
) -> None:
    times = [3, 1, 2, 1, 3, 3, 1, -(2**62), 2**62, 2, 2, 1]
    with writing(backend) as new:
        keys = [new.artifact(created=time, updated=-time) for time in times]
    with writing(backend) as new:
        new.update(keys[3], updated=3)
        new.delete(keys[4])

    def place(row: NodeRow) -> tuple[int, int]:
        return {Field.CREATED: row.created, Field.UPDATED: row.updated}.get(
            field, row.key.id
        ), row.key.id

    for as_of in (None, 1, 2):
        order = Order(field, descending)
        whole = backend.find(Kind.ARTIFACT, order=order, as_of=as_of)
        assert whole == sorted(whole, key=place, reverse=descending)
        assert len(whole) == 12 - (as_of != 1)
        pages: list[NodeRow] = []
        after = None
        while page := backend.find(
            Kind.ARTIFACT, order=order, after=after, limit=size, as_of=as_of
        ):
            assert page == whole[len(pages) : len(pages) + size]
            pages += page
            after = place(page[-1])
        assert pages == whole


def test_pages_of_a_filter(backend: Backend) -> None:
    with writing(backend) as new:
        for number in range(20):
            new.artifact(state=number % 2)
    odd = Compare(STATE, Operator.EQ, 1)
    assert [row.key.id for row in backend.find(Kind.ARTIFACT, odd, limit=3)] == [2, 4, 6]
    assert [row.key.id for row in backend.find(Kind.ARTIFACT, odd, after=(6, 6), limit=2)] == [
        8,
        10,
    ]
    newest = Order(descending=True)
    page = backend.find(Kind.ARTIFACT, odd, order=newest, after=(6, 6), limit=5)
    assert [row.key.id for row in page] == [4, 2]
    assert backend.find(Kind.ARTIFACT, odd, limit=0) == []


def test_page_may_begin_at_what_is_gone(backend: Backend) -> None:
    with writing(backend) as new:
        keys = [new.artifact() for _ in range(5)]
        new.delete(keys[2])
    assert [row.key.id for row in backend.find(Kind.ARTIFACT, after=(3, 3))] == [4, 5]
    assert [row.key.id for row in backend.find(Kind.ARTIFACT, after=(-1, 0))] == [1, 2, 4, 5]
    assert backend.find(Kind.ARTIFACT, after=(99, 99)) == []


def test_filter_reads_its_own_moment(backend: Backend) -> None:
    with writing(backend) as new:
        data, part = new.artifact(name="a", properties={"p": 1}), new.context(name="c")
        link = new.edge(part, data)
    with writing(backend) as new:
        new.update(data, name="b", properties={"p": 2})
        new.update(part, name="d")
    with writing(backend) as new:
        new.end(link)
    with writing(backend) as new:
        new.delete(part)

    def moments(where: Filter) -> list[int]:
        return [n for n in range(5) if backend.find(Kind.ARTIFACT, where, as_of=n)]

    def in_context(name: str) -> Filter:
        return Exists(Neighbour.CONTEXTS, "c", Compare(Column(Field.NAME, "c"), Operator.EQ, name))

    assert moments(Compare(NAME, Operator.EQ, "a")) == [1]
    assert moments(Compare(P, Operator.EQ, 2)) == [2, 3, 4]
    assert moments(in_context("c")) == [1]
    assert moments(in_context("d")) == [2]
    assert moments(Not(Exists(Neighbour.CONTEXTS, "c", And(())))) == [3, 4]
    assert [
        n
        for n in range(5)
        if backend.find(
            Kind.CONTEXT,
            Exists(Neighbour.ARTIFACTS, "a", Compare(Column(Field.ID, "a"), Operator.EQ, 1)),
            as_of=n,
        )
    ] == [1, 2]


def test_find_sees_own_writes(backend: Backend) -> None:
    with writing(backend) as new:
        data, part = new.artifact(name="a"), new.context(name="c")
        where = Exists(Neighbour.CONTEXTS, "c", Compare(Column(Field.NAME, "c"), Operator.EQ, "c"))
        assert backend.find(Kind.ARTIFACT, where) == []
        new.edge(part, data)
        assert [row.key for row in backend.find(Kind.ARTIFACT, where)] == [data]
        new.delete(part)
        assert backend.find(Kind.ARTIFACT, where) == []
        assert backend.find(Kind.CONTEXT) == []
    assert backend.nodes([NodeKey(Kind.CONTEXT, 1)])[NodeKey(Kind.CONTEXT, 1)].gone
