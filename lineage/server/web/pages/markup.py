"""HTML in small pieces: whatever is text is escaped once, here, and no other way leads into a page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from typing_extensions import override

from lineage.model.notebook import escaped
from lineage.model.texts import printable

__all__ = ["TEXT", "Html", "element", "exact", "joined", "text"]

TEXT: Final = 1_000
"""How many characters of one text a page shows."""
_EMPTY = frozenset({"br", "hr", "input", "link", "meta"})
_SPACE = re.compile(r"[^\S ]")


class Html(str):
    """A piece of HTML: what was text in it is escaped, and so is what is added to it."""

    __slots__ = ()

    @override
    def __add__(self, other: str) -> Html:
        return Html(super().__add__(_html(other)))


def text(said: str, limit: int = TEXT) -> Html:
    r"""Return HTML that shows a text in one line, cut beyond `limit` characters.

    >>> text("<b>\0")
    '&lt;b&gt;\\x00'
    """
    return Html(escaped(printable(said, limit=limit)))


def exact(said: str) -> Html:
    """Return an attribute's value that is read back as this very text, but for what HTML cannot hold."""
    plain = said.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return Html(_SPACE.sub(lambda found: f"&#{ord(found[0])};", escaped(plain)))


def joined(parts: Iterable[str], between: str = "") -> Html:
    """Return pieces one after another; those that are not HTML are texts."""
    return Html(between.join(_html(part) for part in parts))


def element(tag: str, /, *children: str | None, **attributes: str | int | bool | None) -> Html:
    """Return an element. Children that are not HTML are texts; an attribute that is None or False is left out.

    A `_` at the end of an attribute's name goes, others are `-`. A value is a text, shown in one line, or an
    `Html`, which is taken as it is.

    >>> element("a", "<b>", href="/lineage", data_key="a", hidden=True)
    '<a href="/lineage" data-key="a" hidden>&lt;b&gt;</a>'
    """
    written = "".join(
        _attribute(each.rstrip("_").replace("_", "-"), value)
        for each, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in _EMPTY:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{joined(each for each in children if each)}</{tag}>")


def _attribute(name: str, value: object) -> str:
    if value is True:
        return f" {name}"
    return f' {name}="{_html(value) if isinstance(value, str) else value}"'


def _html(part: str) -> Html:
    return part if isinstance(part, Html) else text(part)
