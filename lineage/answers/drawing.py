"""Turns groups of nodes into marks and edges: ids, labels, details, counts."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from lineage.answers.grouping import Bundle, Bundles, circles, has_circle
from lineage.answers.groups import Group
from lineage.answers.indexed import Indexed
from lineage.answers.marks import Mark, MarkEdge
from lineage.answers.names import details_of, name_of, short_type
from lineage.model.keys import Kind
from lineage.model.rows import EdgeKind
from lineage.model.texts import printable

__all__ = ["Drawn", "drawn_edges", "drawn_mark", "drawn_of", "on_false_cycles", "told_apart"]

LISTED = 5
"""How many members a group's details name."""
SHARED = 40
"""How many characters of a name are shown that several nodes have."""
RULES = {
    "exact": "alike in every way: its edges hold for every node",
    "alike": "alike as far as the number of marks allows",
    "type": "of one type; more marks would tell them apart",
    "others": "what is rare in its type, or of rare types",
    "run": "of one run",
    "versions": "versions of one thing",
    "folder": "of one folder",
    "rest": "what is left of a group that was opened",
}
"""What makes a group, in words."""


_MORE = {"others": ", others", "rest": ", more"}


class Drawn(NamedTuple):
    """A group that is a mark, its id, and the id of the opened group that it is from."""

    group: Group
    id: str
    within: str = ""


def drawn_of(graph: Indexed, group: Group, *, within: str = "") -> Drawn:
    """Name a mark: by a node's key, or by a digest of what makes the group, at a moment."""
    keys = graph.keys
    if not group.rule:
        return Drawn(group, str(keys[group.members[0]]), within)
    first = min(keys[place] for place in group.members)
    last = max(keys[place] for place in group.members)
    said = (
        f"{graph.graph.number} {group.look.kind} {group.look.type!r} {first} {last} "
        f"{len(group.members)} {group.rule}"
    )
    digest = hashlib.sha256(said.encode(errors="surrogatepass")).digest()
    return Drawn(group, f"g:{b32encode(digest)[:10].decode().lower()}", within)


def drawn_mark(graph: Indexed, drawn: Drawn, *, is_false_cycle: bool) -> Mark:
    """Return a group as a mark."""
    group = drawn.group
    keys = tuple(map(graph.keys.__getitem__, group.members))
    label, title = _words(graph, group)
    if is_false_cycle:
        title = (*title, "⟳ on a cycle that comes from the grouping: its nodes are on none")
    return Mark(
        id=drawn.id,
        kind=group.look.kind,
        type=group.look.type,
        label=label,
        count=len(keys),
        keys=keys,
        rule=group.rule,
        state=group.look.state,
        is_focus=not graph.focus.isdisjoint(keys),
        continues=bool(graph.beyond) and not graph.beyond.isdisjoint(keys),
        role=group.look.role,
        badge="" if group.rule else graph.graph.badges.get(keys[0], ""),
        title=title,
        within=drawn.within,
        is_false_cycle=is_false_cycle,
    )


def told_apart(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """Return marks of which no two nodes of a kind are called the same: by their ids, where nothing else does it."""
    taken = Counter(mark.label for mark in marks if not mark.rule)
    return tuple(
        replace(mark, label=f"{printable(mark.label, limit=SHARED)} #{mark.keys[0].id}")
        if not mark.rule and taken[mark.label] > 1
        else mark
        for mark in marks
    )


def _words(graph: Indexed, group: Group) -> tuple[str, tuple[str, ...]]:
    """Return the label of a mark, and its details."""
    source = graph.graph
    rows = [graph.rows[place] for place in group.members[:LISTED]]
    pointing = [source.aliases.get(row.key, ()) for row in rows]
    if not group.rule:
        details = details_of(rows[0], source.types, pointing[0])
        return name_of(rows[0], source.types, pointing[0]), details
    count = len(group.members)
    told = group.name or _what(group)
    more = _MORE.get(group.rule, "") if group.look.type else ""
    size = f"×{len(group.parts):,} ({count:,} nodes)" if group.parts else f"×{count:,}"
    names = [name_of(row, source.types, each) for row, each in zip(rows, pointing, strict=True)]
    if count > LISTED:
        names.append(f"and {count - LISTED:,} more")
    label = f"{told}{more} {size}"
    rule = RULES.get(group.rule, f"held by one {group.rule}")
    return label, (label, rule, group.look.state, *names) if group.look.state else (
        label,
        rule,
        *names,
    )


def _what(group: Group) -> str:
    if group.look.type:
        return short_type(group.look.type)
    return f"other {group.look.kind}s"


def drawn_edges(
    graph: Indexed, drawn: Sequence[Drawn], *, hidden: Collection[Kind]
) -> list[MarkEdge]:
    """Return the counted edges between marks, by source and target in their order.

    What goes on inside one run, or another group that was chosen, is not an edge. Where artifacts or executions are
    hidden each is an edge from what is before it to what is after it.
    """
    groups, inside = [-1] * len(graph), [0] * len(graph)
    chosen = 0
    for number, each in enumerate(drawn):
        for place in each.group.members:
            groups[place] = number
        for part in each.group.parts or (each.group,):
            if part.is_chosen:
                chosen += 1
                for place in part.members:
                    inside[place] = chosen
    edges = zip(graph.sources, graph.targets, graph.kinds, strict=True)
    counted = Bundles(groups)
    counted.add(edge for edge in edges if not chosen or not 0 < inside[edge[0]] == inside[edge[1]])
    if hidden:
        _join_hidden(graph, groups, counted)
    return [_edge(graph, drawn, bundle) for bundle in counted]


def _join_hidden(graph: Indexed, groups: Sequence[int], counted: Bundles) -> None:
    kinds = [0] * len(graph)
    for source, target, kind in zip(graph.sources, graph.targets, graph.kinds, strict=True):
        kinds[source] |= 1 << kind
        kinds[target] |= 1 << kind
    for place in graph.of_kinds((Kind.ARTIFACT, Kind.EXECUTION)):
        if groups[place] < 0:
            before, after = graph.links.before[place], graph.links.after[place]
            counted.join(place, before, after, kinds[place])


def _edge(graph: Indexed, drawn: Sequence[Drawn], bundle: Bundle) -> MarkEdge:
    source, target = drawn[bundle.source], drawn[bundle.target]
    return MarkEdge(
        source=source.id,
        target=target.id,
        count=bundle.edges,
        kinds=tuple(kind.name for kind in EdgeKind if bundle.kinds >> kind & 1),
        sources=bundle.sources,
        of_sources=len(source.group.members),
        targets=bundle.targets,
        of_targets=len(target.group.members),
        label=_through(graph, bundle.through),
    )


def _through(graph: Indexed, places: Collection[int]) -> str:
    """Return what is written at an edge that stands for nodes: the name of one, or the types of several."""
    looks = [graph.looks[graph.look[place]] for place in sorted(places)]
    if len(places) == 1:
        row, look = graph.rows[min(places)], looks[0]
        pointing = graph.graph.aliases.get(row.key, ())
        is_named = row.name or row.uri
        name = name_of(row, graph.graph.types, pointing) if is_named else short_type(look.type)
        return f"{name} ({look.state})" if look.state else name
    counts = Counter(short_type(look.type) for look in looks)
    told = [f"{name} ×{count:,}" for name, count in counts.most_common(2)]
    return ", ".join([*told, *(["…"] if len(counts) > 2 else [])])


def on_false_cycles(
    graph: Indexed, drawn: Sequence[Drawn], edges: Sequence[MarkEdge]
) -> frozenset[str]:
    """Return the groups on cycles of marks whose nodes are on none together."""
    place = {each.id: number for number, each in enumerate(drawn)}
    after: list[list[int]] = [[] for _ in drawn]
    for edge in edges:
        after[place[edge.source]].append(place[edge.target])
    false: set[str] = set()
    for group in circles(after):
        members = {node for number in group for node in drawn[number].group.members}
        if not has_circle(graph.links, members):
            false.update(drawn[number].id for number in group if drawn[number].group.rule)
    return frozenset(false)
