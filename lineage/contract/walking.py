"""Walks: which way, how far, what they met; the one loop of all walks, and the reference walk."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar, overload

from typing_extensions import override

from lineage.contract.stopping import go_on
from lineage.errors import Invalid, NotFound, excerpt
from lineage.model.keys import LARGEST_ID, Kind, NodeKey
from lineage.model.purposes import EVERY_USE
from lineage.model.rows import EdgeKey, EdgeRow

__all__ = [
    "LATEST",
    "SLACK",
    "Cut",
    "Direction",
    "KeyWalk",
    "LaterEdges",
    "LevelWalk",
    "Limits",
    "Omitted",
    "Walk",
    "check_limits",
    "check_mask",
    "check_starts",
    "check_time",
    "ends_of_each",
    "is_left_out",
    "to_direction",
    "walk_levels",
]

SLACK = 1000
"""Edges that a level may have beyond those that its node limit explains, before it is read with care."""

FEW = 64
"""How many executions of a level that is cut are looked beyond at first; then twice as many, and so on."""

EARLIEST, LATEST = -(2**63), 2**63 - 1
"""The times that there can be, in microseconds."""

KeyT = TypeVar("KeyT", bound=Hashable)
LimitName: TypeAlias = Literal["hops", "nodes", "seconds"]


class Direction(StrEnum):
    """Which way a walk goes over the edges of events."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"


def to_direction(value: object) -> Direction:
    """Return a direction from one or its name."""
    for direction in Direction:
        if value == direction:
            return direction
    raise Invalid(f"{excerpt(value)} is not a direction; there are {', '.join(Direction)}")


class Limits(NamedTuple):
    """How far a walk may go: edges from the start, nodes in the answer, seconds; None is no limit.

    The start counts among the nodes. Seconds are looked at between levels.
    """

    hops: int | None = None
    nodes: int | None = 10_000
    seconds: float | None = None


class Cut(NamedTuple):
    """Why an answer is not whole: the limit that was met, and the kept nodes that lead further."""

    limit: LimitName
    frontier: tuple[NodeKey, ...]


class Walk(NamedTuple):
    """What a walk met: its keys level by level, the edges among them, and where it was cut.

    The start is level 0; within a level keys are in order. Edges are in order of source, target
    and kind. `cut` is None where the answer is whole.
    """

    levels: Sequence[Sequence[NodeKey]]
    edges: Sequence[EdgeRow]
    cut: Cut | None = None

    @property
    def keys(self) -> list[NodeKey]:
        """Every key, nearest first."""
        return [key for level in self.levels for key in level]

    def without(self, keys: Collection[NodeKey]) -> Walk:
        """Return the walk without some keys and their edges; the others stay where they were met."""
        cut = self.cut
        if cut is not None:
            cut = cut._replace(frontier=tuple(key for key in cut.frontier if key not in keys))
        return Walk(
            [[key for key in level if key not in keys] for level in self.levels],
            [row for row in self.edges if row.source not in keys and row.target not in keys],
            cut,
        )


class LaterEdges(Sequence[EdgeRow]):
    """Edges of a known number that are made when they are first looked at."""

    __slots__ = ("_length", "_made")

    def __init__(self, length: int, make: Callable[[], Sequence[EdgeRow]]) -> None:
        self._length = length
        self._made: Sequence[EdgeRow] | Callable[[], Sequence[EdgeRow]] = make

    def _rows(self) -> Sequence[EdgeRow]:
        made = self._made  # read once: another thread may replace it
        if callable(made):
            made = self._made = made()
        return made

    @overload
    def __getitem__(self, index: int) -> EdgeRow: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[EdgeRow]: ...
    def __getitem__(self, index: int | slice) -> EdgeRow | Sequence[EdgeRow]:
        return self._rows()[index]

    def __iter__(self) -> Iterator[EdgeRow]:
        return iter(self._rows())

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and [*self] == [*other]

    # As of any sequence that equals another by content; the type checker takes `object`'s for a method.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._rows())

    def __reduce__(self) -> tuple[type[list[EdgeRow]], tuple[list[EdgeRow]]]:
        return list, ([*self],)


def check_limits(limits: Limits) -> None:
    """Raise `Invalid` for limits that make no sense."""
    if not _are_limits(limits):
        raise Invalid(
            f"{excerpt(limits)}: give Limits(hops=…, nodes=…, seconds=…), each a number or None, the first two whole"
        )
    if limits.hops is not None and limits.hops < 0:
        raise Invalid(f"hops={excerpt(limits.hops)}: give 0 or more, or None for no limit")
    if limits.nodes is not None and not 1 <= limits.nodes < LARGEST_ID:
        raise Invalid(f"nodes={excerpt(limits.nodes)}: give 1 or more, or None for no limit")
    if limits.seconds is not None and not limits.seconds >= 0:
        raise Invalid(f"seconds={excerpt(limits.seconds)}: give 0 or more, or None for no limit")


def _are_limits(given: object) -> bool:
    wanted = (int | None, int | None, int | float | None)
    return isinstance(given, Limits) and all(map(isinstance, given, wanted))


def check_mask(without: int) -> None:
    """Raise `Invalid` for what is no mask of uses."""
    if type(without) is not int or not 0 <= without <= EVERY_USE:
        raise Invalid(
            f"without={excerpt(without)}: give a sum of 1 (training), 2 (evaluation) and 4 (base), or 0"
        )


def is_left_out(uses: int, without: int) -> bool:
    """Whether a walk without some uses leaves out an event that was for these."""
    return uses != 0 and uses & ~without == 0


def check_time(happened_by: int | None) -> None:
    """Raise `Invalid` for what is no time."""
    if happened_by is not None and (
        type(happened_by) is not int or not EARLIEST <= happened_by <= LATEST
    ):
        raise Invalid(
            f"happened_by={excerpt(happened_by)}: give microseconds since 1970 of 64 bits, or None for no bound"
        )


def check_starts(starts: Collection[NodeKey], existing: Collection[NodeKey]) -> None:
    """Raise for starts of a walk that do not exist or do not walk."""
    for key in starts:
        if key.kind is Kind.CONTEXT:
            raise Invalid(
                f"{key} is a context, and data does not flow through contexts; start at its members"
            )
        if key not in existing:
            raise NotFound(f"there is no {key}")


class Omitted(NamedTuple):
    """Which events a walk passes over, as if they were not there.

    Those that were for the uses `without` alone, and those that happened after `happened_by`, in
    microseconds: an event without a time happened with the transaction that first wrote it, and
    `number` is the last that is not after the bound.
    """

    without: int = 0
    happened_by: int = LATEST
    number: int = LATEST

    def covers(self, row: EdgeRow) -> bool:
        """Whether an event is passed over."""
        is_later = row.first > self.number if row.time is None else row.time > self.happened_by
        return is_later or is_left_out(row.uses, self.without)


def ends_of_each(
    nodes: Collection[KeyT], edges: Iterable[tuple[KeyT, KeyT]], direction: Direction
) -> list[set[KeyT]]:
    """Return for each of some distinct nodes where edges, as pairs of source and target, lead from it."""
    near: dict[KeyT, set[KeyT]] = {node: set() for node in nodes}
    for source, target in edges:
        if direction is not Direction.UPSTREAM and source in near:
            near[source].add(target)
        if direction is not Direction.DOWNSTREAM and target in near:
            near[target].add(source)
    return [*near.values()]


class LevelWalk(ABC, Generic[KeyT]):
    """The one loop of all walks: levels, exact about limits; a subclass says where neighbours come from.

    `KeyT` is how the storage names nodes: keys as such, or packed in a number.

    Where the executions of a level and the artifacts of the next one do not fit into the limit of nodes
    together, executions are kept in key order, each followed by its unvisited neighbours in key order, until
    the limit is met; so a hub with many readers shows some of them with what they wrote. The artifacts
    of a level that has both kinds go before its executions. The starts are never given up for what comes after them,
    and executions that are as far as the limit of hops are kept alone. Where a subclass leads from
    artifacts to artifacts, these have what room the executions' own neighbours leave.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seen: set[KeyT] = set()

    @abstractmethod
    def _order(self, nodes: Collection[KeyT]) -> list[KeyT]:
        """Return distinct nodes in the order of their keys."""

    @abstractmethod
    def _keys(self, nodes: list[KeyT]) -> list[NodeKey]:
        """Return the keys of some nodes."""

    @abstractmethod
    def _neighbours(self, frontier: Sequence[KeyT], room: int | None) -> set[KeyT]:
        """Return the unvisited neighbours: all, or where there are more than `room`, enough to tell.

        Enough are those that come first in the order of keys, and one more.
        """

    def _near_each(self, nodes: Sequence[KeyT], room: int) -> Iterator[set[KeyT]]:
        """Yield for each of some executions in turn what `_neighbours` returns, or more; read lazily."""
        for node in nodes:
            yield self._neighbours([node], room)

    @abstractmethod
    def _look_beyond(self, unexpanded: Sequence[KeyT]) -> set[KeyT]:
        """Return those of the last nodes that lead further, and gather the edges among kept ones there.

        The last nodes are those that were not expanded, or whose neighbours were not all kept.
        """

    @abstractmethod
    def _edges(self, *, whole: bool) -> Sequence[EdgeRow]:
        """Return the gathered edges among the kept nodes, in order; none where none are wanted.

        The answer is whole where no limit was met.
        """

    def run(self, starts: Collection[KeyT]) -> Walk:
        """Walk from distinct nodes."""
        first = self._order(starts)
        levels = [first[: self._limits.nodes]]
        dropped = len(first) > len(levels[0])
        self._seen.update(levels[0])
        cut, last = ("nodes", levels[0]) if dropped else self._expand(levels)
        frontier = self._order(self._look_beyond(last)) if last else []
        return Walk(
            levels=[self._keys(level) for level in levels],
            edges=self._edges(whole=cut is None),
            cut=None
            if cut is None or not (frontier or dropped)
            else Cut(cut, tuple(self._keys(frontier))),
        )

    def _expand(self, levels: list[list[KeyT]]) -> tuple[LimitName | None, list[KeyT]]:
        """Add level after level; return the limit that ended it, and the last nodes then."""
        hops, nodes, seconds = self._limits
        deadline = None if seconds is None else time.monotonic() + seconds
        # Deep lineages have thousands of levels of a node or two, for which each look-up counts.
        neighbours, order, seen = self._neighbours, self._order, self._seen
        last = levels[0]
        while last:
            go_on()
            if hops is not None and len(levels) > hops:
                return "hops", last
            if deadline is not None and time.monotonic() >= deadline:
                return "seconds", last
            room = None if nodes is None else nodes - len(seen)
            level = order(neighbours(last, room))
            if room is not None and len(level) > room:
                return "nodes", self._cut(levels, level, room)
            if level:
                seen.update(level)
                levels.append(level)
            last = level
        return None, []

    def _cut(self, levels: list[list[KeyT]], level: list[KeyT], room: int) -> list[KeyT]:
        """Keep what fits of a level that is larger than the room, and return the last nodes then."""
        hops, last = self._limits.hops, levels[-1]
        after: list[KeyT] = []
        if self._artifacts_in(level[: room + 1]) > room and len(levels) > 1:
            # The executions before were read in the belief that what comes after them fits too.
            levels.pop()
            self._seen.difference_update(last)
            room += len(last)
            kept, after = self._paired(last, room)
            others = (node for node in level if node not in self._seen)
            after += islice(others, room - len(kept) - len(after))
        elif hops is None or len(levels) < hops:
            kept, after = self._paired(level[:room], room)
        else:
            kept = level[:room]
        before = levels[-1]
        self._seen.update(kept, after)
        levels += [each for each in (kept, self._order(after)) if each]
        return [*before, *kept, *after]

    def _artifacts_in(self, nodes: list[KeyT]) -> int:
        """Count the artifacts among nodes in order, where they come first."""
        return sum(key.kind is Kind.ARTIFACT for key in self._keys(nodes))

    def _paired(self, level: list[KeyT], room: int) -> tuple[list[KeyT], list[KeyT]]:
        """Return what fits of a level, executions together with their neighbours; and these neighbours."""
        position, count = self._artifacts_in(level), FEW
        kept, after = level[:position], []
        self._seen.update(kept)
        room -= len(kept)
        while room > 0 and position < len(level):
            executions = level[position : position + min(count, room)]
            for execution, near in zip(executions, self._near_each(executions, room), strict=True):
                kept.append(execution)
                room -= 1
                first = self._order(near - self._seen)[:room]
                after += first
                self._seen.update(first)
                room -= len(first)
                if room == 0:
                    break
            position += len(executions)
            count *= 2
        return kept, after


class KeyWalk(LevelWalk[NodeKey]):
    """A walk whose nodes are known by their keys."""

    @override
    def _order(self, nodes: Collection[NodeKey]) -> list[NodeKey]:
        return sorted(nodes)

    @override
    def _keys(self, nodes: list[NodeKey]) -> list[NodeKey]:
        return nodes


class _EdgeWalk(KeyWalk):
    """The reference: a walk over any source of edges, all of which it reads."""

    def __init__(
        self,
        expand: Callable[[Collection[NodeKey]], Iterable[EdgeRow]],
        direction: Direction,
        limits: Limits,
        *,
        with_edges: bool,
        omitted: Omitted | None,
    ) -> None:
        super().__init__(limits)
        self._omitted = omitted
        self._expand_nodes = expand
        self._direction = direction
        self._with_edges = with_edges
        self._met: dict[EdgeKey, EdgeRow] = {}

    @override
    def _neighbours(self, frontier: Sequence[NodeKey], room: int | None) -> set[NodeKey]:
        return {end for row in self._read(frontier) for end in self._ends(row)} - self._seen

    @override
    def _near_each(self, nodes: Sequence[NodeKey], room: int) -> Iterator[set[NodeKey]]:
        edges = ((row.source, row.target) for row in self._read(nodes))
        yield from ends_of_each(nodes, edges, self._direction)

    def _read(self, nodes: Sequence[NodeKey]) -> list[EdgeRow]:
        rows = [*self._expand_nodes(nodes)]
        if self._omitted is not None:
            rows = [row for row in rows if not self._omitted.covers(row)]
        self._met.update((row.key, row) for row in rows)
        return rows

    def _ends(self, row: EdgeRow) -> tuple[NodeKey, ...]:
        """Return the nodes that an edge leads to."""
        if self._direction is Direction.UPSTREAM:
            return (row.source,)
        if self._direction is Direction.DOWNSTREAM:
            return (row.target,)
        return row.source, row.target

    @override
    def _look_beyond(self, unexpanded: Sequence[NodeKey]) -> set[NodeKey]:
        leading = set()
        for row in self._read(unexpanded):
            if self._direction is not Direction.DOWNSTREAM and row.source not in self._seen:
                leading.add(row.target)
            if self._direction is not Direction.UPSTREAM and row.target not in self._seen:
                leading.add(row.source)
        return leading.intersection(unexpanded)

    @override
    def _edges(self, *, whole: bool) -> Sequence[EdgeRow]:
        if not self._with_edges:
            return []
        seen = self._seen
        return sorted(
            row for row in self._met.values() if row.source in seen and row.target in seen
        )


def walk_levels(
    starts: Collection[NodeKey],
    expand: Callable[[Collection[NodeKey]], Iterable[EdgeRow]],
    direction: Direction,
    *,
    limits: Limits,
    edges: bool,
    omitted: Omitted | None = None,
) -> Walk:
    """Walk from the starts, level by level; `expand` returns the edges at some nodes."""
    walk = _EdgeWalk(expand, direction, limits, with_edges=edges, omitted=omitted)
    return walk.run(set(starts))
