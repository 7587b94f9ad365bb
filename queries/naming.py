"""Finds which node a person means."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.standing import newest_first, remarks_on
from lineage.contract.writings import AtUri
from lineage.errors import Invalid, NotFound
from lineage.filters.tree import And, Column, Compare, Field, Filter, In, Operator
from lineage.model.entities import Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow
from lineage.model.values import to_text

__all__ = ["Meant", "is_key", "meant", "resolve", "resolve_in"]

CANDIDATES = 10


class Meant(NamedTuple):
    """The node that a text means; `others` are the other artifacts of the URI, if it is one.

    Of many others only the newest few are listed, and `more` says so. `notes` say why the newest is
    not the last that was written, where it is not.
    """

    key: NodeKey
    others: tuple[NodeKey, ...] = ()
    more: bool = False
    notes: tuple[str, ...] = ()


def resolve(backend: Backend, text: str, *, as_of: int | None = None) -> NodeKey:
    """Return the node that `kind:id`, `Type:name` or a URI (its newest artifact, see `standing`) names.

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
    named = _by_type_and_name(backend, text, as_of)
    if named:
        _check_one_type(backend, text, named, as_of)
        return Meant(named[0].key)
    return _at_uri(backend, text, as_of)


def _check_one_type(
    backend: Backend, text: str, rows: Sequence[NodeRow], as_of: int | None
) -> None:
    """Raise `Invalid` with the candidates where nodes of several types are meant."""
    if len({row.type_id for row in rows}) > 1:
        types = registry(backend, as_of).by_id
        listed = ", ".join(
            f"{row.key} ({types[row.type_id].type_name})" for row in rows[:CANDIDATES]
        )
        raise Invalid(f"{text!r:.200} may mean {listed}; name one by its key")


def _at_uri(
    backend: Backend, uri: str, as_of: int | None, type_ids: frozenset[int] | None = None
) -> Meant:
    """Return the newest artifact of a URI; of several types that is `Invalid`, unless they are given."""
    standings = list(
        islice(newest_first(backend.writings(AtUri(uri, type_ids), as_of=as_of)), CANDIDATES + 1)
    )
    if not standings:
        raise NotFound(f"nothing is named {uri!r:.200}; write kind:id, Type:name or a URI")
    newest, *others = standings
    if type_ids is None:
        rows = backend.nodes([each.artifact for each in standings], as_of=as_of)
        _check_one_type(backend, uri, [rows[each.artifact] for each in standings], as_of)
    return Meant(
        newest.artifact,
        tuple(each.artifact for each in others[: CANDIDATES - 1]),
        more=len(standings) > CANDIDATES,
        notes=tuple(remarks_on(backend, newest, as_of=as_of)),
    )


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


def resolve_in(
    backend: Backend, cls: type[Node], wanted: str, *, as_of: int | None = None
) -> NodeKey:
    """Return the node of a class that a name means, else what `resolve` takes it for.

    A URI is that of the newest artifact of the class.
    """
    if is_key(to_text(wanted)):
        return resolve(backend, wanted, as_of=as_of)
    as_of = backend.pin(as_of)
    type_ids = registry(backend, as_of).ids(cls)
    of_type = In(Column(Field.TYPE_ID), tuple(sorted(type_ids)))
    where = And((of_type, _equals(Field.NAME, wanted)))
    rows = backend.find(cls.kind, where, limit=2, as_of=as_of)
    if not rows:
        rows = _by_type_and_name(backend, wanted, as_of)
    if len(rows) > 1:
        listed = ", ".join(str(row.key) for row in rows)
        raise Invalid(
            f"the {cls.__name__}s {listed} are both named {wanted!r}; ask for one by its id"
        )
    if rows:
        return rows[0].key
    if cls.kind is Kind.ARTIFACT:
        with suppress(NotFound):
            return _at_uri(backend, wanted, as_of, type_ids).key
    raise NotFound(f"there is no {cls.__name__} with the name {wanted!r:.80}")
