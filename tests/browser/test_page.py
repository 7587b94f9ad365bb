"""A page in a real browser: what it says of nodes, what keys do, and that nothing in it is ever read as HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

import lineage
from benchmarks.traces import write_trace
from lineage.answers.view import view_of
from lineage.contract.walking import Cut
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeKind
from lineage.model.texts import printable
from lineage.testing.formats.graphs import HOSTILE
from tests.browser.graphs import artifact, edge, execution, graph, node, written
from tests.browser.opened import Opened

Show = Callable[..., Opened]

ATTACKS = [
    *HOSTILE,
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "{{constructor.constructor('alert(1)')()}}",
    "עברית והודעה",
    "\U0001f469\u200d\U0001f4bb \U0001f1eb\U0001f1f7",
    "nul\x00nul",
]
FAILED = 4
"""The number of this state of an execution."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set, two trainings of which one failed, two models, what evaluated one, and what is gone."""
    nodes = [
        node(artifact(1), 1, "wine", uri="s3://lake/wine.csv", custom={"rows": 178}),
        node(execution(1), 3, "first"),
        node(execution(2), 3, "second", state=FAILED),
        node(artifact(2), 2, "logistic", custom={"accuracy": 0.97, "note": "a\nb"}),
        node(execution(3), 4, "evaluation"),
        node(artifact(3), 1, "old", gone=True),
        node(artifact(4), 1, purged=True),
    ]
    edges = [
        edge(artifact(1), execution(1)),
        edge(artifact(1), execution(2)),
        edge(execution(1), artifact(2)),
        edge(artifact(2), execution(3)),
        edge(artifact(3), execution(1)),
        edge(artifact(4), execution(1)),
    ]
    cut = Cut("hops", (execution(3),))
    source = graph(nodes, edges)._replace(cuts=(cut,), aliases={artifact(2): ("production",)})
    return written(source, tmp_path_factory.mktemp("pages") / "small.html")


@pytest.fixture
def page(show: Show, file: Path) -> Opened:
    return show(file)


def test_a_page_says_at_once_what_a_data_set_led_to(page: Opened) -> None:
    assert page.page.title() == "Lineage of wine"
    flows = page.page.locator(".flow").all_inner_texts()
    assert [" ".join(each.split()) for each in flows] == [
        "← Made from 0 nothing in this page",
        "→ Led to 4 2 Train, 1 Model, 1 Evaluate",
    ]


def test_details_hold_properties_uri_state_and_times(page: Opened) -> None:
    page.named("logistic").click()
    for said in ("artifact:2", "production", "0.97", r"a\nb", "2026-03-01 00:00:00 UTC", "7"):
        assert said in page.details
    page.named("wine").click()
    assert "s3://lake/wine.csv" in page.details
    assert page.page.locator("a").count() == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("second", "Failed."),
        ("old", "Deleted; its history is kept."),
        ("artifact:4", "Purged; its content is erased, for good."),
        ("evaluation", "It leads further than this answer, which a limit cut."),
    ],
)
def test_states_are_worded(page: Opened, name: str, said: str) -> None:
    page.page.locator("g.mark", has_text=name).first.click()
    assert said in page.details


def test_a_cut_answer_says_so(page: Opened) -> None:
    assert "cut by its limit of hops" in page.status
    assert page.named("evaluation").get_by_text("▸").count() == 1


def test_up_down_and_the_way_between_two_are_lit(page: Opened) -> None:
    page.named("logistic").click()
    page.button("← Made from").click()
    assert page.lit == {"execution:1", "artifact:1", "artifact:3", "artifact:4"}
    assert page.page.locator("g.mark.is-dim").count() == 2
    page.button("→ Led to").click()
    assert page.lit == {"execution:3"}
    page.button("Path to…").click()
    page.mark("artifact:1").click()
    assert page.lit == {"artifact:1", "execution:1", "artifact:2"}
    assert page.page.locator("path.line.is-lit").count() == 2
    page.button("Path to…").click()
    page.named("second").click()
    page.button("Path to…").click()
    page.named("logistic").click()
    assert "No way leads from the one to the other." in page.details


def test_keys_do_what_the_mouse_does(page: Opened) -> None:
    page.press("/")
    page.page.keyboard.type("logis")
    page.press("Enter")
    assert page.focused == "artifact:2"
    page.press("Enter")
    assert page.focused == "H2"
    page.press("Escape")  # nothing is chosen, and the focus is on the mark again
    assert page.focused == "artifact:2"
    assert page.details == ""
    page.press("ArrowLeft")
    assert page.focused == "execution:1"
    page.press("u")
    assert page.page.locator("g.mark.is-lit").count() == 4
    page.press("ArrowLeft")
    seen = {page.focused}
    for _ in range(4):
        page.press("ArrowDown")
        seen.add(page.focused)
    for _ in range(4):
        page.press("ArrowUp")
        seen.add(page.focused)
    assert seen >= {"artifact:1", "artifact:3", "artifact:4"}
    page.press("Escape", "?")
    assert page.page.get_by_role("dialog", name="Keys").count() == 1
    page.press("Escape")
    assert page.page.get_by_role("dialog").count() == 0


def test_the_focus_is_seen(page: Opened) -> None:
    page.press("/")
    page.page.keyboard.type("logis")
    page.press("Enter")
    style = "getComputedStyle(document.activeElement.querySelector('.shape')).strokeWidth"
    assert page.page.evaluate(style) == "3.5px"
    page.button("Fit").focus()
    page.press("Tab")
    assert page.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_everything_has_a_role_and_a_name(page: Opened) -> None:
    """What a screen reader is told: no control is without a name, and only one mark is a stop of the tab key."""
    nameless = """() => [...document.querySelectorAll("button, summary, input, [role=button], [role=dialog]")]
        .filter((each) => !(each.getAttribute("aria-label") || each.textContent || each.labels?.length))
        .map((each) => each.outerHTML)"""
    assert page.page.evaluate(nameless) == []
    assert page.page.locator('g.mark[tabindex="0"]').count() == 1
    assert page.named("second, Train, execution, failed").count() == 1
    assert page.page.get_by_role("search").count() == 1
    assert page.page.get_by_role("main").count() == 1
    assert page.page.get_by_role("complementary", name="Details").count() == 1
    page.named("logistic").click()
    page.button("← Made from").click()
    assert page.page.get_by_role("status").inner_text() == "4 nodes are lit."
    assert page.mark("artifact:2").get_attribute("aria-pressed") == "true"


def test_the_table_says_what_the_picture_shows(page: Opened) -> None:
    page.press("o")
    rows = page.page.locator(".outline tbody tr")
    assert rows.count() == len(page.marks)
    model = rows.filter(has=page.page.get_by_role("rowheader", name="logistic"))
    row = model.locator("th, td").all_inner_texts()
    assert row == [
        "logistic @production",
        "lineage.Model (artifact)",
        "1",
        "",
        "first",
        "evaluation",
    ]


def test_the_table_leads_to_marks_that_are_out_of_sight(page: Opened) -> None:
    page.press("o")
    page.mark("artifact:1").click()
    page.press("+", "+", "+", "+", "+")
    page.page.locator(".outline").get_by_role("button", name="evaluation").click()
    x, y = page.on_screen("execution:3")
    stage = page.page.locator(".stage").bounding_box()
    assert stage["x"] < x < stage["x"] + stage["width"]
    assert stage["y"] < y < stage["y"] + stage["height"]


def test_many_notes_fold(show: Show, tmp_path: Path) -> None:
    notes = tuple(f"note {number}" for number in range(30))
    source = graph([node(artifact(1), 1, "one")], [])._replace(notes=notes)
    page = show(written(source, tmp_path / "notes.html"))
    assert "note 2" in page.status
    assert "note 3" not in page.status
    page.page.get_by_text("27 more notes").click()
    assert "note 29" in page.status


def test_names_are_text_wherever_they_are_shown(show: Show, tmp_path: Path) -> None:
    nodes = [
        node(
            artifact(number), 1, text, uri=f"javascript:alert({number})", custom={text or "x": text}
        )
        for number, text in enumerate(ATTACKS, start=1)
    ]
    page = show(
        written(
            graph(nodes, [], focus=1)._replace(
                focus=tuple(map(artifact, range(1, len(ATTACKS) + 1)))
            ),
            tmp_path / "attack.html",
        )
    )
    assert len(page.marks) == len(ATTACKS)
    page.press("o")
    for number, text in enumerate(ATTACKS, start=1):
        page.mark(f"artifact:{number}").dispatch_event("click")
        facts = page.page.locator(".facts td").all_text_contents()
        assert printable(text) in facts
        assert f"javascript:alert({number})" in facts
        title = page.mark(f"artifact:{number}").locator("title").text_content()
        assert title.startswith(printable(text, limit=400))
    page.press("/")
    page.page.keyboard.type("alert(1)")
    assert (
        page.page.locator("img, iframe, a, script:not(#lineage-data):not([type=module])").count()
        == 0
    )


def test_names_are_cut_before_what_tells_them_apart(show: Show, tmp_path: Path) -> None:
    name = "algorithm=LogisticRegression"
    nodes = [node(artifact(number), 2, name) for number in (1, 2)]
    nodes.append(node(artifact(3), 2, "a-model-of-a-long-name"))
    source = graph(nodes, [])._replace(aliases={artifact(3): ("best",)})
    view = view_of(source, pinned=[artifact(2), artifact(3)])
    page = show(written(view, tmp_path / "names.html"))
    names = [page.mark(mark).locator("text.label").text_content() or "" for mark in page.marks]
    assert all("…" in each for each in names)
    assert [each.rpartition("…")[2] for each in names] == [" #1", " #2", " @best"]


def test_long_texts_are_cut_and_said(show: Show, tmp_path: Path) -> None:
    long = "x" * 10_000_000
    file = written(
        graph([node(artifact(1), 1, long, custom={"value": long})], []), tmp_path / "long.html"
    )
    assert file.stat().st_size < 150_000
    page = show(file)
    assert "2 texts of more than 1,000 characters are cut" in page.status


@pytest.mark.parametrize("count", [0, 1])
def test_few_nodes_are_no_error(show: Show, tmp_path: Path, count: int) -> None:
    page = show(written(graph([node(artifact(1), 1, "one")] * count, []), tmp_path / "few.html"))
    said = page.page.locator("#lineage").inner_text()
    assert ("This answer is empty" in said) is (count == 0)
    assert len(page.marks) == count


def test_only_contexts(show: Show, tmp_path: Path) -> None:
    nodes = [node(NodeKey.parse(f"context:{number}"), 5, f"run {number}") for number in (1, 2)]
    page = show(written(graph(nodes, [], focus=None), tmp_path / "contexts.html"))
    page.page.locator("g.mark").first.click()
    assert "Data does not flow through contexts" in page.details


@pytest.mark.parametrize(("count", "lines"), [(4, 4), (5, 0)])
def test_a_context_of_many_says_how_many_and_lights_them(
    show: Show, tmp_path: Path, count: int, lines: int
) -> None:
    run = NodeKey.parse("context:1")
    held = [artifact(number) for number in range(1, count + 1)]
    nodes = [node(run, 5, "run")] + [node(key, 1, f"data {key.id}") for key in held]
    edges = [edge(run, key, EdgeKind.ATTRIBUTION) for key in held]
    source = graph(nodes, edges)._replace(focus=tuple(held))  # which stay single
    page = show(written(source, tmp_path / "run.html"))
    assert page.page.locator("path.line.holds").count() == lines
    assert page.named("run").get_by_text("holds 5 marks").count() == (count == 5)
    page.named("run").click()
    page.press("d")
    assert page.lit == set(map(str, held))
    assert page.page.locator("path.line.is-dim").count() == 0


def test_without_scripts_there_is_a_picture_and_a_table(chromium: Browser, file: Path) -> None:
    context = chromium.new_context(java_script_enabled=False)
    window = context.new_page()
    window.goto(file.as_uri())
    assert "logistic" in (window.locator("svg").first.text_content() or "")
    assert window.locator("table tbody tr").count() == 7
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read_on_their_ground(show: Show, file: Path, scheme: str) -> None:
    """By the formula of WCAG 2: 4.5 at least."""
    page = show(file, color_scheme=scheme)
    colours = page.page.evaluate(
        """() => {
            const style = getComputedStyle(document.documentElement);
            return Object.fromEntries(["text", "muted", "back", "panel", "a", "e", "c", "gone"]
                .map((name) => [name, style.getPropertyValue("--" + name).trim()]));
        }"""
    )
    for ground in ("back", "panel", "a", "e", "c", "gone"):
        for text in ("text", "muted"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted(map(luminance, (one, other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    wide = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    parts = [int(wide[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.fixture(scope="module")
def trace() -> Iterator[lineage.Store]:
    with lineage.connect("memory:") as store:
        write_trace(store, 400)
        yield store


def test_what_is_lit_upstream_is_what_the_store_says(
    show: Show, trace: lineage.Store, tmp_path: Path
) -> None:
    file = tmp_path / "trace.html"
    assert trace.export_to(file) == ()
    models = [model.key for model in trace.find("Model")]
    page = show(file)
    for model in (models[3], models[-1]):
        page.press("/")
        page.page.keyboard.type(str(model))
        page.press("Enter", "u")
        assert page.lit == {str(key) for key in trace.upstream(model).keys} - {str(model)}
        page.press("u", "d")
        expected = {str(key) for key in trace.downstream(model).keys} - {str(model)}
        count = page.page.locator('.flow[data-way="down"]').get_attribute("data-count")
        assert count == str(len(expected))
        page.press("Escape", "Escape")


@pytest.mark.parametrize("shown", ["all", "artifacts", "executions"])
def test_edges_are_those_of_the_view(
    show: Show,
    trace: lineage.Store,
    tmp_path: Path,
    shown: Literal["all", "artifacts", "executions"],
) -> None:
    """The script counts edges between groups itself, so that it can open them; at first they are the view's."""
    model = trace.find("Model")[20].key
    view = trace.view(model, show=shown)
    page = show(written(view, tmp_path / "view.html"))
    edges = [edge for edge in view.edges if edge.source != edge.target]
    assert page.page.locator("path.line").count() == len(edges)
    assert page.page.locator("path.line.every").count() == sum(edge.every for edge in edges)
    said = [edge.text for edge in edges if edge.text and edge.count > 1]
    assert sorted(page.page.locator(".line-text").all_text_contents()) == sorted(said)


def test_the_picture_is_dragged_and_zoomed(page: Opened) -> None:
    page.mark("artifact:1").click()
    before = page.on_screen("artifact:1")
    mouse = page.page.mouse
    mouse.move(before[0], before[1] - 150)
    mouse.down()
    mouse.move(before[0] + 30, before[1] - 100, steps=3)
    mouse.move(before[0] + 60, before[1] - 50, steps=3)
    mouse.up()
    moved = page.on_screen("artifact:1")
    assert moved == pytest.approx((before[0] + 60, before[1] + 100), abs=1)
    other, size = page.on_screen("artifact:2"), width(page)
    mouse.move(*moved)
    mouse.wheel(0, -200)
    page.page.wait_for_timeout(50)
    assert width(page) > size
    assert page.on_screen("artifact:1") == pytest.approx(moved, abs=1)  # what the pointer is on
    assert page.on_screen("artifact:2")[0] > other[0]
    page.press("-", "-", "-")
    assert width(page) < size
    page.press("f")
    assert page.on_screen("artifact:1") == pytest.approx(before, abs=60)


def test_fingers_drag_and_pinch(show: Show, file: Path) -> None:
    page = show(file, has_touch=True)
    page.mark("artifact:1").click()
    before, size = page.on_screen("artifact:1"), width(page)
    session = page.page.context.new_cdp_session(page.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        where = [{"x": x, "y": y, "id": place} for place, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    x, y = before[0], before[1] - 150
    touch("touchStart", (x, y))
    touch("touchMove", (x + 40, y + 30))
    touch("touchEnd")
    assert page.on_screen("artifact:1") == pytest.approx((before[0] + 40, before[1] + 30), abs=1)
    touch("touchStart", (300, 200), (400, 200))
    touch("touchMove", (250, 200), (450, 200))
    touch("touchEnd")
    assert width(page) == pytest.approx(2 * size, rel=0.1)
    touch("touchStart", (300, 200))
    touch("touchEnd")
    touch("touchStart", (300, 200))
    touch("touchEnd")


def width(page: Opened) -> float:
    return float(page.mark("artifact:1").locator(".shape").bounding_box()["width"])


def test_a_link_is_followed_within_the_page(page: Opened) -> None:
    page.page.evaluate("location.hash = '#at=artifact:2&light=up&from=artifact:2'")
    page.page.wait_for_selector("g.mark.is-lit")
    assert page.lit == {"execution:1", "artifact:1", "artifact:3", "artifact:4"}
    page.page.go_back()
    page.page.wait_for_function("!document.querySelector('g.mark.is-lit')")


def test_pictures_of_other_answers_say_what_they_mark(show: Show, tmp_path: Path) -> None:
    with lineage.connect("memory:") as store:
        data = store.put(lineage.Dataset(name="data"))
        made = [
            store.record(
                lineage.Train(name=f"t{n}"), inputs=[data], outputs=[lineage.Model(name=f"m{n}")]
            )
            for n in range(3)
        ]
        assert made
        view = store.impact(data).view()
    page = show(written(view, tmp_path / "impact.html"))
    roles = [mark.role for mark in view.marks if mark.role]
    assert page.page.locator("g.mark.role-affected").count() == roles.count("affected") > 0
    assert page.page.locator("g.mark.role-affected").first.get_by_text("affected").count() == 1
