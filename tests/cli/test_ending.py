"""Ending runs that died without a word."""

from pathlib import Path

import pytest

import lineage
from tests.cli.conftest import Shell


@pytest.fixture
def running(runs: Path) -> Path:
    """A store with a run that stayed RUNNING beside others that ended."""
    with lineage.connect(runs) as store:
        store.put(lineage.Execution(type="lineage.Train", name="killed", state="RUNNING"))
    return runs


def killed(path: Path) -> lineage.Execution:
    with lineage.connect(path, readonly=True) as store:
        (run,) = store.find(lineage.Execution, "name = 'killed'")
        return run


@pytest.mark.parametrize("state", ["COMPLETE", "FAILED", "CANCELED", "CACHED"])
def test_end(shell: Shell, running: Path, state: str) -> None:
    key = str(killed(running).key)
    options = ("--state", state, "--message", "killed", "--actor", "bob")
    assert shell("end", key, *options) == (0, f"ended {key}\n", "")
    assert killed(running).state == state
    entry = shell("log", "--limit", "1", "--json").json["entries"][0]
    assert (entry["actor"], entry["message"]) == ("bob", "killed")
    again = shell("end", key, "--state", state)
    assert again.code == 4
    assert f"{key} is not running" in again.err


def test_end_as_json(shell: Shell, running: Path) -> None:
    key = str(killed(running).key)
    assert shell("end", key, key, "--state", "FAILED", "--json").json == {"ended": [key]}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["execution:99", "--state", "FAILED"], 3, "there is no execution:99"),
        (["artifact:1", "--state", "FAILED"], 4, "artifact:1 is no execution"),
        (["execution:1", "--state", "FAILED"], 4, "execution:1 is not running"),
        (["execution:1", "--state", "RUNNING"], 4, "no run ends as 'RUNNING'"),
        (["execution:1", "--state", "failed"], 4, "no run ends as 'failed'"),
        (["execution:1"], 2, "Missing option"),
    ],
)
def test_what_does_not_end(
    shell: Shell, running: Path, arguments: list[str], code: int, said: str
) -> None:
    before = running.read_bytes()
    answer = shell("end", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err
    assert running.read_bytes() == before


def test_one_that_has_ended_keeps_the_others_as_they_were(shell: Shell, running: Path) -> None:
    key = str(killed(running).key)
    assert shell("end", key, "execution:1", "--state", "FAILED").code == 4
    assert killed(running).state == "RUNNING"
