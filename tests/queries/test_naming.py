"""Which node a person means by a text, and what they are told where it is not clear."""

import pytest

import lineage
from lineage.errors import Invalid, NotFound
from lineage.model.entities import Artifact, Context, Execution, Node
from lineage.model.keys import NodeKey
from lineage.model.schema import ArtifactType, ContextType, ExecutionType
from lineage.queries.naming import CANDIDATES, Meant, meant, resolve, resolve_in
from lineage.store import Store


class Model(lineage.Model):
    depth: int = 0


class Experiment(Context):
    pass


def write_names(store: Store) -> Store:
    """Write nodes whose names, types and URIs are easily mistaken for each other."""
    store.put(
        [
            ArtifactType(name="T"),
            ArtifactType(name="T", version="2"),
            ArtifactType(name="T:U"),
            ExecutionType(name="T"),
            ContextType(name="artifact"),
        ]
    )
    store.put(
        [
            Artifact(type="T", name="one"),  # 1
            Artifact(type="T", type_version="2", name="one"),  # 2
            Artifact(type="T", name="U:two"),  # 3
            Artifact(type="T:U", name="two"),  # 4
            Artifact(type="T", name="artifact:1", uri="s3://lake"),  # 5
            Artifact(type="T", name="three", uri="s3://lake"),  # 6
            Artifact(type="T", name="", uri=""),  # 7
            Artifact(type="T", uri="T:one"),  # 8
            Model(name="m", uri="s3://mixed"),  # 9
            Artifact(type="T", name="m", uri="s3://mixed"),  # 10
            Model(name="run: 2026-03-01", uri="data/relative.csv"),  # 11
            Execution(type="T", name="four"),
            Execution(type="T", name="three"),
            Context(type="artifact", name="x"),
            Experiment(name="churn: v2"),
        ]
    )
    return store


@pytest.fixture(scope="module")
def named(shared: Store) -> Store:
    return write_names(shared)


@pytest.fixture
def changing(store: Store) -> Store:
    return write_names(store)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("artifact:1", "artifact:1"),
        ("context:1", "context:1"),
        ("T:four", "execution:1"),
        ("T:", "artifact:7"),
        ("T:artifact:1", "artifact:5"),
        ("Model:m", "artifact:9"),
        ("Model:run: 2026-03-01", "artifact:11"),
        ("Experiment:churn: v2", "context:2"),
        ("artifact:x", "context:1"),
        ("s3://lake", "artifact:6"),
        ("", "artifact:7"),
        ("data/relative.csv", "artifact:11"),
    ],
)
def test_text_names_a_node(named: Store, text: str, key: str) -> None:
    assert str(resolve(named.backend, text)) == key


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("T:one", r"artifact:1 \(T\), artifact:2 \(T@2\)"),
        ("T:U:two", r"artifact:3 \(T\), artifact:4 \(T:U\)"),
        ("T:three", r"artifact:6 \(T\), execution:2 \(T\)"),
        ("s3://mixed", r"artifact:10 \(T\), artifact:9 \(Model\)"),
    ],
)
def test_ambiguous_text_lists_the_candidates(named: Store, text: str, candidates: str) -> None:
    with pytest.raises(Invalid, match=f"'{text}' may mean {candidates}; name one by its key"):
        resolve(named.backend, text)


def test_uri_says_what_else_has_it(named: Store) -> None:
    older = NodeKey.parse("artifact:5")
    assert meant(named.backend, "s3://lake") == Meant(NodeKey.parse("artifact:6"), (older,))
    assert meant(named.backend, "T:four") == Meant(NodeKey.parse("execution:1"))
    assert meant(named.backend, "data/relative.csv").others == ()


def test_uri_of_many_artifacts_lists_the_newest_few(store: Store) -> None:
    store.put([ArtifactType(name="T"), *(Artifact(type="T", uri="u") for _ in range(CANDIDATES))])
    few = meant(store.backend, "u")
    assert (few.key.id, [key.id for key in few.others], few.more) == (
        CANDIDATES,
        list(range(CANDIDATES - 1, 0, -1)),
        False,
    )
    store.put(Artifact(type="T", uri="u"))
    many = meant(store.backend, "u")
    assert (many.key.id, len(many.others), many.more) == (CANDIDATES + 1, CANDIDATES - 1, True)


def test_name_of_a_thousand_colons_is_looked_up_at_once(named: Store) -> None:
    with pytest.raises(NotFound, match="nothing is named ':::"):
        resolve(named.backend, ":" * 100_000)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("artifact:99", "there is no artifact:99"),
        (
            "T:five",
            "nothing is named 'T:five'; write kind:id, Type:name, a URI, an asset's name or ASSET@ALIAS",
        ),
        ("U:one", "nothing is named"),
        ("t:one", "nothing is named"),
        ("s3://LAKE", "nothing is named"),
        ("one", "nothing is named 'one'"),
        ("T", "nothing is named"),
        ("T@2:one", "nothing is named"),
    ],
)
def test_text_that_names_nothing(named: Store, text: str, says: str) -> None:
    with pytest.raises(NotFound, match=says):
        resolve(named.backend, text)


@pytest.mark.parametrize("text", ["artifact:0", "artifact:00", "artifact:" + "9" * 30])
def test_text_that_looks_like_a_key_but_is_none(named: Store, text: str) -> None:
    with pytest.raises(Invalid, match="is not a node's key"):
        resolve(named.backend, text)


def test_deleted_node_is_known_by_its_key_alone(changing: Store) -> None:
    changing.delete("artifact:9")
    assert str(resolve(changing.backend, "artifact:9")) == "artifact:9"
    with pytest.raises(NotFound):
        resolve(changing.backend, "Model:m")
    assert str(resolve(changing.backend, "s3://mixed")) == "artifact:10"
    assert str(resolve(changing.backend, "Model:m", as_of=2)) == "artifact:9"
    with pytest.raises(NotFound):
        resolve(changing.backend, "artifact:9", as_of=1)


def test_name_that_moved_on_is_that_of_its_holder(changing: Store) -> None:
    changing.update(changing.get(Model, 9).replace(name="old"))
    changing.put(Model(name="m"))
    assert str(resolve(changing.backend, "Model:m")) == "artifact:12"
    assert str(resolve(changing.backend, "Model:m", as_of=2)) == "artifact:9"


@pytest.mark.parametrize(
    ("cls", "wanted", "key"),
    [
        (lineage.Model, "m", "artifact:9"),
        (Model, "artifact:9", "artifact:9"),
        (Model, "Model:m", "artifact:9"),
        (Model, "run: 2026-03-01", "artifact:11"),
        (Model, "s3://mixed", "artifact:9"),
        (Model, "data/relative.csv", "artifact:11"),
        (Experiment, "churn: v2", "context:2"),
        (Execution, "three", "execution:2"),
        (Artifact, "three", "artifact:6"),
        (Artifact, "s3://mixed", "artifact:10"),
    ],
)
def test_node_of_a_class(named: Store, cls: type[Node], wanted: str, key: str) -> None:
    assert str(resolve_in(named.backend, cls, wanted)) == key


def test_name_that_two_nodes_of_a_class_share_is_ambiguous(named: Store) -> None:
    with pytest.raises(Invalid, match="the Artifacts artifact:1, artifact:2 are both named 'one'"):
        resolve_in(named.backend, Artifact, "one")


@pytest.mark.parametrize(
    ("cls", "wanted"),
    [
        (Model, "one"),
        (Model, "s3://lake"),
        (lineage.Dataset, "m"),
        (Context, "m"),
        (Experiment, "s3://mixed"),
        (Experiment, "x"),
    ],
)
def test_what_no_node_of_the_class_is(named: Store, cls: type[Node], wanted: str) -> None:
    with pytest.raises(NotFound, match=f"there is no {cls.__name__} with the .* {wanted!r}"):
        resolve_in(named.backend, cls, wanted)


def test_names_of_a_transaction_that_goes_on_are_found_in_it(changing: Store) -> None:
    with changing.transaction():
        new = changing.put(Model(name="new", uri="s3://new"))
        assert (
            resolve(changing.backend, "Model:new")
            == resolve(changing.backend, "s3://new")
            == new.key
        )
        assert resolve_in(changing.backend, Model, "new") == new.key


def test_asset_means_its_newest_version(store: Store) -> None:
    keys = []
    for state in ("COMPLETE", "COMPLETE", "FAILED"):
        with store.run(lineage.Train(), environment=False) as run:
            keys.append(run.output(lineage.Model(uri=f"s3://{len(keys)}"), asset="churn").key)
        store.update(run.execution.replace(state=state))
    answer = meant(store.backend, "churn")
    assert (answer.key, answer.others, answer.shares) == (keys[1], (keys[0], keys[2]), "asset")
    assert answer.notes == (
        f"{keys[1]} is taken, though others are newer: {keys[2]} was written by execution:3, which FAILED",
    )
    assert store.get(lineage.Model, "churn").key == store.show("churn").node.key == keys[1]
    assert store.versions("churn").current.key == keys[1]
    first = store.log(store.get(keys[0]))[-1].number
    assert store.at(first).show("churn").node.key == keys[0]
    with pytest.raises(NotFound):
        store.get(lineage.Dataset, "churn")
    store.put(lineage.Dataset(uri="churn"))
    assert store.show("churn").node.type == "lineage.Dataset"  # a URI goes before an asset


def test_asset_of_several_types_or_none_left_is_no_name(store: Store) -> None:
    with store.run(lineage.Train(), environment=False) as run:
        model = run.output(lineage.Model(), asset="a")
        data = run.output(lineage.Dataset(), asset="a")
    with pytest.raises(Invalid, match="'a' may mean"):
        store.show("a")
    assert store.get(lineage.Model, "a").key == model.key
    store.delete(model, data)
    with pytest.raises(NotFound, match="nothing is named 'a'"):
        store.show("a")
