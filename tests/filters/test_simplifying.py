"""Simplified filters mean the same, and ask what is asked many times once."""

import pytest
from hypothesis import given, settings

from lineage.backends.memory.backend import MemoryBackend
from lineage.contract.evaluation import accepts
from lineage.filters.parsing import parse
from lineage.filters.simplifying import simplified
from lineage.filters.tree import Column, Exists, Field, Filter, In, Not, walk_filter
from lineage.model.keys import Kind
from lineage.model.rows import EdgeKind
from lineage.testing.builders import writing
from lineage.testing.histories.operations import filters
from lineage.testing.oracle import Snapshot


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    """A small graph in which nodes share neighbours, and lists, NaN and nothing are among the values."""
    with MemoryBackend() as backend, writing(backend) as new:
        contexts = [new.context(name=name) for name in ("a", "b", None)]
        executions = [new.execution(name=name) for name in ("a", None)]
        values = ({"p": "a"}, {"p": 1}, {"p": True}, {"p": [[1], {}]}, {"p": float("nan")}, {})
        for number, each in enumerate(values):
            artifact = new.artifact(name=f"{number}", uri="ab"[number % 2], properties=each)
            for context in contexts[: number % 4]:
                new.edge(context, artifact, EdgeKind.ATTRIBUTION)
            new.edge(executions[number % 2], artifact, EdgeKind.OUTPUT)
        new.edge(contexts[0], executions[0], EdgeKind.ASSOCIATION)
        new.edge(contexts[0], contexts[1], EdgeKind.PARENT)
        keys = [*contexts, *executions, *(row.key for row in backend.find(Kind.ARTIFACT))]
        rows = {key: (row,) for key, row in backend.nodes(keys).items()}
        edges = {row.key: row for row in backend.edges(keys)}
    return Snapshot(nodes=rows, edges=edges)


@given(tree=filters(depth=3))
@settings(max_examples=300)
def test_a_simplified_filter_means_the_same(snapshot: Snapshot, tree: Filter) -> None:
    simple = simplified(tree)
    accepted = accepts(simple, lambda row, each: snapshot.neighbours(row.key, each.neighbour))
    for kind in Kind:
        for row in snapshot.live(kind):
            expected = snapshot.holds(tree, row, {})
            assert snapshot.holds(simple, row, {}) is expected
            assert accepted(row) is expected


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        (" OR ".join(f"contexts_{n}.name = '{n}'" for n in range(800)), 1),
        (" AND ".join(f"NOT contexts_{n}.name = '{n}'" for n in range(800)), 1),
        (
            " OR ".join(
                f"(contexts_{n}.name = '{n}' AND contexts_{n}.id = {n})" for n in range(400)
            ),
            1,
        ),
        ("contexts_a.name = 'a' OR contexts_b.id = 1 OR events_c.type = INPUT", 3),
        ("contexts_a.name = 'a' AND contexts_b.name = 'b'", 2),
    ],
)
def test_neighbours_that_are_alternatives_are_asked_for_once(text: str, questions: int) -> None:
    tree = simplified(parse(text, Kind.ARTIFACT))
    assert sum(isinstance(each, Exists) for each in walk_filter(tree)) == questions


def test_alternatives_for_one_column_of_neighbours_are_one_in() -> None:
    text = "NOT contexts_a.name = 'x' AND NOT contexts_b.name IN ('y', 'z')"
    tree = simplified(parse(text, Kind.ARTIFACT))
    assert isinstance(tree, Not)
    assert isinstance(tree.item, Exists)
    assert isinstance(tree.item.condition, In)
    assert tree.item.condition.values == ("x", "y", "z")
    assert tree.item.condition.column == Column(Field.NAME, tree.item.alias)
