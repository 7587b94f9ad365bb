"""Pictures as SVG, read by an XML parser: what is in them, what they say to whom, and what never gets in."""

import io
import re
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import IO, NamedTuple
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lineage
from lineage.answers.marks import Graph
from lineage.answers.view import View, view_of
from lineage.contract.backend import Backend
from lineage.contract.format import Dumper
from lineage.contract.walking import Cut, Direction, Limits
from lineage.errors import Invalid, NotFound
from lineage.formats import svg
from lineage.formats.svg.picture import picture
from lineage.formats.svg.styles import ROLES
from lineage.formats.svg.texts import fitted, safe, width, wrapped
from lineage.interchange.exporting import batches
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EDGE_ENDS, EdgeKind, EdgeRow, NodeRow
from lineage.model.schema import AnyType
from lineage.store import Store
from lineage.testing.builders import chain, eventful
from lineage.testing.formats.dumping import *  # noqa: F403
from lineage.testing.formats.graphs import HOSTILE

NAMESPACE = "{http://www.w3.org/2000/svg}"
TAGS = {"svg", "title", "desc", "style", "rect", "g", "path", "text"}
HARMFUL = re.compile(r"on\w+|href|src|style|.*:.*")
ATTACKS = [
    *HOSTILE,
    "</text></svg><script>alert(1)</script>",
    "javascript:alert(1)",
    '" onload="alert(1)',
    "--><![CDATA[",
    "عربي then English",
    "👩🏽‍🔬 🇩🇪 e\u0301",
    "\0" * 3,
    "x" * 1_000_000,
]


@pytest.fixture
def format() -> Dumper:  # noqa: A001 - the fixture's name
    return svg


class Picture:
    """What an XML parser finds in a picture."""

    def __init__(self, text: str | bytes) -> None:
        self.root = ET.fromstring(text)
        assert {each.tag.removeprefix(NAMESPACE) for each in self.root.iter()} <= TAGS
        assert not any(HARMFUL.fullmatch(name) for each in self.root.iter() for name in each.attrib)
        self.marks = [each for each in self.root.iter() if each.get("role") == "img"]
        self.labels = [mark.get("aria-label") or "" for mark in self.marks]
        lines = self.root.find(f"{NAMESPACE}g[@aria-hidden='true']")
        assert lines is not None
        self.edges = list(lines)
        legend = self.root.find(f"{NAMESPACE}g[@aria-label='Legend']")
        self.legend = [] if legend is None else texts_of(legend)
        self.texts = texts_of(self.root)

    def mark(self, label: str) -> ET.Element:
        """Return the one mark whose label has these words."""
        (found,) = (
            mark for mark, said in zip(self.marks, self.labels, strict=True) if label in said
        )
        return found

    def edge(self, title: str) -> ET.Element:
        """Return the one edge whose title has these words."""
        (found,) = (edge for edge in self.edges if title in title_of(edge))
        return found


def texts_of(element: ET.Element) -> list[str]:
    return [each.text or "" for each in element.iter(f"{NAMESPACE}text")]


def title_of(element: ET.Element) -> str:
    return element.findtext(f"{NAMESPACE}title") or ""


def classes_of(element: ET.Element) -> set[str]:
    return set((element.get("class") or "").split())


class Made(NamedTuple):
    """A graph made by hand: rows by number."""

    nodes: list[NodeRow]
    edges: list[EdgeRow]

    def graph(self, **more: object) -> Graph:
        return Graph(self.nodes, self.edges, TYPES)._replace(**more)

    def view(self, **more: object) -> View:
        return view_of(self.graph(**more))


TYPES: dict[int, AnyType] = {
    1: lineage.ArtifactType(name="Model"),
    2: lineage.ContextType(name="Team"),
    3: lineage.ExecutionType(name="Step"),
}
TYPE_OF = {kind: next(n for n, each in TYPES.items() if each.kind is kind) for kind in Kind}


def node(kind: Kind, number: int, name: str = "", **more: object) -> NodeRow:
    row = NodeRow(
        key=NodeKey(kind, number),
        type_id=TYPE_OF[kind],
        name=name or None,
        external_id=None,
        uri=None,
        state=None,
        properties="{}",
        custom="{}",
        created=0,
        updated=0,
        since=0,
        salt=b"",
    )
    return row._replace(**more)


def edge(source: NodeRow, target: NodeRow, kind: EdgeKind | None = None) -> EdgeRow:
    ends = (source.key.kind, target.key.kind)
    chosen = kind or next(each for each in reversed(EdgeKind) if EDGE_ENDS[each] == ends)
    return EdgeRow(source.key, target.key, chosen, None, None, 0, 0, 0)


def artifact(number: int, name: str = "", **more: object) -> NodeRow:
    return node(Kind.ARTIFACT, number, name, **more)


def execution(number: int, name: str = "", **more: object) -> NodeRow:
    return node(Kind.EXECUTION, number, name, **more)


def flow(*rows: NodeRow) -> list[EdgeRow]:
    return [
        edge(a, b, EdgeKind.INPUT if a.key.kind is Kind.ARTIFACT else EdgeKind.OUTPUT)
        for a, b in pairwise(rows)
    ]


@pytest.fixture
def fan(store: Store) -> View:
    """A data set, and the five models that were trained on it, one of which is deployed."""
    data = store.put(lineage.Dataset(uri="s3://lake/churn.csv"))
    for number in range(5):
        model = lineage.Model(name=f"m{number}")
        trained = store.record(lineage.Train(), inputs=[data], outputs=[model])
        if number == 0:
            store.record(lineage.Deploy(), inputs=trained.outputs)
    return store.view(data)


def test_a_view_is_drawn_mark_by_mark(fan: View) -> None:
    picture = Picture(fan.to_svg())
    assert len(picture.marks) == len(fan.marks)
    assert len(picture.edges) == len(fan.edges)
    said = {title_of(each).split(":")[0] for each in picture.edges}
    labels = {mark.id: mark.label for mark in fan.marks}
    assert said == {f"{labels[each.source]} → {labels[each.target]}" for each in fan.edges}


def test_marks_are_read_upstream_first(fan: View) -> None:
    labels = Picture(fan.to_svg()).labels
    assert labels[0].startswith("artifact churn.csv; asked about; leads to ")
    assert labels[-1].startswith("execution Deploy #2")
    order = [
        next(place for place, said in enumerate(labels) if name in said.split(";")[0])
        for name in ("churn.csv", "Train ×4", "Model ×4")
    ]
    assert order == sorted(order)


def test_a_picture_says_what_it_is(fan: View) -> None:
    picture = Picture(fan.to_svg())
    assert picture.root.get("role") == "graphics-document document"
    named = (picture.root.get("aria-labelledby") or "").split()
    title, words = picture.root[0], picture.root[1]
    assert named == [title.get("id"), words.get("id")]
    assert title.text == "Lineage of churn.csv"
    assert words.text == "12 nodes in 6 marks and 11 edges, as of transaction 7"


def test_equal_views_give_equal_bytes(fan: View) -> None:
    assert fan.to_svg() == view_of(fan.graph).to_svg()
    again = view_of(fan.graph._replace(nodes=fan.graph.nodes[::-1], edges=fan.graph.edges[::-1]))
    assert again.to_svg() == fan.to_svg()


def test_pictures_on_one_page_share_no_ids(fan: View) -> None:
    one, other = (
        re.findall(r' id="(\w+)"', each.to_svg())
        for each in (fan, fan.open(fan.marks[1].id) if fan.marks[1].rule else fan.open_whole())
    )
    assert len(one) == len(other) == 2
    assert set(one).isdisjoint(other)


def test_groups_are_stacks_that_say_how_many_and_why(fan: View) -> None:
    picture = Picture(fan.to_svg())
    group = picture.mark("group of artifacts Model ×4")
    assert [each.get("class") for each in group].count("shape") == 3
    assert texts_of(group) == ["alike in every way", "Model ×4"]
    assert [each.get("class") for each in picture.mark("artifact m0")].count("shape") == 1
    assert "group ×count: alike in every way" in picture.legend


def test_kinds_differ_in_shape(fan: View) -> None:
    parts = [artifact(1, "a"), execution(1, "e"), node(Kind.CONTEXT, 1, "c")]
    picture = Picture(Made(parts, []).view().to_svg())
    shapes = {}
    for mark in picture.marks:
        (shape,) = (each for each in mark if each.get("class") == "shape")
        shapes[next(iter(classes_of(mark) - {"mark"}))] = (shape.tag, shape.get("rx"))
    assert shapes == {
        "artifact": (f"{NAMESPACE}rect", "19"),
        "execution": (f"{NAMESPACE}rect", "1.5"),
        "context": (f"{NAMESPACE}path", None),
    }
    assert picture.legend == ["artifact", "execution", "context"]
    assert ".context .shape{stroke-dasharray" in svg_style(picture)


def svg_style(picture: Picture) -> str:
    return picture.root.findtext(f"{NAMESPACE}style") or ""


def test_edges_of_some_members_are_dashed_and_say_so() -> None:
    rows = [artifact(number) if number % 2 else execution(number) for number in range(1, 200)]
    view = view_of(Made(rows, flow(*rows)).graph(), budget=8)
    some = [each for each in view.edges if not each.every]
    assert some
    picture = Picture(view.to_svg())
    dashed = [each for each in picture.edges if any("some" in classes_of(part) for part in each)]
    assert len(dashed) == len(some)
    assert [texts_of(each) for each in dashed] == [[each.text] for each in some]
    assert "edge of some members" in picture.legend


@pytest.mark.parametrize(
    ("more", "state", "style"),
    [
        ({"gone": True}, "gone", "gone"),
        ({"gone": True, "salt": None}, "purged", "gone"),
        ({"state": 4}, "failed", "failed"),
        ({"state": 2}, "running", ""),
        ({"state": 5}, "cached", ""),
    ],
)
def test_states_have_a_word_and_a_sign(more: dict[str, object], state: str, style: str) -> None:
    picture = Picture(Made([execution(1, "fit", **more)], []).view().to_svg())
    (mark,) = picture.marks
    assert state in texts_of(mark)[0]
    assert state in picture.labels[0]
    assert [each.get("class") for each in mark].count("sign") == 1
    assert classes_of(mark) - {"mark", "execution"} == ({style} if style else set())
    assert picture.legend == ["execution", state]


def test_roles_have_a_colour_a_sign_and_a_line_of_the_legend() -> None:
    rows = [artifact(number, f"n{number}") for number in range(1, len(ROLES) + 1)]
    roles = {row.key: role for row, role in zip(rows, ROLES, strict=True)}
    badges = {row.key: str(number) for number, row in enumerate(rows, start=1)}
    view = Made(rows, []).view(roles=roles, badges=badges)
    picture = Picture(view.to_svg())
    for number, (role, (sign, said)) in enumerate(ROLES.items(), start=1):
        mark = picture.mark(f"n{number};")
        assert role in classes_of(mark)
        assert texts_of(mark)[2:] == [str(number), sign]
        assert f"{role}; number {number}" in (mark.get("aria-label") or "")
        assert said in picture.legend
        assert f".{role} .shape{{" in svg_style(picture)
    assert len({sign for sign, _ in ROLES.values()}) == len(ROLES)


def test_what_was_cut_continues(backend: Backend) -> None:
    keys = chain(backend, 6)
    view = Store(backend).view(keys[0], limits=Limits(hops=3))
    picture = Picture(view.to_svg())
    (mark,) = (
        each for each in picture.marks if any("continues ▸" in text for text in texts_of(each))
    )
    assert "leads further than the answer" in (mark.get("aria-label") or "")
    assert "leads further than the answer" in picture.legend
    assert any("cut by its limit of hops" in text for text in picture.texts)
    assert "cut by its limit of hops" in (picture.root[1].text or "")


def test_a_picture_is_of_its_moment(store: Store) -> None:
    data = store.put(lineage.Dataset(uri="s3://lake/churn.csv"))
    (model,) = store.record(
        lineage.Train(), inputs=[data], outputs=[lineage.Model(name="m")]
    ).outputs
    then = store.log()[0].number
    before = store.view(data).to_svg()
    store.record(lineage.Deploy(), inputs=[model])
    store.delete(model)
    assert store.at(then).view(data).to_svg() == before
    assert store.at(then).downstream(data).to_svg() != store.downstream(data).to_svg()
    now = Picture(store.view(data).to_svg())
    assert "gone" in classes_of(now.mark("artifact m;"))


def test_a_whole_store_is_a_picture(store: Store) -> None:
    eventful(store.backend)
    target = io.BytesIO()
    svg.dump(batches(store.backend), target)
    picture = Picture(target.getvalue())
    assert picture.root[0].text == "Lineage"
    assert any("holds" in label for label in picture.labels)


def test_contexts_that_hold_much_have_no_lines() -> None:
    rows = [artifact(number, f"n{number}") for number in range(1, 7)]
    few, many = node(Kind.CONTEXT, 1, "few"), node(Kind.CONTEXT, 2, "many")
    edges = [edge(few, row) for row in rows[:2]] + [edge(many, row) for row in rows]
    roles = {
        row.key: role for row, role in zip(rows, ROLES, strict=False)
    }  # each a mark of its own
    picture = Picture(Made([*rows, few, many], edges).view(roles=roles).to_svg())
    assert texts_of(picture.mark("context many"))[0].endswith(" · holds 6 marks")
    assert len(picture.edges) == 2
    assert all("few → " in title_of(each) for each in picture.edges)
    assert not any("arrow" in classes_of(part) for each in picture.edges for part in each)


def test_a_node_that_leads_nowhere_and_nothing_at_all() -> None:
    assert len(Picture(Made([artifact(1)], []).view().to_svg()).marks) == 1
    nothing = Picture(Made([], []).view().to_svg())
    assert (nothing.marks, nothing.edges, nothing.legend) == ([], [], [])
    assert nothing.root[1].text == "0 nodes and 0 edges, as of transaction 0"


def test_contexts_alone_are_drawn() -> None:
    parent, child = node(Kind.CONTEXT, 1, "parent"), node(Kind.CONTEXT, 2, "child")
    picture = Picture(Made([parent, child], [edge(parent, child)]).view().to_svg())
    assert [label.split(";")[0] for label in picture.labels] == ["context parent", "context child"]
    assert picture.labels[0].endswith("holds child")
    assert picture.legend == ["context", "holds"]


def test_what_a_context_holds_is_said_to_be_nodes() -> None:
    team = node(Kind.CONTEXT, 1, "team")
    first, then = execution(1, "first"), execution(2, "then")
    graph = Made([first, then, artifact(1, "model")], flow(first, artifact(1), then)).graph(
        holders={row.key: (team,) for row in (first, then)}
    )
    picture = Picture(view_of(graph, by="Team").to_svg())
    assert [label.split(";")[0] for label in picture.labels] == ["group of nodes team ×3"]


def test_cycles_loops_and_twins_are_drawn() -> None:
    a, run, b, again = artifact(1, "same"), execution(1), artifact(2, "same"), execution(2)
    edges = [*flow(a, run, b, again, a), *flow(run, a)]
    picture = Picture(Made([a, run, b, again], edges).view(focus=(a.key, b.key)).to_svg())
    assert len(picture.marks) == 4
    assert len(picture.edges) == 5
    assert sum(label.startswith("artifact same #") for label in picture.labels) == 2


def test_a_group_may_lead_to_itself() -> None:
    rows = [artifact(number) if number % 2 else execution(number) for number in range(1, 200)]
    view = view_of(Made(rows, flow(*rows)).graph(), budget=8, show="artifacts")
    loops = [each for each in view.edges if each.source == each.target]
    picture = Picture(view.to_svg())
    assert loops
    assert len(picture.edges) == len(view.edges)


def test_highlighting_dims_all_else(fan: View) -> None:
    data, model = fan.graph.focus[0], next(row.key for row in fan.graph.nodes if row.name == "m0")
    assert dimmed(fan.to_svg()) == set()
    one = dimmed(fan.to_svg(highlight=[model]))
    assert one == {"group of executions Train ×4", "group of artifacts Model ×4"}
    up = dimmed(fan.to_svg(highlight=[model], direction="upstream"))
    assert up - one == {"execution Deploy #2"}
    assert dimmed(fan.to_svg(highlight=[model, data])) == up
    assert dimmed(fan.to_svg(highlight=[data], direction=Direction.DOWNSTREAM)) == set()
    picture = Picture(fan.to_svg(highlight=[model]))
    assert sum("dim" in classes_of(each) for each in picture.edges) == 2
    assert "not highlighted" in picture.legend


def dimmed(text: str) -> set[str]:
    return {
        (mark.get("aria-label") or "").split(";")[0]
        for mark in Picture(text).marks
        if "dim" in classes_of(mark)
    }


def test_marks_of_a_picture_in_a_page_are_links(fan: View) -> None:
    """All else is the same, but that the page has the style."""
    plain, linked = fan.to_svg(), picture(fan, link_of=lambda mark: f"/?a={mark.id}&b")
    unlinked = re.sub(r"</?a\b[^>]*>", "", linked).replace("</g>\n\n", "</g>\n")
    unstyled = re.sub(r"(?s)<style>.*</style>\n", "", plain)
    own_ids = re.compile(r"\bl[0-9a-f]{10}")  # which are made of all that is drawn
    assert own_ids.sub("", unlinked) == own_ids.sub("", unstyled)
    links = ET.fromstring(linked).iter(f"{NAMESPACE}a")
    assert {each.get("href") for each in links} == {f"/?a={mark.id}&b" for mark in fan.marks}


def test_groups_do_not_lead_a_highlight_astray() -> None:
    """Of two chains in one picture, alike node by node, only the one that was meant is highlighted."""
    rows = [
        (artifact(2 * n + 1, f"d{n}"), execution(n + 1), artifact(2 * n + 2, f"m{n}"))
        for n in range(12)
    ]
    made = Made(
        [each for some in rows for each in some], [each for some in rows for each in flow(*some)]
    )
    view = made.view(focus=(rows[0][0].key, rows[5][2].key))
    text = view.to_svg(highlight=[rows[0][0].key, rows[5][2].key])
    assert {mark.get("aria-label", "").split(";")[0] for mark in Picture(text).marks} - dimmed(
        text
    ) == {
        "artifact d0",
        "artifact m5",
    }


class Plain:
    """A format that dims nothing."""

    def draw(self, view: View, target: IO[bytes]) -> Collection[str]:
        target.write(f"{len(view)} marks".encode())
        return ()


def test_what_cannot_be_highlighted_is_refused(fan: View, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound, match="artifact:99"):
        fan.to_svg(highlight=[NodeKey(Kind.ARTIFACT, 99)])
    with pytest.raises(Invalid, match="sideways"):
        fan.to_svg(highlight=[fan.graph.focus[0]], direction="sideways")
    with pytest.raises(Invalid, match="graphml"):
        fan.export("graphml")
    with pytest.raises(Invalid, match="unheard"):
        fan.export("unheard")
    monkeypatch.setattr("lineage.answers.view.format_object", lambda _: Plain())
    assert fan.export("plain") == "6 marks"
    with pytest.raises(Invalid, match="'plain' dims nothing"):
        fan.export("plain", highlight=fan.graph.focus)


@pytest.mark.parametrize("name", ATTACKS)
def test_hostile_names_stay_names(name: str) -> None:
    data, run, model = artifact(1, name, uri=name), execution(1, name), artifact(2, name)
    graph = Made([data, run, model], flow(data, run, model)).graph(
        notes=(name,),
        aliases={model.key: (name,)},
        badges={data.key: name},
        focus=(data.key,),
        cuts=(Cut("nodes", (model.key,)),),
    )
    text = view_of(graph).to_svg()
    assert len(text) < 60_000
    assert len(Picture(text).marks) == 3


hostile_texts = st.text(max_size=20) | st.sampled_from(ATTACKS[:-1])


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(hostile_texts, min_size=1, max_size=8),
    pairs=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=16),
)
def test_any_graph_of_any_names_is_xml(
    names: Sequence[str], pairs: Sequence[tuple[int, int]]
) -> None:
    rows = [
        artifact(number, name) if number % 2 else execution(number, name)
        for number, name in enumerate(names, start=1)
    ]
    edges = {
        (a % len(rows), b % len(rows)): row
        for a, b in pairs
        for row in flow(rows[a % len(rows)], rows[b % len(rows)])
        if (a + b) % 2
    }
    view = Made(rows, list(edges.values())).view(focus=tuple(row.key for row in rows))
    picture = Picture(view.to_svg())
    assert len(picture.marks) == len(view.marks)
    assert len(picture.edges) == len(view.edges)


@pytest.mark.slow
def test_a_hundred_thousand_nodes_are_a_small_picture() -> None:
    nodes, edges = [], []
    for number in range(1, 33_001):
        parts = (artifact(2 * number), execution(number), artifact(2 * number + 1))
        nodes += parts
        edges += flow(*parts)
        if number > 1:
            edges += flow(nodes[-4], parts[1])
    target = io.BytesIO()
    (said,) = svg.draw(view_of(Made(nodes, edges).graph()), target)
    assert re.fullmatch(r"the picture has \d+ marks for 99,000 nodes: alike ones are one", said)
    assert len(target.getvalue()) < 150_000
    assert any("99,000 nodes in " in text for text in Picture(target.getvalue()).texts)


def test_a_picture_of_five_hundred_marks_has_them_apart() -> None:
    rows = [artifact(number, f"file-{number}") for number in range(1, 501)]
    picture = Picture(
        view_of(Made(rows, []).graph(focus=tuple(row.key for row in rows)), budget=1000).to_svg()
    )
    places = Counter(mark.get("transform") for mark in picture.marks)
    assert len(picture.marks) == len(places) == 500


def test_styles_hold_inside_pictures_alone(fan: View) -> None:
    style = svg_style(Picture(fan.to_svg()))
    assert "@media screen and (prefers-color-scheme:dark)" in style
    assert "@media print" in style
    rules = [line for line in style.splitlines() if "{" in line and not line.startswith("@")]
    assert all(
        selector.startswith(".lineage-svg ")
        for rule in rules
        for selector in rule.split("{")[0].split(",")
    )
    assert not {"url(", "@import", "<", "&"} & set(re.findall(r"url\(|@import|<|&", style))


def test_texts_fit_their_room() -> None:
    for text in ATTACKS[:-1]:
        for room in (20.0, 60.0, 200.0):
            cut = fitted(text, room, 12)
            assert width(cut, 12) <= room
            assert cut == text or "…" in cut
    assert fitted("training-data-2024-11.parquet", 120, 12).endswith("rquet")
    assert not fitted("e\u0301" * 50, 60, 12).split("…")[1].startswith("\u0301")
    lines = list(wrapped("a note of some words " * 8, 150, 10))
    assert len(lines) > 3
    assert all(width(line, 10) <= 150 for line in lines)
    assert list(wrapped("", 150, 10)) == []
    assert " ".join(lines).split() == ("a note of some words " * 8).split()


def test_aliases_stay_whole_as_long_as_there_is_room() -> None:
    row = artifact(1, "a-model-of-a-very-long-name-indeed-2024-11")
    for alias, whole in (("production", True), ("x" * 40, False)):
        view = Made([row], []).view(aliases={row.key: (alias,)})
        (mark,) = Picture(view.to_svg()).marks
        name = texts_of(mark)[1]
        assert "…" in name
        assert name.endswith(f" @{alias}") == whole
        assert f"@{alias}" in title_of(mark)


def test_what_xml_cannot_hold_is_replaced() -> None:
    assert safe("a\ufffe\uffffb") == "a��b"
    assert safe("\ud800") == "\\ud800"


def test_notebooks_show_the_picture_and_the_table(fan: View) -> None:
    bundle = fan._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "image/svg+xml"}
    assert bundle["image/svg+xml"] == fan.to_svg()
    assert 'src="data:image/svg+xml;base64,' in bundle["text/html"]
    assert fan._repr_html_() in bundle["text/html"]
    assert set(fan._repr_mimebundle_(include=["text/html"])) == {"text/html"}
    assert "text/html" not in fan._repr_mimebundle_(exclude=["text/html"])


def test_an_answer_shows_its_view_in_notebooks(store: Store) -> None:
    model = store.put(lineage.Model(name="m"))
    answer = store.upstream(model)
    bundle = answer._repr_mimebundle_()
    assert bundle["image/svg+xml"] == answer.view().to_svg() == answer.to_svg()
    assert answer.export("svg") == answer.to_svg()
    assert answer._repr_html_() in bundle["text/html"]


def test_other_answers_show_theirs_too(store: Store) -> None:
    data = store.put(lineage.Dataset(name="lake"))
    one, other = (
        store.record(lineage.Train(), inputs=[data], outputs=[lineage.Model(name=name)]).outputs[0]
        for name in "ab"
    )
    answers = [
        store.impact(data),
        store.diff(one, other),
        store.compare(one, other),
        store.paths(data, one),
    ]
    for answer in answers:
        bundle = answer._repr_mimebundle_()
        assert bundle["image/svg+xml"] == answer.view().to_svg()
        assert answer._repr_html_() in bundle["text/html"]


def test_a_picture_that_fails_does_not_hide_the_table(
    fan: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> str:
        raise RuntimeError

    monkeypatch.setattr(svg, "picture", fails)
    bundle = fan._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/html"] == fan._repr_html_()


def test_many_notes_are_counted() -> None:
    notes = tuple(f"note {number}" for number in range(20))
    texts = Picture(Made([artifact(1)], []).view(notes=notes).to_svg()).texts
    assert texts[-13:] == [*notes[:12], "… and 8 more notes"]


def test_what_a_context_holds_is_no_way() -> None:
    team, data, run = node(Kind.CONTEXT, 1, "team"), artifact(1, "data"), execution(1, "run")
    edges = [edge(team, data), edge(team, run), *flow(data, run)]
    view = Made([team, data, run], edges).view()
    assert dimmed(view.to_svg(highlight=[run.key])) == {"context team"}
    assert dimmed(view.to_svg(highlight=[team.key])) == {"artifact data", "execution run"}


def test_focus_is_ringed(fan: View) -> None:
    picture = Picture(fan.to_svg())
    ringed = [mark for mark in picture.marks if any("ring" in classes_of(part) for part in mark)]
    assert ringed == [picture.mark("churn.csv;")]
    assert "asked about" in picture.legend
