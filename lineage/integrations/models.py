"""Which artifact a fitted object is: remembered by store, for as long as the object lives."""

from __future__ import annotations

import threading
import weakref
from weakref import WeakKeyDictionary

from lineage.contract.backend import Backend
from lineage.model.entities import Artifact

__all__ = ["Models", "models_of"]


class Models:
    """The artifacts of fitted objects in one store.

    Objects are told apart by identity: they may be equal, or have no hash. One that cannot be referred to weakly is
    not remembered, since another might come to lie in its place.
    """

    def __init__(self) -> None:
        self._by_id: dict[int, tuple[weakref.ref[object], Artifact]] = {}

    def remember(self, fitted: object, artifact: Artifact) -> None:
        """Take an object for an artifact from now on."""
        number = id(fitted)
        try:
            reference = weakref.ref(fitted, lambda gone: self._drop(number, gone))
        except TypeError:
            return
        self._by_id[number] = reference, artifact

    def forget(self, fitted: object) -> None:
        """Take an object for no artifact, since it has changed."""
        self._by_id.pop(id(fitted), None)

    def of(self, fitted: object) -> Artifact | None:
        """Return the artifact that an object is."""
        reference, artifact = self._by_id.get(id(fitted), (None, None))
        return artifact if reference is not None and reference() is fitted else None

    def _drop(self, number: int, gone: weakref.ref[object]) -> None:
        reference, _ = self._by_id.get(number, (None, None))
        if reference is gone:
            self._by_id.pop(number, None)


_GUARD = threading.Lock()
_BY_STORE: WeakKeyDictionary[Backend, Models] = WeakKeyDictionary()


def models_of(backend: Backend) -> Models:
    """Return the fitted objects that are known in a store."""
    with _GUARD:
        models = _BY_STORE.get(backend)
        if models is None:
            models = _BY_STORE[backend] = Models()
        return models
