"""Nodes by the beginnings of their texts: the name, the URI, and the last part of the URI."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from lineage.errors import Invalid, excerpt
from lineage.model.keys import LARGEST_ID, Kind, NodeKey
from lineage.model.rows import NodeRow
from lineage.model.values import to_text

__all__ = ["Beginning", "last_part"]

_GREATEST = "\U0010ffff"
_BEFORE_SURROGATES, _AFTER_SURROGATES = "\ud7ff", "\ue000"


def last_part(uri: str) -> str | None:
    """Return what follows the last `/` of a URI, but for one at its end.

    None where there is none, and of a URI that holds NUL, for engines cut texts there.

    >>> last_part("s3://lake/data/churn.csv"), last_part("file:///data/users/"), last_part("churn")
    ('churn.csv', 'users', None)
    """
    if "/" not in uri or "\0" in uri:
        return None
    return uri.removesuffix("/").rpartition("/")[2]


class Beginning(NamedTuple):
    """What is asked for: nodes of a kind or of all with a text that begins so, all or some."""

    text: str
    kind: Kind | None
    limit: int | None

    def check(self) -> None:
        """Raise `Invalid` for what is no text, or an empty one, and for what is no limit."""
        if not self.text:
            raise Invalid(f"{excerpt(self.text)}: give the beginning of a name or a URI")
        to_text(self.text)
        if self.limit is not None and not (
            type(self.limit) is int and 0 < self.limit <= LARGEST_ID
        ):
            raise Invalid(f"limit={excerpt(self.limit)}: give 1 or more, or None for no limit")

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of node that are asked for."""
        return tuple(Kind) if self.kind is None else (self.kind,)

    @property
    def has_artifacts(self) -> bool:
        """Whether nodes are asked for that may have URIs."""
        return self.kind in (None, Kind.ARTIFACT)

    @property
    def end(self) -> str | None:
        """The first text after all that begin so, in the order of code points; None where there is none."""
        start = self.text.rstrip(_GREATEST)
        if not start:
            return None
        last = start[-1]
        following = _AFTER_SURROGATES if last == _BEFORE_SURROGATES else chr(ord(last) + 1)
        return start[:-1] + following

    def place(self, row: NodeRow) -> tuple[str, NodeKey] | None:
        """Return where a node stands in the answer: by its first text that begins so; None where none does."""
        texts = [row.name, row.uri, None if row.uri is None else last_part(row.uri)]
        fitting = [each for each in texts if each is not None and each.startswith(self.text)]
        return (min(fitting), row.key) if fitting else None

    def of(self, rows: Iterable[NodeRow]) -> list[NodeRow]:
        """Return the answer that some rows hold, among which a node may be more than once."""
        places = {place: row for row in rows if (place := self.place(row)) is not None}
        return [places[place] for place in sorted(places)[: self.limit]]
