"""The questions that lineage answers, one module per topic, and the classes of their answers.

The classes are imported when they are first asked for, so that importing the library is quick:

>>> from lineage.queries import Summary
>>> Summary.__module__
'lineage.queries.summary'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage.answers.curves import CurveSummary
    from lineage.answers.log import Log
    from lineage.answers.sequences import Events, Types
    from lineage.answers.view import Mark, MarkEdge, View
    from lineage.contract.roles import Role
    from lineage.queries.actors import ActorRemoval
    from lineage.queries.aliases import Held, Tenure
    from lineage.queries.blame import Blame, Blamed
    from lineage.queries.comparison import Comparison, Row
    from lineage.queries.copies import Copy
    from lineage.queries.differences import Diff, Difference, FieldChange
    from lineage.queries.facts import Linked, Metric, Source
    from lineage.queries.find import Page
    from lineage.queries.impact import Affected, Impact
    from lineage.queries.inventory import Holdings, Info, Overview
    from lineage.queries.moments import Changed, EdgeChange, NodeChange
    from lineage.queries.paths import Paths, Way
    from lineage.queries.peers import Peer, Peers
    from lineage.queries.removal import Removal
    from lineage.queries.search import Hits
    from lineage.queries.summary import Sources, Summary
    from lineage.queries.tables.table import Table, TableRow
    from lineage.queries.uris import UriMoves
    from lineage.queries.versions import Versions

__all__ = [
    "ActorRemoval",
    "Affected",
    "Blame",
    "Blamed",
    "Changed",
    "Comparison",
    "Copy",
    "CurveSummary",
    "Diff",
    "Difference",
    "EdgeChange",
    "Events",
    "FieldChange",
    "Held",
    "Hits",
    "Holdings",
    "Impact",
    "Info",
    "Linked",
    "Log",
    "Mark",
    "MarkEdge",
    "Metric",
    "NodeChange",
    "Overview",
    "Page",
    "Paths",
    "Peer",
    "Peers",
    "Removal",
    "Role",
    "Row",
    "Source",
    "Sources",
    "Summary",
    "Table",
    "TableRow",
    "Tenure",
    "Types",
    "UriMoves",
    "Versions",
    "View",
    "Way",
]

_HOMES = {
    "lineage.answers.curves": ("CurveSummary",),
    "lineage.answers.log": ("Log",),
    "lineage.answers.sequences": ("Events", "Types"),
    "lineage.answers.view": ("Mark", "MarkEdge", "View"),
    "lineage.queries.actors": ("ActorRemoval",),
    "lineage.queries.aliases": ("Held", "Tenure"),
    "lineage.queries.blame": ("Blame", "Blamed"),
    "lineage.queries.inventory": ("Holdings", "Info", "Overview"),
    "lineage.queries.comparison": ("Comparison", "Row"),
    "lineage.queries.tables.table": ("Table", "TableRow"),
    "lineage.queries.uris": ("UriMoves",),
    "lineage.queries.copies": ("Copy",),
    "lineage.queries.differences": ("Diff", "Difference", "FieldChange"),
    "lineage.queries.facts": ("Linked", "Metric", "Source"),
    "lineage.queries.find": ("Page",),
    "lineage.queries.impact": ("Affected", "Impact"),
    "lineage.queries.moments": ("Changed", "EdgeChange", "NodeChange"),
    "lineage.queries.paths": ("Paths", "Way"),
    "lineage.queries.peers": ("Peer", "Peers"),
    "lineage.queries.removal": ("Removal",),
    "lineage.contract.roles": ("Role",),
    "lineage.queries.search": ("Hits",),
    "lineage.queries.summary": ("Sources", "Summary"),
    "lineage.queries.versions": ("Versions",),
}
"""The module of each class."""


def __getattr__(name: str) -> object:
    for module, classes in _HOMES.items():
        if name in classes:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
