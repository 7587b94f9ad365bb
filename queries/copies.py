"""Artifacts with one content: copies, which nobody is recorded to have written, and their originals.

Equal digests join nothing by themselves. A *copy* is an artifact without a producer that has the digest of
one with a producer, its *original*; answers say so, and where they are asked `through_copies`, walks go on:
upstream from a copy to its originals, downstream from an original to its copies, and from a copy that was
asked about to its originals. Such a hop counts as one edge.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from lineage.answers.subgraph import Copy
from lineage.contract.standing import Standing, fault_of
from lineage.contract.walking import Direction, Walk
from lineage.model.contents import artifacts_with_digests, is_telling
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind, EdgeRow, NodeRow
from lineage.queries.hops import Hop, Hops
from lineage.queries.reader import Reader

__all__ = [
    "Copy",
    "CopyHops",
    "TwinFinder",
    "Twins",
    "remarks_on_twins",
]

NEAREST = 1_000
"""Of how many nodes of an answer, the nearest, it is said that they have twins."""
COMPARED = 1_000
"""How many artifacts with one digest are looked at, the first by id: every empty file has one digest."""
NAMED = 20
"""How many twins a sentence names."""
TOLD = 5
"""How many artifacts have a sentence of their own."""


class Twins(NamedTuple):
    """The artifacts with one content: those that runs wrote, in the order of `standing`, and the others by id.

    Not `whole` are they where there are more than were looked at.
    """

    written: tuple[Standing, ...]
    unwritten: tuple[NodeKey, ...]
    whole: bool

    @property
    def originals(self) -> tuple[NodeKey, ...]:
        """The artifacts that runs wrote: first those that count, the newest first."""
        return tuple(each.artifact for each in self.written)


class TwinFinder:
    """Finds the twins of artifacts at a reader's moment, those of each digest once.

    Deleted artifacts are nobody's twins. At one type and URI any digest counts, elsewhere only a telling one.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._looked_up: set[str] = set()
        self._members: dict[Hashable, list[NodeKey]] = {}
        """The artifacts of one content, by id; by what they have in common."""
        self._twins: dict[Hashable, Twins] = {}
        self._is_written: dict[NodeKey, bool] = {}

    def copies(self, rows: Iterable[NodeRow]) -> dict[NodeKey, Twins]:
        """Return the twins of those artifacts that nobody wrote, where runs wrote some or there are too many."""
        twins = {key: each for key, each in self._of(rows).items() if not self._is_written[key]}
        return {key: each for key, each in twins.items() if each.written or not each.whole}

    def originals(self, rows: Iterable[NodeRow]) -> dict[NodeKey, Twins]:
        """Return the twins of those artifacts that runs wrote, where nobody wrote some."""
        twins = {key: each for key, each in self._of(rows).items() if self._is_written[key]}
        return {key: each for key, each in twins.items() if each.unwritten}

    def _of(self, rows: Iterable[NodeRow]) -> dict[NodeKey, Twins]:
        """Return the twins of artifacts that have some, and find out which of them runs wrote."""
        found = artifacts_with_digests(rows)
        if not found:
            return {}
        self._look_up({digest for _, digest in found.values()} - self._looked_up)
        shared: dict[NodeKey, Hashable] = {}
        for key, (row, digest) in found.items():
            group = _group(digest, row)
            members = self._members.get(group, ())
            if len(members) > 1 or (members and members[0] != key):
                shared[key] = group
        self._read_twins(set(shared.values()) - self._twins.keys())
        # Deleted ones, and those after so many others that they were not looked at.
        self._read_writers([key for key in shared if key not in self._is_written])
        return {key: self._twins[group] for key, group in shared.items()}

    def _look_up(self, digests: Collection[str]) -> None:
        for digest, alike in self._reader.with_digests(digests, COMPARED).items():
            for row in alike:
                self._members.setdefault(_group(digest, row), []).append(row.key)
        self._looked_up.update(digests)

    def _read_twins(self, groups: Collection[Hashable]) -> None:
        group_of = {key: group for group in groups for key in self._members[group]}
        written: dict[Hashable, list[Standing]] = {}
        for standing in self._read_writers(group_of):
            written.setdefault(group_of[standing.artifact], []).append(standing)
        for group in groups:
            members = self._members[group]
            self._twins[group] = Twins(
                written=tuple(written.get(group, ())),
                unwritten=tuple(key for key in members if not self._is_written[key]),
                whole=len(members) < COMPARED,
            )

    def _read_writers(self, keys: Collection[NodeKey]) -> list[Standing]:
        """Return by whom those of some artifacts that runs wrote were written, the newest that counts first."""
        standings = self._reader.newest_first(keys) if keys else ()
        made = [each for each in standings if each.writing.execution is not None]
        self._is_written |= dict.fromkeys(keys, False)
        self._is_written |= {each.artifact: True for each in made}
        return made


def _group(digest: str, row: NodeRow) -> Hashable:
    """Return what artifacts of one content have in common; a short digest without a URI says nothing."""
    if is_telling(digest):
        return digest
    return row.key if row.uri is None else (digest, row.type_id, row.uri)


def _without(twins: Mapping[NodeKey, Twins], hopped: Collection[NodeKey]) -> dict[NodeKey, Twins]:
    return {key: each for key, each in twins.items() if key not in hopped}


def _twins_told(copies: Mapping[NodeKey, Twins]) -> Iterator[str]:
    """Yield what to say of artifacts that nobody wrote and whose twins were written."""
    for key, twins in islice(copies.items(), TOLD):
        yield f"{key}, which no recorded run wrote, has the digest of {_originals(twins)}"
    if len(copies) > TOLD:
        yield f"{len(copies) - TOLD} more artifacts that no recorded run wrote have the digests of others"


def _copies_told(originals: Mapping[NodeKey, Twins]) -> Iterator[str]:
    """Yield what to say of artifacts that runs wrote, of which there are copies that nobody wrote."""
    for key, twins in islice(originals.items(), TOLD):
        copies = _named(twins.unwritten, whole=twins.whole)
        verb = _have(twins.unwritten)
        yield f"{copies}, which no recorded run wrote, {verb} the digest of {key}"
    if len(originals) > TOLD:
        yield f"{len(originals) - TOLD} more artifacts have copies that no recorded run wrote"


def _hops_told(hops: Sequence[Copy]) -> Iterator[str]:
    """Yield what to say of the hops through copies that an answer took."""
    by_copy: dict[NodeKey, list[NodeKey]] = {}
    for hop in hops:
        by_copy.setdefault(hop.copy, []).append(hop.original)
    for copy, originals in islice(by_copy.items(), TOLD):
        yield (
            f"{copy}, which no recorded run wrote, is taken for a copy of {_named(originals, whole=True)}, which "
            f"{_have(originals)} the same digest"
        )
    if len(by_copy) > TOLD:
        yield f"{len(by_copy) - TOLD} more artifacts are taken for copies of others by their digests"


def _crowds_told(keys: Sequence[NodeKey]) -> Iterator[str]:
    """Yield what to say of artifacts that a walk hopped to or from, and that have too many twins."""
    for key in keys[:TOLD]:
        yield f"{COMPARED} artifacts or more have the digest of {key}; only the first are looked at"


def _originals(twins: Twins) -> str:
    """Return the originals and who wrote them."""
    if not twins.written:
        return f"{COMPARED} others or more, of which the first are looked at: no recorded run wrote one"
    first = twins.written[0]
    if len(twins.written) > 1:
        return f"{_named(twins.originals, whole=twins.whole)}, which runs wrote"
    if not first.counts:
        return f"{first.artifact}, though {fault_of(first.writing)}"
    return f"{first.artifact}, which {first.writing.execution} wrote"


def _named(keys: Sequence[NodeKey], *, whole: bool) -> str:
    """Return the first keys in one text, and how many more there are."""
    texts = [str(key) for key in keys[:NAMED]]
    if len(keys) > NAMED:
        least = "" if whole else "at least "
        texts.append(f"and {least}{len(keys) - NAMED} more")
    return ", ".join(texts)


def _have(keys: Sequence[NodeKey]) -> str:
    return "has" if len(keys) == 1 else "have"


class CopyHops:
    """The hops of a walk from copies to originals, and downstream to copies."""

    def __init__(self, reader: Reader, direction: Direction, starts: Collection[NodeKey]) -> None:
        self._reader = reader
        self._finder = TwinFinder(reader)
        self._upstream = direction is Direction.UPSTREAM
        self._starts = frozenset(starts)

    def hops_from(self, nodes: Collection[NodeKey]) -> Hops:
        """Return the hops from the artifacts among some nodes."""
        rows = self._reader.rows(key for key in nodes if key.kind is Kind.ARTIFACT)
        found = []
        for key, twins in self._finder.copies(rows).items():
            if self._upstream or key in self._starts:
                found += [((key, each), Copy(each, key)) for each in twins.originals]
        if not self._upstream:
            for key, twins in self._finder.originals(rows).items():
                found += [((key, each), Copy(key, each)) for each in twins.unwritten]
        return {ends: Hop(self._edge(ends), copy) for ends, copy in found}

    def _edge(self, ends: tuple[NodeKey, NodeKey]) -> EdgeRow:
        source, target = ends[::-1] if self._upstream else ends
        return EdgeRow(source, target, EdgeKind.INPUT, None, None, 0, 0, 0)


def remarks_on_twins(
    reader: Reader,
    walk: Walk,
    hops: Sequence[Copy],
    direction: Direction,
    *,
    through_copies: bool,
    rows_of: Callable[[Iterable[NodeKey]], Iterable[NodeRow]] | None = None,
) -> list[str]:
    """Return what to say of the hops of a walk, and of the twins of its nearest nodes that it did not go on to.

    Downstream of the starts alone, unless the walk went through copies: it met nothing else that nobody wrote.
    Rows come from the reader, unless the caller has them.
    """
    levels, upstream = walk.levels, direction is Direction.UPSTREAM
    near = islice((key for level in levels for key in level), NEAREST)
    looked_at = near if upstream or through_copies else levels[0][:NEAREST]
    rows = [*(rows_of or reader.rows)(looked_at)]
    finder, hopped = TwinFinder(reader), {key for hop in hops for key in hop}
    copies = finder.copies(rows)
    originals = {} if upstream else finder.originals(rows)
    told = [*_twins_told(_without(copies, hopped)), *_copies_told(_without(originals, hopped))]
    if told and not through_copies:
        told.append(
            "the answer stops where only a digest is shared; with --through-copies, in Python through_copies=True, it goes on"
        )
    crowded = [
        key for key, each in {**copies, **originals}.items() if key in hopped and not each.whole
    ]
    return [*_hops_told(hops), *told, *_crowds_told(crowded)]
