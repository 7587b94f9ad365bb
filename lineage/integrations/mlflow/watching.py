"""The hook: who is told of each call that changes something in a store of MLflow.

All that MLflow's functions, clients, autologging and queues write goes through its two abstract stores, of tracking and
of the registry, whose methods are what MLflow's plug-ins implement. MLflow finds a store by the `get_store` of two
registries, each time anew. While somebody watches, these two hand out stores whose `methods` tell of each call that
succeeded; the stores stay what they are. Nothing else of MLflow is touched, and all of it is put back.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from inspect import signature
from typing import Any, NamedTuple
from weakref import WeakSet

from lineage.errors import Invalid, MissingExtra

__all__ = ["Call", "Listener", "muted", "unwatch", "watch"]

_REGISTRIES = (
    ("mlflow.tracking._tracking_service.registry", "TrackingStoreRegistry"),
    ("mlflow.tracking._model_registry.registry", "ModelRegistryStoreRegistry"),
)


class Call(NamedTuple):
    """A call of a store of MLflow that succeeded: whose, of which method, with what, and what it returned."""

    store: Any
    name: str
    method: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    result: Any

    def given(self) -> Mapping[str, Any]:
        """Return the arguments by the names of the method's parameters, defaults included."""
        bound = signature(self.method).bind(*self.args, **self.kwargs)
        bound.apply_defaults()
        return bound.arguments


Listener = Callable[[Call], None]
"""Who is told; it raises nothing, for it is called in the middle of the user's training."""


class _State(threading.local):
    muted = False


_THREAD = _State()
_LOCK = threading.Lock()
_LISTENERS: list[Listener] = []
_ORIGINALS: list[tuple[type, Any]] = []
_WATCHED: WeakSet[Any] = WeakSet()
_QUEUE, _CALLED = "_async_logging_queue", "_logging_func"
"""Where a store of MLflow keeps its queue, and that the method that it calls."""
_MARK = "_lineage_tells"
"""The attribute by which a method of ours is known."""


class muted:  # noqa: N801  # used as `with muted():`
    """Tell of nothing that this thread does in the block."""

    def __enter__(self) -> None:
        self._was, _THREAD.muted = _THREAD.muted, True

    def __exit__(self, *_: object) -> None:
        _THREAD.muted = self._was


def watch(listener: Listener, methods: Iterable[str]) -> None:
    """Let a listener be told of each call of some methods from now on; all listeners are told of the same.

    `MissingExtra` where MLflow is not installed, and `Invalid` where this version of it has no such registries: then
    nobody is told of anything.
    """
    with _LOCK:
        if not _LISTENERS:
            _hook(frozenset(methods))
        _LISTENERS.append(listener)


def unwatch(listener: Listener) -> None:
    """Tell a listener no more; with the last one all of MLflow is as it was."""
    with _LOCK:
        if listener not in _LISTENERS:
            return
        _LISTENERS.remove(listener)
        if _LISTENERS:
            return
        for registry, original in _ORIGINALS:
            registry.get_store = original  # type: ignore[attr-defined]  # MLflow's own class
        _ORIGINALS.clear()
        for store in list(_WATCHED):
            for name in [name for name, value in vars(store).items() if hasattr(value, _MARK)]:
                delattr(store, name)
            _let_queue_call(store)
        _WATCHED.clear()


def _hook(methods: frozenset[str]) -> None:
    registries = [_registry(*place) for place in _REGISTRIES]
    for registry in registries:
        original = registry.get_store
        _ORIGINALS.append((registry, original))
        registry.get_store = _handing_out(original, methods)


def _registry(module: str, name: str) -> Any:
    try:
        importlib.import_module("mlflow")
    except ImportError as error:
        raise MissingExtra(
            "MLflow is not installed here, so that there is nothing to mirror: pip install mlflow"
        ) from error
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        found = None
    if not callable(getattr(found, "get_store", None)):
        version = getattr(importlib.import_module("mlflow"), "__version__", "of an unknown version")
        raise Invalid(
            f"MLflow {version} has no {module}.{name}.get_store, by which it is mirrored; MLflow 3.17 has it"
        )
    return found


def _handing_out(original: Callable[..., Any], methods: frozenset[str]) -> Callable[..., Any]:
    @wraps(original)
    def get_store(*args: Any, **kwargs: Any) -> Any:
        store = original(*args, **kwargs)
        if store not in _WATCHED:
            _listen_to(store, methods)
        return store

    return get_store


def _listen_to(store: Any, methods: frozenset[str]) -> None:
    """Put what tells of a call before each of a store's methods; a store that takes none is left alone."""
    with _LOCK:
        if store in _WATCHED or not _LISTENERS:
            return
        try:
            _WATCHED.add(store)
            for name in methods:
                method = getattr(store, name, None)
                if callable(method):
                    setattr(store, name, _telling(store, name, method))
        except (AttributeError, TypeError):  # it has slots
            return
        _let_queue_call(store)


def _let_queue_call(store: Any) -> None:
    """Let a store's queue of asynchronous calls use the method that the store has now, and not the one it had when it was made."""
    queue = getattr(store, _QUEUE, None)
    if callable(getattr(queue, _CALLED, None)) and callable(getattr(store, "log_batch", None)):
        setattr(queue, _CALLED, store.log_batch)


def _telling(store: Any, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        if _THREAD.muted:
            return method(*args, **kwargs)
        with muted():
            result = method(*args, **kwargs)
            for listener in tuple(_LISTENERS):
                listener(Call(store, name, method, args, kwargs, result))
        return result

    setattr(call, _MARK, True)
    return call
