"""docs/deploy.md: its commands are ours, what it runs is what is tested, and its backup and its drill work as they stand."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lineage
from tests.deploy.containers import CONFINED
from tests.deploy.test_files import CRON, PROGRAM, parsed
from tests.tree import ROOT

PAGE = (ROOT / "docs" / "deploy.md").read_text()
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STUBS = {
    "systemctl": "exit 0",
    "logger": "cat >>{folder}/log",
    "runuser": 'shift 3; exec "$@"',
}
"""What the page calls that is not ours, and does here."""


def blocks(section: str = "") -> Iterator[str]:
    """Yield the blocks of a section, or of the page, whose lines are whole commands."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0] if section else PAGE
    for block in BLOCK.finditer(text):
        yield block[1].replace("\\\n", " ")


def commands() -> Iterator[list[str]]:
    """Yield the words of each command of the page."""
    for block in blocks():
        for line in block.splitlines():
            yield shlex.split(line.partition(" >>")[0], comments=True)


def ours() -> Iterator[list[str]]:
    """Yield the arguments of each command of ours, run by itself or by another program."""
    for words in commands():
        match words:
            case ["lineage", *arguments] | ["docker", "exec", "lineage", "lineage", *arguments]:
                yield arguments
            case ["runuser", "-u", "lineage", "--", "lineage", *arguments]:
                yield arguments
            case ["docker", "run", *_]:
                arguments = words[len(words) - words[::-1].index("lineage") :]
                if arguments[:1] == ["-euc"]:
                    arguments = shlex.split(arguments[1].rpartition("; lineage ")[2])
                if arguments:
                    yield arguments
            case _:
                pass


def test_commands_are_ours() -> None:
    arguments = list(ours())
    for each in arguments:
        parsed(each)
    assert {each[0] for each in arguments} == {"copy", "check", "info", "log"}


def test_containers_are_run_as_they_are_tested() -> None:
    runs = [words for words in commands() if words[:2] == ["docker", "run"]]
    assert len(runs) == 3
    for words in runs:
        text = " ".join(words)
        assert " ".join(CONFINED) in text
        assert "lineage:/data" in words


@pytest.mark.parametrize("name", re.findall(r"`(deploy/[\w./]+)`", PAGE))
def test_files_are_there(name: str) -> None:
    assert (ROOT / name).is_file()


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder in the place of the root, with a store and programs that do what is asked of them here."""
    for name in ("var/lib/lineage", "var/backups/lineage", "etc/cron.d", "bin"):
        (tmp_path / name).mkdir(parents=True)
    for name, does in STUBS.items():
        stub = tmp_path / "bin" / name
        stub.write_text(f"#!/bin/sh\n{does.format(folder=tmp_path)}\n")
        stub.chmod(0o755)
    program = tmp_path / "bin" / "lineage"
    program.symlink_to(Path(sys.executable).with_name("lineage"))
    with lineage.connect(tmp_path / "var/lib/lineage/lineage.db") as store:
        store.record(lineage.Train(name="fit"), inputs=lineage.Dataset(uri="s3://lake/1"))
    return tmp_path


def run(machine: Path, script: str) -> str:
    """Run a script as it stands, on the machine; return what it printed."""
    script = re.sub(r"/var/(?=lib|backups)", f"{machine}/var/", script)
    script = script.replace(PROGRAM, "lineage")
    environment = {"PATH": f"{machine}/bin:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=machine,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, ""), (script, done.stdout)
    return done.stdout


def test_the_backup_and_the_drill_work_as_they_stand(machine: Path) -> None:
    copy = next(blocks("Backup"))
    said = run(machine, copy)
    (digest,) = re.findall(r"The digest of both is (\S+)\.", said)
    check, restore, *_ = blocks("A restore drill")
    assert check.startswith("digest=")
    checked = run(machine, re.sub(r"^digest=\S+", f"digest={digest}", check))
    assert digest in checked
    with lineage.connect(machine / "var/lib/lineage/lineage.db") as store:
        store.put(lineage.Dataset(uri="s3://lake/a-mistake"))
    run(machine, restore)
    with lineage.connect(machine / "var/lib/lineage/lineage.db") as store:
        assert [each.uri for each in store.find(lineage.Dataset)] == ["s3://lake/1"]
        assert f"{store.backend.now()}:" in digest
        assert store.check() == []


def test_another_history_fails_the_drill(machine: Path) -> None:
    (digest,) = re.findall(r"is (\S+)\.", run(machine, next(blocks("Backup"))))
    number, _, text = digest.partition(":")
    check = re.sub(r"^digest=\S+", f"digest={number}:{text[::-1]}", next(blocks("A restore drill")))
    with pytest.raises(AssertionError, match="history up to it is another one than it was"):
        run(machine, check)


def test_the_lines_of_cron_work_as_they_stand(machine: Path) -> None:
    copy, check = (
        line.split(None, 6)[6] for line in CRON.read_text().splitlines() if line[0].isdigit()
    )
    assert run(machine, copy) == ""
    assert "The digest of both is " in (machine / "log").read_text()
    assert run(machine, check) == ""
    backup = machine / "var/backups/lineage/lineage.db"
    backup.write_bytes(backup.read_bytes().replace(b"s3://lake/1", b"s3://lake/2"))
    assert "was changed since it was written" in run(machine, check)
