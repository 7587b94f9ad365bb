"""A backend of somebody else's, in a project of its own: the one of docs/contract.md passes the suite there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tree import ROOT

PAGE = (ROOT / "docs" / "contract.md").read_text()
BACKEND = next(
    block
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    if "class SmallBackend" in block
)
TESTS = re.findall(r"^```py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]
FEWER = """

@pytest.fixture
def histories():
    return 3


@pytest.fixture
def most_conditions():
    return 20
"""
SETTINGS = """[pytest]
strict = true
filterwarnings = error
"""


def tested(folder: Path, backend: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of the page in a project that holds them and a backend, and nothing else."""
    (folder / "small_backend.py").write_text(backend)
    (folder / "test_small_backend.py").write_text(TESTS + FEWER)
    (folder / "pytest.ini").write_text(SETTINGS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_small_backend_passes(tmp_path: Path) -> None:
    done = tested(
        tmp_path, BACKEND, "-k", "not hub"
    )  # thousands of edges, all read for each answer
    assert done.returncode == 0, done.stdout[-3000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout
    assert int(passed[1]) > 500
    assert "skipped" not in done.stdout


@pytest.mark.parametrize(
    ("right", "wrong", "test"),
    [
        ("row.since <= as_of), None)", "True), None)", "moment"),
        ("tuple(map(purged, state.nodes[key]))", "state.nodes[key]", "purge"),
    ],
)
def test_backend_that_is_wrong_fails(right: str, wrong: str, test: str, tmp_path: Path) -> None:
    assert right in BACKEND
    done = tested(tmp_path, BACKEND.replace(right, wrong), "-x", "-k", test)
    assert done.returncode == 1, done.stdout[-3000:]
    assert "1 failed" in done.stdout
