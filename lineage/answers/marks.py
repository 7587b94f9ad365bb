"""What a view draws: its graph, and the marks and edges that stand for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lineage.answers.notebook import Part
from lineage.contract.format import Batches
from lineage.contract.walking import Cut
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, EdgeRow, NodeRow, TypeRow
from lineage.model.schema import AnyType

__all__ = ["EMPTY", "Graph", "Mark", "MarkEdge"]


class Graph(NamedTuple):
    """What a view is made of, and keeps: an answer's rows, in any order.

    `focus` are the nodes that were asked about, `cuts` the limits that cut the answer, `notes` its sentences.
    `aliases` say what points at a node, such as "production", `holders` which contexts hold it, as far as a view is to
    put together what they hold; `roles` and `badges` are what a picture of another answer than a lineage marks.
    """

    nodes: Sequence[NodeRow]
    edges: Sequence[EdgeRow]
    types: Mapping[int, AnyType]
    number: int = 0
    focus: tuple[NodeKey, ...] = ()
    cuts: tuple[Cut, ...] = ()
    notes: tuple[str, ...] = ()
    aliases: Mapping[NodeKey, tuple[str, ...]] = {}
    holders: Mapping[NodeKey, tuple[NodeRow, ...]] = {}
    roles: Mapping[NodeKey, str] = {}
    badges: Mapping[NodeKey, str] = {}

    def batches(self) -> Batches:
        """Return the rows as what formats write: one batch of types, nodes and edges."""
        types = [TypeRow(each, 0) for each in self.types.values()]
        whole = Batch(types=types, nodes=self.nodes, edges=self.edges)
        return Batches([whole], number=self.number, focus=self.focus, cuts=self.cuts)


EMPTY = Graph((), (), {})


@dataclass(frozen=True, slots=True)
class Mark(Part):
    """A node of a view, or a group of nodes.

    `id` is a node's key as text, or begins with `g:`; a group's stays what it is as long as the moment and
    its members do. `label` is what people call it, in one printable line; `title` has more lines, the whole name first.
    `keys` are all members, nearest to the focus first. `rule` says what makes a group: "" of one node, "exact" where
    its edges hold for every member, "alike" where the budget ended the search for differences, "type" and "others"
    where a type, or what is rare in it, is one group, "run", "versions", "folder" or the type of a context where
    these were asked for, and "rest" what is left of a group of which a page was opened. `state` is "" unless something is
    worth a mark: "gone", "purged", "failed", "running", "canceled" and so on, of a group where all are so. A mark that
    `continues` leads further than the answer, which a limit cut. `role` and `badge` are those of pictures of other
    answers. `within` is the opened group that it came from. `is_false_cycle` says that the group is on a cycle that
    its members are not on.
    """

    id: str
    kind: Kind
    type: str
    label: str
    count: int
    keys: tuple[NodeKey, ...]
    rule: str = ""
    state: str = ""
    is_focus: bool = False
    continues: bool = False
    role: str = ""
    badge: str = ""
    title: tuple[str, ...] = ()
    within: str = ""
    is_false_cycle: bool = False


@dataclass(frozen=True, slots=True)
class MarkEdge(Part):
    """All edges from the members of one mark to those of another, along the flow of data.

    `count` are the edges, `kinds` their kinds by name. `sources` of the `of_sources` members of the source have one, and
    `targets` of the `of_targets` members of the target. `label` names an execution, or an artifact, that is not shown
    and joins the two.
    """

    source: str
    target: str
    count: int
    kinds: tuple[str, ...]
    sources: int
    of_sources: int
    targets: int
    of_targets: int
    label: str = ""

    @property
    def every(self) -> bool:
        """Whether all members of both marks have such an edge."""
        return self.sources == self.of_sources and self.targets == self.of_targets

    @property
    def text(self) -> str:
        """How many of the members have such an edge, as in "5 of 12", or "5 of 12 → 2 of 3"; "" where all have."""
        ends = ((self.sources, self.of_sources), (self.targets, self.of_targets))
        return " → ".join(f"{some:,} of {every:,}" for some, every in ends if some < every)
