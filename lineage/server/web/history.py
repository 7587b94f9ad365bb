"""The log: transactions, what each wrote, and how many there were when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from lineage.answers.log import Change, Log, LogEntry, NodeEntry, change_of
from lineage.errors import NotFound
from lineage.model.times import from_micros
from lineage.server.web.arguments import MOST, Asked, Text
from lineage.server.web.call import Call

__all__ = ["Histogram", "Stretch", "histogram", "of_node", "transaction", "transactions"]


class Logged(Asked):
    """Which transactions."""

    before: Annotated[int | None, Field(ge=1, description="Those before this number.")] = None
    actor: Annotated[Text, Field(description="Those that this actor wrote.")] = ""
    since: Annotated[Text, Field(description="Those at or after a day or a time.")] = ""
    until: Annotated[
        Text, Field(description="Those at or before a day, which is whole, or a time.")
    ] = ""
    text: Annotated[Text, Field(description="Those with this in the message.")] = ""
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50


class LoggedOfAll(Logged):
    """Which transactions of the store."""

    type: Annotated[Text, Field(description="Those that wrote nodes of a kind or a type.")] = ""


class Binned(Asked):
    """Into how many stretches the time is cut."""

    bins: Annotated[int, Field(ge=1, le=MOST)] = 200


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time: until when, how many transactions were in it, and the last at its end."""

    until: datetime
    count: int
    number: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """When transactions were, in stretches of equal length between the first and the last; None for an empty store."""

    first: datetime | None
    last: datetime | None
    bins: tuple[Stretch, ...]
    number: int


def transactions(call: Call, asked: LoggedOfAll) -> Log[LogEntry]:
    """List the transactions, newest first."""
    return call.store.log(
        limit=asked.limit,
        before=asked.before,
        actor=asked.actor or None,
        since=asked.since or None,
        until=asked.until or None,
        type=asked.type or None,
        text=asked.text or None,
    )


def of_node(call: Call, asked: Logged) -> Log[NodeEntry]:
    """List the transactions that wrote or deleted a node, and what each changed."""
    return call.store.log(
        call.node,
        limit=asked.limit,
        before=asked.before,
        actor=asked.actor or None,
        since=asked.since or None,
        until=asked.until or None,
        text=asked.text or None,
    )


def transaction(call: Call, _asked: Asked) -> Change:
    """Tell what one transaction wrote."""
    number, backend = call.whole("number"), call.store.backend
    if not 0 < number <= call.number:
        raise NotFound(f"there is no transaction {number} yet; the last one is {call.number}")
    (commit,) = backend.changes(number - 1, until=number)
    return change_of(backend, commit)


def histogram(call: Call, asked: Binned) -> Histogram:
    """Count how many transactions there were when, in stretches of equal length."""
    backend, number = call.store.backend, call.number
    if not number:
        return Histogram(None, None, (), 0)
    (first,), (last,) = (backend.log(before=each + 1, limit=1) for each in (1, number))
    stretches: list[Stretch] = []
    before = 0
    for place in range(1, asked.bins + 1):
        until = first.time + (last.time - first.time) * place // asked.bins
        there = number if place == asked.bins else min(backend.number_at(until), number)
        stretches.append(Stretch(from_micros(until), there - before, there))
        before = there
    return Histogram(from_micros(first.time), from_micros(last.time), tuple(stretches), number)
