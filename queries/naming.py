"""Finds which node a person means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.standing import newest_first, remarks_on
from lineage.contract.walking import Direction
from lineage.contract.writings import AtUri, Writing
from lineage.errors import Invalid, NotFound, excerpt
from lineage.filters.tree import And, Column, Compare, Field, Filter, In, Operator, Present
from lineage.model.entities import Node
from lineage.model.keys import Kind, NodeKey, to_key
from lineage.model.rows import EdgeKind, NodeRow
from lineage.model.system import Asset
from lineage.model.texts import printable
from lineage.model.times import from_micros
from lineage.model.values import to_text
from lineage.queries.aliases import holding, named_aliases

if TYPE_CHECKING:
    from lineage.queries.comparison import Comparison
    from lineage.queries.impact import Impact
    from lineage.queries.peers import Peers
    from lineage.queries.summary import Summary

__all__ = [
    "Asked",
    "Meant",
    "Reference",
    "asked",
    "every",
    "is_key",
    "meant",
    "missing",
    "names_versions",
    "pointed_at",
    "resolve",
    "resolve_in",
]

Reference: TypeAlias = Node | NodeKey | str
"""What names a node: an entity, a key or a text."""
AnswerT = TypeVar("AnswerT", "Comparison", "Impact", "Peers", "Summary")
CANDIDATES = 10
LOOKED_AT_ALIASES = 1_000
"""How many aliases are looked at for one that is spelt like what was written."""


class Meant(NamedTuple):
    """The node that a text means; `others` are the other artifacts of the URI or the asset, if it is one.

    Of many others only the newest few are listed, and `more` says so. `notes` say why the newest is
    not the last that was written, where it is not.
    """

    key: NodeKey
    others: tuple[NodeKey, ...] = ()
    more: bool = False
    notes: tuple[str, ...] = ()
    shares: str = "URI"
    """What the others have in common with it: "URI" or "asset"."""


class Asked(NamedTuple):
    """The nodes that a question is about, and what is to be said of those that texts named."""

    keys: list[NodeKey]
    remarks: tuple[str, ...]

    def noted_in(self, answer: AnswerT) -> AnswerT:
        """Return the answer with the remarks before its own notes."""
        if not self.remarks:
            return answer
        return replace(answer, notes=tuple(dict.fromkeys((*self.remarks, *answer.notes))))


def asked(
    backend: Backend,
    references: Iterable[Reference],
    *,
    happened_by: int | None = None,
    as_of: int | None = None,
) -> Asked:
    """Return what references name: entities, keys, or texts as `meant` reads them."""
    keys: list[NodeKey] = []
    remarks: dict[str, None] = {}
    for reference in references:
        if isinstance(reference, NodeKey):
            keys.append(to_key(reference))
        elif isinstance(reference, Node):
            keys.append(reference.key)
        elif isinstance(reference, str):
            found = meant(backend, reference, happened_by=happened_by, as_of=as_of)
            keys.append(found.key)
            remarks.update(dict.fromkeys(found.notes))
        else:
            raise Invalid(
                f"{excerpt(reference)} names no node; give a node, its key, or text like artifact:12"
            )
    return Asked(keys, tuple(remarks))


def resolve(backend: Backend, text: str, *, as_of: int | None = None) -> NodeKey:
    """Return the node that `kind:id`, `Type:name`, a URI, an asset's name or `ASSET@ALIAS` means.

    A URI and an asset mean their newest artifact, see `standing`. An alias is looked for last: an `@` may
    stand in all of these.

    `NotFound` where there is none; `Invalid` with the candidates where a name fits several types.
    """
    return meant(backend, text, as_of=as_of).key


def meant(
    backend: Backend, text: str, *, happened_by: int | None = None, as_of: int | None = None
) -> Meant:
    """Return the node that a text names, as `resolve` does, and what else the text could have meant.

    Where `happened_by` says until when events count, a URI or an asset means what had been written last by then.
    """
    if is_key(text):
        key = NodeKey.parse(text)
        if key not in backend.nodes([key], as_of=as_of):
            raise missing(backend, key, as_of)
        return Meant(key)
    to_text(text)
    as_of = backend.pin(as_of)
    named = _by_type_and_name(backend, text, as_of)
    if named:
        _check_one_type(backend, text, named, as_of)
        return _not_the_alias(backend, text, as_of, Meant(named[0].key))
    newest = _of_uri_or_asset(backend, text, as_of, happened_by=happened_by)
    if newest is not None:
        return _not_the_alias(backend, text, as_of, newest)
    held = _by_alias(backend, text, as_of, happened_by)
    if held is None:
        raise NotFound(
            f"nothing is named {excerpt(text, 200)}; write kind:id, Type:name, a URI, an asset's name or ASSET@ALIAS"
            f"{_near_alias(backend, text, as_of)}{_first_named(backend, text, as_of)}"
        )
    return Meant(held)


def _by_alias(
    backend: Backend, text: str, as_of: int | None, happened_by: int | None = None
) -> NodeKey | None:
    """Return the artifact that an alias, written `ASSET@ALIAS`, holds; None where there is no such alias.

    Where `happened_by` says until when events count, it is what the alias held then: it moves when that is
    written. `NotFound` where it holds nothing, and where what it holds was deleted.
    """
    if "@" not in text:
        return None
    moment = as_of
    if happened_by is not None:
        last = backend.now() if as_of is None else as_of
        moment = min(last, backend.number_at(happened_by))
    found = holding(backend, text, as_of=moment)
    if found is None or found.edge is None:
        _check_held(backend, text, as_of, happened_by, is_there=found is not None)
        return None
    key = found.edge.target
    row = backend.nodes([key], as_of=as_of)[key]
    if row.gone:
        how = "purged" if row.salt is None else f"deleted in transaction {row.until}"
        raise NotFound(
            f"{text:.200} is {key}, which was {how}; give the alias to another with `lineage alias`"
        )
    return key


def _check_held(
    backend: Backend,
    text: str,
    as_of: int | None,
    happened_by: int | None,
    *,
    is_there: bool,
) -> None:
    """Raise `NotFound` where there is an alias that held nothing at a moment, and not where there is none at all."""
    if happened_by is not None:
        later = holding(backend, text, as_of=as_of)
        if later is not None and later.edge is not None:
            by = from_micros(happened_by).isoformat(" ", "seconds")
            time = from_micros(backend.time_of(later.edge.since)).isoformat(" ", "seconds")
            raise NotFound(
                f"nothing was {text:.200} by {by}; it is {later.edge.target}, since {time}"
            )
    if is_there:
        raise NotFound(
            f"nothing is {text:.200} any more, for the alias was taken away; `lineage alias` tells what it was"
        )


def _not_the_alias(backend: Backend, text: str, as_of: int | None, mean: Meant) -> Meant:
    """Return what a text means, with a note where it is written as an alias of something else."""
    other = holding(backend, text, as_of=as_of) if "@" in text else None
    if other is None or other.edge is None or other.edge.target == mean.key:
        return mean
    note = (
        f"{text:.200} is taken for what has this as its name, URI or asset, and not for the alias, which is "
        f"{other.edge.target}"
    )
    return mean._replace(notes=(*mean.notes, note))


def _near_alias(backend: Backend, text: str, as_of: int | None) -> str:
    """Return which aliases a text that is written as one may have meant."""
    if "@" not in text:
        return ""
    names = [row.name or "" for row in named_aliases(backend, limit=LOOKED_AT_ALIASES, as_of=as_of)]
    asset = f"{text.rpartition('@')[0]}@"
    alike = [name for name in names if name.startswith(asset)]
    alike = alike or get_close_matches(text[:200], [name[:200] for name in names])
    if not alike:
        return ""
    return f"; there is {', '.join(printable(each, limit=80) for each in alike[:CANDIDATES])}"


def missing(
    backend: Backend, key: NodeKey, as_of: int | None, called: str | None = None
) -> NotFound:
    """Return the error for a node that is not there; for a past moment it says when it first came."""
    return NotFound(f"there is no {called or key}{_first_came(backend, key, as_of)}")


def _first_came(backend: Backend, key: NodeKey, as_of: int | None) -> str:
    first = None if as_of is None else next(iter(backend.versions(key)), None)
    if first is None:
        return ""
    time = from_micros(backend.time_of(first.since)).isoformat(" ", "seconds")
    return f" as of transaction {as_of}; {key} first came with transaction {first.since}, at {time}"


def _first_named(backend: Backend, text: str, as_of: int | None) -> str:
    """Return when what a text names now first came, where the past does not know it."""
    if as_of is None or as_of == backend.now():
        return ""
    with suppress(NotFound, Invalid):
        key = meant(backend, text).key
        now = holding(backend, text) if "@" in text else None
        if now is not None and now.edge is not None and now.edge.target == key:
            return f" as of transaction {as_of}; it is {key} since transaction {now.edge.since}"
        return _first_came(backend, key, as_of)
    return ""


def every(backend: Backend, reference: Reference, *, gone: bool = False) -> list[NodeKey]:
    """Return all artifacts of a URI, else of an asset, of any type, the newest first; else the one node named.

    After them come those deleted ones that are not purged, where `gone` ones are meant, too.
    """
    if isinstance(reference, str) and names_versions(backend, reference):
        for selector in (AtUri(reference, None), _members(backend, reference, None, None)):
            artifacts = [each.artifact for each in newest_first(backend.writings(selector))]
            if gone:
                artifacts += _deleted(backend, reference, of_asset=not isinstance(selector, AtUri))
            if artifacts:
                return artifacts
    return asked(backend, [reference]).keys


def _deleted(backend: Backend, text: str, *, of_asset: bool) -> list[NodeKey]:
    """Return the deleted artifacts of a URI, or of an asset which may be deleted itself."""
    is_gone = Compare(Column(Field.GONE), Operator.EQ, value=True)
    if not of_asset:
        at_uri = And((_equals(Field.URI, text), is_gone))
        return [row.key for row in backend.find(Kind.ARTIFACT, at_uri)]
    assets = In(Column(Field.TYPE_ID), tuple(sorted(registry(backend).ids(Asset))))
    named = And((assets, _equals(Field.NAME, text), Present(is_gone.column)))
    contexts = [row.key for row in backend.find(Kind.CONTEXT, named)]
    edges = backend.edges(contexts, Direction.DOWNSTREAM, kinds={EdgeKind.ATTRIBUTION})
    rows = backend.nodes({row.target for row in edges}).values()
    return sorted(row.key for row in rows if row.gone and row.salt is not None)


def names_versions(backend: Backend, text: str) -> bool:
    """Whether a text can only be a URI or an asset's name, and is no key, no `Type:name` and no alias."""
    if is_key(to_text(text)) or _by_type_and_name(backend, text, None):
        return False
    return "@" not in text or holding(backend, text) is None or _has_versions(backend, text)


def _has_versions(backend: Backend, text: str) -> bool:
    selectors = (AtUri(text, None), _members(backend, text, None, None))
    return any(True for each in selectors for _ in backend.writings(each))


def _check_one_type(
    backend: Backend, text: str, rows: Sequence[NodeRow], as_of: int | None
) -> None:
    """Raise `Invalid` with the candidates where nodes of several types are meant."""
    if len({row.type_id for row in rows}) > 1:
        types = registry(backend, as_of).by_id
        listed = ", ".join(
            f"{row.key} ({types[row.type_id].type_name})" for row in rows[:CANDIDATES]
        )
        raise Invalid(f"{excerpt(text, 200)} may mean {listed}; name one by its key")


def _of_uri_or_asset(
    backend: Backend,
    text: str,
    as_of: int | None,
    type_ids: frozenset[int] | None = None,
    *,
    happened_by: int | None = None,
) -> Meant | None:
    """Return the newest artifact of a URI, else of an asset; of several types that is `Invalid`, unless given."""
    at_uri = _by_then(backend.writings(AtUri(text, type_ids), as_of=as_of), happened_by)
    newest = _newest(backend, text, at_uri, as_of, happened_by, one_type=type_ids is None)
    if newest is not None:
        return newest
    members = _members(backend, text, as_of, type_ids)
    if not members:
        return None
    of_asset = _by_then(backend.writings(members, as_of=as_of), happened_by)
    newest = _newest(backend, text, of_asset, as_of, happened_by, one_type=type_ids is None)
    return None if newest is None else newest._replace(shares="asset")


def _by_then(writings: Iterable[Writing], happened_by: int | None) -> Iterable[Writing]:
    """Return what had happened by a time, else what nobody is known to have written, else all."""
    if happened_by is None:
        return writings
    some = list(writings)
    by_then = [each for each in some if each.time <= happened_by]
    return by_then or [each for each in some if each.execution is None] or some


def _newest(
    backend: Backend,
    text: str,
    writings: Iterable[Writing],
    as_of: int | None,
    happened_by: int | None,
    *,
    one_type: bool,
) -> Meant | None:
    standings = list(islice(newest_first(writings), CANDIDATES + 1))
    if not standings:
        return None
    first, *others = standings
    if one_type:
        # What does not count is no candidate, and makes nothing ambiguous.
        candidates = [each.artifact for each in standings if each.counts == first.counts]
        rows = backend.nodes(candidates, as_of=as_of)
        _check_one_type(backend, text, [rows[key] for key in candidates], as_of)
    return Meant(
        first.artifact,
        tuple(each.artifact for each in others[: CANDIDATES - 1]),
        more=len(standings) > CANDIDATES,
        notes=(
            *_too_late(first.writing, text, happened_by),
            *remarks_on(backend, first, as_of=as_of),
        ),
    )


def _too_late(writing: Writing, text: str, happened_by: int | None) -> Iterator[str]:
    """Yield what to say of the newest where nothing of its name had been written by then."""
    if happened_by is not None and writing.execution is not None and writing.time > happened_by:
        by = from_micros(happened_by).isoformat(" ", "seconds")
        yield f"{text:.200} had not been written by {by}; {writing.artifact} is taken, which was written later"


def _members(
    backend: Backend, name: str, as_of: int | None, type_ids: frozenset[int] | None
) -> list[NodeKey]:
    """Return the live artifacts of an asset, of some types or of all."""
    assets = registry(backend, as_of).ids(Asset)
    if not assets:
        return []
    of_type = In(Column(Field.TYPE_ID), tuple(sorted(assets)))
    named = And((of_type, _equals(Field.NAME, name)))
    contexts = [row.key for row in backend.find(Kind.CONTEXT, named, as_of=as_of)]
    edges = backend.edges(contexts, Direction.DOWNSTREAM, kinds={EdgeKind.ATTRIBUTION}, as_of=as_of)
    rows = backend.nodes({row.target for row in edges}, as_of=as_of).values()
    return [
        row.key for row in rows if not row.gone and (type_ids is None or row.type_id in type_ids)
    ]


def pointed_at(backend: Backend, text: str, as_of: int | None) -> list[NodeKey]:
    """Return the nodes that a text may name by key, by `Type:name` or by an alias, which need not be there.

    A URI and an asset's name are not looked at, and a text that names nothing is no error.
    """
    if is_key(text):
        with suppress(Invalid):
            return [NodeKey.parse(text)]
        return []
    if named := _by_type_and_name(backend, text, as_of):
        return [row.key for row in named]
    held = holding(backend, text, as_of=as_of) if "@" in text else None
    return [] if held is None or held.edge is None else [held.edge.target]


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

    A URI, or an asset's name, is that of the newest artifact of the class.
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
        newest = _of_uri_or_asset(backend, wanted, as_of, type_ids)
        if newest is not None:
            return newest.key
        held = _by_alias(backend, wanted, as_of)
        if held is not None and backend.nodes([held], as_of=as_of)[held].type_id in type_ids:
            return held
    raise NotFound(f"there is no {cls.__name__} with the name {excerpt(wanted)}")
