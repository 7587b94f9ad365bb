"""Views: an answer as a few marks, each a node or a group of alike nodes, and the counted edges between them."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from typing_extensions import override

from lineage.answers.grouping import bundles
from lineage.answers.marks import Graph, Mark, MarkEdge
from lineage.answers.names import details_of, name_of, short_type
from lineage.answers.viewing import Group, Indexed, groups_of
from lineage.contract.walking import Cut
from lineage.errors import Invalid, NotFound, excerpt
from lineage.model.keys import NodeKey
from lineage.model.notebook import ROWS, Shown, html_answer
from lineage.model.rows import EdgeKind

__all__ = ["Graph", "Mark", "MarkEdge", "View", "view_of"]

BUDGET = 60
"""How many marks a view has where nobody asks for more or fewer."""
LEAST_BUDGET, MOST_BUDGET = 8, 10_000
PAGE = 100
"""How many members of a group are opened at once; the rest stays a group."""
LISTED = 5
"""How many members a group's details name."""


class _Base:
    """A graph in groups before any is opened, which all views of it share."""

    def __init__(self, graph: Graph, budget: int, pinned: Sequence[NodeKey]) -> None:
        self.indexed = Indexed(graph)
        self.budget = budget
        self.pinned = tuple(dict.fromkeys(pinned))
        place = self.indexed.place
        for key in self.pinned:
            if key not in place:
                raise NotFound(f"there is no {key} in the view; pin a node of it")
        asked = [*dict.fromkeys((*graph.focus, *self.pinned))]
        singles = [place[key] for key in asked if key in place]
        self.groups, self.keeps_singles = groups_of(self.indexed, singles, budget)


class View(Shown):
    """An answer in few marks: its nodes, alike ones together, and counted edges between them.

    `marks` are in the order of their nearest member: by its distance from the focus, then by key; every node of
    `graph` is in exactly one. `edges` are in the order of the marks, along the flow of data. `notes` say what is not
    as it seems: what a limit cut, and where groups are coarser than alike nodes. `opened` are the groups that were
    opened, as `open` takes them. A view never changes: `open` and `close` return another.
    """

    def __init__(self, base: _Base, opened: Sequence[str] = ()) -> None:
        self._base = base
        self.opened = tuple(opened)
        self.graph = base.indexed.graph
        self.budget = base.budget
        drawn = [_Drawn(group, _id_of(base.indexed, group), "") for group in base.groups]
        for each in self.opened:
            drawn = _opened(base.indexed, drawn, each)
        drawn.sort(key=lambda each: each.group.members[0])
        self._drawn = drawn
        self.marks = tuple(_mark(base.indexed, each) for each in drawn)
        self.edges = tuple(_edges(base.indexed, drawn))
        self.notes = tuple(self._notes())

    @property
    def number(self) -> int:
        """The transaction that the answer is as of."""
        return self.graph.number

    @property
    def truncated(self) -> tuple[Cut, ...]:
        """The limits that cut the answer; none where it is whole."""
        return self.graph.cuts

    def open(self, *ids: str) -> View:
        """Return the view with the nearest 100 members of these groups as marks of their own.

        What is left of a group stays one, of the rule "rest". `NotFound` for what is no group of the view.
        """
        return View(self._base, (*self.opened, *ids))

    def close(self, *ids: str) -> View:
        """Return the view with these groups closed again, and all that was opened inside them.

        Ids are of groups that were opened. `NotFound` for what is not open.
        """
        for each in ids:
            if each not in self.opened:
                raise NotFound(f"{excerpt(each)} is not open; open are: {_listed(self.opened)}")
        view = View(self._base)
        for each in self.opened:
            if each not in ids and any(mark.id == each for mark in view.marks):
                view = view.open(each)
        return view

    def _notes(self) -> Iterator[str]:
        yield from self.graph.notes
        if not self._base.keeps_singles:
            yield (
                f"not every node that was asked for is a mark of its own: {self.budget} marks are too few"
            )
        for cut in self.graph.cuts:
            yield (
                f"the answer was cut by its limit of {cut.limit}: "
                f"{len(cut.frontier):,} of its nodes lead further"
            )
        coarse = [mark for mark in self.marks if mark.rule in ("alike", "type", "others")]
        if coarse:
            yield (
                f"{len(coarse)} groups hold nodes that are not alike in every way: their edges say how many "
                "members have them"
            )

    def __repr__(self) -> str:
        cut = f", cut by {self.graph.cuts[0].limit}" if self.graph.cuts else ""
        return (
            f"<View: {len(self.marks)} marks of {len(self._base.indexed)} nodes, "
            f"{len(self.edges)} edges as of {self.number}{cut}>"
        )

    @override
    def _html(self) -> str:
        rows = [
            (each.id, each.type, each.label, each.state, each.count) for each in self.marks[:ROWS]
        ]
        header = ("mark", "type", "label", "state", "nodes")
        more = len(self.marks) - len(rows)
        return html_answer(repr(self)[1:-1], header, rows, more=more, notes=self.notes)


def view_of(graph: Graph, *, budget: int = BUDGET, pinned: Sequence[NodeKey] = ()) -> View:
    """Return a graph as no more marks than the budget.

    The focus and `pinned` nodes stay single. Others are one mark where they are alike: of one type and state, with
    edges to and from alike nodes. Where that takes more marks than the budget, fewer differences count.
    `Invalid` for a budget below 8 or above 10,000, `NotFound` for a pinned node that is not in the graph.
    """
    if type(budget) is not int or not LEAST_BUDGET <= budget <= MOST_BUDGET:
        raise Invalid(
            f"budget={excerpt(budget)}: give a whole number of marks, {LEAST_BUDGET} to {MOST_BUDGET:,}"
        )
    return View(_Base(graph, budget, pinned))


class _Drawn(NamedTuple):
    """A group that is a mark, its id, and the id of the opened group that it is from."""

    group: Group
    id: str
    within: str


def _opened(graph: Indexed, drawn: Sequence[_Drawn], wanted: str) -> list[_Drawn]:
    """Return marks with a page of one of them opened."""
    found = next((each for each in drawn if each.id == wanted and each.group.rule), None)
    if found is None:
        raise NotFound(
            f"there is no group {excerpt(wanted)} in the view; groups are: "
            f"{_listed([each.id for each in drawn if each.group.rule])}"
        )
    members = found.group.members
    groups = [Group([place], "") for place in members[:PAGE]]
    if len(members) > PAGE:
        groups.append(Group(members[PAGE:], "rest"))
    inside = [_Drawn(group, _id_of(graph, group), found.id) for group in groups]
    return [*(each for each in drawn if each is not found), *inside]


def _listed(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - LISTED} more" if len(ids) > LISTED else ""
    return f"{', '.join(ids[:LISTED])}{more}" if ids else "none"


def _id_of(graph: Indexed, group: Group) -> str:
    """Return what names a mark: a node's key, or a digest of what makes the group, at a moment."""
    keys = graph.keys
    if not group.rule:
        return str(keys[group.members[0]])
    first = min(keys[place] for place in group.members)
    last = max(keys[place] for place in group.members)
    kind, type_name, _, _ = graph.looks[group.members[0]]
    said = f"{graph.graph.number} {kind} {type_name!r} {first} {last} {len(group.members)} {group.rule}"
    digest = hashlib.sha256(said.encode()).digest()
    return f"g:{b32encode(digest)[:10].decode().lower()}"


def _mark(graph: Indexed, drawn: _Drawn) -> Mark:
    members, rule = drawn.group
    keys = tuple(graph.keys[place] for place in members)
    looks = {graph.looks[place] for place in members}
    first = graph.looks[members[0]]
    types = {look.type for look in looks}
    roles = {look.role for look in looks}
    states = {look.state for look in looks}
    beyond = graph.beyond
    source = graph.graph
    label, title = _words(graph, drawn.group, types)
    return Mark(
        id=drawn.id,
        kind=first.kind,
        type=first.type if len(types) == 1 else "",
        label=label,
        count=len(members),
        keys=keys,
        rule=rule,
        state=first.state if len(states) == 1 else "",
        is_focus=not graph.focus.isdisjoint(keys),
        continues=bool(beyond) and not beyond.isdisjoint(keys),
        role=first.role if len(roles) == 1 else "",
        badge=source.badges.get(keys[0], "") if not rule else "",
        title=title,
        within=drawn.within,
    )


def _words(graph: Indexed, group: Group, types: set[str]) -> tuple[str, tuple[str, ...]]:
    """Return the label of a mark, and its details."""
    source = graph.graph
    rows = [graph.rows[place] for place in group.members[: LISTED + 1]]
    pointing = [source.aliases.get(row.key, ()) for row in rows]
    if not group.rule:
        return name_of(rows[0], source.types, pointing[0]), details_of(
            rows[0], source.types, pointing[0]
        )
    kind = graph.looks[group.members[0]].kind
    told = short_type(types.copy().pop()) if len(types) == 1 else f"{len(types)} types of {kind}"
    if group.rule in ("others", "rest"):
        told += ", others" if group.rule == "others" else ", more"
    names = [
        name_of(row, source.types, each) for row, each in zip(rows[:LISTED], pointing, strict=False)
    ]
    more = [f"and {len(group.members) - LISTED:,} more"] if len(rows) > LISTED else []
    label = f"{told} ×{len(group.members):,}"
    return label, (label, *names, *more)


def _edges(graph: Indexed, drawn: Sequence[_Drawn]) -> Iterator[MarkEdge]:
    groups = [0] * len(graph)
    for number, each in enumerate(drawn):
        for place in each.group.members:
            groups[place] = number
    for bundle in bundles(groups, graph.sources, graph.targets, graph.kinds):
        yield MarkEdge(
            source=drawn[bundle.source].id,
            target=drawn[bundle.target].id,
            count=bundle.edges,
            kinds=tuple(kind.name for kind in EdgeKind if bundle.kinds >> kind & 1),
            sources=bundle.sources,
            of_sources=len(drawn[bundle.source].group.members),
            targets=bundle.targets,
            of_targets=len(drawn[bundle.target].group.members),
        )
