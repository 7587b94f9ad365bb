"""The legend of a picture: what is in it, and nothing that is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lineage.answers.marks import Mark, MarkEdge
from lineage.formats.svg.edges import holds
from lineage.formats.svg.shapes import outline, pill, rule_of, sign
from lineage.formats.svg.styles import ROLES
from lineage.formats.svg.texts import safe, width
from lineage.model.keys import Kind

__all__ = ["Item", "items", "laid_out"]

_SMALL = 10.0
_SAMPLE, _APART, _ROW = 34.0, 22.0, 24.0


class Item(NamedTuple):
    """A sample, drawn in 26 by 14 pixels, and what it stands for."""

    sample: str
    text: str


def items(marks: Sequence[Mark], edges: Sequence[MarkEdge], *, is_dimmed: bool) -> list[Item]:
    """Return what there is to explain: kinds, groups, focus, states, roles, edges."""
    return [
        *_kinds(marks),
        *_groups(marks),
        *_signs(marks),
        *_edges(marks, edges, is_dimmed=is_dimmed),
    ]


def _kinds(marks: Sequence[Mark]) -> Iterator[Item]:
    there = {mark.kind for mark in marks}
    for kind in Kind:
        if kind in there:
            yield Item(f'<g class="mark {kind}">{outline(kind, 26, 14)}</g>', str(kind))


def _groups(marks: Sequence[Mark]) -> Iterator[Item]:
    rules = dict.fromkeys(rule_of(mark) for mark in marks if mark.rule)
    if rules:
        kind = next(mark.kind for mark in marks if mark.rule)
        stack = "".join(
            outline(kind, 21, 10, f'transform="translate({place} {place})"')
            for place in (5, 2.5, 0)
        )
        texts = ", or ".join(rules) if len(rules) < 3 else "it says what they share"
        yield Item(f'<g class="mark {kind}">{stack}</g>', f"group ×count: {texts}")
    if any(mark.is_focus for mark in marks):
        yield Item('<rect class="ring" x="1" width="24" height="14" rx="4"/>', "asked about")


def _signs(marks: Sequence[Mark]) -> Iterator[Item]:
    for state in sorted({mark.state for mark in marks} - {""}):
        shade = "failed" if state == "failed" else ""
        yield Item(f'<g class="{shade}">{sign(state, 8, 1)}</g>', state)
    if any(mark.is_false_cycle for mark in marks):
        yield Item(sign("cycle", 8, 1), "cycle of groups: no node leads back to itself")
    if any(mark.continues for mark in marks):
        yield Item('<path class="more" d="M9 2 18 7 9 12z"/>', "leads further than the answer")
    for role, (char, text) in ROLES.items():
        if any(mark.role == role for mark in marks):
            yield Item(f'<g class="mark {role}">{pill(char, 13, 7)}</g>', text)


def _edges(marks: Sequence[Mark], edges: Sequence[MarkEdge], *, is_dimmed: bool) -> Iterator[Item]:
    flowing = [edge for edge in edges if not holds(edge)]
    if any(mark.rule for mark in marks):
        if any(edge.every for edge in flowing):
            yield Item(_line("edge"), "edge of every member")
        if not all(edge.every for edge in flowing):
            yield Item(_line("edge some"), "edge of some members")
    if len(flowing) < len(edges):
        yield Item(_line("edge holds"), "holds")
    if is_dimmed:
        yield Item(
            '<rect class="faint dim" y="1" width="26" height="12" rx="3"/>', "not highlighted"
        )


def _line(classes: str) -> str:
    return f'<path class="{classes}" stroke-width="1.5" d="M0 7H26"/>'


def laid_out(found: Sequence[Item], room: float) -> tuple[list[str], float]:
    """Return the elements of a legend that wraps at a width, and how high it is."""
    elements, x, y = [], 0.0, 0.0
    for item in found:
        across = _SAMPLE + width(item.text, _SMALL)
        if x and x + across > room:
            x, y = 0.0, y + _ROW
        elements.append(
            f'<g transform="translate({x:.0f} {y:.0f})">{item.sample}'
            f'<text class="small" x="{_SAMPLE:.0f}" y="11">{safe(item.text)}</text></g>\n'
        )
        x += across + _APART
    return elements, y + _ROW if found else 0.0
