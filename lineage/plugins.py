"""Finds a backend by the scheme of its URL, in our own table and in other packages' entry points.

A package adds a backend by naming it, under the scheme it serves, in its `pyproject.toml`:

    [project.entry-points."lineage.backends"]
    duckdb = "lineage_duckdb:DuckdbBackend"

Our own schemes cannot be taken over. Nothing is imported before a URL asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from lineage.errors import BackendError, Invalid, MissingExtra

__all__ = ["GROUP", "Address", "backend_factory", "parse_url", "schemes"]

GROUP = "lineage.backends"

_OURS = {
    "memory": EntryPoint("memory", "lineage.backends.memory:MemoryBackend", GROUP),
    "sqlite": EntryPoint("sqlite", "lineage.backends.sqlite:SqliteBackend", GROUP),
}

# RFC 3986, 3.1, but of two characters at least: `C:\runs.db` is a path. A path whose colon
# follows a slash is none either, which is how a path with a colon can always be written.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.DOTALL)


class Address(NamedTuple):
    """A URL cut at its scheme; `rest` is as it was written, not decoded."""

    scheme: str
    rest: str


def parse_url(url: str) -> Address:
    r"""Cut `url` at its scheme; without one it is a path, which is SQLite's.

    >>> parse_url("memory:")
    Address(scheme='memory', rest='')
    >>> parse_url("runs/12:30.db")
    Address(scheme='sqlite', rest='runs/12:30.db')
    >>> parse_url(r"C:\runs.db").scheme
    'sqlite'
    """
    if not url:
        raise Invalid("the store's URL is empty: give a path, or a URL such as 'memory:'")
    found = _SCHEME.fullmatch(url)
    if found is None:
        return Address("sqlite", url)
    return Address(found[1].lower(), found[2])


def backend_factory(url: str) -> Callable[..., object]:
    """Return what opens the store at `url`: a backend's class, or a function that makes one.

    Raises Invalid for a scheme that nothing serves or that two packages claim, MissingExtra
    when the backend's module lacks a library, BackendError when it fails in any other way.
    """
    scheme = parse_url(url).scheme
    # Ours come first: looking through every installed package takes milliseconds.
    return _load(_OURS.get(scheme) or _foreign(scheme))


def schemes() -> list[str]:
    """Return every scheme that can be opened here, in alphabetical order."""
    return sorted(_OURS.keys() | entry_points(group=GROUP).names)


def _foreign(scheme: str) -> EntryPoint:
    # A package that is found by two entries of sys.path is one claim, not two.
    claims = {entry.value: entry for entry in entry_points(group=GROUP) if entry.name == scheme}
    if not claims:
        raise Invalid(
            f"no backend serves {scheme!r}: there are {', '.join(schemes())}. "
            "Install the package that does; a path that holds a colon is written with a slash "
            "before it, as in './a:b.db'"
        )
    if len(claims) > 1:
        raise Invalid(
            f"{scheme!r} is claimed by {' and '.join(map(_origin, claims.values()))}: "
            "uninstall all but one"
        )
    return next(iter(claims.values()))


def _load(entry: EntryPoint) -> Callable[..., object]:
    try:
        factory = entry.load()
    except ImportError as error:
        raise MissingExtra(
            f"the backend for {entry.name!r}, {_origin(entry)}, cannot be imported: {error}. "
            "Install what it lacks"
        ) from error
    except Exception as error:
        raise BackendError(
            f"the backend for {entry.name!r}, {_origin(entry)}, fails when it is loaded: "
            f"{type(error).__name__}: {error}. Update or uninstall its package"
        ) from error
    if not callable(factory):
        raise BackendError(
            f"the backend for {entry.name!r}, {_origin(entry)}, is of type {type(factory).__name__} "
            "and cannot be called. Update or uninstall its package"
        )
    return factory  # type: ignore[no-any-return]  # whatever a stranger named


def _origin(entry: EntryPoint) -> str:
    package = f" of {entry.dist.name} {entry.dist.version}" if entry.dist else ""
    return f"{entry.value}{package}"
