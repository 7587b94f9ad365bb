"""What a picture says of a node: the name people know, its state, and lines with the whole of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lineage.answers.labels import label
from lineage.contract.beginnings import last_part
from lineage.errors import Invalid, LineageError
from lineage.model.entities import ArtifactState, ExecutionState, Node
from lineage.model.keys import Kind
from lineage.model.rows import NodeRow, entity_of
from lineage.model.schema import AnyType
from lineage.model.texts import printable, shown
from lineage.model.times import from_micros

__all__ = ["NAME", "details_of", "name_of", "short_type", "state_of"]

NAME = 60
"""How many characters of a name a picture shows; the whole is in the details."""
DETAIL = 400
"""How many characters a line of the details has at most."""
VERSION = "version"
"""The property by which people say which version of something an artifact is."""
_PLAIN = frozenset({"UNKNOWN", "LIVE", "COMPLETE"})
"""The states that go without saying."""
_STATES = {
    Kind.ARTIFACT: tuple(ArtifactState),
    Kind.EXECUTION: tuple(ExecutionState),
    Kind.CONTEXT: (),
}


def state_of(row: NodeRow) -> str:
    """Return what is worth a mark in a node's state, in small letters: "" where nothing is."""
    if row.salt is None:
        return "purged"
    if row.gone:
        return "gone"
    states = _STATES[row.key.kind]
    if row.state is None or row.state >= len(states) or states[row.state] in _PLAIN:
        return ""
    return states[row.state].value.lower().replace("_", " ")


def short_type(name: str) -> str:
    """Return a type's name without the names before its last dot.

    >>> short_type("lineage.Dataset")
    'Dataset'
    """
    return printable(name.rpartition(".")[2] or name, limit=NAME)


def name_of(row: NodeRow, types: Mapping[int, AnyType], aliases: Sequence[str] = ()) -> str:
    """Return the name people know: the node's own or the last part of its URI, its version, its aliases.

    Without these it is what `label` finds, and its type and number where that is nothing. One printable line.
    """
    name = row.name or _end_of(row.uri or "")
    # An entity is only built where it has something to tell: its properties may be large.
    has_version = any(f'"{VERSION}"' in text for text in (row.properties, row.custom) if text)
    node = _entity(row, types) if has_version or not name else None
    if node is not None:
        name = name or label(node, limit=NAME)
        version = _version(node)
        name = f"{name} {version}" if version is not None and version not in name else name
    if not name:
        of = types[row.type_id].name if row.type_id in types else row.key.kind
        name = f"{short_type(of)} #{row.key.id}"
    pointing = "".join(f" @{each}" for each in aliases)
    room = max(NAME // 2, NAME - len(pointing))
    return printable(f"{printable(name, limit=room)}{printable(pointing)}", limit=NAME)


def details_of(
    row: NodeRow, types: Mapping[int, AnyType], aliases: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return lines on a node, each printable: name, type, key, URI, state, aliases, time of creation."""
    lines = [
        row.name or _end_of(row.uri or ""),
        f"{types[row.type_id].name if row.type_id in types else 'unknown type'} {row.key}",
        row.uri or "",
        state_of(row),
        " ".join(f"@{each}" for each in aliases),
        _created(row),
    ]
    return tuple(printable(line, limit=DETAIL) for line in lines if line)


def _end_of(uri: str) -> str:
    """Return the last part of a URI, or the last two where that is a number, and else all of it."""
    end = last_part(uri)
    if not end:
        return uri
    if end.isdecimal():
        before = uri.removesuffix("/").removesuffix(end).removesuffix("/")
        return f"{last_part(before) or ''}/{end}".removeprefix("/")
    return end


def _version(node: Node) -> str | None:
    value = node.properties.get(VERSION, node.custom_properties.get(VERSION))
    if value is None or not isinstance(value, str | int | float):
        return None
    text = shown(value, limit=NAME // 2)
    return f"v{text}" if text[:1].isdigit() else text or None


def _entity(row: NodeRow, types: Mapping[int, AnyType]) -> Node | None:
    try:
        return entity_of(row, types)
    except LineageError:
        return None  # a picture of a damaged store is what finds the damage


def _created(row: NodeRow) -> str:
    try:
        return f"created {from_micros(row.created):%Y-%m-%d %H:%M:%S}Z" if row.created else ""
    except Invalid:
        return ""
