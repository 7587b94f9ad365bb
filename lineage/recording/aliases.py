"""Names that move: which version of an asset an alias such as `production` holds."""

from __future__ import annotations

from collections.abc import Sequence

from lineage.contract.backend import Backend, Named
from lineage.contract.registry import registry
from lineage.contract.transaction import Author, Transaction
from lineage.contract.walking import Direction
from lineage.errors import Invalid, NotFound, excerpt
from lineage.model.canonical import decode
from lineage.model.entities import Context
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, EdgeKey, EdgeKind, EdgeRow, NodeRow
from lineage.model.schema import conform
from lineage.model.system import Alias, Asset
from lineage.model.texts import printable
from lineage.model.values import to_text
from lineage.recording.edges import new_edges, stamp_edge
from lineage.recording.nodes import live_rows, node_row, stamp
from lineage.recording.types import TypeFinder

__all__ = ["alias_name", "give_alias", "take_alias"]

LONGEST = 200
"""How many characters an alias may have: it is a word that people type."""


def alias_name(asset: str, alias: str) -> str:
    """Return what an asset's alias is called, `ASSET@ALIAS`; `Invalid` for names that cannot be told apart.

    The name of an asset may hold an `@`, so that the last one is what divides the two.
    """
    if not to_text(asset):
        raise Invalid("an alias needs the name of an asset, and this one is empty")
    told = f"{excerpt(to_text(alias))} cannot be an alias"
    if not alias or alias != alias.strip():
        raise Invalid(f"{told}: give a word such as 'production', with no space around it")
    if "@" in alias:
        raise Invalid(
            f"{told}: the asset and the alias are divided by the @, as in churn@production"
        )
    if printable(alias) != alias or len(alias) > LONGEST:
        raise Invalid(
            f"{told}: it may have {LONGEST} characters, all of which can be seen in a line"
        )
    return f"{asset}@{alias}"


def give_alias(
    backend: Backend,
    asset: str,
    alias: str,
    node: NodeKey,
    author: Author,
    *,
    deployed: bool | None = None,
    of_others: bool = False,
) -> None:
    """Let an alias hold a live artifact, and nothing else from now on; nothing is written where it does so already.

    The asset is made, and the artifact becomes its version, where it is not. `Invalid` for a version of another
    asset, unless it may be one `of_others` as well, and for what is no artifact; `NotFound` for what is not there or
    was deleted. Each move is also a new version of the alias, by which its history is found. `deployed` stays as it
    was where it is None.
    """
    name = alias_name(asset, alias)
    if node.kind is not Kind.ARTIFACT:
        raise Invalid(f"{node} is not an artifact, and nothing else can be {printable(name)}")
    moved = Alias(name=name, asset=asset, alias=alias, deployed=deployed)
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        live_rows(backend, [node])
        if not of_others:
            _check_version_of(backend, asset, node)
        move = _Move(backend, transaction)
        contexts = [move.settled(Asset(name=asset)), move.settled(moved)]
        alias_key = contexts[-1]
        was = move.there.get(alias_key)
        held = [] if was is None else _held(backend, alias_key)
        move.write(contexts, node, [] if was is None else move.changed(was, moved, held, node))
        transaction.end([row.key for row in held if row.target != node])


def take_alias(backend: Backend, asset: str, alias: str, author: Author) -> None:
    """Let an alias hold nothing from now on; `NotFound` where it holds nothing."""
    name = alias_name(asset, alias)
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        was = _named(backend, Alias, name)
        held = [] if was is None else _held(backend, was.key)
        if was is None or not held:
            raise NotFound(
                f"nothing is {printable(name, limit=200)}, so that it cannot be taken away"
            )
        version = stamp(transaction, was._replace(updated=transaction.time))
        transaction.write(Batch(updates=[version]))
        transaction.end([row.key for row in held])


def _named(backend: Backend, cls: type[Context], name: str) -> NodeRow | None:
    """Return the live context of one of our own classes that has a name."""
    for type_id in registry(backend).ids(cls):
        named = Named(type_id, name)
        for row in backend.lookup([named])[named]:
            return row
    return None


def _held(backend: Backend, context: NodeKey) -> Sequence[EdgeRow]:
    return backend.edges([context], Direction.DOWNSTREAM, kinds={EdgeKind.ATTRIBUTION})


def _check_version_of(backend: Backend, asset: str, node: NodeKey) -> None:
    """Raise `Invalid` where an artifact is a version of another asset."""
    ids = registry(backend).ids(Asset)
    around = backend.edges([node], Direction.UPSTREAM, kinds={EdgeKind.ATTRIBUTION})
    contexts = backend.nodes({row.source for row in around} if ids else ())
    for key, row in sorted(contexts.items()):
        if row.type_id in ids and not row.gone and row.name != asset:
            other = printable(row.name or str(key), limit=80)
            raise Invalid(
                f"{node} is a version of the asset {other}, and not of {printable(asset, limit=80)}; "
                f"end that with unlink({str(key)!r}, {str(node)!r}) first, or give it an alias of {other}"
            )


class _Move:
    """Finds or makes, in a locked transaction, the contexts that an artifact is to belong to."""

    def __init__(self, backend: Backend, transaction: Transaction) -> None:
        self._backend = backend
        self._transaction = transaction
        self._types = TypeFinder(backend, transaction)
        self._new: list[NodeRow] = []
        self.there: dict[NodeKey, NodeRow] = {}
        """The contexts that were there already."""

    def settled(self, node: Context) -> NodeKey:
        """Return the context of an entity's type and name; one that is not there is to be written."""
        row = _named(self._backend, type(node), node.name or "")
        if row is None:
            row = node_row(self._transaction, self._types.of(node), node)
            self._new.append(row)
        else:
            self.there[row.key] = row
        return row.key

    def changed(
        self, was: NodeRow, moved: Alias, held: Sequence[EdgeRow], node: NodeKey
    ) -> list[NodeRow]:
        """Return the next version of an alias, if it moves or is declared anew."""
        before = decode(was.properties)
        after = before if moved.deployed is None else {**before, "deployed": moved.deployed}
        if after == before and [row.target for row in held] == [node]:
            return []
        text = conform(self._types.known.by_id[was.type_id], after)
        row = was._replace(properties=text, updated=self._transaction.time)
        return [stamp(self._transaction, row)]

    def write(self, contexts: Sequence[NodeKey], node: NodeKey, updates: Sequence[NodeRow]) -> None:
        """Write what is new, and let the artifact belong to the contexts."""
        transaction, fresh = self._transaction, {row.key for row in self._new}
        edges = [
            stamp_edge(transaction, EdgeKey(each, node, EdgeKind.ATTRIBUTION)) for each in contexts
        ]
        edges = new_edges(self._backend, transaction, edges, fresh)
        transaction.write(Batch(nodes=self._new, updates=updates, edges=edges), live={node})
