"""What all verbs of every backend share: their signatures, moments that are none, being closed."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lineage.contract.backend import CONTRACT_VERSION, Backend, External, Named, Order
from lineage.contract.walking import Direction
from lineage.contract.writings import AtUri
from lineage.errors import Invalid, NotFound
from lineage.filters.tree import Column, Field
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKey, EdgeKind
from lineage.testing.builders import DATASET, TRAIN, chain, eventful, everything, writing

FIRST = NodeKey(Kind.ARTIFACT, 1)
HISTORICAL: dict[str, Callable[[Backend, Any], object]] = {
    "types": lambda backend, as_of: backend.types(as_of=as_of),
    "nodes": lambda backend, as_of: backend.nodes([FIRST], as_of=as_of),
    "find": lambda backend, as_of: backend.find(Kind.ARTIFACT, as_of=as_of),
    "node_counts": lambda backend, as_of: dict(backend.node_counts(as_of=as_of)),
    "edges": lambda backend, as_of: backend.edges([FIRST], as_of=as_of),
    "edge_page": lambda backend, as_of: backend.edge_page(FIRST, as_of=as_of),
    "edge_counts": lambda backend, as_of: backend.edge_counts(FIRST, as_of=as_of),
    "versions": lambda backend, as_of: backend.versions(FIRST, as_of=as_of),
    "walk": lambda backend, as_of: backend.walk([FIRST], Direction.BOTH, as_of=as_of),
    "beginning_with": lambda backend, as_of: backend.beginning_with("a", as_of=as_of),
    "writings": lambda backend, as_of: list(backend.writings([FIRST], as_of=as_of)),
    "values": lambda backend, as_of: backend.values(
        Kind.ARTIFACT, [Column(Field.NAME)], as_of=as_of
    ),
    "joined": lambda backend, as_of: backend.joined([1], [TRAIN], [EdgeKind.INPUT], as_of=as_of),
    "writings at a URI": lambda backend, as_of: list(backend.writings(AtUri("a"), as_of=as_of)),
}
"""The reading verbs that take a moment."""


def locked(backend: Backend) -> None:
    with backend.transaction() as own:
        own.lock()


def read_in_transaction(backend: Backend) -> None:
    with backend.transaction():
        backend.nodes([FIRST])


VERBS: dict[str, Callable[[Backend], object]] = {
    **{name: lambda backend, read=read: read(backend, None) for name, read in HISTORICAL.items()},  # type: ignore[misc]
    "now": lambda backend: backend.now(),
    "log": lambda backend: backend.log(),
    "changes": lambda backend: list(backend.changes()),
    "check": lambda backend: backend.check(),
    "named": lambda backend: backend.lookup([Named(DATASET, "a")]),
    "external": lambda backend: backend.lookup([External(Kind.ARTIFACT, "a")]),
    "live": lambda backend: backend.live([FIRST]),
    "existing edges": lambda backend: backend.existing_edges(
        [EdgeKey(FIRST, NodeKey(Kind.EXECUTION, 1), EdgeKind.INPUT)]
    ),
    "number_at": lambda backend: backend.number_at(0),
    "pin": lambda backend: backend.pin(),
    "replay": lambda backend: backend.replay([]),
    "write": locked,
    "read in a transaction": read_in_transaction,
}
"""Every verb but `close`."""


def public(cls: type) -> Iterator[tuple[str, object]]:
    for name, member in inspect.getmembers(cls):
        if not name.startswith("_") and callable(member):
            yield name, member


@pytest.mark.parametrize("name", [name for name, _ in public(Backend)])
def test_signature_is_the_contracts(name: str, backend: Backend) -> None:
    parameters = inspect.signature(getattr(type(backend), name)).parameters.values()
    expected = inspect.signature(getattr(Backend, name)).parameters.values()
    assert [(p.name, p.kind, p.default) for p in parameters] == [
        (p.name, p.kind, p.default) for p in expected
    ]


def test_backend_declares_the_contract(backend: Backend) -> None:
    assert isinstance(backend, Backend)
    assert backend.contract == CONTRACT_VERSION


def test_empty_store_answers_every_verb(backend: Backend) -> None:
    assert backend.now() == 0
    assert backend.find(Kind.ARTIFACT) == []
    assert backend.nodes([FIRST]) == {}
    assert backend.edges([FIRST]) == []
    assert backend.versions(FIRST) == []
    assert backend.log() == []
    assert list(backend.changes()) == []
    assert backend.check() == []
    assert backend.number_at(2**62) == 0
    assert backend.pin() == 0
    assert backend.replay([]) == 0
    assert backend.nodes([], as_of=0) == {}
    assert backend.edges([]) == []
    assert backend.lookup([]) == {}


@pytest.mark.parametrize("verb", HISTORICAL)
@pytest.mark.parametrize("as_of", [3, 2**63, 2**80])
def test_moment_beyond_the_last_is_not_found(verb: str, as_of: int, backend: Backend) -> None:
    chain(backend, 3)
    with writing(backend) as new:
        new.update(FIRST, name="a")
    assert HISTORICAL[verb](backend, 2) == HISTORICAL[verb](backend, None)
    with pytest.raises(NotFound):
        HISTORICAL[verb](backend, as_of)


@pytest.mark.parametrize("verb", HISTORICAL)
@pytest.mark.parametrize("as_of", [-1, True, 1.0, "1"])
def test_moment_that_is_no_number_is_invalid(verb: str, as_of: object, backend: Backend) -> None:
    chain(backend, 3)
    with pytest.raises(Invalid):
        HISTORICAL[verb](backend, as_of)


@pytest.mark.parametrize("verb", HISTORICAL)
def test_transaction_itself_is_no_moment_yet(verb: str, backend: Backend) -> None:
    chain(backend, 3)
    with writing(backend) as new:
        new.update(FIRST, name="a")
        HISTORICAL[verb](backend, 1)
        with pytest.raises(NotFound):
            HISTORICAL[verb](backend, 2)


@pytest.mark.parametrize("verb", VERBS)
def test_closed_store_refuses_every_verb(verb: str, backend: Backend) -> None:
    chain(backend, 3)
    VERBS[verb](backend)
    backend.close()
    with pytest.raises(Invalid):
        VERBS[verb](backend)


def test_closing_again_does_nothing(backend: Backend) -> None:
    chain(backend, 3)
    backend.close()
    backend.close()


def test_stream_of_a_closed_store_ends_in_invalid(backend: Backend) -> None:
    chain(backend, 3)
    changes = backend.changes()
    backend.close()
    with pytest.raises(Invalid):
        list(changes)


def test_readonly_store_refuses_writes_alone(backend: Backend, target: Backend) -> None:
    eventful(target)
    chain(backend, 3)
    before = everything(backend)
    backend.readonly = True
    with pytest.raises(Invalid, match="read-only"), backend.transaction() as own:
        own.lock()
    with pytest.raises(Invalid, match="read-only"):
        backend.replay(target.changes())
    assert everything(backend) == before


def test_answers_outlive_later_writes_and_the_store(backend: Backend) -> None:
    keys = chain(backend, 3)
    nodes, edges = backend.nodes(keys), backend.edges(keys)
    found, types = backend.find(Kind.ARTIFACT), backend.types()
    copies = dict(nodes), list(edges), list(found), list(types)
    with writing(backend) as new:
        new.type(Kind.CONTEXT, "Experiment")
        new.update(keys[0], name="a")
        new.end(edges[0].key)
        new.delete(keys[2])
    backend.close()
    assert (nodes, edges, found, list(types)) == copies


def test_find_refuses_no_order_it_offers(backend: Backend) -> None:
    chain(backend, 3)
    for field in (Field.ID, Field.CREATED, Field.UPDATED):
        for descending in (False, True):
            assert len(backend.find(Kind.ARTIFACT, order=Order(field, descending))) == 2
