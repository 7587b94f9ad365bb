"""Hooks: public entry points of libraries, each replaced by one that records, while any autolog's block is open.

They are counted for the whole process: the first block puts them in, the end of the last one takes them out. What was
replaced is a name of a module or of a class, so a function that a program has imported by its name before is not
reached. A library that is imported inside the block is hooked then; one that is not imported is never imported by us.
Where nobody records in a context, a replaced function costs a look at a variable.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple, Protocol, cast

from typing_extensions import override

from lineage.contract.plugins import integration_names, integration_object
from lineage.integrations.calls import Description, described

__all__ = ["Hook", "Integration", "add", "install", "is_of_another", "recording", "remove"]

_ABSENT = object()


class Hook(NamedTuple):
    """What of a library is replaced, and what makes the replacement of the original."""

    owner: Any
    """A module or a class."""
    name: str
    make: Callable[[Any], Any]


class Integration(Protocol):
    """A library's integration: a module, or an object, that `contract.plugins` finds by the library's module."""

    def hooks(self) -> Iterable[Hook]:
        """Return what is replaced; the library is imported by then. Its module may be of any version."""


def recording(library: str, describe: Description) -> Callable[[Any], Any]:
    """Return what makes, of a function or a method, one that is described to those who record the library."""

    def make(original: Any) -> Any:
        if isinstance(original, staticmethod | classmethod) or not hasattr(original, "__get__"):
            return functools.wraps(original)(
                lambda *args, **kwargs: described(library, describe, original, args, kwargs)
            )
        return (
            _function(library, describe, original)
            if isinstance(original, FunctionType)
            else _Method(library, describe, original)
        )

    return make


def _function(
    library: str, describe: Description, original: Callable[..., Any]
) -> Callable[..., Any]:
    @functools.wraps(original)
    def replaced(*args: Any, **kwargs: Any) -> Any:
        return described(library, describe, original, args, kwargs)

    return replaced


class _Method:
    """A method that is there for some objects only, as its own descriptor decides."""

    def __init__(self, library: str, describe: Description, original: Any) -> None:
        self._original = original

        def unbound(owner: Any, *args: Any, **kwargs: Any) -> Any:
            return original.__get__(owner, type(owner))(*args, **kwargs)

        functools.update_wrapper(unbound, original)
        self._replaced = _function(library, describe, unbound)
        functools.update_wrapper(cast(Any, self), original)

    def __get__(self, owner: Any, cls: type | None = None) -> Any:
        bound = self._original.__get__(owner, cls)
        return bound if owner is None else MethodType(self._replaced, owner)


class _Replaced(NamedTuple):
    owner: Any
    name: str
    original: Any
    replacement: Any

    def restore(self) -> None:
        """Put the original back, unless somebody has put something else there meanwhile."""
        if vars(self.owner).get(self.name) is not self.replacement:
            return
        if self.original is _ABSENT:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self.original)


class _State:
    """The hooks of this process."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.users = 0
        self.names: frozenset[str] = frozenset()
        self.replaced: list[_Replaced] = []
        self.places: set[tuple[int, str]] = set()
        """Where something is replaced: the identity of its owner, which `replaced` keeps alive, and the name."""
        self.waiting: set[str] = set()
        self.finder: _Finder | None = None
        self.notes: dict[str, None] = {}


def install() -> Sequence[str]:
    """Put the hooks in, for one more user; return what has to be said of those that are not there."""
    with _STATE.lock:
        _STATE.users += 1
        if _STATE.users == 1:
            _STATE.notes.clear()
            _STATE.names = frozenset(integration_names())
            for name in _STATE.names:
                if name in sys.modules:
                    _hook(name)
                else:
                    _STATE.waiting.add(name)
            _STATE.finder = _Finder()
            sys.meta_path.insert(0, _STATE.finder)
        return tuple(_STATE.notes)


def remove() -> Sequence[str]:
    """Take the hooks out, where nobody uses them any more; return what has to be said by now."""
    with _STATE.lock:
        _STATE.users -= 1
        if _STATE.users == 0:
            if _STATE.finder in sys.meta_path:
                sys.meta_path.remove(cast(Any, _STATE.finder))
            _STATE.waiting.clear()
            _STATE.places.clear()
            while _STATE.replaced:
                _STATE.replaced.pop().restore()
        return tuple(_STATE.notes)


def add(library: str, hooks: Iterable[Hook]) -> None:
    """Put hooks in, such as those of a class that was just made; what is not there is said in a note."""
    with _STATE.lock:
        for hook in hooks if _STATE.users else ():
            try:
                _replace(hook)
            except Exception as error:  # noqa: BLE001  # a library may have changed in any way
                _STATE.notes[_missing(library, f"{type(error).__name__}: {error}")] = None


def is_of_another(library: str, cls: type) -> bool:
    """Whether a class is of a library that has an integration of its own, which is not the given one."""
    top = str(cls.__module__).partition(".")[0]
    return top != library and top in _STATE.names


def _hook(name: str) -> None:
    """Put the hooks of a library in, which is imported; it may have moved them, or be broken."""
    try:
        integration = cast(Integration, integration_object(name))
        hooks = list(integration.hooks())
    except Exception as error:  # noqa: BLE001  # a library may have changed in any way
        _STATE.notes[_missing(name, f"{type(error).__name__}: {error}")] = None
    else:
        add(name, hooks)


def _replace(hook: Hook) -> None:
    place = id(hook.owner), hook.name
    if place in _STATE.places:
        return
    original = vars(hook.owner).get(hook.name, _ABSENT)
    replacement = hook.make(getattr(hook.owner, hook.name) if original is _ABSENT else original)
    setattr(hook.owner, hook.name, replacement)
    _STATE.replaced.append(_Replaced(hook.owner, hook.name, original, replacement))
    _STATE.places.add(place)


def _missing(name: str, why: str) -> str:
    version = getattr(sys.modules.get(name), "__version__", None)
    return (
        f"{name}{f' {version}' if version else ''} has not all the functions that are recorded ({why}): what is called by "
        f"those is not recorded; record it by hand, or use a version of {name} that docs/integrations.md names"
    )


class _Finder(MetaPathFinder):
    """Sees a library being imported, and puts its hooks in once it is."""

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _STATE.waiting:
            return None
        _STATE.waiting.discard(fullname)  # so that the others are asked, and each library once
        spec = find_spec(fullname)
        loader: Any = None if spec is None else spec.loader
        if loader is None:
            _STATE.waiting.add(fullname)
            return None
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module
            execute(module)
            with _STATE.lock:
                if _STATE.users:
                    _hook(fullname)

        try:
            loader.exec_module = exec_module
        except AttributeError:  # a loader of another kind, which takes no attributes
            _STATE.notes[_missing(fullname, "it was imported inside the block")] = None
        return spec


_STATE = _State()


def _forked() -> None:
    """Let a fork's child have a lock of its own: another thread of its parent may have held the last one."""
    _STATE.lock = threading.RLock()


os.register_at_fork(after_in_child=_forked)
