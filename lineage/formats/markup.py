"""Texts in XML, and the attributes that GraphML and GEXF declare before they use them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from lineage.errors import excerpt
from lineage.formats.flat import Field, Group
from lineage.formats.losses import Losses
from lineage.model.values import ValueType

__all__ = ["Attribute", "Attributes", "escape", "legal"]

# XML 1.0, 2.2: all other characters cannot be written, not even as references.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL = re.compile('[&<>"\t\n\r]')
_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_REPLACED = "characters that XML cannot hold became U+FFFD"
_APART = "values of several types became attributes of their own, whose names end in the type"
_TYPES = {
    ValueType.INT: "long",
    ValueType.DOUBLE: "double",
    ValueType.BOOLEAN: "boolean",
    ValueType.STRING: "string",
    ValueType.STRUCT: "string",
    ValueType.PROTO: "string",
}
_ENDINGS = {**_TYPES, ValueType.STRUCT: "struct", ValueType.PROTO: "proto"}


def legal(text: str) -> str:
    """Return a text with U+FFFD in the place of what XML cannot hold."""
    return _ILLEGAL.sub("\ufffd", text)


def escape(text: str) -> str:
    """Write a legal text so that it can stand in an element or, in double quotes, in an attribute."""
    # Line ends and tabs as they are would be normalized away: XML 1.0, 2.11 and 3.3.3.
    return _SPECIAL.sub(lambda found: _REFERENCES.get(found[0]) or f"&#{ord(found[0])};", text)


class Attribute(NamedTuple):
    """What is declared of values: the name, the type, the map of properties, and what has it."""

    name: str
    value: ValueType
    group: Group
    on: str

    @property
    def title(self) -> str:
        """The name among all attributes."""
        return f"{self.group}.{self.name}" if self.group else self.name

    @property
    def type(self) -> str:
        """The type as both notations name it."""
        return _TYPES[self.value]


class Attributes:
    """Numbers attributes as values come by, and names them in the end."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._numbers: dict[Attribute, int] = {}

    def number(self, field: Field, *, on: str) -> int:
        """Return the number of the attribute that a field is a value of."""
        attribute = Attribute(field.name, field.type, field.group, on)
        return self._numbers.setdefault(attribute, len(self._numbers))

    def escaped(self, text: str, place: str) -> str:
        """Return a text as it stands in XML; what is lost of it counts as lost in this place."""
        kept = legal(text)
        if kept != text:
            self._losses.note(_REPLACED, place)
        return escape(kept)

    def declared(self) -> Iterator[tuple[int, str, Attribute]]:
        """Yield each attribute's number and its name, escaped; no two names are the same."""
        types = Counter(attribute.title for attribute in self._numbers)
        # A name that stands for itself goes before one that is made up.
        plain_first = sorted(
            self._numbers, key=lambda each: (types[each.title] > 1, legal(each.title) != each.title)
        )
        taken: set[str] = set()
        for attribute in plain_first:
            place = f"the attribute {excerpt(attribute.title)}"
            name = legal(attribute.title)
            if name != attribute.title:
                self._losses.note(_REPLACED, place)
            if types[attribute.title] > 1:
                name = f"{name}:{_ENDINGS[attribute.value]}"
                self._losses.note(_APART, place)
            while name in taken:
                name += "_"
            taken.add(name)
            yield self._numbers[attribute], escape(name), attribute
