"""Pictures in pages: SVG whose marks are links, in the style that the page has already."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

from lineage.answers.view import View
from lineage.formats.svg.picture import LinkOf, picture
from lineage.server.web.pages.markup import Html, element

__all__ = ["drawn"]


_SIZES: Final = {2_800: " huge", 1_800: " vast", 760: " broad"}
"""What is said of the size of a picture that is wider, in pixels: how far the style makes it fit, for all to be read."""
_WIDTH = re.compile(r' width="([0-9]+)')


def drawn(view: View, link_of: LinkOf, *, title: str) -> Html:
    """Return a view as a picture in a page."""
    if not view.marks:
        return element("p", "There is nothing to draw.", class_="muted")
    made = picture(view, link_of=lambda mark: unescape(link_of(mark)))
    width = _WIDTH.search(made)
    assert width is not None
    size = next((said for least, said in _SIZES.items() if int(width[1]) > least), "")
    return element("figure", Html(made), class_=f"drawn{size}", tabindex=0, aria_label=title)
