"""What random histories are made of: what a transaction does, and filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import strategies as st

from lineage.contract.backend import Order
from lineage.contract.transaction import Transaction
from lineage.filters.tree import (
    And,
    Column,
    Compare,
    Exists,
    Field,
    Filter,
    In,
    Like,
    Literal,
    Neighbour,
    Not,
    Operator,
    Or,
    Present,
    PropertyColumn,
)
from lineage.model.canonical import encode
from lineage.model.keys import Kind
from lineage.model.rows import NodeRow
from lineage.model.values import ValueType

T = TypeVar("T")

# Pools are small, so that names collide and filters hit.
NAMES = st.sampled_from([None, None, "", "a", "b", "A", "a\x00", "ä"])
URIS = st.sampled_from([None, "", "s3://a", "s3://b", "s3://b/a/", "s3://\x00/a"])
PREFIXES = ["a", "a\x00", "ä", "A", "s3", "s3://b", "s3://\x00", "/", "b"]
STATES = st.sampled_from([None, 0, 2, 3])
PROPERTY_NAMES = st.sampled_from(["p", "q", "digest", "", 'q"', "a.b", "\x00"])
NUMBERS = [0, 1, -1, 2**53 + 1, 2**63 - 1, 1.0, 1.5, float(2**53), float("inf")]
TEXTS = ["", "a", "ab", "a\x00b", "\x01", "1", "ä"]
VALUES = st.sampled_from([*NUMBERS, *TEXTS, True, False, float("nan"), {"a": [None]}, []])
PROPERTIES = st.dictionaries(PROPERTY_NAMES, VALUES, max_size=3)
TIMES = st.sampled_from([None, 0, -5, 10**15])
PATHS = st.sampled_from(
    [None, '["a",0]', '["\\u0000"]', '["train"]', '["x_test",1]', '["base"]', '[["fit"],["dev"]]']
)
PICK = st.integers(0, 30)
"""Chooses among what there is, modulo its number."""


@dataclass(frozen=True)
class Put:
    kind: Kind
    type: int
    name: str | None
    external_id: str | None
    uri: str | None
    state: int | None
    properties: dict[str, Any]
    custom: dict[str, Any]


@dataclass(frozen=True)
class Update:
    node: int
    changes: dict[str, Any]


@dataclass(frozen=True)
class Revive:
    """A new version of a gone node, one that may not live again included."""

    node: int
    changes: dict[str, Any]


@dataclass(frozen=True)
class Link:
    source: int
    target: int
    kind: int
    time: int | None
    path: str | None


@dataclass(frozen=True)
class Relink:
    """A new version of an event, with other paths."""

    edge: int
    path: str | None


@dataclass(frozen=True)
class Unlink:
    edge: int
    again: bool


@dataclass(frozen=True)
class Delete:
    node: int


@dataclass(frozen=True)
class Purge:
    node: int


@dataclass(frozen=True)
class PurgeHead:
    head: int


@dataclass(frozen=True)
class NewType:
    kind: Kind
    name: str


@dataclass(frozen=True)
class ChangeType:
    type: int
    properties: dict[str, str]


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "name": NAMES,
        "external_id": NAMES,
        "uri": URIS,
        "state": STATES,
        "properties": PROPERTIES,
        "custom": PROPERTIES,
    },
)
KINDS = st.sampled_from(Kind)
PUTS = st.builds(Put, KINDS, PICK, NAMES, NAMES, URIS, STATES, PROPERTIES, PROPERTIES)
LINKS = st.builds(Link, PICK, PICK, PICK, TIMES, PATHS)
UPDATES = st.builds(Update, PICK, CHANGES)
REVIVALS = st.builds(Revive, PICK, CHANGES)
UNLINKS = st.builds(Unlink, PICK, st.booleans())
RELINKS = st.builds(Relink, PICK, PATHS)
ENDS = st.builds(Delete, PICK) | st.builds(Purge, PICK)
OPERATIONS = st.one_of(
    PUTS,
    PUTS,
    LINKS,
    LINKS,
    LINKS,
    UPDATES,
    UPDATES,
    REVIVALS,
    RELINKS,
    RELINKS,
    UNLINKS,
    UNLINKS,
    ENDS,
    st.builds(PurgeHead, PICK),
    st.builds(NewType, KINDS, st.sampled_from(["A", "B"])),
    st.builds(ChangeType, PICK, st.dictionaries(PROPERTY_NAMES, st.sampled_from(ValueType))),
)
Operation = (
    Put
    | Update
    | Revive
    | Link
    | Relink
    | Unlink
    | Delete
    | Purge
    | PurgeHead
    | NewType
    | ChangeType
)

SEVERAL = st.lists(OPERATIONS, min_size=1, max_size=6)
FAILURES = st.sampled_from(["fail", "inner fails", "inner fails unnoticed"])
MESSAGES = st.sampled_from(["", "why", "\x00ä"])
MARKS = st.sampled_from(["", "mlmd, transaction 1", "\x00ä"])


def named(kind: Kind, name: str | None, uri: str | None = None) -> Put:
    return Put(kind, 0, name, name, uri, None, {"p": 1}, {"q": "a"})


BEGINNING: list[Operation] = [
    NewType(Kind.CONTEXT, "A"),
    named(Kind.ARTIFACT, "a", "s3://a"),
    named(Kind.ARTIFACT, None, "s3://a"),
    named(Kind.ARTIFACT, "b"),
    named(Kind.EXECUTION, "a"),
    named(Kind.EXECUTION, None),
    named(Kind.CONTEXT, "a"),
    named(Kind.CONTEXT, None),
    # The live nodes stand in key order: three artifacts, two contexts, two executions.
    Link(0, 0, 1, 7, None),
    Link(5, 1, 1, None, None),
    Link(1, 1, 1, None, None),
    Link(6, 2, 1, None, None),
    Link(6, 0, 0, None, None),
    Link(3, 0, 0, None, None),
    Link(3, 4, 0, None, None),
    Link(4, 5, 0, None, None),
]


def picked(items: Sequence[T], number: int) -> T:
    return items[number % len(items)]


OWN_FIELDS = [Field.ID, Field.TYPE_ID, Field.NAME, Field.EXTERNAL_ID, Field.STATE, Field.URI]
OWN_FIELDS += [Field.CREATED, Field.UPDATED, Field.GONE]
EVENT_FIELDS = [Field.EVENT_TYPE, Field.EVENT_TIME, Field.ARTIFACT_ID, Field.EXECUTION_ID]
LITERALS: st.SearchStrategy[Literal] = st.sampled_from(
    [*NUMBERS, *TEXTS, 2, 3, 4, 5, 10, 10**15, -5, True, False, "s3://a"]
)
PATTERNS = st.sampled_from(["", "%", "_", "a%", "%b", "a_b", "_\x00%", "A"])


@st.composite
def columns(draw: st.DrawFn, aliases: tuple[str, ...]) -> Column | PropertyColumn:
    of = draw(st.sampled_from(["property", "", *aliases, *aliases]))
    if of == "property":
        kind = draw(st.none() | st.sampled_from(ValueType))
        return PropertyColumn(draw(PROPERTY_NAMES), draw(st.booleans()), kind)
    return Column(
        draw(st.sampled_from(EVENT_FIELDS if of.startswith("events") else OWN_FIELDS)), of
    )


@st.composite
def filters(draw: st.DrawFn, depth: int = 2, aliases: tuple[str, ...] = ()) -> Filter:
    """Draw a filter; inside an `Exists` its conditions may mention every alias around them."""
    shapes = ["compare", "in", "like", "present"]
    shape = draw(st.sampled_from(shapes + ["not", "and", "or", "exists", "exists"] * (depth > 0)))
    if shape == "exists":
        neighbour = draw(st.sampled_from(Neighbour))
        alias = f"{neighbour.value}_{len(aliases)}"
        return Exists(neighbour, alias, draw(filters(depth - 1, (*aliases, alias))))
    if shape == "not":
        return Not(draw(filters(depth - 1, aliases)))
    if shape in ("and", "or"):
        items = tuple(draw(st.lists(filters(depth - 1, aliases), max_size=3)))
        return And(items) if shape == "and" else Or(items)
    column = draw(columns(aliases))
    if shape == "compare":
        return Compare(column, draw(st.sampled_from(Operator)), draw(LITERALS))
    if shape == "in":
        return In(column, tuple(draw(st.lists(LITERALS, max_size=3))))
    return Like(column, draw(PATTERNS)) if shape == "like" else Present(column)


ORDERS = st.builds(Order, st.sampled_from([Field.ID, Field.CREATED, Field.UPDATED]), st.booleans())


def changed(own: Transaction, old: NodeRow, changes: Mapping[str, Any]) -> NodeRow:
    """Return the next version of a node, with those of the changes that are of its kind."""
    maps = {name: encode(changes[name]) for name in ("properties", "custom") if name in changes}
    without = set()
    if old.key.kind is not Kind.ARTIFACT:
        without.add("uri")
    if old.key.kind is Kind.CONTEXT:
        without.add("state")
    content = {name: value for name, value in changes.items() if name not in without}
    return old.open()._replace(
        **(content | maps), updated=own.time, since=own.number, salt=own.salt(), digest=None
    )
