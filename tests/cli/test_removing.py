"""Deleting and purging: what asks first, what is written, what is said."""

import io
from pathlib import Path

import pytest

import lineage
from tests.cli.conftest import Shell


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def store(runs: Path) -> Path:
    return runs


def gone(path: Path, key: str) -> bool:
    with lineage.connect(path, readonly=True) as store:
        (row,) = store.backend.nodes([store.key_of(key)]).values()
        return row.gone


def test_delete(shell: Shell, store: Path) -> None:
    arguments = ("artifact:2", "Model:m2", "artifact:2", "--message", "made in error", "--yes")
    answer = shell("delete", *arguments, "--actor", "bob")
    assert answer == (0, "deleted artifact:2\ndeleted artifact:3\n", "")
    assert gone(store, "artifact:2")
    assert gone(store, "artifact:3")
    entry = shell("log", "--limit", "1", "--json").json["entries"][0]
    assert (entry["actor"], entry["message"]) == ("bob", "made in error")


def test_purge(shell: Shell, store: Path) -> None:
    answer = shell("purge", "artifact:2", "--reason", "erasure request", "--yes", "--json")
    assert answer.json == {"purged": ["artifact:2"]}
    assert b"m1" not in store.read_bytes()
    assert shell("log", "--json").json["entries"][0]["message"] == "erasure request"


@pytest.mark.parametrize(
    "arguments", [("delete", "artifact:2"), ("purge", "artifact:2", "--reason", "r")]
)
def test_without_a_terminal_nothing_is_taken_away_unless_told(
    shell: Shell, store: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    answer = shell(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert "there is no terminal to ask on: add --yes" in answer.err
    assert not gone(store, "artifact:2")


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("", 130)])
def test_a_person_is_asked(
    shell: Shell, store: Path, typed: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    answer = shell("delete", "artifact:2")
    assert answer.code == code
    assert "artifact:2  Model  m1" in answer.err
    assert "Delete?" in answer.err
    assert "lineage: artifact:3 stays at s3://models/churn\n" in answer.err
    assert answer.err.count("lineage: ") == 1
    assert gone(store, "artifact:2") is (code == 0)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["delete", "artifact:99", "--yes"], 3, "there is no artifact:99"),
        (["delete", "--yes"], 2, "Missing argument"),
        (["purge", "artifact:2", "--yes"], 2, "--reason"),
        (["purge", "artifact:2", "--yes", "--reason", " "], 4, "a purge needs a reason"),
        (["delete", "artifact:2", "artifact:99", "--yes"], 3, "there is no artifact:99"),
    ],
)
def test_faults(shell: Shell, store: Path, arguments: list[str], code: int, says: str) -> None:
    answer = shell(*arguments)
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err
    assert not gone(store, "artifact:2")


def test_versions_are_told_apart_by_number_or_taken_together(shell: Shell, store: Path) -> None:
    answer = shell("delete", "s3://models/churn", "--yes")
    assert (answer.code, answer.out) == (4, "")
    assert "names 2 artifacts, artifact:2, artifact:3" in answer.err
    assert "--all-versions" in answer.err
    answer = shell("delete", "s3://models/churn", "--version", "3", "--yes")
    assert "has 2 versions, and no version 3" in answer.err
    answer = shell("purge", "s3://models/churn", "--version", "1", "--reason", "law", "--yes")
    assert answer == (0, "purged artifact:2\n", "lineage: artifact:3 stays at s3://models/churn\n")
    shell("restore", "artifact:2")
    answer = shell("delete", "s3://models/churn", "--all-versions", "--yes", "--json")
    assert answer.json == {"deleted": ["artifact:3"]}
    answer = shell("delete", "artifact:1", "--version", "1", "--all-versions", "--yes")
    assert (answer.code, "give one of them" in answer.err) == (2, True)


def test_a_local_file_is_named_by_its_path(
    shell: Shell, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("local.csv").write_text("a")
    with lineage.connect(store) as opened:
        for digest in "ab":
            opened.put(lineage.Dataset(uri=Path("local.csv").resolve().as_uri(), digest=digest))
    answer = shell("delete", "local.csv", "--all-versions", "--yes")
    assert answer.out.count("deleted artifact:") == 2


def test_restore(shell: Shell, store: Path) -> None:
    shell("delete", "artifact:2", "--yes")
    assert shell("restore", "artifact:2", "--message", "too hasty") == (
        0,
        "restored artifact:2\n",
        "",
    )
    assert not gone(store, "artifact:2")
    assert shell("log", "--limit", "1", "--json").json["entries"][0]["message"] == "too hasty"
    answer = shell("restore", "Model:m1")
    assert (answer.code, "write kind:id" in answer.err) == (4, True)
    assert shell("restore", "artifact:2").code == 4


def test_an_experiment_goes_and_comes_with_its_runs(
    shell: Shell, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lineage.connect(store) as opened:
        context = opened.put(lineage.Asset(name="study"))
        runs = [opened.put(lineage.Train()) for _ in range(22)]
        opened.put([lineage.Association(context=context.key, execution=run.key) for run in runs])
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    answer = shell("delete", str(context.key), "--runs")
    assert answer.code == 1
    assert str(runs[0].key) in answer.err
    assert "and 3 more executions\n" in answer.err
    gone_keys = shell("delete", str(context.key), "--runs", "--yes", "--json").json["deleted"]
    assert gone_keys == [str(context.key), *(str(run.key) for run in runs)]
    assert shell("restore", str(context.key), "--runs", "--json").json == {"restored": gone_keys}


def test_unlink(shell: Shell, store: Path) -> None:
    answer = shell("unlink", "s3://models/churn", "execution:1", "--message", "wrong run")
    assert answer == (0, "ended OUTPUT from execution:1 to artifact:2\n", "")
    answer = shell("unlink", "s3://models/churn", "execution:1")
    assert answer.code == 3
    assert "there is no edge between artifact:3 or another of its versions and" in answer.err


def test_a_missing_store_is_not_made(shell: Shell, tmp_path: Path) -> None:
    assert shell("delete", "artifact:1", "--yes").code == 3
    assert not list(tmp_path.iterdir())


def test_a_number_belongs_to_a_uri_or_an_asset(shell: Shell, store: Path) -> None:
    for text in ("artifact:2", "Model:m1"):
        answer = shell("delete", text, "--version", "2", "--yes")
        assert (answer.code, "no URI and no asset" in answer.err) == (4, True)
    assert not gone(store, "artifact:3")


def test_purge_of_an_actor(shell: Shell, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("purge", "--actor", "ann", "--reason", "left us")
    both = shell(*arguments, "artifact:2", "--yes")
    assert (both.code, both.out) == (2, "")
    assert "give nodes, or --actor" in both.err
    assert shell("purge", "--reason", "r", "--yes").code == 2
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    refused = shell(*arguments)
    assert refused.code == 1
    assert refused.err.startswith("2 transactions, from 1 to 2\n")
    assert shell(*arguments, "--by", "ann", "--yes").code == 4
    monkeypatch.setenv("LINEAGE_ACTOR", "dpo")
    answer = shell(*arguments, "--yes")
    assert (answer.code, answer.out) == (0, "purged actor and messages of 2 transactions\n")
    assert "what nodes say" in answer.err
    lines = shell("log").out.splitlines()
    assert ["dpo" in lines[1], "(purged)" in lines[2], "(purged)" in lines[3]] == [True] * 3
    assert b"ann" not in store.read_bytes()
    again = shell(*arguments, "--yes", "--json")
    assert (again.code, again.out) == (3, "")
    assert shell(
        "purge", "--actor", "dpo", "--by", "x", "--reason", "r", "--yes", "--json"
    ).json == {"purged_transactions": [3]}
