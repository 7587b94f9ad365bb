"""Sequences that share what they are read off: along a chain, tuples would be as large as its length squared."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Self, TypeVar, overload

from typing_extensions import override

from lineage.model.notebook import ROWS, Shown, html_answer

__all__ = ["Chain", "Trail"]

T_co = TypeVar("T_co", covariant=True)


class Chain(Shown, Sequence[T_co]):
    """A sequence that is read from its end; it equals the tuple of its items."""

    __slots__ = ()

    @abstractmethod
    def __reversed__(self) -> Iterator[T_co]: ...

    @override
    def __iter__(self) -> Iterator[T_co]:
        return reversed(list(self.__reversed__()))

    @override
    def __len__(self) -> int:
        return sum(1 for _ in self.__reversed__())

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T_co]: ...
    @override
    def __getitem__(self, index: int | slice) -> T_co | Sequence[T_co]:
        return tuple(self)[index]

    @override
    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, tuple | Chain) else NotImplemented

    @override
    def __hash__(self) -> int:
        return hash(tuple(self))

    @override
    def _html(self) -> str:
        first = list(islice(self, ROWS))
        rows = [(place, str(item)) for place, item in enumerate(first)]
        caption = f"{len(self):,} steps"
        return html_answer(caption, ("", "step"), rows, more=len(self) - len(first))

    def __deepcopy__(self, memo: object) -> Self:
        return self

    @override
    def __repr__(self) -> str:
        return repr(tuple(self))


class Trail(Chain[str]):
    """Steps from a beginning on; longer trails begin with shorter ones.

    >>> begin = Trail("Model")
    >>> begin.then("Trainer").then("Dataset"), begin.then("Other"), len(begin)
    (('Model', 'Trainer', 'Dataset'), ('Model', 'Other'), 1)
    """

    __slots__ = ("_last", "_length", "_steps")

    def __init__(self, first: str) -> None:
        # Each step and the place of the one before it, in one list that all trails share.
        self._steps: list[tuple[str, int]] = [(first, -1)]
        self._last = 0
        self._length = 1

    def then(self, step: str) -> Trail:
        """Return the trail that goes on with one step."""
        longer = object.__new__(Trail)
        longer._steps = self._steps
        longer._steps.append((step, self._last))
        longer._last = len(self._steps) - 1
        longer._length = self._length + 1
        return longer

    @override
    def __reversed__(self) -> Iterator[str]:
        place = self._last
        while place >= 0:
            step, place = self._steps[place]
            yield step

    @override
    def __len__(self) -> int:
        return self._length
