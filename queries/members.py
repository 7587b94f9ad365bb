"""Where a question begins that is asked about a context: at its members."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from lineage.answers.labels import listed
from lineage.contract.walking import Direction, Limits, check_limits
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind
from lineage.queries.reader import Reader

__all__ = ["Starts", "starts_of"]


class Starts(NamedTuple):
    """The nodes at which a question begins, and what is to be said of them."""

    keys: tuple[NodeKey, ...]
    notes: tuple[str, ...] = ()


def starts_of(
    reader: Reader, asked: Collection[NodeKey], limits: Limits, *, inputs: bool
) -> Starts:
    """Return where a question about some nodes begins: instead of contexts, at their members.

    These are the executions of a context, and its artifacts that they do not merely read: what a person's
    data is within a context comes of it, and what its runs only looked up does not. `inputs` takes those, too.
    Of a context no more members are looked at than the limit of nodes, the first by key. `NotFound` for
    what is not there.
    """
    contexts = [key for key in dict.fromkeys(asked) if key.kind is Kind.CONTEXT]
    if not contexts:
        return Starts(tuple(asked))
    check_limits(limits)
    reader.check(contexts)
    keys = dict.fromkeys(key for key in asked if key.kind is not Kind.CONTEXT)
    notes = []
    for context in contexts:
        members, is_cut = _members(reader, context, limits)
        if is_cut:
            notes.append(
                f"{context} has more than {limits.nodes} members; only the first are looked at"
            )
        left_out = set() if inputs else _merely_read(reader, members, limits)
        keys |= dict.fromkeys(key for key in members if key not in left_out)
        if left_out:
            notes.append(_told(context, sorted(left_out)))
        if not members:
            notes.append(f"{context} has no members")
        if reader.gone(context):
            notes.append(f"{context} was deleted; this is of its members")
        if reader.edge_page(context, Direction.DOWNSTREAM, {EdgeKind.PARENT}, limit=1):
            notes.append(f"there are contexts within {context}, whose members are not looked at")
    return Starts(tuple(keys), tuple(notes))


def _members(reader: Reader, context: NodeKey, limits: Limits) -> tuple[list[NodeKey], bool]:
    most = None if limits.nodes is None else limits.nodes + 1
    kinds = {EdgeKind.ASSOCIATION, EdgeKind.ATTRIBUTION}
    page = reader.edge_page(context, Direction.DOWNSTREAM, kinds, limit=most)
    keys = [row.target for row in page]
    return keys[: limits.nodes], len(keys) == most


def _merely_read(reader: Reader, members: Collection[NodeKey], limits: Limits) -> set[NodeKey]:
    """Return the artifacts among members that executions among them read, and none of them wrote."""
    executions = [key for key in members if key.kind is Kind.EXECUTION]
    read = reader.neighbours(executions, Direction.UPSTREAM, limits).edges
    written = reader.neighbours(executions, Direction.DOWNSTREAM, limits).edges
    merely = {row.source for row in read} - {row.target for row in written}
    return merely.intersection(members)


def _told(context: NodeKey, left_out: list[NodeKey]) -> str:
    are, they = ("is", "it counts") if len(left_out) == 1 else ("are", "they count")
    return (
        f"{listed(left_out)} of {context} {are} merely read by its runs, and left out; with --inputs, "
        f"in Python inputs=True, {they}"
    )
