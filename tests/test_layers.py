"""No module imports one of a layer above its own."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.tree import ROOT, modules

TABLE = {
    0: ["errors"],
    1: ["plugins", "digest", "values", "fields", "model"],
    2: ["schema", "rows", "labels"],
    3: [
        "filters",
        "proof",
        "notation",
        "conversions",
        "display",
        "graph",
        "tokens",
        "columns",
        "scopes",
        "parsing",
    ],
    4: ["mlmd", "backend", "transaction", "walking", "registry"],
    5: [
        "backends",
        "queries",
        "formats",
        "writing",
        "identity",
        "journal",
        "environment",
        "exporting",
    ],
    6: ["recording", "run", "finding", "importing", "following", "copying"],
    7: ["store"],
    8: ["server", "cli", "demo"],
}
"""The first part of a module's name inside the package, by layer; CONTRIBUTING.md explains it."""

LAYER = {member: number for number, members in TABLE.items() for member in members}
TOP = max(TABLE)
GROUPS = {"backends", "queries", "formats", "mlmd"}
"""The packages, in which siblings may import each other."""

BY_NAME_ONLY = {"backends", "formats"}
"""What layers 6 and 7 reach through `plugins` alone."""

WITHIN_A_LAYER = {
    ("model", "values"),
    ("model", "fields"),
    ("fields", "values"),
    ("rows", "schema"),
    ("graph", "notation"),
    ("graph", "conversions"),
    ("graph", "display"),
    ("backend", "transaction"),
    ("backend", "walking"),
    ("columns", "filters"),
    ("columns", "tokens"),
    ("scopes", "filters"),
    ("scopes", "tokens"),
    ("parsing", "filters"),
    ("parsing", "tokens"),
    ("parsing", "columns"),
    ("parsing", "scopes"),
    ("registry", "backend"),
    ("identity", "writing"),
    ("run", "recording"),
    ("following", "importing"),
    ("transaction", "backend"),  # the name of its type, which only a type checker imports
}
"""The pairs of one layer in which the first is made of the second."""

HEAVY = {"networkx", "neo4j", "sqlglot", "numpy", "rich", "grpc", "google"}


def faults(module: str, source: str) -> list[str]:
    """Return a sentence for every import in `source` that `module` may not make."""
    return [
        f"line {line}: {module} may not import {imported}"
        for line, imported in imports(module, source)
        if not may_import(member(module), member(imported))
    ]


def imports(module: str, source: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of every module of ours that `source` imports, wherever it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [_imported_from(_absolute(module, node), alias.name) for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "lineage":
                yield node.lineno, name


def _absolute(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    # The package of a module is its parent; that of an __init__ is itself, which is one dot
    # less, but then the first part after `lineage` is the same, and only that part counts here.
    above = module.split(".")[: -node.level] or ["lineage"]
    return ".".join([*above, *([node.module] if node.module else [])])


def _imported_from(package: str, name: str) -> str:
    """Tell `from lineage import store`, a module, from `from lineage import Store`, a name."""
    return f"lineage.{name}" if package == "lineage" and name in LAYER else package


def member(module: str) -> str:
    """Return the row entry that `module` belongs to; of the package itself, its name."""
    return [*module.split("."), "lineage"][1]


def may_import(importer: str, imported: str) -> bool:
    if importer == imported:
        return importer in GROUPS or LAYER.get(importer) == TOP
    if LAYER.get(importer) == TOP:
        return True
    if LAYER.get(importer) in {6, 7} and imported in BY_NAME_ONLY:
        return False
    above = LAYER.get(importer, TOP)
    return LAYER.get(imported, TOP) < above or (importer, imported) in WITHIN_A_LAYER


@pytest.mark.parametrize("module", modules())
def test_module_imports_only_from_below(module: str) -> None:
    assert member(module) in LAYER or module == "lineage", (
        f"{module} has no layer: give it one in TABLE here and in CONTRIBUTING.md"
    )
    assert not faults(module, modules()[module].read_text())


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("lineage.errors", "import lineage.model.entities"),
        ("lineage.model.entities", "from lineage.contract.plugins import parse_url"),
        ("lineage.model.entities", "from lineage import schema"),
        ("lineage.model.entities", "from lineage import Store"),
        ("lineage.model.entities", "import lineage"),
        ("lineage.model.values", "from lineage.model.entities import Artifact"),
        ("lineage.model.schema", "from lineage.model.rows import NodeRow"),
        ("lineage.contract.backend", "from lineage.backends import sqlite"),
        ("lineage.contract.backend", "def late():\n    import lineage.store"),
        ("lineage.contract.walking", "from lineage.contract.backend import Backend"),
        (
            "lineage.answers.subgraph",
            "if TYPE_CHECKING:\n    from lineage.contract.backend import Backend",
        ),
        ("lineage.backends.sqlite.backend", "from lineage.queries.provenance import upstream"),
        ("lineage.queries.impact", "from lineage.formats import mlmd"),
        ("lineage.backends.sqlite.backend", "from ..queries import provenance"),
        ("lineage.backends.sqlite.backend", "from .. import store"),
        ("lineage.recording.put", "from lineage.backends.memory.backend import MemoryBackend"),
        ("lineage.recording.put", "from lineage.recording.environment import capture"),
        ("lineage.recording.record", "from lineage.interchange.copying import copy"),
        ("lineage.recording.record", "from lineage.formats import mlmd"),
        ("lineage.store", "import lineage.backends.sqlite.backend"),
        ("lineage.store", "from lineage.cli import main"),
        ("lineage.store", "from lineage.unheard_of import thing"),
        ("lineage", "from lineage.cli.demo import main"),
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
        ("lineage.model.rows", "from lineage import model"),
        ("lineage.model.rows", "from lineage.model.schema import ArtifactType"),
        ("lineage.contract.backend", "from lineage.contract.walking import walk_levels"),
        (
            "lineage.backends.sqlite.backend",
            "from lineage.backends.memory.backend import MemoryBackend",
        ),
        ("lineage.backends.sqlite.backend", "from .memory import MemoryBackend"),
        ("lineage.queries.impact", "from lineage.contract.backend import Backend"),
        ("lineage.recording.record", "from lineage.recording.environment import capture"),
        ("lineage.store", "from lineage.queries import provenance"),
        ("lineage.cli.show", "from lineage.server import http"),
        ("lineage.cli.demo", "import lineage"),
        ("lineage", "from lineage.store import Store, connect"),
    ],
)
def test_import_from_below_is_none(module: str, line: str) -> None:
    assert not faults(module, line)


def test_contributing_shows_the_same_table() -> None:
    page = re.sub(r"\([^)]*\)", "", (ROOT / "CONTRIBUTING.md").read_text())
    rows = re.findall(r"^\| (\d) \| ([^|]+) \|", page, re.MULTILINE)
    shown = {int(number): re.findall(r"`(\w+)", members) for number, members in rows}
    assert shown == TABLE


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = "import sys, lineage; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert "lineage" in loaded
    assert not loaded & HEAVY
