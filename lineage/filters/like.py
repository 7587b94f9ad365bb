"""LIKE, without going back: what a text is like is decided in one way through it.

Between two `%` stands a piece that has no `%`. The first piece must begin the text and the last one
end it; of each piece between them the leftmost place after the piece before is right, whatever
follows, because a place further to the right leaves less to what follows. So no choice is ever
undone, as a regular expression with `.*` undoes them, and the time is at most that of comparing each
piece at each place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

__all__ = ["like", "pieces"]

SHORT: Final = 100
"""How long a piece may be that a regular expression looks for."""
PLACES: Final = 1_000
"""How many places it tries at a time: no other thread gets its turn meanwhile."""


def pieces(pattern: str) -> list[str]:
    """Return what stands between the runs of `%`: one piece where there are none."""
    return re.split("%+", pattern)


def like(pattern: str) -> Callable[[str], bool]:
    """Return whether a text is like a pattern, in which `%` is any run and `_` any one character.

    Every character counts as one, line ends included; case matters, and nothing escapes.

    >>> like("a%_c")("abbc")
    True
    """
    first, *others = map(_Piece, pieces(pattern))
    if not others:
        return lambda text: len(text) == first.length and first.is_at(text, 0)
    *middle, last = others

    def matches(text: str) -> bool:
        start, end = first.length, len(text) - last.length
        if start > end or not (first.is_at(text, 0) and last.is_at(text, end)):
            return False
        for piece in middle:
            start = piece.end_after(text, start, end)
            if start < 0:
                return False
        return True

    return matches


class _Piece:
    """A part of a pattern without `%`."""

    __slots__ = ("_regex", "_text", "length")

    def __init__(self, text: str) -> None:
        self.length = len(text)
        self._text = text
        self._regex = _regex(text) if "_" in text else None

    def is_at(self, text: str, start: int) -> bool:
        """Whether a text that is long enough goes on so from `start`."""
        if self._regex is None:
            return text.startswith(self._text, start)
        return self._regex.match(text, start) is not None

    def end_after(self, text: str, start: int, end: int) -> int:
        """Return where it ends at its first place from `start` to `end`; -1 where it has none."""
        at = self._first_place(text, start, end)
        return at if at < 0 else at + self.length

    def _first_place(self, text: str, start: int, end: int) -> int:
        if self._regex is None:
            return text.find(self._text, start, end)
        places = max(PLACES, self.length)
        while start + self.length <= end:
            stop = min(end, start + places + self.length - 1)
            if self.length > SHORT:
                at = _place_of_long(self._text, text, start, stop)
                places *= 2  # it looks at all of them, however near the first one is
            else:
                found = self._regex.search(text, start, stop)
                at = -1 if found is None else found.start()
            if at >= 0:
                return at
            start = stop - self.length + 1
        return -1


def _regex(piece: str) -> re.Pattern[str]:
    """Return a piece as an expression that has nothing to choose; any character is like `_`."""
    runs = re.findall("_+|[^_]+", piece)
    parts = (f".{{{len(run)}}}" if run[0] == "_" else re.escape(run) for run in runs)
    return re.compile("".join(parts), re.DOTALL)


def _place_of_long(piece: str, text: str, start: int, end: int) -> int:
    """Return the first place of a piece from `start` to `end`, where it has room; -1 if there is none.

    All places are tried at once, as the bits of a number; it was 100 times as fast as one by one.
    """
    fitting = (1 << end - start - len(piece) + 1) - 1
    offsets: dict[str, list[int]] = {}
    for offset, char in enumerate(piece):
        offsets.setdefault(char, []).append(offset)
    offsets.pop("_", None)
    for char, where in offsets.items():
        bits = _bits(char, text, start, end)
        for offset in where:
            fitting &= bits >> offset
            if not fitting:
                return -1
    return start + (fitting & -fitting).bit_length() - 1


def _bits(char: str, text: str, start: int, end: int) -> int:
    """Return a number whose bit 0 is set where the character stands at `start`, and so on."""
    bits = bytearray((end - start) // 8 + 1)
    at = text.find(char, start, end)
    while at >= 0:
        bits[at - start >> 3] |= 1 << (at - start & 7)
        at = text.find(char, at + 1, end)
    return int.from_bytes(bits, "little")
