"""Puts types, nodes and edges of any mixture: the rules of each are in the modules beside this one.

Each function of these modules runs in the thread's transaction or in one of its own, takes the write
lock first and checks everything before the first row is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, groupby
from typing import Any, get_args
from weakref import WeakKeyDictionary

from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.transaction import Author
from lineage.errors import Invalid, excerpt
from lineage.model.entities import Edge, Entity, Node
from lineage.model.marks import UNMARKED, Marks
from lineage.model.rows import as_stored, entities_of
from lineage.model.schema import NodeType
from lineage.recording.edges import put_edges
from lineage.recording.marking import marked
from lineage.recording.nodes import put_nodes
from lineage.recording.types import put_types

__all__ = ["put"]


def put(
    backend: Backend,
    items: Sequence[Any],
    author: Author,
    *,
    can_add: bool = False,
    can_omit: bool = False,
    marks: Marks = UNMARKED,
) -> list[Entity]:
    """Write types, then nodes with the marks, then edges, in one transaction; return each as it is stored, in order."""
    parts: tuple[list[Any], list[Any], list[Any]] = [], [], []
    for cls, same in groupby(items, type):
        part, group = _part(cls), list(same)
        if part is None:
            raise Invalid(
                f"{excerpt(group[0])} cannot be put; give types, artifacts, executions, contexts or edges"
            )
        parts[part].extend(group)
    types, nodes, edges = parts
    if any(marks):
        if types or edges:
            raise Invalid(
                f"{excerpt((types or edges)[0])} takes no tags and no note; put it apart from the nodes"
            )
        nodes = [marked(node, marks) for node in nodes]
    with backend.transaction(actor=author.actor, message=author.message):
        stored: list[Sequence[Entity]] = [[], [], []]
        if types:
            stored[0] = put_types(backend, types, author, can_add=can_add, can_omit=can_omit)
        if nodes:
            rows = put_nodes(backend, nodes, author)
            known = registry(backend).by_id
            stored[1] = [
                each
                for cls, group in groupby(zip(rows, nodes, strict=True), lambda pair: type(pair[1]))
                for each in entities_of([row for row, _ in group], known, cls)
            ]
        if edges:
            stored[2] = list(map(as_stored, edges, put_edges(backend, edges, author)))
    if sum(map(bool, stored)) == 1:
        return [*chain(*stored)]
    left = [*map(iter, stored)]
    return [next(left[_part(type(each)) or 0]) for each in items]


_PARTS: WeakKeyDictionary[type, int] = WeakKeyDictionary()
"""In which part of a batch a class's objects are written: as types, nodes or edges."""


def _part(cls: type) -> int | None:
    part = _PARTS.get(cls)
    if part is None:
        bases = ((NodeType,), (Node,), get_args(Edge))
        part = next((place for place, some in enumerate(bases) if issubclass(cls, some)), None)
        if part is not None:
            _PARTS[cls] = part
    return part
