"""Reads node-link JSON: every field is checked, and a fault names its place in the file."""

from __future__ import annotations

import json
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from typing import Any, Final

from pydantic_core import from_json

from lineage.errors import Invalid, excerpt
from lineage.formats.records import (
    Fault,
    Records,
    checked,
    each,
    fields_of,
    has_twins,
    in_order,
    property_place,
)
from lineage.model.rows import Batch

__all__ = ["FORMAT", "VERSION", "read"]

FORMAT: Final = "lineage"
VERSION: Final = 1


def read(text: bytes) -> list[Batch]:
    """Return the types, the nodes and the edges of a file."""
    twins = has_twins(text)  # before there is anything else in memory
    try:
        data = from_json(text)
    except ValueError as error:
        marked = text.startswith((BOM_UTF8, BOM_UTF16_LE, BOM_UTF16_BE))
        hint = "; write it in UTF-8, without a byte order mark" if marked else ""
        raise Invalid(f"the file is not JSON: {error}{hint}") from error
    try:
        if twins:
            _refuse_twins(text)
        return _read(data)
    except Fault as fault:
        raise Invalid(str(fault).removeprefix(".")) from fault


def _refuse_twins(text: bytes) -> None:
    fields = json.loads(text, object_pairs_hook=_Fields, parse_int=str, parse_float=str)
    place, name = next(_twins(fields))
    raise Fault(place or "the file", f"{excerpt(name)} is there twice; leave one of them out")


class _Fields(list[tuple[str, Any]]):
    """An object of JSON with all of its fields."""


def _twins(raw: object) -> Iterator[tuple[str, str]]:
    """Yield the place of each object that has a field twice, and the field's name."""
    if isinstance(raw, _Fields):
        seen: set[str] = set()
        for name, value in raw:
            if name in seen:
                yield "", name
            seen.add(name)
            for place, twin in _twins(value):
                yield property_place("", name) + place, twin
    elif isinstance(raw, list):
        for number, item in enumerate(raw):
            for place, twin in _twins(item):
                yield f"[{number}]{place}", twin


def _read(raw: object) -> list[Batch]:
    """Return the batches of a whole file."""
    if isinstance(raw, dict) and "links" in raw and "edges" not in raw:
        raise Invalid(
            "the edges are under 'links'; write them with node_link_data(graph, edges='edges')"
        )
    names = ("directed", "multigraph", "graph", "nodes", "edges")
    data = fields_of(raw, names, names)
    for name in names[:2]:
        if data[name] is not True:
            raise Invalid(
                f"{name} is {excerpt(data[name])}; a lineage graph is directed and a multigraph"
            )
    records = Records()
    types = each(".graph.types", records.type, checked(".graph", _graph, data["graph"]))
    nodes = each(".nodes", records.node, data["nodes"])
    edges = each(".edges", records.edge, data["edges"])
    return [Batch(types=types), Batch(nodes=nodes), Batch(edges=in_order(edges))]


def _graph(raw: object) -> object:
    """Return the types, after a look at the format."""
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise Invalid(
            f"'format' is not {FORMAT!r}: this node-link file was not written by lineage and does not say what its "
            f"nodes are; record them with the library instead"
        )
    data = fields_of(raw, ("version", "types"), ("format", "version", "transaction", "types"))
    if data["version"] != VERSION:
        raise Invalid(
            f"version {excerpt(data['version'])} of the format is unknown, this library reads {VERSION}; update it"
        )
    return data["types"]
