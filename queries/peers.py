"""Tells what else was trained on the same data (question 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from typing_extensions import override

from lineage.answers.conversions import ColumnType, made_frame
from lineage.answers.labels import listed
from lineage.answers.notebook import Part, node_cells
from lineage.answers.subgraph import Copy
from lineage.contract.backend import Backend
from lineage.contract.roles import Role
from lineage.contract.walking import Cut, Direction, Limits, Walk
from lineage.model.entities import Artifact, Context
from lineage.model.keys import Kind, NodeKey
from lineage.model.notebook import ROWS, Shown, html_answer
from lineage.model.purposes import Purpose
from lineage.model.rows import EdgeRow
from lineage.queries.aliases import deployed_as
from lineage.queries.copies import remarks_on_twins
from lineage.queries.facts import Facts
from lineage.queries.lateness import late_inputs
from lineage.queries.members import starts_of
from lineage.queries.notes import (
    behind_failures,
    concluded,
    cut_short,
    deleted_among,
    inherited,
    purged_among,
    standing_of_runs,
)
from lineage.queries.reader import Reader
from lineage.queries.uses import evaluated_alone, purpose_in
from lineage.queries.versions import assets_of, versions_of
from lineage.queries.walked import Walked, walked

if TYPE_CHECKING:
    import pandas

__all__ = ["Peer", "Peers", "peers"]

DIRECT = 2
"""How many edges lie between data and a model whose run read it."""


@dataclass(frozen=True, slots=True)
class Peer(Part):
    """A model, the nearest of the data sets it was trained on, and how many edges lie between.

    `failed` says that no way leads there but through a run that failed or was canceled, `by_parent` that
    none does but through a step that read no data set itself, for what its parent read. `deployed_as` is what
    its aliases say of it, such as `production of churn`.
    """

    model: Artifact
    dataset: NodeKey
    distance: int
    failed: bool = False
    by_parent: bool = False
    deployed_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Peers(Shown):
    """The models that were trained on the given data, nearest first.

    Those come first that aliases say are deployed, and those last that only failed runs made.

    `datasets` is the data: the data set that was asked about, or the ones that the model which was
    asked about was trained on; with `any_version` every version of them. `copies` are the hops through
    copies from the model that was asked about, and from the data on.
    """

    of: Artifact | Context
    datasets: tuple[Artifact, ...]
    models: tuple[Peer, ...]
    notes: tuple[str, ...]
    truncated: Cut | None
    number: int
    copies: tuple[Copy, ...] = ()

    def to_pandas(self) -> pandas.DataFrame:
        """Return a pandas frame with a row for each model: what it was made from, and how far that is."""
        said = [
            (
                each.model,
                {
                    "made_from": str(each.dataset),
                    "distance": each.distance,
                    "failed": each.failed,
                    "by_parent": each.by_parent,
                },
            )
            for each in self.models
        ]
        columns: dict[str, ColumnType] = {
            "made_from": "text",
            "distance": "count",
            "failed": "flag",
            "by_parent": "flag",
        }
        return made_frame(said, columns)

    @override
    def _html(self) -> str:
        caption = (
            f"Models made from the data of {self.of.key}: {len(self.models)}"
            f"{f'; cut by {self.truncated.limit}' if self.truncated else ''}"
        )
        rows = [
            (*node_cells(peer.model), str(peer.dataset), peer.distance, ", ".join(peer.deployed_as))
            for peer in self.models[:ROWS]
        ]
        header = ("key", "type", "label", "made from", "distance", "deployed")
        return html_answer(
            caption, header, rows, more=len(self.models) - len(rows), notes=self.notes
        )


def peers(
    backend: Backend,
    key: NodeKey,
    *,
    any_version: bool = False,
    limits: Limits = Limits(),
    through_copies: bool = False,
    inputs: bool = False,
    gone: bool = True,
    happened_by: int | None = None,
    as_of: int | None = None,
) -> Peers:
    """Return the models trained on a data set; of a model, the others trained on what it was trained on.

    A model's data is what the newest run that wrote it read directly; where that read no data set,
    the nearest upstream ones. It is exactly these versions of the data, unless `any_version` takes
    all of them. Models count however indirectly they were made from the data, those first that aliases say are
    deployed, nearest first, then by key, deleted ones too, unless no `gone` ones are wanted. Through copies, for a model that nobody wrote the run answers that wrote
    one with its digest, and what was made from copies of the data counts. The data of a context are the data
    sets that belong to it or that its runs wrote, without those that its runs merely read, unless `inputs`
    are wanted. `NotFound` where there is no such node, `Invalid` for an execution.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     lake = lineage.Dataset(uri="s3://lake/1")
    ...     for name in ("a", "b"):
    ...         _ = store.record(lineage.Train(), inputs=lake, outputs=lineage.Model(name=name))
    ...     answer = peers(store.backend, store.key_of("lineage.Model:a"))
    >>> [(peer.model.name, str(peer.dataset), peer.distance) for peer in answer.models]
    [('b', 'artifact:1', 2)]
    """
    reader = Reader(backend, as_of, happened_by)
    if key.kind is not Kind.CONTEXT:
        reader.check_artifacts((key,), "ask about a data set, a model or a context")
    found = Facts(reader, key, limits, through_copies=through_copies)
    data, notes = _within(found, inputs=inputs) if key.kind is Kind.CONTEXT else _data(found)
    if any_version:
        data = _all_versions(reader, data)
    models = _trained_on(found, data)
    deleted = [peer.model.key for peer in models.trained if peer.model.gone]
    if not gone:
        models = models._replace(
            trained=tuple(peer for peer in models.trained if not peer.model.gone)
        )
    return Peers(
        of=cast(Artifact | Context, reader.node(key)),
        datasets=tuple(reader.artifact(each) for each in data),
        models=models.trained,
        copies=tuple(dict.fromkeys((*_own_hops(found), *models.steps.copies))),
        notes=(
            *notes,
            *deleted_among(deleted, listed_too=gone),
            *_conclusions(found, data, models),
            *_twins(found, models),
        ),
        truncated=models.cut,
        number=reader.number,
    )


def _within(found: Facts, *, inputs: bool) -> tuple[list[NodeKey], list[str]]:
    """Return the data sets of a context, and what is to be said of them."""
    begin = starts_of(found.reader, (found.key,), found.limits, inputs=inputs)
    artifacts = [key for key in begin.keys if key.kind is Kind.ARTIFACT]
    executions = [key for key in begin.keys if key.kind is Kind.EXECUTION]
    written = found.reader.neighbours(executions, Direction.DOWNSTREAM, found.limits).edges
    keys = sorted({*artifacts, *(row.target for row in written)})
    found.reader.read(keys)
    return [key for key in keys if found.reader.role(key) is Role.DATASET], [*begin.notes]


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
    events += [hop.row for hop in found.inherited_directly if hop.step == found.run]
    events = [row for row in events if not found.late_inputs.get(row.source)]
    data = sorted({row.source for row in events if _may_train(purpose_in(reader, row))} - {key})
    if data:
        return data, [*notes, *_untold(reader, events, data)]
    # What a base was trained on trained this too, if nothing nearer did.
    base = [each for each in found.sources if each.purpose is Purpose.BASE]
    sources = [each for each in found.sources if _may_train(each.purpose)] or base
    sources = [each for each in sources if not found.late_inputs.get(each.node.key)]
    sources = [each for each in sources if not each.failed] or sources
    if events and not sources:
        only = listed(sorted({row.source for row in events}))
        return [], [*notes, f"{found.run} read {only} to evaluate, and no data to train on"]
    nearest = min((source.distance for source in sources), default=0)
    data = [source.node.key for source in sources if source.distance == nearest]
    said = (
        f"{found.run} read no data set itself; the nearest upstream are taken: {listed(data)}"
        if data
        else f"no data set is recorded upstream of {key}"
    )
    return data, [*notes, said, *cut_short("the search for data sets", found.upstream.cut)]


def _may_train(purpose: Purpose | None) -> bool:
    return purpose in (Purpose.TRAINING, None)


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


class _Models(NamedTuple):
    """The models downstream of data, those that only evaluation leads to, and those written before it was read, by key."""

    trained: tuple[Peer, ...] = ()
    evaluated: tuple[NodeKey, ...] = ()
    late: tuple[NodeKey, ...] = ()
    cut: Cut | None = None
    steps: Walked = Walked(Walk(((),), ()))


def _trained_on(found: Facts, data: Sequence[NodeKey]) -> _Models:
    """Return the models downstream of the data, nearest first, without the one asked about."""
    if not data:
        return _Models()
    reader = found.reader
    steps = walked(
        reader,
        data,
        Direction.DOWNSTREAM,
        found.limits,
        edges=True,
        through_copies=found.through_copies,
        through_steps=True,
    )
    walk, own = steps.flow, {found.key, *found.originals}
    own.update(hop.copy for hop in steps.copies if hop.original in own)
    reader.read(walk.keys)
    evaluated = evaluated_alone(reader, walk)
    failed = reader.behind_failures(walk)
    behind_parents = steps.behind_parents(reader, Direction.DOWNSTREAM)
    origins = _origins(walk)
    named = deployed_as(reader, {key for key in walk.keys if reader.role(key) is Role.MODEL})
    met = [
        Peer(
            reader.artifact(key),
            origins[key],
            distance,
            failed=key in failed,
            by_parent=key in behind_parents,
            deployed_as=named.get(key, ()),
        )
        for distance, level in enumerate(walk.levels)
        for key in level
        if distance and key not in own and reader.role(key) is Role.MODEL
    ]
    late = _read_too_late(reader, walk, [peer.model.key for peer in met if peer.distance == DIRECT])
    left_out = evaluated | late
    models = [peer for peer in met if peer.model.key not in left_out]
    others = sorted(peer.model.key for peer in met if peer.model.key in evaluated - late)
    trained = tuple(sorted(models, key=lambda peer: (peer.failed, not peer.deployed_as)))
    return _Models(trained, tuple(others), tuple(sorted(late)), walk.cut, steps)


def _read_too_late(reader: Reader, walk: Walk, models: Sequence[NodeKey]) -> frozenset[NodeKey]:
    """Return those of some models whose runs read of the walk's data only what cannot have served for them."""
    read: dict[NodeKey, list[EdgeRow]] = {}
    for row in walk.edges:
        read.setdefault(row.target, []).append(row)
    found = set()
    for model in models:
        outputs = read.get(model, [])
        inputs = [row for output in outputs for row in read.get(output.source, ())]
        late = late_inputs(reader, outputs, inputs)
        if inputs and all(late.get(row.source) for row in inputs):
            found.add(model)
    return frozenset(found)


def _own_hops(found: Facts) -> list[Copy]:
    """Return the hops from what was asked about, where it is a copy."""
    return [hop for hop in found.hops if hop.copy == found.key]


def _twins(found: Facts, models: _Models) -> list[str]:
    """Return what to say of copies: of what was asked about, and of its data."""
    asked = Walked(Walk(((found.key,),), ()), tuple(_own_hops(found)))
    told = [
        remark
        for steps, way in ((asked, Direction.UPSTREAM), (models.steps, Direction.DOWNSTREAM))
        for remark in remarks_on_twins(
            found.reader, steps.walk, steps.copies, way, through_copies=found.through_copies
        )
    ]
    return [*dict.fromkeys(told)]


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


def _conclusions(found: Facts, data: Sequence[NodeKey], models: _Models) -> list[str]:
    taken = (found.key, *data, *(peer.model.key for peer in models.trained))
    failed = (peer.model.key for peer in models.trained if peer.failed)
    told = [
        *concluded(found.reader, taken),
        *behind_failures("the models", failed),
        *inherited(dict.fromkeys((*found.inherited_directly, *models.steps.inherited))),
        *purged_among(found.reader, models.steps.walk.keys),
        *cut_short("the search for models", models.cut),
    ]
    if models.evaluated:
        others = listed(models.evaluated)
        told.append(f"the models {others} are left out: nothing but evaluation leads to them")
    if models.late:
        others = listed(models.late)
        told.append(f"the models {others} are left out: the data was read after they were written")
    if not models.trained and models.cut is None:
        other = "other " if found.role is Role.MODEL else ""
        told.append(f"no {other}model is recorded that was made from this data")
    return told
