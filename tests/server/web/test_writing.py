"""Writing over HTTP: every route, what it refuses, that all of a request is one transaction, and who wrote."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

import lineage
from lineage.errors import NotFound
from lineage.formats.documents import json_text
from lineage.model.keys import Kind, NodeKey
from lineage.server.callers import CallerRole, Callers, Tokens
from lineage.server.web.receiving import LARGEST_BODY
from lineage.server.web.routes import API, ROUTES, Route
from lineage.store import Store
from tests.conftest import MORE
from tests.runs import Model, two_runs
from tests.server.web.conftest import client_of

WRITING = [route for route in ROUTES if route.method != "GET"]


@pytest.fixture
def store(store: Store) -> Store:
    """Two runs: artifact 1 is read by both, artifacts 2 and 3 are models."""
    return two_runs(store)


def sent(client: TestClient, method: str, path: str, body: object = None, **headers: str) -> Any:
    """Return what a request is answered with, which has to be written."""
    response = send(client, method, path, body, **headers)
    assert response.status_code in (200, 201), response.text
    return response.json()


def send(
    client: TestClient, method: str, path: str, body: object = None, **headers: str
) -> Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        given["Content-Type"] = "application/json"
    text = None if body is None else json_text(body)
    return client.request(method, API + path, content=text, headers=given)


def node(client: TestClient, key: str) -> Any:
    return client.get(f"{API}/nodes/{key.replace(':', '%3A')}").json()


# Runs


def run_of(store: Store, key: str) -> lineage.Execution:
    return store.get(lineage.Execution, NodeKey.parse(key))


def test_a_run_is_recorded_with_what_it_read_and_wrote(client: TestClient, store: Store) -> None:
    body = {
        "execution": {"type": "Distil", "name": "night", "custom_properties": {"gpu": True}},
        "params": {"depth": 3, "layers": [1, 2], "loss": {"float": "nan"}},
        "inputs": {"train": "Dataset:lake", "teacher": {"ref": "Model:m1"}},
        "outputs": [
            {"type": "Small", "name": "s1", "uri": "s3://small", "properties": {"mb": 2.5}}
        ],
        "within": [{"kind": "context", "type": "Sprint", "name": "7"}, "Experiment:churn"],
        "started": "2026-01-02T03:04:05Z",
        "ended": "2026-01-02T04:04:05Z",
        "tags": ["nightly"],
        "note": "as planned",
        "message": "the night's run",
    }
    response = send(client, "POST", "/runs", body)
    assert response.status_code == 201, response.text
    written = response.json()
    assert response.headers["location"] == f"{API}/nodes/{written['run']}"
    assert response.headers["as-of"] == str(written["number"]) == str(store.backend.now())
    assert written["inputs"] == ["artifact:1", "artifact:2"]
    assert written["contexts"][-1] == str(store.key_of("Experiment:churn"))
    run = run_of(store, written["run"])
    assert (run.type, run.name, run.state) == ("Distil", "night", "COMPLETE")
    assert run.custom_properties["gpu"] is True
    assert run.custom_properties["depth"] == 3
    assert run.custom_properties["layers"] == [1, 2]
    assert math.isnan(run.custom_properties["loss"])
    assert run.custom_properties["lineage.tags"] == ["nightly"]
    assert run.custom_properties["lineage.note"] == "as planned"
    (made,) = written["outputs"]
    small = store.get(lineage.Artifact, NodeKey.parse(made))
    assert (small.uri, small.custom_properties) == ("s3://small", {"mb": 2.5})
    events = store.events(run)
    assert {each.path for each in events} == {("train",), ("teacher",), ()}
    assert {str(each.time) for each in events} == {
        "2026-01-02 03:04:05+00:00",
        "2026-01-02 04:04:05+00:00",
    }
    (entry,) = store.log(limit=1)
    assert (entry.actor, entry.message) == ("ann", "the night's run")


def test_what_is_there_is_found_again(client: TestClient, store: Store) -> None:
    data = {"type": "Blob", "uri": "s3://blob", "custom_properties": {"digest": "d1"}}
    first = sent(client, "POST", "/runs", {"execution": "Load", "outputs": [data]})
    second = sent(client, "POST", "/runs", {"execution": "Use", "inputs": [data]})
    assert second["inputs"] == first["outputs"]
    assert [each.split(":")[0] for each in second["created"]] == ["execution"]


def test_a_declared_property_is_one(client: TestClient, store: Store) -> None:
    body = {"execution": "Train", "params": {"rate": 0.5, "other": 1}, "state": "CACHED"}
    run = run_of(store, sent(client, "POST", "/runs", body)["run"])
    assert (run.properties, run.custom_properties) == ({"rate": 0.5}, {"other": 1})
    assert run.state == "CACHED"


def test_a_run_goes_on_until_it_ends(client: TestClient, store: Store) -> None:
    begun = sent(client, "POST", "/runs", {"execution": "Train", "state": "RUNNING"})
    path = f"/runs/{begun['run'].replace(':', '%3A')}"
    more = sent(
        client,
        "PATCH",
        path,
        {
            "inputs": {"train": "Dataset:lake"},
            "outputs": [{"type": "Model", "name": "m9"}],
            "params": {"rate": 0.25},
            "metrics": [
                {"values": {"auc": 0.75}, "of": "Model:m1", "on": {"ref": "Dataset:lake"}},
                {"values": {"loss": 1.5}, "step": 0},
                {"values": {"loss": 0.5}, "step": 1},
            ],
            "message": "half way",
        },
    )
    run = run_of(store, begun["run"])
    assert run.state == "RUNNING"
    assert run.properties == {"rate": 0.25}
    assert more["inputs"] == ["artifact:1"]
    assert store.log(limit=1)[0].message == "half way"
    assert [each.value for each in store.series(run, "loss")] == [1.5, 0.5]
    before = store.backend.now()
    sent(client, "PATCH", path, {"state": "COMPLETE", "outputs": ["Model:m9"]})
    assert run_of(store, begun["run"]).state == "COMPLETE"
    assert store.backend.now() == before + 1
    assert sent(client, "PATCH", path, {"state": "COMPLETE"})["number"] is None


@pytest.mark.parametrize("state", ["FAILED", "CANCELED", "CACHED"])
def test_a_run_ends_in_another_way(client: TestClient, store: Store, state: str) -> None:
    begun = sent(client, "POST", "/runs", {"execution": "Train", "state": "RUNNING"})
    path = f"/runs/{begun['run'].replace(':', '%3A')}"
    sent(client, "PATCH", path, {"state": state})
    assert run_of(store, begun["run"]).state == state
    again = send(client, "PATCH", path, {"state": state})
    assert (again.status_code, "not running" in again.json()["detail"]) == (422, True)


def test_nothing_of_a_run_is_written_where_its_last_part_is_bad(
    client: TestClient, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    before = store.backend.now(), len(store.types())
    good: list[object] = [{"type": f"New{n}", "name": "x"} for n in range(3)]
    bad: list[object] = ["artifact:99", {"type": "Model", "properties": {"accuracy": "high"}}]
    for each in bad:
        for body in ({"inputs": [*good, each]}, {"outputs": [*good, each]}):
            response = send(client, "POST", "/runs", {"execution": "Novel", **body})
            assert response.status_code in (404, 422), response.text
    run = store.key_of("Train:run 1")
    response = send(
        client,
        "PATCH",
        f"/runs/{run}".replace(":", "%3A"),
        {"outputs": good, "metrics": [{"values": {"auc": "high"}}], "state": "COMPLETE"},
    )
    assert response.status_code == 422, response.text
    response = send(
        client, "POST", "/nodes:put", {"nodes": [*good, {"type": "Model", "name": "m1"}]}
    )
    assert response.status_code == 409
    assert (store.backend.now(), len(store.types())) == before
    assert caplog.text == ""


# Nodes


def test_what_reading_tells_can_be_put_again(client: TestClient, store: Store) -> None:
    values = {
        "i": 2**63 - 1,
        "f": -math.inf,
        "n": math.nan,
        "t": "\x00\x01é\U0001f600",
        "b": False,
        "s": {"a": [1, None, {"float": "nan"}]},
        "tricky": {"float": "nan"},
        "l": [],
        "any": lineage.ProtoAny("type/x", b"\x00\xff"),
        "\x00 name": "x",
    }
    first = store.put(
        Model(name="round", accuracy=0.5, uri="s3://x", state="LIVE", custom_properties=values)
    )
    document = node(client, str(first.key))["node"]
    taken = send(client, "POST", "/nodes:put", {"nodes": [document]})
    assert (taken.status_code, "has the name" in taken.json()["detail"]) == (409, True)
    store.delete(first)
    (key,) = sent(client, "POST", "/nodes:put", {"nodes": [document]})["created"]
    again = store.get(NodeKey.parse(key))
    for name in ("type", "name", "uri", "state"):
        assert getattr(again, name) == getattr(first, name)
    assert node(client, key)["node"]["custom_properties"] == document["custom_properties"]
    assert repr(dict(again.custom_properties)) == repr(dict(sorted(values.items())))
    assert again.properties == first.properties


def test_the_types_of_a_batch_are_made_once(client: TestClient, store: Store) -> None:
    body = {
        "nodes": [
            {"type": "Corpus", "name": "a", "properties": {"rows": 3}},
            {"kind": "context", "type": "Team", "name": "b"},
            {"type": "Corpus", "type_version": "2", "name": "c"},
            {"type": "Corpus", "type_version": "2", "name": "d"},
        ],
        "tags": ["t"],
        "note": "n",
    }
    keys = sent(client, "POST", "/nodes:put", body)["created"]
    nodes = [store.get(NodeKey.parse(key)) for key in keys]
    assert [each.name for each in nodes] == ["a", "c", "d", "b"]
    assert [each.type_version for each in nodes] == [None, "2", "2", None]
    assert nodes[0].custom_properties["rows"] == 3
    assert all(each.custom_properties["lineage.tags"] == ["t"] for each in nodes)
    assert len([each for each in store.types() if each.name == "Corpus"]) == 2


def test_one_new_node_has_its_place(client: TestClient) -> None:
    response = send(client, "POST", "/nodes:put", {"nodes": [{"type": "Corpus"}]})
    assert response.headers["location"] == f"{API}/nodes/{response.json()['created'][0]}"


def test_some_fields_of_a_node_change(client: TestClient, store: Store) -> None:
    key = store.put(
        Model(name="c", uri="s3://c", accuracy=0.5, custom_properties={"a": 1, "b": 2})
    ).key
    since = node(client, str(key))["since"]
    body = {
        "name": "d",
        "uri": None,
        "properties": {"accuracy": 0.75},
        "custom_properties": {"a": None, "c": {"float": "nan"}},
        "message": "renamed",
    }
    path = f"/nodes/{key}".replace(":", "%3A")
    written = sent(client, "PATCH", path, body, If_Match=f'"{since}"')
    assert written["updated"] == [str(key)]
    changed = store.get(Model, key)
    assert (changed.name, changed.uri) == ("d", None)
    assert changed.properties == {"accuracy": 0.75}
    assert repr(changed.custom_properties) == "{'b': 2, 'c': nan}"
    assert store.log(limit=1)[0].message == "renamed"
    stale = send(client, "PATCH", path, body, If_Match=f'"{since}"')
    assert (stale.status_code, stale.json()["type"]) == (412, f"{API}/errors#stale")
    assert sent(client, "PATCH", path, {"name": "d"}, If_Match="*")["number"] is None
    assert sent(client, "PATCH", path, {}, If_Match=f'"{written["number"]}"')["number"] is None


@pytest.mark.parametrize(
    ("header", "status"),
    [(None, 428), ("", 400), ("1", 400), ('"x"', 400), ('W/"1"', 400), ('"99"', 412), ('"1", "2"', 400), (f'"{"9" * 40}"', 400)],
)  # fmt: skip
def test_a_change_is_of_a_version(
    client: TestClient, store: Store, header: str | None, status: int
) -> None:
    headers = {} if header is None else {"If_Match": header}
    response = send(client, "PATCH", "/nodes/artifact%3A2", {"name": "x"}, **headers)
    assert response.status_code == status
    assert store.get(NodeKey(Kind.ARTIFACT, 2)).name == "m1"


def test_a_change_may_not_break_a_rule(client: TestClient) -> None:
    for body, status in [
        ({"name": "m2"}, 409),
        ({"state": "BROKEN"}, 422),
        ({"properties": {"accuracy": "high"}}, 422),
        ({"properties": {"undeclared": 1}}, 422),
        ({"custom_properties": {"a": [[[]]] * 3, "b": 2**64}}, 422),
        ({"type": "Dataset"}, 400),
    ]:
        response = send(client, "PATCH", "/nodes/artifact%3A2", body, If_Match="*")
        assert response.status_code == status, response.text
    response = send(client, "PATCH", "/nodes/context%3A1", {"uri": "s3://x"}, If_Match="*")
    assert response.status_code == 422
    response = send(client, "PATCH", "/nodes/context%3A1", {"name": None}, If_Match="*")
    assert response.status_code == 422


def test_tags_and_a_note_come_and_go(client: TestClient, store: Store) -> None:
    sent(client, "POST", "/nodes/Model%3Am1/tags", {"add": ["a", "b"], "message": "why"})
    assert store.log(limit=1)[0].message == "why"
    sent(client, "POST", "/nodes/Model%3Am1/tags", {"add": ["c"], "remove": ["a"]})
    sent(client, "PUT", "/nodes/Model%3Am1/note", {"note": "good"})
    custom = store.get("Model:m1").custom_properties
    assert (custom["lineage.tags"], custom["lineage.note"]) == (["b", "c"], "good")
    assert sent(client, "PUT", "/nodes/Model%3Am1/note", {"note": None})["number"] is not None
    assert sent(client, "POST", "/nodes/Model%3Am1/tags", {"add": ["b"]})["number"] is None
    assert "lineage.note" not in store.get("Model:m1").custom_properties


def test_an_alias_moves(client: TestClient, store: Store) -> None:
    path = "/aliases/team%2Fchurn/production"
    sent(client, "PUT", path, {"node": "Model:m1", "deployed": False})
    assert store.key_of("team/churn@production") == store.key_of("Model:m1")
    sent(client, "PUT", path, {"node": "Model:m2", "message": "better"})
    (held,) = store.aliases("team/churn")
    assert (held.node.key, held.deployed) == (store.key_of("Model:m2"), False)
    assert sent(client, "DELETE", path)["number"] == store.backend.now()
    assert store.aliases("team/churn") == ()
    assert send(client, "DELETE", path).status_code in (200, 404)
    assert send(client, "DELETE", "/aliases/none/none", {"message": "x"}).status_code == 404


def test_what_is_deleted_comes_back(client: TestClient, store: Store) -> None:
    key = str(store.key_of("Model:m1"))
    gone = sent(client, "POST", "/nodes:delete", {"nodes": ["Model:m1"], "message": "old"})
    assert (gone["deleted"], store.log(limit=1)[0].message) == ([key], "old")
    with pytest.raises(NotFound):
        store.get("Model:m1")
    assert sent(client, "POST", "/nodes:restore", {"nodes": [key]})["updated"] == [key]
    assert str(store.key_of("Model:m1")) == key
    several = send(client, "POST", "/nodes:delete", {"nodes": ["s3://models/churn"]})
    assert several.status_code == 422
    body = {"nodes": ["s3://models/churn"], "all_versions": True}
    assert len(sent(client, "POST", "/nodes:delete", body)["deleted"]) == 2


def test_an_edge_ends(client: TestClient) -> None:
    body = {"source": "Dataset:lake", "target": "Train:run 1", "type": "INPUT"}
    written = sent(client, "POST", "/edges:unlink", body)
    (edge,) = written["ended"]
    assert (edge["source"], edge["target"], edge["key"]) == ("artifact:1", "execution:1", "INPUT")
    assert send(client, "POST", "/edges:unlink", body).status_code == 404
    assert send(client, "POST", "/edges:unlink", {**body, "type": "READ"}).status_code == 422


def test_a_purge_needs_a_reason(client: TestClient, store: Store) -> None:
    for reason in ({}, {"reason": ""}, {"reason": " "}, {"reason": None}):
        response = send(client, "POST", "/nodes:purge", {"nodes": ["Model:m1"], **reason})
        assert response.status_code in (400, 422)
    key = str(store.key_of("Model:m1"))
    assert sent(client, "POST", "/nodes:purge", {"nodes": [key], "reason": "theirs"})["purged"] == [
        key
    ]
    assert store.log(limit=1)[0].message == "theirs"
    assert "name" not in node(client, key)["node"]


# What is no request

BODIES: dict[str, tuple[bytes, str, int]] = {
    "nothing": (b"", "", 400),
    "no JSON": (b"{", "no JSON", 400),
    "no object": (b"[]", "", 400),
    "NaN": (b'{"nodes": [{"type": "T", "properties": {"a": NaN}}]}', "no JSON", 400),
    "Infinity": (b'{"nodes": [{"type": "T", "properties": {"a": -Infinity}}]}', "no JSON", 400),
    "no UTF-8": (b'{"nodes": [{"type": "\xff"}]}', "no JSON", 400),
    "UTF-16": ('{"nodes": []}'.encode("utf-16"), "no JSON", 400),
    "half a character": (b'{"nodes": [{"type": "\\ud800"}]}', "", 400),
    "twice": (b'{"nodes": [{"type": "T", "type": "U"}]}', "twice", 400),
    "deep": (b'{"nodes": ' + b"[" * 100_000, "no JSON", 400),
    "deep value": (
        b'{"nodes": [{"type": "T", "properties": {"a": %b1%b}}]}' % (b"[" * 150, b"]" * 150),
        "levels deep",
        422,
    ),
    "unknown field": (b'{"nodes": [{"type": "T", "colour": 1}]}', "nodes.0.colour", 400),
    "unknown": (b'{"nodes": [{"type": "T"}], "a": 1}', "a: there is no such", 400),
    "text for a list": (b'{"nodes": "T"}', "nodes", 400),
    "number for a text": (b'{"nodes": [{"type": 3}]}', "nodes.0.type", 400),
    "no type": (b'{"nodes": [{"name": "x"}]}', "nodes.0.type: it is missing", 400),
    "empty": (b'{"nodes": []}', "nodes", 400),
    "too many": (b'{"nodes": [%b]}' % b",".join([b"{}"] * 10_001), "nodes", 400),
    "long": (b'{"nodes": [{"type": "%b"}]}' % (b"T" * 10_001), "nodes.0.type", 400),
    "huge number": (b'{"nodes": [{"type": "T", "properties": {"a": %b}}]}' % (b"9" * 5_000), "", 400),
    "more than 64 bits": (b'{"nodes": [{"type": "T", "properties": {"a": %d}}]}' % 2**64, "64 bits", 422),
    "no kind": (b'{"nodes": [{"type": "T", "kind": "model"}]}', "nodes.0.kind", 400),
    "no name of a type": (b'{"nodes": [{"type": "s3://x"}]}', "no name of a type", 422),
    "reserved": (b'{"nodes": [{"type": "lineage.Mine"}]}', "reserved", 422),
    "nameless context": (b'{"nodes": [{"type": "T", "kind": "context"}]}', "needs a name", 422),
    "foreign field": (b'{"nodes": [{"type": "Train", "uri": "x"}]}', "uri", 422),
    "no base64": (b'{"nodes": [{"type": "T", "properties": {"a": {"any": ["a", "!"]}}}]}', "base64", 422),
    "both": (b'{"nodes": [{"type": "T", "properties": {"a": 1}, "custom_properties": {"a": 1}}]}', "leave one", 422),
    "a bad tag": (b'{"nodes": [{"type": "T"}], "tags": [" "]}', "tag", 422),
    "an empty note": (b'{"nodes": [{"type": "T"}], "note": ""}', "note", 422),
}  # fmt: skip


@pytest.mark.parametrize("case", BODIES)
def test_a_bad_body_is_told_what_is_wrong(client: TestClient, store: Store, case: str) -> None:
    body, said, status = BODIES[case]
    before = store.backend.now()
    headers = {"Content-Type": "application/json"}
    response = client.post(f"{API}/nodes:put", content=body, headers=headers)
    assert response.status_code == status, response.text
    assert said in response.json()["detail"]
    assert len(response.json()["detail"]) < 2_000
    assert store.backend.now() == before


RUNS: dict[str, tuple[dict[str, Any], str, int]] = {
    "no execution": ({}, "execution: it is missing", 400),
    "a reference": ({"execution": {"ref": "execution:1"}}, "execution", 400),
    "an artifact": ({"execution": {"type": "T", "kind": "artifact"}}, "artifact", 422),
    "no state": ({"execution": "T", "state": "DONE"}, "state", 400),
    "an end": ({"execution": "T", "state": "RUNNING", "ended": "2026-01-01T00:00:00Z"}, "ended", 400),
    "no time": ({"execution": "T", "started": "yesterday"}, "started", 422),
    "backwards": ({"execution": "T", "started": "2026-01-02T00:00:00Z", "ended": "2026-01-01T00:00:00Z"}, "before", 422),
    "a context": ({"execution": "T", "inputs": ["Experiment:churn"]}, "must be an artifact", 422),
    "no context": ({"execution": "T", "within": ["Model:m1"]}, "context", 422),
    "nobody": ({"execution": "T", "inputs": ["nobody"]}, "nobody", 404),
    "a number": ({"execution": "T", "inputs": [7]}, "inputs.0", 400),
    "a number by name": ({"execution": "T", "inputs": {"train": 7}}, "inputs.train", 400),
    "no list": ({"execution": "T", "inputs": 7}, "inputs", 400),
    "a name that is taken": ({"execution": {"type": "Train", "name": "run 1"}}, "run 1", 409),
    "why": ({"execution": "T", "params": {"lineage.x": 1}}, "lineage.", 422),
}  # fmt: skip


@pytest.mark.parametrize("case", RUNS)
def test_a_bad_run_is_told_what_is_wrong(client: TestClient, store: Store, case: str) -> None:
    body, said, status = RUNS[case]
    before = store.backend.now()
    response = send(client, "POST", "/runs", body)
    assert response.status_code == status, response.text
    assert said in response.json()["detail"]
    assert store.backend.now() == before


def test_what_is_no_json_is_refused(client: TestClient) -> None:
    body = b'{"nodes": [{"type": "T"}]}'
    for media in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = {"Content-Type": media}
        response = client.post(f"{API}/nodes:put", content=body, headers=headers)
        assert (response.status_code, response.json()["status"]) == (415, 415)
    headers = {"Content-Type": "application/JSON; charset=utf-8"}
    assert client.post(f"{API}/nodes:put", content=body, headers=headers).status_code == 201
    large = b" " * (LARGEST_BODY + 1)
    assert client.post(f"{API}/nodes:put", content=large, headers=headers).status_code == 413
    query = send(client, "POST", "/nodes:put?message=x", {"nodes": [{"type": "T"}]})
    assert (query.status_code, query.json()["field"]) == (400, "message")


def test_the_past_is_not_written(client: TestClient) -> None:
    body = {"nodes": [{"type": "T"}], "as_of": "1"}
    assert send(client, "POST", "/nodes:put", body).json()["field"] == "as_of"


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from(["artifact:1", "Model:m1", "s3://models/churn", "COMPLETE", "T", "\0", "x" * 9_000]),
)  # fmt: skip
documents = st.recursive(
    values,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def ready() -> Any:
    """A service of a store in memory, for many requests."""
    with lineage.connect("memory:") as store, client_of(two_runs(store)) as client:
        yield client


@pytest.mark.parametrize("route", WRITING, ids=str)
def test_whatever_is_said_the_service_writes_it_or_says_why(
    ready: TestClient, route: Route
) -> None:
    """A body of the right fields, with some that are not, whose values are anything."""
    names = st.sampled_from([*route.arguments.model_fields, "other"])
    path = route.path.replace("{key}", "Model%3Am1").replace("{asset}", "churn")

    @given(
        st.dictionaries(names, documents, max_size=4) | documents,
        st.sampled_from(["*", '"1"', "x"]),
    )
    def ask(body: object, match: str) -> None:
        response = ready.request(
            route.method,
            API + path.replace("{alias}", "live"),
            content=json.dumps(body).encode(errors="surrogatepass"),
            headers={"Content-Type": "application/json", "If-Match": match},
        )
        assert response.status_code in (200, 201, 400, 404, 409, 412, 422), response.text
        if response.status_code > 201:
            assert response.json()["status"] == response.status_code
            assert len(response.json()["detail"]) < 2_000

    settings(max_examples=25 * MORE)(ask)()


# Who wrote


def test_the_log_has_the_callers_name(embedded: Store, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("rita r reader\nwalt w writer\nanna a admin\n")
    callers = Callers("ann", Tokens(path))
    with client_of(two_runs(embedded), callers) as client:
        put = {"nodes": [{"type": "T"}]}
        purge = {"nodes": ["Model:m1"], "reason": "theirs"}
        said = [
            (token, send(client, "POST", path, body, Authorization=f"Bearer {token}").status_code)
            for path, body in (("/nodes:put", put), ("/nodes:purge", purge))
            for token in "xrwa"
        ]
    assert said == [("x", 401), ("r", 403), ("w", 201), ("a", 201), ("x", 401), ("r", 403), ("w", 403), ("a", 200)]  # fmt: skip
    assert [each.actor for each in embedded.log(limit=3)] == ["anna", "anna", "walt"]


def test_a_reader_writes_nowhere(embedded: Store) -> None:
    for route in WRITING:
        assert route.role >= CallerRole.WRITER, route
    assert {route.path for route in WRITING if route.role is CallerRole.ADMIN} == {"/nodes:purge"}
