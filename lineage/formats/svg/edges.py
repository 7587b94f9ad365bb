"""The edges of pictures: along the flow of data, solid where they hold for every member of their groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from lineage.answers.marks import MarkEdge
from lineage.formats.pictures import PLAIN_EDGES
from lineage.formats.svg.shapes import Box, number
from lineage.formats.svg.texts import fitted, safe, width
from lineage.model.rows import EdgeKind

__all__ = ["Ends", "Line", "Texts", "caption", "drawn", "holds", "line_of"]

_ROOM = 150.0
"""How wide a text at an edge may be."""
_ARROW = 7.0
_SMALL = 10.0
_BAND = 11.0
_PARTS = (0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78)
_PLAIN = frozenset(kind.name for kind in PLAIN_EDGES)
_HOLDING = frozenset(
    kind.name for kind in (EdgeKind.ATTRIBUTION, EdgeKind.ASSOCIATION, EdgeKind.PARENT)
)

Point: TypeAlias = tuple[float, float]
Curve: TypeAlias = tuple[Point, Point, Point, Point]


class Ends(NamedTuple):
    """The boxes that an edge joins, with their left upper corners."""

    source: Box
    at_source: Point
    target: Box
    at_target: Point


def holds(edge: MarkEdge) -> bool:
    """Whether an edge says only what belongs to a context."""
    return _HOLDING.issuperset(edge.kinds)


def caption(edge: MarkEdge) -> str:
    """Return what is written at an edge: of how many members, and what its kinds do not say by themselves."""
    kinds = [each.lower().replace("_", " ") for each in edge.kinds if each not in _PLAIN]
    texts = [edge.label, edge.text, *([] if holds(edge) else kinds)]
    return fitted(" · ".join(each for each in texts if each), _ROOM, _SMALL)


class Line(NamedTuple):
    """An edge and the curves that it is drawn as."""

    edge: MarkEdge
    ends: Ends
    curves: list[Curve]


def line_of(edge: MarkEdge, ends: Ends, bends: Sequence[Point]) -> Line:
    """Lead an edge past the points where it bends."""
    curves = _loop(ends) if edge.source == edge.target else _curves(ends, bends)
    return Line(edge, ends, curves)


class Texts:
    """Finds places for the texts at edges, where none covers another."""

    def __init__(self) -> None:
        # By bands of the height of a line: a text can only cover those of its own and of the next ones.
        self._taken: dict[int, list[tuple[float, float, float]]] = defaultdict(list)

    def placed(self, line: Line, *, near_target: bool) -> str:
        """Return the element of an edge's text, near the end that fewer edges share; "" where it has none."""
        text = caption(line.edge)
        if not text:
            return ""
        half = width(text, _SMALL) / 2
        curves = dict.fromkeys((line.curves[-1], line.curves[0]))
        places = [
            _point(curve, part)
            for curve in (curves if near_target else reversed(curves))
            for part in _PARTS
        ]
        x, y = next((place for place in places if self._is_free(*place, half)), places[0])
        self._taken[int(y // _BAND)].append((x, y, half))
        return f'<text class="small halo" text-anchor="middle" x="{number(x)}" y="{number(y + 3.5)}">{safe(text)}</text>'

    def _is_free(self, x: float, y: float, half: float) -> bool:
        band = int(y // _BAND)
        return all(
            abs(y - other_y) >= _BAND or abs(x - other_x) >= half + other_half + 4
            for each in (band - 1, band, band + 1)
            for other_x, other_y, other_half in self._taken.get(each, ())
        )


def _point(curve: Curve, part: float) -> Point:
    """Return the point of a Bézier curve at a part of its way."""
    rest = 1 - part
    weights = (rest**3, 3 * rest * rest * part, 3 * rest * part * part, part**3)
    x = y = 0.0
    for weight, point in zip(weights, curve, strict=True):
        x += weight * point[0]
        y += weight * point[1]
    return x, y


def drawn(line: Line, text: str, *, is_dim: bool) -> str:
    """Return an edge's elements; `text` is the element of what is written at it."""
    edge = line.edge
    classes = ["edge", "holds" if holds(edge) else "", "" if edge.every else "some"]
    thick = number(1.2 + 0.5 * (len(str(edge.count)) - 1))
    parts = [
        '<g class="dim">' if is_dim else "<g>",
        f"<title>{_told(edge, line.ends)}</title>",
        f'<path class="{" ".join(filter(None, classes))}" stroke-width="{thick}" d="{_path(line.curves)}"/>',
        "" if holds(edge) else _arrow(line.curves[-1]),
    ]
    return "".join([*parts, text, "</g>\n"])


def _told(edge: MarkEdge, ends: Ends) -> str:
    names = f"{safe(ends.source.mark.label)} → {safe(ends.target.mark.label)}"
    kinds = ", ".join(each.lower().replace("_", " ") for each in edge.kinds)
    counted = f"{edge.count:,} edges" if edge.count != 1 else "1 edge"
    of = f", from {edge.text}" if edge.text else ""
    return f"{names}: {counted} ({safe(kinds)}){of}{'; ' + safe(edge.label) if edge.label else ''}"


def _curves(ends: Ends, bends: Sequence[Point]) -> list[Curve]:
    """Return curves between columns, each as its four points; inside a column the edge is level."""
    (left, top), (other, lower) = ends.at_source, ends.at_target
    back = other < left
    start = (left if back else left + ends.source.width, top + ends.source.height / 2)
    end = (other + ends.target.width if back else other, lower + ends.target.height / 2)
    if back:
        # Of two edges there and back neither hides the other.
        start, end = (start[0], start[1] + 8), (end[0], end[1] + 8)
    points = [start, *bends, end]
    curves = []
    for a, b in zip(points[::2], points[1::2], strict=True):
        middle = (a[0] + b[0]) / 2
        curves.append((a, (middle, a[1]), (middle, b[1]), b))
    return curves


def _loop(ends: Ends) -> list[Curve]:
    """Return the curve of an edge that leads back to where it began, above the right corner."""
    left, top = ends.at_source
    right = left + ends.source.width
    return [((right - 34, top), (right - 34, top - 22), (right - 12, top - 22), (right - 12, top))]


def _path(curves: Sequence[Curve]) -> str:
    parts: list[str] = []
    for curve in curves:
        (x, y), *rest = curve
        parts.append(f"{'L' if parts else 'M'}{number(x)} {number(y)}")
        parts.append("C" + " ".join(f"{number(a)} {number(b)}" for a, b in rest))
    return "".join(parts)


def _arrow(curve: Curve) -> str:
    """Return the head of an arrow, which points as the curve ends: to the right, to the left, or down."""
    (x, y), before = curve[-1], curve[-2][0]
    half = _ARROW / 2
    if x == before:
        away = f"l{number(-half)} {number(-_ARROW)}h{number(_ARROW)}z"
    else:
        away = f"l{number(-_ARROW if x > before else _ARROW)} {number(-half)}v{number(_ARROW)}z"
    return f'<path class="arrow" d="M{number(x)} {number(y)}{away}"/>'
