"""Who calls a server: tokens, the names that go with them, and what each may do.

A file of tokens has a line `NAME TOKEN ROLE [EXPIRES]` for each. It is read again when it has changed, so that
a token is withdrawn by deleting its line.
"""

from __future__ import annotations

import hashlib
import logging
import re
import stat
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

from lineage.errors import Invalid, LineageError, NotFound, excerpt
from lineage.model.times import from_micros, last_instant
from lineage.server.refusal import Refusal

__all__ = [
    "Caller",
    "CallerRole",
    "Callers",
    "Token",
    "Tokens",
    "digest_of",
    "line_of",
    "read_tokens",
]

logger = logging.getLogger("lineage.server")

LOOK_MICROS: Final = 1_000_000
"""How often it is looked whether the file has changed."""
_DIGEST = re.compile(r"sha256:[0-9a-fA-F]{64}")


class CallerRole(IntEnum):
    """What a caller may do; each may do what those before may."""

    READER = 1
    """Ask whatever there is to ask."""
    WRITER = 2
    """Record, change and delete, which leaves the past as it was."""
    ADMIN = 3
    """Erase for good."""


class Caller(NamedTuple):
    """Who calls: the name that the log has for what they write, and what they may do."""

    name: str
    role: CallerRole

    def check(self, role: CallerRole, what: str) -> None:
        """Refuse what takes a role that this caller does not have."""
        if self.role < role:
            raise Refusal(
                "PERMISSION_DENIED",
                f"{self.name} is a {self.role.name.lower()}; {what} takes a {role.name.lower()}",
            )


class Token(NamedTuple):
    """Whose a token is, and until when, in microseconds since 1970; None for one that does not expire."""

    caller: Caller
    expires: int | None = None


def digest_of(token: str) -> bytes:
    """Return what a token is looked up by, so that the time it takes tells nothing of it."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def read_tokens(path: Path) -> Mapping[bytes, Token]:
    """Return the tokens of a file, by their digests.

    The file has a line `NAME TOKEN ROLE [EXPIRES]` for each: the token itself or `sha256:` with its digest, and
    the last day, or an RFC 3339 time; empty lines and those that begin with # are skipped.
    NotFound where there is no such file, Invalid where a line is not so; neither tells a token.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path} with tokens") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} cannot be read: it is no text in UTF-8") from error
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error}") from error
    tokens: dict[bytes, Token] = {}
    for number, line in enumerate(lines, start=1):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        try:
            digest, token = _token_of(parts)
        except Invalid as error:
            raise Invalid(f"{path}, line {number}: {error}") from None
        if digest in tokens:
            raise Invalid(
                f"{path}, line {number}: {tokens[digest].caller.name} has this token already"
            )
        tokens[digest] = token
    if not tokens:
        raise Invalid(f"{path} holds no token; write a line NAME TOKEN ROLE for each caller")
    return tokens


def _token_of(parts: list[str]) -> tuple[bytes, Token]:
    """Return the digest of the token on a line, and whose it is."""
    if len(parts) not in (3, 4):
        raise Invalid(
            "write NAME TOKEN ROLE, and an expiry if there is one, with no blanks in any; "
            "ROLE is reader, writer or admin"
        )
    name, text, role = parts[:3]
    if not name.isprintable():
        raise Invalid("the name has a character that cannot be shown")
    try:
        caller = Caller(name, CallerRole[role.upper()])
    except KeyError:
        # What stands there may be a token, of a line whose parts changed places.
        raise Invalid("the third part is no role; write reader, writer or admin") from None
    if text.startswith("sha256:"):
        if not _DIGEST.fullmatch(text):
            raise Invalid("a digest is sha256: and 64 hexadecimal digits")
        digest = bytes.fromhex(text.removeprefix("sha256:"))
    else:
        digest = digest_of(text)
    if len(parts) == 3:
        return digest, Token(caller)
    try:
        return digest, Token(caller, last_instant(parts[3]))
    except Invalid:
        raise Invalid(
            "the fourth part is no expiry; write a day, 2027-03-31, or a time, 2027-03-31T12:00:00Z"
        ) from None


def line_of(name: str, token: str, role: CallerRole, expires: str = "") -> str:
    """Return the line of a token, which holds its digest; Invalid where the name or the expiry cannot be in one."""
    line = f"{name} sha256:{digest_of(token).hex()} {role.name.lower()} {expires}".rstrip()
    parts = line.split()
    if not name or name.startswith("#") or parts[0] != name:
        raise Invalid(
            f"{excerpt(name)} is no name of a caller; write one word that does not begin with #"
        )
    _token_of(parts)
    return line


def _now() -> int:
    return time.time_ns() // 1_000


class Tokens:
    """The tokens of a file as it is now: it is looked at again once a second, and read when it has changed.

    A file that has become bad, or is gone, leaves the tokens as they were, and the log says so. `clock` returns
    microseconds since 1970.
    """

    def __init__(self, path: Path, *, clock: Callable[[], int] = _now) -> None:
        self.clock = clock
        self._path = path
        self._guard = threading.Lock()
        self._seen = _stamp(path)
        self._known = read_tokens(path)
        self._looked = clock()
        _warn_of_readers(path)

    def find(self, digest: bytes) -> Token | None:
        """Return whose token has a digest; None where nobody has."""
        if abs(self.clock() - self._looked) >= LOOK_MICROS:
            self._look()
        return self._known.get(digest)

    def _look(self) -> None:
        with self._guard:
            self._looked = self.clock()
            seen = _stamp(self._path)
            if seen == self._seen:
                return
            self._seen = seen
            try:
                self._known = read_tokens(self._path)
            except LineageError as error:
                logger.warning("the tokens stay as they were: %s", error)
            else:
                logger.info("%s was read again", self._path)
                _warn_of_readers(self._path)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what is another after a file was changed or replaced."""
    with suppress(OSError):
        state = path.stat()
        return state.st_mtime_ns, state.st_size, state.st_ino
    return None


def _warn_of_readers(path: Path) -> None:
    with suppress(OSError):
        if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            logger.warning("%s can be read by everybody on this machine: chmod 600 it", path)


class Callers:
    """Tells callers by what a call brings with it.

    Without tokens everybody is the actor, in a role that is theirs.
    """

    def __init__(
        self, actor: str, tokens: Tokens | None = None, *, role: CallerRole = CallerRole.ADMIN
    ) -> None:
        self._tokens = tokens
        self.everybody = Caller(actor, role) if tokens is None else None
        """Who calls without a token; None where each call needs one."""

    def caller(self, authorization: str) -> Caller:
        """Return the caller by the header of this name; a missing, unknown or expired token is refused."""
        if self.everybody is not None:
            return self.everybody
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Refusal("UNAUTHENTICATED", "the header `authorization: Bearer TOKEN` is missing")
        return self.holder(digest_of(token.strip()))

    def holder(self, digest: bytes) -> Caller:
        """Return whose token has a digest; one that is unknown, expired or withdrawn is refused."""
        token = None if self._tokens is None else self._tokens.find(digest)
        if self._tokens is None or token is None:
            raise Refusal("UNAUTHENTICATED", "the token is unknown")
        if token.expires is not None and self._tokens.clock() > token.expires:
            until = from_micros(token.expires).isoformat(timespec="seconds")
            raise Refusal("UNAUTHENTICATED", f"the token has expired: it was good until {until}")
        return token.caller
