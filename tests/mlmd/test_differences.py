"""Every row of the table in docs/mlmd.md: what MLMD does, and what we do instead."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import pytest

from lineage.mlmd.messages import Message, message
from tests.mlmd.systems import Ours, Said, Theirs, their_process
from tests.tree import ROOT

System: TypeAlias = Ours | Theirs
PAGE = ROOT / "docs" / "mlmd.md"
ROWS = [
    line.split("|")[1].strip()
    for line in PAGE.read_text("utf-8")
    .partition("## What is different")[2]
    .partition("\n## ")[0]
    .splitlines()
    if line.startswith("|") and not line.startswith(("|--", "| what "))
]

SHOWN: dict[str, Callable[[Ours, Theirs], None]] = {}
Show: TypeAlias = Callable[[Ours, Theirs], None]


def row(title: str) -> Callable[[Show], Show]:
    """Say which row a function shows."""

    def register(function: Show) -> Show:
        SHOWN[title] = function
        return function

    return register


def test_every_row_is_shown() -> None:
    assert sorted(ROWS) == sorted(SHOWN)


@pytest.mark.parametrize("title", SHOWN)
def test_row(ours: Ours, theirs: Theirs, title: str) -> None:
    SHOWN[title](ours, theirs)


# Words for the calls


def ask(system: System, call: str, **fields: Any) -> Said:
    return system.call(call, message(f"{call}Request")(**fields))


def code(said: Said) -> str:
    return said.code.name


def declare(system: System, **properties: int) -> int:
    """Put an artifact type, an execution type and a context type; they have the ids 10 to 12."""
    for kind in ("Artifact", "Execution", "Context"):
        wire = {"name": kind, "properties": properties}
        said = ask(system, f"Put{kind}Type", **{f"{kind.lower()}_type": wire})
        assert said.response is not None, said
    return 10


def put(system: System, *artifacts: dict[str, Any]) -> Said:
    return ask(
        system, "PutArtifacts", artifacts=[{"type_id": 10, **artifact} for artifact in artifacts]
    )


def artifacts(system: System, query: str = "", **options: Any) -> list[Message]:
    if query:
        options["filter_query"] = query
    said = ask(system, "GetArtifacts", **({"options": options} if options else {}))
    assert said.response is not None, said
    return list(said.response.artifacts)


def ids(system: System, query: str) -> list[int]:
    return [each.id for each in artifacts(system, query)]


def both(ours: Ours, theirs: Theirs) -> Iterable[System]:
    return (ours, theirs)


# Values


@row("doubles")
def doubles(ours: Ours, theirs: Theirs) -> None:
    for system, rate in ((ours, 1e-7), (theirs, 0.0)):
        declare(system)
        put(system, {"custom_properties": {"rate": {"double_value": 1e-7}}})
        assert artifacts(system)[0].custom_properties["rate"].double_value == rate


@row("NaN and infinities")
def not_a_number(ours: Ours, theirs: Theirs) -> None:
    for system, ending in ((ours, "OK"), (theirs, "INTERNAL")):
        declare(system)
        said = put(system, {"custom_properties": {"loss": {"double_value": math.nan}}})
        assert code(said) == ending
    assert math.isnan(artifacts(ours)[0].custom_properties["loss"].double_value)


@row("a value in which nothing is set")
def empty_value(ours: Ours, theirs: Theirs) -> None:
    declare(ours)
    assert code(put(ours, {"custom_properties": {"empty": {}}})) == "INVALID_ARGUMENT"
    assert artifacts(ours) == []
    with their_process() as doomed:
        doomed.new()
        declare(doomed)
        with pytest.raises(AssertionError, match="the real MLMD ended"):
            put(doomed, {"custom_properties": {"empty": {}}})


@row("a protobuf value without a type")
def typeless_proto(ours: Ours, theirs: Theirs) -> None:
    for system, ending in ((ours, "OK"), (theirs, "INTERNAL")):
        declare(system)
        said = put(system, {"custom_properties": {"any": {"proto_value": {"value": b"x"}}}})
        assert code(said) == "OK"
        assert code(ask(system, "GetArtifacts")) == ending


@row("text with a NUL, or that begins `mlmd-struct::`")
def odd_text(ours: Ours, theirs: Theirs) -> None:
    for system in both(ours, theirs):
        declare(system)
        put(system, {"custom_properties": {"text": {"string_value": "a\0b"}}})
    assert artifacts(ours)[0].custom_properties["text"].string_value == "a\0b"
    assert artifacts(theirs)[0].custom_properties["text"].string_value == "a"
    for system in both(ours, theirs):
        put(system, {"custom_properties": {"text": {"string_value": "mlmd-struct::x"}}})
    assert artifacts(ours)[1].custom_properties["text"].string_value == "mlmd-struct::x"
    assert code(ask(theirs, "GetArtifacts")) != "OK"


@row("text that is not UTF-8")
def not_utf8(ours: Ours, theirs: Theirs) -> None:
    for system, ending in ((ours, "INVALID_ARGUMENT"), (theirs, "OK")):
        declare(system)
        wire = message("PutArtifactsRequest")(artifacts=[{"type_id": 10, "name": "??"}])
        said = system.send("PutArtifacts", wire.SerializeToString().replace(b"??", b"\xff\xfe"))
        assert code(said) == ending


@row("dropping a custom property")
def dropping(ours: Ours, theirs: Theirs) -> None:
    value = {"int_value": 1}
    for system, left in ((ours, {"p"}), (theirs, set())):
        declare(system, p=1)
        put(system, {"properties": {"p": value}, "custom_properties": {"p": value}})
        put(system, {"id": 1, "properties": {"p": value}})
        assert set(artifacts(system)[0].properties) == left


# Writing


@row("an update that changes nothing")
def unchanged(ours: Ours, theirs: Theirs) -> None:
    for system, moved in ((ours, False), (theirs, True)):
        declare(system)
        put(system, {"uri": "x"})
        put(system, {"id": 1, "uri": "x"})
        (stored,) = artifacts(system)
        created, updated = stored.create_time_since_epoch, stored.last_update_time_since_epoch
        assert (updated > created) is moved


@row("a name, external id or edge that is taken, on an update")
def taken(ours: Ours, theirs: Theirs) -> None:
    for system, ending in ((ours, "ALREADY_EXISTS"), (theirs, "INTERNAL")):
        declare(system)
        put(system, {"external_id": "a"}, {"external_id": "b"})
        assert code(put(system, {"id": 2, "external_id": "a"})) == ending
        ask(
            system,
            "PutContexts",
            contexts=[{"type_id": 12, "name": "a"}, {"type_id": 12, "name": "b"}],
        )
        renamed = ask(system, "PutContexts", contexts=[{"id": 2, "type_id": 12, "name": "a"}])
        assert code(renamed) == ending


@row("an event of a run to an artifact that does not exist")
def dangling(ours: Ours, theirs: Theirs) -> None:
    for system, ending in ((ours, "INVALID_ARGUMENT"), (theirs, "OK")):
        declare(system)
        pair = {"event": {"artifact_id": 77, "type": 3}}
        said = ask(system, "PutExecution", execution={"type_id": 11}, artifact_event_pairs=[pair])
        assert code(said) == ending
    assert ask(ours, "GetExecutions").response == message("GetExecutionsResponse")()


@row("an empty pair of a run with contexts")
def empty_pair(ours: Ours, theirs: Theirs) -> None:
    for system, ending in ((ours, "OK"), (theirs, "INTERNAL")):
        declare(system)
        said = ask(
            system,
            "PutExecution",
            execution={"type_id": 11},
            artifact_event_pairs=[{}],
            contexts=[{"type_id": 12, "name": "c"}],
        )
        assert said.response is not None
        assert list(said.response.artifact_ids) == [-1]
        assert code(ask(system, "GetArtifactsByContext", context_id=1)) == ending


@row("the description of a type")
def description(ours: Ours, theirs: Theirs) -> None:
    for system, kept in ((ours, "new"), (theirs, "old")):
        for said in ("old", "new"):
            ask(system, "PutArtifactType", artifact_type={"name": "T", "description": said})
        stored = ask(system, "GetArtifactType", type_name="T").response
        assert stored is not None
        assert stored.artifact_type.description == kept


@row("types named `lineage.…` or `mlmd.…`")
def reserved(ours: Ours, theirs: Theirs) -> None:
    for name in ("lineage.Mine", "mlmd.Mine"):
        for system, ending in ((ours, "INVALID_ARGUMENT"), (theirs, "OK")):
            assert code(ask(system, "PutArtifactType", artifact_type={"name": name})) == ending
    for system in both(ours, theirs):
        system_type = ask(system, "GetArtifactType", type_name="mlmd.Dataset").response
        assert system_type is not None
        assert system_type.artifact_type.id == 1


# Reading


@row("the base types of types that come with nodes")
def base_types(ours: Ours, theirs: Theirs) -> None:
    for system, base in ((ours, 2), (theirs, 0)):
        ask(system, "PutArtifactType", artifact_type={"name": "M", "base_type": 2})
        put(system, {})
        said = ask(system, "GetArtifactsByID", artifact_ids=[1], populate_artifact_types=True)
        assert said.response is not None
        assert said.response.artifact_types[0].base_type == base


@row("the external ids of types in lists of all types")
def external_ids_of_types(ours: Ours, theirs: Theirs) -> None:
    for system, listed in ((ours, "t"), (theirs, "")):
        ask(system, "PutArtifactType", artifact_type={"name": "T", "external_id": "t"})
        said = ask(system, "GetArtifactTypes").response
        assert said is not None
        assert [each.external_id for each in said.artifact_types] == [listed]


@row("pages of more than 100")
def pages(ours: Ours, theirs: Theirs) -> None:
    for system, got in ((ours, 120), (theirs, 101)):
        declare(system)
        put(system, *[{} for _ in range(150)])
        said = ask(system, "GetArtifacts", options={"max_result_size": 120})
        assert said.response is not None
        assert len(said.response.artifacts) == got
        assert bool(said.response.next_page_token) is (system is ours)


@row("lineage of more than 100 nodes")
def many_starts(ours: Ours, theirs: Theirs) -> None:
    for system, got in ((ours, 150), (theirs, 101)):
        declare(system)
        put(system, *[{} for _ in range(150)])
        said = ask(
            system,
            "GetLineageSubgraph",
            lineage_subgraph_query_options={"starting_artifacts": {"filter_query": "id > 0"}},
        )
        assert said.response is not None
        assert len(said.response.lineage_subgraph.artifacts) == got


@row("events between the last nodes of a walk")
def last_events(ours: Ours, theirs: Theirs) -> None:
    for system, events in ((ours, [3, 4]), (theirs, [3])):
        declare(system)
        pairs = [{"artifact": {"type_id": 10}, "event": {"type": 3}}]
        ask(system, "PutExecution", execution={"type_id": 11}, artifact_event_pairs=pairs)
        ask(system, "PutEvents", events=[{"artifact_id": 1, "execution_id": 1, "type": 4}])
        options = {
            "starting_artifacts": {"filter_query": "id = 1"},
            "max_num_hops": 1,
            "direction": 2,
        }
        said = ask(system, "GetLineageSubgraph", lineage_subgraph_query_options=options)
        assert said.response is not None
        found = sorted(event.type for event in said.response.lineage_subgraph.events)
        assert found == events


# Filters


@row("OR over properties")
def either(ours: Ours, theirs: Theirs) -> None:
    query = "custom_properties.a.int_value = 1 OR custom_properties.b.int_value = 1"
    for system, found in ((ours, [1, 2]), (theirs, [])):
        declare(system)
        put(system, *[{"custom_properties": {name: {"int_value": 1}}} for name in "ab"])
        assert ids(system, query) == found


@row("NOT, and absent values")
def absent(ours: Ours, theirs: Theirs) -> None:
    for system, unnamed, without in ((ours, [2], [1, 2]), (theirs, [], [])):
        declare(system)
        put(system, {"name": "a"}, {})
        assert ids(system, "NOT (name = 'a')") == unnamed
        assert ids(system, "custom_properties.p.int_value IS NULL") == without


@row("NOT over neighbours")
def no_neighbour(ours: Ours, theirs: Theirs) -> None:
    for system, found in ((ours, [2]), (theirs, [1])):
        declare(system)
        put(system, {}, {})
        names = [{"type_id": 12, "name": name} for name in "xy"]
        ask(system, "PutContexts", contexts=names)
        ask(
            system,
            "PutAttributionsAndAssociations",
            attributions=[{"artifact_id": 1, "context_id": number} for number in (1, 2)],
        )
        assert ids(system, "NOT (contexts_a.name = 'x')") == found


@row("a text that is the name of a column")
def column_names(ours: Ours, theirs: Theirs) -> None:
    for system, found in ((ours, [2]), (theirs, [1])):
        declare(system)
        put(system, {"name": "same", "uri": "same"}, {"name": "uri", "uri": "other"})
        assert ids(system, "name = 'uri'") == found


@row("LIKE")
def like(ours: Ours, theirs: Theirs) -> None:
    for system, found in ((ours, [2]), (theirs, [1, 2])):
        declare(system)
        put(system, {"name": "a1"}, {"name": "A2"})
        assert ids(system, "name LIKE 'A%'") == found


@row("states")
def states(ours: Ours, theirs: Theirs) -> None:
    for system, ending in ((ours, "OK"), (theirs, "INVALID_ARGUMENT")):
        declare(system)
        for query in (
            "state = ABANDONED",
            "state = REFERENCE",
            "state = 2",
            "state != 2",
            "state IN (2, 3)",
            "state NOT IN (2, LIVE)",
        ):
            assert code(ask(system, "GetArtifacts", options={"filter_query": query})) == ending


@row("arithmetic and functions, conditions compared with one another or with columns")
def functions(ours: Ours, theirs: Theirs) -> None:
    for system, ending in ((ours, "INVALID_ARGUMENT"), (theirs, "OK")):
        declare(system)
        for query in (
            "id + 1 > 1",
            "LENGTH(uri) > 1",
            "CASE WHEN id = 1 THEN TRUE ELSE FALSE END",
            "(id = 1) = (name = 'a')",
            "TRUE = (id = 1)",
            "'u' LIKE uri",
            "NULL IS NULL",
        ):
            assert code(ask(system, "GetArtifacts", options={"filter_query": query})) == ending
