"""Searching a store by the beginnings of names and URIs, as every backend answers."""

import pickle

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
    assert [each.key for each in hits] == [part.key, model.key, run.key, data.key]
    assert [type(each) for each in hits] == [Context, Artifact, Execution, Artifact]
    assert hits[3] == store.get("artifact:1")
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
