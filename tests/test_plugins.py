"""Schemes, paths that look like schemes, and backends that strangers bring or break."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lineage.errors import BackendError, Invalid, LineageError, MissingExtra
from lineage.plugins import Address, backend_factory, parse_url, schemes

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a package with one module and one entry point."""

    def install(scheme: str, *, package: str, module: str, attribute: str = "Backend") -> None:
        site = tmp_path / package
        metadata = site / f"{package}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (site / f"{package}.py").write_text(module)
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        )
        (metadata / "entry_points.txt").write_text(
            f"[lineage.backends]\n{scheme} = {package}:{attribute}\n"
        )
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, package, raising=False)

    return install


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("memory:", ("memory", "")),
        ("MEMORY:", ("memory", "")),
        ("sqlite:runs.db", ("sqlite", "runs.db")),
        ("sqlite:a:b.db", ("sqlite", "a:b.db")),
        ("sqlite:/data/50%20off.db", ("sqlite", "/data/50%20off.db")),
        ("neo4j+s://host:7687/lineage", ("neo4j+s", "//host:7687/lineage")),
        ("lineage.db", ("sqlite", "lineage.db")),
        ("memory", ("sqlite", "memory")),
        ("/data/12:30/runs.db", ("sqlite", "/data/12:30/runs.db")),
        ("./a:b.db", ("sqlite", "./a:b.db")),
        ("12:30.db", ("sqlite", "12:30.db")),
        ("my runs: all.db", ("sqlite", "my runs: all.db")),
        ("größe:1.db", ("sqlite", "größe:1.db")),
        (":memory:", ("sqlite", ":memory:")),
        (r"C:\data\runs.db", ("sqlite", r"C:\data\runs.db")),
        ("C:/data/runs.db", ("sqlite", "C:/data/runs.db")),
        ("sqlite:line\nbreak.db", ("sqlite", "line\nbreak.db")),
    ],
)
def test_url_is_cut_at_its_scheme(url: str, address: tuple[str, str]) -> None:
    assert parse_url(url) == Address(*address)


def test_empty_url_is_invalid() -> None:
    with pytest.raises(Invalid, match="empty"):
        backend_factory("")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("memory:", "MemoryBackend"),
        ("lineage.db", "SqliteBackend"),
        ("sqlite:lineage.db", "SqliteBackend"),
    ],
)
def test_our_backends_are_found(url: str, name: str) -> None:
    assert getattr(backend_factory(url), "__name__", None) == name


def test_unknown_scheme_names_those_there_are(install: Install) -> None:
    install("duck", package="lineage_duck", module="")
    with pytest.raises(Invalid, match="'sqllite': there are duck, memory, sqlite"):
        backend_factory("sqllite:runs.db")


def test_colon_in_a_bare_file_name_is_told_the_way_out() -> None:
    with pytest.raises(Invalid, match=r"'\./a:b\.db'"):
        backend_factory("runs:2026.db")


def test_strangers_backend_is_found(install: Install) -> None:
    install("duck", package="lineage_duck", module="class Backend: pass")
    assert getattr(backend_factory("duck://pond"), "__module__", None) == "lineage_duck"
    assert schemes() == ["duck", "memory", "sqlite"]


def test_strangers_backend_is_loaded_only_when_asked_for(install: Install) -> None:
    install("duck", package="lineage_duck", module="raise RuntimeError")
    install("goose", package="lineage_goose", module="Backend = dict")
    assert backend_factory("goose:") is dict
    assert "lineage_duck" not in sys.modules


def test_stranger_cannot_take_over_our_scheme(install: Install) -> None:
    install("memory", package="lineage_thief", module="Backend = dict")
    assert backend_factory("memory:") is not dict


def test_scheme_of_two_strangers_is_refused(install: Install) -> None:
    install("duck", package="lineage_duck", module="Backend = dict")
    install("duck", package="lineage_drake", module="Backend = list")
    with pytest.raises(Invalid, match=r"claimed by .*_drake 1\.0 and .*_duck 1\.0"):
        backend_factory("duck:")


@pytest.mark.parametrize(
    ("module", "error", "says"),
    [
        ("import no_such_library", MissingExtra, "No module named 'no_such_library'"),
        ("1 / 0", BackendError, "ZeroDivisionError"),
        ("", BackendError, "AttributeError"),
        ("Backend = 7", BackendError, "is of type int and cannot be called"),
    ],
)
def test_broken_stranger_is_named(
    install: Install, module: str, error: type[LineageError], says: str
) -> None:
    install("duck", package="lineage_duck", module=module)
    with pytest.raises(error, match=r"'duck', lineage_duck:Backend of lineage_duck 1\.0") as caught:
        backend_factory("duck:")
    assert says in str(caught.value)


def test_looking_up_a_backend_imports_no_other() -> None:
    program = (
        "import sys; from lineage.plugins import backend_factory; backend_factory('x.db');"
        "print([name for name in sys.modules if name.startswith('lineage.backends.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert b"lineage.backends.sqlite" in done.stdout
    assert b"lineage.backends.memory" not in done.stdout
