"""The check of a store, and the digests that prove its history."""

import pytest

from lineage.contract.backend import Backend
from lineage.contract.transaction import Transaction
from lineage.model.keys import Kind
from lineage.model.rows import EdgeKey, EdgeKind, NodeRow
from lineage.testing.builders import elsewhere, eventful, everything, writing


def test_check_changes_nothing(backend: Backend) -> None:
    assert backend.check() == []
    eventful(backend)
    before = everything(backend)
    assert backend.check() == []
    assert everything(backend) == before


def test_check_within_a_transaction_is_of_what_is_committed(backend: Backend) -> None:
    eventful(backend)
    with writing(backend) as new:
        new.artifact()
        new.type(Kind.CONTEXT, "Another")
        assert backend.check() == []
    assert backend.check() == []


def test_check_within_a_transaction_knows_what_that_has_purged(backend: Backend) -> None:
    eventful(backend)
    with writing(backend) as new:
        key = new.artifact(name="secret")
    with writing(backend, actor="ann") as new:
        new.update(key, name="secret again")
        new.delete(key)
    with writing(backend) as new:
        new.purge(key)
        new.purge_heads(new.number - 1)
        assert backend.check() == []
        assert elsewhere(backend.check) == []
    assert backend.check() == []


DIGESTS = [
    "53a52bff01b436f4c6c2c9237155217287b87ce30341fba1e639fedbf37e7fec",
    "893689a5da6b16e40781225635082e2b2fc62ba593760b5311152e8bc9c47ac2",
    "1605093bd413a0583ec447588437e2d74e0d87c0cf734e13798f685f1f96c7fd",
]


def test_digests_are_the_published_ones(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store written by this version proves itself to every later one."""
    monkeypatch.setattr(Transaction, "salt", lambda _: bytes(16))
    with writing(backend, actor="ann", message="wrote ä") as new:
        context = new.type(Kind.CONTEXT, "Experiment", properties={"note": "STRING"})
        data = new.artifact(name="data", uri="s3://a", properties={"day": 1}, salt=bytes(16))
        run = new.execution(state=3, custom={"rate": 0.5}, salt=bytes(16))
        part = new.context(context, name="churn", salt=bytes(16))
        new.edge(data, run, time=7, path='["in",0]')
        new.edge(part, run)
    with writing(backend, actor="bob", mark="part 1") as new:
        new.update(data, name="renamed", salt=bytes(16))
        new.end(EdgeKey(part, run, EdgeKind.ASSOCIATION))
        new.edge_update(EdgeKey(data, run, EdgeKind.INPUT), '[["in",0],["train"]]')
    with writing(backend) as new:
        new.delete(data)
        new.purge(data)
        new.purge_heads(1)
    assert [head.digest.hex() for head in reversed(backend.log())] == DIGESTS


def test_salted_digest_hides_what_was_purged(backend: Backend) -> None:
    """Equal contents have different digests, and no salt is left to try contents out with."""
    with writing(backend) as new:
        keys = [new.artifact(uri="secret") for _ in range(2)]
        new.delete(*keys)
        new.purge(*keys)
    rows: list[NodeRow] = list(backend.nodes(keys).values())
    assert len({row.digest for row in rows}) == 2
    assert [row.salt for row in rows] == [None, None]
