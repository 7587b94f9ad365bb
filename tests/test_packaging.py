"""What is installed is what is in the checkout."""

import tomllib

from tests.tree import FOLDERS, ROOT, modules

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_package_is_listed() -> None:
    packages = [name for name, path in modules().items() if path.name == "__init__.py"]
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(packages)


def test_folders_at_the_root_are_mapped() -> None:
    assert PROJECT["tool"]["setuptools"]["package-dir"] == FOLDERS


def test_links_make_a_bare_checkout_one_package() -> None:
    for folder in ("backends", "queries"):
        assert (ROOT / "lineage" / folder).resolve() == ROOT / folder


def test_types_are_shipped() -> None:
    assert (ROOT / "lineage" / "py.typed").is_file()
    assert PROJECT["tool"]["setuptools"]["package-data"]["lineage"] == ["py.typed"]
