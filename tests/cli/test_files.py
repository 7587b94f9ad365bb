"""Graphs in and out of files through the command."""

import io
import json
import subprocess
import sys
from pathlib import Path

import networkx
import pytest

import lineage
from lineage.interchange import mirroring as following
from tests.cli.conftest import Shell


def test_whole_store_goes_out_and_in_again(shell: Shell, runs: Path, tmp_path: Path) -> None:
    answer = shell("export", "backup.json")
    assert answer == (0, "Wrote backup.json as node-link, as of transaction 2.\n", "")
    brought = shell("import", "backup.json", "--store", "copy.db", "--message", "restored")
    assert brought.code == 0
    assert "6 nodes" in brought.out
    nodes = ("find", "artifact", "--json")
    assert shell(*nodes, "--store", "copy.db").json == shell(*nodes).json
    assert "restored" in shell("log", "--store", "copy.db").out


def test_import_in_parts_says_from_where_to_where(
    shell: Shell, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("export", "backup.json")
    monkeypatch.setattr("lineage.interchange.importing.BATCH_RECORDS", 5)
    out = shell("import", "backup.json", "--store", "copy.db").out
    with lineage.connect("copy.db") as store:
        number = store.backend.now()
    assert number > 2
    assert out.rstrip().endswith(f" in transactions 1 to {number}.")


def test_export_as_json_tells_what_was_written(shell: Shell, runs: Path) -> None:
    document = shell("export", "--as-of", "1", "graph.mmd", "--json").json
    assert document["file"] == "graph.mmd"
    assert (document["format"], document["number"], document["truncated"]) == ("mermaid", 1, [])
    assert Path("graph.mmd").read_text().startswith("flowchart")


def test_export_to_a_pipe_is_node_link_unless_told(shell: Shell, runs: Path) -> None:
    assert len(json.loads(shell("export").out)["nodes"]) == 6
    assert shell("export", "-", "--format", "dot").out.startswith("digraph")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], {"artifact:1", "execution:1", "artifact:2"}),
        (["--upstream"], {"artifact:1", "execution:1", "artifact:2"}),
        (["--downstream"], {"artifact:2"}),
        (["--upstream", "--downstream"], {"artifact:1", "execution:1", "artifact:2"}),
        (["--from", "artifact:3", "--downstream"], {"artifact:2", "artifact:3"}),
    ],
)
def test_lineage_of_a_node(shell: Shell, runs: Path, options: list[str], found: set[str]) -> None:
    document = json.loads(shell("export", "--from", "artifact:2", *options).out)
    assert {each["id"] for each in document["nodes"]} == found


def test_lineage_has_the_edges_past_the_node(shell: Shell) -> None:
    with lineage.connect("lineage.db") as store:
        data, model = store.put([lineage.Dataset(name="data"), lineage.Model(name="model")])
        store.record(lineage.Train(), inputs=[data], outputs=[model])
        store.record(lineage.Evaluate(), inputs=[model, data])
    document = json.loads(shell("export", "--from", "artifact:2").out)
    ids = [each["id"] for each in document["nodes"]]
    assert ids == ["artifact:1", "artifact:2", "execution:1", "execution:2"]
    assert {(each["source"], each["target"]) for each in document["edges"]} == {
        ("artifact:1", "execution:1"),
        ("execution:1", "artifact:2"),
        ("artifact:2", "execution:2"),
        ("artifact:1", "execution:2"),
    }


def test_lineage_of_an_earlier_moment_has_no_later_edges(shell: Shell) -> None:
    with lineage.connect("lineage.db") as store:
        data, model = store.put([lineage.Dataset(name="data"), lineage.Model(name="model")])
        store.record(lineage.Train(), inputs=[data], outputs=[model])
        store.record(lineage.Evaluate(), inputs=[model])
        event = lineage.Event(artifact=data.key, execution="execution:2", type="INPUT")
        store.put(event)
    found = [
        {(each["source"], each["target"]) for each in json.loads(shell(*asked).out)["edges"]}
        for asked in (
            ("export", "--from", "artifact:2"),
            ("export", "--from", "artifact:2", "--as-of", "3"),
        )
    ]
    assert found[0] - found[1] == {("artifact:1", "execution:2")}
    assert len(found[1]) == 3


def test_each_side_of_a_lineage_says_where_it_was_cut(shell: Shell, runs: Path) -> None:
    answer = shell("export", "graph.json", "--from", "artifact:1", "--hops", "1", "--json")
    (cut,) = answer.json["truncated"]
    assert cut == {"limit": "hops", "frontier": ["execution:1", "execution:2"]}


def test_losses_are_said(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store:
        store.put(lineage.Dataset(custom_properties={"a": float("nan")}, uri="s3://x\x01"))
    answer = shell("export", "store.graphml")
    losses = answer.err.splitlines()
    assert losses
    assert all(line.startswith("lineage: ") for line in losses)
    document = shell("export", "store.graphml", "--json").json
    assert [f"lineage: {each}" for each in document["losses"]] == losses


def test_csv_is_two_files_of_which_the_answer_tells(shell: Shell, runs: Path) -> None:
    answer = shell("export", "graph.csv", "--from", "artifact:1")
    assert answer.out.startswith("Wrote graph.nodes.csv and graph.edges.csv as csv, as of")
    nodes = Path("graph.nodes.csv").read_text()
    document = shell("export", "then.csv", "--as-of", "1", "--json").json
    assert document["files"] == ["then.nodes.csv", "then.edges.csv"]
    assert Path("then.nodes.csv").stat().st_size < len(nodes)
    before = set(Path().iterdir())
    refused = shell("export", "--format", "csv")
    assert (refused.code, refused.out) == (4, "")
    assert "several files (nodes, edges)" in refused.err
    assert set(Path().iterdir()) == before


@pytest.mark.parametrize("format", ["mlmd", "png"])
def test_a_terminal_gets_no_format_that_is_no_text(
    shell: Shell, runs: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setattr("lineage.cli.files.on_terminal", lambda _: True)
    answer = shell("export", "--format", format)
    assert (answer.code, answer.out) == (2, "")
    assert f"{format} is no text that a terminal shows: name a FILE" in answer.err


@pytest.mark.parametrize("format", ["gexf", "cytoscape", "graphml"])
def test_graphs_of_other_tools_are_piped_as_of_a_moment(
    shell: Shell, runs: Path, format: str
) -> None:
    whole = shell("export", "--format", format).out
    then = shell("export", "--format", format, "--as-of", "1").out
    part = shell("export", "--format", format, "--from", "artifact:1", "--hops", "0").out
    assert len(part) < len(whole) > len(then)
    assert all("artifact:1" in each for each in (whole, then, part))


def test_graphml_of_another_program_is_imported_and_what_it_lost_is_said(shell: Shell) -> None:
    graph = networkx.DiGraph()
    graph.add_node("raw", kind="artifact", type="lineage.Dataset")
    graph.add_node("fit", kind="execution", type="Fit")
    graph.add_edge("raw", "fit", weight=2)
    networkx.write_graphml(graph, "graph.graphml")
    answer = shell("import", "graph.graphml")
    assert answer.out == "Wrote 1 type, 2 nodes and 1 edge in transaction 1.\n"
    assert "the attribute 'weight' of edges" in answer.err
    assert "raw" in shell("show", "artifact:1").out
    again = shell("import", "graph.graphml")
    assert again.out == "Nothing to write: the store has all of it.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["export", "graph.unheard"], 4, "unheard"),
        (["export", "--format", "unheard"], 4, "unheard"),
        (["export", "no/such/folder/graph.json"], 4, "no/such/folder"),
        (["export", "--json"], 2, "name one"),
        (["export", "--upstream"], 2, "--from"),
        (["export", "graph.json", "--from", "artifact:99"], 3, "artifact:99"),
    ],
)
def test_faults_of_export(
    shell: Shell, runs: Path, arguments: list[str], code: int, says: str
) -> None:
    before = set(Path().iterdir())
    answer = shell(*arguments)
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err
    assert set(Path().iterdir()) == before


def test_import_from_a_pipe(shell: Shell, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = shell("export").out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    document = shell("import", "-", "--store", "copy.db", "--actor", "bob", "--json").json
    assert (document["nodes"], document["transactions"]) == (6, [1])
    assert shell("log", "--store", "copy.db", "--json").json["entries"][0]["actor"] == "bob"


def test_ids_of_a_store_that_holds_others_need_new_ones(shell: Shell, runs: Path) -> None:
    shell("export", "backup.json", "--from", "Dataset:lake", "--hops", "0")
    with lineage.connect("other.db") as store:
        store.put(lineage.Dataset(uri="s3://other"))
    refused = shell("import", "backup.json", "--store", "other.db")
    assert refused.code in (4, 5)
    assert shell("import", "backup.json", "--store", "other.db", "--new-ids").code == 0
    assert "lake" in shell("show", "artifact:2", "--store", "other.db").out


@pytest.mark.parametrize("text", ["{", "[]", '{"nodes": [{"id": 1}], "links": []}'])
def test_malformed_import_leaves_nothing(shell: Shell, text: str) -> None:
    Path("bad.json").write_text(text)
    answer = shell("import", "bad.json", "--store", "new.db")
    assert (answer.code, answer.out) == (4, "")
    assert answer.err.startswith("lineage: Invalid: ")
    assert list(Path().iterdir()) == [Path("bad.json")]


@pytest.mark.parametrize("format", ["xls", "dot"])
def test_import_in_a_format_that_is_not_read_leaves_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"{}")))
    answer = shell("import", "-", "--format", format)
    assert (answer.code, answer.out) == (4, "")
    assert format in answer.err
    assert not list(Path().iterdir())


def test_full_disk_is_told(shell: Shell, runs: Path) -> None:
    answer = shell("export", "/dev/full", "--format", "dot")
    assert (answer.code, answer.out) == (4, "")
    assert "/dev/full cannot be written: No space left on device" in answer.err


def test_missing_import_makes_no_store(shell: Shell) -> None:
    answer = shell("import", "nothing.json")
    assert (answer.code, answer.out) == (3, "")
    assert "nothing.json" in answer.err
    assert not list(Path().iterdir())


def test_a_database_of_mlmd_is_written_and_followed(
    shell: Shell, runs: Path, tmp_path: Path
) -> None:
    assert shell("export", "mlmd.sqlite", "--format", "mlmd").code == 0
    first = shell("import", "mlmd.sqlite", "--format", "mlmd", "--store", "copy.db")
    assert first.code == 0
    assert "6 nodes" in first.out
    assert "were compared" in first.out
    again = shell("import", "mlmd.sqlite", "--format", "mlmd", "--store", "copy.db", "--json")
    assert again.json["transactions"] == []
    assert again.json["verified"] > 6
    nodes = ("find", "artifact", "--json")
    there = shell(*nodes, "--store", "copy.db").json["items"]
    assert [each["name"] for each in there] == [
        each["name"] for each in shell(*nodes).json["items"]
    ]


def test_news_of_a_database_are_counted(shell: Shell, runs: Path) -> None:
    exported, brought = (
        ("export", "mlmd.sqlite", "--format", "mlmd"),
        ("import", "mlmd.sqlite", "--format", "mlmd", "--store", "copy.db"),
    )
    shell(*exported)
    number = len(shell(*brought, "--json").json["transactions"])
    with lineage.connect(runs) as store:
        lake = store.get(lineage.Artifact, 1)
        store.update(lake.replace(uri="s3://pool"))
        store.put(lineage.Dataset(name="pond"))
    shell(*exported)
    assert shell(*brought).out.startswith(
        f"Wrote 0 types, 1 node, 1 update and 0 edges in transaction {number + 1}.\nAll "
    )


def test_an_mlmd_file_that_is_opened_as_a_store_says_how_to_import_it(
    shell: Shell, runs: Path
) -> None:
    shell("export", "mlmd.sqlite", "--format", "mlmd")
    answer = shell("types", "--store", "mlmd.sqlite")
    assert answer.code == 10
    assert "bring it in with: lineage import " in answer.err
    assert "mlmd.sqlite --format mlmd" in answer.err


def test_a_store_is_not_exported_onto_itself(shell: Shell, runs: Path) -> None:
    before = runs.read_bytes()
    Path("link.json").symlink_to(runs)
    Path("hard.json").hardlink_to(runs)
    names = (str(runs), "link.json", "hard.json")
    others = (f"{runs}-wal", f"{runs}-journal", f"{runs}-lock")
    for arguments in (
        *(("export", file) for file in (*names, *others)),
        *(("import", file) for file in names),
    ):
        answer = shell(*arguments, "--format", "mlmd", "--store", str(runs))
        assert answer.code == 4
        assert "is the store itself" in answer.err
    assert runs.read_bytes() == before
    assert not Path(f"{runs}-wal").exists()


@pytest.mark.parametrize("command", ["export", "types"])
def test_output_does_not_go_into_the_store(command: str, runs: Path) -> None:
    before = runs.read_bytes()
    with runs.open("ab") as output:
        run = subprocess.run(
            [sys.executable, "-m", "lineage.cli", command, "--store", str(runs)],
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert run.returncode == 4
    assert "is the store itself" in run.stderr
    assert runs.read_bytes() == before


def test_a_source_that_changes_all_the_while_is_said(
    shell: Shell, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("export", "mlmd.sqlite", "--format", "mlmd")
    monkeypatch.setattr(following, "MOST_PASSES", 1)
    answer = shell("import", "mlmd.sqlite", "--format", "mlmd", "--store", "copy.db")
    assert answer.code == 0
    assert "nothing was compared; import again" in answer.err


def test_what_a_database_cannot_be(shell: Shell, tmp_path: Path) -> None:
    for arguments, code in (
        (["nowhere.sqlite"], 3),
        (["grpc://127.0.0.1:1"], 9),
        (["grpc://nowhere"], 4),
        (["nowhere.sqlite", "--new-ids"], 4),
    ):
        answer = shell("import", *arguments, "--format", "mlmd", "--store", "none.db")
        assert answer.code == code, answer.err
        assert not Path("none.db").exists()
