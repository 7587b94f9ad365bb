"""Tells what else was trained on the same data (question 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lineage.answers.notebook import ROWS, html_table, node_cells, safely
from lineage.contract.backend import Backend
from lineage.contract.walking import Cut, Direction, Limits, Walk
from lineage.model.entities import Artifact
from lineage.model.keys import NodeKey
from lineage.model.purposes import Purpose
from lineage.model.rows import EdgeRow
from lineage.queries.facts import Facts
from lineage.queries.notes import (
    behind_failures,
    concluded,
    cut_short,
    listed,
    standing_of_runs,
)
from lineage.queries.reader import Reader
from lineage.queries.roles import Role
from lineage.queries.uses import evaluated_alone, is_evaluated, purpose_in
from lineage.queries.versions import assets_of, versions_of

__all__ = ["Peer", "Peers", "peers"]


@dataclass(frozen=True, slots=True)
class Peer:
    """A model, the nearest of the data sets it was trained on, and how many edges lie between.

    `failed` says that no way leads there but through a run that failed or was canceled.
    """

    model: Artifact
    dataset: NodeKey
    distance: int
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Peers:
    """The models that were trained on the given data, nearest first; those that only failed runs made come last.

    `datasets` is the data: the data set that was asked about, or the ones that the model which was
    asked about was trained on; with `any_version` every version of them.
    """

    of: Artifact
    datasets: tuple[Artifact, ...]
    models: tuple[Peer, ...]
    notes: tuple[str, ...]
    truncated: Cut | None
    number: int

    def _repr_html_(self) -> str:
        return safely(self._html, f"Peers of {self.of.key}")

    def _html(self) -> str:
        caption = (
            f"Models made from the data of {self.of.key}: {len(self.models)}"
            f"{f'; cut by {self.truncated.limit}' if self.truncated else ''}"
        )
        rows = [
            (*node_cells(peer.model), str(peer.dataset), peer.distance)
            for peer in self.models[:ROWS]
        ]
        header = ("key", "type", "label", "made from", "distance")
        return html_table(caption, header, rows, more=len(self.models) - len(rows))


def peers(
    backend: Backend,
    key: NodeKey,
    *,
    any_version: bool = False,
    limits: Limits = Limits(),
    as_of: int | None = None,
) -> Peers:
    """Return the models trained on a data set; of a model, the others trained on what it was trained on.

    A model's data is what the newest run that wrote it read directly; where that read no data set,
    the nearest upstream ones. It is exactly these versions of the data, unless `any_version` takes
    all of them. Models count however indirectly they were made from the data, nearest first, then
    by key, deleted ones too. `NotFound` where there is no such artifact, `Invalid` for what is no artifact.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     lake = lineage.Dataset(uri="s3://lake/1")
    ...     for name in ("a", "b"):
    ...         _ = store.record(lineage.Train(), inputs=lake, outputs=lineage.Model(name=name))
    ...     answer = peers(store.backend, store.key_of("lineage.Model:a"))
    >>> [(peer.model.name, str(peer.dataset), peer.distance) for peer in answer.models]
    [('b', 'artifact:1', 2)]
    """
    reader = Reader(backend, as_of)
    reader.check_artifacts((key,), "ask about a data set or a model")
    found = Facts(reader, key, limits)
    data, notes = _data(found)
    if any_version:
        data = _all_versions(reader, data)
    models, cut = _trained_on(found, data)
    return Peers(
        of=reader.artifact(key),
        datasets=tuple(reader.artifact(each) for each in data),
        models=models,
        notes=(*notes, *_conclusions(found, data, models, cut)),
        truncated=cut,
        number=reader.number,
    )


def _data(found: Facts) -> tuple[list[NodeKey], list[str]]:
    """Return the data sets whose models are looked for, nearest first, and how they were found."""
    key, reader = found.key, found.reader
    if found.role is Role.DATASET:
        return [key], []
    if found.role is not Role.MODEL:
        return [key], [
            f"nothing says that {key} is a data set or a model; it is taken for the data"
        ]
    if found.run is None:
        return [], [f"no run is recorded that wrote {key}"]
    notes = [*standing_of_runs(found)]
    read = reader.neighbours((found.run,), Direction.UPSTREAM, found.limits)
    if read.cut:
        notes.append(f"{found.run} read more than {found.limits.nodes} nodes; only the first count")
    reader.read({row.source for row in read.edges} | {found.run})
    events = [row for row in read.edges if reader.role(row.source) is Role.DATASET]
    data = sorted({row.source for row in events if not is_evaluated(reader, row)} - {key})
    if data:
        return data, [*notes, *_untold(reader, events, data)]
    if events:
        only = listed(sorted({row.source for row in events}))
        return [], [*notes, f"{found.run} read {only} to evaluate, and no data to train on"]
    sources = [each for each in found.sources if each.purpose is not Purpose.EVALUATION]
    nearest = min((source.distance for source in sources), default=0)
    data = [source.node.key for source in sources if source.distance == nearest]
    said = (
        f"{found.run} read no data set itself; the nearest upstream are taken: {listed(data)}"
        if data
        else f"no data set is recorded upstream of {key}"
    )
    return data, [*notes, said, *cut_short("the search for data sets", found.upstream.cut)]


def _untold(reader: Reader, events: Sequence[EdgeRow], data: Sequence[NodeKey]) -> list[str]:
    """Return what to say of data that a run read without saying what for."""
    told = {row.source for row in events if purpose_in(reader, row) is not None}
    silent = listed(key for key in data if key not in told)
    return [f"nothing says what {silent} was for; it counts as training data"] if silent else []


def _all_versions(reader: Reader, data: Sequence[NodeKey]) -> list[NodeKey]:
    """Return every version of the data, each once: those of the first data set first, oldest first."""
    assets = assets_of(reader, data)
    known: dict[NodeKey, None] = {}
    for key in data:
        if key not in known:
            known.update(dict.fromkeys(versions_of(reader, key, assets.get(key))))
    return list(known)


def _trained_on(found: Facts, data: Sequence[NodeKey]) -> tuple[tuple[Peer, ...], Cut | None]:
    """Return the models downstream of the data, nearest first, without the one asked about."""
    if not data:
        return (), None
    reader = found.reader
    bit = Purpose.EVALUATION.bit
    walk = reader.walk(data, Direction.DOWNSTREAM, found.limits, edges=True, without=bit)
    reader.read(walk.keys)
    evaluated = evaluated_alone(reader, walk)
    origins = _origins(walk)
    failed = reader.behind_failures(walk)
    models = [
        Peer(reader.artifact(key), origins[key], distance, key in failed)
        for distance, level in enumerate(walk.levels)
        for key in level
        if distance and key != found.key and reader.role(key) is Role.MODEL
        if key not in evaluated
    ]
    return tuple(sorted(models, key=lambda peer: peer.failed)), walk.cut


def _origins(walk: Walk) -> Mapping[NodeKey, NodeKey]:
    """Return the nearest start of each node of a walk along the flow; of several the first by key."""
    distances = {key: hops for hops, level in enumerate(walk.levels) for key in level}
    origins = {key: key for key in walk.levels[0]}
    steps = sorted(walk.edges, key=lambda row: distances[row.source])
    for row in steps:
        if distances[row.target] == distances[row.source] + 1:
            origin = origins[row.source]
            origins[row.target] = min(origins.get(row.target, origin), origin)
    return origins


def _only_evaluated(found: Facts, data: Sequence[NodeKey], models: Sequence[Peer]) -> list[str]:
    """Return what to say of models that read the data to evaluate and for nothing else."""
    if not data:
        return []
    reader = found.reader
    met = reader.walk(data, Direction.DOWNSTREAM, found.limits, edges=False).keys
    reader.read(met)
    known = {found.key, *data, *(peer.model.key for peer in models)}
    others = [key for key in met if key not in known and reader.role(key) is Role.MODEL]
    told = listed(sorted(others))
    return [f"the models {told} are left out: nothing but evaluation leads to them"] if told else []


def _conclusions(
    found: Facts, data: Sequence[NodeKey], models: Sequence[Peer], cut: Cut | None
) -> list[str]:
    taken = (found.key, *data, *(peer.model.key for peer in models))
    failed = behind_failures("the models", (peer.model.key for peer in models if peer.failed))
    told = [*concluded(found.reader, taken), *failed, *cut_short("the search for models", cut)]
    if cut is None:
        told += _only_evaluated(found, data, models)
    if not models and cut is None:
        other = "other " if found.role is Role.MODEL else ""
        told.append(f"no {other}model is recorded that was made from this data")
    return told
