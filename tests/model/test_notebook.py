"""What a notebook shows is escaped, capped, and there whatever happens."""

from datetime import datetime, timedelta, timezone
from html import escape
from math import inf

from lineage.model.notebook import ROWS, html_answer, html_table, safely
from tests.pages import HOSTILE, Page


class Broken:
    def __str__(self) -> str:
        raise RuntimeError(HOSTILE)


def test_table_holds_what_it_is_given() -> None:
    page = Page(html_table("two", ["a", "b"], [(1, "x"), (None, 0.5)], more=1200))
    shown = zip(page.tags, page.texts, strict=True)
    cells = [(tag, text) for tag, text in shown if tag in ("caption", "th", "td")]
    assert cells == [
        ("caption", "two"),
        ("th", "a"),
        ("th", "b"),
        ("td", "1"),
        ("td", "x"),
        ("td", ""),
        ("td", "0.5"),
        ("td", "… and 1,200 more"),
    ]


def test_hostile_text_is_text_everywhere() -> None:
    html = html_table(HOSTILE, [HOSTILE], [[HOSTILE], [{HOSTILE: [HOSTILE]}], [Broken()]])
    page = Page(html)
    assert set(page.tags) == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert page.texts.count("<script>alert('1')</script>\"&amp;\\n\\x1b[31m\\u202egnp") == 3
    assert "cannot be shown (RuntimeError)" in page.texts
    assert html.replace("\n", "").isprintable()


def test_text_is_escaped_as_by_the_standard_library() -> None:
    text = """<a href='x' title="y">&amp;</a>"""
    page = html_table(text, [text], [[text]])
    assert page.count(escape(text)) == 3
    assert escape(text) in safely(lambda: str(1 // 0), text)


def test_table_is_capped() -> None:
    html = html_table("x" * 10_000_000, ["n"], [["y" * 10_000_000]] * (ROWS + 3), more=4)
    assert len(html) < 100 * 2 * ROWS
    assert "… and 7 more" in html
    assert Page(html).tags.count("tr") == 1 + ROWS + 1


def test_row_that_is_none_is_said() -> None:
    html = html_table("c", ["n"], [None, [1]])
    assert Page(html).texts.count("cannot be shown (TypeError)") == 1
    assert "1" in Page(html).texts


def test_failure_becomes_a_line() -> None:
    def build() -> str:
        raise LookupError(HOSTILE)

    page = Page(safely(build, f"{HOSTILE} {'z' * 10_000_000}"))
    assert page.tags == ["pre"]
    assert page.texts[0].startswith("<script>")
    assert page.texts[0].endswith("cannot be shown (LookupError)")


def test_long_answer_folds() -> None:
    notes = [f"{HOSTILE} {number}" for number in range(60)]
    html = html_answer("c", ["n"], [[number] for number in range(60)], more=5, notes=notes)
    page = Page(html)
    assert html.index("<details>") > html.index("<td>19</td>")
    assert html.index("<td>20</td>") > html.index("<summary>45 more rows</summary>")
    assert page.texts.count("… and 15 more") == 1  # 10 of ours, and 5 that were left out before
    assert html.index("57 more notes") > html.index(" 2</p>")
    assert page.tags.count("p") == ROWS + 1
    assert "… and 10 more" in page.texts
    assert set(page.tags) <= {
        *("table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary", "p")
    }


def test_short_answer_is_one_table() -> None:
    html = html_answer("c", ["n"], [[number] for number in range(20)], more=5, notes=["a", "b"])
    assert "details" not in html
    assert Page(html).texts[-3:] == ["… and 5 more", "a", "b"]


def test_digests_are_cut() -> None:
    digits = "0123456789abcdef" * 4
    whole = [f"s3://lake/{digits}", f"oci://a@sha256:{digits}", "deadbeef", digits + "g"]
    cells = [digits, f"sha256:{digits}", f"digest=sha256:{digits}, depth=3", *whole]
    texts = Page(html_answer("c", ["n"], [[cell] for cell in cells])).texts
    assert [text for text in texts if "…" in text] == [
        "0123456789ab…",
        "sha256:0123456789ab…",
        "digest=sha256:0123456789ab…, depth=3",
    ]
    assert {*whole} <= {*texts}


def test_times_and_floats_are_as_long_as_people_read_them() -> None:
    moment = datetime(2026, 3, 1, 1, 2, 3, 456789, timezone(timedelta(hours=1)))
    row = (moment, 0.36618396654, 0.8003, 1_234_567.0, 1e-07, 12345678901, "0.36618396654", inf)
    page = Page(html_answer("", [""] * len(row), [row]))
    assert page.texts[-len(row) :] == [
        *("2026-03-01 00:02:03Z", "0.366184", "0.8003", "1234567.0", "1e-07"),
        *("12345678901", "0.36618396654", "inf"),
    ]
