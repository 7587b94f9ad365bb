"""What shell scripts write: `lineage put`, `tag` and `note`."""

from pathlib import Path

import pytest

import lineage
from lineage.model.entities import Artifact
from lineage.model.schema import ArtifactType, ExecutionType
from tests.cli.conftest import Shell


def get(key: str) -> lineage.Artifact:
    with lineage.connect("lineage.db", readonly=True) as store:
        node = store.get(key)
    assert isinstance(node, Artifact)
    return node


def test_put_makes_store_type_and_node(shell: Shell) -> None:
    answer = shell(
        *("put", "Model", "--uri", "s3://models/7", "--name", "churn", "--external-id", "m7"),
        *("--property", "depth=3", "--property", "rate=0.1", "--property", 'code="7"'),
        *("--property", "good=true", "--tag", "nightly", "--note", "for the demo"),
        *("--message", "by hand", "--actor", "bob"),
    )
    assert (answer.code, answer.out) == (0, "artifact:1  Model  churn\n")
    node = get("artifact:1")
    assert (node.type, node.name, node.uri, node.external_id) == (
        "Model",
        "churn",
        "s3://models/7",
        "m7",
    )
    assert node.custom_properties == {
        "depth": 3,
        "rate": 0.1,
        "code": "7",
        "good": True,
        "lineage.tags": ["nightly"],
        "lineage.note": "for the demo",
    }
    with lineage.connect("lineage.db", readonly=True) as store:
        (entry,) = store.log()
        assert (entry.actor, entry.message, entry.number) == ("bob", "by hand", 1)
    document = shell("put", "Model", "--json").json
    assert document["put"]["id"] == "artifact:2"


def test_put_uses_what_a_type_declares(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store:
        types = {"day": "STRING", "rows": "DOUBLE"}
        store.put([ArtifactType(name="T", properties=types), ExecutionType(name="Fit")])
        store.put([ArtifactType(name="V", version="1"), ArtifactType(name="V", version="2")])
        store.put([ArtifactType(name="Both"), ExecutionType(name="Both")])
    values = ("--property", "day=7", "--property", "rows=3", "--property", "more=3")
    node = shell("put", "T", *values, "--json").json["put"]
    assert node["properties"] == {"day": "7", "rows": 3.0}
    assert node["custom_properties"] == {"more": 3}
    assert shell("put", "Fit", "--name", "one").out.startswith("execution:")
    assert shell("put", "V@2", "--json").json["put"]["type_version"] == "2"
    assert shell("put", "Day", "--kind", "context", "--name", "monday").out.startswith("context:")
    before = runs.read_bytes()
    for arguments, code, says in (
        (("V",), 4, "'V' may mean artifact V@1, artifact V@2"),
        (("Both",), 4, "say which with --kind"),
        (("T", "--property", "rows=many"), 4, "rows"),
        (("Fit", "--uri", "u"), 2, "--uri and --file are of artifacts"),
        (("Day", "--kind", "context"), 4, "a context needs a name"),
        (("s3://models/7",), 4, "is no name of a type"),
        (("lineage.Mine",), 4, "are reserved"),
        (("T", "--property", "oops"), 2, "write it as name=value"),
        (("T", "--tag", " "), 4, "the tag"),
        (("T", "--file", "nowhere"), 3, "nowhere"),
    ):
        answer = shell("put", *arguments)
        assert (answer.code, answer.out) == (code, ""), arguments
        assert says in answer.err
    assert runs.read_bytes() == before


def test_put_of_a_file_has_its_digest(shell: Shell) -> None:
    Path("data.csv").write_text("1,2\n")
    assert shell("put", "lineage.Dataset", "--file", "data.csv").code == 0
    node = get("artifact:1")
    described = lineage.Dataset.from_path("data.csv")
    assert (node.uri, node.properties) == (described.uri, {"digest": described.digest})
    assert shell("put", "Table", "--file", "data.csv", "--uri", "s3://lake/1").code == 0
    assert get("s3://lake/1").custom_properties == {"digest": described.digest}
    answer = shell("put", "Table", "--file", "data.csv", "--property", "digest=x")
    assert (answer.code, "--file says the digest" in answer.err) == (2, True)


def test_what_is_written_wrong_makes_no_store(shell: Shell) -> None:
    assert shell("put", "Model", "--property", "oops").code == 2
    assert shell("put", "Model", "--file", "nowhere").code == 3
    assert shell("tag", "artifact:1", "a").code == 3
    assert not Path("lineage.db").exists()


def test_tags_are_given_and_taken_away(shell: Shell, runs: Path) -> None:
    assert shell("tag", "artifact:1", "nightly", "golden").out.startswith("artifact:1  ")
    found = shell("find", "artifact", "'golden' IN tags", "--json").json
    assert [each["id"] for each in found["items"]] == ["artifact:1"]
    taken = shell("tag", "artifact:1", "golden", "other", "--remove", "--json").json
    assert taken["tagged"]["custom_properties"]["lineage.tags"] == ["nightly"]
    assert shell("tag", "artifact:1").code == 2
    assert shell("tag", "artifact:99", "a").code == 3


def test_a_note_is_given_and_taken_away(shell: Shell, runs: Path) -> None:
    assert shell("note", "artifact:1", "late by a day", "--message", "so").code == 0
    assert "late by a day" in shell("show", "artifact:1").out
    taken = shell("note", "artifact:1", "--remove", "--json").json
    assert "lineage.note" not in taken["noted"]["custom_properties"]
    for arguments in (("artifact:1",), ("artifact:1", "text", "--remove")):
        answer = shell("note", *arguments)
        assert (answer.code, "give a TEXT, or --remove" in answer.err) == (2, True)
    assert shell("note", "artifact:1", " ").code == 4


@pytest.mark.parametrize("command", ["put", "run"])
def test_a_store_that_is_none_is_refused(shell: Shell, command: str) -> None:
    Path("notes.txt").write_text("notes\n" * 1_000)
    answer = shell(command, "true", "--store", "notes.txt")
    assert (answer.code, answer.out) == (10, "")
    assert Path("notes.txt").read_text() == "notes\n" * 1_000
