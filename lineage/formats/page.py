"""HTML: one page that shows an answer, from a file and without a network, and opens and closes its groups.

The page holds nodes with their properties, edges and groups; its script, `lineage/web/page.js`, is built from
`web/`. Nothing that it holds is ever read as HTML, and its own policy lets no other script run, and nothing load.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import IO

from lineage.answers.view import View, view_of
from lineage.formats.embedding import embedded, title_of
from lineage.formats.streams import graph_of
from lineage.model.notebook import escaped
from lineage.model.rows import Batch
from lineage.model.texts import printable

__all__ = ["draw", "dump"]

STILL = 500
"""How many marks are shown where no script runs."""
_STYLES = re.compile("<style>(.*?)</style>", re.DOTALL)


def dump(batches: Iterable[Batch], target: IO[bytes]) -> Collection[str]:
    """Write a page; say what it has no room for.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     model = store.put(lineage.Model(name="churn"))
    ...     text = store.upstream(model).export("html")
    >>> "<title>Lineage of churn</title>" in text
    True
    """
    return draw(view_of(graph_of(batches)), target)


def draw(view: View, target: IO[bytes]) -> Collection[str]:
    """Write a page that shows a view at first; say what it has no room for."""
    title = title_of(view)
    held = embedded(view, title)
    target.write("".join(_document(title, held.text, view)).encode())
    return held.losses


def _document(title: str, held: str, view: View) -> Iterator[str]:
    script, style, still = _built("page.js"), _built("page.css"), _still(view)
    styles = " ".join(f"'{_digest(each)}'" for each in [style, *_STYLES.findall(still)])
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src {styles}; "
        "base-uri 'none'; form-action 'none'"
    )
    yield '<!DOCTYPE html>\n<html lang="en" class="alone">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{escaped(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
    yield f'<div id="lineage">\n{still}</div>\n'
    yield f'<script type="text/plain" id="lineage-data">{held}</script>\n'
    yield f'<script type="module">{script}</script>\n</body>\n</html>\n'


@cache
def _built(name: str) -> str:
    return files("lineage").joinpath("web", name).read_text("utf-8")


def _digest(text: str) -> str:
    """Return what a policy calls a script or a style that may be in the page."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _still(view: View) -> str:
    """Return what is there before the script runs, and where none does: the picture, and the view as a table."""
    names = {mark.id: mark.label or mark.id for mark in view.marks}
    led: dict[str, list[str]] = {}
    for edge in view.edges[:STILL]:
        led.setdefault(edge.source, []).append(names[edge.target])
    rows = "".join(
        f"<tr><th>{escaped(mark.label)}</th><td>{escaped(printable(mark.type))}</td><td>{escaped(mark.state)}</td>"
        f"<td>{escaped(', '.join(led.get(mark.id, ())))}</td></tr>\n"
        for mark in view.marks[:STILL]
    )
    header = "<tr><th>mark</th><th>type</th><th>state</th><th>leads to</th></tr>"
    table = f"<table>\n<thead>{header}</thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    return table if len(view.marks) > STILL else view.export("svg") + table
