"""Reading nodes: one by its key, and those that a filter accepts, page by page."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TypeVar, cast

from typing_extensions import override

from lineage.answers.sequences import NodeItems
from lineage.contract.backend import Backend, Named, Order
from lineage.contract.registry import Registry, node_class, registry
from lineage.errors import Invalid, NotFound, excerpt
from lineage.filters.parsing import parse
from lineage.filters.tree import (
    Column,
    Field,
    Filter,
    In,
    TableColumn,
    all_of,
    bind,
    columns_of,
    walk_filter,
)
from lineage.model.entities import Node
from lineage.model.keys import LARGEST_ID, Kind, NodeKey
from lineage.model.rows import NODE_CLASSES, NodeRow, entities_of, entity_of
from lineage.model.values import to_text
from lineage.queries.naming import is_key, missing, resolve_in
from lineage.queries.within import with_contexts_within

__all__ = [
    "Page",
    "find",
    "get",
    "get_named",
    "meant",
    "moment_of_page",
    "order_of",
    "read_token",
    "write_token",
]

_ORDERS = {"id": Field.ID, "create_time": Field.CREATED, "update_time": Field.UPDATED}

NodeT = TypeVar("NodeT", bound=Node)
FEW = 8
"""Of how many types a name is looked up one by one."""


def get(
    backend: Backend, key: NodeKey, cls: type[Node] | None = None, *, as_of: int | None = None
) -> Node:
    """Return a live node, as an entity of a class where one is given; `NotFound` where there is none."""
    known = backend.nodes([key], as_of=as_of) if 0 < key.id < LARGEST_ID else {}
    row = known.get(key)
    if row is None:
        called = None if cls is None else f"{cls.__name__} with the id {excerpt(key.id)}"
        raise missing(backend, key, as_of, called)
    if row.gone:
        raise NotFound(
            f"{key} was deleted in transaction {row.until}; look at the store at an earlier one"
        )
    # Of a node that is there its type is, too: no moment needs to be pinned for the two.
    types = registry(backend, as_of)
    known_type = row.type_id in types.by_id  # of a damaged row it may not be
    if cls is not None and known_type and row.type_id not in types.ids(cls):
        raise NotFound(f"{key} is a {types.by_id[row.type_id].type_name}, not a {cls.__name__}")
    return entity_of(row, types.by_id, cls)


def get_named(backend: Backend, cls: type[Node], name: str, *, as_of: int | None = None) -> Node:
    """Return the live node of a class that a name means, else what `kind:id`, `Type:name` or a URI means."""
    types = registry(backend, as_of)
    ids = types.ids(cls)
    if as_of is None and len(ids) <= FEW and not is_key(to_text(name)):
        found = backend.lookup([Named(number, name) for number in ids]).values()
        rows = [row for some in found for row in some]
        if len(rows) == 1:
            return entity_of(rows[0], types.by_id, cls)
    return get(backend, resolve_in(backend, cls, name, as_of=as_of), cls, as_of=as_of)


def find(
    backend: Backend,
    wanted: type[NodeT] | str,
    where: str | Filter | None,
    *,
    order: Order,
    limit: int | None,
    page: str | None,
    as_of: int | None,
    kind: Kind | None = None,
    nested: bool = False,
) -> Page[NodeT]:
    """Return the nodes of a class, a kind or a type that a filter accepts.

    All pages are of the moment of the first. Where contexts are `nested`, being in a context within another
    one is being in that one. `kind` says which type, where several kinds have one
    of the name. `NotFound` where there is no such type, `Invalid` where several kinds have it.
    """
    number, after = backend.pin(as_of), None
    if page is not None:
        number, after = read_token(page, order)
        if as_of not in (None, number):
            raise Invalid(f"the page token is of transaction {number}, this is as of {as_of}")
    types = registry(backend, number)
    cls, ids = meant(types, wanted, kind)
    tree = parse(where, cls.kind) if isinstance(where, str) else where
    if not isinstance(tree, Filter | None):
        raise Invalid(
            f"{excerpt(where)} is not a filter; give text, or a tree of lineage.filters.tree"
        )
    if ids is not None:
        tree = all_of(In(Column(Field.TYPE_ID), ids), tree)
    if tree is not None:
        tree = bind(tree, types.by_id.values())
    _check_columns(tree)
    if tree is not None and nested:
        tree = with_contexts_within(backend, tree, as_of=number)
    rows = backend.find(
        cls.kind,
        tree,
        order=order,
        after=after,
        limit=None if limit is None else limit + 1,
        as_of=number,
    )
    more = limit is not None and len(rows) > limit
    rows = rows[:limit]
    token = write_token(number, order, rows[-1]) if more else None
    return Page(tuple(cast(list[NodeT], entities_of(rows, types.by_id, cls))), token)


def moment_of_page(token: str) -> int:
    """Return the transaction that a page token, of nodes or of a table, is as of; `Invalid` for any other text."""
    try:
        number, *_ = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid(f"{excerpt(token)} is not a page token; use the `next` of a page") from error
    if type(number) is not int or number < 0:
        raise Invalid(f"{excerpt(token)} is a page token of no moment")
    return number


def _check_columns(tree: Filter | None) -> None:
    """Raise `Invalid` for a tree about what nodes do not have by themselves."""
    for each in () if tree is None else walk_filter(tree):
        for column in columns_of(each):
            if isinstance(column, TableColumn):
                raise Invalid(f"only tables of runs and models have {column.family}, and not find")


def meant(
    types: Registry, wanted: type[Node] | str, kind: Kind | None
) -> tuple[type[Node], tuple[int, ...] | None]:
    """Return the class of what is looked for, and the ids of its types; None where all of a kind are meant."""
    if not isinstance(wanted, str):
        cls = node_class(wanted)
        return cls, None if cls.type_name is None else tuple(sorted(types.ids(cls)))
    if wanted in tuple(Kind) and kind in (None, wanted):
        return NODE_CLASSES[Kind(wanted)], None
    ids = types.meant(wanted)
    kinds = {types.by_id[number].kind for number in ids}
    if kind is not None:
        kinds &= {kind}
    if not kinds:
        raise NotFound(
            f"there is no {kind} type {excerpt(wanted)}; `lineage types` lists those there are"
        )
    if len(kinds) > 1:
        shared = " and ".join(sorted(kinds))
        raise Invalid(
            f"{excerpt(wanted)} is a type of {shared}; say which with --kind, or in Python with kind="
        )
    (chosen,) = kinds
    return NODE_CLASSES[chosen], tuple(
        sorted(number for number in ids if types.by_id[number].kind is chosen)
    )


NodeT_co = TypeVar("NodeT_co", bound=Node, covariant=True)


@dataclass(frozen=True, slots=True, eq=False)
class Page(NodeItems[NodeT_co]):
    """A part of an answer; `next` asks for the part after it, and is None on the last."""

    items: tuple[NodeT_co, ...]
    next: str | None = None

    @override
    def _caption(self) -> str:
        return f"{len(self.items):,} nodes{'' if self.next is None else '; there are more'}"


def order_of(order_by: object, *, descending: bool) -> Order:
    """Return the order that a word means; `Invalid` for one that means none."""
    if not isinstance(order_by, str) or order_by not in _ORDERS:
        raise Invalid(f"{excerpt(order_by)} is not an order; there are {', '.join(_ORDERS)}")
    return Order(_ORDERS[order_by], descending)


def write_token(number: int | None, order: Order, row: NodeRow) -> str:
    """Return a page token: the moment, the order and the place after which to go on.

    The moment is None inside a transaction that has written, where nothing else changes.
    """
    value = order.value(row)
    parts = [number, order.field.value, order.descending, value, row.key.id]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def read_token(token: str, order: Order) -> tuple[int | None, tuple[int, int]]:
    """Return the moment and the place that a page token holds; raise `Invalid` for any other text."""
    try:
        number, field, descending, value, last = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid(f"{excerpt(token)} is not a page token; use the `next` of a page") from error
    whole = [value, last, 0 if number is None else number]
    good = all(type(each) is int and -(2**63) <= each < 2**63 for each in whole)
    if not good or (field, descending) != (order.field.value, order.descending):
        raise Invalid("the page token belongs to another order; ask as for the page before")
    return number, (value, last)
