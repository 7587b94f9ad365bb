"""The tamper fuzzer: changes anything that a backend stores, and demands that it is noticed or without effect.

A `Kit` lists what there is to change from the storage's own catalogue, so that a new column, index or attribute
is a target by itself. Each tampering is made on a copy of one rich store. Then `check`, or what opens the copy,
says so, or every answer is what it was.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from lineage.contract.backend import Backend
from lineage.errors import LineageError

__all__ = ["Copy", "Kit", "Tally", "Unnoticed", "fuzz"]

TRIES = 60
"""How often a target is tried: the storage itself refuses many a change, such as a text in a column of numbers."""

Answers: TypeAlias = Callable[[Backend], dict[str, str]]


class Copy(Protocol):
    """A copy of the store, to be tampered with behind the backend's back."""

    def tamper(self, target: str, draw: random.Random) -> str | None:
        """Change something of a target; return what, or None where that was refused or changed nothing."""
        ...

    def opened(self, draw: random.Random) -> AbstractContextManager[Backend]:
        """Open the copy as its next user does."""
        ...


class Kit(Protocol):
    """How to tamper with the stores of a backend."""

    targets: Sequence[str]

    def copy(self) -> AbstractContextManager[Copy]:
        """Make a copy of the rich store."""
        ...

    @property
    def answers(self) -> Answers:
        """What asks every question of a store."""
        ...


class Unnoticed(AssertionError):
    """A tampering that changes an answer, and that nobody is told of."""


@dataclass
class Tally:
    """How many tamperings were tried, and what became of them; `refused` were not possible."""

    noticed: Counter[str] = field(default_factory=Counter)
    harmless: Counter[str] = field(default_factory=Counter)
    refused: int = 0

    @property
    def tried(self) -> int:
        """How many tamperings were made."""
        return self.noticed.total() + self.harmless.total()

    def __str__(self) -> str:
        return f"{self.tried} tamperings: {self.noticed.total()} noticed, {self.harmless.total()} without effect"


def fuzz(
    kit: Kit, draw: random.Random, *, rounds: int, targets: Iterable[str] | None = None
) -> Tally:
    """Tamper with each target so many times; raise `Unnoticed` for the first that has an effect and is not told."""
    with kit.copy() as copy, copy.opened(draw) as backend:
        assert backend.check() == []
        expected = kit.answers(backend)
    tally = Tally()
    for target in kit.targets if targets is None else targets:
        for _ in range(rounds):
            _tamper(kit, target, draw, expected, tally)
    changed = tally.noticed.keys() | tally.harmless.keys()
    never = [target for target in kit.targets if target not in changed]
    assert targets is not None or not never, f"these were never changed: {never}"
    return tally


def _tamper(
    kit: Kit, target: str, draw: random.Random, expected: dict[str, str], tally: Tally
) -> None:
    for _ in range(TRIES):
        with kit.copy() as copy:
            seed = draw.random()
            what = copy.tamper(target, random.Random(seed))
            if what is None:
                tally.refused += 1
                continue
            effect = _effect(copy, draw, kit.answers, expected)
        if effect is None:
            tally.noticed[target] += 1
        elif effect:
            raise Unnoticed(f"{target}, {what}: nothing is said, and other answers are {effect}")
        else:
            tally.harmless[target] += 1
        return


def _effect(
    copy: Copy,
    draw: random.Random,
    answers: Answers,
    expected: dict[str, str],
) -> dict[str, tuple[str | None, str | None]] | None:
    """Return the answers that differ, the first few of them; None where somebody is told."""
    try:
        with copy.opened(draw) as backend:
            if backend.check():
                return None
            found = answers(backend)
    except LineageError:
        return None
    names = [
        name for name in expected.keys() | found.keys() if found.get(name) != expected.get(name)
    ]
    return {name: (expected.get(name), found.get(name)) for name in sorted(names)[:3]}
