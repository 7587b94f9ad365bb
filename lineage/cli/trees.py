"""A view as a tree of lines: from the focus against the flow of data, then along it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from lineage.answers.names import short_type
from lineage.answers.view import Mark, MarkEdge, View
from lineage.cli.output import bold
from lineage.cli.tables import columns_of
from lineage.model.texts import printable

__all__ = ["tree"]

DEEPEST = 20
"""How many columns a line may be indented by; what is deeper has a tree of its own below."""
SHORTEST = 16
"""A name is not cut to fewer columns than these."""
LABEL = 24
"""How many characters of a type are shown."""
ABOVE = "(above)"
"""What is written at a mark that was told before, with what is below it."""


class _Way(NamedTuple):
    """One of the two ways through a view: what it is called, and the sign of an only step."""

    title: str
    sign: str


_UP, _DOWN = _Way("made from", "↑"), _Way("led to", "↓")
_Steps: TypeAlias = Mapping[str, Sequence[tuple[MarkEdge, str]]]


class _Line(NamedTuple):
    """A mark that is about to be told: how its line begins, and how those below it do."""

    mark: str
    edge: MarkEdge | None
    lead: str
    inner: str


def tree(view: View, width: int) -> Iterator[str]:
    """Yield a tree for each focus, and for what none of them leads to; each mark is told once, then referred to."""
    return _Tree(view, width).lines()


class _Tree:
    def __init__(self, view: View, width: int) -> None:
        self._width = width
        self._marks = {mark.id: mark for mark in view.marks}
        before: dict[str, list[tuple[MarkEdge, str]]] = {mark.id: [] for mark in view.marks}
        after: dict[str, list[tuple[MarkEdge, str]]] = {mark.id: [] for mark in view.marks}
        for edge in view.edges:
            after[edge.source].append((edge, edge.target))
            before[edge.target].append((edge, edge.source))
        self._steps: dict[_Way, _Steps] = {_UP: before, _DOWN: after}
        self._told: set[str] = set()
        self._later: list[tuple[str, _Way]] = []

    def lines(self) -> Iterator[str]:
        focus = [mark.id for mark in self._marks.values() if mark.is_focus]
        roots = [each for each in self._marks if not self._steps[_UP][each]]
        beginnings: list[tuple[str, tuple[_Way, ...]]] = [(each, (_UP, _DOWN)) for each in focus]
        beginnings += [(each, (_DOWN,)) for each in (*roots, *self._marks)]
        is_first = True
        for root, ways in beginnings:
            if root in self._told:
                continue
            yield from () if is_first else ("",)
            is_first = False
            self._told.add(root)
            yield self._text(_Line(root, None, "", ""))
            for way in ways:
                yield from self._below(root, way)
            while self._later:
                again, way = self._later.pop(0)
                yield ""
                yield self._text(_Line(again, None, "", ""), "")
                yield from self._below(again, way)

    def _below(self, root: str, way: _Way) -> Iterator[str]:
        """Yield what a mark was made from, or led to."""
        if not self._steps[way][root]:
            return
        title = "holds" if way is _DOWN and self._marks[root].kind == "context" else way.title
        yield f"  {title}"
        waiting = self._following(root, way, "  ")
        while waiting:
            line = waiting.pop()
            following = self._steps[way][line.mark]
            if line.mark in self._told:
                yield self._text(line, ABOVE if following else "")
                continue
            if following and len(line.inner) > DEEPEST:
                self._told.add(line.mark)
                self._later.append((line.mark, way))
                yield self._text(line, "(below)")
                continue
            self._told.add(line.mark)
            yield self._text(line)
            waiting += self._following(line.mark, way, line.inner)

    def _following(self, mark: str, way: _Way, inner: str) -> list[_Line]:
        """Return the lines below a mark, the last one first; a single one is not indented any further."""
        steps = self._steps[way][mark]
        if len(steps) == 1:
            edge, other = steps[0]
            return [_Line(other, edge, f"{inner}{way.sign} ", inner)]
        lines = [_Line(other, edge, f"{inner}├ ", f"{inner}│ ") for edge, other in steps[:-1]]
        lines += [_Line(other, edge, f"{inner}└ ", f"{inner}  ") for edge, other in steps[-1:]]
        return lines[::-1]

    def _text(self, line: _Line, reference: str = "") -> str:
        mark = self._marks[line.mark]
        more = " ".join(["", *filter(None, _remarks(mark, line.edge, reference))])
        room = self._width - columns_of(line.lead + more)
        label = _cut(mark.label, max(SHORTEST, room))
        text = _cut(f"{line.lead}{label}{more}", self._width)
        return text.replace(label, bold(label), 1) if mark.is_focus and label else text


def _cut(text: str, width: int) -> str:
    """Return a text in no more columns, with `…` where it was cut."""
    if columns_of(text) <= width:
        return text
    end = min(len(text), width)
    while columns_of(text[:end]) >= width:
        end -= 1
    return f"{text[:end]}…"


def _remarks(mark: Mark, edge: MarkEdge | None, reference: str) -> Iterator[str]:
    """Yield what is told of a mark after its label, and of the edge that led to it; what may be cut comes last."""
    if mark.state:
        yield f"({mark.state})"
    if mark.role:
        yield f"({mark.role}{f' {mark.badge}' if mark.badge else ''})"
    yield mark.id if mark.rule else f"{printable(short_type(mark.type), limit=LABEL)} {mark.id}"
    if edge is not None:
        yield edge.text
    if mark.is_false_cycle and reference != ABOVE:
        yield "⟳"
    if mark.continues and reference != ABOVE:
        yield "continues ▸"
    yield reference
    if edge is not None and edge.label:
        yield f"by {edge.label}"
