"""MLflow beside ours: the script on the page for those who come from it."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.tree import ROOT

pytestmark = pytest.mark.real
MLFLOW = ROOT / ".ci" / "mlflow" / "venv" / "bin" / "python"
PAGE = (ROOT / "docs" / "coming-from.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_their_script_runs_and_ours_is_no_longer(tmp_path: Path) -> None:
    (script,) = blocks("py")
    ours, *_ = blocks("python")
    command = [MLFLOW, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "'max_depth'" in done.stdout
    assert lines(ours) <= lines(script) <= 52


def lines(program: str) -> int:
    return sum(bool(line.strip()) for line in program.splitlines())
