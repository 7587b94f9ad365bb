"""Runs within runs: how a step is tied to the run that it is a part of."""

from __future__ import annotations

from uuid import uuid4

from lineage.contract.backend import Backend, Named
from lineage.contract.transaction import Transaction
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
    if not isinstance(identity, str):
        identity = uuid4().hex
        custom_text = encode({**custom, RUN_ID: identity})
        row = stamp(transaction, row._replace(custom=custom_text, updated=transaction.time))
        transaction.write(Batch(updates=[row]))
    context = _context(backend, transaction, types, parent, identity)
    member = stamp_edge(transaction, EdgeKey(context, step, EdgeKind.ASSOCIATION))
    transaction.write(Batch(edges=new_edges(backend, transaction, [member])))
    return row


def _context(
    backend: Backend,
    transaction: Transaction,
    types: TypeFinder,
    parent: NodeKey,
    identity: str,
) -> NodeKey:
    """Return the context of a run's steps, which is made where it is not there."""
    node = RunContext(name=identity, parent=identity)
    node_type = types.of(node)
    assert node_type.id is not None
    named = Named(node_type.id, identity)
    for known in backend.lookup([named])[named]:
        return known.key
    above = [
        edge.source
        for edge in backend.edges([parent], kinds={EdgeKind.ASSOCIATION})
        if backend.nodes([edge.source])[edge.source].type_id == node_type.id
    ]
    row = node_row(transaction, node_type, node)
    keys = [EdgeKey(row.key, parent, EdgeKind.ASSOCIATION)]
    keys += [EdgeKey(each, row.key, EdgeKind.PARENT) for each in above]
    edges = [stamp_edge(transaction, key) for key in keys]
    transaction.write(Batch(nodes=[row], edges=new_edges(backend, transaction, edges, {row.key})))
    return row.key
