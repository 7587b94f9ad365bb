"""What pages are made of: tables, links to nodes, values, times, notes, fields of forms."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from lineage.answers.labels import label
from lineage.answers.names import short_type
from lineage.model.entities import Node
from lineage.model.keys import NodeKey
from lineage.model.texts import shown
from lineage.server.web.pages.frame import Frame
from lineage.server.web.pages.markup import Html, element, exact, joined, text

__all__ = [
    "copier",
    "facts",
    "field",
    "form",
    "hidden",
    "key_link",
    "named",
    "node_link",
    "notes",
    "options",
    "properties",
    "recorded",
    "section",
    "several",
    "table",
    "time",
    "value",
]

VALUE: Final = 500
"""How many characters of a value a page shows."""
NAME: Final = 100
MOST_NOTES: Final = 50
_LINK = re.compile(r"https?://[^\s\x00-\x20]{1,2000}\Z", re.IGNORECASE)


def several(number: int, noun: str) -> str:
    """Return a number and what it counts.

    >>> several(1, "node"), several(1_200, "node")
    ('1 node', '1,200 nodes')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def time(moment: datetime | None) -> Html:
    """Return a time, to the second; nothing for none."""
    if moment is None:
        return Html()
    there = moment.astimezone(UTC)
    return element(
        "time", f"{there:%Y-%m-%d %H:%M:%S}Z", datetime=there.isoformat().replace("+00:00", "Z")
    )


def value(said: object) -> Html:
    """Return any value; one that is an address of the web is a link."""
    if isinstance(said, datetime):
        return time(said)
    if isinstance(said, float):
        return element("span", f"{said:.6g}", title=repr(said))
    if isinstance(said, str) and _LINK.match(said):
        return element("a", text(said, VALUE), href=exact(said), rel="noopener noreferrer")
    return element("bdi", text(shown(said, limit=VALUE), VALUE))


def recorded(said: object) -> Html:
    """Return a value as people read it, or that there is none."""
    return element("span", "not recorded", class_="muted") if said is None else value(said)


def named(node: Node) -> str:
    """Return what people call a node, or its type and number where nothing says more."""
    return label(node, limit=NAME) or f"{short_type(node.type)} {node.id}"


def node_link(frame: Frame, node: Node, *, is_typed: bool = True) -> Html:
    """Return a link to a node's lineage, with its type and key beside it."""
    called = element("bdi", named(node))
    state = getattr(node, "state", None)
    marks = ["deleted"] if node.gone else []
    marks += [str(state)] if str(state) in ("FAILED", "RUNNING", "CANCELED") else []
    beside = f"{short_type(node.type)} {node.key}" if is_typed else str(node.key)
    return joined(
        [
            element("a", called, href=frame.node(node.key)),
            Html(" "),
            element("small", ", ".join([beside, *marks])),
        ]
    )


def key_link(frame: Frame, key: NodeKey) -> Html:
    """Return a link to the lineage of a node of which only the key is known."""
    return element("a", str(key), href=frame.node(key))


def table(
    caption: str,
    header: Sequence[str],
    rows: Iterable[Sequence[str | None]],
    *,
    class_: str | None = None,
    sorted_: Mapping[int, str] = {},
    differing: Collection[int] = (),
) -> Html:
    """Return a table whose first column names its rows; one that is wide scrolls in its own frame.

    `sorted_` are the columns that it is sorted by, by place, and which way; `differing` the places of rows to be seen.
    """
    head = joined(
        element("th", each, scope="col", aria_sort=sorted_.get(place))
        for place, each in enumerate(header)
    )
    body = joined(_row(row, differs=place in differing) for place, row in enumerate(rows))
    made = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", head)),
        element("tbody", body),
        class_=class_,
    )
    return element("div", made, class_="wide", role="region", tabindex=0, aria_label=caption)


def _row(cells: Sequence[str | None], *, differs: bool) -> Html:
    first, *rest = cells
    return element(
        "tr",
        element("th", first, scope="row"),
        joined(element("td", each) for each in rest),
        class_="differs" if differs else None,
    )


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Return names and values; nothing where there are none."""
    rows = [
        joined([element("dt", element("bdi", name)), element("dd", said)]) for name, said in pairs
    ]
    return element("dl", *rows, class_="facts") if rows else Html()


def properties(values: Mapping[str, object]) -> Html:
    """Return properties by name."""
    return facts((name, value(each)) for name, each in values.items())


def notes(said: Sequence[str]) -> Html:
    """Return sentences on an answer; nothing where there are none."""
    if not said:
        return Html()
    lines = [element("li", each) for each in said[:MOST_NOTES]]
    if len(said) > MOST_NOTES:
        lines.append(element("li", f"… and {len(said) - MOST_NOTES:,} more"))
    return element("ul", *lines, class_="notes")


def section(title: str, *content: str | None, id_: str, level: int = 2) -> Html:
    """Return a part of a page under its heading; nothing where it would be empty."""
    if not any(content):
        return Html()
    heading = element(f"h{level}", title, id=id_)
    return element("section", heading, *content, aria_labelledby=id_)


def hidden(pairs: Iterable[tuple[str, str]]) -> Html:
    """Return what a form hands on unseen."""
    return joined(
        element("input", type="hidden", name=name, value=exact(said)) for name, said in pairs
    )


def field(title: str, name: str, said: str, *, id_: str, **attributes: str | int | bool) -> Html:
    """Return a field of text with its label."""
    attributes = {"type": "text", **attributes}
    put = element("input", id=id_, name=name, value=exact(said), autocomplete="off", **attributes)
    return element("span", element("label", title, for_=id_), put, class_="field")


def options(
    title: str, name: str, said: str, choices: Sequence[tuple[str, str]], *, id_: str
) -> Html:
    """Return a field with a few choices, as pairs of value and words."""
    listed = [
        element("option", words, value=exact(each), selected=each == said)
        for each, words in choices
    ]
    chooser = element("select", *listed, id=id_, name=name)
    return element("span", element("label", title, for_=id_), chooser, class_="field")


def form(path: str, *content: str, called: str, submit: str, class_: str = "ask") -> Html:
    """Return a form that asks for a page."""
    button = element("button", submit, type="submit")
    return element("form", *content, button, action=path, class_=class_, aria_label=called)


def copier(title: str, said: str) -> Html:
    """Return a button that copies a text, where scripts run."""
    return element("button", title, type="button", class_="copy js-only", data_copy=exact(said))
