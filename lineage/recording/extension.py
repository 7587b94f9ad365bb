"""Going on with a run that is recorded already, in another process or after another message."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self, cast

from typing_extensions import override

from lineage.contract.backend import Backend, External
from lineage.contract.registry import registry
from lineage.contract.transaction import Author, Transaction
from lineage.contract.walking import Direction
from lineage.errors import Invalid, NotFound, excerpt
from lineage.model.entities import Execution, ExecutionState
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind, NodeRow, entity_of
from lineage.model.system import Metrics
from lineage.model.values import to_text
from lineage.recording.current import entered
from lineage.recording.endings import ending_of, further
from lineage.recording.nodes import live_rows
from lineage.recording.pending import Pending
from lineage.recording.record import node_of_kind, of_runs_alone
from lineage.recording.run import Run

__all__ = ["Extension"]


class Extension(Run[Execution]):
    """What `Store.extend` returns: a run whose execution is stored already.

    Leaving its block changes no state, unless the block raises or `ends` the run; and then the state only
    moves up: from NEW over RUNNING, and FAILED or CANCELED, to COMPLETE or CACHED.
    """

    def __init__(
        self, backend: Backend, run: str | NodeKey | Execution, author: Author, *, ends: bool
    ) -> None:
        key = _stored(backend, run)
        row = live_rows(backend, [key])[key]
        execution = cast(Execution, entity_of(row, registry(backend).by_id))
        super().__init__(backend, execution, author, within=(), environment=False)
        self._ends = ends

    @override
    @staticmethod
    def _check_new(execution: object) -> None:
        """Take any: it is not new."""

    @override
    def __enter__(self) -> Self:
        self._go_on()
        entered(self)
        return self

    def store_left(
        self, transaction: Transaction, pending: Pending, spools: Mapping[str, int]
    ) -> None:
        """Store, in a locked transaction, what a process that is gone left of this run in its spool; nothing else follows."""
        self._go_on()
        self.store(transaction, pending, spools)

    def _go_on(self) -> None:
        """Find what the run has and belongs to."""
        if self._key is not None:
            raise Invalid(f"{self._key} was entered before; store.extend(...) goes on once more")
        key = self._execution.key
        live_rows(self._backend, [key])
        edges = self._backend.edges([key], Direction.UPSTREAM, kinds={EdgeKind.ASSOCIATION})
        rows = self._backend.nodes({row.source for row in edges})
        alone = of_runs_alone(registry(self._backend))
        self._contexts = tuple(
            context
            for context, row in sorted(rows.items())
            if row.type_id not in alone and not row.gone
        )
        self._key = key
        self._know_what_is_stored(Metrics, self._metrics)

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._moves = self._ends or ending_of(error)[0] is not ExecutionState.COMPLETE
        super().__exit__(kind, error, trace)

    @override
    def _is_last(self) -> bool:
        return self._moves

    @override
    def _may_become(self, row: NodeRow, state: int) -> bool:
        return self._moves and further(row.state, state) != row.state


def _stored(backend: Backend, run: str | NodeKey | Execution) -> NodeKey:
    """Return the key of an execution that is given, or has an external id."""
    if not isinstance(run, str):
        node = node_of_kind(run, Kind.EXECUTION, "run")
        if isinstance(node, Execution) and node.id is None:
            raise Invalid(f"{excerpt(run)} is not stored yet; begin it with run")
        return node if isinstance(node, NodeKey) else node.key
    reference = External(Kind.EXECUTION, to_text(run))
    for row in backend.lookup([reference])[reference]:
        return row.key
    raise NotFound(f"there is no execution with the external id {excerpt(run)}")
