"""Tells what a purge of an actor takes out of the log, and what it does not reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lineage.answers.notebook import Part
from lineage.contract.backend import Backend
from lineage.errors import Invalid, NotFound, excerpt
from lineage.model.rows import Head
from lineage.model.values import to_text

__all__ = ["ActorRemoval", "actor_removal"]

BATCH_HEADS = 1_000
LISTED = 5
"""How many transactions a note names."""


@dataclass(frozen=True, slots=True)
class ActorRemoval(Part):
    """The transactions, by number, that lose actor and message; `notes` say what a purge does not reach."""

    actor: str
    transactions: tuple[int, ...]
    notes: tuple[str, ...]


def actor_removal(backend: Backend, actor: str, *, by: str, reason: str = "") -> ActorRemoval:
    """Return what a purge of an actor, whose whole name is given, takes out of the log.

    It is `Invalid` where the purge's own transaction, written `by` somebody, would name the actor again, and
    `NotFound` where no transaction does now. The whole log is read.

    >>> import lineage
    >>> with lineage.connect("memory:", actor="ann") as store:
    ...     _ = store.put(lineage.Dataset(), message="ann's own")
    ...     actor_removal(store.backend, "ann", by="dpo").transactions
    (1,)
    """
    if not to_text(actor):
        raise Invalid("the actor's name is empty; give the whole name that the log shows")
    if actor == by:
        raise Invalid(
            f"{excerpt(actor)} cannot purge their own name, for the log keeps who purges: let another actor do it"
        )
    own: list[int] = []
    others: list[int] = []
    for head in _heads(backend):
        if head.author is None and head.actor == actor:
            own.append(head.number)
        elif actor in head.message:
            others.append(head.number)
    if not own:
        raise NotFound(
            f"no transaction names {excerpt(actor)} as its actor; `lineage log` shows the names, which must be whole"
        )
    return ActorRemoval(actor, tuple(sorted(own)), tuple(_notes(actor, sorted(others), reason)))


def _heads(backend: Backend) -> Iterator[Head]:
    before = None
    while heads := backend.log(before=before, limit=BATCH_HEADS):
        yield from heads
        before = heads[-1].number
        if before == 1:
            return


def _notes(actor: str, others: Sequence[int], reason: str) -> Iterator[str]:
    if others:
        listed = ", ".join(map(str, others[:LISTED]))
        more = f" and {len(others) - LISTED} more" if len(others) > LISTED else ""
        yield f"other actors' messages hold the name and stay: transactions {listed}{more}"
    if actor in reason:
        yield "the reason holds the name, and the log keeps the reason"
    yield (
        "what nodes say (properties, names, URIs) stays, and so do exports, backups and proofs made before; a copy "
        "loses the name when it is copied to again"
    )
