"""Tells who set what a node says, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from typing_extensions import override

from lineage.answers.log import NodeEntry, entries_of
from lineage.answers.notebook import Part
from lineage.contract.backend import Backend
from lineage.model.entities import Node
from lineage.model.keys import NodeKey
from lineage.model.notebook import ROWS, Shown, html_answer
from lineage.queries.reader import Reader

__all__ = ["Blame", "Blamed", "blame"]

_PLAIN = ("name", "external_id", "uri", "state")
_MAPS = ("properties", "custom_properties")


@dataclass(frozen=True, slots=True)
class Blamed(Part):
    """A field of a node, such as `uri` or `properties.rows`, and the transaction that gave it its value.

    The value is None where that transaction took it away. `purged` says that actor and message were erased. Where
    there is no message, `summary` says in a few words what the transaction did.
    """

    field: str
    value: object
    number: int
    time: datetime
    actor: str
    message: str
    purged: bool
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Blame(Shown):
    """Who set each field that a node has, or had once, by field; `notes` say what is not known any more."""

    node: Node
    fields: tuple[Blamed, ...]
    notes: tuple[str, ...]
    number: int

    @override
    def _html(self) -> str:
        rows = [
            (
                each.field,
                each.value,
                each.number,
                each.time,
                each.actor,
                each.message or each.summary,
            )
            for each in self.fields[:ROWS]
        ]
        header = ("field", "value", "transaction", "time", "by", "message")
        caption = f"Who set what {self.node.key} says, as of transaction {self.number}"
        left_out = len(self.fields) - len(rows)
        return html_answer(caption, header, rows, more=left_out, notes=self.notes)


def blame(backend: Backend, key: NodeKey, *, as_of: int | None = None) -> Blame:
    """Return which transaction gave each field of a node the value that it has, however long ago.

    What was taken away is told as well, with the transaction that did. Of a deleted node it is what the node
    was. What was purged is gone from every version, and said in `notes`. `NotFound` where there is no such node.

    >>> import lineage
    >>> with lineage.connect("memory:", actor="ann") as store:
    ...     model = store.put(lineage.Model(uri="s3://models/7"))
    ...     _ = store.update(model.replace(name="churn"), message="found its name")
    ...     answer = blame(store.backend, model.key)
    >>> [(each.field, each.value, each.number) for each in answer.fields]
    [('name', 'churn', 2), ('uri', 's3://models/7', 1)]
    """
    as_of = backend.now() if as_of is None else as_of  # the log knows only what is committed
    reader = Reader(backend, as_of)
    reader.check((key,))
    node, row = reader.node(key), reader.row(key)
    left, fields = dict(_fields(node)), {}
    for entry in entries_of(backend, key, as_of=as_of):
        for name in [*left] if "created" in entry.changed else entry.changed:
            if name in left or (_is_field(name) and name not in fields):
                fields[name] = _blamed(name, left.pop(name, None), entry)
    notes = []
    if row.salt is None:
        notes.append(f"{key} was purged: what it said is gone from every version")
    elif row.gone:
        notes.append(f"{key} was deleted in transaction {row.until}; this is what it was")
    if any(each.purged for each in fields.values()):
        notes.append("who wrote some of it, and why, was erased from the log")
    return Blame(node, tuple(sorted(fields.values(), key=_order)), tuple(notes), reader.number)


def _fields(node: Node) -> Iterator[tuple[str, object]]:
    """Yield what a node says, by the names that the log gives to changes."""
    for name in _PLAIN:
        if (value := getattr(node, name, None)) is not None:
            yield name, value
    for kept in _MAPS:
        values: Mapping[str, object] = getattr(node, kept)
        for name, value in values.items():
            yield f"{kept}.{name}", value


def _is_field(name: str) -> bool:
    """Whether a change is one of a field, and not of the node as a whole."""
    return name in _PLAIN or name.startswith(tuple(f"{kept}." for kept in _MAPS))


def _blamed(name: str, value: object, entry: NodeEntry) -> Blamed:
    return Blamed(
        field=name,
        value=value,
        number=entry.number,
        time=entry.time,
        actor=entry.actor,
        message=entry.message,
        purged=entry.purged,
        summary=entry.summary,
    )


def _order(each: Blamed) -> tuple[int, str]:
    """Plain fields come first, then declared properties, then custom ones."""
    if each.field in _PLAIN:
        return _PLAIN.index(each.field), ""
    return len(_PLAIN) + each.field.startswith("custom_"), each.field
