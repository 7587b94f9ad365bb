"""Reading from a store: finding in pages, and getting by whatever names a node."""

import pickle
from typing import Any

import pytest

import lineage
from lineage.errors import Invalid, NotFound
from lineage.filters.tree import Column, Compare, Field, Operator
from lineage.model.entities import Artifact, Context, Execution, Node
from lineage.model.keys import Kind, NodeKey
from lineage.store import Store
from tests.runs import Dataset, Model, two_runs


@pytest.fixture(scope="module")
def churn(shared: Store) -> Store:
    return two_runs(shared)


@pytest.fixture
def changing(store: Store) -> Store:
    return two_runs(store)


# Finding


def test_find_takes_kinds_and_classes(changing: Store) -> None:
    other = changing.put(Artifact(type="lineage.Model", name="plain"))
    assert [each.id for each in changing.find(Artifact)] == [1, 2, 3, 4]
    assert [type(each) for each in changing.find(Artifact)] == [Artifact] * 4
    assert [(type(each), each.id) for each in changing.find(Model)] == [(Model, 2), (Model, 3)]
    system = changing.find(lineage.Model)
    assert [(type(each), each.type, each.id) for each in system] == [
        (lineage.Model, "Model", 2),
        (lineage.Model, "Model", 3),
        (lineage.Model, "lineage.Model", other.id),
    ]
    assert [each.name for each in changing.find(Context)] == ["churn"]
    assert [each.name for each in changing.find(lineage.Execution)] == ["run 1", "run 2"]


def test_find_takes_names_of_kinds_and_types(changing: Store) -> None:
    assert [each.id for each in changing.find("artifact")] == [1, 2, 3]
    assert [type(each) for each in changing.find(Kind.CONTEXT)] == [Context]
    assert [(type(each), each.id) for each in changing.find("Model")] == [
        (Artifact, 2),
        (Artifact, 3),
    ]
    assert [each.id for each in changing.find("Model", "properties.accuracy > 0.1")] == [3]
    assert [each.id for each in changing.find("lineage.Model")] == [2, 3]
    before = changing.at(changing.backend.now())
    changing.put(lineage.ArtifactType(name="Model", version="2"))
    newer = changing.put(Artifact(type="Model", type_version="2"))
    assert [each.id for each in changing.find("Model")] == [2, 3, newer.id]
    assert [each.id for each in changing.find("Model@2")] == [newer.id]
    assert [each.id for each in before.find("Model")] == [2, 3]
    with pytest.raises(NotFound, match="there is no type 'Model@2'"):
        before.find("Model@2")


def test_find_asks_which_kind_of_type_is_meant(changing: Store) -> None:
    changing.put([lineage.ContextType(name="Model"), lineage.ContextType(name="artifact")])
    own = changing.put(Context(type="Model", name="own"))
    changing.put(Context(type="artifact", name="odd"))
    with pytest.raises(Invalid, match="'Model' is a type of artifact and context; say which"):
        changing.find("Model")
    assert [each.id for each in changing.find("Model", kind=Kind.ARTIFACT)] == [2, 3]
    assert [each.id for each in changing.find("Model", kind=Kind.CONTEXT)] == [own.id]
    with pytest.raises(NotFound, match="there is no execution type 'Model'"):
        changing.find("Model", kind=Kind.EXECUTION)
    assert len(changing.find("artifact")) == 3
    assert [each.name for each in changing.find("artifact", kind=Kind.CONTEXT)] == ["odd"]


def test_pages_of_a_type_by_name_are_of_one_moment(changing: Store) -> None:
    first = changing.find("Model", limit=1)
    changing.put(Model(name="late"))
    second = changing.find("Model", limit=1, page=first.next)
    assert [each.id for each in (*first, *second)] == [2, 3]
    assert second.next is None


def test_class_that_nobody_wrote_finds_nothing(churn: Store) -> None:
    class Novel(lineage.Metrics):
        loss: float

    assert churn.find(Novel).items == ()
    assert len(churn.types()) == 13


@pytest.mark.parametrize(
    ("cls", "where", "ids"),
    [
        (Artifact, "type = 'Model' and properties.accuracy > 0.1", [3]),
        (Model, "properties.accuracy > 0.1", [3]),
        (Model, "type = 'Dataset'", []),
        (Artifact, "contexts_a.name = 'churn' and name like 'm%'", [2, 3]),
        (Execution, "properties.rate = 2", [2]),
        (Context, "name != 'churn'", []),
        (Artifact, None, [1, 2, 3]),
        (Artifact, Compare(Column(Field.TYPE), Operator.EQ, "Dataset"), [1]),
    ],
)
def test_find_filters(churn: Store, cls: type[Node], where: Any, ids: list[int]) -> None:
    assert [each.id for each in churn.find(cls, where)] == ids


def test_find_looks_into_lists_and_beside_columns_at_any_moment(store: Store) -> None:
    kept = store.put(
        Artifact(type="lineage.Dataset", name="a", custom_properties={"tags": ["x", 1]})
    )
    then = store.put(Artifact(type="lineage.Dataset", uri="u", custom_properties={"of": "u"}))
    before = store.at(store.log()[0].number)
    store.update(kept.replace(custom_properties={"tags": ["y"]}))
    store.update(then.replace(custom_properties={"of": "v"}))
    for where, ids in (
        ("'x' IN custom_properties.tags", [kept.id]),
        ("custom_properties.tags LIKE 'x%'", [kept.id]),
        ("1 IN custom_properties.tags OR FALSE", [kept.id]),
        ("uri = custom_properties.of", [then.id]),
        ("TRUE AND (uri) <> custom_properties.of", []),
    ):
        assert [each.id for each in before.find("artifact", where)] == ids, where
        now = [each.id for each in store.find("artifact", where)]
        assert now == ([then.id] if "<>" in where else []), where


def test_find_orders_by_id_or_time(changing: Store) -> None:
    changing.update(changing.get(Model, 2).replace(accuracy=0.5))

    def ids(**options: Any) -> list[int | None]:
        return [each.id for each in changing.find(Artifact, **options)]

    assert ids(order_by="id", descending=True) == [3, 2, 1]
    assert ids(order_by="create_time") == [1, 2, 3]
    assert ids(order_by="create_time", descending=True) == [3, 2, 1]
    assert ids(order_by="update_time") == [1, 3, 2]
    assert ids(order_by="update_time", descending=True, limit=2) == [2, 3]


@pytest.mark.parametrize("order_by", ["id", "create_time", "update_time"])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 3, 9])
def test_pages_make_up_the_whole_and_are_of_one_moment(
    changing: Store, order_by: str, descending: bool, limit: int
) -> None:
    def ask(**options: Any) -> lineage.Page[Artifact]:
        return changing.find(Artifact, order_by=order_by, descending=descending, **options)

    whole = list(ask())
    page = ask(limit=limit)
    pages = [page]
    while page.next:
        changing.put(Dataset())
        changing.update(changing.get(Dataset, 1).replace(day=len(pages) + 1))
        if len(pages) == 2:
            changing.delete("artifact:2", "artifact:3")
        page = ask(limit=limit, page=page.next)
        pages.append(page)
    assert [each for page in pages for each in page] == whole
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert len(pages[-1]) in range(1, limit + 1)


def test_pages_inside_a_transaction_see_what_it_wrote(changing: Store) -> None:
    with changing.transaction():
        new = changing.put(Dataset(name="new"))
        first = changing.find(Artifact, limit=3)
        assert first.next
        assert list(changing.find(Artifact, limit=3, page=first.next)) == [changing.get(new.key)]


def test_page_is_a_sequence(churn: Store) -> None:
    page = churn.find(Artifact, limit=2)
    assert (len(page), page[0].id, [each.id for each in page[::-1]]) == (2, 1, [2, 1])
    assert page.items[1] in page
    assert pickle.loads(pickle.dumps(page)) == page
    assert churn.find(Artifact, "id > 99").items == ()


def test_token_of_another_order_or_moment_is_refused(churn: Store) -> None:
    token = churn.find(Artifact, limit=1).next
    for options in ({"order_by": "update_time"}, {"descending": True}):
        with pytest.raises(Invalid, match="another order"):
            churn.find(Artifact, limit=1, page=token, **options)
    with pytest.raises(Invalid, match="the page token is of transaction 2, this is as of 1"):
        churn.at(1).find(Artifact, limit=1, page=token)
    past = churn.at(1).find(Artifact, limit=1)
    assert [each.id for each in churn.at(1).find(Artifact, page=past.next)] == [2]


# Getting


@pytest.mark.parametrize(
    "reference",
    [
        NodeKey(Kind.ARTIFACT, 2),
        NodeKey("artifact", 2),
        "artifact:2",
        "Model:m1",
        Artifact(type="Model", id=2),
    ],
)
def test_get_by_any_reference(churn: Store, reference: Any) -> None:
    node = churn.get(reference)
    assert (type(node), node.name) == (Artifact, "m1")
    assert churn.get(Model, reference).accuracy == 0.1
    assert churn.get(Artifact, reference) == node
    assert type(churn.get(lineage.Model, reference)) is lineage.Model
    assert churn.key_of(reference) == node.key


@pytest.mark.parametrize("reference", [3, "m2", "s3://models/churn"])
def test_get_of_a_class_by_id_name_or_uri(churn: Store, reference: int | str) -> None:
    assert churn.get(Model, reference).accuracy == 0.2


MISSING: list[tuple[tuple[Any, ...], str]] = [
    (("artifact:99",), "there is no artifact:99"),
    ((NodeKey(Kind.CONTEXT, 99),), "there is no context:99"),
    (("Model:m3",), "nothing is named 'Model:m3'"),
    (("s3://nowhere",), "nothing is named 's3://nowhere'"),
    ((Model, 99), "there is no Model with the id 99"),
    ((Model, 2**70), "there is no Model with the id"),
    ((Model, -1), "there is no Model with the id -1"),
    ((Model, 1), "artifact:1 is a Dataset, not a Model"),
    ((Model, "lake"), "there is no Model with the name 'lake'"),
    ((Model, "artifact:1"), "artifact:1 is a Dataset, not a Model"),
    ((Model, "Dataset:lake"), "artifact:1 is a Dataset, not a Model"),
    ((Model, NodeKey(Kind.ARTIFACT, 1)), "artifact:1 is a Dataset, not a Model"),
    ((Execution, "artifact:1"), "artifact:1 is a Dataset, not a Execution"),
    ((Model, "s3://lake"), "there is no Model with the name 's3://lake'"),
]


@pytest.mark.parametrize(("arguments", "says"), MISSING)
def test_what_is_not_there_is_not_found(
    churn: Store, arguments: tuple[Any, ...], says: str
) -> None:
    with pytest.raises(NotFound, match=says):
        churn.get(*arguments)


def test_what_was_deleted_is_not_found_but_was_there(changing: Store) -> None:
    changing.delete("Model:m1")
    for arguments in (("artifact:2",), (Model, NodeKey(Kind.ARTIFACT, 2)), (Model, "artifact:2")):
        with pytest.raises(NotFound, match="artifact:2 was deleted in transaction 3; look at"):
            changing.get(*arguments)
    for arguments in (("Model:m1",), (Model, "m1"), (Model, 2)):  # type: ignore[assignment]
        with pytest.raises(NotFound):
            changing.get(*arguments)
    assert changing.at(2).get(Model, "m1").accuracy == 0.1


# Events and types


def test_events_of_nodes_come_once_in_order(churn: Store) -> None:
    runs = churn.find(Execution)
    both = churn.events(*runs)
    assert sorted(both, key=repr) == sorted(
        {repr(each): each for run in runs for each in churn.events(run)}.values(), key=repr
    )
    read, wrote = (
        [each for each in both if each.type.is_output is written] for written in (False, True)
    )
    assert read
    assert wrote
    assert churn.events(read[0].artifact, read[0].execution).count(read[0]) == 1
    assert churn.events("context:1") == churn.events() == []


def test_events_of_an_earlier_moment(changing: Store) -> None:
    before = changing.events("execution:1")
    number = changing.log()[0].number
    changing.delete(before[0])
    assert changing.events("execution:1") == before[1:]
    assert changing.at(number).events("execution:1") == before


def test_types_by_name_are_all_versions_of_one(changing: Store) -> None:
    types = [lineage.ArtifactType(name="Table", version=each) for each in (None, "2")]
    stored = changing.put(types)
    changing.put(lineage.ContextType(name="Table"))
    assert changing.types(Kind.ARTIFACT, name="Table") == stored
    assert len(changing.types(name="Table")) == 3
    assert changing.types(Kind.EXECUTION, name="Table") == []
    assert changing.types(name="nothing") == []


def test_types_of_a_transaction_that_was_undone_are_forgotten(changing: Store) -> None:
    known = changing.types()
    grown = known[-1].replace(properties={**known[-1].properties, "late": "INT"})

    def write_and_stop() -> None:
        with changing.transaction():
            changing.put([lineage.ArtifactType(name="Undone")])
            changing.put(grown, can_add=True)
            assert len(changing.types()) == len(known) + 1
            raise Invalid("stop")

    with pytest.raises(Invalid, match="stop"):
        write_and_stop()
    assert changing.types() == known
    assert changing.types(name="Undone") == []
    (other,) = changing.put([lineage.ArtifactType(name="Other")])
    assert changing.types() == [*known, other]
    assert changing.types(name="Other") == [other]
    assert changing.types(name="Undone") == []
