"""What is installed is what is in the checkout."""

import json
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
    assert "py.typed" in PROJECT["tool"]["setuptools"]["package-data"]["lineage"]


def test_what_is_built_of_web_is_shipped() -> None:
    built = {f"web/{path.name}" for path in (ROOT / "lineage" / "web").iterdir()}
    scripts = {f"web/{name}.{suffix}" for name in ("page", "site") for suffix in ("css", "js")}
    assert built == {*scripts, "web/icon.svg"}
    assert built <= set(PROJECT["tool"]["setuptools"]["package-data"]["lineage"])


def test_the_lock_of_web_names_no_registry() -> None:
    text = (ROOT / "web" / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    assert packages.pop("")["devDependencies"].keys() == {"esbuild", "typescript"}
    assert "registry" not in text
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert package["integrity"].startswith("sha512-"), name
