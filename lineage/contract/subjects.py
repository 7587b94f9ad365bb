"""What a run measured of and on: a model and data, as contexts of type `lineage.Measurement` say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.roles import Role, Roles
from lineage.contract.walking import Direction
from lineage.model.entities import Node
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeKind
from lineage.model.system import Measurement

__all__ = ["Subject", "written_by_subject"]


class Subject(NamedTuple):
    """What was measured of and on, as far as it was said."""

    model: NodeKey | None = None
    data: NodeKey | None = None

    @property
    def parts(self) -> list[NodeKey]:
        """The artifacts that it consists of."""
        return [key for key in self if key is not None]


def written_by_subject(
    backend: Backend, run: NodeKey, cls: type[Node], *, as_of: int | None = None
) -> Mapping[Subject, tuple[NodeKey, NodeKey | None]]:
    """Return the live artifacts of a class's own type that a run wrote by what they are claimed for, with the context that says so."""
    known = registry(backend, as_of)
    assert cls.type_name is not None
    own = known.by_name.get((cls.kind, *cls.type_name))
    if own is None:
        return {}
    written = backend.edges([run], Direction.DOWNSTREAM, kinds={EdgeKind.OUTPUT}, as_of=as_of)
    rows = backend.nodes({row.target for row in written}, as_of=as_of)
    artifacts = sorted(key for key, row in rows.items() if row.type_id == own.id and not row.gone)
    if not artifacts:
        return {}
    around = backend.edges(artifacts, Direction.UPSTREAM, kinds={EdgeKind.ATTRIBUTION}, as_of=as_of)
    contexts = backend.nodes({row.source for row in around}, as_of=as_of)
    claims = {
        row.target: row.source
        for row in around
        if contexts[row.source].type_id in known.ids(Measurement)
    }
    members = backend.edges(
        set(claims.values()), Direction.DOWNSTREAM, kinds={EdgeKind.ATTRIBUTION}, as_of=as_of
    )
    rows = backend.nodes({row.target for row in members}, as_of=as_of)
    roles = Roles(known)
    found: dict[Subject, tuple[NodeKey, NodeKey | None]] = {}
    for key in artifacts:
        held = [row.target for row in members if row.source == claims.get(key)]
        parts = {roles.of(rows[each].type_id): each for each in held}
        subject = Subject(parts.get(Role.MODEL), parts.get(Role.DATASET))
        found.setdefault(subject, (key, claims.get(key)))
    return found
