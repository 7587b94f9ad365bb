"""What is recorded around one node: each thing is read once, when a question first needs it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from lineage.answers.notebook import Part
from lineage.answers.subgraph import Copy
from lineage.contract.roles import Role
from lineage.contract.standing import Weight
from lineage.contract.walking import Direction, Limits, Walk, check_limits
from lineage.model.entities import Artifact, Context, Execution, Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.marks import is_own_property, is_said_of_a_run
from lineage.model.paths import Path, distinct_paths, paths_of
from lineage.model.purposes import Purpose, use_of
from lineage.model.rows import EdgeKind, EdgeRow
from lineage.model.system import WHY, Alias, Environment, Measurement, RunContext
from lineage.model.values import Value
from lineage.queries.copies import TwinFinder
from lineage.queries.lateness import late_inputs
from lineage.queries.libraries import frameworks_of, libraries_of
from lineage.queries.measurements import Claim, claims_of, metrics_within, newest_first
from lineage.queries.nesting import Inherited, Nesting
from lineage.queries.reader import Neighbours, Reader
from lineage.queries.uses import PRECEDENCE, purposes_upstream
from lineage.queries.walked import Walked, walked

__all__ = ["Facts", "Linked", "Metric", "Source"]


def is_parameter(name: str) -> bool:
    """Whether a custom property of a run is a parameter: it does not say how the run ended, or how it ran."""
    return name not in WHY and not is_said_of_a_run(name)


@dataclass(frozen=True, slots=True)
class Source(Part):
    """A data set that a node was made from, and how many edges lie between.

    Where a run that made the node read it directly, `use` is what the event says it was for, and
    `paths` are all its places among the inputs. `purpose` is what that means, or for data further up what
    the direct input that it leads to was for. `failed` says that no way leads there but through a run
    that failed or was canceled, `late` that it was read only after the node had been written. `by` is who
    read it where no step did itself: their parent.
    """

    node: Artifact
    distance: int
    failed: bool = False
    use: str | None = None
    purpose: Purpose | None = None
    paths: tuple[Path, ...] = ()
    by: NodeKey | None = None
    late: bool = False


@dataclass(frozen=True, slots=True)
class Metric(Part):
    """A measured value: the artifact in which it stands, and the run that wrote that.

    The artifact may be the model itself; then `run` is the newest that wrote the model. `failed` says
    that the run failed or was canceled. It was measured `of` a model and `on` data, where that is recorded.
    """

    name: str
    value: Value
    artifact: Artifact
    run: Execution | None
    failed: bool = False
    of: Artifact | None = None
    on: Artifact | None = None


@dataclass(frozen=True, slots=True)
class Linked(Part):
    """A node at the other end of an event, the event's type (such as INPUT) and its paths, the first first."""

    node: Node
    event: str
    paths: tuple[Path, ...]


class Facts:
    """What questions ask about one node, all of one moment; one that needs the `edges` upstream says so at once."""

    def __init__(
        self,
        reader: Reader,
        key: NodeKey,
        limits: Limits,
        *,
        through_copies: bool = False,
        edges: bool = False,
    ) -> None:
        check_limits(limits)
        reader.check((key,))
        self.reader = reader
        self.key = key
        self.limits = limits
        self.through_copies = through_copies and key.kind is not Kind.CONTEXT
        self.role = reader.role(key)
        self._wants_edges = edges or self.through_copies
        self._claims: dict[NodeKey, Claim] = {}
        """What is said of metrics, as far as it was read."""

    @cached_property
    def originals(self) -> tuple[NodeKey, ...]:
        """Through copies, the artifacts that runs wrote with the digest of this one, which nobody wrote."""
        if not self.through_copies:
            return ()
        twins = TwinFinder(self.reader).copies((self.reader.row(self.key),))
        return twins[self.key].originals if twins else ()

    @property
    def origin(self) -> NodeKey:
        """The node whose runs answer: the first of those, else the node itself."""
        return self.originals[0] if self.originals else self.key

    @cached_property
    def before(self) -> Neighbours:
        """The events that write the artifact, or by which the execution reads."""
        return self._beside((self.origin,), Direction.UPSTREAM)

    @cached_property
    def after(self) -> Neighbours:
        """The events by which the artifact, or its original, is read, or by which the execution writes."""
        return self._beside({self.key, self.origin}, Direction.DOWNSTREAM)

    def _beside(self, keys: Collection[NodeKey], direction: Direction) -> Neighbours:
        if self.key.kind is Kind.CONTEXT:
            return Neighbours()
        return self.reader.neighbours(keys, direction, self.limits)

    @cached_property
    def runs(self) -> tuple[NodeKey, ...]:
        """The executions that wrote the artifact, newest first; those that failed come last."""
        if self.key.kind is not Kind.ARTIFACT:
            return ()
        return self._ranked((row.source, row.time, row.first) for row in self.before.edges)

    @cached_property
    def readers(self) -> tuple[NodeKey, ...]:
        """The executions that read the artifact, newest first; those that failed come last."""
        if self.key.kind is not Kind.ARTIFACT:
            return ()
        return self._ranked((row.target, row.time, row.first) for row in self.after.edges)

    def _ranked(self, events: Iterable[tuple[NodeKey, int | None, int]]) -> tuple[NodeKey, ...]:
        """Return executions by whether they count, then by their last event, then by id."""
        last: dict[NodeKey, tuple[int, int]] = {}
        for key, time, number in events:
            moment = (self.reader.time_of(number) if time is None else time, number)
            last[key] = max(last.get(key, moment), moment)
        self.reader.read(last)
        failed = {key for key in last if self.reader.weight(key) is Weight.FAILED}
        return tuple(
            sorted(last, key=lambda key: (key not in failed, last[key], key), reverse=True)
        )

    @cached_property
    def run(self) -> NodeKey | None:
        """The execution itself, or the newest that wrote the artifact, counts and did the work.

        A cached one only where there is no other that counts, one that failed where there is none at all.
        """
        if self.key.kind is Kind.EXECUTION:
            return self.key
        self.reader.read(self.runs)
        worked = (run for run in self.runs if self.reader.weight(run) >= Weight.OPEN)
        return next(worked, self.runs[0] if self.runs else None)

    @property
    def parameters(self) -> Mapping[str, Value]:
        """The properties of the run; a declared one hides a custom one of its name."""
        if self.run is None:
            return {}
        node = self.reader.node(self.run)
        free = node.custom_properties.items()
        custom = {name: value for name, value in free if is_parameter(name)}
        return {**custom, **node.properties}

    @cached_property
    def upstream(self) -> Walk:
        """Everything that the node was made from."""
        return self._nodes_upstream.walk

    @cached_property
    def _nodes_upstream(self) -> Walked:
        if self.key.kind is Kind.CONTEXT:
            return Walked(Walk(((self.key,),), ()))
        return self._steps_upstream if self._wants_edges else self._walked(edges=False)

    @cached_property
    def _steps_upstream(self) -> Walked:
        return self._walked(edges=True)

    def _walked(self, *, edges: bool) -> Walked:
        return walked(
            self.reader,
            (self.key,),
            Direction.UPSTREAM,
            self.limits,
            edges=edges,
            through_copies=self.through_copies,
            through_steps=True,
        )

    @property
    def hops(self) -> tuple[Copy, ...]:
        """The hops through copies upstream."""
        return self._nodes_upstream.copies

    @property
    def inherited(self) -> tuple[Inherited, ...]:
        """What steps upstream that read no data set work on, as their parents read it."""
        return self._nodes_upstream.inherited

    @cached_property
    def inherited_directly(self) -> tuple[Inherited, ...]:
        """The same for the execution, or for the runs that wrote the artifact."""
        runs = (self.key,) if self.key.kind is Kind.EXECUTION else self.runs
        return tuple(self.nesting.inherited_by(runs))

    @cached_property
    def nesting(self) -> Nesting:
        """The runs within runs around the node."""
        return Nesting(self.reader, self.limits)

    @cached_property
    def steps(self) -> tuple[NodeKey, ...]:
        """The steps of an execution, by key."""
        return tuple(self.nesting.steps(self.key)) if self.key.kind is Kind.EXECUTION else ()

    @cached_property
    def parents(self) -> tuple[NodeKey, ...]:
        """The runs that an execution is a step of, by key: one, unless imports say otherwise."""
        if self.key.kind is not Kind.EXECUTION or not self.nesting.is_known:
            return ()
        return tuple(self.nesting.parents((self.key,)).get(self.key, ()))

    @cached_property
    def upstream_edges(self) -> Sequence[EdgeRow]:
        """The edges of that; most questions need none, so they are walked apart."""
        return self._steps_upstream.flow.edges

    @cached_property
    def failed_runs(self) -> frozenset[NodeKey]:
        """The runs upstream that failed."""
        self.reader.read(self.upstream.keys)
        return self.reader.failed_runs(self.upstream)

    @cached_property
    def _behind_failures(self) -> frozenset[NodeKey]:
        failed = self.failed_runs
        if not failed:
            return frozenset()
        return self.reader.behind(
            self.upstream,
            self.upstream_edges,
            Direction.UPSTREAM,
            lambda row: row.source in failed,
        )

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The data sets among that, without the node itself.

        Training data comes first, then what nothing is said of, then what was for evaluation or a base;
        what was read too late comes after that, and what only a failed run leads to last of all; each group nearest first and by key.
        """
        # What the runs that count say of an input goes before what those that failed say.
        sound = [row for row in self.inputs if row.target not in self.failed_runs]
        others = [row for row in self.inputs if row.target in self.failed_runs]
        purposes = purposes_upstream(self.reader, (sound, others), lambda: self.upstream_edges)
        told = {row.source for row in sound}
        paths: dict[NodeKey, tuple[Path, ...]] = {}
        for row in (*sound, *(row for row in others if row.source not in told)):
            paths[row.source] = paths.get(row.source, ()) + paths_of(row.paths)
        behind = self._nodes_upstream.inherited and self._steps_upstream.behind_parents(
            self.reader, Direction.UPSTREAM
        )
        by_parents = {
            each.data: each.parent for each in reversed(self.inherited) if each.data in behind
        }
        sources = [
            Source(
                node=self.reader.artifact(key),
                distance=distance,
                failed=key in self._behind_failures,
                use=use_of(paths.get(key, ())),
                purpose=purposes.get(key),
                paths=paths.get(key, ()),
                by=by_parents.get(key),
                late=key in self.late_inputs,
            )
            for distance, level in enumerate(self.upstream.levels)
            for key in level
            if key.kind is Kind.ARTIFACT
            and key != self.key
            and self.reader.role(key) is Role.DATASET
        ]
        order = PRECEDENCE.index
        return tuple(
            sorted(sources, key=lambda each: (each.failed, each.late, order(each.purpose)))
        )

    @cached_property
    def late_inputs(self) -> Mapping[NodeKey, bool]:
        """The data that the runs read only after they had written the artifact, see `late_inputs`."""
        if self.key.kind is not Kind.ARTIFACT:
            return {}
        return late_inputs(self.reader, self.before.edges, self.inputs)

    @cached_property
    def inputs(self) -> tuple[EdgeRow, ...]:
        """The events by which the execution, or the runs that wrote the artifact, read."""
        if self.key.kind is Kind.EXECUTION:
            read = self.before.edges
        else:
            read = self.reader.neighbours(self.runs, Direction.UPSTREAM, self.limits).edges
        return (*read, *(each.row for each in self.inherited_directly))

    @cached_property
    def input_paths(self) -> Mapping[NodeKey, tuple[Path, ...]]:
        """Where among the inputs of the run that made the node each stood; in each way once."""
        found: dict[NodeKey, tuple[Path, ...]] = {}
        for row in self.inputs:
            if row.target == self.run:
                found[row.source] = (*found.get(row.source, ()), *paths_of(row.paths))
        return {key: distinct_paths(paths) for key, paths in found.items()}

    @cached_property
    def outputs(self) -> Mapping[NodeKey, tuple[NodeKey, ...]]:
        """What each run and each reader wrote, by key; for an execution what it wrote itself."""
        if self.key.kind is Kind.EXECUTION:
            return _targets(self.after.edges)
        return _targets(self._written.edges)

    @property
    def is_outputs_cut(self) -> bool:
        """Whether the runs and readers wrote more than was read."""
        return self.key.kind is Kind.ARTIFACT and self._written.cut

    @cached_property
    def _written(self) -> Neighbours:
        runs = (*self.runs, *(self.readers if self.role is Role.MODEL else ()))
        return self.reader.neighbours(runs, Direction.DOWNSTREAM, self.limits)

    @cached_property
    def evaluators(self) -> tuple[NodeKey, ...]:
        """The readers that wrote metrics of the model, newest first: those that made no other model."""
        return tuple(run for run in self._measuring if not self._made_another(run))

    @cached_property
    def other_trainings(self) -> tuple[NodeKey, ...]:
        """The readers that wrote metrics, and made another model, whose metrics those are."""
        return tuple(run for run in self._measuring if self._made_another(run))

    @cached_property
    def _measuring(self) -> tuple[NodeKey, ...]:
        if self.role is not Role.MODEL:
            return ()
        outputs = self.outputs
        self.reader.read(key for keys in outputs.values() for key in keys)
        self.reader.read(self.readers)
        readers = (run for run in self.readers if run not in self.runs)
        return tuple(run for run in readers if self._of_role(run, Role.METRICS))

    def _made_another(self, run: NodeKey) -> bool:
        return self.reader.role(run) is Role.TRAIN or bool(self.models_of(run))

    def models_of(self, run: NodeKey) -> list[NodeKey]:
        """Return the models that a run wrote; what is of the node's own type counts as one."""
        own = self.reader.type(self.key).name if self.role is Role.MODEL else None
        return [
            key
            for key in self.outputs.get(run, ())
            if self.reader.role(key) is Role.MODEL or self.reader.type(key).name == own
        ]

    def _of_role(self, run: NodeKey, role: Role) -> list[NodeKey]:
        return [key for key in self.outputs.get(run, ()) if self.reader.role(key) is role]

    @cached_property
    def inputs_of_evaluators(self) -> Mapping[NodeKey, tuple[NodeKey, ...]]:
        """The models that each evaluator read."""
        read = self.reader.neighbours(self.evaluators, Direction.UPSTREAM, self.limits)
        found: dict[NodeKey, list[NodeKey]] = {}
        self.reader.read(row.source for row in read.edges)
        for row in read.edges:
            if self.reader.role(row.source) is Role.MODEL:
                found.setdefault(row.target, []).append(row.source)
        return {run: tuple(dict.fromkeys(keys)) for run, keys in found.items()}

    @cached_property
    def measurements(self) -> Mapping[NodeKey, NodeKey | None]:
        """The artifacts that hold metrics of the node and their runs, the producers' first.

        Without what is said to be of another model. What others measured comes newest first.
        """
        if self.key.kind is Kind.EXECUTION:
            runs: tuple[NodeKey, ...] = (self.key,)
        elif self.role in (Role.MODEL, None):
            runs = (*self.runs, *self.evaluators)
        else:
            return {}
        self.reader.read((*runs, *(key for run in runs for key in self.outputs.get(run, ()))))
        first: dict[NodeKey, NodeKey | None] = {}
        for run in sorted(runs, key=lambda run: self.reader.weight(run) is Weight.FAILED):
            for key in self._of_role(run, Role.METRICS):
                first.setdefault(key, run)
        if self.role is not Role.MODEL:
            return first
        own = {None, self.key, *self.originals}
        kept = {
            key: run
            for key, run in first.items()
            if self._claims_of(first).get(key, Claim()).model in own
        }
        said = [
            key for key in metrics_within(self.reader, self._measuring_contexts) if key not in first
        ]
        written = sorted(self.reader.neighbours(said, Direction.UPSTREAM, self.limits).edges)
        writers: dict[NodeKey, NodeKey] = {row.target: row.source for row in written}
        self.reader.read(writers.values())
        own_runs = {key: run for key, run in kept.items() if run in self.runs}
        others = kept | {key: writers.get(key) for key in said}
        measured = [(row.source, row) for row in written if row.source not in self.readers]
        events = [*((row.target, row) for row in self.after.edges), *measured]
        return own_runs | newest_first(self.reader, others, events)

    @property
    def measuring_whatever(self) -> frozenset[NodeKey | None]:
        """The runs of those artifacts of which nothing says which model was measured."""
        claims = self._claims_of(self.measurements)
        return frozenset(run for key, run in self.measurements.items() if claims[key].model is None)

    @property
    def _measuring_contexts(self) -> tuple[NodeKey, ...]:
        return self.containing[: self.limits.nodes]

    def _claims_of(self, metrics: Iterable[NodeKey]) -> Mapping[NodeKey, Claim]:
        missing = [key for key in metrics if key not in self._claims]
        if missing:
            self._claims |= {**dict.fromkeys(missing, Claim()), **claims_of(self.reader, missing)}
        return self._claims

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """The values in those that were not deleted, by artifact and name, then a model's own floats.

        Whole numbers of a model are rather its version or its depth.
        """
        found = []
        claims = self._claims_of(self.measurements)
        for key, run in self.measurements.items():
            if self.reader.gone(key):
                continue
            artifact = self.reader.artifact(key)
            model, data = (
                None if each is None else self.reader.artifact(each) for each in claims[key]
            )
            values = {**artifact.custom_properties, **artifact.properties}
            found += [
                Metric(
                    name,
                    values[name],
                    artifact,
                    run=None if run is None else self.reader.execution(run),
                    failed=run is not None and self.reader.weight(run) is Weight.FAILED,
                    of=model,
                    on=data,
                )
                for name in sorted(values)
                if not is_own_property(name)
            ]
        return (*found, *self._own_numbers())

    def _own_numbers(self) -> list[Metric]:
        if self.role is not Role.MODEL:
            return []
        model = self.reader.artifact(self.key)
        run = self.reader.execution(self.run) if self.run is not None else None
        values = {**model.custom_properties, **model.properties}
        return [
            Metric(name, values[name], model, run)
            for name in sorted(values)
            if type(values[name]) is float and not is_own_property(name)
        ]

    @cached_property
    def _context_edges(self) -> list[EdgeRow]:
        if self.key.kind is Kind.CONTEXT:
            return self.reader.edges((self.key,), Direction.BOTH, {EdgeKind.PARENT})
        keys = (self.key,) if self.run in (self.key, None) else (self.key, self.run)
        return self.reader.edges(cast(tuple[NodeKey, ...], keys), Direction.UPSTREAM)

    @cached_property
    def containing(self) -> tuple[NodeKey, ...]:
        """What the node belongs to, environments included; of a context its parents and children."""
        if self.key.kind is Kind.CONTEXT:
            pairs = [(row.source, row.target) for row in self._context_edges if _is_parent(row)]
            found = {end for pair in pairs for end in pair} - {self.key}
        else:
            found = {row.source for row in self._context_edges if row.target == self.key}
        return tuple(sorted(found))

    @cached_property
    def contexts(self) -> tuple[Context, ...]:
        """The first of those, by key, without aliases, environments, measurements, and runs with their steps."""
        kept = self.containing[: self.limits.nodes]
        self.reader.read(kept)
        own = (Alias, Environment, Measurement, RunContext)
        hidden = frozenset().union(*(self.reader.types.ids(cls) for cls in own))
        shown = [key for key in kept if self.reader.row(key).type_id not in hidden]
        return tuple(self.reader.context(key) for key in shown)

    @cached_property
    def members(self) -> tuple[NodeKey, ...]:
        """The artifacts and executions that belong to a context, the first by key."""
        return self._member_page[: self.limits.nodes]

    @property
    def has_more_members(self) -> bool:
        """Whether more than the limit of nodes belong to a context."""
        return len(self._member_page) > len(self.members)

    @cached_property
    def _member_page(self) -> tuple[NodeKey, ...]:
        if self.key.kind is not Kind.CONTEXT:
            return ()
        kinds = {EdgeKind.ASSOCIATION, EdgeKind.ATTRIBUTION}
        most = None if self.limits.nodes is None else self.limits.nodes + 1
        page = self.reader.edge_page(self.key, Direction.DOWNSTREAM, kinds, limit=most)
        return tuple(row.target for row in page)

    @cached_property
    def environments(self) -> tuple[NodeKey, ...]:
        """The environments that the run is associated with, newest first."""
        found = [row.source for row in self._context_edges if row.target == self.run]
        self.reader.read(found)
        return tuple(sorted(filter(self._is_environment, found), reverse=True))

    def _is_environment(self, key: NodeKey) -> bool:
        return self.reader.type(key).type_name == Environment.type_name

    @cached_property
    def environment(self) -> Environment | None:
        """Where the run ran; None where that was not recorded."""
        if not self.environments:
            return None
        return cast(Environment, self.reader.node(self.environments[0], Environment))

    @property
    def libraries(self) -> Mapping[str, str]:
        """The versions of the libraries that were in use, by name."""
        return libraries_of(self.environment)

    @property
    def frameworks(self) -> Mapping[str, str]:
        """The frameworks among them that count, as `frameworks_of` says."""
        return frameworks_of(self.environment)

    def prefetch(self) -> None:
        """Read, in two calls, the nodes that a summary needs: which run counts is known after the first."""
        near = {end for side in (self.before, self.after) for row in side.edges for end in row[:2]}
        self.reader.read({*near, *self.upstream.keys})
        containing = {row.source for row in self._context_edges if not _is_parent(row)}
        written = {key for outputs in self.outputs.values() for key in outputs}
        self.reader.read(containing | written)

    def linked(self, rows: Iterable[EdgeRow]) -> tuple[Linked, ...]:
        """Return the other ends of events of an execution, by key."""
        return tuple(
            sorted(
                (self._link(row) for row in rows),
                key=lambda link: (link.node.key, link.event),
            )
        )

    def _link(self, row: EdgeRow) -> Linked:
        other = row.source if row.target == self.key else row.target
        return Linked(self.reader.node(other), row.kind.name, paths_of(row.paths))


def _is_parent(row: EdgeRow) -> bool:
    return row.kind is EdgeKind.PARENT


def _targets(rows: Iterable[EdgeRow]) -> dict[NodeKey, tuple[NodeKey, ...]]:
    """Return what each execution wrote, by key, each artifact once."""
    found: dict[NodeKey, dict[NodeKey, None]] = {}
    for row in sorted(rows):
        found.setdefault(row.source, {})[row.target] = None
    return {run: tuple(keys) for run, keys in found.items()}
