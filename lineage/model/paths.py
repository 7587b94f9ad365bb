"""The paths of an event: where among an execution's inputs or outputs, as tuples and as text.

An event has one path for each use of its artifact, the first use first. As text, which is canonical
JSON, one path is a list of steps and several are a list of such lists; a step is never a list, so
that the two cannot be confused. An event without steps has no text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from pydantic_core import from_json, to_json

from lineage.errors import Invalid, excerpt
from lineage.model.keys import to_step

__all__ = [
    "Path",
    "distinct_paths",
    "dotted",
    "first_path",
    "path_text",
    "paths_of",
    "paths_text",
    "with_path",
]

Path: TypeAlias = tuple[int | str, ...]
"""Keys and indices, outermost first."""


def path_text(path: Iterable[int | str]) -> str | None:
    """Return the text of a single path."""
    steps = list(path)
    return to_json(steps).decode() if steps else None


def paths_text(paths: Iterable[Path]) -> str | None:
    """Return the text of all paths of an event.

    >>> paths_text([("train", 0)]), paths_text([("train",), ("eval",)]), paths_text([])
    ('["train",0]', '[["train"],["eval"]]', None)
    """
    distinct = distinct_paths(paths)
    if len(distinct) > 1:
        return to_json(distinct).decode()
    return path_text(distinct[0]) if distinct else None


def paths_of(text: str | None) -> tuple[Path, ...]:
    """Return the paths that a text holds; raise `Invalid`, or `ValueError` for what is no JSON."""
    if text is None:
        return ()
    found = from_json(text)
    if not isinstance(found, list):
        raise Invalid(f"{excerpt(text)} holds no path; a path is a list of steps")
    several = found if found and isinstance(found[0], list) else [found]
    return tuple(tuple(map(to_step, _steps(path))) for path in several)


def _steps(path: object) -> list[object]:
    if not isinstance(path, list):
        raise Invalid(f"{excerpt(path)} stands among paths and is none")
    return path


def first_path(text: str | None) -> Path:
    """Return the first path of a text; that of an event without paths has no steps."""
    paths = paths_of(text)
    return paths[0] if paths else ()


def dotted(paths: Iterable[Path]) -> str:
    """Return paths as people read them: steps joined by dots; `-` has none.

    >>> dotted([("train", 0), ("eval",)]), dotted([(), ("eval",)])
    ('train.0, eval', '-, eval')
    """
    return ", ".join(".".join(map(str, path)) or "-" for path in paths)


def with_path(text: str | None, path: Path) -> str | None:
    """Return the text of an event's paths with one more; one that says nothing new changes nothing."""
    return paths_text((*(paths_of(text) or ((),)), path))


def distinct_paths(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return paths each once: none for a single one without steps, which after others says nothing."""
    first, *others = dict.fromkeys(paths) or ((),)
    kept = (first, *filter(None, others))
    return kept if any(kept) else ()
