"""Walks that go on where no event leads: from copies to originals, and from what a run read to its steps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from typing_extensions import override

from lineage.answers.subgraph import Copy
from lineage.contract.walking import Direction, KeyWalk, Limits, Walk, check_limits, ends_of_each
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeRow
from lineage.queries.copies import CopyHops
from lineage.queries.hops import Hop, HopFinder, Hops
from lineage.queries.nesting import Inherited, Nesting
from lineage.queries.reader import Reader

__all__ = ["Walked", "not_followed", "walked"]

NEAREST = 1_000
"""How many nodes of a walk are looked at for steps that it does not go to, or go on from."""


class Walked(NamedTuple):
    """A walk, and the hops that it took beside events, by their ends.

    `copies` are those from an artifact to another one with its content, `inherited` those between a data set and a
    step whose parent read it; `steps` are all of them as edges in the direction of the flow.
    """

    walk: Walk
    copies: tuple[Copy, ...] = ()
    inherited: tuple[Inherited, ...] = ()
    steps: tuple[EdgeRow, ...] = ()

    @property
    def flow(self) -> Walk:
        """The walk with the steps among its edges."""
        if not self.steps:
            return self.walk
        return self.walk._replace(edges=[*self.walk.edges, *self.steps])

    def behind_parents(self, reader: Reader, direction: Direction) -> frozenset[NodeKey]:
        """Return what the walk met only by way of what parents read."""
        if not self.inherited:
            return frozenset()
        own = {each.row for each in self.inherited}
        return reader.behind(self.walk, self.flow.edges, direction, lambda row: row in own)


def walked(
    reader: Reader,
    starts: Collection[NodeKey],
    direction: Direction,
    limits: Limits,
    *,
    edges: bool,
    through_copies: bool,
    through_steps: bool = False,
) -> Walked:
    """Walk the edges of events from some nodes, within one limit.

    `through_copies` goes on from copies to originals, or to copies; `through_steps` takes a step that read no
    data to have read what its parent did.
    """
    nesting = Nesting(reader, limits) if through_steps else None
    if nesting is not None and not nesting.is_known:
        nesting = None
    if not through_copies:
        walk = reader.walk(starts, direction, limits, edges=edges)
        if nesting is None or not _meets_steps(reader, nesting, walk, direction):
            return Walked(walk)
    check_limits(limits)
    reader.check_starts(starts)
    finders: list[HopFinder] = []
    if through_copies:
        finders.append(CopyHops(reader, direction, starts))
    if nesting is not None:
        finders.append(_StepHops(reader, nesting, direction, limits))
    hopping = _HopWalk(reader, direction, limits, finders, with_edges=edges)
    return hopping.answer(hopping.run(set(starts)))


def not_followed(
    reader: Reader, walk: Walk, direction: Direction, limits: Limits
) -> list[Inherited]:
    """Return how a walk along events alone would go on between steps that read no data and what their parents read.

    Only its nearest nodes are looked at.
    """
    nesting = Nesting(reader, limits)
    if not nesting.is_known:
        return []
    met, nearest = set(walk.keys), [*islice(walk.keys, NEAREST)]
    if direction is Direction.UPSTREAM:
        executions = [key for key in nearest if key.kind is Kind.EXECUTION]
        return [each for each in nesting.inherited_by(executions) if each.data not in met]
    near = set(nearest)
    events = [row for row in walk.edges if row.source in near]
    return [each for each in nesting.reached_from(events) if each.step not in met]


def _meets_steps(reader: Reader, nesting: Nesting, walk: Walk, direction: Direction) -> bool:
    """Whether a walk met runs around which it would go on."""
    executions = [key for key in walk.keys if key.kind is Kind.EXECUTION]
    if direction is Direction.UPSTREAM:
        return bool(nesting.inherited_by(executions))
    reader.read(executions)
    return any(map(nesting.is_parent, executions))


class _StepHops:
    """The hops between steps that read no data and what their parents read."""

    def __init__(
        self, reader: Reader, nesting: Nesting, direction: Direction, limits: Limits
    ) -> None:
        self._reader = reader
        self._nesting = nesting
        self._upstream = direction is Direction.UPSTREAM
        self._limits = limits

    def hops_from(self, nodes: Collection[NodeKey]) -> Hops:
        """Return the hops from the steps, or the data sets, among some nodes."""
        if self._upstream:
            executions = [key for key in nodes if key.kind is Kind.EXECUTION]
            found = self._nesting.inherited_by(executions)
            return {(each.step, each.data): Hop(each.row, each) for each in found}
        artifacts = [key for key in nodes if key.kind is Kind.ARTIFACT]
        read = self._reader.neighbours(artifacts, Direction.DOWNSTREAM, self._limits)
        found = self._nesting.reached_from(read.edges)
        return {(each.data, each.step): Hop(each.row, each) for each in found}


class _HopWalk(KeyWalk):
    """A walk that takes one level at a time from the backend, and adds the hops from it."""

    def __init__(
        self,
        reader: Reader,
        direction: Direction,
        limits: Limits,
        finders: Iterable[HopFinder],
        *,
        with_edges: bool,
    ) -> None:
        super().__init__(limits)
        self._reader = reader
        self._direction = direction
        self._finders = [*finders]
        self._with_edges = with_edges
        self._hops: dict[tuple[NodeKey, NodeKey], Hop] = {}
        """The hops that were met, from and to nodes."""

    def answer(self, walk: Walk) -> Walked:
        """Return the walk with the hops among its nodes."""
        kept = sorted(each for each in self._hops.items() if self._seen.issuperset(each[0]))
        hops = [hop for _, hop in kept]
        return Walked(
            walk,
            tuple(hop.what for hop in hops if isinstance(hop.what, Copy)),
            tuple(hop.what for hop in hops if isinstance(hop.what, Inherited)),
            tuple(hop.row for hop in hops),
        )

    def _hops_from(self, nodes: Collection[NodeKey]) -> set[tuple[NodeKey, NodeKey]]:
        found: dict[tuple[NodeKey, NodeKey], Hop] = {}
        for finder in self._finders:
            found.update(finder.hops_from(nodes))
        self._hops |= found
        return set(found)

    @override
    def _neighbours(self, frontier: Sequence[NodeKey], room: int | None) -> set[NodeKey]:
        near = self._reader.walk(
            frontier, self._direction, self._within(frontier, room), edges=False
        )
        ends = {end for _, end in self._hops_from(frontier)}
        return ends.union(*near.levels[1:]) - self._seen

    def _within(self, nodes: Sequence[NodeKey], room: int | None) -> Limits:
        """Return the limits within which the backend tells the first unvisited neighbours of some nodes."""
        # Those that were seen count in the backend's walk, and must not take the room of others.
        return Limits(1, None if room is None else room + len(self._seen) + len(nodes) + 1)

    @override
    def _near_each(self, nodes: Sequence[NodeKey], room: int) -> Iterator[set[NodeKey]]:
        near = self._reader.walk(nodes, self._direction, self._within(nodes, room), edges=True)
        if near.cut is not None and near.cut.limit == "nodes":
            # The first of all of them may not be the first of each.
            yield from super()._near_each(nodes, room)
        else:
            events = ((row.source, row.target) for row in near.edges)
            by_events = ends_of_each(nodes, events, self._direction)
            by_hops = ends_of_each(nodes, self._hops_from(nodes), Direction.DOWNSTREAM)
            yield from map(set.union, by_events, by_hops)

    @override
    def _look_beyond(self, unexpanded: Sequence[NodeKey]) -> set[NodeKey]:
        cut = self._among.cut
        leading = {*(() if cut is None else cut.frontier)}
        leading |= {start for start, end in self._hops_from(unexpanded) if end not in self._seen}
        return leading.intersection(unexpanded)

    @cached_property
    def _among(self) -> Walk:
        """The edges among the nodes of the answer, and which of them lead further."""
        return self._reader.walk(
            self._seen, self._direction, Limits(hops=0, nodes=None), edges=self._with_edges
        )

    @override
    def _edges(self, *, whole: bool) -> Sequence[EdgeRow]:
        return self._among.edges if self._with_edges else []
