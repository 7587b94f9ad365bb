"""Pictures in pages: SVG whose marks are links, in the style that the page has already."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

from lineage.answers.view import View
from lineage.formats.svg.picture import LinkOf, picture
from lineage.server.web.pages.markup import Html, element

__all__ = ["drawn"]


BROAD: Final = 760
"""A picture that is wider, in pixels, is made to fit, but never narrower than this; there it scrolls."""
VAST: Final = 1_800
"""A picture that is wider is not made to fit, for nobody could read it."""
_WIDTH = re.compile(r' width="([0-9]+)')


def drawn(view: View, link_of: LinkOf, *, title: str) -> Html:
    """Return a view as a picture in a page."""
    if not view.marks:
        return element("p", "There is nothing to draw.", class_="muted")
    made = picture(view, link_of=lambda mark: unescape(link_of(mark)))
    width = _WIDTH.search(made)
    assert width is not None
    wide = int(width[1])
    size = " vast" if wide > VAST else " broad" if wide > BROAD else ""
    return element("figure", Html(made), class_=f"drawn{size}", tabindex=0, aria_label=title)
