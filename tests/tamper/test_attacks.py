"""Attacks on a file by somebody who knows its tables: each is told by name, and no copy passes it on as verified."""

from pathlib import Path

import pytest

from lineage.backends.memory.backend import MemoryBackend
from lineage.backends.sqlite.backend import SqliteBackend
from lineage.contract.backend import Backend
from lineage.contract.proof import author_digest, content_digest, purged
from lineage.errors import Corrupt, Invalid
from lineage.interchange.copying import copy
from lineage.model.keys import Kind, NodeKey
from lineage.testing.builders import Clock, everything
from tests.backends.files import change, door
from tests.tamper.world import fill

KEPT, TWIN = NodeKey(Kind.ARTIFACT, 5), NodeKey(Kind.ARTIFACT, 6)
KEY = KEPT.id << 2
"""What names the artifact in the tables: the number of its kind is 0."""
COLUMNS = "key, type, name, external_id, uri, state, properties, custom, created, updated, since, salt, digest"
PHANTOM = (
    "INSERT INTO node SELECT 400, type, 'phantom', NULL, 's3://evil', state, properties, custom, created, updated, {}, "
    f"salt, NULL FROM node WHERE key = {KEY}"
)
NEW_EDGE = "INSERT INTO edge SELECT dst, src, 7, 0, NULL, NULL, {}, 99, NULL FROM edge WHERE kind = 3 LIMIT 1"

ATTACKS: dict[str, tuple[list[str], str]] = {
    "phantom node before the first transaction": (
        [PHANTOM.format(0)],
        "artifact:100 was written in transaction 0, which does not exist",
    ),
    "phantom node after the last": (
        [PHANTOM.format(999)],
        "artifact:100 was written in transaction 999, which does not exist",
    ),
    "phantom node within the chain": (
        [PHANTOM.format(3)],
        "transaction 3 wrote 7 records, but 8 are there",
    ),
    "phantom former version": (
        [
            f"INSERT INTO node_past ({COLUMNS}, until, gone) SELECT key, type, 'x', NULL, uri, state, properties, custom, "
            f"created, updated, 0, salt, NULL, 9, 0 FROM node WHERE key = {KEY}"
        ],
        "artifact:5 was written in transaction 0, which does not exist",
    ),
    "phantom edge": (
        [NEW_EDGE.format(999)],
        "an edge from artifact:1 to execution:1 was written in transaction 999, which does not exist",
    ),
    "phantom type": (
        [
            "INSERT INTO type SELECT 99, 0, NULL, kind, replace(body, '\"id\":12', '\"id\":99') FROM type WHERE id = 12 AND until IS NULL"
        ],
        "type 99 was written in transaction 0, which does not exist",
    ),
    "type of another id": (
        ["UPDATE type SET id = 13 WHERE id = 12"],
        "transaction 9 wrote a type 13, whose body says that it is 12",
    ),
    "edge that is hidden for later": (
        [
            "INSERT INTO edge_past SELECT *, 999, 0 FROM edge WHERE kind = 9",
            "DELETE FROM edge WHERE kind = 9",
        ],
        "an edge from context:1 to execution:1 ended in transaction 999, which does not exist",
    ),
    "edge that is hidden as replaced": (
        [
            "INSERT INTO edge_past SELECT *, 12, 1 FROM edge WHERE kind = 9",
            "DELETE FROM edge WHERE kind = 9",
        ],
        "an edge from context:1 to execution:1, as transaction 6 wrote it, ended at another time than it did",
    ),
    "former edge that is shown again": (
        [
            "DELETE FROM edge WHERE kind = 2 AND since = 13",
            "INSERT INTO edge SELECT dst, src, kind, uses, time, paths, since, place, first FROM edge_past WHERE kind = 2 AND since = 9",
            "DELETE FROM edge_past WHERE kind = 2 AND since = 9",
        ],
        "an edge from artifact:6 to execution:2, as transaction 10 wrote it, is past, and no later one is there",
    ),
    "node that is hidden for later": (
        [
            f"INSERT INTO node_past ({COLUMNS}, until, gone) SELECT *, 999, 1 FROM node WHERE key = {KEY}",
            f"DELETE FROM node WHERE key = {KEY}",
        ],
        "artifact:5 ended in transaction 999, which does not exist",
    ),
    "node that is hidden as replaced": (
        [
            f"INSERT INTO node_past ({COLUMNS}, until, gone) SELECT *, 13, 0 FROM node WHERE key = {KEY}",
            f"DELETE FROM node WHERE key = {KEY}",
        ],
        "artifact:5: the version of transaction 12 ended at another time than it did, or lives again so",
    ),
    "node that is gone in another way": (
        ["UPDATE node_past SET gone = 2 WHERE gone"],
        "artifact:1: the version of transaction 2 ended at another time than it did, or lives again so",
    ),
    "transaction before the first": (
        [
            "INSERT INTO txn SELECT 0, time, 'mallory', 'forged', digest, 0, 0, types, artifacts, executions, contexts, edges, "
            "'', salt, NULL, nodes FROM txn WHERE number = 1"
        ],
        "there is a transaction 0, and the first one is 1",
    ),
    "transaction far after the last": (
        [
            "INSERT INTO txn SELECT 1 << 60, time, actor, message, digest, 0, schema, types, artifacts, executions, contexts, "
            "edges, '', salt, NULL, nodes FROM txn WHERE number = 13"
        ],
        "transaction 14 is missing, so that nothing proves those after it",
    ),
    "purge of no transaction": (
        [f"INSERT INTO purge VALUES (999, {KEY})"],
        "artifact:5 was purged in transaction 999, which does not exist",
    ),
    "purge of a head of no transaction": (
        ["INSERT INTO purge_head VALUES (0, 3)"],
        "the actor of transaction 3 was purged in transaction 0, which does not exist",
    ),
    "first write of an edge that is none": (
        ["UPDATE edge SET first = 0 WHERE kind = 3"],
        "an edge from artifact:1 to execution:1, as transaction 1 wrote it, was first written at another time than it was",
    ),
    "paths that are none": (
        ["UPDATE edge SET paths = '' WHERE kind = 4"],
        "transaction 1: the row of the edge from execution:1 to artifact:2 is none",
    ),
    "erased actor": (
        [],
        "transaction 2 has lost who wrote it, and no transaction up to 13 purged that",
    ),
    "sweep that is to come": (
        ["UPDATE swept SET number = 99"],
        "it is not known up to which purge the file was rewritten; the table swept has another row than it had",
    ),
    "trigger": (
        ["CREATE TRIGGER t AFTER INSERT ON node BEGIN DELETE FROM edge; END"],
        "the trigger 't' is not the store's",
    ),
    "view": (["CREATE VIEW v AS SELECT * FROM node"], "the view 'v' is not the store's"),
    "second table": (["CREATE TABLE x (y)"], "the table 'x' is not the store's"),
}


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of the rich store."""
    path = tmp_path_factory.mktemp("rich") / "a.db"
    with SqliteBackend(path, clock=Clock()) as backend:
        fill(backend)
    return path.read_bytes()


@pytest.fixture
def path(content: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "attacked.db"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_told(name: str, path: Path) -> None:
    statements, says = ATTACKS[name]
    with door(path) as own:
        for statement in statements:
            assert own.execute(statement).rowcount
    if name == "erased actor":
        with SqliteBackend(path) as backend:
            (head,) = backend.log(before=3, limit=1)
        blank = "actor = '', message = '', salt = NULL"
        with door(path) as own:
            digest = author_digest(head)
            assert own.execute(
                f"UPDATE txn SET {blank}, author = ? WHERE number = 2", [digest]
            ).rowcount
    with SqliteBackend(path) as backend:
        assert says in backend.check()
        _assert_not_passed_on(backend)


def _assert_not_passed_on(source: Backend) -> None:
    """A copy is refused, or has nothing of what is in no transaction."""
    with MemoryBackend() as target:
        try:
            copy(source, target)
        except (Corrupt, Invalid):
            return
        assert target.check() == []
        assert "evil" not in repr(everything(target))


@pytest.mark.parametrize("cover", ["content beside its digest", "no content at all"])
def test_forged_content_is_told(cover: str, path: Path) -> None:
    with SqliteBackend(path) as backend:
        row = backend.nodes([KEPT])[KEPT]
    digest = content_digest(row)
    with door(path) as own:
        if cover == "no content at all":
            assert purged(row).digest == digest
            blank = ", ".join(
                f"{each} = NULL"
                for each in ("name", "external_id", "uri", "state", "properties", "custom", "salt")
            )
            own.execute(f"UPDATE node SET {blank}, digest = ? WHERE key = ?", (digest, KEY))
        else:
            own.execute(
                "UPDATE node SET properties = ?, digest = ? WHERE key = ?",
                ('{"score":0.999}', digest, KEY),
            )
    with SqliteBackend(path) as backend, MemoryBackend() as target:
        says = {
            "content beside its digest": "transaction 12: the row of artifact:5 is none, or has content beside the digest that stands for it",
            "no content at all": "artifact:5, as transaction 12 wrote it, has lost its content, and no transaction up to 13 purged it",
        }
        assert says[cover] in backend.check()
        with pytest.raises(Corrupt, match="artifact:5"):
            copy(backend, target)


def test_purged_content_that_came_back_is_told(path: Path) -> None:
    """A file from before the purge has it, and its salt: it is what was written, and yet was to be gone."""
    with SqliteBackend(path) as backend:
        brief = NodeKey(Kind.ARTIFACT, 7)
        rows = [row for row in backend.versions(brief) if row.digest is not None]
        assert rows
    with door(path) as own:
        own.execute(
            "UPDATE node_past SET digest = NULL, salt = zeroblob(16), name = 'again' WHERE key = 28"
        )
    with SqliteBackend(path) as backend:
        assert (
            "artifact:7, as transaction 9 wrote it, has content, but was purged" in backend.check()
        )


def test_last_transaction_that_was_cut_off_is_told_by_a_digest_from_elsewhere_alone(
    path: Path,
) -> None:
    with SqliteBackend(path) as backend:
        kept = backend.log(limit=1)[0].digest
    change(
        path,
        "DELETE FROM txn WHERE number = 13",
        "DELETE FROM node WHERE since = 13",
        "DELETE FROM edge WHERE since = 13",
    )
    with SqliteBackend(path) as backend:
        assert backend.check() == []
        assert backend.log(limit=1)[0].digest != kept
