"""The command `view`: a tree of marks that fits the line, and its document."""

from pathlib import Path

import pytest

import lineage
from lineage.cli.tables import columns_of
from lineage.testing.builders import Clock
from tests.cli.conftest import Shell


@pytest.fixture
def fan(tmp_path: Path) -> Path:
    """A data set that a run made, twelve models of it, and what five of them were evaluated to."""
    path = tmp_path / "lineage.db"
    with lineage.connect(path, actor="ann", clock=Clock()) as store:
        made = store.record(
            lineage.Process(name="ingest"), outputs=[lineage.Dataset(uri="s3://lake/churn.csv")]
        )
        for number in range(12):
            trained = store.record(
                lineage.Train(name=f"fit {number}"),
                inputs=made.outputs,
                outputs=[lineage.Model(name=f"m{number}")],
            )
            if number < 5:
                store.record(
                    lineage.Evaluate(), inputs=trained.outputs, outputs=[lineage.Metrics()]
                )
    return path


def test_a_tree_goes_up_and_down_from_the_node(shell: Shell, fan: Path) -> None:
    answer = shell("view", "lineage.Model:m3")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "m3 Model artifact:8",
        "  made from",
        "  ↑ fit 3 Train execution:8",
        "  ↑ churn.csv Dataset artifact:1",
        "  ↑ ingest Process execution:1",
        "  led to",
        "  ↓ Evaluate #9 Evaluate execution:9",
        "  ↓ Metrics #9 Metrics artifact:9",
        "",
        "6 marks of 6 nodes, as of transaction 18.",
    ]


def test_groups_are_counted_and_open_by_their_ids(shell: Shell, fan: Path) -> None:
    answer = shell("view", "s3://lake/churn.csv", "--downstream")
    lines = answer.out.splitlines()
    assert lines[:2] == ["churn.csv Dataset artifact:1", "  led to"]
    assert [line[:13] for line in lines[2:8]] == [
        *("  ├ Train ×5 ", "  │ ↓ Model ×5"[:13], "  │ ↓ Evaluat", "  │ ↓ Metrics"),
        *("  └ Train ×7 ", "    ↓ Model ×"),
    ]
    group = lines[2].split()[-1]
    assert f"--open {group}" in answer.out
    opened = shell("view", "s3://lake/churn.csv", "--downstream", "--open", f"{group}=2").out
    assert "├ fit 0 Train execution:2" in opened
    assert "Train, more ×3 g:" in opened
    assert "Model ×5" in opened
    assert "1 of 5" in opened


def test_a_mark_is_told_once_and_referred_to(shell: Shell, fan: Path) -> None:
    with lineage.connect(fan) as store:
        models = [store.get("lineage.Model:m0"), store.get("lineage.Model:m1")]
        store.record(lineage.Transform(name="join"), inputs=models, outputs=[lineage.Model()])
    lines = shell("view", "lineage.Transform:join").out.splitlines()
    assert [line for line in lines if "churn.csv" in line] == ["  ↑ churn.csv Dataset artifact:1"]
    lines = shell("view", "lineage.Model:m0", "lineage.Model:m1").out.splitlines()
    assert "churn.csv Dataset artifact:1 (above)" in "\n".join(lines)


def test_executions_become_edges(shell: Shell, fan: Path) -> None:
    lines = shell("view", "lineage.Model:m3", "--show", "artifacts").out.splitlines()
    assert lines[2:5] == [
        "  ↑ churn.csv Dataset artifact:1 by fit 3",
        "  led to",
        "  ↓ Metrics #9 Metrics artifact:9 by Evaluate",
    ]


def test_the_document_has_marks_and_edges(shell: Shell, fan: Path) -> None:
    document = shell("view", "s3://lake/churn.csv", "--json").json
    assert list(document) == [
        *("marks", "edges", "notes", "opened", "budget", "show", "by", "truncated", "number")
    ]
    assert document["marks"][0]["id"] == "artifact:1"
    assert document["marks"][0]["is_focus"]
    assert sum(mark["count"] for mark in document["marks"]) == 36
    assert document["edges"][0]["kinds"] in (["INPUT"], ["OUTPUT"])
    assert document["budget"] == 60


def test_a_cut_is_said_where_it_is_and_in_all(shell: Shell, fan: Path) -> None:
    answer = shell("view", "s3://lake/churn.csv", "--downstream", "--hops", "1")
    assert "Train ×12 g:" in answer.out
    assert "continues ▸" in answer.out
    assert "the limit of hops cut it" in answer.err


def test_a_state_of_the_past(shell: Shell, fan: Path) -> None:
    assert "Train ×1" not in shell("view", "s3://lake/churn.csv", "--as-of", "2").out
    assert "fit 0" in shell("view", "s3://lake/churn.csv", "--as-of", "2").out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--budget", "3"], 4, "8 to 10,000"),
        (["--by", "Nothing"], 3, "neither run, versions nor folder"),
        (["--by", "run", "--show", "artifacts"], 4, "show all with it"),
        (["--open", "g:none"], 3, "there are: g:"),
        (["--open", "g:none=0"], 4, "1 to 100"),
        (["--show", "contexts"], 2, "--show"),
    ],
)
def test_what_cannot_be_is_said(
    shell: Shell, fan: Path, options: list[str], code: int, said: str
) -> None:
    answer = shell("view", "s3://lake/churn.csv", *options)
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err


def test_lines_fit_the_page_however_long_names_and_chains_are(shell: Shell, fan: Path) -> None:
    with lineage.connect(fan) as store:
        data = store.get("artifact:1")
        for number in range(40):
            sides = [lineage.Dataset(name=f"数据{'宽' * 60} {number} {side}") for side in range(2)]
            made = store.record(
                lineage.Process(name=f"{number}{'x' * 300}"), inputs=[data], outputs=sides
            )
            store.record(lineage.Train(name=f"{number}"), inputs=made.outputs[1:])
            data = made.outputs[0]
    lines = shell("view", "s3://lake/churn.csv", "--budget", "500").out.splitlines()
    tree = lines[: lines.index("")]
    assert len(lines) > 100
    assert max(map(columns_of, tree)) <= 80
    assert any(line.endswith("(below)") for line in lines)
    told = [line.split()[-1] for line in lines if "execution:" in line and "(" not in line]
    assert len(told) == len(set(told))
