"""The pages: HTML made by the server, which answers whole where no script runs."""

from __future__ import annotations

from lineage.server.web.answers import CSV
from lineage.server.web.pages.compare import compare
from lineage.server.web.pages.diff import diff
from lineage.server.web.pages.impact import impact
from lineage.server.web.pages.lineage import lineage
from lineage.server.web.pages.log import log, transaction
from lineage.server.web.pages.node import node
from lineage.server.web.pages.search import search
from lineage.server.web.pages.start import start
from lineage.server.web.pages.tables import models, models_csv, runs, runs_csv
from lineage.server.web.pages.types import of_type, types
from lineage.server.web.routes import Route

__all__ = ["PAGES"]

MEDIA = ("text/html",)

PAGES: tuple[Route, ...] = (
    Route("GET", "/", start, media=MEDIA),
    Route("GET", "/search", search, media=MEDIA),
    Route("GET", "/lineage", lineage, media=MEDIA),
    Route("GET", "/nodes/{key}", node, media=MEDIA),
    Route("GET", "/impact", impact, media=MEDIA),
    Route("GET", "/compare", compare, media=MEDIA),
    Route("GET", "/diff", diff, media=MEDIA),
    Route("GET", "/runs", runs, media=MEDIA),
    Route("GET", "/runs.csv", runs_csv, media=(CSV,)),
    Route("GET", "/models", models, media=MEDIA),
    Route("GET", "/models.csv", models_csv, media=(CSV,)),
    Route("GET", "/types", types, media=MEDIA),
    Route("GET", "/types/{name}", of_type, media=MEDIA),
    Route("GET", "/log", log, media=MEDIA),
    Route("GET", "/log/{number}", transaction, media=MEDIA),
)
