"""Copies on the command line: what has the digest of what a run wrote, and going on from there."""

from pathlib import Path

import pytest

import lineage
from tests.cli.conftest import Shell

DIGEST = "sha256:" + "0a" * 32


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A store with a trained model, its copy in a registry and a release of that."""
    path = tmp_path / "copies.db"
    digest = {"digest": DIGEST}
    with lineage.connect(path) as store:
        data = lineage.Dataset(uri="s3://lake/1")
        model = lineage.Model(name="m", custom_properties=digest)
        store.record(lineage.Train(name="fit"), inputs=data, outputs=model)
        copy = store.put(lineage.Model(uri="registry://m/1", custom_properties=digest))
        store.record(lineage.Deploy(name="release"), inputs=copy)
    return path


@pytest.mark.parametrize(
    ("command", "node", "further"),
    [
        ("upstream", "lineage.Deploy:release", "artifact:1"),
        ("downstream", "s3://lake/1", "execution:2"),
        ("impact", "s3://lake/1", "registry://m/1"),
        ("show", "registry://m/1", "s3://lake/1"),
        ("peers", "registry://m/1", "s3://lake/1"),
        ("compare", "registry://m/1", "s3://lake/1"),
    ],
)
def test_answers_go_on_through_copies(
    shell: Shell, copied: Path, command: str, node: str, further: str
) -> None:
    arguments = (command, node, "--store", str(copied))
    plain, through = shell(*arguments), shell(*arguments, "--through-copies")
    assert (plain.code, through.code) == (0, 0)
    assert further not in plain.out.partition("Notes")[0]
    assert further in through.out.partition("Notes")[0]
    assert (
        "artifact:3, which no recorded run wrote, is taken for a copy of artifact:2" in through.out
    )
    document = shell(*arguments, "--through-copies", "--json").json
    hop = {"original": "artifact:2", "copy": "artifact:3"}
    assert document["copies"] == [hop]


def test_twin_is_said(shell: Shell, copied: Path) -> None:
    answer = shell("show", "artifact:3", "--store", str(copied))
    assert "has the digest of artifact:2, which execution:1 wrote" in answer.out
    assert shell("show", "artifact:3", "--store", str(copied), "--as-of", "2").code == 0
