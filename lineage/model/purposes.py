"""What an execution used an artifact for, as far as the words of an event's paths say it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

from lineage.model.paths import Path, paths_of

__all__ = ["EVERY_USE", "Purpose", "mask_of", "purpose_of", "purposes_of", "use_of"]


class Purpose(StrEnum):
    """What data or a model was used for, in the order in which one goes before another."""

    TRAINING = "training"
    EVALUATION = "evaluation"
    BASE = "base"

    @property
    def bit(self) -> int:
        """Its bit in a mask of uses: 1, 2 or 4."""
        return _BITS[self]


_BITS = {purpose: 1 << place for place, purpose in enumerate(Purpose)}
EVERY_USE = sum(_BITS.values())
"""The mask of all purposes."""

_EVALUATION = "eval evaluation val valid validation dev test testing holdout"
_WORDS = {
    word: purpose
    for purpose, words in (
        (Purpose.TRAINING, "train training fit"),
        (Purpose.EVALUATION, _EVALUATION),
        (Purpose.BASE, "base pretrained checkpoint init teacher"),
    )
    for word in words.split()
}
_LETTERS = re.compile(r"[^\W\d_]+")


def use_of(paths: Sequence[Path]) -> str | None:
    """Return what an artifact was used for: the first step of its first path, if it is text."""
    first = paths[0][:1] if paths else ()
    return first[0] if first and isinstance(first[0], str) else None


def purpose_of(path: Path) -> Purpose | None:
    """Return what the first step of a path says that it was for, if it says it.

    The step's first or last word decides; where they say different things, nothing is said. An
    index says nothing.

    >>> purpose_of(("X_train", 0)), purpose_of(("testimonials",)), purpose_of(("train_test",))
    (<Purpose.TRAINING: 'training'>, None, None)
    """
    words = _words(path[0]) if path and isinstance(path[0], str) else []
    if not words:
        return None
    first, last = _WORDS.get(words[0].lower()), _WORDS.get(words[-1].lower())
    if first is None or last is None:
        return first or last
    return first if first is last else None


def _words(step: str) -> list[str]:
    """Cut a step at what is no letter and at camel case, as in `testData` and `XTrain`."""
    words = []
    for run in _LETTERS.findall(step):
        start = 0
        for place in range(1, len(run)):
            following = run[place + 1 : place + 2]
            begins = not run[place - 1].isupper() or following.islower()
            if run[place].isupper() and begins:
                words.append(run[start:place])
                start = place
        words.append(run[start:])
    return words


@lru_cache(maxsize=4096)
def mask_of(text: str | None) -> int:
    """Return the mask of what paths say, from their text: training 1, evaluation 2, base 4."""
    purposes = set(map(purpose_of, paths_of(text)))
    return sum(purpose.bit for purpose in purposes if purpose is not None)


def purposes_of(uses: int) -> tuple[Purpose, ...]:
    """Return the purposes of a mask, training before evaluation before base."""
    return tuple(purpose for purpose in Purpose if uses & purpose.bit)
