"""One of two lineages that are compared: its nodes, what each was made from, and what names them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pydantic_core import from_json

from lineage.answers.labels import printable
from lineage.contract.walking import Direction, Limits, Walk
from lineage.model.entities import Context
from lineage.model.keys import NodeKey
from lineage.model.paths import first_path, path_text
from lineage.model.rows import EdgeKind, EdgeRow
from lineage.model.system import Asset, Environment
from lineage.queries.reader import Reader

__all__ = ["Group", "Lineage", "lineages_of"]

PLACE = 60
"""How many characters of a type or a path a place tells."""


class Group(NamedTuple):
    """What inputs that may be compared have in common: their type, the event's first path and its kind."""

    type: str
    path: str
    kind: EdgeKind

    def __str__(self) -> str:
        path = "" if not self.path else ".".join(str(step) for step in from_json(self.path))
        special = self.kind not in (EdgeKind.INPUT, EdgeKind.OUTPUT)
        kind = f"({self.kind.name.lower().replace('_', ' ')})" if special else ""
        parts = (printable(part, limit=PLACE) for part in (self.type, path, kind) if part)
        return " ".join(parts)


class Lineage:
    """A lineage as far as it was walked; `frontier` are its nodes with neighbours beyond."""

    def __init__(self, reader: Reader, walk: Walk, contexts: Iterable[EdgeRow]) -> None:
        self._reader = reader
        self.keys = frozenset(walk.keys)
        self.cut = walk.cut
        self.frontier = frozenset(walk.cut.frontier) if walk.cut else frozenset()
        self._before: dict[NodeKey, list[EdgeRow]] = {}
        for row in walk.edges:
            self._before.setdefault(row.target, []).append(row)
        # Of several the newest counts, which comes last.
        self._assets, self._environments = (
            {
                row.target: row.source
                for row in contexts
                if reader.row(row.source).type_id in reader.types.ids(cls)
            }
            for cls in (Asset, Environment)
        )

    def inputs(self, key: NodeKey) -> dict[Group, list[NodeKey]]:
        """Return what a node was made from, by what it may be compared with."""
        found: dict[Group, list[NodeKey]] = {}
        for row in self._before.get(key, ()):
            group = Group(
                self.type_name(row.source), path_text(first_path(row.paths)) or "", row.kind
            )
            found.setdefault(group, []).append(row.source)
        return found

    def type_name(self, key: NodeKey) -> str:
        """Return the name of a node's type, whatever its version."""
        return self._reader.type(key).name

    def asset(self, key: NodeKey) -> NodeKey | None:
        """Return what an artifact is a version of."""
        return self._assets.get(key)

    def uri(self, key: NodeKey) -> str | None:
        """Return an artifact's URI."""
        return self._reader.row(key).uri or None

    def name(self, key: NodeKey) -> str | None:
        """Return a node's name."""
        return self._reader.row(key).name or None

    def environment(self, key: NodeKey) -> Context | None:
        """Return where an execution ran; None where that was not recorded."""
        found = self._environments.get(key)
        return None if found is None else self._reader.context(found)


def lineages_of(
    reader: Reader, left: NodeKey, right: NodeKey, limits: Limits
) -> tuple[Lineage, Lineage]:
    """Walk two lineages and read all that comparing them needs: nodes, assets and environments."""
    one, other = (
        reader.walk([key], Direction.UPSTREAM, limits, edges=True) for key in (left, right)
    )
    met = {*one.keys, *other.keys}
    kinds = (EdgeKind.ATTRIBUTION, EdgeKind.ASSOCIATION)
    contexts = sorted(reader.edges(met, Direction.UPSTREAM, kinds))
    reader.read({*met, *(row.source for row in contexts)})
    return Lineage(reader, one, contexts), Lineage(reader, other, contexts)
