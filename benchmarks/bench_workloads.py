"""ML Metadata's own eight workloads, and recording a run, beside ML Metadata.

Both sides have the same store, a trace of 8,000 nodes, and write the same into it in the same order,
so that the ids they give must agree.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import lineage
from benchmarks.beside import TABLE, Peer, Side, asked, race, timed
from benchmarks.plain import plain, wire_types, wire_values
from benchmarks.sizes import TRACES
from benchmarks.stores import Stores, fill
from benchmarks.traces import NODES_PER_RUN
from lineage import (
    Artifact,
    ArtifactType,
    Association,
    Attribution,
    Context,
    ContextType,
    Event,
    EventType,
    Execution,
    ExecutionType,
    Kind,
    NodeKey,
)
from lineage.filters.tree import Column, Compare, Exists, Field, Filter, In, Neighbour, Operator
from lineage.model.entities import Entity, Node
from lineage.model.system import SYSTEM_TYPES

WIDE = {f"p{n}": ("INT", "DOUBLE", "STRING")[n % 3] for n in range(10)}
TYPES: dict[str, type[ArtifactType | ExecutionType | ContextType]] = {
    "artifact": ArtifactType,
    "execution": ExecutionType,
    "context": ContextType,
}
NODES: dict[str, type[Node]] = {"artifact": Artifact, "execution": Execution, "context": Context}
WIDE_IDS = dict(zip(NODES, (19, 20, 21), strict=True))
"""The trace's own types have the ids from 10 to 18."""
MODEL, TRAINER = 11, 15
FEW_TYPES = 4
"""Calls a round where each leaves a type behind, of which a store has some hundreds."""


class Span(lineage.Artifact):
    day: int
    split: str


class Model(lineage.Artifact):
    version: int
    accuracy: float


class Trainer(lineage.Execution):
    learning_rate: float


class PipelineRun(lineage.Context):
    pass


@dataclass
class Both:
    """The two systems with the same store, in memory or in a file each."""

    backend: str
    store: lineage.Store
    peer: Peer

    def race(
        self, group: str, workload: str, ours: Side, theirs: Side, **limits: int
    ) -> tuple[Any, Any]:
        """Let both do the same, keep what it took and return the last answers."""
        raced = race(ours, theirs, **limits)
        TABLE.add(group, workload, self.backend, raced)
        return raced.answers


@pytest.fixture(scope="module", params=["memory", "file"])
def both(
    request: pytest.FixtureRequest, stores: Stores, peer: Peer, tmp_path_factory: Any
) -> Iterator[Both]:
    folder: Path = tmp_path_factory.mktemp("workloads")
    if request.param == "memory":
        with stores.memory("8k") as store:
            peer.open()
            fill(peer, store)
            yield Both("memory", _with_wide(store, peer), peer)
    else:
        with stores.copies("8k", peer, folder) as store:
            yield Both("file", _with_wide(store, peer), peer)


def _with_wide(store: lineage.Store, peer: Peer) -> lineage.Store:
    for kind, cls in TYPES.items():
        store.put(cls(name="Wide", properties=WIDE))
        given = {"name": "Wide", "properties": wire_types(WIDE)}
        _, answer = peer.ask(f"Put{kind.capitalize()}Type", {f"{kind}_type": given})
        assert answer.type_id == WIDE_IDS[kind]
    return store


@pytest.fixture(scope="module", params=["memory", "file"])
def empty(request: pytest.FixtureRequest, peer: Peer, tmp_path_factory: Any) -> Iterator[Both]:
    """Empty stores, for what writes so many types as no store has."""
    folder: Path = tmp_path_factory.mktemp("types")
    in_memory = request.param == "memory"
    with lineage.connect("memory:" if in_memory else folder / "lineage.db") as store:
        peer.open("" if in_memory else folder / "mlmd.db")
        yield Both(request.param, store, peer)


# Types


@pytest.mark.parametrize("kind", TYPES)
def bench_insert_types(empty: Both, kind: str) -> None:
    """With ten properties."""
    ours, theirs = empty.race(
        "insert and update types",
        f"insert a type of {kind}s",
        timed(lambda n: TYPES[kind](name=f"type {n}", properties=WIDE), empty.store.put),
        asked(
            empty.peer,
            f"Put{kind.capitalize()}Type",
            lambda n: {f"{kind}_type": {"name": f"type {n}", "properties": wire_types(WIDE)}},
        ),
        largest=FEW_TYPES,
    )
    assert ours.id == theirs.type_id


@pytest.mark.parametrize("kind", TYPES)
def bench_update_types(empty: Both, kind: str) -> None:
    """One property more; the types are written before."""
    call = f"Put{kind.capitalize()}Type"
    grown = {**WIDE, "more": "INT"}

    def prepare(n: int) -> Entity:
        empty.store.put(TYPES[kind](name=f"grows {n}", properties=WIDE))
        return TYPES[kind](name=f"grows {n}", properties=grown)

    def request(n: int) -> dict[str, Any]:
        given = {"name": f"grows {n}", "properties": wire_types(WIDE)}
        empty.peer.ask(call, {f"{kind}_type": given})
        return {
            f"{kind}_type": {**given, "properties": wire_types(grown)},
            "can_add_fields": True,
        }

    ours, theirs = empty.race(
        "insert and update types",
        f"update a type of {kind}s",
        timed(prepare, lambda each: empty.store.put(each, can_add=True)),
        asked(empty.peer, call, request),
        largest=FEW_TYPES,
    )
    assert ours.id == theirs.type_id
    assert ours.properties["more"] == "INT"


# Nodes with ten properties


def values(number: int) -> dict[str, Any]:
    """Return ten properties that differ by number."""
    made = {"INT": number, "DOUBLE": number + 0.5, "STRING": f"the value of {number}"}
    return {name: made[kind] for name, kind in WIDE.items()}


def new_nodes(kind: str, number: int, count: int) -> list[Node]:
    """Return some nodes with names of their own."""
    return [
        NODES[kind](type="Wide", name=f"{count}: {number}.{n}", properties=values(number))
        for n in range(count)
    ]


def wires(nodes: Sequence[Node], ids: Sequence[int] = ()) -> list[dict[str, Any]]:
    """Return nodes as a request has them; those with ids are updates."""
    found = []
    for node, number in itertools.zip_longest(nodes, ids):
        fields = {"name": node.name, "properties": wire_values(node.properties)}
        known = {} if number is None else {"id": number}
        found.append({"type_id": WIDE_IDS[node.kind], **fields, **known})
    return found


@pytest.mark.parametrize("count", [1, 10])
@pytest.mark.parametrize("kind", NODES)
def bench_insert_nodes(both: Both, kind: str, count: int) -> None:
    ours, theirs = both.race(
        "insert and update nodes",
        f"insert {count} {kind}{'s' * (count > 1)}",
        timed(lambda n: new_nodes(kind, n, count), both.store.put),
        asked(
            both.peer,
            f"Put{kind.capitalize()}s",
            lambda n: {f"{kind}s": wires(new_nodes(kind, n, count))},
        ),
    )
    assert [each.id for each in ours] == list(getattr(theirs, f"{kind}_ids"))


@pytest.mark.parametrize("count", [1, 10])
@pytest.mark.parametrize("kind", NODES)
def bench_update_nodes(both: Both, kind: str, count: int) -> None:
    """All ten properties of nodes that there are, in one transaction."""
    known = both.store.put(new_nodes(kind, -count, count))
    _, answer = both.peer.ask(
        f"Put{kind.capitalize()}s", {f"{kind}s": wires(new_nodes(kind, -count, count))}
    )
    ids = list(getattr(answer, f"{kind}_ids"))
    assert ids == [each.id for each in known]

    def prepare(n: int) -> list[Node]:
        return [each.replace(properties=values(n), update_time=None) for each in known]

    def update(nodes: list[Node]) -> list[Node]:
        with both.store.transaction():
            return [both.store.update(each) for each in nodes]

    ours, _ = both.race(
        "insert and update nodes",
        f"update {count} {kind}{'s' * (count > 1)}",
        timed(prepare, update),
        asked(
            both.peer, f"Put{kind.capitalize()}s", lambda n: {f"{kind}s": wires(prepare(n), ids)}
        ),
    )
    _, theirs = both.peer.ask(f"Get{kind.capitalize()}sByID", {f"{kind}_ids": ids})
    assert plain(ours) == plain(theirs)
    assert plain(both.store.get(each) for each in known) == plain(theirs)


# Edges


HALF = TRACES["8k"] // NODES_PER_RUN // 2
"""Half of how many contexts there are; other nodes are more."""


def pairs(count: int, number: int) -> list[tuple[int, int]]:
    """Return that many pairs of an id up to `HALF` and one beyond, other ones for each number."""
    places = range(number * count, (number + 1) * count)
    return [(1 + place % HALF, HALF + count + place // HALF) for place in places]


@pytest.mark.parametrize("count", [1, 10])
def bench_attributions_and_associations(both: Both, count: int) -> None:
    """That many of each."""

    def edges(n: int) -> list[Entity]:
        keys = [(NodeKey(Kind.CONTEXT, c), each) for each, c in pairs(count, n)]
        return [
            *(Attribution(context=c, artifact=NodeKey(Kind.ARTIFACT, a)) for c, a in keys),
            *(Association(context=c, execution=NodeKey(Kind.EXECUTION, e)) for c, e in keys),
        ]

    def request(n: int) -> dict[str, Any]:
        return {
            "attributions": [{"artifact_id": a, "context_id": c} for a, c in pairs(count, n)],
            "associations": [{"execution_id": e, "context_id": c} for e, c in pairs(count, n)],
        }

    both.race(
        "attributions and associations",
        f"insert {count} of each",
        timed(edges, both.store.put),
        asked(both.peer, "PutAttributionsAndAssociations", request),
    )
    context = HALF + count
    for kind, cls in (("Artifact", Artifact), ("Execution", Execution)):
        said = both.store.find(cls, f"contexts_c.id = {context}", limit=100)
        options = {"max_result_size": 100}
        call = f"Get{kind}sByContext"
        _, theirs = both.peer.ask(call, {"context_id": context, "options": options})
        assert plain(said) == plain(theirs)


@pytest.mark.parametrize("count", [1, 10])
def bench_events(both: Both, count: int) -> None:
    kind = {1: EventType.DECLARED_INPUT, 10: EventType.INTERNAL_INPUT}[count]
    number = {1: 2, 10: 5}[count]

    def edges(n: int) -> list[Event]:
        return [
            Event(
                artifact=NodeKey(Kind.ARTIFACT, a), execution=NodeKey(Kind.EXECUTION, e), type=kind
            )
            for a, e in pairs(count, n)
        ]

    def request(n: int) -> dict[str, Any]:
        ends = pairs(count, n)
        return {"events": [{"artifact_id": a, "execution_id": e, "type": number} for a, e in ends]}

    both.race(
        "events",
        f"insert {count} event{'s' * (count > 1)}",
        timed(edges, both.store.put),
        asked(both.peer, "PutEvents", request),
    )
    _, theirs = both.peer.ask("GetEventsByExecutionIDs", {"execution_ids": [HALF + count]})
    assert plain(both.store.events(f"execution:{HALF + count}")) == plain(theirs)


# Reading


def by(field: Field, value: int | str, of: str = "") -> Filter:
    """Return the filter that a column has a value."""
    return Compare(Column(field, of), Operator.EQ, value)


def near(neighbour: Neighbour, number: int) -> Filter:
    """Return the filter that a neighbour has an id."""
    return Exists(neighbour, "n", by(Field.ID, number, "n"))


def hundred(n: int) -> tuple[int, ...]:
    """Return a hundred ids."""
    return tuple(range(1 + n % HALF, 101 + n % HALF))


Reader = Callable[[lineage.Store, int], Any]
Request = Callable[[int], dict[str, Any]]
TWENTY = {"options": {"max_result_size": 20}}
ALL = {"options": {"max_result_size": 100}}
READS: dict[str, dict[str, tuple[Reader, str, Request]]] = {
    "read types": {
        f"{what} of {kind}s": (
            lambda s, _, kind=kind, name=name: s.types(kind, name=name),
            f"Get{kind.capitalize()}Type{'' if name else 's'}",
            lambda _, name=name: {"type_name": name} if name else {},
        )
        for kind, of_kind in zip(Kind, ("Model", "Trainer", "PipelineRun"), strict=True)
        for what, name in (("a type by name", of_kind), ("all types", None))
    },
    "read nodes": {
        "an artifact by id": (
            lambda s, n: s.get(Artifact, 1 + n % HALF),
            "GetArtifactsByID",
            lambda n: {"artifact_ids": [1 + n % HALF]},
        ),
        "an execution by id": (
            lambda s, n: s.get(Execution, 1 + n % HALF),
            "GetExecutionsByID",
            lambda n: {"execution_ids": [1 + n % HALF]},
        ),
        "a context by id": (
            lambda s, n: s.get(Context, 1 + n % HALF),
            "GetContextsByID",
            lambda n: {"context_ids": [1 + n % HALF]},
        ),
        "100 artifacts by id": (
            lambda s, n: s.find(Artifact, In(Column(Field.ID), hundred(n))),
            "GetArtifactsByID",
            lambda n: {"artifact_ids": hundred(n)},
        ),
        "100 executions by id": (
            lambda s, n: s.find(Execution, In(Column(Field.ID), hundred(n))),
            "GetExecutionsByID",
            lambda n: {"execution_ids": hundred(n)},
        ),
        "20 artifacts by type": (
            lambda s, _: s.find(Span, limit=20),
            "GetArtifactsByType",
            lambda _: {"type_name": "Span", **TWENTY},
        ),
        "20 executions by type": (
            lambda s, _: s.find(Trainer, limit=20),
            "GetExecutionsByType",
            lambda _: {"type_name": "Trainer", **TWENTY},
        ),
        "20 contexts by type": (
            lambda s, _: s.find(PipelineRun, limit=20),
            "GetContextsByType",
            lambda _: {"type_name": "PipelineRun", **TWENTY},
        ),
        "a context by type and name": (
            lambda s, n: s.get(PipelineRun, f"cold/{n % 5}"),
            "GetContextByTypeAndName",
            lambda n: {"type_name": "PipelineRun", "context_name": f"cold/{n % 5}"},
        ),
        "artifacts by URI": (
            lambda s, n: s.find(Artifact, by(Field.URI, f"s3://models/cold/{n % 5}/0")),
            "GetArtifactsByURI",
            lambda n: {"uris": [f"s3://models/cold/{n % 5}/0"]},
        ),
    },
    "read through contexts": {
        "artifacts of a context": (
            lambda s, n: s.find(Artifact, near(Neighbour.CONTEXTS, 1 + n % HALF)),
            "GetArtifactsByContext",
            lambda n: {"context_id": 1 + n % HALF, **ALL},
        ),
        "executions of a context": (
            lambda s, n: s.find(Execution, near(Neighbour.CONTEXTS, 1 + n % HALF)),
            "GetExecutionsByContext",
            lambda n: {"context_id": 1 + n % HALF, **ALL},
        ),
        "contexts of an artifact": (
            lambda s, n: s.find(Context, near(Neighbour.ARTIFACTS, 1 + n % HALF)),
            "GetContextsByArtifact",
            lambda n: {"artifact_id": 1 + n % HALF},
        ),
        "contexts of an execution": (
            lambda s, n: s.find(Context, near(Neighbour.EXECUTIONS, 1 + n % HALF)),
            "GetContextsByExecution",
            lambda n: {"execution_id": 1 + n % HALF},
        ),
    },
    "read events": {
        "of an artifact": (
            lambda s, n: s.events(NodeKey(Kind.ARTIFACT, 1 + n % HALF)),
            "GetEventsByArtifactIDs",
            lambda n: {"artifact_ids": [1 + n % HALF]},
        ),
        "of an execution": (
            lambda s, n: s.events(NodeKey(Kind.EXECUTION, 1 + n % HALF)),
            "GetEventsByExecutionIDs",
            lambda n: {"execution_ids": [1 + n % HALF]},
        ),
        "of 20 executions": (
            lambda s, n: s.events(*(NodeKey(Kind.EXECUTION, e) for e in hundred(n)[:20])),
            "GetEventsByExecutionIDs",
            lambda n: {"execution_ids": hundred(n)[:20]},
        ),
    },
}


@pytest.mark.parametrize("group", READS)
def bench_reads(both: Both, group: str) -> None:
    """The answers must be equal and not empty; MLMD lists no system types."""
    for workload, (reader, call, request) in READS[group].items():
        ours, theirs = map(
            plain,
            both.race(
                group,
                workload,
                timed(lambda n: n, lambda n, reader=reader: reader(both.store, n)),
                asked(both.peer, call, request),
            ),
        )
        preloaded = len(SYSTEM_TYPES) if group == "read types" else 0
        assert [each for each in ours if each[0] > preloaded] == theirs
        assert theirs


# Recording


READ = [NodeKey(Kind.ARTIFACT, 1), NodeKey(Kind.ARTIFACT, 8)]
EXPERIMENT = {"type_id": WIDE_IDS["context"], "name": "experiment"}


class Finished(NamedTuple):
    """A run, what it wrote and what it belongs to."""

    execution: Execution
    outputs: list[Artifact]
    within: Context


def finished(number: int) -> Finished:
    """Return a run with two outputs, in an experiment."""
    execution = Execution(type="Trainer", properties={"learning_rate": 0.5}, state="COMPLETE")
    properties = {"version": number, "accuracy": 0.5}
    outputs = [
        Artifact(type="Model", uri=f"s3://new/{number}/{n}", properties=properties)
        for n in range(2)
    ]
    return Finished(execution, outputs, Context(type="Wide", name="experiment"))


def recording(number: int) -> dict[str, Any]:
    """Return the request that records the same."""
    run = finished(number)
    models = [
        {"type_id": MODEL, "uri": each.uri, "properties": wire_values(each.properties)}
        for each in run.outputs
    ]
    properties = wire_values(run.execution.properties)
    return {
        "execution": {"type_id": TRAINER, "last_known_state": 3, "properties": properties},
        "artifact_event_pairs": [
            *({"event": {"artifact_id": key.id, "type": 3}} for key in READ),
            *({"artifact": model, "event": {"type": 4}} for model in models),
        ],
        "contexts": [EXPERIMENT],
        "options": {"reuse_context_if_already_exist": True},
    }


def bench_record_an_execution(both: Both) -> None:
    """Two inputs that are there, two outputs, and an experiment that is there."""
    both.store.put(Context(type="Wide", name="experiment"))
    both.peer.ask("PutContexts", {"contexts": [EXPERIMENT]})

    def record(run: Finished) -> Any:
        return both.store.record(run.execution, inputs=READ, outputs=run.outputs, within=run.within)

    ours, theirs = both.race(
        "record an execution",
        "two inputs, two outputs, a context",
        timed(finished, record),
        asked(both.peer, "PutExecution", recording),
    )
    assert ours.execution.id == theirs.execution_id
    assert [each.id for each in (*ours.inputs, *ours.outputs)] == list(theirs.artifact_ids)
    assert [each.id for each in ours.contexts] == list(theirs.context_ids)
