"""The columns of tables of runs and of models: what each is of every node, from what is around runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import takewhile
from typing import Any, ClassVar, TypeAlias

from typing_extensions import override

from lineage.contract.projection import Projected
from lineage.contract.registry import Registry
from lineage.contract.roles import Role
from lineage.contract.standing import Weight, has_ended, weight_of
from lineage.filters.tree import (
    AnyColumn,
    Column,
    Compare,
    Contains,
    Field,
    Filter,
    In,
    Like,
    OnColumn,
    Or,
    Present,
    PropertyColumn,
    TableColumn,
    all_of,
)
from lineage.model.keys import Kind, NodeKey
from lineage.model.marks import DETAILS_PREFIX, NOTE, TAGS, is_said_of_a_run
from lineage.model.rows import NodeRow
from lineage.model.system import WHY
from lineage.queries.tables.around import Around

__all__ = [
    "ModelColumns",
    "ModelFacts",
    "RunColumns",
    "TableColumns",
    "Values",
    "is_measured",
    "is_parameter",
    "measured_of",
]

Values: TypeAlias = Mapping[int, object]
"""The values of a column by the ids of the nodes that have one; those of lists are tuples of texts."""
_Measured: TypeAlias = Mapping[int, tuple[tuple[int, int], object]]
"""The artifacts that have a metric, by id, each with its rank, which is when and which, and the value."""
_MARKS = (PropertyColumn(TAGS, custom=True), PropertyColumn(NOTE, custom=True))
_DURATION = (Column(Field.STATE), Column(Field.CREATED), Column(Field.UPDATED), *_MARKS)
_LABELS = (Column(Field.NAME), Column(Field.URI))
_SECOND = 1_000_000


def is_parameter(name: str) -> bool:
    """Whether a custom property of that name is a parameter of a run, and says nothing of how it ran."""
    return not is_said_of_a_run(name) and name not in WHY


def is_measured(name: str) -> bool:
    """Whether a custom property of that name may be a metric."""
    return not name.startswith(DETAILS_PREFIX)


class TableColumns(ABC):
    """What the columns of one sort of table hold, of all nodes that `around` knows."""

    kind: ClassVar[Kind]

    def __init__(
        self,
        types: Registry,
        type_ids: Iterable[int],
        versions: Callable[[NodeKey], Sequence[NodeRow]],
    ) -> None:
        self.types = types
        self._versions = versions
        self._ids = tuple(sorted(type_ids))
        self._measured: dict[str, _Measured] = {}

    def measured(self, around: Around, names: Iterable[str]) -> None:
        """Read some metrics at once, which are going to be asked for one by one."""
        known = dict.fromkeys(names)
        columns = [PropertyColumn(name, custom) for custom in (False, True) for name in known]
        rows = around.artifacts(Role.METRICS, [Column(Field.UPDATED), *columns]).values()
        for at, name in enumerate(known, start=2):
            custom = at + len(known)
            self._measured[name] = {
                row[0]: ((row[1], row[0]), row[custom] if row[at] is None else row[at])
                for row in rows
                if row[at] is not None or row[custom] is not None
            }

    def values_measured(self, around: Around, name: str) -> _Measured:
        """Return the artifacts that have a metric."""
        if not is_measured(name):
            return {}
        if name not in self._measured:
            self.measured(around, [name])
        return self._measured[name]

    def pushed(self, tree: OnColumn) -> Filter | None:
        """Return a condition on one of the columns as one that backends know; None where they know none."""
        del tree
        return None

    def plain(self, column: AnyColumn) -> Sequence[AnyColumn]:
        """Return the node's own columns of which a column is made."""
        if isinstance(column, TableColumn):
            return ()
        return (Column(Field.TYPE_ID) if column == Column(Field.TYPE) else column,)

    @abstractmethod
    def values(
        self, column: TableColumn, around: Callable[[], Around], own: Mapping[int, Sequence[Any]]
    ) -> Values:
        """Return the values of a column; `own` are those of `plain`, in order, by id."""


def _labels(found: Mapping[int, Projected]) -> dict[int, str]:
    """Return what data sets and models are called: name, else URI, else key."""
    return {
        number: name or uri or f"{Kind.ARTIFACT}:{number}"
        for number, (_, name, uri) in found.items()
    }


def _grouped(
    pairs: Iterable[tuple[int, int]], labels: Mapping[int, str]
) -> dict[int, tuple[str, ...]]:
    """Return the labels of what each node is paired with, by id and each once."""
    found: dict[int, dict[str, None]] = {}
    for one, other in sorted(set(pairs)):
        found.setdefault(one, {})[labels[other]] = None
    return {one: tuple(several) for one, several in found.items()}


def _newest(measured: Iterable[tuple[int, tuple[int, int], object]]) -> dict[int, object]:
    """Return for each node the value of the highest rank."""
    best: dict[int, tuple[tuple[int, int], object]] = {}
    for number, rank, value in measured:
        known = best.get(number)
        if known is None or known[0] < rank:
            best[number] = rank, value
    return {number: value for number, (_, value) in best.items()}


class RunColumns(TableColumns):
    """The columns of runs."""

    kind = Kind.EXECUTION

    @override
    def pushed(self, tree: OnColumn) -> Filter | None:
        column = tree.column
        if not isinstance(column, TableColumn) or column.family != "parameters":
            return None
        declaring, others = self._declaring(column.name)
        own, custom = (_on(tree, PropertyColumn(column.name, each)) for each in (False, True))
        if not is_parameter(column.name):
            others = ()
        if not others:
            return own if declaring == self._ids else all_of(_of_types(declaring), own)
        if not declaring:
            return custom if others == self._ids else all_of(_of_types(others), custom)
        parts = (all_of(_of_types(declaring), own), all_of(_of_types(others), custom))
        return Or(tuple(part for part in parts if part is not None))

    def _declaring(self, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the types that declare a property, and those that do not."""
        by_id = self.types.by_id
        declaring = tuple(number for number in self._ids if name in by_id[number].properties)
        return declaring, tuple(number for number in self._ids if number not in declaring)

    @override
    def plain(self, column: AnyColumn) -> Sequence[AnyColumn]:
        if isinstance(column, TableColumn) and column.family == "duration":
            return _DURATION
        if isinstance(column, TableColumn) and column.family == "parameters":
            return _parameter(column.name)
        return super().plain(column)

    @override
    def values(
        self, column: TableColumn, around: Callable[[], Around], own: Mapping[int, Sequence[Any]]
    ) -> Values:
        if column.family == "duration":
            ends = (
                (number, created, self._end(number, row))
                for number, row in own.items()
                if has_ended(row[0]) and row[2] > (created := row[1])
            )
            return {number: (end - created) / _SECOND for number, created, end in ends}
        if column.family == "parameters":
            return parameters(self.types, column.name, own)
        if column.family == "metrics":
            return self._metrics(column, around())
        role = Role.DATASET if column.family == "data" else Role.MODEL
        met = around().data if role is Role.DATASET else around().wrote(role)
        labels = _labels(around().artifacts(role, _LABELS))
        return _grouped(((run, artifact) for run, artifact, _ in met), labels)

    def _end(self, number: int, row: Sequence[Any]) -> int:
        """Return when a run ended: it may have been marked since then, and only then its history is read."""
        state, _, updated, *marks = row
        if marks == [None, None]:
            return int(updated)
        history = reversed(self._versions(NodeKey(Kind.EXECUTION, number)))
        *_, first = takewhile(lambda version: version.state == state, history)
        return first.updated

    def _metrics(self, column: TableColumn, around: Around) -> Values:
        measured = self.values_measured(around, column.name)
        return _newest(
            (run, *measured[artifact])
            for run, artifact, _ in around.wrote(Role.METRICS)
            if artifact in measured and around.is_measured_on(run, artifact, column.use)
        )


def _of_types(type_ids: tuple[int, ...]) -> Filter:
    return In(Column(Field.TYPE_ID), type_ids)


def _on(tree: OnColumn, column: PropertyColumn) -> Filter:
    """Return the same condition on another column."""
    if isinstance(tree, Compare):
        return Compare(column, tree.op, tree.value)
    if isinstance(tree, In):
        return In(column, tree.values)
    if isinstance(tree, Like):
        return Like(column, tree.pattern)
    if isinstance(tree, Contains):
        return Contains(column, tree.value)
    return Present(column)


def _parameter(name: str) -> tuple[AnyColumn, ...]:
    return Column(Field.TYPE_ID), PropertyColumn(name), PropertyColumn(name, custom=True)


def parameters(types: Registry, name: str, own: Mapping[int, Sequence[Any]]) -> Values:
    """Return a parameter of runs, of which type, declared and custom property are given: the declared one where their type has it."""
    found = {}
    free = is_parameter(name)
    declaring = {number for number, each in types.by_id.items() if name in each.properties}
    for number, (type_id, declared, custom) in own.items():
        value = declared if type_id in declaring else custom if free else None
        if value is not None:
            found[number] = value
    return found


class ModelColumns(TableColumns):
    """The columns of models: of the run that made each, and of what was measured of it."""

    kind = Kind.ARTIFACT
    _facts: ModelFacts | None = None
    """The facts of what columns were asked about last, which is nearly always the same."""

    @override
    def plain(self, column: AnyColumn) -> Sequence[AnyColumn]:
        if isinstance(column, TableColumn) and column.family == "metrics":
            return PropertyColumn(column.name), PropertyColumn(column.name, custom=True)
        return super().plain(column)

    @override
    def values(
        self, column: TableColumn, around: Callable[[], Around], own: Mapping[int, Sequence[Any]]
    ) -> Values:
        if self._facts is None or self._facts.around is not around():
            self._facts = ModelFacts(around())
        facts = self._facts
        if column.family == "metrics":
            measured = self.values_measured(around(), column.name)
            return {**_own_floats(column, own), **facts.metrics(column.use, measured)}
        if column.family == "asset":
            return around().assets()
        if column.family == "run":
            names = around().runs([Column(Field.NAME)])
            return {
                model: names[run][1] or f"{Kind.EXECUTION}:{run}"
                for model, run in facts.run_of.items()
            }
        if column.family == "parameters":
            columns = _parameter(column.name)
            rows = {run: values[1:] for run, values in around().runs(columns).items()}
            found = parameters(self.types, column.name, rows)
        else:
            labels = _labels(around().artifacts(Role.DATASET, _LABELS))
            found = _grouped(((run, artifact) for run, artifact, _ in around().data), labels)
        return {model: found[run] for model, run in facts.run_of.items() if run in found}


def _own_floats(column: TableColumn, own: Mapping[int, Sequence[Any]]) -> dict[int, object]:
    """Return what a model says of itself; whole numbers are rather its version or its depth."""
    if column.use is not None or not is_measured(column.name):
        return {}
    found = (
        (number, custom if declared is None else declared)
        for number, (declared, custom) in own.items()
    )
    return {number: value for number, value in found if type(value) is float}


class ModelFacts:
    """Which run made each model, and which metrics are of it."""

    def __init__(self, around: Around) -> None:
        self.around = around

    @cached_property
    def run_of(self) -> Mapping[int, int]:
        """The run that made each model: the newest by id; one that failed only where there is no other."""
        states = self.around.runs([Column(Field.STATE)])
        ranked = (
            (model, (int(weight_of(states[run][1]) is not Weight.FAILED), run), run)
            for run, model, _ in self.around.wrote(Role.MODEL)
            if run in states
        )
        return {model: run for model, run in _newest(ranked).items() if isinstance(run, int)}

    @cached_property
    def models_of(self) -> Mapping[tuple[int, int], Sequence[int]]:
        """The models that metrics are of, by the ids of the run and of the metrics.

        That is the model which they are claimed for, else those that their run wrote, else those that it read.
        """
        around, claims = self.around, self.around.claims()
        made, read = _by_run(around.wrote(Role.MODEL)), _by_run(around.read(Role.MODEL))
        found: dict[tuple[int, int], Sequence[int]] = {}
        for run, metrics, _ in around.wrote(Role.METRICS):
            claimed = claims[metrics].model if metrics in claims else None
            others: Sequence[int] = made.get(run) or read.get(run) or ()
            found[run, metrics] = others if claimed is None else (claimed.id,)
        return found

    def metrics(self, use: str | None, measured: _Measured) -> Values:
        """Return the newest of the values of a metric of each model, on data of a use where one is given."""
        return _newest(
            (model, *measured[metrics])
            for (run, metrics), several in self.models_of.items()
            if metrics in measured and self.around.is_measured_on(run, metrics, use)
            for model in several
        )


def measured_of(kind: Kind, around: Around) -> Iterator[tuple[int, int, int]]:
    """Yield of what metrics are: the id of the run or the model, of the run that wrote them, and of the artifact."""
    if kind is Kind.EXECUTION:
        yield from ((run, run, metrics) for run, metrics, _ in around.wrote(Role.METRICS))
        return
    for (run, metrics), models in ModelFacts(around).models_of.items():
        yield from ((model, run, metrics) for model in models)


def _by_run(met: Iterable[Any]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for run, artifact, _ in met:
        found.setdefault(run, []).append(artifact)
    return found
