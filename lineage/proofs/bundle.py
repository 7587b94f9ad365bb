"""A bundle: the JSON document that proves an answer, and its canonical text, which is signed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from lineage.answers.notebook import fields_html
from lineage.errors import NotFound, Unproven, excerpt
from lineage.model.notebook import Shown

__all__ = ["FORMAT", "VERSION", "Document", "Proof", "canonical", "read_document"]

FORMAT: Final = "lineage-proof"
VERSION: Final = 1
MOST_BYTES: Final = 256 * 2**20
"""No larger file is read."""

Document = dict[str, Any]
"""A bundle's JSON: objects, arrays, texts, whole numbers, true, false and null."""


@dataclass(frozen=True, slots=True)
class Proof(Shown):
    """An answer about a node with the records that it rests on, which `verify` checks without a store.

    It is of the moment after transaction `number`, whose digest is `digest`. `cut` is the limit that left some of what the node was made from out, if one did, and
    `notes` say what the proof lacks.
    """

    document: Document = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The key of the node that the answer is about."""
        return str(self.document["subject"])

    @property
    def number(self) -> int:
        """The last transaction."""
        return int(self.document["number"])

    @property
    def digest(self) -> str:
        """The last transaction's number and digest, `17:9f3c…`, which `check` and `verify` compare."""
        return f"{self.number}:{self.document['digest']}"

    @property
    def cut(self) -> str | None:
        """The limit that cut the answer, such as `nodes`."""
        cut: str | None = self.document["cut"]
        return cut

    @override
    def _html(self) -> str:
        names = ("number", "digest", "cut")
        rows = [(name, getattr(self, name)) for name in names]
        return fields_html(f"Proof of {self.subject}", rows, notes=self.notes)

    def to_json(self) -> str:
        """Return the text of the bundle's file: one line of ASCII, so that no name acts on a terminal."""
        return json.dumps(self.document, sort_keys=True, separators=(",", ":")) + "\n"


def canonical(document: Document) -> bytes:
    """Return the one text of a document: RFC 8785, for a document without fractions.

    >>> canonical({"b": [1, None], "a": "é"}).decode()
    '{"a":"é","b":[1,null]}'
    """
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def read_document(bundle: Proof | Path | str | bytes) -> Document:
    """Return the document of a proof, of a file, or of a file's text; `Unproven` where it is no JSON."""
    if isinstance(bundle, Proof):
        return bundle.document
    if isinstance(bundle, Path):
        bundle = _content(bundle)
    try:
        text = bundle.decode() if isinstance(bundle, bytes) else bundle
        text.encode()  # of lone surrogates there is no canonical text
        document = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Unproven(f"this is no proof, for it is no JSON that one may be: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise Unproven(f"this is no proof: its format is not {FORMAT!r}")
    if document.get("version") != VERSION or type(document["version"]) is not int:
        raise Unproven(
            f"this proof is of version {excerpt(document.get('version'), 40)}, not {VERSION}"
        )
    return document


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise NotFound(f"the proof in {excerpt(str(path), 200)} cannot be read: {error}") from error
    if len(content) > MOST_BYTES:
        raise Unproven(f"{excerpt(str(path), 200)} is larger than any proof")
    return content


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("an object has a name twice")
    return content


def _no_number(text: str) -> Any:
    raise ValueError(f"{text[:40]} is no whole number")
