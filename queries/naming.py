"""Finds which node a person means."""

from __future__ import annotations

from typing import NamedTuple

from lineage.contract.backend import Backend, Order
from lineage.contract.registry import registry
from lineage.errors import Invalid, NotFound
from lineage.filters.tree import And, Column, Compare, Field, Filter, In, Operator, all_of
from lineage.model.entities import Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow
from lineage.model.values import to_text

__all__ = ["Meant", "is_key", "meant", "resolve", "resolve_in"]

CANDIDATES = 10


class Meant(NamedTuple):
    """The node that a text means; `others` are the older artifacts of the URI, if it is one.

    Of many older ones only the newest few are listed, and `more` says so.
    """

    key: NodeKey
    others: tuple[NodeKey, ...] = ()
    more: bool = False


def resolve(backend: Backend, text: str, *, as_of: int | None = None) -> NodeKey:
    """Return the node that `kind:id`, `Type:name` or a URI (its newest artifact) names.

    `NotFound` where there is none; `Invalid` with the candidates where a name fits several types.
    """
    return meant(backend, text, as_of=as_of).key


def meant(backend: Backend, text: str, *, as_of: int | None = None) -> Meant:
    """Return the node that a text names, as `resolve` does, and what else the text could have meant."""
    if is_key(text):
        key = NodeKey.parse(text)
        if key not in backend.nodes([key], as_of=as_of):
            raise NotFound(f"there is no {key}")
        return Meant(key)
    to_text(text)
    as_of = backend.pin(as_of)
    found = _by_type_and_name(backend, text, as_of) or _by_uri(backend, text, as_of)
    if not found:
        raise NotFound(f"nothing is named {text!r:.200}; write kind:id, Type:name or a URI")
    if len({row.type_id for row in found}) > 1:
        types = registry(backend, as_of).by_id
        listed = ", ".join(
            f"{row.key} ({types[row.type_id].type_name})" for row in found[:CANDIDATES]
        )
        raise Invalid(f"{text!r:.200} may mean {listed}; name one by its key")
    first, *others = (row.key for row in found)
    return Meant(first, tuple(others[: CANDIDATES - 1]), more=len(found) > CANDIDATES)


def is_key(text: str) -> bool:
    """Whether a text is written as a node's key, so that it means nothing else."""
    kind, _, number = text.partition(":")
    return kind in tuple(Kind) and number.isdecimal()


def _by_type_and_name(backend: Backend, text: str, as_of: int | None) -> list[NodeRow]:
    fitting = [
        each for each in registry(backend, as_of).by_id.values() if text.startswith(f"{each.name}:")
    ]
    found = []
    for each in sorted(fitting, key=lambda each: (len(each.name), each.id or 0)):
        where = _named(each.id or 0, text[len(each.name) + 1 :])
        found += backend.find(each.kind, where, limit=1, as_of=as_of)
    return found


def _named(type_id: int, name: str) -> Filter:
    return And((_equals(Field.TYPE_ID, type_id), _equals(Field.NAME, name)))


def _equals(field: Field, value: str | int) -> Compare:
    return Compare(Column(field), Operator.EQ, value)


def _by_uri(
    backend: Backend, uri: str, as_of: int | None, of_type: Filter | None = None
) -> list[NodeRow]:
    where = all_of(of_type, _equals(Field.URI, uri))
    return backend.find(
        Kind.ARTIFACT, where, order=Order(descending=True), limit=CANDIDATES + 1, as_of=as_of
    )


def resolve_in(
    backend: Backend, cls: type[Node], wanted: str, *, as_of: int | None = None
) -> NodeKey:
    """Return the node of a class that a name means, else what `resolve` takes it for.

    A URI is that of the newest artifact of the class.
    """
    if is_key(to_text(wanted)):
        return resolve(backend, wanted, as_of=as_of)
    as_of = backend.pin(as_of)
    of_type = In(Column(Field.TYPE_ID), tuple(sorted(registry(backend, as_of).ids(cls))))
    where = And((of_type, _equals(Field.NAME, wanted)))
    found = backend.find(cls.kind, where, limit=2, as_of=as_of)
    if not found:
        found = _by_type_and_name(backend, wanted, as_of)
    if not found and cls.kind is Kind.ARTIFACT:
        found = _by_uri(backend, wanted, as_of, of_type)[:1]
    if not found:
        raise NotFound(f"there is no {cls.__name__} with the name {wanted!r:.80}")
    if len(found) > 1:
        listed = ", ".join(str(row.key) for row in found)
        raise Invalid(
            f"the {cls.__name__}s {listed} are both named {wanted!r}; ask for one by its id"
        )
    return found[0].key
