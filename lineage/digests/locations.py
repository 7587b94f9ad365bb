"""Where content lies: which URIs are paths, and what of a URI may be kept and shown.

No credentials are kept. A user with a password goes from a URI, and so does any user of `http` and `https`, where it may be a
token; a user alone stays elsewhere, for it may be what is looked into (`abfs://container@account/…`). Of a query, what is
named like a secret goes, with what signs it: `X-Amz-…`, `X-Goog-…`, and the rest of a signature of Azure, CloudFront or Google.
"""

from __future__ import annotations

import re
from os import PathLike
from urllib.parse import unquote, urlsplit

from lineage.digests.files import path_of
from lineage.errors import Invalid, excerpt

__all__ = ["local_path", "scheme_of", "without_credentials"]

# RFC 3986, 3.1, of two characters at least; other systems' URIs lead from one into another by `::`.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_USER = re.compile(r"(?P<scheme>\w[\w+.-]*)://(?P<user>[^\s/?#]*)@")
_QUERY = re.compile(r"\?(?P<query>[^\s'\"#<>?]+)")
_SECRET = re.compile(
    r"x-(?:amz|goog)-.*|.*(?:token|secret|passw|credential|signature|api[-_]?key|access[-_]?key|access[-_]?id).*"
    r"|sig|key-pair-id|auth|authorization|pwd",
    re.IGNORECASE,
)
_SIGNED = frozenset(
    [
        "expires",
        "policy",
        "sv",
        "ss",
        "srt",
        "sp",
        "st",
        "se",
        "spr",
        "sip",
        "sr",
        "si",
        "skoid",
        "sktid",
        "skt",
        "ske",
        "sks",
        "skv",
        "sdd",
    ]
)
"""The other parameters of signed URIs: what is allowed, and until when. They are different each time."""
_NO_PASSWORD = frozenset({"github"})
"""The schemes in which a colon parts a repository from its owner."""


def local_path(location: object) -> str | None:
    """Return the path that a location is, or that a `file:` URI means; None for what lies elsewhere.

    >>> local_path("data/x.csv"), local_path("file:///data/a%20b"), local_path("s3://lake/x")
    ('data/x.csv', '/data/a b', None)
    """
    if isinstance(location, PathLike):
        return path_of(location)
    if not isinstance(location, str):
        raise Invalid(f"{excerpt(location)} is neither a URI nor a path")
    if location[:5].lower() != "file:":
        return None if _SCHEME.match(location) or "::" in location else location
    parts = urlsplit(location)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise Invalid(
            f"{excerpt(location)} is no file of this machine; write file:///path, or a path alone"
        )
    return unquote(parts.path)


def scheme_of(location: str) -> str:
    """Return the scheme of a URI in small letters; of URIs that lead into each other, the last one's.

    >>> (
    ...     scheme_of("S3://lake/x"),
    ...     scheme_of("zip://rows.csv::gs://lake/x.zip"),
    ...     scheme_of("simplecache::s3://x"),
    ... )
    ('s3', 'gs', 's3')
    """
    found = _SCHEME.match(location.rpartition("::")[2]) or _SCHEME.search(location)
    return found[1].lower() if found else ""


def without_credentials(text: str) -> str:
    """Return a URI, or a text with URIs in it, without credentials.

    Invalid for a URI whose password cannot be told from what follows it.

    >>> without_credentials(
    ...     "sftp://ann:secret@host/x, https://token@host/x?id=7&X-Amz-Signature=0a#top"
    ... )
    'sftp://host/x, https://host/x?id=7#top'
    """
    cut = _QUERY.sub(_shown_query, _USER.sub(_shown_user, text))
    _check_ports(cut)
    return cut


def _shown_user(found: re.Match[str]) -> str:
    scheme, user = found["scheme"], found["user"]
    kept = scheme.lower() in _NO_PASSWORD or (
        ":" not in user and not scheme.lower().startswith("http")
    )
    return f"{scheme}://{user}@" if kept else f"{scheme}://"


def _shown_query(found: re.Match[str]) -> str:
    parameters = found["query"].split("&")
    names = [unquote(each.partition("=")[0]).lower() for each in parameters]
    if any(_SECRET.fullmatch(name) for name in names):
        parameters = [
            each
            for each, name in zip(parameters, names, strict=True)
            if not _SECRET.fullmatch(name) and name not in _SIGNED
        ]
    return f"?{'&'.join(parameters)}" if parameters else ""


def _check_ports(text: str) -> None:
    """Refuse `ann:se/cret@host`: what stands where a port does is no number, so that it may be a secret."""
    for rest in re.split(r"\w://", text)[1:]:
        authority = re.split(r"[\s/?#\"'<>,)]|::", rest)[0]
        _, colon, port = authority.rpartition("@")[2].partition(":")
        if colon and port and not port.isdigit() and not authority.startswith("["):
            raise Invalid(
                "a URI has something else than a number where its port is; if it is a password, write its / ? # in "
                "per cent, such as %2F, or leave it out"
            )
