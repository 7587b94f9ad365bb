"""A small project that tests of the store ask about: two runs on one data set, one after the other."""

import lineage
from lineage.model.entities import Node
from lineage.store import Store


class Dataset(lineage.Dataset):
    day: int = 0


class Model(lineage.Model):
    accuracy: float = 0.0


class Train(lineage.Train):
    rate: float = 0.1


class Experiment(lineage.Context):
    note: str = ""


def two_runs(store: Store) -> Store:
    """Record dataset 1 → run 1 → model 2 and dataset 1 → run 2 → model 3, in a transaction each."""
    data = Dataset(name="lake", uri="s3://lake", day=1)
    for number in (1, 2):
        store.record(
            Train(name=f"run {number}", rate=number),
            inputs=[data],
            outputs=[Model(name=f"m{number}", uri="s3://models/churn", accuracy=number / 10)],
            within=Experiment(name="churn"),
            message=f"run {number}",
        )
    return store


def state_of(node: Node) -> str:
    assert isinstance(node, lineage.Execution | lineage.Artifact)
    return str(node.state)


def uri_of(node: Node) -> str | None:
    assert isinstance(node, lineage.Artifact)
    return node.uri
