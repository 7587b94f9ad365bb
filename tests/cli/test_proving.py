"""Proofs on the command line, and the page for people beside them."""

import io
import json
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

import lineage
from tests.cli.conftest import Shell
from tests.cli.test_hostile import check_harmless

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\x1b[31m\u202e"


@pytest.fixture
def keys(tmp_path: Path) -> tuple[str, str]:
    for command in (
        "openssl genpkey -algorithm ed25519 -out private.pem",
        "openssl pkey -in private.pem -pubout -out public.pem",
    ):
        subprocess.run(command.split(), check=True, cwd=tmp_path)
    return "private.pem", "public.pem"


@pytest.mark.usefixtures("runs")
def test_prove_and_verify(shell: Shell, keys: tuple[str, str], runs: Path) -> None:
    digest = shell("check", "--json").json["digest"]
    made = shell("prove", "Model:m1", "model.proof", "--key", keys[0])
    assert made == (
        0,
        f"Wrote a proof of artifact:2 to model.proof, signed.\nThe digest of transaction 2 is {digest}.\n",
        "",
    )
    runs.unlink()
    answer = shell("verify", "model.proof", "--digest", digest, "--public-key", keys[1])
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0] == "artifact:2  Model, as of transaction 2"
    assert lines[1:4] == [
        "  runs: execution:1",
        "  data: artifact:1 (2 edges)",
        "  environments: none",
    ]
    assert "It does not prove:" in lines
    document = shell("verify", "model.proof", "--json").json
    assert document["answer"]["data"] == [["artifact:1", 2]]
    assert (document["digest"], document["number"]) == (digest, 2)


@pytest.mark.usefixtures("runs")
def test_proof_on_stdout_is_ascii_and_is_read_from_stdin(
    shell: Shell, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lineage.connect(runs) as store:
        store.update(store.get("artifact:2").replace(uri=f"é{EVIL}"))
    made = shell("prove", "artifact:2", "--as-of", "3")
    assert (made.code, made.err) == (0, "")
    assert made.out.isascii()
    assert made.out == shell("prove", "artifact:2", "--json").out
    stdin = SimpleNamespace(buffer=io.BytesIO(made.out.encode()), isatty=lambda: False)
    monkeypatch.setattr("sys.stdin", stdin)
    assert shell("verify", "-").code == 0
    assert "m1" not in shell("prove", "artifact:1", "--as-of", "1").out


@pytest.mark.usefixtures("runs")
def test_what_is_not_proved_ends_with_its_own_number(shell: Shell, keys: tuple[str, str]) -> None:
    shell("prove", "artifact:2", "model.proof")
    text = Path("model.proof").read_text()
    Path("forged.proof").write_text(text.replace("churn", "chirn"))
    forged = shell("verify", "forged.proof")
    assert (forged.code, forged.out) == (13, "")
    assert forged.err.startswith("lineage: Unproven: ")
    as_json = shell("verify", "forged.proof", "--json")
    assert json.loads(as_json.err)["error"]["type"] == "Unproven"
    assert shell("verify", "model.proof", "--public-key", keys[1]).code == 13
    assert shell("verify", "model.proof", "--digest", f"2:{'0' * 64}").code == 13
    assert shell("verify", "model.proof", "--digest", "2").code == 4
    assert shell("verify", "none.proof").code == 3
    assert shell("prove", "artifact:99", "none.proof").code == 3
    assert shell("prove", "artifact:2", "none.proof", "--key", keys[1]).code == 4
    assert shell("prove", "artifact:2", "none.proof", "--earlier", "9").code == 4
    assert shell("prove", "artifact:2", "lineage.db").code == 4
    assert shell("prove", "artifact:2", "x.proof", "--html", "lineage.db").code == 4
    assert shell("prove", "artifact:2", "no/folder/x.proof").code == 4
    assert not Path("none.proof").exists()
    assert not Path("x.proof").exists()


@pytest.mark.usefixtures("runs")
def test_limits_are_said(shell: Shell) -> None:
    cut = shell("prove", "artifact:2", "cut.proof", "--hops", "1", "--json")
    assert cut.json["notes"] == ["the limit of hops cut what the node was made from"]
    assert "the limit of hops cut" in cut.err
    assert "The limit of hops cut what it was made from." in shell("verify", "cut.proof").out


class Page(HTMLParser):
    """The elements, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "code", "ul", "li"}
TAGS |= {"table", "caption", "thead", "tbody", "tr", "th", "td"}


def hostile(path: Path) -> None:
    with lineage.connect(path, actor=EVIL) as store:
        for number in (1, 2):
            with store.run(
                lineage.Train(name=f"{EVIL}{number}", custom_properties={EVIL: EVIL}), message=EVIL
            ) as run:
                run.input(lineage.Dataset(uri=EVIL))
                run.output(lineage.Model(name=f"{EVIL}{number}", custom_properties={EVIL: 0.5}))
                run.log_metrics(**{EVIL: 0.5})


def test_page_tells_all_and_lets_nothing_in(shell: Shell, tmp_path: Path) -> None:
    hostile(tmp_path / "lineage.db")
    made = shell("prove", "artifact:2", "evil.proof", "--html", "made.html")
    assert made.code == 0
    checked = shell("verify", "evil.proof", "--html", "checked.html")
    assert checked.code == 0
    check_harmless(checked)
    assert "<script>alert(1)" in checked.out
    for name in ("made.html", "checked.html"):
        content = Path(name).read_text(encoding="utf-8")
        page = Page(content)
        assert page.tags <= TAGS, name
        assert page.attributes <= {"lang", "charset", "http-equiv", "content", "class", "colspan"}
        assert "<script>alert(1)" in page.text
        assert "\x1b" not in content
        assert "\u202e" not in content
        assert shell("check", "--json").json["digest"] in page.text
        assert "that nothing was left out" in page.text
        assert "records, each in the tree of its transaction" in page.text
        assert EVIL[:12] in page.text
    asked = Page(Path("made.html").read_text(encoding="utf-8")).text
    for number in range(1, 8):
        assert f"{number}. W" in asked or f"{number}. How" in asked
    assert "python" in asked


@pytest.mark.usefixtures("runs")
def test_page_of_every_kind_of_node_and_of_what_is_gone(shell: Shell, runs: Path) -> None:
    with lineage.connect(runs) as store:
        store.purge("artifact:3", reason="law")
    for node in ("artifact:1", "artifact:2", "artifact:3", "execution:1", "context:1"):
        assert shell("prove", node, "a.proof", "--html", "a.html").code == 0, node
        text = Page(Path("a.html").read_text(encoding="utf-8")).text
        assert f"Proof of {node}" in text
        assert ("(content not shown)" in text) is (node in ("artifact:3", "context:1"))
