"""Compares models side by side (question 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import override

from lineage.answers.conversions import frame_of
from lineage.answers.labels import label
from lineage.answers.marks import EMPTY, Graph
from lineage.answers.notebook import Part
from lineage.answers.subgraph import Copy
from lineage.answers.view import BUDGET, Show, View, Viewed, view_of
from lineage.contract.backend import Backend
from lineage.contract.roles import Role
from lineage.contract.walking import Cut, Limits
from lineage.errors import Invalid
from lineage.model.canonical import same
from lineage.model.entities import Artifact
from lineage.model.keys import NodeKey
from lineage.model.marks import is_own_property
from lineage.model.notebook import DIGEST_SHOWN, ROWS, html_answer
from lineage.model.paths import dotted
from lineage.model.texts import printable
from lineage.model.values import Value, to_value
from lineage.queries.alignment import Slot, line_up
from lineage.queries.facts import Facts, Metric
from lineage.queries.graphs import graph_of
from lineage.queries.libraries import is_framework
from lineage.queries.notes import remarks
from lineage.queries.reader import Reader
from lineage.queries.versions import assets_of

if TYPE_CHECKING:
    import pandas

__all__ = ["Comparison", "Row", "compare"]

SECTIONS = ("data", "parameters", "metrics", "properties", "frameworks", "run")
FORMAL = {("run", "run"), ("run", "created")}
"""What tells any two runs apart."""
DEEPEST = 3
"""How many levels of nested parameters become rows of their own."""
LISTED = 5
"""How many values that are not compared a note lists."""

ModelValues: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Row(Part):
    """One thing that is known of the models: a value for each, None where it was not recorded.

    `section` is "data", "parameters", "metrics", "properties", "frameworks" or "run". What is `formal`,
    the names and the times of runs, differs between any two and says nothing.
    """

    section: str
    name: str
    values: tuple[Value | None, ...]
    differs: bool
    formal: bool = False


@dataclass(frozen=True, slots=True)
class Comparison(Viewed):
    """A table of models, in the order they were given; the rows that differ come first, formal ones last.

    Rows are in the order of their sections, then by name. `truncated` says for each model where a
    limit cut the search for its data sets. `copies` are the hops through copies upstream of them all.
    """

    models: tuple[Artifact, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    truncated: tuple[Cut | None, ...]
    number: int
    copies: tuple[Copy, ...] = ()
    _graph: Graph = field(default=EMPTY, repr=False, compare=False)

    @override
    def view(self, *, budget: int = BUDGET, show: Show = "all", opened: Sequence[str] = ()) -> View:
        """Return what the models were made from in few marks, as `view_of` does.

        The role "both" says that a node is upstream of all of them; of two models the others are "left" or "right".
        """
        graph = self._graph._replace(notes=self.notes)
        return view_of(graph, budget=budget, show=show, opened=opened)

    def to_pandas(self) -> pandas.DataFrame:
        """Return a frame with a row for each model, by key, and a column for each row of the table, such as `parameters.depth`.

        Columns are in the order of the rows and have the types of `Subgraph.to_pandas`. `MissingExtra` without pandas.
        """
        columns = {f"{row.section}.{row.name}": [*row.values] for row in self.rows}
        frame = frame_of(columns, len(self.models))
        frame.index = [str(model.key) for model in self.models]
        frame.index.name = "model"
        return frame

    @override
    def _html(self) -> str:
        header = ["", "", *(f"{model.key} {label(model)}" for model in self.models)]
        cells = [
            [row.section, f"{row.name} ≠" if row.differs else row.name, *map(_cell, row.values)]
            for row in self.rows[:ROWS]
        ]
        caption = f"{len(self.models)} models as of transaction {self.number}; ≠ marks what differs"
        return html_answer(
            caption, header, cells, more=len(self.rows) - len(cells), notes=self.notes
        )


def compare(
    backend: Backend,
    keys: Sequence[NodeKey],
    *,
    limits: Limits = Limits(),
    through_copies: bool = False,
    happened_by: int | None = None,
    as_of: int | None = None,
) -> Comparison:
    """Return how models compare: data, parameters, metrics, framework versions, run.

    Through copies, for a model that nobody wrote the run answers that wrote one with its digest.

    Values that are not of one type, or of which one was not recorded, differ. Different versions
    of the same data stand in one row. Nested parameters are rows of their own, as in `tree.depth`;
    metrics are named by the type of the run that wrote them, but those of the training and of the
    model itself by these words. `NotFound` for what is not there, `Invalid` without artifacts to compare.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     for depth in (3, 5):
    ...         train = lineage.Train(custom_properties={"depth": depth, "seed": 1})
    ...         model = lineage.Model(name=f"m{depth}")
    ...         _ = store.record(train, inputs=lineage.Dataset(uri="s3://lake/1"), outputs=model)
    ...     models = [store.key_of(f"lineage.Model:m{depth}") for depth in (3, 5)]
    ...     table = compare(store.backend, models)
    >>> [(row.section, row.name, row.values) for row in table.rows if row.differs][0]
    ('parameters', 'depth', (3, 5))
    """
    if not keys:
        raise Invalid("there is nothing to compare; name one model or more")
    reader = Reader(backend, as_of, happened_by)
    reader.check_artifacts(keys, "only models, and artifacts like them, are compared")
    by_key = {
        key: Facts(reader, key, limits, through_copies=through_copies, edges=True)
        for key in dict.fromkeys(keys)
    }
    for each in by_key.values():
        each.prefetch()
    models = [by_key[key] for key in keys]
    rows = [
        Row(*cells, differs=_differ(cells[2]), formal=cells[:2] in FORMAL)
        for cells in _rows(models)
    ]
    return Comparison(
        models=tuple(reader.artifact(key) for key in keys),
        rows=tuple(sorted(rows, key=_order)),
        copies=tuple(dict.fromkeys(hop for each in by_key.values() for hop in each.hops)),
        notes=_told(list(by_key.values())),
        truncated=tuple(model.upstream.cut for model in models),
        number=reader.number,
        _graph=_graph(reader, list(by_key.values())),
    )


def _graph(reader: Reader, models: Sequence[Facts]) -> Graph:
    """Return what all models were made from as one graph, each node with the models that it is upstream of."""
    sides = [frozenset(model.upstream.keys) for model in models]
    roles: dict[NodeKey, str] = {}
    if len(sides) == 2:
        roles = dict.fromkeys(sides[0], "left") | dict.fromkeys(sides[1], "right")
    if len(sides) > 1:
        roles |= dict.fromkeys(frozenset.intersection(*sides), "both")
    graph = graph_of(
        reader,
        dict.fromkeys(key for model in models for key in model.upstream.keys),
        [*{row.key: row for model in models for row in model.upstream_edges}.values()],
        focus=[model.key for model in models],
        cuts=[model.upstream.cut for model in models],
    )
    return graph._replace(roles=roles)


def _order(row: Row) -> tuple[bool, bool, int, str]:
    return row.formal, not row.differs, SECTIONS.index(row.section), row.name


def _differ(values: Sequence[Value | None]) -> bool:
    first = values[0]
    return not all(
        value is None if first is None else value is not None and same(first, value)
        for value in values
    )


def _told(models: Sequence[Facts]) -> tuple[str, ...]:
    tests = _tests_of(models)
    return tuple(dict.fromkeys(note for each in models for note in _notes(each, tests)))


def _notes(model: Facts, tests: Mapping[NodeKey, str]) -> Iterator[str]:
    if model.role not in (Role.MODEL, None):
        yield f"{model.key} is not a model, it is {model.role.words}"
    yield from remarks(model)
    values: dict[str, list[Metric]] = {}
    for name, each in zip(_names_of(model, tests), model.metrics, strict=True):
        values.setdefault(name, []).append(each)
    for name, (_, *others) in sorted(values.items()):
        if others:
            said = printable(name, limit=80)
            listed = [f"{each.value} in {each.artifact.key}" for each in others[:LISTED]]
            more = f" and {len(others) - LISTED} more" if len(others) > LISTED else ""
            yield (
                f"{model.key} has {len(others) + 1} values of {said}; the first, of the newest run, is "
                f"compared, and not {', '.join(listed)}{more}"
            )


Cells: TypeAlias = tuple[str, str, tuple[Value | None, ...]]


def _rows(models: Sequence[Facts]) -> Iterator[Cells]:
    """Yield the section, the name and the values of every row in which there is a value."""
    for name, values in _data(models):
        yield "data", name, values
    columns: dict[str, Callable[[Facts], ModelValues]] = {
        "parameters": lambda model: dict(_flat(model.parameters)),
        "metrics": partial(_metrics, tests=_tests_of(models)),
        "properties": _properties,
        "frameworks": _libraries,
        "run": _run,
    }
    told = {name for model in models for name in model.frameworks if is_framework(name)} | {
        "python"
    }
    for section, column_of in columns.items():
        columns_of_models = [column_of(model) for model in models]
        for name in dict.fromkeys(name for column in columns_of_models for name in column):
            values = tuple(column.get(name) for column in columns_of_models)
            if section != "frameworks" or name in told or _differs(values, columns_of_models):
                yield section, name, values


def _data(models: Sequence[Facts]) -> Iterator[tuple[str, tuple[Value | None, ...]]]:
    """Yield a row for each place of the models' data; two of one name are numbered."""
    reader = models[0].reader
    keys = {source.node.key for model in models for source in model.sources}
    assets = assets_of(reader, sorted(keys))
    taken: Counter[str] = Counter()
    for row in line_up([_slots(model, assets) for model in models]):
        slots = [slot for slot in row if slot is not None]
        name = _name_of(reader, slots)
        taken[name] += 1
        swapped = len({frozenset(slot.paths) for slot in slots if slot.paths}) > 1
        values = tuple(
            None if slot is None else _shown(reader, slot, with_path=swapped) for slot in row
        )
        yield f"{name} ({taken[name]})" if taken[name] > 1 else name, values


def _slots(model: Facts, assets: Mapping[NodeKey, NodeKey]) -> list[Slot]:
    paths = model.input_paths
    return [
        Slot(
            key=source.node.key,
            type=source.node.type,
            uri=source.node.uri,
            name=source.node.name,
            asset=assets.get(source.node.key),
            paths=paths.get(source.node.key, ()),
            distance=source.distance,
        )
        for source in model.sources
    ]


def _name_of(reader: Reader, slots: Sequence[Slot]) -> str:
    """Return a row's name: a path of the event, else the type, and the asset where there is one."""
    paths = [path for slot in slots for path in slot.paths if path]
    assets = [slot.asset for slot in slots if slot.asset]
    if paths:
        return dotted(paths[:1])
    named = f" {reader.row(assets[0]).name}" if assets else ""
    return f"{slots[0].type}{named}"


def _shown(reader: Reader, slot: Slot, *, with_path: bool) -> str:
    """Return what tells a data set from others: its URI or name with its digest, else its key.

    With all its paths, where models read the same thing in different places.
    """
    node, key = reader.artifact(slot.key), slot.key
    digest = node.properties.get("digest", node.custom_properties.get("digest"))
    which = _short(digest) if isinstance(digest, str) and digest else str(key)
    told = node.uri or node.name
    path = f" as {dotted(slot.paths)}" if with_path and slot.paths else ""
    return f"{f'{told} ({which})' if told else which}{path}{', deleted' if node.gone else ''}"


def _short(digest: str) -> str:
    algorithm, colon, digits = digest.rpartition(":")
    return f"{algorithm}{colon}{digits[:DIGEST_SHOWN]}"


def _flat(values: Mapping[str, Value], depth: int = 1) -> Iterator[tuple[str, Value]]:
    """Yield parameters, with those of a nested map named by dots."""
    for name, value in values.items():
        if isinstance(value, dict) and value and depth <= DEEPEST:
            for inner, item in _flat(value, depth + 1):
                yield f"{name}.{inner}", item
        elif value is not None:
            yield name, value


def _tests_of(models: Iterable[Facts]) -> Mapping[NodeKey, str]:
    """Return what the data sets that metrics were measured on are called, each of them differently."""
    data = {each.on.key: each.on for model in models for each in model.metrics if each.on}
    names = {key: node.name or node.uri or str(key) for key, node in data.items()}
    taken = Counter(names.values())
    return {key: name if taken[name] == 1 else f"{name} ({key})" for key, name in names.items()}


def _names_of(model: Facts, tests: Mapping[NodeKey, str]) -> list[str]:
    """Return the names of a model's metrics: with the data they were measured on, and who wrote them."""
    return [
        f"{each.name}{'' if each.on is None else f' on {tests[each.on.key]}'} ({_writer(model, each)})"
        for each in model.metrics
    ]


def _writer(model: Facts, metric: Metric) -> str:
    """Return the type of the run that wrote a metric; but trainings, and models, are all alike.

    Else what two models say of themselves would never stand in one row, if their types differ.
    """
    if metric.run is None or metric.artifact.key == model.key:
        return str(model.role or metric.artifact.type)
    own = metric.run.key in model.runs and model.reader.role(metric.run.key) is Role.TRAIN
    return "training" if own else metric.run.type


def _metrics(model: Facts, tests: Mapping[NodeKey, str]) -> ModelValues:
    found: dict[str, Value] = {}
    for each, name in zip(model.metrics, _names_of(model, tests), strict=True):
        # What a failed run measured is no answer, unless nobody else made the model.
        if not each.failed or model.run is None or model.run in model.failed_runs:
            found.setdefault(name, each.value)
    return found


def _properties(model: Facts) -> ModelValues:
    """Return what the model says of itself, but for its metrics."""
    node = model.reader.node(model.key)
    told = {each.name for each in model.metrics if each.artifact.key == model.key}
    own = {**node.properties, **node.custom_properties}
    left = {
        name: value for name, value in own.items() if name not in told and not is_own_property(name)
    }
    return dict(_flat(left))


def _libraries(model: Facts) -> ModelValues:
    python = None if model.environment is None else model.environment.python
    return dict(model.libraries) | ({} if python is None else {"python": python})


def _differs(values: Sequence[Value | None], columns: Sequence[ModelValues]) -> bool:
    """Whether a library has another version in some model; one of which no library was recorded differs from none."""
    recorded = [value for value, column in zip(values, columns, strict=True) if column]
    return _differ(recorded)


def _run(model: Facts) -> ModelValues:
    if model.run is None:
        return {}
    run = model.reader.execution(model.run)
    where = model.environment
    told: dict[str, Value | None] = {
        "type": run.type,
        "run": run.name or str(run.key),
        "state": None if run.state is None else run.state.value,
        "created": None if run.create_time is None else to_value(run.create_time),
        "git commit": None if where is None else where.git_commit,
        "git clean": None if where is None else where.git_clean,
    }
    return {name: value for name, value in told.items() if value is not None}


def _cell(value: Value | None) -> object:
    return "–" if value is None else value
