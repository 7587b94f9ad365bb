"""The command line in this process, and stores in files for it to ask."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import lineage
from lineage.cli import main
from lineage.testing.builders import Clock
from tests.runs import two_runs


class Result(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document on stdout, which must be all of it."""
        return json.loads(self.out)


Shell = Callable[..., Result]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let nothing of this machine's environment into the commands."""
    for name in ("LINEAGE_STORE", "LINEAGE_ACTOR", "LINEAGE_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    """Calls the command as the shell does."""

    def call(*arguments: str) -> Result:
        capsys.readouterr()
        code = main(arguments)
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a store's file with two runs in it."""
    path = tmp_path_factory.mktemp("recorded") / "runs.db"
    with lineage.connect(path, actor="ann", clock=Clock()) as store:
        two_runs(store)
    return path.read_bytes()


@pytest.fixture
def runs(recorded: bytes, tmp_path: Path) -> Path:
    """A store with two runs at the place where commands look first."""
    path = tmp_path / "lineage.db"
    path.write_bytes(recorded)
    return path
