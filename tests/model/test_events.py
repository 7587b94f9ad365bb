"""Events: their path and their paths, and what these say that the artifact was for."""

import pickle
from datetime import UTC, datetime

import pytest

from lineage.errors import Invalid
from lineage.model.entities import Event
from lineage.model.purposes import Purpose

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDS = {"artifact": "artifact:1", "execution": "execution:2", "type": "INPUT"}


def test_event_of_one_path() -> None:
    event = Event(**ENDS, path=["train", 0])
    assert (event.path, event.paths, event.use) == (("train", 0), (("train", 0),), "train")
    assert event.purpose is Purpose.TRAINING
    assert event == Event(**ENDS, paths=[["train", 0]])
    assert "paths" not in repr(event)


def test_event_without_a_path() -> None:
    event = Event(**ENDS)
    assert (event.path, event.paths, event.use, event.purpose) == ((), (), None, None)
    assert event == Event(**ENDS, path=()) == Event(**ENDS, paths=[[]]) == Event(**ENDS, paths=())


def test_path_of_an_output_is_for_no_purpose() -> None:
    event = Event(artifact="artifact:1", execution="execution:2", type="OUTPUT", path=["test"])
    assert (event.use, event.purpose) == ("test", None)


def test_event_of_several_paths() -> None:
    event = Event(**ENDS, paths=[["eval"], [0], ["eval"], [], ["train"]])
    assert event.paths == (("eval",), (0,), ("train",))
    assert (event.path, event.use, event.purpose) == (("eval",), "eval", Purpose.TRAINING)
    assert event == Event(**ENDS, path=("eval",), paths=event.paths)
    assert event == Event.model_validate(event.model_dump()) == pickle.loads(pickle.dumps(event))
    assert "paths=" in repr(event)
    assert Event(**ENDS, paths=[[], ["a"]]).paths == ((), ("a",))
    assert Event(**ENDS, paths=[[0, "train"]]).use is None


def test_event_is_replaced_with_all_its_paths() -> None:
    event = Event(**ENDS, paths=[["eval"], ["train"]])
    assert event.replace(time=NOON).paths == event.paths
    assert event.replace(path=("a",)).paths == (("a",),)
    assert event.replace(paths=[["a"], ["b"]]).path == ("a",)
    assert Event(**ENDS, path=("a",)).replace(paths=()).path == ()
    with pytest.raises(Invalid, match="is not the first"):
        event.replace(path=("a",), paths=[["b"]])


@pytest.mark.parametrize("paths", [[["b"]], [["b"], ["a"]], []])
def test_path_is_the_first_of_the_paths(paths: list[list[str]]) -> None:
    with pytest.raises(Invalid, match=r"path: \('a',\) is not the first of the paths"):
        Event(**ENDS, path=("a",), paths=paths)


@pytest.mark.parametrize("paths", ["a", [0], [[1.5]], [["a"], 7], None, [[["a"]]]])
def test_paths_that_are_none(paths: object) -> None:
    with pytest.raises(Invalid, match="paths"):
        Event(**ENDS, paths=paths)
