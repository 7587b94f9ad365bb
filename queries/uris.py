"""Which artifacts move when a place does, such as a bucket that gets another name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lineage.answers.labels import listed
from lineage.answers.notebook import Part
from lineage.contract.backend import Backend
from lineage.errors import Invalid, NotFound, excerpt
from lineage.model.keys import Kind, NodeKey
from lineage.model.values import to_text

__all__ = ["UriMove", "UriMoves", "uri_moves"]


class UriMove(NamedTuple):
    """An artifact, the URI that it has, and the one that it gets."""

    key: NodeKey
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class UriMoves(Part):
    """What a move of a place gives other URIs, by key; `notes` say which artifacts are at the new place already."""

    moves: tuple[UriMove, ...]
    notes: tuple[str, ...]

    @property
    def keys(self) -> tuple[NodeKey, ...]:
        """The artifacts that move."""
        return tuple(each.key for each in self.moves)


def uri_moves(backend: Backend, old: str, new: str, *, merge: bool = False) -> UriMoves:
    """Return what moves where a place becomes another one: the live artifacts at it and below it.

    Below is what goes on with a `/`: of `s3://lake` that is `s3://lake/1`, and not `s3://lake-2`. A `/` at the end of
    either place says nothing. `NotFound` where nothing is there; `Invalid` where another artifact has one of
    the new URIs already, whose versions those that move there would become, unless they are to `merge`.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     _ = store.put([lineage.Dataset(uri=uri) for uri in ("s3://a/1", "s3://ab/1")])
    ...     answer = uri_moves(store.backend, "s3://a", "gs://b/")
    >>> [(str(each.key), each.new) for each in answer.moves]
    [('artifact:1', 'gs://b/1')]
    """
    before, after = (to_text(each).removesuffix("/") for each in (old, new))
    if not before or not after:
        raise Invalid(
            f"{excerpt(old, 200)} to {excerpt(new, 200)}: give two places, such as s3://lake and gs://lake"
        )
    if before == after:
        raise Invalid(f"{excerpt(old, 200)} and {excerpt(new, 200)} are one place")
    moves = [
        UriMove(row.key, row.uri, after + row.uri[len(before) :])
        for row in backend.beginning_with(before, kind=Kind.ARTIFACT)
        if row.uri is not None and (row.uri == before or row.uri.startswith(f"{before}/"))
    ]
    if not moves:
        raise NotFound(
            f"no artifact is at {old:.200} or below it; give the URIs as they are recorded"
        )
    keys, taken = {each.key for each in moves}, {each.new for each in moves}
    there = sorted(
        row.key
        for row in backend.beginning_with(after, kind=Kind.ARTIFACT)
        if row.uri in taken and row.key not in keys
    )
    told = f"{listed(there)} {'is' if len(there) == 1 else 'are'} there already"
    if there and not merge:
        raise Invalid(
            f"{told}, and what moves would become other versions of the same; if that is meant, say --merge, in "
            "Python merge=True"
        )
    return UriMoves(
        tuple(sorted(moves)), (f"{told}, and become versions of the same",) if there else ()
    )
