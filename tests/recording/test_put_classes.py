"""Updating what was put, by classes that say more or less than its type."""

import lineage
from lineage.model.entities import (
    Artifact,
    ArtifactState,
)
from lineage.model.schema import ArtifactType
from lineage.store import Store
from tests.recording.worlds import Model


def test_class_with_missing_and_unknown_properties_is_updated(store: Store) -> None:
    store.put(ArtifactType(name="Model", properties={"unknown": "INT"}))
    plain = store.put(Artifact(type="Model", properties={"unknown": 7}))
    model = store.get(Model, plain.key)
    assert (model.accuracy, model.title) == (None, None)
    updated = store.update(model.replace(accuracy=1, uri="u"))
    assert (type(updated), updated.accuracy, updated.title) == (Model, 1.0, None)
    assert store.get(plain.key).properties == {"accuracy": 1.0, "unknown": 7}
    assert store.update(updated.replace(accuracy=None)).properties == {"unknown": 7}


def test_property_of_a_class_is_masked_by_its_name_in_the_type(store: Store) -> None:
    model = store.put(Model(accuracy=0.5, title="t"))
    changed = model.replace(accuracy=0.9, title="new")
    assert store.update(changed, fields=["properties.name"]).properties == {
        "accuracy": 0.5,
        "name": "new",
    }


def test_node_read_as_its_system_class_is_updated(store: Store) -> None:
    store.put(Model(accuracy=0.5, uri="u"))
    (model,) = store.find(lineage.Model)
    assert (type(model), model.type) == (lineage.Model, "Model")
    updated = store.update(model.replace(state="LIVE", digest="d"))
    assert (updated.state, updated.digest) == (ArtifactState.LIVE, "d")
    assert store.get(Model, 1).accuracy == 0.5
    assert len(store.types()) == 10


def test_node_read_as_a_system_class_without_gaps_is_updated(store: Store) -> None:
    class Scores(lineage.Metrics):
        f1: float

    store.put(Scores(f1=0.5))
    (scores,) = store.find(lineage.Metrics)
    updated = store.update(scores.replace(uri="u"))
    assert (type(updated), updated.type, updated.uri) == (lineage.Metrics, "Scores", "u")
    assert store.get(Scores, 1).f1 == 0.5


def test_update_with_a_grown_class_grows_the_type(store: Store) -> None:
    stored = store.put(Model(accuracy=0.5))

    class Grown(Model, type="Model"):
        depth: int = 1

    grown = store.get(Grown, stored.key)
    assert grown.depth is None
    store.update(grown.replace(depth=2))
    assert store.get(stored.key).properties == {"accuracy": 0.5, "depth": 2}
