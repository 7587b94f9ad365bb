"""Groups that users choose: what belongs to one run or context, the versions of one thing, the files of one folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence

from lineage.answers.groups import Group
from lineage.answers.indexed import Indexed, Look
from lineage.answers.names import NAME, name_of
from lineage.contract.beginnings import last_part
from lineage.model.entities import Context
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow
from lineage.model.system import Asset, RunContext
from lineage.model.texts import printable

__all__ = ["FOLDER", "RUN", "VERSIONS", "chosen_groups", "holder_type"]

RUN, VERSIONS, FOLDER = "run", "versions", "folder"
_OWN_RULES = frozenset({"exact", "alike", "type", "others", "rest"})
"""The rules of groups that nobody chose; a type of contexts may be called so, too."""
_HOLDERS: dict[str, type[Context]] = {RUN: RunContext, VERSIONS: Asset}


def holder_type(by: str) -> str | None:
    """Return the type of the contexts that a choice goes by; None where it goes by none.

    >>> holder_type("run"), holder_type("Pipeline"), holder_type("folder")
    ('lineage.Run', 'Pipeline', None)
    """
    if by in ("", FOLDER):
        return None
    cls = _HOLDERS.get(by)
    return by if cls is None or cls.type_name is None else cls.type_name.name


def chosen_groups(graph: Indexed, by: str, apart: Collection[int]) -> list[Group]:
    """Return the groups of two nodes or more that a choice puts together, without those that stay apart.

    By "run", or by the type of a context, it is what a context holds, of several the first by key, and the artifacts that are
    only written and read in there. By "versions" these are artifacts of one type and asset or, without one, URI; by
    "folder" those of one type whose URIs have all but the last part in common. A group has nodes of one role.
    """
    places = [place for place in range(len(graph)) if place not in apart]
    if by == FOLDER:
        return _made(graph, by, ((place, _folder(graph, place)) for place in places))
    if by == VERSIONS:
        return _made(graph, by, ((place, _asset(graph, place)) for place in places))
    held = {place: row.key for place in places if (row := _holder(graph, place, by)) is not None}
    inner = [
        (place, context)
        for place in places
        if place not in held and (context := _around(graph, place, held)) is not None
    ]
    return _made(graph, by, (*held.items(), *inner))


def _made(graph: Indexed, by: str, belonging: Iterable[tuple[int, Hashable | None]]) -> list[Group]:
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for place, what in belonging:
        if what is not None:
            groups[what, graph.looks[graph.look[place]].role].append(place)
    made = []
    rule = f"context {by}" if by in _OWN_RULES else by
    for members in groups.values():
        if len(members) > 1:
            members.sort()
            made.append(Group(members, rule, _look(graph, members, by), _name(graph, members, by)))
    return made


def _look(graph: Indexed, members: Sequence[int], by: str) -> Look:
    """Return what a group looks like: one by contexts as its context, but for the state."""
    look = graph.common_look(members)
    if by in (FOLDER, VERSIONS):
        return look
    return look._replace(kind=Kind.CONTEXT, type=holder_type(by) or "")


def _name(graph: Indexed, members: Sequence[int], by: str) -> str:
    rows = [graph.rows[place] for place in members]
    types = graph.graph.types
    if by == FOLDER:
        folder = (rows[0].uri or "").removesuffix("/").rpartition("/")[0]
        room = NAME // 2
        return printable(folder if len(folder) <= room else f"…{folder[-room:]}") + "/"
    holder = next(filter(None, (_holder(graph, place, by) for place in members)), None)
    if by == VERSIONS:
        newest = max(rows, key=lambda row: (row.created, row.key))
        called = name_of(newest, types, graph.graph.aliases.get(newest.key, ()))
        asset = holder.name if holder is not None else None
        asset = printable(asset or last_part(rows[0].uri or "") or called, limit=NAME // 2)
        return asset if asset == called else f"{asset}, newest {called}"
    if by == RUN or holder is None:
        # The context of a run is named by a random number, and the run that has the steps comes first in it.
        runs = [row for row in rows if row.key.kind is Kind.EXECUTION]
        return name_of(min(runs or rows, key=lambda row: row.key), types)
    return name_of(holder, types)


def _folder(graph: Indexed, place: int) -> Hashable | None:
    row = graph.rows[place]
    if not row.uri or not last_part(row.uri):
        return None
    return row.uri.removesuffix("/").rpartition("/")[0], _type(graph, place)


def _asset(graph: Indexed, place: int) -> Hashable | None:
    row = graph.rows[place]
    if row.key.kind is not Kind.ARTIFACT:
        return None
    holder = _holder(graph, place, VERSIONS)
    which: NodeKey | str | None = row.uri if holder is None else holder.key
    return (which, _type(graph, place)) if which else None


def _type(graph: Indexed, place: int) -> str:
    return graph.looks[graph.look[place]].type


def _holder(graph: Indexed, place: int, by: str) -> NodeRow | None:
    """Return the first context by key, of the type that a choice goes by, that holds a node."""
    wanted, types = holder_type(by), graph.graph.types
    rows = graph.graph.holders.get(graph.keys[place], ())
    fitting = [row for row in rows if row.type_id in types and types[row.type_id].name == wanted]
    return min(fitting, key=lambda row: row.key, default=None)


def _around(graph: Indexed, place: int, held: dict[int, NodeKey]) -> NodeKey | None:
    """Return the context whose executions alone write an artifact, and read it; None where there is none."""
    before, after = graph.links.before[place], graph.links.after[place]
    if graph.keys[place].kind is not Kind.ARTIFACT or not before or not after:
        return None
    contexts = {held.get(each) for each in (*before, *after)}
    return contexts.pop() if len(contexts) == 1 else None
