"""Artifacts are found by the digest of their content, now and as of any moment."""

from lineage.contract.backend import Backend
from lineage.model.keys import NodeKey
from lineage.testing.builders import elsewhere, writing

ONE, OTHER = "sha256:" + "0a" * 32, "sha256:" + "0b" * 32


def having(
    backend: Backend, *digests: str, limit: int | None = None, as_of: int | None = None
) -> list[list[NodeKey]]:
    """Return the artifacts with each digest, which do not depend on how a backend finds them."""
    rows = backend.with_digests(digests, limit=limit, as_of=as_of)
    assert rows == Backend.with_digests(backend, digests, limit=limit, as_of=as_of)
    assert list(rows) == list(digests)
    assert rows == {
        digest: [backend.nodes([row.key], as_of=as_of)[row.key] for row in some]
        for digest, some in rows.items()
    }
    return [[row.key for row in some] for some in rows.values()]


def test_artifacts_are_found_by_digest_in_order(backend: Backend) -> None:
    with writing(backend) as new:
        one = new.artifact(properties={"digest": ONE})
        other = new.artifact(custom={"digest": OTHER, "size": 1})
        again = new.artifact(custom={"digest": ONE}, uri="elsewhere")
        new.artifact(custom={"note": ONE, "hash": ONE})
        new.execution(custom={"digest": ONE})
        new.context(custom={"digest": ONE})
        assert having(backend, ONE) == [[one, again]]
    assert having(backend, OTHER, ONE, "absent") == [[other], [one, again], []]
    assert having(backend, ONE, limit=1) == [[one]]
    assert having(backend) == []


def test_declared_digest_hides_the_custom_one(backend: Backend) -> None:
    with writing(backend) as new:
        both = new.artifact(properties={"digest": ONE}, custom={"digest": OTHER})
        new.artifact(properties={"digest": 7}, custom={"digest": OTHER})
        new.artifact(properties={"digest": {"sha256": ONE}})
        new.artifact(custom={"digest": True})
    assert having(backend, ONE, OTHER, "7", '{"struct":"{}"}') == [[both], [], [], []]


def test_digests_are_any_text(backend: Backend) -> None:
    texts = ["", " ", "a\0b", "\1", "ä" * 40, "😀", "x" * 9_000, "'; --", '"digest":', "7", "1e3"]
    with writing(backend) as new:
        keys = [new.artifact(custom={"digest": text}) for text in texts]
    assert having(backend, *texts) == [[key] for key in keys]


def test_digests_that_end_alike_are_told_apart(backend: Backend) -> None:
    texts = [f"md5:{start}{'0' * 31}" for start in "abc"]
    with writing(backend) as new:
        keys = [new.artifact(custom={"digest": text}) for text in texts]
    assert having(backend, *texts, "md5:d" + "0" * 31, limit=1) == [*([key] for key in keys), []]


def test_digests_are_those_of_the_moment(backend: Backend) -> None:
    with writing(backend) as new:
        changed = new.artifact(custom={"digest": ONE})
        deleted = new.artifact(custom={"digest": ONE})
        stays = new.artifact(custom={"digest": ONE})
    first = backend.now()
    with writing(backend) as new:
        new.update(changed, custom={"digest": OTHER})
        new.update(stays, name="named")
        new.deleted(deleted)
        assert having(backend, ONE, OTHER) == [[stays], [changed]]
    second = backend.now()
    with writing(backend) as new:
        new.update(changed, custom={})
        new.update(stays, custom={"digest": OTHER})
        late = new.artifact(custom={"digest": ONE})
    assert having(backend, ONE, OTHER) == [[late], [stays]]
    assert having(backend, ONE, OTHER, as_of=second) == [[stays], [changed]]
    assert having(backend, ONE, OTHER, as_of=first) == [[changed, deleted, stays], []]
    assert having(backend, ONE, as_of=first, limit=2) == [[changed, deleted]]
    assert having(backend, ONE, as_of=0) == [[]]


def test_purged_digests_find_nothing_at_any_moment(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(custom={"digest": ONE})
    first = backend.now()
    with writing(backend) as new:
        new.update(key, custom={"digest": OTHER})
    with writing(backend) as new:
        new.purge(new.deleted(key))
    assert having(backend, ONE, OTHER, as_of=first) == [[], []]
    assert having(backend, ONE, OTHER) == [[], []]


def test_open_transaction_alone_sees_its_digests(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(custom={"digest": ONE})
    with writing(backend) as new:
        new.update(key, custom={"digest": OTHER})
        assert having(backend, ONE, OTHER) == [[], [key]]
        assert elsewhere(lambda: having(backend, ONE, OTHER)) == [[key], []]
        assert having(backend, ONE, as_of=backend.now()) == [[key]]


def test_node_that_lives_again_has_the_digests_of_its_lives(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(custom={"digest": ONE})
    first = backend.now()
    with writing(backend) as new:
        new.delete(key)
    gone = backend.now()
    with writing(backend) as new:
        new.update(key, custom={"digest": OTHER})
        assert having(backend, ONE, OTHER) == [[], [key]]
    assert having(backend, ONE, OTHER) == [[], [key]]
    assert having(backend, ONE, OTHER, as_of=gone) == [[], []]
    assert having(backend, ONE, OTHER, as_of=first) == [[key], []]
