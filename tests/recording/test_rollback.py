"""What a run recorded within a transaction that was rolled back is gone, and meets nothing of others."""
# ruff: noqa: PT012 - how a block is left is what counts

from pathlib import Path

import pytest

import lineage
from lineage.errors import Invalid
from lineage.model.system import Metrics
from lineage.store import Store


def test_metrics_that_were_rolled_back_are_written_anew(store: Store) -> None:
    with store.run(lineage.Train()) as run:
        with pytest.raises(ZeroDivisionError), store.transaction():
            lost = run.log_metrics(a=1)
            raise ZeroDivisionError
        other = run.output(lineage.Model(uri="m"))
        assert other.key == lost.key
        kept = run.log_metrics(b=2)
    assert kept.key != other.key
    assert kept.custom_properties == {"b": 2}


@pytest.mark.parametrize("name", ["memory:", "a.db"])
def test_metrics_that_were_rolled_back_are_not_those_of_another_run(
    name: str, tmp_path: Path
) -> None:
    url = name if name == "memory:" else tmp_path / name
    with (
        lineage.connect(url, clock=lambda: 0) as store,  # so that times tell nothing apart
        store.run(lineage.Train(), environment=False) as one,
        store.run(lineage.Train(), environment=False) as two,
    ):
        with pytest.raises(ZeroDivisionError), store.transaction():
            lost = one.log_metrics(a=1)
            raise ZeroDivisionError
        others = two.log_metrics(b=2)
        assert others.key == lost.key
        assert one.log_metrics(c=3).custom_properties == {"c": 3}
        assert store.get(Metrics, others.key) == others


def test_a_run_that_was_rolled_back_writes_into_no_other_ones_key(store: Store) -> None:
    lost = store.run(lineage.Train(name="lost"), environment=False)
    with pytest.raises(ZeroDivisionError), store.transaction():
        lost.__enter__()
        lost.log_metrics(loss=1)
        _ = 1 / 0
    with store.run(lineage.Train(name="other"), environment=False) as other:
        assert other.key == lost.key
        for write in (
            lambda: lost.input(lineage.Artifact(type="lineage.Dataset", name="d")),
            lambda: lost.log_metrics(loss=2),
            lambda: lost.step(lineage.Train()).__enter__(),
            lambda: lost.__exit__(None, None, None),
        ):
            with pytest.raises(Invalid, match=r"not committed, or was rolled back"):
                write()
    assert store.events(other.key) == []
    assert store.get(lineage.Execution, other.key).state == "COMPLETE"
