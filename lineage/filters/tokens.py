"""The text of a filter, cut into tokens, and what its literals say.

What a token is follows GoogleSQL's "Lexical structure and syntax", which is that of BigQuery and of
MLMD's filters. What filters have no use for is cut by the same rules, so that a fault names a whole
piece and where it begins.
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
    error = Invalid(f"filter, column {at}: {message}")
    error.position = at
    return error


class Token(NamedTuple):
    """A piece of the text, printed as messages show it.

    `kind` is one of word, quoted, number, text, sign and end, `at` is where the piece begins,
    counted from 1, and `key` is a sign as it is or a word in capitals.
    """

    kind: str
    raw: str
    at: int
    key: str = ""

    def __str__(self) -> str:
        raw = self.raw if len(self.raw) <= 40 else f"{self.raw[:39]}…"
        return raw if self.kind == "text" and raw.isprintable() else repr(raw)


# A stranger may have written the filter, so none of these patterns may need more than linear time:
# whatever repeats can match a stretch of text in one way only. Possessive repetitions would say
# so, but CPython before 3.11.5 gets those of groups wrong. What `open` matches is never closed, or
# an alternative before it would have matched.
_IN_WORDS = r"[^\s!-#%-/:-@\[-^`{-~]"
"""A character of a word, be it one of filters or not.

That is, neither space nor ASCII punctuation other than `$` and `_`.
"""
_PIECE = re.compile(
    rf"""(?P<skipped>\s+|(?:--|\#)[^\r\n]*|/\*.*?\*/)
    |(?P<doubled>(?<=["'`])["'`])
    |(?P<text>[bBrR]?(?P<quote>'{{3}}|"{{3}}|'(?!'')|"(?!""))(?:\\.|(?!(?P=quote))[^\\])*(?P=quote))
    |(?P<quoted>`(?:\\.|[^\\`])*`)
    |(?P<open>/\*|[bBrR]?["']|`)
    |(?P<number>0[xX]{_IN_WORDS}*|[0-9]+(?:\.[0-9]*)?(?:[eE](?:[+-]?[0-9]+)?)?)
    |(?P<word>{_IN_WORDS}+)
    |(?P<sign>[(),./-]|[<>=!]+|[%&*+:;?@\[\\\]^{{|}}~]+)""",
    re.DOTALL | re.VERBOSE,
)
_SIGNS = frozenset({"(", ")", ",", ".", "-", "=", "!=", "<>", "<", "<=", ">", ">="})
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_OPENING = re.compile(r"([rR]?)('''|\"\"\"|['\"`])")
_ESCAPE = re.compile(
    r"\\([abfnrtv\\?\"'`]|[0-3][0-7]{2}|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|)"
)
_ESCAPED = dict(zip("abfnrtv\\?\"'`", "\a\b\f\n\r\t\v\\?\"'`", strict=True))


def cut(text: str, *, more: frozenset[str] = frozenset()) -> list[Token]:
    """Cut the text into tokens, leaving space and comments out, and close with one of kind `end`.

    Raises `Invalid` for a text that is empty or too long, and for what filters have no use for; `more` are
    signs that they have a use for here.
    """
    _check_size(text)
    # Whatever a piece may begin with is matched somewhere in the pattern: nothing is passed over.
    tokens = [
        _token(piece.lastgroup or "", piece[0], piece.start() + 1, more)
        for piece in _PIECE.finditer(text)
        if piece.lastgroup != "skipped"
    ]
    if not tokens:
        raise Invalid("the filter is empty")
    return [*tokens, Token("end", "", tokens[-1].at + len(tokens[-1].raw))]


def _check_size(text: str) -> None:
    try:
        size = len(text) if len(text) > LARGEST else len(text.encode())
    except UnicodeEncodeError as error:
        raise fault(error.start + 1, "a lone surrogate is not a character; drop it") from None
    if size > LARGEST:
        raise Invalid(f"the filter is longer than {LARGEST} bytes; ask in several parts")


def _token(kind: str, raw: str, at: int, more: frozenset[str]) -> Token:
    if raw not in more and not _is_of_filters(kind, raw):
        raise _refusal(kind, raw, at)
    return Token(kind, raw, at, raw.upper() if kind in ("word", "sign") else "")


def _is_of_filters(kind: str, raw: str) -> bool:
    if kind == "word":
        return raw.isascii() and raw.isidentifier()
    if kind == "number":
        return _NUMBER.fullmatch(raw) is not None
    if kind == "sign":
        return raw in _SIGNS
    if kind == "text":
        return raw[0] not in "bB"  # bytes, which no column holds
    return kind == "quoted"


def _refusal(kind: str, raw: str, at: int) -> Invalid:
    if kind == "open":
        what = {"/*": "comment", "`": "quoted name"}.get(raw, "string")
        return fault(at, f"the {what} that begins here is never closed")
    if kind == "doubled":
        return fault(
            at,
            f"a closing quote comes right before; a quote inside is written \\{raw}, not {raw}{raw}",
        )
    if kind == "word":
        return fault(
            at,
            f"{Token('', raw, at)} is not part of filters; a name with other characters than "
            "a-z, 0-9 and _ is written in backquotes",
        )
    return fault(
        at,
        f"{Token('', raw, at)} is not part of filters; there are columns, literals, "
        "parentheses, = != <> < <= > >=, AND, OR, NOT, IN, BETWEEN, LIKE and IS NULL",
    )


def text_of(token: Token) -> str:
    r"""Return what a token in quotes or backquotes says, or a word as it is.

    >>> text_of(Token("text", r"'\u00e9\n'", 1))
    'é\n'
    """
    opening = _OPENING.match(token.raw)
    if opening is None:
        return token.raw
    body = token.raw[opening.end() : -len(opening[2])]

    def char(escape: re.Match[str]) -> str:
        name = escape[1]
        if name in _ESCAPED:
            return _ESCAPED[name]
        code = int(name, 8) if name.isdigit() else int(name[1:] or "-1", 16)
        if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            at = token.at + opening.end() + escape.start()
            raise fault(at, "there is no such escape; a backslash itself is written twice")
        return chr(code)

    return body if opening[1] else _ESCAPE.sub(char, body)


def number_of(raw: str, at: int) -> int | float:
    """Return the number that is written so; raise `Invalid` for what 64 bits cannot hold."""
    shown = Token("number", raw, at)
    digits = raw.removeprefix("-")
    if _NUMBER.fullmatch(digits) is None:
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
