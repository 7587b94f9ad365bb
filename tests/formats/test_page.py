"""The file of a page, without a browser: what it holds, how large it is, and what it must never hold."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import zlib
from base64 import b64decode, b64encode
from typing import Any

import pytest

import lineage
from lineage.answers.view import view_of
from lineage.contract.format import Dumper
from lineage.formats import page
from lineage.formats.embedding import MOST_NODES, TEXT
from lineage.model.rows import NodeRow
from lineage.testing.formats.dumping import *  # noqa: F403
from lineage.testing.formats.graphs import HOSTILE
from tests.browser.graphs import artifact, edge, execution, graph, hub, node
from tests.tree import ROOT

BUILT = ROOT / "lineage" / "web"
SOURCES = sorted(each for each in (ROOT / "web" / "src").rglob("*") if each.is_file())


@pytest.fixture
def format() -> Dumper:  # noqa: A001 - the fixture's name
    return page


def drawn(source: Any, **options: Any) -> tuple[str, tuple[str, ...]]:
    target = io.BytesIO()
    losses = page.draw(view_of(source, **options), target)
    return target.getvalue().decode(), tuple(losses)


def held(text: str) -> dict[str, Any]:
    """Return what a page holds, as its script reads it."""
    found = re.search(r'<script type="text/plain" id="lineage-data">([\w+/=]*)</script>', text)
    assert found is not None
    content: dict[str, Any] = json.loads(zlib.decompress(b64decode(found[1])))
    return content


def test_a_page_holds_nodes_edges_and_groups() -> None:
    found = held(drawn(hub(120))[0])
    assert found["total"] == 361
    assert found["nodes"]["kind"].count("a") == 121
    assert len(found["edges"]["source"]) == 360
    assert [unit["count"] for unit in found["units"]] == [1, 120, 120, 120]
    assert sorted(place for unit in found["units"] for place in unit["nodes"]) == [*range(361)]
    assert len(found["x"]) == len(found["y"]) == 4


def test_properties_are_those_that_people_read() -> None:
    values = {"rate": 0.001, "layers": [64, 32], "large": 2**62 + 1, "text": "<b>\n"}
    found = held(drawn(graph([node(artifact(1), 1, custom=values)], []))[0])
    flat = found["nodes"]["properties"][0]
    names = [found["properties"][place] for place in flat[::2]]
    assert dict(zip(names, flat[1::2], strict=True)) == {
        "rate": "0.001",
        "layers": "[64, 32]",
        "large": str(2**62 + 1),
        "text": r"<b>\n",
    }


@pytest.mark.parametrize(
    ("text", "is_cut"),
    [("x" * TEXT, False), ("x" * (TEXT + 1), True), ("\n" * (TEXT - 1), True), ("and…", False)],
)
def test_what_is_cut_is_said(text: str, is_cut: bool) -> None:
    for row in (node(artifact(1), 1, text), node(artifact(1), 1, custom={"text": text})):
        assert any("are cut" in each for each in drawn(graph([row], []))[1]) is is_cut


def test_equal_views_give_equal_pages() -> None:
    assert drawn(hub(50)) == drawn(hub(50))


def realistic(count: int) -> list[NodeRow]:
    """Steps and what they wrote, as users have them: names, URIs, eight properties of numbers, words and digests."""
    dice = random.Random(7)
    return [
        node(
            artifact(number) if number % 2 else execution(number),
            1 if number % 2 else 3,
            f"churn-{number % 40}" if number % 3 else None,
            uri=f"s3://bucket/experiments/{number % 97}/run-{number}/part-0.parquet",
            custom={
                "accuracy": round(dice.random(), 6),
                "loss": dice.random(),
                "epochs": dice.randrange(200),
                "optimizer": dice.choice(["adam", "sgd", "lamb"]),
                "learning_rate": dice.choice([0.1, 0.01, 0.003, 0.001]),
                "owner": dice.choice(["ann", "bob", "carol", "dave"]),
                "digest": hashlib.sha256(str(number).encode()).hexdigest()[:16],
                "note": " ".join(
                    dice.choices(["retrained", "after", "drift", "on", "new", "data"], k=4)
                ),
            },
        )
        for number in range(1, count + 1)
    ]


@pytest.mark.parametrize(("count", "most"), [(1_862, 300_000), (10_000, 1_500_000)])
def test_pages_are_small(count: int, most: int) -> None:
    dice = random.Random(1)
    edges = {
        edge(
            artifact(2 * dice.randrange(count // 2) + 1),
            execution(2 * dice.randrange(1, count // 2)),
        )
        for _ in range(2 * count)
    }
    text, losses = drawn(graph(realistic(count), sorted(edges)))
    assert losses == ()
    assert len(text) <= most


@pytest.mark.parametrize(("name", "most"), [("page.js", 80_000), ("site.js", 30_000)])
def test_scripts_are_small(name: str, most: int) -> None:
    assert (BUILT / name).stat().st_size <= most


def test_more_than_a_page_holds_is_groups_alone() -> None:
    spokes = MOST_NODES // 3 + 1
    text, losses = drawn(hub(spokes))
    found = held(text)
    assert losses == (
        f"{3 * spokes + 1:,} nodes with {3 * spokes:,} edges are too many for a page: it holds "
        "their 4 groups, which it cannot open; export less",
    )
    assert losses[0] in found["notes"]
    assert [unit["count"] for unit in found["units"]] == [1, spokes, spokes, spokes]
    assert [(link["source"], link["target"], link["count"]) for link in found["links"]] == [
        (0, 1, spokes),
        (1, 2, spokes),
        (2, 3, spokes),
    ]
    assert len(text) < 150_000


def test_properties_of_a_page_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineage.formats.embedding.PROPERTIES", 2_000)
    nodes = [node(artifact(number), 1, custom={"text": "x" * 900}) for number in range(1, 6)]
    text, losses = drawn(graph(nodes, []))
    assert losses == ("3 nodes have more properties than the page has room for; the store has all",)
    assert [bool(each) for each in held(text)["nodes"]["properties"]] == [True] * 2 + [False] * 3


def test_only_the_script_and_the_styles_of_the_policy_are_there() -> None:
    """Each by its digest; nothing may be loaded."""
    text, _ = drawn(graph([node(artifact(1), 1, "wine")], []))
    found = re.search('<meta http-equiv="Content-Security-Policy" content="([^"]*)">', text)
    assert found is not None
    policy = dict(each.strip().split(" ", 1) for each in found[1].split(";"))
    assert policy.keys() == {"default-src", "script-src", "style-src", "base-uri", "form-action"}
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    scripts = re.findall('<script type="module">(.*?)</script>', text, re.DOTALL)
    styles = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    assert policy["script-src"].split() == [*map(digest, scripts)]
    assert policy["style-src"].split() == [*map(digest, styles)]
    assert " style=" not in text.replace(scripts[0], "")


def digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_no_name_ends_the_script() -> None:
    names = [*HOSTILE, "</script><script>alert(1)</script>", "<!--<script>", "]]>"]
    nodes = [node(artifact(number), 1, name, uri=name) for number, name in enumerate(names, 1)]
    text, _ = drawn(graph(nodes, []))
    tags = re.findall("<(/?script)", text)
    assert tags == ["script", "/script", "script", "/script"]
    assert [unit["label"] for unit in held(text)["units"]]


UNSAFE = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|dangerously|"
    r"XMLHttpRequest|WebSocket|https?://(?!www\.w3\.org/)|setAttribute\(.style"
)
FORBIDDEN = re.compile(rf"{UNSAFE.pattern}|\bfetch\(")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_our_script_makes_no_html_of_texts_and_asks_nobody(source: Any) -> None:
    """But for what is for the server's own pages, which asks it."""
    forbidden = UNSAFE if "site" in source.relative_to(ROOT / "web" / "src").parts[0] else FORBIDDEN
    assert forbidden.findall(source.read_text("utf-8")) == []


def test_what_is_for_the_servers_pages_loads_the_page_script_and_no_library() -> None:
    text = (BUILT / "site.js").read_text("utf-8")
    assert UNSAFE.findall(text) == []
    assert re.findall(r'import[^;"]*"([^"]*)"', text) == ["./page.js"]
    assert "/*!" not in text


def test_the_built_script_does_neither() -> None:
    """Preact can set HTML where it is told to; we never tell it, so its own words are all there is."""
    text = (BUILT / "page.js").read_text("utf-8").rpartition("*/\n")[2]
    assert sorted(set(FORBIDDEN.findall(text))) in ([], ["dangerously", "innerHTML"])
    assert text.count("innerHTML") <= 2
    assert "</script" not in text
    assert "<!--" not in text


def test_a_store_and_an_answer_give_pages(tmp_path: Any) -> None:
    with lineage.connect("memory:") as store:
        model = store.put(lineage.Model(name="churn"))
        store.export_to(tmp_path / "all.html")
        answer = store.upstream(model)
        assert answer.to_html() == answer.export("html") == answer.view().to_html()
    assert "<title>Lineage</title>" in (tmp_path / "all.html").read_text("utf-8")
