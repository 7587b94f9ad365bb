"""How far times are allowed, and what the way out of a jump is."""

import time
from pathlib import Path
from typing import Any

import pytest

import lineage
from lineage import Dataset, Invalid
from lineage.contract.clock import FAR_FUTURE

TWO_YEARS = 2 * 365 * 86_400_000_000


LATEST = 253_402_300_799_999_999  # the last microsecond of the year 9999


@pytest.mark.parametrize(
    "said",
    [2**62, 2**63, -(2**63), LATEST + 1, -62_135_596_800_000_001, "x", None, 1.5, True],
)
def test_what_is_no_time_is_refused(said: Any) -> None:
    with lineage.connect("memory:", clock=lambda: said) as store:
        with pytest.raises(Invalid, match="microseconds since 1970, an int within the years"):
            store.put(Dataset(uri="refused"))
        assert store.log() == []


def far() -> int:
    return time.time_ns() // 1000 + TWO_YEARS


@pytest.mark.parametrize("url", ["memory:", "sqlite:a.db"])
def test_far_times_are_written_where_it_is_said(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(FAR_FUTURE, raising=False)
    with lineage.connect(url, clock=far) as store, pytest.raises(Invalid, match="far_future=True"):
        store.put(Dataset(uri="refused"))
    for said in ("", "0", "yes"):
        monkeypatch.setenv(FAR_FUTURE, said)
        with lineage.connect(url, clock=far) as store, pytest.raises(Invalid, match=FAR_FUTURE):
            store.put(Dataset(uri="refused"))
    with lineage.connect(url, clock=far, far_future=True) as store:
        store.put(Dataset(uri="told"))
    monkeypatch.setenv(FAR_FUTURE, "1")
    with lineage.connect(url, clock=far) as store:
        store.put(Dataset(uri="told"))


def test_what_came_before_a_jump_goes_on_in_a_copy(tmp_path: Path) -> None:
    with lineage.connect(tmp_path / "a.db") as store:
        store.put(Dataset(uri="before"))
    with lineage.connect(tmp_path / "a.db", clock=far, far_future=True) as store:
        store.put(Dataset(uri="jumped"))
    with lineage.connect(tmp_path / "a.db") as store:
        with pytest.raises(Invalid, match=r"--as-of NUMBER"):
            store.put(Dataset(uri="refused"))
        with lineage.connect(tmp_path / "copy.db") as copy:
            store.at(1).copy_to(copy)
            copy.put(Dataset(uri="after"))
            assert [each.uri for each in copy.find(Dataset)] == ["before", "after"]
            assert copy.check() == []
