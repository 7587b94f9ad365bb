"""Tables fit where they are shown, and cells hold anything."""

import math
from unicodedata import east_asian_width

import pytest

import lineage
from lineage.cli import output, tables
from lineage.cli.tables import headline, table, time_text, value_text


def columns(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def test_columns_are_aligned_and_lines_have_no_tail() -> None:
    assert list(table(("A", "B"), [["one", ""], ["漢", "two"]])) == ["A    B", "one", "漢   two"]


def test_no_rows_no_header() -> None:
    assert list(table(("A", "B"), [])) == []


@pytest.mark.parametrize("room", [20, 30, 60, 200])
def test_wide_columns_give_way_on_a_terminal(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "width", lambda: room)
    rows = [["key", "漢字" * 30, "b" * 40], ["key", "a", "b"]]
    lines = list(table(("", "", ""), rows, indent="  "))
    # No column is made narrower than eight, however narrow the terminal.
    assert max(map(columns, lines)) <= max(room, 2 + 3 + 2 + 8 + 2 + 8)
    assert all(line.startswith("  key  ") for line in lines)
    assert ("…" in lines[0]) is (room < 120)


def test_keys_and_times_give_way_after_long_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    row = ["artifact:1234", "file:///data/" + "x" * 60, "2026-03-01 00:00:01Z", "y" * 60]
    monkeypatch.setattr(output, "width", lambda: 60)
    (line,) = table(("",) * 4, [row])
    assert (columns(line), "artifact:1234  " in line, "  2026-03-01 00:00:01Z  " in line) == (
        60,
        True,
        True,
    )
    monkeypatch.setattr(output, "width", lambda: 50)
    (line,) = table(("",) * 4, [row])
    assert columns(line) == 50
    assert "00:00:01Z  " in line, "the end of a time stays"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (True, "true"),
        (0.5, "0.5"),
        (math.nan, "nan"),
        ("a\nb\x1b", r"a\nb\x1b"),
        ({"a": [1]}, '{"a": [1]}'),
        (lineage.ProtoAny("t", b"ab"), "t (2 bytes)"),
    ],
)
def test_values(value: object, shown: str) -> None:
    assert value_text(value) == shown


def test_long_values_are_cut() -> None:
    for value in ("a" * 10_000_000, {"a": ["b" * 10_000_000] * 3}, ["a"] * 1_000_000):
        assert len(value_text(value)) <= tables.CELL + 10


def test_a_node_in_a_line() -> None:
    model = lineage.Artifact(
        type="Model", type_version="2", id=7, state=lineage.ArtifactState.LIVE, name="churn"
    )
    assert headline(model) == "artifact:7  Model@2  churn  LIVE"
    assert time_text(None) == "-"
