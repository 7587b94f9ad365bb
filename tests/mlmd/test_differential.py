"""Random calls to our server and to the real ML Metadata: the answers are the same."""

from typing import Any

import pytest

from lineage.mlmd.messages import Message, message
from lineage.model.keys import Kind
from tests.conftest import SEED
from tests.mlmd.random_calls import Calls
from tests.mlmd.systems import Ours, Said, Theirs, comparable

CALLS = 120
UNORDERED = {"GetLineageSubgraph", "GetArtifactsByURI"}
"""Calls in whose answers nodes come as MLMD's database and its hash tables happen to have them."""
EVERYTHING = [
    f"Get{each}s" for kind in Kind for each in (f"{kind.capitalize()}Type", kind.capitalize())
]


def compare(ours: Ours, theirs: Theirs, name: str, request: Message) -> tuple[Said, str]:
    """Make a call to both; return MLMD's answer and how ours differs, if it does."""
    here, there = ours.call(name, request), theirs.call(name, request)
    ordered = name not in UNORDERED
    mine = comparable(here, ours, ordered=ordered)
    real = comparable(there, theirs, ordered=ordered)
    if "lineage_subgraph" in real and "lineage_subgraph" in mine:
        # Of the events between the nodes of an answer, MLMD leaves those out that it has not walked.
        walked = real["lineage_subgraph"].get("events", [])
        found = mine["lineage_subgraph"].pop("events", [])
        if kept := [event for event in found if event in walked]:
            mine["lineage_subgraph"]["events"] = kept
    if here.response is None and there.response is None and several(request):
        return there, ""  # which of several faults is told is nobody's promise
    said = "" if mine == real else f"ours: {mine} {here.message}\nMLMD: {real} {there.message}"
    return there, said


def several(request: Message) -> bool:
    """Whether a request may have several faults."""
    if "Type" in request.DESCRIPTOR.name:
        return True
    items = sum(
        len(value) if field.is_repeated else 1
        for field, value in request.ListFields()
        if field.name not in ("options", "update_mask")
    )
    return items > 1


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(SEED, SEED + 4))
def test_random_calls_are_answered_alike(ours: Ours, theirs: Theirs, seed: int) -> None:
    calls = Calls(seed)
    succeeded = 0
    for number in range(CALLS):
        name, request = calls.next()
        there, difference = compare(ours, theirs, name, request)
        assert not difference, f"call {number}: {name} {{{request}}}\n{difference}"
        succeeded += there.response is not None
        for every in EVERYTHING if name.startswith("Put") else ():
            found, difference = compare(ours, theirs, every, message(f"{every}Request")())
            assert not difference, (
                f"{every} after call {number}: {name} {{{request}}}\n{difference}"
            )
            calls.saw(found.response)
    assert succeeded > CALLS / 3


ODD: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "a name that an update lets go": [
        ("PutContexts", {"contexts": [{"type_id": 12, "name": "a"}]}),
        (
            "PutContexts",
            {"contexts": [{"id": 1, "type_id": 12, "name": "b"}, {"type_id": 12, "name": "a"}]},
        ),
    ],
    "a name that a later node of the call lets go": [
        ("PutContexts", {"contexts": [{"type_id": 12, "name": "a"}]}),
        (
            "PutContexts",
            {"contexts": [{"type_id": 12, "name": "a"}, {"id": 1, "type_id": 12, "name": "b"}]},
        ),
    ],
    "an external id that an update lets go": [
        ("PutArtifacts", {"artifacts": [{"type_id": 10, "external_id": "x"}]}),
        (
            "PutArtifacts",
            {
                "artifacts": [
                    {"id": 1, "type_id": 10, "external_id": "y"},
                    {"type_id": 10, "external_id": "x"},
                ]
            },
        ),
    ],
    "an empty structure": [
        ("PutExecutionType", {"execution_type": {"name": "s", "output_type": {}}}),
    ],
}


@pytest.mark.parametrize("what", ODD)
def test_odd_calls_are_answered_alike(ours: Ours, theirs: Theirs, what: str) -> None:
    types: list[tuple[str, dict[str, Any]]] = [
        (f"Put{kind.capitalize()}Type", {f"{kind}_type": {"name": str(kind)}}) for kind in Kind
    ]
    *before, last = (*types, *ODD[what])
    for name, fields in before:
        there, difference = compare(ours, theirs, name, message(f"{name}Request")(**fields))
        assert there.response is not None, there
        assert not difference, difference
    name, fields = last
    request = message(f"{name}Request")(**fields)
    assert ours.call(name, request).code is theirs.call(name, request).code
    for every in EVERYTHING:
        _, difference = compare(ours, theirs, every, message(f"{every}Request")())
        assert not difference, difference
