"""Every rule of writing: what a store takes, what it refuses, and that a refusal leaves no trace."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

import lineage
from lineage.errors import AlreadyExists, Corrupt, Invalid, LineageError, NotFound
from lineage.model.entities import (
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    Execution,
    ParentContext,
)
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeKind
from lineage.model.schema import ArtifactType, ContextType
from lineage.model.values import ProtoAny
from lineage.store import Store
from lineage.testing.builders import elsewhere, everything, writing
from tests.recording.worlds import Experiment, Model, World, all_, event


def test_put_returns_what_is_stored(store: Store) -> None:
    given = Artifact(
        type="lineage.Model",
        name="n",
        external_id="x",
        uri="u",
        state="LIVE",
        properties={"digest": "d"},
        custom_properties={"k": [1, None]},
        create_time=datetime(2000, 1, 1, tzinfo=UTC),
        gone=True,
    )
    stored = store.put(given)
    assert stored.id == 1
    assert stored.create_time == stored.update_time == store.log(limit=1)[0].time
    assert not stored.gone
    assert stored == store.get(stored.key)
    assert stored.replace(id=None, create_time=given.create_time, update_time=None, gone=True) == (
        given
    )


def test_put_of_many_is_one_transaction_and_keeps_the_order(store: Store) -> None:
    given = [
        Experiment(name="b"),
        ContextType(name="T"),
        Artifact(type="lineage.Model"),
        Experiment(name="a"),
        Artifact(type="lineage.Model"),
    ]
    stored = store.put(given)
    assert [type(each) for each in stored] == [type(each) for each in given]
    assert [each.id for each in stored] == [1, 10, 1, 2, 2]  # type: ignore[attr-defined]
    assert store.backend.now() == 1
    assert store.put(iter([Experiment(name="c")]))[0].id == 3


def test_nothing_is_put(store: Store) -> None:
    assert store.put([]) == []
    assert store.log() == []


def test_one_entity_put_twice_in_a_call_is_two_nodes(store: Store) -> None:
    model = Model()
    assert [each.id for each in store.put([model, model])] == [1, 2]


def test_edges_are_put_with_what_they_lack(world: World) -> None:
    event = world.store.put(
        Event(
            artifact=world.data.key,
            execution=world.run.key,
            type="OUTPUT",
            path=["out", 0],
            time="2026-03-01T12:00:00+02:00",
        )
    )
    assert event.time == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert event.path == ("out", 0)
    event = world.store.put(
        Event(artifact=world.data.key, execution=world.run.key, type="DECLARED_INPUT")
    )
    assert event.time == world.store.log(limit=1)[0].time


@pytest.mark.parametrize("again", [1, 2])
def test_edges_without_content_may_be_put_again(world: World, again: int) -> None:
    edges = [
        Attribution(context=world.churn.key, artifact=world.data.key),
        ParentContext(parent=world.churn.key, child=world.child.key),
    ]
    before = everything(world.store.backend)
    assert world.store.put(edges * again) == edges * again
    assert everything(world.store.backend) == before


def test_new_edge_twice_in_one_call_is_written_once(world: World) -> None:
    edge = Association(context=world.churn.key, execution=world.run.key)
    assert world.store.put([edge, edge]) == [edge, edge]
    assert world.store.log(limit=1)[0].records == 1


def test_declared_properties_are_checked_and_converted(world: World) -> None:
    stored = world.store.put(
        all_(i=-1, d=1, s="\x00", b=True, t=["a", None], p=ProtoAny("u", b"\xff"))
    )
    assert dict(stored.properties) == {
        "i": -1,
        "d": 1.0,
        "s": "\x00",
        "b": True,
        "t": ["a", None],
        "p": ("u", b"\xff"),
    }
    assert type(stored.properties["d"]) is float
    for scalar in (1, 1.5, "x", False):
        assert world.store.put(all_(t=scalar)).properties == {"t": scalar}


def test_type_says_when_it_was_made_and_changed(store: Store) -> None:
    first = store.put(ArtifactType(name="T", properties={"p": "INT"}, external_id="x"))
    assert first.create_time == first.update_time == store.log(limit=1)[0].time
    second = store.put(first.replace(description="what it is"))
    assert (second.external_id, second.description) == ("x", "what it is")
    assert (second.create_time, second.update_time) == (
        first.create_time,
        store.log(limit=1)[0].time,
    )


def test_unchanged_types_wait_for_no_writer(store: Store) -> None:
    first = ArtifactType(name="T", properties={"p": "INT", "q": "INT"}, external_id="x")
    stored = store.put([first, ContextType(name="C")])
    last = store.backend.now()
    part = first.replace(properties={"p": "INT"})
    with store.backend.transaction(actor="bob", message="") as other:
        other.lock()
        again = elsewhere(lambda: store.put([first, ContextType(name="C")]))
        fewer = elsewhere(lambda: store.put(part, can_omit=True))
        system = elsewhere(lambda: store.put(ArtifactType(name="lineage.Model")))
        with pytest.raises(AlreadyExists):
            elsewhere(lambda: store.put(part))
    assert (again, fewer) == (stored, stored[0])
    assert system.name == "lineage.Model"
    assert store.backend.now() == last


def test_what_is_new_is_not_refused_for_what_a_type_was(store: Store) -> None:
    """The second is judged by what the first makes of the type."""
    store.put(ArtifactType(name="T"))
    grown = ArtifactType(name="T", properties={"p": "INT"})
    indexed = ArtifactType(name="T", indexed=["p"])
    stored = store.put([grown, indexed], can_add=True, can_omit=True)
    assert stored[1].indexed == ("p",)


def test_index_may_be_asked_for_without_the_property_again(store: Store) -> None:
    store.put(ArtifactType(name="T", properties={"p": "INT"}))
    stored = store.put(ArtifactType(name="T", indexed=["p"]), can_omit=True)
    assert (stored.properties, stored.indexed) == ({"p": "INT"}, ("p",))


def test_same_name_may_be_a_declared_and_a_custom_property(world: World) -> None:
    both = Artifact(type="All", properties={"i": 1}, custom_properties={"i": "one"})
    stored = world.store.put(both)
    assert (stored.properties, stored.custom_properties) == ({"i": 1}, {"i": "one"})


def test_nodes_of_other_types_and_kinds_share_names(world: World) -> None:
    world.store.put(
        [
            Artifact(type="lineage.Model", name="data"),
            Execution(type="lineage.Evaluate", name="run"),
            Execution(type="lineage.Train", name="data"),
            Experiment(name="data", external_id="x"),
        ]
    )


def test_name_and_external_id_may_be_empty_but_once(store: Store) -> None:
    store.put(Artifact(type="lineage.Model", name="", external_id=""))
    store.put(Artifact(type="lineage.Model"))
    for clash in ({"name": ""}, {"external_id": ""}):
        with pytest.raises(AlreadyExists, match="artifact:1 has"):
            store.put(Artifact(type="lineage.Model", **clash))


def test_deleting_frees_name_and_external_id(world: World) -> None:
    again = Artifact(type="All", name="data", external_id="x")
    world.store.delete(world.data)
    stored = world.store.put(again)
    assert stored.id not in (world.data.id, None)
    world.store.purge(stored, reason="a wish")
    assert world.store.put(again).id != stored.id


def test_node_that_is_named_twice_is_purged_once(world: World) -> None:
    world.store.purge(world.data, world.data.key, world.gone, world.gone, reason="a wish")
    assert world.store.log(limit=1)[0].records == 3
    assert world.store.check() == []


# What is refused

Attempt = Callable[[World], object]


def parents(world: World, *pairs: tuple[NodeKey, NodeKey]) -> object:
    return world.store.put([ParentContext(parent=parent, child=child) for parent, child in pairs])


def long_cycle(world: World) -> object:
    chain = [world.child.key, *(NodeKey(world.child.key.kind, number) for number in range(3, 40))]
    return world.store.put(
        [
            *(Experiment(name=f"c{number}") for number in range(3, 40)),
            *(
                ParentContext(parent=parent, child=child)
                for parent, child in zip(chain, [*chain[1:], world.churn.key], strict=True)
            ),
        ]
    )


NOBODY = NodeKey.parse("artifact:99")
NO_RUN = NodeKey.parse("execution:99")

REFUSED: dict[str, tuple[type[LineageError], str, Attempt]] = {
    "an unknown type": (
        NotFound,
        r"no artifact type Novel; put an ArtifactType first.*\(there are: All, lineage.Dataset",
        lambda it: it.store.put(Artifact(type="Novel")),
    ),
    "an unknown version of a type": (
        NotFound,
        "no artifact type All@2",
        lambda it: it.store.put(Artifact(type="All", type_version="2")),
    ),
    "a type of another kind": (
        NotFound,
        "no context type All; put a ContextType",
        lambda it: it.store.put(Context(type="All", name="n")),
    ),
    "an undeclared property": (
        Invalid,
        r"type All declares no property 'novel'.*declared: b, d, i, p, s, t",
        lambda it: it.store.put(all_(novel=1)),
    ),
    "a property of an ill type": (
        Invalid,
        "property 'i' of type All is INT, not STRING: 'one'",
        lambda it: it.store.put(all_(i="one")),
    ),
    "a float for an int": (
        Invalid,
        "is INT, not DOUBLE: 1.0",
        lambda it: it.store.put(all_(i=1.0)),
    ),
    "a bool for an int": (
        Invalid,
        "is INT, not BOOLEAN: True",
        lambda it: it.store.put(all_(i=True)),
    ),
    "a bool for a float": (
        Invalid,
        "is DOUBLE, not BOOLEAN",
        lambda it: it.store.put(all_(d=True)),
    ),
    "a message for a struct": (
        Invalid,
        "is STRUCT, not PROTO",
        lambda it: it.store.put(all_(t=ProtoAny("u", b""))),
    ),
    "a struct for a message": (
        Invalid,
        "is PROTO, not STRUCT",
        lambda it: it.store.put(all_(p=[])),
    ),
    "a taken name": (
        AlreadyExists,
        r"artifact:1 has the name 'data' of type All already",
        lambda it: it.store.put(Artifact(type="All", name="data")),
    ),
    "a taken name, after good nodes": (
        AlreadyExists,
        "'data'",
        lambda it: it.store.put([ContextType(name="T"), all_(), Artifact(type="All", name="data")]),
    ),
    "a name twice": (
        AlreadyExists,
        "two nodes are given the name 'n' of type All",
        lambda it: it.store.put([Artifact(type="All", name="n")] * 2),
    ),
    "a taken external id": (
        AlreadyExists,
        "artifact:1 has the external id 'x'",
        lambda it: it.store.put(Artifact(type="lineage.Model", external_id="x")),
    ),
    "an external id twice": (
        AlreadyExists,
        "two nodes are given the external id 'n'",
        lambda it: it.store.put(
            [Artifact(type=each, external_id="n") for each in ("All", "lineage.Model")]
        ),
    ),
    "a stored node": (
        Invalid,
        r"artifact:1 is stored already; change it with update, or copy it with replace\(id=None\)",
        lambda it: it.store.put(it.data),
    ),
    "a context without a name": (
        Invalid,
        "a context needs a name, and this Experiment has none",
        lambda it: it.store.put(Experiment()),
    ),
    "a context with an empty name": (
        Invalid,
        "a context needs a name",
        lambda it: it.store.put(Experiment(name="")),
    ),
    "what is no entity": (Invalid, "5 cannot be put", lambda it: it.store.put([it.data, 5])),
    "a number": (Invalid, "5 cannot be put", lambda it: it.store.put(5)),
    "an event that exists": (
        AlreadyExists,
        "there is an event INPUT from artifact:1 to execution:1 already",
        lambda it: it.store.put(event(it)),
    ),
    "an event twice": (
        AlreadyExists,
        "event PENDING_OUTPUT from execution:1 to artifact:1",
        lambda it: it.store.put([event(it).replace(type="PENDING_OUTPUT")] * 2),
    ),
    "an event without its artifact": (
        NotFound,
        "there is no artifact:99; put it before its edges",
        lambda it: it.store.put(event(it, artifact=NOBODY)),
    ),
    "an event without its execution": (
        NotFound,
        "no execution:99",
        lambda it: it.store.put(event(it, execution=NO_RUN)),
    ),
    "an event at a deleted node": (
        NotFound,
        "artifact:2 was deleted in transaction 2; an edge needs a live node",
        lambda it: it.store.put(event(it, artifact=it.gone)),
    ),
    "an attribution of nobody": (
        NotFound,
        "no artifact:99",
        lambda it: it.store.put(Attribution(context=it.churn.key, artifact=NOBODY)),
    ),
    "an attribution of a deleted node, after good ones": (
        NotFound,
        "artifact:2 was deleted",
        lambda it: it.store.put(
            [
                Experiment(name="new"),
                Association(context=it.churn.key, execution=it.run.key),
                Attribution(context=it.churn.key, artifact=it.gone),
            ]
        ),
    ),
    "a context that is its own parent": (
        Invalid,
        "context:1 cannot be a parent of context:1",
        lambda it: parents(it, (it.churn.key, it.churn.key)),
    ),
    "a cycle of two contexts": (
        Invalid,
        "context:2 cannot be a parent of context:1, which is its ancestor",
        lambda it: parents(it, (it.child.key, it.churn.key)),
    ),
    "a long cycle": (Invalid, "cannot be a parent of", long_cycle),
    "a parent that is nobody": (
        NotFound,
        "no context:99",
        lambda it: parents(it, (NodeKey.parse("context:99"), it.churn.key)),
    ),
    "an update of nobody": (
        NotFound,
        "there is no artifact:99",
        lambda it: it.store.update(all_().replace(id=99)),
    ),
    "an update of a deleted node": (
        NotFound,
        "artifact:2 was deleted in transaction 2",
        lambda it: it.store.update(all_().replace(id=2)),
    ),
    "an update of what is not stored": (
        Invalid,
        "this All is not stored yet",
        lambda it: it.store.update(all_()),
    ),
    "an update of what is no node": (
        Invalid,
        "'artifact:1' cannot be updated",
        lambda it: it.store.update("artifact:1"),
    ),
    "another type": (
        Invalid,
        "artifact:1 is a All and cannot become a lineage.Model",
        lambda it: it.store.update(it.data.replace(type="lineage.Model")),
    ),
    "another version of the type": (
        Invalid,
        "cannot become",
        lambda it: it.store.update(it.data.replace(type_version="2")),
    ),
    "an update with an undeclared property": (
        Invalid,
        "declares no property 'novel'",
        lambda it: it.store.update(it.data.replace(properties={"novel": 1})),
    ),
    "an update to a taken name": (
        AlreadyExists,
        "context:2 has the name 'child' of type Experiment already",
        lambda it: it.store.update(it.churn.replace(name="child")),
    ),
    "an update to a taken external id": (
        AlreadyExists,
        "execution:1 has the external id 'x' already",
        lambda it: it.store.update(
            it.store.record(lineage.Train()).execution.replace(external_id="x")
        ),
    ),
    "a context whose name goes": (
        Invalid,
        "context:1: a context needs a name",
        lambda it: it.store.update(it.churn.replace(name=None)),
    ),
    "an unknown field": (
        Invalid,
        "'title' is not a field of artifacts; there are name, .*properties.<name>",
        lambda it: it.store.update(it.data, fields=["name", "title"]),
    ),
    "a field of another kind": (
        Invalid,
        "'uri' is not a field of executions",
        lambda it: it.store.update(it.run, fields=["uri"]),
    ),
    "a field that is never given": (
        Invalid,
        "'create_time' is not a field",
        lambda it: it.store.update(it.data, fields=["create_time"]),
    ),
    "fields that are one string": (
        Invalid,
        "fields='name': give a collection",
        lambda it: it.store.update(it.data, fields="name"),
    ),
    "fields that are no strings": (
        Invalid,
        "5 is not a field",
        lambda it: it.store.update(it.data, fields=[5]),
    ),
    "deleting nobody": (NotFound, "no artifact:99", lambda it: it.store.delete(it.data, NOBODY)),
    "deleting twice": (
        NotFound,
        "artifact:2 was deleted in transaction 2",
        lambda it: it.store.delete(it.gone),
    ),
    "ending an edge that is not there": (
        NotFound,
        "there is no ASSOCIATION edge from context:1 to execution:1",
        lambda it: it.store.delete(
            it.data, Association(context=it.churn.key, execution=it.run.key)
        ),
    ),
    "ending an event of another type": (
        NotFound,
        "no OUTPUT edge from execution:1 to artifact:1",
        lambda it: it.store.delete(event(it).replace(type="OUTPUT")),
    ),
    "purging nobody": (
        NotFound,
        "there is no artifact:99",
        lambda it: it.store.purge(it.data, NOBODY, reason="law"),
    ),
    "purging without a reason": (
        Invalid,
        "a purge needs a reason",
        lambda it: it.store.purge(it.data, reason="  "),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusal_names_the_fault_and_leaves_no_trace(case: str, world: World) -> None:
    error, says, attempt = REFUSED[case]
    before = everything(world.store.backend)
    with pytest.raises(error, match=says), world.store.transaction():
        attempt(world)
    assert everything(world.store.backend) == before
    assert world.store.check() == []


def test_cycle_is_seen_through_what_the_transaction_wrote(world: World) -> None:
    before = everything(world.store.backend)

    def close_the_circle() -> None:
        with world.store.transaction():
            new = world.store.put(Experiment(name="new")).key
            parents(world, (world.child.key, new))
            parents(world, (new, world.churn.key))

    with pytest.raises(Invalid, match="cannot be a parent"):
        close_the_circle()
    assert everything(world.store.backend) == before


def test_diamond_of_contexts_is_no_cycle(world: World) -> None:
    left, right, end = world.store.put([Experiment(name=name) for name in "lre"])
    parents(
        world,
        (world.churn.key, left.key),
        (world.churn.key, right.key),
        (left.key, end.key),
        (right.key, end.key),
    )
    with pytest.raises(Invalid, match="cannot be a parent"):
        parents(world, (end.key, world.churn.key))
    for parent in (left, right):
        world.store.delete(ParentContext(parent=world.churn.key, child=parent.key))
    parents(world, (end.key, world.churn.key))


def test_circle_of_contexts_that_is_stored_is_told_from_a_new_one(world: World) -> None:
    with writing(world.store.backend) as new:
        new.edge(world.child.key, world.churn.key, EdgeKind.PARENT)
    last = world.store.put(Experiment(name="last"))
    with pytest.raises(Corrupt, match=r"is among its own ancestors; run a check of the store"):
        parents(world, (world.churn.key, last.key))


def test_edge_that_is_ended_twice_in_a_call_is_ended_once(world: World) -> None:
    stored = Attribution(context=world.churn.key, artifact=world.data.key)
    world.store.delete(stored, stored)
    assert world.store.log(limit=1)[0].records == 1
    new = Association(context=world.churn.key, execution=world.run.key)
    with world.store.transaction():
        world.store.put([Experiment(name="kept"), new])
        world.store.delete(new, new)
    assert world.store.log(limit=1)[0].records == 1
    assert world.store.check() == []
