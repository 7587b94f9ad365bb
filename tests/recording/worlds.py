"""A small store to write to: a data set, a run, contexts, and what was deleted."""

from typing import Any, NamedTuple

from pydantic import Field

import lineage
from lineage.model.entities import (
    Artifact,
    Attribution,
    Context,
    Event,
    Execution,
    ParentContext,
)
from lineage.model.keys import NodeKey
from lineage.model.schema import ArtifactType
from lineage.store import Store


class Model(lineage.Model):
    accuracy: float | None = None
    title: str | None = Field(default=None, alias="name")


class Experiment(Context):
    note: str = ""


ALL = ArtifactType(
    name="All",
    properties={
        "i": "INT",
        "d": "DOUBLE",
        "s": "STRING",
        "b": "BOOLEAN",
        "t": "STRUCT",
        "p": "PROTO",
    },
)


class World(NamedTuple):
    store: Store
    data: Artifact
    run: Execution
    churn: Experiment
    child: Experiment
    gone: NodeKey


def all_(**properties: Any) -> Artifact:
    return Artifact(type="All", properties=properties)


def make_world(store: Store) -> World:
    """A data set that a run reads, a context and its child, and a deleted artifact."""
    with store.transaction():
        store.put(ALL)
        data, gone = store.put(
            [
                Artifact(type="All", name="data", external_id="x", properties={"i": 1}),
                Artifact(type="All", name="gone"),
            ]
        )
        run = store.put(Execution(type="lineage.Train", name="run", external_id="x"))
        churn, child = store.put([Experiment(name="churn"), Experiment(name="child")])
        store.put(
            [
                Event(artifact=data.key, execution=run.key, type="INPUT"),
                Attribution(context=churn.key, artifact=data.key),
                ParentContext(parent=churn.key, child=child.key),
            ]
        )
    store.delete(gone)
    return World(store, data, run, churn, child, gone.key)


def event(world: World, **ends: NodeKey) -> Event:
    given = {"artifact": world.data.key, "execution": world.run.key, **ends}
    return Event(**given, type="INPUT")
