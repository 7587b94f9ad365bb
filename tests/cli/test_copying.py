"""Copying a store into another through the command."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import lineage
from lineage import progress
from lineage.cli import main
from lineage.testing.builders import everything
from tests.actors import Actor
from tests.cli.conftest import Shell
from tests.cli.test_progress import opened, shown_at_the_end

pytestmark = pytest.mark.usefixtures("runs")


def same(one: str, other: str) -> bool:
    """Whether two stores hold the same, at every moment."""
    with lineage.connect(one) as left, lineage.connect(other) as right:
        return everything(left.backend) == everything(right.backend)


def test_copy_is_whole(shell: Shell) -> None:
    answer = shell("copy", "lineage.db", "backup.db")
    assert (answer.code, answer.err) == (0, "")
    done, digest = answer.out.splitlines()
    assert done == "Copied transactions 1 to 2 with 19 records, and read all of it back."
    kept = digest.removeprefix("The digest of both is ").removesuffix(".")
    assert shell("check", "--store", "backup.db", "--digest", kept).code == 0
    assert same("lineage.db", "backup.db")
    assert shell("check", "--store", "backup.db").code == 0


def test_copying_again_copies_what_is_new(shell: Shell) -> None:
    shell("copy", "lineage.db", "backup.db")
    assert shell("copy", "lineage.db", "backup.db").out.startswith(
        "Nothing to copy: the target has everything up to transaction 2.\n"
    )
    with lineage.connect("lineage.db") as store:
        store.put(lineage.Dataset(name="new"))
    again = shell("copy", "lineage.db", "backup.db").out
    assert again.startswith("Copied transaction 3 with 1 record, and read")
    assert same("lineage.db", "backup.db")


def test_document(shell: Shell) -> None:
    document = shell("copy", "lineage.db", "backup.db", "--json").json
    assert len(document.pop("digest")) == 64
    assert document == {
        "transactions": 2,
        "records": 19,
        "nodes": 6,
        "after": 0,
        "number": 2,
        "verified": 2,
    }


def test_copy_of_an_earlier_moment(shell: Shell) -> None:
    assert shell("copy", "lineage.db", "then.db", "--as-of", "1", "--json").json["number"] == 1
    assert shell("show", "Model:m2", "--store", "then.db").code == 3
    assert shell("copy", "lineage.db", "then.db").code == 0
    assert same("lineage.db", "then.db")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nothing.db", "new.db"), "there is no store at"),
        (("lineage.db", "new.db", "--as-of", "3"), "there is no transaction 3"),
        (("lineage.db", "nowhere/new.db"), "there is no folder"),
    ],
)
def test_nothing_is_made_for_what_is_not_there(
    shell: Shell, arguments: tuple[str, ...], says: str
) -> None:
    before = {each.name for each in Path().iterdir()} | {"lineage.db-lock"}
    answer = shell("copy", *arguments)
    assert (answer.code, answer.out) == (3, "")
    assert says in answer.err
    assert {each.name for each in Path().iterdir()} <= before


def test_target_that_is_no_copy_is_left_as_it_is(shell: Shell) -> None:
    with lineage.connect("other.db") as other:
        other.put(lineage.Dataset(name="other"))
    Path("notes.txt").write_text("notes\n" * 1_000)
    for target, code in {"other.db": 4, "notes.txt": 10}.items():
        before = Path(target).read_bytes()
        answer = shell("copy", "lineage.db", target)
        assert (answer.code, answer.out) == (code, "")
        assert Path(target).read_bytes() == before


@pytest.mark.parametrize("target", ["lineage.db", "./lineage.db", "sqlite:lineage.db", "link.db"])
def test_store_is_not_copied_into_itself(shell: Shell, target: str) -> None:
    Path("link.db").symlink_to("lineage.db")
    answer = shell("copy", "lineage.db", target)
    assert (answer.code, answer.out) == (4, "")
    assert "SOURCE and TARGET are both lineage.db" in answer.err


def test_other_way_round_is_told(shell: Shell) -> None:
    shell("copy", "lineage.db", "backup.db", "--as-of", "1")
    answer = shell("copy", "backup.db", "lineage.db")
    assert answer.code == 4
    assert "the other way round" in answer.err


def test_stores_in_memory_are_empty(shell: Shell) -> None:
    assert shell("copy", "memory:", "new.db", "--json").json["number"] == 0
    assert shell("copy", "lineage.db", "memory:", "--json").json["number"] == 2
    assert "both memory:" in shell("copy", "memory:", "memory:").err


def test_passwords_are_not_shown(shell: Shell) -> None:
    place = "nowhere://ann:pass/wo@rd@graph.example/runs"
    for arguments in (
        ("copy", place, place),
        ("copy", "lineage.db", place),
        ("copy", place, "new.db"),
        ("copy", "lineage.db", "new.db", place),
        ("check", place),
        ("check", "--store", place),
        ("show", place),
    ):
        for how in ((), ("--json",)):
            answer = shell(*arguments, *how)
            assert answer.code in (2, 3, 4)
            assert "wo@rd" not in answer.out + answer.err
            assert "pass/" not in answer.out + answer.err
    assert "are both nowhere://ann:***@graph.example/runs;" in shell("copy", place, place).err


# How far it is


def test_progress_is_shown_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = opened(monkeypatch)
    assert main(["copy", "lineage.db", "backup.db"]) == 0
    for said in (
        "copying… 0 of 2 transactions",
        "copying… 1 of 2 transactions",
        "verifying… 2 of 2 transactions",
    ):
        assert f"\r{said}" in terminal.getvalue()
    assert shown_at_the_end(terminal) == ""


def test_programs_and_pipes_are_told_nothing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell("copy", "lineage.db", "one.db").err == ""
    terminal = opened(monkeypatch)
    assert main(["copy", "lineage.db", "two.db", "--json"]) == 0
    assert terminal.getvalue() == ""


# What is interrupted


def many_runs(count: int) -> None:
    with lineage.connect("lineage.db") as store:
        for number in range(count):
            store.put(lineage.Dataset(name=f"{number}"))


@pytest.mark.soak
@pytest.mark.parametrize("pause", [0, 1, 7, 22])
def test_killed_copy_goes_on(shell: Shell, tmp_path: Path, pause: int) -> None:
    many_runs(20)
    with Actor("copy", tmp_path / "lineage.db", tmp_path / "backup.db", pause) as actor:
        assert actor.said() == str(pause)
        actor.kill()
    with lineage.connect("backup.db", readonly=True) as store:
        assert store.backend.now() == pause
        assert store.check() == []
    assert shell("copy", "lineage.db", "backup.db", "--json").json["after"] == pause
    assert same("lineage.db", "backup.db")


def test_interrupt_ends_with_its_number(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(progress.Line, "may_say", interrupt)
        answer = shell("copy", "lineage.db", "backup.db")
        assert answer == (130, "", "")
    assert shell("copy", "lineage.db", "backup.db").code == 0
    assert same("lineage.db", "backup.db")


@pytest.mark.soak
def test_copy_while_others_write(shell: Shell, tmp_path: Path) -> None:
    with Actor("write", tmp_path / "lineage.db", "bob", 30) as actor:
        assert actor.said() == "ready"
        actor.tell()
        numbers = [
            shell("copy", "lineage.db", "backup.db", "--json").json["number"] for _ in range(5)
        ]
        assert actor.said() == "done"
    assert numbers == sorted(numbers)
    shell("copy", "lineage.db", "backup.db")
    assert same("lineage.db", "backup.db")


def test_heavy_libraries_are_not_loaded_for_a_copy(tmp_path: Path) -> None:
    program = (
        "import sys; from lineage.cli import main; main(['copy', 'lineage.db', 'backup.db', '--json']);"
        "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert json.loads(done.stdout)["transactions"] == 2
    assert not {"networkx", "neo4j", "rich", "numpy"} & set(done.stderr.split())
