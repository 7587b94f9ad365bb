"""Stores move between the real ML Metadata and us, and are the same on the other side."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc
import pytest

import lineage
from lineage.contract.backend import Backend
from lineage.contract.transaction import Author
from lineage.errors import Conflict, Corrupt, Invalid, NotFound, Unavailable
from lineage.formats.mlmd import connect
from lineage.formats.mlmd import file as mlmd_file
from lineage.interchange import mirroring as following
from lineage.interchange.importing import Imported
from lineage.mlmd.messages import Message, message
from lineage.model.entities import ArtifactState
from lineage.model.keys import Kind, NodeKey
from lineage.progress import Progress
from lineage.store import Store
from lineage.testing.builders import Clock, eventful
from tests.mlmd.random_calls import Calls
from tests.mlmd.systems import Ours, Theirs, comparable, our_server, their_service

WRITES = 40


class Exact:
    """Times are compared as they are."""

    def when(self, millis: int) -> int:
        return millis


def ask(system: Ours | Theirs, call: str, **fields: Any) -> Any:
    """Return an answer as plain values, and the message itself."""
    said = system.call(call, message(f"{call}Request")(**fields))
    return comparable(said, Exact(), ordered=False), said.response


def everything(system: Ours | Theirs) -> dict[str, Any]:
    """Return all that a system's reading calls tell of its store."""
    found: dict[str, Any] = {}
    ids: dict[Kind, list[int]] = {}
    for kind in Kind:
        name = kind.capitalize()
        types, listed = ask(system, f"Get{name}Types")
        found[f"{kind} types"] = types
        type_ids = [*range(1, 10), *(each.id for each in getattr(listed, f"{kind}_types"))]
        found[f"{kind} types by id"], _ = ask(system, f"Get{name}TypesByID", type_ids=type_ids)
        found[f"{kind}s"], nodes = ask(system, f"Get{name}s")
        ids[kind] = [each.id for each in getattr(nodes, f"{kind}s")]
    for kind in (Kind.ARTIFACT, Kind.EXECUTION):
        title = kind.capitalize()
        given = {f"{kind}_ids": ids[kind]}
        found[f"events of {kind}s"], _ = ask(system, f"GetEventsBy{title}IDs", **given)
        for number in ids[kind]:
            call = f"GetContextsBy{title}"
            found[f"{call} {number}"], _ = ask(system, call, **{f"{kind}_id": number})
    for number in ids[Kind.CONTEXT]:
        for whose in ("Parent", "Children"):
            call = f"Get{whose}ContextsByContext"
            found[f"{call} {number}"], _ = ask(system, call, context_id=number)
    return found


def fill(theirs: Theirs, seed: int, *, calls: Calls | None = None) -> Calls:
    """Write to the real MLMD at random."""
    calls = calls or Calls(seed)
    written = 0
    while written < WRITES:
        name, request = calls.next()
        if name.startswith("Put"):
            written += theirs.call(name, request).response is not None
            for kind in Kind:
                for every in (f"Get{kind.capitalize()}Types", f"Get{kind.capitalize()}s"):
                    said = theirs.call(every, message(f"{every}Request")())
                    assert said.response is not None
                    calls.saw(said.response)
    return calls


def brought(backend: Backend, source: Path | str) -> Imported:
    return Store(backend, actor="ann").import_from(source, format="mlmd")


def served(backend: Backend, clock: Clock) -> dict[str, Any]:
    with our_server(backend, clock) as ours:
        return everything(ours)


# Into our store


@pytest.mark.parametrize("seed", [100, 101])
def test_a_file_comes_whole_and_its_news_follow(
    backend: Backend, clock: Clock, theirs: Theirs, tmp_path: Path, seed: int
) -> None:
    path = tmp_path / "mlmd.db"
    theirs.new(path)
    calls = fill(theirs, seed)
    done = brought(backend, path)
    assert done.losses == ()
    assert done.verified >= done.types + done.nodes + done.edges > 30
    assert served(backend, clock) == everything(theirs)
    assert brought(backend, path).transactions == ()
    fill(theirs, seed, calls=calls)
    more = brought(backend, path)
    assert more.nodes
    assert more.updates
    assert served(backend, clock) == everything(theirs)
    assert backend.check() == []
    (last,) = backend.log(limit=1)
    assert last.actor == "ann"
    assert last.message == f"import of mlmd, transaction {last.number}"


def test_a_running_service_comes_whole(
    backend: Backend, clock: Clock, theirs: Theirs, tmp_path: Path
) -> None:
    path = tmp_path / "mlmd.db"
    theirs.new(path)
    calls = fill(theirs, 102)
    with their_service(path) as address:
        done = brought(backend, f"grpc://{address}")
        assert done.losses == ()
        assert served(backend, clock) == everything(theirs)
        assert brought(backend, path).transactions == ()  # the same database, read in another way
        fill(theirs, 102, calls=calls)
        assert brought(backend, f"grpc://{address}").nodes
    assert served(backend, clock) == everything(theirs)


@pytest.mark.parametrize("version", range(10))
def test_files_of_older_releases(theirs: Theirs, tmp_path: Path, version: int) -> None:
    """What the package reads, once it has upgraded the file, is what comes."""
    path = tmp_path / "mlmd.db"
    theirs.new(path)
    fill(theirs, 103)
    theirs.new()
    run(path, "UPDATE Type SET name = name || coalesce(version, ''), version = NULL")
    for kind in Kind:  # values that it could not read again itself
        run(
            path,
            f"DELETE FROM {kind.capitalize()}Property WHERE coalesce(proto_value, bool_value, '') <> ''",
        )
    theirs.downgrade(path, version)
    with lineage.connect("memory:") as store:
        done = store.import_from(path, format="mlmd")
        assert done.nodes > 10
        assert done.losses == ()
        theirs.new(path)
        assert served(store.backend, Clock()) == everything(theirs)


def run(path: Path, *statements: str) -> None:
    """Change a file by hand."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


# Out of our store


def exported(backend: Backend, path: Path) -> tuple[str, ...]:
    return Store(backend).export_to(path, format="mlmd")


@pytest.mark.parametrize("seed", [104])
def test_a_store_of_theirs_goes_back_as_it_came(
    backend: Backend, theirs: Theirs, tmp_path: Path, seed: int
) -> None:
    path, back = tmp_path / "mlmd.db", tmp_path / "back.db"
    theirs.new(path)
    fill(theirs, seed)
    dangle(theirs)
    there = everything(theirs)
    brought(backend, path)
    assert exported(backend, back) == ()
    theirs.new(back)
    assert everything(theirs) == there


def dangle(theirs: Theirs) -> None:
    """Write what no other call can: an event to an artifact that does not exist."""
    put = message("PutExecutionTypeRequest")(execution_type={"name": "dangling"})
    said = theirs.call("PutExecutionType", put)
    assert said.response is not None
    request = message("PutExecutionRequest")(
        execution={"type_id": said.response.type_id},
        artifact_event_pairs=[{"event": {"artifact_id": 7777, "type": 3}}],
    )
    assert theirs.call("PutExecution", request).response is not None


def test_events_to_nothing_come_with_gone_nodes(
    backend: Backend, theirs: Theirs, tmp_path: Path
) -> None:
    path = tmp_path / "mlmd.db"
    theirs.new(path)
    dangle(theirs)
    done = brought(backend, path)
    assert done.losses == (
        "an edge's node does not exist and came as gone: once, in artifact:7777",
    )
    assert brought(backend, path).transactions == ()
    store = Store(backend)
    answer = store.upstream(NodeKey(Kind.EXECUTION, 1))
    (gone,) = (node for node in answer.nodes if node.key.kind is Kind.ARTIFACT)
    assert (gone.key.id, gone.type) == (7777, "mlmd.Missing")
    with their_service(path) as address:
        assert brought(backend, f"grpc://{address}").transactions == ()


def test_ours_is_read_by_the_real_package(
    backend: Backend, clock: Clock, theirs: Theirs, tmp_path: Path
) -> None:
    eventful(backend)
    store = Store(backend)
    run = store.put(
        lineage.Execution(type="Step", custom_properties={"far": float("inf"), "not": float("nan")})
    )
    odd = store.put(
        lineage.Model(
            uri="s3://odd",
            custom_properties={
                "nul": "a\0b",
                "like": "mlmd-struct::x",
                "list": [1, 2],
                "any": lineage.ProtoAny("", b"x"),
            },
        )
    )
    store.put(lineage.Event(artifact=odd.key, execution=run.key, type="OUTPUT", path=["a", 0]))
    path = tmp_path / "mlmd.db"
    said = exported(backend, path)
    assert [each.partition(":")[0] for each in said] == [
        "a deleted node was left out",
        "a message without a type got the type `unknown`",
        "a blank was put before a text that begins with mlmd-struct",
        "a struct that is no object became one with the field `value`",
        "a NUL in a text became U+FFFD",
        "a NaN, which SQLite does not have, was left out",
        "an event kept the first of its paths alone",
    ]
    theirs.new(path)
    there = everything(theirs)
    assert "INTERNAL" not in repr(there)
    wire = ask(theirs, "GetArtifactsByID", artifact_ids=[odd.key.id])[1].artifacts[0]
    assert (wire.type, wire.uri, wire.id) == ("mlmd.Model", "s3://odd", odd.key.id)
    assert wire.custom_properties["like"].string_value == " mlmd-struct::x"
    assert wire.custom_properties["nul"].string_value == "a\ufffdb"
    with lineage.connect("memory:") as again:
        again.import_from(path, format="mlmd")
        assert served(again.backend, Clock()) == there


def test_ids_of_deleted_nodes_are_not_given_again(
    backend: Backend, theirs: Theirs, tmp_path: Path
) -> None:
    store = Store(backend)
    kept = store.put(lineage.Model(name="kept"))
    run = store.record(lineage.Train(), outputs=lineage.Model(name="newest"))
    store.delete(run.outputs[0], message="wrong")
    exported(backend, tmp_path / "out.db")
    theirs.new(tmp_path / "out.db")
    _, made = ask(theirs, "PutArtifacts", artifacts=[{"type_id": 2}])
    assert list(made.artifact_ids) == [run.outputs[0].key.id + 1]
    assert kept.key.id < run.outputs[0].key.id


def test_what_mlmd_would_cut_or_cannot_read(tmp_path: Path, theirs: Theirs) -> None:
    deep: Any = 1
    for _ in range(60):
        deep = {"a": deep}
    path = tmp_path / "out.db"
    with lineage.connect("memory:") as store:
        for name in ("a\0b", "a\0c"):
            more = {"deep": deep, "k\0l": 1}
            store.put(
                lineage.Model(name=name, external_id=name, uri="u\0v", custom_properties=more)
            )
        said = store.export_to(path, format="mlmd")
    assert [each.partition(":")[0] for each in said] == [
        "a NUL in a text became U+FFFD",
        "a struct of more than 28 levels is JSON text below",
    ]
    theirs.new(path)
    _, found = ask(theirs, "GetArtifacts")
    assert [wire.name for wire in found.artifacts] == ["a\ufffdb (1)", "a\ufffdc (2)"]
    assert found.artifacts[0].custom_properties["k\ufffdl"].int_value == 1
    with lineage.connect("memory:") as again:
        assert again.import_from(path, format="mlmd").losses == ()


# What is no MLMD store, and what goes wrong


@pytest.fixture
def small(theirs: Theirs, tmp_path: Path) -> Path:
    """A file with a run, its two artifacts and their context."""
    path = tmp_path / "small.db"
    theirs.new(path)
    for kind in Kind:
        wire = {"name": str(kind), "properties": {"n": 1}}
        call = f"Put{kind.capitalize()}Type"
        theirs.call(call, message(f"{call}Request")(**{f"{kind}_type": wire}))
    assert theirs.call("PutExecution", run_request(1)).response is not None
    theirs.new()
    return path


def run_request(number: int) -> Message:
    made = {"type_id": 10, "name": f"a{number}", "properties": {"n": {"int_value": number}}}
    return message("PutExecutionRequest")(
        execution={"type_id": 11, "name": f"run{number}"},
        artifact_event_pairs=[
            {"artifact": made, "event": {"type": 4}},
            {"artifact": {"type_id": 10}, "event": {"type": 3}},
        ],
        contexts=[{"type_id": 12, "name": f"study{number}"}],
    )


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE MLMDEnv SET schema_version = 11", "newer|newest"),
        ("INSERT INTO MLMDEnv VALUES (4)", "its version is"),
        ("DROP TABLE Artifact", "lacks its tables"),
        ("UPDATE Artifact SET type_id = 12", "artifact:1 is of the type 12"),
        (f"UPDATE Artifact SET state = {len(ArtifactState)}", "artifact:1: .* is no state"),
        ("UPDATE Execution SET last_known_state = -1", "execution:1: .*-1 is no state"),
        ("UPDATE Artifact SET create_time_since_epoch = 'soon'", "artifact:1"),
        ("UPDATE Artifact SET create_time_since_epoch = 1 << 62", "artifact:1"),
        ("UPDATE Artifact SET name = x'00' WHERE id = 1", "artifact:1: .*no text"),
        ("UPDATE ArtifactProperty SET int_value = 'many'", "artifact:1: .*'many'"),
        ("UPDATE ArtifactProperty SET int_value = NULL, double_value = 1.5", "artifact:1 .*INT"),
        (
            "UPDATE ArtifactProperty SET int_value = NULL, proto_value = 'x'",
            "artifact:1: .*protobuf",
        ),
        ("UPDATE Type SET type_kind = 7 WHERE id = 10", "of the kind 7"),
        ("UPDATE TypeProperty SET data_type = 70", "type 'artifact' cannot be read"),
        ("UPDATE Type SET input_type = '{' WHERE id = 11", "type 'execution' cannot be read"),
        ("UPDATE Type SET name = 'lineage.Model' WHERE id = 10", "own"),
        ("UPDATE Event SET type = 10 WHERE id = 1", "the event between artifact:1"),
        ("UPDATE Event SET type = 'x' WHERE id = 1", "the event between artifact:1"),
        ("INSERT INTO ParentContext VALUES (1, 1)", "its ancestor or itself"),
        ("UPDATE Artifact SET id = -4 WHERE id = 1", "-4 is no id"),
    ],
)
def test_files_that_are_not_right(small: Path, statement: str, said: str) -> None:
    run(small, statement)
    with lineage.connect("memory:") as store, pytest.raises(Invalid, match=said):
        store.import_from(small, format="mlmd")


def test_what_is_no_file_of_mlmd(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with lineage.connect("memory:") as store:
        with pytest.raises(NotFound, match="grpc://"):
            store.import_from(path, format="mlmd")
        path.write_bytes(b"no database at all" * 100)
        with pytest.raises(Invalid, match="no SQLite file"):
            store.import_from(path, format="mlmd")
        path.unlink()
        run(path, "CREATE TABLE other (id)")
        with pytest.raises(Invalid, match="lacks its tables"):
            store.import_from(path, format="mlmd")
        with pytest.raises(Invalid, match="its ids"):
            store.import_from(path, format="mlmd", new_ids=True)
        with pytest.raises(Invalid, match="is a folder"):
            store.import_from(tmp_path, format="mlmd")
        with path.open("rb") as file, pytest.raises(Invalid, match="path or URL"):
            store.import_from(file, format="mlmd")
        assert store.log() == []


def test_a_damaged_file(small: Path) -> None:
    content = bytearray(small.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 512] = b"\xff" * 512
    small.write_bytes(content)
    with lineage.connect("memory:") as store, pytest.raises((Corrupt, Invalid)):
        store.import_from(small, format="mlmd")


def test_text_that_is_not_utf8_and_edges_to_no_id(small: Path) -> None:
    run(
        small,
        "UPDATE Artifact SET uri = CAST(x'61ff' AS TEXT) WHERE id = 1",
        "INSERT INTO Attribution (context_id, artifact_id) VALUES (1, -1)",
        "UPDATE ArtifactProperty SET int_value = NULL",
    )
    with lineage.connect("memory:") as store:
        done = store.import_from(small, format="mlmd")
        assert store.get("artifact:1").uri == "a\ufffd"  # type: ignore[attr-defined]
    assert [each.partition(":")[0] for each in done.losses] == [
        "a text that is not UTF-8 got U+FFFD",
        "a property without a value was left out",
        "an edge to an id that no node can have was left out",
    ]


def test_types_of_stores_that_began_early(small: Path) -> None:
    """Their own types have ids below 10, and MLMD's system types were added last."""
    run(
        small,
        "UPDATE Type SET id = id + 100 WHERE id < 10",
        "UPDATE Type SET id = 3 WHERE id = 10",
        "UPDATE Artifact SET type_id = 3",
        "UPDATE TypeProperty SET type_id = 3 WHERE type_id = 10",
    )
    with lineage.connect("memory:") as store:
        store.import_from(small, format="mlmd")
        kept = {each.name: each.id for each in store.types() if (each.id or 0) > 9}
        assert kept == {"execution": 11, "context": 12, "artifact": 13}
        assert store.get("artifact:1").type == "artifact"
        assert store.import_from(small, format="mlmd").transactions == ()


def test_two_types_of_one_name_are_one(small: Path) -> None:
    run(
        small,
        "UPDATE Type SET description = 'first' WHERE id = 10",
        "INSERT INTO Type (name, type_kind, description) VALUES ('artifact', 1, 'second')",
        "INSERT INTO Artifact (type_id, name) VALUES (13, 'of the second')",
    )
    with lineage.connect("memory:") as store:
        assert store.import_from(small, format="mlmd").verified
        assert store.import_from(small, format="mlmd").transactions == ()
        assert [each.description for each in store.types() if each.id == 10] == ["first"]
        assert store.get("artifact:3").type == "artifact"


def test_what_system_types_declare_only_there(theirs: Theirs, tmp_path: Path) -> None:
    path = tmp_path / "mlmd.db"
    theirs.new(path)
    more = {"name": "mlmd.Model", "properties": {"foo": 1}}
    ask(theirs, "PutArtifactType", artifact_type=more, can_add_fields=True)
    model = {"type_id": 2, "properties": {"foo": {"int_value": 7}}}
    ask(theirs, "PutArtifacts", artifacts=[model])
    with lineage.connect("memory:") as store:
        done = store.import_from(path, format="mlmd")
        assert len(done.losses) == 1
        assert store.get("artifact:1").custom_properties == {"foo": 7}


def test_rows_that_were_deleted_by_hand_stay(small: Path, theirs: Theirs) -> None:
    with lineage.connect("memory:") as store:
        store.import_from(small, format="mlmd")
        run(small, "DELETE FROM Artifact WHERE id = 2", "DELETE FROM Event WHERE artifact_id = 2")
        theirs.new(small)
        assert theirs.call("PutExecution", run_request(2)).response is not None
        assert store.import_from(small, format="mlmd").nodes == 4
        assert store.get("artifact:2").type == "artifact"
        run(small, "DELETE FROM Artifact", "DELETE FROM Event", "DELETE FROM Attribution")
        with pytest.raises(Invalid, match="a newer state"):
            store.import_from(small, format="mlmd")


def test_names_that_change_hands_between_parts(
    backend: Backend, small: Path, theirs: Theirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BATCH_RECORDS", 1)
    monkeypatch.setattr(mlmd_file, "BATCH_ROWS", 1)
    theirs.new(small)
    assert theirs.call("PutExecution", run_request(2)).response is not None
    brought(backend, small)
    for number, name in ((2, "away"), (1, "study2"), (2, "study1")):
        wire = {"id": number, "type_id": 12, "name": name}
        request = message("PutContextsRequest")(contexts=[wire])
        assert theirs.call("PutContexts", request).response is not None
    assert brought(backend, small).updates == 2
    assert [each.name for each in Store(backend).find(lineage.Context)] == ["study2", "study1"]


def test_what_a_failed_import_left_is_of_its_source(small: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(small.read_bytes())
    run(
        other,
        "UPDATE Type SET name = 'another' WHERE id = 10",
        "UPDATE Artifact SET state = 99",
    )
    with lineage.connect("memory:") as store:
        with pytest.raises(Invalid, match="no state"):
            store.import_from(other, format="mlmd")
        with pytest.raises(Invalid, match="there is no artifact type another there"):
            store.import_from(small, format="mlmd")
        run(other, "UPDATE Artifact SET state = 2")
        assert store.import_from(other, format="mlmd").nodes == 4


def test_a_file_that_is_locked(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlmd_file, "PATIENCE", 0)
    with (
        closing(sqlite3.connect(small, isolation_level=None)) as other,
        lineage.connect("memory:") as store,
    ):
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable, match="locked"):
            store.import_from(small, format="mlmd")


def test_services_that_are_none(backend: Backend) -> None:
    for location, said in (("grpc://", "HOST:PORT"), ("grpc://x:y", "HOST:PORT")):
        with pytest.raises(Invalid, match=said):
            brought(backend, location)
    with pytest.raises(Unavailable, match="cannot be reached"):
        brought(backend, "grpc://127.0.0.1:1")
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with pytest.raises(Invalid, match="no ML Metadata service"):
            brought(backend, f"grpc://127.0.0.1:{port}")
    finally:
        server.stop(None).wait()
    assert backend.log() == []


def test_only_a_store_that_was_filled_from_there_is_followed(
    backend: Backend, theirs: Theirs, small: Path, tmp_path: Path
) -> None:
    fork = tmp_path / "fork.db"
    fork.write_bytes(small.read_bytes())
    for path, number in ((small, 2), (fork, 3)):
        theirs.new(path)
        assert theirs.call("PutExecution", run_request(number)).response is not None
    theirs.new()
    brought(backend, small)
    before = backend.now()
    with pytest.raises(Invalid, match="another database"):
        brought(backend, fork)
    assert backend.now() == before
    Store(backend).put(lineage.Model())
    with pytest.raises(Invalid, match="new store"):
        brought(backend, small)


def test_an_import_that_was_interrupted_goes_on(
    backend: Backend, theirs: Theirs, small: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BATCH_RECORDS", 1)
    write, calls = backend.write, 0

    def failing(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise KeyboardInterrupt
        write(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(backend, "write", failing)
        with pytest.raises(KeyboardInterrupt):
            brought(backend, small)
    done = brought(backend, small)
    assert done.transactions
    theirs.new(small)
    assert served(backend, clock) == everything(theirs)


def test_others_may_not_write_meanwhile(small: Path) -> None:
    with lineage.connect("memory:") as store, connect(str(small)) as database:

        def meddle(_: Progress) -> None:
            store.put(lineage.Model())

        author = Author("ann")
        with pytest.raises(Conflict, match="meanwhile"):
            following.follow(store.backend, database, "mlmd", author, progress=meddle)


def test_store_tells_how_far_it_follows_a_database(store: Store, small: Path) -> None:
    told: list[Progress] = []
    done = store.import_from(small, format="mlmd", progress=told.append)
    assert [each.stage for each in told] == sorted((each.stage for each in told), reverse=True)
    assert {each.stage for each in told} == {"writing", "verifying"}
    assert told[-1].done == done.verified
    assert all(one.done <= other.done for one, other in pairwise(told) if one.stage == other.stage)
