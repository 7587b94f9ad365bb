"""The pages: HTML made by the server, which answers whole where no script runs."""

from __future__ import annotations

from lineage.server.web.pages.impact import impact
from lineage.server.web.pages.lineage import lineage
from lineage.server.web.pages.node import node
from lineage.server.web.pages.start import start
from lineage.server.web.routes import Route

__all__ = ["PAGES"]

MEDIA = ("text/html",)

PAGES: tuple[Route, ...] = (
    Route("GET", "/", start, media=MEDIA),
    Route("GET", "/lineage", lineage, media=MEDIA),
    Route("GET", "/nodes/{key}", node, media=MEDIA),
    Route("GET", "/impact", impact, media=MEDIA),
)
