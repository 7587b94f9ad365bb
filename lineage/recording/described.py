"""Nodes in words: with a type by its name, which is made where there is none, and values that find their places by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.transaction import Author
from lineage.errors import Invalid, excerpt
from lineage.model.entities import Node
from lineage.model.keys import Kind
from lineage.model.rows import NODE_CLASSES
from lineage.model.schema import TYPE_CLASSES, AnyType
from lineage.recording.named import check_type_name
from lineage.recording.types import put_types

__all__ = ["described", "type_meant"]


def type_meant(
    backend: Backend,
    text: str,
    author: Author,
    *,
    example: str,
    kind: Kind | None = None,
    version: str | None = None,
) -> AnyType:
    """Return the type that a name means, a new one where there is none; `Invalid` where it may mean several.

    A name without a version means the type without one, else the only one; it may also be written `NAME@VERSION`. A new type is one of artifacts,
    unless a kind is given. `example` is what to write in place of what is no name.
    """
    known = [
        each
        for each in registry(backend).by_id.values()
        if kind in (None, each.kind) and _may_mean(each, text, version)
    ]
    exact = [each for each in known if version is not None or text == str(each.type_name)] or known
    if len(exact) > 1:
        told = ", ".join(f"{each.kind} {each.type_name}" for each in exact)
        raise Invalid(
            f"{excerpt(text)} may mean {told}; say which with --kind or `kind`, or with its version"
        )
    if exact:
        return exact[0]
    check_type_name(text, example)
    made = TYPE_CLASSES[kind or Kind.ARTIFACT](name=text, version=version)
    return put_types(backend, [made], author)[0]


def _may_mean(known: AnyType, text: str, version: str | None) -> bool:
    if version is not None:
        return (known.name, known.version) == (text, version)
    return text == str(known.type_name) or (text == known.name and known.version is not None)


def described(
    node_type: AnyType,
    fields: Mapping[str, str],
    properties: Mapping[str, Any],
    custom: Mapping[str, Any] = {},
) -> Node:
    """Return a new node of a type: of its properties those are custom ones that the type does not declare.

    `Invalid` for a field that its kind has not, and for a name that would be twice among the custom properties.
    """
    kind = node_type.kind
    declared = {name: value for name, value in properties.items() if name in node_type.properties}
    others = {name: value for name, value in properties.items() if name not in declared}
    if twice := others.keys() & custom.keys():
        raise Invalid(
            f"{excerpt(min(twice))} is a property and a custom property, and the type {node_type.type_name} declares "
            "no such property; leave one of them out"
        )
    foreign = fields.keys() - NODE_CLASSES[kind].model_fields.keys()
    if foreign:
        raise Invalid(
            f"{min(foreign)!r} is no field of {kind}s, and {node_type.type_name} is a type of {kind}s"
        )
    return NODE_CLASSES[kind](
        type=node_type.name,
        type_version=node_type.version,
        properties=declared,
        custom_properties={**others, **custom},
        **fields,
    )
