"""Pictures in a real browser: what is heard and in which order, that texts fit, that dark and paper differ."""

from pathlib import Path
from typing import Any

import pytest

import lineage
from lineage.answers.view import View
from tests.browser.opened import Window
from tests.formats.test_svg import ATTACKS

ROOM = """groups => groups.flatMap(group => {
  const shape = [...group.querySelectorAll('.shape')].pop().getBBox();
  return [...group.querySelectorAll(':scope > text')].filter(text => {
    const box = text.getBBox();
    return box.x < shape.x || box.x + box.width > shape.x + shape.width;
  }).map(text => text.textContent);
})"""


@pytest.fixture(scope="module")
def view() -> View:
    """A model and what it was made from, under names that attack, with a run that failed."""
    with lineage.connect("memory:") as store:
        data = store.put([lineage.Dataset(name=name) for name in ATTACKS[:-1]])
        made = store.record(
            lineage.Train(name="fit", state="FAILED"),
            inputs=data,
            outputs=[lineage.Model(name="m")],
        )
        store.record(lineage.Deploy(name="serve"), inputs=made.outputs)
        return store.view(made.outputs[0]).open_whole()


@pytest.fixture
def opened(chromium: Any, view: View, tmp_path: Path) -> Any:
    path = tmp_path / "picture.svg"
    path.write_text(view.to_svg())
    window = Window(chromium)
    window.page.goto(path.as_uri())
    yield window.page
    window.check()


def test_marks_are_heard_upstream_first(opened: Any, view: View) -> None:
    assert opened.get_by_role("img").count() == len(view.marks)
    labels = opened.get_by_role("img").evaluate_all("all => all.map(each => each.ariaLabel)")
    assert labels[-3].startswith("execution fit; failed; leads to m")
    assert labels[-2].startswith("artifact m; asked about; leads to serve")
    assert labels[-1].startswith("execution serve")
    assert opened.title() == "Lineage of m"


def test_texts_stay_inside_their_marks(opened: Any) -> None:
    names = opened.locator("g.mark").evaluate_all(ROOM)
    # Fonts for emoji and for Chinese may be missing here: the boxes in their place are as wide as a browser likes.
    assert [each for each in names if each.isascii()] == []


def test_dark_is_for_screens_and_paper_is_light(opened: Any) -> None:
    looks = {}
    for media, scheme in (("screen", "light"), ("screen", "dark"), ("print", "dark")):
        opened.emulate_media(media=media, color_scheme=scheme)
        looks[media, scheme] = opened.locator("rect.paper").evaluate(
            "paper => getComputedStyle(paper).fill"
        )
    assert looks["screen", "light"] == looks["print", "dark"] == "rgb(255, 255, 255)"
    assert looks["screen", "dark"] != looks["screen", "light"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read(opened: Any, scheme: str) -> None:
    """At a contrast of 4.5 at least, as WCAG 2.2 asks for small text."""
    opened.emulate_media(color_scheme=scheme)
    pairs = opened.locator("g.mark").evaluate_all(
        """marks => marks.flatMap(mark => [...mark.querySelectorAll(':scope > text')].map(text =>
        [getComputedStyle(text).fill, getComputedStyle(mark.querySelector('.shape')).fill]))"""
    )
    for text, ground in {tuple(pair) for pair in pairs}:
        light, dark = sorted((_luminance(text), _luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


def _luminance(colour: str) -> float:
    parts = [int(each) / 255 for each in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
