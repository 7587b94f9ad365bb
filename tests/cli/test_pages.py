"""Pages that are cut: what is left out is said, and one line is never left out for another."""

import pytest

import lineage
from lineage.cli import pages
from lineage.queries.differences import Diff, Difference
from lineage.store import Store
from tests.runs import two_runs


@pytest.mark.parametrize(
    ("count", "shown", "last"),
    [(25, 25, "24"), (26, 26, "25"), (27, 26, "  … and 2 more; --json has all")],
)
def test_long_section_shows_its_first_lines(count: int, shown: int, last: str) -> None:
    lines = list(pages.part("Title", map(str, range(count))))
    assert lines[:2] == ["", "Title"]
    assert (len(lines) - 2, lines[-1]) == (shown, last)


@pytest.mark.parametrize(("turns", "said"), [(2, None), (3, "(3 more)")])
def test_reason_is_without_its_middle_only_where_that_is_shorter(
    store: Store, turns: int, said: str | None
) -> None:
    two_runs(store)
    made = store.get("artifact:2")
    for _ in range(turns):
        (made,) = store.record(
            lineage.Transform(), inputs=[made], outputs=[lineage.Dataset()]
        ).outputs
    page = "\n".join(pages.impact(store.impact("artifact:1")))
    assert f"→ {made.key} lineage.Dataset" in page
    assert ("more)" in page) is (said is not None)
    assert said is None or said in page


@pytest.mark.parametrize(
    ("starts", "begins"),
    [
        (("artifact:1",), "artifact:1 Dataset → (5 more)"),
        (("artifact:1", "execution:1"), "(5 more)"),
    ],
)
def test_long_reason_tells_its_start_only_where_there_is_one(
    store: Store, starts: tuple[str, ...], begins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_runs(store)
    made = store.get("artifact:2")
    for _ in range(3):
        (made,) = store.record(
            lineage.Transform(), inputs=[made], outputs=[lineage.Dataset()]
        ).outputs
    monkeypatch.setattr(pages, "LONGEST_PATH", 3)
    page = "\n".join(pages.impact(store.impact(*starts)))
    _, _, reason = page.partition(f"{made.key}  ")
    assert f"because {begins} → " in reason


def test_several_changes_and_many_deployments_are_counted(store: Store) -> None:
    two_runs(store)
    for _ in range(7):
        store.record(lineage.Deploy(), inputs=[store.get("artifact:2")])
    page = list(pages.impact(store.impact("artifact:1", "execution:1")))
    assert page[0] == "2 artifacts are affected if artifact:1, execution:1 change"
    assert sum("deployed by" in line for line in page) == 5
    assert "      and by 2 more" in page


@pytest.mark.parametrize(("steps", "first"), [(7, "s0"), (8, "s0"), (9, "(2 more)")])
def test_place_is_without_its_first_steps_only_where_that_is_shorter(
    steps: int, first: str
) -> None:
    node = lineage.Dataset(id=1)
    place = [f"s{number}" for number in range(steps)]
    found = Diff(node, node, (Difference(place, node, None, ()),), (), (None, None), 1, ())
    (line,) = [line for line in pages.difference(found) if line.startswith("@")]
    assert line.startswith(f"@ {first} < ")
    assert line.endswith(f" < {place[-1]}")


def test_no_way_within_the_limits_is_not_no_way(store: Store) -> None:
    two_runs(store)
    ends = ("artifact:1", "artifact:2")
    (said,) = pages.paths(store.paths(*ends, limits=lineage.Limits(hops=0)))
    assert said == "No flow of data between artifact:1 and artifact:2 was found."
