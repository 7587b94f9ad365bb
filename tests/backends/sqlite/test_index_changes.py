"""Indexes are no part of the format: what is missing is made at the first opening for writing, and strangers go."""

from pathlib import Path

import pytest

import lineage
from lineage import Corrupt, Model
from lineage.backends.sqlite.rows import INDEXES
from tests.backends.files import around, change, door, in_thread, models

DIGEST = "sha256:" + "0a" * 32
OLDER = "CREATE INDEX node_digest ON node (digest)"
STRANGERS = [
    "CREATE INDEX node_state ON node (state)",
    'CREATE INDEX "property.loss" ON node (custom)',
    "CREATE INDEX edge_past_time ON edge_past (time)",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a name, a URI, a digest and an indexed property to find."""
    path = tmp_path / "a.db"
    with lineage.connect(path) as store:
        types = [
            lineage.ArtifactType(name="Net", properties={each: "DOUBLE"}, indexed=[each])
            for each in ("Score", "score")
        ]
        store.put(types[0])
        store.put(types[1].model_copy(update={"version": "2"}))
        custom = {"digest": DIGEST}
        store.put(Model(name="m", uri="a/u", external_id="x", custom_properties=custom))
        store.put(lineage.Artifact(type="Net", properties={"Score": 0.5}))
    return path


def indexes(path: Path) -> dict[str, str]:
    with door(path) as own:
        return dict(
            own.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL")
        )


def assert_answers(store: lineage.Store) -> None:
    for moment in (store, store.at(store.backend.now()), store.at(store.backend.now() - 1)):
        assert [each.name for each in moment.find(Model, "name = 'm'")] == ["m"]
        assert [each.name for each in moment.find(Model, "uri = 'a/u'")] == ["m"]
        assert [each.name for each in moment.find(Model, "external_id = 'x'")] == ["m"]
        for text in ("m", "a/u", "u"):
            rows = moment.backend.beginning_with(text, as_of=moment.as_of)
            assert [row.name for row in rows] == ["m"]
        found = moment.backend.with_digests([DIGEST], as_of=moment.as_of)
        assert [row.name for row in found[DIGEST]] == ["m"]
    assert len(store.find("artifact", "type = 'Net' and properties.Score > 0.1").items) == 1


def test_names_tell_indexes_from_tables() -> None:
    assert set(INDEXES) >= {
        "node_last_part",
        "node_digest",
        "node_past_digest",
        "node_name",
        "edge_src",
    }


@pytest.mark.parametrize("name", [*INDEXES, "property.Score"])
def test_missing_index_is_made(name: str, path: Path) -> None:
    before = indexes(path)
    change(path, f'DROP INDEX "{name}"')
    bytes_before = around(path)
    with lineage.connect(path, readonly=True) as store:
        assert_answers(store)
    assert around(path).keys() >= bytes_before.keys()
    assert name not in indexes(path)
    with lineage.connect(path) as store:
        assert indexes(path) == before
        assert_answers(store)
        assert store.check() == []


@pytest.mark.parametrize("statement", STRANGERS)
def test_unknown_index_of_ours_is_dropped(statement: str, path: Path) -> None:
    before = indexes(path)
    change(path, statement)
    with lineage.connect(path, readonly=True) as store:
        assert_answers(store)
        assert store.check() == []
    assert len(indexes(path)) == len(before) + 1
    with lineage.connect(path):
        assert indexes(path) == before


def test_older_index_is_made_anew(path: Path) -> None:
    before = indexes(path)
    change(path, "DROP INDEX node_digest", OLDER)
    with lineage.connect(path, readonly=True) as store:
        assert_answers(store)
    assert indexes(path)["node_digest"] == OLDER
    with lineage.connect(path) as store:
        assert indexes(path) == before
        assert_answers(store)


def test_index_that_somebody_else_named_stays(path: Path) -> None:
    change(path, "CREATE INDEX mine ON node (state)", "CREATE TABLE node_notes (x)")
    change(path, "CREATE INDEX node_notes_x ON node_notes (x)")
    before = around(path)
    with lineage.connect(path) as store:
        assert_answers(store)
    assert {"mine", "node_notes_x"} <= set(indexes(path))
    assert around(path)["a.db"] == before["a.db"]


def test_openings_that_change_nothing_write_nothing(path: Path) -> None:
    with lineage.connect(path, readonly=True) as reader, door(path) as own:
        (first,) = own.execute("PRAGMA schema_version").fetchone()
        with lineage.connect(path):
            assert own.execute("PRAGMA schema_version").fetchone() == (first,)
        own.execute("DROP INDEX node_uri")
        # Who has the store open meanwhile goes on.
        with lineage.connect(path) as store:
            assert in_thread(lambda: models(store)) == models(reader) == ["m"]
        assert_answers(reader)


def test_what_is_there_twice_for_want_of_an_index_is_told(path: Path) -> None:
    change(path, "DROP INDEX node_name")
    change(
        path,
        "INSERT INTO node SELECT 400, type, name, NULL, NULL, state, properties, custom, created, updated, since, "
        "salt, digest FROM node WHERE name = 'm'",
    )
    with pytest.raises(Corrupt, match="restore a backup"):
        lineage.connect(path)
    assert "node_name" not in indexes(path)
