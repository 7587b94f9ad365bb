"""Any text or value as one harmless line for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice

from lineage.model.values import ProtoAny

__all__ = ["UNSAFE", "printable", "shown"]

SHOWN_ITEMS = 20
"""How many items of a struct are looked at."""
SHOWN_DEPTH = 3
"""How deep a struct is looked into."""
UNSAFE = (
    # Everything but printable ASCII and what comes after the second set of control characters.
    r"[^\x20-\x7e\xa0-\U0010ffff]"
    # Characters that are invisible or turn the direction of writing; lone surrogates.
    r"|[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f]"
    r"|[\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""What a terminal may act on, or nobody sees, as a regular expression."""


def printable(text: str, *, limit: int | None = None) -> str:
    r"""Return a text in one line that no terminal acts on, cut with `…` beyond `limit` characters.

    Control characters, line ends, and characters that are invisible or turn the direction of
    writing are shown as escapes. The escapes count, and none is cut in two.

    >>> printable("one\ntwo \x1b[31m")
    'one\\ntwo \\x1b[31m'
    >>> printable("one\ntwo", limit=6)
    'one\\n…'
    """
    if limit is None:
        return re.sub(UNSAFE, _escape, text)
    # A text may be of any length: no more of it is looked at than can be shown.
    line = re.sub(UNSAFE, _escape, text[: limit + 1])
    return line if len(line) <= limit else _cut(text[:limit], limit - 1) + "…"


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _cut(text: str, room: int) -> str:
    """Escape as many whole characters as there is room for."""
    parts = []
    for char in text:
        part = re.sub(UNSAFE, _escape, char)
        room -= len(part)
        if room < 0:
            break
        parts.append(part)
    return "".join(parts)


def shown(value: object, *, limit: int = 60) -> str:
    """Return any value as one printable line; of large ones no more is read than is shown.

    A text is itself, None is empty, a struct is close to JSON and a protobuf message its type and
    size.

    >>> shown({"units": [64, 32], "name": "relu"})
    '{"units": [64, 32], "name": "relu"}'
    """
    return printable(_told(value, limit, 0), limit=limit)


def _told(value: object, limit: int, depth: int) -> str:
    if value is None:
        return "null" if depth else ""
    if isinstance(value, str):
        return f'"{value[:limit]}"' if depth else value
    if isinstance(value, ProtoAny):
        return f"{value.type_url[:limit]} ({len(value.value):,} bytes)"
    if isinstance(value, Mapping | list | tuple):
        return _told_struct(value, limit, depth)
    if isinstance(value, int) and value.bit_length() > 4 * limit:
        return f"a number of {value.bit_length():,} bits"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _told_struct(
    value: Mapping[object, object] | list[object] | tuple[object, ...], limit: int, depth: int
) -> str:
    named = isinstance(value, Mapping)
    opening, closing = "{}" if named else "[]"
    if depth >= SHOWN_DEPTH and value:
        return f"{opening}…{closing}"
    parts = []
    if isinstance(value, Mapping):
        for name, item in islice(value.items(), SHOWN_ITEMS):
            parts.append(f'"{str(name)[:limit]}": {_told(item, limit, depth + 1)}')
    else:
        parts = [_told(item, limit, depth + 1) for item in islice(value, SHOWN_ITEMS)]
    if len(value) > SHOWN_ITEMS:
        parts.append("…")
    return f"{opening}{', '.join(parts)}{closing}"
