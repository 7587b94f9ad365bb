"""Patches: what makes one view another, on generated graphs."""

import json

from hypothesis import given
from hypothesis import strategies as st

from lineage.answers.marks import Mark, MarkEdge
from lineage.answers.patches import Patch, Rest, patch_of
from lineage.answers.view import Graph, View, view_of
from lineage.formats.documents import json_text, plain
from tests.answers.test_view import fan, graphs


def applied(patch: Patch, view: View) -> tuple[tuple[Mark, ...], tuple[MarkEdge, ...]]:
    """Return the marks and the edges that a view has with a patch, as a page makes them of its own."""
    changed = {mark.id: mark for mark in patch.changed}
    marks = [changed.pop(each.id, each) for each in view.marks if each.id not in patch.removed]
    assert not changed
    for added in patch.added:
        marks.insert(added.at, added.mark)
    edges = {(edge.source, edge.target): edge for edge in view.edges}
    for ends in patch.edges_removed:
        del edges[ends]
    for edge in patch.edges_changed:
        assert (edge.source, edge.target) in edges
        edges[edge.source, edge.target] = edge
    for edge in patch.edges_added:
        assert (edge.source, edge.target) not in edges
        edges[edge.source, edge.target] = edge
    place = {mark.id: number for number, mark in enumerate(marks)}
    ordered = sorted(edges.values(), key=lambda edge: (place[edge.source], place[edge.target]))
    return tuple(marks), tuple(ordered)


def check(before: View, after: View) -> Patch:
    patch = patch_of(before, after)
    assert applied(patch, before) == (after.marks, after.edges)
    assert (patch.opened, patch.notes, patch.number) == (after.opened, after.notes, after.number)
    document = json.loads(json_text(plain(patch)))
    assert [each["mark"]["id"] for each in document["added"]] == [
        each.mark.id for each in patch.added
    ]
    return patch


@given(graphs(), st.data())
def test_a_patch_makes_a_view_of_the_one_before(graph: Graph, data: st.DataObject) -> None:
    views = [view_of(graph, budget=8)]
    for _ in range(3):
        groups = [mark.id for mark in views[-1].marks if mark.rule]
        if not groups:
            break
        group = data.draw(st.sampled_from(groups))
        views.append(views[-1].open(group, page=data.draw(st.integers(1, 3))))
        patch = check(views[-2], views[-1])
        assert patch.removed == (group,)
        inside = [mark for mark in views[-1].marks if mark.within == group]
        assert {each.mark.id for each in patch.added} == {mark.id for mark in inside}
        assert patch.more == tuple(
            Rest(group, mark.id, mark.count) for mark in inside if mark.rule == "rest"
        )
        assert check(views[-1], views[-2]).more == (), "nothing is left of what is closed"
    check(views[0], views[-1])
    check(views[-1], views[0])
    same = check(views[-1], views[-1])
    assert (same.removed, same.changed, same.added, same.more) == ((), (), (), ())
    assert (same.edges_removed, same.edges_changed, same.edges_added) == ((), (), ())


@given(graphs(), graphs(), st.integers(8, 30))
def test_views_of_other_graphs_are_patched_as_well(one: Graph, other: Graph, budget: int) -> None:
    check(view_of(one, budget=8), view_of(other, budget=budget))


def test_what_is_left_opens_further() -> None:
    view = view_of(fan(250))
    group = next(mark.id for mark in view.marks if mark.label == "Trainer ×250")
    first = view.open(group)
    patch = check(view, first)
    assert (len(patch.added), patch.changed, len(patch.edges_removed)) == (101, (), 2)
    (rest,) = patch.more
    assert (rest.group, rest.count) == (group, 150)
    (rest,) = check(first, first.open(rest.id)).more
    assert rest.count == 50
    second = view.open(group).open(patch.more[0].id)
    assert check(second, second.open(rest.id)).more == ()


def test_labels_that_must_tell_nodes_apart_change_marks() -> None:
    graph = fan(3)
    named = [row._replace(name="same") if row.key.id > 1 else row for row in graph.nodes]
    view = view_of(graph._replace(nodes=named))
    groups = [mark.id for mark in view.marks if mark.rule]
    one = view.open(groups[0], page=1)
    patch = check(one, one.open(groups[1]))
    assert [mark.label for mark in patch.changed] == ["same #2"]
