"""What look-ups ask for, as filters: how a backend answers them that has nothing better."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from lineage.contract.references import External, Named, Reference
from lineage.contract.walking import Direction
from lineage.contract.writings import OUTPUT_KINDS, AtUri, Writing, writings_of
from lineage.filters.tree import (
    Column,
    Compare,
    Field,
    Filter,
    In,
    Operator,
    Or,
    PropertyColumn,
    all_of,
)
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind, EdgeRow, NodeRow, TypeRow

__all__ = [
    "at_uri",
    "looked_up",
    "with_digest",
    "with_external_id",
    "with_name",
    "writings_by_rows",
]


class _Rows(Protocol):
    """What a backend answers with rows."""

    @property
    def time_of(self) -> Callable[[int], int]: ...
    def types(self) -> Sequence[TypeRow]: ...
    def find(
        self,
        kind: Kind,
        where: Filter | None = None,
        *,
        limit: int | None = None,
        as_of: int | None = None,
    ) -> list[NodeRow]: ...
    def nodes(
        self, keys: Collection[NodeKey], *, as_of: int | None = None
    ) -> Mapping[NodeKey, NodeRow]: ...
    def edges(
        self,
        keys: Collection[NodeKey],
        direction: Direction,
        *,
        kinds: Collection[EdgeKind],
        as_of: int | None = None,
    ) -> list[EdgeRow]: ...


def looked_up(backend: _Rows, reference: Reference) -> list[NodeRow]:
    """Return the live node that a reference names, if there is one."""
    if isinstance(reference, External):
        return backend.find(reference.kind, with_external_id(reference), limit=1)
    kinds = [row.type.kind for row in backend.types() if row.type.id == reference.type_id]
    where = with_name(reference)
    return [row for kind in kinds for row in backend.find(kind, where, limit=1)]


def writings_by_rows(
    backend: _Rows, of: AtUri | Collection[NodeKey], as_of: int | None
) -> list[Writing]:
    """Return the writings of artifacts, newest first."""
    if isinstance(of, AtUri):
        artifacts = backend.find(Kind.ARTIFACT, at_uri(of), as_of=as_of)
    else:
        artifacts = [*backend.nodes(of, as_of=as_of).values()]
    keys = [row.key for row in artifacts]
    events = backend.edges(keys, Direction.UPSTREAM, kinds=OUTPUT_KINDS, as_of=as_of)
    executions = backend.nodes({row.source for row in events}, as_of=as_of)
    return writings_of(artifacts, events, executions, backend.time_of)


def with_name(reference: Named) -> Filter | None:
    """Return the filter that the nodes of a type and a name pass."""
    name = Compare(Column(Field.NAME), Operator.EQ, reference.name)
    return all_of(Compare(Column(Field.TYPE_ID), Operator.EQ, reference.type_id), name)


def with_external_id(reference: External) -> Filter:
    """Return the filter that the nodes with an external id pass."""
    return Compare(Column(Field.EXTERNAL_ID), Operator.EQ, reference.external_id)


def with_digest(digest: str) -> Filter:
    """Return the filter that artifacts with a digest pass, and those where another property hides it."""
    places = (PropertyColumn("digest"), PropertyColumn("digest", custom=True))
    return Or(tuple(Compare(each, Operator.EQ, digest) for each in places))


def at_uri(of: AtUri) -> Filter | None:
    """Return the filter that the artifacts of a URI pass."""
    uri = Compare(Column(Field.URI), Operator.EQ, of.uri)
    ids = None if of.type_ids is None else tuple(sorted(of.type_ids))
    return all_of(None if ids is None else In(Column(Field.TYPE_ID), ids), uri)
