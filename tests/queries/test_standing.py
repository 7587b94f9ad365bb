"""Whose write counts: runs that failed, were cached or have not ended, and which artifact is the newest."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

import lineage
from lineage.model.entities import Artifact, ArtifactState, Event, Execution, ExecutionState
from lineage.model.keys import NodeKey
from lineage.store import Store
from lineage.testing.builders import Clock

FAILING = (ExecutionState.FAILED, ExecutionState.CANCELED)
COUNTING = tuple(state for state in ExecutionState if state not in FAILING)
WITHDRAWN = (ArtifactState.DELETED, ArtifactState.MARKED_FOR_DELETION, ArtifactState.ABANDONED)


class Table(lineage.Dataset):
    pass


class Net(lineage.Model):
    pass


class Fit(lineage.Train):
    rate: float


def wrote(store: Store, state: ExecutionState | None, artifact: Artifact) -> NodeKey:
    """Record a run that ended in a state, and return what it wrote."""
    run = store.put(Execution(type="lineage.Process", state=state))
    stored = store.put(artifact)
    store.put(Event(artifact=stored.key, execution=run.key, type="OUTPUT"))
    return stored.key


def newest(store: Store, uri: str = "u") -> NodeKey:
    """Return the newest of a URI, about which the name, the versions and an input agree."""
    key = store.show(uri).node.key
    answer = store.versions(uri)
    assert answer.current.key == answer.artifacts[-1].key == key
    assert store.get(Table, uri).key == key
    with store.run(Fit(rate=0.0), environment=False) as run:
        assert run.input(Table(uri=uri)).key == key
    return key


@pytest.mark.parametrize("state", [*ExecutionState, None])
def test_newest_was_written_by_a_run_that_counts(store: Store, state: ExecutionState) -> None:
    first = wrote(store, ExecutionState.COMPLETE, Table(uri="u"))
    second = wrote(store, state, Table(uri="u"))
    assert newest(store) == (first if state in FAILING else second)


@pytest.mark.parametrize("state", FAILING)
def test_where_no_run_counts_the_newest_is_taken_and_said(
    store: Store, state: ExecutionState, caplog: pytest.LogCaptureFixture
) -> None:
    wrote(store, state, Table(uri="u"))
    second = wrote(store, state, Table(uri="u"))
    assert newest(store) == second
    (note,) = store.versions("u").notes
    ending = "FAILED" if state == "FAILED" else "was CANCELED"
    assert note == (
        f"{second} is taken for want of a better one: "
        f"{second} was written by execution:2, which {ending}"
    )
    caplog.clear()
    with caplog.at_level(logging.WARNING, "lineage"):
        with store.run(Fit(rate=0.0)) as run:
            run.input(Table(uri="u"))
            run.input(Table(uri="u"))
        assert run.notes == (note,)
        assert store.record(Fit(rate=0.0), inputs=Table(uri="u")).notes == (note,)
    assert [each.getMessage() for each in caplog.records] == [note, note]


def test_what_is_passed_over_is_said(store: Store) -> None:
    first = wrote(store, ExecutionState.COMPLETE, Table(uri="u"))
    for _ in range(5):
        wrote(store, ExecutionState.FAILED, Table(uri="u"))
    (note,) = store.versions("u").notes
    assert note.startswith(f"{first} is taken, though others are newer: artifact:6 was written by")
    assert note.endswith("artifact:4 was written by execution:4, which FAILED; and 2 more")
    assert [each.id for each in store.versions("u").artifacts] == [2, 3, 4, 5, 6, 1]


def test_nothing_is_said_where_all_is_well(store: Store) -> None:
    wrote(store, ExecutionState.FAILED, Table(uri="u"))
    wrote(store, ExecutionState.COMPLETE, Table(uri="u"))
    assert store.versions("u").notes == ()
    assert store.record(Fit(rate=0.0), inputs=Table(uri="u")).notes == ()


def test_one_that_failed_but_was_written_again_counts(store: Store) -> None:
    key = wrote(store, ExecutionState.FAILED, Table(uri="u"))
    again = store.put(Execution(type="lineage.Process", state="COMPLETE"))
    store.put(Event(artifact=key, execution=again.key, type="OUTPUT"))
    assert newest(store) == key
    assert store.versions("u").notes == ()


@pytest.mark.parametrize("state", WITHDRAWN)
def test_withdrawn_artifact_is_no_candidate(store: Store, state: ArtifactState) -> None:
    first = wrote(store, None, Table(uri="u"))
    second = wrote(store, None, Table(uri="u", state=state))
    assert newest(store) == first
    assert f"{second} is {state}" in store.versions("u").notes[0]


def test_pending_artifact_counts_and_is_said(store: Store) -> None:
    wrote(store, None, Table(uri="u"))
    second = wrote(store, None, Table(uri="u", state="PENDING"))
    assert newest(store) == second
    assert store.versions("u").notes == (f"{second} is pending: it may not be whole yet",)


@pytest.mark.parametrize("hours", [(2, 1), (1, 1), (1, 2)])
def test_artifact_that_was_pending_and_then_written_is_whole(
    store: Store, hours: tuple[int, int]
) -> None:
    """Though the event that said so may be the newest."""
    first = wrote(store, None, Table(uri="u"))
    run, data = store.put([Execution(type="lineage.Process"), Table(uri="u")])
    pending, whole = (
        Event(
            artifact=data.key,
            execution=run.key,
            type=kind,
            time=datetime(2026, 3, 2, hour, tzinfo=UTC),
        )
        for kind, hour in zip(("PENDING_OUTPUT", "OUTPUT"), hours, strict=True)
    )
    store.put(pending)
    note = f"{data.key} is pending: it may not be whole yet"
    assert store.versions("u").notes == (note,)
    assert store.record(Fit(rate=0.0), inputs=Table(uri="u")).notes == (note,)
    before = store.at(store.backend.now())
    store.put(whole)
    answer = store.versions("u")
    assert ([each.key for each in answer.artifacts], answer.notes) == ([first, data.key], ())
    assert store.record(Fit(rate=0.0), inputs=Table(uri="u")).notes == ()
    assert before.versions("u").notes == (note,)


def test_artifact_that_was_pending_and_written_at_once_is_whole(store: Store) -> None:
    run, data = store.put([Execution(type="lineage.Process"), Table(uri="u")])
    store.put(
        [
            Event(artifact=data.key, execution=run.key, type=kind)
            for kind in ("PENDING_OUTPUT", "OUTPUT")
        ]
    )
    answer = store.versions("u")
    assert ([each.key for each in answer.artifacts], answer.notes) == ([data.key], ())


def test_run_that_has_not_ended_counts_and_is_said(store: Store, clock: Clock) -> None:
    key = wrote(store, ExecutionState.RUNNING, Table(uri="u"))
    clock.micros += 3_720_000_000
    (note,) = store.versions("u").notes
    assert note.startswith(
        f"{key} was written by execution:1, which had been RUNNING for 1 h 2 min"
    )
    moment = store.at(store.backend.now())
    assert "1 h 2 min" in moment.versions("u").notes[0]
    store.update(store.get(Execution, 1).replace(state="FAILED"))
    assert "FAILED" in store.versions("u").notes[0]
    (then,) = moment.versions("u").notes
    assert then == f"{key} was written by execution:1, which had been RUNNING for 2 s"


def test_own_writing_is_nothing_to_say(store: Store) -> None:
    with store.run(Fit(rate=0.0)) as run:
        data = run.output(Table(uri="u"))
        assert run.input(Table(uri="u")).key == data.key
        assert run.notes == ()
        with run.step(Fit(rate=0.0)) as step:
            assert step.input(Table(uri="u")).key == data.key
            assert "RUNNING" in step.notes[0]


def test_writing_a_digest_again_makes_the_old_one_the_newest(store: Store) -> None:
    for digest in ("a", "b", "a"):
        store.record(Fit(rate=0.0), outputs=Table(uri="u", custom_properties={"digest": digest}))
    assert newest(store).id == 1
    assert [each.id for each in store.versions("u").artifacts] == [2, 1]
    assert store.at(2).show("u").node.id == 2


def test_roll_back_that_failed_changes_nothing(store: Store) -> None:
    states = (ExecutionState.COMPLETE, ExecutionState.COMPLETE, ExecutionState.FAILED)
    for digest, state in zip("aba", states, strict=True):
        store.record(
            Fit(rate=0.0, state=state), outputs=Table(uri="u", custom_properties={"digest": digest})
        )
    assert newest(store).id == 2


def test_time_of_the_event_decides_not_that_of_recording(store: Store) -> None:
    for day in (1, 3, 2):
        run = store.put(Execution(type="lineage.Process", state="COMPLETE"))
        data = store.put(Table(uri="u"))
        time = datetime(2026, 3, day, tzinfo=UTC)
        store.put(Event(artifact=data.key, execution=run.key, type="OUTPUT", time=time))
    assert newest(store).id == 2
    assert [each.id for each in store.versions("u").artifacts] == [1, 3, 2]


def test_equal_times_go_by_transaction_and_a_clock_may_go_back(store: Store, clock: Clock) -> None:
    time = datetime(2026, 3, 1, tzinfo=UTC)
    run = store.put(Execution(type="lineage.Process"))
    first, second = store.put([Table(uri="u"), Table(uri="u")])
    for artifact in (second, first):
        clock.micros -= int(timedelta(hours=1).total_seconds() * 1e6)
        store.put(Event(artifact=artifact.key, execution=run.key, type="OUTPUT", time=time))
    assert newest(store) == first.key


def test_asset_goes_by_the_same_rule(store: Store) -> None:
    for state in (ExecutionState.COMPLETE, ExecutionState.FAILED):
        with store.run(Fit(rate=0.0)) as run:
            run.output(Net(uri=f"s3://{state}"), asset="churn")
        store.update(run.execution.replace(state=state))
    answer = store.versions("artifact:2")
    assert [each.id for each in answer.artifacts] == [2, 1]
    assert answer.current.id == 1
    assert "artifact:2 was written by execution:2, which FAILED" in answer.notes[0]


def retried(store: Store, states: Iterable[str]) -> NodeKey:
    """Record a model that several runs wrote, each from data of its own; return its key."""
    for place, state in enumerate(states, start=1):
        execution = Fit(rate=place / 10, name=f"try {place}", state=state)
        model = Net(uri="m", custom_properties={"digest": "d"})
        scores = lineage.Metrics(custom_properties={"accuracy": place / 10})
        store.record(execution, inputs=Table(name=f"d{place}"), outputs=[model, scores])
    return store.key_of("m")


def test_failed_retry_does_not_answer(store: Store) -> None:
    answer = store.show(retried(store, ["COMPLETE", "FAILED"]))
    assert dict(answer.parameters) == {"rate": 0.1}
    assert [run.name for run in answer.runs] == ["try 1", "try 2"]
    assert [metric.value for metric in answer.metrics] == [0.1, 0.2]
    assert [(each.node.name, each.failed) for each in answer.datasets] == [
        ("d1", False),
        ("d2", True),
    ]
    assert any("execution:2 wrote artifact:2 too, but FAILED" in note for note in answer.notes)
    assert any("leads to the data artifact:4" in note for note in answer.notes)


def test_later_retry_that_succeeds_does_answer(store: Store) -> None:
    answer = store.show(retried(store, ["FAILED", "COMPLETE"]))
    assert dict(answer.parameters) == {"rate": 0.2}
    assert [run.name for run in answer.runs] == ["try 2", "try 1"]
    assert [each.node.name for each in answer.datasets] == ["d2", "d1"]


def test_failed_run_alone_answers_and_is_said(store: Store) -> None:
    answer = store.show(retried(store, ["FAILED", "CANCELED"]))
    assert dict(answer.parameters) == {"rate": 0.2}
    said = "artifact:2 was written by execution:2, execution:1 alone, which FAILED or was CANCELED"
    assert said in [
        note.replace("was CANCELED or FAILED", "FAILED or was CANCELED") for note in answer.notes
    ]


def test_cached_run_leaves_the_answer_to_the_one_that_worked(store: Store) -> None:
    answer = store.show(retried(store, ["COMPLETE", "CACHED", "FAILED"]))
    assert dict(answer.parameters) == {"rate": 0.1}
    assert [run.name for run in answer.runs] == ["try 2", "try 1", "try 3"]
    assert any("2 runs wrote artifact:2" in note for note in answer.notes)
    assert any("execution:2 read artifact:4" in note for note in answer.notes)


def test_cached_run_alone_answers_and_is_said(store: Store) -> None:
    answer = store.show(retried(store, ["CACHED", "FAILED"]))
    assert dict(answer.parameters) == {"rate": 0.1}
    assert any("was CACHED: the run that did the work is not recorded" in n for n in answer.notes)


def test_moment_before_the_failure_is_answered_as_it_was(store: Store) -> None:
    store.record(Fit(rate=0.1), outputs=Net(uri="m", custom_properties={"digest": "d"}))
    run = store.put(Fit(rate=0.9, state="RUNNING"))
    store.put(Event(artifact=store.key_of("m"), execution=run.key, type="OUTPUT"))
    before = store.backend.now()
    store.update(run.replace(state="FAILED"))
    assert dict(store.show("m").parameters) == {"rate": 0.1}
    then = store.at(before).show("m")
    assert dict(then.parameters) == {"rate": 0.9}
    assert any("which had been RUNNING for" in note for note in then.notes)


def test_impact_and_peers_put_what_failed_last(store: Store) -> None:
    data = store.put(Table(uri="raw"))
    for name, state in (("bad", "FAILED"), ("good", "COMPLETE")):
        store.record(Fit(rate=0.1, state=state), inputs=data.key, outputs=Net(name=name))
    store.record(Fit(rate=0.1), inputs=store.key_of("Net:bad"), outputs=Net(name="worse"))
    impact = store.impact(data)
    assert [(each.node.name, each.failed) for each in impact.affected] == [
        ("good", False),
        ("bad", True),
        ("worse", True),
    ]
    assert (
        "nothing but runs that failed leads to the artifacts artifact:2, artifact:4" in impact.notes
    )
    peers = store.peers(data)
    assert [(each.model.name, each.failed) for each in peers.models] == [
        ("good", False),
        ("bad", True),
        ("worse", True),
    ]
    assert "nothing but runs that failed leads to the models artifact:2, artifact:4" in peers.notes


def test_what_another_way_leads_to_did_not_fail(store: Store) -> None:
    data, model = store.put([Table(uri="raw"), Net(name="m")])
    for state in ("FAILED", "COMPLETE"):
        store.record(Fit(rate=0.1, state=state), inputs=data.key, outputs=model.key)
    assert [each.failed for each in store.impact(data).affected] == [False]
    assert not any("failed" in note for note in store.impact(data).notes)


def test_impact_of_a_failed_run_is_its_own(store: Store) -> None:
    run = store.record(Fit(rate=0.1, state="FAILED"), outputs=Net(name="m"))
    (affected,) = store.impact(run.execution).affected
    assert not affected.failed


def test_name_that_is_given_must_equal_the_stored_one(store: Store) -> None:
    def named(name: str | None) -> Table:
        return Table(name=name, uri="local:memory", custom_properties={"digest": "abc"})

    done = store.record(Fit(rate=0.1), inputs=[named("train"), named("test"), named(None)])
    first, second, third = done.inputs
    assert (first.name, second.name) == ("train", "test")
    assert third.key == second.key
    again = store.record(Fit(rate=0.1), inputs=[named("train"), named("test")])
    assert [each.key for each in again.inputs] == [first.key, second.key]


def test_name_beside_an_id_is_warned_of_and_not_stored(store: Store) -> None:
    data = store.put(Table(name="old", external_id="x"))
    for given in (Table(external_id="x", name="new"), data.replace(name="new")):
        done = store.record(Fit(rate=0.1), inputs=given)
        assert done.inputs[0].name == "old"
        assert done.notes == (
            "artifact:1 is named 'old', and the name 'new' that was given beside its id is not stored",
        )
    assert store.record(Fit(rate=0.1), inputs=data).notes == ()


def test_walks_go_through_failed_runs_and_say_so(store: Store) -> None:
    data = store.put(Table(uri="raw"))
    bad = store.record(Fit(rate=0.1, state="FAILED"), inputs=data.key, outputs=Net(name="bad"))
    model = store.record(Fit(rate=0.1), inputs=bad.outputs, outputs=Net(name="good")).outputs[0]
    said = "artifact:2 was written by execution:1 alone, which FAILED"
    assert store.upstream(model).notes == (said,)
    # Downstream, others may have written it whom the walk does not meet.
    (vaguer,) = store.downstream(data).notes
    assert vaguer == (
        "artifact:2 was written by execution:1, which FAILED, and by no other run of this answer"
    )
    assert len(store.upstream(model)) == 5
    again = store.put(Execution(type="lineage.Process", state="COMPLETE"))
    store.put(Event(artifact=bad.outputs[0].key, execution=again.key, type="OUTPUT"))
    assert store.upstream(model).notes == ()
    assert store.at(store.backend.now() - 1).upstream(model).notes == (said,)


def test_data_that_a_failed_run_alone_wrote_is_said(store: Store) -> None:
    bad = store.record(
        Fit(rate=0.1, state="FAILED"), inputs=Table(name="raw"), outputs=Table(name="half")
    )
    model = store.record(Fit(rate=0.2), inputs=bad.outputs, outputs=Net(name="m")).outputs[0]
    answer = store.show(model)
    assert [(each.node.name, each.failed) for each in answer.datasets] == [
        ("half", False),
        ("raw", True),
    ]
    assert "artifact:2 was written by execution:1 alone, which FAILED" in answer.notes
    store.record(Fit(rate=0.3), inputs=Table(name="raw"), outputs=bad.outputs[0].key)
    assert not any("FAILED" in note for note in store.show(model).notes)


def test_run_whose_state_was_purged_counts_and_is_said(store: Store) -> None:
    whole = wrote(store, ExecutionState.COMPLETE, Table(uri="u"))
    key = wrote(store, ExecutionState.FAILED, Table(uri="u"))
    failed, number = NodeKey.parse("execution:2"), store.backend.now()
    assert newest(store) == whole
    store.delete(failed)
    assert newest(store) == whole
    store.purge(failed, reason="law")
    assert newest(store) == key
    note = (
        f"{key} was written by {failed}, which was purged: it counts, though whether it failed is not "
        f"known any more"
    )
    # What was purged is blank at every moment.
    for moment in (store, store.at(number)):
        assert moment.versions("u").notes == (note,)
        assert note in moment.show(key).notes
        assert not any("was deleted" in each for each in moment.show(key).notes)
        assert f"{failed} was purged: its key" in moment.show(failed).notes[0]
    with store.run(Fit(rate=0.0), environment=False) as run:
        run.input(Table(uri="u"))
    assert run.notes == (note,)
    again = wrote(store, ExecutionState.COMPLETE, Table(uri="u"))
    assert newest(store) == again
    assert store.versions("u").notes == ()


def test_purged_run_on_the_way_is_said(store: Store) -> None:
    bad = store.record(
        Fit(rate=0.1, state="FAILED"), inputs=Table(name="raw"), outputs=Table(name="half")
    )
    model = store.record(Fit(rate=0.2), inputs=bad.outputs, outputs=Net(name="m")).outputs[0]
    note = "whether execution:1 failed is not known any more, for it was purged"

    def notes() -> list[tuple[str, ...]]:
        answers = store.show(model), store.impact("Table:raw"), store.peers("Table:raw")
        return [answer.notes for answer in answers]

    assert not any(note in each for each in notes())
    store.delete(bad.execution)
    assert not any(note in each for each in notes())
    store.purge(bad.execution, reason="law")
    assert all(note in each for each in notes())
    assert not any(each.failed for each in store.impact("Table:raw").affected)


def test_run_without_a_state_was_not_purged(store: Store) -> None:
    key = wrote(store, None, Table(uri="u"))
    assert store.versions("u").notes == ()
    assert not any("purged" in each for each in store.show(key).notes)


@pytest.mark.parametrize("state", ["PENDING", None])
def test_pending_model_is_said(store: Store, state: str | None) -> None:
    run = store.put(Execution(type="lineage.Train", state="COMPLETE"))
    model = store.put(Net(name="m", state=state))
    kind = "OUTPUT" if state else "PENDING_OUTPUT"
    store.put(Event(artifact=model.key, execution=run.key, type=kind))
    assert f"{model.key} is pending: it may not be whole yet" in store.show(model).notes
    if state is None:
        store.put(Event(artifact=model.key, execution=run.key, type="OUTPUT"))
        assert not any("pending" in note for note in store.show(model).notes)


def test_metrics_of_a_failed_run_are_marked_and_not_compared(store: Store) -> None:
    model = Net(uri="m", custom_properties={"digest": "d"})
    store.record(Fit(rate=0.1), outputs=model)
    scores = lineage.Metrics(custom_properties={"accuracy": 0.1})
    store.record(Fit(rate=0.2, state="FAILED"), outputs=[model, scores])
    answer = store.show("m")
    assert [(each.value, each.failed) for each in answer.metrics] == [(0.1, True)]
    assert "some metrics of artifact:1 are by execution:2, which FAILED" in answer.notes
    assert not [row for row in store.compare("m").rows if row.section == "metrics"]


def test_purpose_is_what_the_run_that_counts_says(store: Store) -> None:
    model = Net(uri="m", custom_properties={"digest": "d"})
    first = {"train": Table(name="a")}
    store.record(Fit(rate=0.1, state="FAILED"), inputs=first, outputs=model)
    second = {"train": Table(name="b"), "eval": Table(name="a")}
    store.record(Fit(rate=0.2), inputs=second, outputs=model)
    assert [(each.node.name, each.use) for each in store.show("m").datasets] == [
        ("b", "train"),
        ("a", "eval"),
    ]


def test_cached_runs_alone_are_said_once(store: Store) -> None:
    notes = store.show(retried(store, ["CACHED", "CACHED"])).notes
    assert any("2 runs wrote artifact:2" in note for note in notes)
    assert not any("only" in note or "did the work;" in note for note in notes)


def test_failed_artifact_of_another_type_makes_no_name_ambiguous(store: Store) -> None:
    data = wrote(store, ExecutionState.COMPLETE, Table(uri="u"))
    wrote(store, ExecutionState.FAILED, Net(uri="u"))
    assert store.key_of("u") == data
    wrote(store, ExecutionState.COMPLETE, Net(uri="u"))
    with pytest.raises(lineage.Invalid, match="may mean"):
        store.key_of("u")


def test_external_ids_and_contradictions_at_one_digest(store: Store) -> None:
    def table(name: str, uri: str) -> Table:
        return Table(external_id=name, uri=uri, custom_properties={"digest": "abc"})

    done = store.record(Fit(rate=0.1), inputs=[table("e1", "u"), table("e2", "u")])
    assert [each.external_id for each in done.inputs] == ["e1", "e2"]
    again = store.record(Fit(rate=0.1), inputs=table("e1", "elsewhere"))
    assert again.inputs == done.inputs[:1]
    assert again.notes == (
        "artifact:1 is taken by its name or external id, though its URI is another than was given",
    )


def test_answers_say_what_a_name_passed_over(store: Store) -> None:
    first = wrote(store, ExecutionState.COMPLETE, Table(uri="u"))
    second = wrote(store, ExecutionState.FAILED, Table(uri="u"))
    (remark,) = store.versions(first).notes
    assert remark.startswith(f"{first} is taken, though others are newer: {second}")
    for ask in (
        store.show,
        store.peers,
        store.impact,
        store.compare,
        store.upstream,
        store.downstream,
    ):
        assert remark in ask("u").notes
        assert remark not in ask(first).notes
    assert store.at(4).show("u").node.key == first
    assert store.at(4).show("u").notes == store.at(4).show(first).notes
