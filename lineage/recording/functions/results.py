"""A call's result as what is recorded of it: the artifacts that it holds, which the caller gets as they are stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from lineage.digests.frames import is_frame
from lineage.model.contents import digest_in
from lineage.model.entities import Artifact
from lineage.model.scalars import is_scalar
from lineage.recording.functions.parts import Part, Parts
from lineage.recording.run import Run

__all__ = ["Outputs", "left_out", "with_stored"]

_PLAIN = (str, int, float, complex, bytes, list, tuple, dict, set, frozenset)


class Outputs:
    """Writes the artifacts in results as outputs of a run, but for those that it read: they only come back.

    `written` are those that were written last.
    """

    def __init__(self, run: Run[Any]) -> None:
        self.written: list[Part] = []
        self._run = run
        self._read: set[tuple[object, ...]] = set()

    def has_read(self, artifact: Artifact) -> None:
        """Remember that the run read an artifact, as it is stored."""
        if (content := _content(artifact)) is not None:
            self._read.add(content)

    def write(self, parts: list[Part]) -> dict[int, Artifact]:
        """Record outputs; return by `id` as what those are stored that were not so yet."""
        stored: dict[int, Artifact] = {}
        self.written = []
        for part in parts:
            known = self._run.stored_as(part.artifact)
            if not self._comes_back(part, known):
                known = self._run.output(known or part.artifact, path=part.path)
                self.written.append(part)
            is_new = isinstance(part.value, Artifact) and part.value.id is None
            if known is not None and is_new:
                stored[id(part.value)] = known
        return stored

    def _comes_back(self, part: Part, known: Artifact | None) -> bool:
        artifact = known or part.artifact
        if not isinstance(artifact, Artifact):
            return self._run.has_read(artifact)
        if artifact.id is not None:
            return self._run.has_read(artifact.key)
        content = _content(artifact)
        return content is not None and content in self._read


def _content(artifact: Artifact) -> tuple[object, ...] | None:
    """Return what an artifact with a digest is known by."""
    digest = digest_in(artifact.properties, artifact.custom_properties)
    if digest is None:
        return None
    return artifact.type, artifact.type_version, artifact.name, artifact.uri, digest


def with_stored(value: Any, stored: Mapping[int, Artifact]) -> Any:
    """Return a result with artifacts as they are stored, in new lists, tuples and dicts; itself where there are none."""
    if not stored:
        return value
    if id(value) in stored:
        return stored[id(value)]
    kind = type(value)
    if kind is dict:
        changed = {key: with_stored(item, stored) for key, item in value.items()}
        return changed if any(changed[key] is not value[key] for key in value) else value
    is_named = isinstance(value, tuple) and hasattr(value, "_make")
    if kind in (list, tuple) or is_named:
        items = [with_stored(item, stored) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return value._make(items) if is_named else kind(items)
    return value


def left_out(value: object, parts: Parts, where: str) -> Iterator[str]:
    """Yield what is to be said of a result that is not recorded: of numbers, texts and containers of such nothing."""
    if not parts.has_others or parts.failures or parts.artifacts:
        return
    if isinstance(value, PurePath):
        yield f"{where} is a path without a declared type, and is left out; annotate it as Annotated[Path, Table]"
    elif not isinstance(value, _PLAIN) and not is_scalar(value):
        advice = (
            "annotate it as Annotated[DataFrame, Table]"
            if is_frame(value)
            else "return an artifact, or a path"
        )
        yield f"{where}, of type {type(value).__name__}, is left out; {advice} to record it"
