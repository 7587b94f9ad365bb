"""XGBoost, LightGBM and Optuna as they are recorded by themselves: tests that run in an environment of each."""

import os
import subprocess

import pytest

from tests.tree import ROOT

pytestmark = pytest.mark.real


@pytest.mark.parametrize("library", ["lightgbm", "optuna", "xgboost"])
def test_library(library: str) -> None:
    python = ROOT / ".ci" / "libraries" / "venvs" / library / "bin" / "python"
    file = ROOT / "tests" / "real" / "libraries" / f"check_{library}.py"
    command = [
        python,
        "-m",
        "pytest",
        "-q",
        "-m",
        "real or not real",
        "-p",
        "no:cacheprovider",
        file,
    ]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
