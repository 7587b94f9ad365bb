"""SVG: a picture of a view, alike nodes in one mark, data flowing from left to right.

Artifacts are rounded, executions boxes, contexts folders; a group is a stack of them. What is gone, purged or failed has
a sign, and the legend below says what there is. A picture shows labels: it holds no properties, and shows more
in the titles that a pointer brings up. It needs neither script nor network, follows a dark screen and prints.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import IO

from lineage.answers.view import View, view_of
from lineage.formats.streams import graph_of
from lineage.formats.svg.picture import picture
from lineage.model.rows import Batch

__all__ = ["draw", "dump"]


def draw(
    view: View, target: IO[bytes], *, highlight: Collection[str] | None = None
) -> Collection[str]:
    """Write a view as it is; `highlight`, ids of marks, dims all others. Say where alike nodes are one mark.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     model = store.put(lineage.Model(name="churn"))
    ...     text = store.upstream(model).view().to_svg()
    >>> text.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    True
    """
    target.write(picture(view, highlight).encode())
    nodes, marks = sum(mark.count for mark in view.marks), len(view.marks)
    if nodes == marks:
        return ()
    return (f"the picture has {marks} marks for {nodes:,} nodes: alike ones are one",)


def dump(batches: Iterable[Batch], target: IO[bytes]) -> Collection[str]:
    """Write a graph as a view of 60 marks at most, as `draw` does."""
    return draw(view_of(graph_of(batches)), target)
