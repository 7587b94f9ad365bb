"""Graphs on stdout: JSON and XML say the same with escapes, other formats are cleaned for terminals."""

import io
import json
from xml.etree import ElementTree as ET

import pytest

from lineage.cli.escaping import Harmless

TEXT = "a\tb\x9b\u202ec\u2066 é漢 \x7f\U000e0041"


def passed(text: str, format: str, *, on_terminal: bool, step: int = 1) -> str:
    target = io.BytesIO()
    stream = Harmless(target, format, on_terminal=on_terminal)
    data = text.encode()
    for start in range(0, len(data), step):
        assert stream.write(data[start : start + step]) == len(data[start : start + step])
    stream.finish()
    return target.getvalue().decode()


@pytest.mark.parametrize("step", [1, 2, 3, 100])
@pytest.mark.parametrize("on_terminal", [True, False])
def test_json_reads_the_same(step: int, on_terminal: bool) -> None:
    document = [TEXT]
    text = json.dumps(document, ensure_ascii=False)
    written = passed(text, "node-link", on_terminal=on_terminal, step=step)
    assert json.loads(written) == document
    assert "\\u202e" in written
    assert "é漢" in written


def test_xml_reads_the_same() -> None:
    written = passed(f"<a b='{TEXT[1:]}'>{TEXT}</a>", "graphml", on_terminal=False)
    assert "&#x202e;" in written
    assert ET.fromstring(written).text == TEXT


def test_other_formats_are_exact_but_for_terminals() -> None:
    assert passed(TEXT, "dot", on_terminal=False) == TEXT
    assert passed(TEXT, "dot", on_terminal=True) == "a\tb\\x9b\\u202ec\\u2066 é漢 \\x7f\\U000e0041"


def test_half_a_character_at_the_end_is_shown_as_such() -> None:
    target = io.BytesIO()
    stream = Harmless(target, "dot", on_terminal=True)
    stream.write("é".encode()[:1])
    stream.finish()
    assert target.getvalue().decode() == "\ufffd"
