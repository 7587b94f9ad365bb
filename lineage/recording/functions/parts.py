"""What values hold: the artifacts in them, by where they are, and what else there is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from lineage.errors import Invalid, NotFound, excerpt
from lineage.model.entities import Artifact
from lineage.model.keys import Kind, NodeKey, to_step
from lineage.model.paths import Path
from lineage.recording.functions.declared import DEEPEST, Declared, described, is_place

__all__ = ["Part", "Parts", "parts_of"]

LOOKED_AT, LEVELS_LOOKED_AT = 20, 3
"""How many parts of a container without declaration are looked at, and how deep, before it is taken to hold no artifact."""


class Part:
    """An artifact in a value: its path there, the artifact or its key, and the value that it was, or was declared of."""

    __slots__ = ("artifact", "path", "value")

    def __init__(self, path: Path, artifact: Artifact | NodeKey, value: object) -> None:
        self.path = path
        self.artifact = artifact
        self.value = value


class Parts:
    """What a value holds: artifacts, and whether there is anything else but None.

    `failures` are the sentences on frames and objects that could not be described.
    """

    __slots__ = ("artifacts", "failures", "has_others")

    def __init__(self) -> None:
        self.artifacts: list[Part] = []
        self.failures: list[str] = []
        self.has_others = False


def parts_of(
    value: object, declared: Declared | None, path: Path = (), *, forgiving: bool = False
) -> Parts:
    """Return what a value holds; `NotFound` and `Invalid` where what is declared cannot be described.

    To be `forgiving` is to leave out frames and objects of which that is true: not paths, which are mistaken.
    """
    parts = Parts()
    _gather(value, declared, path, parts, forgiving=forgiving)
    return parts


def _gather(
    value: object, declared: Declared | None, path: Path, parts: Parts, *, forgiving: bool
) -> None:
    if value is None:
        return
    if isinstance(value, Artifact) or (isinstance(value, NodeKey) and value.kind is Kind.ARTIFACT):
        parts.artifacts.append(Part(path, value, value))
    elif declared is not None and declared.artifact is not None:
        _describe(value, declared.artifact, path, parts, forgiving=forgiving)
    elif len(path) < DEEPEST and _may_hold(value, declared):
        for step, item in _items(value):
            inner = None if declared is None else declared.part(step)
            _gather(item, inner, (*path, step), parts, forgiving=forgiving)
    else:
        parts.has_others = True


def _describe(
    value: object,
    declared: Artifact | type[Artifact],
    path: Path,
    parts: Parts,
    *,
    forgiving: bool,
) -> None:
    where = ".".join(map(str, path)) or "the result"
    try:
        parts.artifacts.append(Part(path, described(value, declared), value))
    except (Invalid, NotFound) as error:
        if not forgiving or is_place(value):
            raise type(error)(f"{where}: {error}") from error
        parts.has_others = True
        parts.failures.append(f"{where} is left out: {error}")


def _may_hold(value: object, declared: Declared | None) -> bool:
    """Whether a value is a container that is looked into: one with artifacts at its beginning, or of which it is declared."""
    if not isinstance(value, list | tuple | dict) or isinstance(value, NodeKey):
        return False
    return declared is not None or _holds(value, 0)


def _holds(value: object, depth: int) -> bool:
    if isinstance(value, Artifact | NodeKey):
        return isinstance(value, Artifact) or value.kind is Kind.ARTIFACT
    if depth >= LEVELS_LOOKED_AT or not isinstance(value, list | tuple | dict):
        return False
    items = value.values() if isinstance(value, dict) else value
    return any(_holds(item, depth + 1) for item in islice(items, LOOKED_AT))


def _items(value: object) -> Iterator[tuple[int | str, object]]:
    """Yield the parts of a container, and the step that leads to each."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield _step(key), item
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)
    elif isinstance(value, list | tuple):
        yield from enumerate(value)


def _step(key: object) -> int | str:
    """Return the step that a key is: itself, if that can be, else what it looks like."""
    try:
        return to_step(key)
    except Invalid:
        return excerpt(key)
