"""What every part of a recorded run has at hand: its transactions, and the artifacts that it reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from lineage.contract.backend import Backend
from lineage.contract.transaction import Author, Transaction
from lineage.contract.walking import Direction
from lineage.errors import Invalid
from lineage.model.entities import Artifact
from lineage.model.keys import Kind, NodeKey
from lineage.model.marks import UNMARKED, Marks
from lineage.model.paths import Path, with_path
from lineage.model.rows import Batch, EdgeKey, EdgeRow, NodeRow, entity_of
from lineage.model.system import Asset
from lineage.recording.edges import new_edges
from lineage.recording.identity import Wanted, settle, warn_of
from lineage.recording.marking import marked_row
from lineage.recording.nodes import stamp
from lineage.recording.record import event_edge, event_key, member_edge, node_of_kind

__all__ = ["Handle"]

ArtifactT = TypeVar("ArtifactT", bound=Artifact)
MOST_REMEMBERED = 1_000
"""How many outputs a run remembers, which may go on for ever."""


class Handle:
    """A run that is being recorded; several threads may do so side by side."""

    def __init__(self, backend: Backend, author: Author) -> None:
        self._backend = backend
        self._author = author
        self._key: NodeKey | None = None
        self._begun: Transaction | None = None
        self._ended = False
        self._contexts: tuple[NodeKey, ...] = ()
        self._notes: dict[str, None] = {}
        self._read: set[NodeKey] = set()
        self._remembered: dict[int, tuple[object, Artifact]] | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was recorded otherwise than it might seem, such as which artifact was taken."""
        return tuple(self._notes)

    @property
    def key(self) -> NodeKey:
        """The execution's key; `Invalid` before the run is entered."""
        if self._key is None:
            raise Invalid("the run has not begun; enter it: with store.run(...) as run:")
        return self._key

    @property
    def has_ended(self) -> bool:
        """Whether its block was left."""
        return self._ended

    def is_of(self, backend: Backend) -> bool:
        """Whether it is recorded in the store of a backend."""
        return self._backend is backend

    def remember(self) -> None:
        """Keep from now on which stored artifacts the given ones are: of outputs the last thousand."""
        self._remembered = {}

    def stored_as(self, artifact: object) -> Artifact | None:
        """Return the stored artifact that an object was recorded as, if that is remembered."""
        return (self._remembered or {}).get(id(artifact), (None, None))[1]

    def has_read(self, key: NodeKey) -> bool:
        """Whether an artifact is a remembered input."""
        return key in self._read

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make all that a block records one transaction."""
        with self._transaction() as transaction:
            transaction.lock()
            yield

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        with self._backend.transaction(
            actor=self._author.actor, message=self._author.message
        ) as transaction:
            self._check_begun(transaction)
            yield transaction

    def _check_begun(self, transaction: Transaction | None) -> None:
        """Raise `Invalid` where a transaction does not know the run: after a rollback another node may get its key."""
        begun = self._begun
        if begun is not None and begun is not transaction and not begun.committed:
            raise Invalid(
                f"the transaction in which {self.key} began is not committed, or was rolled back; "
                "store.run(...) makes another run"
            )

    def _check_not_undone(self) -> None:
        """Raise `Invalid` where the transaction in which the run began was rolled back, outside of any other."""
        if self._begun is not None and self._begun.abandoned:
            self._check_begun(None)

    def _check_open(self) -> None:
        key = self.key
        if self._ended:
            raise Invalid(f"{key} has ended; record in it before the end of its block")

    def _add(
        self,
        artifact: ArtifactT | NodeKey,
        role: str,
        path: Path = (),
        *,
        named: bool = False,
        asset: str | None = None,
        time: int | None = None,
        marks: Marks = UNMARKED,
    ) -> ArtifactT:
        wanted = [Wanted(node_of_kind(artifact, Kind.ARTIFACT, role), role, named=named)]
        if asset is not None:
            wanted.append(Wanted(Asset(name=asset), "context"))
        with self._transaction() as transaction:
            transaction.lock()
            settled = settle(self._backend, transaction, wanted, reader=self.key)
            row, changed = settled.rows[0], []
            if any(marks) and (new := marked_row(transaction, row, marks.on)) is not row:
                if row in settled.new:
                    settled.replace(row, new)
                else:
                    changed.append(new)
                row = new
            live = self._live_contexts()
            contexts = (*live, *(each.key for each in settled.rows[1:]))
            key = event_key(role, self.key, row.key)
            event = self._stored_event(key)
            edges, updates = [], []
            if event is None:
                edges.append(event_edge(transaction, key, path, time))
            elif (paths := with_path(event.paths, path)) != event.paths:
                updates.append(event._replace(paths=paths, since=transaction.number))
            edges += [member_edge(transaction, context, row.key) for context in contexts]
            fresh = {each.key for each in settled.new}
            batch = Batch(
                nodes=settled.new,
                updates=changed,
                edges=new_edges(self._backend, transaction, edges, fresh),
                edge_updates=updates,
            )
            transaction.write(batch, live={*live, *(each.key for each in settled.rows)})
        new_notes = [note for note in settled.notes if note not in self._notes]
        warn_of(new_notes)
        self.remark(new_notes)
        cls = None if isinstance(artifact, NodeKey) else type(artifact)
        stored = cast(ArtifactT, entity_of(row, settled.types.known.by_id, cls))
        self._remember(artifact, stored, role)
        return stored

    def _remember(self, artifact: object, stored: Artifact, role: str) -> None:
        if self._remembered is None:
            return
        self._remembered[id(artifact)] = (artifact, stored)
        if role == "input":
            self._read.add(stored.key)
        elif len(self._remembered) > MOST_REMEMBERED + len(self._read):
            del self._remembered[next(iter(self._remembered))]

    def _live_contexts(self) -> list[NodeKey]:
        """Return what the run's artifacts and steps belong to as well, but for what was deleted meanwhile."""
        live = self._backend.live(self._contexts) if self._contexts else ()
        return [key for key in self._contexts if key in live]

    def remark(self, notes: Iterable[str]) -> None:
        """Say in `notes` what was recorded otherwise than it might seem."""
        self._notes.update(dict.fromkeys(notes))

    def _stored_event(self, key: EdgeKey) -> EdgeRow | None:
        """Return an event that the run has already."""
        if not self._backend.existing_edges([key]):
            return None
        direction = Direction.UPSTREAM if key.target == self.key else Direction.DOWNSTREAM
        rows = self._backend.edges([self.key], direction, kinds=[key.kind])
        return next(row for row in rows if row.key == key)

    def _changed(self, transaction: Transaction, row: NodeRow, changed: NodeRow) -> NodeRow:
        """Write a new version of a node, if it differs, and return it."""
        if changed == row:
            return row
        changed = stamp(transaction, changed._replace(updated=transaction.time))
        transaction.write(Batch(updates=[changed]))
        return changed
