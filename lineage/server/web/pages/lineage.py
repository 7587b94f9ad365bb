"""The lineage of some nodes: a picture, the same as a table, and the questions about what is in its focus."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final

from pydantic import Field

from lineage.answers.marks import Mark
from lineage.answers.view import BUDGET, View
from lineage.contract.format import dumper
from lineage.errors import NotFound
from lineage.formats.embedding import title_of
from lineage.formats.svg.shapes import rule_of
from lineage.model.keys import Kind, NodeKey
from lineage.model.system import OWN_CLASSES
from lineage.server.web.arguments import Text, to_moment
from lineage.server.web.call import Call, Reply
from lineage.server.web.pages import details
from lineage.server.web.pages.document import page
from lineage.server.web.pages.frame import Frame, Said, address
from lineage.server.web.pages.markup import Html, element, joined
from lineage.server.web.pages.parts import (
    copier,
    field,
    form,
    hidden,
    named,
    notes,
    options,
    section,
    several,
    table,
)
from lineage.server.web.pages.pictures import drawn
from lineage.server.web.views import Viewed, view_of

__all__ = ["OfLineage", "lineage"]

MOST_ROWS: Final = 1_000
MOST_LINKS: Final = 12
"""How many marks a row says that it leads to."""
MOST_TYPES: Final = 20
MOST_COPIED: Final = 200
"""A graph of more nodes is no picture in Mermaid that anybody reads."""
_WAYS = (
    ("both", "both ways"),
    ("upstream", "what it was made from"),
    ("downstream", "what was made from it"),
)
_SHOWN = (
    ("all", "everything"),
    ("artifacts", "artifacts, runs as edges"),
    ("executions", "runs, artifacts as edges"),
)
_GROUPS = (
    ("", "alike ones"),
    ("run", "runs"),
    ("versions", "versions"),
    ("folder", "folders"),
)
_FORMATS = ("svg", "html", "png", "mermaid", "json")


class OfLineage(Viewed):
    """Of which nodes; without any the page asks for one."""

    focus: Annotated[tuple[Text, ...], Field(max_length=100)] = ()


def lineage(call: Call, asked: OfLineage) -> Reply:
    """Show what nodes were made from and led to, and answer what people ask about them."""
    frame = Frame(call, "/lineage", asked)
    if not asked.focus:
        said = "Search above for a node: its lineage is shown here."
        return page(frame, "Lineage", element("p", said))
    view, asked, remarks = _view(call, asked)
    frame = Frame(call, "/lineage", asked)
    focus = view.graph.focus
    title = title_of(view)
    return page(
        frame,
        title,
        _form(frame, asked),
        element("p", _status(view), class_="status", role="status"),
        element(
            "div",
            drawn(view, lambda mark: _link(frame, view, mark), title=title),
            _table(frame, view),
            id="lineage",
            data_page=address("/api/v1/view/page", frame.parameters),
        ),
        _opened(frame, view),
        notes([*remarks, *view.notes]),
        _about(frame, asked) if len(asked.focus) == 1 else "",
        _shared(frame, asked, view, focus),
        is_wide=True,
    )


def _about(frame: Frame, asked: OfLineage) -> Html:
    """Return what people ask about the one node in the focus, and the answers in short."""
    of = details.known(frame, asked.focus[0], asked)
    answers = joined([details.questions(of), details.values(of)])
    return section(
        f"About {named(of.node)}",
        details.head(of),
        element("div", answers, class_="answers"),
        element("p", element("a", "All that is known of it", href=frame.details(of.node.key))),
        id_="about",
    )


def _view(call: Call, asked: OfLineage) -> tuple[View, OfLineage, Sequence[str]]:
    """Return the view, and what was asked as far as it could be had.

    Ids of groups are those of a moment: of an address that names groups of another one, the groups are closed.
    """
    try:
        return view_of(call, asked), asked, ()
    except NotFound:
        if not asked.open:
            raise
        closed = asked.model_copy(update={"open": ()})
        view = view_of(call, closed)
        return view, closed, ("groups that were open are not there at this moment, and are closed",)


def _form(frame: Frame, asked: OfLineage) -> Html:
    own = ("focus", "direction", "hops", "show", "by", "budget", "open", "since")
    contexts = [str(each.type_name) for each in frame.call.store.types(Kind.CONTEXT)]
    own_contexts = [name for name in contexts if name not in OWN_CLASSES]
    groups = [*_GROUPS, *((name, f"what each {name} holds") for name in own_contexts[:MOST_TYPES])]
    if asked.by and asked.by not in dict(groups):
        groups.append((asked.by, asked.by))
    hops = "" if asked.hops is None else str(asked.hops)
    return form(
        "/lineage",
        hidden(("focus", each) for each in asked.focus),
        hidden(frame.kept(*own)),
        options("Which way", "direction", asked.direction, _WAYS, id_="direction"),
        field("Edges at most", "hops", hops, id_="hops", type="number", min=0, class_="short"),
        options("Show", "show", asked.show, _SHOWN, id_="show"),
        options("Put together", "by", asked.by, groups, id_="by"),
        field(
            "Marks at most",
            "budget",
            str(asked.budget),
            id_="budget",
            type="number",
            min=8,
            max=10_000,
            class_="short",
        ),
        field(
            "Changed since",
            "since",
            asked.since,
            id_="since",
            class_="short",
            placeholder="40",
        ),
        called="What the picture shows",
        submit="Show",
    )


def _status(view: View) -> str:
    there = len(view.graph.nodes)
    cuts = ", ".join(f"cut by the limit of {cut.limit}" for cut in dict.fromkeys(view.truncated))
    return " · ".join(
        [
            f"{several(len(view.marks), 'mark')} of {several(there, 'node')}",
            cuts or "whole answer",
            f"as of {view.number}",
        ]
    )


def _link(frame: Frame, view: View, mark: Mark) -> Html:
    """Return where a mark leads: a group opens, a node becomes the focus."""
    if mark.rule:
        return frame.here(open=(*view.opened, mark.id))
    return frame.node(mark.keys[0])


def _table(frame: Frame, view: View) -> Html:
    labels = {mark.id: mark.label for mark in view.marks}
    after: dict[str, list[str]] = defaultdict(list)
    for edge in view.edges:
        some = f" ({edge.text})" if edge.text else ""
        after[edge.source].append(f"{labels[edge.target]}{some}")
    rows = [_mark_row(frame, view, mark, after[mark.id]) for mark in view.marks[:MOST_ROWS]]
    listed = table(
        f"{several(len(view.marks), 'mark')}, nearest first",
        ("Node or group", "Type", "Nodes", "What is to know", "Leads to"),
        rows,
    )
    return element("details", element("summary", "The same answer as a table"), listed)


def _mark_row(frame: Frame, view: View, mark: Mark, after: Sequence[str]) -> list[str]:
    known = [
        "asked about" if mark.is_focus else "",
        rule_of(mark),
        mark.state,
        "leads further than the answer" if mark.continues else "",
        mark.role,
    ]
    link = element("a", element("bdi", mark.label), href=_link(frame, view, mark))
    beside = "opens" if mark.rule else str(mark.keys[0])
    leads = [element("bdi", each) for each in after[:MOST_LINKS]]
    if len(after) > MOST_LINKS:
        leads.append(Html(f"and {len(after) - MOST_LINKS:,} more"))
    return [
        joined([link, " ", element("small", beside)]),
        element("bdi", mark.type),
        f"{mark.count:,}",
        ", ".join(each for each in known if each),
        joined(leads, ", "),
    ]


def _opened(frame: Frame, view: View) -> Html:
    if not view.opened:
        return Html()
    names = {mark.within: mark.label for mark in view.marks if mark.within}
    lines = []
    for each in view.opened:
        group = each.partition("=")[0]
        rest = [other for other in view.opened if other != each]
        said = f"Close the group of {names[group]}" if group in names else "Close a group"
        lines.append(element("li", element("a", said, href=frame.here(open=rest))))
    lines.append(element("li", element("a", "Close all groups", href=frame.here(open=None))))
    return section("Open groups", element("ul", *lines), id_="open-groups")


def _shared(frame: Frame, asked: OfLineage, view: View, focus: Sequence[NodeKey]) -> Html:
    """Return what hands the picture on: texts to copy, and files of exactly what is shown."""
    buttons = [
        copier("Copy as command", _command(asked, view, focus)),
        copier("Copy as Python", _python(asked, view, focus)),
    ]
    if len(view.graph.nodes) <= MOST_COPIED:
        buttons.append(copier("Copy as Mermaid", _mermaid(view)))
    parameters = frame.parameters
    files = [
        element("a", each, href=_file(parameters, each, view.number), download=True)
        for each in _FORMATS
    ]
    return section(
        "Take it with you",
        element("p", joined(buttons, " "), class_="js-only"),
        element("p", "As a file: ", joined(files, ", ")),
        element("pre", element("code", _command(asked, view, focus))),
        id_="shared",
    )


def _file(parameters: Mapping[str, Said], format: str, number: int) -> Html:
    pinned = {**parameters, "as_of": number}
    if format == "json":
        return address("/api/v1/view", pinned)
    return address("/api/v1/export", {**pinned, "format": format})


def _said(asked: OfLineage) -> Iterator[tuple[str, object]]:
    """Yield the options that say something, by their names in Python."""
    plain = {"direction": "both", "budget": BUDGET, "show": "all", "by": "", "inputs": False}
    for name, usual in plain.items():
        said = getattr(asked, name)
        if said != usual:
            yield name, said
    if asked.open:
        yield "opened", list(asked.open)
    if not asked.gone:
        yield "gone", False
    if asked.happened_by:
        yield "happened_by", asked.happened_by


def _command(asked: OfLineage, view: View, focus: Sequence[NodeKey]) -> str:
    verb = "since" if asked.since else "view"
    words = ["lineage", verb, *map(str, focus)]
    words += ["--since", asked.since] if asked.since else []
    for name, said in _said(asked):
        if asked.since and name in ("budget", "show", "by", "opened"):
            continue  # of how it is drawn, which the command leaves to the eyes
        if name == "direction":
            words.append(f"--{said}")
        elif name == "opened":
            words += [word for each in asked.open for word in ("--open", each)]
        elif name == "gone":
            words.append("--no-gone")
        elif said is True:
            words.append(f"--{name}")
        else:
            words += [f"--{name.replace('_', '-')}", str(said)]
    words += [] if asked.hops is None else ["--hops", str(asked.hops)]
    return shlex.join([*words, "--as-of", str(view.number)])


def _python(asked: OfLineage, view: View, focus: Sequence[NodeKey]) -> str:
    given = [repr(str(key)) for key in focus]
    given += [f"{name}={said!r}" for name, said in _said(asked)]
    given += [] if asked.hops is None else [f"limits=lineage.Limits(hops={asked.hops})"]
    there = f"store.at({view.number})"
    call = f"{there}.view({', '.join(given)})"
    if asked.since:
        call = _since(asked, there, focus)
    return f"import lineage\n\nwith lineage.connect() as store:\n    view = {call}\n"


def _since(asked: OfLineage, there: str, focus: Sequence[NodeKey]) -> str:
    """Return the call in Python that tells what changed, and shows it."""
    said = dict(_said(asked))
    of = {name: said.pop(name) for name in ("direction", "inputs", "gone") if name in said}
    since = to_moment("since", asked.since)
    given = [*(repr(str(key)) for key in focus), f"since={since!r}"]
    given += [f"{name}={each!r}" for name, each in of.items()]
    given += [] if asked.hops is None else [f"limits=lineage.Limits(hops={asked.hops})"]
    shown = ", ".join(f"{name}={each!r}" for name, each in said.items())
    return f"{there}.since({', '.join(given)}).view({shown})"


def _mermaid(view: View) -> str:
    from io import BytesIO

    target = BytesIO()
    dumper("mermaid").dump(view.graph.batches(), target)
    return target.getvalue().decode()
