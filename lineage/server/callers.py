"""Who calls a server: tokens, and the names that go with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from lineage.errors import Invalid, NotFound
from lineage.server.refusal import Refusal

__all__ = ["Callers", "read_tokens"]


def read_tokens(path: Path) -> Mapping[bytes, str]:
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
    tokens: dict[bytes, str] = {}
    for number, line in enumerate(lines, start=1):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        if len(parts) != 2:
            raise Invalid(f"{path}, line {number}: write NAME TOKEN, with no blanks in either")
        digest = _digest(parts[1])
        if digest in tokens:
            raise Invalid(f"{path}, line {number}: {tokens[digest]} has this token already")
        tokens[digest] = parts[0]
    if not tokens:
        raise Invalid(f"{path} holds no token; write a line NAME TOKEN for each caller")
    return tokens


def _digest(token: str) -> bytes:
    """Return what a token is looked up by, so that the time it takes tells nothing of it."""
    return hashlib.sha256(token.encode()).digest()


class Callers:
    """Names callers by what a call brings with it; without tokens everybody is the actor."""

    def __init__(self, actor: str, tokens: Mapping[bytes, str] | None) -> None:
        self._actor = actor
        self._tokens = tokens

    def name(self, authorization: str) -> str:
        """Return the caller's name by the header of this name; a missing or unknown token is refused."""
        if self._tokens is None:
            return self._actor
        scheme, _, token = authorization.partition(" ")
        name = self._tokens.get(_digest(token.strip()))
        if scheme.lower() != "bearer" or name is None:
            raise Refusal(
                "UNAUTHENTICATED",
                "the header `authorization: Bearer TOKEN` is missing, or its token is unknown",
            )
        return name
