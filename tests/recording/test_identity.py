"""Which stored node is meant: how what a run reads and writes finds itself again."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import Field

import lineage
from lineage.errors import AlreadyExists, Invalid, LineageError, NotFound
from lineage.model.entities import Artifact, ArtifactState, Context
from lineage.model.keys import NodeKey
from lineage.model.schema import ArtifactType
from lineage.model.values import ProtoAny
from lineage.recording.identity import BATCH_WRITINGS
from lineage.store import Store
from lineage.testing.builders import everything


class Dataset(lineage.Dataset):
    day: int | None = None
    share: float | None = None
    rows: dict[str, Any] | None = None


class Model(lineage.Model):
    title: str | None = Field(default=None, alias="name")


class Train(lineage.Train):
    rate: float | None = None


class Experiment(Context):
    note: str = ""


def read(store: Store, *artifacts: Artifact | NodeKey) -> list[int | None]:
    """Return the ids of what a new run's inputs turn out to be."""
    return [each.id for each in store.record(Train(), inputs=artifacts).inputs]


def written(store: Store, *artifacts: Artifact | NodeKey) -> list[int | None]:
    """Return the ids of what a new run's outputs turn out to be."""
    return [each.id for each in store.record(Train(), outputs=artifacts).outputs]


@pytest.fixture
def known(store: Store) -> Store:
    """artifact:1, known by everything, artifact:2, by nothing, and a deleted twin of the first."""
    first = Dataset(
        uri="s3://a",
        name="a",
        external_id="x",
        digest="sha256:1",
        day=1,
        share=0.5,
        custom_properties={"owner": "ann", "loss": math.nan},
    )
    store.put([first, Dataset()])
    twin = store.put(first.replace(name="b", external_id="y"))
    store.delete(twin)
    return store


Case = tuple[Artifact | NodeKey, int]

INPUTS: dict[str, Case] = {
    "by key": (NodeKey.parse("artifact:2"), 2),
    "by id, whatever else is given": (Dataset(id=2, uri="s3://a", name="a", external_id="x"), 2),
    "by external id, before the name": (Dataset(external_id="x", name="other", uri="s3://b"), 1),
    "by name, before the URI": (Dataset(name="a", uri="s3://b", digest="other"), 1),
    "by name alone": (Dataset(name="a"), 1),
    "by another external id and the name": (Dataset(external_id="other", name="a"), 1),
    "by URI and digest": (Dataset(uri="s3://a", digest="sha256:1"), 1),
    "by URI and digest, though other fields differ": (
        Dataset(uri="s3://a", digest="sha256:1", day=2, custom_properties={"owner": "bob"}),
        1,
    ),
    "by URI and digest, as a data set of any type": (
        lineage.Dataset(uri="s3://a", digest="sha256:1"),
        1,
    ),
    "by URI alone, as a data set of any type": (lineage.Dataset(uri="s3://a"), 4),
    "by URI and digest, as a model of any type": (
        lineage.Model(uri="s3://a", digest="sha256:1"),
        4,
    ),
    "by URI alone": (Dataset(uri="s3://a"), 1),
    "by URI and an equal field": (Dataset(uri="s3://a", day=1), 1),
    "by URI and all fields": (Dataset(uri="s3://a", day=1, share=0.5), 1),
    "by URI and custom properties": (
        Dataset(uri="s3://a", custom_properties={"owner": "ann", "loss": math.nan}),
        1,
    ),
    "as the deleted twin": (Dataset(name="b"), 4),
    "by URI and another digest": (Dataset(uri="s3://a", digest="sha256:2"), 4),
    "by URI and another field": (Dataset(uri="s3://a", day=2), 4),
    "by URI and one equal field of two": (Dataset(uri="s3://a", day=1, share=0.6), 4),
    "by URI and a field that is not stored": (Dataset(uri="s3://a", rows={"n": 1}), 4),
    "by URI and another custom property": (
        Dataset(uri="s3://a", custom_properties={"owner": "bob"}),
        4,
    ),
    "by URI and a custom property of another type": (
        Dataset(uri="s3://a", custom_properties={"owner": True}),
        4,
    ),
    "by URI and a number for NaN": (Dataset(uri="s3://a", custom_properties={"loss": 0.5}), 4),
    "by URI and NaN for a number": (Dataset(uri="s3://a", share=math.nan), 4),
    "by URI and another external id": (Dataset(uri="s3://a", external_id="other"), 4),
    "by URI and digest of another type": (Model(uri="s3://a", digest="sha256:1"), 4),
    "by the name within another type": (Model(name="a"), 4),
    "by another URI": (Dataset(uri="s3://A"), 4),
    "by nothing": (Dataset(), 4),
    "by equal fields without a URI": (Dataset(day=1), 4),
}


@pytest.mark.parametrize("case", INPUTS)
def test_input(case: str, known: Store) -> None:
    given, number = INPUTS[case]
    stored = known.get(Artifact, 1)
    assert read(known, given) == [number]
    assert known.get(Artifact, 1) == stored
    if number == 4 and isinstance(given, Artifact):
        new = known.get(type(given), 4)
        assert new.replace(id=None, create_time=None, update_time=None) == given.replace(
            create_time=None, update_time=None
        )
        assert read(known, given) == ([4] if given.name or given.uri else [5])


OUTPUTS: dict[str, Case] = {
    "by key": (NodeKey.parse("artifact:2"), 2),
    "by id": (Dataset(id=2), 2),
    "by external id": (Dataset(external_id="x"), 1),
    "by name": (Dataset(name="a"), 1),
    "by URI and digest": (Dataset(uri="s3://a", digest="sha256:1", day=2), 1),
    "by URI and a digest among the custom properties": (
        Dataset(uri="s3://a", custom_properties={"digest": "sha256:1"}),
        1,
    ),
    "by URI alone": (Dataset(uri="s3://a"), 4),
    "by URI and equal fields": (Dataset(uri="s3://a", day=1, share=0.5), 4),
    "by URI and another digest": (Dataset(uri="s3://a", digest="sha256:2"), 4),
    "by a digest alone that tells little": (Dataset(digest="sha256:1"), 4),
    "by nothing": (Dataset(), 4),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_output(case: str, known: Store) -> None:
    given, number = OUTPUTS[case]
    stored = known.get(Artifact, 1)
    assert written(known, given) == [number]
    assert known.get(Artifact, 1) == stored


CONTENT = "sha256:" + "0a" * 32


@pytest.mark.parametrize("recorded", [read, written])
def test_artifact_is_found_by_a_digest_alone(
    store: Store, recorded: Callable[..., list[int | None]]
) -> None:
    given = Dataset(digest=CONTENT, day=1)
    assert recorded(store, given, given) == [1, 1]
    assert recorded(store, Dataset(digest=CONTENT)) == [1]
    assert recorded(store, lineage.Dataset(digest=CONTENT, custom_properties={"n": 1})) == [1]
    assert store.get(Dataset, 1).custom_properties == {}
    for other in (
        Model(digest=CONTENT),
        Dataset(digest=CONTENT, name="a"),
        Dataset(digest=CONTENT, external_id="x"),
        Dataset(digest=CONTENT, uri="s3://a"),
        Dataset(digest=f"{CONTENT}0a"),
    ):
        [number] = recorded(store, other)
        assert number != 1
        assert recorded(store, other) == [number]


def test_narrower_class_does_not_find_what_is_plainly_a_data_set(store: Store) -> None:
    assert read(store, lineage.Dataset(digest=CONTENT)) == [1]
    assert read(store, Dataset(digest=CONTENT)) == [2]
    plain = Artifact(type="lineage.Dataset", custom_properties={"digest": CONTENT})
    assert read(store, plain) == [1]


def test_newest_artifact_with_a_digest_that_counts_is_taken(store: Store) -> None:
    places = [Dataset(uri=f"s3://{number}", digest=CONTENT) for number in range(3)]
    assert written(store, *places) == [1, 2, 3]
    store.record(Train(state="FAILED"), outputs=Dataset(uri="s3://3", digest=CONTENT))
    found = store.record(Train(), inputs=Dataset(digest=CONTENT))
    assert [each.id for each in found.inputs] == [3]
    [note] = found.notes
    assert note.startswith("artifact:3 is taken, though others are newer: artifact:4 was written")
    store.delete("s3://2", "s3://1")
    assert written(store, Dataset(digest=CONTENT)) == [1]


def test_what_a_run_wrote_is_read_by_its_digest(store: Store) -> None:
    with store.transaction():
        assert written(store, Dataset(digest=CONTENT)) == [1]
        assert read(store, Dataset(digest=CONTENT)) == [1]
    with store.run(Train()) as run:
        output = run.output(Dataset(digest=CONTENT, day=5))
        assert run.input(lineage.Dataset(digest=CONTENT)).key == output.key


def test_equal_content_of_a_narrower_type_is_not_taken_and_said(store: Store) -> None:
    plain = store.put(lineage.Dataset(uri="s3://a", digest="sha256:1"))
    for artifact, count in (
        (Dataset(uri="s3://a", digest="sha256:1"), 1),
        (Dataset(uri="s3://a", digest="sha256:1"), 0),  # by now there is one of its own type
        (Dataset(uri="s3://a", digest="sha256:2"), 0),
    ):
        notes = store.record(Train(), inputs=artifact).notes
        assert len(notes) == count
        assert all(note.startswith(f"{plain.key} has the same URI and digest") for note in notes)
        assert all(f"give store.key_of('{plain.key}')" in note for note in notes)
    assert store.record(Train(), outputs=Dataset(uri="s3://a", digest="sha256:1")).notes == ()


def test_whole_number_given_for_a_float_matches(store: Store) -> None:
    store.put(ArtifactType(name="T", properties={"d": "DOUBLE", "t": "STRUCT"}))
    (number,) = written(store, Artifact(type="T", uri="u", properties={"d": 1.0, "t": 1}))
    assert read(store, Artifact(type="T", uri="u", properties={"d": 1})) == [number]
    assert read(store, Artifact(type="T", uri="u", properties={"t": 1})) == [number]
    assert read(store, Artifact(type="T", uri="u", properties={"t": 1.0})) != [number]


@pytest.mark.parametrize(
    "value", [math.nan, -0.0, 2**63 - 1, "\x00", [math.nan, {"a": None}], ProtoAny("u", b"\x00")]
)
def test_any_value_matches_itself(store: Store, value: object) -> None:
    given = Artifact(type="lineage.Dataset", uri="u", custom_properties={"v": value})
    assert read(store, given, given) == [1, 1]
    assert read(store, given) == [1]


def test_digest_may_be_a_custom_property(store: Store) -> None:
    plain = Artifact(type="lineage.Metrics", uri="u", custom_properties={"digest": "d"})
    assert written(store, plain) == [1]
    assert written(store, plain) == read(store, plain.replace(state="LIVE")) == [1]
    other = plain.replace(custom_properties={"digest": 5})
    assert written(store, other, other) == [2, 3]


def test_structs_match_whatever_the_order_of_their_keys(store: Store) -> None:
    read(store, Dataset(uri="u", rows={"a": 1, "b": {"c": 1, "d": 2}}))
    assert read(store, Dataset(uri="u", rows={"b": {"d": 2, "c": 1}, "a": 1})) == [1]
    assert read(store, Dataset(uri="u", rows={"b": {"d": 2, "c": 1.0}, "a": 1})) == [2]


def test_newest_match_is_taken(store: Store) -> None:
    days = [1, 2, 1, 3]
    written(store, *(Dataset(uri="u", day=day) for day in days))
    assert read(store, Dataset(uri="u", day=1)) == [3]
    assert read(store, Dataset(uri="u", day=2)) == [2]
    assert read(store, Dataset(uri="u")) == [4]
    store.delete("artifact:4", "artifact:3")
    assert read(store, Dataset(uri="u")) == [2]
    assert read(store, Dataset(uri="u", day=1)) == [1]


@pytest.mark.parametrize("count", [BATCH_WRITINGS - 1, BATCH_WRITINGS, BATCH_WRITINGS + 1, 140])
def test_match_is_found_behind_any_number_of_others(store: Store, count: int) -> None:
    written(store, Dataset(uri="u", day=0), *(Dataset(uri="u", day=1) for _ in range(count)))
    assert read(store, Dataset(uri="u", day=0)) == [1]
    assert read(store, Dataset(uri="u", day=2)) == [count + 2]
    digest = Dataset(uri="u", digest="d")
    assert read(store, digest, digest) == [count + 3] * 2


def test_same_new_input_twice_is_one_artifact(store: Store) -> None:
    for given in (Dataset(uri="u", day=1), Dataset(name="n"), Dataset(external_id="x")):
        first, second = read(store, given, given.replace())
        assert first == second
    assert len(store.find(Dataset)) == 3
    assert read(store, Dataset(uri="v", day=1), Dataset(uri="v", day=2), Dataset(uri="v")) == [
        4,
        5,
        5,
    ]


def test_same_new_output_is_one_artifact_only_if_it_says_so(store: Store) -> None:
    assert written(store, Dataset(uri="u"), Dataset(uri="u")) == [1, 2]
    assert written(store, Dataset(name="n"), Dataset(name="n")) == [3, 3]
    digest = Dataset(uri="u", digest="d")
    assert written(store, digest, digest) == [4, 4]


def test_what_a_run_reads_and_writes_is_one_artifact(store: Store) -> None:
    data = Dataset(name="n")
    done = store.record(Train(), inputs=[data], outputs=[data])
    assert done.inputs == done.outputs
    assert store.upstream(done.outputs[0]).keys == [done.inputs[0].key, done.execution.key]


def test_contexts_are_known_by_id_external_id_or_name(store: Store) -> None:
    one, two = store.put(
        [Experiment(name="one", note="kept"), Experiment(name="two", external_id="x")]
    )

    def within(*contexts: Context | NodeKey) -> list[int | None]:
        return [each.id for each in store.record(Train(), within=contexts).contexts]

    assert within(one, one.key, Experiment(name="one", note="ignored")) == [1, 1, 1]
    assert within(Experiment(external_id="x", name="one"), two) == [2, 2]
    assert within(Experiment(name="three"), Experiment(name="three")) == [3, 3]
    assert store.get(Experiment, "one") == one


def test_reuse_changes_neither_the_node_nor_the_type(store: Store) -> None:
    stored = store.put(Dataset(uri="u", day=1))
    before = store.types()
    (found,) = store.record(Train(), inputs=[Dataset(uri="u")]).inputs
    assert found == stored
    assert [each for each in store.types() if each.kind == "artifact"] == [
        each for each in before if each.kind == "artifact"
    ]


def test_names_freed_in_the_transaction_are_free(store: Store) -> None:
    store.put(Dataset(name="a", uri="u"))
    with store.transaction():
        store.delete("Dataset:a")
        assert read(store, Dataset(name="a")) == [2]
        assert read(store, Dataset(name="a"), Dataset(uri="u")) == [2, 3]
    assert store.check() == []


def test_own_writes_of_the_transaction_are_found(store: Store) -> None:
    with store.transaction():
        store.put(Dataset(uri="u", day=1))
        assert read(store, Dataset(uri="u", day=1)) == [1]
        store.update(store.get(Dataset, 1).replace(day=2))
        assert read(store, Dataset(uri="u", day=1)) == [2]
        assert read(store, Dataset(uri="u", day=2)) == [1]


REFUSED: dict[str, tuple[type[LineageError], str, Callable[[Store], object]]] = {
    "an unknown key": (
        NotFound,
        "there is no artifact:99",
        lambda it: read(it, NodeKey.parse("artifact:99")),
    ),
    "an unknown id": (NotFound, "there is no artifact:99", lambda it: read(it, Dataset(id=99))),
    "a deleted artifact": (
        NotFound,
        "artifact:3 was deleted in transaction 3",
        lambda it: written(it, NodeKey.parse("artifact:3")),
    ),
    "an id of another class": (
        Invalid,
        "artifact:1 is a Dataset, not a Model",
        lambda it: read(it, Model(id=1)),
    ),
    "an external id of another type": (
        Invalid,
        "artifact:1, which is found by its external id, is a Dataset and not a Model",
        lambda it: read(it, Model(external_id="x")),
    ),
    "a name of an execution that is taken": (
        AlreadyExists,
        "execution:1 has the name 'run' already, and a run is always a new one",
        lambda it: [it.record(Train(name="run")) for _ in range(2)],
    ),
    "an external id of an execution that is taken": (
        AlreadyExists,
        "execution:1 has the external id 'run' already",
        lambda it: [it.record(Train(external_id="run", rate=each)) for each in (1, 2)],
    ),
    "an external id of an execution that is taken, beside a free name": (
        AlreadyExists,
        "execution:1 has the external id 'run' already.* leave its external id out",
        lambda it: [it.record(Train(name=name, external_id="run")) for name in ("a", "b")],
    ),
    "a context without a name": (
        Invalid,
        "a context needs a name",
        lambda it: it.record(Train(), within=Experiment()),
    ),
    "a context without a name, but an external id": (
        Invalid,
        "a context needs a name",
        lambda it: it.record(Train(), within=Experiment(external_id="x")),
    ),
    "an unknown type": (
        NotFound,
        "no artifact type Novel",
        lambda it: read(it, Artifact(type="Novel", uri="u")),
    ),
    "an ill property of what would be found": (
        Invalid,
        "declares no property 'novel'",
        lambda it: read(
            it, Artifact(type="Dataset", uri="s3://a", properties={"day": 1, "novel": 1})
        ),
    ),
    "an unknown context": (
        NotFound,
        "there is no context:99",
        lambda it: it.record(Train(), within=NodeKey.parse("context:99")),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_run_leaves_no_trace(case: str, known: Store) -> None:
    error, says, attempt = REFUSED[case]
    before = everything(known.backend)
    with pytest.raises(error, match=says), known.transaction():
        attempt(known)
    assert everything(known.backend) == before


def test_input_by_uri_needs_the_given_name_and_state(store: Store) -> None:
    """What is given is never lost in a match that says something else."""
    table = store.put(Dataset(uri="s3://lake/a", day=1, name="first", state=ArtifactState.LIVE))
    same = store.record(Train(), inputs=[Dataset(uri="s3://lake/a", day=1)]).inputs[0]
    named = store.record(Train(), inputs=[Dataset(uri="s3://lake/a", day=1, name="second")]).inputs[
        0
    ]
    dead = Dataset(uri="s3://lake/a", day=1, state=ArtifactState.DELETED)
    assert same == table
    assert named.id != table.id
    assert named.name == "second"
    assert store.record(Train(), inputs=[dead]).inputs[0].id not in (table.id, named.id)


def test_defaults_of_a_class_are_not_given(store: Store) -> None:
    """A field that a class gains, with a default, leaves the inputs that are known what they are."""

    class Sheet(lineage.Dataset):
        day: int

    old = store.put(Sheet(uri="s3://lake/b", day=1))

    class Sheet(lineage.Dataset):  # type: ignore[no-redef]
        day: int
        region: str = "eu"

    assert store.record(Train(), inputs=[Sheet(uri="s3://lake/b", day=1)]).inputs[0].id == old.id
    given = Sheet(uri="s3://lake/b", day=1, region="us")
    assert store.record(Train(), inputs=[given]).inputs[0].id != old.id
