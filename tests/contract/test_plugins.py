"""Schemes, paths that look like schemes, and what strangers bring or break: backends and formats."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from lineage.contract.format import dumper, format_of_suffix, loader, parts_dumper
from lineage.contract.plugins import (
    FORMAT_GROUP,
    GROUP,
    StoreUrl,
    backend_factory,
    format_names,
    format_object,
    parse_url,
    schemes,
    shown_url,
    store_file,
)
from lineage.errors import BackendError, Invalid, LineageError, MissingExtra

Install = Callable[..., None]
OURS = {"memory", "sqlite", "neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc"}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a package with one module and one entry point."""

    def install(
        name: str, *, package: str, module: str, attribute: str = ":Backend", group: str = GROUP
    ) -> None:
        site = tmp_path / package
        metadata = site / f"{package}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (site / f"{package}.py").write_text(module)
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        )
        (metadata / "entry_points.txt").write_text(f"[{group}]\n{name} = {package}{attribute}\n")
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, package, raising=False)

    return install


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("neo4j://ann:secret@host:7687/runs", "neo4j://ann:***@host:7687/runs"),
        ("bolt+s://ann:@host", "bolt+s://ann:***@host"),
        ("neo4j://:secret@host", "neo4j://:***@host"),
        ("neo4j://ann:p@s/s:w?r#d@host/a", "neo4j://ann:***@host/a"),
        ("neo4j://ann@host:7687", "neo4j://ann@host:7687"),
        ("neo4j://host:7687/runs", "neo4j://host:7687/runs"),
        ("runs/a:b@c.db", "runs/a:b@c.db"),
        ("memory:", "memory:"),
        ("--store=neo4j://ann:secret@host given", "--store=neo4j://ann:***@host given"),
        ("from a://b:c@d to 'e://f:g@h'", "from a://b:***@d to 'e://f:***@h'"),
    ],
)
def test_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert shown_url(url) == shown


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
    assert parse_url(url) == StoreUrl(*address)


def test_empty_url_is_invalid() -> None:
    with pytest.raises(Invalid, match="empty"):
        backend_factory("")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("memory:", "MemoryBackend"),
        ("lineage.db", "SqliteBackend"),
        ("sqlite:lineage.db", "SqliteBackend"),
        ("neo4j://graph.example", "Neo4jBackend"),
        ("neo4j+s://graph.example", "Neo4jBackend"),
        ("neo4j+ssc://graph.example", "Neo4jBackend"),
        ("bolt://graph.example", "Neo4jBackend"),
        ("bolt+s://graph.example", "Neo4jBackend"),
        ("BOLT+SSC://graph.example", "Neo4jBackend"),
    ],
)
def test_our_backends_are_found(url: str, name: str) -> None:
    assert getattr(backend_factory(url), "__name__", None) == name


def test_unknown_scheme_names_those_there_are(install: Install) -> None:
    install("duck", package="lineage_duck", module="")
    with pytest.raises(
        Invalid, match=r"'sqllite': there are bolt, .*, duck, memory, neo4j, .*, sqlite"
    ):
        backend_factory("sqllite:runs.db")
    assert schemes() == sorted({*OURS, "duck"})


def test_colon_in_a_bare_file_name_is_told_the_way_out() -> None:
    with pytest.raises(Invalid, match=r"'\./a:b\.db'"):
        backend_factory("runs:2026.db")


def test_strangers_backend_is_found(install: Install) -> None:
    install("duck", package="lineage_duck", module="class Backend: pass")
    assert getattr(backend_factory("duck://pond"), "__module__", None) == "lineage_duck"
    assert schemes() == sorted({*OURS, "duck"})


def test_strangers_backend_found_twice_on_the_path_is_one(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("duck", package="lineage_duck", module="Backend = dict")
    copy = shutil.copytree(tmp_path / "lineage_duck", tmp_path / "copy")
    monkeypatch.syspath_prepend(copy)
    assert backend_factory("duck:") is dict


def test_strangers_backend_that_tells_no_file_is_kept_in_none(install: Install) -> None:
    install("duck", package="lineage_duck", module="class Backend: pass")
    install("goose", package="lineage_goose", module="class Backend: file_of = 'pond'")
    assert store_file("duck:pond") is None
    assert store_file("goose:pond") is None


@pytest.mark.parametrize("version", [1, 3, "2"])
def test_strangers_backend_of_another_contract_is_refused(
    version: object, install: Install
) -> None:
    install("duck", package="lineage_duck", module=f"class Backend: contract = {version!r}")
    with pytest.raises(BackendError, match=rf"version {version!r} of the contract .* version 2"):
        backend_factory("duck:")


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
        "import sys; from lineage.contract.plugins import backend_factory; backend_factory('x.db');"
        "print([name for name in sys.modules if name.startswith('lineage.backends.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert b"lineage.backends.sqlite" in done.stdout
    assert b"lineage.backends.memory" not in done.stdout
    assert b"lineage.backends.neo4j" not in done.stdout


# Formats


@pytest.fixture
def install_format(install: Install) -> Install:
    """Return a function that installs a package which is itself a format."""
    return partial(install, attribute="", group=FORMAT_GROUP)


def test_our_formats_are_found() -> None:
    assert format_names() == [
        "csv",
        "cytoscape",
        "dot",
        "gexf",
        "graphml",
        "html",
        "mermaid",
        "mlmd",
        "node-link",
        "png",
        "svg",
    ]
    for name in format_names():
        assert parts_dumper(name) or callable(dumper(name).dump)
    assert callable(loader("node-link").load)


def test_strangers_format_is_found(install_format: Install) -> None:
    install_format("prov", package="lineage_prov", module="def load(source): return iter(())")
    assert "prov" in format_names()
    assert getattr(loader("prov"), "__name__", None) == "lineage_prov"
    with pytest.raises(Invalid, match="'prov' can be read but not written"):
        dumper("prov")


def test_stranger_cannot_take_over_our_format(install_format: Install) -> None:
    install_format("dot", package="lineage_thief", module="def dump(batches, target): ...")
    assert getattr(dumper("dot"), "__name__", None) == "lineage.formats.dot"


def test_unknown_format_names_those_there_are(install_format: Install) -> None:
    install_format("prov", package="lineage_prov", module="")
    with pytest.raises(
        Invalid,
        match="'prof': there are csv, cytoscape, dot, gexf, graphml, html, mermaid, mlmd, node-link, png, prov",
    ):
        format_object("prof")
    with pytest.raises(Invalid, match="'dot' can be written but not read"):
        loader("dot")


def test_format_of_two_strangers_is_refused(install_format: Install) -> None:
    install_format("prov", package="lineage_prov", module="load = print")
    install_format("prov", package="lineage_proof", module="load = print")
    with pytest.raises(Invalid, match=r"claimed by .*_proof 1\.0 and .*_prov 1\.0"):
        format_object("prov")


@pytest.mark.parametrize(
    ("module", "error", "says"),
    [
        ("import no_such_library", MissingExtra, "No module named 'no_such_library'"),
        ("1 / 0", BackendError, "ZeroDivisionError"),
        ("load = 7", BackendError, "has neither dump nor dump_parts nor load nor connect to call"),
    ],
)
def test_broken_format_is_named(
    install_format: Install, module: str, error: type[LineageError], says: str
) -> None:
    install_format("prov", package="lineage_prov", module=module)
    with pytest.raises(
        error, match=r"the format for 'prov', lineage_prov of lineage_prov 1\.0"
    ) as caught:
        format_object("prov")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.json", "node-link"),
        ("/x.y/a.GraphML", "graphml"),
        ("a.dot", "dot"),
        ("a.gv", "dot"),
        ("a.mmd", "mermaid"),
        ("a.b.mermaid", "mermaid"),
    ],
)
def test_a_suffix_stands_for_a_format(path: str, name: str) -> None:
    assert format_of_suffix(path) == name


@pytest.mark.parametrize("path", ["a", "json", ".json", "a.json.gz", ""])
def test_other_suffixes_are_refused_with_those_that_do(path: str) -> None:
    with pytest.raises(
        Invalid,
        match=r"\.json, \.csv, \.graphml, .* one of csv, cytoscape, dot, gexf, graphml, html, mermaid, mlmd, node-link",
    ):
        format_of_suffix(path)


def test_looking_up_a_format_imports_no_other() -> None:
    program = (
        "import sys; from lineage.contract.plugins import format_object; format_object('dot');"
        "print([name for name in sys.modules if name.startswith('lineage.formats.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert b"lineage.formats.dot" in done.stdout
    assert b"lineage.formats.graphml" not in done.stdout
