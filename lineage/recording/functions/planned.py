"""A function whose calls are recorded: what its signature declares, and the run that each call is.

Called while another run of the store goes on in the same context, a call is a step of that one; else it is a run by
itself. A call whose arguments do not fit is none: the function itself says so.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias, cast, get_origin

from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.transaction import Author
from lineage.errors import Invalid, NotFound, excerpt
from lineage.model.entities import Context, Execution
from lineage.model.fields import unwrap_optional
from lineage.model.keys import Kind, NodeKey
from lineage.model.marks import Marks
from lineage.recording.current import current
from lineage.recording.environment import capture
from lineage.recording.functions.arguments import Arguments, Taker
from lineage.recording.functions.calls import Call
from lineage.recording.functions.declared import (
    Declared,
    declared_by,
    hints_of,
    yielded_and_returned,
)
from lineage.recording.functions.kept import given_back
from lineage.recording.functions.source import code_digest
from lineage.recording.named import check_type_name, to_parameters
from lineage.recording.record import Contexts, Placed, given_nodes, node_of_kind
from lineage.recording.reuse import CODE, done_before
from lineage.recording.run import Run

__all__ = ["Options", "Plan", "Planned", "options_of"]

_LOGGER = logging.getLogger("lineage")
_Execution: TypeAlias = Execution | type[Execution] | str
_EXAMPLE = "store.step('Clean')"
MOST_SAID = 100
"""How many different things are logged of one function."""


class Options(NamedTuple):
    """How calls are recorded: where, by whom, as what, and within which contexts."""

    backend: Backend
    author: Callable[[], Author]
    execution: _Execution | None
    within: tuple[Context | NodeKey, ...]
    tags: tuple[str, ...]
    environment: bool
    cache: bool


def options_of(
    backend: Backend,
    author: Callable[[], Author],
    execution: object,
    *,
    within: Contexts,
    tags: Iterable[str],
    environment: bool,
    cache: bool,
) -> Options:
    """Check what `store.step` was given; `Invalid` for what no call could be recorded as."""
    contexts = [node_of_kind(node, Kind.CONTEXT, "context") for _, node in given_nodes(within)]
    return Options(
        backend,
        author,
        None if execution is None else _checked(execution),
        tuple(cast(list[Context | NodeKey], contexts)),
        Marks.of(tags, None).tags,
        environment,
        cache,
    )


def _checked(execution: object) -> _Execution:
    if isinstance(execution, str):
        return check_type_name(execution, _EXAMPLE)
    if isinstance(execution, type) and issubclass(execution, Execution):
        if execution.type_name is None:
            raise Invalid(f"Execution is a kind, not a type; name a type, as in {_EXAMPLE}")
        return execution
    if not isinstance(execution, Execution):
        raise Invalid(
            f"{excerpt(execution)} is neither a function nor what its calls are; give a class of executions, one of "
            "them with its fields, or the name of a type"
        )
    for name in ("id", "name", "external_id", "state"):
        if getattr(execution, name) is not None:
            raise Invalid(
                f"each call is a run of its own, with its own {name.replace('_', ' ')}; leave {name} out"
            )
    return execution


class Plan(NamedTuple):
    """What a function's signature and annotations say; `run` is the argument that gets the run of the call."""

    taker: Taker
    returned: Declared | None
    yielded: Declared | None
    run: str | None
    unresolved: tuple[str, ...]


class Planned:
    """A function, and how its calls are recorded."""

    def __init__(self, function: Callable[..., Any], options: Options) -> None:
        self._function = function
        self._options = options
        self._execution = _named(function) if options.execution is None else options.execution
        self._said: set[str] = set()
        self._is_complete = False
        self.plan = self._planned()

    def _planned(self) -> Plan:
        """Read the signature; `Invalid` for what no call could be recorded with."""
        hints, unresolved = hints_of(self._function)
        declared = {name: _of_argument(name, hint) for name, hint in hints.items()}
        yielded = returned = None
        if inspect.isgeneratorfunction(self._function) or inspect.isasyncgenfunction(
            self._function
        ):
            yielded, returned = yielded_and_returned(hints.get("return"))
        else:
            returned = declared.pop("return", None)
        try:
            taker = Taker(
                self._function,
                {name: each for name, each in declared.items() if each is not None},
                _class_of(self._execution),
            )
        except (TypeError, ValueError) as error:
            raise Invalid(
                f"{excerpt(self._function)} has no signature; decorate a function that calls it"
            ) from error
        if isinstance(self._execution, type):
            taker.check_required(self._execution)
        if self._options.cache:
            self._check_cacheable(taker)
        self._is_complete = not unresolved
        return Plan(taker, returned, yielded, _for_run(taker, hints), unresolved)

    def _check_cacheable(self, taker: Taker) -> None:
        """Raise `Invalid` for what a result cannot be given back of."""
        if inspect.isgeneratorfunction(self._function) or inspect.isasyncgenfunction(
            self._function
        ):
            raise Invalid(
                f"cache=True: {self._name} is a generator, which has no result to give back; return a list, or leave cache out"
            )
        if taker.ignored is not None:
            raise Invalid(
                f"cache=True: what {self._name} returns depends on its object, which is not recorded; decorate a function, or "
                "leave cache out"
            )

    def call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
        """Return the run of a call, which has not begun; None where the arguments do not fit.

        `NotFound` and `Invalid` for arguments that are not what is declared of them.
        """
        plan = self._complete()
        awaits_run = plan.run is not None and not plan.taker.has(plan.run, args, kwargs)
        if awaits_run:
            kwargs = {**kwargs, cast(str, plan.run): None}
        try:
            bound = plan.taker.bound(args, kwargs)
        except TypeError:
            return None
        arguments = plan.taker.take(bound)
        notes = self._notes(arguments)
        execution = self._new_execution(arguments.fields)
        run = self._run(execution, arguments)
        if awaits_run:
            kwargs = {**kwargs, cast(str, plan.run): run}
        code = code_digest(self._function)
        if code is not None:
            run.keep({CODE: code})
        if not self._options.cache:
            return Call(run, args, kwargs, arguments.inputs, notes)
        notes += self._reasons(arguments, code)
        call = Call(run, args, kwargs, arguments.inputs, notes, keeps=True)
        if code is not None and not arguments.left_out:
            self._reuse(call, execution, arguments, code)
        return call

    def _reasons(self, arguments: Arguments, code: str | None) -> Iterator[str]:
        """Yield why a call has to be made, whatever was done before."""
        if code is None:
            yield "the function's source is not to be had, so that each call is made"
        if arguments.left_out:
            yield f"{', '.join(arguments.left_out)} cannot be compared, so that each call is made"

    def _reuse(
        self, call: Call, execution: Execution | str, arguments: Arguments, code: str
    ) -> None:
        """Take the result of a run that did the same, if there is one, and it can be given back."""
        backend = self._options.backend
        try:
            done = done_before(
                backend,
                execution,
                params=to_parameters(arguments.params, {}),
                inputs=[Placed(part.path, part.artifact) for part in arguments.inputs],
                code=code,
            )
        except (Invalid, NotFound) as error:
            call.run.remark([f"whether it was done before cannot be told: {error}"])
            return
        kept = None if done is None else given_back(done, registry(backend))
        if done is not None and kept is not None:
            call.reuse(done, kept)

    def _complete(self) -> Plan:
        """Return the plan, once more after names were defined that annotations need."""
        if not self._is_complete:
            self.plan = self._planned()
            self._is_complete = True
        return self.plan

    def _run(self, execution: Execution | str, arguments: Arguments) -> Run[Execution]:
        options = self._options
        parent = current(options.backend)
        if isinstance(parent, Run):
            return parent.step(
                execution, params=arguments.params, within=options.within, tags=options.tags
            )
        if options.environment:
            capture()  # which takes a moment at first, and then no lock
        return Run(
            options.backend,
            execution,
            options.author(),
            params=to_parameters(arguments.params, {}),
            within=options.within,
            environment=options.environment,
            marks=Marks(options.tags),
        )

    def _new_execution(self, fields: Mapping[str, Any]) -> Execution | str:
        execution = self._execution
        if isinstance(execution, str):
            return execution
        if isinstance(execution, type):
            return execution(**fields)
        return execution.replace(**fields) if fields else execution

    def _notes(self, arguments: Arguments) -> list[str]:
        """Return what is to be said of a call before it begins; each thing is logged once of a function."""
        notes = {
            name: f"the argument {name} is left out: {reason}"
            for name, reason in arguments.left_out.items()
        }
        for name in self.plan.unresolved:
            notes[f"{name}:"] = (
                f"the annotation of {name} cannot be resolved, and what it declares is not recorded"
            )
        self.log_once(notes)
        return [*notes.values()]

    def log_once(self, notes: Mapping[str, str]) -> None:
        """Log notes, of each name the first one."""
        for name in notes.keys() - self._said:
            if len(self._said) < MOST_SAID:
                self._said.add(name)
                _LOGGER.info("%s: %s", self._name, notes[name])

    @property
    def _name(self) -> str:
        return getattr(self._function, "__qualname__", type(self._function).__name__)


def _named(function: Callable[..., Any]) -> str:
    """Return the name of a function's type of executions: its own, and that of what it is defined in."""
    name = getattr(function, "__qualname__", "").replace("<locals>.", "")
    if not name or "<" in name:
        raise Invalid(f"{excerpt(function)} has no name; name the type, as in {_EXAMPLE}")
    return check_type_name(name, _EXAMPLE)


def _class_of(execution: _Execution) -> type[Execution] | None:
    if isinstance(execution, str):
        return None
    cls = execution if isinstance(execution, type) else type(execution)
    return None if cls.type_name is None else cls


def _for_run(taker: Taker, hints: Mapping[str, object]) -> str | None:
    """Return the name of the argument that gets the run of the call, where one is annotated so."""
    for name, hint in hints.items():
        inner = unwrap_optional(hint)
        cls = get_origin(inner) or inner
        if name != "return" and isinstance(cls, type) and issubclass(cls, Run):
            taker.check_by_name(name)
            return name
    return None


def _of_argument(name: str, hint: object) -> Declared | None:
    try:
        return declared_by(hint)
    except Invalid as error:
        raise Invalid(f"{name}: {error}") from error
