"""A message that is there and empty, in every place of every call: our server takes it as MLMD does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lineage.backends.memory.backend import MemoryBackend
from lineage.contract.backend import Backend
from lineage.mlmd.messages import METHODS, Message, message
from lineage.model.keys import Kind
from lineage.testing.builders import Clock
from tests.mlmd.systems import Ours, Theirs, comparable, our_server

Fields = dict[str, Any]
Place = tuple[str | int, ...]

ARTIFACT, EXECUTION, CONTEXT = ({"type_id": number, "name": "new"} for number in (10, 11, 12))
WORLD: list[tuple[str, Fields]] = [
    ("PutArtifactType", {"artifact_type": {"name": "artifact", "properties": {"p": 1}}}),
    ("PutExecutionType", {"execution_type": {"name": "execution"}}),
    ("PutContextType", {"context_type": {"name": "context"}}),
    ("PutArtifacts", {"artifacts": [{**ARTIFACT, "name": "a", "uri": "u", "external_id": "x"}]}),
    ("PutExecutions", {"executions": [{**EXECUTION, "name": "a", "external_id": "x"}]}),
    (
        "PutContexts",
        {"contexts": [{**CONTEXT, "name": name, "external_id": name} for name in "ax"]},
    ),
    ("PutEvents", {"events": [{"artifact_id": 1, "execution_id": 1, "type": 3}]}),
    (
        "PutAttributionsAndAssociations",
        {
            "attributions": [{"artifact_id": 1, "context_id": 1}],
            "associations": [{"execution_id": 1, "context_id": 1}],
        },
    ),
    ("PutParentContexts", {"parent_contexts": [{"parent_id": 1, "child_id": 2}]}),
]


def _of_kind(kind: Kind) -> dict[str, Fields]:
    title = kind.capitalize()
    return {
        f"Put{title}Type": {f"{kind}_type": {"name": "new"}},
        f"Put{title}s": {
            f"{kind}s": [
                {
                    "id": 1,
                    "type_id": {"artifact": 10, "execution": 11, "context": 12}[kind],
                    "name": "b",
                }
            ]
        },
        f"Get{title}Type": {"type_name": str(kind)},
        f"Get{title}Types": {},
        f"Get{title}TypesByID": {"type_ids": [10, 11, 12]},
        f"Get{title}TypesByExternalIds": {},
        f"Get{title}s": {},
        f"Get{title}sByID": {f"{kind}_ids": [1]},
        f"Get{title}sByType": {"type_name": str(kind)},
        f"Get{title}ByTypeAndName": {"type_name": str(kind), f"{kind}_name": "a"},
        f"Get{title}sByExternalIds": {"external_ids": ["x"]},
        f"Get{title}sByContext": {"context_id": 1},
        f"GetContextsBy{title}": {f"{kind}_id": 1},
        f"GetEventsBy{title}IDs": {f"{kind}_ids": [1]},
    }


REQUESTS: dict[str, Fields] = {
    **{name: fields for kind in Kind for name, fields in _of_kind(kind).items() if name in METHODS},
    "PutTypes": {"artifact_types": [{"name": "new"}]},
    "PutEvents": {"events": [{"artifact_id": 1, "execution_id": 1, "type": 4}]},
    "PutExecution": {
        "execution": EXECUTION,
        "artifact_event_pairs": [{"artifact": ARTIFACT, "event": {"type": 3}}],
        "contexts": [CONTEXT],
    },
    "PutLineageSubgraph": {
        "artifacts": [ARTIFACT],
        "executions": [EXECUTION],
        "contexts": [CONTEXT],
        "event_edges": [{"artifact_index": 0, "execution_index": 0, "event": {"type": 3}}],
    },
    "PutAttributionsAndAssociations": {"attributions": [{"artifact_id": 1, "context_id": 2}]},
    "PutParentContexts": {},
    "GetArtifactsByURI": {"uris": ["u"]},
    "GetParentContextsByContext": {"context_id": 2},
    "GetChildrenContextsByContext": {"context_id": 1},
    "GetLineageSubgraph": {
        "lineage_subgraph_query_options": {"starting_artifacts": {"filter_query": "id = 1"}}
    },
    "GetLineageGraph": {},
}
"""A request of each call, which it can answer."""
NOT_BOUND = {"GetParentContextsByContexts", "GetChildrenContextsByContexts"}
"""Calls that MLMD's package does not let anybody make."""
DEEPEST = 3
LISTS = [f"Get{kind.capitalize()}{what}" for kind in Kind for what in ("s", "Types")]


def places(wire: Message, depth: int = 0) -> Iterator[Place]:
    """Yield each place of a message where an empty one can be: fields, and numbers of items."""
    for field in wire.DESCRIPTOR.fields:
        inner, name = field.message_type, field.name
        if inner is None or inner.GetOptions().map_entry or depth > DEEPEST:
            continue
        value = getattr(wire, name)
        if field.is_repeated:
            yield (name, len(value))
            for at, item in enumerate(value):
                yield from ((name, at, *place) for place in places(item, depth + 1))
            continue
        if not wire.HasField(name):
            yield (name,)
        if inner.name != "ArtifactStructType":  # which holds others of its kind
            yield from ((name, *place) for place in places(value, depth + 1))


def put(wire: Message, place: Place) -> None:
    """Put an empty message into a place."""
    for step in place:
        if isinstance(step, str):
            wire = getattr(wire, step)
        else:
            wire = wire[step] if step < len(wire) else wire.add()
    if hasattr(wire, "SetInParent"):
        wire.SetInParent()


def request_of(call: str) -> Message:
    return message(f"{call}Request")(**REQUESTS[call])


def test_every_call_is_made() -> None:
    assert {*REQUESTS, *NOT_BOUND} == set(METHODS)


@pytest.mark.parametrize("call", REQUESTS)
def test_an_empty_message_is_taken_alike(call: str, theirs: Theirs) -> None:
    for place in [(), *places(request_of(call))]:
        request = request_of(call)
        put(request, place)
        theirs.new()
        clock = Clock()
        with MemoryBackend(clock=clock) as backend, our_server(backend, clock) as ours:
            for name, fields in WORLD:
                for system in (ours, theirs):
                    made = system.call(name, message(f"{name}Request")(**fields))
                    assert made.response is not None, made
            assert_alike(ours, theirs, call, request, place)
            for every in LISTS:
                assert_alike(ours, theirs, every, message(f"{every}Request")(), place)


def assert_alike(ours: Ours, theirs: Theirs, call: str, request: Message, place: Place) -> None:
    """Check that both answer alike, in the same order."""
    mine, real = (
        comparable(system.call(call, request), system, ordered=True) for system in (ours, theirs)
    )
    assert mine == real, (call, place)


def test_a_mask_of_no_path_is_none(ours: Ours, backend: Backend) -> None:
    """Clients send one: what they mean is the whole answer, and a whole update."""
    for name, fields in WORLD:
        assert ours.call(name, message(f"{name}Request")(**fields)).response is not None
    plain = request_of("GetLineageSubgraph")
    masked = request_of("GetLineageSubgraph")
    masked.read_mask.SetInParent()
    answers = [ours.call("GetLineageSubgraph", each).response for each in (plain, masked)]
    assert answers[0] is not None
    assert answers[0] == answers[1]
    assert len(answers[0].lineage_subgraph.artifact_types) == 5
    update = message("PutArtifactsRequest")(artifacts=[{"id": 1, "type_id": 10, "uri": "v"}])
    update.update_mask.SetInParent()
    assert ours.call("PutArtifacts", update).response is not None
    (row,) = backend.find(Kind.ARTIFACT)
    assert (row.uri, row.external_id) == ("v", None)
