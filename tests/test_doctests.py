"""Every example in a docstring is true.

pytest's own collection of doctests goes by path and would meet each module of `backends` and
`queries` twice, once through a link; here they are found by name.
"""

import doctest
import importlib
from pathlib import Path

import pytest

from tests.tree import modules


@pytest.mark.parametrize("name", modules())
def test_examples_of_module(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
