"""The columns of a table of runs or of models, beside those that filters know of their nodes.

`parameters.depth`, `metrics.auc`, `metrics.auc@test`, `duration`, `data`, `model` and the like: a text
names them wherever it may name a column of `find`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from lineage.errors import excerpt
from lineage.filters.columns import (
    ColumnMention,
    Operand,
    Vocabulary,
    columns_of_kind,
    is_column,
    is_of_nodes,
    resolve,
)
from lineage.filters.tokens import Token, fault, text_of
from lineage.filters.tree import Column, Field, TableColumn
from lineage.model.keys import Kind

__all__ = ["FAMILIES", "LISTS", "TABLES", "column_name", "column_names"]

FAMILIES: Final = ("parameters", "metrics")
"""What is followed by a name, as in `metrics.auc`."""
LISTS: Final = ("data", "model")
"""What may have several texts; a condition on one holds where it does for some of them."""
_USE: Final = "@"
_TIMES = {"create_time": Field.CREATED, "update_time": Field.UPDATED}
_ALONE = {
    Kind.EXECUTION: {"duration": Operand.NUMBER, "data": Operand.TEXT, "model": Operand.TEXT},
    Kind.ARTIFACT: {
        "asset": Operand.TEXT,
        "data": Operand.TEXT,
        "run": Operand.TEXT,
    },
}
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = {"\\": "\\\\", "`": "\\`", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def column_name(family: str, name: str, use: str | None = None) -> str:
    r"""Return how a text names one of a family of columns; odd names stand in backquotes.

    >>> column_name("metrics", "auc", "test"), column_name("parameters", "tree.depth")
    ('metrics.auc@test', 'parameters.`tree.depth`')
    """
    at = "" if use is None else f"{_USE}{_quoted(use)}"
    return f"{family}.{_quoted(name)}{at}"


def _quoted(name: str) -> str:
    if _BARE.fullmatch(name):
        return name
    return f"`{''.join(_ESCAPES.get(char, char) for char in name)}`"


def column_names(kind: Kind) -> tuple[str, ...]:
    """Return the columns that a table of nodes of that kind has under one name each."""
    return (*columns_of_kind(kind), *_TIMES, *_ALONE[kind])


def _resolve(path: Sequence[Token], kind: Kind) -> ColumnMention:
    """Return the column that a dotted name stands for; `Invalid`, with near ones, where there is none."""
    head = text_of(path[0]).lower()
    signs = [token for token in path if token.raw == _USE and token.kind == "sign"]
    if head in FAMILIES:
        return _of_family(path, head)
    if signs:
        raise fault(signs[0].at, f"only a metric is measured on data of a use, and not {head:.40}")
    if head in _TIMES and len(path) == 1:
        return ColumnMention(head, Column(_TIMES[head]), Operand.TIME)
    if head in _ALONE[kind]:
        if len(path) > 1:
            raise fault(path[1].at, f"{head} has no columns of its own; drop what follows it")
        return ColumnMention(head, TableColumn("", family=head), _ALONE[kind][head])
    if is_of_nodes(head, kind):
        return resolve(path, kind)
    near = get_close_matches(head, (*column_names(kind), *FAMILIES), 1, 0.7)
    meant = f"; did you mean {near[0]}{'.<name>' if near[0] in FAMILIES else ''}?" if near else ";"
    raise fault(
        path[0].at,
        f"there is no column {excerpt(text_of(path[0]), 40)} in this table{meant} there are "
        f"{', '.join(_all_columns(kind))}, properties and neighbours as in filters",
    )


def _all_columns(kind: Kind) -> list[str]:
    return [
        *column_names(kind),
        *(f"{family}.<name>" for family in FAMILIES),
        "metrics.<name>@<use>",
    ]


def _of_family(path: Sequence[Token], family: str) -> ColumnMention:
    """Return a parameter or a metric: its name, and after a sign the use of the data."""
    if len(path) == 1:
        raise fault(path[0].at, f"{family} needs a name, as in {family}.accuracy")
    name, rest = text_of(path[1]), path[2:]
    shown = ".".join(f"{part.raw:.40}" for part in path[:2])
    if path[1].raw == _USE and path[1].kind == "sign":
        raise fault(path[1].at, f"{family} needs a name, as in {family}.accuracy")
    if not rest:
        return ColumnMention(shown, TableColumn(name, family=family), None)
    is_use = rest[0].raw == _USE and rest[0].kind == "sign"
    if family != "metrics" or not is_use or len(rest) != 2:
        raise fault(
            rest[0].at,
            f"what follows {shown} is no part of a column; a name that holds dots is written in "
            "backquotes, and a use of data follows a metric as in metrics.auc@test",
        )
    use = text_of(rest[1])
    column = TableColumn(name, family=family, use=use)
    return ColumnMention(f"{shown}{_USE}{rest[1].raw:.40}", column, None)


def _is_column(word: Token, kind: Kind) -> bool:
    name = word.raw.lower()
    return name in _TIMES or name in _ALONE[kind] or is_column(word, kind)


TABLES: Final = Vocabulary(_resolve, _is_column, frozenset({_USE}))
"""What a table of runs, or of models, can name."""
