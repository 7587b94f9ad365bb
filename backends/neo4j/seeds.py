"""Where a search in Neo4j begins: the index that narrows it most, as a pattern that binds `n`.

Left alone, Neo4j's planner goes by statistics, which are old or missing while a store grows. So
each start names its index; only a type with an order by time is left to the planner, since how
many nodes are of a type is what statistics know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any, Final, NamedTuple, TypeAlias

from lineage.backends.neo4j.filters import NEVER, Condition, packed
from lineage.backends.neo4j.rows import (
    ENDED,
    KIND_LABELS,
    PAST,
    external_digest,
    name_digest,
    native_name,
    quoted,
    type_label,
    uri_digest,
)
from lineage.contract.backend import Order
from lineage.filters.tree import (
    Column,
    Compare,
    Exists,
    Field,
    Filter,
    In,
    Literal,
    Operator,
    PropertyColumn,
    conjuncts,
)
from lineage.model.keys import Kind
from lineage.model.schema import AnyType

__all__ = ["ORDERS", "Start", "Starts"]

IN_RANGE: Final = "n.lineage_key >= $low AND n.lineage_key < $high"
"""What the keys of a kind are, or those of them after the page before."""
_IN_RANGE_UNSOUGHT: Final = IN_RANGE.replace("n.lineage_key", "n.lineage_key + 0")
"""The same, where the index of keys is to be sought by something better."""
ORDERS: Final = {
    Field.ID: "n.lineage_key",
    Field.CREATED: "n.lineage_created",
    Field.UPDATED: "n.lineage_updated",
}
SEEKS: Final = 2_000
"""How many names are looked for at most, before a search goes another way."""

Bind: TypeAlias = Callable[[object], str]
"""Makes a value a parameter and returns its mark."""


class Start(NamedTuple):
    """Where the search of the present begins.

    Where there is an `each`, the pattern is matched, ordered and cut for each of some values of
    `first`, the index's first column: said in the order too, so that the index is read in order.
    What is `said` by that need not be a condition as well; Neo4j would seek by it, out of order.
    `ended` are the columns of the indexes by which what has left the present is sought, with a condition on them.
    """

    pattern: str
    condition: str = ""
    each: str = ""
    first: str = ""
    said: Filter | None = None
    in_range: str = IN_RANGE
    ended: str = "lineage_until"
    ended_condition: str = ""


class Starts(NamedTuple):
    """What decides where a search begins."""

    kind: Kind
    order: Order
    types: Sequence[AnyType]
    is_past: bool

    def best(self, conditions: Sequence[Condition], bind: Bind) -> Start:
        """Return the start for conditions that must all hold."""
        sent = [each.tree for each in conditions]
        return (
            self._by_own(sent, bind)
            or self._by_property(conditions)
            or self._by_neighbour(sent, bind)
            or self._by_type(sent, bind)
            or self._by_order()
        )

    def _by_own(self, sent: Sequence[Filter], bind: Bind) -> Start | None:
        """Begin at ids, external ids, names or URIs."""
        found = _seek(sent, "", self.kind, self.types)
        if found is not None:
            name, values = found
            ended, mark = ENDED.get(name, name), bind(values)
            return Start(
                f"MATCH (n:LineageNode) USING INDEX SEEK n:LineageNode({name})",
                f"n.{name} IN {mark}",
                in_range=_IN_RANGE_UNSOUGHT if name == "lineage_key" else IN_RANGE,
                ended=ended,
                ended_condition=f"n.{ended} IN {mark}",
            )
        uris = _texts(sent, Column(Field.URI))
        if uris is None:
            return None
        digests = bind([uri_digest(uri) for uri in uris])
        return Start(
            "MATCH (n:LineageNode) USING INDEX SEEK n:LineageNode(lineage_uri, lineage_key)",
            "n.lineage_uri = uri",
            each=f"UNWIND {digests} AS uri CALL (uri)",
            first="n.lineage_uri",
            ended="lineage_uri, lineage_key",
            ended_condition=f"n.lineage_uri IN {digests}",
        )

    def _by_property(self, conditions: Sequence[Condition]) -> Start | None:
        """Begin at the values of a property that all types which can be found have indexed."""
        ids = _whole_numbers([each.tree for each in conditions], Column(Field.TYPE_ID)) or ()
        types = [each for each in self.types if each.kind is self.kind and each.id in ids]
        labels = {type_label(each) for each in types}
        label = labels.pop() if len(labels) == 1 else None
        for name in map(_sought_property, conditions):
            if name is None:
                continue
            native = native_name(name, custom=False)
            if label and native and all(name in each.indexed for each in types):
                of_type = quoted(label)
                return Start(f"MATCH (n:{of_type}) USING INDEX SEEK n:{of_type}({quoted(native)})")
        return None

    def _by_type(self, sent: Sequence[Filter], bind: Bind) -> Start | None:
        ids = _whole_numbers(sent, Column(Field.TYPE_ID))
        if ids is None:
            return None
        if self.order.field is not Field.ID:
            return Start(f"MATCH (n:LineageNode:{KIND_LABELS[self.kind]})")
        return Start(
            "MATCH (n:LineageNode) USING INDEX SEEK n:LineageNode(lineage_type, lineage_key)",
            "n.lineage_type = type",
            each=f"UNWIND {bind(sorted(set(ids)))} AS type CALL (type)",
            first="n.lineage_type",
            said=_equality(sent, Column(Field.TYPE_ID)),
        )

    def _by_order(self) -> Start:
        if self.order.field is Field.ID:
            return Start("MATCH (n:LineageNode) USING INDEX SEEK n:LineageNode(lineage_key)")
        label, column = KIND_LABELS[self.kind], ORDERS[self.order.field]
        index = f"n:{label}({column.removeprefix('n.')})"
        return Start(f"MATCH (n:{label}) USING INDEX {index}", f"{column} IS NOT NULL")

    def _by_neighbour(self, sent: Sequence[Filter], bind: Bind) -> Start | None:
        """Begin at neighbours that one of the conditions names."""
        for tree in sent:
            if isinstance(tree, Exists):
                seeds = self._seeds(tree, bind)
                if seeds is not None:
                    names = [kind.name for kind in sorted(tree.neighbour.edges)]
                    types = "|".join([*names, PAST] if self.is_past else names)
                    return Start(
                        f"CALL () {{ {seeds} "
                        f"MATCH (m)-[:{types}]-(n:LineageNode) WHERE {_IN_RANGE_UNSOUGHT} "
                        f"RETURN DISTINCT n }} WITH n"
                    )
        return None

    def _seeds(self, tree: Exists, bind: Bind) -> str | None:
        """Return the pattern of nodes `m` among which all such neighbours are."""
        inner, kind = conjuncts(tree.condition), tree.neighbour.kind
        if kind is None:
            # An event's other end; its own is a condition on the node itself.
            kind = Kind.EXECUTION if self.kind is Kind.ARTIFACT else Kind.ARTIFACT
            field = Field.ARTIFACT_ID if kind is Kind.ARTIFACT else Field.EXECUTION_ID
            ids = _whole_numbers(inner, Column(field, tree.alias))
            found = None if ids is None else _keys(ids, kind)
        else:
            found = _seek(inner, tree.alias, kind, self.types)
        if found is None:
            return None
        name, values = found
        mark = bind(values)
        index = f"USING INDEX SEEK m:LineageNode({name})"
        present = f"MATCH (m:LineageNode) {index} WHERE m.{name} IN {mark}"
        if name == "lineage_key" or not self.is_past:
            return present
        former = _FORMER.format(ended=ENDED[name], values=mark)
        return f"CALL () {{ {present} RETURN m {former} }}"


_FORMER = """
UNION
MATCH (m:LineageNode) USING INDEX SEEK m:LineageNode({ended}) WHERE m.{ended} IN {values} RETURN m
UNION
MATCH (p:LineagePast) USING INDEX SEEK p:LineagePast({ended}) WHERE p.{ended} IN {values}
MATCH (m:LineageNode {{lineage_key: p.lineage_key}}) RETURN m
"""
"""The nodes that had such a name or external id once, and have it no more; which of them is of the moment is a condition."""


def _seek(
    sent: Sequence[Filter], alias: str, kind: Kind, types: Sequence[AnyType]
) -> tuple[str, list[Any]] | None:
    """Return an indexed property of nodes and the values that conditions leave it."""
    ids = _whole_numbers(sent, Column(Field.ID, alias))
    if ids is not None:
        return _keys(ids, kind)
    external_ids = _texts(sent, Column(Field.EXTERNAL_ID, alias))
    if external_ids is not None:
        return "lineage_external", [external_digest(kind, each) for each in external_ids]
    names = _texts(sent, Column(Field.NAME, alias))
    if names is None:
        return None
    wanted = _whole_numbers(sent, Column(Field.TYPE_ID, alias))
    known = {each.id for each in types if each.kind is kind and each.id is not None}
    of_types = known if wanted is None else known.intersection(wanted)
    if len(of_types) * len(names) > SEEKS:
        return None
    return "lineage_name", [name_digest(*each) for each in product(sorted(of_types), names)]


def _keys(ids: Iterable[int], kind: Kind) -> tuple[str, list[Any]]:
    return "lineage_key", [packed(number, kind) for number in ids]


def _equality(sent: Sequence[Filter], column: Column) -> Compare | In | None:
    """Return the condition that says which values a column has one of."""
    for tree in sent:
        if isinstance(tree, In) and tree.column == column:
            return tree
        if isinstance(tree, Compare) and tree.op is Operator.EQ and tree.column == column:
            return tree
    return None


def _wanted(sent: Sequence[Filter], column: Column) -> tuple[Literal, ...] | None:
    """Return the values that a column must have one of; None where it may have others."""
    tree = _equality(sent, column)
    if tree is None:
        return None
    return tree.values if isinstance(tree, In) else (tree.value,)


def _texts(sent: Sequence[Filter], column: Column) -> list[str] | None:
    values = _wanted(sent, column)
    return None if values is None else [each for each in values if isinstance(each, str)]


def _whole_numbers(sent: Sequence[Filter], column: Column) -> list[int] | None:
    values = _wanted(sent, column)
    if values is None:
        return None
    whole = [each for each in values if type(each) is int]
    return whole if len(whole) == len(values) else None


def _sought_property(condition: Condition) -> str | None:
    """Return the declared property whose index serves a condition."""
    tree = condition.tree
    if condition.doubt or condition.text == NEVER or not isinstance(tree, Compare | In):
        return None
    column = tree.column
    if not isinstance(column, PropertyColumn) or column.custom:
        return None
    differs = isinstance(tree, Compare) and tree.op is Operator.NE
    return None if differs or native_name(column.name, custom=False) is None else column.name
