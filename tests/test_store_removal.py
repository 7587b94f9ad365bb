"""What is deleted, erased, unlinked and brought back by name, and what is said to stay."""

import pytest

import lineage
from lineage import Artifact, Context, Execution, Kind, NodeKey
from lineage.errors import AlreadyExists, Invalid, NotFound
from lineage.model.entities import Association, Attribution, Event, ParentContext
from lineage.store import Store

A, B = ("sha256:" + char * 64 for char in "ab")


class Experiment(lineage.Context):
    """A context that holds runs."""


class Team(lineage.Context):
    """Another type of context."""


def artifact(number: int) -> NodeKey:
    return NodeKey(Kind.ARTIFACT, number)


def execution(number: int) -> NodeKey:
    return NodeKey(Kind.EXECUTION, number)


def context(number: int) -> NodeKey:
    return NodeKey(Kind.CONTEXT, number)


def alive(store: Store) -> list[NodeKey]:
    """Return the keys of what is not gone."""
    return [node.key for cls in (Artifact, Execution, Context) for node in store.find(cls)]


@pytest.fixture
def people(store: Store) -> Store:
    """Two versions of one URI and a copy of the first elsewhere."""
    store.put(
        [
            lineage.Dataset(uri="people.csv", digest=A),
            lineage.Dataset(uri="people.csv", digest=B),
            lineage.Dataset(uri="s3://lake/people.csv", digest=A),
        ]
    )
    return store


def test_a_uri_of_several_artifacts_is_never_taken_for_one(people: Store) -> None:
    before = people.backend.now()
    with pytest.raises(Invalid, match=r"names 2 artifacts, artifact:1, artifact:2.*all_versions"):
        people.delete(artifact(3), "people.csv")
    with pytest.raises(Invalid, match=r"names 2 artifacts"):
        people.purge("people.csv", reason="law")
    assert people.backend.now() == before
    assert len(alive(people)) == 3


def test_all_versions_of_a_uri_are_taken_and_the_copy_elsewhere_is_named(people: Store) -> None:
    before = people.backend.now()
    gone = people.purge("people.csv", reason="law", all_versions=True)
    assert gone.keys == (artifact(1), artifact(2))
    assert [node.name for node in gone.nodes] == [None, None]
    assert gone.notes == ("artifact:3 stays, with the same digest",)
    assert alive(people) == [artifact(3)]
    assert people.at(before).get(Artifact, artifact(1)).uri is None
    assert people.check() == []


def test_one_version_by_its_key_leaves_the_others_and_says_so(people: Store) -> None:
    gone = people.delete(artifact(2))
    assert gone.notes == ("artifact:1 stays at people.csv",)
    assert people.delete("people.csv").keys == (artifact(1),)  # nothing else has the URI now
    assert people.delete("s3://lake/people.csv").notes == ()


def test_versions_of_several_types_go_together(people: Store) -> None:
    people.put(lineage.Model(uri="people.csv"))
    with pytest.raises(Invalid, match="names 3 artifacts"):
        people.delete("people.csv")
    assert len(people.delete("people.csv", all_versions=True).keys) == 3


def test_the_name_of_an_asset_means_its_artifacts_and_its_key_the_asset(people: Store) -> None:
    asset = people.put(lineage.Asset(name="people"))
    people.put([Attribution(context=asset.key, artifact=artifact(n)) for n in (1, 3)])
    with pytest.raises(Invalid, match="names 2 artifacts, artifact:1, artifact:3"):
        people.delete("people")
    gone = people.delete(asset)
    assert gone.keys == (asset.key,)
    assert gone.notes == ("artifact:1, artifact:3 stay, within context:1",)
    people.restore(asset)
    assert people.delete("people", all_versions=True).keys == (artifact(1), artifact(3))


@pytest.fixture
def study(store: Store) -> Store:
    """An experiment with two runs and a child with one; the second run is another experiment's, too."""
    store.put([Experiment(name=name) for name in ("study", "part", "other")])
    store.put(Team(name="team"))
    store.put([lineage.Train(name=name) for name in ("one", "shared", "inner")])
    store.put(lineage.Model(name="model"))
    store.put(ParentContext(parent=context(1), child=context(2)))
    within = [(1, 1), (1, 2), (3, 2), (2, 3), (4, 1)]
    store.put([Association(context=context(c), execution=execution(e)) for c, e in within])
    store.put(Attribution(context=context(1), artifact=artifact(1)))
    store.put(Event(artifact=artifact(1), execution=execution(1), type="OUTPUT"))
    return store


def test_an_experiment_goes_with_its_runs_but_for_those_that_another_has(study: Store) -> None:
    told = study.removal("Experiment:study", runs=True)
    gone = study.delete("Experiment:study", runs=True)
    assert gone == told
    assert gone.keys == (context(1), context(2), execution(1), execution(3))
    assert gone.notes == (
        "execution:2 stays, also within another context",
        "artifact:1 stays, within context:1",
    )
    assert alive(study) == [artifact(1), execution(2), context(3), context(4)]


def test_it_comes_back_with_what_went_when_it_did(study: Store) -> None:
    study.delete(execution(3))
    before = study.backend.now()
    study.delete(context(1), runs=True)
    between = study.backend.now()
    with pytest.raises(NotFound):
        study.get(context(1))
    assert study.restore(context(1), runs=True) == [context(1), context(2), execution(1)]
    study.restore(execution(3))
    assert [len(alive(study)), len(alive(study.at(between)))] == [8, 4]
    assert study.at(before).get(context(1)) == study.get(context(1)).replace(
        update_time=study.at(before).get(context(1)).update_time
    )
    assert [node.key for node in study.upstream(artifact(1)).nodes] == [artifact(1), execution(1)]
    assert study.check() == []


def test_without_its_runs_only_the_experiment_goes(study: Store) -> None:
    gone = study.delete(context(1))
    assert gone.keys == (context(1),)
    assert gone.notes == (
        "context:2 stays, within context:1",
        "execution:1, execution:2 stay, within context:1",
        "artifact:1 stays, within context:1",
    )
    study.restore(context(1))
    with pytest.raises(Invalid, match="execution:1 is no context"):
        study.delete(context(1), execution(1), runs=True)


def test_what_cannot_come_back_says_why(people: Store) -> None:
    named = people.put(lineage.Model(name="m", uri="m"))
    with pytest.raises(Invalid, match="artifact:4 is not deleted"):
        people.restore(named)
    with pytest.raises(NotFound, match="there is no artifact:9"):
        people.restore(artifact(9))
    people.delete(named)
    again = people.put(lineage.Model(name="m", uri="m"))
    before = people.backend.now()
    with pytest.raises(AlreadyExists, match="artifact:5 has the name 'm'"):
        people.restore(named)
    people.delete(again)
    assert people.restore(named, named) == [named.key]
    assert people.at(before).find(lineage.Model).items == (again,)
    people.purge(again, reason="law")
    with pytest.raises(Invalid, match="artifact:5 was purged"):
        people.restore(again)
    with pytest.raises(Invalid, match="is not deleted"):
        people.restore(context_of(people), runs=True)
    assert people.check() == []


def context_of(store: Store) -> NodeKey:
    return store.put(Experiment(name="e")).key


def test_two_nodes_of_one_name_do_not_both_come_back(store: Store) -> None:
    one = store.put(lineage.Model(name="m"))
    store.delete(one)
    two = store.put(lineage.Model(name="m"))
    store.delete(two)
    with pytest.raises(AlreadyExists, match="two nodes are given the name 'm'"):
        store.restore(one, two)
    assert alive(store) == []


def test_an_input_recorded_by_mistake_is_unlinked_and_kept_in_history(people: Store) -> None:
    run = people.record(lineage.Train(), inputs=artifact(1), outputs=lineage.Model(uri="m"))
    before = people.backend.now()
    ended = people.unlink(run.execution, "people.csv")  # the version that the run read
    assert isinstance(ended, Event)
    assert (ended.artifact, ended.execution, ended.type) == (
        artifact(1),
        run.execution.key,
        "INPUT",
    )
    assert ended.time is not None
    assert [node.key for node in people.upstream("m").nodes][1:] == [run.execution.key]
    assert artifact(1) in people.at(before).upstream("m").keys
    people.put(ended)
    assert artifact(1) in people.upstream("m").keys
    assert people.check() == []


def test_edges_of_contexts_are_unlinked_from_either_end(study: Store) -> None:
    one = study.unlink(execution(1), "Experiment:study")
    assert one == Association(context=context(1), execution=execution(1))
    assert study.unlink(context(2), context(1)) == ParentContext(
        parent=context(1), child=context(2)
    )
    assert study.unlink(context(1), artifact(1)) == Attribution(
        context=context(1), artifact=artifact(1)
    )


def test_of_several_edges_one_is_named(people: Store) -> None:
    run = people.put(lineage.Train())
    for kind in ("INPUT", "OUTPUT"):
        people.put(Event(artifact=artifact(1), execution=run.key, type=kind))
    people.put(Event(artifact=artifact(2), execution=run.key, type="INPUT"))
    before = people.backend.now()
    with pytest.raises(
        Invalid, match=r"several edges: INPUT of artifact:1 and execution:1, OUTPUT"
    ):
        people.unlink(artifact(1), run)
    with pytest.raises(Invalid, match="several edges"):
        people.unlink("people.csv", run, type="INPUT")
    with pytest.raises(Invalid, match="'READ' is no type of event; there are"):
        people.unlink(artifact(1), run, type="READ")
    with pytest.raises(
        NotFound, match="there is no INPUT event between artifact:3 and execution:1"
    ):
        people.unlink(artifact(3), run, type="INPUT")
    with pytest.raises(NotFound, match="no edge between artifact:1 and artifact:3"):
        people.unlink(artifact(1), artifact(3))
    assert people.backend.now() == before
    ended = people.unlink("people.csv", run, type="OUTPUT")
    assert isinstance(ended, Event)
    assert (ended.artifact, ended.type) == (artifact(1), "OUTPUT")


def test_nothing_is_taken_away_in_the_past(people: Store) -> None:
    past = people.at(people.backend.now())
    for attempt in (
        lambda: past.delete("people.csv"),
        lambda: past.restore(artifact(1)),
        lambda: past.unlink(artifact(1), artifact(2)),
        lambda: past.purge("people.csv", reason="law"),
    ):
        with pytest.raises(Invalid, match="which cannot be changed"):
            attempt()


def test_what_was_purged_since_stays_away_when_its_experiment_comes_back(study: Store) -> None:
    study.delete(context(1), runs=True)
    study.purge(execution(1), reason="law")
    assert study.restore(context(1), runs=True) == [context(1), context(2), execution(3)]


def test_a_purge_by_uri_finds_the_deleted_versions_too(people: Store) -> None:
    people.delete(artifact(1))
    with pytest.raises(Invalid, match=r"names 2 artifacts, artifact:1, artifact:2"):
        people.purge("people.csv", reason="law")
    assert "artifact:1 stays at people.csv" in people.removal(artifact(2), erases=True).notes
    assert people.removal(artifact(2)).notes == ()
    assert people.delete("people.csv").keys == (artifact(2),)
    assert people.purge("people.csv", reason="law", all_versions=True).keys == (
        artifact(1),
        artifact(2),
    )
    with pytest.raises(NotFound, match="nothing is named"):
        people.purge("people.csv", reason="law", all_versions=True)


def test_a_purge_by_the_name_of_a_deleted_asset_finds_what_was_deleted_of_it(store: Store) -> None:
    asset = store.put(lineage.Asset(name="people"))
    for number, digest in enumerate((A, B), 1):
        store.put(lineage.Dataset(uri=f"{number}.csv", digest=digest))
        store.put(Attribution(context=asset.key, artifact=artifact(number)))
    store.delete(artifact(1))
    assert store.removal("people", erases=True, all_versions=True).keys == (
        artifact(1),
        artifact(2),
    )
    store.delete(asset, artifact(2))
    purged = store.purge("people", reason="law", all_versions=True)
    assert purged.keys == (artifact(1), artifact(2))


def test_a_purge_of_an_asset_says_which_aliases_have_its_name(store: Store) -> None:
    model = store.put(lineage.Model(uri="s3://m"))
    for name in ("live", "old"):
        store.alias("ann", name, model)
    store.alias("other", "live", store.put(lineage.Model(uri="s3://n")))
    asset, live, old = (
        store.find(lineage.Context, f"name = '{name}'")[0].key
        for name in ("ann", "ann@live", "ann@old")
    )
    store.delete(old)
    assert store.removal(asset, erases=True).notes[-1] == (
        f"{live}, {old} stay, aliases that say the name of the asset"
    )
    assert not any("aliases" in note for note in store.removal(asset).notes), (
        "a deletion keeps all names"
    )
    store.purge(asset, live, old, reason="she left")
    assert not any("aliases" in note for note in store.removal(asset, erases=True).notes)
