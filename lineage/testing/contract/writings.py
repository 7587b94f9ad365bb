"""Who wrote artifacts and when: every event by which one was written, newest first."""

import pytest

from lineage.contract.backend import FIRST_WRITINGS, Backend
from lineage.contract.writings import AtUri, Writing
from lineage.model.entities import ArtifactState, ExecutionState
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import STATE_NUMBERS, Batch, EdgeKind
from lineage.testing.builders import DATASET, MODEL, Clock, elsewhere, writing

FAILED = STATE_NUMBERS[ExecutionState.FAILED]
RUNNING = STATE_NUMBERS[ExecutionState.RUNNING]
PENDING = STATE_NUMBERS[ArtifactState.PENDING]


def said(backend: Backend, of: AtUri | list[NodeKey], as_of: int | None = None) -> list[Writing]:
    """Return the writings, which do not depend on how a backend finds them."""
    writings = list(backend.writings(of, as_of=as_of))
    assert writings == list(Backend._writings(backend, of, backend.pin(as_of), None))
    return writings


def test_writings_come_newest_first_with_states(backend: Backend) -> None:
    with writing(backend) as new:
        old, late = new.execution(state=FAILED), new.execution()
        one, two = new.artifact(uri="u", state=PENDING), new.artifact(uri="u")
        new.edge(old, one, time=30)
        new.edge(late, one, EdgeKind.PENDING_OUTPUT, time=10)
        new.edge(late, two, time=20)
        new.edge(two, old, time=40)  # it was read, and not written
    number = backend.now()
    assert said(backend, AtUri("u")) == [
        Writing(30, number, one, old, EdgeKind.OUTPUT, FAILED, PENDING),
        Writing(20, number, two, late, EdgeKind.OUTPUT, None, None),
        Writing(10, number, one, late, EdgeKind.PENDING_OUTPUT, None, PENDING),
    ]
    assert [each.artifact for each in said(backend, [two])] == [two]
    assert said(backend, []) == []


def test_equal_times_go_by_transaction_then_id(backend: Backend) -> None:
    with writing(backend) as new:
        run = new.execution()
        one, two, three = (new.artifact(uri="u") for _ in range(3))
        new.edge(run, three, time=5)
    with writing(backend) as new:
        new.edge(run, two, time=5)
        new.edge(run, one, time=5)
    assert [each.artifact for each in said(backend, AtUri("u"))] == [two, one, three]


def test_equal_writings_of_an_artifact_go_by_execution_then_event(backend: Backend) -> None:
    kinds = [EdgeKind.DECLARED_OUTPUT, EdgeKind.PENDING_OUTPUT, EdgeKind.OUTPUT]
    with writing(backend) as new:
        one, two, data = new.execution(), new.execution(), new.artifact(uri="u")
        for run in (two, one):
            for kind in kinds:
                new.edge(run, data, kind, time=5)
    found = [(each.execution, each.event) for each in said(backend, AtUri("u"))]
    assert found == [(run, kind) for run in (two, one) for kind in sorted(kinds, reverse=True)]


def test_what_nobody_wrote_is_there_by_its_creation(backend: Backend, clock: Clock) -> None:
    with writing(backend) as new:
        first, second = new.artifact(uri="u"), new.artifact(uri="u", created=7)
        created = new.transaction.time
    with writing(backend) as new:
        new.update(first, name="changed")
    assert said(backend, AtUri("u")) == [
        Writing(created, 0, first, None, None, None, None),
        Writing(7, 0, second, None, None, None, None),
    ]


def test_event_without_a_time_counts_at_its_transaction(backend: Backend) -> None:
    with writing(backend) as new:
        run, data = new.execution(), new.artifact(uri="u")
        row = new.joined(run, data)._replace(time=None)
        new.write(edges=[row])
        time = new.transaction.time
        assert [each.time for each in said(backend, AtUri("u"))] == [time]
    assert [each.time for each in said(backend, AtUri("u"))] == [time]


def test_only_the_types_and_the_uri_asked_for(backend: Backend) -> None:
    with writing(backend) as new:
        data, model = new.artifact(uri="u"), new.artifact(MODEL, uri="u")
        new.artifact(uri="U")
        empty = new.artifact(uri="")
        new.artifact()
    asked = {
        AtUri("u"): [model, data],
        AtUri("u", frozenset({DATASET})): [data],
        AtUri("u", frozenset({DATASET, MODEL})): [model, data],
        AtUri("u", frozenset()): [],
        AtUri(""): [empty],
        AtUri("nowhere"): [],
    }
    for of, keys in asked.items():
        assert [each.artifact for each in said(backend, of)] == keys


def test_deleted_artifacts_are_found_by_key_alone(backend: Backend) -> None:
    with writing(backend) as new:
        run, data = new.execution(), new.artifact(uri="u")
        new.edge(run, data)
    with writing(backend) as new:
        new.delete(data, run)
    assert said(backend, AtUri("u")) == []
    assert [each.execution for each in said(backend, [data])] == [run]
    assert [each.execution for each in said(backend, AtUri("u"), as_of=1)] == [run]


def test_states_are_those_of_the_moment(backend: Backend) -> None:
    with writing(backend) as new:
        run, data = new.execution(state=RUNNING), new.artifact(uri="u", state=PENDING)
        new.edge(run, data)
    with writing(backend) as new:
        new.update(run, state=FAILED)
        new.update(data, state=None)
    with writing(backend) as new:
        new.delete(run)
    ((*_, state, artifact_state),) = said(backend, AtUri("u"), as_of=1)
    assert (state, artifact_state) == (RUNNING, PENDING)
    for moment in (2, 3, None):
        ((*_, state, artifact_state),) = said(backend, AtUri("u"), as_of=moment)
        assert (state, artifact_state) == (FAILED, None)


def test_uri_that_was_given_up_finds_the_past_alone(backend: Backend) -> None:
    with writing(backend) as new:
        data = new.artifact(uri="u")
    with writing(backend) as new:
        new.update(data, uri="v")
    assert said(backend, AtUri("u")) == []
    assert [each.artifact for each in said(backend, AtUri("u"), as_of=1)] == [data]
    assert said(backend, AtUri("v"), as_of=1) == []


def test_ended_event_no_longer_counts(backend: Backend) -> None:
    with writing(backend) as new:
        run, data = new.execution(), new.artifact(uri="u")
        edge = new.edge(run, data)
    with writing(backend) as new:
        new.end(edge)
    assert [each.execution for each in said(backend, AtUri("u"))] == [None]
    assert [each.execution for each in said(backend, AtUri("u"), as_of=1)] == [run]


def test_open_transaction_sees_its_own_writings(backend: Backend) -> None:
    with writing(backend) as new:
        data = new.artifact(uri="u")
    with writing(backend) as new:
        run = new.execution()
        new.edge(run, data)
        assert [each.execution for each in said(backend, AtUri("u"))] == [run]
        others = elsewhere(lambda: list(backend.writings(AtUri("u"))))
        assert [each.execution for each in others] == [None]


@pytest.mark.parametrize("count", [FIRST_WRITINGS - 1, FIRST_WRITINGS, FIRST_WRITINGS + 1, 200])
def test_there_may_be_any_number(backend: Backend, count: int) -> None:
    with writing(backend) as new:
        run = new.execution()
        rows = [new.row(Kind.ARTIFACT, uri="u") for _ in range(count)]
        edges = [new.joined(run, row.key, time=row.key.id) for row in rows]
        new.transaction.write(Batch(nodes=rows, edges=edges))
    writings = said(backend, AtUri("u"))
    assert [each.time for each in writings] == list(range(count, 0, -1))


def test_later_writings_are_of_the_moment_of_the_call(backend: Backend) -> None:
    with writing(backend) as new:
        rows = [new.row(Kind.ARTIFACT, uri="u") for _ in range(FIRST_WRITINGS + 5)]
        new.write(nodes=rows)
    writings = backend.writings(AtUri("u"))
    first = next(writings)
    with writing(backend) as new:
        new.delete(*(row.key for row in rows))
        new.artifact(uri="u")
    assert len([first, *writings]) == FIRST_WRITINGS + 5
