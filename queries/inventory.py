"""Tells what a store holds: how many nodes of which types, the newest of each, and the store as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from typing_extensions import override

from lineage.answers.notebook import Part, node_cells
from lineage.contract.backend import Backend, Order
from lineage.contract.kept import kept_at
from lineage.contract.registry import Registry, registry
from lineage.filters.tree import Column, Compare, Field, Operator
from lineage.model.entities import Node
from lineage.model.keys import Kind
from lineage.model.notebook import Shown, html_answer
from lineage.model.rows import entity_of
from lineage.model.system import OWN_CLASSES, SYSTEM_TYPES
from lineage.model.times import from_micros

__all__ = ["Holdings", "Info", "Overview", "info", "overview"]

NEWEST = 3
"""How many of the newest nodes of a type are told."""
_KINDS = (Kind.ARTIFACT, Kind.EXECUTION, Kind.CONTEXT)


@dataclass(frozen=True, slots=True)
class Holdings(Part):
    """How many live nodes there are of a type, which is written with its version, and the newest of them."""

    kind: Kind
    type: str
    count: int
    newest: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Overview(Shown):
    """What a store holds as of transaction `number`, by type.

    Artifacts come before executions and contexts, of one kind the types with the most nodes first, and the
    library's own contexts last.
    """

    types: tuple[Holdings, ...]
    number: int

    @override
    def _html(self) -> str:
        rows = [
            (
                each.kind,
                each.type,
                each.count,
                ", ".join(" ".join(filter(None, node_cells(node))) for node in each.newest),
            )
            for each in self.types
        ]
        caption = f"{len(rows)} types as of transaction {self.number}"
        return html_answer(caption, ("kind", "type", "nodes", "newest"), rows)


@dataclass(frozen=True, slots=True)
class Info(Part):
    """A store as a whole, as of transaction `transactions`, which is the last one.

    `artifacts`, `executions` and `contexts` are live, `edges` all that were ever written, `types` those
    beside the nine that every store has. `digest` is that of the last
    transaction with its number, to be kept elsewhere, and `last` its time; None where there is none. `size` is how many
    bytes the files take now; None where no file keeps the store. `place` says where it is, as far as it is anywhere.
    """

    backend: str
    place: str
    artifacts: int
    executions: int
    contexts: int
    edges: int
    types: int
    transactions: int
    last: datetime | None
    digest: str
    size: int | None
    library: str
    contract: int


def overview(
    backend: Backend,
    type: str | None = None,
    *,
    newest: int = NEWEST,
    as_of: int | None = None,
) -> Overview:
    """Return how many live nodes there are of each type and the newest of them, by id, the newest first.

    `type` asks for one type, as `Model` or `Model@2`, for those based on a system type, or for a kind; `NotFound`
    where there is none of that name. Types without nodes are left out, unless they were asked for.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     _ = store.put([lineage.Dataset(uri=f"s3://lake/{day}") for day in range(5)])
    ...     (lakes,) = overview(store.backend, newest=2).types
    >>> lakes.type, lakes.count, [node.uri for node in lakes.newest]
    ('lineage.Dataset', 5, ['s3://lake/4', 's3://lake/3'])
    """
    as_of = backend.pin(as_of)
    types, counts = registry(backend, as_of), backend.node_counts(as_of=as_of)
    wanted = counts.keys() if type is None else _meant(types, type)
    holdings = []
    for number in sorted(wanted, key=lambda each: _rank(types, counts, each)):
        each = types.by_id[number]
        of_type = Compare(Column(Field.TYPE_ID), Operator.EQ, number)
        order = Order(Field.ID, descending=True)
        rows = backend.find(each.kind, of_type, order=order, limit=newest, as_of=as_of)
        nodes = tuple(entity_of(row, types.by_id) for row in rows)
        holdings.append(Holdings(each.kind, str(each.type_name), counts.get(number, 0), nodes))
    return Overview(tuple(holdings), backend.now() if as_of is None else as_of)


def _meant(types: Registry, text: str) -> frozenset[int]:
    if text in tuple(Kind):
        return frozenset(each.id for each in types.of(Kind(text)) if each.id is not None)
    return types.meant(text)


def _rank(
    types: Registry, counts: Mapping[int, int], number: int
) -> tuple[bool, int, int, str, int]:
    each = types.by_id[number]
    is_own = each.name in OWN_CLASSES
    return is_own, _KINDS.index(each.kind), -counts.get(number, 0), each.name, number


def info(backend: Backend, *, as_of: int | None = None) -> Info:
    """Return what a store is: its backend, how much it holds, its last transaction, and how large it is.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     _ = store.put([lineage.Dataset(), lineage.Model()])
    ...     answer = info(store.backend)
    >>> answer.backend, answer.artifacts, answer.transactions, answer.size
    ('memory', 2, 1, None)
    """
    as_of = backend.pin(as_of)
    number = backend.now() if as_of is None else as_of
    heads = backend.log(before=number + 1, limit=1) if number else []
    types, counts = registry(backend, as_of), backend.node_counts(as_of=as_of)
    of_kind = {kind: sum(counts.get(each.id or 0, 0) for each in types.of(kind)) for kind in Kind}
    return Info(
        backend=type(backend).__name__.removesuffix("Backend").lower(),
        place=backend.place,
        artifacts=of_kind[Kind.ARTIFACT],
        executions=of_kind[Kind.EXECUTION],
        contexts=of_kind[Kind.CONTEXT],
        edges=heads[0].edges if heads else 0,
        types=len(types.by_id) - len(SYSTEM_TYPES),
        transactions=number,
        last=from_micros(heads[0].time) if heads else None,
        digest=str(kept_at(backend, number)),
        size=_size(backend),
        library=version("lineage-graph"),
        contract=backend.contract,
    )


def _size(backend: Backend) -> int | None:
    """Return how many bytes a store's files take; one beside it comes and goes while others write."""
    if not backend.files:
        return None
    size = 0
    for file in backend.files:
        with suppress(FileNotFoundError):
            size += file.stat().st_size
    return size
