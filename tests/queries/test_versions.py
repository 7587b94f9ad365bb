"""Which artifacts are versions of one thing, by hand-made stores."""

from typing import Any

import pytest

import lineage
from lineage.errors import Invalid, NotFound
from lineage.model.entities import Artifact, Attribution
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind
from lineage.model.system import Asset
from lineage.queries.versions import versions
from lineage.store import Store
from lineage.testing.builders import MODEL, writing


def ids(store: Store, key: NodeKey, **options: Any) -> list[int | None]:
    return [each.id for each in versions(store.backend, key, **options).artifacts]


def artifact(number: int) -> NodeKey:
    return NodeKey(Kind.ARTIFACT, number)


def test_one_uri_and_type_make_versions_by_their_last_output(store: Store) -> None:
    with writing(store.backend) as new:
        old, late, first = (new.artifact(uri="s3://a", created=n) for n in (50, 10, 20))
        new.artifact(uri="s3://b")
        new.artifact(MODEL, uri="s3://a")
        one, two, three = (new.execution() for _ in range(3))
        new.edge(one, late, time=900)
        new.edge(two, late, time=45)
        new.edge(two, old, time=30)
        new.edge(one, first, time=40)
        new.edge(two, first, EdgeKind.INTERNAL_OUTPUT, time=None)
        new.edge(three, first, time=1000)
        new.edge(late, one, time=1)
    for key in (old, late, first):
        answer = versions(store.backend, key)
        assert [each.key for each in answer.artifacts] == [old, late, first]
        assert answer.current == answer.artifacts[-1]
        assert (answer.asset, answer.notes, answer.number) == (None, (), 1)


def test_a_notebook_shows_them(store: Store) -> None:
    store.put([lineage.Dataset(uri="u", name=f"<{n}>") for n in range(60)])
    html = versions(store.backend, artifact(1))._repr_html_()
    assert "&lt;1&gt;" in html
    assert "<1>" not in html
    assert "10 more" in html


def test_what_no_other_shares_is_its_own_version(store: Store) -> None:
    put = store.put(
        [Artifact(type="lineage.Dataset", uri=uri) for uri in ("", "", None, None, "x")]
    )
    assert [ids(store, each.key) for each in put] == [[1], [2], [3], [4], [5]]


def test_an_asset_goes_before_the_uri(store: Store) -> None:
    data = [lineage.Dataset(uri=uri) for uri in ("s3://1", "s3://2", "s3://2", "s3://2")]
    put = store.put([*data, lineage.Model(uri="s3://1")])
    asset = store.put(Asset(name="lake"))
    members = (put[0], put[1], put[4])
    store.put([Attribution(context=asset.key, artifact=each.key) for each in members])
    assert ids(store, put[0].key) == ids(store, put[1].key) == [1, 2]
    assert versions(store.backend, put[1].key).asset == store.get(asset.key)
    assert ids(store, put[2].key) == ids(store, put[3].key) == [3, 4]
    assert ids(store, put[4].key) == [5]
    store.delete(asset)
    assert ids(store, put[1].key) == ids(store, put[2].key) == [2, 3, 4]


def test_a_context_that_is_no_asset_says_nothing(store: Store) -> None:
    class Lake(lineage.Context):
        pass

    put = store.put([lineage.Dataset(), lineage.Dataset(), Lake(name="lake")])
    store.put([Attribution(context=put[2].key, artifact=each.key) for each in put[:2]])
    assert ids(store, put[0].key) == [1]


def test_types_of_one_name_are_one(store: Store) -> None:
    class One(lineage.Model, type="M", version="1"):
        pass

    class Two(lineage.Model, type="M", version="2"):
        pass

    store.put([One(uri="u"), Two(uri="u")])
    assert ids(store, artifact(1)) == [1, 2]


def test_deleted_versions_are_left_out_but_for_the_one_asked_about(store: Store) -> None:
    put = store.put([lineage.Dataset(uri="u") for _ in range(3)])
    before = store.backend.now()
    store.delete(put[1])
    assert ids(store, put[0].key) == [1, 3]
    # It is no candidate for the newest, and stands before those that are.
    assert ids(store, put[1].key) == [2, 1, 3]
    assert ids(store, put[0].key, as_of=before) == [1, 2, 3]
    store.purge(put[1], reason="asked to")
    assert ids(store, put[1].key) == [2]


def test_only_artifacts_have_versions(store: Store) -> None:
    run = store.put(lineage.Train())
    with pytest.raises(Invalid, match="execution:1 is not an artifact"):
        versions(store.backend, run.key)
    with pytest.raises(NotFound, match="there is no artifact:9"):
        versions(store.backend, artifact(9))
