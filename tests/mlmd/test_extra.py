"""Without the extra `mlmd` the commands say which it is."""

import subprocess
import sys
from pathlib import Path

import pytest

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
