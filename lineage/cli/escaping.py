"""A stream for graphs on stdout, which writes what a terminal would act on as escapes.

Formats are exact in files. JSON and XML have escapes that mean the very same characters, so what
is piped on loses nothing; in other formats only a terminal gets them, and they are for the eye.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable
from typing import IO

from typing_extensions import Buffer, override

from lineage.model.texts import UNSAFE, printable

__all__ = ["Harmless"]

_ACTED_ON = re.compile(rf"(?![\t\n])(?:{UNSAFE})")


def _in_json(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))


def _in_xml(char: str) -> str:
    return f"&#x{ord(char):x};"


_ESCAPES: dict[str, Callable[[str], str]] = {
    "cytoscape": _in_json,
    "gexf": _in_xml,
    "graphml": _in_xml,
    "node-link": _in_json,
    "svg": _in_xml,
}


class Harmless(io.BufferedIOBase):
    """Passes UTF-8 on to another stream; `finish` must be called at the end."""

    def __init__(self, target: IO[bytes], format: str, *, on_terminal: bool) -> None:
        super().__init__()
        self._target = target
        self._escape = _ESCAPES.get(format, printable)
        self._passes = format not in _ESCAPES and not on_terminal
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Buffer, /) -> int:
        piece = bytes(data)
        if self._passes:
            self._target.write(piece)
        else:
            text = self._decoder.decode(piece)
            self._target.write(_ACTED_ON.sub(self._escaped, text).encode())
        return len(piece)

    def _escaped(self, found: re.Match[str]) -> str:
        return self._escape(found[0])

    def finish(self) -> None:
        """Pass on what is left, and flush."""
        self._target.write(self._decoder.decode(b"", final=True).encode())
        self._target.flush()
