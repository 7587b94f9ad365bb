"""Hostile names and values in every command: nothing acts on the terminal, every document parses."""

import io
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import lineage
from lineage.cli.app import COMMANDS
from lineage.cli.completion import complete_types
from tests.cli.conftest import Result, Shell

EVIL = "<script>\"'|`$(id)\\\r\n\t\x00\x1b[31m\x1b]0;t\x07\x9b31m\x7f\u202egnp.exe\u2066\u200b\u2028é漢"
ACTED_ON = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
LONG = "long" * 2_500
LONGEST = "long" * 2_500_000


@pytest.fixture(scope="module")
def recorded_evil(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("evil") / "evil.db"
    with lineage.connect(path, actor=EVIL) as store:
        kinds = {"INT": "INT", EVIL: "STRING", "s": "STRUCT"}
        store.put(
            [
                lineage.ArtifactType(name=f"Model{EVIL}", properties=kinds, base="lineage.Model"),
                lineage.ExecutionType(name=f"Train{EVIL}", properties=kinds, base="lineage.Train"),
                lineage.ContextType(name=f"Group{EVIL}"),
            ],
            message=EVIL,
        )
        values: dict[str, Any] = {EVIL: EVIL, "s": {EVIL: [EVIL, float("nan"), float("-inf")]}}
        custom: dict[str, Any] = {
            f"custom{EVIL}": EVIL,
            "nan": float("nan"),
            "inf": float("inf"),
            "big": 2**63 - 1,
            "any": lineage.ProtoAny(EVIL, b"\x1b\x00"),
            "long": LONG,
        }
        within = lineage.Context(type=f"Group{EVIL}", name=EVIL)
        data = lineage.Dataset(name=f"data{EVIL}", uri=EVIL, custom_properties=custom)
        for number in (1, 2):
            own = values | {EVIL: f"{number}{EVIL}"}
            run = lineage.Execution(
                type=f"Train{EVIL}",
                name=f"{number}{EVIL}",
                properties=own,
                custom_properties=custom,
            )
            model = lineage.Artifact(
                type=f"Model{EVIL}",
                name=LONGEST if number == 2 else EVIL,
                uri=f"{EVIL}{LONG}",
                properties=own,
                custom_properties=custom,
            )
            recorded = store.record(
                run, inputs=[data], outputs=[model], within=within, message=EVIL
            )
            scores = lineage.Metrics(name=EVIL, custom_properties={EVIL: number / 10})
            store.record(lineage.Evaluate(), inputs=recorded.outputs, outputs=[scores])
        store.update(store.get("artifact:1").replace(uri=EVIL[::-1]), message=EVIL)
    return path.read_bytes()


@pytest.fixture
def evil(recorded_evil: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "lineage.db"
    path.write_bytes(recorded_evil)
    return path


ARGUMENTS: dict[str, list[list[str]]] = {
    "show": [["artifact:1"], ["artifact:2"], ["execution:1"], ["context:1"]],
    "peers": [["artifact:2"]],
    "compare": [["artifact:2", "artifact:4"]],
    "find": [["artifact"], [f"Model{EVIL}".replace("\0", "")], ["execution"], ["context"]],
    "runs": [[], ["--columns", "data,model,metrics.x"], ["--where", f"name = '{EVIL[:3]}"]],
    "models": [[], ["--order", "parameters.x"]],
    "series": [["execution:1", EVIL.replace("\0", "")], ["artifact:2", "x", "--of", "artifact:1"]],
    "search": [[EVIL[:1].replace("\0", "") or "a"], ["\x1b"], ["Model"]],
    "upstream": [["artifact:5"]],
    "downstream": [["artifact:1"]],
    "view": [
        ["artifact:1"],
        ["artifact:2", "execution:1", "--budget", "8"],
        ["context:1", "--show", "artifacts"],
        ["artifact:1", "--by", "folder"],
        ["artifact:1", "--by", "versions"],
        ["artifact:1", "--by", EVIL.replace("\0", "")],
        ["artifact:1", "--open", EVIL.replace("\0", "")],
    ],
    "impact": [["artifact:1"]],
    "path": [["artifact:1", "artifact:2"]],
    "diff": [["artifact:2", "artifact:4"]],
    "since": [
        ["artifact:1", "--since", "3"],
        ["artifact:2", "execution:1", "context:1", "--since", "0"],
        ["artifact:1", "--since", EVIL.replace("\0", "")],
    ],
    "versions": [["artifact:1"]],
    "alias": [
        [],
        [EVIL.replace("\0", ""), "live"],
        [EVIL.replace("\0", ""), "live", "artifact:2"],
        ["a", EVIL.replace("\0", ""), "artifact:2"],
        ["a", "live", "--remove"],
    ],
    "ls": [[], ["artifact"], [f"Model{EVIL}".replace("\0", "")]],
    "info": [[]],
    "blame": [["artifact:1"], ["artifact:2"], ["execution:1"]],
    "types": [[]],
    "log": [[], ["artifact:1"], ["--actor", "\x1b", "--type", "artifact", "--text", "é"]],
    "export": [
        ["out.json"],
        ["out.dot"],
        [EVIL.replace("\0", "").replace("/", ""), "--format", "dot"],
    ],
    "import": [["bad.json"]],
    "copy": [["lineage.db", "copy.db"], ["lineage.db", EVIL.replace("\0", "").replace("/", "")]],
    "check": [[], ["--digest", EVIL.replace("\0", "")]],
    "prove": [["artifact:2", "out.proof", "--html", "out.html"]],
    "verify": [["evil.proof"], ["bad.json"], ["evil.proof", "--digest", EVIL.replace("\0", "")]],
    "serve": [["--mlmd", EVIL.replace("\0", "")], ["--http", EVIL.replace("\0", "")]],
    "token": [
        [EVIL.replace("\0", ""), "--role", "reader"],
        ["a", "--role", "reader", "--expires", EVIL.replace("\0", "")],
        ["a", "--role", "reader", "--tokens", "bad.json"],
    ],
    "ui": [["--no-browser", "--store", "nowhere.db"]],
    "run": [
        ["--param", f"{EVIL}={EVIL}".replace("\0", ""), "true"],
        ["--type", f"Train{EVIL}".replace("\0", ""), "true"],
        [EVIL.replace("\0", "")],
        ["--input", EVIL.replace("\0", ""), "true"],
    ],
    "put": [
        [f"Model{EVIL}".replace("\0", ""), "--property", f"{EVIL}={EVIL}".replace("\0", "")],
        ["Plain", "--name", EVIL.replace("\0", ""), "--note", EVIL.replace("\0", "")],
        ["Plain", "--tag", EVIL.replace("\0", "")],
    ],
    "tag": [["artifact:2", "a"], ["artifact:2", EVIL.replace("\0", "")]],
    "note": [["artifact:2", EVIL.replace("\0", "")], ["artifact:1", "--remove"]],
    "move-uri": [
        [EVIL[::-1].replace("\0", ""), "s3://new", "--yes"],
        [EVIL.replace("\0", ""), EVIL[:5], "--yes"],
    ],
    "end": [["execution:1", "--state", EVIL.replace("\0", "")]],
    "delete": [["artifact:2", "--yes", "--message", "m"]],
    "purge": [
        ["artifact:2", "--yes", "--reason", "r"],
        ["--actor", EVIL.replace("\0", ""), "--yes", "--reason", "r"],
    ],
    "restore": [["artifact:1", "--message", "m"]],
    "unlink": [
        ["artifact:2", "execution:1", "--message", "m"],
        ["artifact:2", "execution:1", "--type", EVIL.replace("\0", "")],
    ],
}
CALLS = [
    pytest.param((name, *each), id=f"{name}-{number}")
    for name, calls in ARGUMENTS.items()
    for number, each in enumerate(calls)
]


def check_harmless(answer: Result) -> None:
    assert not ACTED_ON.search(answer.out)
    assert not ACTED_ON.search(answer.err)


def test_every_command_is_tried() -> None:
    assert set(ARGUMENTS) == {each.name for each in COMMANDS} - {"demo"}


@pytest.mark.parametrize("call", CALLS)
def test_text_is_harmless_and_short(shell: Shell, evil: Path, call: tuple[str, ...]) -> None:
    Path("bad.json").write_text(f'{{"{EVIL}')
    answer = shell(*call)
    check_harmless(answer)
    assert answer.code in (0, 3, 4, 13)
    assert answer.out or answer.err
    assert max(map(len, answer.out.splitlines()), default=0) < 5_000


@pytest.mark.parametrize("call", CALLS)
def test_documents_are_ascii_and_parse(shell: Shell, evil: Path, call: tuple[str, ...]) -> None:
    Path("bad.json").write_text(f'{{"{EVIL}')
    answer = shell(*call, "--json")
    check_harmless(answer)
    written = answer.out or answer.err
    assert written.isascii()
    json.loads(written, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    "format", ["node-link", "graphml", "gexf", "cytoscape", "dot", "mermaid", "html"]
)
def test_graphs_on_stdout_are_harmless(shell: Shell, evil: Path, format: str) -> None:
    answer = shell("export", "--format", format, "--from", "artifact:1")
    assert answer.code == 0
    check_harmless(answer)


def test_node_link_on_stdout_says_the_same_as_in_a_file(shell: Shell, evil: Path) -> None:
    shell("export", "whole.json")
    assert json.loads(shell("export").out) == json.loads(Path("whole.json").read_bytes())


def test_names_as_arguments_are_harmless(shell: Shell, evil: Path) -> None:
    name = EVIL.replace("\0", "")
    for arguments in (
        ("show", name),
        ("find", name),
        ("find", "artifact", name),
        ("show", "artifact:1", "--as-of", name),
        ("types", name),
        ("export", "--format", name),
        ("show", "artifact:1", "--store", f"{name}://x"),
        ("show", "artifact:1", f"--{name}"),
        (name,),
    ):
        answer = shell(*arguments)
        assert answer.code in (2, 3, 4), arguments
        check_harmless(answer)
        assert len(answer.err) < 5_000


def test_confirmation_shows_names_harmlessly(
    shell: Shell, evil: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    answer = shell("delete", "artifact:2")
    assert answer.code == 1
    check_harmless(answer)


def test_completion_offers_no_hostile_names(evil: Path) -> None:
    context: Any = SimpleNamespace(params={"store": str(evil)})
    offered = complete_types(context, "")
    assert "lineage.Dataset" in offered
    assert not [name for name in offered if EVIL in name]
    evil.write_bytes(b"no store")
    assert complete_types(context, "") == []
