"""`lineage token`: what it makes lets its holder in, and is nowhere but in what it prints."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from lineage.server.callers import Caller, CallerRole, Callers, Tokens
from tests.cli.conftest import Shell


def test_a_token_lets_in_and_its_line_does_not_tell_it(shell: Shell) -> None:
    first = shell("token", "ann", "--role", "admin", "--tokens", "tokens.txt", "--json").json
    text = Path("tokens.txt").read_text()
    assert text == f"{first['line']}\n"
    assert first["token"] not in text
    assert stat.S_IMODE(Path("tokens.txt").stat().st_mode) == 0o600
    Path("tokens.txt").write_text(text.rstrip())  # as some editors leave it
    answer = shell(
        "token", "ci", "--role", "reader", "--expires", "2999-01-01", "--tokens", "tokens.txt"
    )
    callers = Callers("", Tokens(Path("tokens.txt")))
    assert callers.caller(f"Bearer {first['token']}") == Caller("ann", CallerRole.ADMIN)
    assert callers.caller(f"Bearer {answer.out.strip()}") == Caller("ci", CallerRole.READER)
    assert len(answer.out.strip()) == 32


def test_without_a_file_the_line_is_printed(shell: Shell) -> None:
    answers = [shell("token", "ann", "--role", "writer") for _ in range(2)]
    (token, line), (other, _) = (answer.out.splitlines() for answer in answers)
    assert token != other
    name, digest, role = line.split()
    assert (name, role) == ("ann", "writer")
    assert digest.startswith("sha256:")
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (("a b", "--role", "reader"), 4, "one word"),
        (("", "--role", "reader"), 4, "one word"),
        (("#a", "--role", "reader"), 4, "does not begin with #"),
        (("a\x1b", "--role", "reader"), 4, "cannot be shown"),
        (("a", "--role", "owner"), 2, "--role"),
        (("a",), 2, "--role"),
        (("a", "--role", "reader", "--expires", "soon"), 4, "no expiry"),
        (("a", "--role", "reader", "--expires", "2027-01-01 x"), 4, "NAME TOKEN ROLE"),
        (("a", "--role", "reader", "--tokens", "old"), 4, "old, line 1"),
        (("a", "--role", "reader", "--tokens", "no/such/file"), 4, "cannot be written"),
    ],
)
def test_what_is_asked_wrong_makes_none(
    shell: Shell, given: tuple[str, ...], code: int, said: str
) -> None:
    Path("old").write_text("ci some-token\n")
    answer = shell("token", *given)
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err
    assert Path("old").read_text() == "ci some-token\n"
