"""Tampering with a store in memory: every attribute, entry and field that the backend's object leads to."""

from __future__ import annotations

import copy
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any, NamedTuple

from pydantic import BaseModel

from lineage.backends.memory.backend import MemoryBackend
from lineage.contract.backend import Backend
from lineage.contract.transaction import OpenTransactions
from lineage.model.keys import Kind, NodeKey
from lineage.testing.builders import Clock
from tests.tamper.world import Questions, fill

__all__ = ["MemoryKit"]

APART = {
    "clock": "tells the time of what is to come",
    "readonly": "says what its user may do",
    "lock_timeout": "says how long a writer waits",
    "_lock": "keeps threads apart",
    "_write_lock": "keeps writers apart",
    "_transactions": "are each thread's own, and empty between transactions",
    "graph.graph": "is NetworkX's, for names that users give",
    "graph.__networkx_cache__": "is NetworkX's, for other libraries",
    "graph._adj": "is `_succ` by another name",
}
"""The attributes that are not looked into, and why no answer comes from there."""
STRANGE: list[Any] = [
    None,
    0,
    1,
    2,
    5,
    -1,
    99,
    2**40,
    0.5,
    "",
    "x",
    "{}",
    b"",
    bytes(32),
    True,
    (),
    NodeKey(Kind.ARTIFACT, 99),
]


class Place(NamedTuple):
    """Where a value is: in what holds it, under which key; `pattern` is the same for all that are alike."""

    holder: Place | None
    key: Any
    value: Any
    pattern: str

    def put(self, value: object) -> None:
        """Set another value; a tuple's is set by another tuple in its place."""
        assert self.holder is not None
        owner = self.holder.value
        if isinstance(owner, dict | list):
            owner[self.key] = value
        elif isinstance(owner, tuple):
            items = [*owner]
            items[self.key] = value
            self.holder.put(tuple.__new__(type(owner), items))
        else:
            setattr(owner, self.key, value)


def _places(
    value: Any, pattern: str, holder: Place | None = None, key: Any = None
) -> Iterator[Place]:
    """Yield a value and all that it leads to."""
    place = Place(holder, key, value, pattern)
    yield place
    if isinstance(value, dict):
        for each, item in value.items():
            mark = each if isinstance(each, str) else "*"
            yield from _places(item, f"{pattern}[{mark}]", place, each)
    elif isinstance(value, list | tuple):
        names = getattr(value, "_fields", None)
        for number, item in enumerate(value):
            inner = f"{pattern}.{names[number]}" if names else f"{pattern}[]"
            yield from _places(item, inner, place, number)
    elif not isinstance(
        value, str | bytes | int | float | set | Enum | BaseModel | None
    ) and not callable(value):
        for name in _attributes(type(value), value):
            inner = f"{pattern}.{name}".removeprefix(".")
            if inner not in APART:
                yield from _places(getattr(value, name), inner, place, name)


def _attributes(cls: type, value: object) -> list[str]:
    slots = [name for each in cls.__mro__ for name in getattr(each, "__slots__", ())]
    return [name for name in (*getattr(value, "__dict__", ()), *slots) if hasattr(value, name)]


class MemoryKit:
    """A rich store in memory, and what there is to tamper with in it."""

    def __init__(self, *, quick: bool) -> None:
        self._whole = MemoryBackend(clock=Clock())
        fill(self._whole)
        (head,) = self._whole.log(limit=1)
        self.answers = Questions(head, quick=quick).answers
        self.answers(self._whole)  # which makes the orders that are kept from then on
        patterns = {place.pattern for place in _places(self._whole, "") if place.holder}
        self.targets: Sequence[str] = sorted(patterns)

    @contextmanager
    def copy(self) -> Iterator[MemoryCopy]:
        whole = self._whole
        apart = {
            id(whole._lock): threading.RLock(),
            id(whole._write_lock): threading.RLock(),
            id(whole._transactions): OpenTransactions(),
        }
        yield MemoryCopy(copy.deepcopy(whole, apart))


class MemoryCopy:
    """A copy of the backend."""

    def __init__(self, backend: MemoryBackend) -> None:
        self._backend = backend

    def tamper(self, target: str, draw: random.Random) -> str | None:
        places = [each for each in _places(self._backend, "") if each.pattern == target]
        place = draw.choice(places)
        others = [each.value for each in places if each.value != place.value]
        return _change(place, others, draw)

    @contextmanager
    def opened(self, draw: random.Random) -> Iterator[Backend]:
        yield self._backend


def _change(place: Place, others: Sequence[Any], draw: random.Random) -> str | None:
    """Change one value: to that of another place, to a near or a strange one, or what it holds."""
    old = place.value
    ways: list[Callable[[], str | None]] = [lambda: _set(place, draw.choice(others or STRANGE))]
    if isinstance(old, int) and not isinstance(old, Enum):
        ways.append(lambda: _set(place, old + draw.choice([-1, 1])))
    if isinstance(old, dict | list | set):
        ways += 2 * [lambda: _held(old, draw)]
    elif isinstance(old, BaseModel):
        ways.append(lambda: _set(place, old.model_copy(update={"name": "Forged"})))
    else:
        ways.append(lambda: _set(place, draw.choice(STRANGE)))
    return draw.choice(ways)()


def _set(place: Place, new: object) -> str | None:
    if type(new) is type(place.value) and new == place.value:
        return None
    place.put(new)
    return f"{place.value!r:.200} is {new!r:.200}"


def _held(held: Any, draw: random.Random) -> str | None:
    """Take out an entry of a container, put one in, or let two change places."""
    way = draw.choice(["out", "in", "swapped"])
    if not held:
        if isinstance(held, dict):
            held[draw.choice([*STRANGE[1:8], *map(_artifact, range(1, 9))])] = draw.choice(STRANGE)
        elif isinstance(held, set):
            held.add(_artifact(1))
        else:
            held.append(draw.choice(STRANGE))
        return f"{held} was empty"
    if isinstance(held, set):
        held.discard(draw.choice(sorted(held))) if way == "out" else held.add(
            _artifact(draw.randrange(9))
        )
        return f"{way}: {held}"
    keys = [*held] if isinstance(held, dict) else [*range(len(held))]
    key = draw.choice(keys)
    if way == "out":
        return f"{key} out: {held.pop(key)!r:.200}"
    if way == "in":
        if isinstance(held, dict):
            held[draw.choice([_artifact(99), 99, "x", *map(_artifact, range(1, 9))])] = held[key]
        else:
            held.insert(draw.choice(keys), held[key])
        return f"{held[key]!r:.200} once more"
    other = draw.choice(keys)
    if other == key:
        return None
    held[key], held[other] = held[other], held[key]
    return f"{key} and {other} swapped"


def _artifact(number: int) -> NodeKey:
    return NodeKey(Kind.ARTIFACT, number)
