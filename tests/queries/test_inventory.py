"""What a store holds by type, and the store as a whole."""

from collections import Counter

import pytest

import lineage
from lineage.contract.backend import Backend
from lineage.contract.kept import kept_at
from lineage.errors import Invalid, NotFound
from lineage.model.entities import Artifact
from lineage.model.keys import Kind
from lineage.model.schema import ArtifactType, ContextType, ExecutionType
from lineage.queries.inventory import info, overview
from lineage.store import Store


def told(store: Store, *type: str, newest: int = 3) -> list[tuple[str, int, list[int | None]]]:
    types = store.overview(*type, newest=newest).types
    return [(each.type, each.count, [node.id for node in each.newest]) for each in types]


def test_types_are_counted_and_the_newest_are_told(store: Store) -> None:
    assert told(store) == []
    store.put(
        [ArtifactType(name="T"), ArtifactType(name="T", version="2"), ExecutionType(name="T")]
    )
    store.put([Artifact(type="T") for _ in range(5)])
    store.put([Artifact(type="T", type_version="2"), lineage.Dataset(), lineage.Dataset()])
    store.put(lineage.Execution(type="T"))
    store.alias("churn", "live", "artifact:7")
    before = store.backend.now()
    expected = [
        ("T", 5, [5, 4, 3]),
        ("lineage.Dataset", 2, [8, 7]),
        ("T@2", 1, [6]),
        ("T", 1, [1]),
        ("lineage.Alias", 1, [2]),
        ("lineage.Asset", 1, [1]),
    ]
    assert told(store) == expected
    store.delete("artifact:5", "artifact:7")
    store.purge("artifact:8", reason="asked to")
    store.restore("artifact:7")
    assert told(store)[:2] == [("T", 4, [4, 3, 2]), ("T@2", 1, [6])]
    assert told(store, "lineage.Dataset") == [("lineage.Dataset", 1, [7])]
    assert told(store, "T", newest=1) == [("T", 4, [4]), ("T@2", 1, [6]), ("T", 1, [1])]
    then = store.at(before)
    assert [(t, n) for t, n, _ in told(then)] == [(t, n) for t, n, _ in expected]
    assert then.overview().number == before
    counts = store.backend.node_counts()
    assert counts == Backend.node_counts(store.backend)
    assert then.backend.node_counts(as_of=before) == Backend.node_counts(
        store.backend, as_of=before
    )
    with store.transaction():
        store.put(lineage.Model())
        assert store.backend.node_counts() == Counter(counts) + Counter({2: 1})
        assert store.backend.node_counts(as_of=before)[1] == 2


def test_one_type_or_kind_is_asked_for() -> None:
    class Wine(lineage.Dataset):
        pass

    with lineage.connect("memory:") as store:
        store.put([lineage.Dataset(), Wine(), Wine(), lineage.Model(), ContextType(name="Empty")])
        assert told(store, "Wine") == [("Wine", 2, [3, 2])]
        assert [name for name, _, _ in told(store, "lineage.Dataset")] == [
            "Wine",
            "lineage.Dataset",
        ]
        assert told(store, "Empty") == [("Empty", 0, [])]
        of_kind = store.overview("artifact").types
        assert {each.kind for each in of_kind} == {Kind.ARTIFACT}
        assert sum(each.count for each in of_kind) == 4
        with pytest.raises(NotFound, match="there is no type 'Nothing'"):
            store.overview("Nothing")
        for newest in (0, -1, True):
            with pytest.raises(Invalid, match="newest="):
                store.overview(newest=newest)
        html = store.overview()._repr_html_()
        assert "Wine" in html
        assert "artifact:3" in html


def test_a_store_as_a_whole(store: Store) -> None:
    empty = store.info()
    assert (empty.artifacts, empty.transactions, empty.last, empty.types) == (0, 0, None, 0)
    assert empty.digest == f"0:{'0' * 64}"
    store.record(lineage.Train(), inputs=lineage.Dataset(), outputs=lineage.Model())
    store.alias("churn", "live", "artifact:2")
    store.delete("artifact:1")
    answer = info(store.backend)
    assert (answer.artifacts, answer.executions, answer.contexts) == (1, 1, 2)
    assert (answer.edges, answer.types, answer.transactions) == (4, 2, 3)
    assert answer.last == store.log(limit=1)[0].time
    assert answer.digest == str(kept_at(store.backend, 3))
    assert answer.place == store.backend.place
    files = store.backend.files
    assert (answer.size or 0) >= sum(file.stat().st_size for file in files if file.exists())
    assert (answer.size is None) == (not files)
    then = store.at(1).info()
    assert (then.artifacts, then.contexts, then.edges, then.transactions) == (2, 0, 2, 1)
    assert overview(store.backend, as_of=0).types == ()
