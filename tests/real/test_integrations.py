"""The page of each library that records itself, followed with the real library in an environment of its own.

A page is one program, of its Python blocks: those of `py` need a library that the project's environment has not.
`.ci/libraries/build.sh NAME` makes the environment.
"""

import re
import subprocess
from pathlib import Path

import pytest

from tests.tree import ROOT

pytestmark = pytest.mark.real
LIBRARIES = ROOT / ".ci" / "libraries"
PAGES = {
    path.stem: path
    for path in sorted((ROOT / "docs" / "integrations").glob("*.md"))
    if (LIBRARIES / f"{path.stem}.txt").is_file()
}
BLOCK = re.compile(r"^```py(?:thon)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", PAGES)
def test_page_is_followed(name: str, tmp_path: Path) -> None:
    program = "\n".join(BLOCK.findall(PAGES[name].read_text()))
    assert "lineage.autolog(" in program
    python = LIBRARIES / "venvs" / name / "bin" / "python"
    done = subprocess.run(
        [python, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
