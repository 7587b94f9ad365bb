"""A call's arguments as what is recorded of them: parameters, fields of the run's class, and what it read.

What is plain is a parameter, what is an artifact, or declared to be one, is an input whose path begins with the
argument's name. None says nothing. The rest is left out, which a note says, and so are the values of what
is named like a secret. The function itself gets what the caller gave.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from lineage.contract.plugins import shown_url
from lineage.digests.frames import is_frame
from lineage.errors import Invalid
from lineage.model.canonical import encode
from lineage.model.entities import Execution, Node, property_fields
from lineage.model.marks import is_own_property
from lineage.model.system import WHY
from lineage.model.values import Value, to_properties, to_value
from lineage.recording.details import names_secret
from lineage.recording.functions.declared import Declared
from lineage.recording.functions.parts import Part, parts_of
from lineage.recording.handle import Handle

__all__ = ["Arguments", "Taker"]

MOST_PARTS = 10_000
"""How many values one parameter may hold."""
LONGEST = 100_000
"""How many characters of JSON one parameter may have; what is larger is data, and belongs into a file."""
_HIDDEN = "***"
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_OF_INSTANCE = ("self", "cls")


@dataclass(slots=True)
class Arguments:
    """What is recorded of a call's arguments; `left_out` says of arguments by name why they are not."""

    params: dict[str, Value] = field(default_factory=dict)
    fields: dict[str, object] = field(default_factory=dict)
    inputs: list[Part] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


class Taker:
    """Takes a function's arguments apart, as its signature and its annotations say."""

    def __init__(
        self,
        function: Callable[..., object],
        declared: Mapping[str, Declared],
        execution: type[Execution] | None,
    ) -> None:
        self._signature = inspect.signature(function)
        self._declared = declared
        fields = {} if execution is None else property_fields(execution)
        self._fields = fields.keys()
        self._required = set()
        if execution is not None:
            self._required = {name for name in fields if execution.model_fields[name].is_required()}
        self.ignored = _of_instance(function, self._signature)

    def check_required(self, execution: type[Execution]) -> None:
        """Raise `Invalid` for a class with a required field that no argument fills."""
        parameters = self._signature.parameters
        if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
            return
        if left := sorted(self._required - parameters.keys()):
            raise Invalid(
                f"{execution.__name__}: no argument is named {', '.join(left)}, which it requires; give the values, as in "
                f"store.step({execution.__name__}({left[0]}=…))"
            )

    def check_by_name(self, name: str) -> None:
        """Raise `Invalid` for an argument that cannot be given by its name."""
        if self._signature.parameters[name].kind not in _BY_NAME:
            raise Invalid(
                f"{name}: the run of the call is given by name; put {name} after any / or *"
            )

    def has(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Whether a call gives an argument."""
        return name in kwargs or [*self._signature.parameters].index(name) < len(args)

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> inspect.BoundArguments:
        """Return a call's arguments by name, defaults among them; `TypeError` where they do not fit."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound

    def take(self, bound: inspect.BoundArguments) -> Arguments:
        """Return what is recorded of a call's arguments; `NotFound` and `Invalid` as for `parts_of`."""
        taken = Arguments()
        for name, value in bound.arguments.items():
            if name == self.ignored:
                continue
            kind, declared = self._signature.parameters[name].kind, self._declared.get(name)
            if kind is inspect.Parameter.VAR_KEYWORD:
                for each, item in value.items():
                    self._take(each, item, declared, taken)
            elif kind is inspect.Parameter.VAR_POSITIONAL:
                several = None if declared is None else Declared(each=declared)
                self._take(name, value or None, several, taken)
            else:
                self._take(name, value, declared, taken)
        return taken

    def _take(self, name: str, value: object, declared: Declared | None, taken: Arguments) -> None:
        if value is None and name not in self._required:
            return
        if isinstance(value, Handle):
            return
        parts = parts_of(value, declared, (name,))
        taken.inputs += parts.artifacts
        if parts.artifacts:
            if parts.has_others:
                taken.left_out[name] = "what it holds beside artifacts is not kept"
        elif name in self._fields:
            taken.fields[name] = str(value) if isinstance(value, PurePath) else value
        elif value is not None:
            try:
                taken.params.update(_parameter(name, value))
            except Exception as error:  # noqa: BLE001  # an object's own code may raise anything, and the call goes on
                taken.left_out[name] = _reason(error)


def _reason(error: Exception) -> str:
    return (
        str(error) if isinstance(error, Invalid) else f"it cannot be read ({type(error).__name__})"
    )


def _of_instance(function: Callable[..., object], signature: inspect.Signature) -> str | None:
    """Return the name of the first argument of a method, which is no parameter."""
    around = getattr(function, "__qualname__", "").rpartition(".")[0]
    first = next(iter(signature.parameters), None)
    is_method = around and not around.endswith("<locals>") and first in _OF_INSTANCE
    return first if is_method else None


def _parameter(name: str, value: object) -> Mapping[str, Value]:
    """Return a parameter by its name; `Invalid` for what cannot be one."""
    if is_own_property(name) or name in WHY:
        raise Invalid("its name is one of the engine's own; give it another")
    if names_secret(name):
        raise Invalid("it is named like a secret")
    return to_properties({name: _shown(_plain(value))})


def _plain(value: object) -> Value:
    """Return the value of a parameter; `Invalid` for frames, objects, and what is too large."""
    if is_frame(value):
        raise Invalid(
            "it is a frame; declare what it is, as in Annotated[DataFrame, Table], to record it as an input"
        )
    if isinstance(value, Node):
        if value.id is None:
            raise Invalid(f"it is a new {value.kind}; store it first, to keep its key")
        return str(value.key)
    _check_size(value)
    plain = to_value(value)
    if isinstance(plain, str | dict | list) and len(encode({"": plain})) > LONGEST:
        raise _too_large()
    return plain


def _check_size(value: object) -> None:
    """Raise `Invalid` for a container of very many values, before all of them are looked at."""
    left, waiting = MOST_PARTS, [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str | bytes | bytearray) and len(item) > LONGEST:
            raise _too_large()
        if isinstance(item, dict | list | tuple | set | frozenset):
            left -= len(item)
            if left < 0:
                raise _too_large()
            waiting += item.values() if isinstance(item, dict) else item


def _too_large() -> Invalid:
    return Invalid(
        f"it has more than {LONGEST:,} characters or {MOST_PARTS:,} values; keep it in a file, and declare that as an input"
    )


def _shown(value: Any) -> Any:
    """Return a value without what looks like a secret in it."""
    if isinstance(value, str):
        return shown_url(value) if "://" in value else value
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, dict):
        return {
            name: _HIDDEN if item is not None and names_secret(name) else _shown(item)
            for name, item in value.items()
        }
    return value
