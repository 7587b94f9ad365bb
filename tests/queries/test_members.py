"""Questions about a context begin at its members."""

import pytest

import lineage
from lineage.errors import Invalid, NotFound
from lineage.model.entities import Association, Attribution
from lineage.model.keys import Kind, NodeKey
from lineage.store import Store


class Subject(lineage.Context):
    """A person whose data it is."""


class Experiment(lineage.Context):
    """Runs."""


class Table(lineage.Dataset):
    """Data."""


class Net(lineage.Model):
    """A model."""


@pytest.fixture
def person(store: Store) -> Store:
    """A person's data set, and what was made from it without a word of the person."""
    subject = store.put(Subject(name="user-17"))
    raw = store.put(Table(name="raw"))
    store.put(Attribution(context=subject.key, artifact=raw.key))
    clean = store.record(lineage.Transform(), inputs=raw.key, outputs=Table(name="clean"))
    store.record(lineage.Train(), inputs=clean.outputs, outputs=Net(name="m"))
    store.record(lineage.Train(), inputs=Table(name="other"), outputs=Net(name="n"))
    return store


@pytest.fixture
def experiment(store: Store) -> Store:
    """An experiment whose run read a shared data set and wrote a model, which was deployed outside."""
    shared = store.put(Table(name="shared"))
    with store.run(lineage.Train(), within=Experiment(name="e"), environment=False) as run:
        run.input(shared)
        net = run.output(Net(name="m"))
    store.record(lineage.Train(), inputs=shared.key, outputs=Net(name="stranger"))
    store.record(lineage.Deploy(name="d"), inputs=net.key, outputs=Net(name="served"))
    return store


def test_what_came_of_a_persons_data(person: Store) -> None:
    answer = person.impact("Subject:user-17")
    assert [each.node.name for each in answer.affected] == ["m", "clean"]
    assert [str(node.key) for node in answer.starts] == ["artifact:1"]
    assert {"n", "other"}.isdisjoint(
        node.name for node in person.downstream("Subject:user-17").nodes
    )
    peers = person.peers("Subject:user-17")
    assert [each.model.name for each in peers.models] == ["m"]
    assert (peers.of.key, [each.name for each in peers.datasets]) == (
        NodeKey(Kind.CONTEXT, 1),
        ["raw"],
    )
    assert peers.notes == ()


def test_at_an_earlier_moment_it_is_what_was_known(person: Store) -> None:
    assert person.at(3).impact("Subject:user-17").affected == ()
    assert person.at(1).downstream("Subject:user-17").keys == []
    assert "context:1 has no members" in person.at(1).impact("Subject:user-17").notes


def test_what_its_runs_merely_read_is_left_out_and_said(experiment: Store) -> None:
    walk = experiment.downstream("Experiment:e")
    assert "stranger" not in {node.name for node in walk.nodes}
    said = "artifact:1 of context:1 is merely read by its runs, and left out; with --inputs, "
    assert any(note.startswith(said) for note in walk.notes)
    answer = experiment.impact("Experiment:e")
    assert [each.node.name for each in answer.affected] == ["served"]
    assert any(note.startswith(said) for note in answer.notes)
    assert experiment.peers("Experiment:e").models == ()


def test_unless_it_is_wanted(experiment: Store) -> None:
    walk = experiment.downstream("Experiment:e", inputs=True)
    assert "stranger" in {node.name for node in walk.nodes}
    affected = experiment.impact("Experiment:e", inputs=True).affected
    assert {each.node.name for each in affected} == {"stranger", "served"}
    assert not any(
        "merely" in note for note in experiment.impact("Experiment:e", inputs=True).notes
    )
    peers = experiment.peers("Experiment:e", inputs=True)
    assert {each.model.name for each in peers.models} == {"m", "stranger", "served"}


def test_upstream_of_a_context_is_what_its_runs_were_made_from(experiment: Store) -> None:
    walk = experiment.upstream("Experiment:e")
    assert {node.name for node in walk.nodes} == {None, "m", "shared"}


def test_contexts_and_other_nodes_may_be_asked_about_together(experiment: Store) -> None:
    keys = experiment.downstream("Experiment:e", "Net:stranger").keys
    assert experiment.key_of("Net:stranger") in keys


def test_limits_hold_for_members(store: Store) -> None:
    context = store.put(Experiment(name="e"))
    runs = store.put([lineage.Process() for _ in range(30)])
    store.put([Association(context=context.key, execution=run.key) for run in runs])
    walk = store.downstream(context, limits=lineage.Limits(nodes=10))
    assert walk.keys == [run.key for run in runs[:10]]
    assert walk.notes == ("context:1 has more than 10 members; only the first are looked at",)
    assert len(store.downstream(context).keys) == 30


def test_there_must_be_one(store: Store) -> None:
    for ask in (store.impact, store.downstream, store.peers):
        with pytest.raises(NotFound, match="there is no context:9"):
            ask(NodeKey(Kind.CONTEXT, 9))
    run = store.put(lineage.Process())
    with pytest.raises(Invalid, match="execution:1 is not an artifact"):
        store.peers(run)


def test_contexts_within_are_not_looked_at_and_said(person: Store) -> None:
    child = person.put(Experiment(name="child"))
    person.put(lineage.ParentContext(parent=NodeKey(Kind.CONTEXT, 1), child=child.key))
    notes = person.impact("Subject:user-17").notes
    assert "there are contexts within context:1, whose members are not looked at" in notes
