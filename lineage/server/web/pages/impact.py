"""What is affected if nodes change: a ranked list, each with its way, and one way as a picture."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from lineage.queries.impact import Affected, Impact
from lineage.server.web import questions
from lineage.server.web.arguments import Text
from lineage.server.web.call import Call, Reply
from lineage.server.web.pages.document import page
from lineage.server.web.pages.frame import Frame
from lineage.server.web.pages.markup import Html, element, joined
from lineage.server.web.pages.parts import (
    field,
    form,
    hidden,
    named,
    node_link,
    notes,
    section,
    several,
    table,
)
from lineage.server.web.pages.pictures import drawn
from lineage.server.web.questions import OfImpact

__all__ = ["impact"]

MOST: Final = 300
STEPS: Final = 12
"""A way of more steps is shown without its middle."""


class OfImpactPage(OfImpact):
    """What changes, and to which of the affected the way is drawn."""

    of: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    to: Text = ""


def impact(call: Call, asked: OfImpactPage) -> Reply:
    """List what is affected if nodes change, and why; what is deployed comes first."""
    frame = Frame(call, "/impact", asked)
    if not asked.of:
        return page(frame, "Impact", _form(frame, asked))
    found = questions.impact(call, asked)
    starts = ", ".join(named(node) for node in found.starts[:3])
    more = f" and {len(found.starts) - 3} more" if len(found.starts) > 3 else ""
    verb = "changes" if len(found.starts) == 1 else "change"
    return page(
        frame,
        f"What breaks if {starts}{more} {verb}?",
        element("p", _counted(found), class_="status", role="status"),
        element("p", "Changes: ", joined((node_link(frame, each) for each in found.starts), ", ")),
        _picture(frame, asked, found),
        _list(frame, found),
        notes(found.notes),
        _form(frame, asked),
    )


def _form(frame: Frame, asked: OfImpactPage) -> Html:
    said = asked.of[0] if asked.of else ""
    return form(
        "/impact",
        hidden(frame.kept("of", "to")),
        field("What changes", "of", said, id_="of", placeholder="artifact:1, a name or a URI"),
        called="What changes",
        submit="List what is affected",
    )


def _counted(found: Impact) -> str:
    deployed = sum(each.deployed for each in found.affected)
    cut = found.truncated
    return " · ".join(
        [
            f"{several(len(found.affected), 'artifact')} affected, {deployed:,} of them deployed",
            f"cut by the limit of {cut.limit}" if cut else "whole answer",
            f"as of {found.number}",
        ]
    )


def _list(frame: Frame, found: Impact) -> Html:
    rows = [
        [
            f"{place}",
            node_link(frame, each.node),
            ", ".join(_marks(each)),
            f"{each.distance:,}",
            _way(frame, found, each),
        ]
        for place, each in enumerate(found.affected[:MOST], start=1)
    ]
    if not rows:
        said = "Nothing that is recorded was made from it."
        return element("p", said)
    more = len(found.affected) - len(rows)
    caption = "What is affected, what is deployed first, then models, nearest first"
    said = element("p", f"and {more:,} more; the API has all") if more else Html()
    header = ("Place", "Affected", "What is to know", "Edges", "Because")
    return joined([table(caption, header, rows, class_="ranked"), said])


def _marks(each: Affected) -> list[str]:
    return [
        *(f"deployed as {name}" for name in each.deployed_as),
        *(f"deployed by {key}" for key in each.deployments[:3]),
        *(["through failed runs alone"] if each.failed else []),
        *(["through evaluation alone"] if each.evaluated else []),
        *(["by a parent"] if each.by_parent else []),
    ]


def _way(frame: Frame, found: Impact, each: Affected) -> Html:
    path = list(each.path)
    middle: list[str] = []
    if len(path) > STEPS:
        middle = [f"… {len(path) - STEPS:,} more …"]
        path = [*path[: STEPS // 2], *path[-STEPS // 2 :]]
    steps = [
        element("a", element("bdi", named(found.nodes[key])), href=frame.node(key), title=str(key))
        for key in path
    ]
    shown = [*steps[: STEPS // 2], *middle, *steps[STEPS // 2 :]] if middle else steps
    picture = frame.here(to=each.node.key)
    return joined(
        [
            joined(shown, " → "),
            " · ",
            element("a", "as a picture", href=picture + "#way"),
        ]
    )


def _picture(frame: Frame, asked: OfImpactPage, found: Impact) -> Html:
    """Return the way to one of the affected as a picture, or all of it."""
    if asked.to:
        store = frame.call.store
        target = store.key_of(asked.to)
        start = next(
            (each.path[0] for each in found.affected if each.node.key == target),
            found.starts[0].key,
        )
        paths = store.paths(start, target, **asked.options())
        link = element("p", element("a", "All that is affected", href=frame.here(to=None)))
        title, view = "The ways there", paths.view()
    else:
        title, view, link = "As a picture", found.view(), Html()
    picture = drawn(view, lambda mark: frame.node(mark.keys[0]), title=title)
    return section(title, picture, link, id_="way")
