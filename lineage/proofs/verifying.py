"""Checks a bundle, without a store: every hash, every path, and that the records say what the answer says.

`docs/proof.md` lists the same checks in the same order, for those who write a verifier of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from lineage.contract.kept import KeptDigest
from lineage.contract.tree import NO_DIGEST, is_consistent, root_by_path
from lineage.errors import LineageError, Unproven
from lineage.model.keys import NodeKey
from lineage.proofs.bundle import Document, Proof, canonical, read_document
from lineage.proofs.records import Record, Records, identity_of
from lineage.proofs.signing import is_signed, public_key_of

__all__ = ["NOT_PROVED", "ProvedTransaction", "Verified", "verify"]

NOT_PROVED = (
    "that nothing was left out: other inputs, edges and later versions may be recorded, up to this transaction too",
    "that a node or an edge was not changed or ended after the record that is shown, and why a content is not shown",
    "that what was recorded is true, or that times and actors are: they are what the store was told",
)
"""What no bundle proves, in sentences."""
EARLIEST, LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The first and the last microsecond of the years 1 to 9999, since 1970."""
_HASH = re.compile("[0-9a-f]{64}")
_SALT = re.compile("(?:[0-9a-f]{2}){1,64}")
_KEYS = {
    "": {"format", "version", "subject", "number", "digest", "root", "cut", "answer"}
    | {"transactions", "records", "earlier"},
    "transaction": {"own", "before", "author", "records", "path"},
    "record": {"transaction", "index", "line", "path", "salt", "content"},
    "earlier": {"number", "root", "path"},
    "signature": {"algorithm", "key", "value"},
}
"""The names that each object of a bundle has, no more and no less."""


class ProvedTransaction(NamedTuple):
    """A transaction of a bundle; `author` is the actor and the message, None where they are not shown."""

    number: int
    time: int
    records: int
    mark: str
    digest: bytes
    author: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Verified:
    """What a bundle proves of its `subject`, as of transaction `number`: `answer`, and the `records` behind it.

    `checked` says in sentences what was found right, `not_proved` what no such bundle proves, and
    `trust` what all of it rests on. `digest` and `root` have the number before them. `signed_by` is the public key
    in hexadecimal, None where there is no signature.
    """

    subject: str
    number: int
    digest: str
    root: str
    signed_by: str | None
    cut: str | None
    answer: Mapping[str, Any]
    checked: tuple[str, ...]
    trust: tuple[str, ...]
    not_proved: tuple[str, ...]
    _records: Records = field(repr=False)
    _transactions: Mapping[int, ProvedTransaction] = field(repr=False)

    @property
    def records(self) -> Records:
        """The nodes, types and edges that are proved."""
        return self._records

    @property
    def transactions(self) -> Mapping[int, ProvedTransaction]:
        """The transactions that wrote them, and those between, by number."""
        return self._transactions


def verify(
    bundle: Proof | Path | str | bytes,
    *,
    digest: str | None = None,
    root: str | None = None,
    public_key: str | Path | None = None,
) -> Verified:
    """Check a bundle, which is a proof, a path or the text of a file; return what it proves.

    `Unproven` for one of which any part is not right. By itself it proves that its parts belong
    together; what you know from elsewhere ties them to a store: a `digest` that was kept of it, the
    `root` of its tree over heads (both like `17:9f3c…`), or the `public_key` of who signs, in a PEM file. Each
    that is given must hold.
    """
    document = read_document(bundle)
    try:
        verification = _Verification(document)
    except Unproven:
        raise
    except (LineageError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise Unproven(f"the proof is not of the form that it should have: {error}") from error
    return verification.result(digest, root, public_key)


class _Verification:
    """One bundle while it is checked."""

    def __init__(self, document: Document) -> None:
        self._document = {name: each for name, each in document.items() if name != "signature"}
        self._signature = document.get("signature")
        self._signed_text = canonical(self._document)
        _check_names(self._document, "")
        if "signature" in document:
            _check_names(self._signature, "signature")
        self._number = _whole(document["number"], 1)
        self._digest = _hash(document["digest"])
        self._root = _hash(document["root"])
        self._transactions: dict[int, ProvedTransaction] = {}
        self._record_roots: dict[int, bytes] = {}
        self._linked_from = self._number
        self._read_transactions()
        self._records = self._read_records()
        self._check_answer()
        self._check_earlier()

    def _read_transactions(self) -> None:
        last = 0
        for each in _list(self._document["transactions"]):
            transaction, before, records = _transaction(each)
            number = transaction.number
            if number <= last:
                raise Unproven(f"transaction {number} does not come after the one before")
            previous = self._transactions.get(number - 1)
            follows = NO_DIGEST if number == 1 else before if previous is None else previous.digest
            if before != follows:
                raise Unproven(f"transaction {number} does not follow transaction {number - 1}")
            if each["path"] is not None:
                self._check_path(transaction, each["path"])
                self._record_roots[number] = records
            elif each["author"].keys() != {"digest"}:
                raise Unproven(f"transaction {number} is a mere link, but says who wrote it")
            last = number
            self._transactions[number] = transaction
        if last != self._number or self._transactions[last].digest != self._digest:
            raise Unproven(f"the last transaction is not {self._number} with the digest it has")
        if last not in self._record_roots:
            raise Unproven(f"transaction {last} is not in the tree over heads")
        while self._linked_from - 1 in self._transactions:
            self._linked_from -= 1

    def _check_path(self, transaction: ProvedTransaction, path: object) -> None:
        nodes = [_hash(node) for node in _list(path)]
        index = transaction.number - 1
        if root_by_path(transaction.digest, index, self._number, nodes) != self._root:
            raise Unproven(f"transaction {transaction.number} is not in the tree over heads")

    def _read_records(self) -> Records:
        records, place, used = [], (0, -1), set()
        for each in _list(self._document["records"]):
            _check_names(each, "record")
            number, index = _whole(each["transaction"], 1), _whole(each["index"], 0)
            if (number, index) <= place:
                raise Unproven(f"record {index} of transaction {number} is not in order")
            place = number, index
            used.add(number)
            if number not in self._record_roots:
                raise Unproven(f"there is no transaction {number} for its records")
            path = [_hash(node) for node in _list(each["path"])]
            line, size = _text(each["line"]), self._transactions[number].records
            if root_by_path(line.encode(), index, size, path) != self._record_roots[number]:
                raise Unproven(f"record {index} of transaction {number} is not in its tree")
            parsed = json.loads(line)
            _check_content(each, parsed)
            records.append(Record(number, parsed, each["content"]))
        if idle := self._record_roots.keys() - used - {self._number}:
            raise Unproven(f"transaction {min(idle)} has no record here")
        return Records(records)

    def _check_answer(self) -> None:
        subject = _text(self._document["subject"])
        answer = self._records.answer(NodeKey.parse(subject))
        # As texts, for Python takes 1 for true.
        if canonical(answer) != canonical(_object(self._document["answer"])):
            raise Unproven("the answer is not what the records say")
        if self._document["cut"] not in (None, "hops", "nodes", "seconds"):
            raise Unproven(f"{self._document['cut']!r:.40} is no limit that cuts an answer")

    def _check_earlier(self) -> None:
        earlier = self._document["earlier"]
        if earlier is None:
            return
        _check_names(earlier, "earlier")
        number, root = _whole(earlier["number"], 1), _hash(earlier["root"])
        path = [_hash(node) for node in _list(earlier["path"])]
        if not is_consistent(number, root, self._number, self._root, path):
            raise Unproven(f"the tree over heads does not go on from the one of {number}")

    def result(
        self, digest: str | None, root: str | None, public_key: str | Path | None
    ) -> Verified:
        """Check against what is known from elsewhere, and return what is proved."""
        trust = []
        if digest is not None:
            trust.append(self._compare_digest(KeptDigest.parse(digest)))
        if root is not None:
            trust.append(self._compare_root(KeptDigest.parse(root)))
        signed_by = self._signer(public_key)
        if public_key is not None:
            trust.append("the signature is that of the public key that was given")
        elif signed_by is not None:
            trust.append(
                f"the signature is that of the key {signed_by}: compare it with the signer's own"
            )
        document = self._document
        return Verified(
            subject=document["subject"],
            number=self._number,
            digest=f"{self._number}:{self._digest.hex()}",
            root=f"{self._number}:{self._root.hex()}",
            signed_by=signed_by,
            cut=document["cut"],
            answer=document["answer"],
            checked=tuple(self._checked()),
            trust=tuple(trust) or (NO_TRUST,),
            not_proved=NOT_PROVED,
            _records=self._records,
            _transactions=self._transactions,
        )

    def _checked(self) -> Sequence[str]:
        records, transactions = len(self._document["records"]), len(self._record_roots)
        said = [
            f"{records} records, each in the tree of its transaction",
            f"{transactions} transactions, each in the tree over the heads 1 to {self._number}",
            "the answer, which is what the records say",
        ]
        if self._linked_from < self._number:
            said.insert(
                2, f"transactions {self._linked_from} to {self._number}, each after the one before"
            )
        earlier = self._document["earlier"]
        if earlier is not None:
            said.append(f"that the tree over heads goes on from the one of {earlier['number']}")
        return said

    def _compare_digest(self, kept: KeptDigest) -> str:
        there = self._transactions.get(kept.number)
        # A digest covers what comes before it by the chain alone: with a gap in that it proves nothing.
        if there is None or kept.number < self._linked_from:
            raise Unproven(
                f"the digest of transaction {kept.number} is not linked to what the proof holds, transactions "
                f"{self._linked_from} to {self._number}; make one as of that transaction, or with --earlier {kept.number}"
            )
        if min(self._record_roots) < self._linked_from:
            raise Unproven(
                f"the proof holds transactions before {self._linked_from} that are not linked to that one, so that a "
                "digest does not prove them; compare the root of the tree over heads, or a signature"
            )
        if there.digest != kept.digest:
            raise Unproven(
                f"transaction {kept.number} has the digest {there.digest.hex()}, not {kept.digest.hex()}, which was kept"
            )
        if kept.number < self._number:
            return f"the digest that was kept is that of transaction {kept.number}: {LATER}"
        return f"the digest that was kept is that of transaction {kept.number}"

    def _compare_root(self, kept: KeptDigest) -> str:
        earlier = self._document["earlier"] or {}
        roots = {earlier.get("number"): earlier.get("root"), self._number: self._root.hex()}
        if kept.number not in roots:
            raise Unproven(
                f"the proof has no root of the tree over {kept.number} heads; make one with --earlier {kept.number}"
            )
        if roots[kept.number] != kept.digest.hex():
            raise Unproven(f"the tree over {kept.number} heads has another root than was kept")
        if kept.number < self._number:
            return f"the root that was kept is that of the tree over {kept.number} heads: {LATER}"
        return f"the root that was kept is that of the tree over {kept.number} heads"

    def _signer(self, public_key: str | Path | None) -> str | None:
        key = None if public_key is None else public_key_of(public_key)
        signature = self._signature
        if signature is None:
            if key is not None:
                raise Unproven("the proof is not signed")
            return None
        if signature["algorithm"] != "Ed25519":
            raise Unproven(f"{signature['algorithm']!r:.40} is no algorithm of signatures here")
        by = _hash(signature["key"]).hex()
        _matches(signature["value"], re.compile("[0-9a-f]{128}"))
        if key is not None and key != by:
            raise Unproven(f"the proof is signed by the key {by}, not by the one that was given")
        if not is_signed(self._signed_text, signature):
            raise Unproven("the signature is not that of this proof")
        return by


LATER = "what is in later transactions rests on those who made the proof"
NO_TRUST = (
    "nothing but itself: its parts belong together, but anybody can make such a proof of a store of their own; compare "
    "its digest or its root with one that you kept, or check a signature"
)


def _check_names(content: object, what: str) -> None:
    if not isinstance(content, dict) or content.keys() != _KEYS[what]:
        raise Unproven(f"the {what or 'proof'} does not have the names that it should have")


def _check_content(record: Mapping[str, Any], line: list[Any]) -> None:
    content, salt, name = record["content"], record["salt"], identity_of(line)[0]
    if (content is None) is not (salt is None) or (content is not None and name != "node"):
        raise Unproven("a record has a content without salt, or one that it cannot have")
    if content is None:
        return
    if (
        sha256(bytes.fromhex(_matches(salt, _SALT)) + _text(content).encode()).hexdigest()
        != line[5]
    ):
        raise Unproven(f"the content of {line[1]} is not the one that was recorded")


def _transaction(content: object) -> tuple[ProvedTransaction, bytes, bytes]:
    """Return what a transaction says, the digest before it and the root over its records."""
    _check_names(content, "transaction")
    part = _object(content)
    own, (author, said) = _own(_text(part["own"])), _author(_object(part["author"]))
    before, records = _hash(part["before"]), _hash(part["records"])
    digest = sha256(before + author + records + part["own"].encode()).digest()
    transaction = ProvedTransaction(own[1], own[2], own[3], own[10], digest, said)
    return transaction, before, records


def _own(text: str) -> list[Any]:
    own = json.loads(text)
    if not isinstance(own, list) or len(own) != 11 or own[0] != "transaction":
        raise Unproven(f"{text!r:.80} is not a transaction's own row")
    for each in (own[1], *own[3:10]):
        _whole(each, 0)
    if type(own[2]) is not int or not EARLIEST <= own[2] <= LATEST:
        raise Unproven(f"{own[2]!r:.40} is no time in the years 1 to 9999")
    if type(own[10]) is not str:
        raise Unproven(f"{text!r:.80} is not a transaction's own row")
    return own


def _author(content: Mapping[str, Any]) -> tuple[bytes, tuple[str, str] | None]:
    if content.keys() == {"digest"}:
        return _hash(content["digest"]), None
    if content.keys() != {"salt", "text"}:
        raise Unproven("a transaction's author does not have the names that it should have")
    actor, message = json.loads(_text(content["text"]))
    if type(actor) is not str or type(message) is not str:
        raise Unproven("a transaction's actor or message is no text")
    salt = bytes.fromhex(_matches(content["salt"], _SALT))
    return sha256(salt + content["text"].encode()).digest(), (actor, message)


def _matches(value: object, form: re.Pattern[str]) -> str:
    if not isinstance(value, str) or form.fullmatch(value) is None:
        raise Unproven(f"{value!r:.80} is not hexadecimal as it should be")
    return value


def _hash(value: object) -> bytes:
    return bytes.fromhex(_matches(value, _HASH))


def _whole(value: object, least: int) -> int:
    if type(value) is not int or value < least:
        raise Unproven(f"{value!r:.80} is not a whole number from {least} on")
    return value


def _text(value: object) -> str:
    if type(value) is not str:
        raise Unproven(f"{value!r:.80} is no text")
    return value


def _object(value: object) -> dict[str, Any]:
    if type(value) is not dict:
        raise Unproven(f"{value!r:.80} is no object")
    return value


def _list(value: object) -> list[Any]:
    if type(value) is not list:
        raise Unproven(f"{value!r:.80} is no list")
    return value
