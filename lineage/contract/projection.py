"""Some columns of many nodes, and the edges between nodes of some types: what tables are made of.

Tables of runs look at one value of a hundred thousand nodes, and rows of all of them would take longer
than the answer may.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from pydantic_core import from_json

from lineage.contract.evaluation import FIELDS, of_type, stored_value
from lineage.contract.walking import Direction
from lineage.errors import Corrupt, Invalid, excerpt
from lineage.filters.tree import AnyColumn, Column, Field, Filter, In, PropertyColumn
from lineage.model.canonical import escape
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EDGE_ENDS, EdgeKind, EdgeRow, NodeRow
from lineage.model.values import ValueType

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
Link: TypeAlias = tuple[int, int, str | None]
"""An edge by the ids of its source and its target, whose kinds the question says, with the text of its paths."""
_NOT_READ = frozenset(
    {Field.EVENT_TYPE, Field.EVENT_TIME, Field.ARTIFACT_ID, Field.EXECUTION_ID, Field.GONE}
)
_NO_PROPERTIES = "{}"


class Join(NamedTuple):
    """Which edges: those of some kinds from live nodes of some types to live nodes of others."""

    sources: frozenset[int]
    targets: frozenset[int]
    kinds: frozenset[EdgeKind]

    @property
    def ends(self) -> tuple[Kind, Kind]:
        """The kinds of the sources and of the targets."""
        return EDGE_ENDS[next(iter(self.kinds))]

    def check(self) -> None:
        """Raise `Invalid` unless all edges join the same kinds of node."""
        if len({EDGE_ENDS[kind] for kind in self.kinds}) != 1:
            names = ", ".join(sorted(kind.name for kind in self.kinds)) or "none"
            raise Invalid(
                f"edges of kinds that join the same kinds of node are asked for, not {names}"
            )


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
        join.check()
        return self._joined(join, as_of) if join.sources and join.targets else []

    def _joined(self, join: Join, as_of: int | None) -> list[Link]:
        as_of = self.pin(as_of)
        where = In(Column(Field.TYPE_ID), tuple(sorted(join.targets)))
        keys = [row.key for row in self.find(join.ends[1], where, as_of=as_of)]
        edges = self.edges(keys, Direction.UPSTREAM, kinds=join.kinds, as_of=as_of)
        rows = self.nodes({row.source for row in edges}, as_of=as_of).items()
        live = {key for key, row in rows if row.type_id in join.sources and not row.gone}
        return [(row.source.id, row.target.id, row.paths) for row in edges if row.source in live]


def check_columns(columns: Sequence[AnyColumn]) -> None:
    """Raise `Invalid` for columns that one node by itself does not have."""
    for column in columns:
        if isinstance(column, Column):
            is_read = column.field in FIELDS and column.field not in _NOT_READ and not column.of
        else:
            is_read = type(column) is PropertyColumn
        if not is_read:
            raise Invalid(f"{excerpt(column)} is no column whose values nodes are read by")


def projected(columns: Sequence[AnyColumn], rows: Iterable[NodeRow]) -> list[Projected]:
    """Return the ids of nodes with the values of columns, in the order of the rows."""
    fields = [FIELDS[column.field] for column in columns if isinstance(column, Column)]
    found = (
        (row[0][1], *[field(row) for field in fields], row.properties, row.custom) for row in rows
    )
    return of_texts(columns, found)


def of_texts(columns: Sequence[AnyColumn], rows: Iterable[Sequence[Any]]) -> list[Projected]:
    """Return the ids of nodes with the values of columns.

    A row holds the id, the values of the built-in columns, in their order, and the texts of the properties
    and of the custom ones, of which None and an empty map say that there are none. A text is read once.
    """
    own, custom = _value_readers(columns, custom=False), _value_readers(columns, custom=True)
    no_own: tuple[object, ...] = (None,) * len(own)
    no_custom: tuple[object, ...] = (None,) * len(custom)
    found: list[Projected] = []
    try:
        # A hundred thousand rows go through here: a call more for each would be felt.
        for row in rows:
            one, other = no_own, no_custom
            if own and (text := row[-2]) and text != _NO_PROPERTIES:
                one = _read(own, from_json(text))
            if custom and (text := row[-1]) and text != _NO_PROPERTIES:
                other = _read(custom, from_json(text))
            found.append((*row[:-2], *one, *other))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Corrupt(
            "the properties of a node cannot be read; run a check of the store"
        ) from error
    places = [0, *(place + 1 for place in _places(columns))]
    if places == sorted(places):
        return found
    return [tuple([values[place] for place in places]) for values in found]


def _read(
    readers: Sequence[tuple[str, ValueType | None]], properties: Mapping[str, Any]
) -> tuple[object, ...]:
    return tuple([of_type(stored_value(properties.get(name)), kind) for name, kind in readers])


def _value_readers(
    columns: Sequence[AnyColumn], *, custom: bool
) -> list[tuple[str, ValueType | None]]:
    """Return the name at rest of each property among the columns, declared or custom, and the type that it must have."""
    wanted = (column for column in columns if isinstance(column, PropertyColumn))
    return [(escape(column.name), column.kind) for column in wanted if column.custom is custom]


def _places(columns: Sequence[AnyColumn]) -> list[int]:
    """Return where each column's value stands behind the id: fields, properties, custom ones."""
    groups: list[list[int]] = [[], [], []]
    for at, column in enumerate(columns):
        group = 0 if isinstance(column, Column) else 2 if column.custom else 1
        groups[group].append(at)
    order = [at for group in groups for at in group]
    return [order.index(at) for at in range(len(columns))]
