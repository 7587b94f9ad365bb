"""Properties as a shell writes them: `name=value`, where numbers, true and false are what they say."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from json import JSONDecodeError, loads
from typing import Any

from lineage.cli.options import usage
from lineage.errors import excerpt

__all__ = ["values_of"]

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_WORDS = {"true": True, "false": False}
_LARGEST = 2**63
LONGEST = 20
"""No whole number of 64 bits has more characters."""


def values_of(
    option: str, pairs: Iterable[str], texts: Collection[str] = frozenset()
) -> dict[str, Any]:
    """Return what `name=value` says for each name; those whose values are `texts`, whatever they look like, stay so.

    Numbers are written as JSON writes them. What else looks like a number, such as `007` or one beyond 64 bits, is
    text, and so is what stands in double quotes, as JSON writes it.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise usage(f"{option} {excerpt(pair)}: write it as name=value")
        if name in found:
            raise usage(f"{option} {excerpt(name)} is given twice")
        found[name] = text if name in texts else _value(text)
    return found


def _value(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if (number := _NUMBER.fullmatch(text)) is not None:
        return _number(text, is_whole=not (number[2] or number[3]))
    if len(text) > 1 and text[0] == text[-1] == '"':
        with suppress(JSONDecodeError):
            return str(loads(text))
    return text


def _number(text: str, *, is_whole: bool) -> Any:
    """Return the number, or the text where that would be another number."""
    if not is_whole:
        return float(text) if math.isfinite(float(text)) else text
    return int(text) if len(text) <= LONGEST and -_LARGEST <= int(text) < _LARGEST else text
