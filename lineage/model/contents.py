"""What is recorded of an artifact's content: its digest, and which digests tell contents apart anywhere."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

from lineage.model.canonical import decode
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow
from lineage.model.values import Value

__all__ = ["artifacts_with_digests", "digest_in", "digest_number", "digest_of", "is_telling"]

_NAME = '"digest":'
"""How the property's name stands in canonical JSON."""
HEXADECIMALS = 32
"""How many hexadecimal digits are 128 bits."""
CHARACTERS = 22
"""How many characters of base64 are."""
_WORD = re.compile(r"\w[\w.+-]*:")
_HEXADECIMAL = re.compile("[0-9a-fA-F]+")
_BLANK = re.compile(r"\s")


def digest_in(properties: Mapping[str, Value], custom: Mapping[str, Value]) -> str | None:
    """Return the digest among an artifact's properties: the declared one, else the custom one, if it is text.

    >>> digest_in({}, {"digest": "sha256:0a"}), digest_in({"digest": 7}, {"digest": "sha256:0a"})
    ('sha256:0a', None)
    """
    digest = properties.get("digest", custom.get("digest"))
    return digest if isinstance(digest, str) else None


def digest_of(row: NodeRow) -> str | None:
    """Return the digest that a version of an artifact has."""
    # Every write asks, and few rows have one: to look for the name costs a tenth of reading the map.
    if _NAME in row[6] or _NAME in row[7]:
        return digest_in(decode(row[6]), decode(row[7]))
    return None


def artifacts_with_digests(rows: Iterable[NodeRow]) -> dict[NodeKey, tuple[NodeRow, str]]:
    """Return those of many versions that are artifacts with a digest, and the digest."""
    # Answers ask of thousands of rows, and nearly none has one.
    named = [row for row in rows if _NAME in row[7] or _NAME in row[6]]
    artifacts = (row for row in named if row.key.kind is Kind.ARTIFACT)
    return {row.key: (row, digest) for row in artifacts if (digest := digest_of(row)) is not None}


def digest_number(digest: str) -> int:
    """Return 64 bits that stand for a digest in an index, as a signed number; whoever looks compares the rows."""
    raw = hashlib.blake2b(digest.encode(), digest_size=8).digest()
    return int.from_bytes(raw, signed=True)


def is_telling(digest: str) -> bool:
    """Whether equal digests say that artifacts of different types or URIs have one content.

    It takes, after an optional `word:`, 32 hexadecimal digits or 22 other characters: 128 bits. Shorter
    ones, such as versions and counters, are equal by chance.

    >>> is_telling("sha256:" + "0a" * 16), is_telling("sha256:0a0a0a0a0a0a0a0a0a0a0a0a")
    (True, False)
    >>> (
    ...     is_telling("Xb64-is-shorter-than-hex"),
    ...     is_telling("v1.2"),
    ...     is_telling("not known, nor looked for"),
    ... )
    (True, False, False)
    """
    word = _WORD.match(digest)
    body = digest[word.end() :] if word else digest
    if _HEXADECIMAL.fullmatch(body):
        return len(body) >= HEXADECIMALS
    return len(body) >= CHARACTERS and not _BLANK.search(body)
