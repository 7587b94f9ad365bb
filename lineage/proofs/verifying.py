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

from lineage.answers.notebook import Part
from lineage.contract.kept import KeptDigest
from lineage.contract.tree import NO_TREE, is_consistent, root_by_path
from lineage.errors import LineageError, Unproven, excerpt
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
    "": {"format", "version", "subject", "number", "digest", "cut", "answer"}
    | {"transactions", "records", "earlier"},
    "transaction": {"history", "author", "records", "own", "path"},
    "record": {"transaction", "index", "line", "path", "salt", "content"},
    "earlier": {"number", "path"},
    "signature": {"algorithm", "key", "value"},
}
"""The names that each object of a bundle has, no more and no less."""


class ProvedTransaction(NamedTuple):
    """A transaction of a bundle.

    `author` is the actor and the message, None where they are not shown; `history` is the root of the tree over
    the heads before, `records_root` that over its own records.
    """

    number: int
    time: int
    records: int
    mark: str
    digest: bytes
    history: bytes
    records_root: bytes
    author: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Verified(Part):
    """What a bundle proves of its `subject`, as of transaction `number`: `answer`, and the `records` behind it.

    `checked` says in sentences what was found right, `not_proved` what no such bundle proves, and
    `trust` what all of it rests on. `digest` has the number before it. `signed_by` is the public key
    in hexadecimal, None where there is no signature.
    """

    subject: str
    number: int
    digest: str
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
        """The transactions that wrote them, the last one, and an earlier one that was asked for, by number."""
        return self._transactions


def verify(
    bundle: Proof | Path | str | bytes,
    *,
    digest: str | None = None,
    public_key: str | Path | None = None,
) -> Verified:
    """Check a bundle, which is a proof, a path or the text of a file; return what it proves.

    `Unproven` for one of which any part is not right. By itself it proves that its parts belong
    together; what you know from elsewhere ties them to a store: a `digest` that was kept of it (such as `17:9f3c…`),
    or the `public_key` of who signs, in a PEM file. Each that is given must hold.
    """
    document = read_document(bundle)
    try:
        verification = _Verification(document)
    except Unproven:
        raise
    except (LineageError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise Unproven(f"the proof is not of the form that it should have: {error}") from error
    return verification.result(digest, public_key)


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
        self._transactions: dict[int, ProvedTransaction] = {}
        self._read_transactions()
        self._records = self._read_records()
        self._check_answer()
        self._check_earlier()

    def _read_transactions(self) -> None:
        paths: dict[int, object] = {}
        latest = 0
        for each in _list(self._document["transactions"]):
            transaction = _transaction(each)
            number = transaction.number
            if number <= latest:
                raise Unproven(f"transaction {number} does not come after the one before")
            if number == 1 and transaction.history != NO_TREE.root:
                raise Unproven("transaction 1 has a history before it")
            self._transactions[number], paths[number] = transaction, each["path"]
            latest = number
        last = self._transactions.get(self._number)
        if last is None or last.digest != self._digest or self._number != latest:
            raise Unproven(f"the last transaction is not {self._number} with the digest it has")
        if paths.pop(self._number) is not None:
            raise Unproven("the last transaction has a path, though it comes before none")
        for number, path in paths.items():
            self._check_path(self._transactions[number], path)

    @property
    def _history(self) -> bytes:
        """The root of the tree over the heads before the last."""
        return self._transactions[self._number].history

    def _check_path(self, transaction: ProvedTransaction, path: object) -> None:
        nodes, index = [_hash(node) for node in _list(path)], transaction.number - 1
        if root_by_path(transaction.digest, index, self._number - 1, nodes) != self._history:
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
            if number not in self._transactions:
                raise Unproven(f"there is no transaction {number} for its records")
            path = [_hash(node) for node in _list(each["path"])]
            line, transaction = _text(each["line"]), self._transactions[number]
            at = root_by_path(line.encode(), index, transaction.records, path)
            if at != transaction.records_root:
                raise Unproven(f"record {index} of transaction {number} is not in its tree")
            parsed = json.loads(line)
            _check_content(each, parsed)
            records.append(Record(number, parsed, each["content"]))
        for number in self._transactions.keys() - used - {self._number}:
            self._check_idle(number)
        return Records(records)

    def _check_idle(self, number: int) -> None:
        """Raise `Unproven` where a transaction without a record here is not the earlier one that was asked for."""
        earlier = self._document["earlier"]
        if earlier is None or earlier["number"] != number:
            raise Unproven(f"transaction {number} has no record here")
        if self._transactions[number].author is not None:
            raise Unproven(f"transaction {number} has no record here, but says who wrote it")

    def _check_answer(self) -> None:
        subject = _text(self._document["subject"])
        answer = self._records.answer(NodeKey.parse(subject))
        # As texts, for Python takes 1 for true.
        if canonical(answer) != canonical(_object(self._document["answer"])):
            raise Unproven("the answer is not what the records say")
        if self._document["cut"] not in (None, "hops", "nodes", "seconds"):
            raise Unproven(f"{excerpt(self._document['cut'], 40)} is no limit that cuts an answer")

    def _check_earlier(self) -> None:
        earlier = self._document["earlier"]
        if earlier is None:
            return
        _check_names(earlier, "earlier")
        number = _whole(earlier["number"], 1)
        path = [_hash(node) for node in _list(earlier["path"])]
        there = self._transactions.get(number)
        if there is None or number == self._number:
            raise Unproven(f"there is no transaction {number} before the last")
        if not is_consistent(number - 1, there.history, self._number - 1, self._history, path):
            raise Unproven(f"history does not go on from the one before transaction {number}")

    def result(self, digest: str | None, public_key: str | Path | None) -> Verified:
        """Check against what is known from elsewhere, and return what is proved."""
        trust = []
        if digest is not None:
            trust.append(self._compare_digest(KeptDigest.parse(digest)))
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
        records, last = len(self._document["records"]), self._number
        said = [
            f"{records} records, each in the tree of its transaction",
            f"{len(self._transactions)} transactions, each in the history that the digest of transaction {last} covers",
            "the answer, which is what the records say",
        ]
        earlier = self._document["earlier"]
        if earlier is not None:
            said.append(
                f"that this history goes on from the one that the digest of transaction {earlier['number']} covers"
            )
        return said

    def _compare_digest(self, kept: KeptDigest) -> str:
        earlier = (self._document["earlier"] or {}).get("number")
        if kept.number not in (self._number, earlier):
            raise Unproven(
                f"the proof says nothing of the digest of transaction {kept.number}; make one as of that transaction, "
                f"or with --earlier {kept.number}"
            )
        there = self._transactions[kept.number]
        if there.digest != kept.digest:
            raise Unproven(
                f"transaction {kept.number} has the digest {there.digest.hex()}, not {kept.digest.hex()}, which was kept"
            )
        said = f"the digest that was kept is that of transaction {kept.number}"
        return said if kept.number == self._number else f"{said}: {LATER}"

    def _signer(self, public_key: str | Path | None) -> str | None:
        key = None if public_key is None else public_key_of(public_key)
        signature = self._signature
        if signature is None:
            if key is not None:
                raise Unproven("the proof is not signed")
            return None
        if signature["algorithm"] != "Ed25519":
            raise Unproven(
                f"{excerpt(signature['algorithm'], 40)} is no algorithm of signatures here"
            )
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
    "its digest with one that you kept, or check a signature"
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


def _transaction(content: object) -> ProvedTransaction:
    _check_names(content, "transaction")
    part = _object(content)
    own, (author, said) = _own(_text(part["own"])), _author(_object(part["author"]))
    history, records = _hash(part["history"]), _hash(part["records"])
    digest = sha256(history + author + records + part["own"].encode()).digest()
    return ProvedTransaction(own[1], own[2], own[3], own[10], digest, history, records, said)


def _own(text: str) -> list[Any]:
    own = json.loads(text)
    if not isinstance(own, list) or len(own) != 11 or own[0] != "transaction":
        raise Unproven(f"{excerpt(text)} is not a transaction's own row")
    for each in (own[1], *own[3:10]):
        _whole(each, 0)
    if type(own[2]) is not int or not EARLIEST <= own[2] <= LATEST:
        raise Unproven(f"{excerpt(own[2], 40)} is no time in the years 1 to 9999")
    if type(own[10]) is not str:
        raise Unproven(f"{excerpt(text)} is not a transaction's own row")
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
        raise Unproven(f"{excerpt(value)} is not hexadecimal as it should be")
    return value


def _hash(value: object) -> bytes:
    return bytes.fromhex(_matches(value, _HASH))


def _whole(value: object, least: int) -> int:
    if type(value) is not int or value < least:
        raise Unproven(f"{excerpt(value)} is not a whole number from {least} on")
    return value


def _text(value: object) -> str:
    if type(value) is not str:
        raise Unproven(f"{excerpt(value)} is no text")
    return value


def _object(value: object) -> dict[str, Any]:
    if type(value) is not dict:
        raise Unproven(f"{excerpt(value)} is no object")
    return value


def _list(value: object) -> list[Any]:
    if type(value) is not list:
        raise Unproven(f"{excerpt(value)} is no list")
    return value
