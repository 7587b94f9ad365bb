"""A stream for graphs on stdout, which writes what a terminal would act on as escapes.

Formats are exact in files. JSON and XML have escapes that mean the very same characters, so what
is piped on loses nothing; in other formats only a terminal gets them, and they are for the eye.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import IO

from typing_extensions import Buffer, override

from lineage.labels import printable

__all__ = ["Harmless"]

_ACTED_ON = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
_ESCAPES = {"node-link": "\\u{:04x}", "graphml": "&#x{:x};"}


class Harmless(io.BufferedIOBase):
    """Passes UTF-8 on to another stream; `finish` must be called at the end."""

    def __init__(self, target: IO[bytes], format: str, *, on_terminal: bool) -> None:
        super().__init__()
        self._target = target
        self._escape = _ESCAPES.get(format)
        self._passes = self._escape is None and not on_terminal
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
        if self._escape is None:
            return printable(found[0])
        return self._escape.format(ord(found[0]))

    def finish(self) -> None:
        """Pass on what is left, and flush."""
        self._target.write(self._decoder.decode(b"", final=True).encode())
        self._target.flush()
