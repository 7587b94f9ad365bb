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
from lineage.server.mlmd import reading
from lineage.server.refusal import Refusal, status_of
from lineage.store import Store
from lineage.testing.builders import Clock
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


def test_unchanged_types_are_answered_beside_a_writer(typed: Ours) -> None:
    """Each program puts its types at its start; one that writes does not hold them up."""
    last = typed.backend.now()
    with typed.backend.transaction(actor="bob", message="") as other:
        other.lock()
        for number, kind in enumerate(Kind, 10):
            wire = {"name": kind.capitalize(), "properties": {"p": 1}}
            made = ask(typed, f"Put{kind.capitalize()}Type", **{f"{kind}_type": wire})
            assert made.type_id == number
        same = {"artifact_types": [{"name": "Artifact"}], "context_types": [{"name": "Context"}]}
        both = ask(typed, "PutTypes", **same, can_omit_fields=True)
        assert (list(both.artifact_type_ids), list(both.context_type_ids)) == ([10], [12])
        assert refused(typed, "PutTypes", **same) == "ALREADY_EXISTS"
    assert typed.backend.now() == last


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


def test_types_of_a_kind_by_external_id(ours: Ours) -> None:
    ask(ours, "PutArtifactType", artifact_type={"name": "T", "external_id": "e"})
    call = "GetArtifactTypesByExternalIds"
    assert [each.name for each in ask(ours, call, external_ids=["e"]).artifact_types] == ["T"]
    assert refused(ours, "GetExecutionTypesByExternalIds", external_ids=["e"]) == "NOT_FOUND"


def test_names_of_types_that_are_ours(ours: Ours) -> None:
    """The client's own name for it is put again and again; ours is none of MLMD's."""
    wire = {"name": "mlmd.Model"}
    assert ask(ours, "PutArtifactType", artifact_type=wire).type_id == 2
    named = {"name": "lineage.Model"}
    assert refused(ours, "PutArtifactType", artifact_type=named) == "INVALID_ARGUMENT"
    more = {"artifact_type": {**wire, "properties": {"p": 1}}, "can_add_fields": True}
    assert refused(ours, "PutArtifactType", **more) == "INVALID_ARGUMENT"


def test_an_empty_version_of_a_type_is_none(ours: Ours) -> None:
    ask(ours, "PutArtifactType", artifact_type={"name": "T", "version": ""})
    assert ask(ours, "PutArtifactType", artifact_type={"name": "T"}).type_id == 10
    found = ask(ours, "GetArtifactType", type_name="T").artifact_type
    assert not found.HasField("version")


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


def test_updates_within_a_millisecond_are_told_apart(typed: Ours, clock: Clock) -> None:
    clock.step = 1
    put(typed, {})
    times = []
    for uri in "abc":
        put(typed, {"id": 1, "uri": uri})
        (stored,) = ask(typed, "GetArtifactsByID", artifact_ids=[1]).artifacts
        times.append(stored.last_update_time_since_epoch)
    assert times == sorted(set(times))


def test_the_time_of_an_update_may_be_forced(typed: Ours) -> None:
    def updated(**fields: Any) -> int:
        ask(typed, "PutExecution", **fields)
        (stored,) = ask(typed, "GetExecutionsByID", execution_ids=[1]).executions
        time: int = stored.last_update_time_since_epoch
        return time

    first = updated(execution={"type_id": 11, "last_known_state": 2})
    same = {"id": 1, "type_id": 11, "last_known_state": 2}
    assert updated(execution=same) == first
    assert updated(execution=same, options={"force_update_time": True}) > first


def test_a_node_is_of_a_type_of_its_kind(typed: Ours) -> None:
    for number in (11, 12, 99):
        assert refused(typed, "PutArtifacts", artifacts=[{"type_id": number}]) == "NOT_FOUND"


def test_what_is_named_twice_in_one_call_is_reused(typed: Ours) -> None:
    made = ask(
        typed,
        "PutLineageSubgraph",
        artifacts=[{"type_id": 10, "external_id": "e"}] * 2,
        contexts=[{"type_id": 12, "name": "c"}] * 2,
        options={
            "reuse_context_if_already_exist": True,
            "reuse_artifact_if_already_exist_by_external_id": True,
        },
    )
    assert (list(made.artifact_ids), list(made.context_ids)) == ([1, 1], [1, 1])


def test_a_name_changes_hands_within_a_call(typed: Ours) -> None:
    ask(typed, "PutContexts", contexts=[{"type_id": 12, "name": "a"}])
    heir = {"type_id": 12, "name": "a"}
    moved = [{"id": 1, "type_id": 12, "name": "b"}, heir]
    assert list(ask(typed, "PutContexts", contexts=moved).context_ids) == [1, 2]
    assert refused(typed, "PutContexts", contexts=[heir]) == "ALREADY_EXISTS"
    names = [each.name for each in ask(typed, "GetContexts").contexts]
    assert names == ["b", "a"]


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


def test_events_name_the_nodes_that_they_are_given_with(typed: Ours) -> None:
    put(typed, {})
    artifact, run = {"type_id": 10}, {"type_id": 11}
    graph: dict[str, Any] = {"artifacts": [artifact], "executions": [run]}
    for event in ({"artifact_id": 1}, {"execution_id": 7}):
        pairs = [{"artifact": artifact, "event": {"type": 4, **event}}]
        code = refused(typed, "PutExecution", execution=run, artifact_event_pairs=pairs)
        assert code == "INVALID_ARGUMENT", event
        edge = {"artifact_index": 0, "execution_index": 0, "event": {"type": 4, **event}}
        code = refused(typed, "PutLineageSubgraph", **graph, event_edges=[edge])
        assert code == "INVALID_ARGUMENT", event
    for place in (-1, 1):
        edge = {"artifact_index": place, "execution_index": 0, "event": {"type": 4}}
        code = refused(typed, "PutLineageSubgraph", **graph, event_edges=[edge])
        assert code == "OUT_OF_RANGE", place
    assert typed.backend.now() == 2


def test_an_edge_of_one_call_is_given_once(typed: Ours) -> None:
    ask(typed, "PutContexts", contexts=[{"type_id": 12, "name": name} for name in "ab"])
    pair = {"parent_id": 1, "child_id": 2}
    assert refused(typed, "PutParentContexts", parent_contexts=[pair, pair]) == "ALREADY_EXISTS"
    ask(typed, "PutParentContexts", parent_contexts=[pair])
    assert refused(typed, "PutParentContexts", parent_contexts=[pair]) == "ALREADY_EXISTS"


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


def test_nodes_by_id_come_in_the_order_of_ids(typed: Ours) -> None:
    put(typed, {}, {}, {})
    found = ask(typed, "GetArtifactsByID", artifact_ids=[3, 1, 99, 3]).artifacts
    assert [each.id for each in found] == [1, 3]


def test_pages_are_bounded(typed: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_PAGE", 3)
    put(typed, *[{} for _ in range(5)])
    page = ask(typed, "GetArtifacts", options={"max_result_size": 5})
    assert len(page.artifacts) == 3
    options = {"max_result_size": 5, "next_page_token": page.next_page_token}
    assert len(ask(typed, "GetArtifacts", options=options).artifacts) == 2


def test_what_has_no_state_is_in_another_one(typed: Ours) -> None:
    """MLMD has it so, wherever the condition stands."""
    run, contexts = {"type_id": 11, "name": "run"}, [{"type_id": 12, "name": "c"}]
    ask(typed, "PutExecution", execution=run, contexts=contexts)
    for kind, query, count in (
        ("execution", "last_known_state != COMPLETE", 1),
        ("execution", "last_known_state = COMPLETE", 0),
        ("execution", "NOT last_known_state != COMPLETE", 0),
        ("execution", "id > 0 AND (id = 7 OR last_known_state != COMPLETE)", 1),
        ("context", "executions_a.last_known_state != COMPLETE", 1),
    ):
        answer = ask(typed, f"Get{kind.capitalize()}s", options={"filter_query": query})
        assert len(getattr(answer, f"{kind}s")) == count, query


# Lineage


def walked(ours: Ours, **options: Any) -> Message:
    said = ask(ours, "GetLineageSubgraph", lineage_subgraph_query_options=options)
    return said.lineage_subgraph


def ids(graph: Message) -> tuple[list[int], list[int], int]:
    """Return the artifacts and the executions of a subgraph, and how many events it has."""
    artifacts, executions = (
        [each.id for each in nodes] for nodes in (graph.artifacts, graph.executions)
    )
    return artifacts, executions, len(graph.events)


def put_chain(ours: Ours, steps: int) -> None:
    """Write steps, each of which reads what the one before wrote, in one context; ids count from 1."""
    edges = [
        {
            "execution_index": step,
            "artifact_index": step + is_output,
            "event": {"type": 3 + is_output},
        }
        for step in range(steps)
        for is_output in (0, 1)
    ]
    ask(
        ours,
        "PutLineageSubgraph",
        executions=[{"type_id": 11}] * steps,
        artifacts=[{"type_id": 10}] * (steps + 1),
        contexts=[{"type_id": 12, "name": "c"}],
        event_edges=edges,
    )


def test_a_walk_ends_where_it_is_told_to(typed: Ours) -> None:
    put_chain(typed, 3)
    last, first = ({"filter_query": f"id = {number}"} for number in (4, 1))
    ending = {"filter_query": "id = 2"}
    up, down = 1, 2
    assert ids(walked(typed, starting_artifacts=last, direction=up)) == (
        [4, 3, 2, 1],
        [3, 2, 1],
        6,
    )
    kept = {**ending, "include_ending_nodes": True}
    for start, direction, with_end, without in (
        (last, up, ([4, 3, 2], [3, 2], 4), ([4, 3], [3, 2], 3)),
        (first, down, ([1, 2], [1], 2), ([1], [1], 1)),
    ):
        options = {"starting_artifacts": start, "direction": direction}
        assert ids(walked(typed, **options, ending_artifacts=kept)) == with_end
        assert ids(walked(typed, **options, ending_artifacts=ending)) == without
    both = {"filter_query": "id IN (1, 2)"}
    options = {"starting_artifacts": both, "direction": up, "ending_artifacts": ending}
    assert ids(walked(typed, **options)) == ([1], [], 0)


def test_a_walk_goes_a_hundred_hops_at_most(typed: Ours) -> None:
    put_chain(typed, 52)
    start = {"filter_query": "id = 1"}
    for hops, nodes in ((1000, 101), (100, 101), (3, 4), (0, 1)):
        artifacts, executions, _ = ids(walked(typed, starting_artifacts=start, max_num_hops=hops))
        assert len(artifacts) + len(executions) == nodes


def test_a_deleted_context_is_in_no_subgraph(typed: Ours) -> None:
    put_chain(typed, 1)
    start = {"filter_query": "id = 1"}
    graph = walked(typed, starting_artifacts=start)
    assert [each.id for each in graph.contexts] == [1]
    assert (len(graph.attributions), len(graph.associations)) == (2, 1)
    Store(typed.backend, actor="ann").delete(NodeKey(Kind.CONTEXT, 1), message="gone")
    graph = walked(typed, starting_artifacts=start)
    assert ids(graph) == ([1, 2], [1], 2)
    assert [*graph.contexts, *graph.attributions, *graph.associations] == []


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
    assert status_of(cls("said")) == ENDINGS[cls].status


def test_other_errors_have_a_status() -> None:
    assert status_of(Refusal("UNAUTHENTICATED", "said")) == "UNAUTHENTICATED"
    assert status_of(RuntimeError()) == "INTERNAL"


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
