"""Random histories against snapshots kept independently, one per transaction."""

# ruff: noqa: PT012 - a transaction that fails is a block

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lineage.contract.backend import LOOKUP_PAGE, AtUri, Backend, External, Named, Order, Reference
from lineage.contract.transaction import Transaction
from lineage.contract.walking import Direction, Limits
from lineage.errors import AlreadyExists, Invalid
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
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, EdgeKind, EdgeRow, NodeRow, TypeRow
from lineage.model.schema import TYPE_CLASSES, AnyType
from lineage.model.values import ValueType
from tests.builders import Clock
from tests.conftest import BACKENDS, EACH_BACKEND, LASTING, MORE
from tests.oracle import Draft, Snapshot, reach

T = TypeVar("T")

# Pools are small, so that names collide and filters hit.
NAMES = st.sampled_from([None, None, "", "a", "b", "A", "a\x00", "ä"])
URIS = st.sampled_from([None, "", "s3://a", "s3://b"])
STATES = st.sampled_from([None, 0, 2, 3])
PROPERTY_NAMES = st.sampled_from(["p", "q", "", 'q"', "a.b", "\x00"])
NUMBERS = [0, 1, -1, 2**53 + 1, 2**63 - 1, 1.0, 1.5, float(2**53), float("inf")]
TEXTS = ["", "a", "ab", "a\x00b", "\x01", "1", "ä"]
VALUES = st.sampled_from([*NUMBERS, *TEXTS, True, False, float("nan"), {"a": [None]}, []])
PROPERTIES = st.dictionaries(PROPERTY_NAMES, VALUES, max_size=3)
TIMES = st.sampled_from([None, 0, -5, 10**15])
PATHS = st.sampled_from([None, '["a",0]', '["\\u0000"]'])
EXAMPLES = {"memory": 80, "sqlite": 80, "neo4j": 10}
"""How many histories: in Neo4j each of a history's thousands of reads is a round trip, and each filter a plan."""
PICK = st.integers(0, 30)
"""Chooses among what there is, modulo its number."""


# What a transaction does


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
class Link:
    source: int
    target: int
    kind: int
    time: int | None
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
UNLINKS = st.builds(Unlink, PICK, st.booleans())
ENDS = st.builds(Delete, PICK) | st.builds(Purge, PICK)
OPERATIONS = st.one_of(
    PUTS,
    PUTS,
    LINKS,
    LINKS,
    LINKS,
    UPDATES,
    UPDATES,
    UNLINKS,
    UNLINKS,
    ENDS,
    st.builds(NewType, KINDS, st.sampled_from(["A", "B"])),
    st.builds(ChangeType, PICK, st.dictionaries(PROPERTY_NAMES, st.sampled_from(ValueType))),
)
Operation = Put | Update | Link | Unlink | Delete | Purge | NewType | ChangeType

SEVERAL = st.lists(OPERATIONS, min_size=1, max_size=6)
FAILURES = st.sampled_from(["fail", "inner fails", "inner fails unnoticed"])
MESSAGES = st.sampled_from(["", "why", "\x00ä"])


def named(kind: Kind, name: str | None, uri: str | None = None) -> Put:
    return Put(kind, 0, name, name, uri, None, {"p": 1}, {"q": "a"})


SEED: list[Operation] = [
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


# Filters


OWN_FIELDS = [Field.ID, Field.TYPE_ID, Field.NAME, Field.EXTERNAL_ID, Field.STATE, Field.URI]
OWN_FIELDS += [Field.CREATED, Field.UPDATED]
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


class Histories(RuleBasedStateMachine):
    """One backend, and the snapshots that it must agree with."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.targets = sorted({"memory", "sqlite", name})
        self.stack = ExitStack()
        self.thread = self.stack.enter_context(ThreadPoolExecutor(1))
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.clock = Clock(step=0)
        self.opened = ExitStack()
        self.backend: Backend = self.opened.enter_context(BACKENDS[name](self.folder, self.clock))
        self.snapshots = [Snapshot()]

    @property
    def last(self) -> Snapshot:
        return self.snapshots[-1]

    def moments(self, back: int) -> list[tuple[int | None, Snapshot]]:
        """Return the present, and some moment by its number."""
        snapshot = picked(self.snapshots, back)
        return [(None, self.last), (snapshot.number, snapshot)]

    # Writing: several rules, so that histories grow whichever of them an example leaves out

    @initialize(seeded=st.sampled_from([True, True, True, False]))
    def seed(self, seeded: bool) -> None:
        if seeded:
            self.commit(SEED, [], "seed")

    @rule(before=SEVERAL, inside=st.lists(OPERATIONS, max_size=3), message=MESSAGES)
    def transact(self, before: list[Operation], inside: list[Operation], message: str) -> None:
        self.commit(before, inside, message)

    @rule(data=PUTS, run=PUTS, part=PUTS, links=st.lists(LINKS, min_size=2, max_size=5))
    def record(self, data: Put, run: Put, part: Put, links: list[Link]) -> None:
        kinds = zip((data, run, part), Kind, strict=True)
        self.commit([*(replace(put, kind=kind) for put, kind in kinds), *links], [], "record")

    @rule(operations=st.lists(UPDATES | LINKS | UNLINKS | ENDS, min_size=1, max_size=6))
    def change(self, operations: list[Operation]) -> None:
        self.commit(operations, [], "change")

    @rule(puts=st.lists(PUTS | ENDS | UPDATES, min_size=2, max_size=8))
    def pass_names_on(self, puts: list[Operation]) -> None:
        """Delete, rename and create in one transaction, so that names change hands."""
        self.commit(puts, [], "names")

    @rule(operation=OPERATIONS)
    def write_one(self, operation: Operation) -> None:
        self.commit([operation], [], "")

    @rule(before=SEVERAL, inside=SEVERAL, ending=FAILURES)
    def fail_to_write(self, before: list[Operation], inside: list[Operation], ending: str) -> None:
        self.fail(before, inside, ending)

    def commit(self, before: list[Operation], inside: list[Operation], message: str) -> None:
        draft = Draft(self.last, self.clock.micros)
        with self.backend.transaction(actor="ann", message=message) as own:
            for operation in before:
                self.apply(own, draft, operation)
            with self.backend.transaction(message="joins") as joined:
                for operation in inside:
                    self.apply(joined, draft, operation)
            self.agree_inside(own, draft)
        if draft.records():
            erased = [each.erased(draft.purged) for each in self.snapshots]
            self.snapshots = [*erased, draft.snapshot("ann", message)]

    def fail(self, before: list[Operation], inside: list[Operation], ending: str) -> None:
        """Do the same and throw it away."""
        draft = Draft(self.last, self.clock.micros)
        error = Invalid if ending == "inner fails unnoticed" else ZeroDivisionError
        with pytest.raises(error), self.backend.transaction() as own:
            for operation in before:
                self.apply(own, draft, operation)
            if ending == "fail":
                raise ZeroDivisionError
            try:
                with self.backend.transaction() as joined:
                    for operation in inside:
                        self.apply(joined, draft, operation)
                    raise ZeroDivisionError  # noqa: TRY301
            except ZeroDivisionError:
                if ending == "inner fails":
                    raise

    def agree_inside(self, own: Transaction, draft: Draft) -> None:
        """Compare what the transaction sees with what another thread sees."""
        if own.locked:
            assert (own.number, own.time) == (draft.number, draft.time)
            agree(self.backend, draft.snapshot(), None)
        self.thread.submit(agree, self.backend, self.last, None).result()

    def apply(self, own: Transaction, draft: Draft, operation: Operation) -> None:
        own.lock()
        getattr(self, f"do_{type(operation).__name__.lower()}")(own, draft, operation)

    def do_put(self, own: Transaction, draft: Draft, put: Put) -> None:
        types = [row.type.id for row in draft.types.values() if row.type.kind is put.kind]
        if not types:
            return
        row = NodeRow(
            key=NodeKey(put.kind, draft.next_id(put.kind)),
            type_id=picked(types, put.type) or 0,
            name=put.name,
            external_id=put.external_id,
            uri=put.uri if put.kind is Kind.ARTIFACT else None,
            state=None if put.kind is Kind.CONTEXT else put.state,
            properties=encode(put.properties),
            custom=encode(put.custom),
            created=own.time,
            updated=own.time,
            since=own.number,
            salt=own.salt(),
        )
        assert own.next_id(put.kind) == row.key.id
        self.write(own, Batch(nodes=[row]), refused=draft.is_taken(row))
        if not draft.is_taken(row):
            draft.put(row)

    def do_update(self, own: Transaction, draft: Draft, update: Update) -> None:
        live = draft.live()
        if not live:
            return
        changes = dict(update.changes)
        for maps in ("properties", "custom"):
            if maps in changes:
                changes[maps] = encode(changes[maps])
        old = picked(live, update.node)
        if old.key.kind is not Kind.ARTIFACT:
            changes.pop("uri", None)
        if old.key.kind is Kind.CONTEXT:
            changes.pop("state", None)
        row = old._replace(**changes, updated=own.time, since=own.number, salt=own.salt())
        self.write(own, Batch(updates=[row]), refused=draft.is_taken(row))
        if not draft.is_taken(row):
            draft.update(row)

    def do_link(self, own: Transaction, draft: Draft, link: Link) -> None:
        live = [row.key for row in draft.live()]
        pairs = {
            Kind.ARTIFACT: ([Kind.EXECUTION], [2, 3, 5]),
            Kind.EXECUTION: ([Kind.ARTIFACT], [1, 4, 6, 7]),
            Kind.CONTEXT: (list(Kind), [8, 9, 10]),
        }
        if not live:
            return
        source = picked(live, link.source)
        kinds, numbers = pairs[source.kind]
        targets = [key for key in live if key.kind in kinds]
        if not targets:
            return
        target = picked(targets, link.target)
        number = picked(numbers, link.kind)
        if source.kind is Kind.CONTEXT:
            number = {Kind.ARTIFACT: 8, Kind.EXECUTION: 9, Kind.CONTEXT: 10}[target.kind]
        is_event = number < 8
        row = EdgeRow(
            source,
            target,
            EdgeKind(number),
            link.time if is_event else None,
            link.path if is_event else None,
            own.number,
        )
        known = row.key in draft.edges
        self.write(own, Batch(edges=[row]), refused=known)
        if not known:
            draft.link(row)

    def do_unlink(self, own: Transaction, draft: Draft, unlink: Unlink) -> None:
        if draft.edges:
            key = picked(sorted(draft.edges), unlink.edge)
            time = unlink.edge if key.kind < EdgeKind.ATTRIBUTION else None
            row = draft.edges[key]._replace(time=time, since=own.number)
            own.end([key])
            draft.unlink(key)
            if unlink.again and not any(draft.current(end).gone for end in key[:2]):
                own.write(Batch(edges=[row]))
                draft.link(row)

    def do_delete(self, own: Transaction, draft: Draft, delete: Delete) -> None:
        if live := draft.live():
            key = picked(live, delete.node).key
            own.delete([key])
            draft.delete(key)

    def do_purge(self, own: Transaction, draft: Draft, purge: Purge) -> None:
        if gone := draft.gone():
            key = picked(gone, purge.node).key
            own.purge([key])
            draft.purge(key)

    def do_newtype(self, own: Transaction, draft: Draft, new: NewType) -> None:
        number = draft.next_id(None)
        assert own.next_id(None) == number
        self.write_type(own, draft, TYPE_CLASSES[new.kind](id=number, name=new.name))

    def do_changetype(self, own: Transaction, draft: Draft, change: ChangeType) -> None:
        known = picked(sorted(draft.types), change.type)
        given = draft.types[known].type.replace(properties=change.properties)
        self.write_type(own, draft, given)

    def write_type(self, own: Transaction, draft: Draft, given: AnyType) -> None:
        row = TypeRow(given, own.number)
        self.write(own, Batch(types=[row]), refused=False)
        draft.type(row)

    @staticmethod
    def write(own: Transaction, batch: Batch, *, refused: bool) -> None:
        if refused:
            with pytest.raises(AlreadyExists):
                own.write(batch)
        else:
            own.write(batch)

    @rule(micros=st.sampled_from([-(10**9), -1, 0, 1, 10**6]))
    def move_the_clock(self, micros: int) -> None:
        self.clock.micros += micros

    # Opening and copying

    @precondition(lambda self: self.name in LASTING)
    @rule()
    def open_again(self) -> None:
        self.opened.close()
        self.backend = self.opened.enter_context(BACKENDS[self.name](self.folder, self.clock))

    @rule(pick=PICK, group=st.integers(0, 5))
    def copy(self, pick: int, group: int) -> None:
        assert self.backend.check() == []
        self.copy_agrees(picked(self.targets, pick), group)

    def copy_agrees(self, name: str, group: int) -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            BACKENDS[name](Path(folder), Clock()) as target,
        ):
            commits = list(self.backend.changes())
            target.replay(commits[:group])
            target.replay(self.backend.changes(after=target.now()))
            for snapshot in self.snapshots:
                agree(target, snapshot, snapshot.number)
            assert list(target.changes()) == commits
            assert target.log() == self.backend.log()
            assert target.check() == []

    # Reading

    @invariant()
    def present_agrees(self) -> None:
        assert self.backend.now() == self.last.number
        agree(self.backend, self.last, None)
        heads = self.backend.log()
        assert [head._replace(digest=b"") for head in heads] == [
            (
                *(each.number, each.time, each.actor, each.message, b"", each.records, each.schema),
                *(each.highest[kind] for kind in (None, *Kind)),
            )
            for each in self.snapshots[:0:-1]
        ]
        assert len({head.digest for head in heads}) == len(heads)

    @rule(back=PICK, micros=st.integers(-3, 3))
    def past_agrees(self, back: int, micros: int) -> None:
        snapshot = picked(self.snapshots, back)
        agree(self.backend, snapshot, snapshot.number)
        time = snapshot.time + micros
        assert self.backend.number_at(time) == max(
            [each.number for each in self.snapshots[1:] if each.time <= time], default=0
        )

    @rule(
        wheres=st.lists(st.none() | filters(), min_size=1, max_size=4),
        order=ORDERS,
        size=st.integers(1, 4),
        back=PICK,
    )
    def find_agrees(self, wheres: list[Filter | None], order: Order, size: int, back: int) -> None:
        for (number, snapshot), kind, where in product(self.moments(back), Kind, wheres):
            whole = self.backend.find(kind, where, order=order, as_of=number)
            assert whole == snapshot.found(kind, where, order)
            assert self.pages(kind, where, order, size, number) == whole

    def pages(
        self, kind: Kind, where: Filter | None, order: Order, size: int, number: int | None
    ) -> list[NodeRow]:
        pages: list[NodeRow] = []
        after = None
        while page := self.backend.find(
            kind, where, order=order, after=after, limit=size, as_of=number
        ):
            assert len(page) <= size
            pages += page
            row = page[-1]
            times = {Field.CREATED: row.created, Field.UPDATED: row.updated}
            after = (times.get(order.field, row.key.id), row.key.id)
        return pages

    @rule(
        picks=st.lists(PICK, min_size=1, max_size=4),
        kinds=st.none() | st.sets(st.sampled_from(EdgeKind)),
        hops=st.none() | st.integers(0, 3),
        nodes=st.none() | st.integers(1, 6),
        back=PICK,
    )
    def edges_and_walks_agree(
        self,
        picks: list[int],
        kinds: set[EdgeKind] | None,
        hops: int | None,
        nodes: int | None,
        back: int,
    ) -> None:
        for (number, snapshot), direction in product(self.moments(back), Direction):
            keys = sorted(snapshot.nodes)
            some = [picked(keys, pick) for pick in picks] if keys else []
            wanted = list(EdgeKind) if kinds is None else kinds
            edges = self.backend.edges(some, direction, kinds=kinds, as_of=number)
            assert edges == snapshot.joined(some, direction, wanted)
            starts = [key for key in some if key.kind is not Kind.CONTEXT]
            if starts:
                self.walk_agrees(snapshot, number, starts, direction, Limits(hops, nodes))
        there = self.last.edges.keys()
        asked = {edge.key for snapshot in self.snapshots for edge in snapshot.edges.values()}
        assert self.backend.existing_edges(asked) == there

    def walk_agrees(
        self,
        snapshot: Snapshot,
        number: int | None,
        starts: list[NodeKey],
        direction: Direction,
        limits: Limits,
    ) -> None:
        edges = snapshot.edges.values()
        expected = reach(edges, starts, direction, hops=limits.hops, nodes=limits.nodes)
        for walk in (self.backend.walk, Backend.walk.__get__(self.backend)):
            answer = walk(starts, direction, limits=limits, as_of=number)
            assert [list(level) for level in answer.levels] == expected.levels
            assert list(answer.edges) == expected.edges
            assert answer.cut == expected.cut

    @rule(pick=PICK, name=NAMES, uri=URIS, before=st.none() | st.integers(1, 9))
    def lookup_agrees(
        self, pick: int, name: str | None, uri: str | None, before: int | None
    ) -> None:
        kind = picked(list(Kind), pick)
        type_id = picked(sorted(self.last.types), pick)
        live = self.last.live
        found: dict[Reference, list[NodeRow]] = {
            Named(type_id, name or ""): [
                row
                for each in Kind
                for row in live(each)
                if (row.type_id, row.name) == (type_id, name or "")
            ],
            External(kind, name or ""): [
                row for row in live(kind) if row.external_id == (name or "")
            ],
            AtUri(type_id, uri or "", before): sorted(
                (
                    row
                    for row in live(Kind.ARTIFACT)
                    if (row.type_id, row.uri) == (type_id, uri or "")
                    and row.key.id < (before or 99)
                ),
                reverse=True,
            )[:LOOKUP_PAGE],
        }
        answer = self.backend.lookup(found)
        for reference, rows in found.items():
            assert answer[reference] == rows, reference
        assert answer == Backend.lookup(self.backend, found)

    def teardown(self) -> None:
        try:
            for snapshot in self.snapshots:
                agree(self.backend, snapshot, snapshot.number)
            for name in self.targets:
                self.copy_agrees(name, 0)
        finally:
            self.opened.close()
            self.stack.close()


def agree(backend: Backend, snapshot: Snapshot, as_of: int | None) -> None:
    """Compare everything that a backend holds at a moment with its snapshot."""
    keys = [*snapshot.nodes, NodeKey(Kind.ARTIFACT, 99)]
    assert list(backend.types(as_of=as_of)) == [row for _, row in sorted(snapshot.types.items())]
    assert backend.nodes(keys, as_of=as_of) == snapshot.present()
    for kind in Kind:
        assert backend.find(kind, as_of=as_of) == snapshot.found(kind)
    assert backend.edges(keys, as_of=as_of) == sorted(snapshot.edges.values())
    for key in keys:
        assert backend.versions(key, as_of=as_of) == list(snapshot.nodes.get(key, ()))


@pytest.mark.soak
@pytest.mark.parametrize("name", EACH_BACKEND)
def test_random_histories(name: str) -> None:
    run_state_machine_as_test(
        lambda: Histories(name),
        settings=settings(max_examples=EXAMPLES[name] * MORE, stateful_step_count=25),
    )
