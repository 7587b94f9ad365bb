"""The three kinds of node, the keys of nodes, and what names a type."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, Self

from lineage.errors import Invalid, excerpt
from lineage.model.values import to_text

__all__ = ["Kind", "NodeKey", "TypeName", "to_key", "to_kind", "to_step"]

LARGEST_ID = 2**60
"""Ids stay below this, so that a backend may pack a kind beside an id in 64 bits."""


class Kind(StrEnum):
    """The three kinds of node."""

    ARTIFACT = "artifact"
    EXECUTION = "execution"
    CONTEXT = "context"


_KIND_NAMES = frozenset(kind.value for kind in Kind)


_KEY = re.compile(rf"({'|'.join(Kind)}):([0-9]{{1,19}})")


def to_kind(value: object) -> Kind:
    """Return a kind from one or its name."""
    for kind in Kind:
        if value == kind:
            return kind
    raise Invalid(f"{excerpt(value)} is not a kind of node; there are {', '.join(Kind)}")


class NodeKey(NamedTuple):
    """A node's identity, printed `artifact:12`; keys sort by kind, then by id.

    >>> str(NodeKey.parse("artifact:12"))
    'artifact:12'
    """

    kind: Kind
    id: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `kind:id`; raise `Invalid` for anything else."""
        found = _KEY.fullmatch(text)
        if found is not None and 0 < int(found[2]) < LARGEST_ID:
            return cls(Kind(found[1]), int(found[2]))
        raise Invalid(f"{excerpt(text)} is not a node's key; write it like artifact:12")

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


class TypeName(NamedTuple):
    """What names a type within its kind: a name and, where there is one, a version."""

    name: str
    version: str | None = None

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}@{self.version}"


def _to_id(value: object) -> int:
    if type(value) is int and 0 < value < LARGEST_ID:
        return value
    raise Invalid(f"{excerpt(value)} is not an id; ids are whole numbers from 1 to 2**60")


def to_key(value: object) -> NodeKey:
    """Return a valid key from one, from its text or from a pair of kind and id."""
    if type(value) is NodeKey and type(value.kind) is Kind and _to_id(value.id):
        return value
    if isinstance(value, str):
        return NodeKey.parse(value)
    if isinstance(value, tuple | list) and len(value) == 2 and value[0] in tuple(Kind):
        return NodeKey(Kind(value[0]), _to_id(value[1]))
    raise Invalid(f"{excerpt(value)} is not a node's key; give node.key")


def _key_of(kind: Kind) -> Callable[[object], NodeKey]:
    """Return a validator of the keys of one kind of node."""

    def to_key_of_kind(value: object) -> NodeKey:
        key = to_key(value)
        if key.kind is not kind:
            raise Invalid(f"{key} is not {'a' if kind is Kind.CONTEXT else 'an'} {kind}")
        return key

    return to_key_of_kind


def to_step(value: object) -> int | str:
    """Return a step of an event's path: an index or a key."""
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    if isinstance(value, str):
        return to_text(value)
    raise Invalid(f"{excerpt(value)} is neither an index (64 bits) nor a key")
