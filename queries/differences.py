"""Tells how the lineages of two nodes differ, step by step."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from typing_extensions import override

from lineage.answers.conversions import ColumnType, records_frame
from lineage.answers.marks import EMPTY, Graph
from lineage.answers.notebook import Part, node_cells
from lineage.answers.view import BUDGET, Show, View, Viewed, view_of
from lineage.contract.backend import Backend
from lineage.contract.walking import Cut, Limits
from lineage.errors import Invalid
from lineage.model.canonical import same
from lineage.model.entities import Context, Node
from lineage.model.keys import Kind, NodeKey, TypeName
from lineage.model.marks import without_marks
from lineage.model.notebook import ROWS, html_answer
from lineage.model.paths import dotted
from lineage.model.values import Value
from lineage.queries.alignment import SIGNS, SURE, line_up
from lineage.queries.chains import Trail
from lineage.queries.graphs import graph_of
from lineage.queries.lineages import Lineage, Step, lineages_of
from lineage.queries.notes import inherited
from lineage.queries.reader import Reader

if TYPE_CHECKING:
    import pandas

__all__ = ["Diff", "Difference", "FieldChange", "diff"]


@dataclass(frozen=True, slots=True)
class FieldChange(Part):
    """A field whose values differ, such as `uri` or `properties.depth`; None is not recorded.

    `event` and `path` are no fields of a node: they tell how it was read or written there.
    """

    field: str
    left: Value | None
    right: Value | None


@dataclass(frozen=True, slots=True)
class Difference(Part):
    """Two nodes at the same place of both lineages that differ, or one that has no counterpart.

    They are one node where the lineages read it in different ways. `place` is the way from the node
    that was asked about, against the flow: the types and paths of the steps, such as
    `("Model", "Trainer", "Dataset train")`.
    """

    place: Sequence[str]
    left: Node | None
    right: Node | None
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Diff(Viewed):
    """How two lineages differ, nearest first; `shared` are the nodes that both have, by key.

    `truncated` says for the left and the right one where a limit cut it. What was cut off is not
    taken for a difference. `notes` say which steps are taken to have read what their parents did.
    """

    left: Node
    right: Node
    differences: tuple[Difference, ...]
    shared: tuple[NodeKey, ...]
    truncated: tuple[Cut | None, Cut | None]
    number: int
    notes: tuple[str, ...]
    _graph: Graph = field(default=EMPTY, repr=False, compare=False)

    @override
    def view(self, *, budget: int = BUDGET, show: Show = "all", opened: Sequence[str] = ()) -> View:
        """Return both lineages in few marks, as `view_of` does; what differs stays single, the nearest of it.

        The role of a node says which lineage it is in, "left", "right" or "both", and "divergence" that it is where they first
        differ, going back from the two nodes. Badges number the differences.
        """
        pairs = [(each.left, each.right) for each in self.differences]
        ends = [tuple(node.key for node in pair if node is not None) for pair in pairs]
        asked = (self.left.key, self.right.key)
        first = next((pair for pair in ends if pair != asked), asked if ends else ())
        badges: dict[NodeKey, str] = {}
        for place, pair in enumerate(ends, start=1):
            for key in pair:
                badges.setdefault(key, f"{place}")
        graph = self._graph._replace(
            notes=self.notes,
            roles={**self._graph.roles, **dict.fromkeys(first, "divergence")},
            badges=badges,
        )
        differing = [key for pair in (first, *ends) for key in pair]
        return view_of(
            graph, budget=budget, show=show, opened=opened, pinned=differing[: budget // 4]
        )

    def to_pandas(self) -> pandas.DataFrame:
        """Return a pandas frame with a row for each change of a field; of what has no counterpart, one without a field."""
        records = [
            {
                "place": list(each.place),
                "left": None if each.left is None else str(each.left.key),
                "right": None if each.right is None else str(each.right.key),
                "field": None if change is None else change.field,
                "in_left": None if change is None else change.left,
                "in_right": None if change is None else change.right,
            }
            for each in self.differences
            for change in each.changes or (None,)
        ]
        columns: dict[str, ColumnType] = {
            "place": "any",
            "left": "text",
            "right": "text",
            "field": "text",
            "in_left": "any",
            "in_right": "any",
        }
        return records_frame(records, columns)

    @override
    def _html(self) -> str:
        cuts = {cut.limit for cut in self.truncated if cut}
        caption = (
            f"{self.left.key} and {self.right.key}: {len(self.differences)} differences, "
            f"{len(self.shared)} nodes shared{'; cut by ' if cuts else ''}{' and '.join(sorted(cuts))}"
        )
        count = sum(max(1, len(each.changes)) for each in self.differences)
        rows = list(islice((row for each in self.differences for row in _cells(each)), ROWS))
        header = ("place", "left", "right", "field", "in left", "in right")
        return html_answer(caption, header, rows, more=count - len(rows), notes=self.notes)


def _cells(difference: Difference) -> Iterator[tuple[object, ...]]:
    ends = [
        "" if node is None else " ".join(node_cells(node)[::2])
        for node in (difference.left, difference.right)
    ]
    place = " ← ".join(difference.place)
    for change in difference.changes:
        yield place, *ends, change.field, change.left, change.right
    if not difference.changes:
        yield place, *ends, "", "", ""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two nodes at the same place, or one that has no counterpart there.

    `events` tell how they were read or written in different ways. Nodes that were `met` at another
    place before are not compared again.
    """

    place: Trail
    left: NodeKey | None
    right: NodeKey | None
    events: tuple[FieldChange, ...] = ()
    met: bool = False


def diff(
    backend: Backend,
    left: NodeKey,
    right: NodeKey,
    *,
    limits: Limits = Limits(),
    happened_by: int | None = None,
    as_of: int | None = None,
) -> Diff:
    """Return how what two nodes were made from differs: data, runs, parameters, library versions.

    The two nodes are compared, then what each was made from, step by step against the flow. In each
    step nodes are paired as `compare` lines up data: a node with itself, else those of one asset, one
    path, one type and URI, one type and name, else of one type, by key. All of a step are equally far
    away, so that distance says nothing; and a path says where an output stands in its run, so that it
    does not tell runs apart. The one run that is left on each side is paired whatever its type.

    Their types, names, URIs, states and properties are compared, and the environments of executions as
    `environment.numpy`; how they were read, as `event` and `path`; ids and times are not. What lies
    before nodes that both lineages hold is not looked at again. A step that read no data set is taken to have read
    what its parent did. Each lineage is walked within the
    limits; where that cut a step, its nodes are not paired by their type alone.

    >>> import lineage
    >>> store = lineage.connect("memory:")
    >>> class Trainer(lineage.Train):
    ...     depth: int
    >>> data = store.put(lineage.Dataset(name="lake"))
    >>> for depth in (3, 4):
    ...     run, model = Trainer(depth=depth), lineage.Model(name=f"depth {depth}")
    ...     _ = store.record(run, inputs=[data], outputs=[model])
    >>> for each in store.diff("lineage.Model:depth 3", "lineage.Model:depth 4").differences:
    ...     for change in each.changes:
    ...         print(*each.place, change.field, change.left, change.right)
    lineage.Model name depth 3 depth 4
    lineage.Model Trainer properties.depth 3 4
    """
    if left.kind is not right.kind:
        raise Invalid(
            f"{left} and {right} are of different kinds; compare two artifacts or two executions"
        )
    reader = Reader(backend, as_of, happened_by)
    lineages = lineages_of(reader, left, right, limits)
    pairs = list(_pairs(lineages, left, right))
    found = (_difference(reader, lineages, pair) for pair in pairs)
    return Diff(
        left=reader.node(left),
        right=reader.node(right),
        differences=tuple(each for each in found if each is not None),
        shared=tuple(sorted(lineages[0].keys & lineages[1].keys)),
        truncated=(lineages[0].cut, lineages[1].cut),
        number=reader.number,
        notes=tuple(inherited(dict.fromkeys(each for one in lineages for each in one.inherited))),
        _graph=_graph(reader, lineages, (left, right)),
    )


def _graph(
    reader: Reader, lineages: tuple[Lineage, Lineage], ends: tuple[NodeKey, NodeKey]
) -> Graph:
    """Return both lineages as one graph, each node with the side that it is on."""
    one, other = (lineage.keys for lineage in lineages)
    roles = (
        dict.fromkeys(one, "left")
        | dict.fromkeys(other, "right")
        | dict.fromkeys(one & other, "both")
    )
    graph = graph_of(
        reader,
        roles,
        [*{row.key: row for lineage in lineages for row in lineage.edges}.values()],
        focus=ends,
        cuts=[lineage.cut for lineage in lineages],
    )
    return graph._replace(roles=roles)


def _pairs(lineages: tuple[Lineage, Lineage], left: NodeKey, right: NodeKey) -> Iterator[Pair]:
    """Yield all pairs at one place that may differ, nearest first, of different nodes each once."""
    if left == right:
        return
    start = Pair(Trail(lineages[0].type_name(left)), left, right)
    waiting = deque([start])
    seen: set[tuple[NodeKey | None, NodeKey | None]] = {(left, right)}
    expanded: set[NodeKey] = set()
    while waiting:
        pair = waiting.popleft()
        yield pair
        if pair.left is None or pair.right is None:
            continue
        # Two nodes that were both looked at, or that both lineages hold, have nothing new to tell.
        if expanded.issuperset((pair.left, pair.right)) or _is_shared(lineages, pair):
            continue
        expanded |= {pair.left, pair.right}
        for step in _steps(lineages, pair.left, pair.right):
            ends = step.ends
            if step.events or ends not in seen:
                place, met = pair.place.then(step.name), ends in seen
                waiting.append(Pair(place, *ends, step.events, met))
                seen.add(ends)


def _is_shared(lineages: tuple[Lineage, Lineage], pair: Pair) -> bool:
    return all(key in lineage.keys for key in (pair.left, pair.right) for lineage in lineages)


class _Row(NamedTuple):
    """What two nodes were made from at one place, on one side or on both."""

    left: Step | None
    right: Step | None

    @property
    def name(self) -> str:
        return str(self.left or self.right)

    @property
    def ends(self) -> tuple[NodeKey | None, NodeKey | None]:
        return self.left and self.left.slot.key, self.right and self.right.slot.key

    @property
    def events(self) -> tuple[FieldChange, ...]:
        """How the two were read or written in different ways; the order of paths says nothing."""
        if self.left is None or self.right is None:
            return ()
        changes = []
        if self.left.kind is not self.right.kind:
            changes.append(FieldChange("event", self.left.kind.name, self.right.kind.name))
        one, other = self.left.slot.paths, self.right.slot.paths
        if {*one} != {*other}:
            changes.append(FieldChange("path", dotted(one) or None, dotted(other) or None))
        return tuple(changes)


def _steps(lineages: tuple[Lineage, Lineage], left: NodeKey, right: NodeKey) -> Iterator[_Row]:
    """Yield what two nodes were made from in rows that may differ; what has no counterpart comes last."""
    sides = [lineage.steps(key) for lineage, key in zip(lineages, (left, right), strict=True)]
    # Where a walk was cut, some neighbours are unknown: then nothing can be said to be missing.
    whole = left not in lineages[0].frontier and right not in lineages[1].frontier
    columns = [[step.slot for step in side.values()] for side in sides]
    rows = [
        _Row(sides[0][one.key] if one else None, sides[1][other.key] if other else None)
        for one, other in line_up(columns, SIGNS if whole else SURE)
    ]
    paired = [row for row in rows if None not in row]
    alone = [row for row in rows if row.right is None], [row for row in rows if row.left is None]
    if left.kind is Kind.ARTIFACT and len(alone[0]) == len(alone[1]) == 1:
        paired, alone = [*paired, _Row(alone[0][0].left, alone[1][0].right)], ([], [])
    yield from (row for row in sorted(paired, key=_name) if row.events or len({*row.ends}) > 1)
    if whole:
        for side in alone:
            yield from sorted(side, key=_name)


def _name(row: _Row) -> str:
    return row.name


def _difference(reader: Reader, lineages: tuple[Lineage, Lineage], pair: Pair) -> Difference | None:
    """Return how a pair differs; None where nothing that is compared does."""
    left = None if pair.left is None else reader.node(pair.left)
    right = None if pair.right is None else reader.node(pair.right)
    if left is None or right is None:
        return Difference(pair.place, left, right, ())
    changes = pair.events
    if not pair.met:
        changes += (
            *_changes(_fields(left), _fields(right)),
            *_environment_changes(lineages, left, right),
        )
    return Difference(pair.place, left, right, changes) if changes else None


def _fields(node: Node) -> dict[str, Value]:
    """Return what is compared of a node, by name, in the order in which it is told."""
    state = getattr(node, "state", None)
    fields = {
        "type": str(TypeName(node.type, node.type_version)),
        "name": node.name,
        "uri": getattr(node, "uri", None),
        "state": None if state is None else str(state),
        "gone": node.gone,
        **_prefixed("properties", node.properties),
        **_prefixed("custom_properties", without_marks(node.custom_properties)),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _prefixed(prefix: str, values: Mapping[str, Value]) -> dict[str, Value]:
    return {f"{prefix}.{name}": values[name] for name in sorted(values)}


def _changes(left: Mapping[str, Value], right: Mapping[str, Value]) -> Iterator[FieldChange]:
    """Yield the fields that differ, in the order of _ORDER and then of their names."""
    names = {*left, *right}
    for name in sorted(names, key=lambda name: (_ORDER.index(name.partition(".")[0]), name)):
        was, now = left.get(name), right.get(name)
        if was is None or now is None or not same(was, now):
            yield FieldChange(name, was, now)


_ORDER = (
    *("type", "name", "uri", "state", "gone"),
    *("properties", "custom_properties", "environment"),
)


def _environment_changes(
    lineages: tuple[Lineage, Lineage], left: Node, right: Node
) -> Iterator[FieldChange]:
    """Yield what differs between the environments of two executions; that one is missing is one change."""
    one, other = lineages[0].environment(left.key), lineages[1].environment(right.key)
    if one is not None and other is not None:
        if one.key != other.key:
            yield from _changes(_environment(one), _environment(other))
    elif one is not None or other is not None:
        told = [None if each is None else each.name or str(each.key) for each in (one, other)]
        yield FieldChange("environment", *told)


def _environment(context: Context) -> dict[str, Value]:
    # A library may be called like what every environment has.
    values = {**context.custom_properties, **context.properties}
    return _prefixed("environment", values)
