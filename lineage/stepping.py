"""What of a store records the calls of functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from lineage.errors import Invalid
from lineage.model.entities import Execution
from lineage.recording.record import Contexts
from lineage.recording.writer import Writer

__all__ = ["Stepping"]

FunctionT = TypeVar(
    "FunctionT", bound="Callable[..., object] | staticmethod[Any, Any] | classmethod[Any, Any, Any]"
)


class Stepping(Writer):
    """The part of a store in which functions become steps."""

    @overload
    def step(
        self,
        execution: type[Execution] | Execution | str | None = None,
        /,
        *,
        within: Contexts = (),
        tags: Iterable[str] = (),
        cache: bool = False,
        environment: bool = True,
    ) -> Callable[[FunctionT], FunctionT]: ...
    @overload
    def step(self, function: FunctionT, /) -> FunctionT: ...
    def step(
        self,
        execution: object = None,
        /,
        *,
        within: Contexts = (),
        tags: Iterable[str] = (),
        cache: bool = False,
        environment: bool = True,
    ) -> Any:
        """Record each call of a function as a run: `@store.step`, or `@store.step(Clean, within=…)`.

        What its calls are is a class of executions, one of them whose fields are given, or the name of a type; without
        any it is the function's own name. Plain arguments are parameters, artifacts are inputs, artifacts that are
        returned or yielded are outputs, and `Annotated[Path, Table]` declares that a path, or a frame, is one. An
        argument annotated `lineage.Run` that the caller leaves out gets the run. A call inside another run of this
        store is a step of that one. With `cache` a call that was made before, with the same code, is not made again:
        its result is given back, and a CACHED run recorded. `docs/steps.md` has all rules.
        """
        from lineage.recording.functions.decorator import decorated
        from lineage.recording.functions.planned import options_of

        is_function = _is_function(execution)
        options = options_of(
            self.backend,
            lambda: self._author(""),
            None if is_function else execution,
            within=within,
            tags=tags,
            environment=environment,
            cache=cache,
        )
        if self.as_of is not None:
            self._author("")  # which refuses what cannot be changed
        if is_function:
            return decorated(execution, options)
        return lambda function: decorated(function, options)


def _is_function(given: object) -> bool:
    if isinstance(given, type):
        if issubclass(given, Execution):
            return False
        raise Invalid(
            f"{given.__name__} is no class of executions; decorate the methods of a class, each by itself"
        )
    return callable(given) or isinstance(given, staticmethod | classmethod)
