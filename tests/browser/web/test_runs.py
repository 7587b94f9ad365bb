"""The table of the demo's runs: sorted, filtered, as a file, and some of them compared."""

from __future__ import annotations

import csv
from pathlib import Path

import lineage
from tests.browser.web.served import Pages

CELLS = "rows => rows.map(row => [...row.cells].slice(1).map(cell => cell.textContent.trim()))"

GOOD = "metrics.training_accuracy > 0.9"


def table(pages: Pages) -> list[list[str]]:
    """The cells of the table, row by row, its header first."""
    rows = pages.page.locator("form.choose tr")
    return [[cell.rstrip(" ↑↓") for cell in row] for row in rows.evaluate_all(CELLS)]


def test_runs_are_sorted_filtered_and_compared(pages: Pages, store: lineage.Store) -> None:
    pages.visit("/")
    pages.named("navigation", "Pages").get_by_role("link", name="Runs").click()
    pages.page.wait_for_url("**/runs")
    assert [row[0] for row in table(pages)[1:]] == [str(row.key) for row in store.runs()]
    pages.named("link", "metrics.accuracy").click()
    pages.page.wait_for_url("**/runs?order=metrics.accuracy*")
    best = [str(row.key) for row in store.runs(order="metrics.accuracy desc")]
    assert [row[0] for row in table(pages)[1:]] == best
    pages.page.get_by_label("Only those where").fill("metrics.accuracy >")
    pages.page.get_by_role("button", name="Filter").click()
    fault = pages.page.get_by_role("alert")
    fault.wait_for()
    assert "column 19" in fault.inner_text()
    pointed = pages.text("pre.caret").splitlines()
    assert pointed == ["metrics.accuracy >", " " * 18 + "^"]
    pages.page.get_by_label("Only those where").fill(GOOD)
    pages.page.get_by_role("button", name="Filter").click()
    pages.page.wait_for_url("**training_accuracy*")
    good = store.runs(None, GOOD, order="metrics.accuracy desc")
    found = [str(row.key) for row in good]
    assert [row[0] for row in table(pages)[1:]] == found
    for key in found[:2]:
        pages.page.get_by_role("checkbox", name=f"Compare {key} ").check()
    pages.named("button", "Compare those that are ticked").click()
    pages.page.wait_for_url("**/compare?*")
    assert pages.page.get_by_role("heading", level=1).inner_text() == "Compare 2 models"
    refused = "422"  # what a browser says of the filter that was none
    pages.window.wrong = [each for each in pages.window.wrong if refused not in each]


def test_the_file_is_the_table(pages: Pages, tmp_path: Path) -> None:
    pages.visit("/runs?filter=type+%3D+'Training'&order=duration")
    shown = table(pages)
    with pages.page.expect_download() as downloading:
        pages.named("link", "as CSV").click()
    downloading.value.save_as(tmp_path / "runs.csv")
    with (tmp_path / "runs.csv").open(encoding="utf-8", newline="") as file:
        written = [*csv.reader(file)]
    assert written[0] == shown[0]
    assert len(written) == 7
    texts = [written[0].index(name) for name in ("state", "parameters.algorithm", "data", "model")]
    for row, cells in zip(written[1:], shown[1:], strict=True):
        assert f"execution:{row[0]}" == cells[0]
        assert [row[place] for place in texts] == [cells[place] for place in texts]
