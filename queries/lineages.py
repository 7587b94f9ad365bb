"""One of two lineages that are compared: its nodes, what each was made from, and what names them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from lineage.contract.walking import Direction, Limits
from lineage.model.entities import Context
from lineage.model.keys import Kind, NodeKey
from lineage.model.paths import Path, distinct_paths, dotted, paths_of
from lineage.model.rows import EdgeKind, EdgeRow
from lineage.model.system import Environment
from lineage.model.texts import printable
from lineage.queries.alignment import Slot
from lineage.queries.reader import Reader
from lineage.queries.versions import assets_of
from lineage.queries.walked import Walked, walked

__all__ = ["Lineage", "Step", "lineages_of"]

PLACE = 60
"""How many characters of a type or a path a place tells."""
PLAIN = (EdgeKind.INPUT, EdgeKind.OUTPUT)


class Step(NamedTuple):
    """What a node was made from directly, and how: the events' plainest kind and their paths."""

    slot: Slot
    kind: EdgeKind
    paths: tuple[Path, ...]

    def __str__(self) -> str:
        path = dotted(list(filter(None, self.paths))[:1])
        kind = "" if self.kind in PLAIN else f"({self.kind.name.lower().replace('_', ' ')})"
        parts = (printable(part, limit=PLACE) for part in (self.slot.type, path, kind) if part)
        return " ".join(parts)


class Lineage:
    """A lineage as far as it was walked; `frontier` are its nodes with neighbours beyond.

    `inherited` are its steps that read no data set, each with what its parent read.
    """

    def __init__(
        self,
        reader: Reader,
        steps: Walked,
        assets: Mapping[NodeKey, NodeKey],
        environments: Mapping[NodeKey, NodeKey],
    ) -> None:
        walk = steps.flow
        self._reader = reader
        self.inherited = steps.inherited
        self.keys = frozenset(walk.keys)
        self.edges = walk.edges
        self.cut = walk.cut
        self.frontier = frozenset(walk.cut.frontier) if walk.cut else frozenset()
        self._before: dict[NodeKey, list[EdgeRow]] = {}
        for row in walk.edges:
            self._before.setdefault(row.target, []).append(row)
        self._assets = assets
        self._environments = environments

    def steps(self, key: NodeKey) -> dict[NodeKey, Step]:
        """Return what a node was made from, in the order of keys."""
        events: dict[NodeKey, list[EdgeRow]] = {}
        for row in self._before.get(key, ()):
            events.setdefault(row.source, []).append(row)
        return {
            source: self._step(source, sorted(events[source], key=_plainest))
            for source in sorted(events)
        }

    def _step(self, key: NodeKey, events: Sequence[EdgeRow]) -> Step:
        """Return a step; the path of an output tells where in its run it stands, not which run that is."""
        row = self._reader.row(key)
        paths = distinct_paths(path for event in events for path in paths_of(event.paths))
        slot = Slot(
            key=key,
            type=self.type_name(key),
            uri=row.uri or None,
            name=row.name or None,
            asset=self._assets.get(key),
            paths=paths if key.kind is Kind.ARTIFACT else (),
            distance=1,
        )
        return Step(slot, events[0].kind, paths)

    def type_name(self, key: NodeKey) -> str:
        """Return the name of a node's type, whatever its version."""
        return self._reader.type(key).name

    def environment(self, key: NodeKey) -> Context | None:
        """Return where an execution ran; None where that was not recorded."""
        found = self._environments.get(key)
        return None if found is None else self._reader.context(found)


def lineages_of(
    reader: Reader, left: NodeKey, right: NodeKey, limits: Limits
) -> tuple[Lineage, Lineage]:
    """Walk two lineages and read all that comparing them needs: nodes, assets and environments."""
    one, other = (
        walked(
            reader,
            [key],
            Direction.UPSTREAM,
            limits,
            edges=True,
            through_copies=False,
            through_steps=True,
        )
        for key in (left, right)
    )
    met = {*one.walk.keys, *other.walk.keys}
    reader.read(met)
    assets = assets_of(reader, [key for key in met if key.kind is Kind.ARTIFACT])
    environments = _environments_of(reader, [key for key in met if key.kind is Kind.EXECUTION])
    return Lineage(reader, one, assets, environments), Lineage(reader, other, assets, environments)


def _environments_of(reader: Reader, runs: Collection[NodeKey]) -> Mapping[NodeKey, NodeKey]:
    """Return the environment of each run that has one; of several the newest."""
    rows = reader.edges(runs, Direction.UPSTREAM, {EdgeKind.ASSOCIATION})
    reader.read(row.source for row in rows)
    known = reader.types.ids(Environment)
    # Rows are by source, so that the newest stays.
    return {row.target: row.source for row in rows if reader.row(row.source).type_id in known}


def _plainest(event: EdgeRow) -> tuple[bool, EdgeKind]:
    return event.kind not in PLAIN, event.kind
