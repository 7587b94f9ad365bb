"""Damaged files: cut, flipped and changed. Nothing but our errors comes out, and `check` finds what is wrong."""

import os
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import pytest

import lineage
from lineage import (
    Artifact,
    Context,
    ContextType,
    Corrupt,
    Dataset,
    Execution,
    Indexed,
    LineageError,
    Model,
    Store,
    Train,
)
from lineage.model.keys import Kind, NodeKey
from lineage.testing.builders import writing
from tests.backends.files import change, door, inside
from tests.conftest import MORE, SEED

FLIPS = 70
PAGE = 4096
SECRET = "a text that is nowhere else"
INDEXED = "a text that is in an index too"


class Note(lineage.Dataset):
    """A data set with a property that has an index of its own."""

    day: Annotated[int, Indexed]
    text: str


def fill(store: Store) -> None:
    """Write a history with everything in it, of more than one page a table."""
    store.put(ContextType(name="Experiment"))
    (experiment,) = store.put([Context(type="Experiment", name="churn")])
    last: list[Artifact] = []
    for turn in range(25):
        recorded = store.record(
            Train(name=f"run {turn}"),
            inputs=last,
            outputs=[
                Note(name=f"note {turn}", uri=f"s3://{turn}", day=turn, text="some text" * 20)
            ],
            within=[experiment],
        )
        last = list(recorded.outputs)
        if turn == 20:
            # The artifact that was deleted after the run 3.
            with writing(store.backend) as new:
                new.update(NodeKey(Kind.ARTIFACT, 4))
        if turn % 5 == 1:
            last = [store.update(last[0].model_copy(update={"uri": f"s3://moved/{turn}"}))]
        if turn % 8 == 3:
            store.delete(*last)
            if turn == 11:
                store.purge(*last, reason="a request")
            last = []
    store.put(Model(name="model", uri=INDEXED, custom_properties={"note": SECRET}))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a whole store that was closed."""
    path = tmp_path_factory.mktemp("whole") / "a.db"
    with lineage.connect(path) as store:
        fill(store)
        assert store.check() == []
    return path.read_bytes()


Answers = list[str | LineageError]


def readings(store: Store) -> Iterator[Callable[[], object]]:
    last = f"execution:{25}"
    yield lambda: store.find(Artifact).items
    yield lambda: store.find(Note, "properties.day > 5").items
    yield lambda: store.find(Execution, order_by="create_time", limit=3)
    yield lambda: store.find(Artifact, "contexts_c.name = 'churn' AND uri LIKE 's3%'").items
    yield lambda: [store.get(f"context:{number}") for number in (1,)]
    yield lambda: [store.get(f"execution:{number}") for number in range(1, 26)]
    for walk in (store.upstream, store.downstream):
        for start in (last, "execution:1"):
            yield lambda walk=walk, start=start: (  # type: ignore[misc]
                (answer := walk(start)).nodes,
                answer.edges,
            )
    yield store.log
    yield lambda: store.log("artifact:2")
    yield lambda: list(store.changes())
    yield store.types
    yield lambda: store.at(20).find(Artifact).items
    yield lambda: (store.at(20).upstream("execution:10").nodes,)
    yield store.check


def answers(path: Path) -> Answers:
    """Ask everything of a store; what it refuses with an error of ours is an answer too."""
    try:
        store = lineage.connect(path)
    except LineageError as error:
        return [error]
    with store:
        return [_answer(reading) for reading in readings(store)]


def _answer(reading: Callable[[], object]) -> str | LineageError:
    try:
        return repr(reading())
    except LineageError as error:
        return error


def written(folder: Path, content: bytes) -> Path:
    path = folder / "damaged.db"
    for old in folder.iterdir():
        old.unlink()
    path.write_bytes(content)
    return path


# Cut


@pytest.mark.parametrize("length", [1, 20, 99, 100, 511, 512, 1000, PAGE - 1])
def test_first_page_is_cut(length: int, whole: bytes, tmp_path: Path) -> None:
    with pytest.raises(Corrupt):
        lineage.connect(written(tmp_path, whole[:length]))


@pytest.mark.parametrize("pages", [1, 2, 5, -5, -1])
@pytest.mark.parametrize("more", [0, 1, PAGE // 2])
def test_pages_are_cut(pages: int, more: int, whole: bytes, tmp_path: Path) -> None:
    length = pages * PAGE + (len(whole) if pages < 0 else 0) + more
    for readonly in (True, False):
        path = written(tmp_path, whole[:length])
        with pytest.raises(Corrupt):
            lineage.connect(path, readonly=readonly)


def test_cut_with_an_older_count_of_pages(whole: bytes, tmp_path: Path) -> None:
    """Where the header's count is as wrong as the file is short, a read meets what is missing."""
    pages = len(whole) // PAGE - 3
    content = bytearray(whole[: pages * PAGE])
    content[28:32] = pages.to_bytes(4, "big")
    found = answers(written(tmp_path, bytes(content)))
    assert any(isinstance(each, Corrupt) for each in found)


def test_cut_while_it_is_open(whole: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, whole)
    with lineage.connect(path) as store:
        os.truncate(path, 3 * PAGE)
        assert any(isinstance(_answer(reading), Corrupt) for reading in readings(store))


# Flipped bytes


@pytest.mark.soak
def test_flipped_bytes(whole: bytes, tmp_path: Path) -> None:
    """Whatever byte of a file is another: only our errors come out, or `check` tells, or nothing differs."""
    expected = answers(written(tmp_path, whole))
    assert not any(isinstance(each, LineageError) for each in expected[6:])
    draw = random.Random(5 + SEED)
    met = told = 0
    for _ in range(FLIPS * MORE):
        content = bytearray(whole)
        place = draw.randrange(len(content))
        content[place] ^= draw.randrange(1, 256)
        found = answers(written(tmp_path, bytes(content)))
        if isinstance(found[-1], LineageError):
            met += 1
        elif found[-1] != "[]":
            told += 1
        else:
            assert list(map(str, found)) == list(map(str, expected)), f"byte {place}"
    assert met
    assert told


def tables(path: Path) -> dict[str, int]:
    """Return the first page of each table and index."""
    with door(path) as own:
        return dict(own.execute("SELECT name, rootpage FROM sqlite_schema"))


@pytest.mark.parametrize(
    "table", ["node", "edge", "txn", "type", "node_past", "node_name", "edge_src"]
)
def test_structure_is_met_by_the_read(table: str, whole: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, whole)
    content = bytearray(whole)
    root = (tables(path)[table] - 1) * PAGE
    content[root : root + 8] = b"\xff" * 8
    found = answers(written(tmp_path, bytes(content)))
    assert any(isinstance(each, Corrupt) for each in found)
    assert isinstance(found[-1], Corrupt) or found[-1] != "[]"


def test_definition_of_a_table_is_damaged(whole: bytes, tmp_path: Path) -> None:
    for old, new in ((b"properties TEXT", b"pr\xfeperties TEXT"), (b"src INTEGER", b"sRc INTEGER")):
        assert old in whole
        with pytest.raises(Corrupt):
            lineage.connect(written(tmp_path, whole.replace(old, new)))


# Changed content

NODE = "SELECT since FROM node WHERE key = 8"
CHANGES = {
    "name": ("UPDATE node SET name = 'other' WHERE key = 8", NODE),
    "uri": ("UPDATE node SET uri = 's3://evil' WHERE key = 8", NODE),
    "property": (
        "UPDATE node SET properties = json_set(properties, '$.day', 99) WHERE key = 8",
        NODE,
    ),
    "type": ("UPDATE node SET type = 1 WHERE key = 8", NODE),
    "create time": ("UPDATE node SET created = created + 1 WHERE key = 8", NODE),
    "salt": ("UPDATE node SET salt = zeroblob(16) WHERE key = 8", NODE),
    "state": (
        "UPDATE node SET state = 5 WHERE key = 5",
        "SELECT since FROM node WHERE key = 5",
    ),
    "edge": ("UPDATE edge SET time = 1 WHERE dst = 8", "SELECT since FROM edge WHERE dst = 8"),
    "past": (
        "UPDATE node_past SET uri = 'other' WHERE NOT gone",
        "SELECT since FROM node_past WHERE NOT gone",
    ),
    "purged": (
        "UPDATE node_past SET digest = zeroblob(32) WHERE salt IS NULL",
        "SELECT since FROM node_past WHERE salt IS NULL",
    ),
    "purge": ("DELETE FROM purge", "SELECT number FROM purge"),
    "a type's body": (
        "UPDATE type SET body = replace(body, 'INT', 'STRING') WHERE id = 11",
        "SELECT since FROM type WHERE id = 11",
    ),
    "a type's end": (
        "UPDATE type SET until = 9 WHERE id = 11",
        "SELECT since FROM type WHERE id = 11",
    ),
    "actor": ("UPDATE txn SET actor = 'somebody' WHERE number = 4", "SELECT 4"),
    "mark": ("UPDATE txn SET mark = 'mlmd, transaction 4' WHERE number = 4", "SELECT 4"),
    "salt of an actor": ("UPDATE txn SET salt = zeroblob(16) WHERE number = 4", "SELECT 4"),
    "kept digest": ("UPDATE txn SET author = zeroblob(32) WHERE number = 4", "SELECT 4"),
    "inner nodes": ("UPDATE txn SET nodes = zeroblob(64) WHERE number = 4", "SELECT 4"),
    "time": ("UPDATE txn SET time = time + 1 WHERE number = 4", "SELECT 4"),
    "types at a moment": ("UPDATE txn SET schema = 1 WHERE number = 4", "SELECT 4"),
    "highest id": ("UPDATE txn SET artifacts = 99 WHERE number = 4", "SELECT 4"),
    "number of records": ("UPDATE txn SET records = 99 WHERE number = 4", "SELECT 4"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_content_names_the_transaction(name: str, whole: bytes, tmp_path: Path) -> None:
    statement, which = CHANGES[name]
    path = written(tmp_path, whole)
    with door(path) as own:
        (number,) = own.execute(which).fetchone()
        assert own.execute(statement).rowcount
        assert own.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with lineage.connect(path) as store:
        assert any(re.search(rf"transaction {number}\b", each) for each in store.check())


def test_flipped_letter_names_the_transaction(whole: bytes, tmp_path: Path) -> None:
    for text, times in ((SECRET, 1), (INDEXED, 2)):
        assert whole.count(text.encode()) == times
        path = written(tmp_path, whole.replace(text.encode(), text.upper().encode()))
        with lineage.connect(path) as store:
            number = len(store.log())
            assert [each for each in store.check() if f"transaction {number}:" in each]


def test_flipped_letter_of_an_index_is_found(whole: bytes, tmp_path: Path) -> None:
    content = whole.replace(INDEXED.encode(), INDEXED.upper().encode(), 1)
    with lineage.connect(written(tmp_path, content)) as store:
        assert store.check()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE node SET custom = '{' WHERE key = 8",
        "UPDATE node SET properties = '[]' WHERE key = 8",
        """UPDATE node SET properties = '{"day": {"x": 1}}' WHERE key = 8""",
        "UPDATE node SET custom = CAST(x'ff' AS TEXT) WHERE key = 8",
        "UPDATE node SET name = CAST(x'ff' AS TEXT) WHERE key = 8",
        "UPDATE node SET key = 11 WHERE key = 8",
        "UPDATE node SET key = -8 WHERE key = 8",
        "UPDATE node SET type = 77 WHERE key = 8",
        "UPDATE node SET state = 77 WHERE key = 8",
        "UPDATE node SET created = 9223372036854775807 WHERE key = 8",
        "DELETE FROM node WHERE key = 8",
        "UPDATE edge SET kind = 99 WHERE dst = 8",
        "UPDATE edge SET kind = 0 WHERE dst = 8",
        "UPDATE edge SET src = 10 WHERE dst = 8",
        "UPDATE edge SET src = 9999 WHERE dst = 8",
        "UPDATE edge SET paths = '{' WHERE dst = 8",
        "UPDATE type SET body = '{}' WHERE id = 11",
        "UPDATE type SET body = 'x' WHERE id = 11",
        "UPDATE type SET kind = 'x' WHERE id = 11",
        "DELETE FROM type",
        "DELETE FROM txn WHERE number = 4",
        "UPDATE txn SET number = 1000 WHERE number = 4",
        "UPDATE txn SET time = 9223372036854775807 WHERE number = 4",
        "UPDATE txn SET records = -1",
        "UPDATE txn SET salt = x'' WHERE number = 4",
        "UPDATE txn SET salt = NULL, author = NULL",
        "UPDATE txn SET nodes = x'00'",
        "INSERT INTO purge_head VALUES (4, 5)",
        "INSERT INTO purge_head VALUES (9, 4)",
        "INSERT INTO purge_head VALUES (4, -1)",
    ],
)
def test_senseless_content(statement: str, whole: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, whole)
    change(path, statement)
    found = answers(path)
    assert isinstance(found[-1], LineageError) or found[-1] != "[]"


def test_head_that_is_lost_cannot_be_purged(whole: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, whole)
    change(path, "DELETE FROM txn WHERE number = 4")
    with lineage.connect(path, actor="ann") as store:
        before = store.log()
        with (
            pytest.raises(Corrupt, match="transaction 4 is missing"),
            store.backend.transaction() as own,
        ):
            own.purge_heads([3, 4])
        assert store.log() == before


def test_lost_inner_nodes_are_met_by_the_commit_that_needs_them(
    whole: bytes, tmp_path: Path
) -> None:
    path = written(tmp_path, whole)
    change(path, "UPDATE txn SET nodes = x'' WHERE number = 32")
    with lineage.connect(path) as store:
        before = store.backend.now()
        with pytest.raises(Corrupt, match="transaction 32 has lost inner nodes"):
            store.put(Dataset(name="refused"))
        assert store.backend.now() == before
        assert [each for each in store.check() if "transaction 32 " in each]


def test_writing_to_a_damaged_store_is_all_or_nothing(whole: bytes, tmp_path: Path) -> None:
    content = bytearray(whole)
    path = written(tmp_path, whole)
    root = (tables(path)["edge_src"] - 1) * PAGE
    content[root : root + 8] = b"\xff" * 8
    with lineage.connect(written(tmp_path, bytes(content))) as store:
        before = len(store.log())
        with pytest.raises(Corrupt):
            store.record(Train(name="refused"), outputs=[Dataset(name="refused")])
        assert len(store.log()) == before
        assert store.find(Dataset, "name = 'refused'").items == ()
        assert not inside(store).in_transaction
