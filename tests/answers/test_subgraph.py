"""What an answer keeps of its walk: several starts, and all that it says once more is said."""

from __future__ import annotations

import logging
import re

import pytest

import lineage
from lineage.answers.subgraph import Copy
from lineage.contract.backend import Backend
from lineage.model.entities import ExecutionState
from lineage.model.rows import STATE_NUMBERS
from lineage.queries.provenance import downstream, upstream
from lineage.store import Store
from lineage.testing.builders import writing

SHA = "sha256:" + "0a" * 32


def test_no_start_is_a_match(backend: Backend) -> None:
    with writing(backend) as new:
        one, two, run, model = new.artifact(), new.artifact(), new.execution(), new.artifact()
        new.path(one, run, model)
        new.path(two, run)
    answer = downstream(backend, [one, two])
    assert answer.keys == [one, two, run, model]
    assert [node.key for node in answer.matches] == [run, model]


def test_an_answer_that_was_cut_does_not_know_who_else_wrote(backend: Backend) -> None:
    failed = STATE_NUMBERS[ExecutionState.FAILED]
    with writing(backend) as new:
        died, ran, model = new.execution(state=failed), new.execution(), new.artifact()
        new.path(died, model)
    alone = "artifact:1 was written by execution:1 alone, which FAILED"
    assert upstream(backend, [model]).notes == (alone,)
    with writing(backend) as new:
        new.path(ran, model)
    assert upstream(backend, [model]).notes == ()
    (note,) = upstream(backend, [model], limits=lineage.Limits(nodes=2)).notes
    assert note == (
        "artifact:1 was written by execution:1, which FAILED, and by no other run of this answer"
    )


def test_an_answer_that_says_more_says_all_that_it_said(store: Store) -> None:
    failed = lineage.Process(state="FAILED")
    store.record(failed, outputs=[lineage.Dataset(uri="s3://a", digest=SHA)])
    copy = store.put(lineage.Dataset(uri="s3://b", digest=SHA))
    model = store.record(lineage.Train(), inputs=[copy], outputs=[lineage.Model()]).outputs[0]
    answer = upstream(store.backend, [model.key], type=lineage.Dataset, through_copies=True)
    assert [str(node.key) for node in answer.matches] == ["artifact:2", "artifact:1"]
    assert answer.copies == (Copy(original=answer.matches[1].key, copy=copy.key),)
    assert any("FAILED" in note for note in answer.notes)
    more = answer.saying(["one"]).saying(["two", "three"])
    assert set(more.notes) == {"one", "two", "three", *answer.notes}
    assert (more.matches, more.copies, more.number) == (
        answer.matches,
        answer.copies,
        answer.number,
    )
    assert answer.saying([]) is answer


def test_what_a_format_cannot_hold_is_logged(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    node = store.put(lineage.Model(name="a\x00b"))
    with caplog.at_level(logging.WARNING, logger="lineage"):
        store.upstream(node).export("graphml")
    assert re.search("graphml: .*XML", caplog.text)
