"""What the store holds and how it came to: types, log, check."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import lineage
from lineage.model.keys import NodeKey
from lineage.testing.builders import Clock, writing
from tests.cli.conftest import Shell
from tests.runs import Model

pytestmark = pytest.mark.usefixtures("runs")


def test_types(shell: Shell) -> None:
    lines = shell("types", "artifact").out.splitlines()
    assert lines[0].split() == ["KIND", "TYPE", "BASE", "PROPERTIES"]
    model = next(line for line in lines if line.split()[1] == "Model")
    assert "lineage.Model" in model
    assert "accuracy (DOUBLE), digest (STRING)" in model
    assert not any(line.startswith("execution") for line in lines)
    document = shell("types", "--as-of", "0", "--json").json
    assert (len(document["types"]), document["number"]) == (9, 0)
    assert shell("types", "--json").json["types"][-1]["name"] == "Experiment"


def test_log(shell: Shell) -> None:
    lines = shell("log").out.splitlines()
    assert lines[0].split() == ["NUMBER", "TIME", "ACTOR", "RECORDS", "DIGEST", "MESSAGE"]
    assert [line.split()[0] for line in lines[1:]] == ["2", "1"]
    assert "ann" in lines[1]
    assert lines[1].endswith("run 2")
    assert shell("log", "--json").json["entries"][0]["actor"] == "ann"
    assert shell("log", "--as-of", "0").out == "No transactions.\n"


def test_log_goes_on_where_it_was_cut(shell: Shell) -> None:
    first = shell("log", "--limit", "1")
    assert first.err == "lineage: there are more: add --before 2\n"
    second = shell("log", "--limit", "1", "--before", "2", "--json").json
    assert ([each["number"] for each in second["entries"]], second["before"]) == ([1], None)


def test_log_names_the_oldest_of_those_shown(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store:
        store.put(lineage.Dataset())
    assert shell("log", "--limit", "2").err == "lineage: there are more: add --before 2\n"
    assert shell("log", "--limit", "2", "--json").json["before"] == 2


def test_every_field_may_have_changed_and_so_may_the_type_of_a_value(
    shell: Shell, runs: Path
) -> None:
    values = {"nan": float("nan"), "n": 1, "flag": 1}
    with lineage.connect(runs) as store:
        made = store.put(lineage.Dataset(custom_properties=values))
        made = store.update(
            made.replace(name="n", uri="u", external_id="e", state="LIVE", custom_properties=values)
        )
        store.update(made.replace(custom_properties=values | {"n": 1.0, "flag": True}))
    entries = shell("log", str(made.key), "--json").json["entries"]
    assert [each["changed"] for each in entries] == [
        ["custom_properties.flag", "custom_properties.n"],
        ["name", "external_id", "uri", "state"],
        ["created"],
    ]


def test_log_of_a_node_says_what_changed(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs, actor="bob", clock=Clock()) as store:
        model = store.get(Model, 2)
        model = store.update(model.replace(accuracy=0.5, uri=None), message="measured again")
        store.update(model.replace(custom_properties={"note": float("nan")}))
        store.delete("artifact:2")
    entries = shell("log", "artifact:2", "--json").json["entries"]
    assert [(each["number"], each["changed"]) for each in entries] == [
        (5, ["deleted"]),
        (4, ["custom_properties.note"]),
        (3, ["uri", "properties.accuracy"]),
        (1, ["created"]),
    ]
    line = shell("log", "artifact:2").out.splitlines()[3]
    assert re.search(r"  measured again +uri, properties\.accuracy$", line)
    assert len(shell("log", "artifact:2", "--limit", "1").out.splitlines()) == 2


def test_log_of_a_node_says_that_it_lives_again(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store:
        store.delete("artifact:2")
        with writing(store.backend) as new:
            new.update(NodeKey.parse("artifact:2"), uri="s3://again")
    lines = shell("log", "artifact:2").out.splitlines()
    assert [line.split("  ")[-1].strip() for line in lines[1:]] == [
        "lives again, uri",
        "deleted",
        "created",
    ]
    then = shell("log", "artifact:2", "--as-of", "3", "--json").json["entries"]
    assert [each["changed"] for each in then] == [["deleted"], ["created"]]


def test_check_of_a_sound_store(shell: Shell) -> None:
    entry = shell("log", "--json").json["entries"][0]
    digest = f"2:{entry['digest']}"
    said = "All is as it was written.\nRead 2 transactions with 19 records."
    document = shell("check", "--json").json
    assert document == {"faults": [], "transactions": 2, "records": 19, "digest": digest}
    assert shell("check") == (0, f"{said} Keep the last digest elsewhere: {digest}\n", "")
    assert f" {digest[2:14]}… " in shell("log").out


def test_check_compares_a_kept_digest(shell: Shell, runs: Path) -> None:
    kept = [f"{each['number']}:{each['digest']}" for each in shell("log", "--json").json["entries"]]
    before = runs.read_bytes()
    with lineage.connect(runs) as store:
        store.put(lineage.Dataset())
    for each in (*kept, f" {kept[0].upper()}\n", "0:" + "0" * 64):
        assert shell("check", "--digest", each).code == 0
    last = shell("check", "--json").json["digest"]
    runs.write_bytes(before)
    rolled_back = shell("check", "--digest", last)
    assert rolled_back.code == 1
    assert (
        "transaction 3, whose digest was kept, is not there: the last one is 2" in rolled_back.out
    )
    other = shell("check", "--digest", f"2:{'0' * 64}", "--json").json
    assert "not 000" in other["faults"][0]
    assert other["digest"] is None
    for bad in ("", "2", kept[0][2:], f"-1:{'0' * 64}", kept[0][:-1], f"x{kept[0]}"):
        answer = shell("check", "--digest", bad)
        assert (answer.code, answer.out) == (4, "")
        assert "is no digest to compare with" in answer.err


def test_log_is_filtered(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs, actor="bob") as store:
        store.put(lineage.Dataset(), message="data alone")

    def numbers(*options: str) -> list[int]:
        entries = shell("log", *options, "--json").json["entries"]
        return [each["number"] for each in entries]

    assert numbers("--actor", "ann") == [2, 1]
    assert numbers("--actor", "an") == []
    assert numbers("--type", "Model") == [2, 1]
    assert numbers("--type", "lineage.Dataset", "--text", "alone") == [3]
    assert numbers("--until", "2026-03-01", "--text", "run") == [2, 1]
    assert numbers("--since", "2026-03-02") == [3]
    assert numbers("artifact:2", "--actor", "bob") == []
    first = shell("log", "--type", "Model", "--limit", "1")
    assert first.err == "lineage: there are more: add --before 2\n"
    assert shell("log", "--type", "None").code == 3
    assert shell("log", "artifact:1", "--type", "Model").code == 4
    assert shell("log", "--since", "soon").code == 4


def test_check_lists_faults_and_ends_with_one(shell: Shell, runs: Path) -> None:
    with closing(sqlite3.connect(runs)) as connection, connection:
        connection.execute("UPDATE node SET name = 'forged' WHERE name = 'lake'")
    found = shell("check")
    assert found.code == 1
    assert found.out.startswith("transaction 1: ")
    document = shell("check", "--json")
    assert (document.code, len(document.json["faults"])) == (1, len(found.out.splitlines()))
    assert document.json["digest"] is None
