"""MLMD's calls about types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lineage.errors import NotFound, excerpt
from lineage.mlmd.conversion import own_name, type_message, type_of
from lineage.mlmd.messages import Message, message
from lineage.mlmd.missing import MISSING
from lineage.model.keys import Kind
from lineage.model.schema import AnyType
from lineage.model.system import SYSTEM_NAMES
from lineage.recording.types import put_type, unchanged_types
from lineage.server.refusal import Refusal
from lineage.server.session import Session

__all__ = ["by_external_ids", "by_id", "every", "known_type", "named", "put_one", "put_several"]


def put_one(session: Session, request: Message, kind: Kind) -> Message:
    """Write a type, new or with more properties."""
    field = f"{kind}_type"
    if not request.HasField(field):
        raise Refusal("INVALID_ARGUMENT", f"{field} is missing")
    _check_options(request)
    (stored,) = _put_all(session, request, [_given(getattr(request, field), kind)])
    return message(f"Put{kind.capitalize()}TypeResponse")(type_id=stored.id)


def put_several(session: Session, request: Message) -> Message:
    """Write types of all kinds; all of them or none."""
    _check_options(request)
    given = [_given(wire, kind) for kind in Kind for wire in getattr(request, f"{kind}_types")]
    response = message("PutTypesResponse")()
    for stored in _put_all(session, request, given):
        getattr(response, f"{stored.kind}_type_ids").append(stored.id)
    return response


def _check_options(request: Message) -> None:
    if not request.all_fields_match:
        raise Refusal("UNIMPLEMENTED", "all_fields_match=false was never there; leave it out")


def _given(wire: Message, kind: Kind) -> AnyType:
    if wire.HasField("base_type") and not wire.base_type:
        raise Refusal("UNIMPLEMENTED", "base_type UNSET: a base type cannot be taken away")
    return type_of(wire, kind)


def _put_all(session: Session, request: Message, types: Sequence[AnyType]) -> Sequence[AnyType]:
    """Write types; those that are stored so are answered while another call holds the lock."""
    allowed = {"can_add": request.can_add_fields, "can_omit": request.can_omit_fields}
    for given in types:
        _check_base(session, given)
    same = unchanged_types(session.backend, types, **allowed)
    if same is not None:
        return same
    with session.transaction() as transaction:
        stored = []
        for given in types:
            _check_base(session, given)
            stored.append(put_type(session.backend, transaction, given, **allowed))
    return stored


def _check_base(session: Session, given: AnyType) -> None:
    stored = session.types.by_name.get((given.kind, given.name, given.version))
    if stored is not None and given.base is not None and stored.base not in (None, given.base):
        raise Refusal(
            "UNIMPLEMENTED",
            f"type {given.type_name} is based on {stored.base}; a base type cannot be changed",
        )


def known_type(session: Session, request: Message, kind: Kind) -> AnyType | None:
    """Return the type that a request names; None where there is none."""
    name = own_name(request.type_name)
    found = session.types.by_name.get((kind, name, request.type_version or None))
    return None if found is None or found.name == MISSING else found


def named(session: Session, request: Message, kind: Kind) -> Message:
    """Return a type by its name and version; NOT_FOUND where there is none."""
    found = known_type(session, request, kind)
    if found is None:
        raise NotFound(f"there is no {kind} type {excerpt(request.type_name, 200)}")
    response = message(f"Get{kind.capitalize()}TypeResponse")
    return response(**{f"{kind}_type": type_message(found)})


def every(session: Session, _: Message, kind: Kind) -> Message:
    """Return all types of a kind but MLMD's system types, which every store has."""
    own = (each for each in session.types_by_id.values() if each.name not in SYSTEM_NAMES[kind])
    return _answer(f"Get{kind.capitalize()}TypesResponse", kind, own)


def by_id(session: Session, request: Message, kind: Kind) -> Message:
    """Return the types of a kind that have these ids; others are left out."""
    known = session.types_by_id
    found = [known[number] for number in request.type_ids if number in known]
    return _answer(f"Get{kind.capitalize()}TypesByIDResponse", kind, found)


def by_external_ids(session: Session, request: Message, kind: Kind) -> Message:
    """Return the types of a kind that have these external ids; NOT_FOUND where none has."""
    wanted = list(dict.fromkeys(request.external_ids))
    if "" in wanted:
        raise Refusal("INVALID_ARGUMENT", "an external id is empty")
    known = session.types.by_external_id
    found = [known[each] for each in wanted if each in known and known[each].kind is kind]
    if wanted and not found:
        raise NotFound(f"no {kind} type has one of these {len(wanted)} external ids")
    return _answer(f"Get{kind.capitalize()}TypesByExternalIdsResponse", kind, found)


def _answer(name: str, kind: Kind, types: Iterable[AnyType]) -> Message:
    response = message(name)()
    getattr(response, f"{kind}_types").extend(
        type_message(each) for each in types if each.kind is kind
    )
    return response
