"""The digest of a function's code: of its own text, and of what of the same project it uses.

A function's text is its source without decorators, dedented. Added to it is, by name, what its code names
among the globals, also as attributes of one's own modules, and what it holds from the functions around it:

- functions and classes of one's own code by their texts, with what these use in their turn, and with the
  defaults of their arguments that are plain;
- plain values by what they are: None, numbers, texts, bytes, paths, dates, members of enumerations, data classes,
  and tuples, lists, dicts and sets of these, of up to 100,000 characters;
- modules, functions and classes of Python and of installed distributions by their names alone.

Any other global, such as a logger, a store or a table, is left out, and so is what is larger; a function that holds one from the functions
around it has no digest. What is imported inside the function, and what it reaches by a name that it is given, is not
looked at. A text is read once for a function: one whose file changes while the process goes on is the same until its
module is loaded anew.
"""

from __future__ import annotations

import ast
import dataclasses
import dis
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import partial
from hashlib import sha256
from pathlib import PurePath
from textwrap import dedent
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, cast
from uuid import UUID
from weakref import WeakKeyDictionary

from pydantic_core import to_json

from lineage.recording.environment import comes_with_python

__all__ = ["code_digest"]

DEEPEST: Final = 50
"""How many values may be within one another."""
MOST_TEXT: Final = 100_000
"""How many characters the texts of what is in one value may have together: a digest is taken at every call."""
_PLAIN = frozenset(
    {type(None), bool, int, float, complex, str, bytes, range, Decimal, Fraction, UUID}
    | {date, datetime, time, timedelta}
)
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})

_TEXTS: WeakKeyDictionary[FunctionType | type, str | None] = WeakKeyDictionary()
_USES: WeakKeyDictionary[FunctionType, list[tuple[str, ...]]] = WeakKeyDictionary()


def code_digest(function: Callable[..., object]) -> str | None:
    """Return `sha256:` and the digest of a function's code, decorated or not.

    None where its source is not to be had, where it holds what has no text, and for what is no function.
    """
    plain = _undecorated(function)
    if not isinstance(plain, FunctionType):
        return None
    reader = _Reader()
    try:
        reader.function(plain)
    except Exception:  # noqa: BLE001  # a stranger's object may raise anything when it is looked at
        return None
    return f"sha256:{sha256(to_json(reader.parts)).hexdigest()}"


class _Untold(Exception):
    """Something that counts has no text."""


class _Reader:
    """Gathers what a function consists of, each part once, in the order in which it is met."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, str]] = []
        self._places: dict[int, int] = {}
        # What was met must live on, or another object would get its id.
        self._met: list[object] = []

    def function(self, function: FunctionType) -> None:
        """Add a function's text, and what it uses; raise `_Untold` where it has none."""
        text = _text_of(function)
        if text is None:
            raise _Untold
        if not self._is_new(function):
            return
        self._add("function", text)
        for place, value in enumerate(function.__defaults__ or ()):
            self._global(f"default {place}", value)
        for name, value in (function.__kwdefaults__ or {}).items():
            self._global(f"default {name}", value)
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            self._held(name, cell)
        for chain in _uses_of(function):
            self._named(function.__globals__, chain)

    def _is_new(self, thing: object) -> bool:
        """Whether something is met for the first time; else add that it is met again."""
        place = self._places.setdefault(id(thing), len(self._met))
        if place < len(self._met):
            self._add("again", str(place))
            return False
        self._met.append(thing)
        return True

    def _add(self, name: str, text: str) -> None:
        self.parts.append((name, text))

    def _named(self, names: Mapping[str, object], chain: tuple[str, ...]) -> None:
        """Add what a global and the attributes after it lead to, through modules of one's own."""
        values: Mapping[str, object] = names
        for place, name in enumerate(chain):
            if name not in values:
                return
            value = values[name]
            is_last = place == len(chain) - 1
            if isinstance(value, ModuleType) and _is_own_module(value) and not is_last:
                values = vars(value)
                continue
            self._global(".".join(chain[: place + 1]), value)
            return

    def _global(self, name: str, value: object) -> None:
        """Add a value; one that has no text is left out."""
        if not self._told(name, value):
            self._add(name, "")

    def _held(self, name: str, cell: Any) -> None:
        """Add what a function holds; raise `_Untold` where that has no text."""
        try:
            value = cell.cell_contents
        except ValueError:  # it is given later
            self._add(name, "")
            return
        if not self._told(name, value):
            raise _Untold

    def _told(self, name: str, value: object) -> bool:
        """Add what a value is, and whether it can be told."""
        plain = _undecorated(value)
        if isinstance(plain, FunctionType | type):
            if not _is_own(plain):
                self._add(name, _full_name(plain))
                return True
            self._add(name, "")
            if isinstance(plain, FunctionType):
                self.function(plain)
            else:
                self._class(plain)
            return True
        if isinstance(plain, ModuleType):
            self._add(name, "" if _is_own_module(plain) else plain.__name__)
            return True
        if isinstance(plain, BuiltinFunctionType):
            self._add(name, _full_name(plain))
            return True
        if isinstance(plain, partial):
            given = (plain.args, plain.keywords)
            return self._told(f"{name}.func", plain.func) and self._told(f"{name}.given", given)
        text = _text_of_value(value)
        if text is not None:
            self._add(name, text)
        return text is not None

    def _class(self, cls: type) -> None:
        """Add a class: its text, its bases, its plain attributes and its functions but those that were generated."""
        if not self._is_new(cls):
            return
        self._add("class", _text_of(cls) or cls.__name__)
        for base in cls.__bases__:
            self._told("base", base)
        for name, value in list(vars(cls).items()):
            for function in _functions_of(value):
                if _text_of(function) is not None and _is_own(function):
                    self._add(name, "")
                    self.function(function)
            if not name.startswith("__"):
                text = _text_of_value(value)
                if text is not None:
                    self._add(name, text)


def _undecorated(value: Any) -> Any:
    """Return the function that was decorated, or whose method this is; anything else as it is."""
    if isinstance(value, type | ModuleType | partial):
        return value
    try:
        found = inspect.unwrap(value) if callable(value) else value
    except Exception:  # noqa: BLE001  # what a stranger's object makes of being asked for an attribute
        return value
    if isinstance(found, staticmethod | classmethod | MethodType):
        return _undecorated(found.__func__)
    return found


def _functions_of(value: object) -> Iterator[FunctionType]:
    """Yield the functions of a class's attribute."""
    parts: Iterable[object] = (value,)
    if isinstance(value, property):
        parts = (value.fget, value.fset, value.fdel)
    for part in parts:
        found = _undecorated(part)
        if isinstance(found, FunctionType):
            yield found


def _is_own(thing: FunctionType | type) -> bool:
    """Whether a function or a class is of one's own code, neither Python's nor installed nor this library's."""
    module = getattr(thing, "__module__", None)
    if not isinstance(module, str) or module.partition(".")[0] == "lineage":
        return False
    if isinstance(thing, FunctionType):
        return not comes_with_python(thing.__code__.co_filename)
    loaded = sys.modules.get(module)
    return loaded is not None and _is_own_module(loaded)


def _is_own_module(module: ModuleType) -> bool:
    name = module.__name__
    if name.partition(".")[0] == "lineage":
        return False
    file = vars(module).get("__file__")
    return not comes_with_python(file) if isinstance(file, str) else name == "__main__"


def _full_name(thing: Any) -> str:
    return f"{getattr(thing, '__module__', None)}.{getattr(thing, '__qualname__', '')}"


def _text_of(thing: FunctionType | type) -> str | None:
    """Return the source of a function or a class without decorators, dedented; None where it is not to be had."""
    if thing not in _TEXTS:
        try:
            source = inspect.getsource(thing)
        except (
            OSError,
            TypeError,
            SyntaxError,
            IndexError,
        ):  # no file, or another text than it was
            _TEXTS[thing] = None
        else:
            _TEXTS[thing] = _without_decorators(source)
    return _TEXTS[thing]


def _without_decorators(source: str) -> str:
    """Return a definition's text from its `def` on; that of a lambda as its line has it."""
    lines = dedent(source).rstrip().splitlines()
    first = 0
    # A text inside that begins at the margin keeps the rest from being dedented: it is a block then.
    for text, before in (("\n".join(lines), 0), ("if True:\n" + source, 1)):
        try:
            [found] = ast.parse(text).body
        except (SyntaxError, ValueError):
            continue
        node = found.body[0] if before and isinstance(found, ast.If) else found
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.lineno - 1 - before
        break
    return dedent("\n".join(lines[first:]))


def _uses_of(function: FunctionType) -> list[tuple[str, ...]]:
    """Return the globals that a function's code names, each with the attributes that follow, in order."""
    if function not in _USES:
        _USES[function] = sorted(set(_chains(function.__code__)))
    return _USES[function]


def _chains(code: CodeType) -> Iterator[tuple[str, ...]]:
    chain: list[str] = []
    for instruction in dis.get_instructions(code):
        if chain and instruction.opname in _ATTRIBUTES:
            chain.append(instruction.argval)
            continue
        if chain:
            yield tuple(chain)
        chain = [instruction.argval] if instruction.opname in _GLOBALS else []
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _chains(inner)


def _text_of_value(value: object) -> str | None:
    """Return a text that equal plain values share, and no others; None for what is not plain, or too large."""
    return _Values().text(value)


class _Values:
    """Tells values by texts, as long as there is room for more."""

    def __init__(self) -> None:
        self._room = MOST_TEXT

    def text(self, value: object, depth: int = 0) -> str | None:
        """Return a value's text; None where it, or something in it, has none."""
        text = self._simple(value)
        parts = _parts_of(value) if text is None and depth < DEEPEST else None
        if parts is not None:
            name, items = parts
            texts = self._all(items, depth + 1)
            if texts is not None:
                in_order = sorted(texts) if name in ("set", "frozenset") else texts
                text = f"{name} {to_json(in_order).decode()}"
        return text

    def _all(self, items: Iterable[object], depth: int) -> list[str] | None:
        texts: list[str] = []
        for item in items:
            text = self.text(item, depth)
            if text is None:
                return None
            texts.append(text)
        return texts

    def _simple(self, value: object) -> str | None:
        """Return the text of a value that consists of no others."""
        kind = type(value)
        if isinstance(value, Enum):
            text = f"{kind.__qualname__}.{value.name}"
        elif isinstance(value, PurePath):
            text = f"path {value}"
        elif kind in _PLAIN and not (isinstance(value, str | bytes) and len(value) > self._room):
            text = f"{kind.__name__} {value!r}"
        else:
            return None
        self._room -= len(text)
        return text if self._room >= 0 else None


def _parts_of(value: object) -> tuple[str, Iterable[object]] | None:
    """Return what a value is called, and what it consists of."""
    kind = type(value)
    if isinstance(value, tuple) or kind in (list, set, frozenset):
        return kind.__name__, cast(Iterable[object], value)
    if kind is dict:
        return "dict", (each for item in cast(dict[object, object], value).items() for each in item)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if hasattr(value, field.name)]
        return kind.__qualname__, (each for name in names for each in (name, getattr(value, name)))
    return None
