"""docs/command-line.md is what the commands say."""

import re

import pytest

from lineage.cli.app import COMMANDS, Command
from lineage.cli.reference import reference
from tests.tree import ROOT

PAGE = ROOT / "docs" / "command-line.md"


def test_page_is_as_the_commands_are() -> None:
    assert PAGE.read_text() == reference(), (
        "write it anew: python -m lineage.cli.reference > docs/command-line.md"
    )


def test_every_command_has_a_section_with_an_example() -> None:
    sections = re.split(r"^## lineage ", reference(), flags=re.MULTILINE)[1:]
    assert [each.split("\n", 1)[0] for each in sections] == [each.name for each in COMMANDS]
    for command, section in zip(COMMANDS, sections, strict=True):
        assert all(f"\n{example}\n" in section for example in command.examples)
        assert "\nJSON: `" in section


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_examples_call_their_own_command(command: Command) -> None:
    for example in command.examples:
        assert (
            example.startswith(f"lineage {command.name} ") or example == f"lineage {command.name}"
        )


def test_tables_have_as_many_cells_in_every_row() -> None:
    for line in reference().splitlines():
        if line.startswith("|"):
            assert line.count("|") == 3, line
