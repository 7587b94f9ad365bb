"""The check of a store, and the digests that prove its history."""

from lineage.contract.backend import Backend
from lineage.model.keys import Kind
from lineage.model.rows import NodeRow
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
    "f8312ba31f1bf189b198a407cc718f48e9793d304d95f681e21c551142351372",
    "6b0623274cf2ffd70ffa256fe71342d723fa62f675e398b05a12e09da441042f",
    "ff5d0ad03ddf2ecfbb64ad6602fc35fc654bed893c861dc2dc74d14ac42e373a",
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
        new.end(new.joined(part, run).key)
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
