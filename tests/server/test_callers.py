"""Tokens: what a file of them says, how it is told that it is wrong, and that it is followed."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import pytest

from lineage.errors import Invalid, NotFound
from lineage.model.times import last_instant
from lineage.server.addresses import Address, address_of
from lineage.server.callers import Caller, CallerRole, Callers, Tokens, read_tokens
from lineage.server.refusal import Refusal

SECRET = "correct-horse-battery-staple"
NOON = last_instant("2026-03-01T12:00:00Z")


class Clock:
    """A clock that stands still until it is put forward."""

    def __init__(self, now: int = NOON) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def written(folder: Path, text: str) -> Path:
    path = folder / "tokens"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def test_tokens_and_their_digests_name_callers(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"other").hexdigest()
    path = written(
        tmp_path,
        f"# who what may\n\n  zoë {SECRET} admin\nci sha256:{digest.upper()}\tWriter 2026-03-01\n",
    )
    callers = Callers("nobody", Tokens(path, clock=Clock()))
    assert callers.everybody is None
    assert callers.caller(f"Bearer {SECRET}") == Caller("zoë", CallerRole.ADMIN)
    assert callers.caller("bearer  other ") == Caller("ci", CallerRole.WRITER)
    for header in ("", "Bearer", "Bearer ", "Bearer wrong", f"Basic {SECRET}", f"sha256:{digest}"):
        with pytest.raises(Refusal, match=r"missing|unknown") as caught:
            callers.caller(header)
        assert caught.value.status == "UNAUTHENTICATED"
    with pytest.raises(Refusal, match="unknown"):
        callers.caller(f"Bearer sha256:{digest}")


def test_without_tokens_everybody_is_the_actor() -> None:
    callers = Callers("ann", role=CallerRole.READER)
    assert callers.caller("") == callers.everybody == Caller("ann", CallerRole.READER)
    with pytest.raises(Refusal, match="unknown"):
        callers.holder(b"")


def test_each_role_may_do_what_those_before_may() -> None:
    for had in CallerRole:
        for wanted in CallerRole:
            if had >= wanted:
                Caller("ann", had).check(wanted, "this")
            else:
                with pytest.raises(Refusal, match=f"ann is a {had.name.lower()}; this") as caught:
                    Caller("ann", had).check(wanted, "this")
                assert caught.value.status == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no token"),
        ("# only a remark\n", "no token"),
        (f"ci {SECRET}\n", "line 1: write NAME TOKEN ROLE"),
        (f"\nci {SECRET} reader 2026-01-01 x\n", "line 2"),
        (f"ci reader {SECRET}\n", "reader, writer or admin"),
        (f"ci {SECRET} owner\n", "reader, writer or admin"),
        (f"ci sha256:{SECRET} reader\n", "64 hexadecimal digits"),
        (f"ci {SECRET} reader tomorrow\n", "a day"),
        (f"ci x reader {SECRET}\n", "a day"),
        (f"ci {SECRET} reader 2026-03-01T12:00:00\n", "a day"),
        (f"a {SECRET} reader\nb {SECRET} admin\n", "line 2: a has this token"),
    ],
)
def test_files_that_are_wrong_are_told_by_their_lines_and_tell_no_token(
    text: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        read_tokens(written(tmp_path, text))
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in repr(error)
        error = error.__cause__


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "bytes", tmp_path):
        with pytest.raises(Invalid, match="cannot be read"):
            read_tokens(path)
    with pytest.raises(NotFound):
        Tokens(tmp_path / "nowhere")


def test_a_token_is_good_for_the_whole_of_its_last_day(tmp_path: Path) -> None:
    clock = Clock()
    path = written(
        tmp_path, f"a {SECRET} reader 2026-03-01\nb b reader 2026-03-01T13:00:00+01:00\n"
    )
    callers = Callers("", Tokens(path, clock=clock))
    assert callers.caller("Bearer b").name == "b"
    clock.now += 1
    with pytest.raises(Refusal, match="expired: it was good until 2026-03-01T12:00:00"):
        callers.caller("Bearer b")
    assert callers.caller(f"Bearer {SECRET}").name == "a"
    clock.now = last_instant("2026-03-01") + 1
    with pytest.raises(Refusal, match="expired"):
        callers.caller(f"Bearer {SECRET}")


def test_a_file_is_read_again_when_it_has_changed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    path = written(tmp_path, "a one reader\nb two reader\n")
    tokens = Tokens(path, clock=clock)
    callers = Callers("", tokens)
    written(tmp_path, "a one admin\n")
    assert callers.caller("Bearer two").name == "b", "it is looked at once a second"
    clock.now += 1_000_000
    with pytest.raises(Refusal, match="unknown"):
        callers.caller("Bearer two")
    assert callers.caller("Bearer one").role is CallerRole.ADMIN

    written(tmp_path, f"a {SECRET}\n")
    clock.now += 1_000_000
    assert callers.caller("Bearer one").role is CallerRole.ADMIN
    assert "the tokens stay as they were" in caplog.text
    assert "line 1" in caplog.text
    assert SECRET not in caplog.text
    path.unlink()
    clock.now += 1_000_000
    assert callers.caller("Bearer one").name == "a"
    caplog.clear()
    clock.now += 1_000_000
    assert callers.caller("Bearer one").name == "a"
    assert not caplog.records, "what is wrong is said once"

    (tmp_path / "next").write_text("c three writer\n")
    (tmp_path / "next").replace(path)
    clock.now -= 3_600_000_000  # somebody has put the machine's clock right
    assert callers.caller("Bearer three").name == "c"


def test_a_file_that_everybody_reads_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path, "a one reader\n")
    Tokens(path)
    assert not caplog.records
    path.chmod(0o644)
    Tokens(path)
    assert [(each.levelno, "chmod 600" in each.message) for each in caplog.records] == [
        (logging.WARNING, True)
    ]


@pytest.mark.parametrize(
    ("text", "host", "port", "is_loopback"),
    [
        ("127.0.0.1:80", "127.0.0.1", 80, True),
        ("127.8.9.1:0", "127.8.9.1", 0, True),
        ("LOCALHOST:80", "LOCALHOST", 80, True),
        ("[::1]:80", "::1", 80, True),
        ("[::]:80", "::", 80, False),
        ("0.0.0.0:80", "0.0.0.0", 80, False),
        ("10.0.0.1:80", "10.0.0.1", 80, False),
        ("localhost.example.org:80", "localhost.example.org", 80, False),
        ("127.0.0.1.example.org:80", "127.0.0.1.example.org", 80, False),
        ("0:80", "0", 80, False),
    ],
)
def test_which_addresses_are_this_machines_own(
    text: str, host: str, port: int, is_loopback: bool
) -> None:
    address = address_of(text)
    assert address == Address(host, port)
    assert address.is_loopback is is_loopback
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", ":", "x", "x:", ":80", "x:-1", "x:65536", "x:\uff18\uff10", "x:1e3"]
)
def test_texts_that_are_no_address(text: str) -> None:
    with pytest.raises(Invalid, match="HOST:PORT"):
        address_of(text)
