"""What `name=value` says in a shell."""

import pytest
import typer

from lineage.cli.values import values_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("0", 0),
        ("0.5", 0.5),
        ("1e-3", 0.001),
        ("-0.0", -0.0),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", "9223372036854775808"),
        ("1" * 100_000, "1" * 100_000),
        ("1e999", "1e999"),
        ("007", "007"),
        ("+3", "+3"),
        ("1_000", "1_000"),
        ("1.", "1."),
        (".5", ".5"),
        ("٣", "٣"),
        ("3 ", "3 "),
        ("true", True),
        ("false", False),
        ("True", "True"),
        ("null", "null"),
        ("nan", "nan"),
        ('"3"', "3"),
        ('"a\\nb"', "a\nb"),
        ('"', '"'),
        ('"a"b"', '"a"b"'),
        ("[1]", "[1]"),
        ("", ""),
        ("a=b", "a=b"),
    ],
)
def test_value(text: str, value: object) -> None:
    (found,) = values_of("--param", [f"x={text}"]).values()
    assert (type(found), found) == (type(value), value)
    assert values_of("--param", [f"x={text}"], {"x"}) == {"x": text}


@pytest.mark.parametrize(
    ("pairs", "says"),
    [(["x"], "write it as name=value"), (["=3"], "write it"), (["x=1", "x=2"], "given twice")],
)
def test_what_is_not_written_so(pairs: list[str], says: str) -> None:
    with pytest.raises(typer.BadParameter, match=says):
        values_of("--param", pairs)
