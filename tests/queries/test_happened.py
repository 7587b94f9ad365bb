"""What had happened by a moment, beside what was known at one."""

from datetime import UTC, date, datetime

import pytest

import lineage
from lineage.errors import Invalid, NotFound
from lineage.model.entities import Event
from lineage.store import Store


class Table(lineage.Dataset):
    """Data."""


class Net(lineage.Model):
    """A model."""


@pytest.fixture
def history(store: Store) -> Store:
    """A history of March that was imported later: a data set, two models, and one released in April."""
    data = Table(name="lake")
    for day in (3, 20):
        store.record(
            lineage.Train(name=f"fit {day}"),
            inputs={"train": data},
            outputs=Net(name=f"m{day}"),
            started=f"2026-03-{day:02}T08:00:00Z",
            ended=datetime(2026, 3, day, 9, tzinfo=UTC),
        )
    store.record(
        lineage.Deploy(name="release"),
        inputs=store.get(Net, "m3").key,
        started="2026-04-01T00:00:00+02:00",
    )
    return store


def names(walk: lineage.Subgraph) -> set[str | None]:
    return {node.name for node in walk.nodes}


def test_events_have_the_times_that_are_given(history: Store) -> None:
    events = history.events("Net:m3")
    assert [(event.type, event.time) for event in events] == [
        ("INPUT", datetime(2026, 3, 31, 22, tzinfo=UTC)),
        ("OUTPUT", datetime(2026, 3, 3, 9, tzinfo=UTC)),
    ]


def test_walks_leave_out_what_happened_later(history: Store) -> None:
    ahead = history.downstream("Table:lake", happened_by="2026-03-03T09:00:00Z")
    assert names(ahead) == {"lake", "fit 3", "m3"}  # the bound is included
    assert names(history.downstream("Table:lake", happened_by="2026-03-03T08:59:59Z")) == {
        "lake",
        "fit 3",
    }
    assert names(history.downstream("Table:lake", happened_by="2026-03-31")) == {
        *("lake", "fit 3", "m3", "fit 20", "m20"),
        "release",  # in UTC it was on the last of March
    }
    assert names(history.upstream("Net:m20", happened_by=date(2026, 3, 19))) == {"m20"}


def test_so_do_questions(history: Store) -> None:
    impact = history.impact("Table:lake", happened_by="2026-03-19")
    assert [each.node.name for each in impact.affected] == ["m3"]
    assert (impact.deployments, history.impact("Table:lake").deployments != ()) == ((), True)
    assert history.peers("Net:m3", happened_by="2026-03-19").models == ()
    assert len(history.peers("Net:m3").models) == 1
    assert history.show("Net:m20", happened_by="2026-03-19").runs == ()
    rows = history.compare("Net:m3", "Net:m20", happened_by="2026-03-19").rows
    assert [row.values[1] for row in rows if row.section == "data"] == [None]
    assert history.paths("Table:lake", "Net:m20", happened_by="2026-03-19").shortest == ()
    assert history.paths("Table:lake", "Net:m20", happened_by="2026-03-20").shortest != ()
    difference = history.diff("Net:m3", "Net:m20", happened_by="2026-03-19")
    assert any(each.right is None for each in difference.differences)


def test_what_happened_and_what_was_known_go_together(history: Store) -> None:
    assert names(history.at(1).downstream("Table:lake", happened_by="2026-12-31")) == {
        *("lake", "fit 3", "m3")
    }
    assert names(history.at(1).downstream("Table:lake", happened_by="2026-03-02")) == {"lake"}


def test_an_event_without_a_time_happened_with_its_transaction(history: Store) -> None:
    late = history.put(lineage.Deploy(name="late"))
    history.put(Event(artifact=history.key_of("Net:m3"), execution=late.key, type="INPUT"))
    (event,) = history.events(late)
    assert event.time is not None
    bound = history.log(limit=1)[0].time
    assert "late" in names(history.downstream("Net:m3", happened_by=bound))


def test_times_of_a_runs_inputs_and_outputs(store: Store) -> None:
    with store.run(lineage.Train(), environment=False) as run:
        run.input(Table(name="d"), time="1969-07-20T20:17:40Z")
        run.output(Net(name="m"), time=datetime(2999, 1, 1, tzinfo=UTC))
    assert [event.time and event.time.year for event in store.events(run.key)] == [1969, 2999]
    assert names(store.upstream("Net:m", happened_by="2998-12-31")) == {"m"}
    assert store.check() == []


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ({"started": "2026-03-02T00:00:00Z", "ended": "2026-03-01T00:00:00Z"}, "is before started"),
        ({"started": "yesterday"}, "started: 'yesterday' is not a time"),
        ({"ended": datetime(2026, 3, 1)}, "ended: .* has no time zone"),  # noqa: DTZ001  # the case
        ({"ended": 5}, "ended: 5 is not a time"),
    ],
)
def test_times_that_are_none(store: Store, times: dict[str, object], says: str) -> None:
    with pytest.raises(Invalid, match=says):
        store.record(lineage.Train(), outputs=Net(name="m"), **times)
    with store.run(lineage.Train()) as run, pytest.raises(Invalid, match="time: 'noon' is not"):
        run.input(Table(name="d"), time="noon")
    assert store.find(lineage.Artifact).items == ()


@pytest.mark.parametrize("bound", ["soon", datetime(2026, 3, 1), 5])  # noqa: DTZ001  # the case
def test_bounds_that_are_no_moment(history: Store, bound: object) -> None:
    with pytest.raises(Invalid, match=r"is not a time|has no time zone"):
        history.upstream("Net:m3", happened_by=bound)


def test_a_day_means_its_end(store: Store) -> None:
    store.put(Table(name="d"))
    today = store.log()[0].time.date()
    assert store.at(today).as_of == store.at(today.isoformat()).as_of == 1
    assert store.at("2999-01-01").as_of == 1
    assert store.at(date.fromordinal(today.toordinal() - 1)).as_of == 0


def test_before_a_thing_existed_the_answer_says_when_it_came(history: Store) -> None:
    came = r"first came with transaction 2, at \d{4}-"
    with pytest.raises(
        NotFound, match=rf"there is no artifact:3 as of transaction 1; artifact:3 {came}"
    ):
        history.at(1).show("artifact:3")
    with pytest.raises(
        NotFound, match=rf"Net with the id 3 as of transaction 1; artifact:3 {came}"
    ):
        history.at(1).get(Net, 3)
    with pytest.raises(
        NotFound, match=rf"nothing is named 'Net:m20'.* as of transaction 1; .*{came}"
    ):
        history.at(1).show("Net:m20")
    with pytest.raises(NotFound, match=r"there is no artifact:9$"):
        history.at(1).show("artifact:9")


def test_one_time_alone_leaves_the_order_right(store: Store) -> None:
    early = store.record(
        lineage.Train(), inputs=Table(name="d"), outputs=Net(name="m"), ended="2026-03-01T00:00:00Z"
    )
    late = store.record(
        lineage.Train(),
        inputs=Table(name="e"),
        outputs=Net(name="n"),
        started="2999-01-01T00:00:00Z",
    )
    for each in (early, late):
        assert [source.late for source in store.show(each.outputs[0]).datasets] == [False]
    assert names(store.upstream("Net:m", happened_by="2026-03-01")) == {"m", None, "d"}


def test_a_uri_means_what_had_been_written_last_by_then(store: Store) -> None:
    for day in (3, 20):
        store.record(
            lineage.Transform(),
            inputs=Table(uri="s3://raw"),
            outputs=Table(uri="s3://lake", digest=str(day)),
            started=f"2026-03-{day:02}T08:00:00Z",
            ended=f"2026-03-{day:02}T09:00:00Z",
        )
    first, second = store.versions("s3://lake").artifacts
    assert store.show("s3://lake").node.key == second.key
    assert store.show("s3://lake", happened_by="2026-03-10").node.key == first.key
    walk = store.upstream("s3://lake", happened_by="2026-03-10")
    assert [walk.keys[0], len(walk)] == [first.key, 3]
    # What nobody wrote has no time of its own; and of what nothing had been written then, the newest is taken.
    raw = store.key_of("s3://raw")
    assert store.show("s3://raw", happened_by="2026-03-10").node.key == raw
    too_late = store.show("s3://lake", happened_by="2026-03-01")
    said = f"s3://lake had not been written by 2026-03-01 23:59:59+00:00; {second.key} is taken, which was written later"
    assert (too_late.node.key, too_late.notes[0]) == (second.key, said)
    assert not any("had not been written" in note for note in store.show("s3://lake").notes)
