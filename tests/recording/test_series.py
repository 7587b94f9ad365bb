"""Series: every point in its order, newest values beside them, and what becomes of them on every backend."""

import math
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import lineage
from lineage.errors import Corrupt, Invalid, NotFound
from lineage.model.marks import note_of, tags_of
from lineage.model.points import LATEST, Points
from lineage.store import Store


class Fit(lineage.Train):
    pass


class Data(lineage.Dataset):
    pass


def versions_of_series(store: Store) -> int:
    [series] = store.find(lineage.Series)
    return len(store.log(series))


def test_a_run_keeps_each_point_and_the_newest_values(store: Store) -> None:
    with store.run(Fit()) as run:
        for step in range(40):
            assert run.log_metrics(loss=1 / (step + 1), lr=3, step=step) is None
        curve = run.series("loss")
        assert len(curve) == 40
        assert (curve[0].step, curve[-1].value) == (0, 1 / 40)
        model = run.output(lineage.Model(uri="m"))
        assert run.log_metrics({"auc": 0.9}).custom_properties["auc"] == 0.9
    assert store.series(run.key, "loss") == store.series(model, "loss") == curve
    assert [point.step for point in curve[1:4]] == [1, 2, 3]
    assert store.series("m", "lr").values == [3.0] * 40
    assert {each.name: each.value for each in store.show(model).metrics} == {
        "auc": 0.9,
        "loss": 1 / 40,
        "lr": 3,
    }
    [lr, loss] = sorted(store.show(run.key).series, key=lambda each: each.lowest or 0)[::-1]
    assert (loss.points, loss.first_step, loss.last_step, loss.highest) == (40, 0, 39, 1.0)
    assert (loss.sparkline[0], set(lr.sparkline)) == ("█", {"▁"})
    assert store.check() == []


def test_points_stay_in_the_order_in_which_they_were_logged(embedded: Store) -> None:
    logged = [(5, 1.0), (5, 2.0), (0, math.nan), (2**62, math.inf), (3, -math.inf), (3, -0.0)]
    with embedded.run(Fit()) as run:
        for step, value in logged:
            run.log_metrics({"a b\n": value}, step=step)
    curve = embedded.series(run.key, "a b\n")
    assert repr(list(zip(curve.steps, curve.values, strict=True))) == repr(logged)
    [told] = embedded.show(run.key).series
    assert (told.lowest, told.highest, told.last) == (-0.0, 2.0, -0.0)
    assert "·" in told.sparkline


def test_series_of_several_models_and_data_are_kept_apart(embedded: Store) -> None:
    train, valid = embedded.put([Data(uri="t"), Data(uri="v")])
    with embedded.run(Fit()) as run:
        for step in range(3):
            run.log_metrics(loss=step, on=train, step=step)
            run.log_metrics(loss=10 + step, on=valid.key, step=step)
        assert run.series("loss", on=valid).values == [10, 11, 12]
        with pytest.raises(Invalid, match=r"of and on several .*; say which by of= or on="):
            run.series("loss")
    assert embedded.series(run.key, "loss", on="t").values == [0, 1, 2]
    assert {(each.value, each.on.uri) for each in embedded.show(run.key).metrics if each.on} == {
        (2, "t"),
        (12, "v"),
    }
    with pytest.raises(NotFound, match="of and on what is given"):
        embedded.series(run.key, "loss", of=embedded.put(lineage.Model()))


def test_a_later_value_without_a_step_is_the_newest(embedded: Store) -> None:
    with embedded.run(Fit()) as run:
        run.log_metrics(loss=1.0, acc=0.5, step=0)
        run.log_metrics(loss=0.25)
    assert {each.name: each.value for each in embedded.show(run.key).metrics} == {
        "loss": 0.25,
        "acc": 0.5,
    }


def test_a_moment_has_the_series_as_it_was(store: Store) -> None:
    with store.run(Fit(external_id="job")) as run:
        run.log_metrics(loss=1.0, step=0)
        with store.extend("job") as worker:
            worker.log_metrics(loss=2.0, step=0)
            worker.log_metrics(loss=3.0, step=1)
        before = store.backend.now()
        with store.extend("job") as worker:
            worker.log_metrics(loss=4.0, step=2)
    assert sorted(store.series(run.key, "loss").values) == [1.0, 2.0, 3.0, 4.0]
    assert store.at(before).series(run.key, "loss").values[-2:] == [2.0, 3.0]
    assert 4.0 not in store.at(before).series(run.key, "loss").values
    with pytest.raises(NotFound, match="logged no 'loss' by steps"):
        store.at(1).series(run.key, "loss")


def test_without_a_file_it_is_stored_as_it_doubles(store: Store) -> None:
    with store.run(Fit()) as run:
        for step in range(1_000):
            run.log_metrics(loss=step, step=step)
        stored = versions_of_series(store) if not store.backend.files else 0
        assert stored <= 8
        assert len(run.series("loss")) == 1_000
    assert versions_of_series(store) == stored + 1
    assert store.series(run.key, "loss").steps == list(range(1_000))


def test_threads_log_side_by_side(embedded: Store) -> None:
    def work(number: int) -> None:
        for step in range(100):
            run.log_metrics({f"loss{number}": step}, step=step)

    with embedded.run(Fit()) as run:
        threads = [Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number in range(4):
        assert embedded.series(run.key, f"loss{number}").values == list(range(100))


def test_what_is_rolled_back_leaves_no_points(store: Store) -> None:
    def undone() -> None:
        with store.transaction():
            with store.run(Fit()) as run:
                runs.append(run)
                run.log_metrics(loss=1.0, step=0)
                assert len(run.series("loss")) == 1
            raise ZeroDivisionError

    runs: list[Any] = []
    with pytest.raises(ZeroDivisionError):
        undone()
    with pytest.raises(Invalid, match="was rolled back"):
        runs[0].series("loss")
    with store.run(Fit()) as run:
        run.log_metrics(acc=1.0, step=0)
    assert [each.name for each in store.show(run.key).series] == ["acc"]
    assert [
        file for file in store.backend.files if file.name.endswith("-spool") and file.exists()
    ] == []


def test_a_run_that_was_deleted_measures_nothing_more(embedded: Store) -> None:
    run = embedded.run(Fit()).__enter__()
    run.log_metrics(loss=1, step=0)
    run.log_metrics(acc=0.5)
    embedded.delete(run.key)
    number = embedded.log()[0].number
    with pytest.raises(NotFound, match="was deleted in transaction"):
        run.log_metrics(acc=0.7)
    assert embedded.log()[0].number == number


def test_a_transaction_around_a_run_has_its_points(embedded: Store) -> None:
    with embedded.transaction(), embedded.run(Fit()) as run:
        for step in range(20):
            run.log_metrics(loss=step, step=step)
    assert len(embedded.series(run.key, "loss")) == 20
    assert versions_of_series(embedded) == 1


def test_a_run_that_fails_keeps_its_points(embedded: Store) -> None:
    def fail() -> None:
        with embedded.run(Fit()) as run:
            runs.append(run.key)
            run.log_metrics(loss=1.0, step=0)
            raise ZeroDivisionError

    runs: list[lineage.NodeKey] = []
    with pytest.raises(ZeroDivisionError):
        fail()
    assert embedded.series(runs[0], "loss").values == [1.0]
    assert embedded.get(lineage.Execution, runs[0]).state == "FAILED"


def test_a_purge_reaches_them(embedded: Store) -> None:
    with embedded.run(Fit()) as run:
        run.log_metrics(loss=1.0, step=0)
    [series] = embedded.find(lineage.Series)
    embedded.purge(series, reason="law")
    with pytest.raises(NotFound, match="logged no 'loss'"):
        embedded.series(run.key, "loss")
    assert embedded.show(run.key).series == ()


REFUSED: list[tuple[str, Callable[[Any], object], str]] = [
    ("a negative step", lambda run: run.log_metrics(loss=1.0, step=-1), "a whole number from 0"),
    ("a truth", lambda run: run.log_metrics(loss=1.0, step=True), "a whole number from 0"),
    ("a float", lambda run: run.log_metrics(loss=1.0, step=1.0), "a whole number from 0"),
    ("a text", lambda run: run.log_metrics(loss=1.0, step="1"), "a whole number from 0"),
    ("a large one", lambda run: run.log_metrics(loss=1.0, step=2**63), "a whole number from 0"),
    ("no value", lambda run: run.log_metrics(step=1), "log_metrics needs a value"),
    ("a text as value", lambda run: run.log_metrics(loss="low", step=1), "not a number"),
    ("an own name", lambda run: run.log_metrics({"lineage.x": 1}, step=1), "the engine's own"),
    ("no model", lambda run: run.log_metrics(loss=1.0, of=[], step=1), "of="),
    ("what is not stored", lambda run: run.log_metrics(loss=1.0, on=Data(), step=1), "not stored"),
]


@pytest.mark.parametrize(
    ("log", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_is_no_point_is_refused(log: Callable[[Any], object], message: str) -> None:
    store = lineage.connect("memory:")
    with store.run(Fit()) as run:
        with pytest.raises(Invalid, match=message):
            log(run)
        with pytest.raises(NotFound, match="logged no 'loss' by steps"):
            run.series("loss")
    assert not store.find(lineage.Series)
    with pytest.raises(Invalid, match="has ended"):
        run.log_metrics(loss=1.0, step=1)


def test_what_nobody_wrote_has_no_series(embedded: Store) -> None:
    model = embedded.put(lineage.Model())
    with pytest.raises(NotFound, match="nothing says which run wrote"):
        embedded.series(model, "loss")


def test_they_go_with_a_store_wherever_it_goes(embedded: Store, tmp_path: Path) -> None:
    data = embedded.put(Data(uri="d"), tags=["golden"], note="n")
    with embedded.run(Fit(), details=True) as run:
        for step in range(3):
            run.log_metrics(loss=step, acc=math.nan, on=data, step=step)
        run.log_metrics(loss=7, step=0)
    for notation in ("node-link", "mlmd"):
        path = tmp_path / f"store.{notation}"
        losses = embedded.export_to(path, format=notation)
        assert any("lineage.tags" in each for each in losses) is (notation == "mlmd")
        with lineage.connect("memory:") as other:
            other.import_from(path, format=notation)
            for name in ("loss", "acc"):
                assert other.series(run.key, name, on="d") == embedded.series(run.key, name, on="d")
            assert note_of(other.get("d").custom_properties) == "n"
            assert "lineage.host" in other.get(run.key).custom_properties
            assert other.check() == []
    with lineage.connect("memory:") as other:
        embedded.copy_to(other)
        assert other.series(run.key, "loss", on="d") == embedded.series(run.key, "loss", on="d")
        assert tags_of(other.get("d").custom_properties) == ("golden",)


@pytest.mark.parametrize(("step", "time"), [(-1, 0), (0, -1), (0, LATEST + 1)])
def test_points_that_nobody_can_have_logged_are_none(step: int, time: int) -> None:
    points = Points()
    points.append(step, 1.0, time)
    with pytest.raises(Corrupt, match="holds no points of a series"):
        Points.unpacked(points.packed())


def test_a_series_that_is_damaged_is_said(embedded: Store) -> None:
    with embedded.run(Fit()) as run:
        run.output(lineage.Series(curves={"loss": {**Points().packed(), "steps": "?"}}))
    with pytest.raises(lineage.Corrupt, match="holds no points of a series"):
        embedded.series(run.key, "loss")
