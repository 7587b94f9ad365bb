"""Every example of the help and of docs/command-line.md answers on the demo's store."""

import json
import shlex
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(("store", "code"), [("memory:", 4), ("no-store.txt", 10), ("", 4)])
def test_demo_ends_as_every_command_does(store: str, code: int, shell: Shell) -> None:
    Path("no-store.txt").write_text("what a store is not", encoding="utf-8")
    answer = shell("demo", "--store", store, "--json")
    assert (answer.code, answer.out) == (code, "")
    assert json.loads(answer.err)["error"]["type"] in {"Invalid", "Corrupt"}
