"""MLMD's nodes as rows, wherever they were read."""

from __future__ import annotations

from typing import NamedTuple

from lineage.errors import Invalid
from lineage.formats.losses import Losses
from lineage.mlmd.conversion import to_micros
from lineage.model.canonical import encode
from lineage.model.keys import NodeKey
from lineage.model.rows import NodeRow
from lineage.model.schema import AnyType, conform
from lineage.model.system import SYSTEM_TYPES
from lineage.model.values import Value

__all__ = ["Found", "own_type", "row_of"]

_SYSTEM = {each.name: each for each in SYSTEM_TYPES}


class Found(NamedTuple):
    """What was read of a node; times are MLMD's milliseconds."""

    name: str | None
    external_id: str | None
    uri: str | None
    state: int | None
    declared: dict[str, Value]
    custom: dict[str, Value]
    created: int
    updated: int


def own_type(each: AnyType) -> AnyType:
    """Return a type as this library has it: a system type declares here what it always does."""
    known = _SYSTEM.get(each.name)
    return each if known is None else known.replace(id=each.id)


def row_of(key: NodeKey, node_type: AnyType, found: Found, losses: Losses) -> NodeRow:
    """Return a node's row; `Invalid` where its properties are not of its type."""
    if node_type.name in _SYSTEM:
        for name in found.declared.keys() - node_type.properties.keys():
            losses.note(
                "a property that a system type declares only there is a custom one", str(key)
            )
            found.custom.setdefault(name, found.declared.pop(name))
    try:
        return NodeRow(
            key,
            node_type.id or 0,
            found.name,
            found.external_id,
            found.uri or None,  # one that was never given is there as ""
            found.state,
            conform(node_type, found.declared),
            encode(found.custom),
            to_micros(found.created),
            to_micros(found.updated),
            0,
            b"",
        )
    except (Invalid, TypeError) as error:
        raise Invalid(f"{key} cannot be read: {error}") from error
