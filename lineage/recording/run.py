"""The run handle: records one execution while it goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Generic, Self, TypeVar, cast, overload

from typing_extensions import override

from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.transaction import Author, Transaction
from lineage.errors import Invalid, excerpt
from lineage.model.canonical import decode, encode
from lineage.model.entities import Artifact, Context, Execution, ExecutionState
from lineage.model.keys import Kind, NodeKey, to_step
from lineage.model.marks import UNMARKED, Marks
from lineage.model.notebook import Shown
from lineage.model.paths import Path
from lineage.model.rows import STATE_NUMBERS, Batch, EdgeKey, EdgeKind, NodeRow, entity_of
from lineage.model.system import WHY, Environment
from lineage.model.values import NO_PROPERTIES, Properties, to_properties, to_text
from lineage.recording.autologging import Autologging, autologging
from lineage.recording.current import entered, left
from lineage.recording.details import details
from lineage.recording.edges import new_edges
from lineage.recording.endings import ending_of, further
from lineage.recording.environment import capture
from lineage.recording.identity import Wanted, settle
from lineage.recording.measuring import Measuring
from lineage.recording.named import check_type_name, named_node, to_parameters, with_values
from lineage.recording.nodes import live_rows
from lineage.recording.record import (
    Contexts,
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
_RUNNING, _CACHED = (
    STATE_NUMBERS[state] for state in (ExecutionState.RUNNING, ExecutionState.CACHED)
)


class Run(Shown, Measuring, Generic[ExecutionT_co]):
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
        with_details: bool = False,
        marks: Marks = UNMARKED,
        joins: Callable[[Transaction, NodeKey], list[str]] | None = None,
    ) -> None:
        self._check_new(execution)
        super().__init__(backend, author)
        self._given = execution
        self._params = params
        self._marks = marks
        # A name stands for a plain execution, which is what callers of its overloads expect.
        self._execution = cast(ExecutionT_co, to_execution(execution))
        self._within = _contexts(within)
        self._captures = environment
        self._details = with_details
        self._joins = joins
        self._own: dict[str, object] = {}
        self._environment: NodeKey | None = None
        self._captured: Environment | None = None

    @staticmethod
    def _check_new(execution: object) -> None:
        """Raise `Invalid` for what cannot begin."""
        state = to_execution(execution).state
        if state is not None:
            raise Invalid(f"a run sets its state by itself; leave {state} out")

    @property
    def execution(self) -> ExecutionT_co:
        """The execution as this handle last stored it."""
        return self._execution

    @override
    def _html(self) -> str:
        # Its own HTML, which is escaped: a run is shown as its execution is.
        return self._execution._repr_html_()

    def __enter__(self) -> Self:
        if self._key is not None:
            raise Invalid(f"{self._key} was entered before; store.run(...) makes another run")
        self._captured = capture() if self._captures else None
        own = details() if self._details else {}
        with self._transaction() as transaction:
            begun = record(
                self._backend,
                self._given,
                self._author,
                params=Properties({**self._params, **own, **self._own}),
                marks=self._marks,
                within=[*self._within, *([self._captured] if self._captured else [])],
                state=ExecutionState.RUNNING,
            )
            if self._joins is not None:
                self.remark(self._joins(transaction, begun.execution.key))
        self.remark(begun.notes)
        self._contexts = begun.shared_contexts
        self._environment = begun.environments[-1] if self._captured else None
        self._execution = begun.execution
        self._key, self._begun = begun.execution.key, transaction
        entered(self)
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

        It is the stored artifact of its id, external id, name, URI and digest, or of its digest where that is all
        that tells which one it is, else the newest of its URI with equal properties, else a new one. `use` says what for, as in "train", and
        `path` where among the inputs; the use is the path's first step. To read it again in another
        way adds a path to its event. `asset` names what it is a version of, `time` when it was read,
        if that is not now. It gets the tags and the note, also where it is stored already. A text is the name
        of its type, which is made where there is none, and `fields` are then its name, uri and properties.
        """
        self._check_open()
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

        It is a new one, unless id, external id, name, URI and digest, or a digest alone, are those of a stored one. `time`
        is when it was written, if that is not now. It gets the tags and the note, also where it is stored already.
        A text is the name of its type, which is made where there is none, and `fields` are then its name, uri and
        properties.
        """
        self._check_open()
        return self._add(
            _artifact(artifact, fields, "output"),
            "output",
            _steps(path),
            named=isinstance(artifact, str),
            asset=asset,
            time=moment(time, "time"),
            marks=Marks.of(tags, note),
        )

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
        self._log(params)

    def keep(self, values: Mapping[str, object]) -> None:
        """Keep some of the engine's own properties with the execution, whether it has begun yet or not."""
        if self._key is None:
            self._own.update(values)
        else:
            self._check_open()
            self._log(to_properties(values))

    def _log(self, params: Properties) -> None:
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

    def autolog(self, *, only: str | Iterable[str] | None = None) -> Autologging:
        """Return a block in which calls of machine learning libraries are recorded as steps of this run.

        `with run.autolog():` is `lineage.autolog` with a parent that is named.
        """
        self._check_open()
        return autologging(self._backend, self._author, only=only, run=self)

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
        left(self)
        stored = False
        try:
            self._end(STATE_NUMBERS[state], why)
            stored = not self._backend.in_transaction
        except Exception as failure:
            if error is None:
                raise
            # What the caller has to see is their own error; ours goes along as a note.
            said = f"lineage could not record that {self.key} ended as {state}: {type(failure).__name__}: {failure}"
            with suppress(Exception):  # an exception may be frozen, and then takes no note
                error.add_note(said)
            _LOGGER.warning("%s could not be recorded as %s", self.key, state, exc_info=failure)
        finally:
            self._let_points_go(stored=stored)

    def end_cached(self) -> None:
        """End the run as one whose work another has done before, in place of leaving its block."""
        with self.together(), self._transaction() as transaction:
            row = live_rows(self._backend, [self.key])[self.key]
            self._changed(transaction, row, row._replace(state=_CACHED))
            self.__exit__(None, None, None)

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
            self._store_points(transaction)
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
            f"use={excerpt(use)}: give a word for what it is used for, as in use='train', or leave it out"
        )
    return (to_text(use),)
