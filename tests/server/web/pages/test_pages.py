"""Pages without scripts: they are sound HTML, say what the engine answers, and lead on."""

import json
import re
from collections import deque
from html import unescape
from urllib.parse import quote, urlsplit

import pytest

import lineage
from lineage.errors import Unavailable
from lineage.server.web.pages import PAGES
from lineage.store import Store
from tests.server.web.conftest import client_of
from tests.server.web.pages.conftest import Ask, asking, project

ADDRESSES = [
    "/",
    "/search",
    "/search?q=m",
    "/search?q=nothing+is+so",
    "/lineage",
    "/lineage?focus=Model:m2",
    "/lineage?focus=Model:m2&since=5",
    "/lineage?focus=Model:m2&focus=Model:m3&direction=upstream&hops=2&show=artifacts",
    "/lineage?focus=Experiment:churn&by=run&budget=8",
    "/lineage?focus=Model:m2&as_of=9&hops=&by=",
    "/nodes/Model:m3",
    "/nodes/Dataset:lake",
    "/nodes/artifact:7",
    "/nodes/artifact:8",
    "/nodes/execution:4",
    "/nodes/Experiment:churn",
    "/impact",
    "/impact?of=Dataset:lake",
    "/impact?of=Dataset:lake&to=Model:m2",
    "/compare",
    "/compare?ids=Model:m1",
    "/compare?ids=Model:m1&ids=Model:m2&ids=Model:m3",
    "/compare?ids=execution:1&ids=Model:m2",
    "/diff",
    "/diff?left=Model:m1&right=Model:m3",
    "/diff?left=Model:m1&right=Model:m1",
    "/diff?left=execution:1&right=execution:4",
    "/diff?focus=Model:m2&since=5",
    "/diff?focus=Model:m2&since=5&as_of=9",
    "/runs",
    "/runs?type=Train&filter=parameters.rate+%3E+0.1&order=parameters.rate+desc&columns=id",
    "/runs?limit=2",
    "/models",
    "/models?order=metrics.auc",
    "/types",
    "/types?kind=artifact",
    "/types/Model",
    "/types/Train?filter=state+%3D+'FAILED'&order=create_time&descending=true",
    "/log",
    "/log?actor=ann&text=run&type=Model&since=1970-01-01&until=2100-01-01&before=12",
    "/log/1",
]
"""Addresses of every page, with all that makes one another."""
MOST_VISITED = 400


@pytest.mark.parametrize("address", ADDRESSES)
def test_page_is_sound(ask: Ask, address: str) -> None:
    page = ask(address)
    (body,) = page.all("body")
    assert body["data-number"].isdigit()


def test_all_pages_are_asked_for() -> None:
    for route in PAGES:
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route.path))
        assert route.path.endswith(".csv") or any(
            re.fullmatch(pattern, address.partition("?")[0]) for address in ADDRESSES
        ), route


def test_pages_are_there_on_every_backend(store: Store) -> None:
    by_path = {address.partition("?")[0]: address for address in ADDRESSES}
    with client_of(project(store)) as client:
        asked = asking(client)
        for address in by_path.values():
            asked(address)


def test_every_link_leads_somewhere(made: Store) -> None:
    with client_of(made) as client:
        seen = {"/"}
        waiting = deque(seen)
        while waiting and len(seen) < MOST_VISITED:
            address = waiting.popleft()
            response = client.get(address, headers={"Accept": "text/html"}, follow_redirects=True)
            assert response.status_code == 200, (address, response.text[:500])
            if not response.headers["content-type"].startswith("text/html; charset=utf-8"):
                continue
            if urlsplit(address).path.startswith("/api/"):
                continue
            for link in asking(client)(str(response.url.raw_path, "ascii")).links:
                to = link.partition("#")[0]
                if to.startswith("/") and to not in seen and "format=png" not in to:
                    seen.add(to)
                    waiting.append(to)
        assert len(seen) > 150


def test_links_keep_the_moment(ask: Ask) -> None:
    page = ask("/?as_of=9")
    inner = [link for link in page.links if link.startswith("/") and link != "/"]
    without = [link for link in inner if "as_of=9" not in link]
    assert without == ["/api/v1/openapi.json"]
    assert "as of transaction 9 of" in page.text
    (body,) = page.all("body")
    assert (body["data-number"], body["data-as-of"]) == ("9", "9")


def test_start_asks_what_the_store_can_answer(ask: Ask, made: Store) -> None:
    page = ask("/")
    for link in (
        "/lineage?focus=artifact:3&direction=upstream",
        "/impact?of=artifact:1",
        "/compare?ids=artifact:3&ids=artifact:4",
        "/diff?left=artifact:3&right=artifact:4",
        "/models?order=metrics.accuracy+desc",
    ):
        assert link in page.links
    assert "What fed the deployed model, m2?" in page.text
    counts = [row[2] for row in page.rows if row[1:2] in (["artifact"], ["execution"], ["context"])]
    assert counts == [f"{each.count}" for each in made.overview().types]


def test_only_addresses_of_the_web_are_links(ask: Ask) -> None:
    page = ask("/nodes/artifact:5")
    (outer,) = {each["href"] for each in page.all("a") if not each["href"].startswith(("/", "#"))}
    assert outer == "https://example.org/test.csv?a=1&b=2"
    assert not [each for each in ask("/nodes/artifact:1").links if "s3:" in each]


def test_what_changed_since_is_marked(ask: Ask, made: Store) -> None:
    page = ask("/lineage?focus=Model:m2&since=5")
    view = made.since("Model:m2", since=5).view()
    marked = [row[0].split()[-1] for row in page.rows if row[3:4] == ["new"]]
    assert marked
    assert marked == [mark.id for mark in view.marks if mark.role == "new" and not mark.state]


def test_impact_lists_what_the_engine_does(ask: Ask, made: Store) -> None:
    page = ask("/impact?of=Dataset:lake")
    listed = [row[1].split()[-1] for row in page.rows if row[0].isdigit()]
    assert listed == [str(each.node.key) for each in made.impact("Dataset:lake").affected]
    assert "deployed as production of churn" in page.text


def test_table_of_a_lineage_has_its_marks(ask: Ask, made: Store) -> None:
    page = ask("/lineage?focus=Model:m2")
    view = made.view("Model:m2")
    drawn = [each for each in page.all("g") if each.get("role") == "img"]
    assert len(drawn) == len(view.marks)
    named = {unescape(row[0].rpartition(" ")[0]) for row in page.rows[1 : len(view.marks) + 1]}
    assert named == {mark.label for mark in view.marks}
    assert f"{len(view.marks)} marks of {len(view.graph.nodes)} nodes" in page.text
    (data,) = [each["data-page"] for each in page.all("div") if "data-page" in each]
    assert data == "/api/v1/view/page?focus=Model:m2"


def test_comparison_is_that_of_the_engine(ask: Ask, made: Store) -> None:
    page = ask("/compare?ids=Model:m1&ids=Model:m2")
    rows = made.compare("Model:m1", "Model:m2").rows
    told = [row[0].rpartition(" ")[0] for row in page.rows if len(row) == 3 and row[0] != "What"]
    apart = [row.name for row in rows if row.differs and not row.formal]
    assert told[: len(apart)] == apart
    assert sorted(told) == sorted(row.name for row in rows)


def test_runs_are_compared_by_what_they_wrote(ask: Ask) -> None:
    page = ask("/compare?ids=execution:1&ids=execution:2")
    assert "execution:1 stands for what it wrote: artifact:2" in page.text
    some = ask("/compare?ids=execution:4&ids=execution:2").text
    assert "execution:4 wrote no model, and is left out" in some
    none = ask("/compare?ids=execution:4&ids=execution:5")
    beside = next(each for each in none.links if each.startswith("/runs?filter="))
    assert {row[1] for row in ask(beside).rows[1:]} == {"execution:4", "execution:5"}


def test_difference_is_that_of_the_engine(ask: Ask, made: Store) -> None:
    page = ask("/diff?left=Model:m1&right=Model:m3")
    found = made.diff("Model:m1", "Model:m3")
    assert [row[0] for row in page.rows if row[0].isdigit()] == [
        str(number + 1) for number in range(len(found.differences))
    ]
    assert "They first differ at Model ← Train, between run 1" in page.text


def test_two_moments_are_told_apart_as_by_the_engine(ask: Ask, made: Store) -> None:
    page = ask("/diff?focus=Model:m2&since=5")
    found = made.since("Model:m2", since=5)
    told = [row[0] for row in page.rows if row[0] != "What became of it"]
    assert told == [*(each.what for each in found.nodes), *(each.what for each in found.edges)]


@pytest.mark.parametrize("path", ["/runs", "/models"])
def test_table_is_that_of_the_engine(ask: Ask, made: Store, path: str) -> None:
    page = ask(f"{path}?order=id")
    table = getattr(made, path[1:])(order="id", limit=100)
    head, *rows = page.rows
    assert [name.rstrip(" ↑") for name in head[1:]] == list(table.columns)
    assert [row[1] for row in rows] == [str(row.key) for row in table]
    ticks = [each["value"] for each in page.all("input") if each.get("name") == "ids"]
    assert ticks == [str(row.key) for row in table]


def test_columns_sort_both_ways(ask: Ask) -> None:
    first = ask("/runs?filter=parameters.rate+>+0.1&order=parameters.rate")
    link = next(each for each in first.links if "parameters.rate+desc" in each)
    again = ask(link)
    keys = [[row[1] for row in page.rows[1:]] for page in (first, again)]
    assert keys == [["execution:2", "execution:3"], ["execution:3", "execution:2"]]
    (sorted_,) = [each["aria-sort"] for each in again.all("th") if "aria-sort" in each]
    assert sorted_ == "descending"


def test_pages_of_a_table_go_on(ask: Ask, made: Store) -> None:
    keys: list[str] = []
    address = "/runs?limit=2"
    while address:
        page = ask(address)
        keys += [row[1] for row in page.rows[1:]]
        address = next((each["href"] for each in page.all("a") if each.get("rel") == "next"), "")
    assert keys == [str(row.key) for row in made.runs()]


@pytest.mark.parametrize("path", ["/runs", "/models"])
def test_csv_is_that_of_the_engine(ask: Ask, made: Store, path: str) -> None:
    text = getattr(made, path[1:])(limit=1_000).to_csv()
    (link,) = [each for each in ask(path).links if each.startswith(f"{path}.csv")]
    with client_of(made) as client:
        page = client.get(link)
        api = client.get(f"/api/v1{path}?limit=1000", headers={"Accept": "text/csv"})
    for answer in (page, api):
        assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
        assert answer.text == text


@pytest.mark.parametrize("path", ["/runs", "/types/Train"])
def test_fault_of_a_filter_is_shown_where_it_is(ask: Ask, path: str) -> None:
    said = "name = 'x' AND AND"
    page = ask(f"{path}?filter={quote(said)}", 422)
    assert f"{said}\n               ^" in page.text
    assert "filter, column 16:" in page.text
    (field,) = [each for each in page.all("input") if each.get("id") == "filter"]
    assert field["value"] == said


def test_log_since_a_time_counts_what_came(ask: Ask, made: Store) -> None:
    (fifth,) = (entry for entry in made.log() if entry.number == 5)
    page = ask(f"/log?since={quote(fifth.time.isoformat())}")
    then = {each.type: each.count for each in made.at(4).overview().types}
    now = {each.type: each.count for each in made.overview().types}
    counted = {row[0]: (row[1], row[2]) for row in page.rows if row[0] in {*then, *now}}
    assert counted == {
        name: (str(then.get(name, 0)), str(count))
        for name, count in now.items()
        if then.get(name, 0) != count
    }
    assert counted["lineage.Deploy"] == ("0", "1")
    assert "There are as many" in ask(f"/log?since={quote(made.log()[0].time.isoformat())}").text


@pytest.mark.parametrize(("key", "said"), [("artifact:7", "deleted"), ("artifact:8", "purged")])
def test_what_is_gone_says_so(ask: Ask, key: str, said: str) -> None:
    assert f"It was {said}:" in ask(f"/nodes/{key}").text
    assert f"It was {said}:" in ask(f"/lineage?focus={key}").text


def test_search_leads_to_the_one_that_is_meant(made: Store) -> None:
    with client_of(made) as client:
        for typed in ("artifact:1", "lake", "Dataset:lake"):
            response = client.get("/search", params={"q": typed, "as_of": "9"})
            assert response.status_code == 303
            assert response.headers["location"] == "/lineage?focus=artifact:1&as_of=9"


def test_groups_open_and_close_by_links(ask: Ask) -> None:
    page = ask("/lineage?focus=Dataset:lake&budget=8")
    opening = next(each for each in page.links if "open=" in each)
    opened = ask(opening)
    assert len(opened.all("g")) > len(page.all("g"))
    closing = next(
        each["href"]
        for each in opened.all("a")
        if each["href"] == "/lineage?focus=Dataset:lake&budget=8"
    )
    assert ask(closing).text == page.text


def test_groups_of_another_moment_are_closed(ask: Ask) -> None:
    page = ask("/lineage?focus=Dataset:lake&open=g:abcdefghij")
    assert "groups that were open are not there at this moment" in page.text
    assert not [each for each in page.links if "abcdefghij" in each]


def test_picture_is_handed_on_as_it_is_shown(ask: Ask, made: Store) -> None:
    page = ask("/lineage?focus=Model:m2&direction=upstream&hops=2&budget=9")
    copied = [each["data-copy"] for each in page.all("button") if "data-copy" in each]
    number = made.backend.now()
    assert copied[0] == f"lineage view artifact:3 --upstream --budget 9 --hops 2 --as-of {number}"
    scope: dict[str, object] = {}
    code = copied[1].replace("lineage.connect()", "opened").replace("with opened as", "for")
    code = code.replace("for store:", "for store in [opened]:").replace("import lineage", "")
    exec(code, {"opened": made, "lineage": lineage}, scope)
    view = made.view("Model:m2", direction="upstream", limits=lineage.Limits(hops=2), budget=9)
    assert str(scope["view"]) == str(view)
    assert copied[2].startswith("flowchart LR\n")
    with client_of(made) as client:
        svg = next(each for each in page.links if "format=svg" in each)
        assert client.get(svg).text == view.to_svg()
        shown = next(each for each in page.links if each.startswith("/api/v1/view?"))
        assert json.loads(client.get(shown).text)["view"]["budget"] == 9


def test_start_of_an_empty_store_says_how_to_begin() -> None:
    with lineage.connect("memory:") as store, client_of(store) as client:
        assert "Nothing is recorded here yet" in asking(client)("/").text
        for address in ("/runs", "/models", "/types", "/log"):
            asking(client)(address)


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/nowhere", 404, "there is nothing at this address"),
        ("/lineage?focus=zork", 404, "zork"),
        ("/log/99999", 404, "there is no transaction 99999 yet"),
        ("/log/x", 404, "is no number"),
        ("/types/Nothing", 404, "Nothing"),
        ("/impact?of=Dataset:lake&hops=x", 400, "hops"),
        ("/runs?colour=red", 400, "there is no such parameter"),
        ("/?as_of=99999", 404, "there is no transaction 99999 yet"),
        ("/?as_of=someday", 422, "someday"),
        ("/lineage?focus=Model:m2&budget=1", 400, "budget"),
        ("/static/../secret", 404, "there is nothing at this address"),
        ("/static/main.py", 404, "there is nothing at this address"),
    ],
)
def test_errors_are_pages(ask: Ask, address: str, status: int, said: str) -> None:
    page = ask(address, status)
    assert said in page.text
    assert page.all("h1")


def test_errors_are_documents_for_programs(made: Store) -> None:
    with client_of(made) as client:
        response = client.get("/lineage?focus=zork")
        assert response.headers["content-type"] == "application/problem+json"


def test_pages_are_sent_once(made: Store) -> None:
    with client_of(made) as client:
        first = client.get("/lineage?focus=Model:m2")
        again = client.get(
            "/lineage?focus=Model:m2", headers={"If-None-Match": first.headers["etag"]}
        )
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["as-of"] == str(made.backend.now())


@pytest.mark.parametrize("name", ["site.css", "svg.css", "site.js", "page.js", "page.css"])
def test_files_of_pages(made: Store, name: str) -> None:
    with client_of(made) as client:
        response = client.get(f"/static/{name}")
        assert response.status_code == 200
        assert response.headers["content-type"].startswith(
            "text/css" if name.endswith("css") else "text/javascript"
        )
        tag = {"If-None-Match": response.headers["etag"]}
        assert client.get(f"/static/{name}", headers=tag).status_code == 304


def test_the_store_being_away_is_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> int:
        raise Unavailable("not reached")

    with lineage.connect("memory:") as store, client_of(store) as client:
        monkeypatch.setattr(store.backend, "now", away)
        page = asking(client)("/", 503)
    assert "loading this page again may help" in page.text
