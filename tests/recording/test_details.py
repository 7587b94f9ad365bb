"""What a run keeps of how it was started, if it is asked to, and what is masked or cut in it."""

import os
import socket
import subprocess
import sys
import types
from pathlib import Path

import pytest

import lineage
from lineage.recording import details as module
from lineage.recording.details import LONGEST_DIFF, LONGEST_WORD, MOST_WORDS, details
from lineage.store import Store


class Fit(lineage.Train):
    depth: int


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, which is where the code that runs is taken to be."""
    for name, value in {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "code"
    folder.mkdir()
    monkeypatch.setattr(module, "folder_of_code", lambda: folder)
    (folder / "fit.py").write_text("depth = 3\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one")
    return folder


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True)


def test_they_are_kept_under_reserved_names_and_are_no_parameters(
    embedded: Store, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", "fit.py", "--depth", "3"])
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    (repository / "fit.py").write_text("depth = 4\n")
    (repository / "new.py").write_text("")
    with (
        embedded.run(Fit(depth=4), params={"rate": 1}, details=True, environment=False) as run,
        run.step("Score") as step,
    ):
        pass
    custom = embedded.get(run.key).custom_properties
    assert custom["lineage.command"] == ["python", "fit.py", "--depth", "3"]
    assert custom["lineage.host"] == socket.gethostname()
    assert custom["lineage.seeds"]["PYTHONHASHSEED"] == "7"
    assert "-depth = 3\n+depth = 4" in custom["lineage.git_diff"]
    assert custom["lineage.git_untracked"] == ["new.py"]
    assert "lineage.git_diff_cut" not in custom
    assert dict(embedded.show(run.key).parameters) == {"depth": 4, "rate": 1}
    assert not embedded.get(step.key).custom_properties
    assert (
        embedded.find("execution", "custom_properties.`lineage.host` IS NOT NULL")[0].id
        == run.key.id
    )
    embedded.purge(run.key, reason="law")
    assert not embedded.find("execution", "gone")[0].custom_properties


def test_they_are_asked_for(embedded: Store) -> None:
    with embedded.run(Fit(depth=1)) as run:
        pass
    assert not run.execution.custom_properties


def test_a_clean_tree_has_no_difference(repository: Path) -> None:
    assert not {"lineage.git_diff", "lineage.git_untracked"} & details().keys()


def test_no_repository_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "folder_of_code", lambda: tmp_path)
    assert "lineage.git_diff" not in details()


def test_no_program_of_the_repository_is_run(repository: Path) -> None:
    git(repository, "config", "filter.odd.clean", "touch ran")
    (repository / ".gitattributes").write_text("*.py filter=odd\n")
    (repository / "fit.py").write_text("depth = 5\n")
    assert "lineage.git_diff" not in details()
    assert not (repository / "ran").exists()


def test_a_long_difference_is_cut_which_is_said(repository: Path) -> None:
    (repository / "fit.py").write_text("ü" * 3 * LONGEST_DIFF)
    kept = details()
    assert len(kept["lineage.git_diff"]) == LONGEST_DIFF
    assert kept["lineage.git_diff_cut"] is True


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["--password", "x"], ["--password", "***"]),
        (["--db-password=x=y"], ["--db-password=***"]),
        (["--api_key", "x", "y"], ["--api_key", "***", "y"]),
        (["HF_TOKEN=x"], ["HF_TOKEN=***"]),
        (["--authToken", "x"], ["--authToken", "***"]),
        (["--token", "--verbose"], ["--token", "--verbose"]),
        (["client_secret=x"], ["client_secret=***"]),
        (["--url", "neo4j://ann:x@host/db"], ["--url", "neo4j://ann:***@host/db"]),
        (["--tokenizer", "bert", "--max-tokens=5"], ["--tokenizer", "bert", "--max-tokens=5"]),
        (["--author", "ann", "--passes=3"], ["--author", "ann", "--passes=3"]),
        (["fit --api-key 'x y' --lr 3"], ["fit --api-key *** --lr 3"]),
        (
            ["A=1 HF_TOKEN=x fit -v --password=y; ls"],
            ["A=1 HF_TOKEN=*** fit -v --password=***; ls"],
        ),
        (["-H", "Authorization: Bearer x"], ["-H", "Authorization: Bearer ***"]),
        (["https://h/d?a=1&token=x&b=2"], ["https://h/d?a=1&token=***&b=2"]),
        (["https://h/d?X-Amz-Signature=x"], ["https://h/d?X-Amz-Signature=***"]),
        (["os.environ['API_KEY'] = 'x'"], ["os.environ['API_KEY'] = ***"]),
        (['{"secret": "x", "a": 1}'], ['{"secret": ***, "a": 1}']),
        (["fit --token --fast --author ann"], ["fit --token --fast --author ann"]),
        (
            ["a" * (LONGEST_WORD - 10) + " --token 'xyz"],
            ["a" * (LONGEST_WORD - 10) + " --token ***"],
        ),
        (["x" * (LONGEST_WORD + 1)], ["x" * LONGEST_WORD + "…"]),
        (["a"] * (MOST_WORDS + 1), ["a"] * MOST_WORDS + ["…"]),
        (["\udcff"], ["\\udcff"]),
    ],
    ids=lambda words: f"{words!r:.40}",
)
def test_what_looks_like_a_secret_is_masked(
    given: list[str], kept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "orig_argv", given)
    assert details()["lineage.command"] == kept


def test_torch_tells_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = types.ModuleType("torch")
    vars(torch)["initial_seed"] = lambda: 2**63 + 1
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert details()["lineage.seeds"]["torch"] == str(2**63 + 1)
