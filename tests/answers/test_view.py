"""Views: an answer in few marks."""

import pytest

import lineage
from lineage.answers.view import View
from lineage.errors import Invalid, NotFound
from lineage.store import Store


@pytest.fixture
def fan(store: Store) -> View:
    """A data set, and the five models that were trained on it."""
    data = store.put(lineage.Dataset(uri="s3://lake/churn.csv"))
    for number in range(5):
        store.record(lineage.Train(), inputs=[data], outputs=[lineage.Model(name=f"m{number}")])
    return store.downstream(data).view()


def test_alike_nodes_are_one_mark(fan: View) -> None:
    assert [mark.label for mark in fan.marks] == ["churn.csv", "Train ×5", "Model ×5"]
    assert [mark.rule for mark in fan.marks] == ["", "exact", "exact"]
    assert all(edge.every for edge in fan.edges)
    assert [edge.count for edge in fan.edges] == [5, 5]


def test_an_opened_group_closes_again(fan: View) -> None:
    group = fan.marks[2].id
    opened = fan.open(group)
    assert [mark.label for mark in opened.marks[2:]] == ["m0", "m1", "m2", "m3", "m4"]
    assert opened.close(group).marks == fan.marks


@pytest.mark.parametrize("budget", [7, 10_001, 60.0, True])
def test_a_budget_that_makes_no_sense_is_refused(fan: View, budget: int) -> None:
    with pytest.raises(Invalid, match="8 to 10,000"):
        lineage.answers.view.view_of(fan.graph, budget=budget)


def test_what_is_no_group_is_not_opened(fan: View) -> None:
    with pytest.raises(NotFound, match=fan.marks[1].id):
        fan.open("artifact:1")
    with pytest.raises(NotFound, match="open are: none"):
        fan.close(fan.marks[1].id)
