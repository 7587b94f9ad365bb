"""The digest chain: what proves that history was not changed since.

Each transaction's digest is sha256 over the digest before it, its own head and a line for each of
its records, in key order; each line is a JSON array and ends in a newline. A node's line holds
the salted digest of its content instead of the content, so that a purge can erase the content and
the salt and leave the chain whole: without the salt, nobody can try out what was erased.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

from pydantic_core import to_json

from lineage.model.keys import Kind
from lineage.model.rows import Commit, EdgeKey, EdgeKind, EdgeRow, Head, NodeRow, TypeRow

__all__ = ["NO_DIGEST", "content_digest", "faults", "purged", "seal"]

NO_DIGEST = bytes(32)
"""The digest of number 0, the empty store."""


def content_digest(row: NodeRow) -> bytes:
    """Return the digest of a version's content: the stored one where the content was purged."""
    if row.digest is not None:
        return row.digest
    salt = row[11]
    assert salt is not None
    return sha256(salt + to_json(row[2:8])).digest()


def purged(row: NodeRow) -> NodeRow:
    """Return the version without content and salt, and with their digest instead."""
    return row._replace(
        name=None,
        external_id=None,
        uri=None,
        state=None,
        properties="{}",
        custom="{}",
        salt=None,
        digest=content_digest(row),
    )


def seal(previous: bytes, commit: Commit) -> bytes:
    """Return the digest of a transaction that follows the one with the digest `previous`."""
    head = commit.head
    chain = sha256(previous)
    ids = (head.types, head.artifacts, head.executions, head.contexts, head.edges)
    chain.update(
        to_json(("transaction", head.number, head.time, head.actor, head.message, *ids)) + b"\n"
    )
    chain.update("".join(_lines(commit)).encode())
    return chain.digest()


def faults(commits: Iterable[Commit], *, after: Head | None = None) -> Iterator[str]:
    """Yield a sentence for each transaction of a history that is not as it was sealed.

    The history is whole, or follows a transaction that is taken for right.
    """
    previous, number = (NO_DIGEST, 0) if after is None else (after.digest, after.number)
    for commit in commits:
        head, batch = commit.head, commit.batch
        number += 1
        if head.number != number:
            yield f"transaction {number} is missing"
            number = head.number
        written = sum(map(len, (*batch, commit.ended, commit.deleted, commit.purged)))
        if written != head.records:
            yield f"transaction {number} wrote {head.records} records, but {written} are there"
        elif seal(previous, commit) != head.digest:
            yield f"transaction {number}: its own row or one of its records was changed since it was written"
        previous = head.digest


_KINDS = {kind: kind.value for kind in Kind}
"""As plain strings, which are put into a text several times faster than an enumeration's members."""
_EDGES = {kind: str(int(kind)) for kind in EdgeKind}


def _lines(commit: Commit) -> Iterator[str]:
    for row in commit.batch.types:
        yield _type_line(row)
    for key in commit.ended:
        yield f'["ended",{_edge_key(key)}]\n'
    for node in commit.batch.nodes:
        yield _node_line("node", node)
    for node in commit.batch.updates:
        yield _node_line("update", node)
    for edge in commit.batch.edges:
        yield _edge_line("edge", edge)
    for edge in commit.batch.edge_updates:
        yield _edge_line("edge update", edge)
    for name, keys in (("deleted", commit.deleted), ("purged", commit.purged)):
        for kind, number in keys:
            yield f'["{name}","{_KINDS[kind]}:{number}"]\n'


def _node_line(name: str, row: NodeRow) -> str:
    (kind, number), type_id, *_, created, updated = row[:10]
    content = content_digest(row).hex()
    return f'["{name}","{_KINDS[kind]}:{number}",{type_id},{created},{updated},"{content}"]\n'


def _edge_line(name: str, row: EdgeRow) -> str:
    time, paths, _, order, first = row[3:8]
    shown = "null" if time is None else time
    return f'["{name}",{_edge_key(row)},{shown},{paths or "null"},{order},{first}]\n'


def _edge_key(key: EdgeKey | EdgeRow) -> str:
    (source_kind, source), (target_kind, target), kind = key[:3]
    one, other = _KINDS[source_kind], _KINDS[target_kind]
    return f'"{one}:{source}","{other}:{target}",{_EDGES[kind]}'


def _type_line(row: TypeRow) -> str:
    content = ("type", row.type.kind, row.type.model_dump(mode="json"))
    return f"{to_json(content).decode()}\n"
