"""What steps work on because their parents read it, of all runs of a store at once.

It says what `lineage.queries.nesting` says, which looks around a few runs; here a hundred thousand are asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

from lineage.contract.backend import Backend
from lineage.contract.registry import Registry
from lineage.contract.roles import Role, Roles
from lineage.contract.walking import Limits
from lineage.contract.writings import OUTPUT_KINDS
from lineage.filters.tree import Column, Field, In, Present, PropertyColumn, all_of
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import INPUT_KINDS, EdgeKind
from lineage.model.schema import AnyType
from lineage.model.system import RUN_ID, RunContext
from lineage.queries.nesting import DEEPEST, Nesting
from lineage.queries.reader import Reader

__all__ = ["AllSteps"]

_Read: TypeAlias = tuple[int, int, str | None]
"""A run and the data that it read, by their ids, with the text of the paths."""


class AllSteps:
    """The live runs within runs of a store; what is gone has neither steps nor data here."""

    def __init__(self, backend: Backend, types: Registry, as_of: int | None) -> None:
        self._backend = backend
        self._types = types
        self._as_of = as_of
        self._contexts = frozenset(types.ids(RunContext))
        self._executions = _ids(types.of(Kind.EXECUTION))
        roles = Roles(types)
        self._data_sets = roles.ids(Role.DATASET)
        # What has no role may be data: a step that read such an artifact has read its own.
        self._data = frozenset(
            number
            for number in _ids(types.of(Kind.ARTIFACT))
            if roles.of(number) in (Role.DATASET, None)
        )
        self._above: dict[frozenset[int], Sequence[_Read]] = {}

    def inherited(self) -> Iterator[_Read]:
        """Yield each step that read no data with each live data set that it works on, and the text of its paths."""
        if not self._contexts:
            return
        for step, parents in self._parents.items():
            if step not in self._read:
                if parents not in self._above:
                    self._above[parents] = [*self._read_above(parents)]
                yield from ((step, data, paths) for _, data, paths in self._above[parents])

    def _read_above(self, parents: frozenset[int]) -> Iterator[_Read]:
        """Yield what the nearest parents that read data read, but for what their own steps wrote."""
        level, seen = parents, set(parents)
        for _ in range(DEEPEST):
            kept = [
                each
                for parent in sorted(level)
                for each in self._read.get(parent, ())
                if not any(parent in self._ancestors(run) for run in self._wrote.get(each[1], ()))
            ]
            if kept or not level:
                yield from (each for each in kept if each[1] in self._live_data_sets)
                return
            level = frozenset().union(*(self._parents.get(each, ()) for each in level)) - seen
            seen |= level

    def _ancestors(self, run: int) -> set[int]:
        """Return the parents of a run, their parents, and so on."""
        found: set[int] = set()
        level = self._parents.get(run, frozenset())
        for _ in range(DEEPEST):
            level = level - found
            if not level:
                break
            found |= level
            level = frozenset().union(*(self._parents.get(each, ()) for each in level))
        return found

    @cached_property
    def _parents(self) -> Mapping[int, frozenset[int]]:
        """The parents of those runs that are steps."""
        found: dict[int, set[int]] = {}
        members = self._backend.joined(
            self._contexts, self._executions, {EdgeKind.ASSOCIATION}, as_of=self._as_of
        )
        for context, run, _ in members:
            owner = self._owners.get(context)
            if owner not in (None, run):
                found.setdefault(run, set()).add(owner)
        return {run: frozenset(parents) for run, parents in sorted(found.items())}

    @cached_property
    def _owners(self) -> Mapping[int, int]:
        """The run whose steps each context holds."""
        named = self._values(Kind.CONTEXT, "parent", self._contexts, custom=False)
        known = self._values(Kind.EXECUTION, RUN_ID, self._executions, custom=True)
        runs = {identity: run for run, identity in reversed([*known.items()])}
        found = {context: runs[name] for context, name in named.items() if name in runs}
        lost = [NodeKey(Kind.CONTEXT, each) for each in named if each not in found]
        if (
            lost
        ):  # a purge took away by what the run was known: the first in a context has the steps
            reader = Reader(self._backend, self._as_of)
            reader.read(lost)
            nesting = Nesting(reader, Limits(nodes=None))
            owners = ((context.id, nesting.owner(context)) for context in lost)
            found |= {context: owner.id for context, owner in owners if owner is not None}
        return found

    def _values(
        self, kind: Kind, name: str, type_ids: frozenset[int], *, custom: bool
    ) -> dict[int, str]:
        column = PropertyColumn(name, custom=custom)
        having = all_of(In(Column(Field.TYPE_ID), tuple(sorted(type_ids))), Present(column))
        found = self._backend.values(kind, [column], having, as_of=self._as_of)
        return {number: value for number, value in found if isinstance(value, str)}

    @cached_property
    def _read(self) -> Mapping[int, Sequence[_Read]]:
        """What runs read that is data, or may be, by the run."""
        found: dict[int, list[_Read]] = {}
        events = self._backend.joined(self._data, self._executions, INPUT_KINDS, as_of=self._as_of)
        for data, run, paths in events:
            found.setdefault(run, []).append((run, data, paths))
        return found

    @cached_property
    def _wrote(self) -> Mapping[int, Sequence[int]]:
        """The runs that wrote what is data, or may be."""
        found: dict[int, list[int]] = {}
        events = self._backend.joined(self._executions, self._data, OUTPUT_KINDS, as_of=self._as_of)
        for run, data, _ in events:
            found.setdefault(data, []).append(run)
        return found

    @cached_property
    def _live_data_sets(self) -> frozenset[int]:
        of_types = In(Column(Field.TYPE_ID), tuple(sorted(self._data_sets)))
        found = self._backend.values(Kind.ARTIFACT, (), of_types, as_of=self._as_of)
        return frozenset(number for (number,) in found)


def _ids(types: Iterable[AnyType]) -> frozenset[int]:
    return frozenset(each.id for each in types if each.id is not None)
