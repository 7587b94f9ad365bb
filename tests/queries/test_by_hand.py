"""Random histories with states, uses and late times, against a reference over the stream of changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

import lineage
from lineage.contract.backend import Backend
from lineage.model.entities import Event, Execution, ExecutionState
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import STATE_NUMBERS, EdgeRow, NodeRow
from lineage.store import Store
from tests.conftest import MORE

FAILING = {STATE_NUMBERS[ExecutionState.FAILED], STATE_NUMBERS[ExecutionState.CANCELED]}
CACHED = STATE_NUMBERS[ExecutionState.CACHED]
DATASETS = 4
STATES = ["COMPLETE", "FAILED", "CANCELED", "CACHED", "RUNNING", None]
USES = [None, "train", "test", "other"]


class Done(NamedTuple):
    """A run: its state, what it reads and for what, what it writes, and the hour when that happened."""

    state: str | None
    reads: dict[int, str | None]
    writes: set[int]
    hour: int


RUNS = st.builds(
    Done,
    state=st.sampled_from(STATES),
    reads=st.dictionaries(st.integers(1, 4), st.sampled_from(USES), max_size=3),
    writes=st.sets(st.integers(1, 6), max_size=2),
    hour=st.integers(0, 5),
)


class Reference:
    """What a store says at a moment, made of its changes alone."""

    def __init__(self, backend: Backend, as_of: int) -> None:
        self.nodes: dict[NodeKey, NodeRow] = {}
        self.edges: dict[tuple[object, ...], EdgeRow] = {}
        for commit in backend.changes():
            if commit.head.number <= as_of:
                batch = commit.batch
                self.nodes |= {row.key: row for row in (*batch.nodes, *batch.updates)}
                self.edges |= {row[:3]: row for row in (*batch.edges, *batch.edge_updates)}

    def writers(self, artifact: NodeKey) -> list[NodeKey]:
        """Return who wrote an artifact: who counts before who failed, the latest first."""
        events = [row for row in self.edges.values() if row.target == artifact]

        def place(row: EdgeRow) -> tuple[bool, int | None, int, NodeKey]:
            return not self._failed(row.source), row.time, row.first, row.source

        return [row.source for row in sorted(events, key=place, reverse=True)]

    def _failed(self, run: NodeKey) -> bool:
        return self.nodes[run].state in FAILING

    def answering(self, artifact: NodeKey) -> NodeKey | None:
        """Return the run whose parameters an artifact has."""
        runs = self.writers(artifact)
        worked = [run for run in runs if not self._failed(run) and self.nodes[run].state != CACHED]
        return next(iter(worked or runs), None)

    def newest(self, uri: str) -> NodeKey:
        """Return the artifact of a URI that was written last by a run that counts."""

        def place(row: NodeRow) -> tuple[bool, int, int, NodeKey]:
            events = [edge for edge in self.edges.values() if edge.target == row.key]
            counting = [edge for edge in events if not self._failed(edge.source)]
            moments = [(edge.time or 0, edge.first) for edge in counting or events]
            last = max(moments, default=(row.created, 0))
            return bool(counting) or not events, *last, row.key

        return max(place(row) for row in self.nodes.values() if row.uri == uri)[-1]

    def read(self, run: NodeKey) -> list[EdgeRow]:
        return [row for row in self.edges.values() if row.target == run]

    def behind(self, start: NodeKey, *, sound: bool = False) -> set[NodeKey]:
        """Return what a node was made from, and itself; where that must be `sound`, through no failed run."""
        met: set[NodeKey] = set()
        ahead = [start]
        while ahead:
            key = ahead.pop()
            if key not in met and not (sound and key.kind is Kind.EXECUTION and self._failed(key)):
                met.add(key)
                ahead += [row.source for row in self.read(key)]
        return met

    def purposes(self, artifact: NodeKey) -> dict[NodeKey, str | None]:
        """Return what everything behind an artifact was for: what it leads to was read for that."""
        purposes: dict[NodeKey, str | None] = {}
        runs = self.writers(artifact)
        for failing in (False, True):
            read = [row for run in runs if self._failed(run) is failing for row in self.read(run)]
            for some, purpose in (
                (('["train"]',), "training"),
                ((None, '["other"]'), None),
                (('["test"]',), "evaluation"),
            ):
                for row in read:
                    if row.paths in some:
                        for key in self.behind(row.source):
                            purposes.setdefault(key, purpose)
        return purposes


def recorded(store: Store, runs: list[Done]) -> None:
    """Record six artifacts, two at each URI, and runs that read the first four and write any."""
    day = datetime(2026, 3, 1, tzinfo=UTC)
    classes = [lineage.Dataset] * DATASETS + [lineage.Model] * 2
    keys = [
        store.put(cls(uri=f"{cls.__name__}{number % 2}")).key for number, cls in enumerate(classes)
    ]
    for done in runs:
        number = len(store.find(Execution)) + 1
        execution = Execution(
            type="lineage.Train", state=done.state, custom_properties={"number": number}
        )
        run = store.put(execution).key
        time = day + timedelta(hours=done.hour)
        events = [
            Event(
                artifact=keys[number - 1],
                execution=run,
                type="INPUT",
                time=time,
                path=(use,) if use else (),
            )
            for number, use in done.reads.items()
        ]
        events += [
            Event(artifact=keys[number - 1], execution=run, type="OUTPUT", time=time)
            for number in done.writes
        ]
        if events:
            store.put(events)


def agree(store: Store, as_of: int) -> None:
    reference, then = Reference(store.backend, as_of), store.at(as_of)
    for uri in sorted({row.uri for row in reference.nodes.values() if row.uri}):
        newest = reference.newest(uri)
        assert then.key_of(uri) == newest
        assert then.versions(newest).current.key == newest
    for key in sorted(key for key in reference.nodes if key.kind is Kind.ARTIFACT):
        answer = then.show(key)
        assert [run.key for run in answer.runs] == reference.writers(key)
        sound, purposes = reference.behind(key, sound=True), reference.purposes(key)
        assert {each.node.key: (each.purpose, each.failed) for each in answer.datasets} == {
            other: (purpose, other not in sound)
            for other, purpose in purposes.items()
            if other.kind is Kind.ARTIFACT and other.id <= DATASETS and other != key
        }
        run = reference.answering(key)
        assert run is None or dict(answer.parameters) == {"number": run.id}
        data = [] if run is None else reference.read(run)
        trained = {row.source for row in data if row.paths != '["test"]'}
        if trained and key.id > DATASETS:
            assert {each.key for each in then.peers(key).datasets} == trained


@settings(max_examples=100 * MORE)
@given(runs=st.lists(RUNS, max_size=6), pick=st.integers(0, 99))
def test_answers_are_those_of_the_changes(runs: list[Done], pick: int) -> None:
    with lineage.connect("memory:") as store:
        recorded(store, runs)
        agree(store, store.backend.now())
        agree(store, pick % (store.backend.now() + 1))
