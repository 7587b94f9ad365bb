"""`lineage run`: what is recorded of a command, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import lineage
from lineage.cli import running
from tests.cli.conftest import Shell
from tests.tree import ROOT

LINEAGE = [sys.executable, "-m", "lineage.cli"]


def last() -> lineage.Execution:
    with lineage.connect("lineage.db", readonly=True) as store:
        return store.find(lineage.Execution, order_by="id", descending=True).items[0]


def test_what_a_command_read_and_wrote_is_recorded(shell: Shell) -> None:
    Path("a.csv").write_text("2\n1\n")
    Path("old.pickle").write_text("old")
    digest = lineage.Dataset.from_path("a.csv").digest
    answer = shell(
        *("run", "--input", "a.csv", "--input-model", "old.pickle", "--output", "b.csv"),
        *("--output-model", "new.pickle", "--type", "Fit", "--param", "depth=3"),
        *("--tag", "nightly", "--note", "first", "--actor", "bob", "--"),
        *("sh", "-c", "sort a.csv > b.csv; echo more >> a.csv; echo new > new.pickle"),
    )
    assert (answer.code, answer.out) == (0, "")
    assert answer.err == "lineage: recorded execution:1, which is COMPLETE\n"
    with lineage.connect("lineage.db", readonly=True) as store:
        run = store.show("execution:1")
        assert (run.node.type, run.parameters) == ("Fit", {"depth": 3})
        custom = run.node.custom_properties
        assert (custom["lineage.tags"], custom["lineage.note"]) == (["nightly"], "first")
        command = custom["lineage.command"]
        assert command[:2] == ["sh", "-c"]
        read = {link.node.type: link.node for link in run.inputs}
        written = {link.node.type: link.node for link in run.outputs}
        assert read["lineage.Dataset"].properties["digest"] == digest, "as it was before"
        new = lineage.Model.from_path("new.pickle")
        assert written["lineage.Model"].properties["digest"] == new.digest
        assert written["lineage.Dataset"].key == store.key_of(Path("b.csv").resolve().as_uri())
        assert run.environment is None
        assert {entry.actor for entry in store.log()} == {"bob"}
    assert shell("show", "new.pickle").out.startswith("artifact:")


def test_nothing_is_wanted_of_the_path(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is named by its path runs under any PATH, as it does without us."""
    monkeypatch.setenv("PATH", "/nowhere")
    answer = shell("run", "--", sys.executable, "-c", "raise SystemExit(3)")
    assert (answer.code, last().state) == (3, "FAILED")


def test_files_are_those_that_python_recorded(shell: Shell) -> None:
    class Table(lineage.Dataset):
        rows: int

    Path("a.csv").write_text("2\n1\n")
    with lineage.connect("lineage.db") as store:
        store.record("Load", outputs=Table.from_path("a.csv", rows=2))
        answer = shell("run", "--input", "a.csv", "--output", "b.csv", "--", "cp", "a.csv", "b.csv")
        assert answer.code == 0
        way = store.paths("artifact:1", "artifact:2").shortest
        assert [str(key) for key in way] == ["artifact:1", "execution:2", "artifact:2"]


def test_it_is_running_meanwhile_and_the_streams_are_the_commands(tmp_path: Path) -> None:
    program = (
        "import sys, lineage\n"
        "print(sys.stdin.read().upper(), lineage.connect('lineage.db', readonly=True)"
        ".get('execution:1').state)"
    )
    done = subprocess.run(
        [*LINEAGE, "run", "--json", "--", sys.executable, "-c", program],
        input="said",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == "SAID RUNNING\n"
    document = json.loads(done.stderr)
    assert (document["code"], document["run"]["state"]) == (0, "COMPLETE")


@pytest.mark.parametrize(
    ("script", "code", "message"),
    [
        ("exit 7", 7, "returned non-zero exit status 7."),
        ("kill -KILL $$", 137, "died with <Signals.SIGKILL: 9>."),
    ],
)
def test_a_command_that_fails_passes_its_end_on(
    shell: Shell, script: str, code: int, message: str
) -> None:
    Path("out.csv").write_text("of before")
    answer = shell("run", "--output", "out.csv", "--", "sh", "-c", script)
    assert (answer.code, answer.out) == (code, "")
    run = last()
    assert run.state == "FAILED"
    assert run.custom_properties["error_type"] == "subprocess.CalledProcessError"
    assert str(run.custom_properties["error_message"]).endswith(message)
    with lineage.connect("lineage.db", readonly=True) as store:
        assert store.events(run) == [], "what it did not write is not said to be written"


def test_secrets_of_a_command_are_not_kept(shell: Shell) -> None:
    assert shell("run", "--", "sh", "-c", "exit 3", "--password=hunter2").code == 3
    run = last()
    assert run.custom_properties["lineage.command"] == ["sh", "-c", "exit 3", "--password=***"]
    assert "hunter2" not in repr(run)


def test_a_command_that_was_interrupted_is_canceled(shell: Shell) -> None:
    assert shell("run", "--", "sh", "-c", "kill -INT $$").code == 130
    assert last().state == "CANCELED"


def test_an_output_that_is_not_there_is_a_failure(shell: Shell) -> None:
    answer = shell("run", "--output", "nowhere.csv", "--", "true")
    assert answer.code == 3
    assert "there is no file or folder 'nowhere.csv'" in answer.err
    assert last().state == "FAILED"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--input", "nowhere.csv", "--", "touch", "ran"), 3, "no file or folder 'nowhere.csv'"),
        (("--", "no-such-command"), 3, "there is no command 'no-such-command'"),
        (("--", "./notes.txt"), 3, "that may be run"),
        (("--param", "depth", "--", "touch", "ran"), 2, "write it as name=value"),
        (("--type", "s3://x", "--", "touch", "ran"), 4, "is no name of a type"),
        (("--type", "lineage.Mine", "--", "touch", "ran"), 4, "are reserved"),
        (("--param", "lineage.x=1", "--", "touch", "ran"), 4, "are the engine's own"),
        (("--type", "New", "--tag", " ", "--", "touch", "ran"), 4, "the tag"),
        ((), 2, "COMMAND"),
    ],
)
def test_what_is_asked_wrong_runs_nothing(
    shell: Shell, runs: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    Path("notes.txt").write_text("no program")
    before = runs.read_bytes()
    answer = shell("run", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err
    assert not Path("ran").exists()
    assert runs.read_bytes() == before


def test_what_cannot_be_run_after_all_is_a_failure(shell: Shell) -> None:
    Path("broken").write_text("#!/no/such/interpreter\n")
    Path("broken").chmod(0o755)
    answer = shell("run", "--", "./broken")
    assert (answer.code, "'./broken' cannot be run" in answer.err) == (4, True)
    assert last().state == "FAILED"


def test_the_users_environment_is_the_commands(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYDANTIC_DISABLE_PLUGINS", raising=False)
    assert shell("run", "--", "sh", "-c", "test -z ${PYDANTIC_DISABLE_PLUGINS+set}").code == 0
    monkeypatch.setenv("OWN", "kept")
    assert shell("run", "--", "sh", "-c", "test $OWN = kept").code == 0


def test_handlers_of_signals_are_put_back(shell: Shell) -> None:
    before = [signal.getsignal(number) for number in running.PASSED_ON]
    shell("run", "--", "true")
    assert [signal.getsignal(number) for number in running.PASSED_ON] == before


COUNTS = """
import signal, sys, time
got = []
signal.signal(signal.SIGINT, lambda *_: got.append(1))
print("ready", flush=True)
while not got:
    time.sleep(0.01)
time.sleep(0.5)
print(len(got), flush=True)
sys.exit(5)
"""


@pytest.mark.parametrize("whom", ["group", "us"])
def test_an_interrupt_reaches_the_command_once(tmp_path: Path, whom: str) -> None:
    process = subprocess.Popen(
        [*LINEAGE, "run", "--", sys.executable, "-c", COUNTS],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    send = os.killpg if whom == "group" else os.kill
    send(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == ("1\n", 5)
    assert last().state == "CANCELED"
