"""Searching a store by the beginnings of names and URIs, as every backend answers."""

import pickle
import random

import pytest

from lineage import Artifact, Context, Execution, Invalid, Kind, NotFound, Store
from tests.runs import Dataset, Experiment, Model, Train


def found(store: Store, text: str, kind: Kind | None = None, limit: int | None = 50) -> list[str]:
    return [str(each.key) for each in store.search(text, kind=kind, limit=limit)]


def test_nodes_of_all_kinds_come_as_plain_entities(store: Store) -> None:
    data, model, run, part = store.put(
        [
            Dataset(uri="s3://lake/churn.csv"),
            Model(name="churn 7"),
            Train(name="churn run"),
            Experiment(name="churn"),
        ]
    )
    hits = store.search("churn")
    assert [each.key for each in hits] == [part.key, model.key, data.key, run.key]
    assert hits.texts == ("churn", "churn 7", "churn.csv", "churn run")
    assert [type(each) for each in hits] == [Context, Artifact, Artifact, Execution]
    assert hits[2] == store.get("artifact:1")
    assert (len(hits), tuple(hits[1:3]), hits.truncated) == (4, hits.items[1:3], False)
    assert pickle.loads(pickle.dumps(hits)) == hits
    assert found(store, "churn", Kind.EXECUTION) == [str(run.key)]
    assert found(store, "Churn") == found(store, "hurn") == []


def test_an_answer_says_where_a_limit_cut_it(store: Store) -> None:
    store.put([Model(name=f"m{number}") for number in range(60)])
    assert len(store.search("m")) == 50
    for limit in (59, 60, 61, None):
        hits = store.search("m", limit=limit)
        assert (len(hits), hits.truncated) == (min(60, limit or 60), limit == 59)
    assert found(store, "m", limit=2) == ["artifact:1", "artifact:2"]


def test_search_is_of_its_moment(store: Store) -> None:
    model, gone, erased = store.put(
        [Model(name="a model"), Model(uri="s3://models/a2"), Model(name="a secret", uri="x/a")]
    )
    first = store.at(store.backend.now())
    store.update(model.replace(name="b model"))
    store.delete(gone, erased)
    store.purge(erased, reason="asked for")
    assert found(store, "a") == []
    assert found(store, "b") == [str(model.key)]
    assert found(first, "b") == []
    assert found(first, "a") == [str(model.key), str(gone.key)]
    assert first.search("a model")[0].name == "a model"


def test_search_within_a_transaction_sees_what_it_wrote(store: Store) -> None:
    store.put(Model(name="a1"))
    with store.transaction():
        store.put(Model(name="a2"))
        assert found(store, "a") == ["artifact:1", "artifact:2"]
    with pytest.raises(NotFound):
        store.at(store.backend.now() + 1).search("a")
    with pytest.raises(Invalid, match="beginning"):
        store.search("")


def test_what_has_the_very_text_comes_first_then_what_people_look_for(store: Store) -> None:
    store.put([Train(name=f"tree {number}") for number in range(9)])
    store.put([Train(name="tree"), Model(name="tree 2"), Model(uri="s3://models/tree")])
    store.put([Experiment(name="trees"), Model(name="tree", uri="tree 1")])
    hits = store.search("tree", limit=6)
    assert [(str(each.key), text) for each, text in zip(hits, hits.texts, strict=True)] == [
        ("artifact:2", "tree"),
        ("artifact:3", "tree"),
        ("execution:10", "tree"),
        ("context:1", "trees"),
        ("artifact:1", "tree 2"),
        ("execution:1", "tree 0"),
    ]
    assert hits.truncated
    assert found(store, "tree", limit=3) == ["artifact:2", "artifact:3", "execution:10"]
    assert found(store, "tree", Kind.EXECUTION, limit=2) == ["execution:10", "execution:1"]


def test_what_a_text_names_comes_first(store: Store) -> None:
    first, second = store.put([Model(name="m"), Model(name="artifact:1 is not me")])
    store.alias("churn", "production", second)
    hits = store.search("artifact:1")
    assert [each.key for each in hits] == [first.key, second.key]
    assert hits.texts == ("artifact:1", "artifact:1 is not me")
    assert found(store, "artifact:1", limit=1) == ["artifact:1"]
    assert found(store, "artifact:1", Kind.CONTEXT) == []
    assert found(store, "Model:m") == ["artifact:1"]
    assert found(store, "churn@production") == ["artifact:2", str(store.search("churn@")[0].key)]
    assert found(store.at(1), "churn@production") == []
    for text in ("artifact:9", f"artifact:{10**30}", "Model:none", "churn@none", "@", ":"):
        assert found(store, text) == []
    store.delete(first, second)
    for text in ("artifact:1", "Model:m"):
        assert found(store, text) == []
    assert "artifact:2" not in found(store, "churn@production")


def test_ranks_are_those_of_the_whole_list(store: Store) -> None:
    """With any limit the hits are the first of what they are without one."""
    draw = random.Random(5)
    words = ["a", "ab", "abc", "b", "x/a", "x/ab/"]
    store.put(
        [
            draw.choice((Model, Train, Experiment))(name=f"{draw.choice(words)}{number}")
            for number in range(40)
        ]
        + [Model(uri=draw.choice(words)) for _ in range(20)]
        + [Train(name="a"), Experiment(name="a")]
    )
    whole = store.search("a", limit=None)
    exact = [text != "a" for text in whole.texts]
    ranks = [[Kind.CONTEXT, Kind.ARTIFACT, Kind.EXECUTION].index(each.kind) for each in whole]
    places = [*zip(exact, ranks, whole.texts, [each.key for each in whole], strict=True)]
    assert places == sorted(places)
    rows = store.backend.beginning_with("a")
    assert sorted(row.key for row in rows) == sorted(each.key for each in whole)
    for limit in range(1, len(whole) + 2):
        hits = store.search("a", limit=limit)
        assert (hits.items, hits.texts) == (whole.items[:limit], whole.texts[:limit])
        assert hits.truncated == (limit < len(whole))
