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
    assert "lineage: " not in answer.err
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


def test_a_missing_store_is_not_made(shell: Shell, tmp_path: Path) -> None:
    assert shell("delete", "artifact:1", "--yes").code == 3
    assert not list(tmp_path.iterdir())
