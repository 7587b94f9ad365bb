"""Makes a bundle: the records that an answer rests on, and why they are in the store's history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from lineage.contract.backend import Backend
from lineage.contract.proof import (
    author_digest,
    author_text,
    content_text,
    own_text,
    record_lines,
)
from lineage.contract.refusals import missing_head
from lineage.contract.tree import (
    consistency_path,
    inclusion_path,
    root,
    root_of,
    subtree,
    whole_subtrees,
)
from lineage.contract.walking import Limits, check_limits
from lineage.errors import Corrupt, Invalid, Unproven, excerpt
from lineage.model.keys import NodeKey
from lineage.model.rows import Commit, Head, NodeRow
from lineage.proofs.bundle import FORMAT, VERSION, Document, Proof, canonical
from lineage.proofs.collecting import Collected, Identity
from lineage.proofs.records import Record, Records, identity_of
from lineage.proofs.signing import sign
from lineage.proofs.verifying import verify

__all__ = ["prove"]

BATCH_HEADS = 128
"""How many heads, near one another, are read at once."""


def prove(
    backend: Backend,
    key: NodeKey,
    *,
    limits: Limits,
    earlier: int | None = None,
    key_file: str | Path | None = None,
    as_of: int | None = None,
) -> Proof:
    """Return what is recorded of a node and of all it was made from, with the proof that it is.

    The limits are those of the walk upstream. With `earlier`, the number of a transaction, the bundle also
    proves that history went on from there. A private key, in a PEM file, signs it. `NotFound` where there is
    no such node, `Corrupt` where the store does not hold what its digests say.
    """
    check_limits(limits)
    last = backend.now() if as_of is None else as_of
    if earlier is not None and not (type(earlier) is int and 0 < earlier <= last):
        raise Invalid(f"earlier={excerpt(earlier)}: give the number of a transaction up to {last}")
    collected = Collected(backend, key, limits, last)
    writer = _Writer(backend, last, earlier)
    document = writer.document(key, collected)
    if key_file is not None:
        document["signature"] = sign(canonical(document), key_file)
    proof = Proof(document, tuple(writer.notes))
    try:
        verify(proof)
    except Unproven as error:
        raise Corrupt(
            f"the store does not hold what its digests say, so that nothing proves {key}; run a check of it: {error}"
        ) from error
    return proof


class _Writer:
    """Writes a bundle's parts, all of one moment."""

    def __init__(self, backend: Backend, last: int, earlier: int | None) -> None:
        self._backend, self._last = backend, last
        self._earlier = None if earlier == last else earlier
        self._heads: dict[int, Head] = {}
        self.notes: list[str] = []
        self._node = cache(self._subtree)

    def document(self, key: NodeKey, collected: Collected) -> Document:
        records: list[dict[str, Any]] = []
        transactions = []
        needed = {*collected.wanted, self._last, self._earlier or self._last}
        for commit in self._commits(sorted(needed)):
            number = commit.head.number
            wanted = collected.wanted.get(number, set())
            lines = [*record_lines(commit)]
            records += _records(commit, lines, wanted)
            shown = bool(wanted) or number == self._last
            transactions.append(self._transaction(commit, lines, shows_author=shown))
        if collected.cut:
            self.notes.append(f"the limit of {collected.cut} cut what the node was made from")
        said = Records(
            Record(each["transaction"], json.loads(each["line"]), each["content"])
            for each in records
        )
        return {
            "format": FORMAT,
            "version": VERSION,
            "subject": str(key),
            "number": self._last,
            "digest": self._head(self._last).digest.hex(),
            "cut": collected.cut,
            "answer": said.answer(key),
            "transactions": transactions,
            "records": records,
            "earlier": self._went_on(),
        }

    def _commits(self, numbers: list[int]) -> Iterator[Commit]:
        """Read transactions, each run of numbers that follow one another in one stream."""
        runs: list[list[int]] = []
        for number in numbers:
            if runs and number == runs[-1][1] + 1:
                runs[-1][1] = number
            else:
                runs.append([number, number])
        for first, last in runs:
            yield from self._backend.changes(first - 1, until=last)

    def _transaction(
        self, commit: Commit, lines: list[str], *, shows_author: bool
    ) -> dict[str, Any]:
        head = commit.head
        author = {"digest": author_digest(head).hex()}
        if head.salt is not None and shows_author:
            author = {"salt": head.salt.hex(), "text": author_text(head).decode()}
        path = None
        if head.number != self._last:
            path = _hex(inclusion_path(head.number - 1, self._last - 1, self._node))
        return {
            "history": root_of(head.number - 1, self._node).hex(),
            "author": author,
            "records": root(map(str.encode, lines)).hex(),
            "own": own_text(head).decode(),
            "path": path,
        }

    def _went_on(self) -> dict[str, Any] | None:
        """Return the proof that the heads before the last one begin with those before the earlier one."""
        if self._earlier is None:
            return None
        path = consistency_path(self._earlier - 1, self._last - 1, self._node)
        return {"number": self._earlier, "path": _hex(path)}

    def _subtree(self, number: int, height: int) -> bytes:
        return subtree(self._head(number), height)

    def _head(self, number: int) -> Head:
        if number not in self._heads:
            # The last of a batch completes its largest subtree.
            end = min(-(-number // BATCH_HEADS) * BATCH_HEADS, self._last)
            heads = self._backend.log(before=end + 1, limit=BATCH_HEADS)
            self._heads |= {head.number: head for head in heads}
        if number not in self._heads:
            raise missing_head(number)
        return self._heads[number]


def _hex(nodes: list[bytes]) -> list[str]:
    return [node.hex() for node in nodes]


def _records(commit: Commit, lines: list[str], wanted: set[Identity]) -> list[dict[str, Any]]:
    """Return those records of a transaction that are wanted, in the order of its tree."""
    if not wanted:
        return []
    node = whole_subtrees(map(str.encode, lines))
    rows = {row.key: row for row in (*commit.batch.nodes, *commit.batch.updates)}
    records = []
    for index, line in zip(count(), lines, strict=False):
        if line.startswith(('["ended"', '["purged head"')):
            continue
        identity = identity_of(json.loads(line))
        if identity in wanted:
            path = _hex(inclusion_path(index, len(lines), node))
            row = rows[identity[1]] if identity[0] == "node" else None  # type: ignore[index]  # what tells a node is its key
            records.append(
                {
                    "transaction": commit.head.number,
                    "index": index,
                    "line": line,
                    "path": path,
                    **_content_of(row),
                }
            )
    return records


def _content_of(row: NodeRow | None) -> dict[str, Any]:
    if row is None or row.salt is None:
        return {"salt": None, "content": None}
    return {"salt": row.salt.hex(), "content": content_text(row).decode()}
