"""Whole stores as streams of batches, of one moment, into files that are whole or not there."""

import errno
import io
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

import pytest

import lineage
from lineage.contract.backend import Backend
from lineage.errors import Corrupt, Invalid, NotFound
from lineage.interchange import exporting
from lineage.interchange.exporting import batches, export_file, file_names, write_file
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, TypeRow
from lineage.model.system import SYSTEM_TYPES
from lineage.store import Store
from lineage.testing.builders import all_keys, elsewhere, eventful, writing
from lineage.testing.formats.graphs import whole


@pytest.mark.parametrize("span", [1, 2, 500])
def test_every_moment_is_exported_whole(
    backend: Backend, span: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "BATCH_IDS", span)
    eventful(backend)
    keys = all_keys(backend)
    for number in range(backend.now() + 1):
        stream = batches(backend, as_of=number)
        assert stream.number == number
        found = whole(stream)
        rows = backend.nodes(keys, as_of=number)
        assert found.types == list(backend.types(as_of=number))
        assert found.nodes == [rows[key] for key in sorted(rows)]
        assert sorted(found.edges) == backend.edges(keys, as_of=number)


def test_order_is_types_nodes_edges(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "BATCH_IDS", 1)
    eventful(backend)
    seen = [max(n for n, rows in enumerate(batch) if rows) for batch in batches(backend)]
    assert seen == sorted(seen)
    assert set(seen) == {0, 1, 3}


def test_empty_store(backend: Backend) -> None:
    found = whole(batches(backend))
    assert (len(found.types), found.nodes, found.edges) == (9, [], [])


def test_what_is_written_meanwhile_is_not_in_it(backend: Backend) -> None:
    eventful(backend)
    before = whole(batches(backend))
    stream = batches(backend)
    next(stream)
    with writing(backend) as new:
        new.path(new.artifact(), new.execution())
        new.delete(NodeKey(Kind.EXECUTION, 1))
    rest = whole(stream)
    assert (rest.nodes, sorted(rest.edges)) == (before.nodes, sorted(before.edges))


def test_ids_may_be_far_apart(backend: Backend) -> None:
    far = [NodeKey(Kind.ARTIFACT, number) for number in (3, 2**40, 2**50, 2**59)]
    with writing(backend) as new:
        for key in far:
            new.artifact(key=key)
        run = new.execution()
        new.edge(far[2], run)
    with writing(backend) as new:
        new.delete(far[1])
    number = backend.now()
    with writing(backend) as new:
        new.delete(far[2])
    found = whole(batches(backend, as_of=number))
    assert [row.key for row in found.nodes] == [*far, run]
    assert [row.gone for row in found.nodes] == [False, True, False, False, False]
    assert len(found.edges) == 1
    assert [row.key for row in whole(batches(backend)).nodes] == [*far, run]


@pytest.mark.parametrize("span", [1, 2])
def test_what_follows_a_gap_at_once_is_not_passed_over(
    backend: Backend, span: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "BATCH_IDS", span)
    keys = [NodeKey(Kind.ARTIFACT, number) for number in (1, 3, 5, 8)]
    with writing(backend) as new:
        for key in keys:
            new.artifact(key=key)
    assert [row.key for row in whole(batches(backend)).nodes] == keys


def test_deleted_nodes_far_apart_are_all_there_in_any_order_of_deletion(backend: Backend) -> None:
    # As the items of a set these three come in another order than by their size.
    far = [NodeKey(Kind.ARTIFACT, number) for number in (2**40 + 7, 2**45 + 3, 2**50 + 1)]
    with writing(backend) as new:
        for key in far:
            new.artifact(key=key)
    with writing(backend) as new:
        new.delete(*far)
    assert [row.key for row in whole(batches(backend)).nodes] == far


def test_moments_that_cannot_be_exported(backend: Backend) -> None:
    with pytest.raises(NotFound):
        batches(backend, as_of=7)
    with writing(backend) as new:
        new.artifact()
        with pytest.raises(Invalid, match="this transaction has written"):
            batches(backend)
        assert whole(elsewhere(lambda: list(batches(backend)))).nodes == []


# Files


def test_a_file_is_of_the_format_of_its_suffix(store: Store, tmp_path: Path) -> None:
    eventful(store.backend)
    for name, begins in {
        "a.json": b'{"directed"', "a.graphml": b"<?xml", "a.dot": b"digraph", "a.gv": b"digraph",
        "a.gexf": b"<?xml", "a.cyjs": b'{"format_version"', "a.mmd": b"flowchart LR", "a.MERMAID": b"flowchart LR",
    }.items():  # fmt: skip
        store.export_to(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begins)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    store.export_to(tmp_path / "b.txt", format="dot")
    target = io.BytesIO()
    export_file(target, "dot", lambda: batches(store.backend))
    assert (tmp_path / "b.txt").read_bytes() == target.getvalue()


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_bytes(b"old")

    def fail(file: IO[bytes], format: str) -> Collection[str]:
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(target, None, fail)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_new_file_replaces_the_old_one_with_its_mode_and_behind_its_link(tmp_path: Path) -> None:
    target, link = tmp_path / "a.json", tmp_path / "link.json"
    target.write_bytes(b"old")
    target.chmod(0o4640)
    link.symlink_to(target)
    assert write_file(str(link), None, lambda file, _: [str(file.write(b"new"))]) == ("3",)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o7777 == 0o4640


def test_a_file_is_on_the_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.json"
    target.write_bytes(b"old")
    synced: list[tuple[bytes, int]] = []
    sync = os.fsync

    def watch(file: int) -> None:
        synced.append((target.read_bytes(), os.fstat(file).st_size))
        sync(file)

    monkeypatch.setattr(os, "fsync", watch)
    write_file(target, None, lambda file, _: [str(file.write(b"newer"))])
    assert synced == [(b"old", 5)]


def test_a_pipe_is_written_directly(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_file(pipe, "dot", lambda file, _: [str(file.write(b"new"))])
    assert os.read(reader, 10) == b"new"
    os.close(reader)


def test_a_reader_of_a_pipe_that_left_is_no_fault_of_the_place(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def leave(file: IO[bytes], _: str) -> Collection[str]:
        os.close(reader)
        return [str(file.write(b"new"))]

    with pytest.raises(BrokenPipeError):
        write_file(pipe, "dot", leave)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"/dev/full cannot be written: No space left"):
        write_file("/dev/full", "dot", lambda file, _: [str(file.write(b"x" * 100_000))])
    (tmp_path / "loop.dot").symlink_to(tmp_path / "loop.dot")
    with pytest.raises(Invalid, match="links lead in a circle"):
        write_file(tmp_path / "loop.dot", None, lambda *_: [])
    with pytest.raises(Invalid, match="cannot be written: File name too long"):
        write_file(tmp_path / f"{'x' * 300}.dot", None, lambda *_: [])

    def full(file: IO[bytes], _: str) -> Collection[str]:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(Invalid, match=r"a\.dot cannot be written: No space left on device"):
        write_file(tmp_path / "a.dot", None, full)
    assert [path.name for path in tmp_path.iterdir()] == ["loop.dot"]


def test_errors_of_the_graph_are_not_the_file_s(tmp_path: Path) -> None:
    def damaged(*_: object) -> Collection[str]:
        raise Corrupt("the storage is damaged")

    with pytest.raises(Corrupt):
        write_file(tmp_path / "a.dot", None, damaged)

    def mistaken(*_: object) -> Collection[str]:
        raise RuntimeError("generator raised StopIteration")

    with pytest.raises(RuntimeError, match="StopIteration"):
        write_file(tmp_path / "a.dot", None, mistaken)


def test_a_fault_of_the_system_without_a_number_is_told_in_its_own_words(tmp_path: Path) -> None:
    def fail(*_: object) -> Collection[str]:
        raise OSError("the tape is torn")

    with pytest.raises(Invalid, match="cannot be written: the tape is torn"):
        write_file(tmp_path / "a.dot", None, fail)


def test_a_file_may_have_the_longest_name_there_is(tmp_path: Path) -> None:
    target = tmp_path / f"{chr(0x1F600) * 62}.dot"
    write_file(target, None, lambda file, _: [str(file.write(b"x"))])
    assert target.read_bytes() == b"x"


def test_open_files_and_names_that_tell_no_format(tmp_path: Path) -> None:
    target = io.BytesIO()
    assert write_file(target, "dot", lambda file, name: [name, str(file.write(b"x"))]) == (
        "dot",
        "1",
    )
    with pytest.raises(Invalid, match="name the format"):
        write_file(io.BytesIO(), None, lambda *_: [])
    with pytest.raises(
        Invalid, match=r"'.*a\.xlsx' does not end in a suffix .*\.json, \.csv, \.graphml"
    ):
        write_file(tmp_path / "a.xlsx", None, lambda *_: [])
    with pytest.raises(
        Invalid,
        match="'xlsx': there are csv, cytoscape, dot, gexf, graphml, html, mermaid, mlmd, node-link",
    ):
        write_file(tmp_path / "a.json", "xlsx", lambda *_: [])
    with pytest.raises(Invalid, match="cannot be written: No such file"):
        write_file(tmp_path / "no" / "a.json", None, lambda *_: [])
    assert list(tmp_path.iterdir()) == []


def test_a_store_at_a_moment_is_exported_as_it_was(store: Store, tmp_path: Path) -> None:
    eventful(store.backend)
    store.at(1).export_to(tmp_path / "then.json")
    assert b'"name":"child"' not in (tmp_path / "then.json").read_bytes()
    assert b'"transaction":1,' in (tmp_path / "then.json").read_bytes()


def test_a_subgraph_is_exported_in_every_format(store: Store) -> None:
    data = store.put(lineage.Dataset(name="data"))
    for name in ("node-link", "graphml", "gexf", "cytoscape", "dot", "mermaid"):
        assert "data" in store.upstream(data).export(name)


def test_what_a_format_cannot_hold_of_a_subgraph_is_a_warning(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    data = store.put(lineage.Dataset(uri="s3://\x00"))
    store.upstream(data).export("graphml")
    (record,) = caplog.records
    assert (record.name, record.levelname, record.getMessage()) == (
        "lineage",
        "WARNING",
        "graphml: characters that XML cannot hold became U+FFFD: once, in artifact:1",
    )


# A format of several files


def _named(folder: Path) -> list[str]:
    names = (path.name for path in folder.iterdir())
    return sorted(name for name in names if not name.startswith("lineage.db"))


def test_a_format_of_two_files_writes_both_beside_its_name(store: Store, tmp_path: Path) -> None:
    eventful(store.backend)
    assert store.export_to(tmp_path / "graph.csv") == ()
    assert _named(tmp_path) == ["graph.edges.csv", "graph.nodes.csv"]
    assert (tmp_path / "graph.nodes.csv").read_bytes().startswith(b"id,label,kind")
    assert (tmp_path / "graph.edges.csv").read_bytes().startswith(b"source,target,kind")
    store.export_to(tmp_path / "graph.csv")
    assert _named(tmp_path) == ["graph.edges.csv", "graph.nodes.csv"]


def test_a_format_of_two_files_needs_a_name(store: Store, tmp_path: Path) -> None:
    data = store.put(lineage.Dataset(name="data"))
    with pytest.raises(Invalid, match=r"several files \(nodes, edges\)"):
        store.export_to(io.BytesIO(), format="csv")
    with pytest.raises(Invalid, match="several files"):
        store.upstream(data).export("csv")
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with pytest.raises(Invalid, match=r"pipe\.csv is no file, but csv is 2 files"):
        store.export_to(pipe)
    (tmp_path / "a.edges.csv").mkdir()
    with pytest.raises(Invalid, match=r"a\.edges\.csv is no file"):
        store.export_to(tmp_path / "a.csv")
    with pytest.raises(Invalid, match="cannot be written: No such file"):
        store.export_to(tmp_path / "no" / "a.csv")
    assert _named(tmp_path) == ["a.edges.csv", "pipe.csv"]


@pytest.mark.parametrize("old", [b"old", None])
def test_an_error_while_two_files_are_written_leaves_both_as_they_were(
    tmp_path: Path, old: bytes | None
) -> None:
    places = file_names(tmp_path / "a.csv", "csv")
    if old is not None:
        for place in places:
            place.write_bytes(old)
    before = _named(tmp_path)

    def stream() -> Iterator[Batch]:
        yield Batch(types=[TypeRow(each, 0) for each in SYSTEM_TYPES])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_file(tmp_path / "a.csv", None, stream)
    assert _named(tmp_path) == before
    assert all(place.read_bytes() == old for place in places if old is not None)


@pytest.mark.parametrize("old", [b"old", None])
@pytest.mark.parametrize("fails", range(1, 5))
def test_two_files_take_their_places_both_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bytes | None, fails: int
) -> None:
    places = file_names(tmp_path / "a.csv", "csv")
    if old is not None:
        for place in places:
            place.write_bytes(old)
            place.chmod(0o640)
    before = _named(tmp_path)
    moved = Path.replace
    calls: list[Path] = []

    def fail_once(path: Path, target: Path) -> Path:
        calls.append(path)
        if len(calls) == fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return moved(path, target)

    monkeypatch.setattr(Path, "replace", fail_once)
    moves = 2 if old is None else 4
    if fails > moves:
        export_file(tmp_path / "a.csv", None, list)
    else:
        with pytest.raises(Invalid, match="cannot be written: Input/output error"):
            export_file(tmp_path / "a.csv", None, list)
        assert _named(tmp_path) == before
        assert all(place.read_bytes() == old for place in places if old is not None)
    monkeypatch.undo()
    export_file(tmp_path / "a.csv", None, list)
    assert _named(tmp_path) == ["a.edges.csv", "a.nodes.csv"]
    assert all(place.read_bytes() not in (b"old", b"") for place in places)
    if old is not None:
        assert {place.stat().st_mode & 0o777 for place in places} == {0o640}


def test_a_store_s_own_files_are_not_written_over_by_a_part(tmp_path: Path) -> None:
    with lineage.connect(str(tmp_path / "graph.nodes.csv")) as store:
        store.put(lineage.Dataset(name="data"))
        with pytest.raises(Invalid, match="is the store itself"):
            store.export_to(tmp_path / "graph.csv")
        assert store.get("artifact:1").name == "data"
    assert "graph.edges.csv" not in _named(tmp_path)
