"""The check of a store, and what it finds of changes that are made behind its back."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lineage.backends.memory.backend import MemoryBackend
from lineage.contract.backend import Backend, Order
from lineage.contract.proof import purged
from lineage.contract.walking import Direction
from lineage.filters.tree import Field
from lineage.model.keys import Kind, NodeKey
from lineage.testing.builders import Clock, eventful
from lineage.testing.contract.check import *  # noqa: F403 - pytest collects them here
from tests.backends.backdoors import (
    AGAIN,
    BACK_DOORS,
    BESIDE_EDGES,
    BETWEEN_LIVES,
    CHURN,
    DATA,
    RUN,
    BackDoor,
    edge,
    node,
    of_memory,
    past_node,
    records,
    sql,
    two_lives,
)
from tests.conftest import BACKENDS, EACH_BACKEND


def test_every_backend_has_the_same_back_doors() -> None:
    assert BACK_DOORS.keys() == BACKENDS.keys()
    assert len({frozenset(doors) for doors in BACK_DOORS.values()}) == 1


@pytest.mark.parametrize("door", next(iter(BACK_DOORS.values())))
@pytest.mark.parametrize("name", EACH_BACKEND)
def test_change_behind_its_back_is_found(name: str, door: str, tmp_path: Path) -> None:
    assert_found(name, BACK_DOORS[name][door], tmp_path)


@pytest.mark.parametrize("door", BESIDE_EDGES["sqlite"])
@pytest.mark.parametrize("name", [each for each in EACH_BACKEND if each.values[0] in BESIDE_EDGES])
def test_change_beside_an_edge_is_found(name: str, door: str, tmp_path: Path) -> None:
    assert_found(name, BESIDE_EDGES[name][door], tmp_path)


@pytest.mark.parametrize("door", BETWEEN_LIVES["sqlite"])
@pytest.mark.parametrize("name", EACH_BACKEND)
def test_change_between_two_lives_is_found(name: str, door: str, tmp_path: Path) -> None:
    assert_found(name, BETWEEN_LIVES[name][door], tmp_path, fill=two_lives)


def assert_found(
    name: str, door: BackDoor, folder: Path, *, fill: Callable[[Backend], None] = eventful
) -> None:
    """Change a store behind its back, which its check must tell."""
    with BACKENDS[name](folder, Clock()) as backend:
        fill(backend)
        assert backend.check() == []
        door(backend, folder)
        found = backend.check()
        assert found
        assert all(type(sentence) is str and sentence for sentence in found)


def forget_where_edges_come_from(backend: MemoryBackend) -> None:
    del backend.graph._pred[AGAIN][RUN]


def forget_an_ended_edge_at_its_target(backend: MemoryBackend) -> None:
    backend.graph.ended[DATA].clear()


def end_an_edge_at_nobody(backend: MemoryBackend) -> None:
    nobody = NodeKey(Kind.ARTIFACT, 99)
    rows = backend.graph.ended[CHURN]
    rows[:] = [row._replace(target=nobody) if row.target == DATA else row for row in rows]


def keep_the_past_of_nobody(backend: MemoryBackend) -> None:
    backend.graph.past[NodeKey(Kind.ARTIFACT, 99)] = []


def cover(backend: MemoryBackend, *, forged: bool) -> None:
    held = backend.graph.nodes[AGAIN]
    row = held["row"]
    blank = purged(row)
    held["row"] = row._replace(uri="s3://evil", digest=blank.digest) if forged else blank


def forget_in_the_order_of_times(backend: MemoryBackend) -> None:
    backend.find(Kind.ARTIFACT, order=Order(Field.CREATED), limit=1)
    del backend.graph.orders[Kind.ARTIFACT, Field.CREATED]._entries[0]


def turn_edges_round(backend: MemoryBackend) -> None:
    ends = backend.graph._succ[CHURN]
    turned = dict(reversed(ends.items()))
    assert [*turned] != [*ends]
    ends.clear()
    ends.update(turned)
    backend.graph.jumbled[Direction.DOWNSTREAM].clear()


MODEL = NodeKey(Kind.ARTIFACT, 2)
DAMAGE: dict[str, tuple[BackDoor, str]] = {
    "a log out of order": (
        of_memory(lambda it: it._log.reverse()),
        "the log does not hold each transaction once, in order",
    ),
    "a gap between versions": (
        past_node(until=3),
        "execution:1: the version of transaction 1 does not lead to that of 2",
    ),
    "a version that ends before it begins": (past_node(since=2), "does not lead to that of 2"),
    "a version that is gone before the last": (past_node(gone=True), "does not lead to that of 2"),
    "an end of what is not gone": (
        node(until=5),
        "artifact:4: its last version ended, but it is not gone",
    ),
    "a past without a present": (
        of_memory(keep_the_past_of_nobody),
        "artifact:99 has a past but no last version",
    ),
    "a present edge that ended": (edge(until=7), "is present, but ended in transaction 7"),
    "another edge's row": (edge(target=DATA), "has another row, or none"),
    "an edge that one end does not know": (
        of_memory(forget_where_edges_come_from),
        "the INTERNAL_OUTPUT edge from execution:1 to artifact:4 is not found from artifact:4",
    ),
    "an ended edge that one end does not know": (
        of_memory(forget_an_ended_edge_at_its_target),
        "the ended ATTRIBUTION edge from context:1 to artifact:1 is not found from artifact:1",
    ),
    "an ended edge at nobody": (
        of_memory(end_an_edge_at_nobody),
        "from context:1 to artifact:99 leads to artifact:99, which does not exist",
    ),
    "a name that is not found": (
        of_memory(lambda it: it.graph.live[Kind.ARTIFACT].discard([(Field.NAME, "data")], 4)),
        r"the index of artifacts by name 'data' has \[\], and the nodes are \[4\]",
    ),
    "a former type that is not found": (
        of_memory(lambda it: it.graph.former[Kind.ARTIFACT].discard([(Field.TYPE_ID, 1)], 1)),
        "the index does not find artifact:1 by its former type_id 1",
    ),
    "a name that nobody had": (
        of_memory(lambda it: it.graph.former[Kind.ARTIFACT].add([(Field.NAME, "never")], 1)),
        "the index of the past finds artifact:1 by name 'never', which it never had",
    ),
    "a node of a later transaction": (
        node(since=99),
        "a version of artifact:4 is there, but transaction 99 did not write it",
    ),
    "content beside its digest": (
        of_memory(lambda it: cover(it, forged=True)),
        "transaction 4: the row of artifact:4 is none, or has content beside the digest",
    ),
    "erased content": (
        of_memory(lambda it: cover(it, forged=False)),
        "artifact:4, as transaction 4 wrote it, has lost its content, and no transaction up to 8 purged it",
    ),
    "purged content that came back": (
        node(key=MODEL, digest=None, salt=bytes(16)),
        "artifact:2 has content, but was purged",
    ),
    "a number that is a truth": (node(since=True), "artifact:4, .*has a row that is none"),
    "an earlier last transaction": (
        of_memory(lambda it: setattr(it, "_committed", it._committed._replace(last=it._log[6]))),
        "there are transactions that were never committed",
    ),
    "a later last transaction": (
        of_memory(lambda it: setattr(it, "_newest", 99)),
        "transaction 99 is taken to be there, and the last one is 8",
    ),
    "other types for readers": (
        of_memory(lambda it: setattr(it, "_committed", it._committed._replace(types=()))),
        "the types that readers are given are not those of the last transaction",
    ),
    "what an open transaction keeps": (
        of_memory(lambda it: it.graph.spared.update({AGAIN: it.graph.versions(AGAIN)})),
        "what a transaction keeps until it commits is there, and none is open",
    ),
    "an order of times without a node": (
        of_memory(forget_in_the_order_of_times),
        "the order of artifacts by create_time is not that of their versions",
    ),
    "edges that pretend to be in order": (
        of_memory(turn_edges_round),
        "the edges of context:1 downstream are not in order",
    ),
    "an ended edge twice": (
        of_memory(lambda it: it.graph.ended[DATA].append(it.graph.ended[DATA][0])),
        "artifact:1 has an ended edge twice",
    ),
    "what no transaction wrote": (
        records(4, nodes=()),
        "a version of artifact:4 is there, but transaction 4 did not write it",
    ),
    "what is not there": (
        records(4, types=(12,)),
        "transaction 4 wrote type 12, which is not there",
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_in_memory_is_named(case: str, tmp_path: Path) -> None:
    damage, says = DAMAGE[case]
    with MemoryBackend(clock=Clock()) as backend:
        eventful(backend)
        damage(backend, tmp_path)
        assert any(re.search(says, sentence) for sentence in backend.check()), backend.check()


DAMAGE_IN_A_FILE = {
    "an edge from nobody": (
        "UPDATE edge SET src = 397 WHERE kind = 6",
        "an edge leads to execution:99, which does not exist",
    ),
    "an edge to nobody": (
        "UPDATE edge SET dst = 396 WHERE kind = 6",
        "an edge leads to artifact:99, which does not exist",
    ),
    "inner nodes that are cut": (
        "UPDATE txn SET nodes = substr(nodes, 1, 33) WHERE number = 4",
        "transaction 4 has other inner nodes of the tree over heads than it completed",
    ),
    "inner nodes where there are none": (
        "UPDATE txn SET nodes = zeroblob(32) WHERE number = 5",
        "transaction 5 has other inner nodes of the tree over heads than it completed",
    ),
    "no salt": (
        "UPDATE txn SET salt = NULL WHERE number = 2",
        "transaction 2 has lost its salt, so that nothing proves who wrote it",
    ),
    "a message after a purge": (
        "UPDATE txn SET message = 'mine' WHERE number = 4",
        "transaction 4 says who wrote it, but that was purged",
    ),
    "a purge that was never done": (
        "UPDATE purge_head SET head = 3",
        "transaction 8 purged transaction 3, which still says who wrote it",
    ),
    "a purge of what is to come": (
        "UPDATE purge_head SET head = 8",
        "transaction 8 purged transaction 8, which does not come before it",
    ),
    "types of another moment": (
        "UPDATE txn SET schema = 1 WHERE number = 4",
        "transaction 4 is not of the types that were there",
    ),
    "a type that ends later": (
        "UPDATE type SET until = 3 WHERE id = 10 AND since = 1",
        "transaction 1 wrote a version of type 10 that ends at another time than it did",
    ),
}


@pytest.mark.parametrize("case", DAMAGE_IN_A_FILE)
def test_damage_in_a_file_is_named(case: str, tmp_path: Path) -> None:
    statement, says = DAMAGE_IN_A_FILE[case]
    with BACKENDS["sqlite"](tmp_path, Clock()) as backend:
        eventful(backend)
        sql(statement)(backend, tmp_path)
        assert says in backend.check()
