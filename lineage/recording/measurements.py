"""What the metrics of a run are claimed for: a model, and the data that it was measured on."""

from __future__ import annotations

from uuid import uuid4

from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.roles import Role, Roles
from lineage.contract.subjects import Subject
from lineage.contract.transaction import Transaction
from lineage.contract.walking import Direction
from lineage.errors import Invalid, excerpt
from lineage.model.entities import Artifact
from lineage.model.keys import Kind, NodeKey
from lineage.model.purposes import Purpose
from lineage.model.rows import EVENT_KINDS, INPUT_KINDS, Batch, EdgeKey, EdgeKind, NodeRow
from lineage.model.system import Measurement
from lineage.recording.edges import new_edges, stamp_edge
from lineage.recording.nodes import live_rows, node_row
from lineage.recording.record import node_of_kind
from lineage.recording.types import TypeFinder

__all__ = ["claim", "completed", "subject_of"]


def subject_of(
    backend: Backend, model: Artifact | NodeKey | None, data: Artifact | NodeKey | None
) -> Subject:
    """Return what metrics are said to be `of` and `on`.

    `Invalid` for what is not stored, and for what is not known for a model or a data set by its role: what
    belongs to one measurement is told apart by it. `NotFound` for what is gone.
    """
    subject = Subject(_key(model, "of"), _key(data, "on"))
    rows = live_rows(backend, subject.parts)
    roles = Roles(registry(backend))
    for name, role, key in (
        ("of", Role.MODEL, subject.model),
        ("on", Role.DATASET, subject.data),
    ):
        if key is not None and roles.of(rows[key].type_id) is not role:
            raise Invalid(
                f"{name}={key}: nothing says that this is {role.words}; give its type the base {role.base}"
            )
    return subject


def _key(given: Artifact | NodeKey | None, name: str) -> NodeKey | None:
    if given is None:
        return None
    node = node_of_kind(given, Kind.ARTIFACT, f"{name}=")
    if isinstance(node, NodeKey):
        return node
    if node.id is None:
        raise Invalid(
            f"{name}={excerpt(node)} is not stored yet; give what input or output returned"
        )
    return node.key


def completed(backend: Backend, subject: Subject, run: NodeKey) -> Subject:
    """Return a subject with what the events of its run add: the only model, the only evaluation data."""
    edges = backend.edges([run], Direction.BOTH, kinds=EVENT_KINDS)
    ends = {key for row in edges for key in row[:2]}
    rows, roles = backend.nodes(ends), Roles(registry(backend))
    models = {key for key in ends if roles.of(rows[key].type_id) is Role.MODEL}
    data = {
        row.source
        for row in edges
        if row.kind in INPUT_KINDS
        and roles.of(rows[row.source].type_id) is Role.DATASET
        and roles.purpose(row, rows[row.source].type_id, rows[run].type_id) is Purpose.EVALUATION
    }
    return Subject(subject.model or _only(models), subject.data or _only(data))


def _only(keys: set[NodeKey]) -> NodeKey | None:
    return next(iter(keys)) if len(keys) == 1 else None


def claim(
    backend: Backend,
    transaction: Transaction,
    metrics: NodeKey,
    subject: Subject,
    context: NodeKey | None = None,
) -> NodeKey:
    """Say what metrics were measured of and on, in a locked transaction; return the context that says it.

    It is a new one, unless one is given, which then also holds what it did not. What is gone is left out.
    """
    # A run ends well, whatever was deleted meanwhile.
    live = backend.live([*subject.parts, *([] if context is None else [context])])
    new: list[NodeRow] = []
    if context not in live:
        name = uuid4().hex
        types, node = TypeFinder(backend, transaction), Measurement(name=name)
        new = [node_row(transaction, types.of(node), node)]
        context = new[0].key
    assert context is not None
    held = (metrics, *(key for key in subject.parts if key in live))
    keys = [EdgeKey(context, key, EdgeKind.ATTRIBUTION) for key in held]
    edges = [stamp_edge(transaction, key) for key in keys]
    fresh = {row.key for row in new}
    transaction.write(Batch(nodes=new, edges=new_edges(backend, transaction, edges, fresh)))
    return context
