"""Results that can be given back without a call: what is kept of them with the run, and how they are made of it again.

Kept is the result's own shape, with its plain values and, for each artifact, the path of its event: in lists, tuples and
dictionaries. So are declared paths, which have to lead to what they led to, by its digest. Any other object, such as
a frame or a path without a declared type, cannot be given back, and its function is called each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, Final, NamedTuple

from lineage.contract.registry import Registry
from lineage.digests.files import digest_of as digest_of_path
from lineage.errors import LineageError
from lineage.model.canonical import decode, encode
from lineage.model.contents import digest_of
from lineage.model.entities import Artifact
from lineage.model.keys import NodeKey, to_step
from lineage.model.paths import Path, paths_of
from lineage.model.rows import EdgeRow, NodeRow, entity_of
from lineage.recording.functions.parts import Part
from lineage.recording.reuse import Done

__all__ = ["RESULT", "Kept", "given_back", "kept_form"]

RESULT: Final = "lineage.result"
"""The custom property of an execution that holds how its function's result is made again."""
LONGEST: Final = 100_000
"""How many characters the form may have."""
_PLAIN = (type(None), bool, int, float, str)
_PATHS = {"str": str, "path": FilePath}


class Kept(NamedTuple):
    """A result that is given back."""

    result: Any


class _Unkept(Exception):
    """Something in a result cannot be given back."""


def kept_form(result: object, written: list[Part]) -> dict[str, Any] | None:
    """Return the form of a result whose artifacts are all among what its run wrote; None where it has none."""
    try:
        form = _form(result, {id(part.value): part for part in written})
        return form if len(encode(form)) <= LONGEST else None
    except (_Unkept, LineageError, RecursionError):
        return None


def _form(value: Any, written: Mapping[int, Part]) -> dict[str, Any]:
    part = written.get(id(value))
    if part is not None:
        return {"artifact": [*part.path], "as": _form_of_artifact(value)}
    if isinstance(value, Artifact | NodeKey):
        raise _Unkept
    kind = type(value)
    if kind in _PLAIN:
        return {} if value is None else {"value": value}
    if kind in (list, tuple):
        return {kind.__name__: [_form(item, written) for item in value]}
    if kind is dict and all(type(key) is str for key in value):
        return {"dict": {key: _form(item, written) for key, item in value.items()}}
    raise _Unkept


def _form_of_artifact(value: object) -> dict[str, str]:
    """Return what stood in a result for an artifact: itself, its key, or a path to it."""
    if isinstance(value, Artifact):
        cls = type(value)
        return {"class": cls.__qualname__, "module": cls.__module__}
    if isinstance(value, NodeKey):
        return {"key": ""}
    if type(value) is str:
        return {"str": value}
    if isinstance(value, FilePath):
        return {"path": str(value)}
    raise _Unkept


def given_back(done: Done, known: Registry) -> Kept | None:
    """Return the result of a run that did a step; None where it was not kept, or is not to be had any more."""
    form = decode(done.run.custom).get(RESULT)
    if not isinstance(form, dict):
        return None
    outputs = {path: row for edge, row in done.outputs for path in _paths(edge)}
    try:
        return Kept(_value(form, outputs, known))
    except (_Unkept, LineageError):
        return None


def _paths(edge: EdgeRow) -> tuple[Path, ...]:
    return paths_of(edge.paths) or ((),)


def _value(form: Mapping[str, Any], outputs: Mapping[Path, NodeRow], known: Registry) -> Any:
    if "artifact" in form:
        row = outputs.get(tuple(map(to_step, form["artifact"])))
        if row is None:
            raise _Unkept
        return _artifact(form["as"], row, known)
    if "list" in form:
        return [_value(item, outputs, known) for item in form["list"]]
    if "tuple" in form:
        return tuple(_value(item, outputs, known) for item in form["tuple"])
    if "dict" in form:
        return {key: _value(item, outputs, known) for key, item in form["dict"].items()}
    return form.get("value")


def _artifact(said: Mapping[str, str], row: NodeRow, known: Registry) -> object:
    if "class" in said:
        return entity_of(row, known.by_id, _class(said["module"], said["class"]))
    if "key" in said:
        return row.key
    ((name, text),) = said.items()
    digest = digest_of(row)
    # A declared URI has no digest, and leads to where it led.
    if digest is not None and digest_of_path(text) != digest:
        raise _Unkept
    return _PATHS[name](text)


def _class(module: str, name: str) -> type[Artifact]:
    """Return the class of artifacts of a name that was defined last."""
    waiting: list[type[Artifact]] = [Artifact]
    found = None
    while waiting:
        cls = waiting.pop(0)
        waiting += cls.__subclasses__()
        if (cls.__module__, cls.__qualname__) == (module, name):
            found = cls
    if found is None:
        raise _Unkept
    return found
