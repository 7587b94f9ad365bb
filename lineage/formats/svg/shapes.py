"""The shapes of marks: artifacts rounded, executions boxes, contexts folders; groups are stacks of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lineage.answers.marks import Mark
from lineage.answers.names import short_type
from lineage.formats.svg.styles import ROLES
from lineage.formats.svg.texts import fitted, safe, width
from lineage.model.keys import Kind

__all__ = ["SIGNS", "STACKED", "Box", "box_of", "number", "outline", "rule_of", "sign"]

STACKED = 7.0
"""How far the stack of a group sticks out to the right and below."""
_HEIGHTS = {Kind.ARTIFACT: 38.0, Kind.EXECUTION: 38.0, Kind.CONTEXT: 43.0}
_ROOM, _LEAST = 196.0, 44.0
_PADDING = {Kind.ARTIFACT: 17.0, Kind.EXECUTION: 12.0, Kind.CONTEXT: 12.0}
_NAME, _SMALL = 12.0, 10.0
_SIGN = 16.0

SIGNS = {
    "failed": "M1 1 10 10M10 1 1 10",
    "gone": "M5.5 .5a5 5 0 1 0 .01 0M2 9 9 2",
    "purged": "M1 1h9v9h-9zM1 1 10 10M10 1 1 10",
    "running": "M2 1 10 5.5 2 10z",
    "canceled": "M1 1h9v9h-9z",
    "cycle": "M9 3a4.5 4.5 0 1 0 1 3.5M9.5 0v3.5h-3.5",
}
"""The sign of each state, and of a cycle that only the groups have, as a path of 11 by 11 pixels."""
_OTHER_SIGN = "M5.5 2a3.5 3.5 0 1 0 .01 0"
_RULES = {
    "exact": "alike in every way",
    "alike": "alike, but not in every way",
    "type": "all of a type",
    "others": "rare ones of a type",
    "rest": "not opened yet",
    "run": "of one run",
    "versions": "versions of one asset",
    "folder": "of one folder",
}


class Box(NamedTuple):
    """A mark with its texts cut to what is shown, and its size without the stack."""

    mark: Mark
    name: str
    line: str
    width: float
    height: float

    @property
    def is_group(self) -> bool:
        """Whether it is drawn as a stack."""
        return bool(self.mark.rule)

    @property
    def size(self) -> tuple[float, float]:
        """The room that it takes: its middle is the middle of the box, that of a stack too, so that edges are level."""
        more = STACKED if self.is_group else 0.0
        return self.width + 2 * more, self.height + 2 * more


def rule_of(mark: Mark) -> str:
    """Return in words what made a group; "" of one node."""
    return _RULES.get(mark.rule, f"of one {short_type(mark.rule)}") if mark.rule else ""


def box_of(mark: Mark, held: int = 0) -> Box:
    """Cut a mark's texts to what is shown, and measure them; `held` counts what a context holds without lines."""
    signs = (bool(mark.state) + mark.is_false_cycle) * _SIGN
    words = [rule_of(mark) or short_type(mark.type) or str(mark.kind), mark.state]
    if held:
        words.append(f"holds {held:,} marks")
    line = " · ".join(each for each in words if each)
    line = fitted(line, _ROOM - signs, _SMALL)
    if mark.continues:
        line += " · continues ▸"
    name = _fitted_name(mark.label)
    inside = max(width(name, _NAME, bold=True), width(line, _SMALL) + signs, _LEAST)
    whole = round(inside + 2 * _PADDING[mark.kind])
    return Box(mark, name, line, float(whole), _HEIGHTS[mark.kind])


def _fitted_name(label: str) -> str:
    """Cut what is before the first alias, which people look for, unless the aliases take most of the room."""
    name, at, aliases = label.partition(" @")
    pointing = f"{at}{aliases}"
    room = _ROOM - width(pointing, _NAME, bold=True)
    if room < _ROOM / 3:
        return fitted(label, _ROOM, _NAME, bold=True)
    return fitted(name, room, _NAME, bold=True) + pointing


def drawn(box: Box, left: float, top: float, *, label: str, is_dim: bool) -> str:
    """Return a mark's elements, with what a screen reader says of it."""
    mark = box.mark
    title = "\n".join(map(safe, mark.title or (mark.label,)))
    parts = [
        f'<g class="{_classes(mark, is_dim=is_dim)}" role="img" aria-label="{safe(label, limit=1000)}" '
        f'transform="translate({number(left)} {number(top)})"><title>{title}</title>',
        *_shapes(box),
        *_texts(box),
        *_pills(box),
        "</g>\n",
    ]
    return "".join(parts)


def _classes(mark: Mark, *, is_dim: bool) -> str:
    states = {"failed": "failed", "gone": "gone", "purged": "gone"}
    names = [
        "mark",
        str(mark.kind),
        states.get(mark.state, ""),
        mark.role if mark.role in ROLES else "",
        "dim" if is_dim else "",
    ]
    return " ".join(name for name in names if name)


def _shapes(box: Box) -> Iterator[str]:
    for offset in (STACKED, STACKED / 2) if box.is_group else ():
        moved = f'transform="translate({number(offset)} {number(offset)})"'
        yield outline(box.mark.kind, box.width, box.height, moved)
    yield outline(box.mark.kind, box.width, box.height)
    if box.mark.is_focus:
        more = STACKED if box.is_group else 0.0
        yield (
            f'<rect class="ring" x="-5" y="-5" width="{number(box.width + more + 10)}" '
            f'height="{number(box.height + more + 10)}" rx="{24 if box.mark.kind is Kind.ARTIFACT else 6}"/>'
        )


def outline(kind: Kind, across: float, down: float, more: str = "") -> str:
    """Return the shape of a kind of node, of any size."""
    head = f'class="shape" {more}'.rstrip()
    if kind is Kind.CONTEXT:
        tab, cut = round(min(across / 3, 40.0)), 5
        return f'<path {head} d="M0 {number(down)}V0h{tab}l{cut} {cut}H{number(across)}V{number(down)}z"/>'
    corner = down / 2 if kind is Kind.ARTIFACT else 1.5
    return f'<rect {head} width="{number(across)}" height="{number(down)}" rx="{number(corner)}"/>'


def _texts(box: Box) -> Iterator[str]:
    mark, left = box.mark, number(_PADDING[box.mark.kind])
    yield f'<text class="small state" x="{left}" y="{number(box.height - 23)}">{safe(box.line)}</text>'
    yield f'<text class="name" x="{left}" y="{number(box.height - 8)}">{safe(box.name)}</text>'
    place = box.width - _PADDING[mark.kind] - 11
    for name in (mark.state, "cycle" if mark.is_false_cycle else ""):
        if name:
            yield sign(name, place, box.height - 32)
            place -= _SIGN


def sign(name: str, left: float, top: float) -> str:
    """Return the sign of a state; one that has none of its own has a ring."""
    path = SIGNS.get(name, _OTHER_SIGN)
    return f'<path class="sign" transform="translate({number(left)} {number(top)})" d="{path}"/>'


def _pills(box: Box) -> Iterator[str]:
    mark = box.mark
    if mark.badge:
        yield pill(fitted(mark.badge, 60, _SMALL, bold=True), 0)
    if mark.role in ROLES:
        yield pill(ROLES[mark.role][0], box.width - 8)


def pill(text: str, centre: float, middle: float = 0.0) -> str:
    """Return a short text on a dark ground, as it stands at the corners of marks."""
    across = max(15.0, width(text, _SMALL, bold=True) + 8)
    return (
        f'<g class="pill"><rect x="{number(centre - across / 2)}" y="{number(middle - 7.5)}" '
        f'width="{number(across)}" height="15" rx="7.5"/>'
        f'<text x="{number(centre)}" y="{number(middle + 3.5)}">{safe(text)}</text></g>'
    )


def number(value: float) -> str:
    """Return a coordinate as it is written: a tenth of a pixel is less than anybody sees.

    >>> [number(each) for each in (1.0, 2.25, -0.04)]
    ['1', '2.2', '0']
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
