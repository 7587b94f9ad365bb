"""Threads side by side on one backend: nothing lost, nothing doubled, nothing seen in halves."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from lineage.contract.backend import Backend, Named
from lineage.contract.walking import Direction, Limits
from lineage.errors import Conflict, NotFound
from lineage.filters.tree import Column, Compare, Exists, Field, Neighbour, Operator
from lineage.model.canonical import decode
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKey
from lineage.testing.builders import DATASET, everything, writing

T = TypeVar("T")

WRITERS = 8
ROUNDS = 12


@pytest.fixture(autouse=True)
def restless(request: pytest.FixtureRequest) -> Iterator[None]:
    """Switch threads far more often than usual, in the tests of this module, wherever they are imported."""
    usual = sys.getswitchinterval()
    if request.function.__module__ != __name__:
        yield
        return
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


def side_by_side(*functions: Callable[[], T]) -> list[T]:
    """Run functions in a thread each, all at once; return what they return, or raise."""
    ready = threading.Barrier(len(functions))

    def run(function: Callable[[], T]) -> T:
        ready.wait(60)
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result() for future in [pool.submit(run, each) for each in functions]]


# Writers


def test_many_writers_lose_and_double_nothing(backend: Backend) -> None:
    def write(writer: int) -> list[tuple[int, str, EdgeKey]]:
        acknowledged = []
        for turn in range(ROUNDS):
            name = f"{writer}/{turn}"
            with writing(backend, actor=str(writer), message=name) as new:
                data = new.artifact(name=name, external_id=name)
                edge = new.edge(data, new.execution(name=name))
                number = new.number
            acknowledged.append((number, name, edge))
        return acknowledged

    done = side_by_side(*(lambda writer=writer: write(writer) for writer in range(WRITERS)))
    acknowledged = [each for one in done for each in one]
    total = WRITERS * ROUNDS
    assert sorted(number for number, _, _ in acknowledged) == list(range(1, total + 1))
    assert {head.number: head.message for head in backend.log()} == {
        number: name for number, name, _ in acknowledged
    }
    for kind in (Kind.ARTIFACT, Kind.EXECUTION):
        rows = backend.find(kind)
        assert [row.key.id for row in rows] == list(range(1, total + 1))
        assert {row.name: row.since for row in rows} == {
            name: number for number, name, _ in acknowledged
        }
    keys = [key for _, _, edge in acknowledged for key in (edge.source, edge.target)]
    assert [row.key for row in backend.edges(keys)] == sorted(edge for _, _, edge in acknowledged)
    times = [head.time for head in backend.log()]
    assert times == sorted(set(times), reverse=True)
    assert backend.check() == []


def test_no_update_is_lost(backend: Backend) -> None:
    with writing(backend) as new:
        counter = new.artifact(properties={"count": 0})

    def count() -> None:
        done = 0
        while done < ROUNDS:
            try:
                with writing(backend) as new:
                    found = decode(backend.nodes([counter])[counter].properties)["count"]
                    new.update(counter, properties={"count": found + 1})
            except Conflict:
                continue
            done += 1

    side_by_side(*[count] * 4)
    assert decode(backend.nodes([counter])[counter].properties) == {"count": 4 * ROUNDS}
    assert len(backend.versions(counter)) == 4 * ROUNDS + 1
    assert backend.now() == 4 * ROUNDS + 1


def test_one_of_many_gets_the_name(backend: Backend) -> None:
    def take(writer: int) -> int:
        taken = 0
        for turn in range(ROUNDS):
            with writing(backend, actor=str(writer)) as new:
                new.transaction.lock()
                if not backend.lookup([Named(DATASET, str(turn))])[Named(DATASET, str(turn))]:
                    new.artifact(name=str(turn))
                    taken += 1
        return taken

    taken = side_by_side(*(lambda writer=writer: take(writer) for writer in range(WRITERS)))
    assert sum(taken) == ROUNDS
    assert [row.name for row in backend.find(Kind.ARTIFACT)] == list(map(str, range(ROUNDS)))


def test_one_of_many_deletes(backend: Backend) -> None:
    with writing(backend) as new:
        keys = [new.artifact() for _ in range(ROUNDS)]

    def delete() -> int:
        deleted = 0
        for key in keys:
            try:
                with writing(backend) as new:
                    new.delete(key)
            except NotFound:
                continue
            deleted += 1
        return deleted

    assert sum(side_by_side(*[delete] * 4)) == ROUNDS
    assert backend.now() == ROUNDS + 1


def test_types_of_many_writers(backend: Backend) -> None:
    def add(writer: int) -> None:
        for turn in range(ROUNDS):
            with writing(backend) as new:
                number = new.type(Kind.CONTEXT, f"{writer}/{turn}")
                assert backend.types()[number - 1].type.name == f"{writer}/{turn}"
            assert backend.types()[number - 1].type.id == number

    side_by_side(*(lambda writer=writer: add(writer) for writer in range(4)))
    types = backend.types()
    assert [row.type.id for row in types] == list(range(1, 10 + 4 * ROUNDS))
    assert len({row.type.name for row in types}) == len(types)
    assert backend.types() is types


def test_failures_among_writers_leave_no_gap(backend: Backend) -> None:
    def write(writer: int) -> int:
        written = 0
        for turn in range(ROUNDS):
            try:
                with writing(backend) as new:
                    new.artifact(name=f"{writer}/{turn}")
                    if turn % 3 == 0:
                        raise ZeroDivisionError  # noqa: TRY301
            except ZeroDivisionError:
                continue
            written += 1
        return written

    done = sum(side_by_side(*(lambda writer=writer: write(writer) for writer in range(4))))
    assert [head.number for head in backend.log()] == list(range(done, 0, -1))
    assert [row.key.id for row in backend.find(Kind.ARTIFACT)] == list(range(1, done + 1))


# Readers beside a writer


@pytest.fixture
def pairs(backend: Backend) -> tuple[Backend, NodeKey, NodeKey, NodeKey]:
    """A hub, and two counters that every transaction of `write_pairs` sets to one value and names by it."""
    with writing(backend) as new:
        hub = new.execution()
        left, right = (new.artifact(name=f"counter 0 {side}") for side in "lr")
        new.path(left, hub, right)
        new.edge(new.context(name="hub"), hub)
    return backend, hub, left, right


def write_pairs(backend: Backend, hub: NodeKey, left: NodeKey, right: NodeKey) -> None:
    """Write two artifacts in each transaction, one read and one written by the hub."""
    with writing(backend) as new:
        into, out = new.artifact(custom={"pair": 1}), new.artifact(custom={"pair": 2})
        new.path(into, hub, out)
        for counter, side in ((left, "l"), (right, "r")):
            new.update(counter, name=f"counter {new.number} {side}", state=new.number)
        for old in range(3, into.id, 6):
            if old + 12 <= into.id < old + 14:
                ends = [NodeKey(Kind.ARTIFACT, old), NodeKey(Kind.ARTIFACT, old + 1)]
                new.end(new.joined(ends[0], hub).key, new.joined(hub, ends[1]).key)
                new.delete(*ends)
                new.purge(*ends)


Look = Callable[[Backend, NodeKey, NodeKey, NodeKey], None]


def look_at_nodes(backend: Backend, hub: NodeKey, left: NodeKey, right: NodeKey) -> None:
    rows = backend.nodes([left, hub, right])
    assert rows[left].state == rows[right].state
    assert rows[left].since == rows[right].since


def look_at_found(backend: Backend, hub: NodeKey, left: NodeKey, right: NodeKey) -> None:
    rows = backend.find(Kind.ARTIFACT)
    assert len(rows) % 2 == 0
    assert [row.key.id % 2 for row in rows] == [1, 0] * (len(rows) // 2)
    counters = {row.key: row.state for row in rows[:2]}
    assert counters[left] == counters[right]


def look_at_beginnings(backend: Backend, hub: NodeKey, left: NodeKey, right: NodeKey) -> None:
    rows = backend.beginning_with("counter ")
    assert [row.key for row in rows] == [left, right]
    assert len({(row.since, row.state) for row in rows}) == 1


def look_at_neighbours(backend: Backend, hub: NodeKey, left: NodeKey, right: NodeKey) -> None:
    at_hub = Compare(Column(Field.EXECUTION_ID, "e"), Operator.EQ, hub.id)
    rows = backend.find(Kind.ARTIFACT, Exists(Neighbour.EVENTS, "e", at_hub))
    assert len(rows) % 2 == 0


def look_at_edges(backend: Backend, hub: NodeKey, left: NodeKey, right: NodeKey) -> None:
    edges = backend.edges([hub])
    assert (
        len([edge for edge in edges if edge.target == hub and edge.kind < 8]) * 2 == len(edges) - 1
    )


def look_at_walk(backend: Backend, hub: NodeKey, left: NodeKey, right: NodeKey) -> None:
    walk = backend.walk([hub], Direction.BOTH, limits=Limits(nodes=None))
    assert len(walk.keys) % 2 == 1
    assert len(walk.edges) == len(walk.keys) - 1


def look_at_versions(backend: Backend, hub: NodeKey, left: NodeKey, right: NodeKey) -> None:
    rows = backend.versions(left)
    assert [row.until for row in rows] == [*(row.since for row in rows[1:]), None]


def look_at_log(backend: Backend, hub: NodeKey, left: NodeKey, right: NodeKey) -> None:
    heads = backend.log()
    assert [head.number for head in heads] == list(range(len(heads), 0, -1))
    assert {head.artifacts - 2 * head.number for head in heads} == {0}


def look_at_changes(backend: Backend, hub: NodeKey, left: NodeKey, right: NodeKey) -> None:
    for commit in backend.changes(after=max(0, backend.now() - 3)):
        assert len(commit.batch.nodes) == (2 if commit.head.number > 1 else 4)
        assert len(commit.batch.updates) == (2 if commit.head.number > 1 else 0)


def look_pinned(backend: Backend, hub: NodeKey, left: NodeKey, right: NodeKey) -> None:
    number = backend.pin()
    assert number is not None
    rows = backend.nodes([left, right], as_of=number)
    assert {row.state for row in rows.values()} == ({number} if number > 1 else {None})
    first = backend.find(Kind.ARTIFACT, as_of=number)
    edges = backend.edges([hub], as_of=number)
    walk = backend.walk([hub], Direction.BOTH, limits=Limits(nodes=None), as_of=number)
    assert sorted(walk.keys)[:-1] == [row.key for row in first]
    assert list(walk.edges) == [edge for edge in edges if edge.kind < 8]
    again = backend.find(Kind.ARTIFACT, as_of=number)
    assert [row.key for row in again] == [row.key for row in first]


def look_in_transaction(backend: Backend, hub: NodeKey, left: NodeKey, right: NodeKey) -> None:
    with backend.transaction():
        look_pinned(backend, hub, left, right)
        assert backend.nodes([left])[left].state == backend.nodes([right])[right].state
        assert len(backend.versions(left)) == backend.pin()


LOOKS: dict[str, Look] = {
    "nodes": look_at_nodes,
    "find": look_at_found,
    "beginnings": look_at_beginnings,
    "neighbours": look_at_neighbours,
    "edges": look_at_edges,
    "walk": look_at_walk,
    "versions": look_at_versions,
    "log": look_at_log,
    "changes": look_at_changes,
    "pinned": look_pinned,
    "in a transaction": look_in_transaction,
}


@pytest.mark.parametrize("verb", LOOKS)
def test_readers_see_whole_transactions(
    verb: str, pairs: tuple[Backend, NodeKey, NodeKey, NodeKey]
) -> None:
    backend = pairs[0]
    finished = threading.Event()

    def write() -> None:
        try:
            for _ in range(40):
                write_pairs(*pairs)
        finally:
            finished.set()

    def read() -> int:
        reads = 0
        while not finished.is_set() or not reads:
            LOOKS[verb](*pairs)
            reads += 1
        return reads

    side_by_side(write, read, read, read)
    LOOKS[verb](*pairs)
    assert backend.now() == 41
    assert backend.check() == []


def test_all_verbs_beside_each_other(pairs: tuple[Backend, NodeKey, NodeKey, NodeKey]) -> None:
    """Several writers, every reader, and the check of a store that is being written."""
    backend = pairs[0]
    left = threading.Semaphore(0)
    writers = 3

    def write() -> None:
        try:
            for _ in range(8):
                write_pairs(*pairs)
        finally:
            left.release()

    finished = threading.Event()

    def wait() -> None:
        for _ in range(writers):
            assert left.acquire(timeout=300)
        finished.set()

    def read(look: Look) -> None:
        while not finished.is_set():
            look(*pairs)

    def check() -> None:
        while not finished.is_set():
            assert backend.check() == []

    readers = [lambda look=look: read(look) for look in LOOKS.values()]
    side_by_side(*[write] * writers, wait, check, *readers)
    assert backend.now() == 1 + writers * 8
    before = everything(backend)
    assert everything(backend) == before


def test_node_that_comes_and_goes_is_found_at_every_read(backend: Backend) -> None:
    with writing(backend) as new:
        data = new.artifact(name="a")
        new.delete(data)
    done = threading.Event()

    def come_and_go() -> None:
        try:
            for _ in range(ROUNDS):
                with writing(backend) as new:
                    new.update(data)
                with writing(backend) as new:
                    new.delete(data)
        finally:
            done.set()

    def look() -> None:
        while not done.is_set():
            row = backend.nodes([data])[data]
            assert row.gone == (row.until is not None)

    side_by_side(come_and_go, look, look)
    assert len(backend.versions(data)) == ROUNDS + 1
    assert backend.check() == []
