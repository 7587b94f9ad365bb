"""`lineage serve` and `lineage ui`: where they listen, whom they refuse, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest

import lineage
from lineage.mlmd.messages import SERVICE
from tests.cli.conftest import Shell
from tests.tree import ROOT

NOWHERE = "127.0.0.1:0"


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """Run a command, and give its process and the addresses that it says."""
    with subprocess.Popen(
        [sys.executable, "-m", "lineage.cli", *arguments, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def get(address: str, path: str, **options: Any) -> httpx2.Response:
    return httpx2.get(f"{address}/api/v1{path}", timeout=30, **options)


def calls(address: str, call: str) -> str:
    with grpc.insecure_channel(address) as channel:
        try:
            channel.unary_unary(f"/{SERVICE}/{call}")(b"", timeout=30)
        except grpc.RpcError as error:
            name: str = error.code().name
            return name
    return "OK"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_process_serves_both_until_it_is_told_to_end(number: signal.Signals) -> None:
    with running("serve", "--mlmd", NOWHERE, "--http", NOWHERE) as (process, where):
        assert sorted(where) == ["http", "mlmd"]
        facts = get(where["http"], "/store").json()
        assert (facts["number"], facts["role"]) == (0, "writer")
        assert calls(where["mlmd"], "GetArtifacts") == "OK"
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    said, *lines = err.splitlines()
    assert said == "lineage: the store lineage.db is empty; its first ids will be 1"
    assert [json.loads(line)["route"] for line in lines] == ["/api/v1/store"]


def test_one_file_of_tokens_holds_for_both() -> None:
    Path("tokens").write_text("ben one reader\nann two admin\n", encoding="utf-8")
    Path("tokens").chmod(0o600)
    both = ("--mlmd", NOWHERE, "--http", NOWHERE, "--tokens", "tokens")
    with running("serve", *both) as (_, where):
        assert get(where["http"], "/store").status_code == 401
        assert calls(where["mlmd"], "GetArtifacts") == "UNAUTHENTICATED"
        for token, name, role in (("one", "ben", "reader"), ("two", "ann", "admin")):
            headers = {"Authorization": f"Bearer {token}"}
            facts = get(where["http"], "/store", headers=headers).json()
            assert (facts["caller"], facts["role"]) == (name, role)


def test_the_browsers_command_only_asks(runs: Path) -> None:
    before = runs.read_bytes()
    with running("ui", "--no-browser") as (process, where):
        assert where["http"].startswith("http://127.0.0.1:")
        facts = get(where["http"], "/store").json()
        assert (facts["number"], facts["role"]) == (2, "reader")
        with lineage.connect("lineage.db") as store:
            store.put(lineage.Dataset(uri="s3://new"))
        assert get(where["http"], "/store").json()["number"] == 3
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert runs.read_bytes() != before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_streams_that_are_open_keep_nobody(number: signal.Signals, runs: Path) -> None:
    with running("serve", "--http", NOWHERE) as (process, where), ExitStack() as held:
        headers = {"Accept": "text/event-stream"}
        for _ in range(4):
            asked = httpx2.stream("GET", f"{where['http']}/api/v1/changes", headers=headers)
            assert held.enter_context(asked).status_code == 200
        began = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        assert time.monotonic() - began < 3
    assert process.returncode == 0
    assert [json.loads(line)["route"] for line in err.splitlines()] == ["/api/v1/changes"] * 4


@pytest.mark.parametrize("option", ["--mlmd", "--http"])
@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "10.1.2.3", "example.org"])
def test_an_address_that_others_reach_takes_tokens(shell: Shell, option: str, host: str) -> None:
    answer = shell("serve", option, f"{host}:0")
    assert (answer.code, answer.out) == (2, "")
    assert "--tokens FILE" in answer.err
    assert "--open" in answer.err
    assert not list(Path().iterdir())


@pytest.mark.parametrize("given", [["--open"], ["--tokens", "tokens"]])
def test_an_address_that_others_reach_is_served_where_that_is_meant(given: Sequence[str]) -> None:
    Path("tokens").write_text("ann two admin\n", encoding="utf-8")
    with running("serve", "--http", "0.0.0.0:0", *given) as (_, where):
        port = where["http"].rpartition(":")[2]
        headers = {"Authorization": "Bearer two"}
        facts = get(f"http://127.0.0.1:{port}", "/store", headers=headers).json()
        assert facts["role"] == ("writer" if given == ["--open"] else "admin")


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (("--http", "x"), 4, "HOST:PORT"),
        (("--http", "127.0.0.1:99999"), 4, "HOST:PORT"),
        (("--http", NOWHERE, "--log", "no/such/folder"), 4, "cannot be written"),
        (("--http", NOWHERE, "--rate", "-1"), 2, "--rate"),
        (("--http", NOWHERE, "--tokens", "nowhere"), 3, "no file nowhere"),
        (("--http", NOWHERE, "--tokens", "old"), 4, "ROLE is reader, writer or admin"),
        (("--http", NOWHERE, "--tls-key", "old"), 2, "belong together"),
        (("--http", NOWHERE, "--tls-key", "nowhere", "--tls-certificate", "old"), 3, "nowhere"),
        (("--http", NOWHERE, "--tls-key", "old", "--tls-certificate", "old"), 4, "certificate"),
    ],
)
def test_what_is_asked_wrong(shell: Shell, given: Sequence[str], code: int, said: str) -> None:
    Path("old").write_text("ci some-token\n", encoding="utf-8")
    answer = shell("serve", *given)
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err
    assert "some-token" not in answer.err


def test_names_rates_and_logs_are_the_services() -> None:
    given = ("--host", "lineage.example.org", "--rate", "0.01", "--log", "log")
    hosts = ["example.org", "Lineage.example.org:80", "lineage.example.org"]
    with running("serve", "--http", NOWHERE, *given) as (process, where):
        answers = [get(where["http"], "/store", headers={"Host": host}) for host in hosts]
        process.terminate()
        assert process.wait(30) == 0
    lines = [json.loads(line) for line in Path("log").read_text().splitlines()]
    assert [answer.status_code for answer in answers] == [421, 200, 429]
    assert [line["status"] for line in lines] == [421, 200, 429]


def test_a_port_that_is_taken(shell: Shell) -> None:
    with running("serve", "--http", NOWHERE) as (_, where):
        answer = shell("serve", "--http", where["http"].removeprefix("http://"))
        assert (answer.code, "taken" in answer.err) == (9, True)


@pytest.mark.parametrize("library", ["starlette", "uvicorn"])
@pytest.mark.parametrize("arguments", [["serve", "--http", NOWHERE], ["ui"]])
def test_without_the_extra_the_command_says_which(library: str, arguments: list[str]) -> None:
    done = without(library, arguments)
    assert done.returncode == 11, done.stderr
    assert "pip install 'lineage-graph[web]'" in done.stderr
    assert not list(Path().iterdir())


def without(library: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    program = (
        f"import sys; sys.modules[{library!r}] = None; sys.path.insert(0, {str(ROOT)!r});"
        f"from lineage.cli import main; sys.exit(main({arguments!r}))"
    )
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("library", "option"), [("grpc", "--http"), ("starlette", "--mlmd"), ("uvicorn", "--mlmd")]
)
def test_neither_server_needs_what_the_other_one_does(library: str, option: str) -> None:
    """An address that is taken is the first that fails where nothing is missing."""
    with running("serve", "--http", NOWHERE) as (_, where):
        taken = where["http"].removeprefix("http://")
        done = without(library, ["serve", option, taken])
    assert done.returncode == 9, done.stderr
