"""Pictures by `lineage export`: of a lineage, highlighted, of an earlier moment, of a whole store."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import lineage
from lineage.answers.view import Viewed
from lineage.contract.walking import Limits
from lineage.store import Store
from tests.cli.conftest import Shell


def labels_of(text: str) -> list[str]:
    """Return what a screen reader says of each mark."""
    return [
        each.get("aria-label", "")
        for each in ET.fromstring(text).iter()
        if each.get("role") == "img"
    ]


def test_a_lineage_is_the_picture_of_its_view(shell: Shell, runs: Path) -> None:
    answer = shell("export", "picture.svg", "--from", "artifact:2")
    assert answer.out == "Wrote picture.svg as svg, as of transaction 2.\n"
    with lineage.connect(runs) as store:
        assert Path("picture.svg").read_text() == store.view("artifact:2").to_svg()
        limits = Limits(hops=1)
        view = store.view("artifact:1", direction="downstream", limits=limits)
    asked = (
        "export",
        "-",
        "--format",
        "svg",
        "--from",
        "artifact:1",
        "--downstream",
        "--hops",
        "1",
    )
    assert shell(*asked).out == view.to_svg()
    assert any("leads further" in each for each in labels_of(view.to_svg()))


def test_names_that_people_gave_are_in_it(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store:
        store.alias("models", "production", "artifact:2")
    shell("export", "picture.svg", "--from", "artifact:2")
    assert any("@production" in each for each in labels_of(Path("picture.svg").read_text()))


def test_a_highlight_dims_the_rest(shell: Shell, runs: Path) -> None:
    shell("export", "plain.svg", "--from", "artifact:1")
    shell("export", "one.svg", "--from", "artifact:1", "--highlight", "artifact:2")
    shell(
        *("export", "way.svg", "--from", "artifact:1"),
        *("--highlight", "artifact:1", "--highlight", "artifact:2"),
    )
    plain, one, way = (Path(f"{each}.svg").read_text() for each in ("plain", "one", "way"))
    assert plain.count(' dim"') == 0
    assert one.count(' dim"') > 0
    with lineage.connect(runs) as store:
        keys = [store.key_of("artifact:1"), store.key_of("artifact:2")]
        assert way == store.view("artifact:1").to_svg(highlight=keys)


def test_an_earlier_moment_and_the_whole_store(shell: Shell, runs: Path) -> None:
    shell("export", "then.svg", "--from", "artifact:2", "--as-of", "1")
    with lineage.connect(runs) as store:
        assert Path("then.svg").read_text() == store.at(1).view("artifact:2").to_svg()
    shell("export", "whole.svg")
    assert len(labels_of(Path("whole.svg").read_text())) > 3


def test_what_is_grouped_is_said(shell: Shell) -> None:
    with lineage.connect("lineage.db") as store:
        data = store.put(lineage.Dataset(name="data"))
        for _ in range(5):
            store.record(lineage.Train(), inputs=[data], outputs=[lineage.Model()])
    answer = shell("export", "picture.svg", "--from", "artifact:1")
    assert answer.err == "lineage: the picture has 3 marks for 11 nodes: alike ones are one\n"


def test_a_picture_shows_what_a_view_shows(shell: Shell) -> None:
    with lineage.connect("lineage.db") as store:
        data = store.put(lineage.Dataset(name="data"))
        for _ in range(5):
            store.record(lineage.Train(), inputs=[data], outputs=[lineage.Model()])
        group = store.view(data).marks[-1].id
        opened = store.view(data, opened=[f"{group}=2"]).to_svg()
        artifacts = store.view(data, show="artifacts").to_svg()
        runs = store.view(data, by="versions", budget=8).to_svg()
    for options, picture in (
        (("--open", f"{group}=2"), opened),
        (("--show", "artifacts"), artifacts),
        (("--by", "versions", "--budget", "8"), runs),
    ):
        shell("export", "picture.svg", "--from", "artifact:1", *options)
        assert Path("picture.svg").read_text() == picture


@pytest.fixture
def compared(shell: Shell) -> None:
    """A table, a model made of it twice, of which one serves."""
    with lineage.connect("lineage.db") as store:
        data = store.put(lineage.Dataset(name="data"))
        store.record(lineage.Train(), inputs=[data], outputs=[lineage.Model(name="one")])
        made = store.record(lineage.Train(), inputs=[data], outputs=[lineage.Model(name="other")])
        store.record(lineage.Deploy(name="serve"), inputs=made.outputs)


QUESTIONS = {
    "impact": ["artifact:1"],
    "diff": ["artifact:2", "artifact:3"],
    "compare": ["artifact:2", "artifact:3"],
    "path": ["artifact:1", "artifact:3"],
    "since": ["artifact:1", "--since", "2"],
}
ASKED: dict[str, Callable[..., Viewed]] = {
    "impact": Store.impact,
    "diff": Store.diff,
    "compare": Store.compare,
    "path": Store.paths,
    "since": partial(Store.since, since=2),
}


@pytest.mark.usefixtures("compared")
@pytest.mark.parametrize("command", QUESTIONS)
def test_answers_are_drawn_beside_what_is_printed(shell: Shell, command: str) -> None:
    plain = shell(command, *QUESTIONS[command])
    answer = shell(command, *QUESTIONS[command], "--picture", "picture.svg")
    assert answer.out == plain.out
    assert answer.err.endswith("lineage: wrote picture.svg\n")
    with lineage.connect("lineage.db") as store:
        nodes = [each for each in QUESTIONS[command] if ":" in each]
        ask = ASKED[command]
        assert Path("picture.svg").read_text() == ask(store, *nodes).view().to_svg()
    assert (
        "picture.svg"
        not in shell(command, *QUESTIONS[command], "--picture", "picture.svg", "--json").out
    )


@pytest.mark.usefixtures("compared")
@pytest.mark.parametrize("command", QUESTIONS)
@pytest.mark.parametrize(
    ("file", "code", "says"),
    [("picture.json", 2, ".svg"), ("picture", 4, "suffix"), ("no/such/picture.svg", 4, "no/such")],
)
def test_faults_of_an_answer_s_picture(
    shell: Shell, command: str, file: str, code: int, says: str
) -> None:
    before = set(Path().iterdir())
    answer = shell(command, *QUESTIONS[command], "--picture", file)
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err
    assert set(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["no/such/folder/picture.svg", "--from", "artifact:1"], 4, "no/such/folder"),
        (["picture.svg", "--highlight", "artifact:1"], 2, "--from"),
        (["graph.json", "--from", "artifact:1", "--highlight", "artifact:1"], 2, "svg"),
        (["picture.svg", "--from", "artifact:1", "--highlight", "artifact:99"], 3, "artifact:99"),
        (["picture.svg", "--from", "artifact:99"], 3, "artifact:99"),
        (["picture.svg", "--show", "artifacts"], 2, "--from"),
        (["graph.dot", "--from", "artifact:1", "--by", "run"], 2, "svg"),
        (["picture.svg", "--from", "artifact:1", "--budget", "1"], 4, "8 to 10,000"),
        (["picture.svg", "--from", "artifact:1", "--open", "g:none"], 3, "g:none"),
    ],
)
def test_faults_leave_no_file(
    shell: Shell, runs: Path, arguments: list[str], code: int, says: str
) -> None:
    before = set(Path().iterdir())
    answer = shell("export", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err
    assert set(Path().iterdir()) == before
