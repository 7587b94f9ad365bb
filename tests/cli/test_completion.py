"""What the shell offers while a command is written."""

from pathlib import Path

import pytest

import lineage
from tests.cli.conftest import Shell


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_script(shell: Shell, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    answer = shell("--show-completion", name)
    assert answer.code == 0
    assert "_LINEAGE_COMPLETE" in answer.out
    assert "lineage" in answer.out


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("lineage im", {"impact", "import"}),
        ("lineage find Da", {"Dataset"}),
        ("lineage find art", {"artifact"}),
        ("lineage find Model --order-by cr", {"create_time"}),
        ("lineage upstream artifact:2 --type Mo", {"Model"}),
        ("lineage export --format no", {"node-link"}),
        ("lineage show --an", set()),
        ("lineage peers --an", {"--any-version"}),
        ("lineage find --store nowhere.db Mo", set()),
    ],
)
def test_words(
    shell: Shell, runs: Path, words: str, offered: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    monkeypatch.setenv("_LINEAGE_COMPLETE", "complete_bash")
    answer = shell()
    assert (answer.code, answer.err) == (0, "")
    assert set(answer.out.split()) == offered


def test_type_that_a_terminal_acts_on_is_not_offered(
    shell: Shell, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lineage.connect(runs) as store:
        store.put(lineage.ArtifactType(name="Mo\x1b[31m"))
    monkeypatch.setenv("COMP_WORDS", "lineage find Mo")
    monkeypatch.setenv("COMP_CWORD", "2")
    monkeypatch.setenv("_LINEAGE_COMPLETE", "complete_bash")
    assert shell().out.split() == ["Model"]
