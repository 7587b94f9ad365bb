"""One recorded call in one store: its run, and what is written of it.

What an integration tells is written in few transactions: all of one part of a call in one. Where that fails, each
piece is written by itself, so that one that cannot be takes no other away; what is missing is said in a note.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from lineage.contract.registry import registry
from lineage.errors import LineageError
from lineage.integrations.models import models_of
from lineage.integrations.takers import Taker
from lineage.model.contents import digest_in
from lineage.model.entities import Artifact, Execution
from lineage.model.keys import NodeKey
from lineage.model.marks import Marks
from lineage.model.paths import Path
from lineage.model.system import Dataset
from lineage.recording.autologging import Autologged
from lineage.recording.current import left
from lineage.recording.named import to_parameters
from lineage.recording.run import Run

__all__ = ["Piece", "Track", "why"]

MOST_WITH_DIGEST = 1_000
"""How many artifacts with one digest are looked at."""


class Piece(NamedTuple):
    """Something to be written of a call."""

    what: str
    """What it is, for a note."""
    write: Callable[[Track], None]


class Track:
    """A call as one store has it."""

    def __init__(self, taker: Taker, parent: Run[Execution] | None) -> None:
        self.taker = taker
        self.run: Run[Execution] | None = None
        self.is_over = False
        """Whether it could not begin, or has ended: nothing more is written."""
        self._parent = parent
        self._artifacts: dict[int, NodeKey] = {}
        self._made: list[tuple[object, Artifact]] = []
        self._fitted: list[tuple[object, Artifact]] = []

    @property
    def going(self) -> Run[Execution]:
        """The run, which has begun."""
        assert self.run is not None
        return self.run

    def write(self, pieces: Sequence[Piece]) -> None:
        """Write pieces in one transaction or, if that fails, each in its own; never raise."""
        if not pieces:
            return
        began, author = self.run, self.taker.author
        try:
            with self.taker.backend.transaction(actor=author.actor, message=author.message):
                for piece in pieces:
                    piece.write(self)
        except Exception as error:  # noqa: BLE001  # the user's call goes on, whatever of ours fails
            self._undo(began)
            # A transaction of the user's own cannot go on after that: there is nothing to try again in it.
            if len(pieces) == 1 or self.taker.backend.in_transaction:
                self.is_over = self.run is None
                self.fail(pieces[0].what, error)
                return
            for piece in pieces:
                self.write([piece])
                if self.is_over:
                    return
            return
        self._fitted += self._made
        for fitted, artifact in self._made:
            models_of(self.taker.backend).remember(fitted, artifact)
        self._made = []

    def _undo(self, began: Run[Execution] | None) -> None:
        """Forget what was written in a transaction that failed."""
        self._made = []
        if self.run is not began and self.run is not None:
            left(self.run)
            self.run = began

    def fail(self, what: str, error: Exception) -> None:
        """Say that something is not recorded, and why."""
        self.taker.note(f"{what} is not recorded: {why(error)}")

    def begin(
        self, execution: Execution, params: Mapping[str, object], tags: Sequence[str]
    ) -> None:
        """Begin the run: a step of the one that goes on around it, if there is one."""
        parent = self._parent
        if parent is not None and not parent.has_ended:
            run: Run[Execution] = parent.step(execution, params=params, tags=tags)
        else:
            self._parent = None
            checked = to_parameters(params, {})
            author = self.taker.author
            run = Run(
                self.taker.backend,
                execution,
                author,
                params=checked,
                within=(),
                environment=True,
                marks=Marks.of(tags, None),
            )
        run.__enter__()
        self.run = run

    def read(self, data: object, artifact: Artifact | NodeKey, use: str | None, path: Path) -> None:
        """Record an input. Data that the store does not know was made by the run around, of what that read."""
        stored: Artifact | NodeKey = artifact
        digest = _digest(artifact)
        if digest is not None and isinstance(artifact, Dataset):
            known = self._known(digest)
            if known is not None:
                stored = known
            elif self._parent is not None and not self._parent.has_ended:
                stored = self._parent.output(artifact).key
        self._artifacts[id(data)] = self.going.input(stored, use=use, path=path).key

    def _known(self, digest: str) -> NodeKey | None:
        """Return the newest data set that has a digest."""
        backend = self.taker.backend
        types = registry(backend).ids(Dataset)
        rows = backend.with_digests([digest], limit=MOST_WITH_DIGEST)[digest]
        return max((row.key for row in rows if row.type_id in types), default=None)

    def wrote(self, data: object, artifact: Artifact | NodeKey, path: Path) -> None:
        """Record an output; what is as it was read is none."""
        digest = _digest(artifact)
        known = (
            self._known(digest) if digest is not None and isinstance(artifact, Dataset) else None
        )
        if known is not None and known in self._artifacts.values():
            return
        self._artifacts[id(data)] = self.going.output(known or artifact, path=path).key

    def fitted(self, objects: Sequence[object], artifact: Artifact, path: Path) -> None:
        """Record a model as an output, and remember that it is these objects."""
        stored = self.going.output(artifact, path=path)
        for each in objects:
            self._artifacts[id(each)] = stored.key
            self._made.append((each, stored))

    def used(self, model: object, artifact: Artifact | None, path: Path) -> None:
        """Record a model as an input: the one that the object is known to be, or else the described one."""
        known = models_of(self.taker.backend).of(model)
        wanted = artifact if known is None else known
        if wanted is not None:
            self._artifacts[id(model)] = self.going.input(wanted, path=path).key

    def measured(self, values: Mapping[str, object], of: object, on: object) -> None:
        """Record metrics of and on what was read or written."""
        self.going.log_metrics(values, of=self._artifact(of), on=self._artifact(on))

    def _artifact(self, thing: object) -> NodeKey | None:
        return None if thing is None else self._artifacts.get(id(thing))

    def end(self, error: BaseException | None, name: str) -> None:
        """End the run; never raise, but for an interrupt."""
        run, self.run = self.run, None
        self.is_over = True
        if run is None:
            return
        try:
            run.__exit__(None if error is None else type(error), error, None)
        except Exception as failure:  # noqa: BLE001  # the user's call goes on, whatever of ours fails
            self.fail(f"the end of {run.key}", failure)
        model = self._fitted[0][1] if self._fitted else None
        self._fitted.clear()
        self.taker.recorded.append(Autologged(run.key, model, name))


def why(error: Exception) -> str:
    """Return what an error says; of one that is not ours its class as well."""
    return str(error) if isinstance(error, LineageError) else f"{type(error).__name__}: {error}"


def _digest(artifact: Artifact | NodeKey) -> str | None:
    if isinstance(artifact, NodeKey):
        return None
    return digest_in(artifact.properties, artifact.custom_properties)
