"""Node-link JSON: all of a graph, lossless in and out, in the shape that NetworkX reads.

`networkx.node_link_graph(json.load(file), edges="edges")` makes a `MultiDiGraph` of it: nodes by
key as text, edges keyed by their kind, types among the graph's attributes. Property maps stand as
`lineage.model.values` keeps them at rest. docs/formats.md describes every field.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import IO, Generic, TypeVar

from lineage.errors import Invalid
from lineage.formats.entries import (
    NodeTexts,
    edge_data,
    edge_texts,
    node_data,
    type_data,
    type_texts,
)
from lineage.formats.node_link.reading import FORMAT, VERSION, read
from lineage.formats.streams import types_first
from lineage.model.rows import Batch
from lineage.model.schema import AnyType

__all__ = ["dump", "edge_data", "load", "node_data", "type_data"]


def dump(batches: Iterable[Batch], target: IO[bytes]) -> Collection[str]:
    """Write a graph, one type, node or edge a line; nothing is lost.

    >>> import io, lineage
    >>> with lineage.connect("memory:") as store:
    ...     model = store.put(lineage.Model(name="churn"))
    ...     text = store.upstream(model).export("node-link")
    >>> '"name":"churn"' in text
    True
    """
    types, rest = types_first(batches)
    number = getattr(batches, "number", None)
    _write_head(target, types.values(), number)
    nodes, edges = _Lines(target, NodeTexts(types).of), _Lines(target, edge_texts)
    turned = False
    for batch in rest:
        if turned and batch.nodes:
            raise Invalid(f"{batch.nodes[0].key} comes after edges; give all nodes before them")
        nodes.write(batch.nodes)
        if batch.edges and not turned:
            target.write(_TURN)
            turned = True
        edges.write(batch.edges)
    target.write(_END if turned else _TURN + _END)
    return ()


_TURN = b'\n],"edges":['
_END = b"\n]}\n"
RowT = TypeVar("RowT")


def _write_head(target: IO[bytes], types: Iterable[AnyType], number: int | None) -> None:
    moment = "" if number is None else f'"transaction":{number},'
    target.write(
        f'{{"directed":true,"multigraph":true,"graph":{{"format":"{FORMAT}","version":{VERSION},{moment}"types":['.encode()
    )
    _Lines(target, type_texts).write(list(types))
    target.write(b'\n]},"nodes":[')


class _Lines(Generic[RowT]):
    """The items of a JSON list, one a line."""

    def __init__(self, target: IO[bytes], texts: Callable[[Sequence[RowT]], list[str]]) -> None:
        self._target = target
        self._texts = texts
        self._comma = ""

    def write(self, rows: Sequence[RowT]) -> None:
        if rows:
            self._target.write((self._comma + "\n" + ",\n".join(self._texts(rows))).encode())
            self._comma = ","


def load(source: IO[bytes]) -> Iterator[Batch]:
    """Return a graph's types, nodes and edges; the file is read and checked wholly before.

    `Invalid` names the line and column of what is no JSON, and the place of what is wrong in it,
    such as `nodes[3].properties.depth`. Files that NetworkX wrote of such a graph are read too;
    a node-link file without lineage's types is refused.
    """
    return iter(read(source.read()))
