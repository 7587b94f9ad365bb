"""Patches: what makes one view another, so that opening a group sends what is new and not the whole again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lineage.answers.marks import Mark, MarkEdge
from lineage.answers.notebook import Part
from lineage.answers.opening import Opening
from lineage.answers.view import View

__all__ = ["AddedMark", "Patch", "Rest", "patch_of"]


@dataclass(frozen=True, slots=True)
class AddedMark(Part):
    """A mark that is new in a view, and its place among the marks that are there then."""

    at: int
    mark: Mark


@dataclass(frozen=True, slots=True)
class Rest(Part):
    """What is left of a group that was opened: a mark, which opens as any other, of `count` nodes."""

    group: str
    id: str
    count: int


@dataclass(frozen=True, slots=True)
class Patch(Part):
    """What makes one view of a transaction another, such as the one with a group open.

    Take away the marks `removed`, by id, put those of `changed` in the places of theirs, and each of `added`, in order, in
    its place; the others keep their order. Take away the edges `edges_removed`, by the ids of source and target, put those of
    `edges_changed` and `edges_added` there; edges are in the order of the places of their sources, then of their targets.
    `more` is what is left of the groups that the later view has open and the earlier one has not. `opened` and
    `notes` are those of the later view.
    """

    removed: tuple[str, ...]
    changed: tuple[Mark, ...]
    added: tuple[AddedMark, ...]
    edges_removed: tuple[tuple[str, str], ...]
    edges_changed: tuple[MarkEdge, ...]
    edges_added: tuple[MarkEdge, ...]
    more: tuple[Rest, ...]
    opened: tuple[str, ...]
    notes: tuple[str, ...]
    number: int


def patch_of(before: View, after: View) -> Patch:
    """Return what makes one view the other; a mark that moves among those that stay is removed and added.

    >>> import lineage
    >>> store = lineage.connect("memory:")
    >>> lake = store.put(lineage.Dataset(uri="s3://lake/churn.csv"))
    >>> for depth in (3, 4, 5):
    ...     _ = store.record(lineage.Train(name=f"fit {depth}"), inputs=[lake])
    >>> view = store.view(lake)
    >>> group = view.marks[1]
    >>> patch = patch_of(view, view.open(group.id, page=1))
    >>> patch.removed == (group.id,), [each.mark.label for each in patch.added]
    (True, ['fit 3', 'Train, more ×2'])
    >>> [(each.group == group.id, each.count) for each in patch.more]
    [(True, 2)]
    """
    old = {mark.id: mark for mark in before.marks}
    kept = _kept(before.marks, after.marks)
    old_edges = {(edge.source, edge.target): edge for edge in before.edges}
    edges = {(edge.source, edge.target): edge for edge in after.edges}
    return Patch(
        removed=tuple(each for each in old if each not in kept),
        changed=tuple(each for each in after.marks if each.id in kept and each != old[each.id]),
        added=tuple(
            AddedMark(at, each) for at, each in enumerate(after.marks) if each.id not in kept
        ),
        edges_removed=tuple(ends for ends in old_edges if ends not in edges),
        edges_changed=tuple(
            edge for ends, edge in edges.items() if ends in old_edges and edge != old_edges[ends]
        ),
        edges_added=tuple(edge for ends, edge in edges.items() if ends not in old_edges),
        more=tuple(_rests(before, after)),
        opened=after.opened,
        notes=after.notes,
        number=after.number,
    )


def _kept(before: Sequence[Mark], after: Sequence[Mark]) -> set[str]:
    """Return the marks of both views that follow one another in the same order."""
    place = {mark.id: number for number, mark in enumerate(before)}
    kept, last = set[str](), -1
    for mark in after:
        if place.get(mark.id, -1) > last:
            last = place[mark.id]
            kept.add(mark.id)
    return kept


def _rests(before: View, after: View) -> Iterator[Rest]:
    fresh = {Opening.parse(each).id for each in after.opened}
    fresh -= {Opening.parse(each).id for each in before.opened}
    for mark in after.marks:
        if mark.rule == "rest" and mark.within in fresh:
            yield Rest(mark.within, mark.id, mark.count)
