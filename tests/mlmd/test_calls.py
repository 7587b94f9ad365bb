"""What the real ML Metadata is not asked: calls that its package does not bind, and our own promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode

import lineage
import lineage.mlmd
from lineage.errors import ENDINGS, LineageError
from lineage.mlmd.messages import Message, message
from lineage.mlmd.missing import missing_types
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch
from lineage.server.refusal import Refusal, status_of
from lineage.store import Store
from tests.mlmd.systems import Ours, Said


def ask(ours: Ours, call: str, **fields: Any) -> Message:
    said = said_of(ours, call, **fields)
    assert said.response is not None, said
    return said.response


def said_of(ours: Ours, call: str, **fields: Any) -> Said:
    return ours.call(call, message(f"{call}Request")(**fields))


def refused(ours: Ours, call: str, **fields: Any) -> str:
    return said_of(ours, call, **fields).code.name


@pytest.fixture
def typed(ours: Ours) -> Ours:
    """A server with a type of each kind, whose ids are 10 to 12."""
    types = {
        f"{kind}_types": [{"name": kind.capitalize(), "properties": {"p": 1}}] for kind in Kind
    }
    made = ask(ours, "PutTypes", **types)
    ids = [made.artifact_type_ids, made.execution_type_ids, made.context_type_ids]
    assert [list(each) for each in ids] == [[10], [11], [12]]
    return ours


def put(ours: Ours, *artifacts: dict[str, Any], **more: Any) -> list[int]:
    wires = [{"type_id": 10, **artifact} for artifact in artifacts]
    return list(ask(ours, "PutArtifacts", artifacts=wires, **more).artifact_ids)


def test_the_compiled_messages_are_current(tmp_path: Path) -> None:
    folder = Path(lineage.mlmd.__path__[0])
    compiled = tmp_path / "compiled"
    command = [f"-I{folder}", f"--descriptor_set_out={compiled}", "metadata_store.proto"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *command], check=True)
    assert compiled.read_bytes() == (folder / "metadata_store.binpb").read_bytes()


# Types


def test_types_are_put_wholly_or_not_at_all(ours: Ours) -> None:
    good, bad = {"name": "Good"}, {"name": ""}
    assert refused(ours, "PutTypes", artifact_types=[good, bad]) == "INVALID_ARGUMENT"
    assert not ask(ours, "GetArtifactTypes").artifact_types
    twice = ask(ours, "PutTypes", artifact_types=[good, good])
    assert list(twice.artifact_type_ids) == [10, 10]


def test_what_a_type_cannot_become(typed: Ours) -> None:
    wire = {"name": "Artifact", "properties": {"p": 1}}
    for fields, code in (
        ({"artifact_type": wire, "all_fields_match": False}, "UNIMPLEMENTED"),
        ({"artifact_type": {**wire, "base_type": 0}}, "UNIMPLEMENTED"),
        ({"artifact_type": {**wire, "properties": {"p": 2}}}, "ALREADY_EXISTS"),
        ({"artifact_type": {**wire, "properties": {"p": 0}}}, "INVALID_ARGUMENT"),
        ({}, "INVALID_ARGUMENT"),
    ):
        assert refused(typed, "PutArtifactType", **fields) == code
    ask(typed, "PutArtifactType", artifact_type={**wire, "base_type": 2})
    other = {**wire, "base_type": 1}
    assert refused(typed, "PutArtifactType", artifact_type=other) == "UNIMPLEMENTED"


def test_structures_of_execution_types_are_kept(ours: Ours) -> None:
    given = {"dict": {"properties": {"data": {"simple": {"name": "Dataset"}}}}}
    wire = {"name": "Trains", "input_type": given}
    ask(ours, "PutExecutionType", execution_type=wire)
    found = ask(ours, "GetExecutionType", type_name="Trains").execution_type
    assert found.input_type == message("ExecutionType")(**wire).input_type
    assert not found.HasField("output_type")


# Nodes


def test_a_node_that_was_updated_since_it_was_read(typed: Ours) -> None:
    put(typed, {"uri": "a"})
    (read,) = ask(typed, "GetArtifactsByID", artifact_ids=[1]).artifacts
    options = {"abort_if_latest_updated_time_changed": True}
    read.uri = "b"
    ask(typed, "PutArtifacts", artifacts=[read], options=options)
    read.uri = "c"
    assert (
        refused(typed, "PutArtifacts", artifacts=[read], options=options) == "FAILED_PRECONDITION"
    )
    (stored,) = ask(typed, "GetArtifactsByID", artifact_ids=[1]).artifacts
    assert stored.uri == "b"
    assert stored.last_update_time_since_epoch > stored.create_time_since_epoch


def test_a_node_stays_of_its_type(typed: Ours) -> None:
    put(typed, {"uri": "a"})
    other = {"id": 1, "type_id": 1, "uri": "b"}
    assert refused(typed, "PutArtifacts", artifacts=[other]) == "INVALID_ARGUMENT"
    (stored,) = ask(typed, "GetArtifactsByID", artifact_ids=[1]).artifacts
    assert (stored.type_id, stored.uri) == (10, "a")
    put(typed, {"id": 1, "type_id": 10, "uri": "c"})


def test_pages_in_order_of_time(typed: Ours) -> None:
    for _ in range(5):
        put(typed, {})
    put(typed, {"id": 2, "uri": "later"})
    for field, ascending in ((2, [1, 3, 4, 5, 2]), (1, [1, 2, 3, 4, 5])):
        for is_asc in (True, False):
            order = {"field": field, "is_asc": is_asc}
            found: list[int] = []
            token = ""
            while True:
                page = {"max_result_size": 2, "order_by_field": order, "next_page_token": token}
                answer = ask(typed, "GetArtifacts", options=page)
                found += [each.id for each in answer.artifacts]
                token = answer.next_page_token
                if not token:
                    break
            assert found == (ascending if is_asc else ascending[::-1])


def test_tokens_are_of_one_order(typed: Ours) -> None:
    put(typed, *[{} for _ in range(3)])
    token = ask(typed, "GetArtifacts", options={"max_result_size": 1}).next_page_token
    other = {"next_page_token": token, "order_by_field": {"field": 1}}
    assert refused(typed, "GetArtifacts", options=other) == "INVALID_ARGUMENT"
    for wrong in ("x", "!!!", token[:-3]):
        options = {"next_page_token": wrong}
        assert refused(typed, "GetArtifacts", options=options) == "INVALID_ARGUMENT", wrong
    unordered = {"order_by_field": {"field": 0}}
    assert refused(typed, "GetArtifacts", options=unordered) == "INVALID_ARGUMENT"
    assert refused(typed, "GetArtifacts", options={"max_result_size": 0}) == "INVALID_ARGUMENT"


def test_parents_and_children_of_several(typed: Ours) -> None:
    contexts = [{"type_id": 12, "name": name} for name in "abc"]
    ask(typed, "PutContexts", contexts=contexts)
    pairs = [{"parent_id": 1, "child_id": 2}, {"parent_id": 1, "child_id": 3}]
    ask(typed, "PutParentContexts", parent_contexts=pairs)
    children = ask(typed, "GetChildrenContextsByContexts", context_ids=[1, 2, 1, 99]).contexts
    assert {
        key: [each.id for each in found.children_contexts] for key, found in children.items()
    } == {1: [2, 3]}
    parents = ask(typed, "GetParentContextsByContexts", context_ids=[1, 2, 3]).contexts
    assert {key: [each.id for each in found.parent_contexts] for key, found in parents.items()} == {
        2: [1],
        3: [1],
    }
    for call in ("GetParentContextsByContexts", "GetChildrenContextsByContexts"):
        assert refused(typed, call) == "INVALID_ARGUMENT"


def test_deleted_nodes_are_not_there(typed: Ours) -> None:
    run = {"type_id": 11, "name": "run"}
    pairs = [{"artifact": {"type_id": 10, "name": "a"}, "event": {"type": 3}}]
    contexts = [{"type_id": 12, "name": "c"}]
    ask(typed, "PutExecution", execution=run, artifact_event_pairs=pairs, contexts=contexts)
    Store(typed.backend, actor="ann").delete(NodeKey(Kind.CONTEXT, 1), message="gone")
    Store(typed.backend, actor="ann").delete(NodeKey(Kind.ARTIFACT, 1), message="gone")
    assert not ask(typed, "GetArtifactsByID", artifact_ids=[1]).artifacts
    assert not ask(typed, "GetContexts").contexts
    assert refused(typed, "GetContextsByExecution", execution_id=1) == "NOT_FOUND"
    event = {"artifact_id": 1, "execution_id": 1, "type": 4}
    assert refused(typed, "PutEvents", events=[event]) == "INVALID_ARGUMENT"
    assert len(ask(typed, "GetEventsByExecutionIDs", execution_ids=[1]).events) == 1


def test_an_event_of_several_paths_is_one_with_the_first(ours: Ours) -> None:
    store = Store(ours.backend, actor="ann")
    with store.run(lineage.Train(), environment=False) as run:
        data = run.input(lineage.Dataset(uri="x"), use="train", path=0)
        run.input(data, use="eval")
        other = run.input(lineage.Dataset(uri="y"))
        run.input(other, use="test")
    first, second = ask(ours, "GetEventsByExecutionIDs", execution_ids=[run.key.id]).events
    assert [step.key or step.index for step in first.path.steps] == ["train", 0]
    assert not second.path.steps
    again = {"artifact_id": data.key.id, "execution_id": run.key.id, "type": 3}
    assert refused(ours, "PutEvents", events=[again]) == "ALREADY_EXISTS"


def test_values_that_only_this_library_writes(typed: Ours) -> None:
    note = {"list": [1, 2**70], "whole": 3}
    dataset = lineage.Dataset(
        uri="x", digest="d", custom_properties={"note": note, "items": [1, "a"]}
    )
    Store(typed.backend, actor="ann").put(dataset)
    (found,) = ask(typed, "GetArtifactsByURI", uris=["x"]).artifacts
    assert found.type == "mlmd.Dataset"
    assert found.properties["digest"].string_value == "d"
    assert found.custom_properties["note"].struct_value["whole"] == 3.0
    assert list(found.custom_properties["items"].struct_value["value"]) == [1.0, "a"]
    found.custom_properties["more"].int_value = 1
    ask(typed, "PutArtifacts", artifacts=[found])
    (stored,) = Store(typed.backend, actor="ann").find(lineage.Artifact).items
    assert stored.custom_properties["note"] == note  # no number became a double on the way
    assert stored.custom_properties["more"] == 1


def test_who_wrote_what_is_in_the_log(typed: Ours) -> None:
    put(typed, {"name": "a"})
    newest = typed.backend.log(limit=1)[0]
    assert (newest.actor, newest.message) == ("ann", "PutArtifacts")


def test_calls_that_are_gone(ours: Ours) -> None:
    assert refused(ours, "GetLineageGraph") == "UNIMPLEMENTED"
    assert ours.send("GetArtifactsByURI", b"\x0a\x01x").code.name == "INVALID_ARGUMENT"


@pytest.mark.parametrize("cls", ENDINGS)
def test_every_error_has_a_status(cls: type[LineageError]) -> None:
    assert status_of(cls("said")).name == ENDINGS[cls].status


def test_other_errors_have_a_status() -> None:
    assert status_of(Refusal(StatusCode.UNAUTHENTICATED, "said")) is StatusCode.UNAUTHENTICATED
    assert status_of(RuntimeError()) is StatusCode.INTERNAL


@pytest.mark.parametrize("paths", [[""], ["", "nothing"]])
def test_a_mask_of_nothing_that_is_known_changes_nothing(typed: Ours, paths: list[str]) -> None:
    put(typed, {"uri": "a", "properties": {"p": {"int_value": 1}}})
    ask(typed, "PutArtifacts", artifacts=[{"id": 1, "uri": "z"}], update_mask={"paths": paths})
    (wire,) = ask(typed, "GetArtifacts").artifacts
    assert (wire.uri, wire.properties["p"].int_value) == ("a", 1)


def test_long_faults_are_cut(typed: Ours) -> None:
    """A status's message travels in trailers, which have no room for 16 kB."""
    long = "\U0001f600" * 20_000
    kept = {"name": "T", "properties": {long: 1}}
    assert said_of(typed, "PutArtifactType", artifact_type=kept).code is StatusCode.OK
    for wrong in ({"name": "T", "properties": {long: 2}}, {"name": "T", "properties": {long: 0}}):
        said = said_of(typed, "PutArtifactType", artifact_type=wrong)
        assert said.code in (StatusCode.ALREADY_EXISTS, StatusCode.INVALID_ARGUMENT)
        assert 0 < len(said.message) <= 2_000


def test_structs_that_protobuf_cannot_read_are_text_below(typed: Ours) -> None:
    deep: Any = 1
    for _ in range(45):
        deep = [{"a": deep}]
    store = Store(typed.backend, actor="ann")
    store.put(lineage.Artifact(type="Artifact", custom_properties={"deep": deep, "flat": 1}))
    (wire,) = ask(typed, "GetArtifacts").artifacts
    assert wire.custom_properties["flat"].int_value == 1
    put_back = said_of(typed, "PutArtifacts", artifacts=[wire])
    assert put_back.code is StatusCode.OK
    assert store.get("artifact:1").custom_properties["deep"] == deep  # which nobody changed


def test_declared_structs_are_structs_on_the_wire(ours: Ours) -> None:
    store = Store(ours.backend, actor="ann")
    store.put(lineage.ArtifactType(name="T", properties={"s": "STRUCT"}))
    made = store.put(lineage.Artifact(type="T", properties={"s": "text"}))
    (wire,) = ask(ours, "GetArtifacts").artifacts
    assert wire.properties["s"].struct_value.fields["value"].string_value == "text"
    ask(ours, "PutArtifacts", artifacts=[wire])
    assert store.get(made.key).update_time == made.update_time


def test_nodes_that_never_were_there_have_a_type_of_their_own(ours: Ours) -> None:
    """It is no type of MLMD's clients."""
    with ours.backend.transaction() as transaction:
        transaction.lock()
        types = missing_types([Kind.ARTIFACT])
        rows = [row._replace(since=transaction.number) for row in types]
        transaction.write(Batch(types=rows))
    number = types[0].type.id
    assert not ask(ours, "GetArtifactTypes").artifact_types
    assert not ask(ours, "GetArtifactTypesByID", type_ids=[number]).artifact_types
    assert refused(ours, "GetArtifactType", type_name="mlmd.Missing") == "NOT_FOUND"
    assert refused(ours, "PutArtifacts", artifacts=[{"type_id": number}]) == "NOT_FOUND"
