"""Bad arguments: each is named in an error of ours, and does no harm."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Any

import pytest

import lineage
from lineage.contract.walking import Limits
from lineage.errors import Invalid, NotFound
from lineage.model.entities import Artifact, Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.values import ProtoAny
from lineage.store import Store
from lineage.testing.builders import everything
from tests.runs import Dataset, Model, Train, two_runs


@pytest.fixture(scope="module")
def churn(shared: Store) -> Store:
    return two_runs(shared)


BAD: list[Any] = [
    5,
    2**70,
    -1,
    1.5,
    True,
    None,
    b"x",
    [],
    {},
    object(),
    int,
    Node,
    "",
    "a\0b",
    "\ud800",
    "artifact:0",
    "artifact:" + "9" * 5000,
    Artifact(type="T"),
    (Kind.ARTIFACT, 1),
    NodeKey(Kind.ARTIFACT, 2**70),
    NodeKey(Kind.ARTIFACT, True),
    NodeKey("node", 1),
    date(2026, 3, 1),
    ProtoAny("u", b""),
]

CALLS: dict[str, Callable[[Store, Any], object]] = {
    "get": lambda it, bad: it.get(bad),
    "get of a class": lambda it, bad: it.get(Model, bad),
    "key_of": lambda it, bad: it.key_of(bad),
    "find": lambda it, bad: it.find(bad),
    "find where": lambda it, bad: it.find(Model, bad),
    "find order": lambda it, bad: it.find(Model, order_by=bad),
    "find limit": lambda it, bad: it.find(Model, limit=bad),
    "find page": lambda it, bad: it.find(Model, page=bad),
    "search": lambda it, bad: it.search(bad),
    "search kind": lambda it, bad: it.search("a", kind=bad),
    "search limit": lambda it, bad: it.search("a", limit=bad),
    "upstream": lambda it, bad: it.upstream(bad),
    "downstream": lambda it, bad: it.downstream("artifact:1", bad),
    "upstream type": lambda it, bad: it.upstream("artifact:1", type=bad),
    "upstream limits": lambda it, bad: it.upstream("artifact:1", limits=bad),
    "upstream hops": lambda it, bad: it.upstream("artifact:1", limits=Limits(hops=bad)),
    "types": lambda it, bad: it.types(bad),
    "at": lambda it, bad: it.at(bad),
    "log of": lambda it, bad: it.log(bad),
    "log limit": lambda it, bad: it.log(limit=bad),
    "log before": lambda it, bad: it.log(before=bad),
    "changes": lambda it, bad: it.changes(bad),
    "put": lambda it, bad: it.put(bad),
    "put of several": lambda it, bad: it.put([Dataset(), bad]),
    "record": lambda it, bad: it.record(bad),
    "record inputs": lambda it, bad: it.record(Train(), inputs=bad),
    "record output": lambda it, bad: it.record(Train(), outputs=[bad]),
    "record named input": lambda it, bad: it.record(Train(), inputs={"in": bad}),
    "record within": lambda it, bad: it.record(Train(), within=bad),
    "reuse": lambda it, bad: it.reuse(bad),
    "reuse params": lambda it, bad: it.reuse(Train(), params=bad),
    "reuse inputs": lambda it, bad: it.reuse(Train(), inputs=bad),
    "reuse named input": lambda it, bad: it.reuse(Train(), inputs={"in": bad}),
    "reuse code": lambda it, bad: it.reuse(Train(), code=bad),
    "reuse within": lambda it, bad: it.reuse(Train(), within=bad, record=True),
    "reuse message": lambda it, bad: it.reuse(Train(), message=bad, record=True),
    "update": lambda it, bad: it.update(bad),
    "update fields": lambda it, bad: it.update(it.get(Model, 2).replace(uri="u"), fields=bad),
    "end": lambda it, bad: it.end(bad, state="FAILED"),
    "delete": lambda it, bad: it.delete(bad),
    "purge": lambda it, bad: it.purge(bad, reason="x"),
    "copy_to": lambda it, bad: it.copy_to(bad),
    "purge reason": lambda it, bad: it.purge("artifact:1", reason=bad),
    "actor": lambda it, bad: Store(it.backend, actor=bad),
}


@pytest.mark.parametrize("call", CALLS)
def test_bad_argument_is_an_error_of_ours_or_does_no_harm(call: str, churn: Store) -> None:
    before = everything(churn.backend)

    def attempt(bad: Any) -> None:
        with churn.transaction():
            CALLS[call](churn, bad)
            raise Undone

    for bad in BAD:
        with pytest.raises((Invalid, NotFound, Undone)):
            attempt(bad)
    assert everything(churn.backend) == before


class Undone(Exception):
    """Raised where an argument was taken, so that nothing is written."""


REFUSED: list[tuple[Callable[[Store], object], str]] = [
    (lambda it: it.get(5), "5 names no node; give a node, its key"),
    (lambda it: it.get(Model, None), r"get\(Model, …\) needs an id, a name or a key"),
    (lambda it: it.get(Model, True), "True names no node"),
    (lambda it: it.get(int, 5), "<class 'int'> is not Artifact, Execution, Context"),
    (lambda it: it.find(Node), "Node'> is not Artifact"),
    (lambda it: it.find(5), "^5 is not Artifact"),
    (lambda it: it.find("artifact", kind="model"), "'model' is not"),
    (lambda it: it.find("a\ud800"), "lone surrogate"),
    (lambda it: it.find(Model, 5), "5 is not a filter; give text"),
    (lambda it: it.find(Model, "accuracy >"), "accuracy"),
    (lambda it: it.find(Model, ""), "filter"),
    (lambda it: it.find(Model, order_by="name"), "'name' is not an order; there are id, create"),
    (lambda it: it.find(Model, limit=0), "limit=0: give a whole number, 1 or more"),
    (lambda it: it.find(Model, limit=True), "limit=True: give a whole number"),
    (lambda it: it.search(""), "^'': give the beginning of a name or a URI"),
    (lambda it: it.search("a\ud800"), "holds a lone surrogate"),
    (lambda it: it.search("a", kind="model"), "^'model' is not"),
    (lambda it: it.search("a", limit=-1), "limit=-1: give a whole number, 1 or more"),
    (lambda it: it.find(Model, page="novel"), "'novel' is not a page token; use the `next`"),
    (lambda it: it.log(limit=0), "^limit=0: give a whole number"),
    (lambda it: it.log(before=1.5), "before=1.5: give a whole number"),
    (lambda it: it.changes(-1), "-1 is not a transaction's number"),
    (lambda it: it.at(-1), "^-1 is not a transaction's number"),
    (lambda it: it.at("yesterday"), "'yesterday' is not a time; write it like"),
    (lambda it: it.at("yesterday!"), "'yesterday!' is not a time"),
    (lambda it: it.at(datetime(2026, 3, 1)), r"datetime\(2026, 3, 1, 0, 0\) has no time zone"),  # noqa: DTZ001
    (lambda it: it.upstream("artifact:1", limits=5), "5: give Limits"),
    (lambda it: it.upstream("artifact:1", limits=Limits(hops=-1)), "hops=-1: give 0 or more"),
    (lambda it: it.upstream("artifact:1", limits=Limits(nodes=0)), "nodes=0: give 1 or more"),
    (
        lambda it: it.upstream("artifact:1", limits=Limits(seconds=float("nan"))),
        "seconds=nan: give 0",
    ),
    (lambda it: it.upstream("artifact:1", type=5), "5 is not Artifact"),
]


@pytest.mark.parametrize(("call", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_bad_argument_is_named(churn: Store, call: Callable[[Store], object], says: str) -> None:
    with pytest.raises(Invalid, match=says):
        call(churn)


class Told(lineage.Model):
    text: str
    flag: bool
    count: int
    several: list[int]


class Wordless:
    """What has no text of its own."""

    def __repr__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "value", [10**5000, -(10**5000), [10**5000], {"a": 10**5000}, Wordless()], ids=range(5)
)
def test_value_without_a_text_is_named_all_the_same(value: Any) -> None:
    """Python gives an int of thousands of digits none, and a `repr` may raise."""
    store = lineage.connect("memory:")
    data = store.put(lineage.Dataset(uri="a"))
    with store.run(lineage.Train()) as run:
        acts: list[Callable[[], object]] = [
            partial(Told, text=value),
            partial(Told, flag=value),
            partial(Told, count=value),
            partial(Told, several=[value]),
            lambda: store.put(lineage.Model(name=value)),
            lambda: store.get(value),
            lambda: store.get(lineage.Model, value),
            lambda: store.find(value),
            lambda: store.find(lineage.Model, limit=value),
            lambda: store.at(value),
            lambda: store.log(before=value),
            lambda: store.upstream(data, limits=Limits(nodes=value)),
            lambda: store.purge(data, reason=value),
            lambda: store.prove(data, earlier=value),
            lambda: run.input(data, path=value),
            lambda: run.input(data, use=value),
            lambda: run.log_metrics(auc=value),
            lambda: run.log_metrics(auc=0.5, step=value),
            lambda: store.tag(data, value),
        ]
        for number, act in enumerate(acts):
            refused = None
            try:
                act()
            except lineage.LineageError as error:
                refused = error
            assert refused is not None, f"the call {number} was not refused"
