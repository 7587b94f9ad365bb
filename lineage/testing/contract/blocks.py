"""The blocks of transactions: what an interrupt on the way in or out leaves, and blocks that are kept."""

import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest

from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.transaction import Block, Transaction
from lineage.errors import Invalid
from lineage.model.entities import Artifact
from lineage.model.keys import Kind
from lineage.model.rows import Batch
from lineage.recording.nodes import node_row
from lineage.store import Store


def names(store: Store) -> list[str | None]:
    return [each.name for each in store.find(Artifact)]


def put(store: Store, name: str) -> Artifact:
    return store.put(Artifact(type="lineage.Model", name=name))


def interrupted_at(function: Any, work: Callable[[], object]) -> None:
    """Do something until a function is entered for the first time; there comes an interrupt."""
    done = False

    def trace(frame: FrameType, event: str, _: object) -> None:
        nonlocal done
        if event == "call" and frame.f_code is function.__code__ and not done:
            done = True
            raise KeyboardInterrupt

    sys.setprofile(trace)
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
    finally:
        sys.setprofile(None)
    assert done


def test_interrupt_on_leaving_a_block_undoes_it(store: Store) -> None:
    put(store, "first")

    def work() -> None:
        with store.backend.transaction() as transaction:
            row = transaction.lock()
            assert row.number == 1
            put_in(transaction)

    def put_in(transaction: Transaction) -> None:
        new = Artifact(type="lineage.Model", name="second")
        found = registry(store.backend).named(Kind.ARTIFACT, "lineage.Model")
        transaction.write(Batch(nodes=[node_row(transaction, found, new)]))

    interrupted_at(Block.__exit__, work)
    assert not store.backend.in_transaction
    assert names(store) == ["first"]
    put(store, "third")
    assert names(store) == ["first", "third"]


def test_interrupt_on_leaving_an_inner_block_lets_the_outer_one_only_roll_back(
    store: Store,
) -> None:
    def write() -> None:
        with store.backend.transaction() as outer:
            outer.lock()
            with suppress(KeyboardInterrupt), store.backend.transaction():
                pass

    def work() -> None:
        with pytest.raises(Invalid, match="cut short by an interrupt"):
            write()
        raise KeyboardInterrupt

    interrupted_at(Block.__exit__, work)
    assert names(store) == []
    put(store, "second")
    assert names(store) == ["second"]


def test_interrupt_on_entering_a_block_leaves_nothing_open(store: Store) -> None:
    interrupted_at(Block.__enter__, lambda: put(store, "first"))
    assert not store.backend.in_transaction
    put(store, "second")
    assert names(store) == ["second"]


def test_block_joins_what_is_open_when_it_is_entered(store: Store) -> None:
    outer, inner = store.backend.transaction(), store.backend.transaction()
    with outer:
        put(store, "first")
        with inner:
            put(store, "second")
    assert names(store) == ["first", "second"]
    assert len(store.log()) == 1


def test_block_is_entered_once(backend: Backend) -> None:
    block = backend.transaction()
    with block:
        pass
    with pytest.raises(Invalid, match="entered before"), block:
        pass
    assert not backend.in_transaction
