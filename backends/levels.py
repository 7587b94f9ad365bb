"""The levels of a walk over packed keys, exact about limits; where neighbours come from is a subclass's."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Literal

from lineage.contract.walking import Cut, Limits, Walk
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeRow

__all__ = ["SLACK", "LevelWalk"]

SLACK = 1000
"""Edges that a level may have beyond those that its node limit explains, before it is read with care."""


class LevelWalk(ABC):
    """The state of one walk, as `Backend.walk` says it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seen: set[int] = set()

    @staticmethod
    @abstractmethod
    def _order(numbers: Iterable[int]) -> list[int]:
        """Return packed keys in the order of their keys."""

    @staticmethod
    @abstractmethod
    def _keys(numbers: Iterable[int]) -> list[NodeKey]:
        """Return the keys that are packed in some numbers."""

    @abstractmethod
    def _neighbours(self, frontier: Sequence[int], room: int | None) -> set[int]:
        """Return the unvisited neighbours: all, or where there are more than `room`, enough to tell.

        Enough are those that come first in the order of keys, and one more.
        """

    @abstractmethod
    def _look_beyond(self, unexpanded: Sequence[int]) -> set[int]:
        """Gather the edges between unexpanded and kept nodes; return the nodes that lead further."""

    @abstractmethod
    def _edges(self, *, whole: bool) -> Sequence[EdgeRow]:
        """Return the gathered edges among the kept nodes, in order; none where none are wanted.

        The answer is whole where no limit was met.
        """

    def run(self, starts: Iterable[int]) -> Walk:
        """Walk from distinct nodes."""
        limits = self._limits
        deadline = None if limits.seconds is None else time.monotonic() + limits.seconds
        first = self._order(starts)
        levels = [first[: limits.nodes]]
        dropped = len(first) - len(levels[0])
        cut: Literal["hops", "nodes", "seconds"] | None = "nodes" if dropped else None
        self._seen.update(levels[0])
        unexpanded = levels[0]
        while unexpanded and cut is None:
            if limits.hops is not None and len(levels) > limits.hops:
                cut = "hops"
            elif deadline is not None and time.monotonic() >= deadline:
                cut = "seconds"
            else:
                room = None if limits.nodes is None else limits.nodes - len(self._seen)
                found = self._order(self._neighbours(unexpanded, room))
                if room is not None and len(found) > room:
                    cut = "nodes"
                    found = found[:room]
                else:
                    unexpanded = []
                self._seen.update(found)
                unexpanded = [*unexpanded, *found]
                if found:
                    levels.append(found)
        frontier = self._order(self._look_beyond(unexpanded)) if unexpanded else []
        return Walk(
            levels=[self._keys(level) for level in levels],
            edges=self._edges(whole=cut is None),
            cut=None
            if cut is None or not (frontier or dropped)
            else Cut(cut, tuple(self._keys(frontier))),
        )
