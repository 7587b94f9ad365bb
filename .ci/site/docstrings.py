"""Turns our docstrings, which are plain text with doctests, into Markdown, for the site's API reference."""

import re
from typing import Any

from griffe import Extension, Object

_EXAMPLE = re.compile(r"(?:^|(?<=\n\n))(>>> .*?)(?=\n\n|\Z)", re.DOTALL)
_LITERAL = re.compile(r"::\n\n(?P<block>(?: {4}.*\n|\n)+)")


class Docstrings(Extension):
    """Fences the examples of every docstring, and the blocks that a double colon announces."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Change the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)


def markdown(text: str) -> str:
    """Return a docstring as Markdown."""
    text = _LITERAL.sub(
        lambda found: f":\n\n```python\n{_flush(found['block'])}\n```\n\n", text + "\n"
    )
    return _EXAMPLE.sub(r"```pycon\n\1\n```", text.rstrip())


def _flush(block: str) -> str:
    return "\n".join(line[4:] for line in block.rstrip().splitlines())
