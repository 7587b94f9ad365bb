"""Page tokens, moments, and what the log and the feed say."""

import base64
import json
import pickle
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.answers.log import change_of, entries_of, entry_of, transaction_at
from lineage.contract.backend import Backend, Order
from lineage.errors import Invalid, NotFound
from lineage.filters.tree import Field
from lineage.model.entities import Artifact, Association, Attribution, Event
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow
from lineage.model.times import from_micros
from lineage.queries.find import Page, read_token, write_token
from lineage.store import Store
from lineage.testing.builders import all_keys, eventful, writing

numbers = st.integers(1, 2**60 - 1)
times = st.integers(-(2**63), 2**63 - 1)
orders = st.builds(Order, st.sampled_from([Field.ID, Field.CREATED, Field.UPDATED]), st.booleans())


def row(number: int, created: int = 0, updated: int = 0) -> NodeRow:
    key = NodeKey(Kind.ARTIFACT, number)
    return NodeRow(key, 1, None, None, None, None, "{}", "{}", created, updated, 1, b"")


@given(st.none() | numbers, numbers, times, times, orders)
def test_token_is_read_as_it_was_written(
    moment: int | None, number: int, created: int, updated: int, order: Order
) -> None:
    token = write_token(moment, order, row(number, created, updated))
    value = {Field.ID: number, Field.CREATED: created, Field.UPDATED: updated}[order.field]
    assert read_token(token, order) == (moment, (value, number))
    assert token.isascii()
    for other in (Order(order.field, not order.descending), Order(Field.NAME, order.descending)):
        with pytest.raises(Invalid, match="another order"):
            read_token(token, other)


def packed(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        "",
        "novel",
        "ä",
        "\ud800",
        None,
        5,
        b"\xff",
        packed(None),
        packed(1),
        packed([]),
        packed({}),
        packed("id"),
        packed([1, "id", False, 1]),
        packed([1, "id", False, 1, 1, 1]),
        packed([1, "id", False, 1, 2**63]),
        packed([1, "id", False, 1, None]),
        packed([1, "id", False, True, 1]),
        packed([1.0, "id", False, 1, 1]),
        packed(["1", "id", False, 1, 1]),
        packed([1, [], False, 1, 1]),
        packed([1, "id", False, float("nan"), 1]),
        base64.b64encode(b"[" * 100_000).decode(),
    ],
    ids=lambda token: f"{token!r:.40}",
)
def test_what_is_no_token(token: Any) -> None:
    with pytest.raises(Invalid, match=r"is not a page token|another order"):
        read_token(token, Order())


@given(st.text() | st.binary())
def test_no_text_makes_a_token_fail_otherwise(token: Any) -> None:
    with pytest.raises(Invalid):
        read_token(token, Order())


def test_page_compares_and_pickles() -> None:
    page = Page((Artifact(type="T", id=1), Artifact(type="T", id=2)), "next")
    assert pickle.loads(pickle.dumps(page)) == page
    assert page != Page(page.items)
    assert list(reversed(page)) == [page[1], page[0]]
    assert page[:1] == page.items[:1]
    assert page.index(page[1]) == 1
    assert not Page(())


# History


@pytest.fixture(scope="module")
def eventfully(shared: Store) -> Backend:
    eventful(shared.backend)
    return shared.backend


def test_entries_are_the_log_as_people_read_it(eventfully: Backend) -> None:
    entry, *_ = entries = [entry_of(head) for head in eventfully.log()]
    assert (entry.number, entry.message) == (8, "used twice more, and ended")
    assert entry.time.tzinfo is UTC
    assert [each.time for each in entries] == sorted((each.time for each in entries), reverse=True)
    assert [each.actor for each in entries] == ["bob", "ann", "", "dpo", "", "ann", "bob", "ann"]
    with pytest.raises(AttributeError):
        entry.actor = "eve"  # type: ignore[misc]


def test_entries_of_a_node_are_those_that_touched_it(eventfully: Backend) -> None:
    for key in all_keys(eventfully):
        touched = {
            change.entry.number
            for change in (change_of(eventfully, commit) for commit in eventfully.changes())
            if key in {*(node.key for node in (*change.created, *change.updated)), *change.deleted}
        }
        assert {each.number for each in entries_of(eventfully, key)} == touched
        assert [each.number for each in entries_of(eventfully, key)] == sorted(touched)[::-1]
        for past in range(9):
            known = sorted(number for number in touched if number <= past)
            if known:
                assert [each.number for each in entries_of(eventfully, key, as_of=past)] == (
                    known[::-1]
                )
            else:
                with pytest.raises(NotFound, match=f"there is no {key}"):
                    list(entries_of(eventfully, key, as_of=past))


def test_entries_of_a_node_tell_its_lives(backend: Backend) -> None:
    with writing(backend) as new:
        data = new.artifact(name="a", properties={"p": 1})
        forever = new.artifact()
    with writing(backend) as new:
        new.delete(data)
    with writing(backend) as new:
        new.update(data, name="b", properties={"p": 1, "q": 2})
    with writing(backend) as new:
        new.update(data, uri="u")
    with writing(backend) as new:
        new.delete(data, forever)
    with writing(backend) as new:
        new.update(data)
        new.delete(data)
    told = [(each.number, each.changed) for each in entries_of(backend, data)]
    assert told == [
        (6, ("lives again", "deleted")),
        (5, ("deleted",)),
        (4, ("uri",)),
        (3, ("lives again", "name", "properties.q")),
        (2, ("deleted",)),
        (1, ("created",)),
    ]
    for past in range(1, 7):
        then = [(each.number, each.changed) for each in entries_of(backend, data, as_of=past)]
        assert then == told[-past:]
    assert [each.number for each in entries_of(backend, data, before=3)] == [2, 1]
    lasting = entries_of(backend, forever)
    assert [(each.number, each.changed) for each in lasting] == [
        (5, ("deleted",)),
        (1, ("created",)),
    ]
    assert Store(backend).log(data, limit=2) == [*entries_of(backend, data)][:2]
    assert Store(backend).at(3).log(data)[0].changed == ("lives again", "name", "properties.q")


def test_entries_tell_what_was_made_and_deleted_at_once(backend: Backend) -> None:
    with writing(backend) as new:
        data = new.artifact()
        new.delete(data)
    assert [each.changed for each in entries_of(backend, data)] == [("created", "deleted")]


def test_changes_are_entities(eventfully: Backend) -> None:
    first, second, third, fourth, fifth, sixth, seventh, eighth = [
        change_of(eventfully, commit) for commit in eventfully.changes()
    ]
    assert [each.name for each in first.types] == ["Step", "Experiment"]
    assert [str(each.key) for each in first.created] == [
        "artifact:1",
        "artifact:2",
        "context:1",
        "execution:1",
    ]
    assert [each.name for each in first.created] == [None, None, "churn", None]
    assert (second.types[0].description, second.types[0].id) == ("a step", 10)
    assert [type(each) for each in second.ended] == [Attribution]
    assert second.edges[0].path == ("in", 0)  # type: ignore[union-attr]
    assert [str(each) for each in third.deleted] == ["artifact:1", "artifact:3"]
    assert [str(each) for each in third.purged] == ["artifact:3"]
    assert fourth.created[0].external_id == ""
    assert [str(each) for each in fifth.purged] == ["artifact:1", "artifact:2"]
    assert sixth.ended[0].time is None  # type: ignore[union-attr]
    assert Association(context="context:1", execution="execution:1") in sixth.edges
    assert pickle.loads(pickle.dumps(sixth)) == sixth
    declared, written = seventh.edge_updates
    assert isinstance(declared, Event)
    assert declared.paths == (("in", 0), ("X_train",))
    assert isinstance(written, Event)
    assert (written.path, written.time) == (("model",), from_micros(9))
    assert [type(each) for each in (*seventh.edges, *seventh.ended)] == [Event]
    assert [len(each.paths) for each in eighth.edge_updates if isinstance(each, Event)] == [4]
    assert (eighth.edges, len(eighth.ended), eighth.purged_heads) == ((), 1, (4,))


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (3, 3),
        (0, 0),
        ("2026-02-28", 0),
        (date(2026, 2, 28), 0),
        ("2026-03-01", 8),
        (date(2026, 3, 1), 8),
        ("2026-03-01T00:00:03Z", 3),
        ("2026-03-01T00:00:03.5+00:00", 3),
        ("2026-03-01T01:00:03+01:00", 3),
        (datetime(2026, 3, 1, 0, 0, 6, tzinfo=UTC), 6),
        (datetime(2026, 3, 1, 0, 0, 5, 999_999, tzinfo=UTC), 5),
        ("2026-03-02", 8),
        ("9999-12-31", 8),
        ("0001-01-01", 0),
    ],
    ids=repr,
)
def test_number_at_a_moment(eventfully: Backend, moment: Any, number: int) -> None:
    assert transaction_at(eventfully, moment) == number


@pytest.mark.parametrize(
    ("moment", "says"),
    [
        ("yesterday!", "'yesterday!' is not a time; write it like 2026-03-01T12:00:00Z"),
        ("2026-13-01", "'2026-13-01' is not a time"),
        ("2026-03-01T00:00:00", "has no time zone"),
        (datetime(2026, 3, 1), "has no time zone"),  # noqa: DTZ001
        (None, "None is not a time"),
        (1.5, "1.5 is not a time"),
    ],
)
def test_what_is_no_moment(eventfully: Backend, moment: Any, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        transaction_at(eventfully, moment)
