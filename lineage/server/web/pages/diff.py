"""How two lineages differ: those of two nodes, or that of some nodes at two moments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Final

from pydantic import Field

from lineage.model.entities import Node
from lineage.model.rows import edge_key
from lineage.queries.differences import Diff, Difference, FieldChange
from lineage.queries.moments import Changed
from lineage.server.web import questions
from lineage.server.web.arguments import Text, Walked, Way
from lineage.server.web.call import Call, Reply
from lineage.server.web.pages.document import page
from lineage.server.web.pages.frame import Frame
from lineage.server.web.pages.markup import Html, element, joined
from lineage.server.web.pages.parts import (
    field,
    form,
    hidden,
    key_link,
    named,
    node_link,
    notes,
    recorded,
    section,
    several,
    table,
)
from lineage.server.web.pages.pictures import drawn
from lineage.server.web.questions import SinceWhen, Two

__all__ = ["diff"]

MOST: Final = 500
"""How many differences a page has."""
STEPS: Final = 8


class OfDiff(Walked):
    """Two nodes, or some nodes and an earlier moment."""

    left: Text = ""
    right: Text = ""
    focus: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    since: Text = ""
    direction: Way = "both"
    inputs: bool = False
    gone: bool = True


def diff(call: Call, asked: OfDiff) -> Reply:
    """Tell how what two nodes were made from differs, or what changed of a lineage since a moment."""
    frame = Frame(call, "/diff", asked)
    if asked.focus and asked.since:
        return _moments(frame, asked)
    if asked.left and asked.right:
        return _nodes(frame, asked)
    return page(
        frame,
        "What differs",
        element("p", "Say which two nodes, or of which node and since when."),
        _form(frame, asked),
        _form_of_moments(frame, asked),
    )


def _form(frame: Frame, asked: OfDiff) -> Html:
    return form(
        "/diff",
        hidden([("as_of", frame.as_of)] if frame.as_of else []),
        field("One node", "left", asked.left, id_="left", placeholder="artifact:5"),
        field("The other", "right", asked.right, id_="right", placeholder="artifact:18"),
        called="Two nodes",
        submit="How they differ",
    )


def _form_of_moments(frame: Frame, asked: OfDiff) -> Html:
    said = asked.focus[0] if asked.focus else ""
    return form(
        "/diff",
        hidden([("as_of", frame.as_of)] if frame.as_of else []),
        field("A node", "focus", said, id_="focus", placeholder="artifact:5"),
        field("since", "since", asked.since, id_="since", placeholder="40 or 2026-03-01"),
        called="Two moments",
        submit="What changed",
    )


def _nodes(frame: Frame, asked: OfDiff) -> Reply:
    walk = {name: getattr(asked, name) for name in Walked.model_fields}
    found = questions.diff(frame.call, Two(**walk, left=asked.left, right=asked.right))
    swapped = frame.link("/diff", left=found.right.key, right=found.left.key)
    ends = [
        node_link(frame, found.left),
        " on the left, ",
        node_link(frame, found.right),
        " on the right · ",
        element("a", "swap them", href=swapped),
    ]
    both = frame.link("/compare", ids=(found.left.key, found.right.key))
    status = [
        f"{several(len(found.differences), 'place')} differ",
        f"{several(len(found.shared), 'node')} in both",
        _cut(found.truncated),
        f"as of {found.number}",
    ]
    names = [named(found.left), named(found.right)]
    if names[0] == names[1]:  # two versions of one thing
        names = [f"{names[0]} {found.left.key}", str(found.right.key)]
    return page(
        frame,
        f"Why {names[0]} and {names[1]} differ",
        element("p", joined(ends)),
        element("p", " · ".join(status), class_="status", role="status"),
        _first(frame, found),
        section(
            "As a picture",
            drawn(
                found.view(),
                lambda mark: frame.node(mark.keys[0]),
                title="Both lineages, and where they differ",
            ),
            id_="picture",
        ),
        section("What differs, nearest first", _differences(frame, found), id_="differences"),
        notes(found.notes),
        element("p", element("a", "Side by side", href=both)) if _can_compare(found) else "",
        _form(frame, asked),
        is_wide=True,
    )


def _can_compare(found: Diff) -> bool:
    return all(node.kind == "artifact" for node in (found.left, found.right))


def _cut(truncated: Iterable[object]) -> str:
    """Return whether limits cut any of the walks, in words."""
    return "cut by a limit: what was cut off is no difference" if any(truncated) else "whole answer"


def _first(frame: Frame, found: Diff) -> Html:
    """Return in a sentence where the two lineages first differ, going back from the two nodes."""
    asked = (found.left, found.right)
    first = next((each for each in found.differences if (each.left, each.right) != asked), None)
    if first is None:
        said = "Nothing that they were made from differs." if not found.differences else ""
        return element("p", said) if said else Html()
    place = _place(first.place)
    ends = [node_link(frame, node) for node in (first.left, first.right) if node is not None]
    verb = "where one has" if len(ends) == 1 else "between"
    parts = ["They first differ at ", element("bdi", place), f", {verb} ", joined(ends, " and ")]
    return element("p", *parts, class_="says")


def _place(place: Sequence[str]) -> str:
    if len(place) > STEPS:
        place = [*place[: STEPS // 2], "…", *place[-STEPS // 2 :]]
    return " ← ".join(place)


def _differences(frame: Frame, found: Diff) -> Html:
    rows = [
        [
            f"{number}",
            element("bdi", _place(each.place)),
            _end(frame, each.left),
            _end(frame, each.right),
            _what(each),
        ]
        for number, each in enumerate(found.differences[:MOST], start=1)
    ]
    if not rows:
        return element("p", "Nothing.")
    header = ("Number", "Where, against the flow", "Left", "Right", "What: left, then right")
    more = len(found.differences) - len(rows)
    listed = table(f"{several(len(found.differences), 'place')} that differ", header, rows)
    return joined([listed, element("p", f"and {more:,} more") if more else ""])


def _end(frame: Frame, node: Node | None) -> Html:
    return element("span", "nothing", class_="muted") if node is None else node_link(frame, node)


def _what(each: Difference) -> Html:
    if each.left is None or each.right is None:
        side = "right" if each.left is None else "left"
        return Html(f"only on the {side}")
    return _changes(each.changes)


def _changes(changes: Sequence[FieldChange]) -> Html:
    lines = [
        element(
            "li",
            element("bdi", each.field),
            ": ",
            recorded(each.left),
            " → ",
            recorded(each.right),
        )
        for each in changes[:MOST]
    ]
    return element("ul", *lines) if lines else Html()


def _moments(frame: Frame, asked: OfDiff) -> Reply:
    question = SinceWhen(**{name: getattr(asked, name) for name in SinceWhen.model_fields})
    found = questions.since(frame.call, question)
    starts = ", ".join(named(node) for node in found.starts[:3])
    status = [
        f"{several(len(found.nodes), 'node')} and {several(len(found.edges), 'edge')} changed",
        f"{found.unchanged:,} did not",
        _cut(found.truncated),
        f"from {found.since} to {found.number}",
    ]
    picture = drawn(
        found.view(), lambda mark: frame.node(mark.keys[0]), title="What changed, as a picture"
    )
    return page(
        frame,
        f"What changed of the lineage of {starts} since transaction {found.since}",
        element("p", " · ".join(status), class_="status", role="status"),
        section("As a picture", picture, id_="picture"),
        section("Nodes", _changed_nodes(frame, found), id_="nodes"),
        section("Edges", _changed_edges(frame, found), id_="edges"),
        notes(found.notes),
        _form_of_moments(frame, asked),
        is_wide=True,
    )


def _changed_nodes(frame: Frame, found: Changed) -> Html:
    rows = [
        [each.what, node_link(frame, each.node), _changes(each.changes)]
        for each in found.nodes[:MOST]
    ]
    if not rows:
        return element("p", "None changed.")
    caption = f"{several(len(found.nodes), 'node')} of which there is something to tell"
    return table(caption, ("What became of it", "Node", "Fields: before, then now"), rows)


def _changed_edges(frame: Frame, found: Changed) -> Html:
    rows = [[*_edge(frame, found, place)] for place in range(min(MOST, len(found.edges)))]
    if not rows:
        return element("p", "None changed.")
    header = ("What became of it", "Edge", "Kind", "Fields: before, then now")
    return table(several(len(found.edges), "edge"), header, rows)


def _edge(frame: Frame, found: Changed, place: int) -> Iterator[str]:
    change = found.edges[place]
    source, target, kind = edge_key(change.edge)
    yield change.what
    yield joined([key_link(frame, source), " → ", key_link(frame, target)])
    yield kind.name
    yield _changes(change.changes)
