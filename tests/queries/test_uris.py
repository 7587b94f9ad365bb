"""Which artifacts move when a place does, and what is refused."""

import pytest

import lineage
from lineage.errors import Invalid, NotFound
from lineage.model.keys import Kind
from lineage.recording import nodes
from lineage.store import Store

URIS = (
    "s3://lake",  # 1
    "s3://lake/",  # 2
    "s3://lake/a",  # 3
    "s3://lake/a/b",  # 4
    "s3://lake-2/a",  # 5
    "s3://lakeside",  # 6
    "s3://LAKE/a",  # 7
    "gs://other/a",  # 8
)


@pytest.fixture
def places(store: Store) -> Store:
    store.put([lineage.Dataset(uri=uri) for uri in URIS])
    store.put([lineage.Model(name="s3://lake/name"), lineage.Model()])
    return store


def uris(store: Store) -> list[str | None]:
    rows = store.backend.find(Kind.ARTIFACT)
    return [row.uri for row in rows][: len(URIS)]


def test_all_below_a_place_moves_and_keeps_its_history(places: Store) -> None:
    before = places.backend.now()
    planned = places.uri_moves("s3://lake", "gs://new")
    assert places.backend.now() == before
    moved = places.move_uri("s3://lake", "gs://new", message="a new cloud")
    assert moved == planned
    assert [str(key) for key in moved.keys] == [f"artifact:{number}" for number in (1, 2, 3, 4)]
    assert moved.moves[3] == (moved.keys[3], "s3://lake/a/b", "gs://new/a/b")
    expected = ("gs://new", "gs://new/", "gs://new/a", "gs://new/a/b")
    assert uris(places) == [*expected, *URIS[4:]]
    assert places.backend.now() == before + 1
    assert places.log(limit=1)[0].message == "a new cloud"
    assert places.at(before).key_of("s3://lake/a") == places.key_of("gs://new/a")
    assert [each.changed for each in places.log("gs://new/a")] == [("uri",), ("created",)]
    with pytest.raises(NotFound, match="no artifact is at s3://lake or below it"):
        places.move_uri("s3://lake", "gs://new")
    assert places.check() == []


def embedded() -> Store:
    store = lineage.connect("memory:")
    store.put([lineage.Dataset(uri=uri) for uri in URIS])
    return store


@pytest.mark.parametrize("old", ["s3://lake", "s3://lake/"])
@pytest.mark.parametrize("new", ["s3://b", "s3://b/"])
def test_a_slash_at_the_end_says_nothing(old: str, new: str) -> None:
    with embedded() as store:
        store.move_uri(old, new)
        assert uris(store)[:4] == ["s3://b", "s3://b/", "s3://b/a", "s3://b/a/b"]


def test_a_folder_moves_into_itself_and_back() -> None:
    with embedded() as store:
        store.move_uri("s3://lake", "s3://lake/old")
        assert uris(store)[2] == "s3://lake/old/a"
        store.move_uri("s3://lake/old", "s3://lake")
        assert uris(store) == [*URIS]


def test_what_is_there_already_is_refused_unless_it_is_to_merge() -> None:
    with embedded() as store:
        store.put(lineage.Dataset(uri="gs://new/a"))
        number = store.backend.now()
        for ask in (store.uri_moves, store.move_uri):
            with pytest.raises(Invalid, match=r"artifact:9 is there already.*merge=True"):
                ask("s3://lake", "gs://new")
        assert store.backend.now() == number
        assert store.uri_moves("s3://lake", "gs://new", merge=True).notes == (
            "artifact:9 is there already, and become versions of the same",
        )
        store.move_uri("s3://lake", "gs://new", merge=True)
        assert {each.id for each in store.versions("gs://new/a").artifacts} == {3, 9}


def test_what_is_deleted_stays_where_it_was() -> None:
    with embedded() as store:
        store.delete("artifact:3")
        store.put(lineage.Dataset(uri="gs://new/a/b"))
        store.delete("artifact:9")
        assert [key.id for key in store.move_uri("s3://lake", "gs://new").keys] == [1, 2, 4]
        store.restore("artifact:3")
        assert uris(store)[2] == "s3://lake/a"


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        ("", "s3://b", Invalid, "give two places"),
        ("s3://lake", "", Invalid, "give two places"),
        ("/", "s3://b", Invalid, "give two places"),
        ("s3://lake", "s3://lake/", Invalid, "are one place"),
        ("s3://la", "s3://b", NotFound, "no artifact is at s3://la or below it"),
        ("\ud800", "s3://b", Invalid, "lone surrogate"),
        ("s3://lake", "\ud800", Invalid, "lone surrogate"),
    ],
)
def test_places_that_are_refused(old: str, new: str, error: type[Exception], says: str) -> None:
    with embedded() as store:
        with pytest.raises(error, match=says):
            store.move_uri(old, new)
        with pytest.raises(Invalid, match="cannot be changed"):
            store.at(1).move_uri("s3://lake", "s3://b")
        assert uris(store) == [*URIS]
        assert store.backend.now() == 1


def test_many_move_in_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "BATCH_ROWS", 3)
    with embedded() as store:
        moved = store.move_uri("s3://lake", "s3://b")
        assert (len(moved.moves), store.backend.now()) == (4, 2)
        assert uris(store)[3] == "s3://b/a/b"
