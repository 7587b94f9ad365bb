"""Pictures: a lineage in few marks, as marks with places, as what a page draws, and as files."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Annotated, Any

from pydantic import Field

from lineage.answers.patches import Patch, patch_of
from lineage.answers.view import BUDGET, View
from lineage.contract.format import draws, dumper
from lineage.contract.walking import Direction
from lineage.errors import Invalid
from lineage.formats.embedding import content_of, placed, title_of
from lineage.queries.naming import asked as named
from lineage.server.web.arguments import Around, Show, Text
from lineage.server.web.call import Call, Reply
from lineage.server.web.questions import changed_since

__all__ = ["Exported", "Placed", "Places", "Viewed", "expand", "export", "page", "view", "view_of"]

MEDIA = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "html": "text/html; charset=utf-8",
    "mermaid": "text/vnd.mermaid; charset=utf-8",
    "dot": "text/vnd.graphviz; charset=utf-8",
    "node-link": "application/json",
    "cytoscape": "application/json",
    "graphml": "application/xml",
    "gexf": "application/xml",
}
"""What files are sent as; others as bytes."""
BYTES = "application/octet-stream"
PICTURES = (*dict.fromkeys(each.partition(";")[0] for each in MEDIA.values()), BYTES)
SUFFIXES = {"mermaid": "mmd", "cytoscape": "cyjs", "node-link": "json"} | {
    name: name for name in ("svg", "png", "html", "dot", "gexf", "graphml")
}


class Viewed(Around):
    """As how many marks, and which."""

    budget: Annotated[int, Field(ge=8, le=10_000, description="Marks at most.")] = BUDGET
    show: Show = "all"
    by: Annotated[
        Text,
        Field(
            description="Put together what a `run` or a context of a type holds, `versions`, or a `folder`."
        ),
    ] = ""
    open: Annotated[
        tuple[Text, ...],
        Field(
            max_length=1_000, description="Groups to open: `ID`, 100 of it, or `ID=25`, `ID=all`."
        ),
    ] = ()
    pin: Annotated[
        tuple[Text, ...], Field(max_length=1_000, description="Nodes that stay single.")
    ] = ()
    since: Annotated[
        Text,
        Field(description="Mark what is new, changed and ended since this moment."),
    ] = ""


class Exported(Viewed):
    """As which file."""

    format: Annotated[Text, Field(description="svg, png, html, mermaid, dot and others.")] = "svg"
    highlight: Annotated[
        tuple[Text, ...],
        Field(
            max_length=100, description="Dim all but what leads to this node and what it leads to."
        ),
    ] = ()


class Expanded(Viewed):
    """Which group of a view is opened."""

    id: Annotated[Text, Field(description="The group, as the view names it.")]
    limit: Annotated[int, Field(ge=1, le=100, description="How many of its nodes.")] = 100
    all: Annotated[bool, Field(description="All of its nodes, whatever the limit.")] = False


@dataclass(frozen=True, slots=True)
class Places:
    """Where the middles of the marks are, in their order, and the points that edges pass, in theirs."""

    size: tuple[float, float]
    gaps: tuple[float, float]
    x: tuple[float, ...]
    y: tuple[float, ...]
    bends: tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A view, and where its marks are."""

    view: View
    places: Places


def view_of(call: Call, asked: Viewed) -> View:
    """Return the view that was asked for; Invalid where it is to mark what changed and keep nodes single, too."""
    if asked.since:
        if asked.pin or asked.happened_by:
            raise Invalid("since goes with neither pin nor happened_by; leave one out")
        changed = changed_since(call, asked, asked.since)
        return changed.view(budget=asked.budget, show=asked.show, by=asked.by, opened=asked.open)
    return call.store.view(
        *asked.focus,
        direction=Direction(asked.direction),
        budget=asked.budget,
        show=asked.show,
        by=asked.by,
        opened=asked.open,
        pinned=asked.pin,
        inputs=asked.inputs,
        gone=asked.gone,
        **asked.options(),
    )


def view(call: Call, asked: Viewed) -> Placed:
    """Show what nodes were made from and led to, in few marks, with their places."""
    found = view_of(call, asked)
    return Placed(found, Places(**placed(found)))


def expand(call: Call, asked: Expanded) -> Patch:
    """Return what opening a group makes of a view: marks and edges added, removed and changed."""
    before = view_of(call, asked)
    after = before.open_whole(asked.id) if asked.all else before.open(asked.id, page=asked.limit)
    return patch_of(before, after)


def page(call: Call, asked: Viewed) -> dict[str, Any]:
    """Return the same as the pages draw it: nodes, edges and groups as columns, as `web/src/source.ts` says."""
    found = view_of(call, asked)
    content, _ = content_of(found, title_of(found), is_served=True)
    return content


def export(call: Call, asked: Exported) -> Reply:
    """Return the view as a file, exactly as it is shown; the header `Lineage-Losses` counts what the format could not hold."""
    found, target = view_of(call, asked), BytesIO()
    if draws(asked.format):
        lit = named(call.store.backend, asked.highlight, as_of=call.number).keys
        losses = found.draw(asked.format, target, highlight=lit)
    elif asked.highlight:
        raise Invalid(
            f"the format {asked.format!r} dims nothing; leave the highlight out, or use svg"
        )
    else:
        losses = dumper(asked.format).dump(found.graph.batches(), target)
    return Reply(
        target.getvalue(),
        MEDIA.get(asked.format, BYTES),
        {
            "Lineage-Losses": str(len(losses)),
            "Content-Disposition": f'attachment; filename="lineage.{SUFFIXES.get(asked.format, "txt")}"',
        },
    )
