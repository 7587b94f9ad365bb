"""Answers over HTTP: those of the engine, of any moment, as the service describes them."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
from starlette.testclient import TestClient

import lineage
from lineage.answers.patches import patch_of
from lineage.contract.walking import Limits
from lineage.formats.documents import json_text, plain
from lineage.formats.entries import time_text
from lineage.server.callers import Callers
from lineage.server.web.operations import OPERATIONS
from lineage.server.web.routes import API, ROUTES, Route
from lineage.store import Store
from tests.runs import Dataset, Model, Train, two_runs
from tests.server.web.conftest import client_of

LIMITS = Limits(nodes=10_000, seconds=10.0)

QUESTIONS: dict[str, tuple[str, Callable[[Store], object]]] = {
    "/types": ("", lambda store: store.types()),
    "/nodes": (
        "type=Model&filter=uri+LIKE+'s3://%25'&order=create_time&descending=true&limit=1",
        lambda store: store.find(
            "Model", "uri LIKE 's3://%'", order_by="create_time", descending=True, limit=1
        ),
    ),
    "/search": ("q=s3://m", lambda store: store.search("s3://m")),
    "/nodes/{key}/summary": ("", lambda store: store.show("Model:m2", limits=LIMITS)),
    "/nodes/{key}/peers": (
        "any_version=1",
        lambda store: store.peers("Model:m2", any_version=True),
    ),
    "/nodes/{key}/versions": ("", lambda store: store.versions("Model:m2")),
    "/nodes/{key}/history": ("", lambda store: store.log("Model:m2")),
    "/nodes/{key}/blame": ("", lambda store: store.blame("Model:m2")),
    "/nodes/{key}/events": ("", lambda store: store.events("Model:m2")),
    "/nodes/{key}/series": ("name=loss", lambda store: store.series("Model:m2", "loss")),
    "/nodes/{key}/upstream": (
        "hops=1&type=Train",
        lambda store: store.upstream("Model:m2", limits=LIMITS._replace(hops=1), type="Train"),
    ),
    "/nodes/{key}/downstream": ("", lambda store: store.downstream("Model:m2", limits=LIMITS)),
    "/paths": (
        "from=Dataset:lake&to=Model:m2",
        lambda store: store.paths("Dataset:lake", "Model:m2"),
    ),
    "/impact": ("of=Dataset:lake", lambda store: store.impact("Dataset:lake")),
    "/compare": ("ids=Model:m1&ids=Model:m2", lambda store: store.compare("Model:m1", "Model:m2")),
    "/diff": ("left=Model:m1&right=Model:m2", lambda store: store.diff("Model:m1", "Model:m2")),
    "/since": (
        "focus=Model:m2&since=1",
        lambda store: store.since("Model:m2", since=1, limits=LIMITS),
    ),
    "/runs": (
        "order=parameters.rate+desc",
        lambda store: store.runs(order="parameters.rate desc", limit=100),
    ),
    "/models": ("limit=1", lambda store: store.models(limit=1)),
    "/aliases": ("", lambda store: store.aliases()),
    "/transactions": ("limit=2&actor=ann", lambda store: store.log(limit=2, actor="ann")),
}
"""What the engine answers to questions that are asked over HTTP, by their routes."""
OTHERS = {
    "/openapi.json": "",
    "/store": "",
    "/errors": "",
    "/nodes/{key}": "",
    "/view": "focus=Model:m2",
    "/view/page": "focus=Model:m2",
    "/view/expand": "focus=Dataset:lake",
    "/export": "focus=Model:m2&format=node-link",
    "/changes": "after=1",
    "/transactions/histogram": "bins=7",
    "/transactions/{number}": "",
}
"""What is asked of the other routes, each of which has a test of its own."""
PLACES = {"key": "Model:m2", "number": "2"}
READING = [route for route in ROUTES if route.method == "GET"]


def asked(route: Route, **others: str) -> str:
    """Return an address that a route answers at."""
    query = QUESTIONS[route.path][0] if route.path in QUESTIONS else OTHERS[route.path]
    path = route.path
    for name, value in PLACES.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    more = [f"{name}={value}" for name, value in others.items()]
    return f"{API}{path}?{'&'.join([*filter(None, [query]), *more])}"


def written(store: Store) -> Store:
    """Record two runs, a curve, an alias, and two runs that are alike."""
    two_runs(store)
    with store.run(lineage.Train(name="third")) as run:
        run.input(Dataset(name="lake", uri="s3://lake", day=1))
        model = run.output(Model(name="m3", uri="s3://models/churn", accuracy=0.3))
        for step in range(3):
            run.log_metrics(step=step, loss=1 / (step + 1))
    with store.extend(store.upstream("Model:m2").nodes[1].key) as run:
        run.log_metrics(step=1, loss=0.5)
    store.alias("churn", "production", model)
    for number in (1, 2):
        store.record(Train(name=f"twin {number}"), inputs=[store.get("Dataset:lake")])
    return store


@pytest.fixture(scope="module")
def kept(shared: Store) -> Store:
    """A store that tests only read."""
    return written(shared)


@pytest.fixture(scope="module")
def reader(kept: Store) -> Iterator[TestClient]:
    """Asks the service of the store that tests only read."""
    with client_of(kept) as client:
        yield client


@pytest.fixture
def store(store: Store) -> Store:
    """A store that a test changes."""
    return written(store)


def group_of(client: TestClient) -> str:
    """Return the id of a group in the view of the data set."""
    marks = client.get(f"{API}/view?focus=Dataset:lake").json()["view"]["marks"]
    return str(next(each["id"] for each in marks if each["count"] > 1))


@pytest.mark.parametrize("route", READING, ids=str)
def test_answers_are_as_the_service_describes_them(reader: TestClient, route: Route) -> None:
    document = reader.get(f"{API}/openapi.json").json()
    is_patch = route.path == "/view/expand"
    response = reader.get(asked(route, **({"id": group_of(reader)} if is_patch else {})))
    assert response.status_code == 200, response.text
    operation = document["paths"][f"{API}{route.path}"]["get"]
    media = response.headers["content-type"].partition(";")[0]
    schema = operation["responses"]["200"]["content"][media].get("schema", {})
    validator = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
    validator.validate(response.json())


@pytest.mark.parametrize("path", QUESTIONS)
def test_answers_are_those_of_the_engine(reader: TestClient, kept: Store, path: str) -> None:
    (route,) = (each for each in READING if each.path == path)
    now = kept.backend.now()
    for number in (now, now - 1):
        expected = json.loads(json_text(plain(QUESTIONS[path][1](kept.at(number)))))
        response = reader.get(asked(route, as_of=str(number)))
        assert response.json() == expected
        assert response.headers["as-of"] == str(number)
    assert reader.get(asked(route)).headers["as-of"] == str(now)


def test_every_route_is_asked_something() -> None:
    assert {route.path for route in READING} == QUESTIONS.keys() | OTHERS.keys()


def test_the_description_is_sound(reader: TestClient) -> None:
    document = reader.get(f"{API}/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    operations = [each for path in document["paths"].values() for each in path.values()]
    names = {each["operationId"] for each in operations}
    assert len(operations) == len(ROUTES) + len(OPERATIONS) == len(names)
    assert all(each["summary"].endswith(".") for each in operations)
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema, name
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def _references(document: Any) -> list[str]:
    if isinstance(document, dict):
        own = [document["$ref"]] if "$ref" in document else []
        return own + [each for value in document.values() for each in _references(value)]
    return (
        [each for value in document for each in _references(value)]
        if isinstance(document, list)
        else []
    )


def test_a_schema_tells_answers_apart(reader: TestClient) -> None:
    """A document that lacks what its class has, or has more, is not valid."""
    document = reader.get(f"{API}/openapi.json").json()
    schema = document["paths"][f"{API}/impact"]["get"]["responses"]["200"]["content"][
        "application/json"
    ]["schema"]
    validator = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
    answer = reader.get(f"{API}/impact?of=Dataset:lake").json()
    assert answer["affected"]
    assert validator.is_valid(answer)
    assert not validator.is_valid({**answer, "more": 1})
    assert not validator.is_valid({name: answer[name] for name in answer if name != "notes"})
    answer["affected"][0]["distance"] = "far"
    assert not validator.is_valid(answer)


def test_a_node_is_named_in_an_address_by_whatever_names_it(
    reader: TestClient, kept: Store
) -> None:
    key = str(kept.key_of("s3://models/churn"))
    for name in (key, "Model:m3", "s3://models/churn", "churn@production"):
        response = reader.get(f"{API}/nodes/{quote(name, safe='')}")
        found = response.json()
        assert response.headers["content-location"] == f"{API}/nodes/{key}"
        assert found["node"]["id"] == key
        assert {each["type"] for each in found["contexts"]} == {"lineage.Alias", "lineage.Asset"}
        assert (found["up"], found["number"]) == (3, kept.backend.now())
    assert reader.get(f"{API}/nodes/s3://models/churn").status_code == 404


def test_a_deleted_node_is_told_as_gone(client: TestClient, store: Store) -> None:
    key = store.key_of("Model:m1")
    store.delete("Model:m1")
    assert client.get(f"{API}/nodes/{key}").json()["node"]["gone"] is True
    store.purge(key, reason="it was not ours")
    found = client.get(f"{API}/nodes/{key}").json()["node"]
    assert "name" not in found


def test_what_is_known_already_is_not_sent_again(client: TestClient, store: Store) -> None:
    first = client.get(f"{API}/impact?of=Dataset:lake")
    tag = first.headers["etag"]
    again = client.get(f"{API}/impact?of=Dataset:lake", headers={"If-None-Match": f'"x", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    others = [
        f"{API}/impact?of=Model:m1",
        f"{API}/impact?of=Dataset:lake&gone=0",
        f"{API}/paths?from=Model:m1&to=Model:m1",
    ]
    for address in others:
        assert client.get(address, headers={"If-None-Match": tag}).status_code == 200
    nothing = f"{API}/nodes/artifact%3A99"
    assert client.get(nothing, headers={"If-None-Match": "*"}).status_code == 404
    past = f"{API}/nodes/Model%3Am1?as_of=2"
    known = client.get(past).headers["etag"]
    assert client.get(past, headers={"If-None-Match": known}).status_code == 304
    store.purge("Model:m1", reason="it was not ours")
    purged = client.get(f"{API}/nodes/artifact%3A2?as_of=2", headers={"If-None-Match": known})
    assert purged.status_code == 200
    assert "name" not in purged.json()["node"]


def test_tags_tell_answers_apart_by_form_caller_and_store() -> None:
    def tag(client: TestClient, path: str = "/runs", **headers: str) -> str:
        return client.get(f"{API}{path}", headers=headers).headers["etag"]

    with lineage.connect("memory:") as store, lineage.connect("memory:") as other:
        two_runs(store)
        two_runs(other)
        assert other.backend.now() == store.backend.now()
        clients = [
            client_of(store),
            client_of(store, Callers("ben")),
            client_of(other),
        ]
        tags = [*map(tag, clients), tag(clients[0], Accept="text/csv")]
        assert len(set(tags)) == len(tags)
        assert tag(client_of(store)) == tags[0], "of another server of the same store"


def test_pages_of_an_answer_are_of_one_moment(client: TestClient, store: Store) -> None:
    first = client.get(f"{API}/nodes?type=Model&limit=2").json()
    store.put(Model(name="late"))
    rest = client.get(
        f"{API}/nodes", params={"type": "Model", "limit": 2, "cursor": first["next"]}
    ).json()
    assert [each["name"] for each in (*first["items"], *rest["items"])] == ["m1", "m2", "m3"]
    assert rest["next"] is None


def test_a_view_has_places_and_its_page_the_same_marks(reader: TestClient, kept: Store) -> None:
    found = reader.get(f"{API}/view?focus=Dataset:lake&budget=8&direction=downstream").json()
    expected = kept.view("Dataset:lake", budget=8, direction="downstream")
    assert [each["id"] for each in found["view"]["marks"]] == [each.id for each in expected.marks]
    assert len(found["places"]["x"]) == len(expected.marks)
    page = reader.get(f"{API}/view/page?focus=Dataset:lake&budget=8&direction=downstream").json()
    assert [each["id"] for each in page["units"]] == [each.id for each in expected.marks]
    assert (page["x"], page["title"]) == (found["places"]["x"], "Lineage of lake")


def test_a_group_is_opened_by_a_patch(client: TestClient, store: Store) -> None:
    for number in range(9):
        store.record(Train(name=f"more {number}"), inputs=[store.get("Dataset:lake")])
    whole = store.view("Dataset:lake")
    (group,) = (each for each in whole.marks if each.count > 9)
    query = f"focus=Dataset:lake&id={quote(group.id)}"
    patch = client.get(f"{API}/view/expand?{query}&limit=2").json()
    assert patch == json.loads(json_text(plain(patch_of(whole, whole.open(group.id, page=2)))))
    assert [(each["group"], each["count"]) for each in patch["more"]] == [
        (group.id, group.count - 2)
    ]
    every = client.get(f"{API}/view/expand?{query}&all=1").json()
    assert (len(every["added"]), every["more"]) == (group.count, [])
    gone = client.get(f"{API}/view/expand?focus=Dataset:lake&id=g:gone")
    assert (gone.status_code, gone.json()["type"]) == (404, "/api/v1/errors#not-found")


def test_a_view_marks_what_changed(reader: TestClient, kept: Store) -> None:
    page = reader.get(f"{API}/view/page?focus=Dataset:lake&since=1").json()
    expected = kept.since("Dataset:lake", since=1).view()
    assert [each["role"] for each in page["units"]] == [each.role for each in expected.marks]
    assert {"new"} <= {each["role"] for each in page["units"]}
    bad = reader.get(f"{API}/view?focus=Dataset:lake&since=1&pin=Model:m1")
    assert (bad.status_code, bad.json()["type"]) == (422, "/api/v1/errors#invalid")


def test_an_export_is_what_is_shown(reader: TestClient, kept: Store) -> None:
    picture = reader.get(f"{API}/export?focus=Model:m2&direction=upstream&highlight=Dataset:lake")
    assert picture.headers["content-type"].startswith("image/svg+xml")
    expected = kept.view("Model:m2", direction="upstream").to_svg(
        highlight=[kept.key_of("Dataset:lake")]
    )
    assert picture.text == expected
    mermaid = reader.get(f"{API}/export?focus=Model:m2&direction=upstream&format=mermaid")
    whole = kept.upstream("Model:m2").export("mermaid")
    assert sorted(mermaid.text.splitlines()) == sorted(whole.splitlines())
    assert mermaid.headers["content-disposition"] == 'attachment; filename="lineage.mmd"'
    page = reader.get(f"{API}/export?focus=Model:m2&format=html")
    assert "attachment" in page.headers["content-disposition"]
    bad = reader.get(f"{API}/export?focus=Model:m2&format=mermaid&highlight=Model:m2")
    assert (bad.status_code, bad.json()["type"]) == (422, "/api/v1/errors#invalid")


def test_a_histogram_counts_every_transaction(reader: TestClient, kept: Store) -> None:
    found = reader.get(f"{API}/transactions/histogram?bins=5").json()
    assert len(found["bins"]) == 5
    assert sum(each["count"] for each in found["bins"]) == found["number"] == kept.backend.now()
    assert found["bins"][-1]["until"] == found["last"]
    for stretch in found["bins"]:
        assert stretch["number"] == kept.at(stretch["until"]).as_of
    empty = reader.get(f"{API}/transactions/histogram?as_of=0").json()
    assert empty == {"first": None, "last": None, "bins": [], "number": 0}


def test_the_store_says_who_asks(reader: TestClient, kept: Store) -> None:
    found = reader.get(f"{API}/store?as_of=1").json()
    assert (found["caller"], found["role"], found["number"]) == ("ann", "admin", 1)
    assert found["now"] == kept.backend.now()
    assert found["first"] == found["last"] == time_text(kept.at(1).log()[0].time)
    empty = reader.get(f"{API}/store?as_of=0").json()
    assert (empty["number"], empty["first"], empty["last"]) == (0, None, None)
    assert {each["type"]: each["count"] for each in found["types"]}["Train"] == 1
    assert Train.type_name is not None
