"""The command as a process of its own: its entry point, pipes, signals, terminals."""

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import lineage
from tests.tree import ROOT

COMMAND = str(Path(sys.executable).with_name("lineage"))
MODULE = [sys.executable, "-m", "lineage.cli"]

pytestmark = pytest.mark.usefixtures("runs")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MODULE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=in_checkout(environment),
        timeout=60,
    )


def in_checkout(more: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def test_entry_point() -> None:
    done = subprocess.run(
        [COMMAND, "show", "artifact:2", "--json"], capture_output=True, check=True, timeout=60
    )
    assert json.loads(done.stdout)["node"]["name"] == "m1"
    failed = subprocess.run([COMMAND, "show", "x"], capture_output=True, check=False, timeout=60)
    assert failed.returncode == 3


def test_heavy_libraries_are_not_loaded_for_an_answer() -> None:
    program = (
        "import sys; from lineage.cli import main; main(['show', 'artifact:2']);"
        "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=in_checkout({}),
    )
    assert "artifact:2" in done.stdout
    heavy = {"rich", "networkx", "numpy", "pandas", "sklearn", "neo4j"}
    assert not heavy & set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments", [["log", "--limit", "9000"], ["export"]], ids=["log", "export"]
)
def test_a_reader_that_leaves_is_no_trouble(arguments: list[str], runs: Path) -> None:
    with lineage.connect(runs) as store:
        for number in range(
            1_000
        ):  # more than a pipe holds, or all may be written before the reader leaves
            store.put(lineage.Dataset(name=f"{number}"), message="a" * 2_000)
    process = subprocess.Popen(
        [*MODULE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=in_checkout({})
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 141


def test_interrupt_ends_quietly() -> None:
    process = subprocess.Popen(
        [*MODULE, "import", "-", "--store", "new.db"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=in_checkout({}),
    )
    assert process.stdin is not None
    # More than a pipe holds: once all of it is written, the command reads.
    process.stdin.write(b"[" + b" " * 1_000_000)
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"")


def redirected(redirection: str) -> subprocess.CompletedProcess[str]:
    line = f"{shlex.join([*MODULE, 'log'])} {redirection}"
    return subprocess.run(
        ["/bin/sh", "-c", line],
        capture_output=True,
        text=True,
        check=False,
        env=in_checkout({}),
        timeout=60,
    )


def test_closed_streams_are_no_trouble() -> None:
    done = redirected(">&- 2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_full_disk_is_one_line() -> None:
    done = redirected("> /dev/full")
    assert done.returncode == 1
    assert done.stderr.startswith("lineage: OSError: ")
    assert done.stderr.count("\n") == 1


def test_output_that_cannot_say_a_name_still_says_something(runs: Path) -> None:
    with lineage.connect(runs) as store:
        store.put(lineage.Dataset(name="漢"))
    done = run("find", "artifact", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert r"\u6f22" in done.stdout


def terminal(*arguments: str, **environment: str) -> str:
    """Return what a terminal of 60 columns is given."""
    main, other = pty.openpty()
    variables = in_checkout({"COLUMNS": "60", "TERM": "xterm", **environment})
    process = subprocess.Popen([*MODULE, *arguments], stdout=other, env=variables)
    os.close(other)
    written = b""
    while True:
        try:
            piece = os.read(main, 65_536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(main)
    assert process.wait(60) == 0
    return written.decode()


def test_tables_fit_a_terminal(runs: Path) -> None:
    with lineage.connect(runs) as store:
        store.put(lineage.Dataset(name="wide 漢字 " * 20))
    shown = terminal("ls", NO_COLOR="1")
    assert "\x1b" not in shown
    assert max(len(line) + line.count("漢") + line.count("字") for line in shown.splitlines()) <= 60
    assert "…" in shown
    assert "…" not in run("ls", "Model").stdout


def test_colours_are_for_terminals_that_have_them() -> None:
    assert "\x1b[1m" in terminal("show", "artifact:2")
    assert "\x1b" not in terminal("show", "artifact:2", TERM="dumb")
    assert "\x1b" not in run("show", "artifact:2").stdout


def test_document_for_a_person_is_indented() -> None:
    assert json.loads(terminal("check", "--json"))["faults"] == []
    assert "\n  " in terminal("check", "--json")
