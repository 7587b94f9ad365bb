"""What a notebook shows is escaped, capped, and there whatever happens."""

from html import escape
from html.parser import HTMLParser

import lineage
from lineage.answers.notebook import ROWS, html_table, safely
from lineage.contract.backend import Backend
from lineage.queries.provenance import upstream
from lineage.store import Store
from lineage.testing.builders import writing

HOSTILE = "<script>alert('1')</script>\"&amp;\n\x1b[31m\u202egnp"


class Page(HTMLParser):
    """Reads HTML as a browser does: its tags, and the text of each cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.texts.append("")
        assert {name for name, _ in attrs} <= {"colspan"}

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data.removesuffix("\n")


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


# Subgraphs


def test_subgraph_shows_its_nodes(store: Store) -> None:
    data, run = lineage.Dataset(name=HOSTILE), lineage.Train(custom_properties={"depth": 3})
    model = store.record(run, inputs=[data], outputs=[lineage.Model(uri="s3://m")]).outputs[0]
    store.delete("artifact:1")
    page = Page(store.upstream(model)._repr_html_())
    assert "Subgraph: 3 nodes, 2 edges as of 2" in page.texts
    cells = [text for tag, text in zip(page.tags, page.texts, strict=True) if tag == "td"]
    hostile = "<script>alert('1')</script>\"&amp;\\n\\x1b[31m\\u202egnp (gone)"
    assert cells == [
        *("0", "artifact:2", "lineage.Model", "s3://m"),
        *("1", "execution:1", "lineage.Train", "depth=3"),
        *("2", "artifact:1", "lineage.Dataset", hostile),
    ]


def test_subgraph_shows_that_it_was_cut(backend: Backend) -> None:
    with writing(backend) as new:
        run = new.execution()
        for number in range(70):
            new.edge(new.artifact(name=f"{number}" * 10_000), run)
    answer = upstream(backend, [run], limits=lineage.Limits(nodes=65))
    page = Page(answer._repr_html_())
    assert "Subgraph: 65 nodes, 64 edges as of 1, cut by nodes" in page.texts
    assert f"… and {65 - ROWS} more" in page.texts


def test_row_that_cannot_be_read_does_not_hide_the_others(backend: Backend) -> None:
    with writing(backend) as new:
        data, other, run = new.artifact(name="lake"), new.artifact(uri="s3://sea"), new.execution()
        new.path(data, run)
        new.path(other, run)
    answer = upstream(backend, [run])
    answer._rows[0] = answer._rows[0]._replace(properties="{")
    answer._rows[2] = answer._rows[2]._replace(properties="{")  # a URI is shown without them
    page = Page(answer._repr_html_())
    assert any("execution:1: its row cannot be read" in text for text in page.texts)
    assert {"lake", "s3://sea"} <= {*page.texts}
    answer._walk = None  # type: ignore[assignment]
    assert Page(answer._repr_html_()).texts == ["Subgraph: cannot be shown (AttributeError)"]
