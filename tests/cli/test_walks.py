"""Finding nodes and walking from them."""

from pathlib import Path

import pytest

import lineage
from tests.cli.conftest import Shell

pytestmark = pytest.mark.usefixtures("runs")


def keys(out: str, column: int = 0) -> list[str]:
    """Return a column of a table, without its header and what comes after an empty line."""
    return [line.split()[column] for line in out.partition("\n\n")[0].splitlines()[1:]]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["artifact"], ["artifact:1", "artifact:2", "artifact:3"]),
        (["execution"], ["execution:1", "execution:2"]),
        (["context"], ["context:1"]),
        (["Model"], ["artifact:2", "artifact:3"]),
        (["lineage.Model"], ["artifact:2", "artifact:3"]),
        (["Model", "properties.accuracy > 0.15"], ["artifact:3"]),
        (["artifact", "type = 'Dataset'"], ["artifact:1"]),
        (["Model", "--descending"], ["artifact:3", "artifact:2"]),
        (["Model", "--order-by", "create_time", "--descending"], ["artifact:3", "artifact:2"]),
        (["Model", "--as-of", "1"], ["artifact:2"]),
        (["lineage.Deploy"], []),
    ],
)
def test_find(shell: Shell, arguments: list[str], found: list[str]) -> None:
    answer = shell("find", *arguments)
    assert (answer.code, answer.err) == (0, "")
    assert keys(answer.out) == found or (answer.out == "No nodes found.\n" and not found)
    document = shell("find", *arguments, "--json").json
    assert [each["id"] for each in document["items"]] == found
    assert document["next"] is None


def test_pages_are_of_the_moment_of_the_first(shell: Shell, runs: Path) -> None:
    first = shell("find", "Model", "--limit", "1")
    assert keys(first.out) == ["artifact:2"]
    token = first.err.removeprefix("lineage: there are more: add --page ").strip()
    with lineage.connect(runs) as store:
        store.delete("artifact:3")
    second = shell("find", "Model", "--limit", "1", "--page", token)
    assert (keys(second.out), second.err) == (["artifact:3"], "")
    assert shell("find", "Model", "--limit", "5", "--json").json["next"] is None


def test_page_of_another_order_or_moment_is_refused(shell: Shell) -> None:
    first = shell("find", "Model", "--limit", "1", "--json")
    assert first.err == ""
    token = first.json["next"]
    assert shell("find", "Model", "--descending", "--page", token).code == 4
    assert shell("find", "Model", "--as-of", "1", "--page", token).code == 4
    assert shell("find", "Model", "--page", "x").code == 4


def test_type_names_of_several_kinds_and_versions(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store:
        store.put(
            [
                lineage.ArtifactType(name="T"),
                lineage.ArtifactType(name="T", version="2"),
                lineage.ExecutionType(name="T"),
            ]
        )
        store.put([lineage.Artifact(type="T"), lineage.Artifact(type="T", type_version="2")])
    unsure = shell("find", "T")
    assert unsure.code == 4
    assert "'T' is a type of artifact and execution; say which with --kind" in unsure.err
    assert keys(shell("find", "T", "--kind", "artifact").out) == ["artifact:4", "artifact:5"]
    assert shell("find", "T", "--kind", "execution").out == "No nodes found.\n"
    assert keys(shell("find", "T@2").out) == ["artifact:5"]
    none = shell("find", "Model", "--kind", "context")
    assert (none.code, "there is no context type 'Model'" in none.err) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["Modle"], 3, "there is no type 'Modle'; there are "),
        (["Model", "properties.accuracy >"], 4, "filter"),
        (["Model", "--limit", "0"], 2, "--limit"),
        (["Model", "--order-by", "name"], 2, "--order-by"),
        (["upstream"], 3, "there is no type"),
    ],
)
def test_faults_of_find(shell: Shell, arguments: list[str], code: int, says: str) -> None:
    answer = shell("find", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err


def test_search(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store:
        late = store.put(
            lineage.Artifact(type="Model", name="s3 model", uri="s3://models/late.onnx")
        )
    for arguments, found in (
        (["late"], [f"{late.key}"]),
        (["s3 "], [f"{late.key}"]),
        (["run "], ["execution:1", "execution:2"]),
        (["run ", "--kind", "artifact"], []),
        (["late", "--as-of", "1"], []),
        (["Run"], []),
    ):
        answer = shell("search", *arguments)
        assert (answer.code, answer.err) == (0, "")
        assert keys(answer.out) == found or (answer.out == "No nodes found.\n" and not found)
        document = shell("search", *arguments, "--json").json
        assert [each["id"] for each in document["items"]] == found
        assert document["truncated"] is False


def test_search_says_that_there_are_more(shell: Shell) -> None:
    answer = shell("search", "run", "--limit", "1")
    assert keys(answer.out) == ["execution:1"]
    assert "there are more than these 1: give more of the text, or raise --limit" in answer.err
    document = shell("search", "run", "--limit", "1", "--json")
    assert "there are more" in document.err
    assert document.json["truncated"] is True


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([""], 4, "give the beginning of a name or a URI"),
        (["a", "--limit", "0"], 2, "--limit"),
        (["a", "--kind", "model"], 2, "--kind"),
        (["a", "--as-of", "99"], 3, "99"),
    ],
)
def test_faults_of_search(shell: Shell, arguments: list[str], code: int, says: str) -> None:
    answer = shell("search", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err


def test_upstream_lists_nodes_by_distance(shell: Shell) -> None:
    answer = shell("upstream", "artifact:2").out
    assert [line.split()[:4] for line in answer.splitlines()] == [
        ["EDGES", "NODE", "TYPE", "NAME"],
        ["0", "artifact:2", "Model", "m1"],
        ["1", "execution:1", "Train", "run"],
        ["2", "artifact:1", "Dataset", "lake"],
    ]


def test_walk_as_json(shell: Shell) -> None:
    document = shell("downstream", "artifact:1", "--type", "lineage.Model", "--json").json
    assert {each["id"]: each["distance"] for each in document["nodes"]} == {
        "artifact:1": 0,
        "execution:1": 1,
        "execution:2": 1,
        "artifact:2": 2,
        "artifact:3": 2,
    }
    assert document["matches"] == ["artifact:2", "artifact:3"]
    assert {(each["source"], each["target"], each["key"]) for each in document["edges"]} == {
        ("artifact:1", "execution:1", "INPUT"),
        ("artifact:1", "execution:2", "INPUT"),
        ("execution:1", "artifact:2", "OUTPUT"),
        ("execution:2", "artifact:3", "OUTPUT"),
    }
    assert (document["truncated"], document["number"]) == (None, 2)


def test_type_chooses_what_is_listed(shell: Shell) -> None:
    assert keys(shell("upstream", "artifact:2", "--type", "Dataset").out, 1) == ["artifact:1"]
    assert shell("upstream", "artifact:2", "--type", "Experiment").out == "No nodes found.\n"
    assert shell("upstream", "artifact:2", "--type", "Nothing").code == 3


def test_several_starts(shell: Shell) -> None:
    answer = shell("upstream", "artifact:2", "artifact:3", "--hops", "0").out
    assert keys(answer, 1) == ["artifact:2", "artifact:3"]


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        (["--hops", "1"], "the limit of hops cut it; 1 of its nodes leads further (raise --hops"),
        (
            ["--nodes", "2"],
            "the limit of nodes cut it; 1 of its nodes leads further (raise --nodes",
        ),
        (["--seconds", "0"], "the limit of seconds cut it"),
    ],
)
def test_cut_answers_say_so(shell: Shell, limit: list[str], says: str) -> None:
    answer = shell("upstream", "artifact:2", *limit)
    assert answer.code == 0
    assert says in answer.err
    truncated = shell("upstream", "artifact:2", *limit, "--json").json["truncated"]
    assert truncated["limit"] == limit[0].removeprefix("--")
    assert truncated["frontier"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("impact", "artifact:1", "--nodes", "2"),
        ("path", "artifact:1", "artifact:2", "--hops", "1"),
        ("diff", "artifact:2", "artifact:3", "--hops", "1"),
        ("show", "artifact:2", "--hops", "1"),
        ("compare", "artifact:2", "--hops", "1"),
        ("export", "--from", "artifact:2", "--hops", "1"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_question_says_where_it_was_cut(shell: Shell, arguments: tuple[str, ...]) -> None:
    answer = shell(*arguments)
    assert answer.code == 0
    assert "is not whole, the limit of" in answer.err


def test_no_nodes_is_no_limit(shell: Shell) -> None:
    assert shell("upstream", "artifact:2", "--nodes", "0", "--json").json["truncated"] is None


def test_walk_from_a_context_begins_at_its_members(shell: Shell) -> None:
    answer = shell("upstream", "context:1")
    assert (answer.code, "execution:1" in answer.out) == (0, True)


def test_walk_of_what_had_happened(shell: Shell) -> None:
    answer = shell("downstream", "artifact:1", "--happened-by", "1999-12-31", "--json")
    assert [each["id"] for each in answer.json["nodes"]] == ["artifact:1"]
    answer = shell("upstream", "artifact:2", "--happened-by", "noon")
    assert (answer.code, "'noon' is not a time" in answer.err) == (4, True)
    answer = shell("upstream", "artifact:2", "--as-of", "2999-01-01")
    assert "lineage: 2999-01-01 means transaction " in answer.err


def test_deleted_nodes_are_walked_through_and_marked(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store:
        store.delete("execution:1")
    lines = shell("upstream", "artifact:2").out.splitlines()
    assert lines[2].split()[1] == "execution:1"
    assert lines[2].endswith("gone")
    assert lines[3].split()[1] == "artifact:1"


@pytest.mark.parametrize("ends", [("artifact:1", "artifact:2"), ("artifact:2", "artifact:1")])
def test_path_is_a_chain_along_the_flow(shell: Shell, ends: tuple[str, str]) -> None:
    lines = shell("path", *ends).out.splitlines()
    assert lines[0] == "From artifact:1 to artifact:2: 2 edges"
    assert lines[1].split()[:2] == ["artifact:1", "Dataset"]
    assert lines[2].split()[:3] == ["→", "execution:1", "Train"]
    assert lines[3].split()[:3] == ["→", "artifact:2", "Model"]
    document = shell("path", *ends, "--json").json
    assert document["shortest"] == ["artifact:1", "execution:1", "artifact:2"]
    assert {each["id"] for each in document["subgraph"]["nodes"]} == set(document["shortest"])


def test_no_path_within_the_limits_says_so_and_ends_alike(shell: Shell) -> None:
    answer = shell("path", "artifact:1", "artifact:2", "--nodes", "1")
    assert (answer.code, "was found." in answer.out) == (12, True)
    assert "the limit of nodes cut it" in answer.err


def test_no_path_is_an_answer_with_a_number_of_its_own(shell: Shell) -> None:
    answer = shell("path", "artifact:2", "artifact:3")
    assert (answer.code, answer.err) == (12, "")
    assert shell("path", "artifact:2", "artifact:3", "--json").code == 12
    assert answer.out == "No flow of data between artifact:2 and artifact:3 is recorded.\n"


def test_what_is_deleted_is_found_left_out_and_counted(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store:
        store.delete("artifact:3")
    assert keys(shell("find", "Model", "gone").out) == ["artifact:3"]
    assert keys(shell("find", "Model").out) == ["artifact:2"]
    for command, place in (("downstream", 1), ("impact", 0), ("peers", 0)):
        shown, left_out = shell(command, "artifact:1"), shell(command, "artifact:1", "--no-gone")
        assert "1 deleted node is among the answer: artifact:3" in shown.out, place
        assert "1 deleted node is left out: artifact:3" in left_out.out
        assert left_out.out.count("artifact:3") == 1
    assert "artifact:3" in shell("upstream", "artifact:3", "--no-gone").out


def test_find_nested(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store:
        store.put(lineage.ContextType(name="Project"))
        project = store.put(lineage.Context(type="Project", name="all"))
        (inner, *_) = store.find("context", "type != 'Project'")
        store.put(lineage.ParentContext(parent=project.key, child=inner.key))
    asked = ["find", "artifact", "contexts_a.name = 'all'"]
    assert shell(*asked).out == "No nodes found.\n"
    assert keys(shell(*asked, "--nested").out) == keys(
        shell("find", "artifact", f"contexts_a.id = {inner.id}").out
    )
