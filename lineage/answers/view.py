"""Views: an answer as a few marks, each a node or a group of alike nodes, and the counted edges between them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from inspect import signature
from io import BytesIO
from typing import IO, Literal, Protocol, TypeAlias, cast, get_args

from typing_extensions import override

from lineage.answers.choosing import FOLDER, VERSIONS, chosen_groups, holder_type
from lineage.answers.drawing import (
    drawn_edges,
    drawn_mark,
    drawn_of,
    on_false_cycles,
    told_apart,
)
from lineage.answers.groups import COARSE, Grouped, groups_of
from lineage.answers.highlighting import highlighted
from lineage.answers.indexed import Indexed
from lineage.answers.marks import Graph, Mark, MarkEdge
from lineage.answers.names import short_type
from lineage.answers.opening import PAGE, Opening, opened_in
from lineage.answers.picturing import PICTURED, Pictured
from lineage.contract.format import text_of
from lineage.contract.plugins import format_object
from lineage.contract.walking import Cut, Direction, to_direction
from lineage.errors import Invalid, NotFound, excerpt
from lineage.model.keys import Kind, NodeKey
from lineage.model.notebook import ROWS, html_answer
from lineage.model.values import to_text

__all__ = ["BUDGET", "Drawer", "Graph", "Mark", "MarkEdge", "Show", "View", "Viewed", "view_of"]

BUDGET = 60
"""How many marks a view has where nobody asks for more or fewer."""
LEAST_BUDGET, MOST_BUDGET = 8, 10_000
Show: TypeAlias = Literal["all", "artifacts", "executions"]
_HIDDEN: dict[str, tuple[Kind, ...]] = {
    "all": (),
    "artifacts": (Kind.EXECUTION, Kind.CONTEXT),
    "executions": (Kind.ARTIFACT, Kind.CONTEXT),
}


class Viewed(Pictured):
    """An answer that can be seen as a view, which notebooks show above its table."""

    __slots__ = ()

    @abstractmethod
    def view(self) -> View:
        """Return the answer in few marks."""

    @override
    def _svg(self) -> str | None:
        view = self.view()
        return view.to_svg() if 0 < len(view.graph.nodes) <= PICTURED else None


class Drawer(Protocol):
    """A format that draws views; one that cannot dim marks has a `draw` without the highlight."""

    def draw(
        self, view: View, target: IO[bytes], *, highlight: Collection[str] | None = None
    ) -> Collection[str]:
        """Write a view, all marks dimmed but those of these ids; return a sentence for each loss."""
        ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a view shows of a graph, and as how many marks."""

    budget: int
    show: Show
    by: str
    pinned: tuple[NodeKey, ...]

    @property
    def hidden(self) -> tuple[Kind, ...]:
        """The kinds of node that are not shown."""
        return _HIDDEN[self.show]


class _Base:
    """A graph in groups before any is opened, which all views of it share."""

    def __init__(self, graph: Graph, asked: _Asked) -> None:
        self.indexed = Indexed(graph)
        self.asked = asked
        place = self.indexed.place
        for key in asked.pinned:
            if key not in place:
                raise NotFound(f"there is no {key} in the view; pin a node of it")
        wanted = dict.fromkeys((*graph.focus, *asked.pinned))
        self.singles = [place[key] for key in wanted if key in place]
        chosen = chosen_groups(self.indexed, asked.by, self.singles) if asked.by else []
        self.is_chosen = bool(chosen)
        self.grouped: Grouped = groups_of(
            self.indexed, self.singles, asked.budget, hidden=asked.hidden, chosen=chosen
        )
        self.drawn = [
            drawn_of(self.indexed, group)
            for group in self.grouped.groups
            if group.look.kind not in asked.hidden
            or not set(self.singles).isdisjoint(group.members)
        ]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class View(Pictured):
    """An answer in few marks: its nodes, alike ones together, and counted edges between them.

    `marks` are in the order of their nearest member: by its distance from the focus, then by key; every node of
    `graph` that is shown is in exactly one. `edges` are in the order of the marks, along the flow of data. `notes` say
    what is not as it seems: what a limit cut, and where groups are coarser than alike nodes. `opened` are the groups
    that were opened, as `view_of` takes them. A view never changes: `open` and `close` return another.
    """

    marks: tuple[Mark, ...]
    edges: tuple[MarkEdge, ...]
    notes: tuple[str, ...]
    opened: tuple[str, ...]
    budget: int
    show: Show
    by: str
    truncated: tuple[Cut, ...]
    number: int
    _base: _Base = field(repr=False)

    @property
    def graph(self) -> Graph:
        """What the view is made of."""
        return self._base.indexed.graph

    def open(self, *ids: str, page: int | None = None) -> View:
        """Return the view with the nearest members of these groups as marks of their own.

        These are 100 of each, or a `page` of fewer; what is left of a group stays one, of the rule "rest". A group of
        groups, such as of runs, opens as these. `NotFound` for what is no group of the view, `Invalid` where more than
        10,000 marks would be there.
        """
        more = tuple(Opening(each, PAGE if page is None else page).text for each in ids)
        return _view(self._base, (*self.opened, *more))

    def open_type(self, name: str, *, page: int | None = None) -> View:
        """Return the view with the groups of a type opened, by its name or what follows the last dot of it."""
        wanted = [
            mark.id
            for mark in self.marks
            if mark.rule and name in (mark.type, short_type(mark.type))
        ]
        if not wanted:
            types = sorted({short_type(mark.type) for mark in self.marks if mark.rule})
            raise NotFound(
                f"there is no group of the type {excerpt(name)}; groups are of {', '.join(types) or 'none'}"
            )
        return self.open(*wanted, page=page)

    def open_whole(self, *ids: str) -> View:
        """Return the view with all members of these groups as marks of their own; of every group where none is named."""
        groups = ids or tuple(mark.id for mark in self.marks if mark.rule)
        return _view(self._base, (*self.opened, *(Opening(each, None).text for each in groups)))

    def close(self, *ids: str) -> View:
        """Return the view with groups closed again, and all that was opened inside them.

        An id is that of a group that was opened, or of a mark that came from one. `NotFound` for any other.
        """
        within = {mark.id: mark.within for mark in self.marks}
        openings = [Opening.parse(each) for each in self.opened]
        closing = {within.get(each) or each for each in ids}
        for each in closing.difference(opening.id for opening in openings):
            known = ", ".join(opening.id for opening in openings) or "none"
            raise NotFound(f"{excerpt(each)} is not open in the view; open are: {known}")
        drawn, kept = self._base.drawn, []
        for opening in openings:
            is_there = any(each.id == opening.id for each in drawn)
            if is_there and opening.id not in closing:
                drawn = opened_in(self._base.indexed, drawn, opening)
                kept.append(opening.text)
        return _view(self._base, tuple(kept))

    def parts(self) -> dict[str, tuple[Mark, ...]]:
        """Return what each group of groups opens as, by its id, whatever of the view is open."""
        graph = self._base.indexed
        found = {}
        for each in self._base.drawn:
            parts = [drawn_of(graph, part, within=each.id) for part in each.group.parts]
            if parts:
                marks = [drawn_mark(graph, part, is_false_cycle=False) for part in parts]
                found[each.id] = told_apart(marks)
        return found

    def inner_openings(self) -> dict[str, str]:
        """Return the groups that were opened inside others, each with the one that it is from."""
        graph, drawn = self._base.indexed, self._base.drawn
        found = {}
        for opening in map(Opening.parse, self.opened):
            within = next(each.within for each in drawn if each.id == opening.id)
            if within:
                found[opening.id] = within
            drawn = opened_in(graph, drawn, opening)
        return found

    def export(
        self,
        format: str,
        *,
        highlight: Sequence[NodeKey] = (),
        direction: Direction | Literal["upstream", "downstream", "both"] = Direction.BOTH,
    ) -> str:
        """Return the view as a picture in a format that draws text, by its name; `Invalid` for any other.

        `highlight` dims all but what leads to a node and what it leads to, or the one of these that `direction`
        says; of several nodes, all but the ways between them.
        """
        target = BytesIO()
        self.draw(format, target, highlight=highlight, direction=direction)
        return text_of(target.getvalue(), format)

    def draw(
        self,
        format: str,
        target: IO[bytes],
        *,
        highlight: Sequence[NodeKey] = (),
        direction: Direction | Literal["upstream", "downstream", "both"] = Direction.BOTH,
    ) -> Collection[str]:
        """Write the picture that `export` returns; return a sentence for each kind of thing that it could not hold."""
        drawer = format_object(format)
        if not callable(getattr(drawer, "draw", None)):
            raise Invalid(
                f"the format {format!r} draws no views; export the answer in it, not the view"
            )
        if not highlight:
            return cast(Drawer, drawer).draw(self, target)
        if "highlight" not in signature(cast(Drawer, drawer).draw).parameters:
            raise Invalid(
                f"the format {format!r} dims nothing; leave the highlight out, or use svg"
            )
        shown = highlighted(self.graph, self.marks, highlight, to_direction(direction))
        return cast(Drawer, drawer).draw(self, target, highlight=shown)

    def to_svg(
        self,
        *,
        highlight: Sequence[NodeKey] = (),
        direction: Direction | Literal["upstream", "downstream", "both"] = Direction.BOTH,
    ) -> str:
        """Return the view as a picture that every browser shows; the options are those of `export`."""
        return self.export("svg", highlight=highlight, direction=direction)

    @override
    def _svg(self) -> str | None:
        return self.to_svg() if self.marks else None

    def to_html(self) -> str:
        """Return the view as a page that opens and closes its groups, searches, and needs no network."""
        return self.export("html")

    def __len__(self) -> int:
        return len(self.marks)

    def __repr__(self) -> str:
        cut = f", cut by {self.truncated[0].limit}" if self.truncated else ""
        return (
            f"<View: {_several(len(self.marks), 'mark')} of {_several(len(self._base.indexed), 'node')}, "
            f"{_several(len(self.edges), 'edge')} as of {self.number}{cut}>"
        )

    @override
    def _html(self) -> str:
        rows = [
            (each.id, each.type, each.label, each.state, each.count) for each in self.marks[:ROWS]
        ]
        header = ("mark", "type", "label", "state", "nodes")
        more = len(self.marks) - len(rows)
        return html_answer(repr(self)[1:-1], header, rows, more=more, notes=self.notes)


def _several(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def view_of(
    graph: Graph,
    *,
    budget: int = BUDGET,
    show: Show = "all",
    by: str = "",
    opened: Sequence[str] = (),
    pinned: Sequence[NodeKey] = (),
) -> View:
    """Return a graph as no more marks than the budget, but for what is opened.

    The focus and `pinned` nodes stay single. Others are one mark where they are alike: of one type, state and role, with
    edges to and from alike nodes. Where that takes more marks than the budget, fewer differences count. `show` may
    leave out executions, or artifacts: then they are edges. `by` puts together what a "run" or a context of a type
    holds, the "versions" of one thing or the files of a "folder". `opened` are groups by id, each of which may
    end in `=25` or `=all` for how many members are opened, and is one of the view with those before it open.

    `Invalid` for a budget below 8 or above 10,000 and for what cannot be shown; `NotFound` for a pinned node or a
    group that is not there.
    """
    if type(budget) is not int or not LEAST_BUDGET <= budget <= MOST_BUDGET:
        raise Invalid(
            f"budget={excerpt(budget)}: give a whole number of marks, {LEAST_BUDGET} to {MOST_BUDGET:,}"
        )
    if show not in get_args(Show):
        raise Invalid(f"show={excerpt(show)}: give one of {', '.join(get_args(Show))}")
    if show != "all" and to_text(by) not in ("", FOLDER, VERSIONS):
        raise Invalid(
            f"by={excerpt(by)} puts executions and artifacts together: show all with it, not {show}"
        )
    if isinstance(opened, str):
        raise Invalid(
            f"opened={excerpt(opened)}: give several ids, as in opened=[{excerpt(opened)}]"
        )
    asked = _Asked(budget, show, to_text(by), tuple(dict.fromkeys(pinned)))
    return _view(_Base(graph, asked), tuple(opened))


def _view(base: _Base, opened: Sequence[str]) -> View:
    drawn = base.drawn
    for each in opened:
        drawn = opened_in(base.indexed, drawn, Opening.parse(each))
        if len(drawn) > MOST_BUDGET:
            raise Invalid(
                f"that would be {len(drawn):,} marks of {MOST_BUDGET:,}; open groups by pages"
            )
    drawn = sorted(drawn, key=lambda each: each.group.members[0])
    edges = drawn_edges(base.indexed, drawn, hidden=base.asked.hidden)
    false = on_false_cycles(base.indexed, drawn, edges)
    marks = told_apart(
        [drawn_mark(base.indexed, each, is_false_cycle=each.id in false) for each in drawn]
    )
    asked, graph = base.asked, base.indexed.graph
    return View(
        marks=marks,
        edges=tuple(edges),
        notes=tuple(_notes(base, marks)),
        opened=tuple(opened),
        budget=asked.budget,
        show=asked.show,
        by=asked.by,
        truncated=graph.cuts,
        number=graph.number,
        _base=base,
    )


def _notes(base: _Base, marks: Sequence[Mark]) -> Iterator[str]:
    graph, asked = base.indexed.graph, base.asked
    yield from graph.notes
    for cut in graph.cuts:
        ends = len(cut.frontier)
        leads = f"; {ends:,} of its nodes lead{'s' if ends == 1 else ''} further" if ends else ""
        yield f"the answer was cut by its limit of {cut.limit}{leads}"
    if not base.grouped.keeps_singles:
        yield (
            f"{len(base.singles):,} nodes were to be marks of their own, and not all are: "
            f"there is room for {asked.budget}"
        )
    if asked.by and not base.is_chosen:
        of = holder_type(asked.by)
        yield (
            f"no two nodes are put together by {asked.by}"
            f"{'' if of is None else f': no context of the type {of} holds two of them'}"
        )
    hidden = len(base.indexed) - sum(mark.count for mark in marks)
    if hidden:
        yield f"{hidden:,} nodes are not shown as marks, but as edges where they join two"
    if any(mark.rule in COARSE for mark in marks):
        yield (
            "some groups hold nodes that are not alike in every way: "
            'an edge such as "5 of 12" is one of 5 of their members'
        )
    if any(mark.is_false_cycle for mark in marks):
        yield "⟳ marks groups on a cycle that their nodes are not on: it comes from the grouping"
