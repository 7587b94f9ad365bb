"""Runs within runs: which run is a step of which, and what a step that read no data works on.

A run and its steps are the executions of a `RunContext`. A step that read no data set is taken to work on what
its parent read, or where that read none, the parent's own parent; but not on what steps of that parent wrote.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, product, starmap
from operator import attrgetter
from typing import NamedTuple

from lineage.contract.roles import Role
from lineage.contract.walking import Direction, Limits
from lineage.model.canonical import decode
from lineage.model.keys import NodeKey
from lineage.model.rows import INPUT_KINDS, EdgeKind, EdgeRow, NodeRow
from lineage.model.system import RUN_ID, RunContext
from lineage.queries.reader import Reader

__all__ = ["Inherited", "Nesting"]

MEMBERS = 100
"""How many members of a run's context are looked at at once for the run that has the steps."""
DEEPEST = 100
"""How many runs within each other are followed: more are a mistake, and a circle is one."""


class Inherited(NamedTuple):
    """A data set that a step works on because its parent read it, by the parent's event."""

    event: EdgeRow
    step: NodeKey

    @property
    def data(self) -> NodeKey:
        """The data set."""
        return self.event.source

    @property
    def parent(self) -> NodeKey:
        """The run that read it."""
        return self.event.target

    @property
    def row(self) -> EdgeRow:
        """The same as if the step had read it."""
        return self.event._replace(target=self.step)


class Nesting:
    """The runs within runs of a store at a reader's moment; each is looked up once.

    Of what a run has, no more than the limit of nodes is looked at, the first by key.
    """

    def __init__(self, reader: Reader, limits: Limits) -> None:
        self._reader = reader
        self._limits = limits
        self._type_ids = reader.types.ids(RunContext)
        self._owners: dict[NodeKey, NodeKey | None] = {}
        """The run whose steps a context holds."""
        self._above: dict[NodeKey, list[NodeKey]] = {}
        """The contexts of runs that hold an execution."""
        self._data: dict[NodeKey, tuple[EdgeRow, ...]] = {}
        """The events by which an execution read data sets."""
        self._read_above: dict[tuple[NodeKey, ...], tuple[EdgeRow, ...]] = {}
        """The events that the steps of some parents ask for."""
        self._silent_steps: dict[NodeKey, list[NodeKey]] = {}

    @property
    def is_known(self) -> bool:
        """Whether the store has runs within runs at all."""
        return bool(self._type_ids)

    def is_parent(self, execution: NodeKey) -> bool:
        """Whether an execution, which was read, may have steps."""
        return RUN_ID in (self._reader.row(execution).custom or "")

    def parents(self, executions: Collection[NodeKey]) -> Mapping[NodeKey, list[NodeKey]]:
        """Return the parents of those executions that are steps, by key."""
        self._read_contexts(executions)
        found = {}
        for key in executions:
            owners = {self.owner(context) for context in self._above[key]}
            parents = sorted(owner for owner in owners if owner not in (None, key))
            if parents:
                found[key] = parents
        return found

    def owner(self, context: NodeKey) -> NodeKey | None:
        """Return the run whose steps a context, which was read, holds; None where it cannot be told any more."""
        if context not in self._owners:
            self._owners[context] = self._look_for_owner(context)
        return self._owners[context]

    def steps(self, parent: NodeKey) -> list[NodeKey]:
        """Return the steps of an execution by key, which may be none."""
        if not self._type_ids or not self.is_parent(parent):
            return []
        self._read_contexts((parent,))
        found: set[NodeKey] = set()
        for context in self._above[parent]:
            if self.owner(context) == parent:
                edges = self._reader.edge_page(
                    context, Direction.DOWNSTREAM, {EdgeKind.ASSOCIATION}, limit=self._most
                )
                found.update(row.target for row in edges)
        return sorted(found - {parent})[: self._limits.nodes]

    def inherited_by(self, executions: Iterable[NodeKey]) -> list[Inherited]:
        """Return what those executions that are steps and read no data work on, by step and data."""
        if not self._type_ids:
            return []
        keys = sorted(executions)
        steps = [*self.parents(keys)]
        self._read_data(steps)
        groups: dict[tuple[EdgeRow, ...], list[NodeKey]] = {}
        for step in steps:
            if not self._data[step]:
                groups.setdefault(self._from_above(step), []).append(step)
        found = (self._pairs(events, group) for events, group in groups.items())
        return sorted(chain.from_iterable(found), key=lambda each: (each.step, each.event))

    def reached_from(self, events: Collection[EdgeRow]) -> list[Inherited]:
        """Return which steps that read no data work on what their parents read by some events."""
        if not self._type_ids:
            return []
        self._reader.read({end for row in events for end in row[:2]})
        read = [row for row in sorted(events) if self._is_data(row) and self.is_parent(row.target)]
        groups: dict[NodeKey, list[EdgeRow]] = {}
        for event in self._not_of_own_steps(read):
            groups.setdefault(event.target, []).append(event)
        found = (self._pairs(events, self._silent(parent)) for parent, events in groups.items())
        return sorted(chain.from_iterable(found))

    def _pairs(self, events: Sequence[EdgeRow], steps: Sequence[NodeKey]) -> Iterator[Inherited]:
        """Return each step with each event; where these are too many for a walk, each step and each event once."""
        most = self._limits.nodes
        if most is None or len(events) * len(steps) <= 2 * most:
            return starmap(Inherited, product(events, steps))
        once = chain(product(events, steps[:1]), product(events[:1], steps[1:]))
        return starmap(Inherited, once)

    def _from_above(self, step: NodeKey) -> tuple[EdgeRow, ...]:
        """Return the events by which the nearest parents that read data did."""
        parents = tuple(self.parents((step,)).get(step, ()))
        if parents not in self._read_above:
            self._read_above[parents] = tuple(self._look_above(step))
        return self._read_above[parents]

    def _look_above(self, step: NodeKey) -> list[EdgeRow]:
        level, seen = [step], {step}
        for _ in range(DEEPEST):
            parents = {each for some in self.parents(level).values() for each in some} - seen
            seen |= parents
            self._read_data(parents)
            read = [row for key in sorted(parents) for row in self._data[key]]
            kept = self._not_of_own_steps(read)
            if kept or not parents:
                return kept
            level = sorted(parents)
        return []

    def _silent(self, parent: NodeKey) -> list[NodeKey]:
        """Return the steps of a run that read no data, and those of such steps."""
        if parent not in self._silent_steps:
            self._silent_steps[parent] = [*self._look_for_silent(parent)]
        return self._silent_steps[parent]

    def _look_for_silent(self, parent: NodeKey) -> Iterator[NodeKey]:
        level, seen = [parent], {parent}
        for _ in range(DEEPEST):
            steps = sorted({step for key in level for step in self.steps(key)} - seen)
            seen.update(steps)
            self._read_data(steps)
            level = [step for step in steps if not self._data[step]]
            yield from level

    def _not_of_own_steps(self, events: Sequence[EdgeRow]) -> list[EdgeRow]:
        """Return the events by which runs did not read what one of their own steps wrote."""
        data = {event.source for event in events}
        written = self._reader.neighbours(data, Direction.UPSTREAM, self._limits).edges
        writers = {row.source for row in written}
        above = self._ancestors(writers)
        own = {(row.target, parent) for row in written for parent in above[row.source]}
        return [event for event in events if event[:2] not in own]

    def _ancestors(self, executions: Collection[NodeKey]) -> Mapping[NodeKey, set[NodeKey]]:
        """Return the parents of executions, their parents, and so on."""
        found: dict[NodeKey, set[NodeKey]] = {key: set() for key in executions}
        levels = {key: {key} for key in executions}
        for _ in range(DEEPEST):
            above = self.parents(sorted({each for level in levels.values() for each in level}))
            levels = {
                key: {parent for each in level for parent in above.get(each, ())} - found[key]
                for key, level in levels.items()
            }
            levels = {key: level for key, level in levels.items() if level}
            if not levels:
                break
            for key, level in levels.items():
                found[key] |= level
        return found

    def _is_data(self, event: EdgeRow) -> bool:
        """Whether an event, whose ends were read, is the reading of data; what has no role may be data."""
        return event.kind in INPUT_KINDS and self._reader.role(event.source) in (Role.DATASET, None)

    def _read_data(self, executions: Collection[NodeKey]) -> None:
        missing = [key for key in executions if key not in self._data]
        if not missing:
            return
        edges = self._reader.neighbours(missing, Direction.UPSTREAM, self._limits).edges
        self._reader.read(row.source for row in edges)
        data = [row for row in edges if self._is_data(row)]
        for key in missing:
            self._data[key] = tuple(row for row in data if row.target == key)

    def _read_contexts(self, executions: Collection[NodeKey]) -> None:
        missing = [key for key in executions if key not in self._above]
        if not missing:
            return
        rows = self._reader.edges(missing, Direction.UPSTREAM, {EdgeKind.ASSOCIATION})
        self._reader.read({row.source for row in rows})
        for key in missing:
            self._above[key] = []
        for row in rows:
            context = self._reader.row(row.source)
            if context.type_id in self._type_ids and not context.gone:
                self._above[row.target].append(row.source)

    def _look_for_owner(self, context: NodeKey) -> NodeKey | None:
        identity = _text_of(self._reader.row(context), "parent")
        if identity is None:
            return None
        after, first = None, None
        # The parent began before its steps did: it is nearly always the first.
        while page := self._reader.edge_page(
            context, Direction.DOWNSTREAM, {EdgeKind.ASSOCIATION}, after=after, limit=MEMBERS
        ):
            self._reader.read({row.target for row in page})
            for row in page:
                if _text_of(self._reader.row(row.target), RUN_ID) == identity:
                    return row.target
                first = row if first is None else min(first, row, key=attrgetter("order"))
            after = page[-1].key
        # A purge, or an update without it, took the property away: then it is the one that came into it first.
        if first is None or RUN_ID in (self._reader.row(first.target).custom or ""):
            return None
        return first.target

    @property
    def _most(self) -> int | None:
        return None if self._limits.nodes is None else self._limits.nodes + 1


def _text_of(row: NodeRow, name: str) -> str | None:
    """Return a property of a node, declared or not, if it is text."""
    for text in (row.properties, row.custom):
        if text and name in text:
            value = decode(text).get(name)
            if isinstance(value, str):
                return value
    return None
