"""JSON Schemas of answers, made from their classes: what `formats/documents.py` writes of each.

The dialect is that of OpenAPI 3.1, 2020-12. A class that is met is a definition of its own, by its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from lineage.answers.subgraph import Subgraph
from lineage.formats.documents import keys_of
from lineage.model.entities import Edge, Node
from lineage.model.keys import NodeKey
from lineage.model.schema import NodeType
from lineage.model.values import ProtoAny, Struct

__all__ = ["Schema", "Schemas"]

Schema: TypeAlias = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_VALUES: Final[Schema] = {"type": "object", "description": "Values by name."}
_KEY: Final[Schema] = {
    "type": "string",
    "pattern": "^(artifact|execution|context):[0-9]+$",
    "examples": ["artifact:12"],
}
_NUMBER: Final[Schema] = {
    "anyOf": [
        {"type": "number"},
        {"const": {"float": "nan"}, "description": "What is no number; 1e999 is infinite."},
    ]
}
_NODE: Final[Schema] = {
    "type": "object",
    "required": ["kind", "type", "properties", "custom_properties"],
    "properties": {
        "id": _KEY,
        "kind": {"enum": ["artifact", "execution", "context"]},
        "type": _TEXT,
        "type_version": _TEXT,
        "name": _TEXT,
        "external_id": _TEXT,
        "uri": _TEXT,
        "state": _TEXT,
        "properties": _VALUES,
        "custom_properties": _VALUES,
        "create_time": _TIME,
        "update_time": _TIME,
        "gone": {"const": True},
        "distance": {"type": "integer"},
    },
    "additionalProperties": False,
}
_EDGE: Final[Schema] = {
    "type": "object",
    "required": ["source", "target", "key"],
    "properties": {
        "source": _KEY,
        "target": _KEY,
        "key": {"type": "string", "description": "The edge's kind, such as INPUT."},
        "time": _TIME,
        "path": {"type": "array", "items": {"type": ["string", "integer"]}},
        "paths": {"type": "array"},
    },
    "additionalProperties": False,
}
_TYPE: Final[Schema] = {
    "type": "object",
    "required": ["kind", "name", "properties"],
    "properties": {
        "id": {"type": "integer"},
        "kind": {"enum": ["artifact", "execution", "context"]},
        **dict.fromkeys(("name", "version", "description", "external_id", "base"), _TEXT),
        "input_type": {},
        "output_type": {},
        "properties": {"type": "object", "additionalProperties": _TEXT},
        "indexed": {"type": "array", "items": _TEXT},
        "create_time": _TIME,
        "update_time": _TIME,
    },
    "additionalProperties": False,
}
_PLAIN: Final[Mapping[Any, Schema]] = {
    NoneType: {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: _NUMBER,
    str: _TEXT,
    datetime: _TIME,
    object: {},
    Any: {},
    Struct: {},
    ProtoAny: {},
    NodeKey: _KEY,
}
_ENTITIES: Final[Sequence[tuple[type, str, Schema]]] = (
    (Node, "Node", _NODE),
    (NodeType, "Type", _TYPE),
    *((cls, "Edge", _EDGE) for cls in get_args(Edge)),
)
"""What entities look like, whatever their class."""
_SPECIAL: Final[Mapping[tuple[str, str], Schema]] = {
    ("Row", "values"): {"type": "array"},
    ("Summary", "parameters"): _VALUES,
    ("Table", "rows"): {"type": "array", "items": _VALUES},
    **{(name, "value"): {} for name in ("Blamed", "Metric")},
    **{("FieldChange", side): {} for side in ("left", "right")},
}
"""Fields that hold values of properties, whatever these are."""
_LONG: Final = ("path", "place")
"""Fields that are null where they are too long to be spelt out."""


class Schemas:
    """The definitions that have been met, by name."""

    def __init__(self, prefix: str = "#/components/schemas/") -> None:
        self.definitions: dict[str, Schema] = {}
        self._prefix = prefix
        self._meant: Mapping[Any, Any] = {}
        """What stands for the type variables of the generic class at hand."""

    def of(self, annotation: Any) -> Schema:  # noqa: PLR0911  # one line for each sort of type
        """Return what an answer of a type looks like; TypeError for one that no answer has."""
        if annotation in _PLAIN:
            return _PLAIN[annotation]
        if isinstance(annotation, TypeVar):
            return self.of(self._meant.get(annotation) or annotation.__bound__ or object)
        origin, args = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.of(args[0])
        if origin is Literal:
            return {"enum": [*args]}
        if origin in (Union, UnionType):
            return {"anyOf": [self.of(each) for each in args]}
        if isinstance(origin, type):
            return self._of_generic(origin, args)
        if isinstance(annotation, type):
            return self._of_class(annotation)
        raise TypeError(f"{annotation!r} is no type of an answer")

    def _of_generic(self, origin: type, args: tuple[Any, ...]) -> Schema:
        if issubclass(origin, Subgraph):
            return self._of_class(origin)
        if is_dataclass(origin):
            return self._of_parametrized(origin, args)
        if issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(args[1])}
        if origin is tuple and args[-1:] != (Ellipsis,):
            return {
                "type": "array",
                "prefixItems": [self.of(each) for each in args],
                "items": False,
            }
        return {"type": "array", "items": self.of(args[0])}

    def _of_parametrized(self, origin: type, args: tuple[Any, ...]) -> Schema:
        before = self._meant
        hints = get_type_hints(origin).values()
        variables = dict.fromkeys(v for hint in hints for v in getattr(hint, "__parameters__", ()))
        self._meant = dict(zip(variables, args, strict=True))
        try:
            name = f"{origin.__name__}Of{''.join(each.__name__ for each in args)}"
            return self._named(name, lambda: self._of_fields(origin, keys_of(origin)))
        finally:
            self._meant = before

    def _of_class(self, cls: type) -> Schema:  # noqa: PLR0911  # one line for each sort of class
        entity = next((each for each in _ENTITIES if issubclass(cls, each[0])), None)
        if entity is not None:
            return self._named(entity[1], lambda: entity[2])
        if issubclass(cls, Enum):
            return {"enum": [each.value for each in cls]}
        if issubclass(cls, Subgraph):
            return self._named("Subgraph", self._subgraph)
        if is_dataclass(cls):
            return self._named(cls.__name__, lambda: self._of_fields(cls, keys_of(cls)))
        if hasattr(cls, "_fields"):
            return self._named(cls.__name__, lambda: self._of_fields(cls, [*cls._fields]))
        if issubclass(cls, Mapping):
            return {"type": "object"}
        if issubclass(cls, Sequence):
            return {"type": "array"}
        raise TypeError(f"{cls!r} is no class of an answer")

    def _named(self, name: str, make: Any) -> Schema:
        if name not in self.definitions:
            self.definitions[name] = {}  # one that holds itself finds it begun
            self.definitions[name] = make()
        return {"$ref": f"{self._prefix}{name}"}

    def _of_fields(self, cls: type, names: list[str]) -> Schema:
        hints = get_type_hints(cls)
        properties = {}
        for name in names:
            schema = _SPECIAL.get((cls.__name__, name))
            if schema is None:
                schema = self.of(hints[name])
                if name in _LONG:
                    schema = {"anyOf": [schema, {"type": "null"}]}
            properties[name] = schema
        return {
            "type": "object",
            "required": names,
            "properties": properties,
            "additionalProperties": False,
        }

    def _subgraph(self) -> Schema:
        from lineage.answers.subgraph import Copy
        from lineage.contract.walking import Cut

        node, edge = self.of(Node), self._named("Edge", lambda: _EDGE)
        return {
            "type": "object",
            "required": ["nodes", "edges", "copies", "notes", "truncated", "number"],
            "properties": {
                "nodes": {"type": "array", "items": node},
                "edges": {"type": "array", "items": edge},
                "copies": self.of(tuple[Copy, ...]),
                "notes": {"type": "array", "items": _TEXT},
                "truncated": self.of(Cut | None),
                "number": {"type": "integer"},
            },
            "additionalProperties": False,
        }
