"""Models side by side: what differs first, and what all of them come from as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Final

from pydantic import Field

from lineage.contract.roles import Role, role_of
from lineage.model.keys import Kind, NodeKey, TypeName
from lineage.queries.comparison import Comparison, Row
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
    recorded,
    section,
    several,
    table,
)
from lineage.server.web.pages.pictures import drawn
from lineage.server.web.questions import Compared

__all__ = ["compare"]

MOST: Final = 20
"""How many models are compared at most: more columns than that nobody reads."""


class ComparedPage(Compared):
    """What is compared: models, or runs, which stand for the models that they wrote."""

    ids: Annotated[tuple[Text, ...], Field(max_length=MOST)] = ()


def compare(call: Call, asked: ComparedPage) -> Reply:
    """Compare models side by side; what differs comes first."""
    frame = Frame(call, "/compare", asked)
    if not asked.ids:
        return page(frame, "Compare", _form(frame, asked))
    keys, remarks = _models(call, asked.ids)
    if not keys:
        return _without_models(frame, asked)
    found = call.store.compare(*keys, through_copies=asked.through_copies, **asked.options())
    return page(
        frame,
        f"Compare {several(len(found.models), 'model')}",
        *_rows(frame, found),
        notes([*remarks, *found.notes]),
        _pairs(frame, found),
        section(
            "What they come from",
            drawn(
                found.view(),
                lambda mark: frame.node(mark.keys[0]),
                title="What the models come from",
            ),
            id_="picture",
        ),
        _form(frame, asked),
        is_wide=True,
    )


def _models(call: Call, ids: Sequence[str]) -> tuple[list[NodeKey], list[str]]:
    """Return the models that are meant, each once; for a run, those that it wrote, which sentences say."""
    keys: dict[NodeKey, None] = {}
    remarks = []
    for each in ids:
        key = call.store.key_of(each)
        made = _made(call, key) if key.kind is Kind.EXECUTION else [key]
        if not made:
            remarks.append(f"{key} wrote no model, and is left out")
        elif made != [key]:
            remarks.append(f"{key} stands for what it wrote: {', '.join(map(str, made))}")
        keys |= dict.fromkeys(made)
    return list(keys), remarks


def _without_models(frame: Frame, asked: ComparedPage) -> Reply:
    """Say that runs wrote nothing to compare, and where their own values stand side by side."""
    numbers = ", ".join(str(frame.call.store.key_of(each).id) for each in asked.ids)
    beside = frame.link("/runs", filter=f"id IN ({numbers})")
    return page(
        frame,
        "Compare",
        element("p", "None of these runs wrote a model to compare."),
        element("p", element("a", "Their parameters and metrics side by side", href=beside)),
        _form(frame, asked),
    )


def _made(call: Call, key: NodeKey) -> list[NodeKey]:
    written = [link.node for link in call.store.show(key).outputs]
    types = {str(each.type_name): role_of(each) for each in call.store.types(Kind.ARTIFACT)}
    return [
        node.key
        for node in written
        if types.get(str(TypeName(node.type, node.type_version))) is Role.MODEL
    ]


def _form(frame: Frame, asked: ComparedPage) -> Html:
    return form(
        "/compare",
        hidden(frame.kept()),
        field("Compare with" if asked.ids else "A model", "ids", "", id_="with"),
        called="What is compared",
        submit="Add it",
    )


def _rows(frame: Frame, found: Comparison) -> Iterator[Html]:
    models = [
        joined([node_link(frame, model, is_typed=False), _without(frame, found, place)])
        for place, model in enumerate(found.models)
    ]
    apart = [row for row in found.rows if row.differs and not row.formal]
    alike = [row for row in found.rows if row not in apart]
    header = ("What", *models)
    if len(found.models) > 1:
        yield table(f"What differs: {len(apart):,}", header, map(_cells, apart), class_="compared")
        caption = "What is the same in all, and what any two runs differ in"
        same = table(caption, header, map(_cells, alike), class_="compared")
        yield element(
            "details",
            element("summary", f"{len(alike):,} more: the same in all, or of the runs alone"),
            same,
        )
    else:
        yield table("What is known of it", header, map(_cells, found.rows))


def _cells(row: Row) -> list[str]:
    name = joined([element("bdi", row.name), " ", element("small", row.section)])
    return [name, *(recorded(each) for each in row.values)]


def _without(frame: Frame, found: Comparison, place: int) -> Html:
    if len(found.models) < 3:
        return Html()
    rest = [model.key for other, model in enumerate(found.models) if other != place]
    link = element(
        "a",
        "leave out",
        href=frame.here(ids=rest),
        aria_label=f"Leave out {named(found.models[place])}",
    )
    return element("small", " ", link)


def _pairs(frame: Frame, found: Comparison) -> Html:
    """Return links that tell why the first model differs from each of the others."""
    if len(found.models) < 2:
        return Html()
    first, *others = found.models
    links = [
        element(
            "a",
            f"{first.key} and {other.key}",
            href=frame.link("/diff", left=first.key, right=other.key),
        )
        for other in others
        if other.key != first.key
    ]
    return (
        element("p", "Why they differ, step by step: ", joined(links, " · ")) if links else Html()
    )
