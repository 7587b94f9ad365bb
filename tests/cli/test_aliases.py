"""`lineage alias`: what it writes, lists and refuses."""

from pathlib import Path

import pytest

import lineage
from tests.cli.conftest import Shell


@pytest.fixture
def models(runs: Path) -> list[str]:
    """The keys of the models that the two runs wrote."""
    with lineage.connect(runs, readonly=True) as store:
        return [str(each.key) for each in store.find(lineage.Model)]


def test_aliases_are_given_listed_moved_and_taken_away(shell: Shell, models: list[str]) -> None:
    first, second = models[:2]
    assert shell("alias").out == "No aliases.\n"
    given = shell("alias", "churn", "production", first, "--message", "first", "--actor", "bob")
    assert (given.code, given.out) == (0, f"churn@production is {first}\n")
    assert shell("alias", "churn", "eu", first, "--deployed").code == 0
    (header, eu, production) = shell("alias").out.splitlines()
    assert header.split() == ["ALIAS", "NODE", "TYPE", "NAME", "STATE", "SINCE"]
    assert eu.startswith("churn@eu ")
    assert eu.endswith("deployed")
    assert production.split()[:2] == ["churn@production", first]
    assert shell("alias", "churn", "production", second).code == 0
    history = shell("alias", "churn", "production").out
    assert [line.split()[0] for line in history.splitlines()] == ["NODE", second, first]
    assert "bob" in history
    shell("purge", "--actor", "bob", "--by", "dpo", "--reason", "left us", "--yes")
    assert "(purged)" in shell("alias", "churn", "production").out.splitlines()[-1]
    shown = shell("show", "churn@production")
    assert shown.out.startswith(second)
    assert "  alias    churn@production\n" in shown.out
    assert shell("show", "churn@production", "--as-of", "3").out.startswith(first)
    taken = shell("alias", "churn", "production", "--remove")
    assert (taken.code, taken.out) == (0, "churn@production is taken away\n")
    assert shell("show", "churn@production").code == 3
    assert len(shell("alias", "churn").out.splitlines()) == 2
    assert "churn@production" in shell("alias", "--as-of", "4").out


def test_documents(shell: Shell, models: list[str]) -> None:
    given = shell("alias", "churn", "live", models[0], "--json").json
    assert given == shell("alias", "churn", "live", "--json").json
    assert (given["number"], given["aliases"][0]["node"]["id"]) == (3, models[0])
    assert given["history"][0]["ended"] is None
    assert shell("alias", "--json").json == {**given, "history": []}
    taken = shell("alias", "churn", "live", "--remove", "--json").json
    assert (taken["aliases"], taken["history"][0]["ended"]) == ([], 4)


def test_answers_say_what_is_deployed(shell: Shell, models: list[str]) -> None:
    last = models[-1]
    shell("alias", "churn", "production", last)
    impact = shell("impact", "artifact:1").out
    assert f"Deployed\n  {last}" in impact
    assert ", production of churn" in impact
    assert ", production of churn" in shell("peers", "artifact:1").out
    delete = shell("delete", "churn@production", "--yes")
    assert delete.out == f"deleted {last}\n"
    assert f"{last} is churn@production, which then names nothing" in delete.err
    assert "gone" in shell("alias").out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("churn", "--remove"), 2, "--remove takes an ASSET and an ALIAS"),
        (("churn", "live", "artifact:1", "--remove"), 2, "--remove takes"),
        (("churn", "live", "--deployed"), 2, "are said of a NODE"),
        (("churn", "live", "artifact:1", "--as-of", "1"), 2, "--as-of asks what was"),
        (("churn", "live"), 3, "there is no alias churn@live"),
        (("churn", "live", "--remove"), 3, "nothing is churn@live"),
        (("churn", "a@b", "artifact:1"), 4, "divided by the @"),
        (("churn", "live", "execution:1"), 4, "is not an artifact"),
        (("churn", "live", "artifact:99"), 3, "there is no artifact:99"),
    ],
)
def test_wrong_calls(
    shell: Shell, runs: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    before = runs.read_bytes()
    answer = shell("alias", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err
    assert runs.read_bytes() == before


def test_a_whole_name_in_the_place_of_an_asset_is_noticed(shell: Shell, models: list[str]) -> None:
    shell("alias", "churn", "live", models[0])
    answer = shell("alias", "churn@live")
    assert answer.out == "No aliases.\n"
    assert "the asset and the alias are two words here" in answer.err


def test_a_version_is_no_option_of_an_alias(shell: Shell, models: list[str]) -> None:
    shell("alias", "churn", "live", models[0])
    answer = shell("delete", "churn@live", "--version", "1", "--yes")
    assert answer.code == 4
    assert "is no URI and no asset" in answer.err
