"""How commands end: numbers, errors on stderr, and help."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.main import get_command

import lineage
from lineage import errors
from lineage.cli import app, main, questions
from lineage.errors import ENDINGS, LineageError
from tests.cli.conftest import Shell

READING = [
    ("show", "artifact:1"),
    ("peers", "artifact:1"),
    ("compare", "artifact:1"),
    ("find", "artifact"),
    ("runs",),
    ("models",),
    ("series", "execution:1", "loss"),
    ("search", "a"),
    ("upstream", "artifact:1"),
    ("downstream", "artifact:1"),
    ("view", "artifact:1"),
    ("impact", "artifact:1"),
    ("path", "artifact:1", "artifact:2"),
    ("diff", "artifact:1", "artifact:2"),
    ("since", "artifact:1", "--since", "1"),
    ("versions", "artifact:1"),
    ("alias",),
    ("ls",),
    ("info",),
    ("blame", "artifact:1"),
    ("types",),
    ("log",),
    ("export",),
    ("check",),
    ("prove", "artifact:1"),
]
UI = ("ui", "--no-browser")
"""What reads, and does not return where there is a store."""

ALL_ERRORS = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, LineageError) and cls is not LineageError
]


def named(arguments: tuple[str, ...]) -> str:
    return arguments[0]


@pytest.mark.parametrize("arguments", [*READING, UI], ids=named)
def test_missing_store_is_an_error_and_is_not_made(
    shell: Shell, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    answer = shell(*arguments)
    assert (answer.code, answer.out) == (3, "")
    assert "there is no store at" in answer.err
    assert "--store or LINEAGE_STORE" in answer.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [*READING, UI], ids=named)
def test_foreign_file_is_refused_untouched(shell: Shell, arguments: tuple[str, ...]) -> None:
    Path("notes.txt").write_text("notes\n" * 1_000)
    answer = shell(*arguments, "--store", "notes.txt")
    assert (answer.code, answer.out) == (10, "")
    assert answer.err.startswith("lineage: Corrupt: ")
    assert Path("notes.txt").read_text() == "notes\n" * 1_000


def test_store_of_the_environment(
    shell: Shell, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.rename("elsewhere.db")
    monkeypatch.setenv("LINEAGE_STORE", "elsewhere.db")
    assert shell("show", "artifact:1").code == 0
    assert shell("show", "artifact:1", "--store", "nowhere.db").code == 3


def test_every_error_has_its_own_number() -> None:
    assert set(ENDINGS) == set(ALL_ERRORS)
    numbers = [
        *(ending.exit_code for ending in ENDINGS.values()),
        app.FAILED,
        app.USAGE,
        app.INTERRUPTED,
        app.READER_GONE,
        app.NO_PATH,
        0,
    ]
    assert len(set(numbers)) == len(numbers)


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(questions, "named", fail)


@pytest.mark.parametrize("cls", ALL_ERRORS)
def test_error_ends_with_its_number(
    shell: Shell, runs: Path, monkeypatch: pytest.MonkeyPatch, cls: type[LineageError]
) -> None:
    fail_with(monkeypatch, cls("said\n\x1b[31m so"))
    answer = shell("show", "x")
    assert answer == (ENDINGS[cls].exit_code, "", f"lineage: {cls.__name__}: said\\n\\x1b[31m so\n")
    as_json = shell("show", "x", "--json")
    assert (as_json.code, as_json.out) == (ENDINGS[cls].exit_code, "")
    assert json.loads(as_json.err) == {
        "error": {"type": cls.__name__, "message": "said\n\x1b[31m so"}
    }


def test_subclass_of_an_error_ends_as_its_parent_does() -> None:
    class Worse(errors.Unavailable):
        pass

    assert app.exit_code(Worse("x")) == ENDINGS[errors.Unavailable].exit_code
    assert app.exit_code(LineageError("x")) == 1


def test_unexpected_error_is_one_line(
    shell: Shell, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(monkeypatch, ZeroDivisionError("by nought"))
    answer = shell("show", "x")
    assert answer == (
        1,
        "",
        "lineage: ZeroDivisionError: by nought (unexpected; LINEAGE_DEBUG=1 shows where)\n",
    )
    monkeypatch.setenv("LINEAGE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["show", "x"])


def test_interrupt(shell: Shell, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, KeyboardInterrupt())
    assert shell("show", "x") == (130, "", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["shwo"], "No such command 'shwo'. Did you mean 'show'?"),
        (["list"], "No such command 'list'. Did you mean 'ls'?"),
        (["rm", "artifact:1"], "No such command 'rm'. Did you mean 'delete'?"),
        (["leaderboard"], "No such command 'leaderboard'. Did you mean 'runs'?"),
        (["curve"], "No such command 'curve'. Did you mean 'series'?"),
        (["history"], "No such command 'history'. Did you mean 'log'?"),
        (["zzz"], "No such command 'zzz'. (see"),
        (["show"], "Missing argument 'NODE'. (see `lineage show --help`)"),
        (["show", "a", "b"], "unexpected extra argument"),
        (["show", "a", "--unheard"], "No such option: --unheard"),
        (["show", "a", "--nodes", "many"], "--nodes"),
        (["show", "a", "--hops", "-1"], "--hops"),
        (["show", "a", "--seconds", "nan"], "--seconds"),
        (["find", "artifact", "--kind", "model"], "--kind"),
        (["--unheard"], "No such option"),
    ],
)
def test_wrong_calls(shell: Shell, runs: Path, arguments: list[str], says: str) -> None:
    answer = shell(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("lineage: Usage: ")
    assert says in answer.err
    as_json = shell(*arguments, "--json")
    assert (as_json.code, as_json.out) == (2, "")
    assert json.loads(as_json.err)["error"]["type"] == "Usage"


def test_a_nodes_name_may_look_like_an_option(shell: Shell, runs: Path) -> None:
    answer = shell("show", "--", "--json")
    assert answer.code == 3
    assert "nothing is named '--json'" in answer.err
    assert answer.err.startswith("lineage: NotFound")


def test_remark_of_a_long_name_is_short(shell: Shell, runs: Path) -> None:
    answer = shell("show", "x" * 100_000)
    assert answer.code == 3
    assert len(answer.err) < 3_000


@pytest.mark.parametrize("command", app.COMMANDS, ids=lambda command: command.name)
def test_help_says_what_it_does_with_an_example(shell: Shell, command: app.Command) -> None:
    answer = shell(command.name, "--help")
    assert (answer.code, answer.err) == (0, "")
    first = (inspect.getdoc(command.function) or "").splitlines()[0]
    assert first in answer.out
    assert len(first) <= 62, "the list of commands would cut it"
    assert f"Example:\n    {command.examples[0]}\n" in answer.out
    assert ("--store" in answer.out) is (command.name not in {"copy", "token", "verify"})
    assert "--json" in answer.out


def test_help_lists_all_commands_and_exit_codes(shell: Shell) -> None:
    for arguments in ((), ("--help",)):
        answer = shell(*arguments)
        assert answer.code == 0
        assert all(f"\n  {each.name} " in answer.out for each in app.COMMANDS)
        words = " ".join(answer.out.split())
        assert all(f"{cls.__name__} {ending.exit_code}" in words for cls, ending in ENDINGS.items())


def test_version(shell: Shell) -> None:
    assert shell("--version").out.strip().replace(".", "").isdigit()


def test_one_command_is_built_as_among_all() -> None:
    everything = get_command(app.command_line())
    for each in app.COMMANDS:
        alone = get_command(app.command_line(each.name))
        assert list(alone.commands) == [each.name]  # type: ignore[attr-defined]
        assert each.name in everything.commands  # type: ignore[attr-defined]


def test_reading_commands_write_nothing(shell: Shell, runs: Path) -> None:
    before = runs.read_bytes()
    for arguments in READING:
        assert shell(*arguments).code in (0, 3, 4), arguments
    assert runs.read_bytes() == before
    with lineage.connect(runs, readonly=True) as store:
        assert store.backend.now() == 2


def test_stores_in_memory_are_empty(shell: Shell) -> None:
    assert shell("find", "artifact", "--store", "memory:").out == "No nodes found.\n"


def called(function: Callable[..., object]) -> set[str]:
    return set(inspect.signature(function).parameters)


WRITING = {
    *("import", "delete", "end", "purge", "restore", "serve", "unlink"),
    *("run", "put", "tag", "note", "move-uri"),
}
BOTH = {"alias"}
"""What lists, and with further arguments writes."""


def test_what_other_tools_call_a_command_is_none_of_ours_but_means_one() -> None:
    names = {each.name for each in app.COMMANDS}
    assert names.isdisjoint(app.MEANT)
    assert names.issuperset(app.MEANT.values())


def test_what_every_command_takes() -> None:
    for each in app.COMMANDS:
        taken = called(each.function)
        others = {"copy": {"source", "target"}, "verify": {"file"}, "token": {"tokens"}}
        stores = others.get(each.name, {"store"})
        assert stores | {"as_json"} <= taken, each.name
        writes = each.name in WRITING or each.name in BOTH
        assert ("actor" in taken) is writes, each.name
        reads = each.name in BOTH or not (
            writes or each.name in {"check", "demo", "token", "ui", "verify"}
        )
        assert ("as_of" in taken) is reads, each.name
