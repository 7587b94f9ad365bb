"""Tells what a deletion or a purge takes away, and what it leaves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from lineage.answers.labels import listed
from lineage.answers.notebook import Part
from lineage.contract.backend import Backend
from lineage.contract.walking import Direction
from lineage.errors import Invalid, excerpt
from lineage.filters.tree import And, Column, Compare, Field, Filter, Operator, Present
from lineage.model.canonical import decode
from lineage.model.contents import artifacts_with_digests, is_telling
from lineage.model.entities import Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind
from lineage.model.system import Asset
from lineage.queries.aliases import aliases_of, named_aliases
from lineage.queries.naming import Reference, every
from lineage.queries.reader import Reader

__all__ = ["Removal", "gone_with", "removal"]

COMPARED = 1_000
"""How many of the artifacts with one digest are looked at."""


@dataclass(frozen=True, slots=True)
class Removal(Part):
    """What a deletion or a purge takes away, in the order given; `notes` say what stays."""

    nodes: tuple[Node, ...]
    notes: tuple[str, ...]

    @property
    def keys(self) -> tuple[NodeKey, ...]:
        """The keys of what is taken away."""
        return tuple(node.key for node in self.nodes)


def removal(
    backend: Backend,
    references: Sequence[Reference],
    *,
    all_versions: bool = False,
    runs: bool = False,
    erases: bool = False,
) -> Removal:
    """Return what a deletion of some nodes takes away; a purge is one that `erases`.

    A URI or an asset's name that several artifacts share is `Invalid`, unless `all_versions` are meant; what
    is deleted can still be erased, so to a purge they are among them.
    With `runs` each context goes with the contexts within it and their runs, but for a run that is also
    within another context of one of their types. `NotFound` where there is no such node.

    >>> import lineage
    >>> store = lineage.connect("memory:")
    >>> for digest in "ab":
    ...     _ = store.put(lineage.Dataset(uri="people.csv", digest=digest))
    >>> print(*removal(store.backend, ["people.csv"], all_versions=True).keys)
    artifact:1 artifact:2
    """
    meant = (_meant(backend, each, all_versions=all_versions, gone=erases) for each in references)
    keys = dict.fromkeys(key for some in meant for key in some)
    reader = Reader(backend, None)
    notes: list[str] = []
    if runs:
        keys, notes = _with_runs(reader, keys)
    reader.check(keys)
    notes += [*_versions_left(reader, keys, gone=erases), *_members_left(reader, keys, runs=runs)]
    notes += _aliases_left(reader, keys)
    if erases:
        notes += [*_copies_left(reader, keys), *_names_left(backend, reader, keys)]
    return Removal(tuple(reader.node(key) for key in keys), tuple(notes))


def _meant(
    backend: Backend, reference: Reference, *, all_versions: bool, gone: bool
) -> Sequence[NodeKey]:
    keys = sorted(every(backend, reference, gone=gone))
    if len(keys) > 1 and not all_versions:
        raise Invalid(
            f"{excerpt(reference, 200)} names {len(keys)} artifacts, {listed(keys)}: name one by its key or with "
            "--version, or all with --all-versions, in Python with all_versions=True"
        )
    return keys


def gone_with(backend: Backend, keys: Sequence[NodeKey]) -> list[NodeKey]:
    """Return gone contexts, each with the contexts and runs within it that went in the same transaction.

    What was purged since is left out: it does not come back.
    """
    reader = Reader(backend, None)
    _check_contexts(reader, keys)
    found: dict[NodeKey, None] = {}
    for key in keys:
        if not reader.gone(key):
            raise Invalid(f"{key} is not deleted")
        contexts = _contexts_within(reader, [key], reader.row(key).until)
        found |= dict.fromkeys([*contexts, *_runs_of(reader, contexts, reader.row(key).until)])
    return [key for key in found if key in keys or reader.row(key).salt is not None]


def _with_runs(reader: Reader, keys: Collection[NodeKey]) -> tuple[dict[NodeKey, None], list[str]]:
    """Return contexts with what goes with them, and what is to be said of it."""
    _check_contexts(reader, keys)
    contexts = _contexts_within(reader, keys)
    runs = _runs_of(reader, contexts)
    types = {reader.row(key).type_id for key in contexts}
    rows = reader.edges(runs, Direction.UPSTREAM, {EdgeKind.ASSOCIATION})
    others = {row.source for row in rows}.difference(contexts)
    reader.read(others)
    alike = {key for key in others if reader.row(key).type_id in types and not reader.gone(key)}
    shared = {row.target for row in rows if row.source in alike}
    notes = [f"{_stay(sorted(shared))}, also within another context"] if shared else []
    return contexts | {key: None for key in runs if key not in shared}, notes


def _check_contexts(reader: Reader, keys: Collection[NodeKey]) -> None:
    for key in keys:
        if key.kind is not Kind.CONTEXT:
            raise Invalid(f"{key} is no context, and nothing else has runs to go with it")
    reader.check(keys)


def _runs_of(
    reader: Reader, contexts: Collection[NodeKey], ended: int | None = None
) -> list[NodeKey]:
    rows = reader.edges(contexts, Direction.DOWNSTREAM, {EdgeKind.ASSOCIATION})
    runs = sorted({row.target for row in rows})
    reader.read(runs)
    return [key for key in runs if _fits(reader, key, ended)]


def _contexts_within(
    reader: Reader, keys: Collection[NodeKey], ended: int | None = None
) -> dict[NodeKey, None]:
    contexts = dict.fromkeys(keys)
    level = list(contexts)
    while level:
        rows = reader.edges(level, Direction.DOWNSTREAM, {EdgeKind.PARENT})
        below = sorted({row.target for row in rows} - contexts.keys())
        reader.read(below)
        level = [key for key in below if _fits(reader, key, ended)]
        contexts |= dict.fromkeys(level)
    return contexts


def _fits(reader: Reader, key: NodeKey, ended: int | None) -> bool:
    """Whether a node is live, or where a transaction is given, was deleted by that one."""
    row = reader.row(key)
    return not row.gone if ended is None else row.gone and row.until == ended


def _versions_left(reader: Reader, keys: Collection[NodeKey], *, gone: bool) -> Iterator[str]:
    """Yield which other artifacts have the URIs of those that go, deleted ones among them where `gone` ones count."""
    uris = dict.fromkeys(
        row.uri for row in reader.rows(key for key in keys if key.kind is Kind.ARTIFACT) if row.uri
    )
    for uri in uris:
        at_uri: Filter = Compare(Column(Field.URI), Operator.EQ, uri)
        if gone:
            at_uri = And((at_uri, Present(Column(Field.GONE))))
        others = reader.find_artifacts(at_uri)
        left = [key for key in others if key not in keys]
        if left:
            yield f"{_stay(left)} at {uri[:200]}"


def _members_left(reader: Reader, keys: Collection[NodeKey], *, runs: bool) -> Iterator[str]:
    """Yield how many of the runs and artifacts of contexts that go are left."""
    contexts = [key for key in keys if key.kind is Kind.CONTEXT]
    for key in contexts[:COMPARED]:
        rows = reader.edges((key,), Direction.DOWNSTREAM)
        for kind in (Kind.CONTEXT, Kind.EXECUTION, Kind.ARTIFACT):
            members = {row.target for row in rows if row.target.kind is kind}
            left = [each for each in sorted(members) if each not in keys and not reader.gone(each)]
            if left and not (runs and kind is Kind.EXECUTION):
                yield f"{_stay(left)}, within {key}"


def _aliases_left(reader: Reader, keys: Collection[NodeKey]) -> Iterator[str]:
    """Yield which aliases hold what goes, and so name nothing until they are given to something else."""
    artifacts = {key for key in keys if key.kind is Kind.ARTIFACT}
    for key, some in aliases_of(reader, artifacts).items():
        for alias in some:
            yield f"{key} is {(alias.name or '')[:200]}, which then names nothing"


def _copies_left(reader: Reader, keys: Collection[NodeKey]) -> Iterator[str]:
    """Yield which other artifacts have the content that is erased, by their digests."""
    rows = artifacts_with_digests(reader.rows(keys))
    digests = {digest for _, digest in rows.values() if is_telling(digest)}
    for alike in reader.with_digests(digests, COMPARED).values():
        left = [row.key for row in alike if row.key not in keys]
        if left:
            yield f"{_stay(left)}, with the same digest"


def _names_left(backend: Backend, reader: Reader, keys: Collection[NodeKey]) -> Iterator[str]:
    """Yield which aliases still say the name of an asset that is erased."""
    own = reader.types.ids(Asset)
    names = {row.name for row in reader.rows(keys) if row.type_id in own} - {None}
    if names:
        every_alias = named_aliases(backend, gone=True)
        saying = [
            row for row in every_alias if decode(row.properties or "{}").get("asset") in names
        ]
        if left := [row.key for row in saying if row.key not in keys]:
            yield f"{_stay(left)}, aliases that say the name of the asset"


def _stay(keys: Sequence[NodeKey]) -> str:
    return f"{listed(keys)} {'stays' if len(keys) == 1 else 'stay'}"
