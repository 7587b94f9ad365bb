"""Who set what a node says, when and why."""

import pytest

import lineage
from lineage.errors import NotFound
from lineage.model.keys import NodeKey
from lineage.queries.blame import blame
from lineage.store import Store


def told(store: Store, node: str = "artifact:1") -> dict[str, tuple[object, int, str]]:
    return {
        each.field: (each.value, each.number, each.message) for each in store.blame(node).fields
    }


@pytest.fixture
def changed(store: Store) -> Store:
    """Write a model, then change some of it three times, once back."""
    first = lineage.Model(
        uri="s3://m/1", digest="a", custom_properties={"depth": 3, "old": True, "same": 1}
    )
    model = store.put(first, message="made")
    bob = Store(store.backend, actor="bob")
    custom = {"depth": 4, "same": 1, "new": 0.5}
    model = bob.update(model.replace(custom_properties=custom), message="deeper")
    model = store.update(model.replace(name="churn", uri="s3://m/2"), message="moved")
    bob.update(model.replace(custom_properties={**custom, "depth": 3}), message="back")
    return store


def test_each_field_has_its_last_change(changed: Store) -> None:
    assert told(changed) == {
        "name": ("churn", 3, "moved"),
        "uri": ("s3://m/2", 3, "moved"),
        "properties.digest": ("a", 1, "made"),
        "custom_properties.depth": (3, 4, "back"),
        "custom_properties.new": (0.5, 2, "deeper"),
        "custom_properties.old": (None, 2, "deeper"),
        "custom_properties.same": (1, 1, "made"),
    }
    assert [*told(changed)][:3] == ["name", "uri", "properties.digest"]
    answer = changed.blame("s3://m/2")
    assert (answer.notes, answer.number, answer.node.name) == ((), 4, "churn")
    by = {each.field: each.actor for each in answer.fields}
    assert (by["uri"], by["custom_properties.old"]) == ("ann", "bob")
    then = told(changed.at(2))
    assert then["uri"] == ("s3://m/1", 1, "made")
    assert then["custom_properties.depth"] == (4, 2, "deeper")
    assert told(changed.at(1))["custom_properties.old"] == (True, 1, "made")
    assert "deeper" in answer._repr_html_()
    with changed.transaction():
        changed.update(changed.get("artifact:1").replace(name="unsaid"))
        assert told(changed)["name"] == ("churn", 3, "moved"), "what is not committed has no number"


def test_what_was_deleted_or_purged_is_said() -> None:
    with lineage.connect("memory:", actor="ann") as store:
        model = store.put(lineage.Model(name="m", state=lineage.ArtifactState.LIVE), message="made")
        store.delete(model)
        answer = store.blame("artifact:1")
        assert answer.notes == ("artifact:1 was deleted in transaction 2; this is what it was",)
        assert [each.field for each in answer.fields] == ["name", "state"]
        store.restore(model.key)
        assert told(store)["name"] == ("m", 1, "made")
        assert store.blame(model).notes == ()
        store.purge(model, reason="asked to")
        answer = store.blame(model)
        assert answer.fields == ()
        assert answer.notes == ("artifact:1 was purged: what it said is gone from every version",)


def test_an_actor_that_was_purged_is_said() -> None:
    with lineage.connect("memory:", actor="ann") as store:
        model = store.put(lineage.Model(name="m"), message="made")
        Store(store.backend, actor="dpo").purge_actor("ann", reason="left us")
        answer = store.blame(model)
        assert [(each.actor, each.message, each.purged) for each in answer.fields] == [
            ("", "", True)
        ]
        assert answer.notes == ("who wrote some of it, and why, was erased from the log",)


def test_what_is_not_there_is_said() -> None:
    with lineage.connect("memory:") as store:
        with pytest.raises(NotFound, match="there is no artifact:9"):
            blame(store.backend, NodeKey.parse("artifact:9"))
        run = store.put(lineage.Train())
        assert store.blame(run).fields == ()
