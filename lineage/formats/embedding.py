"""What a page holds of a view: nodes, edges and groups as columns of JSON, deflated."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias, TypedDict

from lineage.answers.indexed import Indexed
from lineage.answers.layout import layout
from lineage.answers.names import name_of, state_of
from lineage.answers.opening import PAGE
from lineage.answers.view import Mark, MarkEdge, View
from lineage.errors import LineageError
from lineage.formats.pictures import is_containment
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeKind, NodeRow, entity_of
from lineage.model.schema import AnyType
from lineage.model.texts import printable, shown

__all__ = [
    "GAPS",
    "MOST_EDGES",
    "MOST_NODES",
    "SIZE",
    "TEXT",
    "Embedded",
    "content_of",
    "embedded",
    "placed",
    "title_of",
]

MOST_NODES, MOST_EDGES = 20_000, 100_000
"""Of more a page holds groups alone."""
TEXT = 1_000
"""How many characters of a name, a URI or a property a page holds."""
PROPERTIES = 6_000_000
"""How many characters of properties a page holds in all."""
PER_NODE = 200
"""How many properties of one node a page holds."""
SIZE, GAPS = (156.0, 42.0), (48.0, 20.0)
"""The size of a mark, and the space between layers and between the marks of one."""
HELD = 4
"""How many marks a context holds by lines at most; those of one that holds more would hide the flow of data."""

_Json: TypeAlias = dict[str, object]


class Embedded(NamedTuple):
    """What a page holds, as base 64 of deflated JSON, and sentences on what it lacks."""

    text: str
    losses: tuple[str, ...]


def embedded(view: View, title: str) -> Embedded:
    """Return what a page holds of a view, as text."""
    content, losses = content_of(view, title)
    plain = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Embedded(b64encode(zlib.compress(plain, 9)).decode(), losses)


def title_of(view: View) -> str:
    """Return what a view is of, for people."""
    focus = [mark.label for mark in view.marks if mark.is_focus]
    return f"Lineage of {', '.join(focus[:3])}" if focus else "Lineage"


def content_of(
    view: View, title: str, *, is_served: bool = False
) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return what a page holds of a view, and sentences on what it lacks.

    `web/src/source.ts` says what is where, and reads it. A page that `is_served` asks for properties, and for groups
    of more than it holds, when somebody looks at them.
    """
    closed = view.close(*(each.partition("=")[0] for each in view.opened))
    graph = Indexed(view.graph)
    is_whole = len(graph) <= MOST_NODES and len(graph.sources) <= MOST_EDGES
    texts = _Texts(0 if is_served else PER_NODE)
    parts = _whole(graph, view, closed, texts) if is_whole else _groups(graph, view, texts)
    losses = [*texts.losses()]
    if not is_whole and not is_served:
        losses.append(
            f"{len(graph):,} nodes with {len(graph.sources):,} edges are too many for a page: it holds "
            f"their {len(view.marks)} groups, which it cannot open; export less"
        )
    notes = [printable(note, limit=TEXT) for note in (*view.notes, *losses)]
    content = {
        "title": title,
        "number": view.number,
        "total": len(graph),
        "whole": is_whole,
        "notes": notes,
        **parts,
        **placed(view),
    }
    return content, tuple(losses)


class _Texts:
    """Texts as a page holds them: in one printable line, and cut where they are long."""

    def __init__(self, per_node: int) -> None:
        self.names: dict[str, int] = {}
        """The names of properties, and the place of each."""
        self._per_node = per_node
        """How many properties of one node are held; 0 where none are."""
        self._cut = 0
        self._room = PROPERTIES
        self._lacking = 0

    def losses(self) -> Iterator[str]:
        if self._cut:
            yield f"{self._cut:,} texts of more than {TEXT:,} characters are cut; the store has them whole"
        if self._lacking:
            yield f"{self._lacking:,} nodes have more properties than the page has room for; the store has all"

    def of(self, text: str | None) -> str:
        if not text:
            return ""
        line = printable(text, limit=TEXT)
        self._cut += _is_cut(text, line)
        return line

    def properties(self, row: NodeRow, types: Mapping[int, AnyType]) -> list[int | str]:
        """Return a node's properties: the place of each name, and the value as people read it, by turns."""
        if row.properties == row.custom == "{}" or row.salt is None or not self._per_node:
            return []
        try:
            node = entity_of(row, types)
        except LineageError:
            return []  # a picture of a damaged store is what finds the damage
        found: list[int | str] = []
        every = [*node.properties.items(), *node.custom_properties.items()]
        for name, value in every[: self._per_node]:
            text = shown(value, limit=TEXT)
            if self._room < len(text):
                break
            self._room -= len(text)
            self._cut += _is_cut(value, text)
            found += self.names.setdefault(self.of(name), len(self.names)), text
        self._lacking += len(found) < 2 * len(every)
        return found


def _is_cut(value: object, line: str) -> bool:
    """Whether a line that was made of a value, escapes and all, had no room for the whole of it."""
    return line.endswith("…") and not (isinstance(value, str) and value.endswith("…"))


def _whole(graph: Indexed, view: View, closed: View, texts: _Texts) -> _Json:
    """Return all nodes and edges, each group's members, and which of these are marks of their own."""
    source = graph.graph
    aliases = [source.aliases.get(key, ()) for key in graph.keys]
    labels = [
        name_of(row, source.types, each) for row, each in zip(graph.rows, aliases, strict=True)
    ]
    nodes = _columns(graph.rows, labels, texts)
    nodes["alias"] = [[texts.of(each) for each in some] for some in aliases]
    nodes["properties"] = [texts.properties(row, source.types) for row in graph.rows]
    place = graph.place
    parts = view.parts()
    units = [_unit_of(mark, place, parts.get(mark.id, ())) for mark in closed.marks]
    edges = sorted(zip(graph.sources, graph.targets, graph.kinds, strict=True))
    return {
        **_types(graph.rows, source.types, nodes),
        "properties": list(texts.names),
        "badges": {
            place: texts.of(source.badges[key])
            for place, key in enumerate(graph.keys)
            if key in source.badges
        },
        "ends": [place for place, key in enumerate(graph.keys) if key in graph.beyond],
        "edges": _edges(edges),
        "units": units,
        "links": [],
        "inner": {},
        **_singles(view, closed, parts),
    }


def _groups(graph: Indexed, view: View, texts: _Texts) -> _Json:
    """Return a node for each mark, which stands for all of its members, and the marks' edges."""
    rows = [graph.rows[graph.place[mark.keys[0]]] for mark in view.marks]
    nodes = _columns(rows, [_label(mark) for mark in view.marks], texts)
    nodes["alias"] = [[]] * len(rows)
    nodes["properties"] = [[]] * len(rows)
    places, parts = _places(view), view.parts()
    links = [_link(edge, places) for edge in view.edges]
    edges = [(link["source"], link["target"], min(link["kinds"])) for link in links]
    return {
        **_types(rows, graph.graph.types, nodes),
        "properties": [],
        "badges": {},
        "ends": [],
        "edges": _edges(edges),
        "units": [
            _unit(mark, [number])
            | {"within": mark.within, "size": len(parts.get(mark.id, mark.keys))}
            for number, mark in enumerate(view.marks)
        ],
        "links": [link for link in links if link["source"] != link["target"]],
        "inner": view.inner_openings(),
        "opened": [(each.partition("=")[0], PAGE) for each in view.opened],
        "pinned": [],
    }


class _Link(TypedDict):
    source: int
    target: int
    count: int
    kinds: list[int]
    sources: int
    ofSources: int
    targets: int
    ofTargets: int
    label: str


def _link(edge: MarkEdge, places: Mapping[str, int]) -> _Link:
    return {
        "source": places[edge.source],
        "target": places[edge.target],
        "count": edge.count,
        "kinds": [EdgeKind[kind].value for kind in edge.kinds],
        "sources": edge.sources,
        "ofSources": edge.of_sources,
        "targets": edge.targets,
        "ofTargets": edge.of_targets,
        "label": edge.label,
    }


def _places(view: View) -> dict[str, int]:
    return {mark.id: number for number, mark in enumerate(view.marks)}


def _columns(rows: Sequence[NodeRow], labels: Sequence[str], texts: _Texts) -> _Json:
    return {
        "kind": "".join(row.key.kind[0] for row in rows),
        "id": _differences([row.key.id for row in rows]),
        "label": labels,
        "name": [texts.of(row.name) for row in rows],
        "uri": [texts.of(row.uri) for row in rows],
        "external": [texts.of(row.external_id) for row in rows],
        "state": [state_of(row) for row in rows],
        "created": _differences([row.created // 1000 for row in rows]),
        "updated": _differences([row.updated // 1000 for row in rows]),
        "since": [row.since for row in rows],
    }


def _types(rows: Sequence[NodeRow], types: Mapping[int, AnyType], nodes: _Json) -> _Json:
    """Return the names of the types that nodes are of, and the nodes with a column of the places of theirs."""
    used = sorted({row.type_id for row in rows})
    place = {each: number for number, each in enumerate(used)}
    names = [printable(types[each].name, limit=TEXT) if each in types else "" for each in used]
    return {"types": names, "nodes": {**nodes, "type": [place[row.type_id] for row in rows]}}


def _edges(edges: Sequence[tuple[int, int, int]]) -> _Json:
    """Return edges, in the order of their sources, as columns."""
    return {
        "source": _differences([source for source, _, _ in edges]),
        "target": [target for _, target, _ in edges],
        "kind": [kind for _, _, kind in edges],
    }


def _differences(column: list[int]) -> list[int]:
    """Return the first number, and of each other one what it is more than the one before: small numbers."""
    return [*column[:1], *(after - before for before, after in pairwise(column))]


def _label(mark: Mark) -> str:
    """Return what a mark is called without its count, which the page writes beside it."""
    return mark.label.rpartition(" ×")[0] if mark.rule else mark.label


def _unit_of(mark: Mark, place: Mapping[NodeKey, int], parts: Sequence[Mark]) -> _Json:
    """Return a mark with the places of its members, and of a group of groups what it opens as."""
    unit = _unit(mark, [place[key] for key in mark.keys])
    if parts:
        unit["parts"] = [
            _unit_of(part, place, ()) if part.rule else place[part.keys[0]] for part in parts
        ]
    return unit


def _unit(mark: Mark, nodes: Sequence[int]) -> _Json:
    return {
        "id": mark.id,
        "kind": mark.kind[0],
        "type": printable(mark.type, limit=TEXT),
        "label": _label(mark),
        "count": mark.count,
        "nodes": nodes,
        "rule": mark.rule,
        "state": mark.state,
        "focus": mark.is_focus,
        "continues": mark.continues,
        "title": mark.title,
        "badge": mark.badge,
        "role": mark.role,
        "cycle": mark.is_false_cycle,
    }


def _singles(view: View, closed: View, parts: Mapping[str, Sequence[Mark]]) -> _Json:
    """Return which members of groups are marks of their own: of each open group how many, the nearest, and others."""
    there = {mark.id for mark in view.marks}
    there.update(mark.within for mark in view.marks)
    opened: list[tuple[str, int]] = []
    pinned: list[NodeKey] = []
    for mark in closed.marks:
        inside = [part for part in parts.get(mark.id, ()) if part.rule]
        for group in (mark, *inside) if mark.rule else ():
            members = [part.id for part in parts.get(group.id, ())] or [*map(str, group.keys)]
            shown = there.intersection(members)
            if not shown:
                continue
            if shown == set(members[: len(shown)]):
                opened.append((group.id, len(shown)))
            else:
                pinned += [key for key in group.keys if str(key) in there]
    return {"opened": opened, "pinned": [*map(str, pinned)]}


def _holds(edge: MarkEdge) -> bool:
    return all(is_containment(EdgeKind[kind]) for kind in edge.kinds)


def placed(view: View) -> dict[str, Any]:
    """Return where the marks stand at first, and the points that their edges pass, by source and target."""
    places = _places(view)
    edges = [edge for edge in view.edges if edge.source != edge.target]
    held = Counter(edge.source for edge in edges if _holds(edge))
    lines = [edge for edge in edges if not _holds(edge) or held[edge.source] <= HELD]
    pairs = sorted((places[edge.source], places[edge.target]) for edge in lines)
    count = len(view.marks)
    x, y, bends, *_ = layout(count, pairs, sizes=[SIZE] * count, gaps=GAPS)
    return {"size": SIZE, "gaps": GAPS, "x": x, "y": y, "bends": bends}
