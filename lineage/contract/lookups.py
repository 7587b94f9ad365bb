"""What look-ups ask for, as filters: how a backend answers them that has nothing better."""

from __future__ import annotations

from lineage.contract.references import External, Named
from lineage.contract.writings import AtUri
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

__all__ = ["at_uri", "with_digest", "with_external_id", "with_name"]


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
