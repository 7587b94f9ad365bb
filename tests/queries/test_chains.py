"""Sequences that share what they are read off."""

import copy
import pickle

import pytest

from lineage.queries.chains import Trail


def trails(count: int) -> list[Trail]:
    found = [Trail("0")]
    for step in range(1, count):
        found.append(found[-1].then(str(step)))
    return found


def test_a_trail_is_the_tuple_of_its_steps() -> None:
    *_, trail = trails(5)
    steps = ("0", "1", "2", "3", "4")
    assert trail == steps
    assert steps == trail
    assert (hash(trail), repr(trail), len(trail)) == (hash(steps), repr(steps), 5)
    assert (trail[0], trail[-1], trail[1:3]) == ("0", "4", ("1", "2"))
    assert list(reversed(trail)) == [*reversed(steps)]
    assert "3" in trail
    assert trail != [*steps]
    with pytest.raises(IndexError):
        trail[5]


def test_trails_that_part_do_not_meet_again() -> None:
    begin = Trail("a").then("b")
    one, other = begin.then("c"), begin.then("d")
    assert (one, other, one.then("e")) == (("a", "b", "c"), ("a", "b", "d"), ("a", "b", "c", "e"))  # type: ignore[comparison-overlap]
    assert begin == ("a", "b")


def test_all_trails_of_a_chain_together_are_small() -> None:
    found = trails(10_000)
    assert len(found[-1]) == 10_000
    # Tuples would hold fifty million steps.
    stored = pickle.dumps(found)
    assert len(stored) < 1_000_000
    assert pickle.loads(stored)[-1] == found[-1]
    assert copy.deepcopy(found)[-1] == found[-1]
