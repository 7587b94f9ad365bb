"""The check of a store, and the digests that prove its history."""

from lineage.contract.backend import Backend
from lineage.model.keys import Kind
from lineage.model.rows import EdgeKey, EdgeKind, NodeRow
from lineage.testing.builders import eventful, everything, writing


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


DIGESTS = [
    "8a10c8383d5c9a91db8674c56e03cec99c3cc45fdc2814df7fae834487c23c4d",
    "70a2295b4636fa35da073ac5a8da38855270858a7af87762f2d7e4604f157cfd",
    "f54e43197a6ba89ae4de91ee3da1fc389c02cb6df4321a8a310dc377132220b3",
]


def test_digests_are_the_published_ones(backend: Backend) -> None:
    """A store written by this version proves itself to every later one."""
    with writing(backend, actor="ann", message="wrote ä") as new:
        context = new.type(Kind.CONTEXT, "Experiment", properties={"note": "STRING"})
        data = new.artifact(name="data", uri="s3://a", properties={"day": 1}, salt=bytes(16))
        run = new.execution(state=3, custom={"rate": 0.5}, salt=bytes(16))
        part = new.context(context, name="churn", salt=bytes(16))
        new.edge(data, run, time=7, path='["in",0]')
        new.edge(part, run)
    with writing(backend, actor="bob") as new:
        new.update(data, name="renamed", salt=bytes(16))
        new.end(EdgeKey(part, run, EdgeKind.ASSOCIATION))
        new.edge_update(EdgeKey(data, run, EdgeKind.INPUT), '[["in",0],["train"]]')
    with writing(backend) as new:
        new.delete(data)
        new.purge(data)
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
