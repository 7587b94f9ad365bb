"""A library that is recorded by itself, and its integration, both made by a stranger."""

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

LIBRARY = """
__version__ = "3.1"
calls = []

class Fitted:
    pass

def fit(data, *, depth=2, callbacks=(), error=None):
    calls.append((data, depth))
    for number, callback in enumerate(callbacks):
        callback(number)
    if error is not None:
        raise error
    return Fitted()

def search(function, times):
    return [function(number) for number in range(times)]
"""

INTEGRATION = """
import sys
from lineage.integrations.hooks import Hook, recording
from lineage.model.system import Model, Train

class Fit(Train, type="toy.Fit"):
    depth: int = 2

class FittedModel(Model, type="toy.Model"):
    pass

def hooks():
    toy = sys.modules["toy"]
    yield Hook(toy, "fit", recording("toy", _fit))
    yield Hook(toy, "search", recording("toy", _search))

def _fit(call):
    call.begin(Fit(), params={"width": 7}, name="fit")
    call.input(call.arguments["data"], use="train", path="data")
    point = lambda number: call.log_metrics({"loss": 1.0 / (number + 1)}, step=number)
    call.kwargs["callbacks"] = [*call.arguments.get("callbacks", ()), point]
    yield
    call.model(call.result, FittedModel())
    call.log_metrics({"fitted": 1}, of=call.result)

def _search(call):
    call.begin(Fit(), name="search")
    function, times = call.args

    def tried(number):
        with call.step(Fit(), params={"number": number}, name="trial") as step:
            answer = function(number)
            step.log_metrics({"answer": answer})
            return answer

    call.args = tried, times
    yield
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return what installs the library `toy` and its integration, each of some source; nothing of it is imported yet."""

    def install(library: str = LIBRARY, integration: str = INTEGRATION) -> None:
        metadata = tmp_path / "lineage_toy-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: lineage_toy\nVersion: 1.0\n"
        )
        (metadata / "entry_points.txt").write_text("[lineage.integrations]\ntoy = lineage_toy\n")
        (tmp_path / "toy.py").write_text(library)
        (tmp_path / "lineage_toy.py").write_text(integration)
        monkeypatch.syspath_prepend(tmp_path)

    yield install
    for name in ("toy", "lineage_toy"):
        sys.modules.pop(name, None)


@pytest.fixture
def toy(install: Callable[..., None]) -> ModuleType:
    """The library, imported."""
    install()
    return import_module("toy")
