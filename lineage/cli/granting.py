"""Tokens for those who call a server: token."""

from __future__ import annotations

import os
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lineage.cli import output
from lineage.cli.options import AsJson
from lineage.errors import Invalid
from lineage.model.texts import printable
from lineage.server.callers import CallerRole, line_of, read_tokens

__all__ = ["token"]

BYTES = 24
"""How many random bytes a token is made of."""
Role = StrEnum("Role", [each.name.lower() for each in CallerRole])  # type: ignore[misc]  # mypy wants them written out; they are those of the one table


def token(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Who it is for; the log names them so.")
    ],
    *,
    role: Annotated[
        Role, typer.Option("--role", help="What they may do: ask, also write, also erase.")
    ],
    expires: Annotated[
        str,
        typer.Option(
            "--expires",
            metavar="MOMENT",
            help="Until when it is good: a day, or an RFC 3339 time; left out, until it is withdrawn.",
            show_default=False,
        ),
    ] = "",
    tokens: Annotated[
        Path | None,
        typer.Option(
            "--tokens",
            metavar="FILE",
            help="Add the line to this file, which is made if need be.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token for `lineage serve --tokens`, and its line.

    It is shown this once: the line holds its digest alone. To withdraw it, delete the line.
    """
    secret = secrets.token_urlsafe(BYTES)
    line = line_of(name, secret, CallerRole[role.upper()], expires)
    if tokens is not None:
        _add(tokens, line)
    output.deliver(
        {"token": secret, "line": line},
        lambda made: [made["token"], *([] if tokens else [printable(made["line"], limit=2_000)])],
        as_json=as_json,
    )


def _add(path: Path, line: str) -> None:
    """Add a line to a file of tokens, which nobody else may read if it is made here."""
    if path.exists() and path.stat().st_size:
        read_tokens(path)
    try:
        place = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(place, "r+b") as file:
            before = file.read()
            gap = b"" if before.endswith(b"\n") or not before else b"\n"
            file.write(gap + f"{line}\n".encode())
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error}") from error
