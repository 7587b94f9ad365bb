"""What metrics were measured of and on, as contexts of type `lineage.Measurement` say it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from lineage.contract.roles import Role
from lineage.contract.standing import Weight
from lineage.contract.walking import Direction
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeKind, EdgeRow
from lineage.model.system import Measurement
from lineage.queries.reader import Reader

__all__ = ["Claim", "claims_of", "metrics_within", "newest_first"]


class Claim(NamedTuple):
    """The model and the data that metrics are said to be for; None is not said."""

    model: NodeKey | None = None
    data: NodeKey | None = None


def claims_of(reader: Reader, metrics: Collection[NodeKey]) -> Mapping[NodeKey, Claim]:
    """Return what is said of those metrics of which something is; of several contexts the first by key counts."""
    ids = reader.types.ids(Measurement)
    if not ids or not metrics:
        return {}
    rows = reader.edges(metrics, Direction.UPSTREAM, {EdgeKind.ATTRIBUTION})
    reader.read(row.source for row in rows)
    context_of: dict[NodeKey, NodeKey] = {}
    for row in rows:  # by source, so that the first stays
        context = reader.row(row.source)
        if context.type_id in ids and not context.gone:
            context_of.setdefault(row.target, row.source)
    members = _members(reader, set(context_of.values()))
    return {
        key: Claim(
            model=_first(reader, members[context], Role.MODEL),
            data=_first(reader, members[context], Role.DATASET),
        )
        for key, context in context_of.items()
    }


def metrics_within(reader: Reader, contexts: Collection[NodeKey]) -> list[NodeKey]:
    """Return the metrics that those of some contexts which are measurements hold, by key."""
    ids = reader.types.ids(Measurement)
    if not ids:
        return []
    reader.read(contexts)
    measured = {key for key in contexts if reader.row(key).type_id in ids and not reader.gone(key)}
    held = {key for keys in _members(reader, measured).values() for key in keys}
    return sorted(key for key in held if reader.role(key) is Role.METRICS)


def newest_first(
    reader: Reader,
    runs: Mapping[NodeKey, NodeKey | None],
    events: Iterable[tuple[NodeKey, EdgeRow]],
) -> dict[NodeKey, NodeKey | None]:
    """Return metrics, whose runs were read, by the last of the events of their runs; those of failed runs last."""
    last: dict[NodeKey | None, tuple[int, int]] = {}
    for run, row in events:
        moment = (reader.time_of(row.first) if row.time is None else row.time, row.first)
        last[run] = max(last.get(run, moment), moment)

    def rank(key: NodeKey) -> tuple[bool, tuple[int, int]]:
        run = runs[key]
        sound = run is None or reader.weight(run) is not Weight.FAILED
        return sound, last.get(run, (0, 0))

    return {key: runs[key] for key in sorted(runs, key=rank, reverse=True)}


def _members(reader: Reader, contexts: Collection[NodeKey]) -> Mapping[NodeKey, list[NodeKey]]:
    rows = reader.edges(contexts, Direction.DOWNSTREAM, {EdgeKind.ATTRIBUTION})
    reader.read(row.target for row in rows)
    found: dict[NodeKey, list[NodeKey]] = {key: [] for key in contexts}
    for row in rows:
        found[row.source].append(row.target)
    return found


def _first(reader: Reader, keys: Collection[NodeKey], role: Role) -> NodeKey | None:
    return min((key for key in keys if reader.role(key) is role), default=None)
