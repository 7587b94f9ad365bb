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
    from lineage.queries.comparison import Comparison, Row
    from lineage.queries.copies import Copy
    from lineage.queries.differences import Diff, Difference, FieldChange
    from lineage.queries.facts import Linked, Metric, Source
    from lineage.queries.find import Page
    from lineage.queries.impact import Affected, Impact
    from lineage.queries.paths import Paths, Way
    from lineage.queries.peers import Peer, Peers
    from lineage.queries.removal import Removal
    from lineage.queries.roles import Role
    from lineage.queries.summary import Sources, Summary
    from lineage.queries.versions import Versions

__all__ = [
    "Affected",
    "Comparison",
    "Copy",
    "Diff",
    "Difference",
    "FieldChange",
    "Impact",
    "Linked",
    "Metric",
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
    "Versions",
    "Way",
]

_HOMES = {
    "comparison": ("Comparison", "Row"),
    "copies": ("Copy",),
    "differences": ("Diff", "Difference", "FieldChange"),
    "facts": ("Linked", "Metric", "Source"),
    "find": ("Page",),
    "impact": ("Affected", "Impact"),
    "paths": ("Paths", "Way"),
    "peers": ("Peer", "Peers"),
    "removal": ("Removal",),
    "roles": ("Role",),
    "summary": ("Sources", "Summary"),
    "versions": ("Versions",),
}
"""The module of each class."""


def __getattr__(name: str) -> object:
    for module, classes in _HOMES.items():
        if name in classes:
            return getattr(import_module(f"lineage.queries.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
