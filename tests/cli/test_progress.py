"""The line that says how far long work is: on a terminal only, and gone at the end."""

import io
from pathlib import Path

import pytest

from lineage import progress
from lineage.cli import main
from lineage.cli.progress import counted
from lineage.contract.format import Batches
from lineage.model.rows import Batch
from tests.cli.conftest import Shell


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def opened(monkeypatch: pytest.MonkeyPatch, *, pause: float = 0) -> Terminal:
    """Put a terminal in the place of stderr, with a line that changes no more often than that."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(progress, "PAUSE", pause)
    return terminal


def shown_at_the_end(terminal: Terminal) -> str:
    """Return what is left of the last line that had no end."""
    line: list[str] = []
    for part in terminal.getvalue().split("\n")[-1].split("\r"):
        line[: len(part)] = part
    return "".join(line).rstrip()


def test_export_import_and_check_tell(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = opened(monkeypatch)
    for arguments, says in {
        ("export", "a.json"): "writing… 6 nodes, 0 edges",
        ("import", "a.json", "--store", "new.db"): "reading…|writing… 0 of ",
        ("export", "a.sqlite", "--format", "mlmd"): "writing… 6 nodes, 0 edges",
        ("import", "a.sqlite", "--format", "mlmd", "--store", "m.db"): "writing… |verifying… ",
        ("check",): "checking…",
    }.items():
        terminal.truncate(terminal.seek(0))
        assert main(arguments) == 0
        for each in says.split("|"):
            assert f"\r{each}" in terminal.getvalue()
        assert shown_at_the_end(terminal) == ""


def test_an_error_comes_after_the_line(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = opened(monkeypatch)
    Path("bad.json").write_text("{")
    assert main(["import", "bad.json", "--store", "new.db"]) == 4
    assert terminal.getvalue().split("\r")[-1].startswith("lineage: Invalid: ")


def test_programs_are_told_nothing(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = opened(monkeypatch)
    for arguments in (["export", "a.json"], ["import", "a.json", "--store", "b.db"], ["check"]):
        assert main([*arguments, "--json"]) == 0
    assert terminal.getvalue() == ""


def test_pipes_are_told_nothing(shell: Shell, runs: Path) -> None:
    for arguments in (("export", "a.json"), ("import", "a.json", "--store", "b.db"), ("check",)):
        assert shell(*arguments).err == ""


def test_a_line_changes_only_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = opened(monkeypatch, pause=60)
    with progress.terminal_line("writing…") as line:
        stream = counted(Batches([Batch()] * 1_000, number=7), line)
        assert stream.number == 7
        assert len(list(stream)) == 1_000
        line.say("at the end")
    assert terminal.getvalue().count("\r") == 4
