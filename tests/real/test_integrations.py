"""The page of each library that records itself, followed with the real library in an environment of its own.

A page is one program, of its blocks fenced as `py`. `tests/real/integrations/NAME.py`, where it is there, is another,
for what is no example. `.ci/libraries/build.sh NAME` makes the environment.
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
SCRIPTS = {
    path.stem: path for path in sorted((Path(__file__).parent / "integrations").glob("*.py"))
}


def run(name: str, program: str, folder: Path) -> None:
    python = LIBRARIES / "venvs" / name / "bin" / "python"
    assert python.is_file(), f"there is no {python}: .ci/libraries/build.sh {name} makes it"
    done = subprocess.run(
        [python, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", PAGES)
def test_page_is_followed(name: str, tmp_path: Path) -> None:
    blocks = re.findall(r"^```py\n(.*?)^```$", PAGES[name].read_text(), re.MULTILINE | re.DOTALL)
    assert blocks, f"{PAGES[name]} has no block of py"
    run(name, "\n".join(blocks), tmp_path)


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_runs(name: str, tmp_path: Path) -> None:
    run(name, SCRIPTS[name].read_text(), tmp_path)
