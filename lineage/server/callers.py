"""Who calls a server: tokens, the names that go with them, and what each may do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from lineage.errors import Invalid, NotFound
from lineage.server.refusal import Refusal

__all__ = ["Caller", "CallerRole", "Callers", "read_tokens"]


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


def read_tokens(path: Path) -> Mapping[bytes, Caller]:
    """Return who has which token, by the token's digest.

    The file has a line `NAME TOKEN` for each; empty lines and those that begin with # are skipped.
    NotFound where there is no such file, Invalid where a line is not so.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path} with tokens") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}") from error
    tokens: dict[bytes, Caller] = {}
    for number, line in enumerate(lines, start=1):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        if len(parts) != 2:
            raise Invalid(f"{path}, line {number}: write NAME TOKEN, with no blanks in either")
        digest = _digest(parts[1])
        if digest in tokens:
            raise Invalid(f"{path}, line {number}: {tokens[digest].name} has this token already")
        tokens[digest] = Caller(parts[0], CallerRole.WRITER)
    if not tokens:
        raise Invalid(f"{path} holds no token; write a line NAME TOKEN for each caller")
    return tokens


def _digest(token: str) -> bytes:
    """Return what a token is looked up by, so that the time it takes tells nothing of it."""
    return hashlib.sha256(token.encode()).digest()


class Callers:
    """Tells callers by what a call brings with it; without tokens everybody is the actor, and may do all."""

    def __init__(self, actor: str, tokens: Mapping[bytes, Caller] | None) -> None:
        self._everybody = Caller(actor, CallerRole.ADMIN)
        self._tokens = tokens

    def caller(self, authorization: str) -> Caller:
        """Return the caller by the header of this name; a missing or unknown token is refused."""
        if self._tokens is None:
            return self._everybody
        scheme, _, token = authorization.partition(" ")
        caller = self._tokens.get(_digest(token.strip()))
        if scheme.lower() != "bearer" or caller is None:
            raise Refusal(
                "UNAUTHENTICATED",
                "the header `authorization: Bearer TOKEN` is missing, or its token is unknown",
            )
        return caller
