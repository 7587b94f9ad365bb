"""Finds backends, formats and integrations by name, in our own tables and in other packages' entry points.

A package adds a backend by naming it, under the scheme it serves, in its `pyproject.toml`, and a
format under its name; a format is a module, or an object, with `dump`, `dump_parts`, `load` or `connect`.
An integration has the name of the module that it hooks, and is a module, or an object, with `hooks`:

    [project.entry-points."lineage.backends"]
    duckdb = "lineage_duckdb:DuckdbBackend"

    [project.entry-points."lineage.formats"]
    prov = "lineage_prov.json_notation"

    [project.entry-points."lineage.integrations"]
    catboost = "lineage_catboost.hooks"

Our own names cannot be taken over. Nothing is imported before somebody asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lineage.errors import BackendError, Invalid, MissingExtra, excerpt
from lineage.model.values import to_text

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "FORMAT_GROUP",
    "GROUP",
    "INTEGRATION_GROUP",
    "StoreUrl",
    "backend_factory",
    "format_names",
    "format_object",
    "integration_names",
    "integration_object",
    "parse_url",
    "schemes",
    "shown_url",
    "store_address",
    "store_file",
]

GROUP = "lineage.backends"
FORMAT_GROUP = "lineage.formats"
INTEGRATION_GROUP = "lineage.integrations"


class _Table(NamedTuple):
    """Our own names, and the group of entry points where strangers add theirs."""

    group: str
    thing: str
    """What a name stands for, in messages."""
    ours: Mapping[str, str]


_BACKENDS = _Table(
    GROUP,
    "backend",
    {
        "bolt": "lineage.backends.neo4j:Neo4jBackend",
        "bolt+s": "lineage.backends.neo4j:Neo4jBackend",
        "bolt+ssc": "lineage.backends.neo4j:Neo4jBackend",
        "memory": "lineage.backends.memory:MemoryBackend",
        "neo4j": "lineage.backends.neo4j:Neo4jBackend",
        "neo4j+s": "lineage.backends.neo4j:Neo4jBackend",
        "neo4j+ssc": "lineage.backends.neo4j:Neo4jBackend",
        "sqlite": "lineage.backends.sqlite:SqliteBackend",
    },
)
_FORMATS = _Table(
    FORMAT_GROUP,
    "format",
    {
        "csv": "lineage.formats.csv_pair",
        "cytoscape": "lineage.formats.cytoscape",
        "dot": "lineage.formats.dot",
        "gexf": "lineage.formats.gexf",
        "graphml": "lineage.formats.graphml",
        "html": "lineage.formats.page",
        "mermaid": "lineage.formats.mermaid",
        "mlmd": "lineage.formats.mlmd",
        "node-link": "lineage.formats.node_link",
        "png": "lineage.formats.png",
        "svg": "lineage.formats.svg",
    },
)
_INTEGRATIONS = _Table(
    INTEGRATION_GROUP,
    "integration",
    {
        "lightgbm": "lineage.integrations.lightgbm",
        "optuna": "lineage.integrations.optuna",
        "sklearn": "lineage.integrations.sklearn",
        "xgboost": "lineage.integrations.xgboost",
    },
)

_VERBS = ("dump", "dump_parts", "load", "connect")

# RFC 3986, 3.1, but of two characters at least: `C:\runs.db` is a path. A path whose colon
# follows a slash is none either, which is how a path with a colon can always be written.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.DOTALL)
# RFC 3986, 3.2.1 and 3.2; a password that should have been encoded may hold `/`, `?`, `#` and `@`.
_PASSWORD = re.compile(r"(://[^\s:/?#@]*:)\S*@")


class StoreUrl(NamedTuple):
    """A URL cut at its scheme; `rest` is as it was written, not decoded."""

    scheme: str
    rest: str


def parse_url(url: str) -> StoreUrl:
    r"""Cut `url` at its scheme; without one it is a path, which is SQLite's.

    >>> parse_url("memory:")
    StoreUrl(scheme='memory', rest='')
    >>> parse_url("runs/12:30.db")
    StoreUrl(scheme='sqlite', rest='runs/12:30.db')
    >>> parse_url(r"C:\runs.db").scheme
    'sqlite'
    """
    if not url:
        raise Invalid("the store's URL is empty: give a path, or a URL such as 'memory:'")
    found = _SCHEME.fullmatch(url)
    if found is None:
        return StoreUrl("sqlite", url)
    return StoreUrl(found[1].lower(), found[2])


def shown_url(text: str) -> str:
    """Return a URL as it may be shown, or a text with URLs in it: passwords become `***`.

    >>> shown_url("neo4j://ann:secret@graph.example/runs")
    'neo4j://ann:***@graph.example/runs'
    """
    return _PASSWORD.sub(r"\1***@", text)


def store_address(url: object) -> str:
    """Return what names a store as text; `Invalid` for what cannot."""
    if isinstance(url, str) and url.isalpha() and url in schemes():
        raise Invalid(
            f"{url!r} is the scheme of a URL: write {url}:, or ./{url} for a file of this name"
        )
    if isinstance(url, str | Path) and "\0" not in to_text(str(url)):
        return str(url)
    raise Invalid(f"{shown_url(repr(url)):.80} is not a store's URL; give a path, or 'memory:'")


def backend_factory(url: str) -> Callable[..., object]:
    """Return what opens the store at `url`: a backend's class, or a function that makes one.

    Raises Invalid for a scheme that nothing serves or that two packages claim, MissingExtra
    when the backend's module lacks a library, BackendError when it fails in any other way or
    was written for another version of the contract.
    """
    claim = _claim(_BACKENDS, parse_url(url).scheme, _unknown_scheme)
    factory = claim.load()
    if not callable(factory):
        raise BackendError(
            f"{claim} is of type {type(factory).__name__} and cannot be called. "
            "Update or uninstall its package"
        )
    _check_contract(claim, factory)
    return factory


def _check_contract(claim: _Claim, factory: object) -> None:
    from lineage.contract.backend import CONTRACT_VERSION

    version = getattr(factory, "contract", CONTRACT_VERSION)
    if version != CONTRACT_VERSION:
        raise BackendError(
            f"{claim} is written for version {excerpt(version)} of the contract of backends, and this is "
            f"version {CONTRACT_VERSION}. Update its package"
        )


def store_file(url: str) -> Path | None:
    """Return the file that the store at `url` is kept in, whether it is there or not; None where it is in none.

    Raises the same errors as `backend_factory`.
    """
    file_of = getattr(backend_factory(url), "file_of", None)
    return file_of(url) if callable(file_of) else None


def schemes() -> list[str]:
    """Return every scheme that can be opened here, in alphabetical order."""
    return _names(_BACKENDS)


def format_object(name: str) -> object:
    """Return the format of a name: a module, or an object, with at least one of the verbs of a format.

    Raises the same errors as `backend_factory`.
    """
    claim = _claim(_FORMATS, name, _unknown_format)
    found = claim.load()
    if not any(callable(getattr(found, verb, None)) for verb in _VERBS):
        raise BackendError(
            f"{claim} has neither {' nor '.join(_VERBS)} to call. Update or uninstall its package"
        )
    return found


def format_names() -> list[str]:
    """Return every format that there is here, in alphabetical order."""
    return _names(_FORMATS)


def integration_object(name: str) -> object:
    """Return the integration of a library's module: a module, or an object, with `hooks` to call.

    Raises the same errors as `backend_factory`.
    """
    claim = _claim(_INTEGRATIONS, name, _unknown_integration)
    found = claim.load()
    if not callable(getattr(found, "hooks", None)):
        raise BackendError(f"{claim} has no hooks to call. Update or uninstall its package")
    return found


def integration_names() -> list[str]:
    """Return every library that can be recorded here, by the name of its module, in alphabetical order."""
    return _names(_INTEGRATIONS)


def _unknown_scheme(name: str) -> str:
    return (
        f"no backend serves {name!r}: there are {', '.join(schemes())}. "
        "Install the package that does; a path that holds a colon is written with a slash "
        "before it, as in './a:b.db'"
    )


def _unknown_format(name: str) -> str:
    return (
        f"there is no format {name!r}: there are {', '.join(format_names())}. "
        "Choose one of these, or install the package that has it"
    )


def _unknown_integration(name: str) -> str:
    return (
        f"no integration records {name!r}: there are {', '.join(integration_names())}. "
        "Choose one of these, or install the package that has it"
    )


class _Claim(NamedTuple):
    """A name, and what stands behind it."""

    thing: str
    name: str
    origin: str
    read: Callable[[], object]

    def __str__(self) -> str:
        return f"the {self.thing} for {self.name!r}, {self.origin},"

    def load(self) -> object:
        """Import what stands behind the name."""
        try:
            return self.read()
        except ImportError as error:
            raise MissingExtra(
                f"{self} cannot be imported: {error}. Install what it lacks"
            ) from error
        except Exception as error:
            raise BackendError(
                f"{self} fails when it is loaded: {type(error).__name__}: {error}. "
                "Update or uninstall its package"
            ) from error


def _claim(table: _Table, name: str, unknown: Callable[[str], str]) -> _Claim:
    # Ours come first: looking through every installed package takes milliseconds.
    value = table.ours.get(name)
    if value is not None:
        return _Claim(table.thing, name, value, lambda: _imported(value))
    claims = [entry for entry in _strangers(table) if entry.name == name]
    if not claims:
        raise Invalid(unknown(name))
    if len(claims) > 1:
        raise Invalid(
            f"{name!r} is claimed by {' and '.join(map(_origin, claims))}: uninstall all but one"
        )
    entry = claims[0]
    return _Claim(table.thing, name, _origin(entry), entry.load)


def _imported(value: str) -> object:
    module, _, attribute = value.partition(":")
    found = import_module(module)
    return attrgetter(attribute)(found) if attribute else found


def _strangers(table: _Table) -> list[EntryPoint]:
    from importlib.metadata import entry_points

    return list(entry_points(group=table.group))


def _names(table: _Table) -> list[str]:
    return sorted(table.ours.keys() | {entry.name for entry in _strangers(table)})


def _origin(entry: EntryPoint) -> str:
    package = f" of {entry.dist.name} {entry.dist.version}" if entry.dist else ""
    return f"{entry.value}{package}"
