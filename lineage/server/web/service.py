"""The store as a whole, its types, and what the service's problems are called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from lineage.answers.sequences import Types
from lineage.model.keys import Kind
from lineage.model.times import from_micros
from lineage.queries.inventory import Holdings
from lineage.server.web.arguments import Arguments, Asked
from lineage.server.web.call import Call
from lineage.server.web.problems import KINDS

__all__ = ["OneKind", "StoreFacts", "errors", "store", "types"]


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """A store as of transaction `number`: its live nodes by type and the newest of each.

    `first` and `last` are the times of its first transaction and of that one; None where there is none. `now` is the last
    transaction that there is; `caller` is who asks, and `role` what they may do.
    """

    types: tuple[Holdings, ...]
    number: int
    first: datetime | None
    last: datetime | None
    now: int
    backend: str
    library: str
    caller: str
    role: str


class OneKind(Asked):
    """Of which kind."""

    kind: Kind | None = None


def store(call: Call, _asked: Asked) -> StoreFacts:
    """Tell what the store holds, by type, and who asks."""
    backend, number = call.store.backend, call.number
    heads = [backend.log(before=each + 1, limit=1)[0] for each in (1, number)] if number else []
    first, last = (from_micros(each.time) for each in heads) if heads else (None, None)
    return StoreFacts(
        call.store.overview().types,
        number,
        first,
        last,
        call.now,
        type(backend).__name__,
        version("lineage-graph"),
        call.caller.name,
        call.caller.role.name.lower(),
    )


def types(call: Call, asked: OneKind) -> Types:
    """List the types of the store and their properties."""
    return call.store.types(asked.kind)


def errors(_call: Call, _asked: Arguments) -> dict[str, int]:
    """List the kinds of problem that a request can end with, and the status of each."""
    return dict(KINDS)
