"""The text of a filter, cut into tokens, and what its literals say.

sqlglot finds where tokens begin and end, for BigQuery. What strings and numbers say is read here:
that differs between versions of sqlglot, and a filter's meaning must not.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from lineage.errors import Invalid

__all__ = ["LARGEST", "Token", "cut", "fault", "number_of", "text_of"]

LARGEST = 64 * 1024
"""How many bytes of UTF-8 a filter may have."""


def fault(at: int, message: str) -> Invalid:
    """Return the error that names a place in the filter, counted in characters from 1."""
    return Invalid(f"filter, column {at}: {message}")


class Token(NamedTuple):
    """A piece of the text, printed as messages show it.

    `sort` is one of word, quoted, number, text, sign and end, `at` is where the piece begins,
    counted from 1, and `key` is a sign as it is or a word in capitals.
    """

    sort: str
    raw: str
    at: int
    key: str = ""

    def __str__(self) -> str:
        raw = self.raw if len(self.raw) <= 40 else f"{self.raw[:39]}…"
        return raw if self.sort == "text" and raw.isprintable() else repr(raw)


_NUMBER = r"0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_TOKEN = re.compile(
    rf"""(?P<word>[A-Za-z_][A-Za-z0-9_]*) | (?P<quoted>`.*`) | (?P<number>{_NUMBER})
    | (?P<text>[rR]?(?P<quote>'''|\"\"\"|'|").*(?P=quote)) | (?P<sign>[(),.=<>-]|[<>!]=|<>)""",
    re.DOTALL | re.VERBOSE,
)
_OPENING = re.compile(r"([rR]?)('''|\"\"\"|['\"`])")
_ESCAPE = re.compile(
    r"\\([abfnrtv\\?\"'`]|[0-3][0-7]{2}|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|)"
)
_ESCAPED = dict(zip("abfnrtv\\?\"'`", "\a\b\f\n\r\t\v\\?\"'`", strict=True))


def cut(text: str) -> list[Token]:
    """Cut the text into tokens, leaving comments out, and close with one of sort `end`.

    Raises `Invalid` for a text that is empty or too long, and for what filters have no use for.
    """
    _check_size(text)
    from sqlglot.dialects.bigquery import BigQuery
    from sqlglot.errors import TokenError

    tokenizer = BigQuery.Tokenizer(dialect=BigQuery)
    try:
        pieces = tokenizer.tokenize(text)
    except TokenError:
        read = tokenizer.tokens[-1].end + 1 if tokenizer.tokens else 0
        at = len(text) - len(text[read:].lstrip()) + 1
        raise fault(at, "what begins here cannot be read; is a quote or comment open?") from None
    if not pieces:
        raise Invalid("the filter is empty")
    tokens = [_token(text[piece.start : piece.end + 1], piece.start + 1) for piece in pieces]
    return [*tokens, Token("end", "", pieces[-1].end + 2)]


def _check_size(text: str) -> None:
    try:
        size = len(text) if len(text) > LARGEST else len(text.encode())
    except UnicodeEncodeError as error:
        raise fault(error.start + 1, "a lone surrogate is not a character; drop it") from None
    if size > LARGEST:
        raise Invalid(f"the filter is longer than {LARGEST} bytes; ask in several parts")


def _token(raw: str, at: int) -> Token:
    found = _TOKEN.fullmatch(raw)
    if found is None or found.lastgroup is None:
        raise fault(
            at,
            f"{Token('', raw, at)} is not part of filters; there are columns, literals, "
            "parentheses, = != <> < <= > >=, AND, OR, NOT, IN, BETWEEN, LIKE and IS NULL",
        )
    sort = found.lastgroup
    return Token(sort, raw, at, raw.upper() if sort in ("word", "sign") else "")


def text_of(token: Token) -> str:
    r"""Return what a token in quotes or backquotes says, or a word as it is.

    >>> text_of(Token("text", r"'\u00e9\n'", 1))
    'é\n'
    """
    opening = _OPENING.match(token.raw)
    if opening is None:
        return token.raw
    body = token.raw[opening.end() : -len(opening[2])]

    def char(found: re.Match[str]) -> str:
        name = found[1]
        if name in _ESCAPED:
            return _ESCAPED[name]
        code = int(name, 8) if name.isdigit() else int(name[1:] or "-1", 16)
        if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            at = token.at + opening.end() + found.start()
            raise fault(at, "there is no such escape; a backslash itself is written twice")
        return chr(code)

    return body if opening[1] else _ESCAPE.sub(char, body)


def number_of(raw: str, at: int) -> int | float:
    """Return the number that is written so; raise `Invalid` for what 64 bits cannot hold."""
    shown = Token("number", raw, at)
    digits = raw.removeprefix("-")
    if re.fullmatch(_NUMBER, digits) is None:
        raise fault(at, f"{shown} is not a number")
    value: int | float
    if digits[:2] in ("0x", "0X"):
        value = int(digits, 16)
    elif digits.isdigit():
        # Python refuses to read thousands of digits; twenty are too many already.
        value = int(digits.lstrip("0")[:20] or "0")
    else:
        value = float(digits)
    value = value if raw == digits else -value
    if math.isinf(value) if isinstance(value, float) else not -(2**63) <= value < 2**63:
        raise fault(at, f"{shown} does not fit in 64 bits")
    return value
