"""The questions as commands: what people read, and the document that programs read."""

import re
from pathlib import Path

import pytest

import lineage
from tests.cli.conftest import Shell

pytestmark = pytest.mark.usefixtures("runs")


def test_show_tells_a_models_data_parameters_run_and_context(shell: Shell) -> None:
    shown = shell("show", "artifact:2")
    assert (shown.code, shown.err) == (0, "")
    lines = [line.split() for line in shown.out.splitlines()]
    assert lines[0] == ["artifact:2", "Model", "m1", "(model)"]
    assert ["accuracy", "0.1", "artifact:2", "by", "execution:1", "Train"] in lines
    assert ["rate", "1.0"] in lines
    assert ["artifact:1", "Dataset", "lake", "2", "edges", "away"] in lines
    assert ["context:1", "Experiment", "churn"] in lines
    assert "recorded no environment" in shown.out


def test_show_as_json(shell: Shell) -> None:
    shown = shell("show", "artifact:2", "--json").json
    assert shown["node"]["id"] == "artifact:2"
    assert shown["parameters"] == {"rate": 1.0}
    assert [(each["node"]["name"], each["distance"]) for each in shown["datasets"]] == [("lake", 2)]
    assert [each["id"] for each in shown["runs"]] == ["execution:1"]
    assert (shown["truncated"], shown["number"]) == (None, 2)


def test_all_paths_of_an_input_are_shown(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store, store.run(lineage.Train(), environment=False) as run:
        run.input(store.key_of("artifact:1"), use="train", path=0)
        run.input(store.key_of("artifact:1"), use="eval")
    shown = shell("show", str(run.key))
    assert "Inputs\n  artifact:1  Dataset  lake  INPUT  train.0, eval" in re.sub(
        " {2,}", "  ", shown.out
    )
    [read] = shell("show", str(run.key), "--json").json["inputs"]
    assert read["paths"] == [["train", 0], ["eval"]]


def test_show_an_execution_and_a_context(shell: Shell) -> None:
    run = shell("show", "Train:run 1").out
    assert "Inputs\n  artifact:1  Dataset  lake" in run
    assert "Outputs\n  artifact:2  Model  m1" in run
    members = shell("show", "Experiment:churn", "--json").json["members"]
    assert "execution:2" in {each["id"] for each in members}


def test_parents_and_children_are_no_owners(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store:
        whole = store.put(lineage.Context(type="Experiment", name="whole"))
        part = store.get("context:1")
        store.put(lineage.ParentContext(parent=whole.key, child=part.key))
    assert "Parents and children\n  context:1" in shell("show", "Experiment:whole").out
    assert "Belongs to\n  context:1" in shell("show", "artifact:2").out


def test_long_sections_are_cut_for_people_alone(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store:
        for _ in range(40):
            store.record(lineage.Process(), inputs=[store.get("artifact:1")])
    shown = shell("show", "artifact:1").out
    assert "… and 17 more; --json has all" in shown
    assert len(shown.splitlines()) < 60
    assert len(shell("show", "artifact:1", "--json").json["readers"]) == 42


def test_peers(shell: Shell) -> None:
    assert "artifact:3  Model  m2" in shell("peers", "artifact:2").out
    answer = shell("peers", "Dataset:lake", "--json").json
    assert {each["model"]["id"] for each in answer["models"]} == {"artifact:2", "artifact:3"}
    assert {each["dataset"] for each in answer["models"]} == {"artifact:1"}


def test_compare_marks_the_rows_that_differ(shell: Shell) -> None:
    answer = shell("compare", "artifact:2", "artifact:3")
    lines = [line.split() for line in answer.out.splitlines()]
    assert lines[0] == ["artifact:2", "artifact:3"]
    assert ["*", "parameters", "rate", "1.0", "2.0"] in lines
    assert any(line[:2] == ["data", "Dataset"] for line in lines)
    rows = shell("compare", "artifact:2", "artifact:3", "--json").json["rows"]
    (rate,) = [row for row in rows if row["name"] == "rate"]
    assert rate == {
        "section": "parameters",
        "name": "rate",
        "values": [1.0, 2.0],
        "differs": True,
        "formal": False,
    }
    (created,) = [row for row in rows if row["name"] == "created"]
    assert created["formal"]
    assert any(line[:2] == ["run", "created"] for line in lines)


def test_impact_gives_the_path_as_the_reason(shell: Shell) -> None:
    answer = shell("impact", "artifact:1").out
    assert answer.startswith("2 artifacts are affected if artifact:1 changes\n\nModels\n")
    assert "because artifact:1 Dataset → execution:1 Train → artifact:2 Model" in answer
    affected = shell("impact", "artifact:1", "--json").json["affected"]
    assert affected[0]["path"] == ["artifact:1", "execution:1", "artifact:2"]


def test_impact_shows_what_is_deployed_first_and_a_long_reason_without_its_middle(
    shell: Shell, runs: Path
) -> None:
    with lineage.connect(runs) as store:
        made = store.get("artifact:2")
        for _ in range(6):
            (made,) = store.record(
                lineage.Transform(), inputs=[made], outputs=[lineage.Dataset()]
            ).outputs
        store.record(lineage.Deploy(name="serve"), inputs=[made])
    answer = shell("impact", "artifact:1").out
    deployed, rest = answer.split("\n\n")[1:3]
    assert deployed.startswith("Deployed\n  artifact:9")
    assert "deployed by execution:9" in deployed
    assert "(9 more)" in deployed
    assert rest.startswith("Models\n  artifact:2")
    assert max(map(len, answer.splitlines())) <= 80


def test_impact_along_a_long_chain_shows_the_ends_of_each_reason(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store, store.transaction():
        made = store.get("artifact:2")
        for _ in range(150):
            (made,) = store.record(
                lineage.Transform(), inputs=[made], outputs=[lineage.Dataset()]
            ).outputs
    far = shell("impact", "artifact:1").out[-160:]
    assert "(299 more)" in far
    assert far.rstrip().endswith(f"→ {made.key} lineage.Dataset")
    affected = {
        each["distance"]: each["path"]
        for each in shell("impact", "artifact:1", "--json").json["affected"]
    }
    assert len(affected[200]) == 201
    assert affected[202] is None


def test_diff_reads_like_a_diff(shell: Shell) -> None:
    answer = shell("diff", "artifact:2", "artifact:3").out
    assert "- artifact:2  Model  m1\n+ artifact:3  Model  m2" in answer
    assert "    - properties.rate = 1.0\n    + properties.rate = 2.0\n" in answer
    assert "1 node is in both" in answer
    document = shell("diff", "artifact:2", "artifact:3", "--json").json
    changes = [change for each in document["differences"] for change in each["changes"]]
    assert {"field": "properties.rate", "left": 1.0, "right": 2.0} in changes
    assert document["shared"] == ["artifact:1"]


def test_since_tells_what_changed(shell: Shell) -> None:
    with lineage.connect("lineage.db") as store:
        model = store.get("artifact:3")
        store.update(model.replace(name="best", uri=f"s3://{'models/' * 20}"), message="named")
        store.unlink("artifact:1", "execution:1")
        store.delete("artifact:2")
    answer = shell("since", "artifact:1", "--since", "1").out
    assert (
        answer
        == """artifact:1  Dataset  lake
4 nodes and 3 edges changed from transaction 1 to 5; 1 node did not.

New
  artifact:3   Model  best
  execution:2  Train  run 2  COMPLETE

Deleted
  artifact:2  Model  m1  gone

No longer reached
  execution:1  Train  run 1  COMPLETE

New edges
  artifact:1 → execution:2  INPUT
  execution:2 → artifact:3  OUTPUT

Ended edges
  artifact:1 → execution:1  INPUT
"""
    )
    answer = shell("since", "artifact:3", "--since", "2", "--upstream").out
    assert "Changed\n  artifact:3  Model  best\n    - name = m2\n    + name = best\n" in answer
    assert max(map(len, answer.splitlines())) < 100
    document = shell("since", "artifact:3", "--since", "2", "--json").json
    assert document["nodes"][0]["what"] == "changed"
    assert document["nodes"][0]["changes"][0] == {"field": "name", "left": "m2", "right": "best"}
    assert (document["since"], document["number"], document["truncated"]) == (2, 5, [[], []])
    cut = shell("since", "artifact:1", "--since", "2", "--hops", "1").err
    assert "the earlier lineage is not whole, the limit of hops cut it" in cut
    assert "the later lineage is not whole, the limit of hops cut it" in cut


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["artifact:1"], 2, "--since"),
        (["artifact:1", "--since", "9"], 3, "there is no transaction 9 yet"),
        (["artifact:1", "--since", "2", "--as-of", "1"], 3, "it does not know 2"),
        (["artifact:1", "--since", "soon"], 4, "is not a time"),
        (["artifact:9", "--since", "1"], 3, "there is no artifact:9"),
    ],
)
def test_faults_of_since(shell: Shell, arguments: list[str], code: int, says: str) -> None:
    answer = shell("since", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err


def test_versions(shell: Shell) -> None:
    answer = shell("versions", "artifact:2").out
    assert answer.startswith("2 versions\n")
    listed = [line.split()[:2] for line in answer.splitlines()[2:]]
    assert listed == [["1", "artifact:2"], ["2", "artifact:3"]]
    document = shell("versions", "artifact:3", "--json").json
    assert [each["id"] for each in document["artifacts"]] == ["artifact:2", "artifact:3"]


def test_versions_without_names_tell_their_uri_once(shell: Shell) -> None:
    with lineage.connect("unnamed.db") as store:
        store.put([lineage.Model(uri="s3://models/churn"), lineage.Model(uri="s3://models/churn")])
    answer = shell("versions", "artifact:1", "--store", "unnamed.db").out.splitlines()
    assert [line.count("s3://models/churn") for line in answer] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "artifact:3"),
        ("peers", "artifact:3"),
        ("compare", "artifact:3", "artifact:2"),
        ("diff", "artifact:3", "artifact:2"),
        ("impact", "artifact:3"),
        ("versions", "artifact:3"),
        ("upstream", "artifact:3"),
        ("downstream", "artifact:3"),
        ("path", "artifact:1", "artifact:3"),
        ("log", "artifact:3"),
        ("export", "--from", "artifact:3"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_questions_are_asked_of_an_earlier_moment(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell(*arguments).code == 0
    then = shell(*arguments, "--as-of", "1")
    assert (then.code, then.out) == (3, "")
    assert "there is no artifact:3" in then.err


@pytest.mark.parametrize("moment", ["2", "2030-01-01", "2030-01-01T12:00:00Z"])
def test_moments(shell: Shell, moment: str) -> None:
    assert shell("show", "artifact:3", "--as-of", moment).code == 0


@pytest.mark.parametrize(
    ("moment", "code", "says"),
    [
        ("3", 3, "there is no transaction 3 yet"),
        ("9" * 18, 3, "there is no transaction"),
        ("9" * 30, 4, "is not a time"),
        ("yesterday", 4, "'yesterday' is not a time"),
        ("2026-03-01T12:00:00", 4, "has no time zone"),
        ("-1", 4, "is not a"),
    ],
)
def test_what_is_no_moment(shell: Shell, moment: str, code: int, says: str) -> None:
    answer = shell("show", "artifact:3", f"--as-of={moment}")
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err


def test_uri_means_its_newest_artifact_and_says_so(shell: Shell) -> None:
    answer = shell("show", "s3://models/churn", "--json")
    assert answer.json["node"]["id"] == "artifact:3"
    assert answer.err == (
        "lineage: s3://models/churn: the newest is artifact:3; it is also the URI of artifact:2\n"
    )
    assert shell("show", "s3://models/churn", "--as-of", "1").err == ""


def test_ambiguous_name_lists_the_candidates(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store:
        store.put(lineage.ArtifactType(name="Train"))
        store.put(lineage.Artifact(type="Train", name="run 1"))
    answer = shell("show", "Train:run 1")
    assert answer.code == 4
    assert "may mean execution:1 (Train), artifact:4 (Train); name one by its key" in answer.err


def test_diff_of_long_chains_tells_the_last_steps_of_each_place(shell: Shell, runs: Path) -> None:
    ends = []
    with lineage.connect(runs) as store, store.transaction():
        for name in ("a", "b"):
            made: list[lineage.Artifact] = [lineage.Artifact(type="Train", name=name)]
            store.put(lineage.ArtifactType(name="Train"), can_omit=True)
            for turn in range(150):
                last = lineage.Artifact(type="Train", name=f"{name} {turn}")
                made = [*store.record(lineage.Transform(), inputs=made, outputs=last).outputs]
            ends.append(str(made[0].key))
    *_, far = [line for line in shell("diff", *ends).out.splitlines() if line.startswith("@")]
    assert far.startswith("@ (294 more) < Train < lineage.Transform < Train")
    places = [each["place"] for each in shell("diff", *ends, "--json").json["differences"]]
    assert places[:2] == [["Train"], ["Train", "lineage.Transform", "Train"]]
    assert len(places[99]) == 199
    assert places[100] is None


@pytest.fixture
def retried(runs: Path) -> Path:
    """A store in which a run that failed wrote a model again, and one of its own."""
    with lineage.connect(runs) as store:
        data = store.put(lineage.Dataset(uri="raw"))
        for name, state in (("first", "COMPLETE"), ("retry", "FAILED")):
            outputs = [
                lineage.Model(uri="again", custom_properties={"digest": "d"}),
                lineage.Model(name=name),
            ]
            store.record(lineage.Train(name=name, state=state), inputs=data.key, outputs=outputs)
        store.record(lineage.Train(state="FAILED"), outputs=lineage.Dataset(uri="raw"))
    return runs


def test_what_failed_runs_alone_lead_to_is_marked(shell: Shell, retried: Path) -> None:
    peers = shell("peers", "raw")
    key = re.search(r"raw: the newest is (artifact:\d+)", peers.err)
    assert key is not None
    assert f"{key[1]} is taken, though others are newer" in peers.err
    assert re.findall(r"(first|retry) +\S+ +(2.*)", peers.out) == [
        ("first", "2"),
        ("retry", "2, failed"),
    ]
    impact = shell("impact", "raw").out
    before, after = impact.split("Through failed runs alone")
    assert "first  2 edges away\n" in before
    assert "retry  2 edges away, failed\n" in after
    assert "too, but FAILED" in shell("show", "again").out


def test_versions_end_with_the_newest_that_counts(shell: Shell, retried: Path) -> None:
    answer = shell("versions", "raw")
    newest = re.search(r"the newest is (artifact:\d+)", answer.err)
    assert newest is not None
    keys = re.findall(r"^ +\d+ +(artifact:\d+)", answer.out, re.MULTILINE)
    assert keys[1] == newest[1]
    assert f"{newest[1]} is taken, though others are newer: {keys[0]}" in answer.out


def test_a_context_tells_what_it_holds(shell: Shell) -> None:
    context = shell("find", "context", "--json").json["items"][0]["id"]
    assert "\nMembers: 2 Model, 2 Train, 1 Dataset\n" in shell("show", context).out
    assert "1+ " in shell("show", context, "--nodes", "1").out


def test_a_context_is_asked_about_by_its_members(shell: Shell) -> None:
    context = shell("find", "context", "--json").json["items"][0]["id"]
    answer = shell("impact", context)
    assert (answer.code, answer.out.startswith("0 artifacts")) == (0, True)
    assert "is merely read by its runs, and left out; with --inputs" in answer.out
    assert "merely" not in shell("impact", context, "--inputs").out
    for command in ("downstream", "peers"):
        assert shell(command, context, "--inputs").code == 0


def test_the_whole_environment_is_shown_on_request(shell: Shell, runs: Path) -> None:
    libraries = {"torch": "2.4", "numpy": "2.1"}
    where = lineage.Environment(name="e", imports=["torch"], custom_properties=libraries)
    with lineage.connect(runs) as store:
        store.record(lineage.Train(), outputs=lineage.Model(name="m3"), within=where)
    shown = shell("show", "lineage.Model:m3").out
    assert "torch  2.4" in shown
    assert "numpy" not in shown
    whole = shell("show", "lineage.Model:m3", "--environment").out
    assert re.search(r"Libraries\n  numpy  2\.1\n  torch  2\.4\n", whole)
