"""A view as a picture: laid out, drawn, explained below, and in words for those who cannot see it."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from lineage.answers.layout import Layout, layout
from lineage.answers.marks import Mark, MarkEdge
from lineage.answers.view import View
from lineage.formats.svg import edges, legend, shapes
from lineage.formats.svg.shapes import Box, box_of, number
from lineage.formats.svg.styles import STYLE
from lineage.formats.svg.texts import fitted, safe, width, wrapped
from lineage.model.notebook import escaped
from lineage.model.texts import printable

__all__ = ["picture"]

_MARGIN = 28.0
_LEAST = 460.0
_HEAD = 58.0
_GAP, _ROW_GAP = 58.0, 18.0
_LINE = 15.0
_NOTES = 12
"""How many notes stand below a picture; more are counted."""
_HELD = 4
"""How many marks a context holds at most by lines; those of one that holds more would hide the flow of data."""
_TITLES = {
    "affected": "Impact",
    "deployed": "Impact",
    "left": "Differences",
    "right": "Differences",
    "path": "Ways",
    "new": "Changes",
    "changed": "Changes",
    "ended": "Changes",
}
"""What a picture is called, by the roles in it."""
_NAMED = 3
"""How many marks a sentence names."""


LinkOf: TypeAlias = Callable[[Mark], str]
"""Returns the address that a mark leads to."""


class _Scene(NamedTuple):
    """What is drawn where: boxes by mark, with their left upper corners, the edges that are lines, with their bends."""

    view: View
    lines: list[MarkEdge]
    boxes: list[Box]
    corners: list[tuple[float, float]]
    bends: list[list[tuple[float, float]]]
    shown: Collection[str] | None
    """The marks that are highlighted; None where all are."""
    link_of: LinkOf | None
    width: float
    height: float


def picture(
    view: View, highlight: Collection[str] | None = None, link_of: LinkOf | None = None
) -> str:
    """Return a view as SVG; with `highlight`, ids of marks, all others are dimmed.

    With `link_of` each mark is a link, and the picture without its style, for a page that has `STYLE` in a sheet of its
    own. Equal views give equal bytes.
    """
    lines, held = _lines(view)
    boxes = [box_of(mark, held.get(mark.id, 0)) for mark in view.marks]
    places = {mark.id: place for place, mark in enumerate(view.marks)}
    pairs = [(places[edge.source], places[edge.target]) for edge in lines]
    widest = max((width(edges.caption(edge), 10) for edge in lines), default=0.0)
    placed = layout(
        len(boxes),
        pairs,
        sizes=[box.size for box in boxes],
        gaps=(max(_GAP, round(widest) + 34.0), _ROW_GAP),
    )
    scene = _scene(_Scene(view, lines, boxes, [], [], highlight, link_of, 0.0, 0.0), placed)
    body = "".join([*_head(scene), *_edges(scene, pairs), *_marks(scene)])
    foot, height = _foot(scene)
    return _root(scene, body + foot, height)


def _lines(view: View) -> tuple[list[MarkEdge], dict[str, int]]:
    """Return the edges that are lines, and how many marks each of the contexts holds that would have too many."""
    counts = Counter(edge.source for edge in view.edges if edges.holds(edge))
    held = {mark: count for mark, count in counts.items() if count > _HELD}
    return [edge for edge in view.edges if not (edge.source in held and edges.holds(edge))], held


def _scene(scene: _Scene, placed: Layout) -> _Scene:
    """Move the layout below the heading, in the middle of a picture that is wide enough for its texts."""
    whole = max(_LEAST, placed.width + 2 * _MARGIN)
    right, down = (whole - placed.width) / 2, _HEAD
    corners = []
    for box, x, y in zip(scene.boxes, placed.x, placed.y, strict=True):
        corners.append((right + x - box.width / 2, down + y - box.height / 2))
    bends = [[(right + x, down + y) for x, y in each] for each in placed.bends]
    return scene._replace(corners=corners, bends=bends, width=whole, height=down + placed.height)


def _head(scene: _Scene) -> Iterator[str]:
    room = scene.width - 2 * _MARGIN
    title, counted = _title(scene.view), _counted(scene.view)
    yield f'<text class="heading" x="{_MARGIN:.0f}" y="26">{safe(fitted(title, room, 15, bold=True))}</text>\n'
    yield f'<text class="small" x="{_MARGIN:.0f}" y="42">{safe(fitted(counted, room, 10))}</text>\n'


def _title(view: View) -> str:
    roles = {mark.role for mark in view.marks}
    what = next((words for role, words in _TITLES.items() if role in roles), "Lineage")
    asked = [mark.label for mark in view.marks if mark.is_focus]
    return f"{what} of {_named(asked)}" if asked else what


def _counted(view: View) -> str:
    nodes, drawn = sum(mark.count for mark in view.marks), len(view.marks)
    there = f"{nodes:,} node{'s' * (nodes != 1)}"
    if nodes != drawn:
        there = f"{there} in {drawn:,} marks"
    edges_there = sum(edge.count for edge in view.edges)
    return (
        f"{there} and {edges_there:,} edge{'s' * (edges_there != 1)}, "
        f"as of transaction {view.number:,}"
    )


def _edges(scene: _Scene, pairs: Sequence[tuple[int, int]]) -> Iterator[str]:
    # Marks say in words where they lead, so that edges are for the eyes alone.
    yield '<g aria-hidden="true">\n'
    leaving = Counter(source for source, _ in pairs)
    entering = Counter(target for _, target in pairs)
    texts = edges.Texts()
    for edge, (source, target), bends in zip(scene.lines, pairs, scene.bends, strict=True):
        line = edges.line_of(
            edge,
            edges.Ends(
                scene.boxes[source],
                scene.corners[source],
                scene.boxes[target],
                scene.corners[target],
            ),
            bends,
        )
        near_target = leaving[source] >= entering[target]
        is_dim = scene.shown is not None and not {edge.source, edge.target} <= set(scene.shown)
        yield edges.drawn(line, texts.placed(line, near_target=near_target), is_dim=is_dim)
    yield "</g>\n"


def _marks(scene: _Scene) -> Iterator[str]:
    """Yield marks in the order in which they are read: from upstream to downstream, from above to below."""
    marks = scene.view.marks
    labels = {mark.id: mark.label for mark in marks}
    after: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for edge in scene.view.edges:
        verb = "holds" if edges.holds(edge) else "leads to"
        after[edge.source][verb].append(labels[edge.target])
    columns = [x + box.width / 2 for (x, _), box in zip(scene.corners, scene.boxes, strict=True)]
    for place in sorted(range(len(marks)), key=lambda v: (columns[v], scene.corners[v][1])):
        mark = marks[place]
        is_dim = scene.shown is not None and mark.id not in scene.shown
        label = _told(mark, after[mark.id])
        drawn = shapes.drawn(scene.boxes[place], *scene.corners[place], label=label, is_dim=is_dim)
        if scene.link_of is None:
            yield drawn
        else:
            yield f'<a href="{escaped(scene.link_of(mark))}">{drawn}</a>\n'


def _told(mark: Mark, after: Mapping[str, Sequence[str]]) -> str:
    """Return a mark in words."""
    rule = shapes.rule_of(mark)
    # What a run holds is drawn as one, and is executions and artifacts.
    inside = mark.kind if mark.keys[0].kind is mark.kind else "node"
    parts = [
        f"{f'group of {inside}s' if rule else mark.kind} {mark.label}",
        rule,
        mark.state,
        "asked about" if mark.is_focus else "",
        mark.role,
        f"number {mark.badge}" if mark.badge else "",
        "leads further than the answer" if mark.continues else "",
        *(f"{verb} {_named(labels)}" for verb, labels in after.items()),
    ]
    return "; ".join(part for part in parts if part)


def _named(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return f"{', '.join(labels[:_NAMED])}{more}"


def _foot(scene: _Scene) -> tuple[str, float]:
    """Return the legend and the notes, and where the picture ends."""
    room = scene.width - 2 * _MARGIN
    found = legend.items(scene.view.marks, scene.lines, is_dimmed=scene.shown is not None)
    elements, high = legend.laid_out(found, room)
    top = scene.height + 26
    parts = []
    if elements:
        place = f"translate({_MARGIN:.0f} {number(top)})"
        parts += [
            f'<g role="group" aria-label="Legend" transform="{place}">\n',
            *elements,
            "</g>\n",
        ]
        top += high + 8
    for line in _notes(scene.view.notes, room):
        top += _LINE
        parts.append(
            f'<text class="small" x="{_MARGIN:.0f}" y="{number(top)}">{safe(line)}</text>\n'
        )
    return "".join(parts), top + 16


def _notes(notes: Sequence[str], room: float) -> Iterator[str]:
    for note in notes[:_NOTES]:
        yield from wrapped(printable(note, limit=1000), room, 10)
    if len(notes) > _NOTES:
        yield f"… and {len(notes) - _NOTES:,} more notes"


def _root(scene: _Scene, body: str, height: float) -> str:
    """Return the whole document; ids are the picture's own, since one page may hold many."""
    title, counted = _title(scene.view), _counted(scene.view)
    words = ". ".join((counted, *scene.view.notes[:_NOTES]))
    own = f"l{hashlib.sha256(body.encode()).hexdigest()[:10]}"
    size = f'width="{number(scene.width)}" height="{number(height)}"'
    style = f"<style>\n{STYLE}\n</style>\n" if scene.link_of is None else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lineage-svg" {size} '
        f'viewBox="0 0 {number(scene.width)} {number(height)}" '
        f'role="graphics-document document" aria-labelledby="{own}t {own}d">\n'
        f'<title id="{own}t">{safe(title)}</title>\n<desc id="{own}d">{safe(words, limit=4000)}</desc>\n'
        f"{style}"
        f'<rect class="paper" width="{number(scene.width)}" height="{number(height)}"/>\n'
        f"{body}</svg>\n"
    )
