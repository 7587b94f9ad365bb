"""`lineage ls`, `info` and `blame`: what they show people and programs."""

from pathlib import Path

import lineage
from tests.cli.conftest import Shell


def test_ls_lists_types_with_their_newest(shell: Shell, runs: Path) -> None:
    (header, *lines) = shell("ls").out.splitlines()
    assert header.split() == ["KIND", "TYPE", "NODES", "NEWEST"]
    with lineage.connect(runs, readonly=True) as store:
        kinds = {each.type: each.count for each in store.overview().types}
    assert {line.split()[1]: int(line.split()[2]) for line in lines} == kinds
    document = shell("ls", "--json", "--limit", "1").json
    assert {each["type"]: each["count"] for each in document["types"]} == kinds
    assert {len(each["newest"]) for each in document["types"]} == {1}
    assert shell("ls", "--store", "memory:").out == "Nothing yet.\n"


def test_ls_of_a_type_lists_its_nodes(shell: Shell, runs: Path) -> None:
    answer = shell("ls", "artifact", "--limit", "1")
    assert answer.code == 0
    assert ", of which the newest 1\n" in answer.out
    assert "  NODE " in answer.out
    missed = shell("ls", "Nothing")
    assert (missed.code, missed.out) == (3, "")
    assert "there is no type 'Nothing'" in missed.err
    assert shell("ls", "--limit", "0").code == 2


def test_info_tells_size_and_digest(shell: Shell, runs: Path) -> None:
    document = shell("info", "--json").json
    assert document["size"] >= runs.stat().st_size  # a log may stand beside it
    assert (document["backend"], document["transactions"]) == ("sqlite", 2)
    page = shell("info").out
    assert f"digest              {document['digest']}\n" in page
    assert "\nsize in bytes       1" in page
    assert shell("check", "--digest", document["digest"]).code == 0
    assert shell("info", "--as-of", "1", "--json").json["transactions"] == 1
    assert "last written        -\n" in shell("info", "--store", "memory:").out


def test_blame_shows_who_and_why(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs, actor="bob") as store:
        store.update(store.get("artifact:1").replace(name="renamed"), message="a better name")
        store.purge_actor("ann", reason="left us")
    (title, header, *lines) = shell("blame", "artifact:1").out.splitlines()
    assert title.startswith("artifact:1")
    assert header.split() == ["FIELD", "VALUE", "NUMBER", "TIME", "ACTOR", "MESSAGE"]
    assert lines[0].split()[:2] == ["name", "renamed"]
    assert lines[0].split()[-4:] == ["bob", "a", "better", "name"]
    assert any("(purged)" in line for line in lines[1:])
    assert "who wrote some of it, and why, was erased from the log" in lines[-1]
    document = shell("blame", "artifact:1", "--json").json
    assert document["fields"][0]["value"] == "renamed"
    assert document["fields"][0]["actor"] == "bob"
