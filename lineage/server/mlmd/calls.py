"""MLMD's service: every call of `ml_metadata.MetadataStoreService` on a store.

Bytes come in and go out, so that a request which is no message is refused like any other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from lineage.contract.walking import Direction
from lineage.errors import LineageError
from lineage.mlmd.messages import DecodeError, Message, message
from lineage.model.keys import Kind
from lineage.server.callers import CallerRole
from lineage.server.mlmd import lineage as walks
from lineage.server.mlmd import reading, types, writing
from lineage.server.refusal import Refusal, refusal_of
from lineage.server.session import Session

__all__ = ["CALLS", "ROLES", "answer"]

logger = logging.getLogger("lineage.server")

Call: TypeAlias = Callable[[Session, Message], Message]


def _lineage_graph(_: Session, __: Message) -> Message:
    """Refuse the call that MLMD's own server has never had."""
    raise Refusal("UNIMPLEMENTED", "GetLineageGraph is gone; call GetLineageSubgraph")


def _of_kind(kind: Kind) -> dict[str, Call]:
    """Return the calls that each kind of node has."""
    name = kind.capitalize()
    calls: dict[str, Callable[..., Message]] = {
        f"Put{name}Type": types.put_one,
        f"Get{name}Type": types.named,
        f"Get{name}Types": types.every,
        f"Get{name}TypesByID": types.by_id,
        f"Get{name}TypesByExternalIds": types.by_external_ids,
        f"Put{name}s": writing.put_nodes,
        f"Get{name}s": reading.every,
        f"Get{name}sByID": reading.by_id,
        f"Get{name}sByType": reading.by_type,
        f"Get{name}ByTypeAndName": reading.by_type_and_name,
        f"Get{name}sByExternalIds": reading.by_external_ids,
    }
    if kind is not Kind.CONTEXT:
        calls |= {
            f"Get{name}sByContext": reading.in_context,
            f"GetContextsBy{name}": reading.contexts_of,
            f"GetEventsBy{name}IDs": reading.events_of,
        }
    return {call: partial(function, kind=kind) for call, function in calls.items()}


CALLS: Final[Mapping[str, Call]] = {
    **{name: call for kind in Kind for name, call in _of_kind(kind).items()},
    "PutTypes": types.put_several,
    "PutEvents": writing.put_events,
    "PutExecution": writing.put_execution,
    "PutLineageSubgraph": writing.put_subgraph,
    "PutAttributionsAndAssociations": writing.put_members,
    "PutParentContexts": writing.put_parents,
    "GetArtifactsByURI": reading.by_uri,
    "GetParentContextsByContext": partial(reading.related_contexts, direction=Direction.UPSTREAM),
    "GetChildrenContextsByContext": partial(
        reading.related_contexts, direction=Direction.DOWNSTREAM
    ),
    "GetParentContextsByContexts": partial(
        reading.related_to_several, direction=Direction.UPSTREAM
    ),
    "GetChildrenContextsByContexts": partial(
        reading.related_to_several, direction=Direction.DOWNSTREAM
    ),
    "GetLineageSubgraph": walks.subgraph,
    "GetLineageGraph": _lineage_graph,
}

ROLES: Final[Mapping[str, CallerRole]] = {
    name: CallerRole.READER if name.startswith("Get") else CallerRole.WRITER for name in CALLS
}
"""The role that each call takes."""


def answer(session: Session, request: bytes) -> bytes:
    """Answer one call; raise `Refusal` with the status for everything that it cannot."""
    name = session.call
    try:
        wire = message(f"{name}Request").FromString(request)
        found: bytes = CALLS[name](session, wire).SerializeToString()
    except DecodeError as error:
        raise Refusal("INVALID_ARGUMENT", f"the request is no {name}Request: {error}") from error
    except LineageError as error:
        raise refusal_of(error, name, session.backend.place) from error
    return found
