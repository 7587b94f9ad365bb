"""Tells which version of an asset an alias such as `production` holds, and which it held."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast

from lineage.answers.notebook import Part
from lineage.contract.backend import Backend
from lineage.contract.refusals import missing_head
from lineage.contract.registry import registry
from lineage.contract.walking import Direction
from lineage.errors import NotFound
from lineage.filters.tree import And, Column, Compare, Field, Filter, In, Operator, Present
from lineage.model.entities import Artifact
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind, EdgeRow, NodeRow, entity_of
from lineage.model.system import Alias
from lineage.model.texts import printable
from lineage.model.times import from_micros
from lineage.queries.reader import Reader

__all__ = [
    "Held",
    "Holding",
    "Tenure",
    "alias_history",
    "aliases",
    "aliases_of",
    "deployed_as",
    "held_by",
    "holding",
    "named_aliases",
]

MANY = 1_000
"""Of more artifacts than these the aliases of the store are read, if they are fewer, and not what holds each."""
_ATTRIBUTION = frozenset({EdgeKind.ATTRIBUTION})


@dataclass(frozen=True, slots=True)
class Held(Part):
    """An alias of an asset and the artifact that it holds, since transaction `number`.

    `deployed` says that what holds it counts as deployed. The artifact may have been deleted meanwhile.
    """

    asset: str
    alias: str
    node: Artifact
    number: int
    since: datetime
    deployed: bool

    @property
    def name(self) -> str:
        """What the alias is called where a node is named: `churn@production`."""
        return f"{self.asset}@{self.alias}"


@dataclass(frozen=True, slots=True)
class Tenure(Part):
    """An artifact that an alias held from transaction `number` on, who gave it to it and why.

    It ended with transaction `ended`, at the time `until`; both are None while it lasts.
    """

    node: Artifact
    number: int
    since: datetime
    actor: str
    message: str
    ended: int | None
    until: datetime | None


class Holding(NamedTuple):
    """An alias that is there, and the edge to what it holds; None where it holds nothing."""

    alias: NodeRow
    edge: EdgeRow | None


def aliases(
    backend: Backend, asset: str | None = None, *, as_of: int | None = None
) -> tuple[Held, ...]:
    """Return the aliases that hold something, of an asset or of all, by the names of asset and alias.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     model = store.put(lineage.Model(uri="s3://models/7"))
    ...     _ = store.alias("churn", "production", model)
    ...     [(each.name, str(each.node.key), each.deployed) for each in aliases(store.backend)]
    [('churn@production', 'artifact:1', True)]
    """
    as_of = backend.pin(as_of)
    reader = Reader(backend, as_of)
    found = _held(backend, named_aliases(backend, as_of=as_of), as_of)
    reader.read(edge.target for _, edge in found if edge is not None)
    held = (_answer(reader, row, edge) for row, edge in found if edge is not None)
    chosen = (each for each in held if asset in (None, each.asset))
    return tuple(sorted(chosen, key=lambda each: (each.asset, each.alias)))


def held_by(backend: Backend, name: str, *, as_of: int | None = None) -> Held | None:
    """Return an alias and what it holds; None where it holds nothing or is not there."""
    found = holding(backend, name, as_of=as_of)
    if found is None or found.edge is None:
        return None
    return _answer(Reader(backend, as_of), found.alias, found.edge)


def _answer(reader: Reader, row: NodeRow, edge: EdgeRow) -> Held:
    alias = _alias(reader, row)
    return Held(
        asset=alias.asset or "",
        alias=alias.alias or "",
        node=reader.artifact(edge.target),
        number=edge.since,
        since=from_micros(reader.time_of(edge.since)),
        deployed=alias.is_deployed,
    )


def alias_history(
    backend: Backend, asset: str, alias: str, *, as_of: int | None = None
) -> tuple[Tenure, ...]:
    """Return what an alias held, newest first; `NotFound` where there never was such an alias.

    One that was deleted and given again is one alias.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     for model in store.put([lineage.Model(), lineage.Model()]):
    ...         _ = store.alias("churn", "live", model)
    ...     tenures = alias_history(store.backend, "churn", "live")
    >>> [(str(each.node.key), each.number, each.ended) for each in tenures]
    [('artifact:2', 3, None), ('artifact:1', 2, 3)]
    """
    last = backend.now() if as_of is None else as_of
    name = f"{asset}@{alias}"
    rows = named_aliases(backend, name, gone=True, as_of=last)
    if not rows:
        raise NotFound(f"there is no alias {printable(name, limit=200)}")
    reader = Reader(backend, last)
    tenures = [each for row in rows for each in _tenures(backend, row, last)]
    reader.read(edge.target for edge, _ in tenures)
    answers = []
    for edge, ended in sorted(tenures, key=lambda each: each[0].since, reverse=True):
        head = next(iter(backend.log(before=edge.since + 1, limit=1)), None)
        if head is None:
            raise missing_head(edge.since)
        answers.append(
            Tenure(
                node=reader.artifact(edge.target),
                number=edge.since,
                since=from_micros(head.time),
                actor=head.actor,
                message=head.message,
                ended=ended,
                until=None if ended is None else from_micros(reader.time_of(ended)),
            )
        )
    return tuple(answers)


def _tenures(backend: Backend, row: NodeRow, last: int) -> Iterator[tuple[EdgeRow, int | None]]:
    """Yield the edges to what an alias held, newest first, and with which transaction each ended.

    No backend lists the edges that a node had. But every move is a version of the alias: from one to the
    next there is at most an edge that was ended by hand, whose end is found by halves.
    """
    marks = sorted({each.since for each in backend.versions(row.key, as_of=last)})
    ended = row.until if row.gone else None
    number = last if ended is None else ended - 1

    def holds_nothing(moment: int) -> bool:
        return _edge(backend, row.key, moment) is None

    while number >= marks[0]:
        edge = _edge(backend, row.key, number)
        if edge is not None:
            yield edge, ended
            ended, number = edge.since, edge.since - 1
            continue
        ended = max(each for each in marks if each <= number)
        if not holds_nothing(ended):
            ended += bisect_left(range(ended, number), 1, key=holds_nothing)
        number = ended - 1


def _edge(backend: Backend, alias: NodeKey, as_of: int | None) -> EdgeRow | None:
    """Return the edge to what an alias held at a moment."""
    rows = backend.edges([alias], Direction.DOWNSTREAM, kinds=_ATTRIBUTION, as_of=as_of)
    return max(rows, key=lambda row: row.order, default=None)


def named_aliases(
    backend: Backend,
    name: str | None = None,
    *,
    gone: bool = False,
    limit: int | None = None,
    as_of: int | None = None,
) -> list[NodeRow]:
    """Return the aliases of a name, or all of them, by id; with `gone` ones also those that were deleted."""
    ids = registry(backend, as_of).ids(Alias)
    if not ids:
        return []
    where: list[Filter] = [In(Column(Field.TYPE_ID), tuple(sorted(ids)))]
    if name is not None:
        where.append(Compare(Column(Field.NAME), Operator.EQ, name))
    if gone:
        where.append(Present(Column(Field.GONE)))
    condition = And(tuple(where)) if len(where) > 1 else where[0]
    return list(backend.find(Kind.CONTEXT, condition, limit=limit, as_of=as_of))


def holding(backend: Backend, name: str, *, as_of: int | None = None) -> Holding | None:
    """Return the alias of a name and what it holds; None where there is no such alias."""
    return next(iter(_held(backend, named_aliases(backend, name, as_of=as_of), as_of)), None)


def _held(backend: Backend, rows: Collection[NodeRow], as_of: int | None) -> list[Holding]:
    """Return aliases with the edges to what they hold, in the order given."""
    keys = [row.key for row in rows]
    edges = backend.edges(keys, Direction.DOWNSTREAM, kinds=_ATTRIBUTION, as_of=as_of)
    newest = {row.source: row for row in sorted(edges, key=lambda row: row.order)}
    return [Holding(row, newest.get(row.key)) for row in rows]


def aliases_of(reader: Reader, keys: Collection[NodeKey]) -> Mapping[NodeKey, tuple[Alias, ...]]:
    """Return the aliases that hold some artifacts, by name; those that none holds are left out.

    An alias moves when it is written: until when events count decides what it held, too.
    """
    then = reader.when_happened()
    ids = then.types.ids(Alias)
    if not ids:
        return {}
    live = _live_around(then, keys, ids)
    held = then.edges(live, Direction.DOWNSTREAM, _ATTRIBUTION)
    newest = {row.source: row.target for row in sorted(held, key=lambda row: row.order)}
    found: dict[NodeKey, list[Alias]] = {}
    for context, key in newest.items():
        if key in keys:
            found.setdefault(key, []).append(_alias(then, then.row(context)))
    return {
        key: tuple(sorted(some, key=lambda each: each.name or "")) for key, some in found.items()
    }


def _live_around(
    reader: Reader, keys: Collection[NodeKey], type_ids: Collection[int]
) -> Collection[NodeKey]:
    """Return the live aliases that may hold some artifacts: those around them or, where these are more, all."""
    if len(keys) > MANY:
        every = reader.contexts_of(type_ids, limit=len(keys))
        if len(every) < len(keys):
            return every
    rows = reader.edges(keys, Direction.UPSTREAM, _ATTRIBUTION)
    contexts = {row.source for row in rows}
    reader.read(contexts)
    return [
        key for key in contexts if reader.row(key).type_id in type_ids and not reader.row(key).gone
    ]


def deployed_as(reader: Reader, keys: Collection[NodeKey]) -> Mapping[NodeKey, tuple[str, ...]]:
    """Return for the artifacts that aliases say are deployed what they are, such as `production of churn`."""
    return {
        key: tuple(f"{each.alias} of {each.asset}" for each in some if each.is_deployed)
        for key, some in aliases_of(reader, keys).items()
        if any(each.is_deployed for each in some)
    }


def _alias(reader: Reader, row: NodeRow) -> Alias:
    return cast(Alias, entity_of(row, reader.types.by_id, Alias))
