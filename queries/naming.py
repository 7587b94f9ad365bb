"""Finds which node a person means."""

from __future__ import annotations

from lineage.backend import Backend, Order
from lineage.errors import Invalid, NotFound
from lineage.filters import And, Column, Compare, Field, Filter, In, Operator, all_of
from lineage.model import LARGEST_ID, Kind, Node, NodeKey
from lineage.registry import registry
from lineage.rows import NodeRow
from lineage.values import to_text

__all__ = ["resolve", "resolve_in"]

CANDIDATES = 10


def resolve(backend: Backend, text: str, *, as_of: int | None = None) -> NodeKey:
    """Return the node that `kind:id`, `Type:name` or a URI (its newest artifact) names.

    `NotFound` where there is none; `Invalid` with the candidates where a name fits several types.
    """
    if _is_key(text):
        key = NodeKey.parse(text)
        if key not in backend.nodes([key], as_of=as_of):
            raise NotFound(f"there is no {key}")
        return key
    to_text(text)
    pinned = backend.pin(as_of)
    found = _by_type_and_name(backend, text, pinned) or _by_uri(backend, text, pinned)
    if not found:
        raise NotFound(f"nothing is named {text!r}; write kind:id, Type:name or a URI")
    if len({row.type_id for row in found}) > 1:
        types = registry(backend, pinned).by_id
        listed = ", ".join(
            f"{row.key} ({types[row.type_id].type_name})" for row in found[:CANDIDATES]
        )
        raise Invalid(f"{text!r} may mean {listed}; name one by its key")
    return found[0].key


def _is_key(text: str) -> bool:
    kind, _, number = text.partition(":")
    return kind in tuple(Kind) and number.isdecimal()


def _by_type_and_name(backend: Backend, text: str, as_of: int | None) -> list[NodeRow]:
    types = registry(backend, as_of)
    found = []
    for position in [index for index, char in enumerate(text) if char == ":"]:
        type_name, name = text[:position], text[position + 1 :]
        for each in types.by_id.values():
            if each.name == type_name and each.id is not None:
                found += backend.find(each.kind, _named(each.id, name), limit=1, as_of=as_of)
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
        Kind.ARTIFACT, where, order=Order(descending=True), limit=CANDIDATES, as_of=as_of
    )


def resolve_in(
    backend: Backend, cls: type[Node], wanted: int | str, *, as_of: int | None = None
) -> NodeKey:
    """Return the node of a class that an id or a name means, else what `resolve` takes it for.

    A URI is that of the newest artifact of the class.
    """
    if isinstance(wanted, str) and _is_key(to_text(wanted)):
        return resolve(backend, wanted, as_of=as_of)
    pinned = backend.pin(as_of)
    of_type = In(Column(Field.TYPE_ID), tuple(sorted(registry(backend, pinned).ids(cls))))
    field = Field.NAME if isinstance(wanted, str) else Field.ID
    found = []
    if isinstance(wanted, str) or 0 < wanted < LARGEST_ID:
        where = And((of_type, _equals(field, wanted)))
        found = backend.find(cls.kind, where, limit=2, as_of=pinned)
    if not found and isinstance(wanted, str):
        found = _by_type_and_name(backend, wanted, pinned)
        if not found and cls.kind is Kind.ARTIFACT:
            found = _by_uri(backend, wanted, pinned, of_type)[:1]
    if not found:
        raise NotFound(f"there is no {cls.__name__} with the {field} {wanted!r:.80}")
    if len(found) > 1:
        listed = ", ".join(str(row.key) for row in found)
        raise Invalid(
            f"the {cls.__name__}s {listed} are both named {wanted!r}; ask for one by its id"
        )
    return found[0].key
