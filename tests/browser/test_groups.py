"""Groups of a page in a real browser: what is shown at first, opened, closed, undone, and linked to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lineage.answers.layout import layout
from lineage.answers.view import View, view_of
from lineage.contract.walking import Cut
from lineage.formats.embedding import GAPS, SIZE
from lineage.model.keys import Kind, NodeKey
from tests.browser.graphs import artifact, edge, execution, graph, hub, node, written
from tests.browser.opened import Opened

Show = Callable[..., Opened]
SPOKES = 3_333


@pytest.fixture(scope="module")
def view() -> View:
    """A data set that 3,333 trainings read: 10,000 nodes."""
    return view_of(hub(SPOKES))


@pytest.fixture(scope="module")
def file(view: View, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(view, tmp_path_factory.mktemp("pages") / "hub.html")


@pytest.fixture
def page(show: Show, file: Path) -> Opened:
    return show(file)


def group(page: Opened, type: str) -> str:
    """Return the id of a type's group."""
    found = page.named(type).first.get_attribute("data-id")
    assert found is not None
    return str(found)


def test_a_hub_is_few_marks_that_say_how_many(page: Opened, view: View) -> None:
    assert page.marks == [mark.id for mark in view.marks]
    assert len(page.marks) <= 60
    assert page.page.get_by_text("×3,333").count() >= 3
    assert page.named("Train, group of 3,333").count() == 1
    assert "of 10,000 nodes" in page.status


def test_a_group_opens_by_hundreds_and_closes_to_what_was(page: Opened) -> None:
    before = page.page.locator(".marks").inner_html()
    models = group(page, "Model")
    page.mark(models).locator(".toggle").click()
    singles = [mark for mark in page.marks if mark.startswith("artifact:")]
    assert len(singles) == 101  # with the data set
    assert page.named("3,233 more").count() == 1
    page.button("Open 100 of 3,233 more").click()
    assert page.named("3,133 more").count() == 1
    page.button("Close the group").click()
    page.mark("artifact:1").click()
    assert page.page.locator(".marks").inner_html() == before


def test_opening_a_type_says_beforehand_how_many_marks_there_will_be(page: Opened) -> None:
    page.mark(group(page, "Model")).locator(".toggle").click()
    page.page.locator(".menu summary", has_text="Groups").click()
    # Of the 3,333 models 100 are open: 3 marks of other types, and each model.
    page.button("Open lineage.Model → 3,336 marks").click()
    assert "3,336 marks of 10,000 nodes" in page.status


def test_what_stays_does_not_move(page: Opened) -> None:
    trainings = group(page, "Train")
    focus, clicked = page.on_screen("artifact:1"), page.on_screen(trainings)
    page.mark(trainings).locator(".toggle").click()
    assert page.on_screen("artifact:1") == pytest.approx(focus, abs=1)
    chosen = page.page.locator('g.mark[aria-pressed="true"]').get_attribute("data-id")
    assert page.focused == chosen
    at = page.on_screen(chosen)
    assert 0 < at[0] < 940  # a member, near to where the group was
    assert at[1] == pytest.approx(clicked[1], abs=200)
    page.mark(chosen).locator(".toggle").click()
    assert page.on_screen("artifact:1") == pytest.approx(focus, abs=1)
    assert page.on_screen(trainings) == pytest.approx(clicked, abs=1)


def test_marks_stand_where_python_puts_them(page: Opened, view: View) -> None:
    pairs = placed_pairs(view)
    placed = layout(len(view.marks), pairs, sizes=[SIZE] * len(view.marks), gaps=GAPS)
    expected = {mark.id: (x, y) for mark, x, y in zip(view.marks, placed.x, placed.y, strict=True)}
    assert {mark: pytest.approx(at, abs=0.01) for mark, at in page.places.items()} == expected
    # The script's own layout, after a group was opened, is that of the view with this group open.
    trainings = group(page, "Train")
    page.mark(trainings).locator(".toggle").click()
    opened = view.open(trainings)
    pairs = placed_pairs(opened)
    placed = layout(len(opened.marks), pairs, sizes=[SIZE] * len(opened.marks), gaps=GAPS)
    for at, x, y in zip(page.places.values(), placed.x, placed.y, strict=True):
        assert at == pytest.approx((x, y), abs=0.01)


def placed_pairs(view: View) -> list[tuple[int, int]]:
    places = {mark.id: place for place, mark in enumerate(view.marks)}
    ends = {(places[edge.source], places[edge.target]) for edge in view.edges}
    return sorted(pair for pair in ends if pair[0] != pair[1])


def test_a_link_holds_the_view(page: Opened) -> None:
    page.mark(group(page, "Model")).locator(".toggle").click()
    page.mark("artifact:3").dispatch_event("click")
    page.button("← Made from").click()
    marks, places, lit, details = page.marks, page.places, page.lit, page.details
    assert lit == {"artifact:1", "execution:2"}
    page.visit(page.fragment)
    assert (page.marks, page.places, page.lit, page.details) == (marks, places, lit, details)
    page.visit()
    assert len(page.marks) == 4


@pytest.mark.parametrize(
    "fragment",
    [
        "#open=0*g:x&open=9999999999*g&light=sideways&from=artifact:1",
        "#open=100*g:nothing&at=artifact:99&pin=artifact:99999",
        "#%E0%A4%A&&&===",
        "#light=path&from=artifact:99&to=<b>",
    ],
)
def test_a_link_that_makes_no_sense_is_passed_over(show: Show, file: Path, fragment: str) -> None:
    assert len(show(file, fragment).marks) == 4


def test_undo_takes_back_what_was_opened(page: Opened) -> None:
    first = page.marks
    page.mark(group(page, "Model")).locator(".toggle").click()
    second = page.marks
    page.mark(group(page, "Train")).locator(".toggle").click()
    third = page.marks
    assert len(first) < len(second) < len(third)
    page.button("Undo").click()
    assert page.marks == second
    page.press("z")
    assert page.marks == first
    assert page.button("Undo").is_disabled()
    page.button("Redo").click()
    page.press("y")
    assert page.marks == third


def test_a_group_of_many_goes_to_a_canvas_with_a_table(page: Opened) -> None:
    page.page.get_by_text("Groups").click()
    page.button("Open lineage.Model → 3,336 marks").click()
    assert page.page.locator("canvas.picture").count() == 1
    assert page.page.locator(".outline tbody tr").count() == 500
    assert "2,836 more marks" in page.page.locator(".outline").inner_text()
    page.page.get_by_text("Groups", exact=True).click()
    page.button("Open all → 10,000 marks").click()
    page.page.get_by_text("Groups", exact=True).click()
    assert page.button("Open all → 10,000 marks").is_disabled()
    page.button("Close all").click()
    assert len(page.marks) == 4


def test_search_finds_what_is_inside_a_closed_group(page: Opened) -> None:
    page.press("/")
    assert page.focused == "INPUT"
    page.page.keyboard.type("model 3000")
    assert "in Model" in page.page.locator(".hits button").first.inner_text()
    page.press("Enter")
    assert page.marks == ["artifact:1", *page.marks[1:]]
    assert "artifact:3002" in page.marks
    assert page.focused == "artifact:3002"
    assert "model 3000" in page.details
    assert page.named("3,332 more").count() == 1


def test_filters_leave_out_and_say_so(page: Opened) -> None:
    page.page.locator(".menu summary", has_text="Filter").click()
    page.page.get_by_label("lineage.Train (execution, 3,333)").uncheck()
    assert page.named("Train").count() == 0
    assert "3,333 left out by the filter" in page.status
    # What led to what is still seen: over what is left out.
    assert page.page.locator("path.line.via").count() == 1
    page.button("Show everything").click()
    assert page.named("Train").count() == 1


def test_what_is_opened_says_where_a_cut_answer_goes_on(show: Show, tmp_path: Path) -> None:
    nodes = [node(artifact(1), 1, "data"), *(node(execution(each), 3) for each in (1, 2, 3))]
    edges = [edge(artifact(1), execution(each)) for each in (1, 2, 3)]
    cut = Cut("hops", (execution(2),))
    view = view_of(graph(nodes, edges)._replace(cuts=(cut,)))
    page = show(written(view, tmp_path / "cut.html"))
    trainings = group(page, "Train")

    def going_on() -> list[str]:
        return [mark for mark in page.marks if "▸" in str(page.mark(mark).text_content())]

    assert going_on() == [trainings]
    page.mark(trainings).dblclick()
    assert going_on() == ["execution:2"]


def test_what_a_run_holds_has_ways_in_and_out(show: Show, tmp_path: Path) -> None:
    nodes = [node(artifact(each), 1, f"table {each}") for each in (1, 2, 3)]
    nodes += [node(execution(each), 3) for each in (1, 2)]
    edges = [edge(artifact(each), execution(each)) for each in (1, 2)]
    edges += [edge(execution(each), artifact(each + 1)) for each in (1, 2)]
    run = node(NodeKey(Kind.CONTEXT, 1), 5, "run")
    held = graph(nodes, edges)._replace(holders={execution(each): (run,) for each in (1, 2)})
    page = show(written(view_of(held, by="run"), tmp_path / "run.html"))
    page.mark(page.marks[1]).click()
    assert "lineage.Run · 3 nodes" in page.details
    page.press("d")
    assert page.lit == {"artifact:3"}
    page.press("u")
    assert page.lit == {"artifact:1"}


def test_one_menu_is_open_at_a_time(page: Opened) -> None:
    for name in ("Groups", "Filter"):
        page.page.locator(".menu summary", has_text=name).click()
        assert page.page.locator(".menu[open] summary").all_inner_texts() == [name]


def test_a_page_of_an_open_view_shows_it_open(show: Show, view: View, tmp_path: Path) -> None:
    models = next(mark.id for mark in view.marks if mark.type == "lineage.Model")
    page = show(written(view.open(models, page=5), tmp_path / "open.html"))
    assert len([mark for mark in page.marks if mark.startswith("artifact:")]) == 6
    assert page.named("3,328 more").count() == 1
    page.mark("artifact:2").locator(".toggle").click()
    assert len(page.marks) == 4
    page.press("Escape")
    page.visit(page.fragment)
    assert len(page.marks) == 4  # a link holds that nothing is open, too


def test_edges_of_some_members_say_of_how_many(show: Show, tmp_path: Path) -> None:
    nodes = [node(artifact(1), 1, "data")]
    nodes += [node(execution(number), 3) for number in range(1, 13)]
    nodes += [node(artifact(1 + number), 2) for number in range(1, 6)]
    edges = [edge(artifact(1), execution(number)) for number in range(1, 13)]
    edges += [edge(execution(number), artifact(1 + number)) for number in range(1, 6)]
    source = view_of(graph(nodes, edges), budget=8)
    page = show(written(source, tmp_path / "some.html"))
    said = {edge.text for edge in source.edges if edge.text}
    assert set(page.page.locator(".line-text").all_inner_texts()) == said


def test_cycles_are_drawn(show: Show, tmp_path: Path) -> None:
    nodes = [node(artifact(number), 2, f"m{number}") for number in range(1, 4)]
    nodes += [node(execution(number), 3) for number in range(1, 4)]
    edges = [edge(artifact(number), execution(number)) for number in range(1, 4)]
    edges += [edge(execution(number), artifact(number % 3 + 1)) for number in range(1, 4)]
    edges.append(edge(execution(1), artifact(1)))  # what it read it wrote
    page = show(written(graph(nodes, edges), tmp_path / "cycle.html"))
    assert len(page.marks) == 6
    page.mark("artifact:1").click()
    page.button("Both").click()
    assert page.lit == {"artifact:2", "artifact:3", "execution:1", "execution:2", "execution:3"}


def test_of_two_lines_there_and_back_neither_hides_the_other(show: Show, tmp_path: Path) -> None:
    both = [edge(artifact(1), execution(1)), edge(execution(1), artifact(1))]
    source = graph([node(artifact(1), 1), node(execution(1), 3)], both)
    lines = show(written(source, tmp_path / "back.html")).page.locator("path.line")
    heights = lines.evaluate_all("lines => lines.map(line => line.getBBox().y)")
    assert len(set(heights)) == 2


def test_of_more_than_a_page_holds_groups_are_asked_alone(
    show: Show, view: View, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineage.formats.embedding.MOST_NODES", 9_999)
    page = show(written(view, tmp_path / "groups.html"))
    assert len(page.marks) == 4
    assert "too many for a page: it holds their 4 groups" in page.status
    flows = page.page.locator(".flow").all_inner_texts()
    assert " ".join(flows[1].split()) == "→ Led to 9,999 3,333 Train, 3,333 Model, 3,333 Evaluate"
    page.named("Model").click()
    assert "too many nodes to open its groups" in page.details
    assert page.page.locator(".toggle").count() == 0
    page.press("e")
    assert len(page.marks) == 4
    page.press("u")
    assert page.page.locator("g.mark.is-lit").count() == 3
    page.press("/")
    page.page.keyboard.type("evaluate")
    page.press("Enter")
    assert page.named("Evaluate").get_attribute("aria-pressed") == "true"
