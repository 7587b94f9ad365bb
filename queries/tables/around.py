"""What runs read and wrote, of all runs of some types at once or of a few: the same facts by two ways.

A page of a table reads around its few runs; sorting by a metric looks at every run, for which whole rows and
a question for each would take too long.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

from typing_extensions import override

from lineage.contract.backend import Backend
from lineage.contract.projection import Projected, projected
from lineage.contract.registry import registry
from lineage.contract.roles import Role, Roles
from lineage.contract.walking import Direction, Limits
from lineage.contract.writings import OUTPUT_KINDS
from lineage.filters.tree import AnyColumn, Column, Field, Filter, In
from lineage.model.entities import Context
from lineage.model.keys import Kind, NodeKey
from lineage.model.paths import dotted, paths_of
from lineage.model.purposes import Purpose, mask_of
from lineage.model.rows import EVENT_KINDS, INPUT_KINDS, EdgeKind, EdgeRow
from lineage.model.system import Asset, Measurement
from lineage.queries.measurements import Claim, claims_of
from lineage.queries.nesting import Nesting
from lineage.queries.reader import Reader
from lineage.queries.tables.steps import AllSteps
from lineage.queries.versions import assets_of

__all__ = ["AllRuns", "Around", "Met", "SomeRuns", "uses_of"]

Met: TypeAlias = tuple[int, int, str | None]
"""A run and a live artifact that it read or wrote, by their ids, with the text of the paths."""
NO_LIMITS = Limits(nodes=None)
_MEMBERS = frozenset({EdgeKind.ATTRIBUTION})


class Around(ABC):
    """What some runs read and wrote; only what is live counts."""

    def __init__(self) -> None:
        self._known: dict[tuple[Role, frozenset[EdgeKind]], Sequence[Met]] = {}

    @cached_property
    def data(self) -> Sequence[Met]:
        """The data sets that the runs read, and those that steps which read none work on as their parents read them."""
        return (*self.read(Role.DATASET), *self._inherited())

    @abstractmethod
    def _inherited(self) -> Iterable[Met]:
        """Return what steps that read no data work on, live data sets alone."""

    def read(self, role: Role) -> Sequence[Met]:
        """Return the artifacts of a role that the runs read."""
        return self._once(role, INPUT_KINDS)

    def wrote(self, role: Role) -> Sequence[Met]:
        """Return the artifacts of a role that the runs wrote."""
        return self._once(role, OUTPUT_KINDS)

    def _once(self, role: Role, kinds: frozenset[EdgeKind]) -> Sequence[Met]:
        """Return what the runs met; it is looked for once."""
        known = self._known.get((role, kinds))
        if known is None:
            known = self._known[role, kinds] = self._met(role, kinds)
        return known

    @abstractmethod
    def _met(self, role: Role, kinds: frozenset[EdgeKind]) -> Sequence[Met]: ...

    @abstractmethod
    def artifacts(self, role: Role, columns: Sequence[AnyColumn]) -> Mapping[int, Projected]:
        """Return columns of live artifacts of a role by id, those that the runs read or wrote among them."""

    @abstractmethod
    def runs(self, columns: Sequence[AnyColumn]) -> Mapping[int, Projected]:
        """Return columns of the runs by id."""

    @abstractmethod
    def assets(self) -> Mapping[int, str]:
        """Return the names of the assets that models are versions of, of the models that have one."""

    @abstractmethod
    def claims(self) -> Mapping[int, Claim]:
        """Return what is said of the metrics that the runs wrote, as far as something is."""

    def is_measured_on(self, run: int, metrics: int, use: str | None) -> bool:
        """Whether a run measured metrics on data that it read for a use; of None they always are."""
        return use is None or use in self._measured_on.get((run, metrics), ())

    @cached_property
    def _measured_on(self) -> Mapping[tuple[int, int], frozenset[str]]:
        """The uses of the data on which a run measured metrics, by the ids of both.

        It is the data that they are claimed for, else the only one that the run read for evaluation.
        """
        uses: dict[int, dict[int, list[str | None]]] = {}
        for run, data, paths in self.read(Role.DATASET):
            uses.setdefault(run, {}).setdefault(data, []).append(paths)
        claims, found = self.claims(), {}
        for run, metrics, _ in self.wrote(Role.METRICS):
            own = uses.get(run, {})
            claimed = claims[metrics].data if metrics in claims else None
            on = _evaluated(own) if claimed is None else claimed.id
            if on in own:
                found[run, metrics] = frozenset().union(*map(uses_of, own[on]))
        return found


def uses_of(paths: str | None) -> frozenset[str]:
    """Return the words by which the paths of an event say a use: the first step of each, and the whole.

    >>> sorted(uses_of('["test",0]'))
    ['test', 'test.0']
    """
    every = [path for path in paths_of(paths) if path]
    return frozenset({*(str(path[0]) for path in every), *(dotted([path]) for path in every)})


def _evaluated(uses: Mapping[int, Iterable[str | None]]) -> int | None:
    """Return the only data that was read for evaluation."""
    bit = Purpose.EVALUATION.bit
    found = [data for data, events in uses.items() if any(mask_of(each) & bit for each in events)]
    return found[0] if len(found) == 1 else None


class AllRuns(Around):
    """The runs of some types, by a few statements however many they are."""

    def __init__(self, backend: Backend, type_ids: Collection[int], as_of: int | None) -> None:
        super().__init__()
        self._backend = backend
        self._ids = frozenset(type_ids)
        self._as_of = as_of
        self._types = registry(backend, as_of)
        self._roles = Roles(self._types)

    @override
    def _met(self, role: Role, kinds: frozenset[EdgeKind]) -> Sequence[Met]:
        artifacts, reads = self._roles.ids(role), kinds is INPUT_KINDS
        ends = (artifacts, self._ids) if reads else (self._ids, artifacts)
        found = self._backend.joined(*ends, kinds, as_of=self._as_of)
        if reads:
            return [(run, artifact, paths) for artifact, run, paths in found]
        return found

    @override
    def _inherited(self) -> Iterable[Met]:
        steps = AllSteps(self._backend, self._types, self._as_of)
        return (met for met in steps.inherited() if met[0] in self._own_runs)

    @cached_property
    def _own_runs(self) -> frozenset[int]:
        return frozenset(self.runs(()))

    @override
    def artifacts(self, role: Role, columns: Sequence[AnyColumn]) -> Mapping[int, Projected]:
        return self._values(Kind.ARTIFACT, self._roles.ids(role), columns)

    @override
    def runs(self, columns: Sequence[AnyColumn]) -> Mapping[int, Projected]:
        return self._values(Kind.EXECUTION, self._ids, columns)

    def _values(
        self, kind: Kind, type_ids: Collection[int], columns: Sequence[AnyColumn]
    ) -> Mapping[int, Projected]:
        of_types = In(Column(Field.TYPE_ID), tuple(sorted(type_ids)))
        found = self._backend.values(kind, columns, of_types, as_of=self._as_of)
        return {values[0]: values for values in found}

    @override
    def assets(self) -> Mapping[int, str]:
        names: dict[int, str] = dict(
            self._backend.values(
                Kind.CONTEXT, [Column(Field.NAME)], self._is(Asset), as_of=self._as_of
            )
        )
        held = sorted(self._held(Asset, Role.MODEL), reverse=True)
        return {model: name for asset, model in held if (name := names.get(asset))}

    @override
    def claims(self) -> Mapping[int, Claim]:
        models, data = self._members(Role.MODEL), self._members(Role.DATASET)
        return {
            metrics: Claim(
                NodeKey(Kind.ARTIFACT, models[context]) if context in models else None,
                NodeKey(Kind.ARTIFACT, data[context]) if context in data else None,
            )
            for metrics, context in self._contexts.items()
        }

    @cached_property
    def _contexts(self) -> Mapping[int, int]:
        """The measurement that holds each metrics, the first by id."""
        return {
            metrics: context
            for context, metrics in sorted(self._held(Measurement, Role.METRICS), reverse=True)
        }

    def _members(self, role: Role) -> Mapping[int, int]:
        """Return the first artifact of a role by id that each measurement holds."""
        return dict(sorted(self._held(Measurement, role), reverse=True))

    def _held(self, holder: type[Context], role: Role) -> list[tuple[int, int]]:
        """Return the contexts of a type with the artifacts of a role that they hold, by their ids."""
        sources, targets = self._types.ids(holder), self._roles.ids(role)
        found = self._backend.joined(sources, targets, _MEMBERS, as_of=self._as_of)
        return [(context, artifact) for context, artifact, _ in found]

    def _is(self, cls: type[Context]) -> Filter:
        return In(Column(Field.TYPE_ID), tuple(sorted(self._types.ids(cls))))


class SomeRuns(Around):
    """Runs that were looked up, gone ones too, by what is around each."""

    def __init__(self, reader: Reader, keys: Collection[NodeKey]) -> None:
        super().__init__()
        self._reader = reader
        self._keys = list(dict.fromkeys(keys))

    @cached_property
    def _events(self) -> Sequence[EdgeRow]:
        rows = self._reader.edges(self._keys, Direction.BOTH, EVENT_KINDS)
        self._reader.read(end for row in rows for end in row[:2])
        return rows

    @override
    def _met(self, role: Role, kinds: frozenset[EdgeKind]) -> Sequence[Met]:
        found: list[Met] = []
        for row in self._events:
            if row.kind in kinds:
                run, key = row[:2] if row.kind in OUTPUT_KINDS else row[1::-1]
                if self._reader.role(key) is role and not self._reader.gone(key):
                    found.append((run.id, key.id, row.paths))
        return found

    @override
    def _inherited(self) -> Iterable[Met]:
        reader = self._reader
        for each in Nesting(reader, NO_LIMITS).inherited_by(self._keys):
            if reader.role(each.data) is Role.DATASET and not reader.gone(each.data):
                yield each.step.id, each.data.id, each.event.paths

    def gone_data(self) -> frozenset[NodeKey]:
        """Return the data sets and models around the runs that are gone, and in no column."""
        roles = (Role.DATASET, Role.MODEL)
        ends = {end for row in self._events for end in row[:2] if end.kind is Kind.ARTIFACT}
        return frozenset(
            key for key in ends if self._reader.role(key) in roles and self._reader.gone(key)
        )

    @override
    def artifacts(self, role: Role, columns: Sequence[AnyColumn]) -> Mapping[int, Projected]:
        read = self.data if role is Role.DATASET else self.read(role)
        found = {artifact for _, artifact, _ in (*read, *self.wrote(role))}
        return self._projected(Kind.ARTIFACT, found, columns)

    @override
    def runs(self, columns: Sequence[AnyColumn]) -> Mapping[int, Projected]:
        return self._projected(Kind.EXECUTION, {key.id for key in self._keys}, columns)

    def _projected(
        self, kind: Kind, ids: Iterable[int], columns: Sequence[AnyColumn]
    ) -> Mapping[int, Projected]:
        rows = self._reader.rows(NodeKey(kind, number) for number in ids)
        return {values[0]: values for values in projected(columns, rows)}

    @override
    def claims(self) -> Mapping[int, Claim]:
        metrics = {NodeKey(Kind.ARTIFACT, each) for _, each, _ in self.wrote(Role.METRICS)}
        return {key.id: claim for key, claim in claims_of(self._reader, metrics).items()}

    @override
    def assets(self) -> Mapping[int, str]:
        models = {NodeKey(Kind.ARTIFACT, each) for _, each, _ in self.wrote(Role.MODEL)}
        found = assets_of(self._reader, models)
        names = ((key.id, self._reader.row(asset).name) for key, asset in found.items())
        return {number: name for number, name in names if name}
