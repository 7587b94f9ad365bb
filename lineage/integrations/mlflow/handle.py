"""The handle of a run of MLflow that goes on: it lives from call to call, and in no block of anybody's."""

from __future__ import annotations

from collections.abc import Mapping

from typing_extensions import override

from lineage.contract.subjects import Subject
from lineage.contract.transaction import Author
from lineage.integrations.mlflow.nodes import MESSAGE
from lineage.model.entities import ExecutionState
from lineage.model.keys import NodeKey
from lineage.model.rows import STATE_NUMBERS
from lineage.recording.current import left
from lineage.recording.extension import Extension
from lineage.recording.measurements import claim
from lineage.recording.measuring import Written
from lineage.store import Store

__all__ = ["MirroredRun"]


class MirroredRun(Extension):
    """A run that is gone on with, and ends in the state that MLflow says."""

    def __init__(self, store: Store, key: NodeKey) -> None:
        super().__init__(store.backend, key, Author(store.actor, MESSAGE), ends=False)
        self._final: int | None = None

    def begin(self) -> None:
        """Go on with it; it is no block of the caller's, so that what is called meanwhile is no step of it."""
        self.__enter__()
        left(self)

    def end(self, state: ExecutionState | None) -> None:
        """Store what is left of its points, and the state in which it ended, if it did."""
        if state is not None:
            self._ends, self._final = True, STATE_NUMBERS[state]
        self.__exit__(None, None, None)

    def now_of(self, model: NodeKey, data: NodeKey | None) -> bool:
        """Say of what it measured of no model that it is of one; return whether that could be said."""
        before, after = Subject(None, data), Subject(model, data)
        if after in self._metrics or before not in self._metrics:
            return False
        with self._transaction() as transaction:
            transaction.lock()
            if self._known(self._metrics, before, transaction) is None:
                return False
            key, context, _ = self._metrics[before]
            context = claim(self._backend, transaction, key, after, context)
        self._metrics[after] = Written(key, context, transaction)
        del self._metrics[before]
        return True

    @override
    def _end(self, state: int, why: Mapping[str, str]) -> None:
        super()._end(state if self._final is None else self._final, why)
