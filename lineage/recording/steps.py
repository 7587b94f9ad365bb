"""Runs within runs: how a step is tied to the run that it is a part of."""

from __future__ import annotations

from uuid import uuid4

from lineage.contract.backend import Backend, Named
from lineage.contract.transaction import Transaction
from lineage.contract.walking import Direction
from lineage.model.canonical import decode, encode
from lineage.model.keys import NodeKey
from lineage.model.rows import Batch, EdgeKey, EdgeKind, NodeRow
from lineage.model.system import RUN_ID, RunContext
from lineage.recording.edges import new_edges, stamp_edge
from lineage.recording.nodes import node_row, stamp
from lineage.recording.types import TypeFinder

__all__ = ["add_step"]


def add_step(
    backend: Backend, transaction: Transaction, parent: NodeKey, step: NodeKey
) -> NodeRow | None:
    """Make an execution a step of another one, in a locked transaction; return the latter as it is now.

    The first step makes the parent's `RunContext`, below the one in which the parent is itself a step. None
    where the parent was deleted meanwhile: then the step has none.
    """
    row = backend.nodes([parent]).get(parent)
    if row is None or row.gone:
        return None
    types = TypeFinder(backend, transaction)
    custom = decode(row.custom)
    identity = custom.get(RUN_ID)
    known = _known(backend, types, parent, identity) if isinstance(identity, str) else None
    if known is None:
        identity = uuid4().hex
        named = encode({**custom, RUN_ID: identity})
        row = stamp(transaction, row._replace(custom=named, updated=transaction.time))
        transaction.write(Batch(updates=[row]))
        known = _made(backend, transaction, types, parent, identity)
    member = stamp_edge(transaction, EdgeKey(known, step, EdgeKind.ASSOCIATION))
    transaction.write(Batch(edges=new_edges(backend, transaction, [member])))
    return row


def _known(backend: Backend, types: TypeFinder, parent: NodeKey, identity: str) -> NodeKey | None:
    """Return the context of a run's steps; None where it is not there, or is that of another run.

    Properties that were copied from one run to another say nothing.
    """
    type_id = types.of(RunContext(name=identity)).id
    assert type_id is not None
    named = Named(type_id, identity)
    for row in backend.lookup([named])[named]:
        if backend.existing_edges([EdgeKey(row.key, parent, EdgeKind.ASSOCIATION)]):
            return row.key
    return None


def _made(
    backend: Backend, transaction: Transaction, types: TypeFinder, parent: NodeKey, identity: str
) -> NodeKey:
    """Make the context of a run's steps, below those in which it is a step itself."""
    node = RunContext(name=identity, parent=identity)
    node_type = types.of(node)
    edges = backend.edges([parent], Direction.UPSTREAM, kinds={EdgeKind.ASSOCIATION})
    around = backend.nodes({edge.source for edge in edges})
    above = [
        key for key, row in sorted(around.items()) if row.type_id == node_type.id and not row.gone
    ]
    row = node_row(transaction, node_type, node)
    keys = [EdgeKey(row.key, parent, EdgeKind.ASSOCIATION)]
    keys += [EdgeKey(each, row.key, EdgeKind.PARENT) for each in above]
    rows = [stamp_edge(transaction, key) for key in keys]
    transaction.write(Batch(nodes=[row], edges=new_edges(backend, transaction, rows, {row.key})))
    return row.key
