"""The real readers of pictures: Graphviz and Mermaid's own parser, which are no Python packages.

Where one is not installed its tests are skipped, unless LINEAGE_TEST_READERS=required says that
it has to be there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest

from tests.tree import ROOT

MERMAID = ROOT / ".ci" / "mermaid"


def _missing(what: str) -> None:
    if os.environ.get("LINEAGE_TEST_READERS") == "required":
        pytest.fail(f"{what} is not installed, and LINEAGE_TEST_READERS asks for it")
    pytest.skip(f"{what} is not installed")


def graphviz(text: bytes, format: str = "json") -> Any:
    """Return what Graphviz makes of a picture in DOT."""
    dot = shutil.which("dot")
    if dot is None:
        _missing("Graphviz (Debian package graphviz)")
    done = subprocess.run(
        [dot or "dot", f"-T{format}"], input=text, capture_output=True, check=True
    )
    assert b"syntax error" not in done.stderr
    return json.loads(done.stdout) if format == "json" else done.stdout.decode()


def mermaid(text: bytes) -> Any:
    """Return what Mermaid's parser finds in a flowchart; .ci/mermaid/check.js says what."""
    node = shutil.which("node")
    if node is None or not (MERMAID / "node_modules").is_dir():
        _missing("Mermaid (npm install in .ci/mermaid)")
    command = [node or "node", str(MERMAID / "check.js")]
    done = subprocess.run(command, input=text, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)
