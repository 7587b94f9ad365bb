"""The line of a terminal that says how far long work is."""

import pytest

from lineage.progress import Line


def screen(written: str) -> str:
    """Return what a terminal shows of one line: what comes after a return is written over it."""
    shown = ""
    for part in written.split("\r"):
        shown = part + shown[len(part) :]
    return shown


def test_nothing_of_an_earlier_text_stays(capsys: pytest.CaptureFixture[str]) -> None:
    line, written = Line(), ""
    for text in ("a longer text", "short", "longer again"):
        line.say(text)
        written += capsys.readouterr().err
        assert screen(written).rstrip() == text
    line.clear()
    assert screen(written + capsys.readouterr().err).strip() == ""
    line.clear()
    assert capsys.readouterr().err == ""


def test_a_text_that_comes_too_soon_is_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("lineage.progress.time.monotonic", lambda: clock[0])
    line = Line()
    for moment, text in ((100, "first"), (100.2, "too soon"), (100.3, "second"), (100.4, "again")):
        clock[0] = moment
        line.may_say(text)
    assert [part.strip() for part in capsys.readouterr().err.split("\r")[1:]] == ["first", "second"]
