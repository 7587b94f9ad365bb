"""Proofs from every backend, checked by two verifiers, one of which was written from docs/proof.md alone."""

import copy
import json
import random
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import lineage
from lineage import Kind, Limits, NodeKey, Proof
from lineage.backends.neo4j.backend import Neo4jBackend
from lineage.errors import Corrupt, Invalid, MissingExtra, NotFound, Unproven
from lineage.proofs.bundle import canonical
from lineage.proofs.page import page
from lineage.store import Store
from lineage.testing.builders import all_keys, eventful
from tests.proofs import second_verifier
from tests.proofs.second_verifier import Refused
from tests.runs import Dataset, Model, Train, two_runs


class Census(lineage.Artifact, type="my_data_set"):
    """A data set by its name alone."""


def project(store: Store) -> Store:
    """Two runs, one recorded with its environment and metrics, an update, a deletion and a purge."""
    two_runs(store)
    census = store.put(Census(uri="s3://census", custom_properties={'é"\\\x1f': [1.5, None, "x"]}))
    with store.run(lineage.Train(name="big"), message="a run") as run:
        run.input(census)
        run.input(store.get("Dataset:lake"))
        run.output(Model(name="big", uri="s3://big"))
        run.log_metrics(accuracy=0.5)
    store.update(store.get(Model, "m1").replace(accuracy=0.75), message="measured again")
    store.delete("Train:run 2", message="made in error")
    store.purge("Model:m2", reason="law")
    Store(store.backend, actor="dpo").purge_actor("ann", reason="law")
    return store


def both(
    text: str, *, digest: str | None = None, public_key: Path | None = None
) -> lineage.Verified:
    """Check a proof by both verifiers, which must agree, and return what ours says."""
    key = None
    if public_key is not None:
        from lineage.proofs.signing import public_key_of

        key = bytes.fromhex(public_key_of(public_key))
    try:
        second_verifier.check(text, digest=digest, public_key=key)
    except Refused:
        with pytest.raises(Unproven):
            lineage.verify(text, digest=digest, public_key=public_key)
        raise
    return lineage.verify(text, digest=digest, public_key=public_key)


@pytest.fixture(scope="module")
def proved(shared: Store) -> Store:
    return project(shared)


def test_every_node_of_every_moment_is_proved(proved: Store) -> None:
    kept = {entry.number: entry.digest for entry in proved.log()}
    last = proved.backend.now()
    # In Neo4j each proof is dozens of round trips.
    between = [] if isinstance(proved.backend, Neo4jBackend) else [last - 2]
    for number in (2, *between, last):
        past = proved.at(number)
        for key in all_keys(past.backend):
            if key not in past.backend.nodes([key], as_of=number):
                continue
            proof = past.prove(key)
            answer = both(proof.to_json(), digest=f"{number}:{kept[number]}")
            assert (answer.subject, answer.number) == (str(key), number)
            assert proof.digest == answer.digest == f"{number}:{kept[number]}"
            (row,) = past.backend.nodes([key], as_of=number).values()
            node = answer.records.nodes[key]
            assert answer.answer["gone"] is row.gone
            shown = None if row.salt is None else tuple(row[2:8])
            assert node.content == shown
            assert (node.created, node.updated, node.number) == (
                row.created,
                row.updated,
                row.since,
            )


def test_answer_is_that_of_the_questions(proved: Store) -> None:
    model = proved.get(Model, "big")
    answer = both(proved.prove(model).to_json())
    summary = proved.show(model)
    assert answer.answer["runs"] == [str(run.key) for run in summary.runs]
    assert {tuple(each) for each in answer.answer["data"]} == {
        (str(source.node.key), source.distance) for source in summary.datasets
    }
    assert summary.environment is not None
    assert answer.answer["environments"] == [str(summary.environment.key)]
    content = answer.records.nodes[summary.environment.key].content
    assert content is not None
    assert "python" in content[4]
    metrics = {str(metric.artifact.key) for metric in summary.metrics if metric.artifact != model}
    assert metrics <= {str(key) for key in answer.records.nodes}
    erased = [each.author for each in answer.transactions.values()]
    assert ("ann", "a run") not in erased


def test_actors_are_shown_of_what_is_proved_alone() -> None:
    store = two_runs(lineage.connect("memory:", actor="ann"))
    store.put(lineage.Dataset(), message="private, and not a part of it")
    store.put(lineage.Dataset(), message="the last one")
    proof = store.prove("Model:m1")
    assert "private" not in proof.to_json()
    authors = {each.number: each.author for each in both(proof.to_json()).transactions.values()}
    assert authors == {1: ("ann", "run 1"), 4: ("ann", "the last one")}
    earlier = both(store.prove("Model:m1", earlier=3).to_json()).transactions
    assert earlier[3].author is None


@pytest.fixture
def small() -> Store:
    store = lineage.connect("memory:", actor="ann")
    store.put(lineage.Dataset())
    store.record(
        Train(rate=0.5), inputs=Dataset(uri="s3://a"), outputs=Model(name="m"), message="é <b>"
    )
    store.put(lineage.Dataset())
    return store


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value and every object of a document."""
    yield path
    items: list[tuple[Any, Any]] = []
    if isinstance(node, dict):
        items = [*node.items()]
    elif isinstance(node, list):
        items = [*enumerate(node)]
    for name, each in items:
        yield from places(each, (*path, name))


def altered(value: Any) -> list[Any]:
    """Return other values in the place of one."""
    if isinstance(value, bool):
        return [not value, int(value), None]
    if isinstance(value, int):
        return [value + 1, value - 1, str(value), float(value), True, None, -value - 1, 2**70]
    if isinstance(value, str):
        other = "0" if value[-1:] != "0" else "1"
        return [value[:-1] + other, value + "0", value[:-1], value.upper() + " ", None, 7, [], {}]
    if value is None:
        return [0, "", "00" * 32, [], {}, False]
    if isinstance(value, list):
        return (
            [value[:-1], [*value, value[-1]], [*value[::-1], None], None, {}] if value else [[""]]
        )
    return [{**value, "more": None}, dict([*value.items()][1:]), None, []]


def changed(document: Any, path: tuple[Any, ...], value: Any) -> str:
    copied = copy.deepcopy(document)
    if not path:
        return json.dumps(value)
    node = copied
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    return json.dumps(copied)


UNCOVERED = [(("cut",), "nodes")]
"""What only a signature covers: which limit cut the answer."""


def alterations(document: Any) -> Iterator[tuple[tuple[Any, ...], Any, str]]:
    """Yield a place, what stands there then, and the text of the altered document."""
    for path in places(document):
        node: Any = document
        for name in path:
            node = node[name]
        for value in altered(node):
            text = changed(document, path, value)
            if canonical(json.loads(text)) != canonical(document):
                yield path, value, text


def test_every_altered_field_is_refused_by_both(small: Store) -> None:
    proof = small.prove("Model:m", earlier=1)
    both(proof.to_json())
    tried = 0
    for path, value, text in alterations(json.loads(proof.to_json())):
        if (path, value) in UNCOVERED:
            continue
        tried += 1
        with pytest.raises(Unproven):
            lineage.verify(text)
        with pytest.raises(Refused):
            second_verifier.check(text)
    assert tried > 500


def test_every_altered_field_breaks_a_signature(small: Store, keys: tuple[Path, Path]) -> None:
    document = json.loads(small.prove("Model:m", earlier=1, key=keys[0]).to_json())
    whole = {**document, "cut": "nodes"}
    texts = [text for path, _, text in alterations(document) if path[:1] == ("signature",)]
    for text in (*texts, json.dumps(whole)):
        with pytest.raises(Refused):
            both(text, public_key=keys[1])


def test_every_altered_byte_is_refused_by_both(small: Store) -> None:
    text, source = small.prove("Model:m").to_json(), random.Random(5)
    for _ in range(400):
        place = source.randrange(len(text))
        other = text[:place] + source.choice('0a9f"[]{},:n\\ é') + text[place + 1 :]
        try:
            same = json.loads(other) == json.loads(text)
        except ValueError:
            same = False
        if same:
            continue
        with pytest.raises(Unproven):
            lineage.verify(other)
        with pytest.raises(Refused):
            second_verifier.check(other)


def test_parts_of_two_histories_do_not_mix(small: Store) -> None:
    other = lineage.connect("memory:", actor="ann")
    other.put(lineage.Dataset())
    other.record(Train(rate=0.5), inputs=Dataset(uri="s3://a"), outputs=Model(name="m"))
    other.put(lineage.Dataset())
    one, two = (json.loads(each.prove("Model:m").to_json()) for each in (small, other))
    for name in ("digest", "transactions", "records"):
        with pytest.raises(Refused):
            both(json.dumps({**one, name: two[name]}))
    lineage.verify(json.dumps(two))
    kept = small.prove("Model:m").digest
    with pytest.raises(Refused):
        both(json.dumps(two), digest=kept)
    without = [each for each in one["records"] if not each["line"].startswith('["edge"')]
    with pytest.raises(Refused):
        both(json.dumps({**one, "records": without}))
    # Who leaves out an edge may change the answer with it: that nothing was left out is not proved.
    answer = {**one["answer"], "runs": [], "data": []}
    assert both(json.dumps({**one, "records": without, "answer": answer})).answer["runs"] == []


def test_kept_digests(small: Store) -> None:
    kept = {entry.number: f"{entry.number}:{entry.digest}" for entry in small.log()}
    proof = small.prove("Model:m")
    assert both(proof.to_json(), digest=kept[3]).trust == (
        "the digest that was kept is that of transaction 3",
    )
    for number in (1, 2):
        with pytest.raises(Refused, match="not of this digest"):
            both(proof.to_json(), digest=kept[number])
        with pytest.raises(Unproven, match=rf"says nothing of .* {number}.*--earlier {number}"):
            lineage.verify(proof, digest=kept[number])
        longer = small.prove("Model:m", earlier=number)
        proved = both(longer.to_json(), digest=kept[number])
        assert "what is in later transactions" in proved.trust[0]
        assert "goes on from" in proved.checked[-1]
        assert both(longer.to_json(), digest=kept[3]).trust
        with pytest.raises(Refused):
            both(longer.to_json(), digest=f"{number}:{kept[3][2:]}")
    assert small.prove("Model:m", earlier=3) == proof
    with pytest.raises(Unproven, match="has the digest"):
        lineage.verify(proof, digest=f"3:{kept[2][2:]}")
    with pytest.raises(Invalid, match="is no digest"):
        lineage.verify(proof, digest="3")
    for bad in (0, 4, -1, "1", True):
        with pytest.raises(Invalid, match="earlier="):
            small.prove("Model:m", earlier=bad)
    assert "nothing but itself" in lineage.verify(proof).trust[0]


@pytest.mark.parametrize("earlier", [4, 40, 128, 299, 300])
def test_a_digest_proves_over_any_number_of_transactions(small: Store, earlier: int) -> None:
    for _ in range(297):
        small.put(lineage.Dataset())
    kept = {entry.number: f"{entry.number}:{entry.digest}" for entry in small.log(limit=None)}
    proof = small.prove("Model:m", earlier=earlier)
    for number in {earlier, 300}:
        assert both(proof.to_json(), digest=kept[number]).trust
    assert [*both(proof.to_json()).transactions] == sorted({2, earlier, 300})


def test_proofs_are_bounded_and_say_so() -> None:
    store = lineage.connect("memory:")
    data = [Dataset(uri=f"s3://{number}") for number in range(9)]
    models = [Model(uri=f"m{number}") for number in range(9)]
    done = store.record(Train(), inputs=data, outputs=models, within=Experiment(name="e"))
    cut = store.prove(done.outputs[0], limits=Limits(nodes=4))
    assert (cut.cut, cut.notes) == (
        "nodes",
        ("the limit of nodes cut what the node was made from",),
    )
    answer = both(cut.to_json())
    assert answer.cut == "nodes"
    assert len(answer.records.nodes) <= 8
    assert both(store.prove(done.outputs[0], limits=Limits(hops=1)).to_json()).cut == "hops"
    assert both(store.prove(done.outputs[0]).to_json()).cut is None
    assert both(store.prove("Experiment:e", limits=Limits(nodes=3)).to_json()).cut == "nodes"
    whole = both(store.prove("Experiment:e").to_json())
    assert "execution:1" in map(str, whole.records.nodes)
    with pytest.raises(NotFound):
        store.prove(NodeKey(Kind.ARTIFACT, 999))
    with pytest.raises(Invalid):
        store.prove(done.outputs[0], limits=Limits(nodes=-1))


class Experiment(lineage.Context):
    """A context of one run."""


def test_histories_of_all_kinds_of_records() -> None:
    store = lineage.connect("memory:")
    backend = store.backend
    eventful(backend)
    for number in (1, 4, 8):
        past = store.at(number)
        for key in all_keys(backend):
            if key in backend.nodes([key], as_of=number):
                assert both(past.prove(key).to_json()).number == number


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A private and a public key."""
    return make_keys(tmp_path_factory.mktemp("keys"))


def make_keys(folder: Path) -> tuple[Path, Path]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = Ed25519PrivateKey.generate()
    private, public = folder / "private.pem", folder / "public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    spki = PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, spki))
    return private, public


def test_signatures(small: Store, keys: tuple[Path, Path], tmp_path: Path) -> None:
    private, public = keys
    proof = small.prove("Model:m", key=private)
    answer = both(proof.to_json(), public_key=public)
    assert answer.trust == ("the signature is that of the public key that was given",)
    assert answer.signed_by
    assert answer.signed_by in both(proof.to_json()).trust[0]
    _, another = make_keys(tmp_path)
    with pytest.raises(Refused):
        both(proof.to_json(), public_key=another)
    with pytest.raises(Refused):
        both(small.prove("Model:m").to_json(), public_key=public)
    with pytest.raises(Refused):
        both(json.dumps({**proof.document, "cut": "nodes"}), public_key=public)
    indented = json.dumps(proof.document, indent=2, ensure_ascii=False)
    assert both(indented, public_key=public).signed_by
    for bad in (public, tmp_path / "none.pem", tmp_path, "a\0b"):
        with pytest.raises((Invalid, NotFound)):
            small.prove("Model:m", key=bad)
    for bad in (private, tmp_path / "none.pem"):
        with pytest.raises((Invalid, NotFound)):
            lineage.verify(proof, public_key=bad)


def test_keys_of_other_kinds_are_refused(small: Store, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = X25519PrivateKey.generate()
    private, locked, public = (tmp_path / name for name in ("p.pem", "l.pem", "q.pem"))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    secret = BestAvailableEncryption(b"secret")
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))
    spki = PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, spki))
    with pytest.raises(Invalid, match="is not Ed25519"):
        small.prove("Model:m", key=private)
    with pytest.raises(Invalid, match="needs no password"):
        small.prove("Model:m", key=locked)
    with pytest.raises(Invalid, match="is not Ed25519"):
        lineage.verify(small.prove("Model:m"), public_key=public)


def test_without_the_extra_only_signatures_are_missing(
    small: Store, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    signed, plain = small.prove("Model:m", key=keys[0]), small.prove("Model:m")
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert lineage.verify(plain).answer
    calls: list[Callable[[], object]] = [
        lambda: lineage.verify(signed),
        lambda: lineage.verify(plain, public_key=keys[1]),
        lambda: small.prove("Model:m", key=keys[0]),
    ]
    for call in calls:
        with pytest.raises(MissingExtra, match=r"pip install 'lineage-graph\[proof\]'"):
            call()


NO_PROOFS = ["", "{", "[]", "null", "7", "NaN", "\0", "\ud800", "[" * 99_999, '{"format":"other"}']
NO_PROOFS += [
    f'{{"format":"lineage-proof"{rest}}}' for rest in ("", ',"version":2', ',"version":true')
]


@pytest.mark.parametrize("text", NO_PROOFS, ids=lambda text: f"{text!a:.60}")
def test_what_is_no_proof(text: str, tmp_path: Path) -> None:
    with pytest.raises(Unproven):
        lineage.verify(text)
    with pytest.raises(Refused):
        second_verifier.check(text)
    path = tmp_path / "bad.proof"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(Unproven):
        lineage.verify(path)


def sealed(content: str, time: object = 0) -> str:
    """Return a proof, right by all hashes, of a node whose content is a text that no store writes."""
    salt = b"\1" * 16
    hashed = sha256(salt + content.encode()).hexdigest()
    line = f'["node","artifact:1",1,0,0,"{hashed}"]'
    own, author = f'["transaction",1,{time},1,0,9,1,0,0,0,""]', bytes(32)
    root, nothing = sha256(b"\0" + line.encode()).digest(), sha256().digest()
    digest = sha256(nothing + author + root + own.encode()).digest()
    heads = {"own": own, "history": nothing.hex(), "author": {"digest": author.hex()}}
    record = {"transaction": 1, "index": 0, "line": line, "path": [], "content": content}
    answer = {"node": "artifact:1", "type": "lineage.Dataset", "gone": False}
    lists: dict[str, list[str]] = {"runs": [], "data": [], "environments": []}
    return json.dumps(
        {
            "format": "lineage-proof",
            "version": 1,
            "subject": "artifact:1",
            "number": 1,
            "digest": digest.hex(),
            "cut": None,
            "answer": {**answer, **lists},
            "transactions": [{**heads, "records": root.hex(), "path": None}],
            "records": [{**record, "salt": salt.hex()}],
            "earlier": None,
        }
    )


def test_hashes_alone_do_not_make_a_content() -> None:
    whole = '[null,null,"u",null,"{}","{\\"a\\":1}"]'
    assert both(sealed(whole)).records.nodes[NodeKey(Kind.ARTIFACT, 1)].values == {"a": 1}
    for bad in ("", "{}", "[]", "[1,null,null,null,null,null]", whole.replace("null", "7", 1)):
        with pytest.raises(Unproven):
            lineage.verify(sealed(bad))
    page(both(sealed(whole, -1)))
    for time in (2**60, -(2**60), "true", "null", '"0"'):
        with pytest.raises(Refused):
            both(sealed(whole, time))
    for tagged in ('{"any":[]}', '{"any":7}', "{}", '{"float":[]}', '{"struct":7}'):
        values = json.dumps(json.dumps({"a": json.loads(tagged)}, separators=(",", ":")))
        with pytest.raises(Unproven):
            lineage.verify(sealed(f'[null,null,"u",null,"{{}}",{values}]'))


def test_files_and_bytes_are_read(small: Store, tmp_path: Path) -> None:
    proof = small.prove("Model:m")
    path = tmp_path / "model.proof"
    path.write_text(proof.to_json())
    expected = lineage.verify(proof)
    for given in (path, proof.to_json(), proof.to_json().encode()):
        answer = lineage.verify(given)
        assert (answer.answer, answer.digest) == (expected.answer, expected.digest)
    with pytest.raises(NotFound, match="cannot be read"):
        lineage.verify(tmp_path / "none.proof")
    for bad in (None, 7, b"\xff", proof.document):
        with pytest.raises(Unproven):
            lineage.verify(bad)
    assert isinstance(proof, Proof)


def test_a_changed_store_proves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lineage.db"
    with lineage.connect(path) as store:
        two_runs(store)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE node SET name = 'forged' WHERE name = 'm1'")
    with lineage.connect(path) as store, pytest.raises(Corrupt, match="run a check of it"):
        store.prove("artifact:2")
