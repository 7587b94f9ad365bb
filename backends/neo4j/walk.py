"""Walks over the relationships of events, several levels a round trip.

A narrow level is expanded by the server, and so are those that follow from it, each up to `SLACK`
edges; what was visited lately is not entered again. A wide level is a statement of its own, with a
bound that follows the node limit. Only where a hub goes past the bound are its first unvisited
neighbours asked for alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from typing_extensions import override

from lineage.backends.neo4j.connections import RunStatement
from lineage.backends.neo4j.rows import EVENT_TYPES, PAST, edge_rows, key_of, number_of, of_moment
from lineage.contract.batches import batched
from lineage.contract.walking import (
    SLACK,
    Direction,
    LevelWalk,
    Limits,
    Omitted,
    Walk,
    ends_of_each,
    is_left_out,
)
from lineage.model.keys import LARGEST_ID, NodeKey
from lineage.model.purposes import EVERY_USE
from lineage.model.rows import EVENT_KINDS, EdgeRow

__all__ = ["walk_graph"]

Row = list[Any]

NARROW = 256
"""How many nodes a level may have for the server to go on from it."""
DEPTH = 32
"""How many levels the server expands for one question."""
RECENT = 2_000
"""How many of the nodes visited last the server is told not to enter again."""
BATCH_KEYS = 10_000
"""How many keys go into one statement."""

_EVENTS = sorted(kind.name for kind in EVENT_KINDS)
_ARROWS = {
    Direction.UPSTREAM: ("<-", "-"),
    Direction.DOWNSTREAM: ("-", "->"),
    Direction.BOTH: ("-", "-"),
}
_ENDS = {
    Direction.UPSTREAM: "m.lineage_key, n.lineage_key",
    Direction.DOWNSTREAM: "n.lineage_key, m.lineage_key",
    Direction.BOTH: "startNode(r).lineage_key, endNode(r).lineage_key",
}
_REST = (
    ", coalesce(r.lineage_kind, type(r)), r.lineage_time, r.paths, r.lineage_since, r.lineage_order, "
    "r.lineage_first"
)


class _Texts:
    """The statements of one direction; `selective` ones pass over what is omitted.

    That is what was for the uses `$left_out`, and what happened after `$happened_by`. Bounds that omit nothing
    are given as well: for each text more the planner takes longer than the comparisons do.
    """

    def __init__(self, direction: Direction, *, with_edges: bool, selective: bool) -> None:
        left, right = _ARROWS[direction]
        row = f"[{_ENDS[direction]}{_REST if with_edges else ''}]"
        joined = f"(n){left}[r:{EVENT_TYPES}|{PAST}]{right}(m)"
        valid = f"{of_moment('r')} AND (r.lineage_kind IS NULL OR r.lineage_kind IN $events)"
        if selective:
            valid += (
                " AND (r.lineage_uses IS NULL OR NOT r.lineage_uses IN $left_out) AND coalesce("
                "r.lineage_time <= $happened_by, coalesce(r.lineage_first, r.lineage_since) <= $number)"
            )
        at_keys = "UNWIND $keys AS key MATCH (n:LineageNode {lineage_key: key})"
        # The state: the level to expand, all nodes met, how many more may be met, the rows of each level.
        self.ahead = f"""
{at_keys}
WITH collect(n) AS starts
RETURN reduce(state = [starts, starts, $room, []], hop IN range(1, $depth) |
  CASE WHEN size(state[0]) = 0 THEN state ELSE
    head([met IN [COLLECT {{
        UNWIND state[0] AS n MATCH {joined} WHERE {valid} RETURN [m, {row}] LIMIT $bound
    }}] | head([next IN [COLLECT {{
        UNWIND met AS each WITH DISTINCT each[0] AS m
        WHERE NOT m IN state[1] AND NOT m.lineage_key IN $recent RETURN m
    }}] | [
      CASE WHEN size(met) < $bound AND size(next) <= state[2] THEN next ELSE [] END,
      state[1] + next, state[2] - size(next), state[3] + [[each IN met | each[1]]]
    ]])])
  END
)[3] AS levels
"""
        self.level = f"{at_keys} MATCH {joined} WHERE {valid} RETURN {row} LIMIT $bound"
        self.first = f"""
{at_keys} MATCH {joined} WHERE NOT m.lineage_key IN $seen AND {valid}
RETURN DISTINCT m.lineage_key AS other ORDER BY other LIMIT $count
"""
        self.beyond = f"""
{at_keys}
RETURN key, EXISTS {{ MATCH {joined} WHERE NOT m.lineage_key IN $seen AND {valid} }},
  COLLECT {{ MATCH {joined} WHERE m.lineage_key IN $seen AND {valid} RETURN {row} }}
"""


_TEXTS = {
    (direction, with_edges, selective): _Texts(
        direction, with_edges=with_edges, selective=selective
    )
    for direction in Direction
    for with_edges in (True, False)
    for selective in (True, False)
}


def walk_graph(
    run: RunStatement,
    as_of: int,
    starts: Collection[NodeKey],
    direction: Direction,
    *,
    limits: Limits,
    edges: bool,
    omitted: Omitted | None,
) -> Walk:
    """Walk as `Backend.walk` says, over what was valid after transaction `as_of`."""
    walk = _Walk(run, as_of, direction, limits, with_edges=edges, omitted=omitted)
    return walk.run({number_of(key) for key in starts})


class _Walk(LevelWalk[int]):
    """A walk over the relationships of one moment."""

    def __init__(
        self,
        run: RunStatement,
        as_of: int,
        direction: Direction,
        limits: Limits,
        *,
        with_edges: bool,
        omitted: Omitted | None,
    ) -> None:
        super().__init__(limits)
        self._run = run
        self._moment: dict[str, Any] = {"as_of": as_of, "events": _EVENTS}
        self._direction = direction
        if omitted is not None:
            without, happened_by, number = omitted
            # Cypher has no operators on bits.
            left_out = [uses for uses in range(EVERY_USE + 1) if is_left_out(uses, without)]
            self._moment |= {"left_out": left_out, "happened_by": happened_by, "number": number}
        self._texts = _TEXTS[direction, with_edges, omitted is not None]
        self._with_edges = with_edges
        self._met: list[Row] = []
        self._hops = 0
        self._ahead: deque[list[Row]] = deque()
        self._recent: deque[int] = deque(maxlen=RECENT)
        self._at_hub = False

    @override
    def _order(self, nodes: Collection[int]) -> list[int]:
        return sorted(nodes)

    @override
    def _keys(self, nodes: list[int]) -> list[NodeKey]:
        return [key_of(number) for number in nodes]

    @override
    def _neighbours(self, frontier: Sequence[int], room: int | None) -> set[int]:
        rows = self._level(frontier, room)
        if rows is None:
            assert room is not None
            found = self._first_unseen(frontier, room + 1)
            if len(found) > room:
                self._at_hub = True
                return found
            rows = self._read(frontier, None) or []
        self._hops += 1
        if self._with_edges:
            self._met += rows
        return self._ends(rows) - self._seen

    def _ends(self, rows: Iterable[Row]) -> set[int]:
        """Return the nodes that the edges lead to."""
        if self._direction is Direction.UPSTREAM:
            return {row[0] for row in rows}
        if self._direction is Direction.DOWNSTREAM:
            return {row[1] for row in rows}
        return {end for row in rows for end in row[:2]}

    def _level(self, frontier: Sequence[int], room: int | None) -> list[Row] | None:
        """Return the edges at a level, or None where they are more than its node limit explains."""
        self._recent.extend(frontier)
        if not self._ahead and len(frontier) <= NARROW:
            self._look_ahead(frontier, room)
        if self._ahead:
            return self._ahead.popleft()
        return self._read(frontier, None if room is None else SLACK + 8 * (room + len(frontier)))

    def _look_ahead(self, frontier: Sequence[int], room: int | None) -> None:
        """Read this level and those that follow from it, until one is too wide or could go past a limit."""
        hops = self._limits.hops
        ((levels,),) = self._run(
            self._texts.ahead,
            keys=frontier,
            room=LARGEST_ID if room is None else room,
            depth=DEPTH if hops is None else min(DEPTH, hops - self._hops + 1),
            bound=SLACK,
            recent=list(self._recent),
            **self._moment,
        )
        self._ahead.extend(rows for rows in levels if len(rows) < SLACK)

    def _read(self, keys: Sequence[int], bound: int | None) -> list[Row] | None:
        """Return the edges at some nodes, or None where they are as many as the bound."""
        rows: list[Row] = []
        for some in batched(keys, BATCH_KEYS):
            left = LARGEST_ID if bound is None else bound - len(rows)
            found = self._run(self._texts.level, keys=some, bound=left, **self._moment)
            rows += [row for (row,) in found]
            if bound is not None and len(rows) >= bound:
                return None
        return rows

    def _first_unseen(self, frontier: Sequence[int], count: int) -> set[int]:
        """Return the unvisited neighbours, of many at least those that come first."""
        seen = list(self._seen)
        return {
            number
            for some in batched(frontier, BATCH_KEYS)
            for (number,) in self._run(
                self._texts.first, keys=some, seen=seen, count=count, **self._moment
            )
        }

    @override
    def _near_each(self, nodes: Sequence[int], room: int) -> Iterator[set[int]]:
        rows = self._read(nodes, SLACK + 2 * room)
        if rows is not None:
            yield from ends_of_each(nodes, ((row[0], row[1]) for row in rows), self._direction)
        elif len(nodes) == 1:
            yield self._first_unseen(nodes, room + 1)
        else:
            half = len(nodes) // 2
            yield from self._near_each(nodes[:half], room)
            yield from self._near_each(nodes[half:], room)

    @override
    def _look_beyond(self, unexpanded: Sequence[int]) -> set[int]:
        # What was read ahead is of the last level, and a cut by nodes leaves nothing there.
        if self._ahead:
            rows: list[Row] | None = self._ahead.popleft()
        elif self._at_hub:
            rows = None
        else:
            rows = self._read(unexpanded, SLACK + 16 * len(self._seen))
        return self._ask_beyond(unexpanded) if rows is None else self._beyond(rows)

    def _beyond(self, rows: Iterable[Row]) -> set[int]:
        """Sort the edges at the last nodes into those among kept nodes and those that lead on."""
        leading: set[int] = set()
        for row in rows:
            source, target = row[:2]
            if source not in self._seen:
                leading.add(target)
            elif target not in self._seen:
                leading.add(source)
            else:
                self._met.append(row)
        return leading

    def _ask_beyond(self, unexpanded: Sequence[int]) -> set[int]:
        """Do the same where those edges are too many to be read."""
        seen = list(self._seen)
        leading: set[int] = set()
        for some in batched(unexpanded, BATCH_KEYS):
            for number, leads, rows in self._run(
                self._texts.beyond, keys=some, seen=seen, **self._moment
            ):
                self._met += rows
                if leads:
                    leading.add(number)
        return leading

    @override
    def _edges(self, *, whole: bool) -> Sequence[EdgeRow]:  # kept nodes are looked up in any case
        if not self._with_edges:
            return []
        seen = self._seen
        distinct = {tuple(row[:3]): row for row in self._met if row[0] in seen and row[1] in seen}
        return sorted(edge_rows(distinct.values()))
