"""Text in pictures: escaped, measured without fonts, cut and wrapped to a width.

Widths are guesses on the safe side: those of wide sans-serif fonts such as Verdana and DejaVu Sans, in
hundredths of the font's size, so that what is said to fit fits in narrower ones as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from unicodedata import category, east_asian_width

from lineage.model.notebook import escaped
from lineage.model.texts import printable

__all__ = ["fitted", "safe", "width", "wrapped"]

_BY_WIDTH = {
    35: "ijl|!.,:;' I`",
    45: 'ft()[]{}/\\-rJ"',
    68: "0123456789abdeghnopqukvxyzscLFE_$*?<>+=~#^·…▸×",
    80: "ABCDGHKNOPQRSTUVXYZ&→",
    108: "mwMW@%",
}
_WIDTHS = {ord(char): each for each, chars in _BY_WIDTH.items() for char in chars}
_OTHER, _WIDE, _EMOJI = 75, 110, 150
_BOLD = 1.08
# XML 1.0, 2.2: what is printable but cannot be written, not even as a reference.
_ILLEGAL = re.compile("[\ufffe\uffff]")


def safe(text: str, *, limit: int = 400) -> str:
    r"""Return any text as one line of XML that shows it, cut beyond `limit` characters.

    >>> safe("</script>\0 ]]>")
    '&lt;/script&gt;\\x00 ]]&gt;'
    """
    return escaped(_ILLEGAL.sub("�", printable(text, limit=limit)))


@lru_cache(maxsize=4096)
def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide a text is, in pixels."""
    hundredths = sum(map(_width, text))
    return hundredths * size * (_BOLD if bold else 1) / 100


def _width(char: str) -> int:
    number = ord(char)
    found = _WIDTHS.get(number)
    if found is not None:
        return found
    if _joins(char):
        return 0
    if number >= 0x1F000:
        return _EMOJI
    return _WIDE if east_asian_width(char) in "WF" else _OTHER


def _joins(char: str) -> bool:
    """Whether a character is drawn on the one before it, and never starts a line."""
    return not char.isascii() and category(char) in ("Mn", "Me")


def fitted(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Return a text that is no wider than the room, with `…` for what was cut from its middle.

    The end stays: it tells files of one folder, and versions, apart.
    """
    if width(text, size, bold=bold) <= room:
        return text
    parts = list(_clusters(text))
    head, tail, ahead = 0, len(parts), True
    left = room - width("…", size, bold=bold)
    # Two characters of the beginning for each of the end.
    for turn in count():
        ahead = turn % 3 < 2
        part = parts[head] if ahead else parts[tail - 1]
        left -= width(part, size, bold=bold)
        if left < 0:
            break
        if ahead:
            head += 1
        else:
            tail -= 1
    return f"{''.join(parts[:head])}…{''.join(parts[tail:])}"


def _clusters(text: str) -> Iterator[str]:
    """Yield the characters of a text, each with those that are drawn on it."""
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or not _joins(text[place]):
            yield text[start:place]
            start = place


def wrapped(text: str, room: float, size: float) -> Iterator[str]:
    """Yield the lines of a text, broken at spaces, none wider than the room."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and width(longer, size) > room:
            yield fitted(line, room, size)
            longer = word
        line = longer
    if line:
        yield fitted(line, room, size)
