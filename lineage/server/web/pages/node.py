"""One node, and all that is known of it."""

from __future__ import annotations

from lineage.model.entities import Node
from lineage.server.web.arguments import Walked
from lineage.server.web.call import Call, Reply
from lineage.server.web.pages import details
from lineage.server.web.pages.document import page
from lineage.server.web.pages.frame import Frame
from lineage.server.web.pages.markup import Html, element, joined
from lineage.server.web.pages.parts import named, node_link, notes, section, table, time, value

__all__ = ["node"]


def node(call: Call, asked: Walked) -> Reply:
    """Tell all that is known of a node."""
    key = call.store.key_of(call.node)
    frame = Frame(call, f"/nodes/{key}", asked)
    of = details.known(frame, str(key), asked, is_whole=True)
    link = element("p", element("a", "Its lineage as a picture", href=frame.node(key)))
    return page(
        frame,
        named(of.node),
        details.head(of),
        link,
        details.questions(of, level=2),
        details.values(of, level=2),
        _versions(frame, of),
        _fields(frame, of.node),
    )


def _versions(frame: Frame, known: details.Known) -> Html:
    of, found = known.node, known.versions
    if found is None or len(found.artifacts) < 2:
        return Html()
    rows = [
        [
            node_link(frame, each),
            time(each.create_time),
            "this one" if each.key == of.key else _difference(frame, of, each),
        ]
        for each in reversed(found.artifacts)
    ]
    asset = Html()
    if found.asset is not None:
        asset = element("p", "Versions of ", node_link(frame, found.asset))
    listed = table("Versions, the newest first", ("Version", "Created", "Against this one"), rows)
    return section("Versions", asset, listed, notes(found.notes), id_="versions")


def _difference(frame: Frame, of: Node, other: Node) -> Html:
    left, right = sorted((of.key, other.key))
    return element("a", "how they differ", href=frame.link("/diff", left=left, right=right))


def _fields(frame: Frame, of: Node) -> Html:
    found = frame.call.store.blame(of.key)
    rows = [
        [
            element("bdi", each.field),
            value(each.value),
            joined(
                [element("a", str(each.number), href=frame.link(f"/log/{each.number}"))],
            ),
            time(each.time),
            element("bdi", "(purged)" if each.purged else each.actor),
            element("bdi", each.message or each.summary),
        ]
        for each in found.fields
    ]
    header = ("Field", "Value", "Transaction", "When", "By", "Why")
    if not rows:
        return section("Fields", notes(found.notes) or None, id_="fields")
    listed = table("Who gave each field its value", header, rows)
    return section("Who said what", listed, notes(found.notes), id_="fields")
