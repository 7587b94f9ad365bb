"""Some columns of many nodes, and the edges between nodes of some types: what tables are made of.

Tables of runs look at one value of a hundred thousand nodes, and rows of all of them would take longer
than the answer may.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from pydantic_core import from_json

from lineage.contract.evaluation import FIELDS, of_type, stored_value
from lineage.contract.walking import Direction
from lineage.errors import Invalid
from lineage.filters.tree import AnyColumn, Column, Field, Filter, In, PropertyColumn
from lineage.model.canonical import escape
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EDGE_ENDS, EdgeKind, EdgeRow, NodeRow

__all__ = [
    "Join",
    "Link",
    "Projected",
    "Projections",
    "check_columns",
    "of_texts",
    "projected",
]

Projected: TypeAlias = tuple[Any, ...]
"""The id of a node and the values of the columns that were asked for."""
_ReadText: TypeAlias = Callable[[Mapping[str, Any]], object]
_NOT_READ = frozenset(
    {Field.EVENT_TYPE, Field.EVENT_TIME, Field.ARTIFACT_ID, Field.EXECUTION_ID, Field.GONE}
)
_NO_PROPERTIES = "{}"


class Link(NamedTuple):
    """An edge by the ids of its ends, whose kinds the question says, with the text of its paths."""

    source: int
    target: int
    paths: str | None


class Join(NamedTuple):
    """Which edges: those of some kinds from live nodes of some types to live nodes of others."""

    sources: frozenset[int]
    targets: frozenset[int]
    kinds: frozenset[EdgeKind]

    @property
    def is_possible(self) -> bool:
        """Whether there may be any; `Invalid` as for `ends`."""
        return bool(self.ends and self.sources and self.targets)

    @property
    def ends(self) -> tuple[Kind, Kind]:
        """The kinds of the sources and of the targets; `Invalid` unless all edges have the same."""
        ends = {EDGE_ENDS[kind] for kind in self.kinds}
        if len(ends) != 1:
            names = ", ".join(sorted(kind.name for kind in self.kinds)) or "none"
            raise Invalid(
                f"edges of kinds that join the same kinds of node are asked for, not {names}"
            )
        return next(iter(ends))


class Projections(ABC):
    """What a backend answers by columns and by edges alone; the defaults are made of its rows."""

    @abstractmethod
    def find(
        self, kind: Kind, where: Filter | None = None, *, as_of: int | None = None
    ) -> list[NodeRow]:
        """Return nodes, as `Backend` says."""

    @abstractmethod
    def nodes(
        self, keys: Collection[NodeKey], *, as_of: int | None = None
    ) -> Mapping[NodeKey, NodeRow]:
        """Return nodes by their keys, as `Backend` says."""

    @abstractmethod
    def edges(
        self,
        keys: Collection[NodeKey],
        direction: Direction = Direction.BOTH,
        *,
        kinds: Collection[EdgeKind] | None = None,
        as_of: int | None = None,
    ) -> list[EdgeRow]:
        """Return edges, as `Backend` says."""

    @abstractmethod
    def pin(self, as_of: int | None = None) -> int | None:
        """Return the `as_of` that makes several reads be of one moment, as `Backend` says."""

    def values(
        self,
        kind: Kind,
        columns: Sequence[AnyColumn],
        where: Filter | None = None,
        *,
        as_of: int | None = None,
    ) -> list[Projected]:
        """Return the id and some columns of the nodes that `find` finds, by id.

        Values are those that filters compare: a list is a tuple, of a struct or a protobuf message there is
        but its `ValueType`, and what is absent is None. `Invalid` for a
        type's name, for whether a node is gone, and for columns of neighbours.
        """
        check_columns(columns)
        return self._values(kind, columns, where, as_of)

    def _values(
        self, kind: Kind, columns: Sequence[AnyColumn], where: Filter | None, as_of: int | None
    ) -> list[Projected]:
        return projected(columns, self.find(kind, where, as_of=as_of))

    def joined(
        self,
        sources: Collection[int],
        targets: Collection[int],
        kinds: Collection[EdgeKind],
        *,
        as_of: int | None = None,
    ) -> list[Link]:
        """Return the edges from live nodes of some types to live nodes of others, in no order.

        Types are given by their ids. The kinds of edge must all join the same kinds of node (`Invalid`).
        """
        join = Join(frozenset(sources), frozenset(targets), frozenset(kinds))
        return self._joined(join, as_of) if join.is_possible else []

    def _joined(self, join: Join, as_of: int | None) -> list[Link]:
        as_of = self.pin(as_of)
        where = In(Column(Field.TYPE_ID), tuple(sorted(join.targets)))
        keys = [row.key for row in self.find(join.ends[1], where, as_of=as_of)]
        edges = self.edges(keys, Direction.UPSTREAM, kinds=join.kinds, as_of=as_of)
        rows = self.nodes({row.source for row in edges}, as_of=as_of).items()
        live = {key for key, row in rows if row.type_id in join.sources and not row.gone}
        return [
            Link(row.source.id, row.target.id, row.paths) for row in edges if row.source in live
        ]


def check_columns(columns: Sequence[AnyColumn]) -> None:
    """Raise `Invalid` for columns that one node by itself does not have."""
    for column in columns:
        if isinstance(column, Column):
            is_read = column.field in FIELDS and column.field not in _NOT_READ and not column.of
        else:
            is_read = type(column) is PropertyColumn
        if not is_read:
            raise Invalid(f"{column!r:.80} is no column whose values nodes are read by")


def projected(columns: Sequence[AnyColumn], rows: Iterable[NodeRow]) -> list[Projected]:
    """Return the ids of nodes with the values of columns, in the order of the rows."""
    fields = [FIELDS[column.field] for column in columns if isinstance(column, Column)]
    read = of_texts(columns)
    return [
        (row.key.id, *read([field(row) for field in fields], row.properties, row.custom))
        for row in rows
    ]


def of_texts(
    columns: Sequence[AnyColumn],
) -> Callable[[Sequence[object], str | None, str | None], Sequence[object]]:
    """Return what gives the values of columns, in order, of one node.

    It takes the values of the built-in ones, in their order, and the texts of the properties and of the
    custom ones, of which None and an empty map say that there are none. Each text is read once.
    """
    own, custom = _value_readers(columns, custom=False), _value_readers(columns, custom=True)
    places = _places(columns)
    if not own and not custom:
        return lambda fields, _properties, _custom: fields
    no_own, no_custom = (None,) * len(own), (None,) * len(custom)

    def read(
        fields: Sequence[object], properties: str | None, customs: str | None
    ) -> Sequence[object]:
        one = _read(own, properties) if own and properties else no_own
        other = _read(custom, customs) if custom and customs else no_custom
        values = (*fields, *one, *other)
        return [values[place] for place in places]

    return read


def _read(readers: Sequence[_ReadText], text: str) -> Sequence[object]:
    if text == _NO_PROPERTIES:
        return (None,) * len(readers)
    properties = from_json(text)
    return [read(properties) for read in readers]


def _value_readers(columns: Sequence[AnyColumn], *, custom: bool) -> list[_ReadText]:
    """Return what reads each property among the columns, declared or custom, of a map at rest."""
    wanted = (column for column in columns if isinstance(column, PropertyColumn))
    return [_reader(column) for column in wanted if column.custom is custom]


def _reader(column: PropertyColumn) -> _ReadText:
    name, kind = escape(column.name), column.kind
    return lambda properties: of_type(stored_value(properties.get(name)), kind)


def _places(columns: Sequence[AnyColumn]) -> list[int]:
    """Return where each column's value stands behind the fields: fields, properties, custom ones."""
    groups: list[list[int]] = [[], [], []]
    for at, column in enumerate(columns):
        group = 0 if isinstance(column, Column) else 2 if column.custom else 1
        groups[group].append(at)
    order = [at for group in groups for at in group]
    return [order.index(at) for at in range(len(columns))]
