"""Answers: walks over the graph and the subgraphs that people see.

Upstream is against the flow of data, towards what something was made from; downstream is along
it. An answer is a value: it stays right after the store has moved on or been closed.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, cast

from typing_extensions import TypeVar, override

from lineage.answers import conversions
from lineage.answers.conversions import Frames, Tables
from lineage.answers.marks import Graph
from lineage.answers.notebook import fields_html, node_cells
from lineage.answers.picturing import PICTURED, Pictured
from lineage.contract.format import Batches, draws, dumper, text_of
from lineage.contract.standing import written_by_failures
from lineage.contract.walking import Cut, Direction, Walk
from lineage.errors import Corrupt, LineageError
from lineage.model.entities import Edge, Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.notebook import CELL, ROWS, html_answer, safely
from lineage.model.rows import NodeRow, edge_of, entities_of, entity_of
from lineage.model.schema import AnyType
from lineage.model.texts import shown

if TYPE_CHECKING:
    import networkx

    from lineage.answers.view import View

__all__ = ["Copy", "Subgraph"]

_LOGGER = logging.getLogger("lineage")
NodeT_co = TypeVar("NodeT_co", bound=Node, covariant=True, default=Node)


class Copy(NamedTuple):
    """An artifact that a run wrote, and one with the same digest that nobody is recorded to have written."""

    original: NodeKey
    copy: NodeKey

    def _repr_html_(self) -> str:
        return safely(lambda: fields_html("Copy", self._asdict().items()), "Copy")


class Subgraph(Pictured, Generic[NodeT_co]):
    """Nodes and the edges among them, nearest to the start first.

    `matches` are the nodes of the type that was asked for (all nodes, where none was) without the
    start, and never disconnect the answer. `truncated` is None for a whole answer, else the limit
    that cut it and the kept nodes that lead further. `number` is the transaction that the answer
    is as of. One that `has_writers` was walked upstream, and holds all that wrote its artifacts. `notes`
    name what only runs that failed wrote: data flowed through them all the same; artifacts that
    nobody wrote with twins that runs wrote; and steps that read no data set, with what their parents read, where no
    event leads from one to the other. `copies` are the hops through copies that it took.
    """

    def __init__(
        self,
        walk: Walk,
        rows: Mapping[NodeKey, NodeRow],
        types: Mapping[int, AnyType],
        *,
        number: int,
        matching: Collection[int] | None = None,
        cls: type[NodeT_co] | None = None,
        has_writers: bool = False,
        copies: Sequence[Copy] = (),
        remarks: Sequence[str] = (),
    ) -> None:
        self._walk = walk
        self._found = rows
        self._known = types
        self._matching = matching
        self._cls = cls
        self._has_writers = has_writers
        self._remarks = remarks
        self.copies = tuple(copies)
        self.number = number
        if len(rows) < len(self):
            missing = next(key for key in walk.keys if key not in rows)
            raise Corrupt(
                f"an edge leads to {missing}, which is not there; run a check of the store"
            )

    @cached_property
    def _rows(self) -> list[NodeRow]:
        return [self._found[key] for key in self._walk.keys]

    @cached_property
    def _types(self) -> dict[int, AnyType]:
        """The types of the nodes."""
        used = {row.type_id for row in self._rows}
        return {number: each for number, each in self._known.items() if number in used}

    @property
    def keys(self) -> list[NodeKey]:
        """The nodes' keys, nearest first."""
        return self._walk.keys

    @property
    def truncated(self) -> Cut | None:
        """None for a whole answer, else why and where it was cut."""
        return self._walk.cut

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes, nearest first; a deleted one is `gone`."""
        return tuple(entities_of(self._rows, self._types))

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """The edges among the nodes, by source, target and type."""
        return tuple(edge_of(row) for row in self._walk.edges)

    @cached_property
    def matches(self) -> tuple[NodeT_co, ...]:
        """The nodes of the type asked for, nearest first, without the start."""
        matching = (
            row
            for row in self._rows[len(self._walk.levels[0]) :]
            if self._matching is None or row.type_id in self._matching
        )
        return tuple(cast(list[NodeT_co], entities_of(matching, self._types, self._cls)))

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what nobody but runs that failed wrote, as far as the answer goes, and on copies."""
        states = {row.key: row.state for row in self._rows if row.key.kind is Kind.EXECUTION}
        whole = self._has_writers and self._walk.cut is None
        failures = written_by_failures(states, self._walk.edges, whole=whole)
        return (*failures.values(), *self._remarks)

    def saying(self, remarks: Sequence[str]) -> Subgraph[NodeT_co]:
        """Return the answer with these sentences among its notes, too."""
        if not remarks:
            return self
        return Subgraph(
            self._walk,
            self._found,
            self._known,
            number=self.number,
            matching=self._matching,
            cls=self._cls,
            has_writers=self._has_writers,
            copies=self.copies,
            remarks=(*remarks, *self._remarks),
        )

    @cached_property
    def distances(self) -> dict[NodeKey, int]:
        """How many edges each node is away from the start; a hop through a copy counts as one."""
        return {key: hops for hops, level in enumerate(self._walk.levels) for key in level}

    def batches(self) -> Batches:
        """Return the answer as what formats write: one batch of types, nodes and edges."""
        return self.graph().batches()

    def view(
        self,
        *,
        budget: int = 60,
        show: Literal["all", "artifacts", "executions"] = "all",
        by: str = "",
        opened: Sequence[str] = (),
        pinned: Sequence[NodeKey] = (),
    ) -> View:
        """Return the answer in few marks, alike nodes together, as `view_of` does.

        It knows neither contexts nor aliases: `Store.view` does, and puts together by runs, too.
        """
        from lineage.answers.view import view_of

        return view_of(self.graph(), budget=budget, show=show, by=by, opened=opened, pinned=pinned)

    def graph(self) -> Graph:
        """Return what a view of the answer is made of."""
        return Graph(
            nodes=self._rows,
            edges=self._walk.edges,
            types=self._types,
            number=self.number,
            focus=tuple(self._walk.levels[0]),
            cuts=() if self.truncated is None else (self.truncated,),
            notes=self.notes,
        )

    def export(self, format: str) -> str:
        """Return the answer in a format, such as "svg", "mermaid", "dot", "gexf" or "node-link".

        A picture is that of its view. What the format cannot hold is logged as a warning. One that is no text, such
        as "png", is `Invalid`.
        """
        target = BytesIO()
        if draws(format):
            losses = self.view().draw(format, target)
        else:
            losses = dumper(format).dump(self.batches(), target)
        text = text_of(target.getvalue(), format)
        for loss in losses:
            _LOGGER.warning("%s: %s", format, loss)
        return text

    def to_svg(
        self,
        *,
        highlight: Sequence[NodeKey] = (),
        direction: Direction | Literal["upstream", "downstream", "both"] = Direction.BOTH,
    ) -> str:
        """Return a picture of the answer in 60 marks at most; the options are those of `View.export`."""
        return self.view().to_svg(highlight=highlight, direction=direction)

    def to_html(self) -> str:
        """Return a page that shows the answer, opens its groups and searches it, from a file and without a network."""
        return self.export("html")

    def to_networkx(self) -> networkx.MultiDiGraph[str]:
        """Return a NetworkX graph: nodes by key as text, their content and distance as attributes."""
        return conversions.to_networkx(self.nodes, self.edges, self.distances)

    def to_pandas(self) -> Frames:
        """Return a pandas frame of nodes, with a column for each property, and one of edges."""
        return conversions.to_pandas(self.nodes, self.edges, self.distances)

    def to_arrow(self) -> Tables:
        """Return an Arrow table of nodes, with a column for each property, and one of edges."""
        return conversions.to_arrow(self.nodes, self.edges, self.distances)

    def __len__(self) -> int:
        return sum(map(len, self._walk.levels))

    def __contains__(self, key: object) -> bool:
        return key in self.distances

    def __repr__(self) -> str:
        cut = f", cut by {self.truncated.limit}" if self.truncated else ""
        return (
            f"<Subgraph: {len(self)} nodes, {len(self._walk.edges)} edges as of {self.number}{cut}>"
        )

    @override
    def _svg(self) -> str | None:
        return self.to_svg() if 0 < len(self) <= PICTURED else None

    @override
    def _html(self) -> str:
        rows = [(self.distances[row.key], *self._cells(row)) for row in self._rows[:ROWS]]
        header = ("distance", "key", "type", "label")
        return html_answer(
            repr(self)[1:-1], header, rows, more=len(self) - len(rows), notes=self.notes
        )

    def _cells(self, row: NodeRow) -> tuple[str, ...]:
        """Return a node's cells; those of one that cannot be read say so."""
        # Properties are only shown where there is neither name nor URI, and they may be large.
        seen = row._replace(properties="{}", custom="{}") if row.name or row.uri else row
        try:
            return node_cells(entity_of(seen, self._types))
        except LineageError as error:
            return str(row.key), "", shown(str(error), limit=CELL)
