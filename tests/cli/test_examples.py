"""Every example of the help and of docs/command-line.md answers on the demo's store."""

import shlex
from pathlib import Path

from lineage.cli.app import COMMANDS
from tests.cli.conftest import Shell

NOTHING_FOUND = ("No nodes found", "No flow of data", "No transactions")


def test_examples_answer_on_the_demos_store(shell: Shell) -> None:
    (made,) = [each for each in COMMANDS if each.name == "demo"]
    (example,) = made.examples
    assert shell(*shlex.split(example)[1:], "--json").json == {"store": "demo.db"}
    Path("demo.db").rename("lineage.db")
    for command in COMMANDS:
        for example in command.examples:
            if command is not made:
                answer = shell(*shlex.split(example)[1:])
                assert answer.code == 0, (example, answer.err)
                assert answer.out
                assert not answer.out.startswith(NOTHING_FOUND), example
