"""Nodes are found by the beginnings of their names and URIs, now and as of any moment."""

import pytest

from lineage.contract.backend import Backend
from lineage.contract.beginnings import Beginning
from lineage.errors import Invalid, NotFound
from lineage.model.keys import Kind, NodeKey
from lineage.testing.builders import MODEL, elsewhere, writing

GREATEST = "\U0010ffff"
CSV = "s3://lake/data/churn.csv"


def beginning(
    backend: Backend,
    text: str,
    *,
    kind: Kind | None = None,
    limit: int | None = None,
    as_of: int | None = None,
) -> list[NodeKey]:
    """Return what begins so, which does not depend on how a backend finds it."""
    rows = backend.beginning_with(text, kind=kind, limit=limit, as_of=as_of)
    assert rows == Backend._beginning_with(backend, Beginning(text, kind, limit), as_of)
    known = backend.nodes([row.key for row in rows], as_of=as_of)
    assert rows == [known[row.key] for row in rows]
    return [row.key for row in rows]


def test_names_uris_and_last_parts_are_found_by_their_beginnings(backend: Backend) -> None:
    with writing(backend) as new:
        data = new.artifact(uri=CSV)
        model = new.artifact(MODEL, name="churn model", uri="s3://models/7/")
        run = new.execution(name="churn run")
        part = new.context(name="churn")
        new.artifact(name="a churn", external_id="churn", custom={"churn": "churn"})
        assert beginning(backend, "churn") == [part, model, run, data]
    assert beginning(backend, "churn") == [part, model, run, data]
    assert beginning(backend, "churn.") == beginning(backend, "churn.csv") == [data]
    assert beginning(backend, "s3://") == [data, model]
    assert beginning(backend, "7") == [model]
    for absent in ("7/", "data", "lake", "Churn", "hurn", "churn.csv/", "absent", "\0"):
        assert beginning(backend, absent) == []


@pytest.mark.parametrize("kind", Kind)
def test_one_kind_may_be_asked_for(kind: Kind, backend: Backend) -> None:
    with writing(backend) as new:
        keys = {each: [new.put(each, name=f"{name}") for name in "ba"] for each in Kind}
        own = {each: new.put(each, name=f"z{each}") for each in Kind}
        data = new.artifact(uri="zebra/zoo")
    assert beginning(backend, "b", kind=kind) == keys[kind][:1]
    data_too = [own[kind], data] if kind is Kind.ARTIFACT else [own[kind]]
    assert beginning(backend, "z", kind=kind) == data_too
    assert beginning(backend, "z", kind=kind, limit=1) == [own[kind]]


def test_nodes_come_once_by_their_first_text(backend: Backend) -> None:
    with writing(backend) as new:
        last = new.artifact(name="az", uri="b/ay")
        thrice = new.artifact(name="ac", uri="ab/aa")
        part, other = new.context(name="ab"), new.execution(name="ab")
        one, two = new.artifact(uri="x/ab"), new.artifact(uri="y/ab")
    answer = [thrice, one, two, part, other, last]
    assert beginning(backend, "a") == answer
    for limit in range(1, 8):
        assert beginning(backend, "a", limit=limit) == answer[:limit]


def test_texts_come_in_the_order_of_code_points(backend: Backend) -> None:
    texts = [
        "a",
        "a\0",
        "a\0b",
        "a\x01",
        "a b",
        'a"',
        "aB",
        "a\\",
        "ab",
        "aä",
        "a\ud7ff",
        "a\ue000",
    ]
    texts += ["a\uffff", "a😀", f"a{GREATEST}", f"a{GREATEST}b", f"a{GREATEST}{GREATEST}"]
    assert texts == sorted(texts)
    with writing(backend) as new:
        names = [new.execution(name=text) for text in reversed(texts)][::-1]
        uris = [new.artifact(uri=f"{text}") for text in texts]
        lasts = [new.artifact(uri=f"x/{text}") for text in texts if "\0" not in text]
        new.artifact(uri="b"), new.execution(name="b")
    assert beginning(backend, "a", kind=Kind.EXECUTION) == names
    found = beginning(backend, "a", kind=Kind.ARTIFACT)
    assert [key for key in found if key in uris] == uris
    assert [key for key in found if key in lasts] == lasts
    for text in (*texts, GREATEST):
        within = [key for name, key in zip(texts, names, strict=True) if name.startswith(text)]
        assert beginning(backend, text, kind=Kind.EXECUTION) == within
        assert beginning(backend, text, kind=Kind.EXECUTION, limit=1) == within[:1]


def test_last_parts_of_unusual_uris(backend: Backend) -> None:
    uris = {
        "s3://b/one": "one",
        "s3://b/two/": "two",
        "/three": "three",
        'b/four"\\,[]': 'four"\\,[]',
        "b\\/five": "five",
        '"/six': "six",
        "b/ä😀\x01'%_": "ä😀\x01'%_",
        "b//": None,
        "/": None,
        "": None,
        "seven": "seven",
        "b\0/eight": None,
        "b/nine\0": None,
        f"b/{'x' * 9_000}": "x" * 9_000,
        f"{'y' * 9_000}/ten": "ten",
    }
    with writing(backend) as new:
        keys = {uri: new.artifact(uri=uri) for uri in uris}
    for uri, part in uris.items():
        if part is not None:
            assert beginning(backend, part) == [keys[uri]]
            assert beginning(backend, f"{part}x") == []
        if uri:
            assert keys[uri] in beginning(backend, uri)
    assert beginning(backend, "eight") == beginning(backend, "nine") == []


def test_texts_that_begin_alike_for_long_are_told_apart(backend: Backend) -> None:
    same = "ä" * 3_000
    with writing(backend) as new:
        second, first = new.artifact(name=f"{same}b"), new.artifact(uri=f"u/{same}a")
        third = new.artifact(uri=f"{same}c")
    assert beginning(backend, same) == [first, second, third]
    assert beginning(backend, f"{same}b") == [second]
    assert beginning(backend, same, limit=1) == [first]
    assert beginning(backend, f"{same}d") == []


def test_beginnings_are_those_of_the_moment(backend: Backend) -> None:
    with writing(backend) as new:
        renamed = new.execution(name="a1")
        deleted = new.artifact(uri="x/a2")
        stays = new.artifact(name="a3")
    first = backend.now()
    with writing(backend) as new:
        new.update(renamed, name="b1")
        new.update(stays, custom={"k": 1})
        new.delete(deleted)
        assert beginning(backend, "a") == [stays]
    second = backend.now()
    with writing(backend) as new:
        new.update(renamed, name=None)
        late = new.context(name="a0")
        brief = new.deleted(new.artifact(name="a4"))
    assert beginning(backend, "a") == [late, stays]
    assert beginning(backend, "b") == []
    assert beginning(backend, "a", as_of=second) == [stays]
    assert beginning(backend, "b", as_of=second) == [renamed]
    assert beginning(backend, "a", as_of=first) == [renamed, deleted, stays]
    assert beginning(backend, "a", as_of=first, limit=2) == [renamed, deleted]
    assert beginning(backend, "x", as_of=first, kind=Kind.ARTIFACT) == [deleted]
    assert beginning(backend, "a", as_of=0) == []
    assert backend.nodes([brief])[brief].gone
    with pytest.raises(NotFound):
        backend.beginning_with("a", as_of=backend.now() + 1)


def test_node_that_lives_again_is_found_by_the_names_of_its_lives(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(name="a")
    first = backend.now()
    with writing(backend) as new:
        new.delete(key)
    gone = backend.now()
    with writing(backend) as new:
        new.update(key, name="b", uri="c/d")
    assert beginning(backend, "a") == beginning(backend, "d", as_of=gone) == []
    assert beginning(backend, "b") == beginning(backend, "d") == [key]
    assert beginning(backend, "a", as_of=gone) == []
    assert beginning(backend, "a", as_of=first) == [key]


def test_what_was_purged_begins_with_nothing_at_any_moment(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(name="a", uri="b/c")
        stays = new.artifact(name="ab")
    first = backend.now()
    assert beginning(backend, "a") == [key, stays]
    with writing(backend) as new:
        new.update(key, name="ac")
    second = backend.now()
    with writing(backend) as new:
        new.purge(new.deleted(key))
        assert beginning(backend, "a", as_of=first) == [stays]
        assert elsewhere(lambda: beginning(backend, "a", as_of=first)) == [key, stays]
        assert elsewhere(lambda: beginning(backend, "a")) == [stays, key]
    for as_of in (None, first, second):
        assert beginning(backend, "a", as_of=as_of) == [stays]
        assert beginning(backend, "c", as_of=as_of) == beginning(backend, "b", as_of=as_of) == []


def test_open_transaction_alone_sees_its_names(backend: Backend) -> None:
    with writing(backend) as new:
        key = new.artifact(name="a")
    with writing(backend) as new:
        new.update(key, name="b")
        added = new.artifact(uri="c/b1")
        assert beginning(backend, "b") == [key, added]
        assert beginning(backend, "a") == []
        assert elsewhere(lambda: beginning(backend, "a")) == [key]
        assert elsewhere(lambda: beginning(backend, "b")) == []
        assert beginning(backend, "a", as_of=backend.now()) == [key]


def test_rollback_takes_back_what_was_found_by(backend: Backend) -> None:
    with writing(backend) as new:
        key, gone = new.artifact(name="a"), new.artifact(name="ab")

    def fail() -> None:
        with writing(backend) as new:
            new.update(key, name="b")
            late = new.artifact(name="bc")
            new.purge(new.deleted(gone))
            assert beginning(backend, "b") == [key, late]
            assert elsewhere(lambda: beginning(backend, "a")) == [key, gone]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert beginning(backend, "a") == [key, gone]
    assert beginning(backend, "b") == []


@pytest.mark.parametrize("text", ["", None, 7, b"a", "\ud800", "a\udfff"])
def test_what_is_no_beginning_is_invalid(text: object, backend: Backend) -> None:
    with pytest.raises(Invalid):
        backend.beginning_with(text)  # type: ignore[arg-type]  # no text, which is the case


@pytest.mark.parametrize("limit", [0, -1, True, "1", 2**63])
def test_what_is_no_limit_is_invalid(limit: object, backend: Backend) -> None:
    with pytest.raises(Invalid, match="limit="):
        backend.beginning_with("a", limit=limit)  # type: ignore[arg-type]  # no limit, likewise
