"""One call of a decorated function: the run that it is, from its arguments to its result."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from lineage.errors import BackendError
from lineage.model.entities import Artifact
from lineage.model.paths import Path, paths_of
from lineage.recording.current import entered, left
from lineage.recording.functions.declared import Declared
from lineage.recording.functions.kept import RESULT, Kept, kept_form
from lineage.recording.functions.parts import Part, Parts, parts_of
from lineage.recording.functions.results import Outputs, left_out, with_stored
from lineage.recording.identity import warn_of
from lineage.recording.reuse import Done
from lineage.recording.run import Run

__all__ = ["Call"]

MOST_NOTES = 100
"""How many notes a run has at most of what it yields."""
_LOGGER = logging.getLogger("lineage")


class Call:
    """The run of one call, a context manager as the run is; `args` and `kwargs` are for the function.

    What it read is stored together with its beginning, and what it returned together with its end. `done` is the result
    where the step was done before, and the function need not be called.
    """

    def __init__(
        self,
        run: Run[Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        inputs: list[Part],
        notes: list[str],
        *,
        keeps: bool = False,
    ) -> None:
        self.run = run
        self.args = args
        self.kwargs = kwargs
        self.inputs = inputs
        self.done: Kept | None = None
        self._notes = notes
        self._outputs = Outputs(run)
        self._keeps = keeps
        self._yields = 0

    def __enter__(self) -> Self:
        self.run.remember()
        self.run.remark(self._notes)
        try:
            with self.run.together():
                self._begin()
        except BaseException:
            left(self.run)
            raise
        return self

    def _begin(self) -> None:
        self.run.__enter__()
        for part in self.inputs:
            self._outputs.has_read(self.run.input(part.artifact, path=part.path))

    def reuse(self, done: Done, kept: Kept) -> None:
        """Take the result of another run that did the step before, and record that."""
        self.run.remark([*self._notes, *done.notes])
        with self.run.together():
            try:
                self._begin()
                for edge, row in done.outputs:
                    for path in paths_of(edge.paths) or ((),):
                        self.run.output(row.key, path=path)
                self.run.end_cached()
            finally:
                left(self.run)
        self.done = kept

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not (self.run.has_ended or sys.is_finalizing()):
            self.run.__exit__(kind, error, trace)

    def returned(self, result: Any, declared: Declared | None, path: Path = ()) -> Any:
        """Record what the function returned, and the end; return that for the caller.

        `NotFound` and `Invalid` for a declared path at which there is nothing.
        """
        parts = parts_of(result, declared, path, forgiving=True)
        self._say(result, parts, "the result")
        with self.run.together():
            stored = self._outputs.write(parts.artifacts)
            if self._keeps:
                self._keep_result(result)
            # The file in which points wait goes when the end is stored, and not before.
            if not self.run.is_spooling:
                self.run.__exit__(None, None, None)
        return with_stored(result, stored)

    def yielded(self, item: Any, declared: Declared | None) -> Any:
        """Record what a generator yielded; return that for the consumer."""
        parts = parts_of(item, declared, (self._yields,), forgiving=True)
        self._yields += 1
        self._say(item, parts, "what it yields")
        stored: Mapping[int, Artifact] = {}
        if parts.artifacts:
            with self.run.together():
                stored = self._outputs.write(parts.artifacts)
        return with_stored(item, stored)

    def pause(self) -> None:
        """Let the run go on in no context, until it is resumed."""
        left(self.run)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Let the run go on in the context of a block, and in no other."""
        entered(self.run)
        try:
            yield
        finally:
            left(self.run)

    def abandoned(self) -> None:
        """Record that the consumer of a generator wanted no more, which is a good end, if that can still be recorded."""
        if sys.is_finalizing() or self.run.has_ended:
            return
        try:
            self.run.__exit__(None, None, None)
        except Exception as error:  # noqa: BLE001  # the collector of garbage may call this, and nobody sees what it raises
            # A store that was closed meanwhile is the program's own doing.
            level = logging.WARNING if isinstance(error, BackendError) else logging.DEBUG
            _LOGGER.log(level, "the end of %s could not be recorded: %s", self.run.key, error)

    def _keep_result(self, result: object) -> None:
        form = kept_form(result, self._outputs.written)
        if form is None:
            note = "the result cannot be given back, so that each call is made: docs/steps.md says of what it can be"
            self.run.remark([note])
        else:
            self.run.keep({RESULT: form})

    def _say(self, result: object, parts: Parts, where: str) -> None:
        """Say what is not recorded of a result, up to a bound: a generator may go on for ever."""
        known = self.run.notes
        if len(known) >= MOST_NOTES:
            return
        warn_of(note for note in parts.failures if note not in known)
        self.run.remark([*parts.failures, *left_out(result, parts, where)])
