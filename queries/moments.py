"""Tells what changed in the lineage of some nodes between two moments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from typing_extensions import override

from lineage.answers.conversions import ColumnType, records_frame
from lineage.answers.labels import listed
from lineage.answers.log import changed_fields
from lineage.answers.marks import EMPTY, Graph
from lineage.answers.notebook import Part, node_text
from lineage.answers.view import BUDGET, Show, View, Viewed, view_of
from lineage.contract.backend import Backend
from lineage.contract.walking import Cut, Direction, Limits
from lineage.model.entities import Edge, Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.notebook import ROWS, html_answer
from lineage.model.paths import dotted, paths_of
from lineage.model.rows import (
    EVENT_KINDS,
    EdgeKey,
    EdgeRow,
    NodeRow,
    edge_key,
    edge_of,
    entity_of,
)
from lineage.model.schema import AnyType
from lineage.model.times import from_micros
from lineage.model.values import Value
from lineage.queries.differences import FieldChange
from lineage.queries.reader import Reader
from lineage.queries.view import MEMBERS, in_words, lineage_of, with_contexts

if TYPE_CHECKING:
    import pandas

__all__ = ["Changed", "EdgeChange", "NodeChange", "since"]

NodeWhat: TypeAlias = Literal[
    "new", "reached", "restored", "changed", "deleted", "purged", "unreached"
]
EdgeWhat: TypeAlias = Literal["new", "changed", "ended"]
_ROLES: Mapping[NodeWhat, str] = {
    "new": "new",
    "reached": "new",
    "restored": "new",
    "changed": "changed",
    "deleted": "ended",
    "purged": "ended",
    "unreached": "ended",
}
"""The role in pictures of each thing that may have become of a node; nodes are listed in this order."""
_ORDER = {what: place for place, what in enumerate(_ROLES)}
_EDGE_ORDER: Mapping[EdgeWhat, int] = {"new": 0, "changed": 1, "ended": 2}


@dataclass(frozen=True, slots=True)
class NodeChange(Part):
    """A node, as it is at the later moment, and what became of it since the earlier one.

    `what` is "new" where it was written since, "reached" where it was there and only now is of the lineage, "restored",
    "changed", "deleted", "purged", or "unreached" where it is there and no longer of the lineage. `changes` are the fields
    that differ, `left` being the earlier value; there are none of a new node, and none of a purged one, of which nobody knows.
    """

    node: Node
    what: NodeWhat
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class EdgeChange(Part):
    """An edge that was written since the earlier moment ("new"), was taken away ("ended") or says other things ("changed").

    An edge that ended is as it was. `changes` are `path` and `time` where they differ, `left` being the earlier value.
    """

    edge: Edge
    what: EdgeWhat
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Changed(Viewed):
    """What changed in the lineage of some nodes between two transactions, `since` and `number`.

    `nodes` are in the order of what became of them, as `NodeChange` lists it, then by key; `edges` so, too. `unchanged` counts the
    nodes of both lineages of which there is nothing to tell. `truncated` are the limits that cut the earlier lineage,
    and the later one: what a limit cut off is not taken for a change. `notes` say so, and which of the starts
    were made since.
    """

    starts: tuple[Node, ...]
    nodes: tuple[NodeChange, ...]
    edges: tuple[EdgeChange, ...]
    unchanged: int
    since: int
    number: int
    truncated: tuple[tuple[Cut, ...], tuple[Cut, ...]]
    notes: tuple[str, ...]
    _graph: Graph = field(default=EMPTY, repr=False, compare=False)

    @property
    def _told(self) -> tuple[NodeChange | EdgeChange, ...]:
        return (*self.nodes, *self.edges)

    @override
    def view(
        self,
        *,
        budget: int = BUDGET,
        show: Show = "all",
        by: str = "",
        opened: Sequence[str] = (),
    ) -> View:
        """Return both lineages in few marks, as `view_of` does, as their nodes are at the later moment.

        The role of a node is "new" where it is new, restored or only now reached, "changed", or "ended" where it was deleted,
        purged or is no longer reached.
        """
        counts = Counter(each.what for each in self.edges)
        told = ", ".join(f"{count:,} {what}" for what, count in counts.items())
        edges = [f"edges since transaction {self.since}: {told}"] if told else []
        graph = self._graph._replace(
            notes=(*self.notes, *edges),
            roles={each.node.key: _ROLES[each.what] for each in self.nodes},
        )
        return view_of(graph, budget=budget, show=show, by=by, opened=opened)

    def to_pandas(self) -> pandas.DataFrame:
        """Return a pandas frame with a row for each change of a field; of nodes and edges without one, a row without a field."""
        records = [
            {
                "what": each.what,
                "of": "node" if isinstance(each, NodeChange) else "edge",
                **_named(each),
                "field": None if change is None else change.field,
                "before": None if change is None else change.left,
                "after": None if change is None else change.right,
            }
            for each in self._told
            for change in each.changes or (None,)
        ]
        texts = ("what", "of", "key", "target", "type", "field")
        columns: dict[str, ColumnType] = dict.fromkeys(texts, "text")
        return records_frame(records, {**columns, "before": "any", "after": "any"})

    @override
    def _html(self) -> str:
        starts = ", ".join(str(each.key) for each in self.starts)
        caption = (
            f"{starts} from transaction {self.since} to {self.number}: {len(self.nodes):,} nodes and "
            f"{len(self.edges):,} edges changed, {self.unchanged:,} nodes did not"
        )
        count = sum(max(1, len(each.changes)) for each in self._told)
        rows = [*islice(self._cells(), ROWS)]
        header = ("what", "which", "field", "before", "after")
        return html_answer(caption, header, rows, more=count - len(rows), notes=self.notes)

    def _cells(self) -> Iterator[tuple[object, ...]]:
        for each in self._told:
            which = node_text(each.node) if isinstance(each, NodeChange) else _edge_text(each.edge)
            for change in each.changes:
                yield each.what, which, change.field, change.left, change.right
            if not each.changes:
                yield each.what, which, "", "", ""


def _edge_text(edge: Edge) -> str:
    key = edge_key(edge)
    return f"{key.source} → {key.target} {key.kind.name}"


def _named(change: NodeChange | EdgeChange) -> dict[str, str]:
    if isinstance(change, NodeChange):
        return {"key": str(change.node.key), "type": change.node.type}
    key = edge_key(change.edge)
    return {"key": str(key.source), "target": str(key.target), "type": key.kind.name}


def since(
    backend: Backend,
    starts: Collection[NodeKey],
    earlier: int,
    *,
    direction: Direction = Direction.BOTH,
    limits: Limits = Limits(),
    inputs: bool = False,
    gone: bool = True,
    remarks: Sequence[str] = (),
    as_of: int | None = None,
) -> Changed:
    """Return what changed in the lineage of some nodes since the transaction `earlier`.

    The lineage is upstream and downstream within the limits each, or one of them. Of starts that were made since, the earlier
    lineage is empty. Deleted nodes are part of a lineage; without `gone` ones, one that was deleted since is still told.
    `NotFound` for what is not there at the later moment.

    >>> import lineage
    >>> store = lineage.connect("memory:")
    >>> lake = store.put(lineage.Dataset(uri="s3://lake/churn.csv"))
    >>> _ = store.record(lineage.Train(), inputs=[lake], outputs=[lineage.Model(name="one")])
    >>> _ = store.update(lake.replace(name="churn"))
    >>> answer = store.since(lake, since=1)
    >>> for each in answer.nodes:
    ...     print(each.what, each.node.key, *[change.field for change in each.changes])
    new artifact:2
    new execution:1
    changed artifact:1 name
    >>> [each.what for each in answer.edges]
    ['new', 'new']
    """
    as_of = backend.pin(as_of)
    reader = Reader(backend, as_of)
    reader.check(starts)
    there = backend.nodes(starts, as_of=earlier)
    known = [key for key in dict.fromkeys(starts) if key in there]
    ask = partial(lineage_of, backend, direction=direction, limits=limits, inputs=inputs, gone=gone)
    before = EMPTY
    if known:
        before = with_contexts(Reader(backend, earlier), ask(known, as_of=earlier), known)
    after = with_contexts(reader, ask(starts, as_of=as_of), starts)
    sides = _sides(backend, before, after, earlier, as_of)
    nodes = sorted(_node_changes(sides, reader.types.by_id), key=_node_order)
    edges = sorted(_edge_changes(sides), key=_edge_order)
    unknown = _unknown(sides, {each.node.key for each in nodes})
    made = [key for key in dict.fromkeys(starts) if key not in there]
    return Changed(
        starts=tuple(reader.node(key) for key in dict.fromkeys(starts)),
        nodes=tuple(nodes),
        edges=tuple(edges),
        unchanged=len(sides.now) - len(nodes) - len(unknown),
        since=earlier,
        number=reader.number,
        truncated=(before.cuts, after.cuts),
        notes=(*remarks, *after.notes, *_notes(made, unknown, earlier)),
        _graph=_joined(reader, sides),
    )


class _Sides(NamedTuple):
    """Two lineages, and the rows of all nodes and edges of either at both moments, as far as these were there."""

    before: Graph
    after: Graph
    then: Mapping[NodeKey, NodeRow]
    now: Mapping[NodeKey, NodeRow]
    edges_then: Mapping[EdgeKey, EdgeRow]
    edges_now: Mapping[EdgeKey, EdgeRow]
    earlier: int

    @property
    def reached(self) -> set[NodeKey]:
        """The nodes of the later lineage alone."""
        return {row[0] for row in self.after.nodes} - {row[0] for row in self.before.nodes}

    @property
    def unreached(self) -> set[NodeKey]:
        """The nodes of the earlier lineage alone."""
        return {row[0] for row in self.before.nodes} - {row[0] for row in self.after.nodes}


def _sides(
    backend: Backend, before: Graph, after: Graph, earlier: int, as_of: int | None
) -> _Sides:
    then, now = ({row[0]: row for row in each.nodes} for each in (before, after))
    edges_then, edges_now = ({row.key: row for row in each.edges} for each in (before, after))
    then |= backend.nodes(now.keys() - then.keys(), as_of=earlier)
    now |= backend.nodes(then.keys() - now.keys(), as_of=as_of)
    # A version that was written by the earlier moment was there then: only of younger ones it has to be asked.
    young = {key for key, row in edges_now.items() if row.since > earlier} - edges_then.keys()
    read_then = _read(backend, [key for key in young if {*key[:2]} <= then.keys()], earlier)
    old = {key: row for key, row in edges_now.items() if row.since <= earlier}
    read_now = _read(backend, edges_then.keys() - edges_now.keys(), as_of)
    return _Sides(
        before,
        after,
        then,
        now,
        {**old, **read_then, **edges_then},
        {**read_now, **edges_now},
        earlier,
    )


def _read(
    backend: Backend, keys: Collection[EdgeKey], as_of: int | None
) -> Mapping[EdgeKey, EdgeRow]:
    """Return those of some edges that are there at a moment."""
    # Executions have few events where an artifact may have a million, and a member few contexts.
    events = {
        key.source if key.source.kind is Kind.EXECUTION else key.target
        for key in keys
        if key.kind in EVENT_KINDS
    }
    members = {key.target for key in keys if key.kind not in EVENT_KINDS}
    rows: list[EdgeRow] = []
    if events:
        rows += backend.edges(sorted(events), kinds=EVENT_KINDS, as_of=as_of)
    if members:
        rows += backend.edges(sorted(members), Direction.UPSTREAM, kinds=MEMBERS, as_of=as_of)
    return {row.key: row for row in rows if row.key in keys}


def _node_changes(sides: _Sides, types: Mapping[int, AnyType]) -> Iterator[NodeChange]:
    reached = frozenset() if sides.before.cuts else sides.reached
    unreached = frozenset() if sides.after.cuts else sides.unreached
    for key, row in sides.now.items():
        old = sides.then.get(key)
        node = entity_of(row, types)
        if old is None:
            yield NodeChange(node, "new")
            continue
        changes: tuple[FieldChange, ...] = ()
        if row.since > sides.earlier and row.salt is not None:
            changes = tuple(_field_changes(entity_of(old, types), node))
        what = _what(old, row)
        if what is None and key in reached:
            what = "reached"
        elif what is None and key in unreached:
            what = "unreached"
        elif what is None and changes:
            what = "changed"
        if what is not None:
            yield NodeChange(node, what, changes)


def _what(old: NodeRow, row: NodeRow) -> NodeWhat | None:
    """Return whether a node went or came back."""
    if row.gone and not old.gone:
        return "purged" if row.salt is None else "deleted"
    return "restored" if old.gone and not row.gone else None


def _field_changes(old: Node, new: Node) -> Iterator[FieldChange]:
    for name in changed_fields(old, new):
        kept, _, key = name.partition(".")
        if key:
            yield FieldChange(name, getattr(old, kept).get(key), getattr(new, kept).get(key))
        else:
            yield FieldChange(name, *(_plain(getattr(each, name, None)) for each in (old, new)))


def _plain(value: object) -> Value | None:
    return None if value is None else str(value)


def _edge_changes(sides: _Sides) -> Iterator[EdgeChange]:
    for key, row in sides.edges_now.items():
        old = sides.edges_then.get(key)
        if old is None:
            yield EdgeChange(edge_of(row), "new")
        elif changes := tuple(_edge_fields(old, row)):
            yield EdgeChange(edge_of(row), "changed", changes)
    for key, row in sides.edges_then.items():
        if key not in sides.edges_now:
            yield EdgeChange(edge_of(row), "ended")


def _edge_fields(old: EdgeRow, new: EdgeRow) -> Iterator[FieldChange]:
    if old.paths != new.paths:
        yield FieldChange("path", *(dotted(paths_of(each.paths)) or None for each in (old, new)))
    if old.time != new.time:
        times = (None if each.time is None else from_micros(each.time) for each in (old, new))
        yield FieldChange("time", *(None if each is None else each.isoformat() for each in times))


def _unknown(sides: _Sides, told: Collection[NodeKey]) -> list[NodeKey]:
    """Return the nodes of one lineage of which a limit that cut the other leaves open whether they are of that."""
    some = sides.reached if sides.before.cuts else set[NodeKey]()
    others = sides.unreached if sides.after.cuts else set[NodeKey]()
    return sorted((some | others).difference(told))


def _notes(made: Sequence[NodeKey], unknown: Sequence[NodeKey], earlier: int) -> Iterator[str]:
    if made:
        were, them = ("was", "it") if len(made) == 1 else ("were", "them")
        yield f"{listed(made)} {were} made after transaction {earlier}: nothing led to or from {them} then"
    if unknown:
        are, they = ("is", "it is") if len(unknown) == 1 else ("are", "they are")
        yield f"{listed(unknown)} {are} in one lineage; whether {they} in the other is not known, for a limit cut that"


def _joined(reader: Reader, sides: _Sides) -> Graph:
    """Return both lineages as one graph, of nodes as they are now."""
    before, after = sides.before, sides.after
    edges = {row.key: row for row in (*before.edges, *after.edges)}
    graph = after._replace(
        nodes=[sides.now[key] for key in sorted(sides.now)],
        edges=[edges[key] for key in sorted(edges)],
        types={**before.types, **after.types},
        cuts=(*after.cuts, *before.cuts),
    )
    contexts = [each.id for each in reader.types.of(Kind.CONTEXT) if each.id is not None]
    return in_words(reader, graph, contexts)


def _node_order(change: NodeChange) -> tuple[int, NodeKey]:
    return _ORDER[change.what], change.node.key


def _edge_order(change: EdgeChange) -> tuple[int, EdgeKey]:
    return _EDGE_ORDER[change.what], edge_key(change.edge)
