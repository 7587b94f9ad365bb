"""A backend of somebody else's, in a project of its own: the one of docs/contract.md passes the suite there."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.tree import ROOT

CONTRACT = ROOT / "lineage" / "testing" / "contract"
MODULES = sorted(path.stem for path in CONTRACT.glob("[a-z]*.py"))
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
    return 8
"""
SETTINGS = """[pytest]
strict = true
filterwarnings = error
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder that has nothing of this checkout but the package."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def run_tests(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text(SETTINGS)
    return run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options)


def tested(folder: Path, backend: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of the page in a project that holds them and a backend, and nothing else."""
    (folder / "small_backend.py").write_text(backend)
    (folder / "test_small_backend.py").write_text(TESTS + FEWER)
    return run_tests(folder, *options)


@pytest.mark.slow
def test_small_backend_passes(tmp_path: Path) -> None:
    """All of the suite, in about 40 s of processor time."""
    done = tested(tmp_path, BACKEND)
    assert done.returncode == 0, done.stdout[-3000:]
    passed = re.search(r"^(\d+) passed in", done.stdout, re.MULTILINE)
    assert passed is not None, done.stdout
    assert int(passed[1]) > 560


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


OWN = """import pytest

from lineage.testing.fixtures import *
from lineage.contract.plugins import backend_factory


class Other(backend_factory("sqlite:x")):
    pass


@pytest.fixture
def open_backend():
    return lambda folder, clock: Other(str(folder / "x.db"), clock=clock)
"""
"""A backend of another name, and its fixtures in the project's `conftest.py`."""


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_modules_stand_alone(mode: str, tmp_path: Path) -> None:
    """Every fixture that a module's tests want is its own, or one of `fixtures`."""
    (tmp_path / "conftest.py").write_text(OWN)
    for name in MODULES:
        source = f"from lineage.testing.contract.{name} import *\n"
        (tmp_path / f"test_{name}.py").write_text(source)
    done = run_tests(tmp_path, f"--import-mode={mode}", "--setup-plan")
    assert done.returncode == 0, done.stdout[-3000:]
    for name in MODULES:
        assert f"test_{name}.py::test_" in done.stdout


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_fixtures_of_a_conftest_reach_the_tests(mode: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(OWN)
    (tmp_path / "test_copies.py").write_text("from lineage.testing.contract.replay import *\n")
    done = run_tests(tmp_path, f"--import-mode={mode}", "-rp", "-k", "test_copy_of_a_copy")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "PASSED test_copies.py::test_copy_of_a_copy[own]" in done.stdout
    assert "PASSED test_copies.py::test_copy_of_a_copy[memory]" in done.stdout


def test_failing_assert_says_what_it_compared(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(OWN.replace("    pass", "    contract = 0"))
    (tmp_path / "test_verbs.py").write_text("from lineage.testing.contract.verbs import *\n")
    done = run_tests(tmp_path, "-k", "declares_the_contract")
    assert "assert 0 == 2" in done.stdout


@pytest.mark.parametrize("library", ["hypothesis", "pytest"])
def test_missing_library_is_told_with_the_command(library: str, tmp_path: Path) -> None:
    program = f"import sys; sys.modules[{library!r}] = None; import lineage, lineage.testing"
    done = run(tmp_path, "-c", program)
    assert done.returncode == 1
    message = f"lineage.testing needs {library}: pip install 'lineage-graph[testing]'"
    assert done.stderr.splitlines()[-1] == f"lineage.errors.MissingExtra: {message}"


def test_our_own_backends_run_every_module() -> None:
    imported = {
        name
        for path in (ROOT / "tests" / "backends").glob("test_*.py")
        for name in re.findall(
            r"^from lineage\.testing\.contract\.(\w+) import \*", path.read_text(), re.MULTILINE
        )
    }
    assert sorted(imported) == MODULES


def test_package_collects_every_test() -> None:
    collected = vars(import_module("lineage.testing.contract"))
    for name in MODULES:
        module = import_module(f"lineage.testing.contract.{name}")
        tests = [each for each in vars(module) if each.startswith("test_")]
        assert tests
        assert all(collected[each] is getattr(module, each) for each in tests)


def test_no_module_is_over_600_lines() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in CONTRACT.parent.rglob("*.py")}
    assert {path.name: length for path, length in lengths.items() if length > 600} == {}
