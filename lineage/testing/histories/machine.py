"""Random histories against snapshots kept independently, one per transaction."""

# ruff: noqa: PT012 - a transaction that fails is a block

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lineage.contract.backend import Backend, External, Named, Order, Reference
from lineage.contract.transaction import Transaction
from lineage.contract.walking import Direction, Limits
from lineage.contract.writings import AtUri
from lineage.errors import AlreadyExists, Invalid
from lineage.filters.tree import (
    Field,
    Filter,
)
from lineage.model.canonical import encode
from lineage.model.contents import digest_of
from lineage.model.keys import Kind, NodeKey
from lineage.model.purposes import EVERY_USE
from lineage.model.rows import Batch, EdgeKind, EdgeRow, NodeRow, TypeRow
from lineage.model.schema import TYPE_CLASSES, AnyType
from lineage.testing.builders import Clock
from lineage.testing.fixtures import OpenBackend
from lineage.testing.histories.agreement import agree, page_agrees
from lineage.testing.histories.operations import (
    BEGINNING,
    ENDS,
    FAILURES,
    LINKS,
    MARKS,
    MESSAGES,
    NAMES,
    OPERATIONS,
    ORDERS,
    PICK,
    PREFIXES,
    PUTS,
    RELINKS,
    REVIVALS,
    SEVERAL,
    TEXTS,
    UNLINKS,
    UPDATES,
    URIS,
    ChangeType,
    Delete,
    Link,
    NewType,
    Operation,
    Purge,
    PurgeHead,
    Put,
    Relink,
    Revive,
    Unlink,
    Update,
    changed,
    filters,
    picked,
)
from lineage.testing.oracle import Draft, Snapshot, allowed, completed, reach


class Histories(RuleBasedStateMachine):
    """One backend, and the snapshots that it must agree with."""

    def __init__(
        self, open_backend: OpenBackend, open_targets: Sequence[OpenBackend], *, lasting: bool
    ) -> None:
        super().__init__()
        self.open_backend = open_backend
        self.open_targets = open_targets
        self.lasting = lasting
        self.stack = ExitStack()
        self.thread = self.stack.enter_context(ThreadPoolExecutor(1))
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.clock = Clock(step=0)
        self.opened = ExitStack()
        self.backend: Backend = self.opened.enter_context(open_backend(self.folder, self.clock))
        self.snapshots = [Snapshot()]

    @property
    def last(self) -> Snapshot:
        return self.snapshots[-1]

    def moments(self, back: int) -> list[tuple[int | None, Snapshot]]:
        """Return the present, and some moment by its number."""
        snapshot = picked(self.snapshots, back)
        return [(None, self.last), (snapshot.number, snapshot)]

    # Several rules write, so that histories grow whichever of them an example leaves out.

    @initialize(seeded=st.sampled_from([True, True, True, False]))
    def seed(self, seeded: bool) -> None:
        if seeded:
            self.commit(BEGINNING, [], "seed")

    @rule(before=SEVERAL, inside=st.lists(OPERATIONS, max_size=3), message=MESSAGES, mark=MARKS)
    def transact(
        self, before: list[Operation], inside: list[Operation], message: str, mark: str
    ) -> None:
        self.commit(before, inside, message, mark)

    @rule(data=PUTS, run=PUTS, part=PUTS, links=st.lists(LINKS, min_size=2, max_size=5))
    def record(self, data: Put, run: Put, part: Put, links: list[Link]) -> None:
        kinds = zip((data, run, part), Kind, strict=True)
        self.commit([*(replace(put, kind=kind) for put, kind in kinds), *links], [], "record")

    @rule(
        operations=st.lists(
            UPDATES | REVIVALS | LINKS | RELINKS | UNLINKS | ENDS, min_size=1, max_size=6
        )
    )
    def change(self, operations: list[Operation]) -> None:
        self.commit(operations, [], "change")

    @rule(puts=st.lists(PUTS | ENDS | UPDATES | REVIVALS, min_size=2, max_size=8))
    def pass_names_on(self, puts: list[Operation]) -> None:
        """Delete, rename and create in one transaction, so that names change hands."""
        self.commit(puts, [], "names")

    @rule(operation=OPERATIONS)
    def write_one(self, operation: Operation) -> None:
        self.commit([operation], [], "")

    @rule(before=SEVERAL, inside=SEVERAL, ending=FAILURES)
    def fail_to_write(self, before: list[Operation], inside: list[Operation], ending: str) -> None:
        self.fail(before, inside, ending)

    def commit(
        self, before: list[Operation], inside: list[Operation], message: str, mark: str = ""
    ) -> None:
        draft = Draft(self.last, self.clock.micros)
        with self.backend.transaction(actor="ann", message=message, mark=mark) as own:
            for operation in before:
                self.apply(own, draft, operation)
            with self.backend.transaction(message="joins", mark="joins") as joined:
                for operation in inside:
                    self.apply(joined, draft, operation)
            self.agree_inside(own, draft)
        if draft.records():
            erased = [each.erased(draft.purged) for each in self.snapshots]
            for number in draft.purged_heads:
                erased[number] = erased[number].anonymous()
            (head,) = self.backend.log(limit=1)
            self.snapshots = [*erased, draft.snapshot("ann", message, mark, head.salt)]

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
        self.thread.submit(agree, self.backend, self.last, None, few=True).result()

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
        if live:
            row = changed(own, picked(live, update.node), update.changes)
            self.write(own, Batch(updates=[row]), refused=draft.is_taken(row))
            if not draft.is_taken(row):
                draft.update(row)

    def do_revive(self, own: Transaction, draft: Draft, revive: Revive) -> None:
        gone = draft.gone()
        if not gone:
            return
        old = picked(gone, revive.node)
        row = changed(own, old, revive.changes)
        if not draft.can_return(old):
            with pytest.raises(Invalid, match=str(old.key)):
                own.write(Batch(updates=[row]))
            return
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
            draft.next_order(),
            own.number,
        )
        assert own.next_order() == row.order
        known = row.key in draft.edges
        self.write(own, Batch(edges=[row]), refused=known)
        if not known:
            draft.link(row)

    def do_relink(self, own: Transaction, draft: Draft, relink: Relink) -> None:
        events = sorted(key for key in draft.edges if key.kind < EdgeKind.ATTRIBUTION)
        if events:
            old = draft.edges[picked(events, relink.edge)]
            row = old._replace(paths=relink.path, since=own.number)
            own.write(Batch(edge_updates=[row]))
            draft.link(row)

    def do_unlink(self, own: Transaction, draft: Draft, unlink: Unlink) -> None:
        if draft.edges:
            key = picked(sorted(draft.edges), unlink.edge)
            time = unlink.edge if key.kind < EdgeKind.ATTRIBUTION else None
            old = draft.edges[key]
            own.end([key])
            draft.unlink(key)
            if unlink.again and not any(draft.current(end).gone for end in key[:2]):
                number, order = own.number, own.next_order()
                assert order == draft.next_order()
                row = old._replace(time=time, since=number, order=order, first=number)
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

    def do_purgehead(self, own: Transaction, draft: Draft, purge: PurgeHead) -> None:
        if draft.last.number:
            number = purge.head % draft.last.number + 1
            own.purge_heads([number])
            draft.purged_heads.add(number)

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

    @precondition(lambda self: self.lasting)
    @rule()
    def open_again(self) -> None:
        self.opened.close()
        self.backend = self.opened.enter_context(self.open_backend(self.folder, self.clock))

    @rule(pick=PICK, group=st.integers(0, 5))
    def copy(self, pick: int, group: int) -> None:
        assert self.backend.check() == []
        self.copy_agrees(picked(self.open_targets, pick), group)

    def copy_agrees(self, open_target: OpenBackend, group: int) -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            open_target(Path(folder), Clock()) as target,
        ):
            commits = list(self.backend.changes())
            target.replay(commits[:group])
            target.replay(self.backend.changes(after=target.now()))
            for snapshot in self.snapshots:
                agree(target, snapshot, snapshot.number, few=snapshot is not self.last)
            assert list(target.changes()) == commits
            assert target.log() == self.backend.log()
            assert target.check() == []

    @invariant()
    def present_agrees(self) -> None:
        assert self.backend.now() == self.last.number
        agree(self.backend, self.last, None)
        heads = self.backend.log()[::-1]
        digests = [head.digest for head in heads]
        assert [head._replace(nodes=b"") for head in heads] == [
            each.head(digest) for each, digest in zip(self.snapshots[1:], digests, strict=True)
        ]
        assert len(set(digests)) == len(heads)
        assert [head.nodes for head in heads] == [
            completed(digests[:number]) for number in range(1, len(heads) + 1)
        ]

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
        for number, snapshot in self.moments(back):
            counts = Counter(row.type_id for kind in Kind for row in snapshot.found(kind))
            assert self.backend.node_counts(as_of=number) == counts
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
        without=st.just(0) | st.integers(1, EVERY_USE),
        bound=st.none() | PICK,
        back=PICK,
    )
    def edges_and_walks_agree(
        self,
        *,
        picks: list[int],
        kinds: set[EdgeKind] | None,
        hops: int | None,
        nodes: int | None,
        without: int,
        bound: int | None,
        back: int,
    ) -> None:
        times = [-6, 0, 10**15, *(snapshot.time for snapshot in self.snapshots)]
        happened_by = None if bound is None else picked(times, bound)
        for (number, snapshot), direction in product(self.moments(back), Direction):
            keys = sorted(snapshot.nodes)
            some = [picked(keys, pick) for pick in picks] if keys else []
            wanted = list(EdgeKind) if kinds is None else kinds
            edges = self.backend.edges(some, direction, kinds=kinds, as_of=number)
            assert edges == snapshot.joined(some, direction, wanted)
            if edges and nodes:
                after = picked(edges, back)
                page_agrees(
                    self.backend, number, snapshot, direction, kinds=wanted, after=after, size=nodes
                )
            starts = [key for key in some if key.kind is not Kind.CONTEXT]
            if starts:
                limits = Limits(hops, nodes)
                for omitted in {(0, None), (without, happened_by)}:
                    self.walk_agrees(
                        snapshot, number, starts, direction, limits=limits, omitted=omitted
                    )
        there = self.last.edges.keys()
        asked = {edge.key for snapshot in self.snapshots for edge in snapshot.edges.values()}
        assert self.backend.existing_edges(asked) == there

    def walk_agrees(
        self,
        snapshot: Snapshot,
        number: int | None,
        starts: list[NodeKey],
        direction: Direction,
        *,
        limits: Limits,
        omitted: tuple[int, int | None],
    ) -> None:
        without, happened_by = omitted
        edges = allowed(
            snapshot.edges.values(),
            lambda number: self.snapshots[number].time,
            without=without,
            happened_by=happened_by,
        )
        expected = reach(edges, starts, direction, hops=limits.hops, nodes=limits.nodes)
        for walk in (self.backend._walk, Backend._walk.__get__(self.backend)):
            answer = walk(
                starts,
                direction,
                limits=limits,
                edges=True,
                as_of=number,
                omitted=self.backend._omitted(without, happened_by),
            )
            assert [list(level) for level in answer.levels] == expected.levels
            assert list(answer.edges) == expected.edges
            assert answer.cut == expected.cut

    @rule(pick=PICK, name=NAMES)
    def lookup_agrees(self, pick: int, name: str | None) -> None:
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
        }
        answer = self.backend.lookup(found)
        for reference, rows in found.items():
            assert answer[reference] == rows, reference
        assert answer == Backend.lookup(self.backend, found)

    @rule(digest=st.sampled_from(TEXTS), back=PICK)
    def digests_agree(self, digest: str, back: int) -> None:
        for number, snapshot in self.moments(back):
            rows = [row for row in snapshot.live(Kind.ARTIFACT) if digest_of(row) == digest]
            assert self.backend.with_digests([digest], as_of=number) == {digest: rows}

    @rule(
        text=st.sampled_from(PREFIXES),
        kind=st.sampled_from([None, *Kind]),
        limit=st.sampled_from([None, 1, 2, 5]),
        back=PICK,
    )
    def beginnings_agree(self, text: str, kind: Kind | None, limit: int | None, back: int) -> None:
        for number, snapshot in self.moments(back):
            rows = self.backend.beginning_with(text, kind=kind, limit=limit, as_of=number)
            assert rows == snapshot.beginning(text, kind, limit)

    @rule(
        uri=URIS,
        picks=st.lists(PICK, max_size=3),
        pick=PICK,
        back=PICK,
        which=st.integers(0, 2),
    )
    def writings_agree(
        self, uri: str | None, picks: list[int], pick: int, back: int, which: int
    ) -> None:
        times = {each.number: each.time for each in (*self.snapshots, self.last)}
        type_id = picked(sorted(self.last.types), pick)
        for number, snapshot in self.moments(back):
            at_uri = [row for row in snapshot.live(Kind.ARTIFACT) if row.uri == (uri or "")]
            known = sorted(key for key in snapshot.nodes if key.kind is Kind.ARTIFACT)
            keys = {picked(known, each) for each in picks} if known else set()
            asked: list[tuple[AtUri | set[NodeKey], Iterable[NodeKey]]] = [
                (AtUri(uri or ""), (row.key for row in at_uri)),
                (
                    AtUri(uri or "", frozenset({type_id})),
                    (row.key for row in at_uri if row.type_id == type_id),
                ),
                (keys, keys),
            ]
            of, artifacts = asked[which]
            expected = snapshot.written(artifacts, times)
            assert list(self.backend.writings(of, as_of=number)) == expected
            if type(self.backend)._writings is not Backend._writings:
                assert list(Backend._writings(self.backend, of, number, None)) == expected

    def teardown(self) -> None:
        try:
            for snapshot in self.snapshots:
                agree(self.backend, snapshot, snapshot.number)
            for open_target in self.open_targets:
                self.copy_agrees(open_target, 0)
        finally:
            self.opened.close()
            self.stack.close()


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def test_random_histories(
    open_backend: OpenBackend,
    open_targets: Sequence[OpenBackend],
    lasting: bool,
    histories: int,
) -> None:
    run_state_machine_as_test(
        lambda: Histories(open_backend, open_targets, lasting=lasting),  # type: ignore[arg-type]  # it is called, no more
        settings=settings(
            max_examples=histories,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=SLOW,
        ),
    )
