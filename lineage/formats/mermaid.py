"""Mermaid: a flowchart that Markdown pages show, data flowing from left to right.

Artifacts are rounded, executions boxes, contexts hexagons with dotted lines to what they contain;
what is gone is grey. A picture shows labels: it holds no properties and no times, and long labels
are cut.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import IO

from lineage.formats.pictures import edge_label, is_containment, node_lines
from lineage.formats.streams import types_first
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, EdgeRow, NodeRow

__all__ = ["dump"]

MAX_TEXT = 50_000
"""Mermaid's default `maxTextSize`, in UTF-16 units."""
MAX_EDGES = 500
"""Mermaid's default `maxEdges`."""

_HEAD = """flowchart LR
classDef artifact fill:#e3f0ff,stroke:#4a7ebb,color:#222
classDef execution fill:#fff1d6,stroke:#c08a2b,color:#222
classDef context fill:#eeeeee,stroke:#888888,color:#222
classDef gone fill:#fafafa,stroke:#999999,color:#777777,stroke-dasharray:4
"""
_SHAPES = {Kind.ARTIFACT: ("(", ")"), Kind.EXECUTION: ("[", "]"), Kind.CONTEXT: ("{{", "}}")}

# Labels go through three readers: the grammar, where a quote ends one, Markdown, where signs at
# certain places make lists, headings, links and emphasis, and HTML. ASCII's signs are therefore
# written as entity codes but where they mean nothing to any of them; so are the two letters that
# Mermaid itself puts in the place of entity codes.
_PLAIN = r"[A-Za-z0-9,/]|(?<=[^ ]) |(?<=[A-Za-z0-9])[-_](?=[A-Za-z0-9])|(?<=[A-VX-Za-vx-z0-9])\.(?=[A-Za-z0-9])"
_CODED = re.compile(rf"(?:{_PLAIN})|([\x00-\x7f\xb6\ufb02])")


def dump(batches: Iterable[Batch], target: IO[bytes]) -> Collection[str]:
    """Write a picture; one that is larger than Mermaid draws by default is reported.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     model = store.put(lineage.Model(name="churn"))
    ...     text = store.upstream(model).export("mermaid")
    >>> 'a1("lineage.Model<br/>churn"):::artifact' in text
    True
    """
    types, rest = types_first(batches)
    target.write(_HEAD.encode())
    size, edges = len(_HEAD), 0
    for batch in rest:
        lines = [_node(row, node_lines(row, types)) for row in batch.nodes]
        lines += map(_edge, batch.edges)
        text = "".join(lines)
        target.write(text.encode())
        size += len(text.encode("utf-16-le")) // 2
        edges += len(batch.edges)
    return tuple(_excess(size, edges))


def _excess(size: int, edges: int) -> Iterable[str]:
    for name, most, there, unit in (
        ("maxTextSize", MAX_TEXT, size, "characters"),
        ("maxEdges", MAX_EDGES, edges, "edges"),
    ):
        if there > most:
            yield (
                f"the picture has {there} {unit}, and Mermaid draws {most} at most by default: "
                f"set its {name} higher, or export less"
            )


def _id(key: NodeKey) -> str:
    return f"{key.kind[0]}{key.id}"


def _node(row: NodeRow, lines: list[str]) -> str:
    begin, end = _SHAPES[row.key.kind]
    label = "<br/>".join(map(_escape, lines))
    style = "gone" if row.gone else row.key.kind.value
    return f'{_id(row.key)}{begin}"{label}"{end}:::{style}\n'


def _edge(row: EdgeRow) -> str:
    arrow = "-.-" if is_containment(row.kind) else "-->"
    said = edge_label(row.kind)
    return f"{_id(row.source)} {arrow}{f'|{said}|' if said else ''} {_id(row.target)}\n"


def _escape(text: str) -> str:
    """Write printable text into a quoted label."""
    return _CODED.sub(lambda found: f"#{ord(found[1])};" if found[1] else found[0], text)
