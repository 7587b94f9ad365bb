"""Answers that are sequences: they are indexed as lists are, and show themselves as tables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, TypeVar, overload

from typing_extensions import override

from lineage.answers.conversions import edges_frame, nodes_frame, records_frame
from lineage.answers.notebook import nodes_html
from lineage.model.entities import Event, Node
from lineage.model.notebook import ROWS, Shown, html_answer
from lineage.model.schema import AnyType

if TYPE_CHECKING:
    import pandas

__all__ = ["Events", "Items", "NodeItems", "Types"]

T_co = TypeVar("T_co", covariant=True)
NodeT_co = TypeVar("NodeT_co", bound=Node, covariant=True)


class Items(Shown, Sequence[T_co]):
    """A frozen dataclass that is the sequence of its `items`; it equals a list or a tuple of the same ones."""

    __slots__ = ()

    items: tuple[T_co, ...]

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T_co]: ...
    @override
    def __getitem__(self, index: int | slice) -> T_co | Sequence[T_co]:
        return self._part(self.items[index]) if isinstance(index, slice) else self.items[index]

    def _part(self, items: tuple[T_co, ...]) -> Sequence[T_co]:
        """Return what a slice is: an answer as this one is."""
        return replace(self, items=items)  # type: ignore[type-var]  # subclasses are dataclasses

    @override
    def __len__(self) -> int:
        return len(self.items)

    @override
    def __eq__(self, other: object) -> bool:
        if isinstance(other, list | tuple):
            return self.items == tuple(other)
        if type(other) is not type(self):
            return NotImplemented
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]  # subclasses are dataclasses
        return all(getattr(self, name) == getattr(other, name) for name in names)

    __hash__ = None  # type: ignore[assignment]  # as a list, which it may equal

    @abstractmethod
    def to_pandas(self) -> pandas.DataFrame:
        """Return a pandas frame with a row for each item."""


class NodeItems(Items[NodeT_co]):
    """Nodes, which show themselves with a column for each of the commonest properties."""

    __slots__ = ()

    @override
    def to_pandas(self) -> pandas.DataFrame:
        """Return a pandas frame with a row for each node and a column for each property, by its name in filters."""
        return nodes_frame(self.items)

    @override
    def _html(self) -> str:
        return nodes_html(self._caption(), self.items)

    def _caption(self) -> str:
        return f"{len(self.items):,} nodes"

    @override
    def _part(self, items: tuple[NodeT_co, ...]) -> Sequence[NodeT_co]:
        return items  # a part of a page has neither its end nor its beginning


@dataclass(frozen=True, slots=True, eq=False)
class Events(Items[Event]):
    """Events, each once, by source, target and type."""

    items: tuple[Event, ...]

    @override
    def to_pandas(self) -> pandas.DataFrame:
        """Return a pandas frame of source, target, kind, paths and time, as that of a walk's edges."""
        return edges_frame(self.items)

    @override
    def _html(self) -> str:
        rows = [
            (str(each.artifact), str(each.execution), each.type.value, _paths(each), each.time)
            for each in self.items[:ROWS]
        ]
        header = ("artifact", "execution", "type", "paths", "time")
        caption = f"{len(self.items):,} events"
        return html_answer(caption, header, rows, more=len(self.items) - len(rows))


def _paths(event: Event) -> str:
    return ", ".join("/".join(map(str, path)) for path in event.paths)


@dataclass(frozen=True, slots=True, eq=False)
class Types(Items[AnyType]):
    """Types by id, the nine system types first."""

    items: tuple[AnyType, ...]

    @override
    def to_pandas(self) -> pandas.DataFrame:
        """Return a pandas frame with a row for each type; its properties are names with value types."""
        records = [
            {
                "kind": each.kind.value,
                "id": each.id,
                "name": each.name,
                "version": each.version,
                "base": each.base,
                "properties": {name: value.value for name, value in each.properties.items()},
            }
            for each in self.items
        ]
        return records_frame(
            records,
            {
                "kind": "text",
                "id": "count",
                "name": "text",
                "version": "text",
                "base": "text",
                "properties": "any",
            },
        )

    @override
    def _html(self) -> str:
        rows = [
            (each.kind.value, str(each.type_name), each.base, ", ".join(each.properties))
            for each in self.items[:ROWS]
        ]
        header = ("kind", "type", "base", "properties")
        caption = f"{len(self.items):,} types"
        return html_answer(caption, header, rows, more=len(self.items) - len(rows))
