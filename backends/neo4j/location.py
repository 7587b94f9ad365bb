"""Where a Neo4j database is, and who asks: URLs and the variables that Neo4j's own tools use."""

from __future__ import annotations

import os
import re
from typing import NamedTuple
from urllib.parse import unquote

from lineage.errors import Invalid

__all__ = ["DatabaseAddress", "read_url"]

_URL = re.compile(
    r"""
    (?P<scheme> (?:neo4j|bolt) (?:\+s|\+ssc)? ) ://
    (?: (?P<user> [^:@/?\#]* ) (?: : (?P<password> [^/?\#]* ) )? @ )?
    (?P<host> \[ [0-9a-f:.%]+ \] | [^\s:@/?\#\[\]\\]+ )
    (?: : (?P<port> [0-9]{1,5} ) )?
    (?: / (?P<database> [^\s@/?\#]* ) )?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PORT = 7687
_LAST_PORT = 65535
_SHAPE = (
    "write neo4j://user:password@host:7687/database, where neo4j may be bolt, either with +s or "
    "+ssc, and only the host is needed; write what is not a letter or a digit in the user and "
    "the password as %XX, / as %2F for one"
)


class DatabaseAddress(NamedTuple):
    """A database on a server, and the credentials for it."""

    server: str
    """The URL for the driver: scheme, host and port."""
    database: str | None
    user: str
    password: str | None
    """Without one, the server is asked without credentials."""
    place: str
    """The URL without credentials, for messages."""

    def __repr__(self) -> str:
        return f"DatabaseAddress({self.place!r})"


def read_url(url: str) -> DatabaseAddress:
    """Cut a URL into its parts, and take from the environment what it leaves out.

    >>> read_url("neo4j+s://ann:sesame%2F1@example.com/runs")
    DatabaseAddress('neo4j+s://example.com/runs')
    """
    # What cannot be read is not repeated: any part of it may be of the password.
    found = _URL.fullmatch(url)
    if found is None:
        raise Invalid(f"the URL is not one of a Neo4j database: {_SHAPE}")
    scheme, host = found["scheme"].lower(), found["host"]
    port = int(found["port"] or _PORT)
    if not 0 < port <= _LAST_PORT:
        raise Invalid(f"the URL's port is not from 1 to {_LAST_PORT}: {_SHAPE}")
    database = _decoded(found["database"]) or os.environ.get("NEO4J_DATABASE") or None
    user = _decoded(found["user"]) or os.environ.get("NEO4J_USERNAME") or "neo4j"
    password = _decoded(found["password"]) or os.environ.get("NEO4J_PASSWORD") or None
    named_port = f":{port}" if found["port"] else ""
    named_database = f"/{database}" if database else ""
    return DatabaseAddress(
        f"{scheme}://{host}:{port}",
        database,
        user,
        password,
        f"{scheme}://{host}{named_port}{named_database}",
    )


def _decoded(part: str | None) -> str:
    try:
        text = unquote(part or "", errors="strict")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise Invalid(f"the URL's %XX are not of UTF-8 text: {_SHAPE}")
    return text
