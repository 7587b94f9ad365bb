"""Imports: the same graph in another store, whole, resumable, or not at all."""

import io
import json
import re
from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings

import lineage
from lineage.backends.memory.backend import MemoryBackend
from lineage.backends.sqlite.backend import SqliteBackend
from lineage.contract.backend import Backend
from lineage.contract.transaction import Author
from lineage.errors import AlreadyExists, Invalid, LineageError, NotFound
from lineage.interchange import importing
from lineage.interchange.exporting import batches, export_file
from lineage.interchange.importing import Imported, import_graph, read_file, read_graph, write_graph
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, EdgeKind
from lineage.progress import Progress
from lineage.store import Store
from lineage.testing.builders import Clock, all_keys, eventful, everything, writing
from lineage.testing.formats.graphs import Graph, dumped, graphs, loaded, whole

ANN = Author("ann", "moved")


def exported(backend: Backend) -> bytes:
    target = io.BytesIO()
    export_file(target, "node-link", lambda: batches(backend))
    return target.getvalue()


def imported(backend: Backend, text: bytes, *, new_ids: bool = False) -> Imported:
    return import_graph(backend, io.BytesIO(text), "node-link", ANN, new_ids=new_ids)


def content(backend: Backend) -> Graph:
    """Return what a store holds but for its transactions, edges in their order; what is gone is alike however it went."""
    found = whole(batches(backend))
    return Graph(
        [row._replace(since=0) for row in found.types],
        [
            row._replace(since=0, until=None, salt=None if row.salt is None else b"", digest=None)
            for row in found.nodes
        ],
        [
            row._replace(since=0, order=0, first=0)
            for row in sorted(found.edges, key=attrgetter("order"))
        ],
    )


# The same ids


def check_import(backend: Backend, graph: Graph) -> None:
    done = imported(backend, dumped(graph))
    assert content(backend) == tuple(map(list, graph))
    assert (done.types, done.nodes) == (len(graph.types) - 9, len(graph.nodes))
    assert done.edges == len(graph.edges)
    assert backend.check() == []


@settings(max_examples=60)
@given(graphs())
def test_a_store_in_memory_gets_what_the_file_holds(graph: Graph) -> None:
    with MemoryBackend(clock=Clock()) as backend:
        check_import(backend, graph)


@settings(max_examples=15)
@given(graphs())
def test_a_store_in_a_file_gets_what_the_file_holds(graph: Graph) -> None:
    with TemporaryDirectory() as folder, SqliteBackend(f"{folder}/a.db", clock=Clock()) as backend:
        check_import(backend, graph)


def test_ids_times_and_gone_nodes_are_kept(backend: Backend, target: Backend) -> None:
    eventful(backend)
    done = imported(target, exported(backend))
    assert content(target) == content(backend)
    assert target.check() == []
    assert done == Imported(2, 7, len(content(backend).edges), (1,))
    (head,) = target.log()
    assert head.actor == "ann"
    assert head.message == "moved"
    assert re.fullmatch("sha256:[0-9a-f]{64}, part 1 of 1", head.mark)
    again, text = (
        re.sub(rb'"transaction":\d+,|,"order":\d+', b"", exported(each))
        for each in (target, backend)
    )
    assert again == text


def test_ids_go_on_after_those_of_the_file(backend: Backend, target: Backend) -> None:
    eventful(backend)
    imported(target, exported(backend))
    highest = max(key.id for key in all_keys(backend) if key.kind is Kind.ARTIFACT)
    with writing(target) as new:
        assert new.artifact() == NodeKey(Kind.ARTIFACT, highest + 1)


def test_what_a_later_purge_erased_comes_as_purged(backend: Backend, target: Backend) -> None:
    eventful(backend)
    text = io.BytesIO()
    export_file(text, "node-link", lambda: batches(backend, as_of=1))
    imported(target, text.getvalue())
    (row,) = target.nodes([NodeKey(Kind.ARTIFACT, 1)]).values()
    assert (row.gone, row.salt, row.name) == (True, None, None)
    assert target.check() == []


def test_many_gone_nodes_of_one_name(backend: Backend, target: Backend) -> None:
    with writing(backend) as new:
        for _ in range(5):
            new.deleted(new.artifact(name="daily"))
        new.artifact(name="daily")
    imported(target, exported(backend))
    assert content(target) == content(backend)


def parted(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(importing, "BATCH_RECORDS", 5)
    eventful(backend)
    return exported(backend)


def test_a_large_file_is_written_in_parts(
    backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = parted(backend, monkeypatch)
    done = imported(target, text)
    assert done.transactions == tuple(range(1, len(done.transactions) + 1))
    assert len(done.transactions) == -(-(done.types + done.nodes + done.edges) // 5) > 2
    assert content(target) == content(backend)
    assert target.log()[-1].mark.endswith(f"part 1 of {len(done.transactions)}")


def test_an_interrupted_import_goes_on_where_it_stopped(
    backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = parted(backend, monkeypatch)
    write, calls = target.write, 0

    def failing(number: int, batch: Any) -> None:
        nonlocal calls
        calls += 1
        write(number, batch)
        if calls == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(target, "write", failing)
        with pytest.raises(KeyboardInterrupt):
            imported(target, text)
    assert target.now() == 1
    done = imported(target, text)
    assert done.transactions[0] == 2
    assert content(target) == content(backend)
    assert target.check() == []
    before = everything(target)
    assert imported(target, text) == Imported(0, 0, 0, ())
    assert everything(target) == before


def test_two_imports_of_one_file_do_not_write_a_part_twice(
    backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_graph(io.BytesIO(parted(backend, monkeypatch)), "node-link")

    def interrupt(progress: Progress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    def let_another_write_one(_: Progress) -> None:
        with suppress(KeyboardInterrupt):
            write_graph(target, read, ANN, progress=interrupt)

    with pytest.raises(Invalid, match="by another import; let it finish"):
        write_graph(target, read, ANN, progress=let_another_write_one)
    assert target.now() == 1
    write_graph(target, read, ANN)
    assert content(target) == content(backend)


def test_message_alone_makes_no_part(backend: Backend, target: Backend) -> None:
    """Who says in a message what a mark says has not brought in the file."""
    eventful(backend)
    text = exported(backend)
    imported(target, text)
    (head,) = target.log()
    with MemoryBackend(clock=Clock()) as other:
        with writing(other, message=f"import of {head.mark}") as new:
            new.artifact()
        with pytest.raises(Invalid, match="ids are kept only in an empty store"):
            imported(other, text)


def test_log_of_an_import_without_a_message_says_what_it_was(backend: Backend) -> None:
    for new_ids in (False, True):
        file = io.BytesIO(json.dumps(_small() | {"nodes": [], "edges": []}).encode())
        import_graph(backend, file, "node-link", Author("ann"), new_ids=new_ids)
    (head,) = backend.log()
    assert head.message == f"import of {head.mark}"
    assert head.mark.startswith("sha256:")


def test_purged_context_needs_no_name(backend: Backend, target: Backend) -> None:
    with writing(backend) as new:
        key = new.deleted(new.context(name="secret"))
    with writing(backend) as new:
        new.purge(key)
    imported(target, exported(backend))
    assert content(target) == content(backend)


def test_kept_ids_need_a_store_of_their_own(backend: Backend, target: Backend) -> None:
    eventful(backend)
    text = exported(backend)
    with writing(target) as new:
        new.artifact()
    with pytest.raises(Invalid, match="new_ids=True"):
        imported(target, text)
    with pytest.raises(Invalid, match="new_ids=True"):
        imported(backend, text)
    assert target.now() == 1


def test_a_store_that_went_on_is_not_a_finished_import(backend: Backend, target: Backend) -> None:
    eventful(backend)
    text = exported(backend)
    imported(target, text)
    with writing(target) as new:
        new.artifact()
    with pytest.raises(Invalid, match="new_ids=True"):
        imported(target, text)


def test_kept_ids_are_no_part_of_a_transaction(backend: Backend) -> None:
    with backend.transaction(), pytest.raises(Invalid, match="outside of one"):
        imported(backend, dumped(Graph([], [], [])))


@pytest.mark.parametrize("new_ids", [False, True])
def test_readonly_store_is_told_before_the_file_is_read(backend: Backend, new_ids: bool) -> None:
    backend.readonly = True
    with pytest.raises(Invalid, match="read-only"):
        imported(backend, b"no graph", new_ids=new_ids)


def test_the_highest_id_leaves_none_for_what_comes_after(backend: Backend) -> None:
    data = _small()
    data["nodes"][1]["id"] = f"artifact:{2**60 - 1}"
    imported(backend, json.dumps(data).encode())
    with pytest.raises(Invalid, match="the ids of artifacts are used up"):
        Store(backend).put(lineage.Dataset())
    Store(backend).put(lineage.Train())
    assert backend.check() == []


def test_runs_go_on_after_types_of_ours_in_other_words(backend: Backend) -> None:
    data = json.loads(_with_run())
    for each in data["graph"]["types"]:
        each["description"] = "As an older library said it."
    imported(backend, json.dumps(data).encode())
    with Store(backend).run(lineage.Train()):
        pass
    assert len(backend.find(Kind.EXECUTION)) == 2


def test_types_of_ours_in_other_words_are_still_ours(backend: Backend) -> None:
    with Store(backend).run(lineage.Train()):
        pass
    data = json.loads(_with_run())
    for each in data["graph"]["types"]:
        each["description"] = "As an older library said it."
        each["indexed"] = list(each["properties"])[:1]
    data["nodes"] = [each for each in data["nodes"] if each["kind"] == "execution"]
    data["edges"] = []
    assert imported(backend, json.dumps(data).encode(), new_ids=True) == Imported(0, 1, 0, (3,))


def _with_run() -> bytes:
    with lineage.connect("memory:") as store:
        with store.run(lineage.Train()):
            pass
        return exported(store.backend)


def test_what_was_read_is_written_in_parts_that_are_told(
    backend: Backend, target: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_graph(io.BytesIO(parted(backend, monkeypatch)), "node-link")
    told: list[Progress] = []
    done = write_graph(target, read, ANN, progress=told.append)
    records = done.types + done.nodes + done.edges
    assert told == [
        Progress("writing", start, records) for start in [*range(0, records, 5), records]
    ]
    assert content(target) == content(backend)
    assert write_graph(target, read, ANN) == Imported(0, 0, 0, ())


@pytest.mark.parametrize("new_ids", [False, True])
def test_store_tells_how_far_an_import_is(store: Store, new_ids: bool) -> None:
    with lineage.connect("memory:") as source:
        source.record(lineage.Train(), inputs=[lineage.Dataset(uri="s3://lake/users")])
        file = io.BytesIO(exported(source.backend))
    told: list[Progress] = []
    done = store.import_from(file, format="node-link", new_ids=new_ids, progress=told.append)
    records = done.types + done.nodes + done.edges
    assert told == [Progress("writing", 0, records), Progress("writing", records, records)]


def test_an_empty_graph_writes_nothing(backend: Backend) -> None:
    for new_ids in (False, True):
        assert imported(backend, exported(backend), new_ids=new_ids) == Imported(0, 0, 0, ())
    assert backend.now() == 0


# New ids


def test_new_ids_beside_what_is_there(backend: Backend, target: Backend) -> None:
    eventful(backend)
    text = exported(backend)
    with writing(target) as new:
        other = new.type(Kind.ARTIFACT, "Other")
        new.artifact(other, name="first")
        new.type(Kind.EXECUTION, "Step", properties={"mine": "STRING"})
    done = imported(target, text, new_ids=True)
    assert done.transactions == (2,)
    assert (done.types, done.nodes) == (2, 7)
    assert target.check() == []
    source, found = content(backend), content(target)
    assert len(found.nodes) == len(source.nodes) + 1
    shifted = {
        row.key: row.key._replace(id=row.key.id + (row.key.kind is Kind.ARTIFACT))
        for row in source.nodes
    }
    by_key = {row.key: row for row in found.nodes}
    names = {row.type.id: row.type.type_name for row in source.types}
    new_names = {row.type.id: row.type.type_name for row in found.types}
    for row in source.nodes:
        there = by_key[shifted[row.key]]
        assert there._replace(key=row.key, type_id=row.type_id) == row
        assert new_names[there.type_id] == names[row.type_id]
    assert found.edges == [
        row._replace(source=shifted[row.source], target=shifted[row.target]) for row in source.edges
    ]
    (step,) = (row.type for row in found.types if row.type.name == "Step")
    assert set(step.properties) == {"mine", "k"}


def test_new_ids_twice_meet_their_own_names(backend: Backend, target: Backend) -> None:
    eventful(backend)
    text = exported(backend)
    imported(target, text, new_ids=True)
    before = everything(target)
    with pytest.raises(AlreadyExists, match=r"'data'|'churn'|external id"):
        imported(target, text, new_ids=True)
    assert everything(target) == before


def test_deleted_node_may_have_had_a_name_that_is_taken(backend: Backend, target: Backend) -> None:
    with writing(backend) as new:
        new.deleted(new.artifact(name="daily"))
    with writing(target) as new:
        new.artifact(name="daily")
    imported(target, exported(backend), new_ids=True)
    assert [row.gone for row in content(target).nodes] == [False, True]


def test_new_ids_are_not_the_same_import(backend: Backend, target: Backend) -> None:
    eventful(backend)
    imported(target, exported(backend), new_ids=True)
    with pytest.raises(Invalid, match="new_ids=True"):
        imported(target, exported(backend))


def test_types_that_cannot_be_merged(backend: Backend, target: Backend) -> None:
    eventful(backend)
    with writing(target) as new:
        new.type(Kind.EXECUTION, "Step", properties={"k": "STRING"})
    before = everything(target)
    with pytest.raises(AlreadyExists, match="'k' is STRING and cannot become INT"):
        imported(target, exported(backend), new_ids=True)
    assert everything(target) == before


def test_new_ids_beside_what_the_same_file_brought(backend: Backend) -> None:
    data = _small()
    data["nodes"], data["edges"] = [data["nodes"][1] | {"name": None}], []
    text = json.dumps(data).encode()
    assert imported(backend, text) == Imported(1, 1, 0, (1,))
    assert imported(backend, text, new_ids=True) == Imported(0, 1, 0, (2,))
    assert len(backend.find(Kind.ARTIFACT)) == 2


def test_new_ids_join_a_transaction(backend: Backend, target: Backend) -> None:
    eventful(backend)
    with writing(target) as new:
        mine = new.artifact()
        done = imported(target, exported(backend), new_ids=True)
    assert done.transactions == (1,)
    assert target.now() == 1
    assert mine == NodeKey(Kind.ARTIFACT, 1)
    assert target.check() == []


# Refused


def _small() -> Any:
    with lineage.connect("memory:", actor="ann") as store:
        store.put(lineage.ContextType(name="Group"))
        groups = store.put([lineage.Context(type="Group", name=name) for name in "abc"])
        store.put([lineage.Dataset(name="one", external_id="x"), lineage.Dataset(name="two")])
        for child, parent in zip(groups[1:], groups, strict=False):
            store.put(lineage.ParentContext(child=child.key, parent=parent.key))
        return json.loads(exported(store.backend))


def _parent(source: int, target: int) -> dict[str, str]:
    return {"source": f"context:{source}", "target": f"context:{target}", "key": "PARENT"}


def _share_external_id(data: Any) -> None:
    """Give two types of different kinds one external id."""
    types = data["graph"]["types"]
    types[9]["external_id"] = "x"
    types.append(types[9] | {"id": 11, "kind": "execution"})


FAULTS: dict[str, tuple[Callable[[Any], object], type[LineageError], str]] = {
    "cycle": (lambda data: data["edges"].append(_parent(3, 1)), Invalid, "parents form a cycle: context:"),
    "own parent": (lambda data: data["edges"].append(_parent(2, 2)), Invalid, "parents form a cycle: context:2"),
    "nameless": (lambda data: data["nodes"][2].pop("name"), Invalid, "context:1: a context needs a name"),
    "two names": (lambda data: data["nodes"][1].update(name="one"), AlreadyExists, "two nodes are given the name 'one'"),
    "two external ids": (lambda data: data["nodes"][1].update(external_id="x"), AlreadyExists, "external id 'x'"),
    "reserved": (lambda data: _type(data).update(name="lineage.Mine"), Invalid, "reserved"),
    "external id of types": (_share_external_id, AlreadyExists, "two types have the external id x"),
    "base": (lambda data: _type(data).update(base="lineage.Model"), Invalid, "no base type of contexts"),
    "index": (lambda data: _type(data).update(indexed=["no"]), Invalid, "'no' is to be indexed"),
    "type": (lambda data: data["nodes"][0].update(type="Nut"), Invalid, r"nodes\[0\]\.type"),
}  # fmt: skip


def _type(data: Any) -> Any:
    """Return the file's own type, which has no nodes any more."""
    data["nodes"], data["edges"] = data["nodes"][:2], []
    return data["graph"]["types"][9]


@pytest.mark.parametrize("new_ids", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_and_nothing_written(backend: Backend, fault: str, new_ids: bool) -> None:
    spoil, error, says = FAULTS[fault]
    data = _small()
    spoil(data)
    with pytest.raises(error, match=says):
        imported(backend, json.dumps(data).encode(), new_ids=new_ids)
    assert backend.now() == 0
    assert backend.check() == []


def twice(rows: list[Any]) -> list[Any]:
    return [*rows, rows[0]._replace(since=7)]


STRANGERS_FAULTS: dict[str, tuple[Callable[[Graph], Graph], str]] = {
    "two nodes": (lambda graph: graph._replace(nodes=twice(graph.nodes)), "two nodes artifact:1"),
    "two edges": (lambda graph: graph._replace(edges=twice(graph.edges)), "two edges PARENT from context:1"),
    "no id": (lambda graph: spoilt_type(graph, -1, id=None), "context type Group has no id of its own"),
    "id of ours": (lambda graph: spoilt_type(graph, 0, name="Mine"), "type Mine has the id 1 of lineage.Dataset"),
    "kind of type": (lambda graph: spoilt(graph, "nodes", type_id=10), "there is no artifact type with id 10"),
    "no type": (lambda graph: spoilt(graph, "nodes", type_id=99), "there is no artifact type with id 99"),
    "undeclared": (lambda graph: spoilt(graph, "nodes", properties='{"a":1}'), "artifact:1: .*declares no property"),
    "wrong ends": (lambda graph: spoilt(graph, "edges", kind=EdgeKind.INPUT), "joins the wrong kinds of node"),
    "lost end": (lambda graph: spoilt(graph, "edges", target=NodeKey(Kind.CONTEXT, 9)), "there is no context:9"),
}  # fmt: skip


def spoilt(graph: Graph, part: str, **changes: Any) -> Graph:
    """Return a graph whose first node or edge is another."""
    first, *others = getattr(graph, part)
    return graph._replace(**{part: [first._replace(**changes), *others]})


def spoilt_type(graph: Graph, place: int, **changes: Any) -> Graph:
    types = list(graph.types)
    types[place] = types[place]._replace(type=types[place].type.replace(**changes))
    return graph._replace(types=types)


@pytest.mark.parametrize("new_ids", [False, True])
@pytest.mark.parametrize("fault", STRANGERS_FAULTS)
def test_format_of_a_stranger_may_check_nothing(
    backend: Backend, fault: str, new_ids: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, says = STRANGERS_FAULTS[fault]
    graph = spoil(loaded(json.dumps(_small()).encode()))

    class Strange:
        @staticmethod
        def load(_: object) -> list[Batch]:
            return [Batch(types=graph.types), Batch(nodes=graph.nodes), Batch(edges=graph.edges)]

    monkeypatch.setattr(importing, "loader", lambda _: Strange)
    with pytest.raises(Invalid, match=says):
        imported(backend, b"", new_ids=new_ids)
    assert backend.now() == 0


def test_the_small_file_itself_is_fine(backend: Backend) -> None:
    assert imported(backend, json.dumps(_small()).encode()) == Imported(1, 5, 2, (1,))


# Files


def test_files_by_name_and_open_ones(store: Store, tmp_path: Path) -> None:
    eventful(store.backend)
    store.export_to(tmp_path / "a.json")
    with lineage.connect("memory:", actor="bob") as other:
        assert other.import_from(tmp_path / "a.json", message="again").nodes == 7
        assert content(other.backend) == content(store.backend)
    with lineage.connect("memory:") as other, (tmp_path / "a.json").open("rb") as file:
        other.import_from(file, format="node-link")
        assert content(other.backend) == content(store.backend)


def test_a_stream_that_cannot_be_rewound(backend: Backend) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

    import_graph(backend, Pipe(json.dumps(_small()).encode()), "node-link", ANN)
    assert backend.now() == 1


def test_an_open_file_is_read_from_where_it_is(backend: Backend) -> None:
    file = io.BytesIO(b"heading\n" + json.dumps(_small()).encode())
    file.readline()
    assert import_graph(backend, file, "node-link", ANN).nodes == 5


def test_files_that_cannot_be_read(backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no file .*none\.json"):
        read_file(tmp_path / "none.json", None, lambda *_: None)
    with pytest.raises(Invalid, match="/dev/zero is a device"):
        read_file("/dev/zero", "node-link", lambda file, _: file.read(1))
    with pytest.raises(Invalid, match="cannot be read: Is a directory"):
        read_file(tmp_path, "node-link", lambda *_: None)
    with pytest.raises(Invalid, match="name the format"):
        read_file(io.BytesIO(), None, lambda *_: None)
    with pytest.raises(Invalid, match="'dot' can be written but not read"):
        read_file(tmp_path / "a.dot", None, lambda *_: None)
    with pytest.raises(Invalid, match="no format 'xls'"):
        import_graph(backend, io.BytesIO(), "xls", ANN)
