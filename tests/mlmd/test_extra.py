"""Without the extra `mlmd` the commands say which it is."""

import subprocess
import sys
from pathlib import Path

import pytest

import lineage
from tests.tree import ROOT


@pytest.mark.parametrize(
    ("library", "arguments"),
    [
        ("google.protobuf", ["import", "x", "--format", "mlmd"]),
        ("google.protobuf", ["serve"]),
        ("grpc", ["import", "grpc://127.0.0.1:1", "--format", "mlmd"]),
        ("grpc", ["serve"]),
        ("grpc_health", ["serve"]),
    ],
)
def test_a_missing_library_is_told_with_the_command(
    library: str, arguments: list[str], tmp_path: Path
) -> None:
    program = (
        f"import sys; sys.modules[{library!r}] = None; sys.path.insert(0, {str(ROOT)!r});"
        f"from lineage.cli import main; sys.exit(main({arguments!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 11, done.stderr
    assert "pip install 'lineage-graph[mlmd]'" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", ["4.25.9", "5.27.5"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "out.mlmd", "--format", "mlmd", "--store", "ours.db"],
        ["import", "x", "--format", "mlmd", "--store", "ours.db"],
        ["serve", "--store", "ours.db"],
    ],
)
def test_an_old_protobuf_is_told_before_any_work(
    version: str, arguments: list[str], tmp_path: Path
) -> None:
    """The package ml-metadata brings one, and what reads its messages fails on the way."""
    with lineage.connect(str(tmp_path / "ours.db")) as store:
        store.put(lineage.Dataset(uri="x"))
    before = sorted(tmp_path.iterdir())
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import google.protobuf;"
        f"google.protobuf.__version__ = {version!r};"
        f"from lineage.cli import main; sys.exit(main({arguments!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 11, done.stderr
    assert f"protobuf 5.28 or newer, and {version} is installed" in done.stderr
    assert "pip install 'lineage-graph[mlmd]'" in done.stderr
    assert sorted(tmp_path.iterdir()) == before
