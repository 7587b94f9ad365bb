"""Tells what is affected when something changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from typing_extensions import override

from lineage.answers.conversions import ColumnType, made_frame
from lineage.answers.labels import listed
from lineage.answers.marks import EMPTY, Graph
from lineage.answers.notebook import Part, node_cells
from lineage.answers.subgraph import Copy
from lineage.answers.view import BUDGET, Show, View, Viewed, view_of
from lineage.contract.backend import Backend
from lineage.contract.roles import Role
from lineage.contract.walking import Cut, Direction, Limits, Walk
from lineage.model.entities import Artifact, Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.notebook import ROWS, html_answer
from lineage.model.rows import EdgeRow
from lineage.model.texts import printable
from lineage.queries.aliases import deployed_as
from lineage.queries.copies import remarks_on_twins
from lineage.queries.graphs import graph_of
from lineage.queries.members import starts_of
from lineage.queries.notes import behind_failures, deleted_among, inherited, purged_among
from lineage.queries.paths import Way, levels_of, steps_back
from lineage.queries.reader import Reader
from lineage.queries.uses import evaluated_alone
from lineage.queries.walked import Walked, walked

if TYPE_CHECKING:
    import pandas

__all__ = ["Affected", "Impact", "impact"]

_COLUMNS: dict[str, ColumnType] = {
    "role": "text",
    "distance": "count",
    "deployed_by": "any",
    "path": "any",
    "failed": "flag",
    "evaluated": "flag",
    "by_parent": "flag",
}


@dataclass(frozen=True, slots=True)
class Affected(Part):
    """An artifact made from what changed, how far it is, and a shortest path there as the reason.

    `path` begins at what changed and ends at the artifact. Ways without runs that failed go before others,
    however long; the distance is that of the way told. `deployments` are the executions of role
    deploy, among what changed and what it led to, that read or wrote the artifact, by key, and `deployed_as`
    what its aliases say of it, such as `production of churn`. `failed` says
    that no way leads there but through a run that failed or was canceled, `evaluated` that none does but
    through data or models that were read to evaluate, `by_parent` that none does but through a step that
    read no data set itself, for what its parent read.
    """

    node: Artifact
    role: Role | None
    distance: int
    path: Sequence[NodeKey]
    deployments: tuple[NodeKey, ...]
    failed: bool = False
    evaluated: bool = False
    by_parent: bool = False
    deployed_as: tuple[str, ...] = ()

    @property
    def deployed(self) -> bool:
        """Whether an execution of role deploy or an alias says that the artifact is in use."""
        return bool(self.deployments or self.deployed_as)


@dataclass(frozen=True, slots=True)
class Impact(Viewed):
    """Everything affected: deployed artifacts first, then models, then the rest; nearest first.

    What is reached through evaluation alone comes after all that, and then what only failed runs reach.

    `deployments` are all executions of role deploy that were met, nearest first, those of the starts
    included. `nodes` has every node of the paths, the starts and the deployments by key.
    `copies` are the hops through copies, which count as one edge and stand in paths as any other.
    `notes` say in sentences what was only concluded and what was not looked at.
    """

    starts: tuple[Node, ...]
    affected: tuple[Affected, ...]
    deployments: tuple[NodeKey, ...]
    nodes: Mapping[NodeKey, Node]
    notes: tuple[str, ...]
    truncated: Cut | None
    number: int
    copies: tuple[Copy, ...] = ()
    _graph: Graph = field(default=EMPTY, repr=False, compare=False)

    @override
    def view(self, *, budget: int = BUDGET, show: Show = "all", opened: Sequence[str] = ()) -> View:
        """Return what changes reach, in few marks, as `view_of` does; what is deployed stays single, the first of it.

        The role of an affected artifact is "affected", or "deployed" as that of executions that deploy; its badge
        is its place among the affected.
        """
        deployed = [each.node.key for each in self.affected if each.deployed]
        roles = {
            each.node.key: "deployed" if each.deployed else "affected" for each in self.affected
        }
        graph = self._graph._replace(
            notes=self.notes,
            aliases={
                each.node.key: tuple(name.rpartition(" of ")[0] for name in each.deployed_as)
                for each in self.affected
            },
            roles=roles | dict.fromkeys(self.deployments, "deployed"),
            badges={each.node.key: f"{place}" for place, each in enumerate(self.affected, start=1)},
        )
        return view_of(
            graph, budget=budget, show=show, opened=opened, pinned=deployed[: budget // 4]
        )

    @property
    def by_type(self) -> dict[str, tuple[Affected, ...]]:
        """The affected artifacts by the name of their type, in the same order."""
        found: dict[str, list[Affected]] = {}
        for each in self.affected:
            found.setdefault(each.node.type, []).append(each)
        return {name: tuple(members) for name, members in found.items()}

    def to_pandas(self) -> pandas.DataFrame:
        """Return a pandas frame with a row for each affected artifact; keys are texts, and the path holds them in order."""
        said = [
            (
                each.node,
                {
                    "role": None if each.role is None else each.role.value,
                    "distance": each.distance,
                    "deployed_by": [str(key) for key in each.deployments],
                    "path": [str(key) for key in each.path],
                    "failed": each.failed,
                    "evaluated": each.evaluated,
                    "by_parent": each.by_parent,
                },
            )
            for each in self.affected
        ]
        return made_frame(said, _COLUMNS)

    @override
    def _html(self) -> str:
        starts = ", ".join(str(node.key) for node in self.starts[:3])
        deployed = sum(each.deployed for each in self.affected)
        caption = (
            f"Impact of {starts}{', …' if len(self.starts) > 3 else ''}: "
            f"{len(self.affected)} artifacts, {deployed} deployed"
            f"{f'; cut by {self.truncated.limit}' if self.truncated else ''}"
        )
        rows = [
            (
                each.distance,
                *node_cells(each.node),
                each.role,
                ", ".join([*each.deployed_as, *map(str, each.deployments)]),
                " → ".join(map(str, each.path)),
            )
            for each in self.affected[:ROWS]
        ]
        header = ("distance", "key", "type", "label", "role", "deployed", "because")
        return html_answer(
            caption, header, rows, more=len(self.affected) - len(rows), notes=self.notes
        )


def impact(
    backend: Backend,
    starts: Collection[NodeKey],
    *,
    limits: Limits = Limits(),
    through_copies: bool = False,
    inputs: bool = False,
    gone: bool = True,
    happened_by: int | None = None,
    as_of: int | None = None,
) -> Impact:
    """Return every artifact that was made from the starts, however indirectly, and why.

    Distances count edges from the nearest start, on a way that no run failed on, if there is one. The starts themselves are not among the affected,
    and deleted artifacts are, marked `gone`, unless no `gone` ones are wanted: then ways still lead through them. Among shortest paths the one whose keys are the
    smallest is told; artifacts as near as each other are in order of their keys. Through copies,
    artifacts that nobody wrote are affected with those whose digest they have, and what was made from them.
    In place of a context it begins at its members: its executions, and its artifacts that these do not
    merely read, unless `inputs` are wanted.

    >>> import lineage
    >>> store = lineage.connect("memory:")
    >>> data, model = lineage.Dataset(name="lake"), lineage.Model(name="churn")
    >>> _ = store.record(lineage.Train(), inputs=[data], outputs=[model])
    >>> _ = store.record(
    ...     lineage.Deploy(name="release"), inputs=[store.get("lineage.Model:churn").key]
    ... )
    >>> for each in store.impact("lineage.Dataset:lake").affected:
    ...     print(each.node.name, each.distance, *each.path, "deployed by", *each.deployments)
    churn 2 artifact:1 execution:1 artifact:2 deployed by execution:2
    """
    reader = Reader(backend, as_of, happened_by)
    begin = starts_of(reader, starts, limits, inputs=inputs)
    steps = walked(
        reader,
        begin.keys,
        Direction.DOWNSTREAM,
        limits,
        edges=True,
        through_copies=through_copies,
        through_steps=True,
    )
    return _answer(reader, begin.notes, steps, gone=gone, through_copies=through_copies)


def _answer(
    reader: Reader, remarks: Sequence[str], steps: Walked, *, gone: bool, through_copies: bool
) -> Impact:
    """Return what a walk downstream says of what it met, after some remarks."""
    walk = steps.flow
    reader.read(walk.keys)
    ways = _ways(reader, walk)
    deleted = [key for level in walk.levels[1:] for key in level if reader.gone(key)]
    left_out = frozenset(() if gone else deleted)
    affected = _affected(reader, steps, ways, left_out)
    met = tuple(key for key in walk.keys if _deploys(reader, key) and key not in left_out)
    told = _on_ways([*(each.node.key for each in affected), *met, *walk.levels[0]], ways)
    return Impact(
        starts=tuple(reader.node(key) for key in walk.levels[0]),
        affected=tuple(sorted(affected, key=_order)),
        deployments=met,
        nodes={key: reader.node(key) for key in walk.keys if key in told},
        copies=steps.copies,
        notes=(
            *remarks,
            *deleted_among(deleted, listed_too=gone),
            *_notes(reader, walk, affected),
            *inherited(steps.inherited),
            *remarks_on_twins(
                reader,
                steps.walk,
                steps.copies,
                Direction.DOWNSTREAM,
                through_copies=through_copies,
            ),
        ),
        truncated=walk.cut,
        number=reader.number,
        _graph=graph_of(
            reader,
            [key for key in walk.keys if key in told or key not in left_out],
            walk.edges,
            focus=walk.levels[0],
            cuts=[walk.cut],
        ),
    )


def _affected(
    reader: Reader, steps: Walked, ways: Mapping[NodeKey, _Reached], left_out: Collection[NodeKey]
) -> list[Affected]:
    """Return the artifacts that a walk met, but for those that are left out, and why they are affected."""
    walk = steps.flow
    deployed_by = _deployments(reader, walk)
    keys = {key for key in walk.keys if key.kind is Kind.ARTIFACT}
    named = deployed_as(reader, keys)
    failed = reader.behind_failures(walk)
    evaluated = evaluated_alone(reader, walk)
    behind_parents = steps.behind_parents(reader, Direction.DOWNSTREAM)
    return [
        Affected(
            node=reader.artifact(key),
            role=reader.role(key),
            distance=ways[key].distance,
            path=Way(key, ways[key].back),
            deployments=tuple(sorted(deployed_by.get(key, set()).difference(left_out))),
            failed=key in failed,
            evaluated=key in evaluated,
            by_parent=key in behind_parents,
            deployed_as=named.get(key, ()),
        )
        for level in walk.levels[1:]
        for key in level
        if key.kind is Kind.ARTIFACT and key not in left_out
    ]


def _order(each: Affected) -> tuple[bool, bool, int, int, NodeKey]:
    group = 0 if each.deployed else 1 if each.role is Role.MODEL else 2
    return each.failed, each.evaluated, group, each.distance, each.node.key


def _deploys(reader: Reader, key: NodeKey) -> bool:
    return key.kind is Kind.EXECUTION and reader.role(key) is Role.DEPLOY


def _deployments(reader: Reader, walk: Walk) -> dict[NodeKey, set[NodeKey]]:
    """Return for each artifact the executions of role deploy that read or wrote it."""
    found: dict[NodeKey, set[NodeKey]] = {}
    for row in walk.edges:
        artifact, execution = sorted((row.source, row.target))
        if _deploys(reader, execution):
            found.setdefault(artifact, set()).add(execution)
    return found


class _Reached(NamedTuple):
    """How far a node is on the way that is told, and the steps back on ways of that sort."""

    distance: int
    back: Mapping[NodeKey, NodeKey]


def _ways(reader: Reader, walk: Walk) -> dict[NodeKey, _Reached]:
    """Return the way to each node of a walk: one without runs that failed before any other."""
    flows: list[tuple[Sequence[Sequence[NodeKey]], Sequence[EdgeRow]]] = [(walk.levels, walk.edges)]
    failed = reader.failed_runs(walk)
    if failed:
        sound = [row for row in walk.edges if failed.isdisjoint((row.source, row.target))]
        near = levels_of(walk.levels[0], [(row.source, row.target) for row in sound])
        met = {key for level in near for key in level}
        flows.insert(0, (near, [row for row in sound if row.source in met]))
    ways: dict[NodeKey, _Reached] = {}
    for levels, edges in flows:
        back = steps_back(levels, edges)
        for distance, level in enumerate(levels):
            for key in level:
                ways.setdefault(key, _Reached(distance, back))
    return ways


def _on_ways(keys: Iterable[NodeKey], ways: Mapping[NodeKey, _Reached]) -> set[NodeKey]:
    """Return the keys and everything on the ways to them."""
    told: set[tuple[NodeKey, int]] = set()
    for key in keys:
        back = ways[key].back
        step: NodeKey | None = key
        while step is not None and (step, id(back)) not in told:
            told.add((step, id(back)))
            step = back.get(step)
    return {key for key, _ in told}


def _notes(reader: Reader, walk: Walk, affected: Collection[Affected]) -> tuple[str, ...]:
    failed = [each.node.key for each in affected if each.failed]
    evaluated = [each.node.key for each in affected if each.evaluated]
    notes = behind_failures("the artifacts", failed) + purged_among(reader, walk.keys)
    if evaluated:
        notes.append(f"nothing but evaluation leads to the artifacts {listed(evaluated)}")
    for type_id in sorted({reader.row(key).type_id for key in walk.keys}):
        role = reader.roles.of(type_id)
        if role is not None and reader.roles.by_name(type_id):
            name = printable(str(reader.types.by_id[type_id].type_name), limit=80)
            notes.append(f"{name} is taken for {role.words} by its name alone")
    if walk.cut is not None:
        count = len(walk.cut.frontier)
        notes.append(
            f"the answer was cut by its limit of {walk.cut.limit}: what was made from "
            f"{count} of its nodes was not all looked at, deployments included"
        )
    return tuple(notes)
