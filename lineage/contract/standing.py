"""Which runs count, and which artifact is the newest: the one place that looks at states.

Recording, names and every question ask here; no backend knows which states count. A run that failed
or was canceled wrote something, and data flowed through it, but what it wrote is no candidate for
the newest of a URI, and it answers no question while another run can. A cached run did no work: it
counts, and the run that did the work answers. One that has not ended counts, and answers say so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from lineage.contract.backend import Backend
from lineage.contract.walking import Direction
from lineage.contract.writings import OUTPUT_KINDS, Writing
from lineage.model.entities import ArtifactState, ExecutionState
from lineage.model.keys import NodeKey
from lineage.model.rows import STATE_NUMBERS, EdgeKind, EdgeRow, NodeRow

__all__ = [
    "Standing",
    "Weight",
    "ending_of",
    "fault_of",
    "has_ended",
    "is_pending",
    "is_withdrawn",
    "newest_first",
    "purged_writer",
    "remarks_on",
    "running_for",
    "weight_of",
    "written_by_failures",
]

NAMED = 3
"""How many artifacts that were passed over a remark names."""


class Weight(IntEnum):
    """What a run's state makes of what it wrote; what is higher answers first."""

    FAILED = 0
    """FAILED or CANCELED: no candidate, and no answer while there is another."""
    CACHED = 1
    """CACHED: a candidate; the run that did the work answers."""
    OPEN = 2
    """RUNNING or NEW: a candidate and an answer, which is said."""
    DONE = 3
    """COMPLETE, UNKNOWN or without a state."""


_WEIGHTS = {
    STATE_NUMBERS[ExecutionState.FAILED]: Weight.FAILED,
    STATE_NUMBERS[ExecutionState.CANCELED]: Weight.FAILED,
    STATE_NUMBERS[ExecutionState.CACHED]: Weight.CACHED,
    STATE_NUMBERS[ExecutionState.RUNNING]: Weight.OPEN,
    STATE_NUMBERS[ExecutionState.NEW]: Weight.OPEN,
}
_NAMES = {STATE_NUMBERS[state]: state.value for state in ExecutionState}
_WITHDRAWN = {
    STATE_NUMBERS[state]: state.value
    for state in (
        ArtifactState.DELETED,
        ArtifactState.MARKED_FOR_DELETION,
        ArtifactState.ABANDONED,
    )
}
"""States of an artifact that is no candidate, whoever wrote it."""
_PENDING = STATE_NUMBERS[ArtifactState.PENDING]


class Standing(NamedTuple):
    """An artifact among those that share something, such as a URI, in the order of the newest.

    `writing` is its newest that counts, or where none does its newest. `passed` are the writings
    of other artifacts that are newer and do not count.
    """

    writing: Writing
    counts: bool
    passed: tuple[Writing, ...] = ()

    @property
    def artifact(self) -> NodeKey:
        """The artifact's key."""
        return self.writing.artifact


def has_ended(state: int | None) -> bool:
    """Whether a run of that state is over; of one without a state nothing says it."""
    return state is not None and weight_of(state) is not Weight.OPEN


def weight_of(state: int | None) -> Weight:
    """Return what the state of a run makes of what it wrote; a number that has no meaning is none."""
    return Weight.DONE if state is None else _WEIGHTS.get(state, Weight.DONE)


def _counts(writing: Writing) -> bool:
    return (
        weight_of(writing.state) is not Weight.FAILED and writing.artifact_state not in _WITHDRAWN
    )


def newest_first(writings: Iterable[Writing]) -> Iterator[Standing]:
    """Yield each artifact once, the newest first; after all that count, those that do not.

    The writings come newest first. They are read no further than it takes: the newest artifact
    that counts is known once its writing is met.
    """
    counting: set[NodeKey] = set()
    others: dict[NodeKey, Writing] = {}
    for writing in writings:
        if writing.artifact in counting:
            continue
        if _counts(writing):
            counting.add(writing.artifact)
            others.pop(writing.artifact, None)
            yield Standing(writing, counts=True, passed=tuple(others.values()))
        else:
            others.setdefault(writing.artifact, writing)
    for writing in others.values():
        yield Standing(writing, counts=False)


def remarks_on(
    backend: Backend,
    standing: Standing,
    *,
    as_of: int | None = None,
    reader: NodeKey | None = None,
) -> list[str]:
    """Return sentences on why this artifact is taken for the newest, where its states decided that.

    `reader` is the run that reads it, of whose own writing nothing is said.
    """
    key, writing = standing.artifact, standing.writing
    if not standing.counts:
        return [f"{key} is taken for want of a better one: {fault_of(writing)}"]
    told = []
    if standing.passed:
        first = "; ".join(fault_of(each) for each in standing.passed[:NAMED])
        more = len(standing.passed) - NAMED
        rest = f"; and {more} more" if more > 0 else ""
        told.append(f"{key} is taken, though others are newer: {first}{rest}")
    run, is_open = writing.execution, weight_of(writing.state) is Weight.OPEN
    if run not in (None, reader) and (is_open or writing.state is None):
        assert run is not None
        row = backend.nodes([run], as_of=as_of)[run]
        if is_open:
            told.append(f"{key} was written by {running_for(backend, row, as_of=as_of)}")
        elif row.salt is None:
            told.append(purged_writer(key, run))
    kinds = [writing.event] if writing.event else []
    if kinds == [EdgeKind.PENDING_OUTPUT]:
        # Its newest event: what is whole may have an older one, which counts.
        events = backend.edges([key], Direction.UPSTREAM, kinds=OUTPUT_KINDS, as_of=as_of)
        kinds = [event.kind for event in events]
    if is_pending(writing.artifact_state, kinds):
        told.append(f"{key} is pending: it may not be whole yet")
    return told


def fault_of(writing: Writing) -> str:
    """Return why a writing does not count."""
    withdrawn = _WITHDRAWN.get(writing.artifact_state) if writing.artifact_state else None
    if withdrawn is not None:
        return f"{writing.artifact} is {withdrawn}"
    return (
        f"{writing.artifact} was written by {writing.execution}, which {ending_of(writing.state)}"
    )


def ending_of(*states: int | None) -> str:
    """Return how runs that do not count ended.

    >>> ending_of(4), ending_of(6, 4, 6)
    ('FAILED', 'was CANCELED or FAILED')
    """
    names = sorted({_name_of(state) for state in states})
    return " or ".join(name if name == ExecutionState.FAILED else f"was {name}" for name in names)


def written_by_failures(
    states: Mapping[NodeKey, int | None], events: Iterable[EdgeRow], *, whole: bool
) -> dict[NodeKey, str]:
    """Return for each artifact that nobody but runs which failed wrote a sentence that says so.

    The runs are those whose states are given. Where the events are not the `whole` of what wrote the
    artifacts, no more is said than that.
    """
    alone, rest = (" alone", "") if whole else ("", ", and by no other run of this answer")
    failed = {run for run, state in states.items() if weight_of(state) is Weight.FAILED}
    writers: dict[NodeKey, list[NodeKey]] = {}
    for event in events if failed else ():
        if event.kind in OUTPUT_KINDS:
            writers.setdefault(event.target, []).append(event.source)
    return {
        artifact: (
            f"{artifact} was written by {', '.join(map(str, runs[:NAMED]))}{alone}, "
            f"which {ending_of(*(states[run] for run in runs))}{rest}"
        )
        for artifact, runs in sorted(writers.items())
        if failed.issuperset(runs)
    }


def is_pending(state: int | None, kinds: Collection[EdgeKind]) -> bool:
    """Whether an artifact of this state, written by these kinds of event, may not be whole yet."""
    return state == _PENDING or (bool(kinds) and set(kinds) <= {EdgeKind.PENDING_OUTPUT})


def is_withdrawn(state: int | None) -> bool:
    """Whether an artifact of this state is no candidate, whoever wrote it."""
    return state in _WITHDRAWN


def purged_writer(artifact: NodeKey, run: NodeKey) -> str:
    """Return what to say of a run whose state was purged with it: it counts as one without a state."""
    return (
        f"{artifact} was written by {run}, which was purged: it counts, though whether it failed is "
        f"not known any more"
    )


def _name_of(state: int | None) -> str:
    return "UNKNOWN" if state is None else _NAMES.get(state, str(state))


def running_for(backend: Backend, row: NodeRow, *, as_of: int | None = None) -> str:
    """Return a run that has not ended, and for how long it had been so at the moment asked about.

    The moment of the last transaction lasts until now.
    """
    is_past = as_of is not None and as_of < backend.now()
    moment = backend.time_of(as_of) if as_of is not None and is_past else backend.clock()
    seconds = max(0, moment - row.created) // 1_000_000
    return f"{row.key}, which had been {_name_of(row.state)} for {_duration(seconds)}"


def _duration(seconds: int) -> str:
    """Return a duration in its two largest units.

    >>> _duration(59), _duration(3_900), _duration(200_000)
    ('59 s', '1 h 5 min', '2 d 7 h')
    """
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, seconds = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2])
