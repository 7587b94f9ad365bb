"""Parameters of a library's objects as plain values, which a store keeps.

Numbers, texts and truth values stay what they are, and so do collections of them; what is anything else stands as the
name of its class, a class or a function as its own name. None is left out: it says that there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from lineage.errors import Invalid
from lineage.model.marks import is_own_property
from lineage.model.system import WHY
from lineage.model.values import to_text, to_value

__all__ = ["plain"]

LONGEST = 1_000
"""How many characters of a text are kept."""
MOST = 100
"""How many items of a collection are kept as such."""
DEEPEST = 5


def plain(values: Mapping[str, object]) -> dict[str, object]:
    """Return parameters as plain values, by their names.

    >>> plain({"C": 1.0, "kernel": "rbf", "verbose": None, "base": Mapping, 3: [object(), 2]})
    {'C': 1.0, 'kernel': 'rbf', 'base': 'Mapping', '3': ['object', 2]}
    """
    named = {str(name): value for name, value in values.items() if value is not None}
    return {_free(name): _plain(value, 0) for name, value in named.items()}


def _free(name: str) -> str:
    """Return a name that a parameter may have: those of the engine's own words get a trailing underscore."""
    return f"{name}_" if is_own_property(name) or name in WHY else name


def _plain(value: object, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return _scalar(value)
    items = _items(value)
    if items is None:
        return _scalar(value) if hasattr(type(value), "item") else _name(value)
    if len(items) > MOST or depth == DEEPEST:
        return f"{type(value).__name__} of {len(items):,}"
    if isinstance(items, Mapping):
        return {_text(str(name)): _plain(each, depth + 1) for name, each in items.items()}
    return [_plain(each, depth + 1) for each in items]


def _items(value: object) -> Mapping[object, object] | list[object] | None:
    """Return what a collection holds; None for what is no collection. An array of several dimensions is none."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, Set):
        return sorted(value, key=repr)
    if isinstance(value, list | tuple | range):
        return list(value)
    tolist = getattr(value, "tolist", None) if getattr(value, "ndim", 0) == 1 else None
    return list(tolist()) if callable(tolist) else None


def _scalar(value: object) -> object:
    """Return a scalar, also one of an array library, as a value."""
    if isinstance(value, str):
        return _text(value)
    try:
        return None if value is None else to_value(value)
    except Invalid:  # a whole number of more than 64 bits, or an array of several dimensions
        return _text(str(value)) if isinstance(value, int) else _name(value)


def _name(value: object) -> str:
    return _text(str(getattr(value, "__qualname__", type(value).__qualname__)))


def _text(value: str) -> str:
    text = str(value)[:LONGEST]
    try:
        return to_text(text)
    except Invalid:
        return text.encode(errors="backslashreplace").decode()
