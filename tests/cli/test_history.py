"""What the store holds and how it came to: types, log, check."""

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
    assert lines[0].split() == ["NUMBER", "TIME", "ACTOR", "RECORDS", "MESSAGE"]
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
    assert line.endswith("measured again  uri, properties.accuracy")
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
    assert shell("check") == (0, "All is as it was written.\n", "")
    assert shell("check", "--json").json == {"faults": []}


def test_check_lists_faults_and_ends_with_one(shell: Shell, runs: Path) -> None:
    with closing(sqlite3.connect(runs)) as connection, connection:
        connection.execute("UPDATE node SET name = 'forged' WHERE name = 'lake'")
    found = shell("check")
    assert found.code == 1
    assert found.out.startswith("transaction 1: ")
    document = shell("check", "--json")
    assert (document.code, len(document.json["faults"])) == (1, len(found.out.splitlines()))
