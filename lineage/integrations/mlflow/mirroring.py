"""The mirror: hears of what MLflow was told, and records it; nothing of its own ever reaches who called MLflow."""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from lineage.contract.plugins import store_address, store_file
from lineage.errors import Invalid, LineageError
from lineage.integrations.mlflow.models import Models, Registry
from lineage.integrations.mlflow.nodes import Nodes
from lineage.integrations.mlflow.recorder import METHODS, Recorder
from lineage.integrations.mlflow.runs import Runs
from lineage.integrations.mlflow.watching import Call, muted, unwatch, watch
from lineage.store import Store, connect

__all__ = ["Mirror", "mirror"]

_LOGGER = logging.getLogger("lineage")
ATTEMPTS = 3
"""How often a call is recorded again where another writer was faster."""
MOST_FAILURES = 5
"""After how many calls in a row that the storage did not take the mirror gives up: each may have waited for it."""
MOST_NOTES = 100
_MIRRORS: list[Mirror] = []
_MIRRORS_LOCK = threading.Lock()


def mirror(store: Store | str | Path = "lineage.db") -> Mirror:
    """Record whatever MLflow is told from now on, in this process, in a store, or in the one at a URL as well.

    It goes on until the mirror is closed, as the end of a `with` block does; a script need not. Mirroring into a
    file, or into a `Store`, that is being mirrored into returns the mirror that does so. Errors are raised here alone, for a store that cannot
    be opened and where MLflow is not installed: from then on what cannot be recorded is a line in the log and one of
    the mirror's `notes`. That MLflow has moved what it is mirrored by is such a note, too.
    """
    place = store if isinstance(store, Store) else _place(store)
    with _MIRRORS_LOCK:
        for each in _MIRRORS:
            if each.place is place or each.place == place:
                return each
        opened = store if isinstance(store, Store) else connect(store)
        made = Mirror(opened, place)
        try:
            watch(made.hear, METHODS)
        except Invalid as error:
            made.note(str(error))
        except BaseException:
            if opened is not store:
                opened.close()
            raise
        _MIRRORS.append(made)
    atexit.register(made.flush)
    return made


def _place(url: str | Path) -> str | Path:
    """Return what two URLs of one store have in common."""
    address = store_address(url)
    file = store_file(address)
    return address if file is None else file.resolve()


class Mirror:
    """What `mirror` returns: it records until it is closed, and its notes say what it could not."""

    def __init__(self, store: Store, place: Store | str | Path) -> None:
        self.store = store
        self.place = place
        self._notes: dict[str, None] = {}
        self._failures = 0
        self._begin()

    def _begin(self) -> None:
        """Begin with nothing known, as does a process that was forked."""
        self._process = os.getpid()
        self._lock = threading.RLock()
        nodes = Nodes(self.store)
        models = Models(nodes)
        self._runs = Runs(nodes, models)
        registry = Registry(nodes, models, _client, self.note)
        self._recorder = Recorder(self._runs, models, registry)

    def __repr__(self) -> str:
        return f"<Mirror of MLflow in {self.store.url}>"

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what could not be recorded, each once."""
        return tuple(self._notes)

    def note(self, said: str) -> None:
        """Say once that something could not be recorded, and log it."""
        if said not in self._notes and len(self._notes) < MOST_NOTES:
            self._notes[said] = None
            _LOGGER.warning("%s", said)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop, once all is stored that was heard of; a store that was opened for it is closed, and runs stay as they are."""
        with _MIRRORS_LOCK:
            if self not in _MIRRORS:
                return
            _MIRRORS.remove(self)
        unwatch(self.hear)
        atexit.unregister(self.flush)
        self.flush()
        if self.place is not self.store:
            self.store.close()

    def flush(self) -> None:
        """Store what was logged by steps and waits; runs that go on may do so afterwards."""
        self._guarded("what runs had logged by steps", self._runs.let_go)

    def hear(self, call: Call) -> None:
        """Record what a call of MLflow did; this raises nothing that a program may go on after."""
        if self._process != os.getpid():
            self._begin()
        if self._failures >= MOST_FAILURES:
            return
        error = self._guarded(f"MLflow's {call.name}", lambda: self._recorder.record(call))
        if error is not None and not isinstance(error, Invalid):
            # What is not known well is brought in whole with the next call. What was refused for what it is would
            # be refused again, and all else with it.
            self._guarded(f"MLflow's {call.name}", lambda: self._recorder.forget(call))
        if self._failures >= MOST_FAILURES:
            self.note(
                f"{self.store.url} did not take what MLflow was told {MOST_FAILURES} times in a row: the mirror has stopped"
            )

    def _guarded(self, what: str, record: Callable[[], None]) -> Exception | None:
        """Do something without a word to the caller; return what went wrong."""
        for attempt in range(ATTEMPTS):
            try:
                with self._lock, muted():
                    record()
            except Exception as error:  # noqa: BLE001  # whatever fails in here is no fault of the training that goes on
                again = isinstance(error, LineageError) and error.retryable
                if again and attempt + 1 < ATTEMPTS:
                    continue
                self._failures += isinstance(error, OSError)
                self.note(f"{what} is not recorded: {type(error).__name__}: {error}")
                return error
            else:
                self._failures = 0
                break
        return None


def _client() -> Any:
    """Return MLflow's own client, of where it tracks to now: the registry knows no models, and that does."""
    return importlib.import_module("mlflow").MlflowClient()
