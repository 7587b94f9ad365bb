"""Graphs that pages are made of: rows by hand, so that ten thousand of them take no time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lineage.answers.marks import Graph
from lineage.answers.view import View, view_of
from lineage.formats import page
from lineage.model.canonical import encode
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind, EdgeRow, NodeRow
from lineage.model.schema import AnyType, ArtifactType, ContextType, ExecutionType
from lineage.model.values import Value

__all__ = ["artifact", "edge", "execution", "graph", "hub", "node", "runs", "written"]

TYPES: dict[int, AnyType] = {
    1: ArtifactType(id=1, name="lineage.Dataset"),
    2: ArtifactType(id=2, name="lineage.Model"),
    3: ExecutionType(id=3, name="lineage.Train"),
    4: ExecutionType(id=4, name="lineage.Evaluate"),
    5: ContextType(id=5, name="lineage.Run"),
    6: ContextType(id=6, name="lineage.Asset"),
}


def artifact(number: int) -> NodeKey:
    return NodeKey(Kind.ARTIFACT, number)


def execution(number: int) -> NodeKey:
    return NodeKey(Kind.EXECUTION, number)


def node(
    key: NodeKey,
    type_id: int,
    name: str | None = None,
    *,
    uri: str | None = None,
    state: int | None = None,
    custom: dict[str, Value] | None = None,
    gone: bool = False,
    purged: bool = False,
) -> NodeRow:
    return NodeRow(
        key=key,
        type_id=type_id,
        name=name,
        external_id=None,
        uri=uri,
        state=state,
        properties="{}",
        custom=encode(custom or {}),
        created=1_772_323_200_000_000,
        updated=1_772_323_200_000_000,
        since=7,
        salt=None if purged else b"",
        gone=gone,
        until=8 if gone else None,
    )


def edge(source: NodeKey, target: NodeKey, kind: EdgeKind | None = None) -> EdgeRow:
    usual = EdgeKind.INPUT if source.kind is Kind.ARTIFACT else EdgeKind.OUTPUT
    return EdgeRow(
        source=source,
        target=target,
        kind=kind or usual,
        time=None,
        paths=None,
        since=7,
        order=1,
        first=7,
    )


def graph(nodes: Sequence[NodeRow], edges: Iterable[EdgeRow], focus: int | None = 1) -> Graph:
    asked = () if focus is None else (artifact(focus),)
    return Graph(nodes, list(edges), TYPES, number=7, focus=asked)


def hub(spokes: int) -> Graph:
    """A data set that many trainings read, each of which wrote a model that was evaluated."""
    models = [artifact(2 + each) for each in range(spokes)]
    trainings = [execution(1 + each) for each in range(spokes)]
    evaluations = [execution(1 + spokes + each) for each in range(spokes)]
    nodes = [node(artifact(1), 1, "wine")]
    nodes += [node(key, 3) for key in trainings]
    nodes += [node(key, 2, f"model {place}") for place, key in enumerate(models)]
    nodes += [node(key, 4) for key in evaluations]
    edges = [edge(artifact(1), key) for key in trainings]
    edges += map(edge, trainings, models)
    edges += map(edge, models, evaluations)
    return graph(nodes, edges)


def runs(count: int) -> Graph:
    """A data set that runs read: each trains, and writes two versions of a model of its own into its own folder."""
    nodes, edges = [node(artifact(1), 1, "wine")], []
    holders: dict[NodeKey, tuple[NodeRow, ...]] = {}
    for number in range(1, count + 1):
        step, outcome = execution(2 * number), execution(2 * number + 1)
        model, report = artifact(2 * number), artifact(2 * number + 1)
        nodes += [node(step, 3, f"fit {number}"), node(outcome, 4)]
        nodes += [
            node(each, 2, uri=f"s3://models/{number}/{each.id}.onnx") for each in (model, report)
        ]
        edges += [edge(artifact(1), step), edge(step, model), edge(model, outcome)]
        edges += [edge(outcome, report)]
        run = node(NodeKey(Kind.CONTEXT, 2 * number), 5)
        asset = node(NodeKey(Kind.CONTEXT, 2 * number + 1), 6, f"model {number}")
        holders |= dict.fromkeys((step, outcome), (run,))
        holders |= dict.fromkeys((model, report), (asset,))
    return graph(nodes, edges)._replace(holders=holders)


def written(source: Graph | View, target: Path) -> Path:
    """Write a page of a graph or a view into a file."""
    with target.open("wb") as file:
        page.draw(source if isinstance(source, View) else view_of(source), file)
    return target
