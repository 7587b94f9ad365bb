"""What a search found; what names one node leads to it."""

from __future__ import annotations

from html import unescape
from typing import Final

from lineage.errors import LineageError
from lineage.model.keys import NodeKey
from lineage.server.web import nodes
from lineage.server.web.arguments import Asked, Text
from lineage.server.web.call import Call, Reply
from lineage.server.web.nodes import Typed
from lineage.server.web.pages.document import HTML, page
from lineage.server.web.pages.frame import Frame
from lineage.server.web.pages.markup import Html, element
from lineage.server.web.pages.parts import node_link, several, table, time, value

__all__ = ["search"]

LIMIT: Final = 100


class OfSearch(Asked):
    """What was typed."""

    q: Text = ""


def search(call: Call, asked: OfSearch) -> Reply:
    """List the nodes that a text names, or that begin with it; of a single one show the lineage."""
    frame = Frame(call, "/search", asked)
    text = asked.q.strip()
    if not text:
        return page(frame, "Search", element("p", _HOW))
    found = nodes.search(call, Typed(q=text, limit=LIMIT))
    named = _named(call, text)
    keys = {node.key for node in found} | ({named} if named else set())
    if len(keys) == 1:
        (key,) = keys
        return _to(frame, key)
    rows = [
        [
            node_link(frame, node),
            value(getattr(node, "uri", None)),
            time(node.create_time),
        ]
        for node in found
    ]
    more = "; there are more, so type more of it" if found.truncated else ""
    said = f"{several(len(rows), 'node')} named so, or beginning so{more}"
    listed = table(said, ("Node", "URI", "Created"), rows) if rows else element("p", _NOTHING)
    exact = Html()
    if named is not None:
        exact = element("p", "It names ", element("a", str(named), href=frame.node(named)), ".")
    return page(frame, f"Search: {text}", exact, listed, search=text)


_HOW = "Type the beginning of a name, of a URI or of the last part of one: capital and small letters differ."
_NOTHING = (
    "Nothing begins with that. Capital and small letters differ, and what is deleted is not found; "
    "a transaction before it was deleted finds it."
)


def _named(call: Call, text: str) -> NodeKey | None:
    """Return the node that a text names, as everywhere; None where it names none, or several."""
    try:
        return call.store.key_of(text)
    except LineageError:
        return None


def _to(frame: Frame, key: NodeKey) -> Reply:
    address = unescape(frame.node(key))
    link = element("a", str(key), href=frame.node(key))
    return Reply(f"<!doctype html>\n{link}\n".encode(), HTML, {"Location": address}, status=303)
