"""What a transaction without a message did, in a few words.

They are made of its records when they are read, and stored nowhere: so old stores have them too, and what a
purge erased is not in them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.standing import Weight, weight_of
from lineage.errors import Corrupt
from lineage.model.canonical import decode, same
from lineage.model.entities import ExecutionState
from lineage.model.keys import Kind, NodeKey, TypeName
from lineage.model.marks import DETAILS_PREFIX
from lineage.model.rows import (
    EVENT_KINDS,
    INPUT_KINDS,
    Commit,
    EdgeKey,
    Head,
    NodeRow,
)
from lineage.model.system import OWN_CLASSES, RUN_ID, Alias, Metrics, Series
from lineage.model.texts import printable

__all__ = ["summaries"]

MOST_SUMMARIES = 1_000
"""Of how many transactions of one log the records are read."""
MOST_RECORDS = 1_000
"""A transaction of more records is told by their number."""
LONGEST, LONGEST_LABEL, NAMED = 200, 60, 3
_ALIAS, _METRICS, _SERIES = (cast(TypeName, cls.type_name).name for cls in (Alias, Metrics, Series))
_STATES = tuple(ExecutionState)
_AROUND_A_PATH = re.compile(r"^(?:[a-zA-Z][\w+.-]*:/*|//)(?:[^/@]*@)?|[?#].*$", re.DOTALL)
"""Of a URI the scheme, who asks, the query and the fragment: a password or a token may be in there."""


def summaries(
    backend: Backend, heads: Sequence[Head], *, as_of: int | None = None
) -> dict[int, str]:
    """Return by number what those transactions did that have no message, of the first thousand of them.

    Nodes are named as of a moment, or as they are now: what was purged by its key and type.
    """
    asked = [head for head in heads[:MOST_SUMMARIES] if not head.message]
    told = {head.number: _records(head) for head in asked}
    numbers = sorted(head.number for head in asked if head.records <= MOST_RECORDS)
    stretches = [[*backend.changes(first - 1, until=last)] for first, last in _ranges(numbers)]
    teller = _Teller(backend, [commit for each in stretches for commit in each], as_of)
    for stretch in stretches:
        teller.begin(stretch)
        for commit in stretch:
            try:
                told[commit.head.number] = teller.told(commit)
            except (LookupError, TypeError, ValueError) as error:
                raise Corrupt(
                    f"the records of transaction {commit.head.number} cannot be read; run a check of the store"
                ) from error
    return told


def _records(head: Head) -> str:
    return f"{head.records:,} record{'' if head.records == 1 else 's'}"


def _ranges(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of numbers, in order, that follow one another."""
    first = last = None
    for number in numbers:
        if first is not None and last is not None and number != last + 1:
            yield first, last
            first = None
        first, last = number if first is None else first, number
    if first is not None and last is not None:
        yield first, last


class _Teller:
    """Tells what transactions did: those that follow one another, oldest first, after `begin`."""

    def __init__(self, backend: Backend, commits: Sequence[Commit], as_of: int | None) -> None:
        self._backend = backend
        self._types = registry(backend, as_of).by_id
        self._rows = backend.nodes({key for each in commits for key in _keys(each)}, as_of=as_of)
        self._last: dict[NodeKey, NodeRow] = {}
        """The newest versions before the transaction that is told next."""

    def begin(self, stretch: Sequence[Commit]) -> None:
        """Read in one call, before some transactions that follow one another are told, what they changed."""
        keys = {row.key for commit in stretch for row in commit.batch.updates}
        before = stretch[0].head.number - 1
        self._last = dict(self._backend.nodes(keys, as_of=before)) if keys else {}

    def told(self, commit: Commit) -> str:
        """Return what a transaction did."""
        pieces = [
            *self._aliases(commit),
            *self._taken_away(commit),
            *self._updated(commit),
            *self._events(commit),
            *self._new(commit),
        ]
        pieces = pieces or [*self._joined(commit)]
        self._last |= {row.key: row for row in (*commit.batch.nodes, *commit.batch.updates)}
        for key in commit.deleted:
            self._last.pop(key, None)  # it is told as gone by what the store has of it
        return printable(", ".join(pieces) or _records(commit.head), limit=LONGEST)

    def _aliases(self, commit: Commit) -> Iterator[str]:
        given = {
            edge.source: edge.target for edge in commit.batch.edges if self._is_alias(edge.source)
        }
        yield from (
            f"alias {self._label(alias)} to {self._label(node)}" for alias, node in given.items()
        )
        ended = dict.fromkeys(edge.source for edge in commit.ended if self._is_alias(edge.source))
        yield from (
            f"take the alias {self._label(alias)} away" for alias in ended if alias not in given
        )

    def _is_alias(self, key: NodeKey) -> bool:
        return self._type(key) == _ALIAS

    def _taken_away(self, commit: Commit) -> Iterator[str]:
        if commit.purged_heads:
            yield f"purge who wrote {len(commit.purged_heads)} transactions"
        if commit.purged:
            yield f"purge {self._things(commit.purged)}"
        if left := [key for key in commit.deleted if key not in set(commit.purged)]:
            yield f"delete {self._things(left)}"
        ended = [edge for edge in commit.ended if not self._is_alias(edge.source)]
        if ended and not commit.batch.edges:
            yield self._edges("unlink", ended)

    def _updated(self, commit: Commit) -> Iterator[str]:
        changes: dict[str, list[NodeKey]] = {}
        moved = {edge[0] for edge in (*commit.batch.edges, *commit.ended)}
        for row in commit.batch.updates:
            if row.key in moved and self._is_alias(row.key):
                continue
            change = self._change(row, commit.head.number)
            if change is not None:
                changes.setdefault(change, []).append(row.key)
        for change, keys in changes.items():
            yield change.replace("…", self._things(keys), 1)
        for edge in commit.batch.edge_updates[:1]:
            artifact, execution = _ends(edge.key)
            yield f"{self._label(artifact)} once more for {self._kind(execution)}"

    def _change(self, row: NodeRow, number: int) -> str | None:
        """Return what became of a node, with `…` in place of what it is called; None for what a step brought."""
        old = self._last.get(row.key) or self._backend.nodes([row.key], as_of=number - 1)[row.key]
        if old.gone:
            return "restore …"
        if row.state != old.state and row.state is not None and row.key.kind is Kind.EXECUTION:
            state = _STATES[row.state]
            is_open = weight_of(row.state) is Weight.OPEN
            return f"… is {state}" if is_open else f"end {self._kind(row.key)} as {state}"
        names = [*_changed(old, row)]
        if names == [RUN_ID] or self._type(row.key) == _SERIES:
            return None  # what is told of the step, and of the metrics, says it
        if self._type(row.key) == _METRICS:
            return f"log {_several(names) or 'metrics'}"
        return f"change {_several(map(_plain, names))} of …" if names else "write … again"

    def _events(self, commit: Commit) -> Iterator[str]:
        """Yield what was read and written by runs that were there before; the others' is told with them."""
        new = {row.key: row for row in commit.batch.nodes}
        events: dict[tuple[bool, NodeKey], list[NodeKey]] = {}
        for edge in commit.batch.edges:
            if edge.kind in EVENT_KINDS:
                artifact, execution = _ends(edge.key)
                reads = edge.kind in INPUT_KINDS
                if execution not in new and self._type(artifact) not in OWN_CLASSES:
                    events.setdefault((reads, execution), []).append(artifact)
        for (reads, execution), artifacts in events.items():
            measured = [key for key in artifacts if self._type(key) == _METRICS]
            for key in measured:
                row = new.get(key, self._rows[key])
                names = [*decode(row.custom or "{}")]
                yield f"log {_several(names) or 'metrics'} in {self._kind(execution)}"
            if left := [key for key in artifacts if key not in measured]:
                what = self._label(left[0]) if len(left) == 1 else f"{len(left)} artifacts"
                how, where = ("input", "to") if reads else ("output", "of")
                yield f"{how} {what} {where} {self._kind(execution)}"

    def _new(self, commit: Commit) -> Iterator[str]:
        """Yield which runs and other nodes are new, but for what an event or the engine itself brought."""
        events = [edge for edge in commit.batch.edges if edge.kind in EVENT_KINDS]
        told = {_ends(edge.key)[0] for edge in events}
        runs = [row for row in commit.batch.nodes if row.key.kind is Kind.EXECUTION]
        for row in runs[:NAMED]:
            counts = Counter(
                "input" if edge.kind in INPUT_KINDS else "output"
                for edge in events
                if row.key in edge.key
            )
            parts = [f"{n} {what}{'s' * (n > 1)}" for what, n in counts.items()]
            is_open = weight_of(row.state) is Weight.OPEN
            verb = "begin" if is_open and not parts else "record"
            yield f"{verb} {self._kind(row.key)}" + f" with {' and '.join(parts)}" * bool(parts)
        if len(runs) > NAMED:
            yield f"and {len(runs) - NAMED} more runs"
        others = [
            row.key
            for row in commit.batch.nodes
            if row.key.kind is not Kind.EXECUTION
            and row.key not in told
            and self._type(row.key) not in OWN_CLASSES
        ]
        if others and not runs and not told:
            yield f"put {self._things(others)}"

    def _joined(self, commit: Commit) -> Iterator[str]:
        """Yield what is told of a transaction of which nothing else is: the engine's own nodes, edges and types."""
        if commit.batch.nodes:
            yield f"put {self._things([row.key for row in commit.batch.nodes])}"
        elif commit.batch.edges:
            yield self._edges("link", [edge.key for edge in commit.batch.edges])
        elif names := [each.type.name for each in commit.batch.types]:
            yield f"type{'s' * (len(names) > 1)} {_several(names)}"

    def _edges(self, verb: str, edges: Sequence[EdgeKey]) -> str:
        if len(edges) > 1:
            return f"{verb} {len(edges):,} edges"
        one, other = map(self._thing, edges[0][:2])
        return f"{verb} {one} and {other}"

    def _things(self, keys: Sequence[NodeKey]) -> str:
        if len(keys) == 1:
            return self._thing(keys[0])
        counts = Counter(map(self._kind, keys)).most_common()
        parts = [f"{number:,} {name}" for name, number in counts[:NAMED]]
        return ", ".join([*parts, *(["…"] if len(counts) > NAMED else [])])

    def _thing(self, key: NodeKey) -> str:
        return f"{self._kind(key)} {self._plain_label(key) or key}"

    def _label(self, key: NodeKey) -> str:
        return self._plain_label(key) or self._thing(key)

    def _plain_label(self, key: NodeKey) -> str:
        """Return a node's name, or the path of its URI; "" where it has neither, or has been purged."""
        row = self._rows.get(key)
        said = (row.name or _AROUND_A_PATH.sub("", row.uri or "")) if row is not None else ""
        return said if len(said) <= LONGEST_LABEL else f"…{said[1 - LONGEST_LABEL :]}"

    def _kind(self, key: NodeKey) -> str:
        """Return a node's type as it is told: the library's own without their prefix."""
        return _plain(self._type(key))

    def _type(self, key: NodeKey) -> str:
        row = self._rows.get(key)
        known = None if row is None else self._types.get(row.type_id)
        return key.kind.value if known is None else known.name


def _keys(commit: Commit) -> Iterator[NodeKey]:
    """Yield the nodes that a transaction's records name."""
    batch = commit.batch
    for row in (*batch.nodes, *batch.updates):
        yield row.key
    for edge in (*commit.ended, *(each.key for each in (*batch.edges, *batch.edge_updates))):
        yield from edge[:2]
    yield from commit.deleted
    yield from commit.purged


def _ends(event: EdgeKey) -> tuple[NodeKey, NodeKey]:
    """Return the artifact and the execution of an event."""
    ends = (event.source, event.target)
    return ends if event.kind in INPUT_KINDS else ends[::-1]


def _changed(old: NodeRow, new: NodeRow) -> Iterator[str]:
    """Yield the names of the fields and properties in which two versions differ."""
    for name in ("name", "external_id", "uri", "state"):
        if getattr(old, name) != getattr(new, name):
            yield name
    for column in ("properties", "custom"):
        was, now = (decode(getattr(row, column) or "{}") for row in (old, new))
        for name in sorted({*was, *now}):
            if name not in was or name not in now or not same(was[name], now[name]):
                yield name


def _plain(name: str) -> str:
    return name.removeprefix(DETAILS_PREFIX)


def _several(names: Iterable[str]) -> str:
    texts = [name[:LONGEST_LABEL] for name in names]
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return ", ".join(texts[:NAMED]) + more
