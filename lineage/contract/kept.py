"""A digest that somebody keeps elsewhere: a transaction's number and its digest, written `17:9f3c…`."""

from __future__ import annotations

import re
from typing import NamedTuple

from lineage.contract.backend import EMPTY, Backend
from lineage.contract.refusals import missing_head
from lineage.contract.tree import NO_DIGEST
from lineage.errors import Invalid, excerpt
from lineage.model.rows import Head

__all__ = ["KeptDigest", "kept_at", "records_up_to"]

_FORM = re.compile(r"(\d{1,18}):([0-9a-fA-F]{64})", re.ASCII)


BATCH_HEADS = 1_000


class KeptDigest(NamedTuple):
    """What proves all history up to a transaction, for its digest covers those before.

    >>> str(KeptDigest.parse("0:" + "0" * 64)) == "0:" + "0" * 64
    True
    """

    number: int
    digest: bytes = NO_DIGEST

    def __str__(self) -> str:
        return f"{self.number}:{self.digest.hex()}"

    @classmethod
    def parse(cls, text: object) -> KeptDigest:
        """Return what a text such as `17:9f3c…` says; `Invalid` for one of another form."""
        match = _FORM.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise Invalid(
                f"{excerpt(text, 120)} is no digest to compare with; write the number of a transaction, a colon and its "
                "digest, 64 hexadecimal digits, as `lineage check` prints it"
            )
        return cls(int(match[1]), bytes.fromhex(match[2]))

    def fault(self, backend: Backend) -> str | None:
        """Return a sentence where a store's history is not the one that the digest was kept of.

        The chain itself is not looked at: that is what a check of the store does.
        """
        last = backend.now()
        if self.number > last:
            return (
                f"transaction {self.number}, whose digest was kept, is not there: the last one is {last}, so that "
                "what came after it was cut off, or this is another store"
            )
        heads = backend.log(before=self.number + 1, limit=1) if self.number else [EMPTY]
        there = heads[0].digest if heads else NO_DIGEST  # that it is missing, the check says
        if there == self.digest:
            return None
        return (
            f"transaction {self.number} has the digest {there.hex()}, not {self.digest.hex()}, which was kept: "
            "history up to it is another one than it was"
        )


def kept_at(backend: Backend, number: int) -> KeptDigest:
    """Return what to keep of a committed transaction; of number 0, the empty store, the digest is all zeros."""
    return KeptDigest(number, _head(backend, number).digest)


def _head(backend: Backend, number: int) -> Head:
    heads = backend.log(before=number + 1, limit=1) if number else [EMPTY]
    if [head.number for head in heads] != [number]:
        raise missing_head(number)
    return heads[0]


def records_up_to(backend: Backend, number: int) -> int:
    """Return how many records the transactions up to a number wrote together."""
    records = 0
    while number:
        heads = backend.log(before=number + 1, limit=min(number, BATCH_HEADS))
        records += sum(head.records for head in heads)
        number = heads[-1].number - 1 if heads else 0
    return records
