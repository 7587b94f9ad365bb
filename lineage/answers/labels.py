"""What people call a node."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice

from lineage.model.entities import Node
from lineage.model.keys import NodeKey
from lineage.model.marks import is_own_property
from lineage.model.system import WHY
from lineage.model.texts import printable, shown

__all__ = ["LISTED", "label", "listed"]

LABEL_PROPERTIES = 3
"""How many properties stand for a node that has neither name nor URI."""
LISTED = 5
"""How many keys a sentence names."""


def label(node: Node, *, limit: int = 60) -> str:
    """Return what people call a node: its name, else its URI, else its first properties; printable.

    Without any of these it is the external id, and empty where there is none either. Of a URI that is longer than the
    limit the middle goes: its end tells files of one folder apart.
    """
    said = node.name or _cut_in_the_middle(getattr(node, "uri", None) or "", limit)
    if not said:
        values = chain(node.properties.items(), node.custom_properties.items())
        plain = (
            (name, value)
            for name, value in values
            if type(value) in (str, int, float, bool)
            and name not in WHY
            and not is_own_property(name)
        )
        said = ", ".join(
            f"{name[:limit]}={_briefly(value, limit)}"
            for name, value in islice(plain, LABEL_PROPERTIES)
        )
    return printable(said or node.external_id or "", limit=limit)


def _cut_in_the_middle(uri: str, limit: int) -> str:
    return uri if len(uri) <= limit else f"{uri[: limit // 3]}…{uri[limit // 3 + 1 - limit :]}"


def _briefly(value: object, limit: int) -> str:
    return f"{value:.6g}" if isinstance(value, float) else shown(value, limit=limit)


def listed(keys: Iterable[NodeKey]) -> str:
    """Return the first keys in one text.

    >>> listed([NodeKey.parse("artifact:1"), NodeKey.parse("artifact:2")])
    'artifact:1, artifact:2'
    """
    texts = [str(key) for key in keys]
    more = [f"and {len(texts) - LISTED} more"] if len(texts) > LISTED else []
    return ", ".join([*texts[:LISTED], *more])
