"""`lineage move-uri`: what it asks, moves and refuses."""

import io
from pathlib import Path

import pytest

import lineage
from tests.cli.conftest import Shell


@pytest.fixture
def places(runs: Path) -> Path:
    with lineage.connect(runs) as store:
        store.put([lineage.Dataset(uri=f"s3://old/{number}") for number in range(25)])
    return runs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_it_lists_asks_and_moves(
    shell: Shell, places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell("move-uri", "s3://old", "s3://new").code == 2
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    refused = shell("move-uri", "s3://old", "s3://new")
    assert refused.code == 1
    assert "s3://old/0 → s3://new/0\n" in refused.err
    assert "and 5 more\n" in refused.err
    assert "Move 25 artifacts?" in refused.err
    assert shell("show", "s3://old/1").code == 0
    moved = shell("move-uri", "s3://old/", "s3://new", "--yes", "--message", "cheaper")
    assert (moved.code, moved.out, moved.err) == (0, "moved 25 artifacts\n", "")
    assert shell("show", "s3://new/24").code == 0
    assert "cheaper" in shell("log", "--limit", "1").out


def test_what_is_there_is_refused_or_merged(shell: Shell, places: Path) -> None:
    shell("put", "lineage.Dataset", "--uri", "s3://new/1")
    before = places.read_bytes()
    answer = shell("move-uri", "s3://old", "s3://new", "--yes")
    assert (answer.code, "say --merge" in answer.err) == (4, True)
    assert shell("move-uri", "s3://nowhere", "s3://new", "--yes").code == 3
    assert places.read_bytes() == before
    merged = shell("move-uri", "s3://old", "s3://new", "--merge", "--yes", "--json")
    assert len(merged.json["moved"]) == 25
    assert "is there already" in merged.err
