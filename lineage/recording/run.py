"""The run handle: records one execution while it goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from types import TracebackType
from typing import Generic, NamedTuple, Self, TypeVar, cast, overload

from typing_extensions import override

from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.transaction import Author, Transaction
from lineage.contract.walking import Direction
from lineage.errors import Invalid
from lineage.model.canonical import decode, encode
from lineage.model.entities import Artifact, Context, Execution, ExecutionState
from lineage.model.keys import Kind, NodeKey, to_step
from lineage.model.marks import UNMARKED, Marks
from lineage.model.notebook import Shown
from lineage.model.paths import Path, with_path
from lineage.model.rows import STATE_NUMBERS, Batch, EdgeKey, EdgeKind, EdgeRow, NodeRow, entity_of
from lineage.model.system import WHY, Asset, Environment, Metrics
from lineage.model.values import NO_PROPERTIES, Properties, to_properties, to_text
from lineage.recording.edges import new_edges
from lineage.recording.endings import ending_of, further
from lineage.recording.environment import capture
from lineage.recording.identity import Wanted, settle, warn_of
from lineage.recording.marking import marked_row
from lineage.recording.measurements import Subject, claim, completed, subject_of, subjects_of
from lineage.recording.named import check_type_name, named_node, to_parameters, with_values
from lineage.recording.nodes import live_rows, stamp
from lineage.recording.record import (
    Contexts,
    event_edge,
    event_key,
    given_nodes,
    member_edge,
    moment,
    node_of_kind,
    record,
    to_execution,
)
from lineage.recording.steps import add_step

__all__ = ["Run"]

ExecutionT = TypeVar("ExecutionT", bound=Execution)
ExecutionT_co = TypeVar("ExecutionT_co", bound=Execution, covariant=True)
ArtifactT = TypeVar("ArtifactT", bound=Artifact)
_LOGGER = logging.getLogger("lineage")
_RUNNING = STATE_NUMBERS[ExecutionState.RUNNING]


class Written(NamedTuple):
    """Metrics that a run wrote, what says what they are for, and in which transaction: None is one of the past.

    After a rollback others get their ids.
    """

    key: NodeKey
    context: NodeKey | None
    transaction: Transaction | None


class Run(Shown, Generic[ExecutionT_co]):
    """What `Store.run` returns; several threads may record in one run side by side.

    Every call is a transaction of its own, so that what it returned is stored. A run inside
    `with store.transaction():` is part of that instead: nothing of it is stored before the end.
    """

    def __init__(
        self,
        backend: Backend,
        execution: ExecutionT_co | str,
        author: Author,
        *,
        params: Properties = NO_PROPERTIES,
        within: Contexts,
        environment: bool,
        marks: Marks = UNMARKED,
        joins: Callable[[Transaction, NodeKey], list[str]] | None = None,
    ) -> None:
        self._check_new(execution)
        self._backend = backend
        self._given = execution
        self._params = params
        self._marks = marks
        # A name stands for a plain execution, which is what callers of its overloads expect.
        self._execution = cast(ExecutionT_co, to_execution(execution))
        self._author = author
        self._within = _contexts(within)
        self._captures = environment
        self._joins = joins
        self._key: NodeKey | None = None
        self._begun: Transaction | None = None
        self._ended = False
        self._contexts: tuple[NodeKey, ...] = ()
        self._environment: NodeKey | None = None
        self._captured: Environment | None = None
        self._metrics: dict[Subject, Written] = {}
        self._notes: dict[str, None] = {}

    @staticmethod
    def _check_new(execution: object) -> None:
        """Raise `Invalid` for what cannot begin."""
        state = to_execution(execution).state
        if state is not None:
            raise Invalid(f"a run sets its state by itself; leave {state} out")

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was recorded otherwise than it might seem, such as which artifact was taken."""
        return tuple(self._notes)

    @property
    def execution(self) -> ExecutionT_co:
        """The execution as this handle last stored it."""
        return self._execution

    @property
    def key(self) -> NodeKey:
        """The execution's key; `Invalid` before the run is entered."""
        if self._key is None:
            raise Invalid("the run has not begun; enter it: with store.run(...) as run:")
        return self._key

    @override
    def _html(self) -> str:
        # Its own HTML, which is escaped: a run is shown as its execution is.
        return self._execution._repr_html_()

    def __enter__(self) -> Self:
        if self._key is not None:
            raise Invalid(f"{self._key} was entered before; store.run(...) makes another run")
        self._captured = capture() if self._captures else None
        with self._transaction() as transaction:
            begun = record(
                self._backend,
                self._given,
                self._author,
                params=self._params,
                marks=self._marks,
                within=[*self._within, *([self._captured] if self._captured else [])],
                state=ExecutionState.RUNNING,
            )
            if self._joins is not None:
                self._note(self._joins(transaction, begun.execution.key))
        self._note(begun.notes)
        self._contexts = begun.shared_contexts
        self._environment = begun.environments[-1] if self._captured else None
        self._execution = begun.execution
        self._key, self._begun = begun.execution.key, transaction
        return self

    @overload
    def input(
        self,
        artifact: ArtifactT,
        *,
        use: str | None = None,
        path: str | int | Path = (),
        asset: str | None = None,
        time: datetime | str | None = None,
        tags: Iterable[str] = (),
        note: str | None = None,
    ) -> ArtifactT: ...
    @overload
    def input(
        self,
        artifact: NodeKey,
        *,
        use: str | None = None,
        path: str | int | Path = (),
        asset: str | None = None,
        time: datetime | str | None = None,
        tags: Iterable[str] = (),
        note: str | None = None,
    ) -> Artifact: ...
    @overload
    def input(
        self,
        artifact: str,
        *,
        use: str | None = None,
        path: str | int | Path = (),
        asset: str | None = None,
        time: datetime | str | None = None,
        tags: Iterable[str] = (),
        note: str | None = None,
        **fields: object,
    ) -> Artifact: ...
    def input(
        self,
        artifact: Artifact | NodeKey | str,
        *,
        use: str | None = None,
        path: str | int | Path = (),
        asset: str | None = None,
        time: datetime | str | None = None,
        tags: Iterable[str] = (),
        note: str | None = None,
        **fields: object,
    ) -> Artifact:
        """Record that the run reads an artifact; return it as it is stored.

        It is the stored artifact of its id, external id, name, or URI and digest, else the newest
        of its URI with equal properties, else a new one. `use` says what for, as in "train", and
        `path` where among the inputs; the use is the path's first step. To read it again in another
        way adds a path to its event. `asset` names what it is a version of, `time` when it was read,
        if that is not now. It gets the tags and the note, also where it is stored already. A text is the name
        of its type, which is made where there is none, and `fields` are then its name, uri and properties.
        """
        return self._add(
            _artifact(artifact, fields, "input"),
            "input",
            (*_use(use), *_steps(path)),
            named=isinstance(artifact, str),
            asset=asset,
            time=moment(time, "time"),
            marks=Marks.of(tags, note),
        )

    @overload
    def output(
        self,
        artifact: ArtifactT,
        *,
        path: str | int | Path = (),
        asset: str | None = None,
        time: datetime | str | None = None,
        tags: Iterable[str] = (),
        note: str | None = None,
    ) -> ArtifactT: ...
    @overload
    def output(
        self,
        artifact: NodeKey,
        *,
        path: str | int | Path = (),
        asset: str | None = None,
        time: datetime | str | None = None,
        tags: Iterable[str] = (),
        note: str | None = None,
    ) -> Artifact: ...
    @overload
    def output(
        self,
        artifact: str,
        *,
        path: str | int | Path = (),
        asset: str | None = None,
        time: datetime | str | None = None,
        tags: Iterable[str] = (),
        note: str | None = None,
        **fields: object,
    ) -> Artifact: ...
    def output(
        self,
        artifact: Artifact | NodeKey | str,
        *,
        path: str | int | Path = (),
        asset: str | None = None,
        time: datetime | str | None = None,
        tags: Iterable[str] = (),
        note: str | None = None,
        **fields: object,
    ) -> Artifact:
        """Record that the run wrote an artifact; return it as it is stored.

        It is a new one, unless id, external id, name, or URI and digest are those of a stored one. `time`
        is when it was written, if that is not now. It gets the tags and the note, also where it is stored already.
        A text is the name of its type, which is made where there is none, and `fields` are then its name, uri and
        properties.
        """
        return self._add(
            _artifact(artifact, fields, "output"),
            "output",
            _steps(path),
            named=isinstance(artifact, str),
            asset=asset,
            time=moment(time, "time"),
            marks=Marks.of(tags, note),
        )

    def log_metrics(
        self,
        values: Mapping[str, object] | None = None,
        /,
        *,
        of: Artifact | NodeKey | None = None,
        on: Artifact | NodeKey | None = None,
        **more: object,
    ) -> Metrics:
        """Record measurements; return the artifact that holds all of them so far of that model and data.

        Values are numbers. A name that is given again replaces the value; history keeps the old. They are
        measured `of` a model, and `on` a data set. What is left out is, when the run ends, its only model
        and its only evaluation data; where there are several, or none, nothing is claimed.
        """
        self._check_open()
        measured = _numbers(values, more)
        with self._transaction() as transaction:
            transaction.lock()
            subject = subject_of(self._backend, of, on)
            row = self._known_metrics(transaction, subject)
            if row is None:
                stored = self._add(Metrics(custom_properties=measured), "output")
                context = None
                if subject.parts:
                    context = claim(self._backend, transaction, stored.key, subject)
                self._metrics[subject] = Written(stored.key, context, transaction)
                return stored
            custom = encode({**decode(row.custom), **measured})
            changed = self._changed(transaction, row, row._replace(custom=custom))
        return cast(Metrics, entity_of(changed, registry(self._backend).by_id, Metrics))

    def log_params(self, values: Mapping[str, object] | None = None, /, **more: object) -> None:
        """Record parameters of the run, at any time before it ends, as in `run.log_params(depth=3)`.

        They are properties of the execution, as far as its type declares them, and custom properties else. A name
        that is given again replaces the value; history keeps the old. `Invalid` for a value that the type does
        not allow, and for names that begin with `lineage.`.
        """
        self._check_open()
        params = to_parameters(values, more)
        if not params:
            raise Invalid("log_params needs a value, as in run.log_params(depth=3)")
        with self._transaction() as transaction:
            transaction.lock()
            row = live_rows(self._backend, [self.key])[self.key]
            types = registry(self._backend).by_id
            row = self._changed(transaction, row, with_values(types[row.type_id], row, params))
        self._execution = cast(ExecutionT_co, entity_of(row, types, type(self._execution)))

    @overload
    def step(
        self,
        execution: ExecutionT,
        *,
        params: Mapping[str, object] | None = None,
        within: Contexts = (),
        tags: Iterable[str] = (),
        note: str | None = None,
        message: str | None = None,
    ) -> Run[ExecutionT]: ...
    @overload
    def step(
        self,
        execution: str,
        *,
        params: Mapping[str, object] | None = None,
        within: Contexts = (),
        tags: Iterable[str] = (),
        note: str | None = None,
        message: str | None = None,
    ) -> Run[Execution]: ...
    def step(
        self,
        execution: Execution | str,
        *,
        params: Mapping[str, object] | None = None,
        within: Contexts = (),
        tags: Iterable[str] = (),
        note: str | None = None,
        message: str | None = None,
    ) -> Run[Execution]:
        """Return another run, of a part of this one, in the same contexts and more if given.

        A step that reads no data set is taken to work on what this run read. Once it has a step, this
        run's execution has a custom property more, `lineage.run`.
        """
        self._check_open()
        author = self._author if message is None else Author(self._author.actor, to_text(message))
        return Run(
            self._backend,
            execution,
            author,
            params=to_parameters(params, {}),
            within=[*self._live_contexts(), *_contexts(within)],
            environment=self._captures,
            marks=Marks.of(tags, note),
            joins=self._take,
        )

    def _take(self, transaction: Transaction, step: NodeKey) -> list[str]:
        """Make an execution a step of this run; return what is to be said of it."""
        self._check_begun(transaction)
        row = add_step(self._backend, transaction, self.key, step)
        if row is None:
            return [f"{self.key} was deleted, so that {step} is no step of it"]
        cls = type(self._execution)
        self._execution = cast(ExecutionT_co, entity_of(row, registry(self._backend).by_id, cls))
        return []

    def __exit__(
        self,
        _: type[BaseException] | None,
        error: BaseException | None,
        __: TracebackType | None,
    ) -> None:
        state, why = ending_of(error)
        self._ended = True
        try:
            self._end(STATE_NUMBERS[state], why)
        except Exception as failure:
            if error is None:
                raise
            # What the caller has to see is their own error; ours goes along as a note.
            said = f"lineage could not record that {self.key} ended as {state}: {type(failure).__name__}: {failure}"
            with suppress(Exception):  # an exception may be frozen, and then takes no note
                error.add_note(said)
            _LOGGER.warning("%s could not be recorded as %s", self.key, state, exc_info=failure)

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        with self._backend.transaction(
            actor=self._author.actor, message=self._author.message
        ) as transaction:
            self._check_begun(transaction)
            yield transaction

    def _check_begun(self, transaction: Transaction) -> None:
        """Raise `Invalid` where a transaction does not know the run: after a rollback another node may get its key."""
        begun = self._begun
        if begun is not None and begun is not transaction and not begun.committed:
            raise Invalid(
                f"the transaction in which {self.key} began is not committed, or was rolled back; "
                "store.run(...) makes another run"
            )

    def _check_open(self) -> None:
        key = self.key
        if self._ended:
            raise Invalid(f"{key} has ended; record in it before the end of its block")

    def _add(
        self,
        artifact: ArtifactT | NodeKey,
        role: str,
        path: Path = (),
        *,
        named: bool = False,
        asset: str | None = None,
        time: int | None = None,
        marks: Marks = UNMARKED,
    ) -> ArtifactT:
        self._check_open()
        wanted = [Wanted(node_of_kind(artifact, Kind.ARTIFACT, role), role, named=named)]
        if asset is not None:
            wanted.append(Wanted(Asset(name=asset), "context"))
        with self._transaction() as transaction:
            transaction.lock()
            settled = settle(self._backend, transaction, wanted, reader=self.key)
            row, changed = settled.rows[0], []
            if any(marks) and (new := marked_row(transaction, row, marks.on)) is not row:
                if row in settled.new:
                    settled.replace(row, new)
                else:
                    changed.append(new)
                row = new
            live = self._live_contexts()
            contexts = (*live, *(each.key for each in settled.rows[1:]))
            key = event_key(role, self.key, row.key)
            stored = self._stored_event(key)
            edges, updates = [], []
            if stored is None:
                edges.append(event_edge(transaction, key, path, time))
            elif (paths := with_path(stored.paths, path)) != stored.paths:
                updates.append(stored._replace(paths=paths, since=transaction.number))
            edges += [member_edge(transaction, context, row.key) for context in contexts]
            fresh = {each.key for each in settled.new}
            batch = Batch(
                nodes=settled.new,
                updates=changed,
                edges=new_edges(self._backend, transaction, edges, fresh),
                edge_updates=updates,
            )
            transaction.write(batch, live={*live, *(each.key for each in settled.rows)})
        new_notes = [note for note in settled.notes if note not in self._notes]
        warn_of(new_notes)
        self._note(new_notes)
        cls = None if isinstance(artifact, NodeKey) else type(artifact)
        return cast(ArtifactT, entity_of(row, settled.types.known.by_id, cls))

    def _live_contexts(self) -> list[NodeKey]:
        """Return what the run's artifacts and steps belong to as well, but for what was deleted meanwhile."""
        live = self._backend.live(self._contexts) if self._contexts else ()
        return [key for key in self._contexts if key in live]

    def _note(self, notes: Iterable[str]) -> None:
        self._notes.update(dict.fromkeys(notes))

    def _stored_event(self, key: EdgeKey) -> EdgeRow | None:
        """Return an event that the run has already."""
        if not self._backend.existing_edges([key]):
            return None
        direction = Direction.UPSTREAM if key.target == self.key else Direction.DOWNSTREAM
        rows = self._backend.edges([self.key], direction, kinds=[key.kind])
        return next(row for row in rows if row.key == key)

    def _known_metrics(self, transaction: Transaction, subject: Subject) -> NodeRow | None:
        """Return the metrics that this run wrote for a subject, unless they were rolled back or deleted."""
        if subject not in self._metrics:
            return None
        key, _, writer = self._metrics[subject]
        if writer not in (None, transaction) and not writer.committed:
            return None
        row = self._backend.nodes([key]).get(key)
        return None if row is None or row.gone else row

    def _complete_claims(self, transaction: Transaction) -> None:
        """Say of metrics, also of those that workers wrote, what they were measured of and on, where nobody said it."""
        for subject, (key, context) in subjects_of(self._backend, self.key).items():
            if all(subject):
                continue
            whole = completed(self._backend, subject, self.key)
            if whole != subject and (subject.parts or all(whole)):
                claim(self._backend, transaction, key, whole, context)

    def _changed(self, transaction: Transaction, row: NodeRow, changed: NodeRow) -> NodeRow:
        """Write a new version of a node, if it differs, and return it."""
        if changed == row:
            return row
        changed = stamp(transaction, changed._replace(updated=transaction.time))
        transaction.write(Batch(updates=[changed]))
        return changed

    def _end(self, state: int, why: Mapping[str, str]) -> None:
        """Write how the run ended, unless somebody else gave it a state meanwhile."""
        with self._transaction() as transaction:
            transaction.lock()
            row = live_rows(self._backend, [self.key])[self.key]
            if self._may_become(row, state):
                kept = {name: said for name, said in decode(row.custom).items() if name not in WHY}
                ended = row._replace(state=state, custom=encode({**kept, **why}))
                row = self._changed(transaction, row, ended)
            self._follow_environment(transaction)
            if self._is_last():
                self._complete_claims(transaction)
        cls = type(self._execution)
        self._execution = cast(ExecutionT_co, entity_of(row, registry(self._backend).by_id, cls))

    def _is_last(self) -> bool:
        """Whether the end of the block is that of the run."""
        return True

    def _may_become(self, row: NodeRow, state: int) -> bool:
        """Whether the end of the block gives the run a state: in place of one that an extension's end gave it, too."""
        failed_elsewhere = any(name in decode(row.custom) for name in WHY)
        return row.state == _RUNNING or (
            failed_elsewhere and further(row.state, state) != row.state
        )

    def _follow_environment(self, transaction: Transaction) -> None:
        """Associate the environment as it is at the end, if more libraries were imported meanwhile."""
        now = capture() if self._environment is not None else None
        if (
            now is None
            or self._environment is None
            or now.name == cast(Environment, self._captured).name
        ):
            return
        settled = settle(self._backend, transaction, [Wanted(now, "context")])
        before = EdgeKey(self._environment, self.key, EdgeKind.ASSOCIATION)
        if self._backend.existing_edges([before]):
            transaction.end([before])
        after = [member_edge(transaction, settled.rows[0].key, self.key)]
        fresh = {row.key for row in settled.new}
        edges = new_edges(self._backend, transaction, after, fresh)
        transaction.write(Batch(nodes=settled.new, edges=edges))


def _contexts(within: Contexts) -> list[Context | NodeKey]:
    return [
        cast(Context | NodeKey, node_of_kind(node, Kind.CONTEXT, "context"))
        for _, node in given_nodes(within)
    ]


def _artifact(
    artifact: ArtifactT | NodeKey | str, fields: Mapping[str, object], role: str
) -> ArtifactT | NodeKey:
    """Return an artifact as it is given, or the one that the name of a type and some fields describe."""
    if isinstance(artifact, str):
        name = check_type_name(artifact, f"run.{role}('Model', uri='s3://models/7')")
        return cast(ArtifactT, named_node(Kind.ARTIFACT, name, fields))
    if fields:
        raise Invalid(
            f"{next(iter(fields))}= goes with the name of a type, as in run.{role}('Model', uri='s3://models/7'); give "
            "it to the artifact itself"
        )
    return artifact


def _steps(path: object) -> Path:
    return tuple(map(to_step, path if isinstance(path, tuple | list) else (path,)))


def _use(use: object) -> Path:
    if use is None:
        return ()
    if not isinstance(use, str) or not use:
        raise Invalid(
            f"use={use!r:.80}: give a word for what it is used for, as in use='train', or leave it out"
        )
    return (to_text(use),)


def _numbers(values: Mapping[str, object] | None, more: Mapping[str, object]) -> Properties:
    if not isinstance(values, Mapping | None):
        raise Invalid(f"{values!r:.80} holds no metrics; give a mapping of names to numbers")
    checked = to_properties({**(values or {}), **more})
    for name, value in checked.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Invalid(
                f"the metric {name!r:.80} is {value!r:.80}, not a number; describe it in an artifact of its own"
            )
    if not checked:
        raise Invalid("log_metrics needs a value, as in run.log_metrics(accuracy=0.93)")
    return checked
