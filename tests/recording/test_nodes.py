"""Updating nodes, and deleting and purging them."""

from typing import Any

import pytest

from lineage.errors import AlreadyExists, Invalid, NotFound, Stale
from lineage.model.entities import (
    Artifact,
    ArtifactState,
    Attribution,
    Context,
    Execution,
    ExecutionState,
)
from lineage.model.schema import ArtifactType, ContextType, ExecutionType
from lineage.store import Store
from lineage.testing.builders import everything
from tests.recording.worlds import Experiment, Model, World, event


def test_update_replaces_the_content(world: World) -> None:
    new = world.data.replace(
        name="new",
        external_id=None,
        uri="u",
        state=ArtifactState.LIVE,
        properties={"s": "x"},
        custom_properties={"c": 1},
    )
    updated = world.store.update(new, message="all of it")
    assert updated == world.store.get(world.data.key)
    assert updated.create_time == world.data.create_time
    assert updated.update_time == world.store.log(limit=1)[0].time
    assert updated.replace(update_time=None) == new.replace(update_time=None)
    assert world.store.log(limit=1)[0].message == "all of it"
    assert world.store.at(1).get(world.data.key) == world.data


MASKS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "name": (["name"], {"name": "new"}),
    "external id": (["external_id"], {"external_id": None}),
    "uri": (["uri"], {"uri": "new"}),
    "state": (["state"], {"state": ArtifactState.LIVE}),
    "two": (["uri", "state"], {"uri": "new", "state": ArtifactState.LIVE}),
    "all properties": (["properties"], {"properties": {"a": 2, "b": 2}}),
    "one property": (["properties.a"], {"properties": {"a": 2, "old": 1}}),
    "a new property": (["properties.b"], {"properties": {"a": 1, "b": 2, "old": 1}}),
    "a removed property": (["properties.old"], {"properties": {"a": 1}}),
    "an absent property": (["properties.never"], {}),
    "a property of both maps": (["properties.a"], {"properties": {"a": 2, "old": 1}}),
    "all custom properties": (["custom_properties"], {"custom_properties": {"a": 2}}),
    "a custom property": (
        ["custom_properties.a"],
        {"custom_properties": {"a": 2, "old.dotted": 1}},
    ),
    "a removed custom property": (
        ["custom_properties.old.dotted"],
        {"custom_properties": {"a": 1}},
    ),
    "a map and one of its properties": (
        ["properties", "properties.a"],
        {"properties": {"a": 2, "b": 2}},
    ),
    "nothing": ([], {}),
}


@pytest.mark.parametrize("case", MASKS)
def test_update_of_some_fields_leaves_the_others(case: str, store: Store) -> None:
    fields, changes = MASKS[case]
    store.put(ArtifactType(name="T", properties=dict.fromkeys(["a", "b", "old", "never"], "INT")))
    old = store.put(
        Artifact(
            type="T",
            name="old",
            external_id="old",
            uri="old",
            properties={"a": 1, "old": 1},
            custom_properties={"a": 1, "old.dotted": 1},
        )
    )
    new = old.replace(
        name="new",
        external_id=None,
        uri="new",
        state="LIVE",
        properties={"a": 2, "b": 2},
        custom_properties={"a": 2},
    )
    updated = store.update(new, fields=fields)
    expected = old.replace(**changes)
    assert updated.replace(update_time=None) == expected.replace(update_time=None)
    assert store.get(old.key) == updated
    assert store.backend.now() == (3 if changes else 2)


def test_masked_fields_alone_are_checked(world: World) -> None:
    bad = world.data.replace(properties={"novel": 1}, uri="u")
    assert world.store.update(bad, fields=["uri"]).properties == {"i": 1}
    with pytest.raises(Invalid, match="novel"):
        world.store.update(world.store.get(bad.key).replace(properties={"novel": 1}))


def test_context_is_renamed_and_the_old_name_is_free(world: World) -> None:
    renamed = world.store.update(world.churn.replace(name="renamed"))
    assert (renamed.id, renamed.name) == (world.churn.id, "renamed")
    assert world.store.put(Experiment(name="churn")).id == 3
    with pytest.raises(AlreadyExists, match="renamed"):
        world.store.put(Experiment(name="renamed"))


def test_names_change_hands_in_one_transaction(world: World) -> None:
    with world.store.transaction():
        aside = world.store.update(world.churn.replace(name="aside"))
        world.store.update(world.child.replace(name="churn"))
        world.store.update(aside.replace(name="child"))
    assert [each.name for each in world.store.find(Experiment)] == ["child", "churn"]


def test_update_that_changes_nothing_writes_nothing(world: World) -> None:
    before = everything(world.store.backend)
    for node in (world.data, world.run, world.churn):
        assert world.store.update(node, message="nothing") == node
        assert world.store.update(node, fields=["name", "properties.i"]) == node
    assert everything(world.store.backend) == before


@pytest.mark.parametrize("value", [1.0, True, [1]])
def test_value_that_only_looks_equal_is_a_change(world: World, value: object) -> None:
    node = world.store.put(Artifact(type="All", custom_properties={"v": 1}))
    updated = world.store.update(node.replace(custom_properties={"v": value}))
    assert updated.update_time != node.update_time
    assert type(updated.custom_properties["v"]) is type(value)


def test_update_of_an_old_copy_is_stale(world: World) -> None:
    new = world.store.update(world.data.replace(uri="1"))
    before = everything(world.store.backend)
    for fields in (None, ["state"]):
        with pytest.raises(Stale, match=r"artifact:1 was changed at .*; get it again"):
            world.store.update(world.data.replace(uri="2"), fields=fields)
    assert everything(world.store.backend) == before
    assert world.store.update(new.replace(uri="2")).uri == "2"


def test_node_made_by_hand_is_not_stale(world: World) -> None:
    world.store.update(world.data.replace(uri="1"))
    by_hand = Artifact(type="All", id=world.data.id, uri="2")
    assert world.store.update(by_hand).name is None


def test_updates_of_one_transaction_build_on_each_other(world: World) -> None:
    with world.store.transaction():
        first = world.store.update(world.data.replace(uri="1"))
        second = world.store.update(first.replace(state="LIVE"))
    assert world.store.get(world.data.key) == second
    assert (second.uri, second.state) == ("1", ArtifactState.LIVE)

    def update_twice() -> None:
        with world.store.transaction():
            world.store.update(second.replace(uri="2"))
            world.store.update(second.replace(uri="3"))

    with pytest.raises(Stale):
        update_twice()
    assert world.store.get(world.data.key) == second


def test_execution_moves_on(world: World) -> None:
    run = world.run
    for state in ExecutionState:
        run = world.store.update(run.replace(state=state))
        assert run.state is state
    assert run.create_time == world.run.create_time


def test_new_node_may_be_updated_in_its_transaction(store: Store) -> None:
    with store.transaction():
        model = store.put(Model(title="a"))
        store.update(model.replace(title="b"))
    assert store.get(Model, 1).title == "b"
    assert store.log(limit=1)[0].records == 2
    assert store.check() == []


def test_deleted_node_is_gone_but_its_edges_stay(world: World) -> None:
    world.store.delete(world.data.key, message="wrong")
    with pytest.raises(NotFound, match="artifact:1 was deleted in transaction 3"):
        world.store.get(world.data.key)
    assert world.store.find(Artifact).items == ()
    above = world.store.upstream(world.run)
    assert [(node.key, node.gone) for node in above.nodes] == [
        (world.run.key, False),
        (world.data.key, True),
    ]
    assert above.nodes[1].name == "data"
    assert world.store.at(2).get(world.data.key) == world.data


def test_several_things_are_deleted_in_one_transaction(world: World) -> None:
    attribution = Attribution(context=world.churn.key, artifact=world.data.key)
    world.store.delete(world.data, "execution:1", "Experiment:child", attribution, world.data)
    assert world.store.log(limit=1)[0].records == 4
    assert [len(world.store.find(cls)) for cls in (Artifact, Execution, Context)] == [0, 0, 1]


def test_event_that_ended_may_be_put_again(world: World) -> None:
    world.store.delete(event(world))
    assert world.store.upstream(world.run).keys == [world.run.key]
    world.store.put(event(world))
    assert world.store.upstream(world.run).keys == [world.run.key, world.data.key]
    with world.store.transaction():
        world.store.delete(event(world))
        world.store.put(event(world))
    assert world.store.upstream(world.run).keys == [world.run.key, world.data.key]
    assert world.store.check() == []


def test_deleting_nothing_writes_nothing(world: World) -> None:
    before = everything(world.store.backend)
    world.store.delete()
    world.store.purge(reason="none")
    assert everything(world.store.backend) == before


def test_purge_erases_every_version_and_keeps_who_and_why(world: World) -> None:
    world.store.update(world.data.replace(custom_properties={"secret": "new"}))
    world.store.purge(world.data, reason="asked to be forgotten")
    for moment in (world.store.at(1), world.store.at(3)):
        past = moment.get(world.data.key)
        assert (past.name, past.external_id, past.properties, past.custom_properties) == (
            None,
            None,
            {},
            {},
        )
        assert (past.type, past.create_time) == ("All", world.data.create_time)
    assert world.store.upstream(world.run).nodes[1].gone
    entry = world.store.log(world.data.key)[0]
    assert (entry.message, entry.actor) == ("asked to be forgotten", "ann")
    assert world.store.check() == []


def test_purge_of_what_was_deleted(world: World) -> None:
    world.store.purge(world.gone, reason="law")
    assert world.store.at(1).get(world.gone).name is None
    world.store.purge(world.gone, reason="law")
    assert world.store.check() == []


def test_types_are_found_by_the_kind_of_the_node(store: Store) -> None:
    store.put([ArtifactType(name="T"), ExecutionType(name="T"), ContextType(name="T")])
    nodes = store.put([Artifact(type="T"), Execution(type="T"), Context(type="T", name="n")])
    assert [str(node.key) for node in nodes] == ["artifact:1", "execution:1", "context:1"]
    assert [len(store.find(cls, "type = 'T'")) for cls in (Artifact, Execution, Context)] == [1] * 3


@pytest.mark.parametrize("before", ["NEW", "RUNNING"])
def test_run_that_died_is_ended(store: Store, before: str) -> None:
    runs = store.put([Execution(type="lineage.Train", state=before) for _ in range(2)])
    store.end(*(run.key for run in runs), state="FAILED", message="killed")
    assert [store.get(Execution, run.key).state for run in runs] == ["FAILED"] * 2
    assert store.log(limit=1)[0].message == "killed"
    with pytest.raises(Invalid, match="is not running"):
        store.end(runs[0], state="COMPLETE")


def test_what_has_ended_or_cannot_stays(store: Store) -> None:
    running = store.put(Execution(type="lineage.Train", state="RUNNING"))
    done = store.put(Execution(type="lineage.Train", state="COMPLETE"))
    data = store.put(Artifact(type="lineage.Dataset"))
    for things, state in (
        ((running, done), "FAILED"),
        ((running, data), "FAILED"),
        ((running,), "RUNNING"),
        ((running,), "UNKNOWN"),
        ((running,), "failed"),
    ):
        with pytest.raises(Invalid):
            store.end(*things, state=state)
    assert store.get(running.key) == running
