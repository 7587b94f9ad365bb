"""No module imports one of a layer above its own, and none imports its own importers."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter

import pytest

from lineage.model.entities import ArtifactState, ExecutionState
from tests.tree import ROOT, modules

LAYER = {
    "errors": 0,
    "progress": 0,
    "digests": 1,
    "model": 2,
    "filters": 3,
    "contract": 4,
    "answers": 5,
    "mlmd": 5,
    "backends": 6,
    "queries": 6,
    "formats": 6,
    "recording": 6,
    "interchange": 7,
    "proofs": 7,
    "reading": 7,
    "viewing": 7,
    "moving": 7,
    "removing": 7,
    "reusing": 7,
    "stepping": 7,
    "store": 8,
    "server": 9,
    "cli": 9,
    "testing": 9,
    "integrations": 9,
}
"""The layer of each package, by the first part of a module's name; CONTRIBUTING.md explains it."""

TOP = max(LAYER.values())
MODULES = modules()
PACKAGES = {name for name, path in MODULES.items() if path.name == "__init__.py"}
BY_NAME_ONLY = {"backends": range(TOP + 1), "formats": (7, 8)}
"""What is reached through `plugins` alone, and by which layers."""

HEAVY = {
    "anyio",
    "google",
    "grpc",
    "neo4j",
    "networkx",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "rich",
    "sklearn",
    "starlette",
    "uvicorn",
}


def faults(module: str, source: str) -> list[str]:
    """Return a sentence for every import in `source` that `module` may not make."""
    return [
        f"line {line}: {module} may not import {imported}"
        for line, imported in imports(module, source)
        if not may_import(module, imported)
    ]


def imports(module: str, source: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of every module of ours that `source` imports, wherever it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}, line {node.lineno}: import by the full name"
            names = [_imported_from(node.module or "", alias.name) for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "lineage":
                yield node.lineno, name


def _imported_from(package: str, name: str) -> str:
    """Tell `from lineage import store`, a module, from `from lineage import Store`, a name."""
    whole = f"{package}.{name}"
    return whole if whole in MODULES or (package == "lineage" and name in LAYER) else package


def may_import(importer: str, imported: str) -> bool:
    """Whether one module may import another, by the layers and by the folders inside a package."""
    own, other = member(importer), member(imported)
    if own == other:
        return may_import_within(importer, imported)
    if LAYER.get(own) in BY_NAME_ONLY.get(other, ()):
        return False
    if LAYER.get(own) == TOP and (other in LAYER or imported == "lineage"):
        return True
    return LAYER.get(other, TOP) < LAYER.get(own, TOP)


def member(module: str) -> str:
    """Return the package that `module` belongs to; of `lineage` itself, its name."""
    return [*module.split("."), "lineage"][1]


def may_import_within(importer: str, imported: str) -> bool:
    """Whether a module may import another of its package: its own folder's, or what folders share.

    The package itself names what its folders hold.
    """
    return importer == f"lineage.{member(importer)}" or folder(imported) in {"", folder(importer)}


def folder(module: str) -> str:
    """Return the folder inside its package that a module is in; "" for the package's own modules."""
    parts = module.split(".")
    inner = ".".join(parts[:3])
    return inner if len(parts) > 2 and inner in PACKAGES else ""


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_only_from_below(module: str) -> None:
    assert member(module) in LAYER or module == "lineage", (
        f"{module} has no layer: give it one in LAYER here and in CONTRIBUTING.md"
    )
    assert not faults(module, MODULES[module].read_text())


def test_no_module_imports_its_own_importers() -> None:
    """What only a type checker imports counts, too; a package's `__init__` stands for itself."""
    graph = {
        module: {name for _, name in imports(module, path.read_text()) if name in MODULES}
        for module, path in MODULES.items()
        if module != "lineage"
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("lineage.errors", "import lineage.model.keys"),
        ("lineage.digests.files", "from lineage.model.keys import Kind"),
        ("lineage.model.entities", "from lineage.contract.plugins import parse_url"),
        ("lineage.model.entities", "from lineage import contract"),
        ("lineage.model.entities", "from lineage import Store"),
        ("lineage.model.entities", "import lineage"),
        ("lineage.filters.tree", "from lineage.contract.backend import Backend"),
        ("lineage.contract.backend", "from lineage.backends import sqlite"),
        ("lineage.contract.backend", "def late():\n    import lineage.store"),
        ("lineage.contract.walking", "from lineage.answers.subgraph import Subgraph"),
        (
            "lineage.answers.subgraph",
            "if TYPE_CHECKING:\n    from lineage.queries.facts import Facts",
        ),
        ("lineage.backends.sqlite.walk", "from lineage.queries.provenance import upstream"),
        ("lineage.backends.sqlite.walk", "from lineage.backends.memory.walk import walk_graph"),
        ("lineage.backends.sqlite.walk", "from lineage.backends import memory"),
        ("lineage.contract.commits", "from lineage.backends.memory.walk import walk_graph"),
        ("lineage.backends.sqlite.walk", "from lineage.recording.nodes import node_row"),
        ("lineage.formats.mlmd.file", "from lineage.formats.node_link.reading import read"),
        ("lineage.queries.impact", "from lineage.formats import mlmd"),
        ("lineage.recording.put", "from lineage.backends.memory import MemoryBackend"),
        ("lineage.recording.record", "from lineage.interchange.copying import copy"),
        ("lineage.interchange.importing", "from lineage.formats import mlmd"),
        ("lineage.store", "import lineage.backends.sqlite"),
        ("lineage.store", "from lineage.cli import main"),
        ("lineage.store", "from lineage.unheard_of import thing"),
        ("lineage.cli.walks", "from lineage.unheard_of import thing"),
        ("lineage.cli.options", "from lineage.backends.sqlite.location import split_url"),
        ("lineage", "from lineage.cli.demo import main"),
        ("lineage.store", "from lineage.integrations.autolog import Autolog"),
        ("lineage.recording.run", "from lineage.integrations.takers import Taker"),
    ],
)
def test_import_that_points_up_is_a_fault(module: str, line: str) -> None:
    assert len(faults(module, line)) == 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("lineage.model.entities", "from lineage.errors import Invalid"),
        ("lineage.model.entities", "from lineage.model.values import Struct"),
        ("lineage.model.entities", "import networkx, lineages"),
        ("lineage.filters.tree", "from lineage import model"),
        ("lineage.contract.backend", "from lineage.contract.walking import walk_levels"),
        ("lineage.backends.sqlite.walk", "from lineage.backends.sqlite.rows import edge_rows"),
        ("lineage.backends.sqlite.walk", "from lineage.contract.commits import windows"),
        ("lineage.formats.mlmd.file", "from lineage.formats.streams import types_first"),
        ("lineage.queries.impact", "from lineage.contract.backend import Backend"),
        ("lineage.recording.record", "from lineage.recording.environment import capture"),
        ("lineage.store", "from lineage.queries import provenance"),
        ("lineage.cli.serving", "from lineage.server.mlmd.serving import serve"),
        ("lineage.cli.demo", "import lineage"),
        ("lineage", "from lineage.store import Store, connect"),
    ],
)
def test_import_from_below_is_none(module: str, line: str) -> None:
    assert not faults(module, line)


def test_contributing_shows_the_same_table() -> None:
    page = re.sub(r"\([^)]*\)", "", (ROOT / "CONTRIBUTING.md").read_text())
    rows = re.findall(r"^\| (\d) \| ([^|]+) \|", page, re.MULTILINE)
    shown = [(name, int(number)) for number, names in rows for name in re.findall(r"`(\w+)", names)]
    assert shown == list(LAYER.items())


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = "import sys, lineage; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert "lineage" in loaded
    assert not loaded & HEAVY


LOOKS_AT_STATES = (
    "contract.standing",
    "recording",
    "formats",
    "integrations",
    "mlmd",
    "server",
    "model",
    "testing",
)
"""Who may compare states: the rules of answers, recording's own, and those who pass on what others say."""
STATES = {state.name for states in (ExecutionState, ArtifactState) for state in states}


def states_looked_at(source: str) -> list[int]:
    """Return the lines in which a state is named or compared with."""
    return sorted(
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in ("ExecutionState", "ArtifactState")
        )
        or (
            isinstance(node, ast.Compare)
            and any(
                isinstance(each, ast.Constant) and each.value in STATES
                for each in (node.left, *node.comparators)
            )
        )
    )


def test_only_standing_says_which_states_count() -> None:
    assert states_looked_at("run.state is ExecutionState.FAILED\n'FAILED' == name") == [1, 2]
    assert states_looked_at("states = dict(enumerate(ExecutionState))\nFAILED = 1") == []
    others = [
        (name, lines)
        for name, path in MODULES.items()
        if not any(f".{name}.".startswith(f".lineage.{each}.") for each in LOOKS_AT_STATES)
        and (lines := states_looked_at(path.read_text(encoding="utf-8")))
    ]
    assert others == []
