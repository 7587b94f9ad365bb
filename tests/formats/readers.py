"""The real readers of pictures, which are no Python packages: Graphviz, Mermaid's own parser, Node for web/.

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
WEB = ROOT / "web"


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


def typescript(module: str, call: str, given: object) -> Any:
    """Return what a call of a module of web/src, imported as `it`, makes of a value, which it finds as `given`."""
    node, esbuild = shutil.which("node"), WEB / "node_modules" / ".bin" / "esbuild"
    if node is None or not esbuild.exists():
        _missing("esbuild (make ui)")
    command = [str(esbuild), "--bundle", "--format=iife", "--global-name=it", "--log-level=error"]
    source = subprocess.run(
        [*command, str(WEB / "src" / module)], capture_output=True, check=True, text=True
    ).stdout
    read = "const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
    done = subprocess.run(
        [node or "node", "-e", f"{source}\n{read}\nconsole.log(JSON.stringify({call}));"],
        input=json.dumps(given),
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
