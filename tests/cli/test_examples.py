"""Every example of the help and of docs/command-line.md answers on the demo's store."""

import json
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest

import lineage
from lineage.cli.app import COMMANDS
from tests.cli.conftest import Shell

ROOT = Path(__file__).parents[2]
PICTURES = re.compile(r"lineage export (?:docs/)?(wine[\w-]*\.svg) ([^`\n]*)")
"""A picture of ours in the pages, and how a command draws it."""
NOTHING_FOUND = ("No nodes found", "No flow of data", "No transactions")


CHANGING = re.compile(
    r"(?<=accuracy=)[\d.…]+|created [\dTZ: -]+|(?<=transaction )\d+|\bl[0-9a-f]{9}"
)
"""How accurate a model is, which other versions of scikit-learn may change, times, and ids made of them."""


def texts(picture: Path) -> list[str]:
    """Return what a picture says, in its order, without what changes from one run of the demo to the next."""
    found = [element.text for element in ElementTree.parse(picture).iter() if element.text]
    return [CHANGING.sub("-", text) for text in found]


def test_examples_answer_on_the_demos_store(shell: Shell) -> None:
    (made,) = [each for each in COMMANDS if each.name == "demo"]
    (example,) = made.examples
    assert shell(*shlex.split(example)[1:], "--json").json == {"store": "demo.db"}
    assert shell("demo", "--store", "demo.db", "--json").code == 0  # again it only asks
    Path("demo.db").rename("lineage.db")
    assert len(shell("find", "Model", "--json").json["items"]) == 4
    for page in (ROOT / "README.md", ROOT / "docs" / "pictures.md"):
        for picture, arguments in PICTURES.findall(page.read_text(encoding="utf-8")):
            assert shell("export", "drawn.svg", *shlex.split(arguments)).code == 0
            assert texts(Path("drawn.svg")) == texts(ROOT / "docs" / picture), picture
    with lineage.connect("lineage.db") as store:  # all of the demo's runs have ended
        store.update(store.get(lineage.Execution, 1).replace(state="RUNNING"))
        run = store.show("models/logistic.pickle").runs[0]
        with store.extend(run) as more:  # and none logged anything step by step
            for step, loss in enumerate((0.9, 0.4, 0.2)):
                more.log_metrics(loss=loss, step=step)
    for command in COMMANDS:
        for example in command.examples:
            if command is not made and command.name not in ("serve", "ui"):  # which do not return
                answer = shell(*shlex.split(example)[1:])
                assert answer.code == 0, (example, answer.err)
                assert answer.out or command.name == "run"  # whose stdout is the command's
                assert not answer.out.startswith(NOTHING_FOUND), example


@pytest.mark.parametrize(("store", "code"), [("memory:", 4), ("no-store.txt", 10), ("", 4)])
def test_demo_ends_as_every_command_does(store: str, code: int, shell: Shell) -> None:
    Path("no-store.txt").write_text("what a store is not", encoding="utf-8")
    answer = shell("demo", "--store", store, "--json")
    assert (answer.code, answer.out) == (code, "")
    assert json.loads(answer.err)["error"]["type"] in {"Invalid", "Corrupt"}
