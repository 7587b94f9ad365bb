"""The checkout as the tests see it: its root, its packages and their modules."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

FOLDERS = {"lineage": "lineage", "lineage.backends": "backends", "lineage.queries": "queries"}
"""The packages whose folders are at the root; the two links inside `lineage` are not followed."""


def modules() -> dict[str, Path]:
    """Return the file of every module of the package by the module's full name."""
    return {
        _name(package, path.relative_to(ROOT / folder)): path
        for package, folder in FOLDERS.items()
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not _behind_a_link(path)
    }


def _name(package: str, path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join([package, *(parts[:-1] if parts[-1] == "__init__" else parts)])


def _behind_a_link(path: Path) -> bool:
    return path.resolve() != path
