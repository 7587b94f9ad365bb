"""What else was trained on the same data: stores made by hand, and random ones against a reference."""

import pickle
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lineage
from lineage.backends.memory.backend import MemoryBackend
from lineage.contract.backend import Backend
from lineage.contract.walking import Limits
from lineage.errors import Invalid, NotFound
from lineage.model.entities import Artifact
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EVENT_KINDS
from lineage.queries.peers import Peers, peers
from lineage.store import Store
from lineage.testing.builders import DATASET, MODEL, TRAIN, all_keys, writing

TRANSFORM = 6


class Lake(lineage.Dataset):
    day: int = 0


class Net(lineage.Model):
    pass


class Fit(lineage.Train):
    pass


def trained(store: Store) -> Store:
    """Record lake 1 → a, lake 1 + words → b, lake 2 → c, a → d (fine-tuned on lake 3)."""
    one, two, three = (Lake(uri="s3://lake", day=day) for day in (1, 2, 3))
    store.record(Fit(), inputs=one, outputs=Net(name="a"))
    store.record(Fit(), inputs=[one, Lake(uri="s3://words")], outputs=Net(name="b"))
    store.record(Fit(), inputs=two, outputs=Net(name="c"))
    store.record(Fit(), inputs=[Net(name="a"), three], outputs=Net(name="d"))
    return store


def ask(store: Store, text: str, **options: Any) -> Peers:
    return peers(store.backend, store.key_of(text), **options)


def told(answer: Peers) -> list[tuple[str | None, int, int]]:
    return [(peer.model.name, peer.dataset.id, peer.distance) for peer in answer.models]


def test_of_a_data_set_every_model_made_from_it(store: Store) -> None:
    answer = ask(trained(store), "artifact:1")
    assert told(answer) == [("a", 1, 2), ("b", 1, 2), ("d", 1, 4)]
    assert [each.id for each in answer.datasets] == [1]
    assert (answer.of.id, answer.notes, answer.truncated) == (1, (), None)
    assert answer.number == store.backend.now()
    assert pickle.loads(pickle.dumps(answer)) == answer


def test_of_a_model_the_others_on_what_its_run_read(store: Store) -> None:
    trained(store)
    assert told(ask(store, "Net:a")) == [("b", 1, 2), ("d", 1, 4)]
    both = ask(store, "Net:b")
    assert ([each.uri for each in both.datasets], told(both)) == (
        ["s3://lake", "s3://words"],
        [("a", 1, 2), ("d", 1, 4)],
    )
    none = ask(store, "Net:c")
    assert (told(none), none.notes) == (
        [],
        (
            "nothing says what artifact:5 was for; it counts as training data",
            "no other model is recorded that was made from this data",
        ),
    )


def test_a_notebook_shows_the_models(store: Store) -> None:
    html = ask(trained(store), "artifact:1", limits=Limits(hops=2))._repr_html_()
    assert "2; cut by hops" in html
    assert html.count("<tr>") == 3


def test_any_version_widens_the_data(store: Store) -> None:
    answer = ask(trained(store), "Net:c", any_version=True)
    assert [each.properties["day"] for each in answer.datasets] == [1, 2, 3]
    assert told(answer) == [("a", 1, 2), ("b", 1, 2), ("d", 7, 2)]


def test_where_the_run_read_no_data_set_the_nearest_upstream_are_taken(store: Store) -> None:
    class Features(Artifact):
        pass

    lakes = [Lake(name=name) for name in ("x", "y")]
    store.record(lineage.Transform(), inputs=lakes, outputs=Features(name="f"))
    for name in ("a", "b"):
        store.record(Fit(), inputs=Features(name="f"), outputs=Net(name=name))
    answer = ask(store, "Net:a")
    assert ([each.name for each in answer.datasets], told(answer)) == (["x", "y"], [("b", 1, 4)])
    assert answer.notes == (
        "execution:2 read no data set itself; the nearest upstream are taken: artifact:1, artifact:2",
    )


def test_what_was_not_recorded_is_said(store: Store) -> None:
    alone = store.put(Net())
    assert peers(store.backend, alone.key).notes == (
        "no run is recorded that wrote artifact:1",
        "no other model is recorded that was made from this data",
    )
    made = store.record(Fit(), outputs=Net()).outputs[0]
    answer = peers(store.backend, made.key)
    assert (answer.datasets, answer.models) == ((), ())
    assert answer.notes[0] == "no data set is recorded upstream of artifact:2"
    store.put(lineage.ArtifactType(name="Thing"))
    thing = store.put(Artifact(type="Thing"))
    assert peers(store.backend, thing.key).notes == (
        "nothing says that artifact:3 is a data set or a model; it is taken for the data",
        "no model is recorded that was made from this data",
    )


def test_names_tell_the_roles_where_no_base_does(store: Store) -> None:
    with writing(store.backend) as new:
        data, model = new.type(Kind.ARTIFACT, "my.Dataset"), new.type(Kind.ARTIFACT, "system.Model")
        lake, net = new.artifact(data), new.artifact(model)
        new.path(lake, new.execution(), net)
    answer = peers(store.backend, lake)
    assert [peer.model.id for peer in answer.models] == [2]
    assert answer.notes == (
        "my.Dataset is taken for a data set by its name",
        "system.Model is taken for a model by its name",
    )


def test_deleted_nodes_are_passed_through_and_told(store: Store) -> None:
    trained(store)
    before = store.backend.now()
    store.delete("Net:a", "artifact:1", "execution:4")
    answer = ask(store, "Net:b")
    assert [(peer.model.gone, peer.distance) for peer in answer.models] == [(True, 2), (False, 4)]
    assert [each.gone for each in answer.datasets] == [True, False]
    then = ask(store, "Net:b", as_of=before)
    assert [peer.model.gone for peer in then.models] == [False, False]
    assert told(ask(store, "artifact:1", as_of=2)) == [("a", 1, 2), ("b", 1, 2)]


def test_a_cut_search_is_said(store: Store) -> None:
    answer = ask(trained(store), "artifact:1", limits=Limits(hops=2))
    assert answer.truncated is not None
    assert (told(answer), answer.truncated.limit) == ([("a", 1, 2), ("b", 1, 2)], "hops")
    assert answer.notes == ("the search for models was cut by the limit of hops",)
    few = ask(store, "Net:b", limits=Limits(nodes=1))
    assert few.notes[0] == "execution:2 read more than 1 nodes; only the first count"
    assert few.truncated is not None


def test_only_artifacts_are_asked_about(store: Store) -> None:
    trained(store)
    with pytest.raises(Invalid, match="execution:1 is not an artifact"):
        ask(store, "execution:1")
    with pytest.raises(NotFound, match="there is no artifact:99"):
        peers(store.backend, NodeKey(Kind.ARTIFACT, 99))


def reference(backend: Backend, start: NodeKey) -> dict[int, int]:
    """Return the distance of every model made from a data set, as plainly as can be."""
    pairs = {
        (row.source, row.target)
        for row in backend.edges(all_keys(backend))
        if row.kind in EVENT_KINDS
    }
    distances = {start: 0}
    for hops in range(1, 20):
        new = {b for a, b in pairs if distances.get(a) == hops - 1 and b not in distances}
        distances |= dict.fromkeys(new, hops)
    rows = backend.nodes(distances.keys() - {start})
    models = [key for key, row in rows.items() if row.type_id == MODEL]
    return {key.id: distances[key] for key in models}


ends = st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans())


@settings(max_examples=60, suppress_health_check=[*HealthCheck])
@given(st.lists(ends, max_size=14), st.lists(st.booleans(), min_size=4, max_size=4))
def test_any_graph_is_answered_as_the_reference_does(
    events: list[tuple[int, int, bool]], kinds: list[bool]
) -> None:
    with MemoryBackend() as backend:
        with writing(backend) as new:
            types = [DATASET, *(MODEL if is_model else DATASET for is_model in kinds)]
            artifacts = [new.artifact(each) for each in types]
            runs = [new.execution(TRAIN) for _ in range(5)]
            for a, e, out in dict.fromkeys(events):
                pair = (artifacts[a], runs[e])
                new.edge(*(pair[::-1] if out else pair))
        answer = peers(backend, artifacts[0])
        assert {peer.model.id: peer.distance for peer in answer.models} == reference(
            backend, artifacts[0]
        )
        places = [(peer.distance, peer.model.id) for peer in answer.models]
        assert places == sorted(places, key=lambda place: (place[0], place[1] or 0))


def test_the_nearest_data_set_is_named_and_of_several_the_first(store: Store) -> None:
    with writing(store.backend) as new:
        far, near, same = new.artifact(), new.artifact(), new.artifact()
        mine, other = new.artifact(MODEL), new.artifact(MODEL)
        first, split, second = new.execution(), new.execution(TRANSFORM), new.execution()
        for data in (far, near, same):
            new.edge(data, first)
        new.edge(first, mine)
        new.path(far, split, new.artifact(), second, other)
        for data in (same, near):
            new.edge(data, second)
    (peer,) = peers(store.backend, mine).models
    assert (peer.model.key, peer.dataset, peer.distance) == (other, near, 2)
